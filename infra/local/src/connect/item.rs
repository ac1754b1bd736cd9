//! Messages and events of a chat.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::messages::ids;

pub(super) const TEXT: &str = "text/plain";
pub(super) const MARKDOWN: &str = "text/markdown";
pub(super) const JSON: &str = "application/json";
pub(super) const RESPONSE: &str = "application/vnd.amazonaws.connect.message.interactive.response";
pub(super) const INTERACTIVE: &str = "application/vnd.amazonaws.connect.message.interactive";
pub(super) const TYPING: &str = "application/vnd.amazonaws.connect.event.typing";
pub(super) const JOINED: &str = "application/vnd.amazonaws.connect.event.participant.joined";
pub(super) const LEFT: &str = "application/vnd.amazonaws.connect.event.participant.left";
pub(super) const ENDED: &str = "application/vnd.amazonaws.connect.event.chat.ended";
pub(super) const ACKNOWLEDGED: &str = "application/vnd.amazonaws.connect.event.connection.acknowledged";
pub(super) const DELIVERED: &str = "application/vnd.amazonaws.connect.event.message.delivered";
pub(super) const READ: &str = "application/vnd.amazonaws.connect.event.message.read";

/// Who takes part in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Participant {
    pub(super) id: String,
    /// `CUSTOMER` or `AGENT`.
    pub(super) role: &'static str,
    pub(super) name: String,
}

impl Participant {
    pub(super) fn new(role: &'static str, name: &str) -> Self {
        Self { id: ids::uuid(), role, name: name.to_owned() }
    }
}

/// When a message reached its recipient.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Receipt {
    pub(super) delivered: Option<OffsetDateTime>,
    pub(super) read: Option<OffsetDateTime>,
}

/// A message or an event of a chat (Participant Service, data type `Item`).
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) at: OffsetDateTime,
    pub(super) content_type: String,
    /// A message's; an event has none.
    pub(super) content: Option<String>,
    /// The end of a chat is nobody's.
    pub(super) from: Option<Participant>,
    /// By the recipient's participant id.
    pub(super) receipts: BTreeMap<String, Receipt>,
}

impl Item {
    pub(super) fn is_message(&self) -> bool {
        self.content.is_some()
    }

    /// As a transcript has it.
    pub(super) fn shown(&self, contact: &str) -> Value {
        let mut shown = json!({
            "Id": self.id, "AbsoluteTime": ids::milliseconds(self.at), "ContentType": self.content_type,
            "Type": if self.is_message() { "MESSAGE" } else { "EVENT" }, "ContactId": contact,
        });
        let Some(members) = shown.as_object_mut() else { return shown };
        if let Some(content) = &self.content {
            members.insert("Content".into(), content.as_str().into());
        }
        if let Some(from) = &self.from {
            members.insert("ParticipantId".into(), from.id.as_str().into());
            members.insert("ParticipantRole".into(), from.role.into());
            members.insert("DisplayName".into(), from.name.as_str().into());
        }
        if !self.receipts.is_empty() {
            members.insert("MessageMetadata".into(), self.metadata());
        }
        shown
    }

    /// As it comes over a WebSocket.
    pub(super) fn sent(&self, contact: &str) -> Value {
        let mut sent = self.shown(contact);
        if let Some(members) = sent.as_object_mut() {
            members.insert("InitialContactId".into(), contact.into());
        }
        sent
    }

    /// What its receipts are, as it comes over a WebSocket (amazon-connect-chatjs, `MessageReceiptsUtil`).
    pub(super) fn receipts_sent(&self, contact: &str) -> Value {
        json!({
            "Id": self.id, "Type": "MESSAGEMETADATA", "MessageMetadata": self.metadata(),
            "ContactId": contact, "InitialContactId": contact,
        })
    }

    fn metadata(&self) -> Value {
        let receipts = self.receipts.iter().map(|(recipient, receipt)| {
            let mut shown = serde_json::Map::new();
            shown.insert("RecipientParticipantId".into(), recipient.as_str().into());
            for (member, at) in [("DeliveredTimestamp", receipt.delivered), ("ReadTimestamp", receipt.read)] {
                shown.extend(at.map(|at| (member.to_owned(), Value::from(ids::milliseconds(at)))));
            }
            Value::Object(shown)
        });
        json!({ "MessageId": self.id, "Receipts": receipts.collect::<Vec<_>>() })
    }
}

/// The topic that all of a chat comes under.
pub(super) const TOPIC: &str = "aws/chat";

/// What a WebSocket brings: an item as text within the envelope of its topic.
pub(super) fn frame(item: &Value) -> String {
    json!({ "topic": TOPIC, "contentType": JSON, "content": item.to_string() }).to_string()
}
