//! JSON that claims to be a call: what is read can be written and read again, and is the same then.

use mezzo_proto::{
    Name,
    json::{from_json, to_json},
    mesos::v1::{agent, executor, master, resource_provider, scheduler},
    mezzo::link::v1::FromAgent,
};

/// Takes the text for each kind of message that a daemon reads.
pub(crate) fn target(data: &[u8]) {
    again::<scheduler::Call>(data);
    again::<scheduler::Event>(data);
    again::<executor::Call>(data);
    again::<master::Call>(data);
    again::<agent::Call>(data);
    again::<resource_provider::Call>(data);
    again::<FromAgent>(data);
}

fn again<M: Name + Default>(text: &[u8]) {
    let Ok(message) = from_json::<M>(text) else { return };
    let written = to_json(&message);
    let read = from_json::<M>(&written);
    let read = read.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&written)));
    // As text: what is written has the defaults of unset fields too, and they are set when it is read.
    assert_eq!(String::from_utf8_lossy(&to_json(&read)), String::from_utf8_lossy(&written));
}
