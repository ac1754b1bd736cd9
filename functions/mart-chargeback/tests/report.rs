//! mart-chargeback without AWS: on fakes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use eventide_clients::marts::{FakeUsages, Operation, Usage, Usages as _};
use eventide_clients::s3::{FakeBucket, Operation as Object};
use eventide_kit::Error;
use eventide_kit::clock::ManualClock;
use eventide_kit::env::Vars;
use eventide_kit::event::parse;
use mart_chargeback::{Answer, Config, MartChargeback};
use time::OffsetDateTime;
use time::macros::datetime;

const HEADER: &str = "month,team,mart,warehouse,purpose,statements,failed,seconds,rows,bytes\r\n";

struct World {
    usages: FakeUsages,
    bucket: FakeBucket,
    function: MartChargeback<FakeUsages, FakeBucket>,
}

fn world(now: OffsetDateTime) -> World {
    let (usages, bucket) = (FakeUsages::default(), FakeBucket::new("results"));
    let function = MartChargeback::new(usages.clone(), bucket.clone(), Arc::new(ManualClock::new(now)));
    World { usages, bucket, function }
}

impl World {
    /// Books `statements` of a mart, each of 1.5 seconds, 2 rows and 30 bytes; every tenth failed.
    async fn book(&self, month: &str, owner: &str, mart: &str, statements: u64) {
        for number in 0..statements {
            let usage = Usage {
                month: month.to_owned(),
                statement_id: format!("{mart}-{number:05}"),
                owner: owner.to_owned(),
                mart: mart.to_owned(),
                purpose: "query".to_owned(),
                warehouse: "eventide".to_owned(),
                outcome: if number % 10 == 9 { "failed" } else { "finished" }.to_owned(),
                milliseconds: 1_500,
                rows: 2,
                bytes: 30,
            };
            self.usages.record(&usage).await.unwrap();
        }
    }

    async fn invoke(&self, event: &str) -> Result<Answer, Error> {
        self.function.report(parse(event.as_bytes())?).await
    }

    fn report(&self, month: &str) -> Option<String> {
        let body = self.bucket.body(&format!("chargeback/{month}.csv"))?;
        Some(String::from_utf8(body.to_vec()).unwrap())
    }
}

fn event(name: &str) -> String {
    let event = eventide_testing::fixture(&format!("mart-chargeback/{name}.json")).unwrap();
    String::from_utf8(event).unwrap()
}

#[tokio::test]
async fn a_month_of_many_pages_is_summed_up() {
    let world = world(datetime!(2026-11-02 06:00 UTC));
    world.book("2026-10", "humanresources", "pay_history", 1_234).await;
    world.book("2026-10", "sales", "orders", 10).await;
    world.book("2026-11", "sales", "orders", 5).await;
    let answer = world.invoke(&event("schedule")).await.unwrap();
    let key = "chargeback/2026-10.csv".to_owned();
    assert_eq!(answer, Answer { month: "2026-10".to_owned(), key: key.clone(), lines: 2, statements: 1_244 });
    let expected = format!(
        "{HEADER}2026-10,humanresources,pay_history,eventide,query,1234,123,1851.000,2468,37020\r\n\
         2026-10,sales,orders,eventide,query,10,1,15.000,20,300\r\n"
    );
    assert_eq!(world.report("2026-10"), Some(expected));
    assert_eq!(world.bucket.content_type(&key).as_deref(), Some("text/csv; charset=utf-8"));
    assert_eq!(world.bucket.keys(), [key]);
}

#[tokio::test]
async fn a_month_is_chosen_by_the_clock_or_the_request() {
    for (now, request, month) in [
        (datetime!(2027-01-02 06:00 UTC), event("schedule"), "2026-12"),
        (datetime!(2027-01-02 06:00 UTC), event("month"), "2026-10"),
        (datetime!(2026-11-23 12:00 UTC), r#"{"month": "2026-11"}"#.to_owned(), "2026-11"),
    ] {
        let world = world(now);
        assert_eq!(world.invoke(&request).await.unwrap().month, month, "{request}");
        assert_eq!(world.report(month).as_deref(), Some(HEADER), "a month without statements");
    }
}

#[tokio::test]
async fn a_later_report_replaces_an_earlier_one() {
    let world = world(datetime!(2026-10-23 12:00 UTC));
    for statements in [1, 2] {
        world.book("2026-10", "sales", "orders", statements).await;
        assert_eq!(world.invoke(&event("month")).await.unwrap().statements, statements);
    }
    assert!(world.report("2026-10").unwrap().contains(",orders,eventide,query,2,0,3.000,4,60\r\n"));
}

#[tokio::test]
async fn what_is_no_month_is_refused() {
    let world = world(datetime!(2026-11-02 06:00 UTC));
    for request in [event("malformed-month"), r#"{"month": 10}"#.to_owned(), "[]".to_owned()] {
        assert_eq!(world.invoke(&request).await.unwrap_err().qualified_type(), "Permanent.InvalidEvent");
    }
    assert!(world.bucket.keys().is_empty());
}

#[tokio::test]
async fn a_report_is_whole_or_not_there() {
    let world = world(datetime!(2026-11-02 06:00 UTC));
    world.book("2026-10", "sales", "orders", 150).await;
    let failure = || Error::retryable("TimedOut", "timed out");
    world.usages.fail_next(Operation::Month, failure());
    assert_eq!(world.invoke(&event("month")).await.unwrap_err().error_type(), "TimedOut");
    world.bucket.fail_next(Object::Put, failure());
    assert_eq!(world.invoke(&event("month")).await.unwrap_err().error_type(), "TimedOut");
    assert!(world.bucket.keys().is_empty());
    assert_eq!(world.invoke(&event("month")).await.unwrap().statements, 150);
}

#[test]
fn every_missing_variable_is_named() {
    let error = Vars::from_pairs([("OTHER", "x")]).load::<Config>().unwrap_err().to_string();
    assert!(error.contains("USAGE_TABLE") && error.contains("RESULT_BUCKET"), "{error}");
}
