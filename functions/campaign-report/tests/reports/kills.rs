//! The function is killed after each of its calls: its message comes again.

use eventide_clients::campaigns::Shards as _;
use eventide_types::campaign::Channel;
use eventide_types::campaign::record::State;
use serde_json::json;

use crate::support::{NOW, World, done, messages};

async fn reported(last: usize) -> World {
    let world = World::with(last).await;
    world.contents(&[(1, "A table")]);
    world.verdicts(&[(1, Channel::Email, "approved", "person_approved", Some("compliant"))]);
    world.decided(1, true, None).await;
    let all = messages(Channel::Email, 0..3);
    let shard = world.shard("first", &all).await;
    world.claimed(&all[0], done()).await;
    world.fakes.store.close(&shard).await.unwrap();
    while world.deliver(&json!({"campaign": "spring"}), 1).await != Some(false) {}
    world
}

#[tokio::test]
async fn killed_after_any_call_it_is_told_and_comes_to_the_same() {
    let reference = reported(0).await;
    let calls = reference.calls.made();
    let files = ["report.json", "report.html", "deliveries.jsonl", "training.csv"];
    assert!(calls > 12, "{calls}");
    assert_eq!(reference.sent().len(), 1);
    for position in 1..=calls {
        let world = reported(position).await;
        for file in files {
            assert_eq!(world.text(file), reference.text(file), "killed after call {position}: {file}");
        }
        let record = world.record().await;
        assert_eq!((record.state, record.sent_at), (State::Sent, Some(NOW)), "killed after call {position}");
        let told = world.sent();
        assert!((1..=2).contains(&told.len()), "killed after call {position}: {told:?}");
        assert!(told.iter().all(|event| *event == reference.sent()[0]));
        assert_eq!(world.fakes.dead_letters.reasons(), [""; 0]);
    }
    println!("{calls} kills");
}
