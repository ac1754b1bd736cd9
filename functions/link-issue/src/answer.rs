//! What the flow is answered.

use eventide_types::link::Language;
use serde::{Deserialize, Serialize};

/// What came of the request; flows branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every message was accepted by its provider.
    Sent,
    /// A message was accepted, or may have been, and another was not, or nobody knows.
    PartlySent,
    /// There is nowhere to send a link to.
    NoDestination,
    /// There were enough links for this contact, or for these recipients.
    Limited,
    /// No message was accepted, or the contact's link is used or revoked.
    Failed,
}

impl Status {
    /// As the flow reads it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::PartlySent => "partly_sent",
            Self::NoDestination => "no_destination",
            Self::Limited => "limited",
            Self::Failed => "failed",
        }
    }
}

/// The answer: texts only, which is what the response validation `STRING_MAP` of the flow block takes, and every member
/// is always there. It says nothing of whom it was sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// What came of it.
    pub status: Status,
    /// The channels whose messages were accepted, such as `sms,email`.
    pub channels: String,
    /// The channels of which nobody knows.
    pub uncertain: String,
    /// The channels whose messages were not accepted.
    pub failed: String,
    /// Why: of `no_destination` one of `no_consent`, `no_address` and `not_configured`; of `limited` one of `contact` and
    /// `recipient`; of `failed` possibly `link_used` or `link_revoked`; otherwise a reason for each of the channels in
    /// `failed`, or else in `uncertain`: the provider's, or `timed_out`, `no_time`, `limited` and the like.
    pub reason: String,
    /// Until when the link opens, in RFC 3339; empty if none was sent.
    pub expires_at: String,
    /// The same in whole minutes from now; empty if none was sent.
    pub expires_in_minutes: String,
    /// The language of `message`: `en`, `es` or `de`.
    pub language: Language,
    /// A sentence or two to be spoken to the caller.
    pub message: String,
}
