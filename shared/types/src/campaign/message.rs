//! What the functions tell each other, through queues and through files in the work bucket.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::verdict::Judged;
use super::{Channel, ContentId};

/// To campaign-classify: an upload's contents are gathered, or its classification is to be looked after or carried on. The
/// events of finished jobs come through the same queue; they have a `detail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classify {
    /// The campaign.
    pub campaign: String,
    /// The upload.
    pub upload: String,
    /// With an endpoint: how many documents are classified already.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub done: u64,
    /// How often in a row the endpoint has throttled.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub throttled: u64,
}

impl Classify {
    /// From the beginning.
    pub fn of(campaign: &str, upload: &str) -> Self {
        Self { campaign: campaign.to_owned(), upload: upload.to_owned(), done: 0, throttled: 0 }
    }
}

/// To campaign-judge: the scores of an upload are complete, or decisions of people are to take effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The campaign.
    pub campaign: String,
    /// The upload.
    pub upload: String,
    /// The name of the release: only messages of the contents that it approves are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
}

/// To campaign-send: a shard is to be taken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// The shard's key.
    pub shard: String,
}

/// To campaign-report: a campaign's report is to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The campaign.
    pub campaign: String,
}

/// A distinct content of an upload, as it is screened.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Its id.
    pub content: ContentId,
    /// The channel of the first message that has it.
    pub channel: Channel,
    /// What the reader will read: subject, visible text, alternative texts, hosts of links.
    pub text: String,
    /// How many parts its text is classified in.
    pub parts: u32,
    /// Why it is not classified at all, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
}

impl fmt::Debug for Content {
    /// Without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("content", &self.content)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

/// A row that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unparsed {
    /// The line it begins on, from 1.
    pub line: u64,
    /// Why, without content of the row.
    pub reason: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
