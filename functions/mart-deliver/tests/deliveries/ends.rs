//! Statements that end otherwise than with rows to deliver.

use eventide_clients::marts::Requests as _;
use eventide_clients::redshift_data::{Ending, ResultSet};
use eventide_types::mart::request::State;
use serde_json::json;

use crate::support::{MART, World, end_of, few, finished, id, usual};

#[tokio::test]
async fn who_waits_is_told_why_there_is_no_result() {
    let above = ResultSet { said_rows: Some(1_001), ..few() };
    let failed = "invalid input syntax for type numeric: \"Ann\"";
    for (ending, class, reason, words) in [
        (Ending::Failed(failed.to_owned()), "StatementFailed", failed, Some(failed)),
        (Ending::Aborted, "StatementAborted", "the statement was cancelled", None),
        (
            Ending::Finished(Some(above)),
            "RowCapExceeded",
            "the result has more than 1000 rows: narrow the parameters, or raise the mart's `row_cap`",
            None,
        ),
    ] {
        let mut world = World::new();
        let record = world.ended(ending, usual).await;
        world.end_of(&record).await;
        let mut told = json!({
            "mart": MART, "owner": "humanresources", "requestId": "r-1", "token": "4f1c",
            "statementId": id(&record), "errorClass": class, "reason": reason
        });
        if let Some(words) = words {
            told["warehouseError"] = json!(words);
        }
        assert_eq!(world.events(), [("Data Mart Failed".to_owned(), told)]);
        let after = world.record("4f1c").await;
        assert_eq!((after.state, after.reason.as_deref()), (State::Failed, Some(reason)));
        assert!(world.fakes.bucket.keys().is_empty() && world.fakes.bucket.uploads().is_empty());
        assert_eq!(world.invocation.metrics.sum("ResultsFailed", &[("Mart", MART), ("Reason", class)]), 1.0);
        // Once more tells nothing more.
        world.end_of(&record).await;
        assert_eq!(world.events().len(), 1, "{class}");
    }
}

#[tokio::test]
async fn an_expired_result_is_told() {
    let mut world = World::new();
    let record = world.ended(finished(), usual).await;
    world.fakes.redshift.forget(&id(&record));
    world.end_of(&record).await;
    assert_eq!(world.told(), ["ResultExpired"]);
    assert_eq!(world.state().await, State::Failed);
}

#[tokio::test]
async fn statements_are_booked_once_however_they_end() {
    for (ending, outcome, rows, bytes) in [
        (finished(), "finished", 3, 28),
        (Ending::Failed("x".to_owned()), "failed", 0, 0),
        (Ending::Aborted, "aborted", 0, 0),
    ] {
        let mut world = World::new();
        // Asked for in the old year, ended in the new one.
        world.clock.set(time::macros::datetime!(2026-12-31 23:59:59 UTC));
        let record = world.ended(ending, usual).await;
        for _ in 0..2 {
            world.clock.advance(std::time::Duration::from_secs(2));
            world.end_of(&record).await;
        }
        let usages = world.fakes.usages.all();
        let [usage] = &usages[..] else { panic!("{usages:?}") };
        assert_eq!((usage.month.as_str(), usage.statement_id.clone()), ("2026-12", id(&record)));
        assert_eq!((usage.owner.as_str(), usage.mart.as_str()), ("humanresources", MART));
        assert_eq!((usage.purpose.as_str(), usage.warehouse.as_str()), ("query", "eventide"));
        assert_eq!((usage.outcome.as_str(), usage.milliseconds), (outcome, 1_500));
        assert_eq!((usage.rows, usage.bytes), (rows, bytes));
        assert_eq!(world.invocation.metrics.sum("Statements", &[("Mart", MART)]), 1.0);
    }
}

#[tokio::test]
async fn rows_that_were_answered_are_only_booked() {
    for (state, ending) in [
        ("submitted", finished()),
        ("delivered", finished()),
        ("failed", Ending::Aborted),
        ("submitted", Ending::Failed("x".to_owned())),
    ] {
        let mut world = World::new();
        let record = world
            .ended(ending, |record| {
                record["inline"] = json!(true);
                record["state"] = json!(state);
            })
            .await;
        world.end_of(&record).await;
        assert_eq!(world.fakes.usages.all().len(), 1);
        assert!(world.events().is_empty() && world.fakes.bucket.keys().is_empty());
        assert_eq!(world.record("4f1c").await, record);
        assert_eq!(world.invocation.metrics.sum("Statements", &[]), 1.0);
        // Nor is anybody told that they cannot be booked any more.
        world.fakes.redshift.forget(&id(&record));
        world.end_of(&record).await;
        assert!(world.events().is_empty());
    }
}

#[tokio::test]
async fn a_result_that_was_handed_over_is_delivered() {
    let mut world = World::new();
    let record = world.ended(finished(), |record| record["format"] = json!("jsonl")).await;
    assert!(!world.deliver(&json!({"token": "4f1c"}), 1).await);
    assert_eq!(world.told(), ["Data Mart Ready"]);
    assert!(world.body(&record, "jsonl").is_some());
}

#[tokio::test]
async fn what_mart_query_gave_up_is_told() {
    let given_up = json!({"token": "4f1c", "errorClass": "Validation", "reason": "no such database"});
    for (state, told) in [("accepted", &["Validation"][..]), ("submitted", &[]), ("failed", &[])] {
        let mut world = World::new();
        world.submitted("4f1c", |record| record["state"] = json!(state)).await;
        assert!(!world.deliver(&given_up, 1).await);
        assert_eq!(world.told(), told, "{state}");
        if state == "accepted" {
            let after = world.record("4f1c").await;
            assert_eq!((after.state, after.reason.as_deref()), (State::Failed, Some("no such database")));
        }
    }
}

#[tokio::test]
async fn the_end_may_come_before_mart_query_has_written_the_statement_down() {
    let mut world = World::new();
    let submitted = world.submitted("elsewhere", usual).await;
    world.fakes.redshift.end(&id(&submitted), finished());
    let mut record = submitted.clone();
    record.token = "4f1c".to_owned();
    (record.statement_id, record.state) = (None, State::Accepted);
    assert!(world.fakes.requests.accept(&record).await.unwrap().is_none());
    record.statement_id = submitted.statement_id;
    assert!(!world.deliver(&end_of(&record), 1).await);
    let after = world.record("4f1c").await;
    assert_eq!((after.state, after.statement_id), (State::Delivered, record.statement_id));
}
