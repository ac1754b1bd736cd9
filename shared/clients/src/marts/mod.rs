//! What the data marts' functions share in DynamoDB: the catalogue, the requests and the usage.
//!
//! Catalogue and requests live in the ledger table (`pk`), usage in a table of its own (`month`, `statement`) whose
//! items do not expire.
//!
//! | `pk` | what it is |
//! |---|---|
//! | `mart#<name>` | the mart in force, or what is left of it: the file it came from, and its sequencer |
//! | `marts` | the names of all marts, in one item |
//! | `deployment#<key>` | where a mart's file stands |
//! | `request#<token>` | a request; `open` and `moved_at` while it is on its way, by which the index `open` finds it |

#[cfg(feature = "testing")]
pub mod contract;
mod dynamodb;
#[cfg(feature = "testing")]
mod fake;

pub use dynamodb::{DynamoDbMarts, DynamoDbUsages};
use eventide_kit::error::Error;
use eventide_types::mart::Mart;
use eventide_types::mart::request::{Record, State};
#[cfg(feature = "testing")]
pub use fake::{FakeMarts, FakeUsages, Hold, Operation};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Days until a request's record expires.
pub const RECORD_DAYS: i64 = 30;

/// Where a mart's file stands that is being deployed. One per key of the mart bucket.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The object in the mart bucket.
    pub key: String,
    /// The newest sequencer seen of this key: what S3 orders its versions by.
    pub sequencer: String,
    /// Its version in the bucket; `None`: the file was deleted.
    pub version_id: Option<String>,
    /// `building`, `swapping`, `dropping`, `in-force`, `rejected`, `withdrawn`
    pub state: String,
    /// Why it was rejected, with the line.
    pub reason: Option<String>,
    /// The mart as it will be in force when the statements have ended.
    pub mart: Option<Mart>,
    /// When it last moved.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl std::fmt::Debug for Deployment {
    /// Without reason and mart, which are content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deployment")
            .field("key", &self.key)
            .field("sequencer", &self.sequencer)
            .field("version_id", &self.version_id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What came of an attempt to record a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is recorded.
    Yes,
    /// A version of a later sequencer is known.
    Overtaken,
    /// This version has moved on already.
    MovedOn,
}

/// What one statement cost, and whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// The month, in UTC: `2026-11`.
    pub month: String,
    /// The statement's id, so that a repeat counts once.
    pub statement_id: String,
    /// The team that pays.
    pub owner: String,
    /// The mart.
    pub mart: String,
    /// `query`, `deploy` or `refresh`
    pub purpose: String,
    /// The cluster or workgroup.
    pub warehouse: String,
    /// How it ended: `finished`, `failed` or `aborted`.
    pub outcome: String,
    /// Milliseconds that it ran.
    pub milliseconds: u64,
    /// Rows of its result; 0 as long as they are not known, as of an unloaded one before its manifest is read.
    pub rows: u64,
    /// Bytes of its result: as Redshift counts them, or of the files that the warehouse unloaded. 0 as the rows.
    pub bytes: u64,
}

#[cfg(feature = "redshift-data")]
impl Usage {
    /// What a statement cost, booked on the month of `at`. `None`: it has not ended.
    pub fn of(
        described: &crate::redshift_data::Described,
        at: OffsetDateTime,
        purpose: &str,
        owner: &str,
        mart: &str,
        warehouse: &str,
    ) -> Option<Self> {
        use crate::redshift_data::Status;

        let outcome = match described.status {
            Status::Running => return None,
            Status::Finished => "finished",
            Status::Failed => "failed",
            Status::Aborted => "aborted",
        };
        let at = at.to_offset(time::UtcOffset::UTC);
        Some(Self {
            month: format!("{:04}-{:02}", at.year(), u8::from(at.month())),
            statement_id: described.id.clone(),
            owner: owner.to_owned(),
            mart: mart.to_owned(),
            purpose: purpose.to_owned(),
            warehouse: warehouse.to_owned(),
            outcome: outcome.to_owned(),
            milliseconds: described.nanoseconds / 1_000_000,
            rows: described.rows.unwrap_or(0),
            bytes: described.bytes.unwrap_or(0),
        })
    }
}

/// The marts in force.
pub trait Catalogue: Send + Sync {
    /// The mart of that name.
    fn mart(&self, name: &str) -> impl Future<Output = Result<Option<Mart>, Error>> + Send;
    /// The names of all marts, in order.
    fn names(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
    /// Puts a mart in force, unless a version of a later sequencer is, or was withdrawn. Another key's mart of the same
    /// name is `Permanent.NameTaken`. `false`: a later one is in force or was withdrawn.
    fn put_in_force(&self, mart: &Mart) -> impl Future<Output = Result<bool, Error>> + Send;
    /// Takes the mart of `key` out of force, unless a version of a later sequencer is in force. From then on no version
    /// of an earlier one can be put in force. `true`: it is out of force, now or since before. `false`: a later version
    /// is in force, the name is another key's, or there never was such a mart.
    fn withdraw(
        &self,
        name: &str,
        key: &str,
        sequencer: &str,
    ) -> impl Future<Output = Result<bool, Error>> + Send;
    /// The deployment of a key.
    fn deployment(&self, key: &str) -> impl Future<Output = Result<Option<Deployment>, Error>> + Send;
    /// Records a deployment, unless one of a later sequencer is recorded, or one of the same sequencer in a state that is
    /// neither the new one nor one of `from`.
    fn record(
        &self,
        deployment: &Deployment,
        from: &[&str],
    ) -> impl Future<Output = Result<Recorded, Error>> + Send;
}

/// The requests on their way.
pub trait Requests: Send + Sync {
    /// Accepts a request, or answers with the record of an earlier delivery of it. Records expire 30 days after they
    /// last moved. One that does not fit into an item (400 KB) is `Permanent.ItemTooLarge`, here and in `advance`.
    fn accept(&self, record: &Record) -> impl Future<Output = Result<Option<Record>, Error>> + Send;
    /// The record of a token.
    fn request(&self, token: &str) -> impl Future<Output = Result<Option<Record>, Error>> + Send;
    /// Moves a record from one of the states `from` to that of `record`, and keeps what it says. `false`: it is in
    /// another state, or gone.
    fn advance(&self, record: &Record, from: &[State]) -> impl Future<Output = Result<bool, Error>> + Send;
    /// Tokens of requests that have not moved since `before` and are neither delivered nor failed, those first that have
    /// not moved for longest, at most `limit`.
    fn stale(
        &self,
        before: OffsetDateTime,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
}

/// What statements cost.
pub trait Usages: Send + Sync {
    /// Records what a statement cost; once, however often it is called, and answers with what was recorded of it before.
    /// A repeat that knows of fewer rows or bytes changes nothing: it did not see the result.
    fn record(&self, usage: &Usage) -> impl Future<Output = Result<Option<Usage>, Error>> + Send;
    /// A page of a month's statements, and the token of the next.
    fn month(
        &self,
        month: &str,
        token: Option<String>,
    ) -> impl Future<Output = Result<(Vec<Usage>, Option<String>), Error>> + Send;
}

fn name_taken(name: &str) -> Error {
    let message = format!("the name `{name}` is that of another file's mart, expected a name of its own");
    Error::permanent("NameTaken", message)
}
