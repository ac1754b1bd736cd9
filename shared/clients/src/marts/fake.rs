use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;
use eventide_types::mart::Mart;
use eventide_types::mart::request::{Record, State};
use time::OffsetDateTime;

use super::sequencer::compare;
use super::{Catalogue, Deployment, Requests, Usage, Usages, name_taken};
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

    fn checked(&self, operation: Operation) -> Result<MutexGuard<'_, Tables>, Error> {
        let mut tables = self.tables();
        tables.faults.check(operation)?;
        Ok(tables)
    }
}

impl Catalogue for FakeMarts {
    async fn mart(&self, name: &str) -> Result<Option<Mart>, Error> {
        let tables = self.checked(Operation::Mart)?;
        Ok(tables.marts.get(name).and_then(|entry| entry.mart.clone()))
    }

    async fn names(&self) -> Result<Vec<String>, Error> {
        let tables = self.checked(Operation::Names)?;
        Ok(tables
            .marts
            .iter()
            .filter(|(_, entry)| entry.mart.is_some())
            .map(|(name, _)| name.clone())
            .collect())
    }

    async fn put_in_force(&self, mart: &Mart) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::PutInForce)?;
        let name = &mart.definition.name;
        if let Some(entry) = tables.marts.get(name) {
            if entry.key != mart.key && entry.mart.is_some() {
                return Err(name_taken(name));
            }
            if entry.key == mart.key && compare(&entry.sequencer, &mart.sequencer).is_gt() {
                return Ok(false);
            }
        }
        let (key, sequencer) = (mart.key.clone(), mart.sequencer.clone());
        tables.marts.insert(name.clone(), Entry { key, sequencer, mart: Some(mart.clone()) });
        Ok(true)
    }

    async fn withdraw(&self, name: &str, key: &str, sequencer: &str) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::Withdraw)?;
        let Some(entry) = tables.marts.get_mut(name).filter(|entry| entry.key == key) else {
            return Ok(false);
        };
        if compare(&entry.sequencer, sequencer).is_gt() {
            return Ok(entry.mart.is_none());
        }
        entry.mart = None;
        entry.sequencer = sequencer.to_owned();
        Ok(true)
    }

    async fn deployment(&self, key: &str) -> Result<Option<Deployment>, Error> {
        Ok(self.checked(Operation::Deployment)?.deployments.get(key).cloned())
    }

    async fn record(&self, deployment: &Deployment) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::RecordDeployment)?;
        let recorded = tables.deployments.get(&deployment.key);
        if recorded.is_some_and(|recorded| compare(&recorded.sequencer, &deployment.sequencer).is_gt()) {
            return Ok(false);
        }
        tables.deployments.insert(deployment.key.clone(), deployment.clone());
        Ok(true)
    }
}

impl Requests for FakeMarts {
    async fn accept(&self, record: &Record) -> Result<Option<Record>, Error> {
        let mut tables = self.checked(Operation::Accept)?;
        super::dynamodb::check_record(record)?;
        if let Some(earlier) = tables.requests.get(&record.token) {
            return Ok((earlier != record).then(|| earlier.clone()));
        }
        tables.requests.insert(record.token.clone(), record.clone());
        Ok(None)
    }

    async fn request(&self, token: &str) -> Result<Option<Record>, Error> {
        Ok(self.checked(Operation::Request)?.requests.get(token).cloned())
    }

    async fn advance(&self, record: &Record, from: &[State]) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::Advance)?;
        super::dynamodb::check_record(record)?;
        let Some(current) = tables.requests.get_mut(&record.token) else { return Ok(false) };
        if !from.contains(&current.state) {
            return Ok(current == record);
        }
        *current = record.clone();
        Ok(true)
    }

    async fn stale(&self, before: OffsetDateTime, limit: usize) -> Result<Vec<String>, Error> {
        let tables = self.checked(Operation::Stale)?;
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
    async fn record(&self, usage: &Usage) -> Result<(), Error> {
        let mut table = self.table();
        table.faults.check(Operation::RecordUsage)?;
        table.usages.insert((usage.month.clone(), usage.statement_id.clone()), usage.clone());
        Ok(())
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
