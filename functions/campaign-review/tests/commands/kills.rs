//! The function is killed after each of its calls, and the repeat brings about what it would have.

use serde_json::{Value, json};

use crate::support::{CAMPAIGN, World, command, given, held, queued};

/// An event, made in a world.
type Asked = fn(&World) -> Value;

fn approve() -> Value {
    command("approve", json!({"contents": [held(1), held(2)]}))
}

fn settle() -> Value {
    command("settle", json!({"entries": ["e-0", "e-1"], "outcome": "sent"}))
}

#[tokio::test]
async fn whatever_the_call_the_repeat_completes() {
    let asked: [(&str, Asked); 12] = [
        ("pause", |_| queued(&given("e-1", 0, &command("pause", json!({}))), 1)),
        ("resume", |_| queued(&given("e-1", 0, &command("resume", json!({}))), 1)),
        ("cancel", |_| queued(&given("e-1", 0, &command("cancel", json!({}))), 1)),
        ("approve", |_| queued(&given("e-1", 0, &approve()), 1)),
        ("test-send", |_| queued(&given("e-1", 0, &command("test-send", json!({}))), 1)),
        ("settle", |_| queued(&given("e-1", 0, &settle()), 1)),
        ("file", |world| {
            let body = format!("content,decision\n{},approve\n{},reject\n", held(1), held(2));
            queued(&world.upload(&format!("decisions/{CAMPAIGN}/a.csv"), &body), 1)
        }),
        ("pause, directly", |_| command("pause", json!({}))),
        ("resume, directly", |_| command("resume", json!({}))),
        ("cancel, directly", |_| command("cancel", json!({}))),
        ("approve, directly", |_| approve()),
        ("settle, directly", |_| settle()),
    ];
    let mut positions = 0;
    for (name, ask) in asked {
        let mut world = World::new().await;
        world.entries().await;
        let event = ask(&world);
        world.invoke(&event).await.unwrap().unwrap();
        let (expected, calls) = (world.outcome().await, world.calls.made());
        for last in 1..=calls {
            let mut world = World::with(last).await;
            world.entries().await;
            let event = ask(&world);
            assert!(world.invoke(&event).await.is_none(), "{name}: it lived beyond call {last}");
            world.invoke(&event).await.unwrap().unwrap();
            assert_eq!(world.outcome().await, expected, "{name}: killed after call {last}");
            assert_eq!(world.fakes.dead_letters.reasons(), [""; 0]);
            positions += 1;
        }
    }
    println!("{positions} kills");
    assert!(positions > 100, "{positions}");
}
