//! Reports that are due, and those that cannot be written.

use eventide_clients::campaigns::{Operation as Table, Reports as _};
use eventide_clients::s3::Operation as Object;
use eventide_kit::Error;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{LAST, NOW, World};

async fn sweep(world: &World) -> Result<Value, Error> {
    world.invoke(&json!({"sweep": true})).await.unwrap()
}

#[tokio::test]
async fn a_report_is_written_when_it_is_due() {
    let world = World::new().await;
    world.fakes.store.request("spring", NOW + Duration::minutes(5)).await.unwrap();
    assert_eq!(sweep(&world).await.unwrap(), json!({"written": 0}));
    assert!(world.body("report.json").is_none());
    world.clock.advance(std::time::Duration::from_secs(300));
    assert_eq!(sweep(&world).await.unwrap(), json!({"written": 1}));
    assert_eq!(world.figures()["campaign"], json!("spring"));
    assert_eq!(world.fakes.store.report_due("spring"), None);
    assert_eq!(sweep(&world).await.unwrap(), json!({"written": 0}));
}

#[tokio::test]
async fn what_is_asked_for_meanwhile_is_written_after_it() {
    let world = World::new().await;
    world.fakes.store.request("spring", NOW).await.unwrap();
    world.fakes.store.request("spring", NOW + Duration::minutes(1)).await.unwrap();
    sweep(&world).await.unwrap();
    assert_eq!(world.fakes.store.report_due("spring"), Some(NOW + Duration::minutes(1)));
}

#[tokio::test]
async fn one_campaigns_trouble_is_not_anothers() {
    let world = World::new().await;
    world.fakes.store.request("autumn", NOW).await.unwrap();
    world.fakes.store.request("spring", NOW).await.unwrap();
    assert_eq!(sweep(&world).await.unwrap_err().error_type(), "UnknownCampaign");
    assert!(world.body("report.json").is_some());
    assert_eq!(world.fakes.store.report_due("spring"), None);
    assert_eq!(world.fakes.store.report_due("autumn"), None, "it would be unknown each time");
}

#[tokio::test]
async fn a_report_that_could_not_be_written_stays_due() {
    let world = World::new().await;
    world.fakes.store.request("spring", NOW).await.unwrap();
    world.fakes.reports.fail_next(Object::Put, Error::retryable("Throttled", "try again"));
    assert!(sweep(&world).await.is_err());
    assert_eq!(world.fakes.store.report_due("spring"), Some(NOW));
    assert_eq!(sweep(&world).await.unwrap(), json!({"written": 1}));
}

#[tokio::test]
async fn every_call_may_fail_once() {
    let failure = || Error::retryable("Throttled", "try again");
    type Fail = fn(&World, Error);
    let steps: [(&str, Fail); 7] = [
        ("look at the campaign", |world, error| world.fakes.store.fail_next(Table::Campaign, error)),
        ("look how far it is", |world, error| world.fakes.store.fail_next(Table::Progress, error)),
        ("list the shards", |world, error| world.fakes.work.fail_next(Object::List, error)),
        ("read", |world, error| world.fakes.reports.fail_next(Object::Open, error)),
        ("write", |world, error| world.fakes.reports.fail_next(Object::Put, error)),
        ("tell", |world, error| world.fakes.event_bus.fail_next(error)),
        ("write the record", |world, error| world.fakes.store.fail_next(Table::Put, error)),
    ];
    for (step, fail) in steps {
        let world = World::new().await;
        fail(&world, failure());
        assert_eq!(world.deliver(&json!({"campaign": "spring"}), 1).await, Some(true), "{step}");
        assert_eq!(world.report().await["state"], json!("sent"), "{step}");
        assert!((1..=2).contains(&world.sent().len()), "{step}");
    }
}

#[tokio::test]
async fn what_is_no_message_of_ours_is_set_aside() {
    let world = World::new().await;
    for (bad, class) in [
        (json!({"campaign": "autumn"}), "Permanent.UnknownCampaign"),
        (json!({"campaign": "spring", "x": 1}), "Permanent.InvalidEvent"),
    ] {
        assert_eq!(world.deliver(&bad, 1).await, Some(false));
        assert_eq!(world.fakes.dead_letters.sent().last().unwrap().1, class);
    }
    let error = world.invoke(&json!({"hello": 1})).await.unwrap().unwrap_err();
    assert_eq!(error.qualified_type(), "Permanent.InvalidEvent");
    world.fakes.store.fail_next(Table::Campaign, Error::environment("AccessDenied", "denied"));
    assert_eq!(world.deliver(&json!({"campaign": "spring"}), LAST).await, Some(false));
    assert_eq!(world.fakes.dead_letters.sent().last().unwrap().1, "Environment.AccessDenied");
}
