//! What the adapters make of SDK errors, beyond [`eventide_kit::aws::classify`].

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use eventide_kit::aws::classify;
use eventide_kit::error::Error;

/// Types of errors whose message from AWS says which of our parameters is wrong.
const INVALID: [&str; 3] = ["InvalidInput", "Validation", "ValidationError"];
/// Characters kept of such a message.
const MAX_MESSAGE: usize = 256;

/// The error of a failed call. `operation` is the IAM action.
pub(crate) fn failed<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> Error {
    let failed = classify(operation, error);
    let said = error.as_service_error().and_then(ProvideErrorMetadata::message);
    match said.filter(|_| INVALID.contains(&failed.error_type())) {
        Some(said) => {
            let printable = said.chars().map(|c| if c.is_control() { ' ' } else { c });
            failed.with_source(printable.take(MAX_MESSAGE).collect::<String>())
        }
        None => failed,
    }
}

/// The error of a request that could not be built.
#[cfg(any(feature = "detective", feature = "sqs"))]
pub(crate) fn request(operation: &str, error: aws_smithy_types::error::operation::BuildError) -> Error {
    Error::permanent("InvalidRequest", format!("`{operation}` could not be built")).with_source(error)
}

/// The same error for another record that met it.
#[cfg(feature = "sqs")]
pub(crate) fn again(error: &Error) -> Error {
    Error::new(error.class(), error.error_type().to_owned(), error.to_string())
}

/// The same error as no fault of the input.
#[cfg(feature = "sqs")]
pub(crate) fn environment(error: Error) -> Error {
    Error::environment(error.error_type().to_owned(), error.to_string())
}

/// Whether permission was denied.
#[cfg(feature = "iam")]
pub(crate) fn is_denied<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.code().is_some_and(|code| code.contains("AccessDenied"))
}

/// Whether an error can come from a Region that lacks the service or is not enabled in the account, rather than from
/// anything that concerns all Regions.
#[cfg(feature = "detective")]
pub(crate) fn may_be_the_regions(error: &Error) -> bool {
    const CAUSES: [&str; 4] = ["InvalidClientTokenId", "OptInRequired", "Unreachable", "UnrecognizedClient"];
    error.class() == eventide_kit::error::Class::Environment && CAUSES.contains(&error.error_type())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    #[test]
    fn only_the_message_about_an_invalid_request_is_passed_on() {
        for (code, said, expected) in [
            ("ValidationException", "bad\nARN", "`x:Y` failed with `ValidationException`: bad ARN"),
            ("InvalidInputException", "bad", "`x:Y` failed with `InvalidInputException`: bad"),
            ("AccessDeniedException", "arn:…", "`x:Y` failed with `AccessDeniedException`"),
            ("ResourceNotFoundException", "arn:…", "`x:Y` failed with `ResourceNotFoundException`"),
        ] {
            let metadata = ErrorMetadata::builder().code(code).message(said).build();
            let raw = HttpResponse::new(400.try_into().unwrap(), SdkBody::empty());
            let error = failed("x:Y", &SdkError::service_error(metadata, raw));
            assert_eq!(error.to_string(), expected);
        }
    }
}
