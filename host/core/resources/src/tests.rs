//! The algebra's laws, and what goes over the wire.

mod conversions;
mod laws;
mod messages;
