//! An approved message on its way to its provider.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Channel, ContentId};

/// Names of the message tags (SES) and context keys (SMS) that tie a provider's events to a message.
pub mod tags {
    /// The message's entry in the ledger.
    pub const ENTRY: &str = "eventide-entry";
    /// The campaign.
    pub const CAMPAIGN: &str = "eventide-campaign";
}

/// One message, rendered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its entry in the ledger: 32 hex digits made from campaign and message id with a secret.
    pub entry: String,
    /// The id that its row gives it.
    pub id: String,
    /// The line that its row begins on: two rows of one id are told apart by it.
    pub line: u64,
    /// How it travels.
    pub channel: Channel,
    /// Where to: an email address, or a telephone number in E.164.
    pub to: String,
    /// Its content.
    pub content: ContentId,
    /// Of an email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text of an SMS; of an email, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Of an email, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

impl fmt::Debug for Outgoing {
    /// Without recipient, id and text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("entry", &self.entry)
            .field("channel", &self.channel)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}
