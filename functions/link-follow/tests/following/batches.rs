//! Batches of which something fails, and functions that die in between.

use eventide_clients::connect::{self, Standing};
use eventide_clients::links::{self, State};
use eventide_kit::Error;
use link_follow::config::StopVoice;
use serde_json::json;

use crate::support::{CHAT, LAST, World, changed, event};

fn throttled() -> Error {
    Error::retryable("Throttled", "x")
}

#[tokio::test]
async fn what_is_no_contact_event_is_set_aside_without_its_content() {
    let good = event("CHAT", "CONNECTED_TO_AGENT", CHAT);
    for body in [
        "+14255550100".to_owned(),
        "{}".to_owned(),
        changed(&good, "", "source", Some("aws.s3")),
        changed(&good, "", "detail-type", Some("+14255550100")),
        changed(&good, "", "detail", None),
        changed(&good, "", "detail", Some("+14255550100")),
        changed(&good, "/detail", "eventType", None),
        changed(&good, "/detail", "contactId", None),
        changed(&good, "/detail", "channel", None),
        json!([good]).to_string(),
    ] {
        let mut world = World::new(StopVoice::AgentJoined);
        let link = world.redeemed().await;
        assert_eq!(world.deliver(&[body.clone(), good.clone()], 1).await, [0; 0], "{body}");
        assert_eq!(world.fakes.dead_letters.sent().len(), 1);
        assert_eq!(world.fakes.dead_letters.sent()[0].1, "Permanent.InvalidEvent", "{body}");
        assert!(!world.fakes.dead_letters.reasons()[0].contains("4255550100"), "{body}");
        assert_eq!(world.fakes.connect.stopped(), [link.contact_id], "the others are taken");
    }
}

#[tokio::test]
async fn who_is_throttled_comes_back_and_is_set_aside_at_last() {
    let chat = [event("CHAT", "CONNECTED_TO_AGENT", CHAT)];
    for operation in [connect::Operation::Standing, connect::Operation::Stop] {
        let mut world = World::new(StopVoice::AgentJoined);
        let link = world.redeemed().await;
        world.fakes.connect.fail_next(operation, throttled());
        assert_eq!(world.deliver(&chat, 1).await, [0]);
        assert_eq!(world.fakes.connect.stopped(), [""; 0]);
        world.fakes.connect.fail_next(operation, throttled());
        assert_eq!(world.deliver(&chat, LAST).await, [0; 0]);
        assert_eq!(world.fakes.dead_letters.sent()[0].1, "Retryable.Throttled");
        assert_eq!(world.deliver(&chat, 1).await, [0; 0], "as it is redriven");
        assert_eq!(world.fakes.connect.stopped(), [link.contact_id]);
    }
}

/// The function dies before each of its calls and after each, and the queue delivers the event again.
#[tokio::test]
async fn a_function_that_dies_at_any_call_is_made_up_for() {
    let chat = [event("CHAT", "CONNECTED_TO_AGENT", CHAT)];
    for is_carried_out in [true, false] {
        for operation in [connect::Operation::Standing, connect::Operation::Stop] {
            let mut world = World::new(StopVoice::AgentJoined);
            let link = world.redeemed().await;
            let connect = world.fakes.connect.clone();
            if is_carried_out {
                connect.lose_next(operation, throttled());
            } else {
                connect.fail_next(operation, throttled());
            }
            assert_eq!(world.deliver(&chat, 1).await, [0]);
            assert_eq!(world.deliver(&chat, 2).await, [0; 0]);
            assert_eq!(connect.stopped(), std::slice::from_ref(&link.contact_id), "{operation:?}");
        }
        for operation in [links::Operation::VoiceOf, links::Operation::Revoke] {
            let mut world = World::new(StopVoice::AgentJoined);
            let (used, open) = (world.redeemed().await, world.opened(2).await);
            let events = [chat[0].clone(), event("VOICE", "CONNECTED_TO_AGENT", &open.contact_id)];
            if is_carried_out {
                world.fakes.links.lose_next(operation, throttled());
            } else {
                world.fakes.links.fail_next(operation, throttled());
            }
            let back = world.deliver(&events, 1).await;
            assert_eq!(back, [usize::from(operation == links::Operation::Revoke)]);
            assert_eq!(world.deliver(&events[back[0]..=back[0]], 2).await, [0; 0]);
            assert_eq!(world.fakes.connect.stopped(), [used.contact_id], "{operation:?}");
            assert_eq!(world.state(&open), State::Revoked, "{operation:?}");
        }
    }
}

/// The agent takes the call while its event is still on its way.
#[tokio::test]
async fn an_agent_who_was_quicker_than_the_event_keeps_the_call() {
    let mut world = World::new(StopVoice::AgentJoined);
    let link = world.redeemed().await;
    let chat = [event("CHAT", "CONNECTED_TO_AGENT", CHAT)];
    world.fakes.connect.fail_next(connect::Operation::Standing, throttled());
    assert_eq!(world.deliver(&chat, 1).await, [0]);
    world.fakes.connect.put(&link.contact_id, Standing::WithAgent);
    assert_eq!(world.deliver(&chat, 2).await, [0; 0]);
    assert_eq!(world.fakes.connect.stopped(), [""; 0]);
}

#[tokio::test]
async fn what_every_event_would_meet_stops_the_batch() {
    let mut world = World::new(StopVoice::AgentJoined);
    world.redeemed().await;
    let events: Vec<_> = (0..3).map(|_| event("CHAT", "CONNECTED_TO_AGENT", CHAT)).collect();
    let denied = || Error::environment("AccessDenied", "x");
    (0..3).for_each(|_| world.fakes.connect.fail_next(connect::Operation::Standing, denied()));
    assert_eq!(world.deliver(&events, 1).await, [0, 1, 2]);
    assert_eq!(world.fakes.dead_letters.sent().len(), 0, "they are not at fault");
}
