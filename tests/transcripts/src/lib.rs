//! Behaviour of the cores, read like a story.
#![forbid(unsafe_code)]
