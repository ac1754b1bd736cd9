//! What providers tell settles what nobody knew, and unsettles nothing.

use eventide_kit::ledger::{Settlement, State};
use eventide_types::campaign::provider::Outcome;

use crate::support::{NOW, SOON, World, done, of_email, of_text, uncertain};

const EMAIL: [(&str, Outcome); 8] = [
    ("Send", Outcome::Accepted),
    ("DeliveryDelay", Outcome::Delayed),
    ("Delivery", Outcome::Delivered),
    ("Bounce", Outcome::Bounced),
    ("Complaint", Outcome::Complained),
    ("Subscription", Outcome::Unsubscribed),
    ("Reject", Outcome::Failed),
    ("Rendering Failure", Outcome::Failed),
];
const TEXT: [(&str, Outcome); 6] = [
    ("TEXT_QUEUED", Outcome::Accepted),
    ("TEXT_SENT", Outcome::Accepted),
    ("TEXT_DELIVERED", Outcome::Delivered),
    ("TEXT_SUCCESSFUL", Outcome::Delivered),
    ("TEXT_CARRIER_UNREACHABLE", Outcome::Failed),
    ("TEXT_TTL_EXPIRED", Outcome::Failed),
];

/// Events of every kind about a message, and what they mean.
fn every_kind(entry: &str) -> Vec<(String, Outcome)> {
    let emails = EMAIL.map(|(kind, outcome)| (of_email(entry, kind), outcome));
    let texts = TEXT.map(|(kind, outcome)| (of_text(entry, kind), outcome));
    emails.into_iter().chain(texts).collect()
}

#[tokio::test]
async fn whoever_tells_of_a_message_has_taken_it() {
    for (event, outcome) in every_kind("e-1") {
        for is_claimed in [true, false] {
            let mut world = World::new();
            if is_claimed {
                world.claimed("e-1").await;
            } else {
                world.settled("e-1", uncertain()).await;
            }
            world.take(std::slice::from_ref(&event)).await;
            let entry = world.entry("e-1").await;
            assert_eq!((entry.state, entry.reason), (State::Done, None), "{event}");
            assert_eq!((entry.detail["message_id"].as_str(), entry.attempt), ("m-1", 1));
            assert_eq!(entry.detail["campaign"], "spring", "what the claim recorded stays");
            assert_eq!(world.outcome("e-1"), Some(outcome), "{event}");
            assert_eq!(world.fakes.store.report_due("spring"), Some(NOW + SOON));
            let counted = world.invocation.metrics.sum("ProviderNews", &[("Outcome", outcome.as_str())]);
            assert_eq!(counted, 1.0);
        }
    }
}

#[tokio::test]
async fn what_is_settled_stays_as_it_is() {
    for (event, outcome) in every_kind("e-1") {
        for settlement in
            [done("m-1"), done("another"), Settlement::Refused { reason: "not sent, says ann".to_owned() }]
        {
            let mut world = World::new();
            let before = world.settled("e-1", settlement).await;
            world.take(std::slice::from_ref(&event)).await;
            assert_eq!(world.entry("e-1").await, before, "{event}");
            assert_eq!(world.outcome("e-1"), Some(outcome), "what the provider said is kept all the same");
        }
    }
}

#[tokio::test]
async fn the_last_word_stands_in_whatever_order_the_events_come() {
    let of = |kinds: &[&str]| kinds.iter().map(|kind| of_email("e-1", kind)).collect::<Vec<_>>();
    for (kinds, outcome) in [
        (&["Send", "Delivery"][..], Outcome::Delivered),
        (&["Delivery", "Send"], Outcome::Delivered),
        (&["DeliveryDelay", "Send", "DeliveryDelay"], Outcome::Delayed),
        (&["Complaint", "Delivery", "Send"], Outcome::Complained),
        (&["Bounce", "Send", "Delivery"], Outcome::Bounced),
        (&["Send", "Delivery", "Bounce"], Outcome::Bounced),
        (&["Subscription", "Delivery"], Outcome::Unsubscribed),
    ] {
        for is_one_batch in [true, false] {
            let mut world = World::new();
            world.settled("e-1", uncertain()).await;
            if is_one_batch {
                world.take(&of(kinds)).await;
            } else {
                for event in of(kinds) {
                    world.take(&[event]).await;
                }
            }
            assert_eq!(world.outcome("e-1"), Some(outcome), "{kinds:?}");
            assert_eq!(world.state("e-1").await, State::Done);
        }
    }
}

#[tokio::test]
async fn the_same_event_again_is_no_news() {
    let mut world = World::new();
    world.settled("e-1", done("m-1")).await;
    let event = of_email("e-1", "Delivery");
    world.take(&[event.clone(), event.clone()]).await;
    let requests = world.fakes.store.calls(eventide_clients::campaigns::Operation::Request);
    for _ in 0..3 {
        world.take(std::slice::from_ref(&event)).await;
    }
    assert_eq!(world.fakes.store.calls(eventide_clients::campaigns::Operation::Request), requests);
    assert_eq!(world.invocation.metrics.sum("ProviderNews", &[]), 1.0);
}

/// The sender is about to write down what it knows when the event comes.
#[tokio::test]
async fn an_event_and_its_sender_may_settle_at_the_same_time() {
    use eventide_kit::ledger::Ledger as _;
    let mut world = World::new();
    world.claimed("e-1").await;
    world.take(&[of_email("e-1", "Send")]).await;
    let entry = world.fakes.ledger.settle("e-1", 1, done("m-1")).await.unwrap();
    assert_eq!(entry.state, State::Done);
}
