//! What a report says.

use std::collections::BTreeMap;

use eventide_types::campaign::message::Unparsed;
use eventide_types::campaign::record::{Counts, Decided};
use eventide_types::campaign::{Campaign, ContentId};
use serde::Serialize;
use time::OffsetDateTime;

/// Flagged contents that a report lists. All messages are in the verdicts.
pub const FLAGGED: usize = 200;
/// Unparsed rows that a report lists. All of them are in a file of their own.
pub const UNPARSED: usize = 100;

/// The figures of a campaign, `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// The campaign.
    pub campaign: String,
    /// Its upload.
    pub upload: String,
    /// Where it stands.
    pub state: &'static str,
    /// Whether a person paused it.
    pub paused: bool,
    /// Who paused, resumed or cancelled it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The classifier version that it was screened by.
    pub classifier: String,
    /// When the report was written.
    #[serde(with = "time::serde::rfc3339")]
    pub written_at: OffsetDateTime,
    /// When it was uploaded.
    #[serde(with = "time::serde::rfc3339")]
    pub uploaded_at: OffsetDateTime,
    /// When it was screened.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub screened_at: Option<OffsetDateTime>,
    /// When its last message was settled.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<OffsetDateTime>,
    /// What it consists of.
    pub counts: Counts,
    /// Messages by verdict, a row for each channel.
    pub channels: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Held and rejected messages by category, or else by reason, a row for each channel.
    pub categories: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// What became of approved messages, a row for each channel.
    pub delivery: BTreeMap<&'static str, Delivery>,
    /// Refused messages by reason.
    pub refusals: BTreeMap<String, u64>,
    /// The contents that are held or rejected, those of most messages first.
    pub flagged: Vec<Flagged>,
    /// The first rows that do not parse.
    pub unparsed: Vec<Unparsed>,
}

impl Figures {
    /// Nothing but what the record says.
    pub fn of(campaign: &Campaign, written_at: OffsetDateTime) -> Self {
        Self {
            campaign: campaign.id.clone(),
            upload: campaign.upload.clone(),
            state: campaign.state.as_str(),
            paused: campaign.paused,
            decided: campaign.decided.clone(),
            reason: campaign.reason.clone(),
            classifier: campaign.classifier.clone(),
            written_at,
            uploaded_at: campaign.uploaded_at,
            screened_at: campaign.screened_at,
            sent_at: campaign.sent_at,
            counts: campaign.counts,
            channels: BTreeMap::new(),
            categories: BTreeMap::new(),
            delivery: BTreeMap::new(),
            refusals: BTreeMap::new(),
            flagged: Vec::new(),
            unparsed: Vec::new(),
        }
    }

    /// What became of all approved messages.
    pub fn total(&self) -> Delivery {
        let mut total = Delivery::default();
        for of_channel in self.delivery.values() {
            total.add(of_channel);
        }
        total
    }
}

/// What became of approved messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Taken by the provider. The provider's later words are counted below, too.
    pub accepted: u64,
    /// Refused by the provider for good: opted out, above the price cap, no such address.
    pub refused: u64,
    /// Nobody knows whether they were sent; they are not sent again.
    pub uncertain: u64,
    /// Not sent yet.
    pub pending: u64,
    /// Not sent, and not going to be: cancelled, too late, or of an upload that another replaced.
    pub not_sent: u64,
    /// Rows whose id an earlier row of the same file has.
    pub duplicates: u64,
    /// Of the accepted: delivered.
    pub delivered: u64,
    /// Of the accepted: bounced.
    pub bounced: u64,
    /// Of the accepted: called unwanted.
    pub complained: u64,
    /// Of the accepted: unsubscribed thereupon.
    pub unsubscribed: u64,
    /// Of the accepted: could not be delivered for another reason.
    pub failed: u64,
}

impl Delivery {
    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.uncertain += other.uncertain;
        self.pending += other.pending;
        self.not_sent += other.not_sent;
        self.duplicates += other.duplicates;
        self.delivered += other.delivered;
        self.bounced += other.bounced;
        self.complained += other.complained;
        self.unsubscribed += other.unsubscribed;
        self.failed += other.failed;
    }
}

/// A content that is held or rejected.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Flagged {
    /// Its id.
    pub content: ContentId,
    /// The channel.
    pub channel: String,
    /// `held` or `rejected`
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// The label that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// How many messages have it.
    pub messages: u64,
    /// What the reader would read.
    pub text: String,
}
