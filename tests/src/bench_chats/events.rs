//! The functions' environment and the events they are measured with.

use std::collections::BTreeMap;
use std::time::Duration;

use eventide_testing::fixture_json;
use serde_json::{Value, json};

use crate::bench::Outcome;

/// The voice contact of links that were not made here.
pub const CONTACT: &str = "4a573372-1f28-4e26-b97b-9f6a1c0b7000";
/// What CloudFront adds to requests.
pub const ORIGIN_SECRET: &str = "what-only-cloudfront-knows";
/// The names of the secrets; those that are not named here are asked for by nobody.
pub const SIGNING_KEYS: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:signing-keys-000000";
/// The secret that tokens are made with.
pub const TOKENS: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:tokens-000000";
/// The secret of CloudFront.
pub const ORIGIN: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:origin-000000";
/// The instance of Amazon Connect, as the events name it.
const INSTANCE: &str = "c8c0e68d-2200-4265-82c0-2f6ef7dbc8a9";

/// What is measured, and how it is invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A hello-world on the same runtime, which all are held against.
    Hello,
    /// A link, sent on both channels.
    Issue,
    /// A link, redeemed.
    Redeem,
    /// A callback, asked for.
    Callback,
    /// An agent's answer, taken note of.
    Follow,
}

/// All of them.
pub const SUBJECTS: [Subject; 5] =
    [Subject::Hello, Subject::Issue, Subject::Redeem, Subject::Callback, Subject::Follow];

impl Subject {
    /// The function's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Issue => "link-issue",
            Self::Redeem => "link-redeem",
            Self::Callback => "link-callback",
            Self::Follow => "link-follow",
        }
    }

    /// What the template gives it.
    #[must_use]
    pub fn timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::Issue => 7,
            Self::Redeem | Self::Callback => 10,
            Self::Hello | Self::Follow => 30,
        })
    }

    /// Its event of this number: about another contact, or another link, than every other.
    ///
    /// # Errors
    ///
    /// If the file that it is made from is gone or has another shape.
    pub fn event(self, number: usize) -> Outcome<Value> {
        match self {
            Self::Hello => Ok(json!({})),
            Self::Issue => {
                let contact = json!(format!("4a573372-1f28-4e26-b97b-{number:012}"));
                changed(
                    fixture_json("link-issue/voice.json")?,
                    &[
                        ("/Details/ContactData/ContactId", contact.clone()),
                        ("/Details/ContactData/InitialContactId", contact.clone()),
                        ("/Details/ContactData/PreviousContactId", contact),
                        ("/Details/ContactData/CustomerEndpoint/Address", json!(format!("+4915{number:09}"))),
                        ("/Details/ContactData/Attributes/email", json!(format!("c{number}@example.com"))),
                    ],
                )
            }
            Self::Redeem => request("link-redeem/redeem.json", number),
            Self::Callback => request("link-callback/callback.json", number),
            Self::Follow => {
                let contact = format!("4a573372-1f28-4e26-b97b-{number:012}");
                Ok(batch(&json!({
                    "version": "0", "id": "18e7079c-dd49-dd64-caf9-e5a31640dab0", "source": "aws.connect",
                    "detail-type": "Amazon Connect Contact Event", "account": "111122223333",
                    "time": "2026-11-27T10:05:00Z", "region": "us-east-1", "resources": [],
                    "detail": {
                        "eventType": "CONNECTED_TO_AGENT", "contactId": contact, "initialContactId": contact,
                        "channel": "VOICE", "initiationMethod": "INBOUND",
                        "instanceArn": format!("arn:aws:connect:us-east-1:111122223333:instance/{INSTANCE}")
                    }
                })))
            }
        }
    }
}

/// What a page asks for with a token and a nonce of its own.
fn request(file: &str, number: usize) -> Outcome<Value> {
    // The last digit of a token has two bits.
    let body = json!({ "token": format!("{number:021}A"), "nonce": format!("page-{number:022}") });
    changed(
        fixture_json(file)?,
        &[("/body", json!(body.to_string())), ("/headers/x-origin-verify", json!(ORIGIN_SECRET))],
    )
}

fn changed(mut value: Value, changes: &[(&str, Value)]) -> Outcome<Value> {
    for (pointer, change) in changes {
        *value.pointer_mut(pointer).ok_or_else(|| format!("the event has no `{pointer}`"))? = change.clone();
    }
    Ok(value)
}

fn batch(body: &Value) -> Value {
    json!({ "Records": [{
        "messageId": "8b29b307-ad94-4302-adc7-33eb2d476540", "receiptHandle": "r", "body": body.to_string(),
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795773900214" },
        "messageAttributes": {}, "md5OfBody": "0".repeat(32), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:follow", "awsRegion": "us-east-1"
    }] })
}

/// The environment that the template gives the functions, all in one, with `endpoint` as AWS.
#[must_use]
pub fn environment(endpoint: &str) -> BTreeMap<String, String> {
    BTreeMap::from(
        [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("AWS_SESSION_TOKEN", "bench"),
            ("AWS_SDK_UA_APP_ID", "voice-to-chat"),
            ("ATTRIBUTES", "tier"),
            ("BRAND", "Example Telecom"),
            ("CALLBACK_FLOW_ID", "33333333-0000-4000-8000-000000000003"),
            ("CALLBACK_NUMBER", "+12065550100"),
            ("CHAT_FLOW_ID", "33333333-0000-4000-8000-000000000002"),
            ("CONFIGURATION_SET", "chats"),
            ("CONNECT_INSTANCE_ID", INSTANCE),
            ("EMAIL_FROM", "Example Telecom <chat@example.com>"),
            ("FAILED_QUEUE_URL", &format!("{endpoint}/111122223333/failed")),
            ("LINK_ORIGIN", "https://d111111abcdef8.cloudfront.net"),
            ("LINK_TABLE", "links"),
            ("MAX_RECEIVES", "5"),
            ("ORIGIN_SECRET_ARN", ORIGIN),
            ("SIGNING_KEY_IDS", "a=K2JCJMDEHXQW5F"),
            ("SIGNING_KEYS_SECRET_ARN", SIGNING_KEYS),
            ("SMS_ORIGINATION", "pool-1"),
            ("TOKEN_SECRET_ARN", TOKENS),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    )
}

/// The text of a secret; `None`: there is none of this name.
#[must_use]
pub fn secret(name: &str) -> Option<String> {
    /// The key that RFC 6979 signs with in appendix A.2.5, as PKCS #8: everybody knows it.
    const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyGh\
                       RANCAARg/tS6JVqdMclh63TGNW1owEm4kjth+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ";
    match name {
        SIGNING_KEYS => {
            let pem = format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n");
            let key = json!({ "algorithm": "ECDSA_P256", "privateKey": pem });
            Some(json!({ "current": "a", "keys": { "a": key } }).to_string())
        }
        TOKENS => Some("0123456789abcdef".repeat(4)),
        ORIGIN => Some(ORIGIN_SECRET.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventide_links::keys;
    use eventide_links::token::{PageNonce, Token};

    #[test]
    fn events_are_about_different_links() {
        let body = |number| {
            let event = Subject::Redeem.event(number).unwrap();
            let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            (
                Token::parse(&text("token")).unwrap().hash(),
                PageNonce::parse(&text("nonce")).unwrap().claimant(),
            )
        };
        let ((first, by_first), (second, by_second)) = (body(1), body(2));
        assert_ne!(first, second);
        assert_ne!(by_first, by_second);
    }

    #[test]
    fn the_key_signs() {
        let ids = BTreeMap::from([("a".to_owned(), "K2JCJMDEHXQW5F".to_owned())]);
        assert!(keys::current(&secret(SIGNING_KEYS).unwrap(), &ids).is_ok());
    }
}
