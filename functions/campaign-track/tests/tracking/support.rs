//! The world around the function: a ledger with entries, and providers that tell.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use campaign_track::config::Settings;
use campaign_track::{CampaignTrack, Ports};
use eventide_clients::campaigns::{FakeCampaigns, Origins as _};
use eventide_kit::Invocation;
use eventide_kit::clock::ManualClock;
use eventide_kit::deadline::Deadline;
use eventide_kit::ledger::{Claimed, Entry, Ledger as _, MemoryLedger, Settlement, State};
use eventide_kit::sqs::{MemoryDeadLetters, SqsEvent};
use eventide_types::campaign::provider::{News, Origin, Outcome};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-27 09:00 UTC);
pub(crate) const LAST: u32 = 5;
pub(crate) const SOON: time::Duration = time::Duration::minutes(5);

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) store: FakeCampaigns,
    pub(crate) ledger: MemoryLedger,
    pub(crate) dead_letters: MemoryDeadLetters,
}

impl Ports for Fakes {
    type Store = FakeCampaigns;
    type Ledger = MemoryLedger;
    type DeadLetters = MemoryDeadLetters;

    fn store(&self) -> &FakeCampaigns {
        &self.store
    }

    fn ledger(&self) -> &MemoryLedger {
        &self.ledger
    }

    fn dead_letters(&self) -> &MemoryDeadLetters {
        &self.dead_letters
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fakes: Fakes,
    pub(crate) invocation: Invocation,
    function: CampaignTrack<Fakes>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(NOW);
        let fakes = Fakes {
            store: FakeCampaigns::default(),
            ledger: MemoryLedger::new(Arc::new(clock.clone())),
            dead_letters: MemoryDeadLetters::default(),
        };
        let settings = Settings { report_after: SOON, max_receives: LAST };
        let function = CampaignTrack::new(fakes.clone(), settings, Arc::new(clock.clone()));
        let deadline = Deadline::after(Duration::from_secs(60), Arc::new(clock.clone()));
        Self { clock, fakes, invocation: Invocation::for_tests("invocation", deadline), function }
    }

    /// A message that is about to be sent.
    pub(crate) async fn claimed(&self, key: &str) -> Entry {
        let detail = BTreeMap::from([("campaign".to_owned(), "spring".to_owned())]);
        match self.fakes.ledger.claim(key, "h", NOW + time::Duration::minutes(2), detail).await.unwrap() {
            Claimed::Won(entry) => entry,
            Claimed::Held(_) => panic!("it is claimed already"),
        }
    }

    /// campaign-send remembers which message an id stands for.
    pub(crate) async fn remembered(&self, message_id: &str, key: &str) {
        let origin = Origin { entry: key.to_owned(), campaign: "spring".to_owned() };
        self.fakes.store.remember(message_id, &origin, NOW).await.unwrap();
    }

    /// A message that stands so.
    pub(crate) async fn settled(&self, key: &str, settlement: Settlement) -> Entry {
        self.claimed(key).await;
        self.fakes.ledger.settle(key, 1, settlement).await.unwrap()
    }

    pub(crate) async fn entry(&self, key: &str) -> Entry {
        self.fakes.ledger.get(key).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, key: &str) -> State {
        self.entry(key).await.state
    }

    pub(crate) fn outcome(&self, key: &str) -> Option<Outcome> {
        let outcomes = self.fakes.store.all_outcomes();
        outcomes.iter().find(|news: &&News| news.entry == key).map(|news| news.outcome)
    }

    /// Delivers events in one batch; which of them come back, by their places.
    pub(crate) async fn deliver(&mut self, bodies: &[String], receives: u32) -> Vec<usize> {
        let deadline = Deadline::after(Duration::from_secs(60), Arc::new(self.clock.clone()));
        self.invocation.deadline = deadline;
        let records = bodies.iter().enumerate().map(|(place, body)| {
            json!({
                "messageId": place.to_string(), "body": body, "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:track",
                "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
            })
        });
        let event: SqsEvent =
            serde_json::from_value(json!({ "Records": records.collect::<Vec<_>>() })).unwrap();
        let answer = self.function.answer(event, &self.invocation).await.unwrap();
        let failures = answer.batch_item_failures.iter();
        failures.map(|failure| failure.item_identifier.parse().unwrap()).collect()
    }

    /// Delivers events that are done with.
    pub(crate) async fn take(&mut self, bodies: &[String]) {
        assert_eq!(self.deliver(bodies, 1).await, [0; 0], "{:?}", self.fakes.dead_letters.reasons());
        assert_eq!(self.fakes.dead_letters.reasons(), [""; 0]);
    }
}

pub(crate) fn done(message_id: &str) -> Settlement {
    Settlement::Done { detail: BTreeMap::from([("message_id".to_owned(), message_id.to_owned())]) }
}

pub(crate) fn uncertain() -> Settlement {
    Settlement::Uncertain { reason: "connection_lost".to_owned() }
}

/// As in the Amazon SES Developer Guide, "Examples of event data that Amazon SES publishes to EventBridge".
pub(crate) fn of_email(entry: &str, event_type: &str) -> String {
    json!({
        "version": "0", "id": "12345678-1234-1234-1234-111122223333", "detail-type": format!("Email {event_type}"),
        "source": "aws.ses", "account": "111122223333", "time": "2026-11-27T08:59:00Z", "region": "us-east-1",
        "resources": ["arn:aws:ses:us-east-1:111122223333:configuration-set/screening"],
        "detail": {
            "eventType": event_type,
            "mail": {
                "timestamp": "2026-11-27T08:58:59.500Z", "source": "news@example.com", "messageId": "m-1",
                "destination": ["reader-1@example.com"],
                "tags": {"eventide-entry": [entry], "eventide-campaign": ["spring"], "ses:configuration-set": ["screening"]}
            },
            "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
                "bouncedRecipients": [{"emailAddress": "reader-1@example.com"}]},
            "complaint": {"complaintFeedbackType": "abuse"},
            "reject": {"reason": "Bad content"}
        }
    })
    .to_string()
}

/// As in the AWS End User Messaging SMS User Guide, "Example event data for SMS, MMS, and voice".
pub(crate) fn of_text(entry: &str, event_type: &str) -> String {
    json!({
        "version": "0", "id": "12345678-1234-1234-1234-111122223334",
        "detail-type": "Text Message Delivery Status Updated", "source": "aws.sms-voice",
        "account": "111122223333", "time": "2026-11-27T08:59:00Z", "region": "us-east-1", "resources": [],
        "detail": {
            "eventType": event_type, "eventVersion": "1.0", "isFinal": true, "messageId": "m-1",
            "originationPhoneNumber": "+12065550100", "destinationPhoneNumber": "+15555550001",
            "messageStatus": "X", "context": {"eventide-entry": entry, "eventide-campaign": "spring"}
        }
    })
    .to_string()
}

/// As in the same guide, "Monitoring with EventBridge": without context, requested at this time.
pub(crate) fn of_text_without_context(
    message_id: &str,
    event_type: &str,
    requested_at: OffsetDateTime,
) -> String {
    let mut event: Value = serde_json::from_str(&of_text("none", event_type)).unwrap();
    let detail = event.pointer_mut("/detail").and_then(Value::as_object_mut).unwrap();
    detail.remove("context");
    detail.insert("messageId".to_owned(), json!(message_id));
    let requested_at = requested_at.unix_timestamp_nanos() / 1_000_000;
    detail.insert("messageRequestTimestamp".to_owned(), json!(i64::try_from(requested_at).unwrap()));
    event.to_string()
}

pub(crate) fn body_without(body: &str, pointer: &str, member: &str) -> String {
    let mut event: Value = serde_json::from_str(body).unwrap();
    event.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(member);
    event.to_string()
}
