//! `StartInvestigation`, `GetInvestigation`, `UpdateInvestigationState`.

use serde_json::{Value, json};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

use super::investigation::{Investigation, STATES};
use super::validate::{self, invalid, not_found, too_many};
use super::{Answer, Detective, State};
use crate::service::{Call, Reply};

/// How far in the future a scope may end, for clocks that disagree.
const SKEW: Duration = Duration::minutes(5);

impl State {
    pub(super) fn investigation<'a>(&'a self, call: &Call, body: &Value) -> Result<&'a Investigation, Reply> {
        let graph = self.known_graph(call, body)?;
        let id = validate::investigation_id(body)?;
        self.investigations
            .iter()
            .find(|investigation| investigation.graph_arn == graph && investigation.id == id)
            .ok_or_else(|| not_found(&format!("no investigation `{id}` in the behavior graph")))
    }

    fn running(&self, now: OffsetDateTime) -> usize {
        self.investigations.iter().filter(|investigation| investigation.status(now) == "RUNNING").count()
    }
}

impl Detective {
    pub(super) fn start_investigation(&self, call: &Call, body: &Value) -> Answer {
        let mut state = self.state();
        let now = self.clock.now();
        let (entity_arn, entity_type) = validate::entity(body)?;
        let scope_start = validate::timestamp(body, "ScopeStartTime")?;
        let scope_end = validate::timestamp(body, "ScopeEndTime")?;
        let graph_arn = state.known_graph(call, body)?.to_owned();
        if scope_start >= scope_end {
            return Err(invalid("`ScopeStartTime` must be before `ScopeEndTime`"));
        }
        if scope_end > now + SKEW {
            return Err(invalid("`ScopeEndTime` must not be in the future"));
        }
        if state.entities.as_ref().is_some_and(|known| !known.contains(entity_arn)) {
            return Err(invalid(&format!("the entity `{entity_arn}` was not found in the behavior graph")));
        }
        if state.settings.max_running.is_some_and(|most| state.running(now) >= most) {
            return Err(too_many("too many investigations are running"));
        }
        let scenario = state.scenarios.iter().chain(&self.shipped).find(|scenario| scenario.fits(entity_arn));
        let scenario = Arc::clone(scenario.ok_or_else(|| {
            Reply::error(500, "InternalServerException", &format!("no scenario fits `{entity_arn}`"))
        })?);
        let seconds = scenario.seconds.unwrap_or(state.settings.default_seconds);
        // Milliseconds and a count make 21 digits that no reset repeats: callers keep the ids for good.
        let millis = now.unix_timestamp_nanos() / 1_000_000;
        state.investigations_made += 1;
        let id = format!("{millis:013}{:08}", state.investigations_made);
        state.investigations.push(Investigation {
            id: id.clone(),
            graph_arn,
            entity_arn: entity_arn.to_owned(),
            entity_type,
            created: now,
            scope_start,
            scope_end,
            archived: false,
            scenario,
            runs_for: Duration::seconds(i64::from(seconds)),
        });
        Ok(json!({ "InvestigationId": id }))
    }

    pub(super) fn get_investigation(&self, call: &Call, body: &Value) -> Answer {
        Ok(self.state().investigation(call, body)?.whole(self.clock.now()))
    }

    pub(super) fn update_investigation_state(&self, call: &Call, body: &Value) -> Answer {
        let mut state = self.state();
        let archived = validate::required_one_of(body, "State", STATES)? == "ARCHIVED";
        let id = state.investigation(call, body)?.id.clone();
        if let Some(found) = state.investigations.iter_mut().find(|investigation| investigation.id == id) {
            found.archived = archived;
        }
        Ok(json!({}))
    }
}
