//! Campaigns that come to nothing, and calls that fail.

use std::time::Duration;

use eventide_clients::campaigns::Operation as Table;
use eventide_clients::s3::{Bucket as _, Operation as Object};
use eventide_kit::Error;
use eventide_types::campaign::record::State;
use serde_json::{Value, json};

use crate::support::{KEY, LAST, World, three_rows};

async fn fails(world: &World, event: &Value, class: &str, expected: &[&str]) {
    world.settle(event).await;
    let record = world.record().await;
    assert_eq!((record.state, record.due_at), (State::Failed, None));
    let reason = record.reason.unwrap();
    assert!(expected.iter().all(|part| reason.contains(part)), "{reason}");
    assert_eq!(world.failures(), [(class.to_owned(), reason)]);
    assert_eq!(world.fakes.dead_letters.sent()[0].1, format!("Permanent.{class}"));
    assert_eq!(world.sent(), (vec![], vec![]));
    assert!(world.fakes.work.uploads().is_empty());
}

#[tokio::test]
async fn without_one_valid_row_there_is_nothing_to_send_and_the_reasons_are_told() {
    let mut world = World::new();
    let file = "id,channel,to,text\n1,sms,0151,Hello\n2,fax,+4915112345678,Hello\n3,sms,+4915112345678,\n4,sms,x,Hello\n";
    let event = world.upload(KEY, file);
    fails(
        &world,
        &event,
        "NoMessages",
        &["none of its 4 rows", "line 2: `to`", "line 3: `channel`", "line 4:"],
    )
    .await;
    let reason = world.record().await.reason.unwrap();
    assert!(
        !reason.contains("0151") && !reason.contains("line 5"),
        "no content, and the first three only: {reason}"
    );
    for empty in ["", "id,channel,to,text\n"] {
        let mut world = World::new();
        let event = world.upload(KEY, empty);
        world.settle(&event).await;
        assert_eq!(world.record().await.state, State::Failed, "{empty:?}");
        assert_eq!(world.failures().len(), 1);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_fails_as_a_whole() {
    for (key, file, expected) in [
        (KEY, "id,recipient\n1,a\n", "`to`"),
        (KEY, "id,to,text,colour\n1,a,b,c\n", "colour"),
        ("campaigns/spring.csv.gz", "id,to,text\n", "gzip"),
    ] {
        let mut world = World::new();
        let event = world.upload(key, file);
        fails(&world, &event, "UnusableFile", &[expected]).await;
    }
}

#[tokio::test]
async fn a_file_that_is_gone_or_replaced_is_told_so() {
    let mut world = World::new();
    let mut event = world.upload(KEY, three_rows());
    world.fakes.campaigns.delete(KEY);
    event["detail"]["object"].as_object_mut().unwrap().remove("version-id");
    fails(&world, &event, "UploadGone", &["deleted"]).await;

    // In a bucket without versions the file that is there may be another than the event tells of.
    let mut world = World::new();
    let mut older = world.upload(KEY, three_rows());
    let etag = world.fakes.campaigns.get(KEY, None, u64::MAX).await.unwrap().unwrap().etag;
    older["detail"]["object"]["etag"] = json!(etag.trim_matches('"'));
    older["detail"]["object"].as_object_mut().unwrap().remove("version-id");
    let mut newer = world.upload(KEY, three_rows().replace("oak", "ash"));
    fails(&world, &older, "UploadReplaced", &["another file"]).await;
    let etag = world.fakes.campaigns.get(KEY, None, u64::MAX).await.unwrap().unwrap().etag;
    newer["detail"]["object"]["etag"] = json!(etag.trim_matches('"'));
    newer["detail"]["object"].as_object_mut().unwrap().remove("version-id");
    world.settle(&newer).await;
    assert_eq!(world.record().await.state, State::Classifying);
    assert!(world.documents().await[0].contains("ash table"));
}

#[tokio::test(start_paused = true)]
async fn every_call_may_fail_once() {
    let failure = || Error::retryable("Throttled", "try again");
    type Fail = fn(&World, Error);
    let steps: [(&str, Fail); 9] = [
        ("look at the campaign", |world, error| world.fakes.store.fail_next(Table::Campaign, error)),
        ("write the record", |world, error| world.fakes.store.fail_next(Table::Put, error)),
        ("look up scores", |world, error| world.fakes.store.fail_next(Table::Scores, error)),
        ("read the sidecar", |world, error| world.fakes.campaigns.fail_next(Object::Get, error)),
        ("open the file", |world, error| world.fakes.campaigns.fail_next(Object::Open, error)),
        ("read on", |world, error| world.fakes.campaigns.break_next(KEY, 100, error)),
        ("write a file", |world, error| world.fakes.work.fail_next(Object::Put, error)),
        ("hand over", |world, error| world.fakes.classify_queue.fail_next(error)),
        ("hand one over", |world, error| world.fakes.classify_queue.reject_next(error)),
    ];
    for (step, fail) in steps {
        let mut world = World::new();
        let event = world.upload(KEY, three_rows());
        fail(&world, failure());
        let begun = tokio::time::Instant::now();
        world.take(&event).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{step}: within the invocation");
        assert_eq!(world.failures(), [], "{step}: it went better the next time");
        let record = world.record().await;
        assert_eq!((record.state, record.counts.documents), (State::Classifying, 2), "{step}");
        assert!(world.sent().0.len() == 1 || record.due_at.is_some(), "{step}: somebody looks after it");
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_on_and_on_goes_back_to_the_queue_and_is_told_at_last() {
    let mut world = World::new();
    let event = world.upload(KEY, three_rows());
    for (receives, comes_back) in [(LAST - 1, true), (LAST, false)] {
        for _ in 0..4 {
            world.fakes.campaigns.fail_next(Object::Open, Error::retryable("ServerError", "try again"));
        }
        let begun = tokio::time::Instant::now();
        assert_eq!(world.deliver(&event, receives).await, Some(comes_back));
        assert_eq!(begun.elapsed().as_secs(), 42, "four attempts");
        let (state, failures) = match comes_back {
            true => (State::Screening, vec![]),
            false => (State::Failed, vec![("ServerError".to_owned(), "try again".to_owned())]),
        };
        assert_eq!((world.record().await.state, world.failures()), (state, failures));
    }
}

#[tokio::test]
async fn what_fails_for_the_last_time_is_told() {
    let mut world = World::new();
    let event = world.upload(KEY, three_rows());
    let denied = || Error::environment("AccessDenied", "`s3:GetObject` was denied");
    world.fakes.campaigns.fail_next(Object::Open, denied());
    assert_eq!(world.deliver(&event, LAST - 1).await, Some(true));
    assert_eq!((world.record().await.state, world.failures().len()), (State::Screening, 0));
    world.fakes.campaigns.fail_next(Object::Open, denied());
    assert_eq!(world.deliver(&event, LAST).await, Some(false));
    assert_eq!(world.record().await.state, State::Failed);
    assert_eq!(world.failures(), [("AccessDenied".to_owned(), "`s3:GetObject` was denied".to_owned())]);
    assert_eq!(world.fakes.dead_letters.sent()[0].1, "Environment.AccessDenied");
}
