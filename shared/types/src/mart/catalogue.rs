//! The compiled mart in force.

use serde::{Deserialize, Serialize};

use super::definition::{Definition, Kind};

/// A mart in force: what mart-deploy made of its file, and all that is needed to query it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mart {
    /// The header.
    pub definition: Definition,
    /// The object in the mart bucket.
    pub key: String,
    /// Its version in the bucket.
    pub version_id: String,
    /// What S3 orders the versions of a key by.
    pub sequencer: String,
    /// Hex SHA-256 of the file.
    pub digest: String,
    /// The relation behind the view, such as `rate_changes__3f9a2b1c`; none for plain queries and datashares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// The query to run for a request, in the order of its text: everything but the values of parameters.
    pub query: Vec<Segment>,
}

/// A piece of a mart's query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Segment {
    /// SQL from the definition.
    Sql(String),
    /// The value of a parameter, cast to its type.
    Parameter(String),
    /// A condition on a view's column, joined to the others by `AND`: `WHERE TRUE` stands before the first.
    Condition {
        /// The column, quoted.
        column: String,
        /// The parameter that it is compared with.
        parameter: String,
    },
}

/// A name as a quoted identifier of SQL: whatever it holds, it is one name and nothing else.
///
/// ```
/// # use eventide_types::mart::catalogue::identifier;
/// assert_eq!(identifier("Department Name"), "\"Department Name\"");
/// assert_eq!(identifier("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
/// ```
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Mart {
    /// The statement that refreshes it; `None` if there is nothing to refresh: a materialized view's rows, or the
    /// tables of a datashare.
    pub fn refresh(&self) -> Option<String> {
        let definition = &self.definition;
        match definition.kind {
            Kind::MaterializedView => {
                let (schema, relation) = (definition.schema.as_deref()?, self.relation.as_deref()?);
                Some(format!("REFRESH MATERIALIZED VIEW {}.{}", identifier(schema), identifier(relation)))
            }
            Kind::Datashare => {
                let (name, share) = (identifier(&definition.name), definition.share.as_ref()?);
                Some(format!("ALTER DATASHARE {name} ADD ALL TABLES IN SCHEMA {}", identifier(&share.schema)))
            }
            Kind::View | Kind::LateBindingView | Kind::Query => None,
        }
    }
}
