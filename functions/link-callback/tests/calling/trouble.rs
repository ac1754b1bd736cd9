//! What goes wrong around the function: nobody is told of a call that is not made, and there are never two.

use eventide_clients::connect::Operation as Call;
use eventide_clients::links::Operation;
use eventide_kit::Error;

use crate::support::World;

fn table_down() -> Error {
    Error::retryable("ServerError", "`dynamodb:UpdateItem` failed")
}

#[tokio::test]
async fn until_connect_has_the_call_the_page_is_asked_to_come_again() {
    for error in [
        Error::retryable("Throttled", "`connect:StartOutboundVoiceContact` failed"),
        Error::retryable("TimedOut", "`connect:StartOutboundVoiceContact` failed"),
        Error::environment("Unreachable", "`connect:StartOutboundVoiceContact` failed"),
        Error::environment("ResourceNotFound", "no such flow"),
    ] {
        let world = World::new();
        let token = world.expired().await;
        let about = format!("{error:?}");
        world.connect.fail_next(Call::StartCall, error);
        let seen = world.ask(&token).await;
        assert_eq!((seen.problem(), seen.retry_after()), ((503, "busy"), Some(2)), "{about}");
        assert!(world.connect.started_calls().is_empty(), "{about}");
        assert_eq!(world.ask(&token).await.status, 202, "{about}");
        world.call();
    }
}

#[tokio::test]
async fn if_connects_answer_is_lost_there_is_no_second_call() {
    let world = World::new();
    let token = world.expired().await;
    world.connect.lose_next(Call::StartCall, Error::retryable("TimedOut", "failed"));
    assert_eq!(world.ask(&token).await.problem(), (503, "busy"));
    assert_eq!(world.ask(&token).await.status, 202);
    assert_eq!(world.connect.calls(Call::StartCall), 2);
    world.call();
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_connect_in_vain_is_told_so_in_time() {
    let world = World::new();
    let token = world.expired().await;
    let _never = world.calls.hold_next("start_call");
    let began = tokio::time::Instant::now();
    assert_eq!(world.ask(&token).await.problem(), (503, "busy"));
    assert_eq!(began.elapsed().as_secs(), 19, "a second before the function's time is over");
    assert_eq!(world.ask(&token).await.status, 202);
    world.call();
}

#[tokio::test]
async fn a_number_that_may_not_be_called_is_not_tried_again_by_the_page() {
    for error_type in ["DestinationNotAllowed", "OutboundContactNotPermitted"] {
        let world = World::new();
        let token = world.expired().await;
        world.connect.fail_next(Call::StartCall, Error::permanent(error_type, "not allowed"));
        assert_eq!(world.ask(&token).await.problem(), (410, "unavailable"));
        assert!(!world.links.is_called(&token.hash()));
        assert_eq!(world.counted("failed"), 1.0);
    }
}

#[tokio::test]
async fn a_call_that_is_not_remembered_is_still_the_only_one() {
    let world = World::new();
    let token = world.expired().await;
    world.links.fail_next(Operation::Called, table_down());
    assert_eq!(world.ask(&token).await.status, 202);
    assert!(!world.links.is_called(&token.hash()));
    world.wait(3600);
    assert_eq!(world.ask(&token).await.status, 202);
    assert!(world.links.is_called(&token.hash()));
    world.call();
}

#[tokio::test]
async fn without_table_or_secrets_the_page_is_asked_to_come_again() {
    let take: fn(&World, Error) = |world, error| world.links.fail_next(Operation::Take, error);
    let claim: fn(&World, Error) = |world, error| world.links.fail_next(Operation::ClaimCall, error);
    let secret: fn(&World, Error) = |world, error| world.secrets.fail_next(error);
    for spoil in [take, claim, secret] {
        let world = World::new();
        let token = world.expired().await;
        spoil(&world, table_down());
        assert_eq!(world.ask(&token).await.problem(), (503, "busy"));
        assert!(world.connect.started_calls().is_empty(), "without a limit or a claim nothing is done");
        assert_eq!(world.ask(&token).await.status, 202);
    }
}
