//! mart-refresh without AWS: on fakes.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::marts::{Catalogue as _, FakeMarts};
use eventide_clients::redshift_data::{FakeRedshiftData, Operation};
use eventide_kit::clock::{Clock, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::{Error, Invocation};
use eventide_types::mart::Mart;
use mart_refresh::{Event, MartRefresh};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;

/// A Monday.
const NOW: OffsetDateTime = datetime!(2026-11-23 12:02 UTC);

fn mart(name: &str, kind: &str, refresh: Option<&str>, relation: Option<&str>) -> Mart {
    let mut definition = json!({
        "name": name,
        "description": "d",
        "owner": "team",
        "warehouse": { "workgroup": "eventide" },
        "database": "dev",
        "kind": kind,
        "refresh": refresh,
    });
    if kind == "datashare" {
        definition["share"] = json!({ "schema": "gold", "accounts": ["111122223333"] });
    } else {
        definition["schema"] = json!("marts");
    }
    serde_json::from_value(json!({
        "definition": definition,
        "key": format!("team/{name}.sql"),
        "version_id": "v",
        "sequencer": "01",
        "digest": "d",
        "relation": relation,
        "query": [],
    }))
    .unwrap()
}

struct World {
    clock: ManualClock,
    marts: FakeMarts,
    redshift: FakeRedshiftData,
    invocation: Invocation,
    function: MartRefresh<FakeMarts, FakeRedshiftData>,
}

async fn world(all: &[Mart]) -> World {
    let clock = ManualClock::new(NOW);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let (marts, redshift) = (FakeMarts::default(), FakeRedshiftData::default());
    for mart in all {
        assert!(marts.put_in_force(mart).await.unwrap());
    }
    let deadline = Deadline::after(Duration::from_secs(24 * 3600), Arc::clone(&shared));
    let function = MartRefresh::new(marts.clone(), redshift.clone(), time::Duration::minutes(15), shared);
    World { clock, marts, redshift, invocation: Invocation::for_tests("request-1", deadline), function }
}

impl World {
    async fn begun(&self) -> Vec<String> {
        self.function.refresh(&Event::default(), &self.invocation).await.unwrap().begun
    }
}

#[tokio::test]
async fn what_is_due_is_refreshed_and_nothing_else() {
    let marts = [
        mart("hourly", "materialized-view", Some("cron(0 * * * ? *)"), Some("hourly__1")),
        mart("nightly", "materialized-view", Some("cron(0 3 * * ? *)"), Some("nightly__1")),
        mart("never", "materialized-view", None, Some("never__1")),
        mart("plain", "view", Some("rate(5 minutes)"), Some("plain__1")),
        mart("shared", "datashare", Some("rate(5 minutes)"), None),
    ];
    let world = world(&marts).await;
    assert_eq!(
        world.begun().await,
        ["eventide/refresh/hourly/20261123T1200Z", "eventide/refresh/shared/20261123T1200Z"]
    );
    let sql: Vec<_> =
        world.redshift.submitted().into_iter().flat_map(|(_, statement)| statement.sql).collect();
    assert_eq!(
        sql,
        [
            "REFRESH MATERIALIZED VIEW \"marts\".\"hourly__1\"",
            "ALTER DATASHARE \"shared\" ADD ALL TABLES IN SCHEMA \"gold\"",
        ]
    );
}

#[tokio::test]
async fn each_moment_is_run_once_and_made_up_for_within_the_look_back() {
    let world = world(&[mart("hourly", "materialized-view", Some("rate(1 hour)"), Some("hourly__1"))]).await;
    world.redshift.fail_next(Operation::Submit, Error::retryable("WarehouseBusy", "no room"));
    let answer = world.function.refresh(&Event::default(), &world.invocation).await.unwrap();
    assert_eq!((answer.begun.len(), answer.not_begun), (0, vec!["hourly".to_owned()]));
    // At 12:07, 12:12 and 12:17.
    for looked_back in [1, 1, 0] {
        world.clock.advance(Duration::from_secs(300));
        assert_eq!(world.begun().await.len(), looked_back);
        assert_eq!(world.redshift.submitted().len(), 1, "once");
    }
    // At 13:02.
    world.clock.advance(Duration::from_secs(45 * 60));
    assert_eq!(world.begun().await, ["eventide/refresh/hourly/20261123T1300Z"]);
    assert_eq!(world.redshift.submitted().len(), 2);
}

#[tokio::test]
async fn the_time_of_the_event_counts_and_a_new_version_is_refreshed_too() {
    let world = world(&[mart("hourly", "materialized-view", Some("rate(1 hour)"), Some("hourly__1"))]).await;
    let event: Event = serde_json::from_value(json!({
        "version": "0", "id": "e", "detail-type": "Scheduled Event", "source": "aws.events", "account": "111122223333",
        "time": "2026-11-23T09:05:00Z", "region": "eu-central-1", "resources": [], "detail": {}
    }))
    .unwrap();
    for relation in ["hourly__1", "hourly__2"] {
        let mut mart = mart("hourly", "materialized-view", Some("rate(1 hour)"), Some(relation));
        mart.sequencer = relation.trim_start_matches("hourly__").to_owned();
        world.marts.put_in_force(&mart).await.unwrap();
        let answer = world.function.refresh(&event, &world.invocation).await.unwrap();
        assert_eq!(answer.begun, ["eventide/refresh/hourly/20261123T0900Z"]);
    }
    assert_eq!(world.redshift.submitted().len(), 2);
}

#[tokio::test]
async fn one_mart_s_trouble_is_its_own_and_everybody_s_ends_the_invocation() {
    let both = [
        mart("a", "materialized-view", Some("rate(1 hour)"), Some("a__1")),
        mart("b", "materialized-view", Some("rate(1 hour)"), Some("b__1")),
    ];
    let world = world(&both).await;
    world.redshift.fail_next(Operation::Submit, Error::permanent("Validation", "no such workgroup"));
    let answer = world.function.refresh(&Event::default(), &world.invocation).await.unwrap();
    assert_eq!((answer.begun.len(), answer.not_begun), (1, vec!["a".to_owned()]));
    world.redshift.fail_next(Operation::Submit, Error::environment("AccessDenied", "denied"));
    let error = world.function.refresh(&Event::default(), &world.invocation).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Environment.AccessDenied");
}
