//! Who is to fill a slot of the master, and what happened in it.

use mezzo_model::Wall;
use mezzo_proto::{Message, mezzo::store::v1 as store};

use crate::{RecoverError, Write, frame};

/// Keys of slots begin so; the slot's name follows.
pub(crate) const SLOT_PREFIX: &str = "plugin/";

/// A SHA-256.
pub type Sha256 = [u8; 32];

/// A slot as the registry knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisteredSlot {
    /// Digest and settings of the plugin that is wanted, then of those that stand in for it.
    pub chosen: Vec<(Sha256, String)>,
    /// Who is not taken, and why.
    pub quarantined: Vec<(Sha256, String)>,
    /// What the flag for this slot named when this was written.
    pub configured: Option<Sha256>,
    /// What happened, oldest first.
    pub history: Vec<SlotEvent>,
}

/// Something that happened in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotEvent {
    /// Grows by one from event to event.
    pub number: u64,
    /// When.
    pub at: Wall,
    /// To which plugin.
    pub plugin: Sha256,
    /// As it calls itself; empty where that is not known.
    pub name: String,
    /// Its instance; 0 where none is meant.
    pub generation: u64,
    /// The round; 0 before the first.
    pub round: u64,
    /// One word.
    pub kind: String,
    /// For people.
    pub text: String,
}

impl Write {
    /// Remembers who is to fill a slot.
    pub fn slot(name: &str, slot: &RegisteredSlot) -> Self {
        let stored = store::RegisteredSlot {
            chosen: slot
                .chosen
                .iter()
                .map(|(digest, settings)| store::RegisteredPlugin {
                    digest: digest.to_vec(),
                    settings: settings.clone(),
                })
                .collect(),
            quarantined: slot
                .quarantined
                .iter()
                .map(|(digest, why)| store::QuarantinedPlugin { digest: digest.to_vec(), why: why.clone() })
                .collect(),
            configured: slot.configured.map(|digest| digest.to_vec()).unwrap_or_default(),
            history: slot.history.iter().map(SlotEvent::stored).collect(),
        };
        Self::one(format!("{SLOT_PREFIX}{name}"), Some(frame::seal(&stored.encode_to_vec())))
    }
}

impl SlotEvent {
    fn stored(&self) -> store::PluginEvent {
        store::PluginEvent {
            number: self.number,
            at_ns: self.at.0,
            digest: self.plugin.to_vec(),
            name: self.name.clone(),
            generation: self.generation,
            round: self.round,
            kind: self.kind.clone(),
            text: self.text.clone(),
        }
    }
}

/// Reads a slot back.
pub(crate) fn slot(key: &str, framed: &[u8]) -> Result<RegisteredSlot, RecoverError> {
    let payload =
        frame::open(framed).map_err(|source| RecoverError::Frame { key: key.to_owned(), source })?;
    let stored = store::RegisteredSlot::decode(payload)
        .map_err(|source| RecoverError::Decode { key: key.to_owned(), source })?;
    let digest = |bytes: Vec<u8>| {
        Sha256::try_from(bytes).map_err(|_| RecoverError::Missing { key: key.to_owned(), field: "digest" })
    };
    let mut slot = RegisteredSlot::default();
    for plugin in stored.chosen {
        slot.chosen.push((digest(plugin.digest)?, plugin.settings));
    }
    for plugin in stored.quarantined {
        slot.quarantined.push((digest(plugin.digest)?, plugin.why));
    }
    if !stored.configured.is_empty() {
        slot.configured = Some(digest(stored.configured)?);
    }
    for event in stored.history {
        slot.history.push(SlotEvent {
            number: event.number,
            at: Wall(event.at_ns),
            plugin: digest(event.digest)?,
            name: event.name,
            generation: event.generation,
            round: event.round,
            kind: event.kind,
            text: event.text,
        });
    }
    Ok(slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recovered;

    #[test]
    fn a_slot_is_read_back_as_it_was_written() {
        let written = RegisteredSlot {
            chosen: vec![([1; 32], r#"{"a":1}"#.to_owned()), ([2; 32], String::new())],
            quarantined: vec![([3; 32], "trapped".to_owned())],
            configured: Some([4; 32]),
            history: vec![SlotEvent {
                number: 7,
                at: Wall(5),
                plugin: [1; 32],
                name: "drf".to_owned(),
                generation: 2,
                round: 9,
                kind: "swapped".to_owned(),
                text: "serves".to_owned(),
            }],
        };
        let change = Write::slot("allocator", &written).changes.remove(0);
        assert_eq!(change.key, "plugin/allocator");
        let value = change.value.expect("a value");
        let recovered = Recovered::decode([(change.key, value)]).expect("readable");
        assert_eq!(recovered.slots["allocator"], written);
    }

    #[test]
    fn a_digest_that_is_none_is_refused() {
        let stored = store::RegisteredSlot {
            chosen: vec![store::RegisteredPlugin { digest: vec![1, 2], settings: String::new() }],
            ..Default::default()
        };
        let error = slot("plugin/allocator", &frame::seal(&stored.encode_to_vec())).expect_err("too short");
        assert_eq!(error.to_string(), "the value of `plugin/allocator` has no `digest`");
    }
}
