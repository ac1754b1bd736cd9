//! When messages may be sent.

use eventide_types::campaign::record::State;
use serde_json::json;
use time::macros::datetime;

use crate::support::{HEADER, NOW, World, asked, every_verdict};

#[tokio::test]
async fn whom_no_hour_fits_gets_nothing_and_that_is_told() {
    // Nobody knows where +999 is: it may be anywhere in the world.
    let file = HEADER.to_owned()
        + "1,sms,+99955501234,,,An approved text\n\
           2,sms,+99955501235,Europe/Berlin,,An approved text\n\
           3,sms,+99955501236,,,A held offer\n";
    let world = World::new(&file, json!({"window": {"from": "09:00", "to": "17:00"}})).await;
    world.take(&asked()).await;
    assert_eq!(world.sent("first"), ["2".to_owned()].into());
    let unparsed = world.told("unparsed.jsonl");
    assert_eq!((unparsed.len(), &unparsed[0]["line"]), (1, &json!(2)));
    assert!(unparsed[0]["reason"].as_str().unwrap().contains("time zones"), "{unparsed:?}");
    let counts = world.record().await.counts;
    assert_eq!((counts.unparsed, counts.approved, counts.held), (1, 1, 1));
    assert_eq!(counts.rows, counts.unparsed + counts.approved + counts.held + counts.rejected);
}

#[tokio::test]
async fn a_paused_campaign_is_put_together_and_waits() {
    let world = World::new(&every_verdict(), json!({"start": "paused"})).await;
    world.take(&asked()).await;
    let record = world.record().await;
    assert_eq!((record.state, record.paused), (State::Sending, true));
    assert_eq!(world.sent("first").len(), 3);
    assert!(world.to_send().is_empty());
    assert_eq!((world.events().len(), world.to_report()), (1, 1));
}

#[tokio::test]
async fn a_campaign_waits_for_its_time() {
    let at = datetime!(2026-12-01 09:00 UTC);
    let world = World::new(&every_verdict(), json!({"sendAt": "2026-12-01T09:00:00Z"})).await;
    world.take(&asked()).await;
    assert!(world.fakes.store.all_shards().iter().all(|shard| shard.due_at == at));
    assert!(world.to_send().is_empty());

    let world = World::new(&every_verdict(), json!({"sendAt": "2026-11-01T09:00:00Z"})).await;
    world.take(&asked()).await;
    assert!(world.fakes.store.all_shards().iter().all(|shard| shard.due_at == NOW));
    assert_eq!(world.to_send().len(), 2);
}

#[tokio::test]
async fn what_was_cancelled_or_replaced_is_not_put_on_its_way() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.change(|record| record.state = State::Cancelled).await;
    world.take(&asked()).await;
    world
        .change(|record| (record.state, record.upload) = (State::Judging, "ffffffffffffffff".to_owned()))
        .await;
    world.take(&asked()).await;
    assert!(world.fakes.store.all_shards().is_empty() && world.to_send().is_empty());
    assert!(world.events().is_empty() && world.fakes.reports.keys().is_empty());
}

#[tokio::test]
async fn a_duplicate_after_it_is_on_its_way_does_nothing() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.take(&asked()).await;
    for state in [State::Sending, State::Sent, State::Failed, State::Cancelled] {
        world.change(|record| record.state = state).await;
        let before = world.outcome().await;
        world.take(&asked()).await;
        assert_eq!(world.outcome().await, before);
    }
    assert_eq!((world.events().len(), world.to_send().len(), world.to_report()), (1, 2, 1));
}
