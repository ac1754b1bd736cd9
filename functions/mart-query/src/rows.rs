//! The rows of a result as JSON, within what Lambda lets a function answer.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventide_clients::redshift_data::Field;

/// Room for what an answer has beside its rows: the difference between 6,000,000 bytes and Lambda's 6 MB.
const AROUND: usize = 291_456;

/// The rows of a result as the text of a JSON array of arrays.
///
/// Whole numbers, doubles and booleans are JSON's own. Everything else is a string: decimals, dates and times keep
/// every digit that way, and what JSON has no number for (`NaN`, infinities) is told by its name.
#[derive(Debug)]
pub struct Rows {
    json: String,
    count: u64,
    max_bytes: usize,
    /// What a string around the text would add to it.
    escapes: usize,
}

impl Rows {
    /// No rows yet, and at most `max_bytes` of text.
    ///
    /// All room is taken at once, for the answer around the rows, too. As long as nothing is in it, it is no memory;
    /// a text that outgrows its room may have to move, and lies in memory twice for a while.
    pub fn new(max_bytes: usize) -> Self {
        let mut json = String::with_capacity(max_bytes.saturating_add(AROUND));
        json.push('[');
        Self { json, count: 0, max_bytes, escapes: 0 }
    }

    /// Adds rows. `false`: the answer has become too long, and none of this is of use any more.
    pub fn push(&mut self, rows: &[Vec<Field>]) -> bool {
        for row in rows {
            let start = self.json.len();
            self.json.push_str(if self.count == 0 { "[" } else { ",[" });
            for (index, field) in row.iter().enumerate() {
                if index > 0 {
                    self.json.push(',');
                }
                self.field(field);
            }
            self.json.push(']');
            self.count += 1;
            let added = self.json.bytes().skip(start);
            self.escapes += added.filter(|byte| matches!(byte, b'"' | b'\\')).count();
            if self.json.len() + self.escapes > self.max_bytes {
                return false;
            }
        }
        true
    }

    /// How many rows there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The array.
    pub fn finish(mut self) -> String {
        self.json.push(']');
        self.json
    }

    fn field(&mut self, field: &Field) {
        match field {
            Field::Null => self.json.push_str("null"),
            Field::Boolean(flag) => self.json.push_str(if *flag { "true" } else { "false" }),
            Field::Long(number) => self.json.push_str(&number.to_string()),
            Field::Double(number) => match serde_json::Number::from_f64(*number) {
                Some(number) => self.json.push_str(&number.to_string()),
                None => self.text(&number.to_string()),
            },
            Field::Text(text) => self.text(text),
            Field::Blob(bytes) => self.text(&BASE64_STANDARD.encode(bytes)),
        }
    }

    fn text(&mut self, text: &str) {
        // Texts can always be written.
        self.json.push_str(&serde_json::to_string(text).unwrap_or_else(|_never| "null".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn parsed(rows: Rows) -> Value {
        serde_json::from_str(&rows.finish()).unwrap()
    }

    #[test]
    fn values_keep_what_they_are() {
        let mut rows = Rows::new(1_000);
        assert!(rows.push(&[
            vec![Field::Null, Field::Boolean(true), Field::Long(i64::MAX), Field::Double(0.1)],
            vec![
                Field::Text("12.50".into()),
                Field::Double(f64::NAN),
                Field::Blob(vec![1, 2]),
                Field::Text("a\"b".into())
            ],
            vec![],
        ]));
        assert_eq!(rows.count(), 3);
        assert_eq!(parsed(rows), json!([[null, true, i64::MAX, 0.1], ["12.50", "NaN", "AQI=", "a\"b"], []]));
        assert_eq!(parsed(Rows::new(10)), json!([]));
    }

    #[test]
    fn too_much_is_told_as_soon_as_it_is() {
        let row = vec![vec![Field::Text("x".repeat(10))]];
        let mut rows = Rows::new(40);
        let fits: Vec<bool> = (0..4).map(|_| rows.push(&row)).collect();
        assert_eq!(fits, [true, true, false, false]);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let mut rows = Rows::new(1_000_000);
            rows.push(&[vec![Field::Text(text.clone())]]);
            prop_assert_eq!(parsed(rows), json!([[text]]));
        }
    }
}
