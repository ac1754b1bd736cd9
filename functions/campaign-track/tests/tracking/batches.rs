//! Events that are none of ours, and batches of which something fails.

use eventide_clients::campaigns::Operation;
use eventide_kit::Error;
use eventide_kit::ledger::State;
use serde_json::json;
use time::Duration;

use crate::support::{
    LAST, NOW, SOON, World, body_without, done, of_email, of_text, of_text_without_context, uncertain,
};

#[tokio::test]
async fn messages_of_others_are_passed_over() {
    let mut world = World::new();
    world.settled("e-1", uncertain()).await;
    let mail = of_email("e-1", "Delivery");
    world
        .take(&[
            of_email("of-another-stack", "Delivery"),
            of_text("of-another-stack", "TEXT_DELIVERED"),
            body_without(&mail, "/detail/mail", "tags"),
            body_without(&mail, "/detail/mail/tags", "eventide-entry"),
            body_without(&mail, "/detail/mail/tags", "eventide-campaign"),
            body_without(&of_text("e-1", "TEXT_DELIVERED"), "/detail/context", "eventide-entry"),
            body_without(&of_text("e-1", "TEXT_DELIVERED"), "/detail/context", "eventide-campaign"),
            of_text_without_context("m-9", "TEXT_DELIVERED", NOW - Duration::minutes(3)),
            of_email("e-1", "Open"),
            of_email("e-1", "Click"),
            of_text("e-1", "MEDIA_DELIVERED"),
        ])
        .await;
    assert_eq!(world.state("e-1").await, State::Uncertain);
    assert!(world.fakes.store.all_outcomes().is_empty());
    assert_eq!(world.fakes.store.report_due("spring"), None);
}

#[tokio::test]
async fn what_is_no_event_of_a_provider_is_set_aside_without_its_content() {
    let mail = of_email("e-1", "Delivery");
    for body in [
        "reader-1@example.com".to_owned(),
        "{}".to_owned(),
        mail.replace("aws.ses", "aws.s3"),
        body_without(&mail, "/detail", "mail"),
        body_without(&mail, "/detail", "eventType"),
        body_without(&mail, "", "time"),
        body_without(&of_text("e-1", "TEXT_DELIVERED"), "/detail", "messageId"),
        json!({"source": "aws.ses", "time": "2026-11-27T09:00:00Z", "detail": "reader-1@example.com"})
            .to_string(),
    ] {
        let mut world = World::new();
        world.settled("e-1", uncertain()).await;
        let good = of_email("e-1", "Delivery");
        assert_eq!(world.deliver(&[body.clone(), good], 1).await, [0; 0], "{body}");
        assert_eq!(world.fakes.dead_letters.sent()[0].1, "Permanent.InvalidEvent", "{body}");
        assert_eq!(world.fakes.dead_letters.sent().len(), 1);
        assert!(!world.fakes.dead_letters.reasons()[0].contains("reader-1"), "{body}");
        assert_eq!(world.state("e-1").await, State::Done, "the others are taken");
    }
}

#[tokio::test]
async fn a_batch_with_news_asks_for_a_report_once() {
    let mut world = World::new();
    let mut events = Vec::new();
    for number in 0..10 {
        let key = format!("e-{number}");
        world.settled(&key, done("m-1")).await;
        events.push(of_email(&key, "Send"));
        events.push(of_email(&key, "Delivery"));
    }
    events.push(of_email("e-0", "Complaint").replace("spring", "autumn"));
    world.take(&events).await;
    assert_eq!(world.fakes.store.calls(Operation::Request), 2);
    for campaign in ["spring", "autumn"] {
        assert_eq!(world.fakes.store.report_due(campaign), Some(NOW + SOON));
    }
}

#[tokio::test]
async fn a_report_that_could_not_be_asked_for_is_asked_for_by_the_repeat() {
    let mut world = World::new();
    world.settled("e-1", done("m-1")).await;
    let events = [of_email("e-1", "Delivery"), of_email("elsewhere", "Delivery")];
    world.fakes.store.fail_next(Operation::Request, Error::retryable("Throttled", "x"));
    assert_eq!(world.deliver(&events, 1).await, [0], "who has no news is done with");
    assert_eq!(world.fakes.store.report_due("spring"), None);
    assert_eq!(world.deliver(&events[..1], 2).await, [0; 0]);
    assert_eq!(world.fakes.store.report_due("spring"), Some(NOW + SOON));
    assert_eq!(world.invocation.metrics.sum("ProviderNews", &[]), 1.0);
}

#[tokio::test]
async fn what_fails_comes_back_and_is_then_done_in_full() {
    for operation in [Operation::Record, Operation::Request] {
        let mut world = World::new();
        world.settled("e-1", uncertain()).await;
        let event = [of_text("e-1", "TEXT_DELIVERED")];
        world.fakes.store.fail_next(operation, Error::retryable("Throttled", "x"));
        assert_eq!(world.deliver(&event, 1).await, [0]);
        assert_eq!(world.deliver(&event, 2).await, [0; 0]);
        assert_eq!(world.state("e-1").await, State::Done);
        assert!(world.outcome("e-1").is_some() && world.fakes.store.report_due("spring").is_some());
        world.fakes.store.fail_next(operation, Error::retryable("Throttled", "x"));
        let event = [of_text("e-1", "TEXT_DELIVERED")];
        assert_eq!(world.deliver(&event, LAST).await, [0; 0], "on its last receipt it is set aside");
        assert_eq!(world.fakes.dead_letters.sent()[0].1, "Retryable.Throttled");
    }
}
