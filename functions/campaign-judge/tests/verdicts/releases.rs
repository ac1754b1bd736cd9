//! Decisions of people take effect.

use eventide_clients::campaigns::Shards as _;
use eventide_types::campaign::record::State;
use serde_json::json;

use crate::support::{UPLOAD, World, asked, every_verdict};

#[tokio::test]
async fn a_release_sends_what_it_approves_and_nothing_else() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.take(&asked()).await;
    world.change(|record| record.state = State::Sent).await;
    let decisions = [world.decide("A held offer", true).await, world.decide("A silent one", false).await];
    let message = world.release("r1", &decisions);
    world.take(&message).await;
    assert_eq!(world.sent("r1"), ["3", "8"].map(str::to_owned).into());
    assert_eq!(world.sent("first"), ["1", "7", "9"].map(str::to_owned).into());
    let record = world.record().await;
    let counts = record.counts;
    assert_eq!((record.state, counts.approved, counts.held, counts.rejected), (State::Sending, 5, 1, 2));
    assert_eq!(record.due_at, None);
    assert_eq!(world.fakes.store.progress("spring", UPLOAD).await.unwrap().total, 3);
    assert_eq!(world.events().len(), 1, "it is not screened anew");
    assert_eq!(world.told("review.jsonl").len(), 1);
    assert_eq!((world.to_send().len(), world.to_report()), (3, 2));

    // The next one does not send again what the one before it did.
    let decision = world.decide("Ein fremder Text", true).await;
    let message = world.release("r2", &[decision]);
    world.take(&message).await;
    assert_eq!(world.sent("r2"), ["6".to_owned()].into());
    assert_eq!(world.record().await.counts.approved, 6);
    assert_eq!(world.fakes.store.progress("spring", UPLOAD).await.unwrap().total, 4);
}

#[tokio::test]
async fn the_first_decision_stands_whatever_a_release_says() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.take(&asked()).await;
    let rejected = world.decide("A held offer", false).await;
    let approved = eventide_types::campaign::command::Decision { approved: true, ..rejected };
    let message = world.release("r1", &[approved]);
    world.take(&message).await;
    assert!(world.sent("r1").is_empty());
    // Nor does a release approve what the classifier rejected.
    let decision = world.decide("News A rejected casino", true).await;
    let message = world.release("r2", &[decision]);
    world.take(&message).await;
    assert!(world.sent("r2").is_empty());
}

#[tokio::test]
async fn a_release_twice_is_one() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.take(&asked()).await;
    let decision = world.decide("A held offer", true).await;
    let message = world.release("r1", &[decision]);
    world.take(&message).await;
    let before = world.outcome().await;
    world.take(&message).await;
    assert_eq!(world.outcome().await, before);
    assert_eq!(world.fakes.store.progress("spring", UPLOAD).await.unwrap().total, 3);
}

#[tokio::test(start_paused = true)]
async fn a_release_waits_for_the_campaigns_own_verdicts() {
    let world = World::new(&every_verdict(), json!({})).await;
    let decision = world.decide("A held offer", true).await;
    let message = world.release("r1", &[decision]);
    assert_eq!(world.deliver(&message, 1).await, Some(true));
    assert!(world.fakes.store.all_shards().is_empty());
    world.take(&asked()).await;
    world.take(&message).await;
    // The decision was there already: both would send the messages, and the ledger lets one.
    assert_eq!(world.sent("r1"), ["3", "8"].map(str::to_owned).into());
}

#[tokio::test]
async fn a_release_that_is_not_there_or_of_another_upload_sends_nothing() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.take(&asked()).await;
    let before = world.outcome().await;
    let missing = json!({"campaign": "spring", "upload": UPLOAD, "release": "r9"});
    assert_eq!(world.deliver(&missing, 1).await, Some(false));
    assert_eq!(world.fakes.dead_letters.sent()[0].1, "Permanent.UnknownRelease");
    let other = json!({"campaign": "spring", "upload": "ffffffffffffffff", "release": "r1"});
    assert_eq!(world.deliver(&other, 1).await, Some(false));
    assert_eq!(world.outcome().await, before, "the campaign itself has not failed");
}
