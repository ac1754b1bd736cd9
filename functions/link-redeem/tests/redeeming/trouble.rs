//! What goes wrong around the function: the link stays usable, and there are never two chats.

use eventide_clients::connect::Operation as Call;
use eventide_clients::links::{Operation, State};
use eventide_kit::Error;
use eventide_links::token::Token;

use crate::support::{OTHER_PAGE, PAGE, World};

fn throttled() -> Error {
    let message = "`connect:StartChatContact` failed with `TooManyRequestsException`";
    Error::retryable("Throttled", message)
}

fn timed_out() -> Error {
    Error::retryable("TimedOut", "`connect:StartChatContact` failed")
}

fn table_down() -> Error {
    Error::retryable("ServerError", "`dynamodb:UpdateItem` failed")
}

async fn world() -> (World, Token) {
    let world = World::new();
    let token = world.some_link().await;
    (world, token)
}

fn state(world: &World, token: &Token) -> State {
    world.links.link(&token.hash()).unwrap().1
}

#[tokio::test]
async fn if_connect_refuses_anybody_can_redeem_the_link() {
    for (error, outcome) in [
        (throttled(), "busy"),
        // Too many chats are active, in the class that the adapter gives it.
        (
            Error::retryable("Throttled", "`connect:StartChatContact` failed with `LimitExceededException`"),
            "busy",
        ),
        (Error::environment("AccessDenied", "denied"), "failed"),
        (Error::environment("ResourceNotFound", "no such flow"), "failed"),
        (Error::permanent("InvalidRequest", "invalid"), "failed"),
    ] {
        let (world, token) = world().await;
        let about = format!("{error:?}");
        world.connect.fail_next(Call::StartChat, error);
        let seen = world.redeem(&token, PAGE).await;
        assert_eq!((seen.problem(), seen.retry_after()), ((503, "busy"), Some(2)), "{about}");
        assert_eq!(state(&world, &token), State::Open, "{about}");
        assert_eq!(world.counted(outcome), 1.0, "{about}");
        assert_eq!(world.redeem(&token, OTHER_PAGE).await.status, 200, "{about}");
        world.chat();
    }
}

#[tokio::test]
async fn a_missing_flow_costs_no_link() {
    let (world, token) = world().await;
    world.connect.remove_flow("chat-flow");
    assert_eq!(world.redeem(&token, PAGE).await.status, 503);
    assert_eq!(state(&world, &token), State::Open);
    assert!(world.connect.chats().is_empty());
}

#[tokio::test]
async fn if_connects_answer_is_lost_the_same_page_has_the_same_chat_at_once() {
    for error in [
        timed_out(),
        Error::retryable("ServerError", "`connect:StartChatContact` failed"),
        Error::retryable("IncompleteAnswer", "`connect:StartChatContact` did not answer in full"),
        Error::environment("Unreachable", "`connect:StartChatContact` failed: connection reset"),
    ] {
        let (world, token) = world().await;
        let about = format!("{error:?}");
        world.connect.lose_next(Call::StartChat, error);
        assert_eq!(world.redeem(&token, PAGE).await.problem(), (503, "busy"), "{about}");
        assert_eq!(state(&world, &token), State::Claimed, "{about}");
        assert_eq!(world.redeem(&token, OTHER_PAGE).await.problem(), (410, "unavailable"), "{about}");
        let seen = world.redeem(&token, PAGE).await;
        assert_eq!(seen.status, 200, "{about}");
        assert_eq!(seen.body["contactId"], world.chat().chat.contact_id, "{about}");
    }
}

#[tokio::test]
async fn another_page_may_take_up_what_one_left_undone() {
    let (world, token) = world().await;
    world.connect.lose_next(Call::StartChat, timed_out());
    assert_eq!(world.redeem(&token, PAGE).await.status, 503);
    world.wait(29);
    assert_eq!(world.redeem(&token, OTHER_PAGE).await.problem(), (410, "unavailable"));
    world.wait(1);
    let seen = world.redeem(&token, OTHER_PAGE).await;
    assert_eq!((seen.status, &seen.body["contactId"]), (200, &world.chat().chat.contact_id.into()));
    assert_eq!(world.redeem(&token, PAGE).await.problem(), (410, "unavailable"), "it came too late");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_connect_in_vain_is_told_so_in_time() {
    let (world, token) = world().await;
    let _never = world.calls.hold_next("start_chat");
    let began = tokio::time::Instant::now();
    assert_eq!(world.redeem(&token, PAGE).await.problem(), (503, "busy"));
    assert_eq!(began.elapsed().as_secs(), 19, "a second before the function's time is over");
    assert_eq!(state(&world, &token), State::Claimed);
    assert_eq!(world.redeem(&token, PAGE).await.body["contactId"], world.chat().chat.contact_id);
}

#[tokio::test]
async fn nothing_is_answered_that_is_not_remembered() {
    let fail: fn(&World, Error) = |world, error| world.links.fail_next(Operation::Complete, error);
    let lose: fn(&World, Error) = |world, error| world.links.lose_next(Operation::Complete, error);
    for (about, spoil) in [("not done", fail), ("done, and not said", lose)] {
        let (world, token) = world().await;
        spoil(&world, table_down());
        assert_eq!(world.redeem(&token, PAGE).await.problem(), (503, "busy"), "{about}");
        let seen = world.redeem(&token, PAGE).await;
        assert_eq!(seen.status, 200, "{about}");
        assert_eq!(seen.body["contactId"], world.chat().chat.contact_id, "{about}");
        assert_eq!(state(&world, &token), State::Used);
    }
}

#[tokio::test]
async fn who_lost_the_claim_is_given_nothing() {
    let (world, token) = world().await;
    let answer = world.calls.hold_next("start_chat");
    let (late, lost) = (world.clone(), token.clone());
    let late = tokio::spawn(async move { late.redeem(&lost, PAGE).await });
    while world.connect.chats().is_empty() {
        tokio::task::yield_now().await;
    }
    world.wait(30);
    let seen = world.redeem(&token, OTHER_PAGE).await;
    assert_eq!((seen.status, &seen.body["contactId"]), (200, &world.chat().chat.contact_id.into()));
    answer.notify_one();
    assert_eq!(late.await.unwrap().problem(), (503, "busy"), "its claim is another's by now");
    assert_eq!(world.redeem(&token, PAGE).await.problem(), (410, "unavailable"));
    assert_eq!(world.redeem(&token, OTHER_PAGE).await, seen, "the winner keeps its answer");
    world.chat();
}

#[tokio::test]
async fn a_claim_that_cannot_be_given_up_ends_by_itself() {
    let (world, token) = world().await;
    world.connect.fail_next(Call::StartChat, throttled());
    world.links.fail_next(Operation::Release, table_down());
    assert_eq!(world.redeem(&token, PAGE).await.problem(), (503, "busy"));
    assert_eq!(state(&world, &token), State::Claimed);
    assert_eq!(world.redeem(&token, OTHER_PAGE).await.status, 410);
    world.wait(30);
    assert_eq!(world.redeem(&token, OTHER_PAGE).await.status, 200);
    world.chat();
}

#[tokio::test]
async fn without_table_or_secrets_the_page_is_asked_to_come_again() {
    let take: fn(&World, Error) = |world, error| world.links.fail_next(Operation::Take, error);
    let claim: fn(&World, Error) = |world, error| world.links.fail_next(Operation::Claim, error);
    let secret: fn(&World, Error) = |world, error| world.secrets.fail_next(error);
    for spoil in [take, claim, secret] {
        let (world, token) = world().await;
        spoil(&world, table_down());
        let seen = world.redeem(&token, PAGE).await;
        assert_eq!((seen.problem(), seen.retry_after()), ((503, "busy"), Some(2)));
        assert!(world.connect.chats().is_empty(), "without a limit or a claim nothing is done");
        assert_eq!(world.redeem(&token, PAGE).await.status, 200);
    }
}
