//! What providers tell about messages.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What a provider said of a message, from the least telling to the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took the message.
    Accepted,
    /// It tries again.
    Delayed,
    /// It, or the recipient's provider, would not take it.
    Failed,
    /// It was delivered.
    Delivered,
    /// It bounced, be it after its delivery: there is no such mailbox, or it is suppressed.
    Bounced,
    /// The recipient does not want such messages any more.
    Unsubscribed,
    /// The recipient called it unwanted.
    Complained,
}

impl Outcome {
    /// The name in files and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delayed => "delayed",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Unsubscribed => "unsubscribed",
            Self::Complained => "complained",
        }
    }
}

/// The message that a provider's own id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its entry in the ledger.
    pub entry: String,
    /// The campaign.
    pub campaign: String,
}

/// A provider's news of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The message's entry in the ledger.
    pub entry: String,
    /// The campaign.
    pub campaign: String,
    /// What became of the message.
    pub outcome: Outcome,
    /// The provider's own id of the message.
    pub message_id: String,
    /// The provider's word for it, such as a bounce's type: no address, no text.
    pub detail: Option<String>,
    /// When.
    pub at: OffsetDateTime,
}
