//! Campaigns, made beforehand.

use std::fmt::Write as _;

use axum::body::Bytes;
use serde_json::{Value, json};

/// Distinct contents of a campaign. Those of every fourth go by SMS.
pub const CONTENTS: u64 = 500;

/// A campaign's file.
#[derive(Clone, Debug)]
pub struct File {
    /// How many messages it has.
    pub rows: u64,
    /// How many distinct contents they have.
    pub contents: u64,
    /// The CSV.
    pub bytes: Bytes,
}

impl File {
    /// A file of so many messages, with [`CONTENTS`] contents.
    #[must_use]
    pub fn new(rows: u64) -> Self {
        Self::with_contents(rows, CONTENTS.min(rows))
    }

    /// A file of so many messages with so many contents. The first messages have all contents; further ones have them again, in
    /// no order.
    #[must_use]
    pub fn with_contents(rows: u64, contents: u64) -> Self {
        let mut csv = "id,channel,to,subject,text,var.first\n".to_owned();
        for row in 0..rows {
            write_row(row, contents, &mut csv);
        }
        Self { rows, contents, bytes: Bytes::from(csv) }
    }

    /// Megabytes.
    #[must_use]
    pub fn megabytes(&self) -> f64 {
        self.bytes.len() as f64 / 1e6
    }
}

/// The sidecar of every campaign.
#[must_use]
pub fn settings() -> Value {
    json!({ "variables": { "first": { "type": "name" } } })
}

fn write_row(row: u64, contents: u64, csv: &mut String) {
    let content = if row < contents { row } else { row.wrapping_mul(0x9E37_79B9_7F4A_7C15) % contents };
    let text = format_args!(
        "Dear {{{{first}}}}, offer {content}: a table and four chairs, in oak or ash, at the price of three, until the \
         end of the month. Come and see them at our shop by the river."
    );
    // Writing to a string does not fail.
    let _ = match content % 4 {
        3 => writeln!(csv, "{row},sms,+4915{:09},,\"{text}\",Ann", row % 1_000_000_000),
        _ => writeln!(csv, "{row},email,c{row}@example.com,News of the month,\"{text}\",Ann"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_file_has_all_contents_and_no_others() {
        for (file, expected) in
            [(File::new(5_000), 500), (File::new(20), 20), (File::with_contents(5_000, 4_000), 4_000)]
        {
            let text = std::str::from_utf8(&file.bytes).unwrap();
            let contents: BTreeSet<&str> =
                text.lines().skip(1).map(|line| line.split('"').nth(1).unwrap()).collect();
            assert_eq!((text.lines().count() as u64, contents.len()), (file.rows + 1, expected));
            assert_eq!(contents.len() as u64, file.contents);
        }
    }
}
