use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;

use super::{Begun, Record, Status, Store};
use crate::error::Error;

/// A [`Store`] for tests that need no table. Clones share their records.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<String, Record>>>);

impl MemoryStore {
    fn records(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn begin(&self, record: &Record, now: OffsetDateTime) -> Result<Begun, Error> {
        let mut records = self.records();
        let standing = records.get(&record.id).filter(|standing| {
            let in_progress = standing.status == Status::InProgress;
            standing.expiration > now && !(in_progress && standing.in_progress_expiration <= now)
        });
        if let Some(standing) = standing {
            return Ok(Begun::Existing(standing.clone()));
        }
        records.insert(record.id.clone(), record.clone());
        Ok(Begun::Fresh)
    }

    async fn complete(&self, record: &Record) -> Result<bool, Error> {
        let mut records = self.records();
        let own = records.get_mut(&record.id).filter(|standing| standing.owner == record.owner);
        Ok(own.map(|standing| standing.clone_from(record)).is_some())
    }

    async fn remove(&self, record: &Record) -> Result<(), Error> {
        let mut records = self.records();
        if records.get(&record.id).is_some_and(|standing| standing.owner == record.owner) {
            records.remove(&record.id);
        }
        Ok(())
    }
}
