//! A link becomes one chat, and the page that redeemed it is told so again for a while.

use std::collections::BTreeMap;

use eventide_clients::links::{Operation, State};
use eventide_types::link::Language;
use eventide_types::link::record::Context;
use serde_json::json;

use crate::support::{OTHER_PAGE, PAGE, VOICE, World, event, post_from, settings};

#[tokio::test]
async fn the_first_page_is_given_the_chat() {
    let world = World::new();
    let token = world.some_link().await;
    let seen = world.redeem(&token, PAGE).await;
    let started = world.chat();
    assert_eq!(
        (seen.status, seen.body),
        (
            200,
            json!({
                "contactId": started.chat.contact_id, "participantId": started.chat.participant_id,
                "participantToken": started.chat.participant_token, "region": "us-east-1",
                "displayName": "Ana García", "language": "es",
            })
        )
    );
    let headers = [
        ("cache-control", "no-store"),
        ("content-type", "application/json"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ];
    let headers: BTreeMap<String, String> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(seen.headers, headers);
    assert_eq!(world.links.link(&token.hash()).unwrap().1, State::Used);
    assert_eq!(world.calls.take(), ["secret", "secret", "take", "claim", "start_chat", "complete"]);
    assert_eq!(world.counted("redeemed"), 1.0);
}

#[tokio::test]
async fn the_chat_knows_what_the_link_knows() {
    let world = World::new();
    let token = world.some_link().await;
    world.redeem(&token, PAGE).await;
    let asked = world.chat().asked;
    assert_eq!((asked.flow_id.as_str(), asked.duration_minutes), ("chat-flow", 120));
    assert_eq!(asked.related_contact_id.as_deref(), Some(VOICE));
    let attributes: Vec<(&str, &str)> =
        asked.attributes.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let expected = [
        ("language", "es"),
        ("orderNumber", "A-17"),
        ("queue", "Orders"),
        ("source", "voice-to-chat"),
        ("voiceContactId", VOICE),
    ];
    assert_eq!(attributes, expected);
    assert!(asked.initial_message.unwrap().starts_with("Estaba esperando"));
    assert!(asked.client_token.starts_with("eventide-") && !asked.client_token.contains(token.as_str()));
}

#[tokio::test]
async fn a_customer_without_a_name_has_the_default_one() {
    let mut world = World::new();
    world.settings = link_redeem::config::Settings {
        initial_message: false,
        participant_endpoint: Some("http://127.0.0.1:4567/participant".to_owned()),
        ..settings()
    };
    for (number, name) in [None, Some("  ".to_owned())].into_iter().enumerate() {
        let context = Context { display_name: name, language: Language::De, ..Context::default() };
        let token = world.link(&format!("voice-{number}"), context).await;
        let body = world.redeem(&token, PAGE).await.body;
        assert_eq!((&body["displayName"], &body["language"]), (&json!("Customer"), &json!("de")));
        assert_eq!(body["participantEndpoint"], "http://127.0.0.1:4567/participant");
        let asked = world.connect.chats().pop().unwrap().asked;
        assert_eq!((asked.display_name.as_str(), asked.initial_message), ("Customer", None));
    }
}

#[tokio::test]
async fn the_same_page_is_told_again_for_five_minutes() {
    let world = World::new();
    let token = world.some_link().await;
    let first = world.redeem(&token, PAGE).await;
    world.calls.take();
    world.wait(299);
    assert_eq!(world.redeem(&token, PAGE).await, first);
    assert_eq!(world.calls.take(), ["secret", "secret", "take", "claim"], "Connect is not asked again");
    assert_eq!(world.redeem(&token, OTHER_PAGE).await.problem(), (410, "unavailable"));
    world.wait(1);
    assert_eq!(world.redeem(&token, PAGE).await.problem(), (410, "unavailable"));
    world.chat();
    assert_eq!((world.counted("replayed"), world.counted("unavailable")), (1.0, 2.0));
}

#[tokio::test]
async fn the_answer_is_kept_for_its_page_only() {
    let world = World::new();
    let token = world.some_link().await;
    world.redeem(&token, PAGE).await;
    let kept = world.links.redeemed(&token.hash()).unwrap();
    let participant_token = world.chat().chat.participant_token;
    assert!(!kept.answer.contains(&participant_token), "it is encrypted");
    let page = eventide_links::token::PageNonce::parse(PAGE).unwrap();
    let other = eventide_links::token::PageNonce::parse(OTHER_PAGE).unwrap();
    let open = |page| eventide_links::seal::open(page, &token.hash(), &kept.answer);
    let opened = String::from_utf8(open(&page).unwrap()).unwrap();
    assert!(opened.contains(&participant_token) && open(&other).is_none());
}

#[tokio::test]
async fn a_link_can_be_redeemed_until_it_expires() {
    for (seconds, expected) in [(899, (200, "")), (900, (410, "expired"))] {
        let world = World::new();
        let token = world.some_link().await;
        world.wait(seconds);
        assert_eq!(world.redeem(&token, PAGE).await.problem(), expected, "{seconds}");
        assert_eq!(world.connect.chats().len(), usize::from(expected.0 == 200));
    }
}

#[tokio::test]
async fn of_a_thousand_pages_at_the_same_time_one_wins() {
    let world = World::new();
    let token = world.some_link().await;
    let mut pages = Vec::new();
    for number in 0..1000 {
        let (world, token) = (world.clone(), token.clone());
        pages.push(tokio::spawn(async move {
            let address = format!("198.51.{}.{}:1024", number / 250, number % 250);
            let page = format!("nonce-of-the-page-number-{number}");
            world.invoke(&post_from(&address, token.as_str(), &page)).await.unwrap()
        }));
    }
    let mut won = Vec::new();
    for page in pages {
        let seen = page.await.unwrap();
        if seen.status == 200 {
            won.push(seen);
        } else {
            assert_eq!(seen.problem(), (410, "unavailable"));
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(won[0].body["contactId"], world.chat().chat.contact_id);
    assert_eq!(world.links.calls(Operation::Claim), 1000);
    // They did not come one after the other: some claimed before the winner was done.
    let names = world.calls.take();
    let done = names.iter().position(|name| *name == "complete").unwrap();
    let claims_before = names[..done].iter().filter(|name| **name == "claim").count();
    assert!(claims_before > 100, "{claims_before}");
}

#[tokio::test]
async fn a_page_that_posts_a_thousand_times_at_once_has_one_chat() {
    let mut world = World::new();
    world.settings.redeems_per_minute = 10_000;
    let token = world.some_link().await;
    let mut posts = Vec::new();
    for _ in 0..1000 {
        let (world, token) = (world.clone(), token.clone());
        posts.push(tokio::spawn(async move { world.redeem(&token, PAGE).await }));
    }
    let mut told = 0;
    for post in posts {
        let seen = post.await.unwrap();
        match seen.status {
            200 => {
                told += 1;
                assert_eq!(seen.body["contactId"], world.chat().chat.contact_id);
            }
            _ => assert_eq!(seen.problem(), (503, "busy"), "another of its posts was faster"),
        }
    }
    assert!(told >= 1);
    assert_eq!(world.redeem(&token, PAGE).await.body["contactId"], world.chat().chat.contact_id);
}

#[tokio::test]
async fn bodies_in_base64_and_ipv6_viewers_are_served_too() {
    for name in ["redeem", "redeem-base64", "redeem-ipv6"] {
        let world = World::new();
        // The token of the files is of no link: they are understood, and it is looked up.
        let seen = world.invoke(&event(name)).await.unwrap();
        assert_eq!(seen.problem(), (410, "unavailable"), "{name}");
        assert_eq!(world.links.calls(Operation::Claim), 1, "{name}");
    }
}
