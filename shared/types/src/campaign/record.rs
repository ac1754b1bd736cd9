//! Where a campaign and the parts of its sending stand.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Channel;
use super::keys::Form;
use super::settings::Settings;

/// Where a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its file is being read, and its contents gathered.
    Screening,
    /// Its contents are being classified.
    Classifying,
    /// Its messages are being joined with the verdicts.
    Judging,
    /// Approved messages are being sent, or wait for their time, for a person, or for being resumed.
    Sending,
    /// There is nothing left to send. Decisions on held contents may begin it anew.
    Sent,
    /// A person stopped it for good.
    Cancelled,
    /// It could not be screened. Nothing of it was sent.
    Failed,
}

impl State {
    /// The name in files, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Screening => "screening",
            Self::Classifying => "classifying",
            Self::Judging => "judging",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// The record of a campaign: its latest upload.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Campaign {
    /// Its id.
    pub id: String,
    /// Which upload of its file this is: 16 hex digits made from the object's version.
    pub upload: String,
    /// The object in the campaign bucket.
    pub key: String,
    /// Its version, if the bucket keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Its entity tag.
    pub etag: String,
    /// Its sequencer, by which S3 orders the events of one key.
    pub sequencer: String,
    /// Its size in bytes, as it lies in S3.
    pub bytes: u64,
    /// The form of its rows.
    #[serde(with = "form")]
    pub form: Form,
    /// Whether it is compressed.
    pub gzip: bool,
    /// Where it stands.
    pub state: State,
    /// Whether a person paused it.
    pub paused: bool,
    /// Who paused, resumed or cancelled it last, when and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// What holds for its messages.
    pub settings: Settings,
    /// The classifier version that its contents are scored by.
    pub classifier: String,
    /// The message whose receiver reads the file. A copy of it does not read the file, too, while that is going on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub holder: String,
    /// The classification job, if one was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Counts, as far as they are known.
    pub counts: Counts,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the file was uploaded.
    #[serde(with = "time::serde::rfc3339")]
    pub uploaded_at: OffsetDateTime,
    /// When it was screened.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub screened_at: Option<OffsetDateTime>,
    /// When the last message was settled.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<OffsetDateTime>,
    /// When the record last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// When somebody has to look after it, if nothing else happens.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub due_at: Option<OffsetDateTime>,
    /// How often it was written: a write on top of an older one is refused.
    pub revision: u64,
}

/// What a person decided about a whole campaign.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// `pause`, `resume` or `cancel`
    pub action: String,
    /// Who.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// What a campaign consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Rows of the file, header lines not counted.
    pub rows: u64,
    /// Of them, those that do not parse.
    pub unparsed: u64,
    /// Distinct contents.
    pub contents: u64,
    /// Of them, those that an earlier campaign had classified.
    pub known: u64,
    /// Texts given to the classifier; a long content is several.
    pub documents: u64,
    /// Messages that may be sent, those that a person approved included.
    pub approved: u64,
    /// Messages that wait for a person.
    pub held: u64,
    /// Messages that are not sent.
    pub rejected: u64,
}

impl fmt::Debug for Campaign {
    /// Without the settings and what people said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Campaign")
            .field("id", &self.id)
            .field("upload", &self.upload)
            .field("state", &self.state)
            .field("paused", &self.paused)
            .field("counts", &self.counts)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Decided {
    /// Without who and why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decided").field("action", &self.action).field("at", &self.at).finish_non_exhaustive()
    }
}

/// A part of a campaign's approved messages: those of one channel that may be reached at the same hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shard {
    /// The object in the work bucket with its messages. It is what the shard is known by.
    pub key: String,
    /// The campaign.
    pub campaign: String,
    /// The upload that its messages are of. A newer one takes its place.
    pub upload: String,
    /// How its messages travel.
    pub channel: Channel,
    /// The time zones that its recipients may be in: an IANA name, or `+` and a country calling code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How many messages it has.
    pub messages: u32,
    /// Whether it is a test, which is sent at any hour and though the campaign is paused, and not counted.
    pub test: bool,
    /// The message to go on with, from 0.
    pub next: u32,
    /// Messages that somebody else was at, or that were throttled: they are looked at again when the end is reached.
    pub left: u32,
    /// Whether there is nothing left to do.
    pub closed: bool,
    /// When it is to be taken up, or somebody has to look after it, whichever is sooner.
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// How often it was written: a write on top of an older one is refused.
    pub revision: u64,
}

mod form {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Form;

    pub(super) fn serialize<S: Serializer>(form: &Form, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match form {
            Form::Csv => "csv",
            Form::JsonLines => "jsonl",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Form, D::Error> {
        match std::borrow::Cow::<str>::deserialize(deserializer)?.as_ref() {
            "csv" => Ok(Form::Csv),
            "jsonl" => Ok(Form::JsonLines),
            _ => Err(de::Error::custom("expected `csv` or `jsonl`")),
        }
    }
}
