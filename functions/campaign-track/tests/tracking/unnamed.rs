//! Events of SMS that have nothing but the provider's id.

use eventide_clients::campaigns::Operation;
use eventide_kit::Error;
use eventide_kit::ledger::State;
use eventide_types::campaign::provider::Outcome;
use time::Duration;

use crate::support::{
    LAST, NOW, SOON, World, body_without, done, of_text, of_text_without_context, uncertain,
};

#[tokio::test]
async fn a_message_is_known_by_its_id() {
    for settled in [None, Some(uncertain()), Some(done("m-1"))] {
        let mut world = World::new();
        match settled {
            Some(settlement) => drop(world.settled("e-1", settlement).await),
            None => drop(world.claimed("e-1").await),
        }
        world.remembered("m-1", "e-1").await;
        // However long ago it was sent, or nobody says when.
        let event = of_text_without_context("m-1", "TEXT_DELIVERED", NOW - Duration::hours(72));
        world.take(&[event.clone(), body_without(&event, "/detail", "messageRequestTimestamp")]).await;
        assert_eq!(world.outcome("e-1"), Some(Outcome::Delivered));
        assert_eq!(world.fakes.store.report_due("spring"), Some(NOW + SOON));
        let entry = world.entry("e-1").await;
        assert_eq!((entry.state, entry.detail["message_id"].as_str()), (State::Done, "m-1"));
        assert_eq!(world.invocation.metrics.sum("NewsOfNobody", &[]), 0.0);
    }
}

#[tokio::test]
async fn a_context_that_is_there_is_taken() {
    let mut world = World::new();
    world.settled("e-1", uncertain()).await;
    world.take(&[of_text("e-1", "TEXT_DELIVERED")]).await;
    assert_eq!(world.outcome("e-1"), Some(Outcome::Delivered));
    assert_eq!(world.fakes.store.calls(Operation::Origin), 0, "nothing is looked up");
}

#[tokio::test]
async fn an_event_that_overtakes_the_record_of_the_sending_is_not_lost() {
    let mut world = World::new();
    world.claimed("e-1").await;
    let event = [of_text_without_context("m-1", "TEXT_DELIVERED", NOW - Duration::seconds(1))];
    assert_eq!(world.deliver(&event, 1).await, [0], "it comes back");
    assert_eq!(world.state("e-1").await, State::Claimed);
    world.remembered("m-1", "e-1").await;
    world.clock.advance(std::time::Duration::from_secs(360));
    assert_eq!(world.deliver(&event, 2).await, [0; 0]);
    assert_eq!((world.outcome("e-1"), world.state("e-1").await), (Some(Outcome::Delivered), State::Done));
    assert!(world.fakes.store.report_due("spring").is_some());
    assert_eq!(world.fakes.dead_letters.reasons(), [""; 0]);
}

#[tokio::test]
async fn what_nobody_sent_is_waited_for_within_bounds_and_then_dropped() {
    let of = |requested_at| of_text_without_context("m-9", "TEXT_DELIVERED", requested_at);
    let nobody_says_when = body_without(&of(NOW), "/detail", "messageRequestTimestamp");
    for (event, receives, comes_back) in [
        (of(NOW), 1, true),
        (of(NOW - Duration::minutes(3) + Duration::SECOND), 1, true),
        (of(NOW), LAST - 1, true),
        (of(NOW), LAST, false),
        (of(NOW - Duration::minutes(3)), 1, false),
        (of(NOW + Duration::SECOND), 1, true),
        (of(NOW + Duration::days(1)), 1, false),
        (nobody_says_when.clone(), 1, true),
        (nobody_says_when, LAST, false),
    ] {
        let mut world = World::new();
        let expected: &[usize] = if comes_back { &[0] } else { &[] };
        assert_eq!(
            world.deliver(std::slice::from_ref(&event), receives).await,
            expected,
            "{receives} {event}"
        );
        let dropped = world.invocation.metrics.sum("NewsOfNobody", &[]);
        assert_eq!(dropped, if comes_back { 0.0 } else { 1.0 }, "{receives} {event}");
        assert_eq!(world.fakes.dead_letters.reasons(), [""; 0], "nobody has to look at it");
        assert_eq!(world.fakes.store.calls(Operation::Origin), 1, "one read is all it costs");
        assert!(world.fakes.store.all_outcomes().is_empty());
    }
}

#[tokio::test]
async fn an_id_that_cannot_be_looked_up_comes_back() {
    let mut world = World::new();
    world.settled("e-1", done("m-1")).await;
    world.remembered("m-1", "e-1").await;
    world.fakes.store.fail_next(Operation::Origin, Error::retryable("Throttled", "x"));
    let event = [of_text_without_context("m-1", "TEXT_DELIVERED", NOW - Duration::HOUR)];
    assert_eq!(world.deliver(&event, 1).await, [0]);
    assert_eq!(world.deliver(&event, 2).await, [0; 0]);
    assert_eq!(world.outcome("e-1"), Some(Outcome::Delivered));
}
