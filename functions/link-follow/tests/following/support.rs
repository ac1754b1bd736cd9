//! The world around the function: links, contacts, and Amazon Connect that tells.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::connect::{FakeConnect, Standing};
use eventide_clients::links::{Claimed, FakeLinks, Links as _, Redeemed, State, contract};
use eventide_kit::Invocation;
use eventide_kit::clock::ManualClock;
use eventide_kit::deadline::Deadline;
use eventide_kit::sqs::{MemoryDeadLetters, SqsEvent};
use eventide_types::Link;
use link_follow::config::{Settings, StopVoice};
use link_follow::{LinkFollow, Ports};
use serde_json::{Value, json};

pub(crate) const LAST: u32 = 5;
pub(crate) const INSTANCE: &str = "11111111-2222-3333-4444-555555555555";
/// The chat that continues the voice contact of a redeemed link.
pub(crate) const CHAT: &str = "c0000000-0000-4000-8000-000000000001";

#[derive(Clone, Debug, Default)]
pub(crate) struct Fakes {
    pub(crate) links: FakeLinks,
    pub(crate) connect: FakeConnect,
    pub(crate) dead_letters: MemoryDeadLetters,
}

impl Ports for Fakes {
    type Links = FakeLinks;
    type Connect = FakeConnect;
    type DeadLetters = MemoryDeadLetters;

    fn links(&self) -> &FakeLinks {
        &self.links
    }

    fn connect(&self) -> &FakeConnect {
        &self.connect
    }

    fn dead_letters(&self) -> &MemoryDeadLetters {
        &self.dead_letters
    }
}

pub(crate) struct World {
    pub(crate) fakes: Fakes,
    pub(crate) invocation: Invocation,
    clock: ManualClock,
    function: LinkFollow<Fakes>,
}

impl World {
    pub(crate) fn new(stop_voice: StopVoice) -> Self {
        let clock = ManualClock::new(contract::link(1).created_at);
        let fakes = Fakes::default();
        let settings = Settings { instance_id: INSTANCE.to_owned(), stop_voice, max_receives: LAST };
        let function = LinkFollow::new(fakes.clone(), settings);
        let deadline = Deadline::after(Duration::from_secs(30), Arc::new(clock.clone()));
        Self { fakes, invocation: Invocation::for_tests("invocation", deadline), clock, function }
    }

    /// A link whose voice contact waits.
    pub(crate) async fn opened(&self, number: u8) -> Link {
        let link = contract::link(number);
        self.fakes.connect.put(&link.contact_id, Standing::Waiting);
        self.fakes.links.open(&link, "nonce").await.unwrap().link
    }

    /// A link whose voice contact waits, and goes on as [`CHAT`].
    pub(crate) async fn redeemed(&self) -> Link {
        let link = self.opened(1).await;
        let claim = contract::claim("page", link.created_at);
        let claimed = self.fakes.links.claim(&link.hash, &claim).await.unwrap();
        assert!(matches!(claimed, Claimed::Won(_)));
        let redeemed = Redeemed {
            chat_contact_id: CHAT.to_owned(),
            answer: "sealed".to_owned(),
            replay_until: claim.until,
        };
        self.fakes.links.complete(&link, "page", &redeemed).await.unwrap();
        link
    }

    pub(crate) fn state(&self, link: &Link) -> State {
        self.fakes.links.link(&link.hash).unwrap().1
    }

    pub(crate) fn outcomes(&self, outcome: &str) -> f64 {
        self.invocation.metrics.sum("VoiceContacts", &[("Outcome", outcome)])
    }

    /// Delivers events in one batch; which of them come back, by their places.
    pub(crate) async fn deliver(&mut self, bodies: &[String], receives: u32) -> Vec<usize> {
        self.invocation.deadline = Deadline::after(Duration::from_secs(30), Arc::new(self.clock.clone()));
        let records = bodies.iter().enumerate().map(|(place, body)| {
            json!({
                "messageId": place.to_string(), "body": body, "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:follow",
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

/// As in the Amazon Connect Administrator Guide, "Sample contact event for when a voice call is connected to
/// an agent".
pub(crate) fn event(channel: &str, event_type: &str, contact_id: &str) -> String {
    let instance_arn = format!("arn:aws:connect:us-east-1:111122223333:instance/{INSTANCE}");
    json!({
        "version": "0", "id": "abcabcab-abca-abca-abca-abcabcabcabc", "source": "aws.connect",
        "detail-type": "Amazon Connect Contact Event", "account": "111122223333",
        "time": "2026-11-01T12:00:10Z", "region": "us-east-1",
        "resources": [instance_arn, format!("{instance_arn}/contact/{contact_id}")],
        "detail": {
            "eventType": event_type, "contactId": contact_id, "initialContactId": contact_id,
            "channel": channel, "instanceArn": instance_arn, "initiationMethod": "INBOUND",
            "queueInfo": {"queueArn": format!("{instance_arn}/queue/q"), "queueType": "STANDARD"},
            "tags": {"aws:connect:instanceId": INSTANCE}
        }
    })
    .to_string()
}

/// An event with another value, or without one.
pub(crate) fn changed(body: &str, pointer: &str, member: &str, value: Option<&str>) -> String {
    let mut event: Value = serde_json::from_str(body).unwrap();
    let members = event.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(member.to_owned(), json!(value)),
        None => members.remove(member),
    };
    event.to_string()
}
