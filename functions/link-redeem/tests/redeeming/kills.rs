//! The function is killed after each of its calls: there are never two chats, and nobody is locked out.

use eventide_clients::links::State;

use crate::support::{OTHER_PAGE, PAGE, World};
use eventide_kit::tap::Calls;

/// Calls of a redemption.
const CALLS: usize = 6;

#[tokio::test]
async fn whoever_was_killed_the_same_page_goes_on_at_once() {
    for position in 1..=CALLS {
        let world = World::with(Calls::last(position));
        let token = world.some_link().await;
        assert!(world.post(&token, PAGE).await.is_none(), "{position}");
        world.wait(1);
        let seen = world.redeem(&token, PAGE).await;
        assert_eq!(seen.status, 200, "{position}");
        assert_eq!(seen.body["contactId"], world.chat().chat.contact_id, "{position}");
        assert_eq!(world.links.link(&token.hash()).unwrap().1, State::Used, "{position}");
        assert_eq!(world.redeem(&token, OTHER_PAGE).await.problem(), (410, "unavailable"), "{position}");
        assert_eq!(world.redeem(&token, PAGE).await, seen, "{position}");
    }
}

#[tokio::test]
async fn killed_in_every_attempt_but_the_last_there_is_one_chat() {
    for position in 1..=CALLS {
        let mut world = World::new();
        let token = world.some_link().await;
        for _ in 0..5 {
            world.calls = Calls::last(position);
            let seen = world.post(&token, PAGE).await;
            // Once the answer is kept there are fewer calls, and nobody to be killed.
            assert!(seen.is_none_or(|seen| seen.status == 200), "{position}");
        }
        world.calls = Calls::default();
        let seen = world.redeem(&token, PAGE).await;
        assert_eq!((seen.status, &seen.body["contactId"]), (200, &world.chat().chat.contact_id.into()));
    }
}

#[tokio::test]
async fn whoever_was_killed_another_page_has_the_same_chat_when_the_claim_is_over() {
    for position in 1..=CALLS {
        let world = World::with(Calls::last(position));
        let token = world.some_link().await;
        assert!(world.post(&token, PAGE).await.is_none());
        let chats = world.connect.chats();
        let is_claimed = world.links.link(&token.hash()).unwrap().1 != State::Open;
        let at_once = world.redeem(&token, OTHER_PAGE).await;
        assert_eq!(at_once.status, if is_claimed { 410 } else { 200 }, "{position}");
        world.wait(30);
        let later = world.redeem(&token, OTHER_PAGE).await;
        // The last call was that which gave the chat to the first page.
        assert_eq!(later.status, if position == CALLS { 410 } else { 200 }, "{position}");
        let chat = world.chat();
        assert!(chats.is_empty() || chats == [chat], "{position}");
    }
}

#[tokio::test]
async fn of_two_pages_at_once_one_of_which_is_killed_one_has_the_chat() {
    for position in 1..=2 * CALLS {
        let world = World::with(Calls::last(position));
        let token = world.some_link().await;
        let (one, other) = tokio::join!(world.post(&token, PAGE), world.post(&token, OTHER_PAGE));
        let mut served = 0;
        for (page, seen) in [(PAGE, one), (OTHER_PAGE, other)] {
            let seen = match seen {
                Some(seen) => seen,
                None => world.redeem(&token, page).await,
            };
            assert!([200, 410].contains(&seen.status), "{position}: {seen:?}");
            served += usize::from(seen.status == 200);
        }
        assert_eq!(served, 1, "{position}");
        world.chat();
    }
}
