//! What cannot be reached through the public functions: bytes that no encoder made.

use proptest::prelude::*;

use super::write;
use crate::{mesos::v1, required::missing_fields, schema};

proptest! {
    /// Stored bytes may be of another version, or damaged.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for message in [
            schema::of::<v1::scheduler::Call>(),
            schema::of::<v1::TaskInfo>(),
            schema::of::<v1::quota::QuotaConfig>(),
            schema::of::<v1::ContainerId>(),
        ] {
            let mut text = Vec::new();
            write::message(message, &bytes, &mut text);
            serde_json::from_slice::<serde_json::Value>(&text).expect("whatever is written is JSON");
            let _ = missing_fields(message, &bytes);
        }
    }

    /// The same with bytes that are nearly right: a real message with some bytes changed.
    #[test]
    fn damaged_messages_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let events = include_str!("../../tests/fixtures/scheduler_events.json");
        let events: Vec<serde_json::Value> = serde_json::from_str(events).expect("a fixture");
        let event: v1::scheduler::Event = super::from_json(at.get(&events)["body"].to_string()).expect("a recorded event");
        let mut bytes = prost::Message::encode_to_vec(&event);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        let mut text = Vec::new();
        write::message(schema::of::<v1::scheduler::Event>(), &bytes, &mut text);
        serde_json::from_slice::<serde_json::Value>(&text).expect("whatever is written is JSON");
        let _ = missing_fields(schema::of::<v1::scheduler::Event>(), &bytes);
    }
}

/// A message sent in two parts is one message, as protobuf says.
#[test]
fn parts_of_a_message_are_merged() {
    let user = [0x0a, 0x01, b'u'];
    let name = [0x12, 0x01, b'n'];
    let mut text = Vec::new();
    let subscribe = |part: &[u8]| [&[0x0a, part.len() as u8][..], part].concat();
    let bytes = [subscribe(&user), subscribe(&name)].concat();
    write::message(schema::of::<v1::scheduler::call::Subscribe>(), &bytes, &mut text);
    let text = String::from_utf8(text).expect("JSON is text");
    assert!(text.starts_with(r#"{"framework_info":{"user":"u","name":"n","#), "{text}");

    // framework_id { value } in a call that gives `framework_id` twice, once empty.
    let twice = [0x0a, 0x00, 0x0a, 0x03, 0x0a, 0x01, b'f'];
    assert_eq!(missing_fields(schema::of::<v1::scheduler::Call>(), &twice), Ok(()));
    assert!(missing_fields(schema::of::<v1::scheduler::Call>(), &twice[..2]).is_err());
}
