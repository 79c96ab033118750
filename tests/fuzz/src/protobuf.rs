//! Bytes that claim to be a message: what is complete can be shown as JSON.

use mezzo_proto::{
    Name,
    json::{from_json, to_json},
    mesos::v1::{agent, executor, master, scheduler},
    mezzo::link::v1::{FromAgent, FromMaster},
    required,
};

/// Takes the bytes for each kind of message that a daemon reads.
pub(crate) fn target(data: &[u8]) {
    shown::<scheduler::Call>(data);
    shown::<executor::Call>(data);
    shown::<master::Call>(data);
    shown::<agent::Call>(data);
    shown::<FromAgent>(data);
    shown::<FromMaster>(data);
}

fn shown<M: Name + Default>(bytes: &[u8]) {
    let Ok(message) = required::decode::<M>(bytes) else { return };
    let json = to_json(&message);
    // Neither a number that no name of an enum has nor one that is none can be told in JSON.
    if let Err(error) = from_json::<M>(&json) {
        let text = String::from_utf8_lossy(&json);
        let is_known = ["enum", "NaN"].iter().any(|word| error.to_string().contains(word));
        assert!(is_known, "{error}: {text}");
    }
    let encoded = message.encode_to_vec();
    let again = M::decode(&encoded[..]).expect("what was encoded can be decoded");
    assert_eq!(again.encode_to_vec(), encoded);
}
