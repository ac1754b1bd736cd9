mod ports;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::clock::Clock;
use eventide_kit::error::Error;
use eventide_kit::ledger::MemoryLedger;
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::provider::{News, Origin};
use eventide_types::campaign::record::Shard;
use eventide_types::campaign::verdict::Scored;
use eventide_types::campaign::{Campaign, ContentId};
use time::OffsetDateTime;

use super::Progress;
use super::pace::Grants;
use crate::faults::Faults;

/// Calls that can be made to fail, and are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`Campaigns::campaign`](super::Campaigns::campaign)
    Campaign,
    /// [`Campaigns::put`](super::Campaigns::put)
    Put,
    /// [`Campaigns::due`](super::Campaigns::due)
    Due,
    /// [`Scores::scores`](super::Scores::scores)
    Scores,
    /// [`Scores::keep`](super::Scores::keep)
    Keep,
    /// [`Decisions::decide`](super::Decisions::decide)
    Decide,
    /// [`Decisions::decisions`](super::Decisions::decisions)
    Decisions,
    /// [`Shards::create`](super::Shards::create)
    Create,
    /// [`Shards::announce`](super::Shards::announce)
    Announce,
    /// [`Shards::shard`](super::Shards::shard)
    Shard,
    /// [`Shards::move_on`](super::Shards::move_on)
    MoveOn,
    /// [`Shards::close`](super::Shards::close)
    Close,
    /// [`Shards::progress`](super::Shards::progress)
    Progress,
    /// [`Shards::due_shards`](super::Shards::due_shards)
    DueShards,
    /// [`Origins::remember`](super::Origins::remember)
    Remember,
    /// [`Origins::origin`](super::Origins::origin)
    Origin,
    /// [`Outcomes::record`](super::Outcomes::record)
    Record,
    /// [`Outcomes::known`](super::Outcomes::known)
    Known,
    /// [`Reports::request`](super::Reports::request)
    Request,
    /// [`Reports::due_reports`](super::Reports::due_reports)
    DueReports,
    /// [`Reports::written`](super::Reports::written)
    Written,
    /// [`Pace::take`](super::Pace::take)
    Take,
}

/// All of the [ports](crate::campaigns) in memory. Clones share their state.
///
/// Without [`with_ledger`](Self::with_ledger) no message has an entry, and without
/// [`with_clock`](Self::with_clock) no scores expire.
#[derive(Clone, Default)]
pub struct FakeCampaigns {
    tables: Arc<Mutex<Tables>>,
    ledger: Option<MemoryLedger>,
    clock: Option<Arc<dyn Clock>>,
}

impl fmt::Debug for FakeCampaigns {
    /// Without content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeCampaigns").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Tables {
    campaigns: BTreeMap<String, Campaign>,
    /// By classifier and content, with when they expire.
    scores: BTreeMap<(String, ContentId), (Scored, OffsetDateTime)>,
    decisions: BTreeMap<(String, ContentId), Decision>,
    shards: BTreeMap<String, Shard>,
    /// By campaign and upload, with the generations that were announced.
    progress: BTreeMap<(String, String), (Progress, BTreeSet<String>)>,
    /// By a provider's id.
    origins: BTreeMap<String, Origin>,
    outcomes: BTreeMap<String, News>,
    reports: BTreeMap<String, Due>,
    rates: BTreeMap<String, Grants>,
    /// What the indexes say while they lag.
    stale: Option<Indexes>,
    /// Campaigns that another writes meanwhile.
    meanwhile: Vec<(Operation, Campaign)>,
    faults: Faults<Operation>,
    calls: HashMap<Operation, usize>,
}

/// When a report is due and, for what was asked for later, when another is.
#[derive(Clone, Copy, Default)]
struct Due {
    at: Option<OffsetDateTime>,
    again: Option<OffsetDateTime>,
}

/// What is due when, each by its time.
#[derive(Clone, Default)]
struct Indexes {
    campaigns: Vec<(OffsetDateTime, String)>,
    shards: Vec<(OffsetDateTime, String)>,
    reports: Vec<(OffsetDateTime, String)>,
}

impl Tables {
    fn indexes(&self) -> Indexes {
        if let Some(stale) = &self.stale {
            return stale.clone();
        }
        let campaigns = self.campaigns.values().filter_map(|campaign| Some((campaign.due_at?, &campaign.id)));
        let shards = self.shards.values().filter(|shard| !shard.closed);
        Indexes {
            campaigns: sorted(campaigns),
            shards: sorted(shards.map(|shard| (shard.due_at, &shard.key))),
            reports: sorted(self.reports.iter().filter_map(|(campaign, due)| Some((due.at?, campaign)))),
        }
    }
}

/// Times as they are kept: to the millisecond.
fn sorted<'a>(due: impl Iterator<Item = (OffsetDateTime, &'a String)>) -> Vec<(OffsetDateTime, String)> {
    let mut due: Vec<_> = due.map(|(at, name)| (at.truncate_to_millisecond(), name.clone())).collect();
    due.sort();
    due
}

fn due_by(
    index: Vec<(OffsetDateTime, String)>,
    by: OffsetDateTime,
    most: usize,
) -> impl Iterator<Item = (String, OffsetDateTime)> {
    index.into_iter().filter(move |(at, _)| *at <= by).take(most).map(|(at, name)| (name, at))
}

impl FakeCampaigns {
    /// Reads messages' entries from this ledger.
    #[must_use]
    pub fn with_ledger(self, ledger: MemoryLedger) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    /// Tells by this clock whether scores have expired.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// The next call of `operation` without such a failure before it changes nothing and fails with `error`.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.tables().faults.push(operation, error);
    }

    /// While the next call of `operation` is on its way, another writes this campaign, whatever its revision.
    pub fn meanwhile(&self, operation: Operation, campaign: Campaign) {
        self.tables().meanwhile.push((operation, campaign));
    }

    /// How often `operation` was called, failures included.
    pub fn calls(&self, operation: Operation) -> usize {
        self.tables().calls.get(&operation).copied().unwrap_or_default()
    }

    /// From now on, what is said to be due is what is due at this moment; `false`: the indexes catch up.
    pub fn index_lag(&self, lags: bool) {
        let mut tables = self.tables();
        tables.stale = lags.then(|| tables.indexes());
    }

    /// All campaigns, by their ids.
    pub fn all_campaigns(&self) -> Vec<Campaign> {
        self.tables().campaigns.values().cloned().collect()
    }

    /// All scores with their classifiers.
    pub fn all_scores(&self) -> Vec<(String, Scored)> {
        let tables = self.tables();
        tables.scores.iter().map(|((of, _), (scored, _))| (of.clone(), scored.clone())).collect()
    }

    /// All decisions, by campaign and content.
    pub fn all_decisions(&self) -> Vec<Decision> {
        self.tables().decisions.values().cloned().collect()
    }

    /// All shards, by their keys.
    pub fn all_shards(&self) -> Vec<Shard> {
        self.tables().shards.values().cloned().collect()
    }

    /// The messages that providers' ids stand for.
    pub fn all_origins(&self) -> BTreeMap<String, Origin> {
        self.tables().origins.clone()
    }

    /// The last word on each message, by its entry.
    pub fn all_outcomes(&self) -> Vec<News> {
        self.tables().outcomes.values().cloned().collect()
    }

    /// When a campaign's report is due, whatever the indexes say.
    pub fn report_due(&self, campaign: &str) -> Option<OffsetDateTime> {
        self.tables().reports.get(campaign)?.at
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn checked(&self, operation: Operation) -> Result<MutexGuard<'_, Tables>, Error> {
        let mut tables = self.tables();
        *tables.calls.entry(operation).or_default() += 1;
        if let Some(place) = tables.meanwhile.iter().position(|(of, _)| *of == operation) {
            let (_, campaign) = tables.meanwhile.remove(place);
            let revision = tables.campaigns.get(&campaign.id).map_or(1, |current| current.revision + 1);
            tables.campaigns.insert(campaign.id.clone(), Campaign { revision, ..campaign });
        }
        tables.faults.check(operation)?;
        Ok(tables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaigns::contract::{NOON, campaign, shard};
    use crate::campaigns::{Campaigns as _, Reports as _, Shards as _};

    #[tokio::test]
    async fn calls_fail_as_ordered_and_are_counted() {
        let fake = FakeCampaigns::default();
        fake.fail_next(Operation::Put, Error::retryable("Throttled", "x"));
        let mut spring = campaign("spring");
        assert!(fake.clone().put(&mut spring).await.is_err());
        assert!(fake.all_campaigns().is_empty(), "nothing changed");
        assert!(fake.put(&mut spring).await.unwrap());
        assert_eq!(fake.all_campaigns(), [spring]);
        assert_eq!((fake.calls(Operation::Put), fake.calls(Operation::Due)), (2, 0));
    }

    #[tokio::test]
    async fn indexes_that_lag_say_what_was() {
        let fake = FakeCampaigns::default();
        let open = shard("spring", 0);
        fake.create(std::slice::from_ref(&open)).await.unwrap();
        fake.index_lag(true);
        fake.close(&open).await.unwrap();
        fake.put(&mut campaign("spring")).await.unwrap();
        fake.request("spring", NOON).await.unwrap();
        assert_eq!(fake.due_shards(NOON, 9).await.unwrap(), [open.key.as_str()], "closed since");
        assert!(fake.due(NOON, 9).await.unwrap().is_empty(), "new since");
        assert!(fake.due_reports(NOON, 9).await.unwrap().is_empty(), "asked for since");
        assert_eq!(
            fake.shard(&open.key).await.unwrap().map(|shard| shard.closed),
            Some(true),
            "read consistently"
        );
        assert_eq!(fake.report_due("spring"), Some(NOON.truncate_to_millisecond()));
        fake.index_lag(false);
        assert!(fake.due_shards(NOON, 9).await.unwrap().is_empty());
        assert_eq!(fake.due(NOON, 9).await.unwrap(), ["spring"]);
        assert_eq!(fake.due_reports(NOON, 9).await.unwrap().len(), 1);
    }
}
