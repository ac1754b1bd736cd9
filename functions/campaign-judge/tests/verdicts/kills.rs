//! The function is killed after each of its calls: its message comes again, and it comes to the same.

use eventide_clients::campaigns::Shards as _;
use eventide_types::campaign::record::State;
use serde_json::{Value, json};

use crate::support::{KEY, UPLOAD, World, asked, every_verdict};

/// Delivers until it is done with.
async fn deliver(world: &World, message: &Value) {
    while world.deliver(message, 1).await != Some(false) {}
}

async fn released(last: usize) -> World {
    let world = World::with(&every_verdict(), json!({}), last).await;
    deliver(&world, &asked()).await;
    let decision = world.decide("A held offer", true).await;
    let message = world.release("r1", &[decision]);
    deliver(&world, &message).await;
    world
}

#[tokio::test]
async fn killed_after_any_call_it_comes_to_the_same() {
    let reference = released(0).await;
    let (expected, calls) = (reference.outcome().await, reference.calls.made());
    assert!(calls > 30, "{calls}");
    for position in 1..=calls {
        let world = released(position).await;
        let about = format!("killed after call {position}");
        assert_eq!(world.outcome().await, expected, "{about}");
        assert_eq!(world.fakes.store.progress("spring", UPLOAD).await.unwrap().total, 3, "{about}");
        assert_eq!(world.sent("first").len() + world.sent("r1").len(), 5, "{about}");
        let told = world.events();
        assert!((1..=2).contains(&told.len()), "{about}: {}", told.len());
        assert!(told.iter().all(|event| *event == reference.events()[0]), "{about}");
        assert!((2..=3).contains(&world.to_report()), "{about}: a report is asked for");
        assert_eq!(world.fakes.dead_letters.reasons(), [""; 0], "{about}");
    }
    println!("{calls} kills");
}

#[tokio::test]
async fn killed_after_any_call_a_failure_is_told_all_the_same() {
    let failed = async |last| {
        let world = World::with(&every_verdict(), json!({}), last).await;
        world.change(|record| record.version_id = None).await;
        world.fakes.campaigns.delete(KEY);
        deliver(&world, &asked()).await;
        world
    };
    let reference: World = failed(0).await;
    for position in 1..=reference.calls.made() {
        let world: World = failed(position).await;
        assert_eq!(world.record().await.state, State::Failed, "killed after call {position}");
        let told = world.events();
        assert!((1..=2).contains(&told.len()), "killed after call {position}: {told:?}");
        assert!(told.iter().all(|event| *event == reference.events()[0]));
        assert!(world.fakes.store.all_shards().is_empty());
    }
}
