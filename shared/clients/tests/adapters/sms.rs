use eventide_clients::sms::{SdkSms, Sent, Sms, TextMessage};
use serde_json::json;

use crate::sending::text_message;
use crate::support::{Server, error, ok};

#[tokio::test]
async fn a_message_is_one_request_with_all_that_it_has() {
    let server = Server::start(|_| ok(json!({"MessageId": "m-1"}))).await;
    let sms = SdkSms::new(&server.config());
    let whole = TextMessage {
        configuration_set: Some("campaigns".to_owned()),
        max_price: Some("0.05".to_owned()),
        time_to_live_seconds: Some(3_600),
        context: vec![("entry".to_owned(), "e-1".to_owned())],
        protect_configuration: Some("protect-1".to_owned()),
        ..text_message()
    };
    for message in [&whole, &text_message()] {
        assert_eq!(sms.send(message).await.unwrap(), Sent::Accepted { message_id: "m-1".to_owned() });
    }
    let seen = server.seen();
    assert_eq!(seen[0].operation(), "SendTextMessage");
    assert_eq!(
        seen[0].json,
        json!({"DestinationPhoneNumber": "+14255550100", "OriginationIdentity": "pool-1", "MessageBody": "text",
            "MessageType": "PROMOTIONAL", "ConfigurationSetName": "campaigns", "MaxPrice": "0.05",
            "TimeToLive": 3600, "Context": {"entry": "e-1"}, "ProtectConfigurationId": "protect-1"})
    );
    assert_eq!(
        seen[1].json,
        json!({"DestinationPhoneNumber": "+14255550100", "OriginationIdentity": "pool-1", "MessageBody": "text",
            "MessageType": "PROMOTIONAL"})
    );
    assert!(!format!("{whole:?}").contains("4255550100") && !format!("{whole:?}").contains("\"text\""));
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
async fn every_refusal_means_what_its_reason_says() {
    let environment = |kind: &str| Err(format!("Environment.{kind}"));
    for (status, code, reason, expected) in [
        (400, "ThrottlingException", "", postponed("ThrottlingException", false)),
        (
            402,
            "ServiceQuotaExceededException",
            "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT",
            postponed("MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", true),
        ),
        (400, "ServiceQuotaExceededException", "", postponed("ServiceQuotaExceededException", true)),
        (400, "ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", refused("opted_out")),
        (
            400,
            "ConflictException",
            "DESTINATION_PHONE_NUMBER_NOT_VERIFIED",
            refused("DESTINATION_PHONE_NUMBER_NOT_VERIFIED"),
        ),
        (400, "ConflictException", "A_NEW_REASON", refused("A_NEW_REASON")),
        (400, "ConflictException", "MESSAGE_TYPE_MISMATCH", environment("NotConfigured")),
        (400, "ConflictException", "", refused("ConflictException")),
        (400, "ValidationException", "PRICE_OVER_THRESHOLD", refused("price_over_cap")),
        (400, "ValidationException", "DESTINATION_COUNTRY_BLOCKED", refused("DESTINATION_COUNTRY_BLOCKED")),
        (400, "ValidationException", "RESOURCE_NOT_ACCESSIBLE", environment("NotConfigured")),
        (400, "ValidationException", "", refused("ValidationException")),
        (400, "ResourceNotFoundException", "", environment("ResourceNotFound")),
        (400, "AccessDeniedException", "ACCOUNT_DISABLED", environment("AccessDenied")),
        (400, "UnrecognizedClientException", "", environment("UnrecognizedClient")),
        (500, "InternalServerException", "", unknown("InternalServerException")),
        (503, "", "", unknown("server_error")),
    ] {
        let mut body = json!({"Message": "about +14255550100"});
        if !reason.is_empty() {
            body["Reason"] = reason.into();
        }
        let server = Server::start(move |_| error(status, code).with_body(&body)).await;
        let sent = SdkSms::new(&server.config()).send(&text_message()).await;
        let sent = sent.map_err(|error| {
            assert!(!error.to_string().contains("4255550100"), "{error}");
            error.qualified_type()
        });
        assert_eq!(sent, expected, "{code} {reason}");
        assert_eq!(server.hits(), 1, "{code} {reason}");
    }
}
