//! Keys and secrets: rotated, missing, too weak.

use link_issue::config::PolicyKind;
use serde_json::json;

use crate::support::{SIGNING, TOKEN, World, signing_keys, voice, with};

#[tokio::test]
async fn the_current_slot_signs_and_a_switch_is_seen() {
    let mut world = World::new();
    world.ask(&voice()).await;
    world.fakes.secrets.set(SIGNING, &signing_keys("b", &["a", "b"]));
    world.ask(&with(json!({ "request": "2" }))).await;
    let urls = world.texted();
    let ids = urls.iter().map(|url| url.query["Key-Pair-Id"].as_str()).collect::<Vec<_>>();
    assert_eq!(ids, ["K2JCJMDEHXQW5A", "K2JCJMDEHXQW5B"]);
    assert_eq!(urls[0].query["Hash-Algorithm"], "SHA256");
    assert!(urls[0].token() == urls[1].token(), "the link does not depend on the key");
}

/// The same environment, in which the key that was read is kept.
#[tokio::test]
async fn a_warm_environment_sees_a_switch_too() {
    let mut world = World::new();
    let environment = world.environment();
    for (request, current, id) in
        [(1, "a", "K2JCJMDEHXQW5A"), (2, "a", "K2JCJMDEHXQW5A"), (3, "b", "K2JCJMDEHXQW5B")]
    {
        if current == "b" {
            world.fakes.secrets.set(SIGNING, &signing_keys("b", &["b"]));
        }
        let (event, invocation) = (with(json!({ "request": request })).to_string(), world.invocation());
        environment.invoke(event.as_bytes(), &invocation).await.unwrap().unwrap();
        assert_eq!(world.texted().pop().unwrap().query["Key-Pair-Id"], id, "{request}");
    }
}

#[tokio::test]
async fn a_slot_without_a_public_key_is_named_and_nothing_is_taken() {
    for (secret, slot) in [
        (signing_keys("c", &["a", "c"]), "`c`"),
        (signing_keys("b", &["a"]), "`b`"),
        ("not JSON".to_owned(), "does not parse"),
    ] {
        let mut world = World::new();
        world.fakes.secrets.set(SIGNING, &secret);
        let error = world.invoke(&voice()).await.unwrap_err();
        assert_eq!(error.qualified_type(), "Environment.InvalidSigningKeys");
        assert!(error.to_string().contains(slot) && !error.to_string().contains("PRIVATE"), "{error}");
        assert!(world.fakes.links.links().is_empty() && world.sent() == (0, 0));
        assert_eq!(world.fakes.links.calls(eventide_clients::links::Operation::Take), 0);
        // Once it is put right, the repeat goes through.
        world.fakes.secrets.set(SIGNING, &signing_keys("a", &["a"]));
        assert_eq!(world.ask(&voice()).await["status"], "sent");
    }
}

#[tokio::test]
async fn tokens_need_a_secret_of_some_length_that_stays() {
    let mut world = World::new();
    world.fakes.secrets.set(TOKEN, "too short");
    assert_eq!(world.fail(&voice()).await, "Environment.WeakSecret");
    let mut world = World::new();
    world.ask(&voice()).await;
    // The token cannot be made again, and another would not open the link.
    world.fakes.secrets.set(TOKEN, &"x".repeat(64));
    assert_eq!(world.fail(&with(json!({ "request": "2" }))).await, "Environment.TokenSecretChanged");
    assert_eq!(world.sent(), (1, 1));
}

#[tokio::test]
async fn a_custom_policy_is_part_of_the_link() {
    let mut world = World::new();
    world.settings.policy = PolicyKind::Custom;
    world.ask(&voice()).await;
    let text = world.fakes.sms.accepted()[0].message.body.clone();
    assert!(text.contains("&Policy=") && !text.contains("Expires="), "{}", text.len());
}
