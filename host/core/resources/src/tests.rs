//! The algebra's laws, and what goes over the wire.

mod laws;
mod messages;
