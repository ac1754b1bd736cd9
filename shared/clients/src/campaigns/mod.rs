//! What the compliance screening's functions share in DynamoDB: campaigns, scores, decisions, shards and
//! outcomes.
//!
//! All of it lives in the ledger table (`pk`), beside the effects of [`eventide_kit::ledger`]. Only scores
//! and origins expire.
//!
//! | `pk` | what it is |
//! |---|---|
//! | `campaign#<id>` | a campaign; `open` and `due_at` (of the index) while somebody has to look after it |
//! | `scores#<classifier>#<content>` | what the classifier said of a content |
//! | `decision#<campaign>#<content>` | what a person decided about a content |
//! | `shard#<key>` | a part of the sending; `open` and `due_at` while there is something left to do |
//! | `progress#<campaign>#<upload>` | how many shards there are, and how many of them are closed |
//! | `origin#<message id>` | which message a provider's own id stands for |
//! | `outcome#<entry>` | the last word of a message's provider |
//! | `report#<campaign>` | that a report is to be written; `open` and `due_at` |
//! | `pace#<name>` | what was taken of a rate in the last second |
//!
//! What a function's role needs, on the table and, for `Query`, on its index `open`:
//!
//! | call | actions |
//! |---|---|
//! | [`Campaigns::campaign`] | `dynamodb:GetItem` |
//! | [`Campaigns::put`] | `dynamodb:PutItem` |
//! | [`Campaigns::due`] | `dynamodb:Query` |
//! | [`Scores::scores`] | `dynamodb:BatchGetItem` |
//! | [`Scores::keep`] | `dynamodb:BatchWriteItem` |
//! | [`Decisions::decide`] | `dynamodb:PutItem` |
//! | [`Decisions::decisions`] | `dynamodb:BatchGetItem` |
//! | [`Shards::create`], [`Shards::move_on`] | `dynamodb:PutItem` |
//! | [`Shards::announce`] | `dynamodb:UpdateItem` |
//! | [`Shards::shard`], [`Shards::progress`] | `dynamodb:GetItem` |
//! | [`Shards::close`] | `dynamodb:UpdateItem`, `dynamodb:GetItem` |
//! | [`Shards::due_shards`] | `dynamodb:Query` |
//! | [`Origins::remember`] | `dynamodb:PutItem` |
//! | [`Origins::origin`] | `dynamodb:GetItem` |
//! | [`Outcomes::record`] | `dynamodb:PutItem` |
//! | [`Outcomes::known`] | `dynamodb:BatchGetItem` |
//! | [`Reports::request`], [`Reports::written`] | `dynamodb:UpdateItem` |
//! | [`Reports::due_reports`] | `dynamodb:Query` |
//! | [`Pace::take`] | `dynamodb:UpdateItem` |
//!
//! `TransactWriteItems`, by which a shard is closed, has no action of its own: its updates need
//! `dynamodb:UpdateItem` (Amazon DynamoDB Developer Guide, "Using IAM with DynamoDB transactions").
//!
//! All of them fail with `Environment.TableNotFound`, with `Retryable.Throttled` when DynamoDB leaves parts
//! of a call undone time after time, with `Retryable.TransactionConflict` when others' closing of shards is
//! in the way time after time, with `Permanent.UnreadableItem`, and as [`eventide_kit::aws::classify`] says.

#[cfg(feature = "testing")]
pub mod contract;
mod dynamodb;
#[cfg(feature = "event-bus")]
mod fail;
#[cfg(feature = "testing")]
mod fake;
mod pace;
#[cfg(feature = "testing")]
mod tap;
mod update;

use std::time::Duration;

pub use dynamodb::DynamoDbCampaigns;
use eventide_kit::error::Error;
use eventide_kit::ledger::Entry;
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::provider::{News, Origin, Outcome};
use eventide_types::campaign::record::Shard;
use eventide_types::campaign::verdict::Scored;
use eventide_types::campaign::{Campaign, ContentId};
#[cfg(feature = "event-bus")]
pub use fail::{fail, tell_failed};
#[cfg(feature = "testing")]
pub use fake::{FakeCampaigns, Operation};
use time::OffsetDateTime;
pub use update::update;

/// Days after which scores are asked for anew.
pub const SCORE_DAYS: i64 = 180;
/// Days after which a provider's id of a message is forgotten. AWS End User Messaging tells of an SMS for 72
/// hours at most (its User Guide, "Messaging Events").
pub const ORIGIN_DAYS: i64 = 30;

/// The campaigns.
pub trait Campaigns: Send + Sync {
    /// The campaign of that id, read consistently.
    fn campaign(&self, id: &str) -> impl Future<Output = Result<Option<Campaign>, Error>> + Send;
    /// Writes a campaign over the revision that it says, and counts the revision up: 0 for one that is not
    /// there. `false`: it was written by another meanwhile, and nothing changed. A repeat of a write that
    /// succeeded, of which only the answer was lost, is `true`. A record that does not fit into an item (400
    /// KB) is `Permanent.CampaignTooLong`.
    fn put(&self, campaign: &mut Campaign) -> impl Future<Output = Result<bool, Error>> + Send;
    /// Ids of campaigns that are due by then, the longest due first, at most `most`. An index is asked, which
    /// may be some seconds behind.
    fn due(&self, by: OffsetDateTime, most: usize)
    -> impl Future<Output = Result<Vec<String>, Error>> + Send;
}

/// What the classifier said of contents, whatever campaign they were in.
pub trait Scores: Send + Sync {
    /// The scores of these contents by this classifier version, in the order asked for; `None` for those
    /// never scored, or longer than [`SCORE_DAYS`] ago, by the store's own clock. Any number, repeats
    /// allowed; a call of DynamoDB takes 100.
    fn scores(
        &self,
        classifier: &str,
        contents: &[ContentId],
    ) -> impl Future<Output = Result<Vec<Option<Scored>>, Error>> + Send;
    /// Keeps scores, the last of those of the same content. Any number; a call of DynamoDB takes 25. Scores
    /// that do not fit into an item (400 KB) are not kept.
    fn keep(
        &self,
        classifier: &str,
        scored: &[Scored],
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What people decided about contents.
pub trait Decisions: Send + Sync {
    /// Keeps a decision unless there is one: the decision that stands.
    fn decide(&self, decision: &Decision) -> impl Future<Output = Result<Decision, Error>> + Send;
    /// The decisions about these contents of a campaign, in the order asked for.
    fn decisions(
        &self,
        campaign: &str,
        contents: &[ContentId],
    ) -> impl Future<Output = Result<Vec<Option<Decision>>, Error>> + Send;
}

/// How far the sending of an upload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Shards that were announced, tests not counted.
    pub total: u64,
    /// Of them, those that are closed.
    pub closed: u64,
}

impl Progress {
    /// Whether there is nothing left to send.
    pub const fn is_complete(self) -> bool {
        self.closed >= self.total
    }
}

/// The parts of the sending.
pub trait Shards: Send + Sync {
    /// Creates shards that are not there yet; those that are stay as they are.
    fn create(&self, shards: &[Shard]) -> impl Future<Output = Result<(), Error>> + Send;
    /// Adds the number of shards of a generation to the progress of an upload, once, after all of them were
    /// created.
    fn announce(
        &self,
        campaign: &str,
        upload: &str,
        generation: &str,
        shards: u64,
    ) -> impl Future<Output = Result<Progress, Error>> + Send;
    /// The shard of that key, read consistently.
    fn shard(&self, key: &str) -> impl Future<Output = Result<Option<Shard>, Error>> + Send;
    /// Writes an open shard over the revision that it says, and counts the revision up. `false`: another
    /// wrote it meanwhile, or it is closed. A repeat of a write that succeeded is `true`. A shard that says
    /// itself that it is closed is `Permanent.InvalidRequest`.
    fn move_on(&self, shard: &mut Shard) -> impl Future<Output = Result<bool, Error>> + Send;
    /// Closes a shard, as it is given, and counts it, once however often it is called, whatever its revision.
    /// One that was never created is `Permanent.UnknownShard`.
    fn close(&self, shard: &Shard) -> impl Future<Output = Result<Progress, Error>> + Send;
    /// How far an upload is, read consistently.
    fn progress(&self, campaign: &str, upload: &str) -> impl Future<Output = Result<Progress, Error>> + Send;
    /// Keys of open shards that are due by then, the longest due first, at most `most`. An index is asked,
    /// which may be some seconds behind.
    fn due_shards(
        &self,
        by: OffsetDateTime,
        most: usize,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
}

/// Which messages the ids stand for that a provider gave them.
pub trait Origins: Send + Sync {
    /// Remembers for [`ORIGIN_DAYS`] which message an id stands for. The id is the provider's, and no two
    /// messages have the same: what is remembered of it is written over.
    fn remember(
        &self,
        message_id: &str,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;
    /// The message that an id stands for, read consistently; `None`: it is of somebody else's message, or was
    /// not remembered yet, or is forgotten.
    fn origin(&self, message_id: &str) -> impl Future<Output = Result<Option<Origin>, Error>> + Send;
}

/// What is known of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Its entry in the ledger.
    pub entry: Option<Entry>,
    /// The provider's last word.
    pub outcome: Option<(Outcome, Option<String>, OffsetDateTime)>,
}

/// What became of messages.
pub trait Outcomes: Send + Sync {
    /// Keeps what a provider says of a message, unless it said as much or more before. `true`: this is news.
    fn record(&self, news: &News) -> impl Future<Output = Result<bool, Error>> + Send;
    /// What is known of messages, by their entries, in the order asked for, read consistently, times to the
    /// millisecond. Any number, repeats allowed; a call of DynamoDB takes 50, each of which is two items.
    fn known(&self, entries: &[String]) -> impl Future<Output = Result<Vec<Known>, Error>> + Send;
}

/// Reports that are to be written. Times are kept to the millisecond.
pub trait Reports: Send + Sync {
    /// A campaign's report is to be written at this time, unless it is already to be written sooner. Then,
    /// since that one may be being written already, another is due after it, at this time: whoever asks, a
    /// report is begun after that.
    fn request(&self, campaign: &str, at: OffsetDateTime) -> impl Future<Output = Result<(), Error>> + Send;
    /// Campaigns whose report is due by then with when it is due, the longest due first, at most `most`. An
    /// index is asked, which may be some seconds behind.
    fn due_reports(
        &self,
        by: OffsetDateTime,
        most: usize,
    ) -> impl Future<Output = Result<Vec<(String, OffsetDateTime)>, Error>> + Send;
    /// The report that was due at this time, as [`due_reports`](Self::due_reports) told it before the report
    /// was begun, is written. One asked for since stays due.
    fn written(
        &self,
        campaign: &str,
        due_at: OffsetDateTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What a rate leaves room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// So many now, at least one.
    For(u32),
    /// None, until so long from now.
    After(Duration),
}

/// Rates that concurrent invocations keep together.
pub trait Pace: Send + Sync {
    /// Takes up to `want` permits of a rate (0 counts as 1), of which unused ones gather for at most one
    /// second: never more than `per_second` (rounded down, but to no less than one) in any second, give or
    /// take the clocks' difference. A rate below one leaves one permit in as long as that takes, a rate of
    /// nothing none. What is taken is not given back; who loses too many races against others is sent away
    /// for less than a second.
    fn take(
        &self,
        name: &str,
        per_second: f64,
        want: u32,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Room, Error>> + Send;
}
