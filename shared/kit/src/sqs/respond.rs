use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use tracing::Instrument as _;

use super::{
    DeadLetters, Options, Processed, Record, SqsBatchResponse,
    dead_letters::{self, Taken},
};
use crate::error::{Class, Error};

/// The reply to a batch: who comes back. Sends the others that failed to `dead_letters`, and logs every
/// failure by id, type and reason, those of [`Class::Environment`] once a cause.
///
/// A letter that is refused for good because it is too long is sent with a shorter reason and, if it has to be, without
/// the last KiB of the body; its reason then says so.
///
/// # Errors
///
/// `Environment.UnreportableRecord` if a record without a message id could not be sent to the dead letters.
/// It cannot be reported either, so the whole batch has to come back: return the error from the handler.
pub async fn respond<T>(
    processed: Vec<Processed<T>>,
    options: &Options,
    dead_letters: &impl DeadLetters,
) -> Result<SqsBatchResponse, Error> {
    let failed = processed
        .into_iter()
        .filter_map(|Processed { record, result, span }| Some((record, result.err()?, span)));
    let settled: Vec<_> = stream::iter(failed)
        .map(|(record, error, span)| async move {
            let comes_back = settle(&record, &error, options, dead_letters).instrument(span).await;
            (record, error, comes_back)
        })
        .buffered(options.concurrency.max(1))
        .collect()
        .await;

    let mut response = SqsBatchResponse::default();
    let mut causes: BTreeMap<String, (usize, &Error)> = BTreeMap::new();
    for (record, error, comes_back) in &settled {
        if error.class() == Class::Environment && *comes_back {
            causes.entry(error.qualified_type()).or_insert((0, error)).0 += 1;
        }
        if *comes_back {
            response.add_failure(&record.message_id);
        }
    }
    for (error_type, (records, error)) in causes {
        tracing::error!(error_type, reason = %error, records, "records come back, by no fault of theirs");
    }
    if settled.iter().any(|(record, _, comes_back)| *comes_back && record.message_id.is_empty()) {
        return Err(Error::environment(
            "UnreportableRecord",
            "a record without `messageId` was not set aside, so the whole batch has to come back",
        ));
    }
    Ok(response)
}

/// Whether a record that failed comes back.
async fn settle(record: &Record, error: &Error, options: &Options, dead_letters: &impl DeadLetters) -> bool {
    if options.sets_aside(record, error) {
        return !set_aside(record, error, dead_letters).await;
    }
    if error.class() == Class::Retryable {
        log_retry(record, error);
    }
    true
}

/// Like every line about a record in its span, so its ids are known.
fn log_retry(record: &Record, error: &Error) {
    tracing::warn!(
        receive_count = record.receive_count,
        error_type = error.qualified_type(),
        reason = %error,
        "record failed and comes back"
    );
}

/// Whether the record is out of the way.
async fn set_aside(record: &Record, error: &Error, dead_letters: &impl DeadLetters) -> bool {
    let sent = dead_letters::send(dead_letters, record, error).await;
    let outcome = match &sent {
        Ok(Taken::Whole) => "record failed and was set aside".to_owned(),
        Ok(Taken::BriefReason) => "record failed and was set aside with a shorter reason".to_owned(),
        Ok(Taken::CutBody) => "record failed and was set aside without the end of its body".to_owned(),
        Err(cause) => format!("record failed and comes back, because it could not be set aside: {cause}"),
    };
    tracing::error!(
        receive_count = record.receive_count,
        error_type = error.qualified_type(),
        reason = %error,
        "{outcome}"
    );
    sent.is_ok()
}
