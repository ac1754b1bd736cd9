//! What the Data API answers to a call it does not carry out.

use serde_json::{Value, json};

use crate::service::Reply;

/// A call refused, with an error of the service model. The model gives no HTTP statuses: 400, and 500 for
/// faults, as AWS's JSON protocol has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
    /// A further member that the error requires.
    member: Option<(&'static str, String)>,
}

/// The outcome of an operation.
pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self { code: "ValidationException", message: message.into(), member: None }
    }

    pub(super) fn not_found(message: &str, resource: &str) -> Self {
        Self {
            code: "ResourceNotFoundException",
            message: message.to_owned(),
            member: Some(("ResourceId", resource.to_owned())),
        }
    }

    /// Also for a statement of another role: nothing says that there is one.
    pub(super) fn no_statement(id: &str) -> Self {
        Self::not_found("Query does not exist.", id)
    }

    pub(super) fn no_result(id: &str) -> Self {
        let message = "Query does not have result. Please check query status with DescribeStatement.";
        Self::not_found(message, id)
    }

    pub(super) fn no_endpoint() -> Self {
        Self::invalid("Redshift endpoint doesn't exist in this region.")
    }

    pub(super) fn too_many_statements(limit: usize) -> Self {
        let message = format!("Active statements exceeded the allowed quota ({limit}).");
        Self { code: "ActiveStatementsExceededException", message, member: None }
    }

    pub(super) fn too_many_sessions(limit: usize) -> Self {
        let message = format!("Active sessions exceeded the allowed quota ({limit}).");
        Self { code: "ActiveSessionsExceededException", message, member: None }
    }

    pub(super) fn too_many_waiting(limit: usize) -> Self {
        let message =
            format!("Active waiting requests for the statement exceeded the allowed quota ({limit}).");
        Self { code: "ActiveWaitingRequestsExceededException", message, member: None }
    }

    /// A body, or a member, of another JSON type than the model says.
    pub(super) fn serialization(message: impl Into<String>) -> Self {
        Self { code: "SerializationException", message: message.into(), member: None }
    }

    pub(super) fn unknown_operation(operation: &str) -> Self {
        Self {
            code: "UnknownOperationException",
            message: format!("no operation `{operation}`"),
            member: None,
        }
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self { code: "InternalServerException", message: message.into(), member: None }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let status = if refusal.code == "InternalServerException" { 500 } else { 400 };
        let mut body = json!({ "__type": refusal.code, "Message": refusal.message });
        if let (Some(members), Some((name, value))) = (body.as_object_mut(), refusal.member) {
            members.insert(name.to_owned(), Value::from(value));
        }
        let mut reply = super::answered(status, body.to_string());
        reply.headers.push(("x-amzn-errortype".into(), refusal.code.into()));
        reply
    }
}
