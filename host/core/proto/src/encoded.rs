//! A message kept as its bytes.

use std::{marker::PhantomData, sync::Arc};

use prost::Name;

use crate::{json, schema};

/// A message kept as its bytes: a fraction of the room that its fields take, and shown in either
/// encoding without being taken apart. Copies share the bytes.
pub struct Encoded<M> {
    bytes: Arc<[u8]>,
    of: PhantomData<fn() -> M>,
}

impl<M: Name + Default> Encoded<M> {
    /// Keeps `message`, its fields in the order in which JSON has them: that order is made once
    /// here, and every reader finds it.
    pub fn of(message: &M) -> Self {
        let bytes = json::ordered(schema::of::<M>(), &message.encode_to_vec());
        Self { bytes: bytes.into(), of: PhantomData }
    }

    /// The message itself.
    pub fn message(&self) -> M {
        M::decode(&*self.bytes).expect("these bytes were made of such a message")
    }

    /// The message's protobuf form.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<M> Clone for Encoded<M> {
    fn clone(&self) -> Self {
        Self { bytes: Arc::clone(&self.bytes), of: PhantomData }
    }
}

impl<M> PartialEq for Encoded<M> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<M: Name + Default + std::fmt::Debug> std::fmt::Debug for Encoded<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.message().fmt(f)
    }
}
