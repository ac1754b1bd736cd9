//! Who is in a chat need not wait on the telephone.

use eventide_clients::connect::{Operation, Standing};
use eventide_kit::Error;
use link_follow::config::StopVoice;

use crate::support::{CHAT, World, event};

#[tokio::test]
async fn the_call_ends_when_it_is_said() {
    let (started, joined) = (event("CHAT", "INITIATED", CHAT), event("CHAT", "CONNECTED_TO_AGENT", CHAT));
    for (stop_voice, ends_at_start, ends_at_join) in [
        (StopVoice::ChatStarted, true, true),
        (StopVoice::AgentJoined, false, true),
        (StopVoice::Never, false, false),
    ] {
        let mut world = World::new(stop_voice);
        let link = world.redeemed().await;
        let ended = |ends: bool| if ends { vec![link.contact_id.clone()] } else { Vec::new() };
        world.take(std::slice::from_ref(&started)).await;
        assert_eq!(world.fakes.connect.stopped(), ended(ends_at_start), "{stop_voice:?}");
        world.take(std::slice::from_ref(&joined)).await;
        assert_eq!(world.fakes.connect.stopped(), ended(ends_at_join), "{stop_voice:?}");
        assert_eq!(world.outcomes("stopped"), f64::from(u8::from(ends_at_join)));
        assert_eq!(world.outcomes("ended"), f64::from(u8::from(ends_at_start)));
    }
}

#[tokio::test]
async fn who_has_an_agent_is_not_hung_up_on() {
    for (standing, outcome) in [(Standing::WithAgent, "with_agent"), (Standing::Ended, "ended")] {
        let mut world = World::new(StopVoice::AgentJoined);
        let link = world.redeemed().await;
        world.fakes.connect.put(&link.contact_id, standing);
        world.take(&[event("CHAT", "CONNECTED_TO_AGENT", CHAT)]).await;
        assert_eq!(world.fakes.connect.calls(Operation::Stop), 0);
        assert_eq!(world.outcomes(outcome), 1.0);
    }
}

#[tokio::test]
async fn chats_of_others_are_passed_over() {
    let mut world = World::new(StopVoice::ChatStarted);
    let link = world.redeemed().await;
    for kind in ["INITIATED", "CONNECTED_TO_AGENT"] {
        world.take(&[event("CHAT", kind, "foreign"), event("CHAT", kind, &link.contact_id)]).await;
    }
    let kinds = ["CONNECTED_TO_SYSTEM", "QUEUED", "DISCONNECTED", "COMPLETED", "SOMETHING_NEW"];
    world.take(&kinds.map(|kind| event("CHAT", kind, CHAT))).await;
    world.take(&[event("TASK", "INITIATED", CHAT), event("EMAIL", "INITIATED", CHAT)]).await;
    assert_eq!(world.fakes.connect.calls(Operation::Standing), 0);
    assert_eq!(world.fakes.connect.stopped(), [""; 0]);
}

#[tokio::test]
async fn a_call_that_connect_does_not_end_goes_on() {
    let mut world = World::new(StopVoice::AgentJoined);
    world.redeemed().await;
    let refused = Error::permanent("InvalidRequest", "`connect:StopContact` failed");
    world.fakes.connect.fail_next(Operation::Stop, refused);
    world.take(&[event("CHAT", "CONNECTED_TO_AGENT", CHAT)]).await;
    assert_eq!(world.outcomes("not_stoppable"), 1.0);
    assert_eq!(world.outcomes("stopped"), 0.0);
}

#[tokio::test]
async fn the_same_events_in_any_order_end_one_call_once() {
    let kinds = ["INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "INITIATED", "DISCONNECTED"];
    for rotation in 0..kinds.len() {
        for is_one_batch in [true, false] {
            let mut world = World::new(StopVoice::ChatStarted);
            let link = world.redeemed().await;
            let mut events: Vec<_> = kinds.iter().map(|kind| event("CHAT", kind, CHAT)).collect();
            events.rotate_left(rotation);
            events.push(event("VOICE", "DISCONNECTED", &link.contact_id));
            if is_one_batch {
                world.take(&events).await;
            } else {
                for event in events.iter().rev() {
                    world.take(std::slice::from_ref(event)).await;
                }
            }
            assert_eq!(world.fakes.connect.stopped(), [link.contact_id]);
        }
    }
}
