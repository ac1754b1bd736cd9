//! What is nobody's fault comes back, and what nobody can carry on is set aside.

use std::collections::BTreeMap;

use eventide_clients::campaigns::Operation as Table;
use eventide_clients::s3::Operation as Object;
use eventide_kit::Error;
use eventide_kit::clock::Clock as _;
use eventide_kit::ledger::{Ledger as _, State};
use serde_json::json;
use time::Duration;

use crate::support::{MAX_RECEIVES, NOW, World, emails, event, quota, texts};

#[tokio::test]
async fn access_denied_comes_back_and_is_sent_once_it_is_granted() {
    let mut world = World::new();
    world.fakes.email.set_quota(quota(100.0, -1.0, 0.0));
    world.campaign(|_| {}).await;
    let all = emails(0..100);
    let keys = world.shards(vec![all.clone()]).await;
    let denied = || Error::environment("AccessDenied", "`ses:SendEmail` was denied");
    (0..100).for_each(|_| world.fakes.email.fail_next(denied()));
    assert!(world.deliver_one(&json!({"shard": keys[0]}), 1).await);
    let tried = world.fakes.email.handed_over().len();
    assert!(tried <= 16, "what every other would meet, too, is not tried on and on: {tried}");
    let postponed = world.in_state(&all, State::Refused).await.len();
    assert_eq!((postponed, world.accepted().len()), (tried, 0));
    let entry = world.entry(&all[0]).await.unwrap();
    assert_eq!(entry.reason.as_deref(), Some("postponed: AccessDenied"));
    let shard = world.stored(&keys[0]).await;
    assert_eq!((shard.next, shard.due_at), (0, NOW + Duration::minutes(15)));
    world.clock.advance(std::time::Duration::from_secs(2));
    // On its last receipt it is set aside with the reason; the sweep goes on.
    assert!(!world.deliver_one(&json!({"shard": keys[0]}), MAX_RECEIVES).await);
    assert_eq!(world.fakes.dead_letters.sent()[0].1, "Environment.AccessDenied");
    assert!(!world.stored(&keys[0]).await.closed);
    world.run(async |_| {}).await;
    world.assert_each_once(&all);
    assert!(world.report_is_due());
}

/// Whatever keeps everybody from sending, for hours.
#[tokio::test]
async fn a_campaign_that_cannot_be_sent_leaves_a_letter_an_hour() {
    type Fail = fn(&World);
    let fails: [(&str, Fail); 3] = [
        ("the quota", |world| {
            world.fakes.email.fail_next_quota(Error::environment("AccessDenied", "denied"))
        }),
        ("the sending", |world| {
            (0..16).for_each(|_| world.fakes.email.fail_next(Error::environment("AccessDenied", "denied")));
        }),
        ("the shard", |world| {
            world.fakes.bucket.fail_next(Object::Get, Error::environment("AccessDenied", "denied"));
        }),
    ];
    for (what, fail) in fails {
        let mut world = World::new();
        world.fakes.email.set_quota(quota(100.0, -1.0, 0.0));
        world.campaign(|_| {}).await;
        let all: Vec<_> = (0..5).map(|shard| emails(shard * 10..shard * 10 + 10)).collect();
        let keys = world.shards(all).await;
        let mut put_off = 0.0;
        // Each message of each shard on its last receipt, every 15 minutes, as the sweep brings them.
        for quarter in 0..12 {
            for key in &keys {
                fail(&world);
                let (environment, invocation) = (world.environment(), world.invocation());
                let event = event("m", &json!({"shard": key}).to_string(), MAX_RECEIVES);
                let answer = environment.invoke(&event, &invocation).await.unwrap().unwrap();
                assert_eq!(answer["batchItemFailures"], json!([]), "{what}");
                put_off += invocation.metrics.sum("ShardsPutOff", &[("Channel", "email")]);
                let shard = world.stored(key).await;
                assert_eq!(shard.due_at, world.clock.now() + Duration::minutes(15), "{what}");
                world.clock.advance(std::time::Duration::from_secs(2));
            }
            let letters = world.fakes.dead_letters.sent();
            assert_eq!(letters.len(), 1 + quarter / 4, "{what}: {quarter} quarters of an hour later");
            assert!(letters.iter().all(|(_, kind)| kind == "Environment.AccessDenied"), "{what}");
            world.clock.set(NOW + Duration::minutes(15) * (i32::try_from(quarter).unwrap() + 1));
        }
        assert_eq!(put_off, 60.0, "{what}: each time is counted");
        assert!(world.fakes.email.accepted().is_empty());
    }
}

#[tokio::test]
async fn a_quota_that_cannot_be_read_keeps_nobody_busy() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let keys = world.shards(vec![emails(0..5)]).await;
    let mut disabled = quota(14.0, -1.0, 0.0);
    disabled.sending_enabled = false;
    world.fakes.email.set_quota(disabled);
    assert!(world.deliver_one(&json!({"shard": keys[0]}), 1).await);
    world.fakes.email.fail_next_quota(Error::environment("AccessDenied", "`ses:GetAccount` was denied"));
    assert!(world.deliver_one(&json!({"shard": keys[0]}), 2).await);
    assert!(world.fakes.email.handed_over().is_empty());
    assert_eq!(world.sweep().await, 0, "the sweep does not send another every minute");
    world.fakes.email.set_quota(quota(14.0, -1.0, 0.0));
    world.settle().await;
    world.assert_each_once(&emails(0..5));
    assert!(world.clock.now() >= NOW + Duration::minutes(15));
}

#[tokio::test]
async fn every_call_may_fail_once() {
    let failure = || Error::retryable("Throttled", "try again");
    type Fail = fn(&World, Error);
    let steps: [(&str, Fail); 8] = [
        ("look at the shard", |world, error| world.fakes.store.fail_next(Table::Shard, error)),
        ("look at the campaign", |world, error| world.fakes.store.fail_next(Table::Campaign, error)),
        ("take of the rate", |world, error| world.fakes.store.fail_next(Table::Take, error)),
        ("write how far it came", |world, error| world.fakes.store.fail_next(Table::MoveOn, error)),
        ("close", |world, error| world.fakes.store.fail_next(Table::Close, error)),
        ("ask for the report", |world, error| world.fakes.store.fail_next(Table::Request, error)),
        ("read the messages", |world, error| world.fakes.bucket.fail_next(Object::Get, error)),
        ("hand over", |world, error| world.fakes.send_queue.fail_next(error)),
    ];
    for (step, fail) in steps {
        let mut world = World::new();
        world.campaign(|_| {}).await;
        let all = emails(0..30);
        let keys = world.shards(vec![all.clone()]).await;
        fail(&world, failure());
        world.enqueue(&keys[0]);
        world.settle().await;
        world.assert_each_once(&all);
        assert!(world.report_is_due() && !world.fakes.report_queue.messages().is_empty(), "{step}");
        assert!(world.in_state(&all, State::Uncertain).await.is_empty(), "{step}");
    }
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let keys = world.shards(vec![emails(0..3)]).await;
    world.fakes.report_queue.fail_next(failure());
    world.enqueue(&keys[0]);
    world.settle().await;
    assert_eq!(world.fakes.report_queue.messages().len(), 1);
}

#[tokio::test]
async fn messages_that_lead_nowhere_are_set_aside() {
    for (body, error_type) in [
        (json!({"shard": "work/other/0/shards/first/000000.jsonl"}), "Permanent.UnknownShard"),
        (json!({"shard": 7}), "Permanent.InvalidEvent"),
        (json!({"campaign": "spring"}), "Permanent.InvalidEvent"),
        (json!("reader-1@example.com"), "Permanent.InvalidEvent"),
    ] {
        let mut world = World::new();
        assert!(!world.deliver_one(&body, 1).await, "{body}");
        assert_eq!(world.fakes.dead_letters.sent()[0].1, error_type, "{body}");
        assert!(!world.fakes.dead_letters.reasons()[0].contains("reader-1"), "{body}");
    }
}

#[tokio::test]
async fn what_nobody_can_carry_on_is_told_once_and_closed() {
    let broken = "{\"entry\": \"reader-1@example.com\"}\n";
    for (what, error_type) in [
        ("no campaign", "Permanent.UnknownCampaign"),
        ("expired", "Permanent.ShardExpired"),
        ("broken", "Permanent.InvalidEvent"),
    ] {
        let mut world = World::new();
        if what != "no campaign" {
            world.campaign(|_| {}).await;
        }
        let keys = world.shards(vec![emails(0..5)]).await;
        match what {
            "expired" => world.fakes.bucket.delete(&keys[0]),
            "broken" => drop(world.fakes.bucket.add(&keys[0], broken)),
            _ => {}
        }
        assert!(!world.deliver_one(&json!({"shard": keys[0]}), 1).await, "{what}");
        assert_eq!(world.fakes.dead_letters.sent()[0].1, error_type);
        assert!(!world.fakes.dead_letters.reasons()[0].contains("reader-1"), "{what}");
        assert!(world.stored(&keys[0]).await.closed, "{what}");
        assert_eq!(world.report_is_due(), what != "no campaign", "the rest is told as not sent");
        for _ in 0..5 {
            world.clock.advance(std::time::Duration::from_secs(200));
            assert_eq!(world.sweep().await, 0, "{what}");
        }
        assert_eq!(world.fakes.dead_letters.sent().len(), 1);
    }
}

#[tokio::test]
async fn little_time_left_begins_nothing_new() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let keys = world.shards(vec![texts(0..10)]).await;
    let (environment, mut invocation) = (world.environment(), world.invocation());
    let clock: std::sync::Arc<dyn eventide_kit::clock::Clock> = std::sync::Arc::new(world.clock.clone());
    invocation.deadline = eventide_kit::deadline::Deadline::after(std::time::Duration::from_secs(14), clock);
    let event = crate::support::event("m", &json!({"shard": keys[0]}).to_string(), 1);
    environment.invoke(&event, &invocation).await.unwrap().unwrap();
    assert!(world.fakes.sms.handed_over().is_empty() && world.entry(&texts(0..1)[0]).await.is_none());
    world.settle().await;
    world.assert_each_once(&texts(0..10));
}

/// The ledger does not answer when a message was sent: nobody knows, so that it is not sent again.
#[tokio::test]
async fn a_message_that_could_not_be_written_down_is_uncertain_at_worst() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let all = emails(0..3);
    let keys = world.shards(vec![all.clone()]).await;
    // As it stands when the invocation has ended that sent it.
    world
        .fakes
        .ledger
        .claim(&all[1].entry, "an invocation before", NOW + Duration::minutes(2), BTreeMap::new())
        .await
        .unwrap();
    world.clock.advance(std::time::Duration::from_secs(121));
    world.enqueue(&keys[0]);
    world.settle().await;
    assert_eq!(world.in_state(&all, State::Uncertain).await.len(), 1);
    assert_eq!(world.accepted().len(), 2);
}
