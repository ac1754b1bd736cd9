use std::{
    collections::{BTreeMap, HashMap, hash_map},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;

use super::{Claimed, Entry, Ledger, Settlement, State, unknown};
use crate::{clock::Clock, error::Error};

/// A [`Ledger`] for tests that need no table. Clones share their entries.
#[derive(Debug, Clone)]
pub struct MemoryLedger {
    entries: Arc<Mutex<HashMap<String, Entry>>>,
    clock: Arc<dyn Clock>,
}

impl MemoryLedger {
    /// An empty ledger that dates its entries by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { entries: Arc::default(), clock }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for MemoryLedger {
    async fn claim(
        &self,
        key: &str,
        holder: &str,
        claim_deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        let entry = Entry::claimed(key, 1, holder, self.clock.now(), claim_deadline, detail);
        Ok(match self.entries().entry(key.to_owned()) {
            hash_map::Entry::Occupied(held) => Claimed::Held(held.get().clone()),
            hash_map::Entry::Vacant(free) => Claimed::Won(free.insert(entry).clone()),
        })
    }

    async fn claim_again(
        &self,
        previous: &Entry,
        holder: &str,
        claim_deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        let attempt = previous.attempt.saturating_add(1);
        let entry = Entry::claimed(&previous.key, attempt, holder, self.clock.now(), claim_deadline, detail);
        let mut entries = self.entries();
        let held = entries.get(&previous.key).filter(|current| {
            !previous.state.is_final()
                || current.attempt != previous.attempt
                || current.state != previous.state
        });
        if let Some(current) = held {
            return Ok(Claimed::Held(current.clone()));
        }
        if !previous.state.is_final() {
            return Ok(Claimed::Held(previous.clone()));
        }
        entries.insert(entry.key.clone(), entry.clone());
        Ok(Claimed::Won(entry))
    }

    async fn settle(&self, key: &str, attempt: u32, settlement: Settlement) -> Result<Entry, Error> {
        let mut entries = self.entries();
        let entry = entries.get_mut(key).ok_or_else(|| unknown(key))?;
        let wanted = settlement.state();
        let open = entry.state == State::Claimed || (entry.state == State::Uncertain && wanted.is_final());
        if entry.attempt != attempt || !open {
            return settlement.against(entry.clone(), attempt);
        }
        entry.state = wanted;
        entry.settled_at = wanted.is_final().then(|| self.clock.now().truncate_to_millisecond());
        entry.reason = None;
        match settlement {
            Settlement::Done { detail } => entry.detail.extend(detail),
            Settlement::Refused { reason } | Settlement::Uncertain { reason } => entry.reason = Some(reason),
        }
        Ok(entry.clone())
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        Ok(self.entries().get(key).cloned())
    }
}
