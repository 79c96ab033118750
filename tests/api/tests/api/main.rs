//! A master in this process, asked over its socket.

mod bad_inputs;
mod bad_links;
mod h2;
mod http_errors;
mod links;
mod reads;
mod recorded;
mod recorded_answers;
mod stream;
mod support;
