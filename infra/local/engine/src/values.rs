//! Values as Redshift prints them.

use std::fmt::Write as _;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, GenericStringArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type,
    UInt32Type,
};

use crate::Value;
use crate::types;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The type that a column is kept in: one of those that [`values`] knows.
pub(crate) fn kept_as(kind: &DataType) -> DataType {
    match kind {
        DataType::UInt64 | DataType::Duration(_) => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal256(precision, scale) => DataType::Decimal128((*precision).min(38), *scale),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, None) => types::timestamp(),
        DataType::Timestamp(_, Some(_)) => types::timestamptz(),
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Dictionary(_, values) => kept_as(values),
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..)
        | DataType::Date32 => kind.clone(),
        _ => DataType::Utf8,
    }
}

/// A column's values, in a type that [`kept_as`] names.
pub(crate) fn values(column: &ArrayRef) -> Vec<Value> {
    match column.data_type() {
        DataType::Boolean => booleans(column.as_boolean()),
        DataType::Int8 => longs::<Int8Type>(column),
        DataType::Int16 => longs::<Int16Type>(column),
        DataType::Int32 => longs::<Int32Type>(column),
        DataType::Int64 => longs::<Int64Type>(column),
        DataType::UInt8 => longs::<UInt8Type>(column),
        DataType::UInt16 => longs::<UInt16Type>(column),
        DataType::UInt32 => longs::<UInt32Type>(column),
        // As Redshift prints it: the shortest text that is this `float4`, then read as a double.
        DataType::Float32 => {
            mapped(column.as_primitive::<Float32Type>(), |value| Value::Double(widened(value)))
        }
        DataType::Float64 => mapped(column.as_primitive::<Float64Type>(), Value::Double),
        DataType::Decimal128(_, scale) => {
            let scale = usize::try_from(*scale).unwrap_or_default();
            mapped(column.as_primitive::<Decimal128Type>(), |value| Value::Text(decimal(value, scale)))
        }
        DataType::Date32 => {
            mapped(column.as_primitive::<Date32Type>(), |days| Value::Text(date(days.into())))
        }
        DataType::Timestamp(_, zone) => {
            let zone = if zone.is_some() { "+00" } else { "" };
            mapped(column.as_primitive::<TimestampMicrosecondType>(), |at| {
                Value::Text(format!("{} {}{zone}", date(at.div_euclid(DAY)), time(at.rem_euclid(DAY))))
            })
        }
        DataType::Time64(_) => {
            mapped(column.as_primitive::<Time64MicrosecondType>(), |at| Value::Text(time(at)))
        }
        DataType::Utf8 => texts(column.as_string::<i32>()),
        _ => vec![Value::Null; column.len()],
    }
}

/// The text of a value, as in CSV.
pub(crate) fn write(value: &Value, out: &mut String) {
    let _ = match value {
        Value::Null => Ok(()),
        Value::Boolean(value) => write!(out, "{}", if *value { 't' } else { 'f' }),
        Value::Long(value) => write!(out, "{value}"),
        Value::Double(value) => write!(out, "{value}"),
        Value::Text(value) => {
            out.push_str(value);
            Ok(())
        }
    };
}

/// The bytes that a column counts for in a result's size: 8 for a number, otherwise its text.
pub(crate) fn size(column: &ArrayRef) -> u64 {
    let count = u64::try_from(column.len() - column.null_count()).unwrap_or_default();
    match column.data_type() {
        DataType::Boolean => count,
        DataType::Utf8 => {
            let offsets = column.as_string::<i32>().value_offsets();
            let bytes = offsets.last().zip(offsets.first()).map_or(0, |(last, first)| last - first);
            u64::try_from(bytes).unwrap_or_default()
        }
        DataType::Decimal128(_, scale) => {
            let point = u64::from(*scale > 0);
            let least = u64::try_from(*scale).unwrap_or_default() + 1;
            let digits = |value: i128| u64::from(value.unsigned_abs().checked_ilog10().unwrap_or(0)) + 1;
            let values = column.as_primitive::<Decimal128Type>().iter().flatten();
            values.map(|value| digits(value).max(least) + point + u64::from(value < 0)).sum()
        }
        DataType::Date32 => count * 10,
        DataType::Timestamp(_, zone) => count * if zone.is_some() { 22 } else { 19 },
        _ => count * 8,
    }
}

fn booleans(column: &BooleanArray) -> Vec<Value> {
    column.iter().map(|value| value.map_or(Value::Null, Value::Boolean)).collect()
}

fn texts(column: &GenericStringArray<i32>) -> Vec<Value> {
    column.iter().map(|value| value.map_or(Value::Null, |value| Value::Text(value.to_owned()))).collect()
}

fn longs<T>(column: &ArrayRef) -> Vec<Value>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64>,
{
    mapped(column.as_primitive::<T>(), |value| Value::Long(value.into()))
}

fn mapped<T: ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    value: impl Fn(T::Native) -> Value,
) -> Vec<Value> {
    column.iter().map(|found| found.map_or(Value::Null, &value)).collect()
}

fn widened(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

/// All digits of the scale, as Redshift prints a numeric.
fn decimal(value: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len() - scale).unwrap_or((&digits, ""));
    let sign = if value < 0 { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

/// `2026-11-23` of days since 1970, in the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`).
fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if year > 0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{:04}-{month:02}-{day:02} BC", 1 - year)
    }
}

/// `12:00:00`, with as many digits of a second's fraction as it takes.
fn time(micros: i64) -> String {
    let seconds = micros / SECOND;
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if micros % SECOND != 0 {
        let _ = write!(text, ".{:06}", micros % SECOND);
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_are_exact() {
        for (value, scale, expected) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (-5, 2, "-0.05"),
            (123_456, 4, "12.3456"),
            (i128::from(i64::MIN), 1, "-922337203685477580.8"),
            (
                99_999_999_999_999_999_999_999_999_999_999_999_999,
                38,
                "0.99999999999999999999999999999999999999",
            ),
        ] {
            assert_eq!(decimal(value, scale), expected);
        }
        for (days, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (20_780, "2026-11-23"),
            (2_932_896, "9999-12-31"),
            (-719_162, "0001-01-01"),
            (-719_163, "0001-12-31 BC"),
        ] {
            assert_eq!(date(days), expected);
        }
        for (micros, expected) in [(0, "00:00:00"), (DAY - 1, "23:59:59.999999"), (1_500_000, "00:00:01.5")] {
            assert_eq!(time(micros), expected);
        }
        assert!((widened(0.1) - 0.1).abs() < f64::EPSILON);
    }
}
