//! What Connect and the Participant Service answer to a call they do not carry out.

use serde_json::Value;

use crate::messages::input::Fault;
use crate::service::Reply;

/// A call refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A member is not as the service model wants it: each of the two services has an error code of its own
    /// for it.
    Fault(Fault),
    /// With the error code and HTTP status of the service model.
    Named { status: u16, code: String, message: String },
}

/// The outcome of a check or of a part of an operation.
pub(super) type Outcome<T> = Result<T, Refusal>;

/// The outcome of an operation.
pub(super) type Answer = Outcome<Value>;

impl Refusal {
    pub(super) fn named(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self::Named { status, code: code.to_owned(), message: message.into() }
    }

    pub(super) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Fault(Fault::new(field, message))
    }

    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self::named(400, "InvalidRequestException", message)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::named(404, "ResourceNotFoundException", format!("{what} not found"))
    }

    pub(super) fn contact_not_found() -> Self {
        let message = "The contact with the specified ID is not active or does not exist.";
        Self::named(410, "ContactNotFoundException", message)
    }

    pub(super) fn limit_exceeded() -> Self {
        Self::named(429, "LimitExceededException", "The allowed limit of active chats has been exceeded.")
    }

    /// The API's rate, whose error the service model does not have with these operations (API reference,
    /// StartChatContact: "API TPS throttling returns a TooManyRequests exception").
    pub(super) fn too_many_requests() -> Self {
        Self::named(429, "TooManyRequestsException", "Too Many Requests")
    }

    pub(super) fn destination_not_allowed() -> Self {
        let message = "Outbound calls to the destination number are not allowed.";
        Self::named(403, "DestinationNotAllowedException", message)
    }

    pub(super) fn outbound_not_permitted() -> Self {
        Self::named(403, "OutboundContactNotPermittedException", "The contact is not permitted.")
    }

    pub(super) fn access_denied() -> Self {
        Self::named(403, "AccessDeniedException", "Access denied")
    }

    pub(super) fn serialization(message: impl Into<String>) -> Self {
        Self::named(400, "SerializationException", message)
    }

    pub(super) fn not_covered(what: &str) -> Self {
        let message = format!("the local cloud does not cover `{what}`");
        Self::named(501, "NotImplementedException", message)
    }

    /// The answer of a service that has this error code for members that are not as they should be.
    pub(super) fn reply(self, fault_code: &str) -> Reply {
        match self {
            Self::Fault(Fault { field, message }) => {
                Reply::error(400, fault_code, &format!("{field}: {message}"))
            }
            Self::Named { status, code, message } => Reply::error(status, &code, &message),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
