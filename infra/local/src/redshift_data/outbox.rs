//! The event at a statement's end, and a record of all that were sent.
//!
//! Shape: Redshift Management Guide, "Monitoring events for the Amazon Redshift Data API in Amazon
//! EventBridge". Its samples have `redshiftQueryId` -1. As on AWS nothing waits for an event, and their order
//! is not promised.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::ids;
use super::pace;
use super::plan::EventPlan;
use super::statement::Statement;
use crate::service::{Clock, Delivery, Events};

/// How many events are remembered; the oldest are dropped.
const REMEMBERED: usize = 2_000;

/// How long a result is kept after its statement was submitted.
pub(super) const RETENTION: Duration = Duration::hours(24);

/// Sends events and remembers them. Clones share one memory.
#[derive(Clone)]
pub(super) struct Outbox {
    account: String,
    clock: Clock,
    events: Arc<dyn Events>,
    ring: Arc<Mutex<Ring>>,
}

#[derive(Debug, Default)]
struct Ring {
    next: u64,
    sent: VecDeque<Sent>,
}

/// An event.
#[derive(Clone, Debug)]
struct Sent {
    index: u64,
    region: String,
    event: Value,
    plan: Option<EventPlan>,
    /// One for every time that it was delivered.
    outcomes: Vec<Result<Vec<Delivery>, String>>,
}

impl Outbox {
    pub(super) fn new(account: String, clock: Clock, events: Arc<dyn Events>) -> Self {
        Self { account, clock, events, ring: Arc::default() }
    }

    /// Sends the event of a statement that has ended, as its plan wants it.
    pub(super) fn post(&self, statement: &Statement) {
        let warehouse = &statement.target.warehouse;
        let now = self.clock.now();
        let event = json!({
            "version": "0",
            "id": ids::uuid(),
            "detail-type": "Redshift Data Statement Status Change",
            "source": "aws.redshift-data",
            "account": self.account,
            "time": seconds(now),
            "region": warehouse.region,
            "resources": [warehouse.arn(&self.account)],
            "detail": {
                "principal": statement.identity.principal,
                "statementName": statement.name.as_deref().unwrap_or_default(),
                "statementId": statement.id,
                "redshiftQueryId": -1,
                "state": statement.status.name(),
                "rows": statement.rows(),
                "expireAt": (statement.created + RETENTION).unix_timestamp(),
            },
        });
        let (plan, region) = (statement.event_plan, warehouse.region.clone());
        let index = self.remember(&region, event.clone(), plan);
        let this = self.clone();
        let deliveries = match plan {
            Some(EventPlan::Lost) => return,
            Some(EventPlan::Duplicated) => 2,
            Some(EventPlan::DelayedSeconds(_)) | None => 1,
        };
        let due = now + Duration::seconds_f64(plan.and_then(EventPlan::delay).unwrap_or_default());
        tokio::spawn(async move {
            pace::until(&this.clock, due).await;
            for _ in 0..deliveries {
                this.deliver(index, event.clone(), &region).await;
            }
        });
    }

    /// Sends a remembered event once more, with the same event id. `None` if it is not known.
    pub(super) async fn redeliver(&self, index: u64) -> Option<Value> {
        let (region, event) = {
            let ring = self.ring();
            let sent = ring.sent.iter().find(|sent| sent.index == index)?;
            (sent.region.clone(), sent.event.clone())
        };
        self.deliver(index, event, &region).await;
        self.ring().sent.iter().find(|sent| sent.index == index).map(Sent::shown)
    }

    /// All remembered events, oldest first.
    pub(super) fn list(&self) -> Value {
        let ring = self.ring();
        json!({ "events": ring.sent.iter().map(Sent::shown).collect::<Vec<_>>() })
    }

    pub(super) fn clear(&self) {
        *self.ring() = Ring::default();
    }

    fn remember(&self, region: &str, event: Value, plan: Option<EventPlan>) -> u64 {
        let mut ring = self.ring();
        let index = ring.next;
        ring.next += 1;
        if ring.sent.len() == REMEMBERED {
            ring.sent.pop_front();
        }
        ring.sent.push_back(Sent { index, region: region.to_owned(), event, plan, outcomes: Vec::new() });
        index
    }

    async fn deliver(&self, index: u64, event: Value, region: &str) {
        let id = event.get("id").cloned();
        let outcome = self.events.emit(event, region).await;
        if let Err(error) = &outcome {
            tracing::error!(%error, region, "a Redshift Data event was not delivered");
        }
        // After a reset the index may be another event's.
        let mut ring = self.ring();
        let same = |sent: &&mut Sent| sent.index == index && sent.event.get("id") == id.as_ref();
        if let Some(sent) = ring.sent.iter_mut().find(same) {
            sent.outcomes.push(outcome);
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent {
    fn shown(&self) -> Value {
        let outcomes = self.outcomes.iter().map(|outcome| match outcome {
            Ok(deliveries) => json!({ "deliveries": deliveries }),
            Err(error) => json!({ "error": error }),
        });
        json!({
            "index": self.index, "region": self.region, "event": self.event, "plan": self.plan,
            "sent": outcomes.collect::<Vec<_>>(),
        })
    }
}

fn seconds(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at.to_offset(UtcOffset::UTC).format(&format).unwrap_or_default()
}
