//! The function is killed after each of its calls: whoever is told of a call has one, and never two.

use crate::support::World;
use eventide_kit::tap::Calls;

/// Calls of a callback.
const CALLS: usize = 6;

#[tokio::test]
async fn whoever_was_killed_the_page_that_asks_again_has_its_call() {
    for position in 1..=CALLS {
        let world = World::with(Calls::last(position));
        let token = world.expired().await;
        assert!(world.post(&token).await.is_none(), "{position}");
        // Not a moment later: there is no claim that would have to end first.
        assert_eq!(world.ask(&token).await.status, 202, "{position}");
        world.call();
        assert!(world.links.is_called(&token.hash()), "{position}");
        world.wait(60);
        assert_eq!(world.ask(&token).await.status, 202, "{position}");
        world.call();
    }
}

#[tokio::test]
async fn of_two_who_ask_at_once_one_may_be_killed() {
    for position in 1..=2 * CALLS {
        let world = World::with(Calls::last(position));
        let token = world.expired().await;
        let (one, other) = tokio::join!(world.post(&token), world.post(&token));
        for seen in [one, other] {
            let status = match seen {
                Some(seen) => seen.status,
                None => world.ask(&token).await.status,
            };
            assert_eq!(status, 202, "{position}");
        }
        world.call();
    }
}
