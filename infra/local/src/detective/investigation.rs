//! An investigation, and how it stands at a time.

use std::sync::Arc;

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::put;
use super::scenario::{Outcome, Scenario, Severity};
use super::validate::written;

/// The values of `Status`.
pub(super) const STATUSES: &[&str] = &["RUNNING", "FAILED", "SUCCESSFUL"];
/// The values of `State`.
pub(super) const STATES: &[&str] = &["ACTIVE", "ARCHIVED"];

/// One investigation.
#[derive(Clone, Debug)]
pub(super) struct Investigation {
    pub(super) id: String,
    pub(super) graph_arn: String,
    pub(super) entity_arn: String,
    pub(super) entity_type: &'static str,
    pub(super) created: OffsetDateTime,
    pub(super) scope_start: OffsetDateTime,
    pub(super) scope_end: OffsetDateTime,
    pub(super) archived: bool,
    /// Fixed at the start: a scenario replaced later changes nothing that already runs.
    pub(super) scenario: Arc<Scenario>,
    pub(super) runs_for: Duration,
}

impl Investigation {
    pub(super) fn status(&self, now: OffsetDateTime) -> &'static str {
        if now < self.created + self.runs_for {
            return "RUNNING";
        }
        match self.scenario.outcome {
            Outcome::Successful => "SUCCESSFUL",
            Outcome::Failed => "FAILED",
        }
    }

    /// The severity, once the investigation has succeeded.
    pub(super) fn severity(&self, now: OffsetDateTime) -> Option<Severity> {
        self.scenario.severity.filter(|_| self.status(now) == "SUCCESSFUL")
    }

    pub(super) fn state(&self) -> &'static str {
        if self.archived { "ARCHIVED" } else { "ACTIVE" }
    }

    /// As an element of `ListInvestigations`.
    pub(super) fn summary(&self, now: OffsetDateTime) -> Value {
        let mut summary = json!({
            "InvestigationId": self.id,
            "Status": self.status(now),
            "State": self.state(),
            "CreatedTime": written(self.created),
            "EntityArn": self.entity_arn,
            "EntityType": self.entity_type,
        });
        put(&mut summary, "Severity", self.severity(now).map(Severity::as_str));
        summary
    }

    /// As `GetInvestigation` answers it.
    pub(super) fn whole(&self, now: OffsetDateTime) -> Value {
        let mut whole = self.summary(now);
        put(&mut whole, "GraphArn", Some(self.graph_arn.as_str()));
        put(&mut whole, "ScopeStartTime", Some(written(self.scope_start)));
        put(&mut whole, "ScopeEndTime", Some(written(self.scope_end)));
        whole
    }
}
