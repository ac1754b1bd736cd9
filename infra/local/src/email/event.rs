//! The events of a message.
//!
//! The detail is the record that SES publishes to its event destinations (SES developer guide, Contents and
//! Examples of event data); the envelope is what public code has recorded from the real service.

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::Context;
use super::content::Letter;
use super::fate::{Bounce, End};
use super::settings::Settings;
use super::store::Region;
use crate::messages::ids;
use crate::messages::outbox::Subject;
use crate::service::Caller;

/// Headers beyond this many bytes are left out of events.
const MOST_HEADER_BYTES: usize = 10 * 1024;

/// Something that happened to a message, and how long after what happened before.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) after: Duration,
    pub(super) recipients: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Send,
    Delivery,
    DeliveryDelay,
    Bounce(Bounce),
    Complaint { held_back: bool },
    Reject,
    Open,
    Click { link: String },
    Subscription(Value),
}

impl Kind {
    /// `MatchingEventTypes`, the EventBridge detail-type, `eventType`, and the member with the particulars.
    fn names(&self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Send => ("SEND", "Email Sent", "Send", "send"),
            Self::Delivery => ("DELIVERY", "Email Delivered", "Delivery", "delivery"),
            Self::DeliveryDelay => {
                ("DELIVERY_DELAY", "Email Delivery Delayed", "DeliveryDelay", "deliveryDelay")
            }
            Self::Bounce(_) => ("BOUNCE", "Email Bounced", "Bounce", "bounce"),
            Self::Complaint { .. } => ("COMPLAINT", "Email Complaint Received", "Complaint", "complaint"),
            Self::Reject => ("REJECT", "Email Rejected", "Reject", "reject"),
            Self::Open => ("OPEN", "Email Opened", "Open", "open"),
            Self::Click { .. } => ("CLICK", "Email Clicked", "Click", "click"),
            Self::Subscription(_) => ("SUBSCRIPTION", "Email Subscribed", "Subscription", "subscription"),
        }
    }

    fn particulars(&self, recipients: &[String], sent: OffsetDateTime, at: OffsetDateTime) -> Value {
        let timestamp = ids::milliseconds(at);
        let listed = |more: &Value| -> Vec<Value> {
            let one = |address: &String| {
                let mut one = json!({ "emailAddress": address });
                if let (Some(one), Some(more)) = (one.as_object_mut(), more.as_object()) {
                    one.extend(more.clone());
                }
                one
            };
            recipients.iter().map(one).collect()
        };
        let feedback = || format!("0100{:012x}-{}-000000", ids::epoch_milliseconds(at), ids::uuid());
        match self {
            Self::Send => json!({}),
            Self::Delivery => json!({
                "timestamp": timestamp,
                "processingTimeMillis": i64::try_from((at - sent).whole_milliseconds()).unwrap_or(0).max(0),
                "recipients": recipients,
                "smtpResponse": "250 2.6.0 Message received",
                "reportingMTA": "a8-1.smtp-out.amazonses.com",
            }),
            Self::DeliveryDelay => json!({
                "timestamp": timestamp,
                "delayType": "TransientCommunicationFailure",
                "expirationTime": ids::milliseconds(sent + Duration::hours(14)),
                "delayedRecipients": listed(&json!({
                    "status": "4.4.1",
                    "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host",
                })),
            }),
            Self::Bounce(bounce) => {
                let more = bounce.answer.map_or_else(
                    || json!({}),
                    |(status, code)| json!({ "action": "failed", "status": status, "diagnosticCode": code }),
                );
                let mut detail = json!({
                    "bounceType": bounce.kind,
                    "bounceSubType": bounce.sub_type,
                    "bouncedRecipients": listed(&more),
                    "timestamp": timestamp,
                    "feedbackId": feedback(),
                });
                if let (Some(_), Some(detail)) = (bounce.answer, detail.as_object_mut()) {
                    detail.insert("reportingMTA".into(), json!("dns; a8-1.smtp-out.amazonses.com"));
                }
                detail
            }
            Self::Complaint { held_back } => json!({
                "complainedRecipients": listed(&json!({})),
                "timestamp": timestamp,
                "feedbackId": feedback(),
                "complaintSubType": held_back.then_some("OnAccountSuppressionList"),
                "complaintFeedbackType": (!held_back).then_some("abuse"),
                "arrivalDate": timestamp,
            }),
            Self::Reject => json!({ "reason": "Bad content" }),
            Self::Open => {
                json!({ "timestamp": timestamp, "userAgent": "Mozilla/5.0", "ipAddress": "192.0.2.1" })
            }
            Self::Click { link } => json!({
                "timestamp": timestamp, "userAgent": "Mozilla/5.0", "ipAddress": "192.0.2.1",
                "link": link, "linkTags": null,
            }),
            Self::Subscription(subscription) => {
                let mut subscription = subscription.clone();
                if let Some(members) = subscription.as_object_mut() {
                    members.insert("timestamp".into(), json!(timestamp));
                }
                subscription
            }
        }
    }
}

/// The steps that a message goes, from what becomes of it.
pub(super) fn steps(ends: &[(End, Vec<String>)], settings: &Settings) -> Vec<Step> {
    let everyone = ends.iter().flat_map(|(_, recipients)| recipients.clone()).collect();
    let mut steps = vec![Step { kind: Kind::Send, after: Duration::ZERO, recipients: everyone }];
    let usual = Duration::seconds_f64(settings.delivery_seconds);
    for (end, recipients) in ends {
        let mut step =
            |kind: Kind, after: Duration| steps.push(Step { kind, after, recipients: recipients.clone() });
        match *end {
            End::Delivered => step(Kind::Delivery, usual),
            End::Delayed => {
                step(Kind::DeliveryDelay, usual);
                step(Kind::Delivery, Duration::seconds_f64(settings.delay_seconds));
            }
            End::Bounced(bounce) => step(Kind::Bounce(bounce), usual),
            End::Complained { held_back: true } => step(Kind::Complaint { held_back: true }, usual),
            End::Complained { held_back: false } => {
                step(Kind::Delivery, usual);
                step(Kind::Complaint { held_back: false }, Duration::seconds_f64(settings.complaint_seconds));
            }
            End::Silent => {}
        }
    }
    steps
}

/// The events that a configuration set's destinations ask for.
pub(super) fn subjects(
    region: &Region,
    set: &str,
    set_arn: &str,
    mail: &Value,
    steps: Vec<Step>,
    (sent, now): (OffsetDateTime, OffsetDateTime),
) -> Vec<Subject> {
    let Some(set) = region.sets.get(set) else { return Vec::new() };
    let (mut at, mut pending) = (now, Duration::ZERO);
    let mut subjects = Vec::new();
    for step in steps {
        at += step.after;
        pending += step.after;
        let (matching, detail_type, event_type, member) = step.kind.names();
        let wanted =
            set.destinations.values().filter(|to| to.enabled && to.types.iter().any(|kind| kind == matching));
        for _ in wanted {
            let detail = json!({
                "eventType": event_type,
                "mail": mail,
                member: step.kind.particulars(&step.recipients, sent, at),
            });
            let after = std::mem::take(&mut pending);
            subjects.push(Subject { detail_type, resources: vec![set_arn.to_owned()], detail, after });
        }
    }
    subjects
}

/// The ARN of a configuration set.
pub(super) fn set_arn(region: &str, account: &str, set: &str) -> String {
    format!("arn:aws:ses:{region}:{account}:configuration-set/{set}")
}

/// The `mail` object that all events of a message have.
pub(super) fn mail(
    cx: &Context<'_>,
    letter: &Letter,
    (id, identity): (&str, &str),
    set: Option<&str>,
    tags: &[(String, String)],
) -> Value {
    let recipients: Vec<&str> = letter.recipients().map(|to| to.address.as_str()).collect();
    let mut common = json!({
        "from": [letter.from.given],
        "to": letter.to.iter().map(|to| to.given.as_str()).collect::<Vec<_>>(),
        "messageId": id,
        "subject": letter.subject,
    });
    if let Some(common) = common.as_object_mut() {
        for (name, values) in [
            ("cc", letter.cc.iter().map(|cc| cc.given.clone()).collect::<Vec<_>>()),
            ("replyTo", letter.reply_to.clone()),
        ] {
            if !values.is_empty() {
                common.insert(name.into(), json!(values));
            }
        }
    }
    let mut bytes = 0;
    let kept = letter.headers.iter().take_while(|header| {
        bytes += header.name.len() + header.value.len();
        bytes <= MOST_HEADER_BYTES
    });
    let headers: Vec<Value> = kept.map(|header| json!(header)).collect();
    json!({
        "timestamp": ids::milliseconds(cx.now),
        "source": letter.from.given,
        "sourceArn": format!("arn:aws:ses:{}:{}:identity/{identity}", cx.region, cx.account),
        "sendingAccountId": cx.account,
        "messageId": id,
        "destination": recipients,
        "headersTruncated": headers.len() < letter.headers.len(),
        "headers": headers,
        "commonHeaders": common,
        "tags": all_tags(cx, letter, set, tags),
    })
}

/// The message's own tags and those that SES adds.
fn all_tags(cx: &Context<'_>, letter: &Letter, set: Option<&str>, tags: &[(String, String)]) -> Value {
    let mut all = Map::new();
    let own = [
        ("ses:operation", "SendEmail".to_owned()),
        ("ses:source-ip", "127.0.0.1".to_owned()),
        ("ses:from-domain", letter.from.domain()),
        ("ses:caller-identity", identity_of(&cx.call.caller)),
    ];
    for (name, value) in own {
        all.insert(name.into(), json!([value]));
    }
    if let Some(set) = set {
        all.insert("ses:configuration-set".into(), json!([set]));
    }
    all.extend(tags.iter().map(|(name, value)| (name.clone(), json!([value]))));
    Value::Object(all)
}

/// The name of the role or of the user.
fn identity_of(caller: &Caller) -> String {
    let role = caller.role_arn.as_deref().and_then(|arn| arn.split('/').nth(1));
    role.unwrap_or_else(|| caller.name()).to_owned()
}
