//! `Amazon Connect Contact Event` (administrator guide, contact events: data model and samples). The guide's
//! samples disagree in the case of names and channels; this is the first and the last one's, and the data
//! model's.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::store::{AGENT, Contact};
use crate::messages::ids;
use crate::messages::outbox::Subject;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Initiated,
    ConnectedToSystem,
    Queued,
    ConnectedToAgent,
    Disconnected,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Initiated => "INITIATED",
            Self::ConnectedToSystem => "CONNECTED_TO_SYSTEM",
            Self::Queued => "QUEUED",
            Self::ConnectedToAgent => "CONNECTED_TO_AGENT",
            Self::Disconnected => "DISCONNECTED",
        }
    }
}

/// The event of a change.
pub(super) fn subject(account: &str, contact: &Contact, kind: Kind) -> Subject {
    let instance = contact.instance_arn(account);
    let mut detail = json!({
        "eventType": kind.name(), "contactId": contact.id, "channel": contact.channel.name(),
        "instanceArn": instance, "initiationMethod": contact.method,
        "initiationTimestamp": ids::milliseconds(contact.initiated),
        "tags": { "aws:connect:instanceId": contact.instance },
    });
    let mut put = |member: &str, value: Option<Value>| {
        if let (Some(detail), Some(value)) = (detail.as_object_mut(), value) {
            detail.insert(member.to_owned(), value);
        }
    };
    let time = |at: Option<OffsetDateTime>| at.map(|at| Value::from(ids::milliseconds(at)));
    put("initialContactId", contact.initial.as_deref().map(Value::from));
    put("relatedContactId", contact.related.as_deref().map(Value::from));
    put("customerId", contact.customer_id.as_deref().map(Value::from));
    let to_system = contact.connected_to_system.filter(|_| kind != Kind::Initiated);
    put("connectedToSystemTimestamp", time(to_system));
    put("disconnectTimestamp", time(contact.ended.map(|(at, _)| at)));
    let queue = contact.queued.filter(|_| contact.method != "OUTBOUND").map(|queued| {
        json!({
            "queueArn": format!("{instance}/queue/{}", contact.queue), "queueType": "STANDARD",
            "enqueueTimestamp": ids::milliseconds(queued),
        })
    });
    put("queueInfo", queue);
    let agent = contact.with_agent.map(|at| {
        json!({
            "agentArn": format!("{instance}/agent/{AGENT}"),
            "connectedToAgentTimestamp": ids::milliseconds(at),
        })
    });
    put("agentInfo", agent);
    Subject {
        detail_type: "Amazon Connect Contact Event",
        resources: vec![format!("{instance}/contact/{}", contact.id), instance],
        detail,
        after: Duration::ZERO,
    }
}
