//! A campaign is sent when there is nothing left to send.

use eventide_clients::campaigns::Shards as _;
use eventide_types::campaign::Channel;
use eventide_types::campaign::record::State;
use serde_json::json;

use crate::support::{NOW, UPLOAD, World, done, messages, of_content, refused, uncertain};

#[tokio::test]
async fn it_is_told_when_the_last_shard_is_closed_and_once() {
    let world = World::new().await;
    let mails = messages(Channel::Email, 0..3);
    let texts = of_content(8, messages(Channel::Sms, 3..5));
    let (first, second) = (world.shard("first", &mails).await, world.shard("r1", &texts).await);
    for message in &mails[..2] {
        world.claimed(message, done()).await;
    }
    world.claimed(&mails[2], uncertain()).await;
    for message in &texts {
        world.claimed(message, refused("opted out")).await;
    }
    world.fakes.store.close(&first).await.unwrap();
    assert_eq!(world.report().await["state"], json!("sending"));
    assert!(world.sent().is_empty(), "one shard is open");

    world.fakes.store.close(&second).await.unwrap();
    let figures = world.report().await;
    assert_eq!((&figures["state"], &figures["sentAt"]), (&json!("sent"), &json!("2026-11-27T09:00:00Z")));
    let expected = json!({"campaign": "spring", "upload": UPLOAD, "accepted": 2, "refused": 2, "uncertain": 1,
        "bucket": "reports", "report": "spring/report.json"});
    assert_eq!(world.sent(), [expected]);
    let record = world.record().await;
    assert_eq!((record.state, record.sent_at), (State::Sent, Some(NOW)));
    assert_eq!(world.report().await["state"], json!("sent"));
    assert_eq!(world.sent().len(), 1);
}

#[tokio::test]
async fn a_campaign_without_anything_to_send_is_sent_when_it_is_judged() {
    let world = World::new().await;
    world.change(|record| record.state = State::Judging).await;
    world.report().await;
    assert!(world.sent().is_empty());
    world.change(|record| record.state = State::Sending).await;
    world.report().await;
    assert_eq!((world.sent().len(), world.record().await.state), (1, State::Sent));
}

#[tokio::test]
async fn tests_keep_no_campaign_from_being_sent() {
    let world = World::new().await;
    world.shard("test-1", &messages(Channel::Email, 0..1)).await;
    world.report().await;
    assert_eq!(world.sent().len(), 1);
}

#[tokio::test]
async fn after_a_release_it_is_sent_again() {
    let world = World::new().await;
    let first = world.shard("first", &messages(Channel::Email, 0..2)).await;
    world.fakes.store.close(&first).await.unwrap();
    world.report().await;
    let release = world.shard("r1", &of_content(8, messages(Channel::Email, 2..3))).await;
    world.change(|record| record.state = State::Sending).await;
    assert_eq!(world.report().await["state"], json!("sending"));
    assert_eq!(world.sent().len(), 1);
    world.claimed(&messages(Channel::Email, 2..3)[0], done()).await;
    world.fakes.store.close(&release).await.unwrap();
    world.report().await;
    let told = world.sent();
    assert_eq!((told.len(), &told[1]["accepted"]), (2, &json!(1)));
    assert_eq!(world.record().await.state, State::Sent);
}

#[tokio::test]
async fn what_is_not_being_sent_is_not_sent() {
    for state in [State::Screening, State::Classifying, State::Failed, State::Cancelled, State::Sent] {
        let world = World::new().await;
        world.change(|record| record.state = state).await;
        assert_eq!(world.report().await["state"], json!(state.as_str()));
        assert!(world.sent().is_empty() && world.record().await.state == state);
    }
}

#[tokio::test]
async fn a_paused_campaign_with_nothing_left_is_sent() {
    let world = World::new().await;
    world.change(|record| record.paused = true).await;
    world.report().await;
    assert_eq!(world.sent().len(), 1);
}
