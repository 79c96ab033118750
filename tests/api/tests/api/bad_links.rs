//! What an agent may say wrongly over its link: the master says so, and nobody else notices.

use std::{fs, path::Path, time::Duration};

use e2e_tests::wait_for;
use mezzo_proto::{
    Message,
    json::from_json,
    mezzo::link::v1::{FromAgent, FromMaster, from_master::Body},
};
use serde::Deserialize;

use crate::{
    bad_inputs::World,
    h2::{Heard, RawLink},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[serde(default)]
    send: Vec<String>,
    hex: Option<String>,
    heard: Vec<String>,
    #[serde(default = "yes")]
    ends: bool,
    log: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct File {
    link: Vec<Row>,
}

/// So many pings may come before a link ends.
const PINGS_MAX: usize = 3;

/// A hello that would be taken, as the second message.
const HELLO: &str =
    r#"{"number":2,"hello":{"versions":[1],"boot_id":"b","ip":"127.0.0.1","info":{"hostname":"h"}}}"#;

#[test]
fn whatever_an_agent_says_nobody_else_is_harmed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("calls/bad_links.toml");
    let file: File = toml::from_str(&fs::read_to_string(&path).expect("the table")).expect("a table");
    let mut world = World::start();
    let mut wrong = Vec::new();
    for row in &file.link {
        if let Err(why) = said(&world, row) {
            wrong.push(format!("{}: {why}", row.name));
        }
        world.look(&row.name);
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), file.link.len(), wrong.join("\n"));
}

/// Says what the row has, and compares what comes back.
fn said(world: &World, row: &Row) -> Result<(), String> {
    let names = &world.side.names;
    let logged_before = world.master_log().len();
    let mut link = RawLink::open(world.side.master);
    let mut parts = bytes(row, |text| names.put_into(text)).into_iter();
    link.send(&parts.next().unwrap_or_default());
    // Who is to be welcomed waits for it, as an agent does.
    let mut rest: Vec<u8> = Vec::new();
    match row.heard.first().map(String::as_str) {
        Some("WELCOME") => rest = parts.flatten().collect(),
        _ => link.send(&parts.flatten().collect::<Vec<u8>>()),
    }
    for (at, expected) in row.heard.iter().enumerate() {
        if at == 1 {
            link.send(&std::mem::take(&mut rest));
        }
        match link.hear() {
            Heard::Message(message) if names.taken_out(&short(&message)) == *expected => {}
            other => return Err(format!("message {}: {:?} instead of {expected:?}", at + 1, told(&other))),
        }
    }
    link.send(&rest);
    if row.ends {
        // The master may ask whether the agent is still there.
        let last = std::iter::repeat_with(|| link.hear()).take(PINGS_MAX).find(|heard| !is_ping(heard));
        if last != Some(Heard::End) {
            return Err(format!("the link goes on: {:?}", last.map(|heard| told(&heard))));
        }
    }
    let Some(wanted) = &row.log else { return Ok(()) };
    // A link that was cut off is noticed when its connection ends.
    drop(link);
    let logged = wait_for("the master's word", Duration::from_secs(5), || {
        world.master_log()[logged_before..].contains(wanted.as_str()).then_some(())
    });
    logged.map_err(|_| format!("not logged: {wanted:?}, but {}", &world.master_log()[logged_before..]))
}

fn is_ping(heard: &Heard) -> bool {
    matches!(heard, Heard::Message(message) if matches!(message.body, Some(Body::Ping(_))))
}

fn told(heard: &Heard) -> String {
    match heard {
        Heard::Message(message) => short(message),
        Heard::End => "the end".to_owned(),
    }
}

fn short(message: &FromMaster) -> String {
    match &message.body {
        Some(Body::Welcome(_)) => "WELCOME".to_owned(),
        Some(Body::Refused(refused)) => format!("REFUSED {}", refused.reason),
        Some(Body::Pong(pong)) => format!("PONG {}", pong.nonce),
        Some(body) => format!("{body:?}"),
        None => "nothing".to_owned(),
    }
}

/// Stands for NaN in the table: JSON has no word for it, and the wire has.
const NOT_A_NUMBER: f64 = 123_456_789.25;

fn not_a_number(mut bytes: Vec<u8>) -> Vec<u8> {
    let sign = NOT_A_NUMBER.to_le_bytes();
    while let Some(at) = bytes.windows(sign.len()).position(|window| window == sign) {
        bytes[at..at + sign.len()].copy_from_slice(&f64::NAN.to_le_bytes());
    }
    bytes
}

/// The messages, each with its length in front, or the bytes as they are.
fn bytes(row: &Row, named: impl Fn(&str) -> String) -> Vec<Vec<u8>> {
    let framed = |text: &str| {
        let message: FromAgent =
            from_json(named(text)).unwrap_or_else(|error| panic!("{}: {error}", row.name));
        not_a_number(message.encode_length_delimited_to_vec())
    };
    match &row.hex {
        Some(hex) => {
            let (digits, hello) = hex.split_once('@').unwrap_or((hex, ""));
            let mut bytes = api_tests::hex(digits).expect("hex digits");
            if !hello.is_empty() {
                bytes.extend(framed(HELLO));
            }
            vec![bytes]
        }
        None => row.send.iter().map(|text| framed(text)).collect(),
    }
}
