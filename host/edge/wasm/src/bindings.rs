//! What `wit/v1` says, as types; nothing here is written by hand.
#![allow(missing_docs, unsafe_code, clippy::all, reason = "generated from wit/v1")]

wasmtime::component::bindgen!({
    path: "../../../wit/v1",
    world: "allocator",
    ownership: Borrowing { duplicate_if_necessary: true },
});
