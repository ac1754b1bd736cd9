//! Idempotency with Powertools' semantics: a request that comes twice is answered once, and the answer is
//! replayed.
//!
//! | the record of the key | what [`Idempotency::run`] does |
//! |---|---|
//! | absent, or expired | one conditional write; runs the work; stores its result, or removes the record |
//! | completed | one failed write that brings the record along; replays the stored result |
//! | completed, of another payload | as above, but `Permanent.PayloadMismatch` |
//! | in progress | as above, but `Retryable.AlreadyInProgress` |
//! | in progress, its invocation's deadline passed | the invocation died: as if absent |
//!
//! It works a record at a time, so a batch may run each of its records through it.
//!
//! This is for answers that **may be computed again**: records expire, and if the result cannot be stored the
//! work is done again. What must not happen twice, such as an email, belongs in the
//! [`ledger`](crate::ledger).
//!
//! ```
//! use eventide_kit::{
//!     deadline::Deadline,
//!     error::Error,
//!     idempotency::{Idempotency, Store, key_from},
//! };
//! use serde_json::Value;
//!
//! async fn order(
//!     idempotency: &Idempotency<impl Store>,
//!     event: &Value,
//!     deadline: &Deadline,
//! ) -> Result<u32, Error> {
//!     let key = key_from(event, &["/detail/customer", "/detail/order"])?;
//!     idempotency.run(&key, &event["detail"], deadline, || async { Ok(17) }).await
//! }
//! ```

use std::{fmt, future::Future, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use time::{OffsetDateTime, SignedDuration};

use crate::{clock::Clock, deadline::Deadline, error::Error};

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod key;
#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(feature = "dynamodb")]
pub use dynamodb::DynamoDbStore;
pub use key::key_from;
pub(crate) use key::nonce;
#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryStore;

/// Whether the work behind a record is being done or has been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// An invocation is doing it, or died doing it.
    InProgress,
    /// It is done and its result stored.
    Completed,
}

impl Status {
    /// The name under which the status is stored, Powertools' own.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "INPROGRESS",
            Self::Completed => "COMPLETED",
        }
    }
}

/// What a [`Store`] keeps of one key. Times are kept to the second (`expiration`) or the millisecond.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The function's name and a hash of the key: `finding-enrich#9f86d0…`.
    pub id: String,
    /// Tells one run of the work from any other.
    pub owner: String,
    /// Whether the work is done.
    pub status: Status,
    /// From when on the record counts as absent.
    pub expiration: OffsetDateTime,
    /// From when on a record in progress counts as absent: the deadline of the invocation that wrote it.
    pub in_progress_expiration: OffsetDateTime,
    /// A hash of the payload.
    pub validation: String,
    /// The result as JSON, once completed. It must fit a DynamoDB item (400 KB) with the rest of the record.
    pub data: Option<String>,
}

/// Without `data`, which is content.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("status", &self.status)
            .field("expiration", &self.expiration)
            .field("in_progress_expiration", &self.in_progress_expiration)
            .field("validation", &self.validation)
            .finish_non_exhaustive()
    }
}

/// The answer to [`Store::begin`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The record was written: the work is the caller's.
    Fresh,
    /// This record stands in the way.
    Existing(Record),
}

/// Where records are kept.
pub trait Store: Send + Sync {
    /// Writes `record` unless one of that id stands that has not expired at `now`, in one conditional write.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer.
    fn begin(
        &self,
        record: &Record,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Begun, Error>> + Send;

    /// Replaces the record by its completed form if it still is the owner's; `false` if it is not.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer.
    fn complete(&self, record: &Record) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Removes the record if it still is the owner's.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer.
    fn remove(&self, record: &Record) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Runs work at most once a key, as long as the key's record lasts.
#[derive(Debug, Clone)]
pub struct Idempotency<S> {
    function: String,
    store: S,
    clock: Arc<dyn Clock>,
    expires_after: SignedDuration,
}

impl<S: Store> Idempotency<S> {
    /// Records are kept in `store` under the name of `function` and replayed for one hour.
    pub fn new(function: impl Into<String>, store: S, clock: Arc<dyn Clock>) -> Self {
        Self { function: function.into(), store, clock, expires_after: SignedDuration::HOUR }
    }

    /// Replays results for `expires_after`.
    #[must_use]
    pub fn with_expiry(mut self, expires_after: SignedDuration) -> Self {
        self.expires_after = expires_after;
        self
    }

    /// Runs `work`, or replays its stored result. `key` says which request this is, `payload` is what must be
    /// the same whenever that request comes again, and until `deadline` no other invocation takes the work
    /// over.
    ///
    /// # Errors
    ///
    /// The work's own error, after which the record is gone and the request may come again;
    /// `Retryable.AlreadyInProgress`; `Permanent.PayloadMismatch`; `Permanent.UnreadableResult` if the stored
    /// result is no `R`; or the store's own. If only the result could not be stored, the request is done anew
    /// once `deadline` has passed.
    pub async fn run<P, R, F, Fut>(
        &self,
        key: &str,
        payload: &P,
        deadline: &Deadline,
        work: F,
    ) -> Result<R, Error>
    where
        P: Serialize + ?Sized,
        R: Serialize + DeserializeOwned,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, Error>>,
    {
        let now = self.clock.now();
        if deadline.expires_at() <= now {
            return Err(Error::retryable(
                "DeadlineExceeded",
                "the invocation's time was up before the work began",
            ));
        }
        let mut record = Record {
            id: format!("{}#{}", self.function, key::digest(key.as_bytes())),
            owner: nonce(),
            status: Status::InProgress,
            // Never before the deadline, or another could begin while this one works.
            expiration: (now.saturating_add(self.expires_after).truncate_to_second())
                .max(deadline.expires_at().truncate_to_second() + SignedDuration::SECOND),
            in_progress_expiration: deadline.expires_at().truncate_to_millisecond(),
            validation: key::digest_json(payload)?,
            data: None,
        };
        if let Begun::Existing(existing) = self.store.begin(&record, now).await? {
            return replay(&existing, &record);
        }
        let result = match work().await {
            Ok(result) => result,
            Err(error) => {
                if let Err(cause) = self.store.remove(&record).await {
                    tracing::warn!(id = record.id, error = %cause, "idempotency record not removed");
                }
                return Err(error);
            }
        };
        let data = serde_json::to_string(&result).map_err(|error| {
            Error::permanent("UnstorableResult", "the result is not representable in JSON").with_source(error)
        })?;
        record.status = Status::Completed;
        record.data = Some(data);
        record.expiration = self.clock.now().saturating_add(self.expires_after).truncate_to_second();
        if !self.store.complete(&record).await? {
            tracing::warn!(id = record.id, "idempotency record was taken over before the work was done");
        }
        Ok(result)
    }
}

fn replay<R: DeserializeOwned>(existing: &Record, wanted: &Record) -> Result<R, Error> {
    let id = &existing.id;
    if existing.status == Status::InProgress {
        return Err(Error::retryable("AlreadyInProgress", format!("request `{id}` is being worked on")));
    }
    if existing.validation != wanted.validation {
        return Err(Error::permanent(
            "PayloadMismatch",
            format!("request `{id}` came before with another payload, expected the same"),
        ));
    }
    tracing::debug!(id, "stored result replayed");
    // serde's own message would quote the result.
    serde_json::from_str(existing.data.as_deref().unwrap_or_default()).map_err(|_content| {
        Error::permanent("UnreadableResult", format!("the stored result of request `{id}` has another shape"))
    })
}
