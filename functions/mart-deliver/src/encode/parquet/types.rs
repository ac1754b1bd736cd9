//! Redshift's types as Parquet's.
//!
//! | Redshift | Parquet |
//! |---|---|
//! | `int2`, `int4` | `INT32` |
//! | `int8` | `INT64` |
//! | `float4`, `float8` | `FLOAT`, `DOUBLE` |
//! | `bool` | `BOOLEAN` |
//! | `numeric(p, s)` | `DECIMAL(p, s)` in `INT64` up to 18 digits, else in 16 bytes |
//! | `date` | `DATE` |
//! | `time` | `TIME` in microseconds |
//! | `timestamp`, `timestamptz` | `TIMESTAMP` in microseconds, the latter in UTC |
//! | anything else | `STRING` |
//!
//! Source: Apache Parquet format, logical types.

use std::mem;
use std::sync::Arc;

use eventide_clients::redshift_data::{Column, Field};
use eventide_kit::Error;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    FloatType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::Type;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::super::text::plain;
use super::super::unexpected;

/// Most digits of a decimal that fits `INT64`.
const LONG_DIGITS: i32 = 18;
/// Bytes of a decimal of up to 38 digits.
const WIDE_BYTES: i32 = 16;
/// The day that Parquet counts from.
const EPOCH: Date = time::macros::date!(1970 - 01 - 01);

/// The values of a column that are to be written, and which rows have one.
#[derive(Debug)]
pub(super) struct Values {
    kind: Kind,
    /// 1 where there is a value, 0 where there is none: Parquet's definition levels.
    present: Vec<i16>,
    gathered: Gathered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Short,
    Long,
    Float,
    Double,
    Boolean,
    Decimal { precision: i32, scale: i32 },
    Date,
    Time,
    Timestamp { utc: bool },
    Text,
}

#[derive(Debug)]
enum Gathered {
    Int(Vec<i32>),
    Long(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Boolean(Vec<bool>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

/// The schema of a file with these columns. Every column may hold nulls: a view's metadata says little about that.
pub(super) fn schema(names: &[String], columns: &[Values]) -> Result<Type, ParquetError> {
    let fields: Result<Vec<_>, _> =
        names.iter().zip(columns).map(|(name, values)| field(name, values.kind)).collect();
    Type::group_type_builder("result").with_fields(fields?).build()
}

fn field(name: &str, kind: Kind) -> Result<Arc<Type>, ParquetError> {
    let micros = TimeUnit::MICROS;
    let (physical, logical) = match kind {
        Kind::Short => (Physical::INT32, None),
        Kind::Long => (Physical::INT64, None),
        Kind::Float => (Physical::FLOAT, None),
        Kind::Double => (Physical::DOUBLE, None),
        Kind::Boolean => (Physical::BOOLEAN, None),
        Kind::Decimal { precision, scale } => {
            let physical =
                if precision <= LONG_DIGITS { Physical::INT64 } else { Physical::FIXED_LEN_BYTE_ARRAY };
            (physical, Some(LogicalType::decimal(scale, precision)))
        }
        Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
        Kind::Time => (Physical::INT64, Some(LogicalType::time(false, micros))),
        Kind::Timestamp { utc } => (Physical::INT64, Some(LogicalType::timestamp(utc, micros))),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let mut builder = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    if let Kind::Decimal { precision, scale } = kind {
        builder = builder.with_precision(precision).with_scale(scale);
        if precision > LONG_DIGITS {
            builder = builder.with_length(WIDE_BYTES);
        }
    }
    builder.build().map(Arc::new)
}

impl Kind {
    fn of(column: &Column) -> Self {
        match column.type_name.as_str() {
            "int2" | "int4" => Self::Short,
            "int8" => Self::Long,
            "float4" => Self::Float,
            "float8" => Self::Double,
            "bool" => Self::Boolean,
            "numeric"
                if (1..=38).contains(&column.precision) && (0..=column.precision).contains(&column.scale) =>
            {
                Self::Decimal { precision: column.precision, scale: column.scale }
            }
            "date" => Self::Date,
            "time" => Self::Time,
            "timestamp" => Self::Timestamp { utc: false },
            "timestamptz" => Self::Timestamp { utc: true },
            _ => Self::Text,
        }
    }

    fn gathered(self) -> Gathered {
        match self {
            Self::Short | Self::Date => Gathered::Int(Vec::new()),
            Self::Long | Self::Time | Self::Timestamp { .. } => Gathered::Long(Vec::new()),
            Self::Float => Gathered::Float(Vec::new()),
            Self::Double => Gathered::Double(Vec::new()),
            Self::Boolean => Gathered::Boolean(Vec::new()),
            Self::Decimal { precision, .. } if precision <= LONG_DIGITS => Gathered::Long(Vec::new()),
            Self::Decimal { .. } => Gathered::Fixed(Vec::new()),
            Self::Text => Gathered::Bytes(Vec::new()),
        }
    }
}

impl Values {
    pub(super) fn of(column: &Column) -> Self {
        let kind = Kind::of(column);
        Self { kind, present: Vec::new(), gathered: kind.gathered() }
    }

    /// Adds a value and says how many bytes it takes here.
    pub(super) fn push(&mut self, field: &Field) -> Result<usize, Error> {
        if matches!(field, Field::Null) {
            self.present.push(0);
            return Ok(2);
        }
        self.present.push(1);
        let misfit = || unexpected("a value is not of its column's type");
        Ok(2 + match (&mut self.gathered, self.kind) {
            (Gathered::Int(values), Kind::Date) => keep(values, days(field).ok_or_else(misfit)?),
            (Gathered::Int(values), _) => {
                keep(values, long(field).and_then(|long| i32::try_from(long).ok()).ok_or_else(misfit)?)
            }
            (Gathered::Long(values), Kind::Time) => keep(values, time_of_day(field).ok_or_else(misfit)?),
            (Gathered::Long(values), Kind::Timestamp { utc }) => {
                keep(values, micros(field, utc).ok_or_else(misfit)?)
            }
            (Gathered::Long(values), Kind::Decimal { scale, .. }) => {
                let unscaled = decimal(field, scale).and_then(|unscaled| i64::try_from(unscaled).ok());
                keep(values, unscaled.ok_or_else(misfit)?)
            }
            (Gathered::Long(values), _) => keep(values, long(field).ok_or_else(misfit)?),
            (Gathered::Float(values), _) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a float4 came as a double and has no more digits"
                )]
                let float = double(field).ok_or_else(misfit)? as f32;
                keep(values, float)
            }
            (Gathered::Double(values), _) => keep(values, double(field).ok_or_else(misfit)?),
            (Gathered::Boolean(values), _) => {
                let Field::Boolean(flag) = field else { return Err(misfit()) };
                keep(values, *flag)
            }
            (Gathered::Fixed(values), Kind::Decimal { scale, .. }) => {
                let unscaled = decimal(field, scale).ok_or_else(misfit)?;
                keep(values, ByteArray::from(unscaled.to_be_bytes().to_vec()).into()) + 16
            }
            (Gathered::Fixed(_), _) => return Err(misfit()),
            (Gathered::Bytes(values), _) => {
                let text = match field {
                    Field::Text(text) => text.clone(),
                    other => plain(other),
                };
                let bytes = text.len();
                keep(values, ByteArray::from(text.into_bytes())) + bytes
            }
        })
    }

    /// Writes what was gathered, and starts anew.
    pub(super) fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let present = mem::take(&mut self.present);
        match &mut self.gathered {
            Gathered::Int(values) => batch::<Int32Type>(column, values, &present),
            Gathered::Long(values) => batch::<Int64Type>(column, values, &present),
            Gathered::Float(values) => batch::<FloatType>(column, values, &present),
            Gathered::Double(values) => batch::<DoubleType>(column, values, &present),
            Gathered::Boolean(values) => batch::<BoolType>(column, values, &present),
            Gathered::Bytes(values) => batch::<ByteArrayType>(column, values, &present),
            Gathered::Fixed(values) => batch::<FixedLenByteArrayType>(column, values, &present),
        }
    }
}

fn keep<T>(values: &mut Vec<T>, value: T) -> usize {
    values.push(value);
    size_of::<T>()
}

fn batch<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    present: &[i16],
) -> Result<(), ParquetError> {
    column.typed::<T>().write_batch(values, Some(present), None)?;
    values.clear();
    Ok(())
}

fn long(field: &Field) -> Option<i64> {
    match field {
        Field::Long(long) => Some(*long),
        _ => None,
    }
}

fn double(field: &Field) -> Option<f64> {
    match field {
        Field::Double(double) => Some(*double),
        Field::Text(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn text(field: &Field) -> Option<&str> {
    match field {
        Field::Text(text) => Some(text),
        _ => None,
    }
}

/// The digits without their point: exact, as no double would be.
fn decimal(field: &Field, scale: i32) -> Option<i128> {
    let text = match field {
        Field::Text(text) => text.as_str(),
        Field::Long(long) => {
            return i128::from(*long).checked_mul(10_i128.checked_pow(u32::try_from(scale).ok()?)?);
        }
        _ => return None,
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = usize::try_from(scale).ok()?;
    // Zeros beyond the column's scale say nothing; other digits would be lost.
    let fraction = if fraction.len() > scale { fraction.trim_end_matches('0') } else { fraction };
    if whole.is_empty()
        || fraction.len() > scale
        || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let unscaled: i128 = format!("{whole}{fraction:0<scale$}").parse().ok()?;
    Some(if negative { -unscaled } else { unscaled })
}

fn days(field: &Field) -> Option<i32> {
    let date = Date::parse(text(field)?, format_description!("[year]-[month]-[day]")).ok()?;
    Some(date.to_julian_day() - EPOCH.to_julian_day())
}

fn time_of_day(field: &Field) -> Option<i64> {
    let time = text(field)?;
    let format = format_description!("[hour]:[minute]:[second][optional [.[subsecond]]]");
    let (hours, minutes, seconds, micros) = Time::parse(time, format).ok()?.as_hms_micro();
    Some(
        ((i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds)) * 1_000_000
            + i64::from(micros),
    )
}

/// `2026-11-23 12:00:00.5`, with `+00` behind it where the column has a time zone.
fn micros(field: &Field, utc: bool) -> Option<i64> {
    let text = text(field)?;
    let plain = format_description!("[year]-[month]-[day] [hour]:[minute]:[second][optional [.[subsecond]]]");
    let zoned = format_description!(
        "[year]-[month]-[day] [hour]:[minute]:[second][optional [.[subsecond]]][offset_hour sign:mandatory][optional [:[offset_minute]]]"
    );
    let moment = if utc {
        OffsetDateTime::parse(text, zoned).ok()?
    } else {
        PrimitiveDateTime::parse(text, plain).ok()?.assume_offset(UtcOffset::UTC)
    };
    i64::try_from(moment.unix_timestamp_nanos() / 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Field {
        Field::Text(text.to_owned())
    }

    #[test]
    fn decimals_keep_every_digit() {
        for (text, scale, expected) in [
            ("12.50", 2, Some(1250)),
            ("-0.05", 2, Some(-5)),
            ("7", 2, Some(700)),
            ("7.500", 1, Some(75)),
            ("7.55", 1, None),
            (
                "99999999999999999999999999999999999999",
                0,
                Some(99_999_999_999_999_999_999_999_999_999_999_999_999),
            ),
            ("", 2, None),
            ("1e3", 2, None),
            (".5", 2, None),
        ] {
            assert_eq!(decimal(&said(text), scale), expected, "{text}");
        }
        assert_eq!(decimal(&Field::Long(-3), 2), Some(-300));
    }

    #[test]
    fn dates_and_times_are_counted_from_1970() {
        assert_eq!(days(&said("1970-01-02")), Some(1));
        assert_eq!(days(&said("1969-12-31")), Some(-1));
        assert_eq!(time_of_day(&said("00:00:01.5")), Some(1_500_000));
        for (text, utc, expected) in [
            ("1970-01-01 00:00:01", false, Some(1_000_000)),
            ("1970-01-01 00:00:01.000001", false, Some(1_000_001)),
            ("1970-01-01 00:00:01+00", true, Some(1_000_000)),
            ("1970-01-01 02:00:00.5+02", true, Some(500_000)),
            ("1970-01-01 05:30:00+05:30", true, Some(0)),
            ("1969-12-31 23:59:59.999999", false, Some(-1)),
            ("yesterday", false, None),
        ] {
            assert_eq!(micros(&said(text), utc), expected, "{text}");
        }
    }
}
