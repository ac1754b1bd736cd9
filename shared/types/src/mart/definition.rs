//! The header of a mart's SQL file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The header of a mart's SQL file, as its author writes it. What serde cannot say (patterns, ranges, members that
/// depend on each other) is checked when the mart is deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The mart's name, also that of its view: 1 to 100 of `a-z`, `0-9` and `_`, a letter first.
    pub name: String,
    /// What it answers, for its users.
    pub description: String,
    /// The team that pays: 1 to 63 of `a-z`, `0-9` and `-`. Its prefix in the mart bucket is `<owner>/`.
    pub owner: String,
    /// Who may query it. Nobody, if empty.
    #[serde(default)]
    pub callers: Vec<Caller>,
    /// Where it runs.
    pub warehouse: Warehouse,
    /// The database to connect to, such as `dev`.
    pub database: String,
    /// The schema in which its view is kept. A plain query has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What is made of the body.
    pub kind: Kind,
    /// What a request may say, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Parameter>,
    /// Who may select from the view in Redshift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grantee>,
    /// When a materialized view, or a datashare's tables, are refreshed: `rate(…)` or `cron(…)` as in EventBridge Scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// How results are delivered.
    #[serde(default)]
    pub delivery: Delivery,
    /// What a datashare shares, and with whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

/// Who may query a mart.
///
/// `invoke` (whoever may invoke the function), `schedule`, `events:<source>` (an event of that source), or the ARN of
/// an IAM role or user, with `*` for any characters at its end, for the function URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Caller(pub String);

/// Whom a view is granted to, as Redshift names it: `IAMR:<role>`, `IAM:<user>`, `awsdatacatalog` or a database user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grantee(pub String);

/// A Redshift warehouse and how to log in to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warehouse {
    /// A provisioned cluster's identifier. Exactly one of `cluster` and `workgroup`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// A serverless workgroup's name or ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workgroup: Option<String>,
    /// The ARN of the secret in Secrets Manager that holds user and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The database user for temporary credentials; clusters only. Neither this nor `secret`: the caller's IAM identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl Warehouse {
    /// The cluster or workgroup, for metrics and messages.
    pub fn name(&self) -> &str {
        self.cluster.as_deref().or(self.workgroup.as_deref()).unwrap_or("")
    }
}

/// What is made of a mart's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A view.
    View,
    /// A view `WITH NO SCHEMA BINDING`, as Redshift demands over external tables.
    LateBindingView,
    /// A materialized view.
    MaterializedView,
    /// Nothing: the body itself is run for each request.
    Query,
    /// There is no body: a schema's objects are shared with other namespaces.
    Datashare,
}

/// A parameter of a mart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// What it means, for its users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What stands in for it where a request leaves it out. Without a default it is required, unless `null` allows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What a null, or a missing value without a default, means.
    #[serde(default)]
    pub null: NullPolicy,
    /// The values allowed; any, if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Value>,
    /// For views: the column that the parameter is compared with. A plain query names the parameter in its body (`:name`) instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// For views: how the column is compared.
    #[serde(default)]
    pub comparison: Comparison,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Characters, at most 65,535 bytes.
    Text,
    /// A 64-bit integer.
    Integer,
    /// A number of at most 38 digits; given as a JSON number or text.
    Decimal,
    /// `true` or `false`
    Boolean,
    /// `2026-11-23`
    Date,
    /// `2026-11-23T12:00:00Z` or with an offset.
    Timestamp,
}

impl ParameterType {
    /// The Redshift type that a value is cast to.
    pub fn redshift(self) -> &'static str {
        match self {
            Self::Text => "varchar(65535)",
            Self::Integer => "bigint",
            Self::Decimal => "numeric(38, 10)",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamptz",
        }
    }
}

/// What a null means. The Data API's parameters have no null, so it never travels as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NullPolicy {
    /// An error.
    #[default]
    Refuse,
    /// SQL's `NULL`; with a `column`, `IS NULL`.
    Null,
    /// No condition. Only with a `column`.
    Any,
}

/// How a view's column is compared with a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `=`
    #[default]
    #[serde(rename = "=")]
    Equal,
    /// `<>`
    #[serde(rename = "<>")]
    NotEqual,
    /// `<`
    #[serde(rename = "<")]
    Less,
    /// `<=`
    #[serde(rename = "<=")]
    LessOrEqual,
    /// `>`
    #[serde(rename = ">")]
    Greater,
    /// `>=`
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

/// How results are delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// The files' format.
    pub format: Format,
    /// Put between the owner's prefix and the mart's name in the result bucket; no `/` at either end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The most rows that a result may have. More is a failure, not a cut result.
    pub row_cap: u64,
    /// Whether the warehouse itself writes the result, by `UNLOAD` to Parquet. Results above the Data API's 500 MB need it.
    pub unload: bool,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { format: Format::Csv, prefix: None, row_cap: 10_000_000, unload: false }
    }
}

/// The format of a delivered result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180 with a header line.
    Csv,
    /// JSON Lines: an object a row.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The files' name extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// What a datashare shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The schema whose tables and views are shared, those created later included.
    pub schema: String,
    /// The namespaces (GUIDs) of consumers in this account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Other AWS accounts: 12 digits each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
}
