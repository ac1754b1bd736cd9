use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventide_kit::clock::ManualClock;
use eventide_kit::error::Error;

use super::{Current, FindingId, Note, OcsfId, Read, Refused, SecurityHub, Unprocessed, Update, unprocessed};
use crate::faults::Faults;

/// Longest note and comment, in characters.
const MAX_NOTE: usize = 512;

/// Calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`SecurityHub::current`]
    GetFindings,
    /// [`SecurityHub::update`]
    BatchUpdateFindings,
    /// [`SecurityHub::comment_v2`]
    BatchUpdateFindingsV2,
}

/// A call of [`SecurityHub::update`] as the fake saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// The findings of the call.
    pub ids: Vec<FindingId>,
    /// Their new values.
    pub update: Update,
    /// Who signs the note.
    pub updated_by: String,
}

/// [`SecurityHub`] in memory. User-defined fields are merged. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct FakeSecurityHub(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    findings: BTreeMap<FindingId, Current>,
    ocsf: BTreeMap<OcsfId, Option<String>>,
    faults: Faults<Operation>,
    /// Error codes by finding, with the number of updates still to fail.
    unprocessed: BTreeMap<FindingId, (String, u32)>,
    updates: Vec<Updated>,
    /// What every call does to the clock.
    takes: Option<(ManualClock, Duration)>,
}

impl FakeSecurityHub {
    /// Adds a finding, or replaces it.
    pub fn add(&self, finding: Current) {
        self.state().findings.insert(finding.id.clone(), finding);
    }

    /// Adds an active, new finding without a note and without fields.
    pub fn add_new(&self, id: &FindingId) {
        self.add(Current { id: id.clone(), note: None, user_defined_fields: BTreeMap::new() });
    }

    /// Adds an OCSF finding.
    pub fn add_ocsf(&self, id: &OcsfId) {
        self.state().ocsf.insert(id.clone(), None);
    }

    /// The next call of `operation` without such a failure before it fails with `error`.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.state().faults.push(operation, error);
    }

    /// The next `times` updates leave this finding unprocessed, with this `ErrorCode`.
    pub fn leave_unprocessed(&self, id: &FindingId, code: &str, times: u32) {
        self.state().unprocessed.insert(id.clone(), (code.to_owned(), times));
    }

    /// From now on every call takes this long on `clock`.
    pub fn take_time(&self, clock: &ManualClock, time: Duration) {
        self.state().takes = Some((clock.clone(), time));
    }

    /// The finding as it stands.
    pub fn finding(&self, id: &FindingId) -> Option<Current> {
        self.state().findings.get(id).cloned()
    }

    /// The comment on an OCSF finding.
    pub fn comment(&self, id: &OcsfId) -> Option<String> {
        self.state().ocsf.get(id).cloned().flatten()
    }

    /// Every call of [`SecurityHub::update`] so far, failed ones included.
    pub fn updates(&self) -> Vec<Updated> {
        self.state().updates.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn called(&self) {
        if let Some((clock, time)) = &self.takes {
            clock.advance(*time);
        }
    }

    fn apply(&mut self, id: &FindingId, update: &Update, updated_by: &str) -> Result<(), &str> {
        if let Some((code, left)) = self.unprocessed.get_mut(id)
            && *left > 0
        {
            *left -= 1;
            return Err(code);
        }
        let finding = self.findings.get_mut(id).ok_or("FindingNotFound")?;
        if let Some(text) = &update.note {
            finding.note = Some(Note { text: text.clone(), updated_by: updated_by.to_owned() });
        }
        finding.user_defined_fields.extend(update.fields.clone());
        Ok(())
    }
}

impl SecurityHub for FakeSecurityHub {
    async fn current(&self, ids: &[FindingId]) -> Result<Read, Error> {
        let mut state = self.state();
        state.called();
        state.faults.check(Operation::GetFindings)?;
        let mut read = Read::default();
        for id in BTreeSet::from_iter(ids) {
            if id.id.trim().is_empty() {
                let error = Error::permanent("InvalidInput", "`securityhub:GetFindings` takes no blank id");
                read.refused.push(Refused { id: id.clone(), error });
            } else {
                read.found.extend(state.findings.get(id).cloned());
            }
        }
        Ok(read)
    }

    async fn update(
        &self,
        ids: &[FindingId],
        update: &Update,
        updated_by: &str,
    ) -> Result<Vec<Unprocessed>, Error> {
        if update.is_empty() {
            return Ok(Vec::new());
        }
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut state = self.state();
        state.called();
        let call = Updated { ids: ids.clone(), update: update.clone(), updated_by: updated_by.to_owned() };
        state.updates.push(call);
        state.faults.check(Operation::BatchUpdateFindings)?;
        let too_long = update.note.as_ref().is_some_and(|note| note.chars().count() > MAX_NOTE);
        let mut not_updated = Vec::new();
        for id in ids {
            let applied = if too_long { Err("InvalidInput") } else { state.apply(&id, update, updated_by) };
            if let Err(code) = applied {
                let error = unprocessed("securityhub:BatchUpdateFindings", code);
                not_updated.push(Unprocessed { id, error });
            }
        }
        Ok(not_updated)
    }

    async fn comment_v2(&self, finding: &OcsfId, comment: &str) -> Result<(), Error> {
        const OPERATION: &str = "securityhub:BatchUpdateFindingsV2";
        let mut state = self.state();
        state.called();
        state.faults.check(Operation::BatchUpdateFindingsV2)?;
        if comment.trim().is_empty() || comment.chars().count() > MAX_NOTE {
            return Err(unprocessed(OPERATION, "ValidationException"));
        }
        let known = state.ocsf.get_mut(finding);
        let known = known.ok_or_else(|| unprocessed(OPERATION, "ResourceNotFoundException"))?;
        *known = Some(comment.to_owned());
        Ok(())
    }
}
