//! JSON Lines: an object a row.

use std::io::Write as _;

use eventide_clients::redshift_data::{Column, Field};
use eventide_kit::Error;

use super::names::distinct;
use super::text::{number, plain};
use super::unexpected;

/// Whole numbers, doubles and booleans are JSON's own; everything else is a string, so that no reader rounds a decimal.
#[derive(Debug)]
pub struct JsonLines {
    /// What stands before each value: `{"a":` and `,"b":`.
    keys: Vec<String>,
    rows: u64,
}

impl JsonLines {
    pub(super) fn new(columns: &[Column]) -> Self {
        let keys = distinct(columns).into_iter().enumerate().map(|(index, name)| {
            let opening = if index == 0 { '{' } else { ',' };
            format!("{opening}{}:", serde_json::Value::String(name))
        });
        Self { keys: keys.collect(), rows: 0 }
    }

    pub(super) fn page(&mut self, rows: &[Vec<Field>], out: &mut Vec<u8>) -> Result<(), Error> {
        for row in rows {
            if row.len() != self.keys.len() {
                return Err(unexpected(format!(
                    "a row has {} values, expected {}",
                    row.len(),
                    self.keys.len()
                )));
            }
            if row.is_empty() {
                out.push(b'{');
            }
            for (key, field) in self.keys.iter().zip(row) {
                out.extend_from_slice(key.as_bytes());
                value(field, out)?;
            }
            out.extend_from_slice(b"}\n");
            self.rows += 1;
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }
}

fn value(field: &Field, out: &mut Vec<u8>) -> Result<(), Error> {
    let written = match field {
        Field::Null => out.write_all(b"null"),
        Field::Boolean(flag) => write!(out, "{flag}"),
        Field::Long(long) => write!(out, "{long}"),
        Field::Double(double) if double.is_finite() => write!(out, "{}", number(*double)),
        Field::Text(text) => serde_json::to_writer(out, text).map_err(Into::into),
        Field::Double(_) | Field::Blob(_) => serde_json::to_writer(out, &plain(field)).map_err(Into::into),
    };
    written.map_err(|error| unexpected("a value cannot be written as JSON").with_source(error))
}

#[cfg(test)]
mod tests {
    use super::super::names::column;
    use super::*;

    #[test]
    fn a_row_is_an_object_with_exact_values() {
        let columns =
            [column("id", "int8", 0, 0), column("a \"b\"", "numeric", 10, 2), column("id", "float8", 0, 0)];
        let mut lines = JsonLines::new(&columns);
        let mut out = Vec::new();
        lines
            .page(
                &[
                    vec![Field::Long(i64::MAX), Field::Text("12.50".into()), Field::Double(0.1)],
                    vec![Field::Null, Field::Text("\u{1f600}\n".into()), Field::Double(f64::NAN)],
                ],
                &mut out,
            )
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "{\"id\":9223372036854775807,\"a \\\"b\\\"\":\"12.50\",\"id_2\":0.1}\n{\"id\":null,\"a \\\"b\\\"\":\"\u{1f600}\\n\",\"id_2\":\"NaN\"}\n"
        );
        assert_eq!(lines.rows(), 2);
        assert!(lines.page(&[vec![Field::Null]], &mut Vec::new()).is_err());
    }
}
