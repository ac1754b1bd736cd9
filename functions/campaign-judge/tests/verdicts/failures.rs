//! Campaigns that cannot be judged, and calls that fail.

use eventide_clients::campaigns::Operation as Table;
use eventide_clients::s3::Operation as Object;
use eventide_kit::Error;
use eventide_types::campaign::record::State;
use serde_json::json;

use crate::support::{KEY, LAST, WORK, World, asked, every_verdict};

async fn fails(world: &World, class: &str) {
    assert_eq!(world.deliver(&asked(), 1).await, Some(false));
    let record = world.record().await;
    assert_eq!((record.state, record.due_at), (State::Failed, None));
    let (kind, told) = world.events().remove(0);
    assert_eq!((kind.as_str(), &told["errorClass"]), ("Campaign Failed", &json!(class)));
    assert_eq!(told["reason"], json!(record.reason));
    assert_eq!(world.fakes.dead_letters.sent()[0].1, format!("Permanent.{class}"));
    assert!(world.fakes.store.all_shards().is_empty() && world.to_send().is_empty());
}

#[tokio::test]
async fn what_is_gone_fails_the_campaign() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.change(|record| record.version_id = None).await;
    world.fakes.campaigns.delete(KEY);
    fails(&world, "UploadGone").await;

    let world = World::new(&every_verdict(), json!({})).await;
    world.change(|record| record.version_id = None).await;
    world.fakes.campaigns.add(KEY, "id,to\n");
    fails(&world, "UploadReplaced").await;

    let world = World::new(&every_verdict(), json!({})).await;
    world.fakes.work.delete(&WORK.contents());
    fails(&world, "WorkExpired").await;
}

#[tokio::test]
async fn a_newer_version_of_the_file_is_none_of_this_uploads_business() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.fakes.campaigns.add(KEY, every_verdict().replace("a@example.com", "x@example.com"));
    world.take(&asked()).await;
    assert!(world.outgoing("first").iter().any(|message| message.to == "a@example.com"));
}

#[tokio::test]
async fn what_fails_for_the_last_time_is_told() {
    let world = World::new(&every_verdict(), json!({})).await;
    let denied = || Error::environment("AccessDenied", "`secretsmanager:GetSecretValue` was denied");
    world.fakes.secrets.fail_next(denied());
    assert_eq!(world.deliver(&asked(), LAST - 1).await, Some(true));
    assert_eq!((world.record().await.state, world.events().len()), (State::Judging, 0));
    world.fakes.secrets.fail_next(denied());
    assert_eq!(world.deliver(&asked(), LAST).await, Some(false));
    assert_eq!(world.record().await.state, State::Failed);
    assert_eq!(world.events()[0].1["errorClass"], json!("AccessDenied"));
}

#[tokio::test(start_paused = true)]
async fn every_call_may_fail_once() {
    let failure = || Error::retryable("Throttled", "try again");
    type Fail = fn(&World, Error);
    let steps: [(&str, Fail); 13] = [
        ("look at the campaign", |world, error| world.fakes.store.fail_next(Table::Campaign, error)),
        ("write the record", |world, error| world.fakes.store.fail_next(Table::Put, error)),
        ("ask for decisions", |world, error| world.fakes.store.fail_next(Table::Decisions, error)),
        ("create shards", |world, error| world.fakes.store.fail_next(Table::Create, error)),
        ("announce them", |world, error| world.fakes.store.fail_next(Table::Announce, error)),
        ("open the file", |world, error| world.fakes.campaigns.fail_next(Object::Open, error)),
        ("read on", |world, error| world.fakes.campaigns.break_next(KEY, 200, error)),
        ("read the contents", |world, error| world.fakes.work.fail_next(Object::Open, error)),
        ("write a shard", |world, error| world.fakes.work.fail_next(Object::Put, error)),
        ("write the verdicts", |world, error| world.fakes.reports.fail_next(Object::Put, error)),
        ("tell", |world, error| world.fakes.event_bus.fail_next(error)),
        ("put shards on their way", |world, error| world.fakes.send_queue.fail_next(error)),
        ("ask for a report", |world, error| world.fakes.report_queue.fail_next(error)),
    ];
    let reference = World::new(&every_verdict(), json!({})).await;
    reference.take(&asked()).await;
    for (step, fail) in steps {
        let world = World::new(&every_verdict(), json!({})).await;
        fail(&world, failure());
        let begun = tokio::time::Instant::now();
        world.take(&asked()).await;
        assert_eq!(begun.elapsed().as_secs(), 2, "{step}: within the invocation");
        assert_eq!(world.outcome().await, reference.outcome().await, "{step}");
        let kinds: Vec<String> = world.events().into_iter().map(|(kind, _)| kind).collect();
        assert!(
            !kinds.is_empty() && kinds.iter().all(|kind| kind == "Campaign Screened"),
            "{step}: {kinds:?}"
        );
        assert!(world.to_report() >= 1, "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_on_and_on_goes_back_to_the_queue_and_is_told_at_last() {
    let world = World::new(&every_verdict(), json!({})).await;
    for (receives, comes_back, state) in [(LAST - 1, true, State::Judging), (LAST, false, State::Failed)] {
        for _ in 0..4 {
            world.fakes.campaigns.fail_next(Object::Open, Error::retryable("ServerError", "try again"));
        }
        let begun = tokio::time::Instant::now();
        assert_eq!(world.deliver(&asked(), receives).await, Some(comes_back));
        assert_eq!(begun.elapsed().as_secs(), 42, "four attempts");
        assert_eq!((world.record().await.state, world.events().is_empty()), (state, comes_back));
    }
    assert_eq!(world.events()[0].1["errorClass"], json!("ServerError"));
}

#[tokio::test]
async fn what_is_no_message_of_ours_is_set_aside() {
    let world = World::new(&every_verdict(), json!({})).await;
    for (bad, class) in [
        (json!({"campaign": "spring"}), "Permanent.InvalidEvent"),
        (json!({"campaign": "autumn\n\u{202E}", "upload": "u"}), "Permanent.UnknownCampaign"),
    ] {
        assert_eq!(world.deliver(&bad, 1).await, Some(false));
        assert_eq!(world.fakes.dead_letters.sent().last().unwrap().1, class);
    }
    let reason = world.fakes.dead_letters.reasons().pop().unwrap();
    assert!(reason.contains("`autumn") && !reason.contains(['\n', '\u{202E}']), "{reason:?}");
    assert_eq!(world.record().await.state, State::Judging);
}
