//! Repeats, crashes and failures on the way to Redshift.

use std::time::Duration;

use eventide_clients::marts::Operation;
use eventide_clients::redshift_data::{Operation as Call, RedshiftData as _};
use eventide_kit::Error;
use eventide_types::mart::request::State;
use serde_json::{Value, json};

use crate::support::{MART, World, event};

fn lost() -> Error {
    Error::retryable("TimedOut", "`dynamodb:PutItem` timed out")
}

#[tokio::test]
async fn a_repeat_is_the_same_statement() {
    for name in ["direct", "event-requested", "schedule", "http-request"] {
        let mut world = World::new().await;
        let first = world.invoke(&event(name)).await.unwrap();
        world.clock.advance(Duration::from_secs(3600));
        let second = world.invoke(&event(name)).await.unwrap();
        assert_eq!(world.statements().len(), 1, "{name}");
        assert_eq!(first, second, "{name}");
        assert_eq!(world.invocation.metrics.sum("RequestsAccepted", &[("Mart", MART)]), 1.0, "{name}");
    }
}

#[tokio::test]
async fn equal_requests_of_their_own_run_each() {
    let mut world = World::new().await;
    let mut other = event("event-requested");
    other["detail"]["requestId"] = json!("another");
    world.invoke(&event("event-requested")).await.unwrap();
    world.invoke(&other).await.unwrap();
    world.invoke(&event("direct")).await.unwrap();
    assert_eq!(world.statements().len(), 3);
}

#[tokio::test]
async fn an_id_stands_for_one_request() {
    let mut world = World::new().await;
    world.ask(json!({"mart": MART, "requestId": "monday", "parameters": {"since": 2011}})).await;
    let other = json!({"mart": MART, "requestId": "monday", "parameters": {"since": 2012}});
    let error = world.invoke(&other).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Permanent.PayloadMismatch");
    assert_eq!(world.statements().len(), 1);
}

#[tokio::test]
async fn what_died_after_acceptance_is_submitted_by_the_repeat() {
    let mut world = World::new().await;
    world.fakes.redshift.fail_next(Call::Submit, Error::environment("AccessDenied", "denied"));
    assert!(world.invoke(&event("direct")).await.is_err());
    assert_eq!(world.record().state, State::Accepted);
    let answer = world.ask(event("direct")).await;
    assert_eq!((&answer["state"], world.statements().len()), (&json!("submitted"), 1));
}

#[tokio::test]
async fn what_died_after_submission_finds_its_statement_again() {
    let mut world = World::new().await;
    world.fakes.marts.fail_next(Operation::Advance, lost());
    assert_eq!(world.invoke(&event("direct")).await.unwrap_err().error_type(), "TimedOut");
    assert_eq!((world.record().state, world.statements().len()), (State::Accepted, 1));
    let answer = world.ask(event("direct")).await;
    assert_eq!(world.statements().len(), 1);
    assert_eq!(answer["statementId"].as_str(), world.record().statement_id.as_deref());
    assert_eq!(world.record().state, State::Submitted);
}

#[tokio::test]
async fn a_statement_whose_submission_was_not_answered_is_found_again() {
    let mut world = World::new().await;
    world.ask(event("direct")).await;
    let statement = world.statements().remove(0);
    // The same, as if only Redshift knew of it.
    let mut fresh = World::new().await;
    fresh.fakes.redshift.submit(&statement).await.unwrap();
    fresh.ask(event("direct")).await;
    assert_eq!(fresh.statements(), [statement]);
}

#[tokio::test]
async fn failures_before_acceptance_leave_nothing() {
    for operation in [Operation::Mart, Operation::Accept] {
        let mut world = World::new().await;
        world.fakes.marts.fail_next(operation, lost());
        assert!(world.invoke(&event("direct")).await.unwrap_err().is_retryable(), "{operation:?}");
        assert!(world.fakes.marts.records().is_empty() && world.statements().is_empty(), "{operation:?}");
    }
}

#[tokio::test]
async fn who_waits_for_a_result_learns_that_redshift_refused_the_statement() {
    let refused = || Error::permanent("Validation", "`redshift-data:ExecuteStatement` failed");
    let mut world = World::new().await;
    world.fakes.redshift.fail_next(Call::Submit, refused());
    let error = world.invoke(&event("event-requested")).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Permanent.Validation");
    let told = json!({
        "token": world.record().token, "errorClass": "Validation",
        "reason": "`redshift-data:ExecuteStatement` failed"
    });
    assert_eq!(world.handed_over(), [told], "mart-deliver tells");

    let mut world = World::new().await;
    world.fakes.redshift.fail_next(Call::Submit, refused());
    assert!(world.invoke(&event("direct-wait")).await.is_err());
    assert_eq!(world.handed_over(), [Value::Null; 0], "the answer tells");
    assert_eq!(world.record().state, State::Failed);
    let again = world.ask(event("direct-wait")).await;
    assert_eq!((&again["statusCode"], &again["error"]["type"]), (&json!(422), &json!("RequestFailed")));
}

#[tokio::test]
async fn the_end_may_be_known_before_the_submission() {
    let mut world = World::new().await;
    world.fakes.marts.fail_next(Operation::Advance, lost());
    assert!(world.invoke(&event("direct")).await.is_err());
    let mut delivered = world.record();
    delivered.state = State::Delivered;
    delivered.statement_id = Some(world.fakes.redshift.submitted()[0].0.clone());
    use eventide_clients::marts::Requests as _;
    assert!(world.fakes.marts.advance(&delivered, &[State::Accepted]).await.unwrap());
    let answer = world.ask(event("direct")).await;
    assert_eq!((&answer["statusCode"], &answer["state"]), (&json!(200), &json!("delivered")));
    assert_eq!(world.record(), delivered);
}
