use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use eventide_kit::error::Error;
use eventide_types::mart::Mart;
use eventide_types::mart::request::{Record, State};
use eventide_types::s3::compare_sequencers;
use time::OffsetDateTime;

use super::{Catalogue, Deployment, Recorded, Requests, Usage, Usages, name_taken};
use crate::faults::Faults;

/// Statements on a page of [`Usages::month`].
const PAGE: usize = 100;

/// Calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Catalogue::mart`]
    Mart,
    /// [`Catalogue::names`]
    Names,
    /// [`Catalogue::put_in_force`]
    PutInForce,
    /// [`Catalogue::withdraw`]
    Withdraw,
    /// [`Catalogue::deployment`]
    Deployment,
    /// [`Catalogue::record`]
    RecordDeployment,
    /// [`Requests::accept`]
    Accept,
    /// [`Requests::request`]
    Request,
    /// [`Requests::advance`]
    Advance,
    /// [`Requests::stale`]
    Stale,
    /// [`Usages::record`]
    RecordUsage,
    /// [`Usages::month`]
    Month,
}

/// [`Catalogue`] and [`Requests`] in memory. Nothing expires. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct FakeMarts(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    marts: BTreeMap<String, Entry>,
    deployments: BTreeMap<String, Deployment>,
    requests: BTreeMap<String, Record>,
    faults: Faults<Operation>,
    hold: Option<Ordered>,
}

/// A call that waits.
#[derive(Clone, Debug, Default)]
pub struct Hold(Arc<(AtomicBool, AtomicBool)>);

impl Hold {
    /// Waits until the call has come.
    pub async fn reached(&self) {
        until(&self.0.0).await;
    }

    /// Lets the call go on.
    pub fn release(&self) {
        self.0.1.store(true, SeqCst);
    }

    async fn wait(&self) {
        self.0.0.store(true, SeqCst);
        until(&self.0.1).await;
    }
}

async fn until(flag: &AtomicBool) {
    let set = |context: &mut Context<'_>| {
        if flag.load(SeqCst) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    };
    std::future::poll_fn(set).await;
}

#[derive(Debug)]
struct Ordered {
    operation: Operation,
    after: usize,
    hold: Hold,
}

impl Ordered {
    /// The hold, if this call is the one.
    fn is_for(&mut self, operation: Operation) -> Option<Hold> {
        if operation != self.operation {
            return None;
        }
        let left = self.after.checked_sub(1);
        // Those behind the one that waits do not.
        self.after = left.unwrap_or(usize::MAX);
        left.is_none().then(|| self.hold.clone())
    }
}

#[derive(Debug)]
struct Entry {
    key: String,
    sequencer: String,
    /// `None`: withdrawn.
    mart: Option<Mart>,
}

impl FakeMarts {
    /// The next call of `operation` without such a failure before it fails with `error`.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.tables().faults.push(operation, error);
    }

    /// The call of `operation` that follows so many more of them waits until it is let go, as that of a slow function.
    pub fn hold(&self, operation: Operation, after: usize) -> Hold {
        let hold = Hold::default();
        self.tables().hold = Some(Ordered { operation, after, hold: hold.clone() });
        hold
    }

    /// All records, by their tokens.
    pub fn records(&self) -> Vec<Record> {
        self.tables().requests.values().cloned().collect()
    }

    /// All deployments, by their keys.
    pub fn deployments(&self) -> Vec<Deployment> {
        self.tables().deployments.values().cloned().collect()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn checked(&self, operation: Operation) -> Result<MutexGuard<'_, Tables>, Error> {
        let hold = self.tables().hold.as_mut().and_then(|hold| hold.is_for(operation));
        if let Some(hold) = hold {
            hold.wait().await;
        }
        let mut tables = self.tables();
        tables.faults.check(operation)?;
        Ok(tables)
    }
}

impl Catalogue for FakeMarts {
    async fn mart(&self, name: &str) -> Result<Option<Mart>, Error> {
        let tables = self.checked(Operation::Mart).await?;
        Ok(tables.marts.get(name).and_then(|entry| entry.mart.clone()))
    }

    async fn names(&self) -> Result<Vec<String>, Error> {
        let tables = self.checked(Operation::Names).await?;
        Ok(tables
            .marts
            .iter()
            .filter(|(_, entry)| entry.mart.is_some())
            .map(|(name, _)| name.clone())
            .collect())
    }

    async fn put_in_force(&self, mart: &Mart) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::PutInForce).await?;
        let name = &mart.definition.name;
        if let Some(entry) = tables.marts.get(name) {
            if entry.key != mart.key && entry.mart.is_some() {
                return Err(name_taken(name));
            }
            if entry.key == mart.key && compare_sequencers(&entry.sequencer, &mart.sequencer).is_gt() {
                return Ok(false);
            }
        }
        let (key, sequencer) = (mart.key.clone(), mart.sequencer.clone());
        tables.marts.insert(name.clone(), Entry { key, sequencer, mart: Some(mart.clone()) });
        Ok(true)
    }

    async fn withdraw(&self, name: &str, key: &str, sequencer: &str) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::Withdraw).await?;
        let Some(entry) = tables.marts.get_mut(name).filter(|entry| entry.key == key) else {
            return Ok(false);
        };
        if compare_sequencers(&entry.sequencer, sequencer).is_gt() {
            return Ok(entry.mart.is_none());
        }
        entry.mart = None;
        entry.sequencer = sequencer.to_owned();
        Ok(true)
    }

    async fn deployment(&self, key: &str) -> Result<Option<Deployment>, Error> {
        Ok(self.checked(Operation::Deployment).await?.deployments.get(key).cloned())
    }

    async fn record(&self, deployment: &Deployment, from: &[&str]) -> Result<Recorded, Error> {
        let mut tables = self.checked(Operation::RecordDeployment).await?;
        if let Some(recorded) = tables.deployments.get(&deployment.key) {
            match compare_sequencers(&recorded.sequencer, &deployment.sequencer) {
                Ordering::Greater => return Ok(Recorded::Overtaken),
                Ordering::Equal
                    if recorded.state != deployment.state && !from.contains(&recorded.state.as_str()) =>
                {
                    return Ok(Recorded::MovedOn);
                }
                _ => {}
            }
        }
        tables.deployments.insert(deployment.key.clone(), deployment.clone());
        Ok(Recorded::Yes)
    }
}

impl Requests for FakeMarts {
    async fn accept(&self, record: &Record) -> Result<Option<Record>, Error> {
        let mut tables = self.checked(Operation::Accept).await?;
        super::dynamodb::check_record(record)?;
        if let Some(earlier) = tables.requests.get(&record.token) {
            return Ok((earlier != record).then(|| earlier.clone()));
        }
        tables.requests.insert(record.token.clone(), record.clone());
        Ok(None)
    }

    async fn request(&self, token: &str) -> Result<Option<Record>, Error> {
        Ok(self.checked(Operation::Request).await?.requests.get(token).cloned())
    }

    async fn advance(&self, record: &Record, from: &[State]) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::Advance).await?;
        super::dynamodb::check_record(record)?;
        let Some(current) = tables.requests.get_mut(&record.token) else { return Ok(false) };
        if !from.contains(&current.state) {
            return Ok(current == record);
        }
        *current = record.clone();
        Ok(true)
    }

    async fn stale(&self, before: OffsetDateTime, limit: usize) -> Result<Vec<String>, Error> {
        let tables = self.checked(Operation::Stale).await?;
        let open = tables.requests.values().filter(|record| !record.state.is_final());
        let mut stale: Vec<_> = open.filter(|record| record.updated_at < before).collect();
        stale.sort_by_key(|record| record.updated_at);
        Ok(stale.into_iter().take(limit).map(|record| record.token.clone()).collect())
    }
}

/// [`Usages`] in memory. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct FakeUsages(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    usages: BTreeMap<(String, String), Usage>,
    faults: Faults<Operation>,
}

impl FakeUsages {
    /// The next call of `operation` without such a failure before it fails with `error`.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.table().faults.push(operation, error);
    }

    /// Everything that was recorded, by month and statement.
    pub fn all(&self) -> Vec<Usage> {
        self.table().usages.values().cloned().collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usages for FakeUsages {
    async fn record(&self, usage: &Usage) -> Result<Option<Usage>, Error> {
        let mut table = self.table();
        table.faults.check(Operation::RecordUsage)?;
        let key = (usage.month.clone(), usage.statement_id.clone());
        let earlier = table.usages.get(&key).cloned();
        let knows_less = |earlier: &Usage| earlier.rows > usage.rows || earlier.bytes > usage.bytes;
        if !earlier.as_ref().is_some_and(knows_less) {
            table.usages.insert(key, usage.clone());
        }
        Ok(earlier)
    }

    async fn month(&self, month: &str, token: Option<String>) -> Result<(Vec<Usage>, Option<String>), Error> {
        let mut table = self.table();
        table.faults.check(Operation::Month)?;
        let after = token.unwrap_or_default();
        let later =
            table.usages.values().filter(|usage| usage.month == month && usage.statement_id > after).cloned();
        let mut page: Vec<Usage> = later.take(PAGE + 1).collect();
        let more = page.len() > PAGE;
        page.truncate(PAGE);
        let last = page.last().filter(|_| more).map(|usage| usage.statement_id.clone());
        Ok((page, last))
    }
}
