//! What is asked for, and the record of a request on its way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::definition::{Format, Warehouse};

/// What is asked for: the body of a direct invocation and of the function URL, the `detail` of an event, the input of
/// a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The mart's name.
    pub mart: String,
    /// Values by the parameters' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Value>,
    /// Tells this request from an equal one: 1 to 128 printable characters. Else the event's or invocation's own id does.
    #[serde(default, rename = "requestId", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Whether to wait for the rows and answer with them, instead of delivering a file.
    #[serde(default)]
    pub wait: bool,
    /// Overrides the mart's delivery format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Overrides the mart's choice of `UNLOAD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unload: Option<bool>,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Accepted; it may or may not have been submitted.
    Accepted,
    /// Redshift has it.
    Submitted,
    /// Its result is being written.
    Delivering,
    /// Its result lies under the final key, or was answered directly.
    Delivered,
    /// It failed for good.
    Failed,
}

impl State {
    /// The states of a request that has not ended.
    pub const ON_ITS_WAY: [Self; 3] = [Self::Accepted, Self::Submitted, Self::Delivering];

    /// Whether the request has ended.
    pub fn is_final(self) -> bool {
        !Self::ON_ITS_WAY.contains(&self)
    }
}

/// The record of a request, kept from its acceptance until its expiry. Its key is the [`token`](Self::token).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// 64 hex digits made from what identifies the request: the Data API's `ClientToken`, and the end of the
    /// statement's name, so that the event of its end leads here.
    pub token: String,
    /// What was asked for, as it was asked.
    pub request: Request,
    /// Who asked, in the words of [`Caller`](super::definition::Caller).
    pub caller: String,
    /// The team that pays.
    pub owner: String,
    /// The version of the mart's file that was in force.
    pub version_id: String,
    /// Where it runs.
    pub warehouse: Warehouse,
    /// The database.
    pub database: String,
    /// How the result is fetched and delivered.
    pub format: Format,
    /// Whether the warehouse writes the result.
    pub unload: bool,
    /// The SQL to run, kept so that a second attempt to submit it is the same statement.
    pub sql: String,
    /// Its named parameters.
    pub parameters: Vec<(String, String)>,
    /// Whether the answer carries the rows, so that there is nothing to deliver.
    pub inline: bool,
    /// Where the result will lie: the key without extension, in the result bucket.
    pub key: String,
    /// The most rows allowed.
    pub row_cap: u64,
    /// Where it stands.
    pub state: State,
    /// The statement's id, once Redshift has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_id: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was accepted.
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
    /// When it last moved.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl Record {
    /// The key of its file. What the warehouse itself writes lies below [`unload_prefix`](Self::unload_prefix) instead.
    pub fn file_key(&self) -> String {
        format!("{}.{}", self.key, self.format.extension())
    }

    /// The key of its manifest.
    pub fn manifest_key(&self) -> String {
        format!("{}.manifest.json", self.key)
    }

    /// How the keys begin of what the warehouse itself writes.
    pub fn unload_prefix(&self) -> String {
        format!("{}/", self.key)
    }
}

impl std::fmt::Debug for Record {
    /// Without parameters and reason, which are content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("token", &self.token)
            .field("mart", &self.request.mart)
            .field("state", &self.state)
            .field("statement_id", &self.statement_id)
            .finish_non_exhaustive()
    }
}
