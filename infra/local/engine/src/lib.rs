//! The local cloud's warehouse: Redshift's SQL over a real engine, DataFusion.
//!
//! It is test equipment, and a crate of its own so that nothing but the local cloud compiles the engine. What it
//! covers, and where it differs from Redshift, is in its README.
//!
//! A [`Warehouse`] stands for one cluster or workgroup. Its catalogue (schemas, views, grants, datashares) is
//! ours, and so is everything but `SELECT`: DataFusion plans and runs the queries.

mod access;
mod catalog;
mod error;
mod external;
mod human_resources;
mod lex;
mod parse;
mod plan;
mod result;
mod run;
mod types;
mod unload;
mod values;
mod warehouse;
mod workers;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use error::SqlError;
pub use human_resources::human_resources;
pub use warehouse::{Datashare, Granted, Mode, Progress, Relation, Statement, Warehouse};

/// The files that external tables are read from and that `UNLOAD` writes: S3, as far as a warehouse sees it.
pub trait Lake: Send + Sync + fmt::Debug {
    /// The keys below a prefix and their sizes in bytes.
    fn list(&self, bucket: &str, prefix: &str) -> BoxFuture<'_, Result<Vec<(String, u64)>, String>>;
    /// A whole object.
    fn get(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<Bytes, String>>;
    /// Writes an object.
    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'_, Result<(), String>>;
    /// Removes an object (`UNLOAD … CLEANPATH`).
    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<(), String>>;
}

/// Who runs a statement, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The database connected to, such as `dev`.
    pub database: String,
    /// The database user, such as `IAMR:eventide-data-marts-query`.
    pub user: String,
    /// Whether the user is a superuser.
    pub superuser: bool,
}

/// A column of a result, in the words of the Data API's `ColumnMetadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its label.
    pub name: String,
    /// Redshift's name of its type, such as `varchar`, `int8`, `numeric`, `timestamptz`.
    pub type_name: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
    /// Digits in all of a numeric; length of a character type.
    pub precision: i32,
    /// Digits after the point.
    pub scale: i32,
    /// The schema of the column's table, where it is known.
    pub schema_name: String,
    /// The column's table, where it is known.
    pub table_name: String,
}

/// One value, already in Redshift's own text where the Data API sends text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`
    Null,
    /// `bool`
    Boolean(bool),
    /// `int2`, `int4`, `int8`
    Long(i64),
    /// `float4`, `float8`
    Double(f64),
    /// Everything else: characters, `numeric`, dates, times, `super`.
    Text(String),
}

/// A result set. Rows are made on demand, so that a large result need not be held as values.
pub trait ResultSet: Send + Sync + fmt::Debug {
    /// The columns.
    fn columns(&self) -> &[Column];
    /// How many rows there are.
    fn row_count(&self) -> u64;
    /// The bytes of the result as Redshift would count them, roughly: the text of all values.
    fn size(&self) -> u64;
    /// Up to `count` rows from `start` on.
    fn rows(&self, start: u64, count: usize) -> Vec<Vec<Value>>;
}

/// What a statement came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The result, if the statement has one.
    pub result: Option<Arc<dyn ResultSet>>,
    /// Rows returned, or written by `UNLOAD`; -1 where Redshift counts none.
    pub rows: i64,
}
