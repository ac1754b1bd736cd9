//! Errors, in Redshift's words.
//!
//! The texts are PostgreSQL 8.0's, which Redshift descends from, where Redshift has none of its own.

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::error::Result as Planned;

/// A statement that failed, with the text that Redshift would give: `ERROR: relation "x" does not exist`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SqlError(pub String);

pub(crate) type Result<T> = std::result::Result<T, SqlError>;

/// An error with the driver's prefix.
pub(crate) fn error(text: impl std::fmt::Display) -> SqlError {
    SqlError(format!("ERROR: {text}"))
}

/// What Redshift may well do, and the local warehouse does not.
pub(crate) fn unsupported(what: impl std::fmt::Display) -> SqlError {
    error(format_args!("{what} is not supported by the local warehouse"))
}

/// A relation that is not there.
pub(crate) fn no_relation(name: impl std::fmt::Display) -> SqlError {
    error(format_args!("relation \"{name}\" does not exist"))
}

/// A schema that is not there.
pub(crate) fn no_schema(name: &str) -> SqlError {
    error(format_args!("schema \"{name}\" does not exist"))
}

/// What others depend on and stays, therefore.
pub(crate) fn depended_on(kind: &str, name: &str) -> SqlError {
    error(format_args!(
        "cannot drop {kind} {name} because other objects depend on it\n  Hint: Use DROP ... CASCADE to drop the \
         dependent objects too."
    ))
}

/// Text that is no value of its type.
pub(crate) fn invalid_input(kind: &str, text: &str) -> SqlError {
    // PostgreSQL 8.0 says `integer` without `type`, and gives all others with it.
    let kind = if kind == "integer" { kind.to_owned() } else { format!("type {kind}") };
    error(format_args!("invalid input syntax for {kind}: \"{text}\""))
}

/// Passes an error through the engine, which knows only its own.
pub(crate) fn through(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// An engine's result, with its error in Redshift's words.
pub(crate) fn translated<T>(result: Planned<T>) -> Result<T> {
    result.map_err(|error| translate(&error))
}

/// The engine's error in Redshift's words.
pub(crate) fn translate(failure: &DataFusionError) -> SqlError {
    match failure.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
            Some(ours) => ours.clone(),
            None => error(inner),
        },
        DataFusionError::SchemaError(schema, _) => of_schema(schema),
        DataFusionError::NotImplemented(what) => unsupported(first_line(what).trim_end_matches('.')),
        other => of_text(&other.strip_backtrace()),
    }
}

fn of_schema(schema: &SchemaError) -> SqlError {
    match schema {
        SchemaError::FieldNotFound { field, .. } => match &field.relation {
            Some(relation) => {
                error(format_args!("column {}.{} does not exist", relation.table(), field.name))
            }
            None => error(format_args!("column \"{}\" does not exist", field.name)),
        },
        SchemaError::AmbiguousReference { field } => {
            error(format_args!("column reference \"{}\" is ambiguous", field.name))
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            error(format_args!("column \"{name}\" specified more than once"))
        }
    }
}

/// What is known by its text alone.
fn of_text(text: &str) -> SqlError {
    if text.contains("Divide by zero") {
        return error("division by zero");
    }
    if let Some(cast) = after(text, "Cannot cast string '")
        && let Some((value, kind)) = cast.split_once("' to value of ")
    {
        return invalid_input(kind_of(kind), value);
    }
    if let Some(value) =
        after(text, "Error parsing timestamp from '").and_then(|rest| rest.split('\'').next())
    {
        return invalid_input("timestamp", value);
    }
    if let Some(name) = after(text, "Invalid function '").and_then(|rest| rest.split('\'').next()) {
        return error(format_args!("function {name}() does not exist"));
    }
    if let Some(rest) = after(text, "column \"")
        && text.contains("GROUP BY")
        && let Some(name) = rest.split('"').next()
    {
        // PostgreSQL names the table, without its schema.
        let mut parts: Vec<&str> = name.rsplit('.').take(2).collect();
        parts.reverse();
        let name = parts.join(".");
        return error(format_args!(
            "column \"{name}\" must appear in the GROUP BY clause or be used in an aggregate function"
        ));
    }
    if text.contains("overflow") || text.contains("too large to store in a Decimal") {
        return error("Numeric data overflow (result precision)");
    }
    let plain = text
        .trim_start_matches("Error during planning: ")
        .trim_start_matches("Execution error: ")
        .trim_start_matches("SQL error: ");
    error(first_line(plain))
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

fn kind_of(arrow: &str) -> &'static str {
    match arrow.split(' ').next().unwrap_or(arrow) {
        kind if kind.starts_with("Int") => "integer",
        kind if kind.starts_with("Decimal") => "numeric",
        kind if kind.starts_with("Float") => "double precision",
        kind if kind.starts_with("Boolean") => "boolean",
        kind if kind.starts_with("Date") => "date",
        kind if kind.starts_with("Time") && !kind.starts_with("Timestamp") => "time",
        _ => "timestamp",
    }
}
