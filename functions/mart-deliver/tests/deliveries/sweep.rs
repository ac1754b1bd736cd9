//! Requests whose event never came.

use std::time::Duration;

use eventide_clients::marts::{Operation as Table, Requests as _};
use eventide_clients::redshift_data::{Ending, Operation as Call};
use eventide_kit::Error;
use eventide_types::mart::request::{Record, State};
use serde_json::{Value, json};

use crate::support::{World, event, finished, id, usual};

const OVERDUE: Duration = Duration::from_secs(15 * 60 + 1);

async fn sweep(world: &mut World) -> Value {
    world.invoke(&event("sweep")).await.unwrap()
}

fn swept(overdue: u64, delivered: u64, submitted: u64, given_up: u64) -> Value {
    json!({"overdue": overdue, "delivered": delivered, "submitted": submitted, "givenUp": given_up})
}

/// What the sweep has sent, and delivers it if it is for this function.
async fn sent(world: &mut World) -> (Vec<Value>, Vec<Value>) {
    let bodies = |messages: Vec<eventide_clients::sqs::Outgoing>| -> Vec<Value> {
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    };
    let own = bodies(world.fakes.deliver_queue.take());
    for body in &own {
        assert!(!world.deliver(body, 1).await);
    }
    (own, bodies(world.fakes.query_queue.take()))
}

async fn never_submitted(world: &World, inline: bool) -> Record {
    let mut record = world.submitted("other", |record| record["inline"] = json!(inline)).await;
    let other = Record { state: State::Delivered, ..record.clone() };
    assert!(world.fakes.requests.advance(&other, &[State::Submitted]).await.unwrap());
    (record.token, record.statement_id, record.state) = ("4f1c".to_owned(), None, State::Accepted);
    assert!(world.fakes.requests.accept(&record).await.unwrap().is_none());
    record
}

#[tokio::test]
async fn what_is_not_overdue_is_left_alone() {
    let mut world = World::new();
    world.ended(finished(), usual).await;
    world.clock.advance(OVERDUE - Duration::from_secs(1));
    assert_eq!(sweep(&mut world).await, swept(0, 0, 0, 0));
}

#[tokio::test]
async fn an_end_whose_event_was_lost_is_found() {
    for (ending, told) in [
        (finished(), "Data Mart Ready"),
        (Ending::Failed("x".to_owned()), "StatementFailed"),
        (Ending::Aborted, "StatementAborted"),
    ] {
        for state in ["accepted", "submitted", "delivering"] {
            let mut world = World::new();
            world.ended(ending.clone(), |record| record["state"] = json!(state)).await;
            world.clock.advance(OVERDUE);
            assert_eq!(sweep(&mut world).await, swept(1, 1, 0, 0));
            assert_eq!(sent(&mut world).await, (vec![json!({"token": "4f1c"})], vec![]));
            assert_eq!(world.told(), [told], "{state}");
            world.clock.advance(OVERDUE);
            assert_eq!(sweep(&mut world).await, swept(0, 0, 0, 0), "{state}");
        }
    }
}

#[tokio::test]
async fn an_expired_statement_is_told() {
    let mut world = World::new();
    let record = world.submitted("4f1c", usual).await;
    world.fakes.redshift.forget(&id(&record));
    world.clock.advance(OVERDUE);
    assert_eq!(sweep(&mut world).await, swept(1, 1, 0, 0));
    sent(&mut world).await;
    assert_eq!(world.told(), ["ResultExpired"]);
}

#[tokio::test]
async fn what_runs_is_left_to_run_and_others_get_their_turn() {
    let mut world = World::new();
    let record = world.submitted("4f1c", usual).await;
    world.clock.advance(OVERDUE);
    assert_eq!(sweep(&mut world).await, swept(1, 0, 0, 0));
    assert_eq!(sweep(&mut world).await, swept(0, 0, 0, 0), "it was looked at");
    assert!(world.fakes.redshift.cancelled().is_empty());
    assert_eq!(sent(&mut world).await, (vec![], vec![]));
    world.fakes.redshift.end(&id(&record), finished());
    world.clock.advance(OVERDUE);
    assert_eq!(sweep(&mut world).await, swept(1, 1, 0, 0));
}

#[tokio::test]
async fn what_was_never_submitted_is_sent_to_be() {
    let mut world = World::new();
    never_submitted(&world, false).await;
    world.clock.advance(OVERDUE);
    assert_eq!(sweep(&mut world).await, swept(1, 0, 1, 0));
    assert_eq!(sent(&mut world).await, (vec![], vec![json!({"token": "4f1c", "refusals": 0})]));
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_does_not_run_on() {
    let mut world = World::new();
    let record = world.submitted("4f1c", |record| record["inline"] = json!(true)).await;
    world.clock.advance(OVERDUE);
    assert_eq!(sweep(&mut world).await, swept(1, 0, 0, 1));
    assert_eq!(world.fakes.redshift.cancelled(), [id(&record)]);
    assert_eq!((world.state().await, world.told()), (State::Failed, Vec::new()));

    for ending in [finished(), Ending::Aborted] {
        let mut world = World::new();
        world.ended(ending, |record| record["inline"] = json!(true)).await;
        world.clock.advance(OVERDUE);
        assert_eq!(sweep(&mut world).await, swept(1, 0, 0, 1));
        assert_eq!(world.state().await, State::Failed);
        assert!(world.fakes.redshift.cancelled().is_empty());
    }
    let mut world = World::new();
    never_submitted(&world, true).await;
    world.clock.advance(OVERDUE);
    assert_eq!(sweep(&mut world).await, swept(1, 0, 0, 1));
    assert_eq!(sent(&mut world).await, (vec![], vec![]));
}

#[tokio::test]
async fn what_cannot_be_looked_after_keeps_nobody_else_from_it() {
    let mut world = World::new();
    for token in ["a", "b", "c"] {
        let record = world.submitted(token, usual).await;
        world.fakes.redshift.end(&id(&record), finished());
        world.clock.advance(Duration::from_secs(1));
    }
    world.clock.advance(OVERDUE);
    world.fakes.redshift.fail_next(Call::Describe, Error::retryable("ServerError", "failed"));
    assert_eq!(world.invoke(&event("sweep")).await.unwrap_err().error_type(), "ServerError");
    let tokens: Vec<Value> = sent(&mut world).await.0;
    assert_eq!(tokens, [json!({"token": "b"}), json!({"token": "c"})]);
    for broken in [Table::Stale, Table::Request] {
        world.fakes.requests.fail_next(broken, Error::retryable("TimedOut", "timed out"));
        assert!(world.invoke(&event("sweep")).await.is_err(), "{broken:?}");
    }
    sent(&mut world).await;
    world.fakes.deliver_queue.take();
    assert_eq!(world.record("a").await.state, State::Submitted);
    assert_eq!(sweep(&mut world).await, swept(1, 1, 0, 0));
}
