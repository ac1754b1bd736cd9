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
        Some(said) => failed.with_source(without_values(said)),
        None => failed,
    }
}

/// What AWS says of an invalid request, without the values that it quotes: they are content. The names of members,
/// which it quotes too (`at 'note.text'`), stay.
fn without_values(said: &str) -> String {
    let mut kept = String::new();
    for (index, part) in said.split(['\'', '"', '`']).enumerate() {
        let quoted = index % 2 == 1;
        let names_a_member =
            kept.ends_with("at ") || kept.ends_with("parameter ") || kept.ends_with("member ");
        kept.push_str(if quoted && !names_a_member { "…" } else { part });
    }
    kept.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect()
}

/// The error of a request that could not be built.
#[cfg(any(
    feature = "campaigns",
    feature = "comprehend",
    feature = "connect",
    feature = "detective",
    feature = "email",
    feature = "marts",
    feature = "redshift-data",
    feature = "sqs"
))]
pub(crate) fn request(operation: &str, error: aws_smithy_types::error::operation::BuildError) -> Error {
    Error::permanent("InvalidRequest", format!("`{operation}` could not be built")).with_source(error)
}

/// The same error for another record that met it.
#[cfg(feature = "sqs")]
pub(crate) fn again(error: &Error) -> Error {
    Error::new(error.class(), error.error_type().to_owned(), error.to_string())
}

/// The same error as no fault of the input.
#[cfg(any(
    feature = "comprehend",
    feature = "connect",
    feature = "email",
    feature = "s3",
    feature = "secrets",
    feature = "sqs"
))]
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
    const CAUSES: [&str; 5] =
        ["AccessDenied", "InvalidClientTokenId", "OptInRequired", "Unreachable", "UnrecognizedClient"];
    error.class() == eventide_kit::error::Class::Environment && CAUSES.contains(&error.error_type())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    #[test]
    fn quoted_values_are_left_out_and_names_of_members_stay() {
        for (said, expected) in [
            (
                "Value 'Ann, 198.51.100.7' at 'note.text' failed to satisfy constraint",
                "Value … at note.text failed to satisfy constraint",
            ),
            (
                "invalid parameter `Note.UpdatedBy`: it is required",
                "invalid parameter Note.UpdatedBy: it is required",
            ),
            ("1 error: \"secret", "1 error: …"),
        ] {
            assert_eq!(without_values(said), expected);
        }
    }

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
