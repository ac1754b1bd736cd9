//! The events of both providers, as EventBridge brings them.

use std::collections::BTreeMap;

use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::campaign::outgoing::tags;
use eventide_types::campaign::provider::{News, Origin, Outcome};
use eventide_types::printable;
use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;

/// Characters of a provider's own word.
const MAX_WORD: usize = 64;

#[derive(Deserialize)]
struct Envelope {
    source: String,
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
    detail: Box<RawValue>,
}

/// An event of Amazon SES (Amazon SES Developer Guide, "Examples of event data that Amazon SES publishes"); EventBridge
/// has the same in its `detail`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ses {
    event_type: String,
    mail: Mail,
    bounce: Option<Bounce>,
    reject: Option<Reasoned>,
    complaint: Option<Complaint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    message_id: String,
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: Option<String>,
    bounce_sub_type: Option<String>,
}

#[derive(Deserialize)]
struct Reasoned {
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complaint_feedback_type: Option<String>,
}

/// An event of AWS End User Messaging SMS. In its User Guide, "Messaging Events" shows the message's context, and
/// "Monitoring with EventBridge" shows none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sms {
    event_type: String,
    message_id: String,
    /// In milliseconds since 1970.
    message_request_timestamp: Option<i64>,
    #[serde(default)]
    context: BTreeMap<String, String>,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Of a message of ours.
    News(News),
    /// Of a message of which it has but the provider's id.
    Unnamed(Unnamed),
}

/// News of a message that may be anybody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// The provider's id.
    pub message_id: String,
    /// When the provider was asked to send it, if the event says so.
    pub requested_at: Option<OffsetDateTime>,
    outcome: Outcome,
    word: Option<String>,
    at: OffsetDateTime,
}

impl Unnamed {
    /// The news, now that it is known of which message.
    pub fn of(self, origin: Origin) -> News {
        told(origin, self.outcome, self.message_id, self.word, self.at)
    }
}

/// Reads an event; `None`: it is about none of our messages, or says nothing of its fate.
///
/// # Errors
///
/// `InvalidEvent` if it is no event of a provider's.
pub fn read(body: &str) -> Result<Option<Told>, Error> {
    let Envelope { source, time, detail } = parse(body.as_bytes())?;
    let detail = detail.get().as_bytes();
    match source.as_str() {
        "aws.ses" => parse(detail).map(|ses| of_ses(ses, time).map(Told::News)),
        "aws.sms-voice" => parse(detail).map(|sms| of_sms(sms, time)),
        _ => Err(Error::permanent(
            "InvalidEvent",
            "event does not parse at `source`: expected `aws.ses` or `aws.sms-voice`",
        )),
    }
}

fn of_ses(ses: Ses, at: OffsetDateTime) -> Option<News> {
    let tag = |name: &str| ses.mail.tags.get(name).and_then(|values| values.first().cloned());
    let origin = Origin { entry: tag(tags::ENTRY)?, campaign: tag(tags::CAMPAIGN)? };
    let (outcome, word) = match ses.event_type.to_ascii_lowercase().replace(' ', "").as_str() {
        "send" => (Outcome::Accepted, None),
        "deliverydelay" => (Outcome::Delayed, None),
        "delivery" => (Outcome::Delivered, None),
        "reject" => (Outcome::Failed, ses.reject.and_then(|reject| reject.reason)),
        "renderingfailure" => (Outcome::Failed, Some("rendering".to_owned())),
        "bounce" => {
            let word = ses.bounce.map(|bounce| {
                let parts = [bounce.bounce_type, bounce.bounce_sub_type];
                parts.into_iter().flatten().collect::<Vec<_>>().join("/")
            });
            (Outcome::Bounced, word)
        }
        "complaint" => {
            (Outcome::Complained, ses.complaint.and_then(|complaint| complaint.complaint_feedback_type))
        }
        "subscription" => (Outcome::Unsubscribed, None),
        // Opens and clicks say nothing of a message's fate.
        _ => return None,
    };
    Some(told(origin, outcome, ses.mail.message_id, word, at))
}

fn of_sms(sms: Sms, at: OffsetDateTime) -> Option<Told> {
    let outcome = match sms.event_type.as_str() {
        "TEXT_QUEUED" | "TEXT_PENDING" | "TEXT_SENT" => Outcome::Accepted,
        "TEXT_SUCCESSFUL" | "TEXT_DELIVERED" => Outcome::Delivered,
        "TEXT_TTL_EXPIRED"
        | "TEXT_BLOCKED"
        | "TEXT_CARRIER_BLOCKED"
        | "TEXT_CARRIER_UNREACHABLE"
        | "TEXT_INVALID"
        | "TEXT_INVALID_MESSAGE"
        | "TEXT_SPAM"
        | "TEXT_UNKNOWN"
        | "TEXT_UNREACHABLE"
        | "TEXT_PROTECT_BLOCKED" => Outcome::Failed,
        _ => return None,
    };
    let word = (outcome == Outcome::Failed).then_some(sms.event_type);
    if sms.context.is_empty() {
        let requested_at = sms.message_request_timestamp.and_then(|millis| {
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
        });
        return Some(Told::Unnamed(Unnamed { message_id: sms.message_id, requested_at, outcome, word, at }));
    }
    // A context without ours is another application's.
    let own = |name: &str| sms.context.get(name).cloned();
    let origin = Origin { entry: own(tags::ENTRY)?, campaign: own(tags::CAMPAIGN)? };
    Some(Told::News(told(origin, outcome, sms.message_id, word, at)))
}

fn told(
    origin: Origin,
    outcome: Outcome,
    message_id: String,
    word: Option<String>,
    at: OffsetDateTime,
) -> News {
    let detail = word.filter(|word| !word.is_empty()).map(|word| printable(&word, MAX_WORD));
    let Origin { entry, campaign } = origin;
    News { entry, campaign, outcome, message_id, detail, at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn news(body: &str) -> Option<News> {
        match read(body).unwrap()? {
            Told::News(news) => Some(news),
            Told::Unnamed(unnamed) => panic!("nobody knows of which message: {unnamed:?}"),
        }
    }

    fn ses(event_type: &str, more: &Value) -> String {
        let mut detail = json!({"eventType": event_type, "mail": {"messageId": "m-1", "destination": ["ann@example.com"],
            "tags": {"eventide-entry": ["e-1"], "eventide-campaign": ["spring"], "ses:operation": ["SendEmail"]}}});
        for (name, value) in more.as_object().into_iter().flatten() {
            detail[name] = value.clone();
        }
        json!({"source": "aws.ses", "detail-type": "x", "time": "2026-11-27T09:00:00Z", "detail": detail})
            .to_string()
    }

    #[test]
    fn events_of_ses_are_understood() {
        for (event, more, outcome, word) in [
            ("Send", json!({}), Outcome::Accepted, None),
            ("Delivery", json!({}), Outcome::Delivered, None),
            ("DeliveryDelay", json!({}), Outcome::Delayed, None),
            ("Reject", json!({"reject": {"reason": "Bad content"}}), Outcome::Failed, Some("Bad content")),
            ("Rendering Failure", json!({}), Outcome::Failed, Some("rendering")),
            (
                "Bounce",
                json!({"bounce": {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList",
                    "bouncedRecipients": [{"emailAddress": "ann@example.com"}]}}),
                Outcome::Bounced,
                Some("Permanent/OnAccountSuppressionList"),
            ),
            (
                "Complaint",
                json!({"complaint": {"complaintFeedbackType": "abuse"}}),
                Outcome::Complained,
                Some("abuse"),
            ),
            ("Subscription", json!({}), Outcome::Unsubscribed, None),
        ] {
            let news = news(&ses(event, &more)).unwrap();
            assert_eq!(
                (news.entry.as_str(), news.campaign.as_str(), news.message_id.as_str()),
                ("e-1", "spring", "m-1")
            );
            assert_eq!((news.outcome, news.detail.as_deref()), (outcome, word), "{event}");
        }
        assert_eq!(news(&ses("Open", &json!({}))), None);
    }

    #[test]
    fn messages_of_others_are_passed_over_and_other_events_refused() {
        let foreign = json!({"source": "aws.ses", "time": "2026-11-27T09:00:00Z",
            "detail": {"eventType": "Delivery", "mail": {"messageId": "m"}}});
        assert_eq!(news(&foreign.to_string()), None);
        for bad in [
            json!({"source": "aws.s3", "time": "2026-11-27T09:00:00Z", "detail": {}}),
            json!({"source": "aws.ses", "time": "2026-11-27T09:00:00Z", "detail": {"eventType": 7}}),
            json!({"source": "aws.ses", "detail": {}}),
        ] {
            assert_eq!(
                read(&bad.to_string()).unwrap_err().qualified_type(),
                "Permanent.InvalidEvent",
                "{bad}"
            );
        }
    }

    #[test]
    fn events_of_sms_are_understood() {
        let sms = |event_type: &str| {
            json!({"source": "aws.sms-voice", "time": "2026-11-27T09:00:00Z", "detail": {"eventType": event_type, "messageId": "m-1",
                "destinationPhoneNumber": "+15555550100", "context": {"eventide-entry": "e-1", "eventide-campaign": "spring"}}})
            .to_string()
        };
        for (event, outcome) in [
            ("TEXT_QUEUED", Outcome::Accepted),
            ("TEXT_DELIVERED", Outcome::Delivered),
            ("TEXT_SUCCESSFUL", Outcome::Delivered),
            ("TEXT_CARRIER_BLOCKED", Outcome::Failed),
        ] {
            let news = news(&sms(event)).unwrap();
            assert_eq!((news.outcome, news.entry.as_str()), (outcome, "e-1"), "{event}");
            assert_eq!(news.detail.is_some(), outcome == Outcome::Failed);
        }
        assert_eq!(news(&sms("VOICE_RINGING")), None);
    }

    /// As in the AWS End User Messaging SMS User Guide, "Monitoring with EventBridge".
    #[test]
    fn an_sms_without_context_is_known_by_its_id() {
        let mut event = json!({"source": "aws.sms-voice", "time": "2025-10-01T18:20:41Z", "detail": {
            "eventType": "TEXT_CARRIER_BLOCKED", "eventVersion": "1.0", "eventTimestamp": 1_759_342_841_377_i64, "isFinal": true,
            "originationPhoneNumber": "VAJZNBLLDX", "isoCountryCode": "ES", "messageId": "m-1",
            "messageRequestTimestamp": 1_759_342_840_978_i64, "messageType": "TRANSACTIONAL"}});
        let Some(Told::Unnamed(unnamed)) = read(&event.to_string()).unwrap() else { panic!("it has a name") };
        let requested_at = unnamed.requested_at.unwrap();
        assert_eq!(requested_at.unix_timestamp_nanos(), 1_759_342_840_978_000_000);
        let origin = Origin { entry: "e-1".to_owned(), campaign: "spring".to_owned() };
        let news = unnamed.of(origin);
        assert_eq!((news.entry.as_str(), news.message_id.as_str()), ("e-1", "m-1"));
        let expected = (Outcome::Failed, Some("TEXT_CARRIER_BLOCKED"));
        assert_eq!((news.outcome, news.detail.as_deref()), expected);
        for (context, is_named) in [(json!({}), false), (json!({"account": "bar"}), true)] {
            event["detail"]["context"] = context;
            assert_eq!(read(&event.to_string()).unwrap().is_none(), is_named, "{event}");
        }
    }
}
