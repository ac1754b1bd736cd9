//! Pause, resume and cancel.

use std::time::Duration;

use eventide_clients::campaigns::Shards as _;
use eventide_kit::clock::Clock as _;
use eventide_types::campaign::record::State;
use serde_json::json;

use crate::support::{CAMPAIGN, NOW, UPLOAD, World, command, given};

fn pause() -> serde_json::Value {
    command("pause", json!({}))
}

fn resume() -> serde_json::Value {
    command("resume", json!({}))
}

fn cancel() -> serde_json::Value {
    command("cancel", json!({}))
}

#[tokio::test]
async fn who_said_what_when_and_why_is_kept() {
    for (action, paused, state) in [
        ("pause", true, State::Sending),
        ("resume", false, State::Sending),
        ("cancel", false, State::Cancelled),
    ] {
        let mut world = World::new().await;
        world.clock.advance(Duration::from_secs(60));
        world.take(&given("e-1", 7, &command(action, json!({})))).await;
        let record = world.record().await;
        assert_eq!((record.paused, record.state), (paused, state), "{action}");
        let decided = record.decided.unwrap();
        assert_eq!((decided.action.as_str(), decided.by.as_str()), (action, "ann"));
        assert_eq!(
            (decided.reason.as_deref(), decided.at),
            (Some("so it is"), NOW + time::Duration::seconds(7))
        );
        assert_eq!(record.updated_at, world.clock.now());
    }
}

#[tokio::test]
async fn a_direct_command_is_answered() {
    let mut world = World::new().await;
    let answer = |action: &str, changed: bool, count: u64| json!({"campaign": CAMPAIGN, "action": action, "changed": changed, "count": count});
    assert_eq!(world.direct(&pause()).await.unwrap(), answer("pause", true, 0));
    assert_eq!(world.direct(&pause()).await.unwrap(), answer("pause", false, 0));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.direct(&resume()).await.unwrap(), answer("resume", true, 0));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.direct(&cancel()).await.unwrap(), answer("cancel", true, 0));
    let error = world.direct(&resume()).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Permanent.CampaignCancelled");
    for (bad, expected) in [
        (json!({"campaign": "other", "action": "pause", "by": "ann"}), "Permanent.UnknownCampaign"),
        (json!({"campaign": CAMPAIGN, "action": "stop", "by": "ann"}), "Permanent.InvalidEvent"),
        (json!({"campaign": CAMPAIGN, "action": "pause", "by": ""}), "Permanent.InvalidCommand"),
        (json!([]), "Permanent.InvalidEvent"),
    ] {
        assert_eq!(world.direct(&bad).await.unwrap_err().qualified_type(), expected, "{bad}");
    }
}

#[tokio::test]
async fn an_older_command_that_comes_late_or_again_undoes_nothing() {
    let mut world = World::new().await;
    world.take(&given("e-1", 0, &pause())).await;
    world.take(&given("e-2", 5, &resume())).await;
    for _ in 0..2 {
        world.take(&given("e-1", 0, &pause())).await;
        assert!(!world.record().await.paused);
        world.take(&given("e-0", -30, &pause())).await;
        assert!(!world.record().await.paused);
    }
    world.take(&given("e-3", 9, &pause())).await;
    world.take(&given("e-2", 5, &resume())).await;
    assert!(world.record().await.paused);
}

#[tokio::test]
async fn a_command_of_the_future_does_not_outrank_those_that_follow() {
    let mut world = World::new().await;
    world.take(&given("e-1", 36_000, &resume())).await;
    world.clock.advance(Duration::from_secs(120));
    world.take(&given("e-2", 120, &pause())).await;
    assert!(world.record().await.paused);
}

/// The time of an event is in seconds.
#[tokio::test]
async fn of_two_commands_of_the_same_second_the_pause_holds() {
    for order in [[pause(), resume()], [resume(), pause()]] {
        let mut world = World::new().await;
        for (id, command) in ["e-1", "e-2"].into_iter().zip(&order) {
            world.take(&given(id, 0, command)).await;
        }
        assert!(world.record().await.paused, "{order:?}");
    }
}

#[tokio::test]
async fn cancelled_is_final_whenever_it_comes() {
    let mut world = World::new().await;
    world.take(&given("e-2", 5, &resume())).await;
    world.take(&given("e-1", 0, &cancel())).await;
    assert_eq!(world.record().await.state, State::Cancelled, "it was given before, and holds");
    assert!(world.fakes.store.all_shards().iter().all(|shard| shard.closed));
    assert!(world.fakes.store.progress(CAMPAIGN, UPLOAD).await.unwrap().is_complete());
    assert_eq!(world.fakes.store.report_due(CAMPAIGN), Some(NOW));
    let before = world.record().await;
    for action in ["pause", "resume"] {
        let error = world.refused(&given("e-3", 9, &command(action, json!({})))).await;
        assert_eq!(error, "Permanent.CampaignCancelled");
    }
    assert!(!world.deliver(&given("e-1", 0, &cancel()), 1).await, "a repeat");
    assert!(world.record().await == before);
    let approve = command("approve", json!({"contents": [crate::support::held(1)]}));
    assert_eq!(world.refused(&given("e-4", 10, &approve)).await, "Permanent.CampaignOver");
}

#[tokio::test]
async fn what_was_resumed_is_due_at_once_and_what_is_closed_stays_closed() {
    let mut world = World::new().await;
    let shards = world.fakes.store.all_shards();
    world.fakes.store.close(&shards[1]).await.unwrap();
    world.take(&given("e-1", 0, &pause())).await;
    assert!(world.sends().is_empty());
    world.take(&given("e-2", 5, &resume())).await;
    let after = world.fakes.store.all_shards();
    for (place, shard) in after.iter().enumerate() {
        assert_eq!((shard.closed, shard.due_at == NOW), (place == 1, place != 1), "{place}");
    }
    let first: Vec<_> = [0, 2, 3, 4].map(|place: usize| json!({"shard": shards[place].key})).into();
    assert_eq!(world.sends(), first, "some at once, the others by the sweep");
}

#[tokio::test]
async fn what_was_resumed_before_its_time_still_waits_for_it() {
    let mut world = World::new().await;
    let at = NOW + time::Duration::minutes(10);
    world.change(|campaign| campaign.settings.send_at = Some(at)).await;
    world.take(&given("e-2", 5, &resume())).await;
    assert!(world.fakes.store.all_shards().iter().all(|shard| shard.due_at == at));
    assert!(world.sends().is_empty());
}

#[tokio::test]
async fn a_campaign_may_be_paused_before_it_is_screened() {
    for state in [State::Screening, State::Classifying, State::Judging] {
        let mut world = World::new().await;
        world.change(|campaign| campaign.state = state).await;
        world.take(&given("e-1", 0, &pause())).await;
        let record = world.record().await;
        assert_eq!((record.paused, record.state), (true, state));
        world.take(&given("e-2", 5, &resume())).await;
        assert!(!world.record().await.paused && world.sends().is_empty());
        world.take(&given("e-3", 9, &cancel())).await;
        let record = world.record().await;
        assert_eq!((record.state, record.due_at), (State::Cancelled, None));
    }
}

#[tokio::test]
async fn others_may_write_the_record_at_the_same_time() {
    use eventide_clients::campaigns::Campaigns as _;
    let mut world = World::new().await;
    let store = world.fakes.store.clone();
    // Between the reading and the writing, twice.
    let other = async {
        for _ in 0..2 {
            let mut record = store.campaign(CAMPAIGN).await.unwrap().unwrap();
            record.counts.held += 1;
            assert!(store.put(&mut record).await.unwrap());
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        }
    };
    let event = given("e-1", 0, &pause());
    tokio::join!(world.take(&event), other);
    let record = world.record().await;
    assert_eq!((record.paused, record.counts.held), (true, 2));
}
