//! Statements: what was asked, where they stand, what came of them.

use std::sync::Arc;

use eventide_local_engine::ResultSet;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::identity::Identity;
use super::ids::timestamp;
use super::plan::EventPlan;
use super::target::Target;
use super::warehouse::Sql;

/// `StatementStatusString`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Submitted,
    Picked,
    Started,
    Finished,
    Failed,
    Aborted,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Picked => "PICKED",
            Self::Started => "STARTED",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Aborted => "ABORTED",
        }
    }

    pub(super) fn has_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Aborted)
    }
}

/// `ResultFormatString`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Csv => "CSV",
        }
    }
}

/// `ExecutionMode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Transaction,
    AutoCommit,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Transaction => "TRANSACTION",
            Self::AutoCommit => "AUTO_COMMIT",
        }
    }
}

/// One SQL statement: the only one of `ExecuteStatement`, one of several of `BatchExecuteStatement`.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) sql: Sql,
    pub(super) status: Status,
    pub(super) error: Option<String>,
    /// -1 for null, as in the three below.
    pub(super) rows: i64,
    pub(super) size: i64,
    pub(super) query_id: i64,
    pub(super) result: Option<Arc<dyn ResultSet>>,
    pub(super) updated: OffsetDateTime,
    pub(super) began: Option<OffsetDateTime>,
    /// Nanoseconds.
    pub(super) duration: i64,
}

impl Part {
    pub(super) fn new(sql: Sql, now: OffsetDateTime) -> Self {
        Self {
            sql,
            status: Status::Submitted,
            error: None,
            rows: -1,
            size: -1,
            query_id: -1,
            result: None,
            updated: now,
            began: None,
            duration: 0,
        }
    }

    /// The members that a statement and a sub-statement have in common.
    fn shown(&self, id: &str, created: OffsetDateTime) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("Id", json!(id));
        put("CreatedAt", json!(timestamp(created)));
        put("UpdatedAt", json!(timestamp(self.updated)));
        put("Status", json!(self.status.name()));
        put("QueryString", json!(self.sql.text));
        put("Duration", json!(self.duration));
        put("ResultRows", json!(self.rows));
        put("ResultSize", json!(self.size));
        put("RedshiftQueryId", json!(self.query_id));
        put("HasResultSet", json!(self.result.is_some()));
        if let Some(error) = &self.error {
            put("Error", json!(error));
        }
        shown
    }
}

/// A request that was taken.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) id: String,
    /// Counts up, in the order of submission.
    pub(super) number: u64,
    pub(super) identity: Identity,
    pub(super) target: Target,
    pub(super) name: Option<String>,
    pub(super) with_event: bool,
    pub(super) event_plan: Option<EventPlan>,
    pub(super) format: Format,
    /// How a batch runs; `None` for `ExecuteStatement`.
    pub(super) batch: Option<Mode>,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) session: Option<String>,
    pub(super) created: OffsetDateTime,
    pub(super) updated: OffsetDateTime,
    pub(super) status: Status,
    pub(super) error: Option<String>,
    pub(super) began: Option<OffsetDateTime>,
    /// Nanoseconds.
    pub(super) duration: i64,
    pub(super) pid: i64,
    pub(super) parts: Vec<Part>,
    /// Turns true as it ends.
    pub(super) ended: watch::Sender<bool>,
    /// Requests that wait for its end.
    pub(super) waiting: usize,
}

impl Statement {
    /// Whether any part has a result set.
    pub(super) fn has_result(&self) -> bool {
        self.parts.iter().any(|part| part.result.is_some())
    }

    /// The rows of all parts that count any; -1 where none does.
    pub(super) fn rows(&self) -> i64 {
        let counted = self.parts.iter().map(|part| part.rows).filter(|rows| *rows >= 0);
        counted.reduce(i64::saturating_add).unwrap_or(-1)
    }

    /// The part that `:N` of an id means; without it, the only one of `ExecuteStatement`.
    pub(super) fn part(&self, number: Option<usize>) -> Option<&Part> {
        match (self.batch, number) {
            (None, None) => self.parts.first(),
            (Some(_), Some(number)) => self.parts.get(number.checked_sub(1)?),
            _ => None,
        }
    }

    /// Whether each part is committed by itself.
    pub(super) fn keeps_each_part(&self) -> bool {
        self.batch == Some(Mode::AutoCommit)
    }

    /// What the submitting operations answer.
    pub(super) fn receipt(&self) -> Value {
        let mut answer = json!({
            "Id": self.id,
            "CreatedAt": timestamp(self.created),
            "DbUser": self.target.user,
            "DbGroups": [],
            "Database": self.target.database,
            "Status": self.status.name(),
            "RedshiftPid": self.pid,
        });
        if let Some(members) = answer.as_object_mut() {
            self.put_connection(members);
            if self.status.has_ended() {
                members.insert("HasResultSet".into(), json!(self.has_result()));
            }
        }
        answer
    }

    /// What `DescribeStatement` answers of it.
    pub(super) fn described(&self) -> Value {
        let mut shown = match (self.batch, self.parts.first()) {
            (None, Some(part)) => part.shown(&self.id, self.created),
            _ => Map::new(),
        };
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("Id", json!(self.id));
        put("CreatedAt", json!(timestamp(self.created)));
        put("UpdatedAt", json!(timestamp(self.updated)));
        put("Status", json!(self.status.name()));
        put("Duration", json!(self.duration));
        put("RedshiftPid", json!(self.pid));
        put("HasResultSet", json!(self.has_result()));
        put("ResultFormat", json!(self.format.name()));
        put("Database", json!(self.target.database));
        put("DbUser", json!(self.target.user));
        if let Some(error) = &self.error {
            put("Error", json!(error));
        }
        if !self.parameters.is_empty() {
            put("QueryParameters", self.query_parameters());
        }
        if let Some(mode) = self.batch {
            put("ExecutionMode", json!(mode.name()));
            for member in ["ResultRows", "ResultSize", "RedshiftQueryId"] {
                put(member, json!(-1));
            }
            let numbered = self.parts.iter().zip(1..);
            let parts = numbered.map(|(part, number)| part.shown(&self.part_id(number), self.created));
            let parts: Vec<_> = parts.collect();
            put("SubStatements", json!(parts));
        }
        self.put_connection(&mut shown);
        Value::Object(shown)
    }

    /// What `DescribeStatement` answers of a part.
    pub(super) fn described_part(&self, number: usize) -> Option<Value> {
        let mut shown = self.part(Some(number))?.shown(&self.part_id(number), self.created);
        shown.insert("ResultFormat".into(), json!(self.format.name()));
        shown.insert("Database".into(), json!(self.target.database));
        shown.insert("DbUser".into(), json!(self.target.user));
        self.put_connection(&mut shown);
        Some(Value::Object(shown))
    }

    /// What `ListStatements` shows.
    pub(super) fn listed(&self) -> Value {
        let mut listed = json!({
            "Id": self.id,
            "CreatedAt": timestamp(self.created),
            "UpdatedAt": timestamp(self.updated),
            "Status": self.status.name(),
            "IsBatchStatement": self.batch.is_some(),
            "ResultFormat": self.format.name(),
        });
        let Some(members) = listed.as_object_mut() else { return listed };
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        let mut texts: Vec<&str> = self.parts.iter().map(|part| part.sql.text.as_str()).collect();
        match self.batch {
            Some(_) => put("QueryStrings", json!(texts)),
            None => put("QueryString", json!(texts.pop())),
        };
        let options = [
            ("StatementName", &self.name),
            ("SecretArn", &self.target.named.secret),
            ("SessionId", &self.session),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                put(name, json!(value));
            }
        }
        if !self.parameters.is_empty() {
            put("QueryParameters", self.query_parameters());
        }
        listed
    }

    fn part_id(&self, number: usize) -> String {
        format!("{}:{number}", self.id)
    }

    fn query_parameters(&self) -> Value {
        let parameters = self.parameters.iter().map(|(name, value)| json!({ "name": name, "value": value }));
        parameters.collect()
    }

    fn put_connection(&self, members: &mut Map<String, Value>) {
        let named = &self.target.named;
        let options = [
            ("ClusterIdentifier", &named.cluster),
            ("WorkgroupName", &named.workgroup),
            ("SecretArn", &named.secret),
            ("SessionId", &self.session),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        }
    }
}
