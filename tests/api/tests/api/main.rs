//! A master in this process, asked over its socket.

mod http_errors;
mod links;
mod reads;
mod recorded;
mod stream;
mod support;
