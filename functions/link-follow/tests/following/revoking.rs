//! An agent who answers a call makes its link useless.

use eventide_clients::links::{Operation, State};
use link_follow::config::StopVoice;

use crate::support::{World, changed, event};

#[tokio::test]
async fn the_link_of_an_answered_call_is_revoked_whatever_becomes_of_voice_contacts() {
    for stop_voice in [StopVoice::ChatStarted, StopVoice::AgentJoined, StopVoice::Never] {
        let mut world = World::new(stop_voice);
        let (link, other) = (world.opened(1).await, world.opened(2).await);
        world.take(&[event("VOICE", "CONNECTED_TO_AGENT", &link.contact_id)]).await;
        assert_eq!((world.state(&link), world.state(&other)), (State::Revoked, State::Open));
        assert_eq!(world.invocation.metrics.sum("LinksRevoked", &[]), 1.0);
        assert_eq!(world.fakes.connect.stopped(), [""; 0], "the agent has it");
    }
}

#[tokio::test]
async fn the_first_contact_of_a_transferred_call_may_have_the_link() {
    let mut world = World::new(StopVoice::AgentJoined);
    let link = world.opened(1).await;
    let transferred = event("VOICE", "CONNECTED_TO_AGENT", "transferred");
    world.take(&[changed(&transferred, "/detail", "initialContactId", None)]).await;
    assert_eq!(world.state(&link), State::Open);
    world.take(&[changed(&transferred, "/detail", "initialContactId", Some(&link.contact_id))]).await;
    assert_eq!(world.state(&link), State::Revoked);
}

#[tokio::test]
async fn a_used_link_stays_so_and_a_repeat_changes_nothing() {
    let mut world = World::new(StopVoice::AgentJoined);
    let (used, open) = (world.redeemed().await, world.opened(2).await);
    let answered = |contact: &str| event("VOICE", "CONNECTED_TO_AGENT", contact);
    let events = [answered(&used.contact_id), answered(&open.contact_id), answered(&open.contact_id)];
    for _ in 0..2 {
        world.take(&events).await;
    }
    assert_eq!((world.state(&used), world.state(&open)), (State::Used, State::Revoked));
    assert_eq!(world.invocation.metrics.sum("LinksRevoked", &[]), 1.0);
}

#[tokio::test]
async fn nothing_else_that_happens_to_a_call_revokes() {
    let mut world = World::new(StopVoice::ChatStarted);
    let link = world.opened(1).await;
    let kinds = ["INITIATED", "CONNECTED_TO_SYSTEM", "QUEUED", "DISCONNECTED", "COMPLETED", "SOMETHING_NEW"];
    world.take(&kinds.map(|kind| event("VOICE", kind, &link.contact_id))).await;
    let answered = event("VOICE", "CONNECTED_TO_AGENT", &link.contact_id);
    let elsewhere = "arn:aws:connect:us-east-1:111122223333:instance/99999999-2222-3333-4444-555555555555";
    world
        .take(&[
            event("TASK", "CONNECTED_TO_AGENT", &link.contact_id),
            changed(&answered, "/detail", "instanceArn", Some(elsewhere)),
        ])
        .await;
    assert_eq!(world.state(&link), State::Open);
    assert_eq!(world.fakes.links.calls(Operation::Revoke), 0, "nothing is asked for");
    world.take(&[changed(&answered, "/detail", "instanceArn", None)]).await;
    assert_eq!(world.state(&link), State::Revoked, "the rule has chosen the instance");
}
