//! The server of everything that Mezzo says over HTTP.
//!
//! One port speaks HTTP/1.1 and HTTP/2 (by prior knowledge). A request reaches the
//! [`Service`] with its whole body, already inflated and within its limit; an answer
//! leaves with the headers in the order that Mesos has them. Long answers are event
//! streams: one record is one HTTP chunk, and a reader that falls behind by more than
//! its bound is disconnected.
//!
//! Deliberately absent: routes, media types, anything that knows what a call is.
//! Start with [`Server`] and [`Service`]; every limit stands in [`Config`].
#![forbid(unsafe_code)]

mod config;
mod connection;
mod exit;
mod feed;
mod guests;
mod gzip;
mod io;
mod refusals;
mod request;
mod response;
mod room;
mod server;
mod stream;

pub use config::Config;
pub use exit::CloseReason;
pub use feed::{Feed, FeedBody, FeedHandle, FeedReader};
pub use request::Request;
pub use response::{Body, BoxError, Response};
pub use server::{Bound, Running, ServeError, Server, Service};
pub use stream::{EventSender, Overflow, event_stream};

pub use http::{HeaderName, HeaderValue, Method, StatusCode, header};
pub use hyper::body::Incoming;
