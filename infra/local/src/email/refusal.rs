//! What SES answers to a call it does not carry out.

use serde_json::{Value, json};

use crate::messages::input::Fault;
use crate::messages::plan::PlannedError;
use crate::service::Reply;

/// A call refused, with the error code and HTTP status of the service model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: String,
    message: String,
}

/// The outcome of a check or of a part of an operation.
pub(super) type Outcome<T> = Result<T, Refusal>;

/// The outcome of an operation.
pub(super) type Answer = Outcome<Value>;

impl Refusal {
    fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequestException", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "NotFoundException", message)
    }

    pub(super) fn already_exists(message: impl Into<String>) -> Self {
        Self::new(400, "AlreadyExistsException", message)
    }

    pub(super) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(400, "LimitExceededException", message)
    }

    pub(super) fn rejected(message: impl Into<String>) -> Self {
        Self::new(400, "MessageRejected", message)
    }

    pub(super) fn paused(message: impl Into<String>) -> Self {
        Self::new(400, "SendingPausedException", message)
    }

    pub(super) fn too_fast() -> Self {
        Self::new(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
    }

    /// The error of the daily quota, whose code is a setting.
    pub(super) fn quota(code: &str) -> Self {
        let status = if code == "TooManyRequestsException" { 429 } else { 400 };
        Self::new(status, code, "Daily message quota exceeded.")
    }

    pub(super) fn bad_token() -> Self {
        Self::new(
            400,
            "InvalidNextTokenException",
            "The specified request includes an invalid or expired token.",
        )
    }

    pub(super) fn serialization(message: impl Into<String>) -> Self {
        Self::new(400, "SerializationException", message)
    }

    pub(super) fn planned(error: PlannedError) -> Self {
        Self::new(error.status, &error.code, error.message)
    }

    pub(super) fn not_covered(what: &str) -> Self {
        Self::new(501, "NotImplementedException", format!("the local cloud does not cover `{what}`"))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::bad_request(format!("{}: {}", fault.field, fault.message))
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let mut reply = Reply::json(refusal.status, &json!({ "message": refusal.message }));
        reply.headers.push(("x-amzn-errortype".into(), refusal.code));
        reply
    }
}
