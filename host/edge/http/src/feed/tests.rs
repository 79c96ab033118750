use std::{future::poll_fn, pin::Pin};

use http_body::Body as _;

use super::*;
use crate::response::Body;

fn feed(bytes_max: usize) -> Feed<u8> {
    Feed::new(bytes_max, Bytes::from_static(b"farewell"))
}

type Reasons = Arc<Mutex<Vec<CloseReason>>>;

fn client(feed: &Feed<u8>, shows: u8) -> (FeedReader<u8>, Reasons) {
    let reasons = Reasons::default();
    let seen = Arc::clone(&reasons);
    let reader = feed.reader(move |tag| *tag <= shows, move |reason| seen.lock().expect("ok").push(reason));
    (reader, reasons)
}

fn body(reader: FeedReader<u8>, first: &[&'static str]) -> FeedBody {
    let first = first.iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
    let Body::Feed(body) = reader.begin(first, ()) else { panic!("a feed has a feed's body") };
    body
}

async fn next(body: &mut FeedBody) -> Option<Bytes> {
    let frame = poll_fn(|cx| Pin::new(&mut body.records).poll_frame(cx)).await?;
    Some(frame.expect("no error").into_data().expect("only data"))
}

fn record(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn a_client_reads_from_its_place_on_and_only_what_is_for_it() {
    let feed = feed(10_000);
    feed.publish(0, record("before"));
    let (reader, _) = client(&feed, 1);
    feed.publish(1, record("one"));
    feed.publish(2, record("not for it"));
    let mut body = body(reader, &["snapshot"]);
    feed.publish(0, record("two"));
    for expected in ["snapshot", "one", "two"] {
        assert_eq!(next(&mut body).await.expect("a record"), expected);
    }
    let waits = tokio::spawn(async move { next(&mut body).await });
    tokio::task::yield_now().await;
    feed.publish(0, record("three"));
    assert_eq!(waits.await.expect("no panic").expect("a record"), "three");
}

/// A paused reader costs a place; the list holds what its bound allows, whoever reads it.
#[tokio::test]
async fn a_client_whose_place_has_left_is_told_and_others_read_on() {
    let feed = feed(1000);
    let (slow, reasons) = client(&feed, 0);
    let mut slow = body(slow, &["snapshot"]);
    let (quick, _) = client(&feed, 0);
    let mut quick = body(quick, &[]);
    for _ in 0..100 {
        feed.publish(0, record("0123456789"));
        assert_eq!(next(&mut quick).await.expect("a record"), "0123456789");
        assert!(feed.bytes() <= 1000);
    }
    assert!(matches!(reasons.lock().expect("ok")[..], [CloseReason::TooSlow { bytes_max: 1000, .. }]));
    assert_eq!(feed.clients(), 1);
    assert_eq!(next(&mut slow).await.expect("a last record"), "farewell");
    assert_eq!(next(&mut slow).await, None);
    drop(slow);
    assert_eq!(reasons.lock().expect("ok").len(), 1, "it is told once");
}

#[tokio::test]
async fn what_everybody_has_read_is_not_kept() {
    let feed = feed(1 << 30);
    feed.publish(0, record("nobody listens"));
    assert_eq!(feed.bytes(), 0);
    let (reader, _) = client(&feed, 0);
    let mut body = body(reader, &[]);
    for _ in 0..10_000 {
        feed.publish(0, record("x"));
        next(&mut body).await.expect("a record");
        assert!(feed.bytes() < 100_000, "{}", feed.bytes());
    }
}

#[tokio::test]
async fn an_ended_stream_ends_in_order() {
    let feed = feed(1000);
    let (reader, reasons) = client(&feed, 0);
    let handle = reader.handle();
    let mut body = body(reader, &["snapshot"]);
    handle.end();
    assert_eq!(next(&mut body).await.expect("what was first"), "snapshot");
    assert_eq!(next(&mut body).await, None);
    drop(body);
    assert_eq!(*reasons.lock().expect("ok"), [CloseReason::Finished]);
}

#[tokio::test]
async fn a_client_that_leaves_is_forgotten() {
    let feed = feed(1000);
    let (reader, reasons) = client(&feed, 0);
    drop(body(reader, &[]));
    assert_eq!(*reasons.lock().expect("ok"), [CloseReason::Gone]);
    assert_eq!(feed.clients(), 0);
}

/// Nobody asks for a snapshot's memory back before it has left.
#[tokio::test]
async fn the_pledge_is_held_until_the_first_records_have_left() {
    let feed = feed(1000);
    let (reader, _) = client(&feed, 0);
    let pledge = Arc::new(());
    let Body::Feed(mut body) = reader.begin(vec![record("snapshot")], Arc::clone(&pledge)) else {
        panic!("a feed has a feed's body")
    };
    assert_eq!(next(&mut body).await.expect("a record"), "snapshot");
    assert_eq!(Arc::strong_count(&pledge), 2);
    feed.publish(0, record("event"));
    assert_eq!(next(&mut body).await.expect("a record"), "event");
    assert_eq!(Arc::strong_count(&pledge), 1);
}
