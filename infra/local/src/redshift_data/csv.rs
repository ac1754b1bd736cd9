//! `CSVRecords`: what a page of `GetStatementResultV2` holds.
//!
//! Neither the API reference nor the service model says more than "in CSV format". Two public programs that read it
//! agree with this: one text a page, of about 1 MB, lines that end in CR LF, a header in the first line of the
//! first page, and no record at all for an empty result. Assumed: that later pages have no header
//! (`csvHeader`), quotes as in RFC 4180 and only where they are needed, null as nothing and an empty text as
//! `""` (`csvQuotesEmptyText`), `true` and `false`, and that everything else is written as in JSON.

use std::fmt::Write as _;

use eventide_local_engine::{Column, Value};

use super::settings::Header;

/// Whether the page that begins at a row has a header.
pub(super) fn has_header(header: Header, offset: usize) -> bool {
    match header {
        Header::First => offset == 0,
        Header::Every => true,
        Header::None => false,
    }
}

pub(super) fn write_header(out: &mut String, columns: &[Column]) {
    for (index, column) in columns.iter().enumerate() {
        separate(out, index);
        write_text(out, &column.name, false);
    }
    out.push_str("\r\n");
}

pub(super) fn write_row(out: &mut String, row: &[Value], quotes_empty_text: bool) {
    for (index, value) in row.iter().enumerate() {
        separate(out, index);
        match value {
            Value::Null => {}
            Value::Text(text) => write_text(out, text, quotes_empty_text),
            // Writing to a text cannot fail.
            Value::Boolean(value) => drop(write!(out, "{value}")),
            Value::Long(value) => drop(write!(out, "{value}")),
            Value::Double(value) => write_double(out, *value),
        }
    }
    out.push_str("\r\n");
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

fn write_double(out: &mut String, value: f64) {
    let _ = if value.is_infinite() {
        write!(out, "{}Infinity", if value < 0.0 { "-" } else { "" })
    } else if value == value.trunc() && value.abs() < 1e15 {
        write!(out, "{value}")
    } else {
        write!(out, "{value:?}")
    };
}

fn write_text(out: &mut String, text: &str, quotes_empty: bool) {
    let special = text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
    let quoted = special || (text.is_empty() && quotes_empty);
    if !quoted {
        out.push_str(text);
        return;
    }
    out.push('"');
    for (index, piece) in text.split('"').enumerate() {
        if index > 0 {
            out.push_str("\"\"");
        }
        out.push_str(piece);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_so_that_they_can_be_read_back() {
        let text = |text: &str| Value::Text(text.into());
        for (row, quotes, expected) in [
            (vec![Value::Null, text("")], true, ",\"\"\r\n"),
            (vec![Value::Null, text("")], false, ",\r\n"),
            (vec![Value::Boolean(true), Value::Long(-7)], true, "true,-7\r\n"),
            (vec![Value::Double(1.0), Value::Double(0.1), Value::Double(1e21)], true, "1,0.1,1e21\r\n"),
            (vec![Value::Double(f64::NAN), Value::Double(f64::NEG_INFINITY)], true, "NaN,-Infinity\r\n"),
            (
                vec![text("a,b"), text("say \"hi\""), text("x\r\ny")],
                true,
                "\"a,b\",\"say \"\"hi\"\"\",\"x\r\ny\"\r\n",
            ),
            (
                vec![text(" é "), text("12.50"), text("2026-11-23 12:00:00")],
                true,
                " é ,12.50,2026-11-23 12:00:00\r\n",
            ),
        ] {
            let mut out = String::new();
            write_row(&mut out, &row, quotes);
            assert_eq!(out, expected, "{row:?}");
        }
    }

    #[test]
    fn headers_stand_where_they_are_wanted() {
        for (header, first, later) in
            [(Header::First, true, false), (Header::Every, true, true), (Header::None, false, false)]
        {
            assert_eq!((has_header(header, 0), has_header(header, 10)), (first, later), "{header:?}");
        }
    }
}
