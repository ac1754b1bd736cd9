//! The events that the messaging services send, and a record of them.
//!
//! As on AWS, an API call does not wait for its events. Those of one message go one after the other; between
//! messages their order is not promised.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration as StdDuration;

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use tokio::sync::Semaphore;

use super::ids;
use super::plan::EventPlan;
use crate::service::{Clock, Delivery, Events};

/// How many events are remembered; the oldest are dropped.
const REMEMBERED: usize = 10_000;

/// How many are on their way at once.
const IN_FLIGHT: usize = 8;

/// For so many messages events may wait; a further send waits too, so that nothing grows without bound.
const BACKLOG: usize = 20_000;

/// How often the clock is looked at: nothing tells that it was moved.
const LOOK: StdDuration = StdDuration::from_millis(10);

/// What an event is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) detail_type: &'static str,
    pub(crate) resources: Vec<String>,
    pub(crate) detail: Value,
    /// How long after the one before it, by the stand-ins' clock.
    pub(crate) after: Duration,
}

/// Sends events and remembers them. Clones share one memory.
#[derive(Clone)]
pub(crate) struct Outbox {
    source: &'static str,
    account: String,
    clock: Clock,
    events: Arc<dyn Events>,
    ring: Arc<Mutex<Ring>>,
    in_flight: Arc<Semaphore>,
    backlog: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Ring {
    next: u64,
    waiting: usize,
    sent: VecDeque<Sent>,
}

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
    pub(crate) fn new(source: &'static str, account: &str, clock: Clock, events: Arc<dyn Events>) -> Self {
        Self::with_backlog(source, account, clock, events, BACKLOG)
    }

    fn with_backlog(
        source: &'static str,
        account: &str,
        clock: Clock,
        events: Arc<dyn Events>,
        backlog: usize,
    ) -> Self {
        Self {
            source,
            account: account.to_owned(),
            clock,
            events,
            ring: Arc::default(),
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            backlog: Arc::new(Semaphore::new(backlog)),
        }
    }

    /// Waits until there is room for the events of one more message.
    pub(crate) async fn room(&self) {
        drop(self.backlog.acquire().await);
    }

    /// Sends the events of a message, one after the other, as its plan wants it.
    pub(crate) fn post(&self, region: &str, subjects: Vec<Subject>, plan: Option<EventPlan>) {
        if subjects.is_empty() {
            return;
        }
        self.ring().waiting += subjects.len();
        let (this, region) = (self.clone(), region.to_owned());
        let permit = Arc::clone(&self.backlog).try_acquire_owned();
        let delay = match plan {
            Some(EventPlan::DelayedSeconds(seconds)) => Duration::seconds_f64(seconds),
            _ => Duration::ZERO,
        };
        let mut due = self.clock.now() + delay;
        tokio::spawn(async move {
            for subject in subjects {
                due += subject.after;
                this.until(due).await;
                let (index, event) = this.remember(&region, subject, plan);
                let deliveries = match plan {
                    Some(EventPlan::Lost) => 0,
                    Some(EventPlan::Duplicated) => 2,
                    _ => 1,
                };
                for _ in 0..deliveries {
                    this.deliver(index, event.clone(), &region).await;
                }
                let mut ring = this.ring();
                ring.waiting = ring.waiting.saturating_sub(1);
            }
            drop(permit);
        });
    }

    /// Sends a remembered event once more, with the same event id. `None` if it is not known.
    pub(crate) async fn redeliver(&self, index: u64) -> Option<Value> {
        let (region, event) = {
            let ring = self.ring();
            let sent = ring.sent.iter().find(|sent| sent.index == index)?;
            (sent.region.clone(), sent.event.clone())
        };
        self.deliver(index, event, &region).await;
        self.ring().sent.iter().find(|sent| sent.index == index).map(Sent::shown)
    }

    /// All remembered events, oldest first, and how many have yet to be delivered.
    pub(crate) fn list(&self) -> Value {
        let ring = self.ring();
        let dropped = ring.sent.front().map_or(0, |first| first.index);
        let events: Vec<Value> = ring.sent.iter().map(Sent::shown).collect();
        json!({ "events": events, "notKept": dropped, "waiting": ring.waiting })
    }

    pub(crate) fn clear(&self) {
        let mut ring = self.ring();
        ring.next = 0;
        ring.sent.clear();
    }

    async fn until(&self, at: OffsetDateTime) {
        while let Ok(left) = StdDuration::try_from(at - self.clock.now()) {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }

    fn remember(&self, region: &str, subject: Subject, plan: Option<EventPlan>) -> (u64, Value) {
        let event = json!({
            "version": "0",
            "id": ids::uuid(),
            "detail-type": subject.detail_type,
            "source": self.source,
            "account": self.account,
            "time": ids::seconds(self.clock.now()),
            "region": region,
            "resources": subject.resources,
            "detail": subject.detail,
        });
        let mut ring = self.ring();
        let index = ring.next;
        ring.next += 1;
        if ring.sent.len() == REMEMBERED {
            ring.sent.pop_front();
        }
        let region = region.to_owned();
        ring.sent.push_back(Sent { index, region, event: event.clone(), plan, outcomes: Vec::new() });
        (index, event)
    }

    async fn deliver(&self, index: u64, event: Value, region: &str) {
        let id = event.get("id").cloned();
        let permit = self.in_flight.acquire().await;
        let outcome = self.events.emit(event, region).await;
        drop(permit);
        if let Err(error) = &outcome {
            tracing::error!(%error, region, source = self.source, "an event was not delivered");
        }
        // After a reset the index may be another event's.
        let mut ring = self.ring();
        let same = |sent: &&mut Sent| sent.index == index && sent.event.get("id") == id.as_ref();
        if let Some(sent) = ring.sent.iter_mut().rev().find(same) {
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;

    use super::*;

    /// A bus that takes events only while it is open.
    #[derive(Debug)]
    struct Gate(Semaphore);

    impl Events for Gate {
        fn emit(&self, _event: Value, _region: &str) -> BoxFuture<'_, Result<Vec<Delivery>, String>> {
            async {
                let _open = self.0.acquire().await;
                Ok(Vec::new())
            }
            .boxed()
        }
    }

    fn subject(number: usize) -> Subject {
        let detail = json!({ "number": number });
        Subject { detail_type: "Test", resources: Vec::new(), detail, after: Duration::ZERO }
    }

    #[tokio::test]
    async fn senders_wait_while_too_many_messages_have_events_to_send() {
        let gate = Arc::new(Gate(Semaphore::new(0)));
        let outbox = Outbox::with_backlog("aws.test", "1", Clock::default(), Arc::clone(&gate) as _, 20);
        for number in 0..20 {
            outbox.room().now_or_never().expect("there is room");
            outbox.post("us-east-1", vec![subject(number)], None);
        }
        assert!(outbox.room().now_or_never().is_none(), "there is no more");
        assert_eq!(outbox.list()["waiting"], 20);
        gate.0.add_permits(1);
        outbox.room().await;
        while outbox.list()["waiting"] != 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(outbox.list()["events"].as_array().map(Vec::len), Some(20));
    }

    #[tokio::test]
    async fn the_newest_events_are_remembered() {
        let gate = Arc::new(Gate(Semaphore::new(1)));
        let outbox = Outbox::new("aws.test", "1", Clock::default(), gate);
        outbox.post("us-east-1", (0..=REMEMBERED).map(subject).collect(), None);
        while outbox.ring().waiting != 0 {
            tokio::task::yield_now().await;
        }
        let list = outbox.list();
        let oldest = &list["events"][0]["event"]["detail"]["number"];
        assert_eq!((&list["notKept"], oldest), (&json!(1), &json!(1)));
    }
}
