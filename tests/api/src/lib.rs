//! The API as clients meet it: on a socket, byte for byte.
//!
//! What a real Mesos answered stands below `fixtures/`, by its version; the tests ask ours
//! the same and compare. Where ours differs on purpose, a table says why.
#![forbid(unsafe_code)]
