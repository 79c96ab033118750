//! What a call is told at once.

/// The immediate answer to a call that does not open a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200 with an empty body.
    Ok,
    /// 202: taken for asynchronous processing.
    Accepted,
    /// Not done, and why.
    Refused(Refusal),
}

/// Why a call was not taken. The edge turns it into a status line; the message is the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which kind of refusal.
    pub status: Status,
    /// One sentence, to the letter as Mesos says it where Mesos says it.
    pub message: String,
}

impl Refusal {
    /// A 400 with this message.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: Status::BadRequest, message: message.into() }
    }

    /// A 403 with this message.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self { status: Status::Forbidden, message: message.into() }
    }

    /// A 404 with this message.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { status: Status::NotFound, message: message.into() }
    }

    /// A 409 with this message.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self { status: Status::Conflict, message: message.into() }
    }

    /// A 501 with this message: the call exists in Mesos and not (yet) here.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self { status: Status::NotImplemented, message: message.into() }
    }

    /// A 503 with this message: ask again later.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { status: Status::Unavailable, message: message.into() }
    }
}

/// The kinds of refusal; the edge knows their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// 400
    BadRequest,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 409
    Conflict,
    /// 500
    Internal,
    /// 501
    NotImplemented,
    /// 503
    Unavailable,
}
