//! What is due is taken up, and not time after time.

use std::time::Duration;

use eventide_clients::campaigns::{Operation, Shards as _};
use eventide_clients::sqs::Outgoing;
use eventide_kit::Error;
use eventide_kit::clock::Clock as _;
use serde_json::{Value, json};

use crate::support::{CAMPAIGN, UPLOAD, World, emails, texts};

fn keys_of(messages: &[Outgoing]) -> Vec<String> {
    let body = |message: &Outgoing| serde_json::from_str::<Value>(&message.body).unwrap();
    messages.iter().map(|message| body(message)["shard"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_due_gets_one_message_for_a_while() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let due = world.shard("first", 0, &emails(0..3), |_| {}).await;
    world.shard("first", 1, &emails(3..6), |shard| shard.due_at += Duration::from_secs(3_600)).await;
    let closed = world.shard("first", 2, &emails(6..9), |_| {}).await;
    world.fakes.store.close(&world.stored(&closed).await).await.unwrap();
    assert_eq!(world.sweep().await, 1);
    assert_eq!(keys_of(&world.fakes.send_queue.take()), [due.as_str()]);
    // The message waits its turn: whoever sends another every minute makes the queue longer and longer.
    for _ in 0..2 {
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(world.sweep().await, 0);
    }
    // It was lost.
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(world.sweep().await, 1);
}

#[tokio::test]
async fn an_index_that_lags_makes_no_message() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let first = world.shard("first", 0, &emails(0..3), |_| {}).await;
    let second = world.shard("first", 1, &emails(3..6), |_| {}).await;
    world.fakes.store.index_lag(true);
    world.fakes.store.close(&world.stored(&first).await).await.unwrap();
    let mut moved = world.stored(&second).await;
    moved.due_at = world.clock.now() + Duration::from_secs(60);
    assert!(world.fakes.store.move_on(&mut moved).await.unwrap());
    assert_eq!((world.sweep().await, world.collect()), (0, 0));
}

#[tokio::test]
async fn one_sweep_takes_up_so_many_and_the_next_ones_the_rest() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    for number in 0..600 {
        world.shard("first", number, &emails(number..number + 1), |_| {}).await;
    }
    for expected in [250, 250, 100, 0] {
        assert_eq!(world.sweep().await, expected);
    }
    assert_eq!(world.fakes.send_queue.take().len(), 600);
}

#[tokio::test]
async fn one_that_cannot_be_taken_up_keeps_no_other_from_it() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    for number in 0..5 {
        world.shard("first", number, &emails(number..number + 1), |_| {}).await;
    }
    world.fakes.store.fail_next(Operation::MoveOn, Error::retryable("Throttled", "x"));
    let (environment, invocation) = (world.environment(), world.invocation());
    let error = environment.invoke(&json!({"sweep": true}), &invocation).await.unwrap().unwrap_err();
    assert_eq!(error.error_type(), "Throttled");
    assert_eq!(world.fakes.send_queue.messages().len(), 4);
    assert_eq!(world.sweep().await, 1);
}

#[tokio::test]
async fn a_campaign_whose_messages_were_all_lost_is_sent_by_sweeps_alone() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let (mails, texts) = (emails(0..25), texts(25..50));
    let all = [mails.clone(), texts.clone()].concat();
    world.shards(vec![mails, texts]).await;
    world.settle().await;
    world.assert_each_once(&all);
}

#[tokio::test]
async fn where_a_shard_ends_one_of_its_channel_begins() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let keys = world.shards(vec![emails(0..3), texts(3..6), emails(6..9)]).await;
    world.enqueue(&keys[0]);
    world.deliver().await;
    assert_eq!(keys_of(&world.fakes.send_queue.messages()), [keys[2].as_str()]);
    world.deliver().await;
    assert!(world.fakes.send_queue.messages().is_empty());
    let progress = world.fakes.store.progress(CAMPAIGN, UPLOAD).await.unwrap();
    assert_eq!((progress.total, progress.closed, world.report_is_due()), (3, 2, false));
    // A repeat of what has ended begins nothing.
    world.enqueue(&keys[0]);
    world.deliver().await;
    assert!(world.fakes.send_queue.messages().is_empty());
}

#[tokio::test]
async fn an_event_that_is_none_is_refused() {
    let mut world = World::new();
    for event in [json!({}), json!({"sweep": false}), json!([]), json!({"Records": 7})] {
        let (environment, invocation) = (world.environment(), world.invocation());
        let error = environment.invoke(&event, &invocation).await.unwrap().unwrap_err();
        assert_eq!(error.qualified_type(), "Permanent.InvalidEvent", "{event}");
    }
}
