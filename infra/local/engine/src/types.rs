//! Redshift's types and the engine's.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::error::Result as Planned;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{CharacterLength, DataType as SqlType, TimezoneInfo};

use crate::error::{through, unsupported};

/// In a field's metadata: `varchar:LENGTH`, `bpchar:LENGTH` or `super`, all of which the engine holds as text.
pub(crate) const KEY: &str = "redshift";

/// The longest `varchar`.
const LONGEST: i32 = 65_535;

/// The time zone of every session.
pub(crate) const UTC: &str = "+00:00";

/// `timestamp`
pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// `timestamptz`
pub(crate) fn timestamptz() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

/// `pg_type`'s name of a field's type, its precision or length, and its scale.
pub(crate) fn described(field: &Field) -> (&'static str, i32, i32) {
    match field.data_type() {
        DataType::Boolean => ("bool", 1, 0),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => ("int2", 5, 0),
        DataType::Int32 | DataType::UInt16 => ("int4", 10, 0),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => ("int8", 19, 0),
        DataType::Float16 | DataType::Float32 => ("float4", 8, 8),
        DataType::Float64 => ("float8", 17, 17),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            ("numeric", i32::from(*precision), i32::from(*scale))
        }
        DataType::Date32 | DataType::Date64 => ("date", 13, 0),
        DataType::Timestamp(_, None) => ("timestamp", 29, 6),
        DataType::Timestamp(_, Some(_)) => ("timestamptz", 35, 6),
        DataType::Time32(_) | DataType::Time64(_) => ("time", 15, 6),
        _ => characters(field),
    }
}

fn characters(field: &Field) -> (&'static str, i32, i32) {
    let Some(declared) = field.metadata().get(KEY) else { return ("varchar", LONGEST, 0) };
    let (name, length) = declared.split_once(':').unwrap_or((declared, ""));
    let length = length.parse().unwrap_or(LONGEST);
    match name {
        "bpchar" => ("bpchar", length, 0),
        "super" => ("super", 0, 0),
        _ => ("varchar", length, 0),
    }
}

/// The type's name in SQL, as `UNLOAD`'s manifest has it.
pub(crate) fn sql_name(type_name: &str) -> &str {
    match type_name {
        "bool" => "boolean",
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "varchar" => "character varying",
        "bpchar" => "character",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "time" => "time without time zone",
        other => other,
    }
}

/// What Redshift's types are for the engine, where it has another mind.
#[derive(Debug)]
pub(crate) struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &SqlType) -> Planned<Option<FieldRef>> {
        let plain = |kind: DataType| Some(Arc::new(Field::new("", kind, true)));
        Ok(match sql_type {
            SqlType::Timestamp(_, zone) => match zone {
                TimezoneInfo::Tz | TimezoneInfo::WithTimeZone => plain(timestamptz()),
                TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => plain(timestamp()),
            },
            SqlType::Time(..) => plain(DataType::Time64(TimeUnit::Microsecond)),
            SqlType::Varchar(length) | SqlType::Nvarchar(length) | SqlType::CharacterVarying(length) => {
                Some(text("varchar", length.as_ref(), 256))
            }
            SqlType::Char(length) | SqlType::Character(length) => Some(text("bpchar", length.as_ref(), 1)),
            SqlType::Text => Some(text("varchar", None, 256)),
            SqlType::Decimal(info) | SqlType::Numeric(info) | SqlType::Dec(info)
                if *info == datafusion::sql::sqlparser::ast::ExactNumberInfo::None =>
            {
                plain(DataType::Decimal128(18, 0))
            }
            SqlType::Custom(name, arguments) if arguments.is_empty() => {
                match name.to_string().to_ascii_lowercase().as_str() {
                    "super" => Some(marked("super".to_owned())),
                    "bpchar" => Some(text("bpchar", None, 256)),
                    other => return Err(through(unsupported(format_args!("type {other}")))),
                }
            }
            _ => None,
        })
    }
}

fn text(kind: &str, length: Option<&CharacterLength>, default: u64) -> FieldRef {
    let length = match length {
        Some(CharacterLength::IntegerLength { length, .. }) => *length,
        Some(CharacterLength::Max) => LONGEST.unsigned_abs().into(),
        None => default,
    };
    marked(format!("{kind}:{length}"))
}

fn marked(mark: String) -> FieldRef {
    let metadata = HashMap::from([(KEY.to_owned(), mark)]);
    Arc::new(Field::new("", DataType::Utf8, true).with_metadata(metadata))
}
