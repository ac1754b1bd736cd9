//! The events that Security Hub sends, and a record of them.
//!
//! As on AWS, an API call does not wait for its events: each is sent in a task of its own. Their order is
//! therefore not promised.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::clock;
use super::store::partition;
use crate::service::{Clock, Delivery, Events};

/// How many events are remembered; the oldest are dropped.
const REMEMBERED: usize = 2_000;

/// How many events are on their way at once.
const IN_FLIGHT: usize = 8;

/// An event that was sent.
#[derive(Clone, Debug)]
struct Sent {
    index: u64,
    region: String,
    event: Value,
    /// None while it is on its way.
    outcome: Option<Result<Vec<Delivery>, String>>,
}

#[derive(Debug, Default)]
struct Ring {
    next: u64,
    sent: VecDeque<Sent>,
}

/// What an event is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) detail_type: &'static str,
    pub(super) resource: String,
    pub(super) detail: Value,
}

/// Sends events and remembers them. Clones share one memory.
#[derive(Clone)]
pub(super) struct Outbox {
    account: String,
    clock: Clock,
    events: Arc<dyn Events>,
    ring: Arc<Mutex<Ring>>,
    in_flight: Arc<Semaphore>,
}

impl Outbox {
    pub(super) fn new(account: String, clock: Clock, events: Arc<dyn Events>) -> Self {
        Self { account, clock, events, ring: Arc::default(), in_flight: Arc::new(Semaphore::new(IN_FLIGHT)) }
    }

    /// Sends an event without waiting for its deliveries.
    pub(super) fn post(&self, region: &str, subject: Subject) {
        let (index, event) = self.remember(region, subject);
        let (this, region) = (self.clone(), region.to_owned());
        tokio::spawn(async move { this.deliver(index, event, &region).await });
    }

    /// Sends an event and says what became of it.
    pub(super) async fn send(&self, region: &str, subject: Subject) -> Value {
        let (index, event) = self.remember(region, subject);
        self.deliver(index, event, region).await;
        self.report(index)
    }

    /// Sends a remembered event once more, with the same event id: a duplicate. None if it is not known.
    pub(super) async fn redeliver(&self, index: u64) -> Option<Value> {
        let (region, event) = {
            let ring = self.ring();
            let sent = ring.sent.iter().find(|sent| sent.index == index)?;
            (sent.region.clone(), sent.event.clone())
        };
        self.deliver(index, event, &region).await;
        Some(self.report(index))
    }

    /// All remembered events, oldest first.
    pub(super) fn list(&self) -> Value {
        let ring = self.ring();
        let events: Vec<Value> = ring.sent.iter().map(Sent::to_json).collect();
        let dropped = ring.sent.front().map_or(0, |first| first.index);
        json!({ "events": events, "dropped": dropped })
    }

    /// Forgets all events.
    pub(super) fn clear(&self) {
        *self.ring() = Ring::default();
    }

    fn remember(&self, region: &str, subject: Subject) -> (u64, Value) {
        let event = json!({
            "version": "0",
            "id": clock::unique_id(),
            "detail-type": subject.detail_type,
            "source": "aws.securityhub",
            "account": self.account,
            "time": clock::timestamp_seconds(self.clock.now()),
            "region": region,
            "resources": [subject.resource],
            "detail": subject.detail,
        });
        let mut ring = self.ring();
        let index = ring.next;
        ring.next += 1;
        if ring.sent.len() == REMEMBERED {
            ring.sent.pop_front();
        }
        ring.sent.push_back(Sent { index, region: region.to_owned(), event: event.clone(), outcome: None });
        (index, event)
    }

    async fn deliver(&self, index: u64, event: Value, region: &str) {
        let id = event.get("id").cloned();
        let permit = self.in_flight.acquire().await;
        let outcome = self.events.emit(event, region).await;
        drop(permit);
        if let Err(error) = &outcome {
            tracing::error!(%error, region, "a Security Hub event was not delivered");
        }
        // After a reset the index may be another event's.
        if let Some(sent) = self
            .ring()
            .sent
            .iter_mut()
            .find(|sent| sent.index == index && sent.event.get("id") == id.as_ref())
        {
            sent.outcome = Some(outcome);
        }
    }

    fn report(&self, index: u64) -> Value {
        self.ring().sent.iter().find(|sent| sent.index == index).map_or(Value::Null, Sent::to_json)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent {
    fn to_json(&self) -> Value {
        let mut json = json!({ "index": self.index, "region": self.region, "event": self.event });
        let (key, value) = match &self.outcome {
            None => ("pending", json!(true)),
            Some(Ok(deliveries)) => ("deliveries", json!(deliveries)),
            Some(Err(error)) => ("error", json!(error)),
        };
        if let Some(json) = json.as_object_mut() {
            json.insert(key.into(), value);
        }
        json
    }
}

/// The event of a new or updated finding (Security Hub user guide, EventBridge event formats).
pub(super) fn imported(finding: &Value) -> Subject {
    Subject {
        detail_type: "Security Hub Findings - Imported",
        resource: format!("{}/{}", text(finding, "ProductArn"), text(finding, "Id")),
        detail: json!({ "findings": [finding] }),
    }
}

/// The event of a new or updated OCSF finding (Security Hub user guide, EventBridge event formats, V2).
pub(super) fn imported_v2(uid: &str, finding: &Value) -> Subject {
    Subject {
        detail_type: "Findings Imported V2",
        resource: uid.to_owned(),
        detail: json!({ "findings": [finding] }),
    }
}

/// The event of a custom action (Security Hub user guide, EventBridge event formats).
pub(super) fn custom_action(arn: &str, name: &str, description: &str, findings: &[Value]) -> Subject {
    Subject {
        detail_type: "Security Hub Findings - Custom Action",
        resource: arn.to_owned(),
        detail: json!({ "actionName": name, "actionDescription": description, "findings": findings }),
    }
}

/// An ARN of Security Hub in this account.
pub(super) fn arn(region: &str, account: &str, resource: &str) -> String {
    format!("arn:{}:securityhub:{region}:{account}:{resource}", partition(region))
}

fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding.get(key).and_then(Value::as_str).unwrap_or_default()
}
