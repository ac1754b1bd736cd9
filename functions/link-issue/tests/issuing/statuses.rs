//! What the flow is answered.

use eventide_clients::email::Sent;
use eventide_clients::sms::MessageType;
use link_issue::Answer;
use serde_json::json;

use crate::support::{EMAIL, NOW, PHONE, World, contact, voice, with};

#[tokio::test]
async fn a_link_goes_out_by_sms_and_email() {
    let mut world = World::new();
    let answer = world.ask(&voice()).await;
    assert_eq!(
        answer,
        json!({
            "status": "sent", "channels": "sms,email", "uncertain": "", "failed": "", "reason": "",
            "expiresAt": "2026-11-27T09:15:00Z", "expiresInMinutes": "15", "language": "en",
            "message": "We have sent you a link to our chat by text message and by email. It is valid for 15 minutes."
        })
    );
    let (texts, mails) = (world.fakes.sms.accepted(), world.fakes.email.accepted());
    let (text, mail) = (&texts[0].message, &mails[0].mail);
    assert_eq!((texts.len(), mails.len()), (1, 1));
    assert_eq!((text.to.as_str(), mail.to.as_str()), (PHONE, EMAIL));
    assert_eq!(text.message_type, MessageType::Transactional);
    assert_eq!(text.time_to_live_seconds, Some(900), "what comes later leads nowhere");
    assert_eq!((text.origination_identity.as_str(), text.max_price.as_deref()), ("pool-1", Some("0.05")));
    assert_eq!(text.configuration_set.as_deref(), Some("texts"));
    assert_eq!(text.protect_configuration.as_deref(), Some("protect-1"));
    assert_eq!(
        (mail.from.as_str(), mail.reply_to.as_deref()),
        ("Chat <chat@example.com>", Some("office@example.com"))
    );
    assert_eq!((mail.configuration_set.as_deref(), mail.list.as_ref()), (Some("mails"), None));
    assert!(mail.headers.is_empty() && mail.subject.starts_with("Eventide"), "{}", mail.subject);

    // Both lead to the one link, and neither provider is told more than its hash.
    let (texted, mailed) = (world.texted().remove(0), world.mailed().remove(0));
    let (link, _) = world.link();
    assert!(texted.token() == mailed.token() && texted.token().hash() == link.hash);
    assert_eq!(
        (texted.expires_at(), link.expires_at),
        (NOW + time::Duration::minutes(15), texted.expires_at())
    );
    let tag = vec![("eventide-link".to_owned(), link.hash.as_str().split_at(32).0.to_owned())];
    assert_eq!((&text.context, &mail.tags), (&tag, &tag));
    let html = mail.html.as_deref().unwrap();
    assert!(html.contains(&mailed.text.replace('&', "&amp;")), "{html}");

    assert_eq!(world.counted("LinksIssued", &[("Status", "sent")]), 1.0);
    assert_eq!(world.counted("Sends", &[("Outcome", "accepted")]), 2.0);
}

#[tokio::test]
async fn one_of_two_is_partly_sent() {
    let mut world = World::new();
    world.fakes.sms.opt_out(PHONE);
    let answer = world.ask(&voice()).await;
    assert_eq!((&answer["status"], &answer["channels"]), (&json!("partly_sent"), &json!("email")));
    assert_eq!((&answer["failed"], &answer["reason"]), (&json!("sms"), &json!("opted_out")));
    assert_eq!(answer["expiresInMinutes"], "15");
    assert!(answer["message"].as_str().unwrap().contains("by email"), "{answer}");
    assert_eq!(world.counted("Sends", &[("Channel", "sms"), ("Outcome", "refused")]), 1.0);

    let mut world = World::new();
    world.fakes.email.lose_next_answer();
    let answer = world.ask(&voice()).await;
    assert_eq!((&answer["status"], &answer["channels"]), (&json!("partly_sent"), &json!("sms")));
    assert_eq!((&answer["uncertain"], &answer["reason"]), (&json!("email"), &json!("connection_lost")));
    assert_eq!(answer["failed"], "");
}

#[tokio::test]
async fn what_nobody_knows_is_partly_sent() {
    let mut world = World::new();
    world.fakes.sms.lose_next_answer();
    world.fakes.email.refuse(EMAIL, "MessageRejected");
    let answer = world.ask(&voice()).await;
    assert_eq!((&answer["status"], &answer["channels"]), (&json!("partly_sent"), &json!("")));
    assert_eq!((&answer["uncertain"], &answer["failed"]), (&json!("sms"), &json!("email")));
    assert_eq!((&answer["reason"], &answer["expiresInMinutes"]), (&json!("MessageRejected"), &json!("15")));
    assert!(
        answer["message"].as_str().unwrap().contains("tried to send you a link to our chat by text message")
    );
}

#[tokio::test]
async fn nothing_accepted_is_failed() {
    let mut world = World::new();
    world.fakes.sms.refuse(PHONE, "DESTINATION_COUNTRY_BLOCKED");
    world
        .fakes
        .email
        .answer_next(Sent::Postponed { reason: "TooManyRequestsException".to_owned(), daily: false });
    let answer = world.ask(&voice()).await;
    assert_eq!(
        answer,
        json!({
            "status": "failed", "channels": "", "uncertain": "", "failed": "sms,email",
            "reason": "DESTINATION_COUNTRY_BLOCKED,TooManyRequestsException", "expiresAt": "", "expiresInMinutes": "",
            "language": "en", "message": "Unfortunately we could not send you a link. Please stay on the line."
        })
    );
    assert_eq!(world.counted("LinksIssued", &[("Status", "failed")]), 1.0);
}

#[tokio::test]
async fn without_anywhere_to_send_nothing_is_made() {
    for (event, reason) in [
        (contact(|contact| contact["Attributes"] = json!({})), "no_consent"),
        (contact(|contact| contact["Attributes"]["chatConsent"] = json!("no")), "no_consent"),
        (contact(|contact| *contact = json!({ "ContactId": contact["ContactId"] })), "no_consent"),
        (
            contact(|contact| {
                contact["CustomerEndpoint"] = json!(null);
                contact["Attributes"]["email"] = json!(null);
            }),
            "no_address",
        ),
        // A number is known, but SMS are not agreed to.
        (with(json!({ "consent": "email", "email": "" })), "sent"),
    ] {
        let mut world = World::new();
        let answer = world.ask(&event).await;
        if reason == "sent" {
            assert_eq!((&answer["status"], world.sent()), (&json!("sent"), (0, 1)));
            continue;
        }
        assert_eq!((&answer["status"], &answer["reason"]), (&json!("no_destination"), &json!(reason)));
        assert_ne!(answer["message"], "");
        assert_eq!((world.sent(), world.calls.made()), ((0, 0), 0), "nothing is asked for");
        assert_eq!(world.counted("LinksIssued", &[("Status", "no_destination")]), 1.0);
    }
    let mut world = World::new();
    world.settings.sms = None;
    world.settings.email = None;
    assert_eq!(world.ask(&voice()).await["reason"], "not_configured");
    world.settings.email = crate::support::settings().email;
    assert_eq!(world.ask(&voice()).await["channels"], "email");
    let sms = with(json!({ "consent": "sms" }));
    assert_eq!(world.ask(&sms).await["reason"], "not_configured");
}

#[tokio::test]
async fn every_answer_is_flat_and_small() {
    let mut world = World::new();
    world.fakes.sms.lose_next_answer();
    for event in [voice(), contact(|contact| contact["Attributes"] = json!(null))] {
        let answer = world.ask(&event).await;
        assert!(answer.as_object().unwrap().values().all(serde_json::Value::is_string), "{answer}");
        assert!(answer.to_string().len() < 1_024, "{answer}");
        let read: Answer = serde_json::from_value(answer.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), answer);
    }
}
