//! What is kept of a link: never its token, only the token's hash.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Language;

/// SHA-256 of a link's token: 64 hex digits in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkHash(String);

impl LinkHash {
    /// The hash of these bytes.
    pub fn new(sha256: [u8; 32]) -> Self {
        Self(sha256.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A hash as it was written.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LinkHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A link: one for each voice contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its token's hash, which is its key.
    pub hash: LinkHash,
    /// The voice contact that it was made for.
    pub contact_id: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Until when it can be redeemed.
    pub expires_at: OffsetDateTime,
    /// What the chat is to know.
    pub context: Context,
}

/// What stays on the server, and what the chat starts with.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// The customer's name in the chat, at most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The customer's language.
    #[serde(default)]
    pub language: Language,
    /// The name of the queue that the caller waited in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Contact attributes that were allowed to come along.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The number to call back, in E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl fmt::Debug for Context {
    /// Without name, number and attribute values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("language", &self.language)
            .field("queue", &self.queue)
            .field("attributes", &self.attributes.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
