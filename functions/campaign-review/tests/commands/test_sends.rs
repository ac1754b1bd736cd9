//! Test messages.

use std::collections::BTreeSet;

use eventide_types::campaign::record::State;
use serde_json::{Value, json};

use crate::support::{NOW, World, command, given};

fn to(recipients: &[&str]) -> Value {
    command("test-send", json!({ "to": recipients }))
}

/// The test messages that are on their way.
fn tests(world: &World) -> Vec<Value> {
    let sends = world.sends();
    let keys = sends.iter().map(|message| message["shard"].as_str().unwrap());
    keys.flat_map(|key| world.lines(key)).collect()
}

#[tokio::test]
async fn each_content_goes_to_everybody_who_asked_for_it() {
    let mut world = World::new().await;
    let answer = world.direct(&to(&[])).await.unwrap();
    assert_eq!((&answer["changed"], &answer["count"]), (&json!(true), &json!(5)));
    let tests = tests(&world);
    let of =
        |name: &str| tests.iter().map(|test| test[name].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let recipients: BTreeSet<_> = of("to").into_iter().collect();
    assert_eq!(
        recipients,
        ["+15555550199", "audit@example.com", "boss@example.com"].map(str::to_owned).into()
    );
    assert_eq!(of("entry").into_iter().collect::<BTreeSet<_>>().len(), 5);
    for test in &tests {
        match test["channel"].as_str() {
            Some("email") => {
                assert_eq!(test["subject"], "[TEST] Spring");
                assert!(test["text"].as_str().unwrap().starts_with("Spring is here"));
            }
            _ => assert!(test["text"].as_str().unwrap().starts_with("[TEST] Spring is here")),
        }
    }
    let shards = world.fakes.store.all_shards();
    let made: Vec<_> = shards.iter().filter(|shard| shard.test).collect();
    assert_eq!(made.iter().map(|shard| shard.messages).collect::<Vec<_>>(), [4, 1]);
    assert!(made.iter().all(|shard| shard.due_at == NOW && !shard.closed));
}

#[tokio::test]
async fn it_goes_to_nobody_else() {
    let mut world = World::new().await;
    world.take(&given("e-1", 0, &to(&["audit@example.com"]))).await;
    assert!(tests(&world).iter().all(|test| test["to"] == "audit@example.com"));
    let mut world = World::new().await;
    let error = world.refused(&given("e-1", 0, &to(&["boss@example.com", "reader-1@example.com"]))).await;
    assert_eq!(error, "Permanent.UnknownTestRecipient");
    assert!(!world.fakes.dead_letters.reasons()[0].contains('@'));
    world.change(|campaign| campaign.settings.test_recipients.clear()).await;
    assert_eq!(world.refused(&given("e-2", 0, &to(&[]))).await, "Permanent.NoTestRecipients");
    assert!(world.sends().is_empty() && world.fakes.work.keys().len() == 6);
}

#[tokio::test]
async fn a_repeat_is_the_same_test_and_another_command_another() {
    let mut world = World::new().await;
    let event = given("e-1", 0, &to(&[]));
    world.take(&event).await;
    let first = world.outcome().await;
    world.take(&event).await;
    assert_eq!(world.outcome().await, first);
    world.take(&given("e-2", 5, &to(&[]))).await;
    let entries: BTreeSet<_> = tests(&world).iter().map(|test| test["entry"].to_string()).collect();
    assert_eq!(entries.len(), 10, "it is sent again");
    // Given directly, too.
    for _ in 0..2 {
        world.direct(&to(&[])).await.unwrap();
    }
    let entries: BTreeSet<_> = tests(&world).iter().map(|test| test["entry"].to_string()).collect();
    assert_eq!(entries.len(), 20);
}

#[tokio::test]
async fn only_what_is_approved_can_be_tested() {
    for state in [State::Screening, State::Judging, State::Cancelled, State::Failed] {
        let mut world = World::new().await;
        world.change(|campaign| campaign.state = state).await;
        assert_eq!(world.refused(&given("e-1", 0, &to(&[]))).await, "Permanent.NotScreened");
        assert!(world.sends().is_empty());
    }
    // A campaign of which nothing is approved.
    let mut world = World::new().await;
    world.fakes.work.keys().iter().for_each(|key| world.fakes.work.delete(key));
    let answer = world.direct(&to(&[])).await.unwrap();
    assert_eq!((&answer["changed"], &answer["count"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_nobodys_fault() {
    let mut world = World::new().await;
    world.fakes.secrets.fail_next(eventide_kit::Error::environment("AccessDenied", "denied"));
    assert!(world.deliver(&given("e-1", 0, &to(&[])), 1).await);
    world.take(&given("e-1", 0, &to(&[]))).await;
    assert_eq!(tests(&world).len(), 5);
}
