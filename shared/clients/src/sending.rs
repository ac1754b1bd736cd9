//! What becomes of a message that was handed to its provider.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use eventide_kit::aws::classify;
use eventide_kit::error::Error;
use hyper_util::client::legacy::Error as HttpError;

/// The outcome of handing one message over once.
///
/// Providers have no client token for messages: whoever sends again what may have been accepted, sends twice. So the
/// four outcomes differ in what is known about that. The reasons are AWS's own codes, or ours in lower case; they quote
/// nothing of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was accepted: the provider will try to deliver it.
    Accepted {
        /// The provider's id of it, which its events name.
        message_id: String,
    },
    /// It was surely not accepted, and may be tried again later.
    Postponed {
        /// The error code, such as `TooManyRequestsException`; `no_connection` if it never left.
        reason: String,
        /// Whether a quota of a day, a month or the like is used up: another attempt within minutes is in vain.
        daily: bool,
    },
    /// It was surely not accepted, and never will be.
    Refused {
        /// The error code, or the provider's reason, such as `MessageRejected`.
        reason: String,
    },
    /// It may have been accepted or not. It must not be sent again unless the provider's events tell.
    Unknown {
        /// `timed_out`, `connection_lost`, `unreadable_answer`, or the code of a server error.
        reason: String,
    },
}

impl Sent {
    pub(crate) fn unknown(reason: &str) -> Self {
        Self::Unknown { reason: reason.to_owned() }
    }
}

/// What a failed call says of its message, whoever the provider is. `Err`: it was answered that the message was not
/// accepted, or it was never sent; what the code means is the provider's.
///
/// Only an answer of status 4xx, and one that names throttling, says for sure that nothing was accepted. A status of
/// 200 whose body makes no sense is an error of the SDK's too.
pub(crate) fn outcome<E: ProvideErrorMetadata>(
    operation: &str,
    error: &SdkError<E, HttpResponse>,
) -> Result<Sent, Error> {
    // Without what AWS says of an invalid request, which may be an address.
    let failed = classify(operation, error);
    match error {
        SdkError::ConstructionFailure(_) => Err(failed),
        SdkError::DispatchFailure(failure) if never_connected(failure) => {
            Ok(Sent::Postponed { reason: "no_connection".to_owned(), daily: false })
        }
        SdkError::DispatchFailure(failure) if !failure.is_timeout() => Ok(Sent::unknown("connection_lost")),
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => Ok(Sent::unknown("timed_out")),
        SdkError::ServiceError(refused) => {
            let code = refused.err().code().filter(|code| !code.is_empty());
            let is_refusal = (400..500).contains(&refused.raw().status().as_u16());
            match failed.error_type() {
                "Throttled" => Ok(throttled(code, refused.err().message())),
                "TimedOut" | "ServerError" => Ok(Sent::unknown(code.unwrap_or("server_error"))),
                _ if is_refusal => Err(failed),
                _ => Ok(Sent::unknown("unreadable_answer")),
            }
        }
        _ => Ok(Sent::unknown("unreadable_answer")),
    }
}

/// Whether there never was a connection that the message could have gone through.
fn never_connected(failure: &DispatchFailure) -> bool {
    let error = failure.as_connector_error().map(|error| error as &(dyn std::error::Error + 'static));
    let mut causes = std::iter::successors(error, |error| error.source());
    causes.any(|cause| cause.downcast_ref::<HttpError>().is_some_and(HttpError::is_connect))
}

/// The rate and the daily quota of SES have one code and differ in the message: `Maximum sending rate exceeded` and
/// `Daily message quota exceeded` (Amazon SES Developer Guide, "Errors related to the sending quotas").
fn throttled(code: Option<&str>, said: Option<&str>) -> Sent {
    let daily = said.is_some_and(|said| said.to_ascii_lowercase().contains("daily"));
    Sent::Postponed { reason: code.unwrap_or("throttled").to_owned(), daily }
}
