//! What people decide about campaigns: the `detail` of an event `Campaign Command`, the payload of a direct invocation, or the
//! rows of a decision file.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::ContentId;

/// The `detail-type` of a command.
pub const DETAIL_TYPE: &str = "Campaign Command";

/// A command.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// The campaign.
    pub campaign: String,
    /// What is to be done.
    #[serde(flatten)]
    pub action: Action,
    /// Who says so: a name, an address or an ARN, 1 to 256 characters. It is kept.
    pub by: String,
    /// Why, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Action {
    /// Sends nothing more until it is resumed.
    Pause,
    /// Goes on.
    Resume,
    /// Sends nothing more at all.
    Cancel,
    /// Sends the messages of held contents.
    Approve {
        /// The contents, at most 1,000.
        contents: Vec<ContentId>,
        /// The label to train with, instead of the compliant one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    /// Sends no message of these contents.
    Reject {
        /// The contents, at most 1,000.
        contents: Vec<ContentId>,
        /// The label to train with, instead of the classifier's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    /// Sends approved contents to test recipients, marked as a test.
    TestSend {
        /// To these, each of which the campaign's settings name; without any, to all of those.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        to: Vec<String>,
    },
    /// Says what became of messages of which nobody knows whether they were sent.
    Settle {
        /// The entries in the ledger, at most 1,000.
        entries: Vec<String>,
        /// What is true of them.
        outcome: Settled,
    },
}

/// What became of an uncertain message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settled {
    /// It was sent.
    Sent,
    /// It was not sent, and is not going to be.
    NotSent,
}

impl Action {
    /// The name in events, logs and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::TestSend { .. } => "test-send",
            Self::Settle { .. } => "settle",
        }
    }
}

impl fmt::Debug for Action {
    /// The name only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Command {
    /// Without who and why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("campaign", &self.campaign)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

/// What a person decided about a content of a campaign. The first decision stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The campaign.
    pub campaign: String,
    /// The content.
    pub content: ContentId,
    /// Whether its messages are sent.
    pub approved: bool,
    /// Who.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The label to train with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The event or file that said so.
    pub source: String,
}

impl fmt::Debug for Decision {
    /// Without who and why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision")
            .field("campaign", &self.campaign)
            .field("content", &self.content)
            .field("approved", &self.approved)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn commands_are_read() {
        let content = ContentId([7; 16]);
        for (command, action) in [
            (json!({"campaign": "c", "action": "pause", "by": "ann"}), Action::Pause),
            (
                json!({"campaign": "c", "action": "approve", "contents": [content], "by": "ann", "reason": "fine"}),
                Action::Approve { contents: vec![content], label: None },
            ),
            (json!({"campaign": "c", "action": "test-send", "by": "ann"}), Action::TestSend { to: vec![] }),
            (
                json!({"campaign": "c", "action": "settle", "entries": ["4f"], "outcome": "not-sent", "by": "ann"}),
                Action::Settle { entries: vec!["4f".into()], outcome: Settled::NotSent },
            ),
        ] {
            let read: Command = serde_json::from_value(command.clone()).unwrap();
            assert!(read.action == action, "{command}");
        }
        for bad in [
            json!({"campaign": "c", "action": "send", "by": "ann"}),
            json!({"campaign": "c", "action": "pause"}),
            json!({"campaign": "c", "action": "approve", "contents": ["x"], "by": "ann"}),
        ] {
            assert!(serde_json::from_value::<Command>(bad.clone()).is_err(), "{bad}");
        }
    }
}
