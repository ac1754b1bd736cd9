//! What an SDK error means for the record that met it.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use crate::error::{Class, Error};

/// Codes of throttling that do not say so in their name.
const THROTTLED: [&str; 9] = [
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestLimitExceededException",
    "SlowDown",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes of requests that were not accepted as ours.
const NOT_AUTHENTICATED: [&str; 11] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Turns a failed call into an [`Error`]. `operation` is the IAM action, such as `detective:StartInvestigation`, which
/// with the service's error code and request id makes the message; the service's own message is left out because it
/// may quote the request.
///
/// | SDK error | class and type |
/// |---|---|
/// | throttling code or status 429 | `Retryable.Throttled` |
/// | time-out | `Retryable.TimedOut` |
/// | status 5xx or an answer that makes no sense | `Retryable.ServerError` |
/// | status 401 or 403, access denied, credentials or clock refused, a KMS key that cannot be used | `Environment.` and the code |
/// | a 4xx that is no service's, such as a proxy's | `Environment.Refused` |
/// | no connection | `Environment.Unreachable`, with the reason in a word |
/// | a request that could not be built | `Permanent.InvalidRequest` |
/// | any other code, such as `ValidationException` | `Permanent.` and the code |
///
/// A trailing `Exception` is cut from codes. Callers match what means something special to them, such as a missing
/// resource, before they come here.
pub fn classify<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> Error {
    let (class, error_type) = match error {
        SdkError::ConstructionFailure(_) => (Class::Permanent, "InvalidRequest"),
        SdkError::TimeoutError(_) => (Class::Retryable, "TimedOut"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => (Class::Retryable, "TimedOut"),
        SdkError::DispatchFailure(_) => (Class::Environment, "Unreachable"),
        SdkError::ServiceError(refused) => {
            classify_answer(refused.err().code().unwrap_or_default(), refused.raw().status().as_u16())
        }
        // An answer that does not parse, and whatever the SDK may add.
        _ => (Class::Retryable, "ServerError"),
    };
    let mut message = format!("`{operation}` failed");
    if let SdkError::DispatchFailure(failure) = error
        && let Some(reason) = failure.as_connector_error().and_then(|error| in_a_word(error))
    {
        message.push_str(&format!(": {reason}"));
    }
    if let Some(code) = error.as_service_error().and_then(ProvideErrorMetadata::code) {
        message.push_str(&format!(" with `{code}`"));
    }
    if let Some(request_id) = error.request_id() {
        message.push_str(&format!(" (request id {request_id})"));
    }
    Error::new(class, error_type.to_owned(), message)
}

/// Why there was no connection: the kind of the I/O error, which quotes nothing.
fn in_a_word(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|cause| Some(cause.downcast_ref::<std::io::Error>()?.kind().to_string()))
}

fn classify_answer(code: &str, status: u16) -> (Class, &str) {
    let short = code.strip_suffix("Exception").unwrap_or(code);
    if status == 429 || THROTTLED.contains(&code) || code.contains("Throttl") {
        (Class::Retryable, "Throttled")
    } else if status == 408 || code.starts_with("RequestTimeout") {
        (Class::Retryable, "TimedOut")
    } else if NOT_AUTHENTICATED.contains(&code)
        || code.contains("AccessDenied")
        || code.to_ascii_lowercase().starts_with("kms")
    {
        (Class::Environment, short)
    } else if status >= 500 || code.starts_with("Internal") || code.starts_with("ServiceUnavailable") {
        (Class::Retryable, "ServerError")
    } else if code.is_empty() {
        (Class::Environment, "Refused")
    } else if matches!(status, 401 | 403) {
        (Class::Environment, short)
    } else {
        (Class::Permanent, short)
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::{client::result::ConnectorError, http::StatusCode};
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;

    type Failure = SdkError<ErrorMetadata, HttpResponse>;

    fn refused(code: &str, status: u16) -> Failure {
        let mut raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        raw.headers_mut().insert("x-amzn-requestid", "r-1");
        let metadata = ErrorMetadata::builder().code(code).message("value 'secret' is bad").build();
        SdkError::service_error(metadata, raw)
    }

    #[test]
    fn service_errors_are_sorted_by_code_and_status() {
        let cases = [
            ("TooManyRequestsException", 400, "Retryable.Throttled"),
            ("ThrottlingException", 400, "Retryable.Throttled"),
            ("KMS.ThrottlingException", 400, "Retryable.Throttled"),
            ("ProvisionedThroughputExceededException", 400, "Retryable.Throttled"),
            ("Whatever", 429, "Retryable.Throttled"),
            ("RequestTimeout", 400, "Retryable.TimedOut"),
            ("InternalServerException", 500, "Retryable.ServerError"),
            ("InternalServerError", 400, "Retryable.ServerError"),
            ("", 503, "Retryable.ServerError"),
            ("AccessDeniedException", 403, "Environment.AccessDenied"),
            ("AccessDenied", 403, "Environment.AccessDenied"),
            ("ExpiredTokenException", 400, "Environment.ExpiredToken"),
            ("UnrecognizedClientException", 400, "Environment.UnrecognizedClient"),
            ("KMS.DisabledException", 400, "Environment.KMS.Disabled"),
            ("ValidationException", 400, "Permanent.Validation"),
            ("ResourceNotFoundException", 404, "Permanent.ResourceNotFound"),
            ("AuthorizationErrorException", 403, "Environment.AuthorizationError"),
            ("NotAuthorized", 401, "Environment.NotAuthorized"),
            ("KMSDisabledException", 400, "Environment.KMSDisabled"),
            ("RequestTimeTooSkewed", 403, "Environment.RequestTimeTooSkewed"),
            ("", 403, "Environment.Refused"),
            ("", 400, "Environment.Refused"),
        ];
        for (code, status, expected) in cases {
            let error = classify("detective:StartInvestigation", &refused(code, status));
            assert_eq!(error.qualified_type(), expected, "{code} {status}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn calls_that_got_no_answer_are_sorted_by_cause() {
        let raw = || HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::empty());
        let cases: [(Failure, &str); 6] = [
            (SdkError::construction_failure("secret"), "Permanent.InvalidRequest"),
            (SdkError::timeout_error("secret"), "Retryable.TimedOut"),
            (SdkError::dispatch_failure(ConnectorError::timeout("secret".into())), "Retryable.TimedOut"),
            (SdkError::dispatch_failure(ConnectorError::io("secret".into())), "Environment.Unreachable"),
            (
                SdkError::dispatch_failure(ConnectorError::other("secret".into(), None)),
                "Environment.Unreachable",
            ),
            (SdkError::response_error("secret", raw()), "Retryable.ServerError"),
        ];
        for (failure, expected) in cases {
            let error = classify("sqs:SendMessage", &failure);
            assert_eq!(error.qualified_type(), expected);
            assert_eq!(error.to_string(), "`sqs:SendMessage` failed");
        }
    }

    #[test]
    fn the_message_names_operation_code_and_request() {
        assert_eq!(
            classify("dynamodb:PutItem", &refused("AccessDeniedException", 400)).to_string(),
            "`dynamodb:PutItem` failed with `AccessDeniedException` (request id r-1)"
        );
    }
}
