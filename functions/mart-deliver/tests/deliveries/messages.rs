//! Messages that lead nowhere, come twice, or in the wrong order.

use eventide_clients::marts::Operation;
use eventide_clients::redshift_data::Ending;
use eventide_types::mart::request::State;
use serde_json::{Value, json};

use crate::support::{World, end_of, event, finished, usual};

#[tokio::test]
async fn what_is_no_message_of_ours_is_set_aside() {
    for (name, error_type) in [
        ("unknown-request", "Permanent.UnknownRequest"),
        ("foreign-statement", "Permanent.InvalidEvent"),
        ("malformed-state", "Permanent.InvalidEvent"),
        // Its request was never made here.
        ("ended-finished", "Permanent.UnknownRequest"),
        ("ended-failed", "Permanent.UnknownRequest"),
        ("ended-aborted", "Permanent.UnknownRequest"),
        ("handed-over", "Permanent.UnknownRequest"),
        ("given-up", "Permanent.UnknownRequest"),
        ("last-receipt", "Permanent.UnknownRequest"),
    ] {
        let mut world = World::new();
        let answer = world.invoke(&event(name)).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}), "{name}");
        assert_eq!(world.fakes.dead_letters.sent()[0].1, error_type, "{name}");
        assert!(world.events().is_empty(), "{name}");
    }
    let mut world = World::new();
    let error = world.invoke(&event("not-an-event-of-ours")).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Permanent.InvalidEvent");
}

#[tokio::test]
async fn a_second_event_changes_nothing() {
    let mut world = World::new();
    let record = world.ended(finished(), usual).await;
    for message in [end_of(&record), json!({"token": "4f1c"}), end_of(&record)] {
        assert!(!world.deliver(&message, 1).await);
    }
    // Not even when the result is gone.
    world.fakes.redshift.forget(record.statement_id.as_ref().unwrap());
    assert!(!world.deliver(&end_of(&record), 1).await);
    assert_eq!(world.told(), ["Data Mart Ready"]);
    assert_eq!((world.state().await, world.fakes.usages.all().len()), (State::Delivered, 1));
    assert!(world.fakes.dead_letters.sent().is_empty());
    assert_eq!(world.invocation.metrics.sum("ResultsDelivered", &[]), 1.0);
}

#[tokio::test]
async fn a_statement_that_somebody_else_named_so_is_not_taken_for_the_requests() {
    let mut world = World::new();
    let record = world.submitted("4f1c", usual).await;
    let mut foreign = end_of(&record);
    foreign["detail"]["statementId"] = json!("11111111-1111-4111-8111-111111111111");
    assert!(!world.deliver(&foreign, 1).await);
    assert_eq!(world.fakes.dead_letters.sent()[0].1, "Permanent.OtherStatement");
    assert_eq!((world.state().await, world.told()), (State::Submitted, Vec::new()));
}

#[tokio::test]
async fn what_still_runs_is_left_alone() {
    let mut world = World::new();
    let record = world.submitted("4f1c", usual).await;
    assert!(!world.deliver(&json!({"token": "4f1c"}), 1).await);
    assert_eq!(world.record("4f1c").await, record);
    assert!(world.events().is_empty() && world.fakes.usages.all().is_empty());
}

#[tokio::test]
async fn a_hand_over_without_a_statement_is_set_aside_and_told() {
    let mut world = World::new();
    let mut record = world.submitted("other", usual).await;
    (record.token, record.statement_id) = ("4f1c".to_owned(), None);
    use eventide_clients::marts::Requests as _;
    assert!(world.fakes.requests.accept(&record).await.unwrap().is_none());
    assert!(!world.deliver(&json!({"token": "4f1c"}), 1).await);
    assert_eq!(world.fakes.dead_letters.sent()[0].1, "Permanent.NotSubmitted");
    assert_eq!(world.told(), ["NotSubmitted"]);
}

/// The event says less than Redshift: it is Redshift that is asked.
#[tokio::test]
async fn what_the_event_says_of_the_end_does_not_count() {
    let mut world = World::new();
    let record = world.ended(Ending::Failed("x".to_owned()), usual).await;
    let mut end: Value = end_of(&record);
    end["detail"]["state"] = json!("FINISHED");
    assert!(!world.deliver(&end, 1).await);
    assert_eq!(world.told(), ["StatementFailed"]);
}

/// A message that takes longer than the queue hides it comes once more, and is delivered beside itself.
#[tokio::test]
async fn whoever_was_told_meanwhile_is_not_told_again() {
    let mut slow = World::new();
    let record = slow.ended(finished(), usual).await;
    let mut quick = slow.beside();
    // The second look at the record is the one before telling.
    let hold = slow.fakes.requests.hold(Operation::Request, 1);
    let other = async {
        hold.reached().await;
        quick.end_of(&record).await;
        assert_eq!(quick.told(), ["Data Mart Ready"]);
        quick.clock.advance(std::time::Duration::from_secs(1));
        let manifest = quick.manifest(&record);
        hold.release();
        manifest
    };
    let ((), manifest) = tokio::join!(slow.end_of(&record), other);
    assert_eq!((slow.told(), slow.state().await), (vec!["Data Mart Ready".to_owned()], State::Delivered));
    assert_eq!(slow.manifest(&record), manifest, "nor is anything written again");
    assert_eq!(slow.invocation.metrics.sum("ResultsDelivered", &[]), 0.0);
}
