//! The Amazon Redshift Data API.

mod check;
#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod lean;
mod sdk;

#[cfg(feature = "testing")]
pub use fake::{Ending, FakeRedshiftData, Operation, ResultSet, Script};
pub use sdk::SdkRedshiftData;

use eventide_kit::error::Error;
use eventide_types::mart::definition::Warehouse;

/// How the rows of a result are fetched. It has to be said when the statement is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultFormat {
    /// Typed values with nulls (`GetStatementResult`).
    Json,
    /// Text (`GetStatementResultV2`).
    Csv,
}

/// What is to be run.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where.
    pub warehouse: Warehouse,
    /// In which database.
    pub database: String,
    /// One statement, or up to 40 that are run in their order.
    pub sql: Vec<String>,
    /// Named parameters. Their values have at least one character.
    pub parameters: Vec<(String, String)>,
    /// At most 2,048 characters.
    pub name: String,
    /// 1 to 64 characters: within 8 hours the same token never runs twice.
    pub client_token: String,
    /// How the rows will be fetched.
    pub result_format: ResultFormat,
    /// For several statements: whether they are one transaction.
    pub transaction: bool,
    /// Seconds to wait for the end, 0 (not at all) to 30.
    pub wait_seconds: u8,
}

impl std::fmt::Debug for Statement {
    /// Without SQL and parameters, which are content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement")
            .field("name", &self.name)
            .field("statements", &self.sql.len())
            .finish_non_exhaustive()
    }
}

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `SUBMITTED`, `PICKED` or `STARTED`
    Running,
    /// `FINISHED`
    Finished,
    /// `FAILED`
    Failed,
    /// `ABORTED`
    Aborted,
}

impl Status {
    /// Whether it changes no more.
    pub fn has_ended(self) -> bool {
        self != Self::Running
    }
}

/// What the Data API says of a statement.
#[derive(Clone, PartialEq, Eq)]
pub struct Described {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// The warehouse's own words about a failure. They may quote data.
    pub error: Option<String>,
    /// Whether there are rows to fetch, be it none.
    pub has_result: bool,
    /// How many rows; `None` where the warehouse counts none.
    pub rows: Option<u64>,
    /// Bytes of the result.
    pub bytes: Option<u64>,
    /// Nanoseconds that it ran.
    pub nanoseconds: u64,
    /// Redshift's own id of the query; -1 where it has none (yet).
    pub query_id: i64,
}

impl std::fmt::Debug for Described {
    /// Without the warehouse's words, which are content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Described")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("has_result", &self.has_result)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its label.
    pub name: String,
    /// Redshift's name of its type, such as `varchar`, `int8`, `numeric`.
    pub type_name: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
    /// Digits of a numeric, length of a character type.
    pub precision: i32,
    /// Digits after the point.
    pub scale: i32,
}

/// A value of a result fetched as JSON.
#[derive(Clone, PartialEq)]
pub enum Field {
    /// `isNull`
    Null,
    /// `booleanValue`
    Boolean(bool),
    /// `longValue`
    Long(i64),
    /// `doubleValue`
    Double(f64),
    /// `stringValue`: also numerics, dates and times.
    Text(String),
    /// `blobValue`
    Blob(Vec<u8>),
}

impl std::fmt::Debug for Field {
    /// The kind, without the value, which is content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Boolean(_) => "Boolean",
            Self::Long(_) => "Long",
            Self::Double(_) => "Double",
            Self::Text(_) => "Text",
            Self::Blob(_) => "Blob",
        })
    }
}

/// The rows of a page.
#[derive(Clone, PartialEq)]
pub enum Rows {
    /// Of `GetStatementResult`.
    Fields(Vec<Vec<Field>>),
    /// Of `GetStatementResultV2`: its CSV records, as they came. Each is a text of many lines; the first of a result
    /// begins with a header, as far as known.
    Csv(Vec<String>),
}

impl std::fmt::Debug for Rows {
    /// Without the rows, which are content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fields(rows) => f.debug_tuple("Fields").field(&rows.len()).finish(),
            Self::Csv(records) => f.debug_tuple("Csv").field(&records.len()).finish(),
        }
    }
}

/// One page of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The columns; the same on every page.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Rows,
    /// How many rows the whole result has.
    pub total_rows: u64,
    /// Leads to the next page, if there is one.
    pub next_token: Option<String>,
}

/// Statements and their results. A statement is seen by the IAM role that submitted it, and by no other.
pub trait RedshiftData: Send + Sync {
    /// Submits a statement, with an event at its end, and says where it stands after `wait_seconds`; how many rows it
    /// has only [`describe`](Self::describe) says.
    ///
    /// # Errors
    ///
    /// `Retryable.WarehouseBusy` if a limit on active statements, sessions or waiting requests is reached: nothing
    /// was submitted, come back in a minute. `Permanent.Validation` and the like if Redshift refuses it.
    fn submit(&self, statement: &Statement) -> impl Future<Output = Result<Described, Error>> + Send;

    /// Says where a statement stands, after waiting up to `wait_seconds` (0 to 30) for its end. `None`: unknown, or
    /// older than 24 hours.
    ///
    /// # Errors
    ///
    /// `Retryable.WarehouseBusy` if too many requests wait for it.
    fn describe(
        &self,
        id: &str,
        wait_seconds: u8,
    ) -> impl Future<Output = Result<Option<Described>, Error>> + Send;

    /// Asks for a statement to be stopped. `false`: it had ended, or is unknown.
    fn cancel(&self, id: &str) -> impl Future<Output = Result<bool, Error>> + Send;

    /// A page of a finished statement's rows; the first if there is no token.
    ///
    /// # Errors
    ///
    /// `Permanent.ResourceNotFound` if there is no result (any more); `Permanent.Validation` if the statement was
    /// submitted for the other format.
    fn page(
        &self,
        id: &str,
        format: ResultFormat,
        token: Option<&str>,
    ) -> impl Future<Output = Result<Page, Error>> + Send;
}
