//! The manifest of a delivered result and the events about it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::definition::Format;

/// The `source` of our events.
pub const SOURCE: &str = "eventide.data-marts";

/// The `detail-type`s of our events, which are also metrics' and rules' words.
pub mod event {
    /// A result lies under its key: [`Ready`](super::Ready).
    pub const READY: &str = "Data Mart Ready";
    /// A request failed for good: [`Failed`](super::Failed).
    pub const FAILED: &str = "Data Mart Failed";
    /// A mart is in force: [`Deployed`](super::Deployed).
    pub const DEPLOYED: &str = "Data Mart Deployed";
    /// A mart's file is refused; what was in force still is: [`Rejected`](super::Rejected).
    pub const REJECTED: &str = "Data Mart Rejected";
    /// A mart is in force no more, because its file was deleted: [`Withdrawn`](super::Withdrawn).
    pub const WITHDRAWN: &str = "Data Mart Withdrawn";
}

/// What a delivered result consists of. It is written after its files: whoever finds it finds them whole.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The mart's name.
    pub mart: String,
    /// The version of the mart's file in the mart bucket.
    pub version: String,
    /// The request's own id, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The request's token.
    pub token: String,
    /// The Data API's id of the statement.
    pub statement_id: String,
    /// Redshift's own id of the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<i64>,
    /// The files' format.
    pub format: Format,
    /// The bucket of the files.
    pub bucket: String,
    /// The files, in the order of their rows.
    pub files: Vec<File>,
    /// The columns, in order.
    pub columns: Vec<ColumnSchema>,
    /// Rows of all files.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// What was asked for.
    pub parameters: BTreeMap<String, Value>,
    /// When Redshift took the statement.
    #[serde(with = "time::serde::rfc3339")]
    pub submitted_at: OffsetDateTime,
    /// When the statement had ended, as far as known.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<OffsetDateTime>,
    /// When the files were complete.
    #[serde(with = "time::serde::rfc3339")]
    pub delivered_at: OffsetDateTime,
    /// Milliseconds that the statement ran.
    pub duration_ms: u64,
}

impl fmt::Debug for Manifest {
    /// Without parameters, which are content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("mart", &self.mart)
            .field("token", &self.token)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// A file of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its key in the result bucket.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// Its rows; unknown where the warehouse wrote the file and did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Hex SHA-256 of its content; unknown where the warehouse wrote the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSchema {
    /// Its label.
    pub name: String,
    /// Redshift's name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
    /// Digits of a numeric, length of a character type.
    pub precision: i32,
    /// Digits after the point.
    pub scale: i32,
}

/// The detail of `Data Mart Ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// The mart's name.
    pub mart: String,
    /// The team that pays.
    pub owner: String,
    /// The request's own id, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The request's token.
    pub token: String,
    /// The Data API's id of the statement.
    pub statement_id: String,
    /// The result bucket.
    pub bucket: String,
    /// The key of the [`Manifest`].
    pub manifest: String,
    /// The files' keys; the first 100, where an unloaded result has more. The manifest names all.
    pub keys: Vec<String>,
    /// The files' format.
    pub format: Format,
    /// Rows of all files.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// The detail of `Data Mart Failed`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// The mart's name.
    pub mart: String,
    /// The team that would have paid, where the mart is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The request's own id, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The request's token, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The Data API's id of the statement, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_id: Option<String>,
    /// A stable name of the kind of failure, such as `Permanent.InvalidRequest` or `Aborted`.
    pub error_class: String,
    /// What went wrong, and what was expected.
    pub reason: String,
    /// The warehouse's own words. They may quote data: for whoever may see the result, and for no log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_error: Option<String>,
}

impl fmt::Debug for Failed {
    /// Without reason and the warehouse's words, which may be content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed")
            .field("mart", &self.mart)
            .field("token", &self.token)
            .field("statement_id", &self.statement_id)
            .field("error_class", &self.error_class)
            .finish_non_exhaustive()
    }
}

/// The detail of `Data Mart Deployed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// The mart's name.
    pub mart: String,
    /// The team that pays.
    pub owner: String,
    /// The file in the mart bucket.
    pub key: String,
    /// Its version.
    pub version: String,
    /// Hex SHA-256 of the file.
    pub digest: String,
    /// The relation behind the view, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
}

/// The detail of `Data Mart Rejected`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// The mart's name, where the file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mart: Option<String>,
    /// The file in the mart bucket.
    pub key: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The line at fault, from 1 on, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong, and what was expected.
    pub reason: String,
    /// The warehouse's own words, where it refused a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_error: Option<String>,
}

impl fmt::Debug for Rejected {
    /// Without reason and the warehouse's words, which may be content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("mart", &self.mart)
            .field("key", &self.key)
            .field("version", &self.version)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// The detail of `Data Mart Withdrawn`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Withdrawn {
    /// The mart's name.
    pub mart: String,
    /// The team that paid.
    pub owner: String,
    /// The file that was in the mart bucket.
    pub key: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    /// What consumers read, member by member.
    #[test]
    fn a_manifest_has_the_names_that_it_is_known_by() {
        let manifest = Manifest {
            mart: "rates".to_owned(),
            version: "v1".to_owned(),
            request_id: Some("r-1".to_owned()),
            token: "4f1c".to_owned(),
            statement_id: "s-1".to_owned(),
            query_id: Some(7),
            format: Format::Csv,
            bucket: "results".to_owned(),
            files: vec![File {
                key: "hr/rates/4f1c.csv".to_owned(),
                bytes: 12,
                rows: Some(1),
                sha256: Some("ab".to_owned()),
            }],
            columns: vec![ColumnSchema {
                name: "rate".to_owned(),
                type_name: "numeric".to_owned(),
                nullable: true,
                precision: 10,
                scale: 4,
            }],
            rows: 1,
            bytes: 12,
            parameters: BTreeMap::from([("year".to_owned(), json!(2026))]),
            submitted_at: datetime!(2026-11-01 12:00 UTC),
            finished_at: None,
            delivered_at: datetime!(2026-11-01 12:00:02.5 UTC),
            duration_ms: 1_500,
        };
        let written = json!({
            "mart": "rates", "version": "v1", "requestId": "r-1", "token": "4f1c", "statementId": "s-1", "queryId": 7,
            "format": "csv", "bucket": "results",
            "files": [{"key": "hr/rates/4f1c.csv", "bytes": 12, "rows": 1, "sha256": "ab"}],
            "columns": [{"name": "rate", "type": "numeric", "nullable": true, "precision": 10, "scale": 4}],
            "rows": 1, "bytes": 12, "parameters": {"year": 2026}, "submittedAt": "2026-11-01T12:00:00Z",
            "deliveredAt": "2026-11-01T12:00:02.5Z", "durationMs": 1500
        });
        assert_eq!(serde_json::to_value(&manifest).unwrap(), written);
        assert_eq!(serde_json::from_value::<Manifest>(written).unwrap(), manifest);
        assert!(!format!("{manifest:?}").contains("2026"), "parameters are content");
    }

    #[test]
    fn a_failure_is_shown_without_what_the_warehouse_said() {
        let detail = json!({"mart": "rates", "token": "4f1c", "errorClass": "Failed", "reason": "it failed",
            "warehouseError": "invalid input: \"Ann\""});
        let failed: Failed = serde_json::from_value(detail.clone()).unwrap();
        assert!(!format!("{failed:?}").contains("Ann"));
        assert_eq!(serde_json::to_value(&failed).unwrap(), detail);
    }
}
