//! The records of an operator's stream, as bytes.

use std::sync::Arc;

use bytes::Bytes;
use mezzo_core_master::views::{Rendering, View};
use mezzo_model::calls::{Encoding, MasterRead, Refusal, Status};
use mezzo_proto::{
    Message, json,
    mesos::v1::master::{Event, Response, event},
    recordio,
};

/// What GET_STATE writes before its content, and after it.
const GET_STATE: (&[u8], &[u8]) = (b"{\"type\":\"GET_STATE\",\"get_state\":", b"}");

/// The same of SUBSCRIBED, which holds the same content.
const SUBSCRIBED: (&[u8], &str) = (b"{\"type\":\"SUBSCRIBED\",\"subscribed\":{\"get_state\":", "}}");

/// Space between two HEARTBEATs, as the first record tells it.
const HEARTBEAT_SECONDS: f64 = 15.0;

/// SUBSCRIBED with the facts of one moment.
///
/// # Errors
/// When GET_STATE is not what it was when this was written: a bug.
pub(super) fn record(view: Arc<View>, encoding: Encoding) -> Result<Bytes, Refusal> {
    // A record begins with its length, so it is whole before its first byte leaves.
    let state = Rendering::new(view, &MasterRead::GetState, encoding).whole();
    let record = match encoding {
        Encoding::Json => subscribed_json(&state),
        Encoding::Protobuf => subscribed_protobuf(&state),
    };
    let record = record.ok_or_else(|| Refusal {
        status: Status::Internal,
        message: "The master cannot read its own GET_STATE.".to_owned(),
    })?;
    Ok(recordio::encode(&record))
}

/// One event as a record.
pub(super) fn encoded(event: &Event, encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::Json => recordio::encode(&json::to_json(event)),
        Encoding::Protobuf => recordio::encode(&event.encode_to_vec()),
    }
}

/// The last record of one who was too far behind: an event of no type that clients must bear,
/// and in JSON what a person wants to know.
pub(super) fn farewell(encoding: Encoding, bytes_max: usize) -> Bytes {
    match encoding {
        Encoding::Json => {
            let text = format!(
                "This subscription was more than {bytes_max} bytes of events behind \
                 (--max_event_stream_backlog) and has ended; subscribe again."
            );
            let event = serde_json::json!({ "type": "UNKNOWN", "message": text });
            recordio::encode(event.to_string().as_bytes())
        }
        Encoding::Protobuf => {
            let event = Event { r#type: Some(event::Type::Unknown.into()), ..Event::default() };
            recordio::encode(&event.encode_to_vec())
        }
    }
}

/// Moves the content from one frame into the other: the state of a large cluster is megabytes,
/// and need not be taken apart for that.
fn subscribed_json(state: &[u8]) -> Option<Vec<u8>> {
    let content = state.strip_prefix(GET_STATE.0)?.strip_suffix(GET_STATE.1)?;
    let end = format!(",\"heartbeat_interval_seconds\":{HEARTBEAT_SECONDS:?}{}", SUBSCRIBED.1);
    Some([SUBSCRIBED.0, content, end.as_bytes()].concat())
}

fn subscribed_protobuf(state: &[u8]) -> Option<Vec<u8>> {
    let get_state = Response::decode(state).ok()?.get_state?;
    let subscribed =
        event::Subscribed { get_state: Some(get_state), heartbeat_interval_seconds: Some(HEARTBEAT_SECONDS) };
    let event = Event {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(subscribed),
        ..Event::default()
    };
    Some(event.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mezzo_proto::mesos::v1::master::response;

    fn response() -> Response {
        Response {
            r#type: Some(response::Type::GetState.into()),
            get_state: Some(response::GetState {
                get_tasks: Some(response::GetTasks::default()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn event() -> Event {
        Event::decode(&*subscribed_protobuf(&response().encode_to_vec()).expect("a state")).expect("an event")
    }

    #[test]
    fn both_encodings_say_the_same() {
        let text = subscribed_json(&json::to_json(&response())).expect("a state");
        assert_eq!(json::from_json::<Event>(&text).expect("an event"), event());
        assert_eq!(event().subscribed.expect("it is").heartbeat_interval_seconds, Some(15.0));
        assert!(text.ends_with(b",\"heartbeat_interval_seconds\":15.0}}"));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        assert_eq!(subscribed_json(b"{}"), None);
        assert_eq!(subscribed_protobuf(&[1, 2, 3]), None);
    }
}
