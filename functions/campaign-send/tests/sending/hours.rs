//! When a campaign may be sent, and when nothing more of it is.

use eventide_clients::campaigns::Shards as _;
use eventide_kit::clock::Clock as _;
use eventide_types::campaign::record::{Campaign, State};
use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::support::{CAMPAIGN, NOW, UPLOAD, World, emails, texts};

/// A world with one shard of ten, whose message was delivered once.
async fn delivered(
    now: OffsetDateTime,
    zone: Option<&str>,
    change: impl FnOnce(&mut Campaign),
) -> (World, String) {
    let mut world = World::new();
    world.clock.set(now);
    world.campaign(change).await;
    let key = world.shard("first", 0, &texts(0..10), |shard| shard.zone = zone.map(str::to_owned)).await;
    world.fakes.store.announce(CAMPAIGN, UPLOAD, "first", 1).await.unwrap();
    world.enqueue(&key);
    world.deliver().await;
    (world, key)
}

#[tokio::test]
async fn nothing_is_sent_before_its_time_and_all_of_it_then() {
    let at = NOW + Duration::hours(3);
    let (mut world, key) = delivered(NOW, None, |campaign| campaign.settings.send_at = Some(at)).await;
    assert_eq!((world.accepted().len(), world.stored(&key).await.due_at), (0, at));
    assert_eq!(world.collect(), 0);
    world.clock.set(at - Duration::SECOND);
    assert_eq!(world.sweep().await, 0);
    world.clock.set(at);
    assert_eq!(world.sweep().await, 1);
    world.deliver().await;
    world.assert_each_once(&texts(0..10));
}

#[tokio::test]
async fn nothing_is_sent_when_its_time_is_over() {
    let over = |campaign: &mut Campaign| campaign.settings.send_until = Some(NOW);
    let (world, key) = delivered(NOW, None, over).await;
    assert!(world.stored(&key).await.closed && world.report_is_due());
    assert!(world.fakes.sms.handed_over().is_empty());
    let soon = |campaign: &mut Campaign| campaign.settings.send_until = Some(NOW + Duration::SECOND);
    let (world, _) = delivered(NOW, None, soon).await;
    assert_eq!(world.accepted().len(), 10);
}

#[tokio::test]
async fn time_may_be_over_in_the_middle_of_a_shard() {
    let mut world = World::new();
    world.settings.sms.as_mut().unwrap().per_second = 4.0;
    let until = NOW + Duration::milliseconds(1_500);
    world.campaign(|campaign| campaign.settings.send_until = Some(until)).await;
    let keys = world.shards(vec![texts(0..20)]).await;
    world.enqueue(&keys[0]);
    world.settle().await;
    let shard = world.stored(&keys[0]).await;
    assert_eq!((world.accepted().len(), shard.next), (8, 8));
    assert!(shard.closed && world.report_is_due());
}

#[tokio::test]
async fn a_closed_window_opens_at_the_local_hour_whatever_the_clock_does() {
    // In Berlin the clock goes back on 2026-10-25 at 03:00, and forward on 2026-03-29 at 02:00.
    for (now, zone, expected) in [
        (datetime!(2026-11-27 07:59 UTC), Some("Europe/Berlin"), datetime!(2026-11-27 08:00 UTC)),
        (datetime!(2026-10-24 20:00 UTC), Some("Europe/Berlin"), datetime!(2026-10-25 08:00 UTC)),
        (datetime!(2026-03-28 20:00 UTC), Some("Europe/Berlin"), datetime!(2026-03-29 07:00 UTC)),
        (datetime!(2026-11-27 20:00 UTC), None, datetime!(2026-11-28 09:00 UTC)),
    ] {
        let window = |campaign: &mut Campaign| {
            campaign.settings.window =
                serde_json::from_value(json!({"from": "09:00", "to": "20:00"})).unwrap();
        };
        let (mut world, key) = delivered(now, zone, window).await;
        assert!(world.fakes.sms.handed_over().is_empty(), "{now}");
        assert_eq!(world.stored(&key).await.due_at, expected, "{now}");
        world.clock.set(expected);
        assert_eq!(world.sweep().await, 1);
        world.deliver().await;
        world.assert_each_once(&texts(0..10));
    }
}

#[tokio::test]
async fn a_window_that_is_open_nowhere_at_once_closes_the_shard() {
    let window = |campaign: &mut Campaign| {
        campaign.settings.window = serde_json::from_value(json!({"from": "18:00", "to": "21:00"})).unwrap();
    };
    let (world, key) = delivered(NOW, Some("+7"), window).await;
    assert!(world.stored(&key).await.closed && world.fakes.sms.handed_over().is_empty());
}

#[tokio::test]
async fn a_paused_campaign_waits_and_goes_on_where_it_was() {
    let mut world = World::new();
    world.settings.sms.as_mut().unwrap().per_second = 4.0;
    world.campaign(|_| {}).await;
    let all = texts(0..20);
    let keys = world.shards(vec![all.clone()]).await;
    world.enqueue(&keys[0]);
    world.deliver().await;
    assert_eq!(world.collect(), 1);
    world.change(|campaign| campaign.paused = true).await;
    world.clock.advance(std::time::Duration::from_secs(2));
    world.deliver().await;
    assert_eq!((world.collect(), world.accepted().len()), (0, 4));
    let shard = world.stored(&keys[0]).await;
    assert_eq!((shard.next, shard.due_at), (4, world.clock.now() + Duration::HOUR));
    for _ in 0..130 {
        world.clock.advance(std::time::Duration::from_secs(60));
        world.sweep().await;
        world.deliver().await;
    }
    assert_eq!(world.accepted().len(), 4);
    world.change(|campaign| campaign.paused = false).await;
    world.settle().await;
    world.assert_each_once(&all);
}

/// Resuming makes the shards due that it finds. One that is put off just then was not among them.
#[tokio::test]
async fn a_campaign_that_is_resumed_while_a_shard_is_put_off_is_not_waited_for() {
    use eventide_clients::campaigns::Campaigns as _;
    let mut world = World::new();
    world.campaign(|campaign| campaign.paused = true).await;
    let keys = world.shards(vec![texts(0..5)]).await;
    world.enqueue(&keys[0]);
    world.collect();
    let (store, key) = (world.fakes.store.clone(), keys[0].clone());
    let resume = async {
        while store.shard(&key).await.unwrap().unwrap().due_at == NOW {
            tokio::task::yield_now().await;
        }
        let mut campaign = store.campaign(CAMPAIGN).await.unwrap().unwrap();
        campaign.paused = false;
        assert!(store.put(&mut campaign).await.unwrap());
    };
    // Polled one after the other, as often as each other.
    futures_util::future::join(world.deliver(), resume).await;
    assert_eq!(world.stored(&keys[0]).await.due_at, NOW, "not in an hour");
    world.settle().await;
    world.assert_each_once(&texts(0..5));
}

#[tokio::test]
async fn a_test_is_sent_at_any_hour_and_though_the_campaign_is_paused() {
    let mut world = World::new();
    world
        .campaign(|campaign| {
            campaign.paused = true;
            campaign.settings.send_at = Some(NOW + Duration::days(3));
            campaign.settings.window =
                serde_json::from_value(json!({"from": "01:00", "to": "02:00"})).unwrap();
        })
        .await;
    world.shards(vec![emails(0..10)]).await;
    let tests = emails(90..92);
    let key = world.shard("test-4f1c", 0, &tests, |_| {}).await;
    world.enqueue(&key);
    world.deliver().await;
    world.assert_each_once(&tests);
    assert!(world.stored(&key).await.closed);
    let progress = world.fakes.store.progress(CAMPAIGN, UPLOAD).await.unwrap();
    assert_eq!((progress.total, progress.closed), (1, 0), "a test does not count");
    assert!(!world.report_is_due());
    assert_eq!(world.entry(&tests[0]).await.unwrap().detail["test"], "true");
}

#[tokio::test]
async fn what_is_cancelled_or_replaced_is_closed_in_the_middle() {
    for is_replaced in [false, true] {
        let mut world = World::new();
        world.settings.sms.as_mut().unwrap().per_second = 4.0;
        world.campaign(|_| {}).await;
        let keys = world.shards(vec![texts(0..20)]).await;
        let test = world.shard("test-4f1c", 0, &emails(90..92), |_| {}).await;
        world.enqueue(&keys[0]);
        world.deliver().await;
        world
            .change(|campaign| {
                if is_replaced {
                    campaign.upload = "ffeeddccbbaa0099".to_owned();
                } else {
                    campaign.state = State::Cancelled;
                }
            })
            .await;
        world.enqueue(&test);
        world.settle().await;
        assert_eq!(world.accepted().len(), 4);
        assert!(world.stored(&keys[0]).await.closed && world.stored(&test).await.closed);
        assert_eq!(world.report_is_due(), !is_replaced, "the old upload has no report any more");
    }
}
