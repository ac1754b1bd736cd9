//! Marketing campaigns: uploaded as a file, screened by an Amazon Comprehend custom classifier, sent by email and SMS.
//!
//! A campaign is one object of the campaign bucket, `campaigns/<id>.csv` or `.jsonl`, gzip allowed. Each of its rows is a
//! message to one recipient. What the recipient would read is the message's *content*; many messages share one.
//!
//! - [`settings`]: what holds for all messages of a campaign, from its header or sidecar
//! - [`verdict`]: the classifier's scores on a content, and what the policy makes of them
//! - [`record`]: where a campaign and the parts of its sending stand
//! - [`outgoing`]: an approved message on its way to its provider
//! - [`message`]: what the functions tell each other through queues
//! - [`command`]: what people decide about campaigns
//! - [`event`]: what is told about campaigns
//! - [`provider`]: what Amazon SES and AWS End User Messaging tell about messages
//! - [`content`]: the id of a content
//! - [`keys`]: where everything lies in the buckets

pub mod command;
pub mod content;
pub mod event;
pub mod keys;
pub mod message;
pub mod outgoing;
pub mod provider;
pub mod record;
pub mod settings;
pub mod verdict;

pub use content::ContentId;
pub use record::Campaign;
pub use settings::Settings;

use serde::{Deserialize, Serialize};

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// By Amazon SES.
    Email,
    /// By AWS End User Messaging SMS.
    Sms,
}

impl Channel {
    /// The name in files and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// Whether `id` can be a campaign's: 1 to 64 of `A-Z`, `a-z`, `0-9`, `_` and `-`, which is also what a message tag of SES
/// may hold.
pub fn is_campaign_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaigns_id_fits_into_a_key_and_a_tag() {
        for (id, expected) in
            [("spring-2026", true), ("A_1", true), ("", false), ("a/b", false), ("ü", false), ("a b", false)]
        {
            assert_eq!(is_campaign_id(id), expected, "{id}");
        }
        assert!(is_campaign_id(&"a".repeat(64)) && !is_campaign_id(&"a".repeat(65)));
    }
}
