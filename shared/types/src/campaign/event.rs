//! What is told about campaigns, on the event bus.

use serde::{Deserialize, Serialize};

use super::record::Counts;

/// The `source` of these events.
pub const SOURCE: &str = "eventide.compliance-screening";
/// The `detail-type` of [`Screened`].
pub const SCREENED: &str = "Campaign Screened";
/// The `detail-type` of [`Sent`].
pub const SENT: &str = "Campaign Sent";
/// The `detail-type` of [`Failed`].
pub const FAILED: &str = "Campaign Failed";

/// A campaign is screened: what is approved is sent, or waits for its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Screened {
    /// The campaign.
    pub campaign: String,
    /// The upload.
    pub upload: String,
    /// What it consists of.
    #[serde(flatten)]
    pub counts: Counts,
    /// The bucket of the reports.
    pub bucket: String,
    /// The key of the verdicts.
    pub verdicts: String,
    /// The key of the contents that a person has to decide on.
    pub review: String,
}

/// There is nothing left to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// The campaign.
    pub campaign: String,
    /// The upload.
    pub upload: String,
    /// Messages by what became of them: `accepted`, `refused`, `uncertain`.
    pub accepted: u64,
    /// Messages that the provider will not send, opted-out recipients among them.
    pub refused: u64,
    /// Messages of which nobody knows.
    pub uncertain: u64,
    /// The bucket of the reports.
    pub bucket: String,
    /// The key of the report.
    pub report: String,
}

/// A campaign could not be screened. Nothing of it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// The campaign.
    pub campaign: String,
    /// The upload.
    pub upload: String,
    /// A stable name of the kind of failure.
    pub error_class: String,
    /// What went wrong, without content of the file.
    pub reason: String,
}
