//! Messages of which a person says what became of them.

use std::time::Duration;

use eventide_kit::ledger::State;
use serde_json::{Value, json};

use crate::support::{CAMPAIGN, World, command, given};

fn settle(entries: &[&str], outcome: &str) -> Value {
    command("settle", json!({ "entries": entries, "outcome": outcome }))
}

#[tokio::test]
async fn what_nobody_knew_a_person_knows() {
    for (outcome, state, reason) in
        [("sent", State::Done, None), ("not-sent", State::Refused, Some("not sent, says ann"))]
    {
        let mut world = World::new().await;
        world.entries().await;
        let answer = world.direct(&settle(&["e-0", "e-1", "e-2", "e-3", "e-4"], outcome)).await.unwrap();
        assert_eq!((&answer["changed"], &answer["count"]), (&json!(true), &json!(2)), "{outcome}");
        for entry in ["e-0", "e-1"] {
            assert_eq!(world.state(entry).await, (state, reason.map(str::to_owned)));
        }
        assert_eq!(world.state("e-2").await.0, State::Claimed, "somebody may be at it now");
        assert_eq!(world.state("e-3").await.0, State::Done);
        assert_eq!(world.state("e-4").await, (State::Refused, Some("opted_out".to_owned())));
        assert!(world.fakes.store.report_due(CAMPAIGN).is_some());
        // Whoever claimed it is gone.
        world.clock.advance(Duration::from_secs(121));
        world.take(&given("e-1", 200, &settle(&["e-2"], outcome))).await;
        assert_eq!(world.state("e-2").await.0, state);
    }
}

#[tokio::test]
async fn what_is_settled_is_not_settled_otherwise() {
    let mut world = World::new().await;
    world.entries().await;
    world.take(&given("e-1", 0, &settle(&["e-0"], "sent"))).await;
    world.take(&given("e-2", 5, &settle(&["e-0"], "not-sent"))).await;
    assert_eq!(world.state("e-0").await.0, State::Done);
}

#[tokio::test]
async fn an_unknown_entry_refuses_the_whole_command() {
    use eventide_kit::clock::Clock as _;
    use eventide_kit::ledger::Ledger as _;
    let mut world = World::new().await;
    world.entries().await;
    let of_another = [("campaign".to_owned(), "autumn".to_owned())].into();
    world.fakes.ledger.claim("of-another", "h", world.clock.now(), of_another).await.unwrap();
    for unknown in ["e-77", "of-another"] {
        let error = world.refused(&given("e-1", 0, &settle(&["e-0", unknown], "sent"))).await;
        assert_eq!(error, "Permanent.UnknownEntry");
        assert_eq!(world.state("e-0").await.0, State::Uncertain, "{unknown}");
    }
    let many = vec!["e-0"; 1_001];
    for entries in [&[][..], &many] {
        assert_eq!(
            world.refused(&given("e-1", 0, &settle(entries, "sent"))).await,
            "Permanent.InvalidCommand"
        );
    }
}
