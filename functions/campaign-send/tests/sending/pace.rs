//! Rates and quotas: those of the account, and those that are configured.

use std::collections::BTreeMap;

use eventide_clients::email::Sent;
use eventide_kit::clock::Clock as _;
use eventide_kit::ledger::State;
use time::Duration;

use crate::support::{NOW, World, emails, quota, texts};

/// Messages accepted by email and SMS at each moment, while a world runs.
async fn by_moment(world: &mut World) -> BTreeMap<time::OffsetDateTime, (usize, usize)> {
    let mut moments = BTreeMap::new();
    let (mut mails, mut texts) = (0, 0);
    let look = async |world: &World| {
        let (all_mails, all_texts) = (world.fakes.email.accepted().len(), world.fakes.sms.accepted().len());
        let moment: &mut (usize, usize) = moments.entry(world.clock.now()).or_default();
        moment.0 += all_mails - mails;
        moment.1 += all_texts - texts;
        (mails, texts) = (all_mails, all_texts);
    };
    world.run(look).await;
    moments
}

fn most_in_a_second(moments: &BTreeMap<time::OffsetDateTime, (usize, usize)>) -> (usize, usize) {
    let second = |start: &time::OffsetDateTime| moments.range(*start..*start + Duration::SECOND);
    let mails = moments.keys().map(|start| second(start).map(|(_, (mails, _))| mails).sum());
    let texts = moments.keys().map(|start| second(start).map(|(_, (_, texts))| texts).sum());
    (mails.max().unwrap_or(0), texts.max().unwrap_or(0))
}

#[tokio::test]
async fn several_invocations_together_keep_the_accounts_rate() {
    let mut world = World::new();
    world.fakes.email.set_quota(quota(14.0, 50_000.0, 0.0));
    world.settings.sms.as_mut().unwrap().per_second = 5.0;
    world.campaign(|_| {}).await;
    let shards: Vec<_> = (0..6).map(|shard| emails(shard * 50..(shard + 1) * 50)).collect();
    let more: Vec<_> = (10..12).map(|shard| texts(shard * 50..(shard + 1) * 50)).collect();
    let all = [shards.concat(), more.concat()].concat();
    let keys = world.shards([shards, more].concat()).await;
    keys.iter().for_each(|key| world.enqueue(key));
    let moments = by_moment(&mut world).await;
    world.assert_each_once(&all);
    assert_eq!(most_in_a_second(&moments), (14, 5), "all of what there is room for, and no more");
    // 300 emails at 14 a second take 22 seconds, 100 text messages at 5 a second take 20.
    let took = (world.clock.now() - NOW).whole_seconds();
    assert!((20..120).contains(&took), "{took}");
}

#[tokio::test]
async fn a_rate_below_the_accounts_is_kept_and_one_above_it_is_not_used() {
    for (own, expected) in [(3.0, 3), (500.0, 14)] {
        let mut world = World::new();
        world.settings.email.as_mut().unwrap().per_second = Some(own);
        world.campaign(|_| {}).await;
        let all = emails(0..40);
        let keys = world.shards(vec![all.clone()]).await;
        keys.iter().for_each(|key| world.enqueue(key));
        let moments = by_moment(&mut world).await;
        world.assert_each_once(&all);
        assert_eq!(most_in_a_second(&moments).0, expected, "{own}");
    }
}

#[tokio::test]
async fn a_rate_below_one_a_second_is_a_rate_too() {
    let mut world = World::new();
    world.settings.sms.as_mut().unwrap().per_second = 0.25;
    world.campaign(|_| {}).await;
    let all = texts(0..5);
    let keys = world.shards(vec![all.clone()]).await;
    keys.iter().for_each(|key| world.enqueue(key));
    world.settle().await;
    world.assert_each_once(&all);
    assert!((world.clock.now() - NOW).whole_seconds() >= 16);
}

/// Many shards that wait for the rate would ask for it in vain time after time, and each time is billed.
#[tokio::test]
async fn few_shards_wait_for_the_rate_however_many_there_are() {
    let mut world = World::new();
    world.fakes.email.set_quota(quota(2.0, -1.0, 0.0));
    world.campaign(|_| {}).await;
    let shards: Vec<_> = (0..40).map(|shard| emails(shard * 5..(shard + 1) * 5)).collect();
    let all = shards.concat();
    let keys = world.shards(shards).await;
    keys.iter().for_each(|key| world.enqueue(key));
    let mut woken = 0;
    let mut most = 0;
    let look = async |world: &World| {
        woken += 1;
        most = most.max(world.fakes.send_queue.messages().len() + world.queue.len());
    };
    world.run(look).await;
    world.assert_each_once(&all);
    assert!(most <= 40, "{most}");
    let takes = world.fakes.store.calls(eventide_clients::campaigns::Operation::Take);
    // 200 emails at two a second: 100 seconds with some that wait, and two sweeps that wake all.
    assert!(takes < 1_500, "{takes} in {woken} steps");
    assert!((world.clock.now() - NOW).whole_seconds() < 200, "none of the rate is wasted");
}

#[tokio::test]
async fn what_is_throttled_comes_back_and_is_sent_once() {
    let mut world = World::new();
    world.fakes.email.set_quota(quota(50.0, -1.0, 0.0));
    world.campaign(|_| {}).await;
    let all = emails(0..30);
    let keys = world.shards(vec![all.clone()]).await;
    world.enqueue(&keys[0]);
    let throttled = Sent::Postponed { reason: "TooManyRequestsException".into(), daily: false };
    (0..7).for_each(|_| world.fakes.email.answer_next(throttled.clone()));
    world.deliver().await;
    let refused = world.in_state(&all, State::Refused).await;
    assert_eq!((refused.len(), world.accepted().len()), (7, 23));
    let entry = world.entry(&all[0]).await.unwrap();
    assert_eq!(entry.reason.as_deref(), Some("postponed: TooManyRequestsException"));
    assert!(!world.stored(&keys[0]).await.closed && !world.report_is_due());
    world.settle().await;
    world.assert_each_once(&all);
    assert_eq!(world.entry(&all[0]).await.unwrap().attempt, 2);
    assert_eq!(world.fakes.email.handed_over().len(), 37);
}

#[tokio::test]
async fn a_quota_of_a_day_that_the_provider_finds_used_up_is_waited_for() {
    let mut world = World::new();
    world.fakes.email.set_quota(quota(100.0, -1.0, 0.0));
    world.campaign(|_| {}).await;
    let all = emails(0..100);
    let keys = world.shards(vec![all.clone()]).await;
    world.enqueue(&keys[0]);
    let used_up = Sent::Postponed { reason: "LimitExceededException".into(), daily: true };
    (0..16).for_each(|_| world.fakes.email.answer_next(used_up.clone()));
    world.deliver().await;
    let handed_over = world.fakes.email.handed_over().len();
    assert!(handed_over <= 16, "what is begun is ended, and nothing more begun: {handed_over}");
    assert_eq!(world.collect(), 0, "no message is sent: it would come in vain");
    let shard = world.stored(&keys[0]).await;
    assert_eq!((shard.next, shard.due_at), (0, NOW + Duration::minutes(15)));
    world.settle().await;
    world.assert_each_once(&all);
    assert!(world.clock.now() >= NOW + Duration::minutes(15));
}

#[tokio::test]
async fn a_quota_of_a_day_that_ses_tells_is_kept() {
    let mut world = World::new();
    world.fakes.email.set_quota(quota(20.0, 200.0, 190.0));
    world.campaign(|_| {}).await;
    let all = emails(0..30);
    let keys = world.shards(vec![all.clone()]).await;
    world.enqueue(&keys[0]);
    world.deliver().await;
    assert_eq!(world.accepted().len(), 10);
    world.fakes.email.set_quota(quota(20.0, 200.0, 200.0));
    for _ in 0..20 {
        world.clock.advance(std::time::Duration::from_secs(61));
        world.sweep().await;
        world.deliver().await;
    }
    assert_eq!(world.accepted().len(), 10);
    // A day later.
    world.fakes.email.set_quota(quota(20.0, 200.0, 0.0));
    world.settle().await;
    world.assert_each_once(&all);
}

/// What an environment has sent since it asked for the quota counts, too.
#[tokio::test]
async fn a_warm_environment_counts_what_it_has_sent_itself() {
    let mut world = World::new();
    world.fakes.email.set_quota(quota(20.0, 200.0, 190.0));
    world.campaign(|_| {}).await;
    let all = emails(0..30);
    let keys = world.shards(vec![all.clone()]).await;
    let environment = world.environment();
    for _ in 0..5 {
        let event = crate::support::event("m", &serde_json::json!({"shard": keys[0]}).to_string(), 1);
        let invocation = world.invocation();
        environment.invoke(&event, &invocation).await.unwrap().unwrap();
        world.clock.advance(std::time::Duration::from_secs(2));
    }
    assert_eq!((world.accepted().len(), world.fakes.email.quota_calls()), (10, 1));
    world.clock.advance(std::time::Duration::from_secs(60));
    let invocation = world.invocation();
    let event = crate::support::event("m", &serde_json::json!({"shard": keys[0]}).to_string(), 1);
    environment.invoke(&event, &invocation).await.unwrap().unwrap();
    assert_eq!(world.fakes.email.quota_calls(), 2, "it is asked for again after a minute");
}
