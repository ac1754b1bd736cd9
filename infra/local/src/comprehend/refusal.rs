//! What Comprehend answers to a call it does not carry out.

use serde_json::json;

use crate::service::Reply;

/// A call refused, with an error of the service model. The model gives no HTTP statuses: 400, and 500 for
/// faults, as AWS's JSON protocol has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

/// The outcome of an operation.
pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    pub(super) fn filter(message: impl Into<String>) -> Self {
        Self::new("InvalidFilterException", message)
    }

    pub(super) fn language(language: &str) -> Self {
        let message = format!("Custom classification does not support the language `{language}`.");
        Self::new("UnsupportedLanguageException", message)
    }

    pub(super) fn not_found() -> Self {
        let message = "The specified resource ARN was not found. Check the ARN and try your request again.";
        Self::new("ResourceNotFoundException", message)
    }

    pub(super) fn no_job() -> Self {
        let message = "The specified job was not found. Check the job ID and try again.";
        Self::new("JobNotFoundException", message)
    }

    pub(super) fn unavailable() -> Self {
        let message =
            "The specified resource is not available. Check the resource and try your request again.";
        Self::new("ResourceUnavailableException", message)
    }

    pub(super) fn in_use(message: impl Into<String>) -> Self {
        Self::new("ResourceInUseException", message)
    }

    pub(super) fn name_in_use() -> Self {
        let message =
            "The specified resource name is already in use. Use a different name and try your request again.";
        Self::in_use(message)
    }

    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new("ResourceLimitExceededException", message)
    }

    pub(super) fn too_many_requests() -> Self {
        let message = "The number of requests exceeds the limit. Resubmit your request later.";
        Self::new("TooManyRequestsException", message)
    }

    pub(super) fn text_size(most: usize, size: usize) -> Self {
        let message = format!(
            "Input text size exceeds limit. Max length of request text allowed is {most} bytes while in this \
             request the text size is {size} bytes"
        );
        Self::new("TextSizeLimitExceededException", message)
    }

    /// Not in the service model, which has no error for an endpoint that is asked too much.
    pub(super) fn throttled() -> Self {
        Self::new("ThrottlingException", "Rate exceeded")
    }

    /// A body, or a member, of another JSON type than the model says.
    pub(super) fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    pub(super) fn unknown_operation(operation: &str) -> Self {
        Self::new("UnknownOperationException", format!("no operation `{operation}`"))
    }

    /// What AWS has and this stand-in has not; never a silent success.
    pub(super) fn not_covered(what: &str) -> Self {
        let message = format!("the local cloud does not cover `{what}`");
        Self { status: 501, ..Self::new("NotImplementedException", message) }
    }

    /// What went wrong, for the message of a classifier.
    pub(super) fn message(self) -> String {
        self.message
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let body = json!({ "__type": refusal.code, "Message": refusal.message });
        let mut reply = super::answered(refusal.status, &body);
        reply.headers.push(("x-amzn-errortype".into(), refusal.code.into()));
        reply
    }
}
