//! What End User Messaging answers to a call it does not carry out.

use serde_json::{Map, Value, json};

use crate::messages::input::Fault;
use crate::messages::plan::PlannedError;
use crate::service::Reply;

/// A call refused, with an error of the service model. The model gives no HTTP statuses: 400, as AWS's JSON
/// protocol has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: String,
    message: String,
    /// `Reason`, `Fields`, `ResourceType`, `ResourceId`.
    members: Map<String, Value>,
}

/// The outcome of a check or of a part of an operation.
pub(super) type Outcome<T> = Result<T, Refusal>;

/// The outcome of an operation.
pub(super) type Answer = Outcome<Value>;

impl Refusal {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into(), members: Map::new() }
    }

    fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    pub(super) fn invalid(reason: &str, message: impl Into<String>) -> Self {
        Self::new("ValidationException", message).with("Reason", reason)
    }

    /// A member that is not as the model, or AWS beyond it, wants it.
    pub(super) fn field(name: &str, message: &str) -> Self {
        Self::invalid("FIELD_VALIDATION_FAILED", format!("{name}: {message}"))
            .with("Fields", json!([{ "Name": name, "Message": message }]))
    }

    pub(super) fn conflict(reason: &str, message: impl Into<String>) -> Self {
        Self::new("ConflictException", message).with("Reason", reason)
    }

    pub(super) fn quota(reason: &str, message: impl Into<String>) -> Self {
        Self::new("ServiceQuotaExceededException", message).with("Reason", reason)
    }

    pub(super) fn not_found(kind: &str, id: &str) -> Self {
        Self::new("ResourceNotFoundException", format!("Resource of type {kind} not found."))
            .with("ResourceType", kind)
            .with("ResourceId", id)
    }

    pub(super) fn throttled() -> Self {
        Self::new("ThrottlingException", "Rate exceeded")
    }

    pub(super) fn bad_token() -> Self {
        Self::invalid("INVALID_NEXT_TOKEN", "The next token is not valid.")
    }

    pub(super) fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    pub(super) fn unknown_operation(operation: &str) -> Self {
        let message = format!("the local cloud does not cover `{operation}` of End User Messaging");
        let mut refusal = Self::new("UnknownOperationException", message);
        refusal.status = 501;
        refusal
    }

    pub(super) fn planned(error: PlannedError) -> Self {
        let mut refusal = Self::new(&error.code, error.message);
        refusal.status = error.status;
        match error.reason {
            Some(reason) => refusal.with("Reason", reason),
            None => refusal,
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::field(&fault.field, &fault.message)
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let mut body = json!({ "__type": refusal.code, "Message": refusal.message });
        if let Some(body) = body.as_object_mut() {
            body.extend(refusal.members);
        }
        let mut reply = super::answered(refusal.status, &body);
        reply.headers.push(("x-amzn-errortype".into(), refusal.code));
        reply
    }
}
