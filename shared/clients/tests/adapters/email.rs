use eventide_clients::email::{Email, ListManagement, Mail, Quota, SdkEmail, Sent};
use serde_json::json;

use crate::sending::mail;
use crate::support::{Server, error, ok};

#[tokio::test]
async fn an_email_is_one_request_with_all_that_it_has() {
    let server = Server::start(|_| ok(json!({"MessageId": "m-1"}))).await;
    let pairs = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let whole = Mail {
        html: Some("<p>html</p>".to_owned()),
        reply_to: Some("help@shop.example".to_owned()),
        configuration_set: Some("campaigns".to_owned()),
        list: Some(ListManagement { contact_list: "people".to_owned(), topic: Some("news".to_owned()) }),
        headers: pairs("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        tags: pairs("entry", "e-1"),
        ..mail()
    };
    let sent = SdkEmail::new(&server.config()).send(&whole).await.unwrap();
    assert_eq!(sent, Sent::Accepted { message_id: "m-1".to_owned() });
    let text = |data: &str| json!({"Data": data, "Charset": "UTF-8"});
    let seen = server.seen();
    assert_eq!(seen[0].path, "/v2/email/outbound-emails");
    assert_eq!(
        seen[0].json,
        json!({"FromEmailAddress": "Shop <news@shop.example>", "Destination": {"ToAddresses": ["ann@example.com"]},
            "ReplyToAddresses": ["help@shop.example"], "ConfigurationSetName": "campaigns",
            "Content": {"Simple": {"Subject": text("Größe"),
                "Body": {"Text": text("text"), "Html": text("<p>html</p>")},
                "Headers": [{"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}]}},
            "EmailTags": [{"Name": "entry", "Value": "e-1"}],
            "ListManagementOptions": {"ContactListName": "people", "TopicName": "news"}})
    );
    assert!(!format!("{whole:?}").contains("ann") && !format!("{whole:?}").contains("Größe"));
}

fn postponed(reason: &str, daily: bool) -> Result<Sent, String> {
    Ok(Sent::Postponed { reason: reason.to_owned(), daily })
}

fn refused(reason: &str) -> Result<Sent, String> {
    Ok(Sent::Refused { reason: reason.to_owned() })
}

fn unknown(reason: &str) -> Result<Sent, String> {
    Ok(Sent::Unknown { reason: reason.to_owned() })
}

#[tokio::test]
async fn every_refusal_means_what_ses_says() {
    let unverified =
        "Email address is not verified. The following identities failed the check in region US-EAST-1: ";
    let of = |address: &str| format!("{unverified}{address}");
    let environment = |code: &str| Err(format!("Environment.{code}"));
    for (status, code, said, expected) in [
        (
            429,
            "TooManyRequestsException",
            "Maximum sending rate exceeded.".into(),
            postponed("TooManyRequestsException", false),
        ),
        (
            429,
            "TooManyRequestsException",
            "Daily message quota exceeded.".into(),
            postponed("TooManyRequestsException", true),
        ),
        (400, "ThrottlingException", "Rate exceeded".into(), postponed("ThrottlingException", false)),
        (400, "LimitExceededException", "limit".into(), postponed("LimitExceededException", false)),
        (503, "ThrottlingException", "Rate exceeded".into(), postponed("ThrottlingException", false)),
        (400, "MessageRejected", "Address blacklisted.".into(), refused("MessageRejected")),
        (400, "MessageRejected", of("ann@example.com"), refused("MessageRejected")),
        (400, "MessageRejected", of("ann@example.com, news@shop.example"), environment("SenderNotVerified")),
        (400, "BadRequestException", "Illegal address".into(), refused("BadRequestException")),
        (400, "ValidationException", "too long".into(), refused("ValidationException")),
        (400, "MailFromDomainNotVerifiedException", String::new(), environment("MailFromDomainNotVerified")),
        (404, "NotFoundException", "Configuration set".into(), environment("NotFound")),
        (400, "AccountSuspendedException", String::new(), environment("AccountSuspended")),
        (400, "SendingPausedException", String::new(), environment("SendingPaused")),
        (403, "AccessDeniedException", String::new(), environment("AccessDenied")),
        (403, "ExpiredTokenException", String::new(), environment("ExpiredToken")),
        (403, "SignatureDoesNotMatch", String::new(), environment("SignatureDoesNotMatch")),
        (407, "", String::new(), environment("Refused")),
        (500, "InternalFailure", String::new(), unknown("InternalFailure")),
        (503, "ServiceUnavailable", String::new(), unknown("ServiceUnavailable")),
        (503, "", String::new(), unknown("server_error")),
        (408, "RequestTimeout", String::new(), unknown("RequestTimeout")),
    ] {
        let body = json!({"message": said});
        let server = Server::start(move |_| error(status, code).with_body(&body)).await;
        let sent = SdkEmail::new(&server.config()).send(&mail()).await;
        let sent = sent.map_err(|error| {
            assert!(!error.to_string().contains("example"), "{error}");
            error.qualified_type()
        });
        assert_eq!(sent, expected, "{status} {code}");
        assert_eq!(server.hits(), 1, "{status} {code}");
    }
}

#[tokio::test]
async fn a_header_without_a_name_is_left_to_ses() {
    let server = Server::start(|_| error(400, "BadRequestException")).await;
    let mail = Mail { headers: vec![(String::new(), String::new())], ..mail() };
    assert_eq!(
        SdkEmail::new(&server.config()).send(&mail).await.unwrap(),
        refused("BadRequestException").unwrap()
    );
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn the_quota_is_the_accounts_and_may_be_asked_for_again() {
    let account = json!({"SendingEnabled": true,
        "SendQuota": {"Max24HourSend": -1.0, "MaxSendRate": 14.0, "SentLast24Hours": 3.0}});
    let server = Server::start(move |seen| match seen.number {
        0 => error(500, "InternalFailure"),
        _ => ok(account.clone()),
    })
    .await;
    let expected =
        Quota { max_per_second: 14.0, max_24_hours: -1.0, sent_24_hours: 3.0, sending_enabled: true };
    assert_eq!(SdkEmail::new(&server.config()).quota().await.unwrap(), expected);
    assert_eq!((server.hits(), server.seen()[0].path.as_str()), (2, "/v2/email/account"));

    for (answer, expected) in [
        (ok(json!({"SendingEnabled": true})), "Retryable.IncompleteAnswer"),
        (error(403, "AccessDeniedException"), "Environment.AccessDenied"),
    ] {
        let answer = std::sync::Mutex::new(Some(answer));
        let server = Server::start(move |_| answer.lock().unwrap().take().unwrap()).await;
        let failed = SdkEmail::new(&server.config()).quota().await.unwrap_err();
        assert_eq!(failed.qualified_type(), expected);
    }
}
