//! A warehouse without room: requests come back, later each time, for 7 hours.

use std::time::Duration;

use eventide_clients::redshift_data::Operation as Call;
use eventide_kit::Error;
use eventide_types::mart::request::State;
use serde_json::json;

use crate::support::{World, busy, event};

#[tokio::test]
async fn a_request_comes_back_until_there_is_room() {
    let mut world = World::new().await;
    (0..8).for_each(|_| world.fakes.redshift.fail_next(Call::Submit, busy()));
    let answer = world.ask(event("direct")).await;
    assert_eq!((&answer["statusCode"], &answer["state"]), (&json!(202), &json!("accepted")));
    let mut delays = Vec::new();
    while world.record().state == State::Accepted {
        assert!(world.overdue().await.is_empty(), "what will come back is not overdue");
        let (delay, bodies) = world.wait();
        delays.extend(delay);
        assert!(world.deliver(&bodies, 1).await.is_empty());
    }
    assert_eq!(delays, [30, 60, 120, 240, 480, 900, 900, 900]);
    assert_eq!(world.statements().len(), 1);
    assert!(world.fakes.query_queue.messages().is_empty());
    assert_eq!(world.invocation.metrics.sum("WarehouseBusy", &[("Warehouse", "eventide")]), 8.0);
}

#[tokio::test]
async fn after_7_hours_it_is_given_up_and_told() {
    let mut world = World::new().await;
    (0..100).for_each(|_| world.fakes.redshift.fail_next(Call::Submit, busy()));
    world.ask(event("direct")).await;
    let mut hours = 0.0;
    while world.fakes.dead_letters.sent().is_empty() {
        let (delays, bodies) = world.wait();
        assert_eq!(bodies.len(), 1);
        hours += f64::from(delays[0]) / 3600.0;
        assert!(world.deliver(&bodies, 1).await.is_empty());
    }
    assert!((7.0..7.3).contains(&hours), "{hours}");
    assert_eq!(world.fakes.dead_letters.sent()[0].1, "Permanent.NotSubmitted");
    let token = world.record().token;
    let reason = format!("request `{token}` is given up: it could not be submitted within 7 hours");
    assert_eq!(
        world.handed_over(),
        [json!({"token": token, "errorClass": "NotSubmitted", "reason": reason})]
    );
    assert!(world.statements().is_empty() && world.fakes.query_queue.messages().is_empty());
}

#[tokio::test]
async fn who_waits_is_told_to_come_back() {
    let mut world = World::new().await;
    world.fakes.redshift.fail_next(Call::Submit, busy());
    let error = world.invoke(&event("direct-wait")).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Retryable.WarehouseBusy");
    assert!(world.fakes.query_queue.messages().is_empty());
}

#[tokio::test]
async fn a_message_comes_for_nothing_once_the_request_is_on_its_way() {
    let mut world = World::new().await;
    world.ask(event("direct")).await;
    let batch = event("queue-postponed");
    assert_eq!(world.invoke(&batch).await.unwrap(), json!({"batchItemFailures": []}));
    assert_eq!(world.statements().len(), 1);
}

#[tokio::test]
async fn what_was_not_queued_is_an_error_and_comes_back() {
    let mut world = World::new().await;
    world.fakes.redshift.fail_next(Call::Submit, busy());
    world.fakes.query_queue.fail_next(Error::retryable("Throttled", "`sqs:SendMessage` was throttled"));
    assert_eq!(world.invoke(&event("direct")).await.unwrap_err().error_type(), "Throttled");
    world.ask(event("direct")).await;
    assert_eq!(world.statements().len(), 1);
}

#[tokio::test]
async fn a_batch_is_answered_message_by_message() {
    let mut world = World::new().await;
    world.fakes.redshift.fail_next(Call::Submit, busy());
    world.ask(event("direct")).await;
    // The first is submitted, a text and the token of nobody are set aside.
    assert_eq!(world.invoke(&event("queue-with-poison")).await.unwrap(), json!({"batchItemFailures": []}));
    let letters = world.fakes.dead_letters.sent();
    let types: Vec<&str> = letters.iter().map(|(_, error_type)| error_type.as_str()).collect();
    assert_eq!(types, ["Permanent.InvalidEvent", "Permanent.UnknownRequest"]);
    assert_eq!(world.statements().len(), 1);
}

#[tokio::test]
async fn what_fails_by_no_fault_of_its_own_comes_back_and_stops_the_batch() {
    let mut world = World::new().await;
    let mut bodies = Vec::new();
    for id in ["a", "b"] {
        world.fakes.redshift.fail_next(Call::Submit, busy());
        let mut request = event("direct");
        request["requestId"] = json!(id);
        world.ask(request).await;
    }
    bodies.extend(world.wait().1);
    world.fakes.redshift.fail_next(Call::Submit, Error::retryable("ServerError", "failed"));
    assert_eq!(world.deliver(&bodies[..1], 1).await, ["message-0"]);
    let denied = || Error::environment("AccessDenied", "denied");
    (0..2).for_each(|_| world.fakes.redshift.fail_next(Call::Submit, denied()));
    assert_eq!(world.deliver(&bodies, 1).await, ["message-0", "message-1"]);
    world.time = Duration::from_secs(20);
    assert_eq!(world.deliver(&bodies, 1).await, ["message-0", "message-1"], "too little time is left");
    assert!(world.statements().is_empty() && world.fakes.dead_letters.sent().is_empty());
}
