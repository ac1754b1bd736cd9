//! Providers that are slow, out of order, or gone.

use std::sync::Arc;
use std::time::Duration;

use eventide_kit::Error;
use eventide_kit::deadline::Deadline;
use eventide_kit::ledger::State;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{World, voice};

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test(start_paused = true)]
async fn both_are_asked_side_by_side() {
    let mut world = World::new();
    world.set_delays(Duration::from_millis(900), Duration::from_millis(800));
    let begun = Instant::now();
    assert_eq!(world.ask(&voice()).await["status"], "sent");
    assert_eq!(begun.elapsed(), Duration::from_millis(900));
}

#[tokio::test(start_paused = true)]
async fn a_slow_one_is_cut_off_and_does_not_hold_the_other_up() {
    let mut world = World::new();
    world.set_delays(LONG, Duration::from_millis(200));
    let begun = Instant::now();
    let answer = world.ask(&voice()).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(3), "`PROVIDER_SECONDS`");
    assert_eq!((&answer["status"], &answer["channels"]), (&json!("partly_sent"), &json!("email")));
    assert_eq!((&answer["uncertain"], &answer["reason"]), (&json!("sms"), &json!("timed_out")));
    // It may have been accepted, and in fact was.
    assert_eq!(world.sent(), (1, 1));
    let states = world.entries().await.iter().map(|entry| entry.state).collect::<Vec<_>>();
    assert!(states.contains(&State::Uncertain) && states.contains(&State::Done), "{states:?}");
    assert_eq!(world.counted("Sends", &[("Channel", "sms"), ("Outcome", "uncertain")]), 1.0);

    world.set_delays(Duration::ZERO, Duration::ZERO);
    assert_eq!((world.ask(&voice()).await, world.sent()), (answer, (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn both_slow_leave_time_to_answer() {
    let mut world = World::new();
    world.settings.provider_time = Duration::from_secs(6);
    world.set_delays(LONG, LONG);
    let begun = Instant::now();
    let answer = world.ask(&voice()).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(6));
    assert_eq!((&answer["status"], &answer["uncertain"]), (&json!("partly_sent"), &json!("sms,email")));
    assert_eq!(answer["reason"], "timed_out,timed_out");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_the_invocation_counts_less_a_reserve() {
    for (left, waited) in [(2_500, 1_500), (1_001, 1)] {
        let mut world = World::new();
        world.set_delays(LONG, LONG);
        let mut invocation = world.invocation();
        let clock = Arc::new(world.clock.clone());
        invocation.deadline = Deadline::after(Duration::from_millis(left), clock);
        let begun = Instant::now();
        let answer = world.environment().invoke(voice().to_string().as_bytes(), &invocation).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(waited), "{left}");
        assert_eq!(answer.unwrap().unwrap()["uncertain"], "sms,email");
    }
}

#[tokio::test(start_paused = true)]
async fn without_time_nothing_is_begun_and_the_next_request_sends_it() {
    let mut world = World::new();
    let mut invocation = world.invocation();
    invocation.deadline = Deadline::after(Duration::from_secs(1), Arc::new(world.clock.clone()));
    let answer = world.environment().invoke(voice().to_string().as_bytes(), &invocation).await;
    let answer = answer.unwrap().unwrap();
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("failed"), &json!("no_time,no_time")));
    assert!(world.fakes.sms.handed_over().is_empty() && world.fakes.email.handed_over().is_empty());
    assert_eq!(world.ask(&crate::support::with(json!({ "request": "2" }))).await["status"], "sent");
}

#[tokio::test]
async fn what_keeps_everybody_from_sending_is_told_and_logged_as_an_error() {
    let mut world = World::new();
    world.fakes.email.fail_next(Error::environment("SenderNotVerified", "`ses:SendEmail` was refused"));
    world
        .fakes
        .sms
        .fail_next(Error::permanent("InvalidRequest", "`sms-voice:SendTextMessage` was not built"));
    let answer = world.ask(&voice()).await;
    assert_eq!((&answer["status"], &answer["failed"]), (&json!("failed"), &json!("sms,email")));
    assert_eq!(answer["reason"], "InvalidRequest,SenderNotVerified");
    assert_eq!(world.counted("Sends", &[("Channel", "email"), ("Outcome", "postponed")]), 1.0);
    assert_eq!(world.counted("Sends", &[("Channel", "sms"), ("Outcome", "refused")]), 1.0);
    let reasons = world.entries().await.into_iter().filter_map(|entry| entry.reason).collect::<Vec<_>>();
    assert!(reasons.contains(&"postponed: SenderNotVerified".to_owned()), "{reasons:?}");
}
