//! Requests that wait for their rows.

use std::time::Duration;

use eventide_clients::redshift_data::{Ending, Field, Operation as Call, ResultFormat, ResultSet};
use eventide_kit::Error;
use eventide_types::mart::definition::Format;
use eventide_types::mart::request::State;
use serde_json::{Value, json};

use crate::support::{MART, World, event, rows};

fn few() -> ResultSet {
    rows(vec![
        vec![Field::Text("Sales".into()), Field::Long(7)],
        vec![Field::Null, Field::Long(i64::MAX)],
        vec![Field::Text("R\"D".into()), Field::Null],
    ])
}

fn expected() -> (Value, Value) {
    let columns = json!([
        {"name": "Department Name", "type": "varchar"}, {"name": "Rate Changes", "type": "int8"}
    ]);
    (columns, json!([["Sales", 7], [null, i64::MAX], ["R\"D", null]]))
}

#[tokio::test]
async fn the_answer_has_the_rows_of_all_pages() {
    for (running, page_rows) in [(0, 0), (0, 1), (1, 2)] {
        let mut world = World::new().await;
        world.script(running, Ending::Finished(Some(ResultSet { page_rows, ..few() })));
        let answer = world.ask(event("direct-wait")).await;
        let (columns, values) = expected();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        assert_eq!((&answer["columns"], &answer["rows"]), (&columns, &values));
        assert_eq!((&answer["state"], world.record().state), (&json!("delivered"), State::Delivered));
        let statement = &world.statements()[0];
        assert_eq!((statement.wait_seconds, statement.result_format), (30, ResultFormat::Json));
        assert!(world.handed_over().is_empty());
    }
}

#[tokio::test]
async fn no_rows_are_an_answer_too() {
    let mut world = World::new().await;
    world.next_ends_with(rows(Vec::new()));
    let answer = world.ask(event("direct-wait")).await;
    assert_eq!((&answer["statusCode"], &answer["rows"]), (&json!(200), &json!([])));
}

#[tokio::test]
async fn a_failure_is_told_in_the_warehouses_words() {
    // At once, and after the submission was answered.
    for running in [0, 1] {
        for (ending, message) in [
            (Ending::Failed("division by zero".to_owned()), "division by zero"),
            (Ending::Aborted, "the statement was cancelled"),
        ] {
            let mut world = World::new().await;
            world.script(running, ending);
            let answer = world.ask(event("direct-wait")).await;
            assert_eq!(answer["statusCode"], 422, "{answer}");
            assert_eq!(answer["error"], json!({"type": "StatementFailed", "message": message}));
            assert_eq!(world.record().state, State::Failed);
        }
    }
}

#[tokio::test]
async fn when_the_time_is_up_the_statement_is_cancelled() {
    for (time, waits) in [(60, 2), (20, 1), (5, 0)] {
        let mut world = World::new().await;
        world.time = Duration::from_secs(time);
        let answer = world.ask(event("direct-wait")).await;
        assert_eq!(
            (&answer["statusCode"], &answer["error"]["type"]),
            (&json!(504), &json!("DeadlineExceeded"))
        );
        assert_eq!(world.fakes.redshift.cancelled(), [world.fakes.redshift.submitted()[0].0.clone()]);
        assert_eq!(world.record().state, State::Failed);
        let left = world.invocation.deadline.remaining();
        assert!(left >= Duration::from_secs(time.min(6)), "{left:?} is left to answer");
        assert_eq!(waits > 0, left < Duration::from_secs(time), "{time}");
        assert_eq!(world.invocation.metrics.sum("StatementsCancelled", &[]), 1.0);
    }
}

#[tokio::test]
async fn a_statement_that_cannot_be_cancelled_is_answered_all_the_same() {
    let mut world = World::new().await;
    world.fakes.redshift.fail_next(Call::Cancel, Error::retryable("ServerError", "failed"));
    assert_eq!(world.ask(event("direct-wait")).await["statusCode"], 504);
}

#[tokio::test]
async fn what_is_too_long_is_delivered_instead() {
    let long = || Field::Text("x".repeat(65_000));
    let by_text = rows((0..100).map(|_| vec![long(), Field::Null]).collect());
    let by_text = ResultSet { page_rows: 10, said_bytes: Some(100), ..by_text };
    let by_quotes = rows((0..50).map(|_| vec![Field::Text("\"".repeat(60_000)), Field::Null]).collect());
    let by_quotes = ResultSet { said_bytes: Some(100), ..by_quotes };
    let by_size = ResultSet { said_bytes: Some(6_000_001), ..few() };
    for (what, result) in [("text", by_text), ("quotes", by_quotes), ("size", by_size)] {
        let mut world = World::new().await;
        world.next_ends_with(result);
        let answer = world.ask(event("direct-wait")).await;
        assert_eq!((&answer["statusCode"], &answer["rows"]), (&json!(202), &Value::Null), "{what}");
        let record = world.record();
        assert_eq!((record.inline, record.format), (false, Format::Jsonl), "{what}");
        assert_eq!(world.handed_over(), [json!({"token": record.token})], "{what}");
        let url = format!("https://results.s3.example/{}.jsonl?X-Amz-Expires=3600", record.key);
        assert_eq!(answer["result"]["url"], json!(url), "{what}");
        // A repeat is told the same.
        assert_eq!(world.ask(event("direct-wait")).await, answer, "{what}");
        assert_eq!((world.statements().len(), world.handed_over().len()), (1, 1), "{what}");
    }
}

#[tokio::test]
async fn six_megabytes_are_no_more_than_lambda_lets_a_function_answer() {
    let mut world = World::new().await;
    let row = vec![Field::Text("\"".repeat(1_000)), Field::Text("\u{1}".repeat(100)), Field::Double(0.5)];
    let columns = few().columns;
    let mut count = 1_250;
    loop {
        let result = rows(vec![row.clone(); count]);
        world.next_ends_with(ResultSet {
            columns: columns.clone(),
            said_bytes: Some(0),
            said_rows: Some(1),
            ..result
        });
        let mut call = event("http-request");
        call["body"] = json!(json!({"mart": MART, "wait": true, "requestId": count.to_string()}).to_string());
        let answer = world.invoke(&call).await.unwrap();
        if answer["statusCode"] == 202 {
            break;
        }
        assert_eq!(answer["statusCode"], 200);
        assert!(answer.to_string().len() <= 6_291_456, "{count}");
        count += 25;
    }
    assert!(count > 1_250, "the first one fits");
}

#[tokio::test]
async fn more_rows_than_the_cap_are_a_failure() {
    for running in [0, 1] {
        let mut world = World::new().await;
        let result = ResultSet { said_rows: Some(1_001), ..few() };
        world.script(running, Ending::Finished(Some(result)));
        let answer = world.ask(event("direct-wait")).await;
        assert_eq!(
            (&answer["statusCode"], &answer["error"]["type"]),
            (&json!(422), &json!("RowCapExceeded"))
        );
        assert_eq!(world.record().state, State::Failed);
    }
}

#[tokio::test]
async fn a_repeat_waits_for_the_same_statement() {
    let mut world = World::new().await;
    // The first invocation dies while it waits.
    world.fakes.redshift.fail_next(Call::Describe, Error::retryable("ServerError", "failed"));
    assert!(world.invoke(&event("direct-wait")).await.is_err());
    assert_eq!(world.record().state, State::Submitted);
    let id = world.fakes.redshift.submitted()[0].0.clone();
    world.fakes.redshift.end(&id, Ending::Finished(Some(few())));
    let answer = world.ask(event("direct-wait")).await;
    assert_eq!((&answer["statusCode"], &answer["rows"]), (&json!(200), &expected().1));
    // The answer got lost.
    let again = world.ask(event("direct-wait")).await;
    assert_eq!((&again, world.statements().len()), (&answer, 1));
    world.fakes.redshift.forget(&id);
    let late = world.ask(event("direct-wait")).await;
    assert_eq!((&late["statusCode"], &late["error"]["type"]), (&json!(422), &json!("ResultExpired")));
}

#[tokio::test]
async fn a_result_that_is_not_handed_over_is_asked_for_again() {
    let mut world = World::new().await;
    world.next_ends_with(ResultSet { said_bytes: Some(7_000_000), ..few() });
    world.fakes.deliver_queue.fail_next(Error::retryable("Throttled", "throttled"));
    assert!(world.invoke(&event("direct-wait")).await.is_err());
    // Without its message the sweep finds it: it is not inline any more.
    assert!(!world.record().inline);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.overdue().await, [world.record().token]);
}
