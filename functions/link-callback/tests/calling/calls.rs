//! An expired link becomes one call, to the number of its record.

use eventide_clients::links::Operation;
use eventide_types::link::record::Context;
use link_callback::config::Calls as CallSettings;
use serde_json::json;

use crate::support::{PAGE, VOICE, World, context, event, post, post_from};

#[tokio::test]
async fn the_customer_of_an_expired_link_is_called() {
    let world = World::new();
    let token = world.expired().await;
    let seen = world.ask(&token).await;
    assert_eq!((seen.status, seen.body), (202, json!({ "status": "requested" })));
    assert_eq!(seen.headers["cache-control"], "no-store");
    let asked = world.call().asked;
    assert_eq!((asked.flow_id.as_str(), asked.to.as_str()), ("call-flow", "+15555550123"));
    assert_eq!((asked.from.as_deref(), asked.queue_id.as_deref()), (Some("+12065550100"), Some("orders")));
    assert_eq!(asked.related_contact_id.as_deref(), Some(VOICE));
    let attributes: Vec<&str> = asked.attributes.keys().map(String::as_str).collect();
    assert_eq!(attributes, ["language", "orderNumber", "queue", "source", "voiceContactId"]);
    assert!(asked.client_token.starts_with("eventide-") && !asked.client_token.contains(token.as_str()));
    assert!(world.links.is_called(&token.hash()));
    assert_eq!(world.calls.take(), ["secret", "secret", "take", "claim_call", "start_call", "called"]);
}

#[tokio::test]
async fn no_page_says_which_number_is_called() {
    let world = World::new();
    let token = world.expired().await;
    let mut event = post(token.as_str());
    let body = json!({
        "token": token.as_str(), "nonce": PAGE, "phone": "+15555550999", "to": "+15555550999",
        "number": "+15555550999", "from": "+15555550999",
    });
    event["body"] = json!(body.to_string());
    assert_eq!(world.invoke(&event).await.unwrap().status, 202);
    let asked = world.call().asked;
    assert_eq!((asked.to.as_str(), asked.from.as_deref()), ("+15555550123", Some("+12065550100")));
}

#[tokio::test]
async fn asked_twice_there_is_one_call() {
    let world = World::new();
    let token = world.expired().await;
    let first = world.ask(&token).await;
    world.calls.take();
    world.wait(3600);
    assert_eq!(world.ask(&token).await, first);
    assert_eq!(world.calls.take(), ["secret", "secret", "take", "claim_call"], "Connect is not asked again");
    world.call();
    assert_eq!((world.counted("requested"), world.counted("repeated")), (1.0, 1.0));
}

#[tokio::test]
async fn asked_a_thousand_times_at_once_there_is_one_call() {
    let world = World::new();
    let token = world.expired().await;
    let mut asked = Vec::new();
    for number in 0..1000 {
        let (world, token) = (world.clone(), token.clone());
        asked.push(tokio::spawn(async move {
            let address = format!("198.51.{}.{}:1024", number / 250, number % 250);
            world.invoke(&post_from(&address, token.as_str())).await.unwrap().status
        }));
    }
    for status in asked {
        assert_eq!(status.await.unwrap(), 202);
    }
    world.call();
    assert_eq!(world.links.calls(Operation::ClaimCall), 1000);
}

#[tokio::test]
async fn what_is_shown_is_a_number_or_a_queue() {
    for (number, queue_id) in [(Some("+12065550100"), None), (None, Some("orders"))] {
        let mut world = World::new();
        world.settings.calls = Some(CallSettings {
            flow_id: "call-flow".to_owned(),
            number: number.map(str::to_owned),
            queue_id: queue_id.map(str::to_owned),
        });
        let token = world.expired().await;
        assert_eq!(world.ask(&token).await.status, 202);
        let asked = world.call().asked;
        assert_eq!((asked.from.as_deref(), asked.queue_id.as_deref()), (number, queue_id));
    }
}

#[tokio::test]
async fn a_page_without_a_nonce_is_served_too() {
    for name in ["callback", "callback-without-nonce", "callback-base64", "callback-ipv6"] {
        let world = World::new();
        // The token of the files is of no link: they are understood, and it is looked up.
        let seen = world.invoke(&event(name)).await.unwrap();
        assert_eq!(seen.problem(), (410, "unavailable"), "{name}");
        assert_eq!(world.links.calls(Operation::ClaimCall), 1, "{name}");
    }
}

#[tokio::test]
async fn a_call_knows_neither_name_nor_number_of_a_link_without_more() {
    let world = World::new();
    let context = Context { phone: context().phone, ..Context::default() };
    let token = world.link(VOICE, context).await;
    world.wait(900);
    assert_eq!(world.ask(&token).await.status, 202);
    let attributes = world.call().asked.attributes;
    let values: Vec<&str> = attributes.values().map(String::as_str).collect();
    assert_eq!(values, ["en", "voice-to-chat", VOICE]);
}
