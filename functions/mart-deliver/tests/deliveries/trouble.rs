//! Crashes and failures at every step: nothing is visible by half, and the next message ends right.

use std::time::Duration;

use eventide_clients::marts::Operation as Table;
use eventide_clients::redshift_data::{Column, Ending, Field, Operation as Call, ResultSet};
use eventide_clients::s3::Operation as Object;
use eventide_kit::Error;
use eventide_types::mart::request::State;
use serde_json::json;

use crate::support::{FEW, LAST, World, column, end_of, few, finished, usual};

fn failure() -> Error {
    Error::retryable("ServerError", "it failed")
}

type Break = fn(&World, Error);

/// Every call that a delivery makes, to be failed.
const STEPS: [(&str, Break); 12] = [
    ("look the request up", |world, error| world.fakes.requests.fail_next(Table::Request, error)),
    ("describe", |world, error| world.fakes.redshift.fail_next(Call::Describe, error)),
    ("book", |world, error| world.fakes.usages.fail_next(Table::RecordUsage, error)),
    ("mark as delivering", |world, error| world.fakes.requests.fail_next(Table::Advance, error)),
    ("begin", |world, error| world.fakes.bucket.fail_next(Object::Begin, error)),
    ("fetch", |world, error| world.fakes.redshift.fail_next(Call::Page, error)),
    ("upload", |world, error| world.fakes.bucket.fail_next(Object::Part, error)),
    ("complete", |world, error| world.fakes.bucket.fail_next(Object::Complete, error)),
    ("write the manifest", |world, error| world.fakes.bucket.fail_next(Object::Put, error)),
    ("tell", |world, error| world.fakes.event_bus.fail_next(error)),
    ("fetch, and the upload is not given up", |world, error| {
        world.fakes.redshift.fail_next(Call::Page, error);
        world.fakes.bucket.fail_next(Object::Abort, failure());
    }),
    ("nothing", |_, _| ()),
];

#[tokio::test]
async fn a_delivery_that_failed_is_done_by_the_next_message() {
    for (step, fail) in STEPS {
        let mut world = World::new();
        let record = world.ended(finished(), usual).await;
        fail(&world, failure());
        let comes_back = world.deliver(&end_of(&record), 1).await;
        assert_eq!(comes_back, step != "nothing", "{step}");
        if comes_back {
            assert!(world.events().is_empty(), "{step}");
            // The manifest is the last that is written, and only then is anybody told.
            let is_there = world.body(&record, "manifest.json").is_some();
            assert_eq!(is_there, step == "tell", "{step}");
            assert!(!world.deliver(&end_of(&record), 2).await, "{step}");
        }
        assert_eq!(world.body(&record, "csv").as_deref(), Some(FEW), "{step}");
        assert_eq!(world.manifest(&record)["rows"], 3, "{step}");
        assert_eq!(world.told(), ["Data Mart Ready"], "{step}");
        assert_eq!((world.state().await, world.fakes.usages.all().len()), (State::Delivered, 1), "{step}");
        assert!(world.fakes.bucket.uploads().len() <= usize::from(step.contains("not given up")), "{step}");
        assert!(world.fakes.dead_letters.sent().is_empty(), "{step}");
        assert_eq!(world.invocation.metrics.sum("Statements", &[]), 1.0, "{step}");
    }
}

#[tokio::test]
async fn a_failure_that_was_not_told_is_told_by_the_next_message() {
    for step in ["look at the record", "tell"] {
        for receives in [1, LAST] {
            let mut world = World::new();
            let record = world.ended(Ending::Failed("x".to_owned()), usual).await;
            match step {
                "tell" => world.fakes.event_bus.fail_next(failure()),
                _ => world.fakes.usages.fail_next(Table::RecordUsage, failure()),
            }
            let comes_back = world.deliver(&end_of(&record), receives).await;
            assert_eq!(comes_back, receives < LAST);
            if step == "tell" {
                assert!(world.events().is_empty());
                assert_eq!(world.state().await, State::Submitted, "the sweep finds it");
                assert!(!world.deliver(&json!({"token": "4f1c"}), 1).await);
                assert_eq!(world.told(), ["StatementFailed"], "in the warehouse's words");
            }
        }
    }
}

#[tokio::test]
async fn the_last_receipt_tells_who_waits() {
    for (step, fail) in &STEPS[1..9] {
        let mut world = World::new();
        let record = world.ended(finished(), usual).await;
        fail(&world, failure());
        assert!(!world.deliver(&end_of(&record), LAST).await, "{step}: set aside");
        assert_eq!(world.fakes.dead_letters.sent()[0].1, "Retryable.ServerError", "{step}");
        assert_eq!(world.told(), ["ServerError"], "{step}");
        assert_eq!(world.events()[0].1["reason"], "it failed", "{step}");
        assert_eq!(world.state().await, State::Failed, "{step}");
        assert!(world.fakes.bucket.uploads().is_empty(), "{step}");
    }
}

#[tokio::test]
async fn who_was_told_of_a_result_is_not_told_of_a_failure() {
    let mut world = World::new();
    let record = world.ended(finished(), usual).await;
    world.end_of(&record).await;
    world.fakes.redshift.fail_next(Call::Describe, failure());
    world.fakes.usages.fail_next(Table::RecordUsage, failure());
    assert!(!world.deliver(&end_of(&record), LAST).await);
    assert_eq!((world.told(), world.state().await), (vec!["Data Mart Ready".to_owned()], State::Delivered));
}

#[tokio::test]
async fn rows_that_are_missing_are_not_delivered() {
    for (format, said) in [("csv", 4), ("jsonl", 4), ("parquet", 4), ("csv", 2)] {
        let mut world = World::new();
        let result = ResultSet { said_rows: Some(said), ..few() };
        let record =
            world.ended(Ending::Finished(Some(result)), |record| record["format"] = json!(format)).await;
        assert!(world.deliver(&end_of(&record), 1).await, "{format}");
        assert!(world.fakes.bucket.keys().is_empty() && world.fakes.bucket.uploads().is_empty(), "{format}");
        assert!(!world.deliver(&end_of(&record), LAST).await, "{format}");
        assert_eq!(world.told(), ["RowsMissing"], "{format}");
    }
}

#[tokio::test]
async fn values_that_are_not_of_their_type_are_told_without_being_told() {
    let of =
        |column: Column, field: Field| ResultSet { columns: vec![column], rows: vec![vec![field]], ..few() };
    for result in [
        of(column("rate", "numeric", 4, 2), Field::Text("s3cret".into())),
        of(column("rate", "numeric", 4, 2), Field::Text("1.234".into())),
        of(column("day", "date", 0, 0), Field::Text("s3cret".into())),
        of(column("whole", "int4", 0, 0), Field::Long(i64::MAX)),
        of(column("flag", "bool", 0, 0), Field::Text("s3cret".into())),
        ResultSet { rows: vec![vec![Field::Null; 3]], ..few() },
    ] {
        let mut world = World::new();
        let record =
            world.ended(Ending::Finished(Some(result)), |record| record["format"] = json!("parquet")).await;
        assert!(!world.deliver(&end_of(&record), 1).await);
        assert_eq!(world.told(), ["UnexpectedRows"]);
        assert_eq!(world.fakes.dead_letters.sent()[0].1, "Permanent.UnexpectedRows");
        let said = format!("{:?} {:?}", world.fakes.dead_letters.reasons(), world.events());
        assert!(!said.contains("s3cret"), "{said}");
        assert!(world.fakes.bucket.keys().is_empty() && world.fakes.bucket.uploads().is_empty());
    }
}

#[tokio::test]
async fn what_is_not_done_in_time_is_given_up_and_told_in_time() {
    for (receives, told) in [(1, &[][..]), (LAST, &["DeadlineExceeded"])] {
        let mut world = World::new();
        // So little is left that nothing is fetched, and enough to say so.
        world.time = Duration::from_secs(25);
        let record = world.ended(finished(), usual).await;
        assert_eq!(world.deliver(&end_of(&record), receives).await, receives < LAST);
        assert_eq!(world.told(), told);
        assert!(world.fakes.bucket.keys().is_empty() && world.fakes.bucket.uploads().is_empty());
    }
}

#[tokio::test]
async fn nobody_is_told_the_opposite_by_a_slower_message() {
    let mut world = World::new();
    let record = world.ended(finished(), usual).await;
    world.end_of(&record).await;
    // A message that has seen the request before it was delivered fails now.
    let given_up = json!({"token": "4f1c", "errorClass": "Validation", "reason": "x"});
    assert!(!world.deliver(&given_up, LAST).await);
    assert_eq!((world.told(), world.state().await), (vec!["Data Mart Ready".to_owned()], State::Delivered));
}
