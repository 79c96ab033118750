//! Many connections that do nothing.

use std::time::Duration;

use e2e_tests::{get, wait_for};

use super::{
    anonymous_bytes, connections, master,
    wire::{Client, Scheduler},
};

/// What one idle connection may cost the master, kernel buffers aside.
const IDLE_BYTES_MAX: usize = 24 << 10;

#[test]
fn ten_thousand_idle_connections_hold_nobody_up() {
    let daemons = master(&[]);
    let port = daemons.master_port;
    let count = connections(10_000);
    let mut probe = Scheduler::subscribe(port, "probe", 0);
    let before = anonymous_bytes(&daemons);
    let mut idle: Vec<Client> = Vec::with_capacity(count);
    for number in 0..count {
        let mut client = Client::connect(port);
        // One half has never said a word, the other has been answered once.
        if number % 2 == 0 {
            client.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_eq!(client.answer().0, 200);
        }
        idle.push(client);
        if number % 500 == 0 {
            assert_eq!(get(port, "/health").unwrap().0, 200);
            assert_eq!(probe.call(serde_json::json!({ "type": "REVIVE" })), 202);
        }
    }
    let each = anonymous_bytes(&daemons).saturating_sub(before) / count;
    println!("{count} idle connections take {each} bytes each");
    assert!(each < IDLE_BYTES_MAX, "an idle connection takes {each} bytes");
    assert_eq!(get(port, "/health").unwrap().0, 200);
    Scheduler::subscribe(port, "late", 0).tear_down();
    probe.tear_down();
}

/// With room for fifty, two hundred that do nothing keep nobody out; fifty that are busy do.
#[test]
fn the_idle_make_room_and_the_busy_do_not() {
    let daemons = master(&["--max_http_connections=50"]);
    let port = daemons.master_port;
    let idle: Vec<Client> = (0..200).map(|_| Client::connect(port)).collect();
    assert_eq!(get(port, "/health").unwrap().0, 200);
    drop(idle);
    let busy: Vec<Client> = (0..50).map(|_| super::wire::watch(port).0).collect();
    let mut refused = Client::connect(port);
    refused.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    let (status, text) = refused.answer();
    assert_eq!(status, 503);
    assert!(text.contains("All 50 connections (--max_http_connections"), "{text}");
    assert_eq!(refused.header("Retry-After"), "1");
    drop(busy);
    wait_for("room again", Duration::from_secs(20), || {
        get(port, "/health").ok().filter(|(status, _)| *status == 200)
    })
    .unwrap();
}
