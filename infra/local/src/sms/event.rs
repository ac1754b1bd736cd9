//! The events of a message: `Text Message Delivery Status Updated` on the default event bus (End User
//! Messaging user guide, Monitoring with EventBridge; Messaging events).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::parts::Sizing;
use crate::messages::ids;
use crate::messages::outbox::Subject;

/// What a message's events can say (service model, `EventType` without `TEXT_`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Queued,
    Pending,
    Sent,
    Successful,
    Delivered,
    Invalid,
    InvalidMessage,
    Unreachable,
    CarrierUnreachable,
    Blocked,
    CarrierBlocked,
    Spam,
    Unknown,
    TtlExpired,
    ProtectBlocked,
    /// Not a status: no event ever comes.
    Silence,
}

impl Status {
    fn name(self) -> String {
        let name = json!(self);
        name.as_str().unwrap_or_default().to_owned()
    }

    /// Whether nothing comes after it.
    fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Pending | Self::Sent)
    }

    fn description(self) -> &'static str {
        match self {
            Self::Queued => "Message is queued for delivery",
            Self::Pending => "Message is in the process of being delivered",
            Self::Sent => "Message has been sent",
            Self::Successful => "Message has been accepted by phone carrier",
            Self::Delivered => "Message has been accepted by phone",
            Self::Invalid => "The destination phone number is not valid",
            Self::InvalidMessage => "The message is not valid and cannot be delivered",
            Self::Unreachable => "Phone is currently unreachable/unavailable",
            Self::CarrierUnreachable => "Phone carrier is currently unreachable/unavailable",
            Self::Blocked => "Phone is blocking SMS",
            Self::CarrierBlocked => "Phone carrier has blocked this message",
            Self::Spam => "Message identified as spam by phone carrier",
            Self::Unknown | Self::Silence => "Unknown error attempting to reach phone",
            Self::TtlExpired => "Message validity has expired",
            Self::ProtectBlocked => "Message blocked by a protect configuration",
        }
    }
}

/// An accepted message, as its events tell of it.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) id: String,
    pub(super) origination: String,
    pub(super) destination: String,
    pub(super) country: Option<&'static str>,
    pub(super) international: bool,
    pub(super) requested: OffsetDateTime,
    pub(super) sizing: Sizing,
    pub(super) message_type: String,
    pub(super) price: f64,
    pub(super) context: BTreeMap<String, String>,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sent").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Sent {
    /// What all its events have; [`subject`] adds the status.
    pub(super) fn basis(&self, with_destination: bool, with_context: bool) -> Map<String, Value> {
        let mut basis = Map::new();
        let mut put = |name: &str, value: Value| basis.insert(name.to_owned(), value);
        put("eventVersion", json!("1.0"));
        put("originationPhoneNumber", json!(self.origination));
        if with_destination {
            put("destinationPhoneNumber", json!(self.destination));
        }
        if let Some(country) = self.country {
            put("isoCountryCode", json!(country));
        }
        put("isInternationalSend", json!(self.international));
        put("messageId", json!(self.id));
        put("messageRequestTimestamp", json!(ids::epoch_milliseconds(self.requested)));
        put("messageEncoding", json!(self.sizing.encoding));
        put("messageType", json!(self.message_type));
        if with_context && !self.context.is_empty() {
            put("context", json!(self.context));
        }
        put("totalMessageParts", json!(self.sizing.parts));
        put("totalMessagePrice", json!(self.price));
        put("totalCarrierFee", json!(0.0));
        basis
    }
}

/// The event of a status.
pub(super) fn subject(
    basis: &Map<String, Value>,
    status: Status,
    at: OffsetDateTime,
    after: Duration,
) -> Subject {
    let mut detail = basis.clone();
    detail.insert("eventType".into(), json!(format!("TEXT_{}", status.name())));
    detail.insert("eventTimestamp".into(), json!(ids::epoch_milliseconds(at)));
    detail.insert("isFinal".into(), json!(status.is_final()));
    detail.insert("messageStatus".into(), json!(status.name()));
    detail.insert("messageStatusDescription".into(), json!(status.description()));
    Subject {
        detail_type: "Text Message Delivery Status Updated",
        resources: Vec::new(),
        detail: Value::Object(detail),
        after,
    }
}
