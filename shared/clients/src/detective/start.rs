//! Whether a `StartInvestigation` that did not succeed may have started something all the same.

use std::error::Error as StdError;
use std::io;

use aws_sdk_detective::error::SdkError;
use aws_sdk_detective::operation::start_investigation::{StartInvestigationError, StartInvestigationOutput};
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use eventide_kit::error::Error;

use super::Start;
use crate::errors::failed;

const OPERATION: &str = "detective:StartInvestigation";

pub(super) fn outcome(
    result: Result<StartInvestigationOutput, SdkError<StartInvestigationError, HttpResponse>>,
) -> Start {
    match result {
        Ok(StartInvestigationOutput { investigation_id: Some(id), .. }) if !id.is_empty() => {
            Start::Started(id)
        }
        Ok(_) => Start::Uncertain(Error::retryable(
            "IncompleteAnswer",
            format!("`{OPERATION}` answered without an investigation id"),
        )),
        Err(error) if nothing_started(&error) => Start::Refused(failed(OPERATION, &error)),
        Err(error) => Start::Uncertain(failed(OPERATION, &error)),
    }
}

/// Detective is taken at its word only when it answered 4xx, or when the request cannot have left this process.
fn nothing_started<E: StdError + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().is_some_and(|error| never_connected(error))
        }
        SdkError::ServiceError(answer) => answer.raw().status().is_client_error(),
        _ => false,
    }
}

/// Whether the causes of `error` show that there was no connection to send anything on.
fn never_connected(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let refused = error.downcast_ref().is_some_and(|error: &io::Error| {
            // `io::Error` hides what it wraps from `source`.
            error.kind() == io::ErrorKind::ConnectionRefused
                || error.get_ref().is_some_and(|inner| never_connected(inner))
        });
        if refused || error.is::<ResolveDnsError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    #[test]
    fn only_a_connection_that_never_was_is_a_definite_no() {
        let io = |kind| ConnectorError::io(Box::new(io::Error::from(kind)));
        for (error, expected) in [
            (io(io::ErrorKind::ConnectionRefused), true),
            (ConnectorError::io(Box::new(ResolveDnsError::new("no such host"))), true),
            (io(io::ErrorKind::ConnectionReset), false),
            (io(io::ErrorKind::BrokenPipe), false),
            (ConnectorError::timeout("time-out".into()), false),
        ] {
            let text = format!("{error:?}");
            let error = SdkError::<StartInvestigationError, HttpResponse>::dispatch_failure(error);
            assert_eq!(nothing_started(&error), expected, "{text}");
        }
        let error = SdkError::<StartInvestigationError, HttpResponse>::timeout_error("time-out");
        assert!(!nothing_started(&error));
    }
}
