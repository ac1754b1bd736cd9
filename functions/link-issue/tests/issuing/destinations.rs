//! Whom to reach: parameters, attributes, endpoints, nulls, and what is no address.

use link_issue::config::ConsentRule;
use serde_json::{Value, json};

use crate::support::{World, contact, event, voice};

/// To whom messages went.
fn reached(world: &World) -> (Vec<String>, Vec<String>) {
    let texts = world.fakes.sms.accepted().into_iter().map(|text| text.message.to).collect();
    let mails = world.fakes.email.accepted().into_iter().map(|mail| mail.mail.to).collect();
    (texts, mails)
}

#[tokio::test]
async fn parameters_count_before_attributes_and_those_before_the_endpoint() {
    let numbers = ["+15555550101", "+15555550102", "+15555550103"];
    for (parameter, attribute, expected) in [
        (json!(numbers[0]), json!(numbers[1]), numbers[0]),
        (json!(""), json!(numbers[1]), numbers[1]),
        (json!(null), json!(null), numbers[2]),
        // What is no number is passed over.
        (json!("0555 0101"), json!(numbers[1]), numbers[1]),
        (json!("anonymous"), json!(true), numbers[2]),
    ] {
        let mut event = contact(|contact| {
            contact["Attributes"] = json!({ "phone": attribute });
            contact["CustomerEndpoint"]["Address"] = json!(numbers[2]);
        });
        event["Details"]["Parameters"] = json!({ "phone": parameter, "consent": "yes" });
        let mut world = World::new();
        world.ask(&event).await;
        assert_eq!(reached(&world), (vec![expected.to_owned()], Vec::new()));
        assert_eq!(world.link().0.context.phone.as_deref(), Some(expected), "the number to call back");
    }
}

#[tokio::test]
async fn an_endpoint_counts_by_its_type() {
    for (kind, address, texts, mails) in [
        ("TELEPHONE_NUMBER", "+15555550101", 1, 0),
        ("EMAIL_ADDRESS", "bo@example.com", 0, 1),
        ("VOIP", "+15555550101", 0, 0),
        ("EMAIL_ADDRESS", "+15555550101", 0, 0),
        ("TELEPHONE_NUMBER", "bo@example.com", 0, 0),
    ] {
        let event = contact(|contact| {
            contact["Attributes"] = json!({ "chatConsent": "both" });
            contact["CustomerEndpoint"] = json!({ "Type": kind, "Address": address });
        });
        let mut world = World::new();
        let answer = world.ask(&event).await;
        assert_eq!(world.sent(), (texts, mails), "{kind} {address}");
        let status = if texts + mails > 0 { "sent" } else { "no_destination" };
        assert_eq!(answer["status"], status, "{kind} {address}");
    }
}

#[tokio::test]
async fn every_member_may_be_null() {
    let members: Vec<String> =
        voice()["Details"]["ContactData"].as_object().unwrap().keys().cloned().collect();
    for member in members.iter().filter(|member| *member != "ContactId") {
        let mut world = World::new();
        let event = contact(|contact| contact[member] = Value::Null);
        let answer = world.ask(&event).await;
        let expected = if member == "Attributes" { "no_destination" } else { "sent" };
        assert_eq!(answer["status"], expected, "{member}");
    }
    let mut world = World::new();
    world.settings.consent = ConsentRule::Given;
    let answer = world.ask(&event("null-everywhere")).await;
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("no_destination"), &json!("no_address")));
}

#[tokio::test]
async fn consent_decides_on_each_channel() {
    for (consent, rule, texts, mails) in [
        (json!("yes"), ConsentRule::Required, 1, 1),
        (json!(true), ConsentRule::Required, 1, 1),
        (json!("sms"), ConsentRule::Required, 1, 0),
        (json!("Email"), ConsentRule::Required, 0, 1),
        (json!("sms,email"), ConsentRule::Required, 1, 1),
        (json!("false"), ConsentRule::Required, 0, 0),
        (json!(null), ConsentRule::Required, 0, 0),
        (json!(null), ConsentRule::Given, 1, 1),
        (json!("no"), ConsentRule::Given, 0, 0),
    ] {
        let mut world = World::new();
        world.settings.consent = rule;
        world.ask(&contact(|contact| contact["Attributes"]["chatConsent"] = consent.clone())).await;
        assert_eq!(world.sent(), (texts, mails), "{consent} {rule:?}");
    }
    // What the flow says counts more than what is known of the contact.
    let mut world = World::new();
    let mut event = contact(|contact| contact["Attributes"]["chatConsent"] = json!("yes"));
    event["Details"]["Parameters"] = json!({ "consent": "no" });
    assert_eq!(world.ask(&event).await["reason"], "no_consent");
}

#[tokio::test]
async fn what_is_no_contact_is_refused_without_being_quoted() {
    for (event, place) in [
        (contact(|contact| contact["ContactId"] = json!("ana@example.com")), "ContactId"),
        (contact(|contact| contact["ContactId"] = json!("")), "ContactId"),
        (contact(|contact| contact["ContactId"] = json!("a".repeat(257))), "ContactId"),
        (contact(|contact| contact["ContactId"] = json!(null)), "ContactId"),
        (contact(|contact| contact["CustomerEndpoint"] = json!("+15555550100")), "CustomerEndpoint"),
        (crate::support::with(json!({ "request": "2".repeat(257) })), "request"),
        (json!({ "Details": {} }), "Details"),
        (json!("+15555550100"), ""),
    ] {
        let mut world = World::new();
        let error = world.invoke(&event).await.unwrap_err();
        assert_eq!(error.qualified_type(), "Permanent.InvalidEvent", "{place}");
        let said = error.to_string();
        assert!(said.contains(place) && !said.contains("+1555") && !said.contains("ana@"), "{said}");
        assert_eq!((world.calls.made(), world.sent()), (0, (0, 0)));
    }
}
