use std::{collections::BTreeMap, future::Future};

use futures_util::{StreamExt as _, stream};

use super::{Options, Processed, Record, SqsBatchResponse};
use crate::error::{Class, Error};

/// Where records go that must not come back: a queue that a person looks into, with an alarm on its depth.
pub trait DeadLetters: Send + Sync {
    /// Sends the record's body there, with the error's type and reason.
    ///
    /// # Errors
    ///
    /// If it was not, or may not have been, accepted; the record then comes back.
    fn send(&self, record: &Record, error: &Error) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The reply to a batch: who comes back. Sends the others that failed to `dead_letters`, and logs every
/// failure by id, type and reason, those of [`Class::Environment`] once a cause.
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
    let failed =
        processed.into_iter().filter_map(|Processed { record, result }| Some((record, result.err()?)));
    let settled: Vec<_> = stream::iter(failed)
        .map(|(record, error)| async move {
            let comes_back = match error.class() {
                Class::Permanent => !set_aside(&record, &error, dead_letters).await,
                // Out of a FIFO group nothing is taken that did not fail by itself: the order would be lost.
                Class::Environment if record.group.is_some() => true,
                _ if record.receive_count >= options.max_receives => {
                    !set_aside(&record, &error, dead_letters).await
                }
                Class::Environment => true,
                Class::Retryable => {
                    log_retry(&record, &error);
                    true
                }
            };
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

fn log_retry(record: &Record, error: &Error) {
    tracing::warn!(
        message_id = record.message_id,
        receive_count = record.receive_count,
        error_type = error.qualified_type(),
        reason = %error,
        "record failed and comes back"
    );
}

/// Whether the record is out of the way.
async fn set_aside(record: &Record, error: &Error, dead_letters: &impl DeadLetters) -> bool {
    let sent = dead_letters.send(record, error).await;
    let outcome = match &sent {
        Ok(()) => "record failed and was set aside".to_owned(),
        Err(cause) => format!("record failed and comes back, because it could not be set aside: {cause}"),
    };
    tracing::error!(
        message_id = record.message_id,
        receive_count = record.receive_count,
        error_type = error.qualified_type(),
        reason = %error,
        "{outcome}"
    );
    sent.is_ok()
}

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryDeadLetters;

#[cfg(any(test, feature = "testing"))]
mod memory {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::{DeadLetters, Error, Record};

    /// [`DeadLetters`] for tests. Clones share what was sent.
    #[derive(Debug, Clone, Default)]
    pub struct MemoryDeadLetters {
        sent: Arc<Mutex<Vec<(Record, String)>>>,
        refuses: bool,
    }

    impl MemoryDeadLetters {
        /// A queue that accepts nothing.
        pub fn refusing() -> Self {
            Self { refuses: true, ..Self::default() }
        }

        /// The records that were sent, each with the error's qualified type.
        pub fn sent(&self) -> Vec<(Record, String)> {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }

    impl DeadLetters for MemoryDeadLetters {
        async fn send(&self, record: &Record, error: &Error) -> Result<(), Error> {
            if self.refuses {
                return Err(Error::environment("Unreachable", "the dead-letter queue did not answer"));
            }
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push((record.clone(), error.qualified_type()));
            Ok(())
        }
    }
}
