//! Languages, and what the chat is to know.

use serde_json::json;

use crate::support::{PHONE, World, contact, event, voice, with};

#[tokio::test]
async fn the_chat_knows_what_is_allowed() {
    let mut world = World::new();
    let event = contact(|contact| {
        contact["Attributes"]["order"] = json!(17);
        contact["Attributes"]["secret"] = json!("not allowed");
    });
    world.ask(&event).await;
    let context = world.link().0.context;
    assert_eq!(context.display_name.as_deref(), Some("Ana García"));
    assert_eq!((context.queue.as_deref(), context.phone.as_deref()), (Some("Billing"), Some(PHONE)));
    let attributes = context.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    assert_eq!(attributes.collect::<Vec<_>>(), [("order", "17"), ("tier", "gold")]);
}

#[tokio::test]
async fn names_are_cut_and_cleaned() {
    let mut world = World::new();
    world.ask(&event("hostile-name")).await;
    let context = world.link().0.context;
    let name = context.display_name.unwrap();
    assert_eq!(name.chars().count(), 256);
    assert!(name.starts_with("Ana ERROR forged line <script>xxx") && name.ends_with('…'), "{name}");
    assert_eq!(context.queue.as_deref(), Some("Bill ing"));
    // What customers read has nothing of it.
    let mail = world.fakes.email.accepted().pop().map(|mail| mail.mail.html.unwrap()).unwrap_or_default();
    assert!(!mail.contains("script") && !world.fakes.sms.accepted()[0].message.body.contains("script"));
    for nameless in [json!(""), json!("   "), json!("\u{202e}\n"), json!(null)] {
        let mut world = World::new();
        world.ask(&contact(|contact| contact["Attributes"]["customerName"] = nameless.clone())).await;
        assert_eq!(world.link().0.context.display_name, None, "{nameless}");
    }
}

#[tokio::test]
async fn the_name_stands_where_it_is_said_to() {
    let mut world = World::new();
    world.settings.name_attribute = "fullName".to_owned();
    world.ask(&with(json!({ "fullName": "Ana María" }))).await;
    assert_eq!(world.link().0.context.display_name.as_deref(), Some("Ana María"));
}

#[tokio::test]
async fn attributes_that_do_not_fit_are_left_out() {
    let mut world = World::new();
    world
        .ask(&contact(|contact| {
            contact["Attributes"]["order"] = json!("x".repeat(30_990));
            contact["Attributes"]["tier"] = json!("y".repeat(20));
        }))
        .await;
    let attributes = world.link().0.context.attributes;
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["order"]);
    let mut world = World::new();
    world.ask(&contact(|contact| contact["Attributes"]["order"] = json!("x".repeat(31_000)))).await;
    assert_eq!(world.link().0.context.attributes.keys().collect::<Vec<_>>(), ["tier"]);
}

#[tokio::test]
async fn the_language_is_the_first_that_there_are_texts_in() {
    for (parameter, attribute, code, expected) in [
        (json!("de"), json!("es"), json!("en-US"), "de"),
        (json!(null), json!("es-MX"), json!("en-US"), "es"),
        (json!(""), json!(""), json!("de-AT"), "de"),
        (json!("fr"), json!(null), json!("es_US"), "es"),
        (json!(null), json!(null), json!("fr-FR"), "en"),
        (json!(null), json!(null), json!(null), "en"),
    ] {
        let mut event = contact(|contact| {
            contact["Attributes"]["language"] = attribute.clone();
            contact["LanguageCode"] = code.clone();
        });
        event["Details"]["Parameters"] = json!({ "language": parameter });
        let mut world = World::new();
        let answer = world.ask(&event).await;
        assert_eq!(answer["language"], expected, "{event}");
        assert_eq!(world.link().0.context.language.code(), expected);
        let (text, spoken) =
            (world.fakes.sms.accepted()[0].message.body.clone(), answer["message"].as_str().unwrap());
        let (sms, said) = match expected {
            "en" => ("continue by chat", "We have sent you"),
            "es" => ("siga por chat", "Le hemos enviado"),
            _ => ("weiter im Chat", "Wir haben Ihnen"),
        };
        assert!(text.contains(sms) && spoken.starts_with(said), "{expected}: {spoken}");
    }
}

#[tokio::test]
async fn the_default_language_is_configured() {
    let mut world = World::new();
    world.settings.default_language = eventide_types::link::Language::De;
    let event = contact(|contact| contact["LanguageCode"] = json!("fr-CA"));
    assert_eq!(world.ask(&event).await["language"], "de");
    assert_eq!(world.ask(&voice()).await["language"], "de", "the same request: the same answer");
}
