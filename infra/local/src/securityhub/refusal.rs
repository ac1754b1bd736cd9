//! What Security Hub answers to a call it does not carry out.

use serde_json::json;

use crate::service::Reply;

/// A call refused, with the error code and HTTP status of the Security Hub API model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

/// The outcome of an operation.
pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn invalid_input(message: impl Into<String>) -> Self {
        Self { status: 400, code: "InvalidInputException", message: message.into() }
    }

    pub(super) fn not_enabled(account: &str) -> Self {
        let message = format!("Account {account} is not subscribed to AWS Security Hub");
        Self { status: 401, code: "InvalidAccessException", message }
    }

    pub(super) fn v2_not_enabled(account: &str) -> Self {
        let message = format!("Account {account} has not enabled AWS Security Hub V2");
        Self { status: 403, code: "AccessDeniedException", message }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { status: 404, code: "ResourceNotFoundException", message: message.into() }
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self { status: 409, code: "ResourceConflictException", message: message.into() }
    }

    pub(super) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self { status: 429, code: "LimitExceededException", message: message.into() }
    }

    pub(super) fn too_many_requests() -> Self {
        Self { status: 429, code: "TooManyRequestsException", message: "Too Many Requests".into() }
    }

    /// The same refusal in the words of the V2 operations, which have error codes of their own.
    pub(super) fn for_v2(mut self) -> Self {
        self.code = match self.code {
            "InvalidInputException" => "ValidationException",
            "TooManyRequestsException" => "ThrottlingException",
            code => code,
        };
        self
    }
}

/// What a check says is wrong becomes an `InvalidInputException`.
impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self::invalid_input(message)
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let mut reply =
            Reply::json(refusal.status, &json!({ "Code": refusal.code, "Message": refusal.message }));
        reply.headers.push(("x-amzn-errortype".into(), refusal.code.into()));
        reply
    }
}
