//! Labelled documents, as Amazon Comprehend takes them: CSV of two columns without a header, the label or
//! labels first, the text second.

use std::collections::HashMap;

use csv_core::{ReadFieldResult, Reader};

use crate::model::Mode;

/// A document whose labels are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its text.
    pub text: String,
    /// Its labels.
    pub labels: Vec<String>,
}

/// What is wrong with a dataset. It never shows a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// A row that does not hold a label and a text.
    #[error("line {line}: {columns} columns, expected 2: a label and a text")]
    Columns {
        /// The line that the row begins at, from 1.
        line: u64,
        /// How many it has.
        columns: usize,
    },
    /// A row with an empty label or text.
    #[error("line {line}: no {what}")]
    Empty {
        /// The line that the row begins at, from 1.
        line: u64,
        /// `label` or `text`.
        what: &'static str,
    },
    /// A row that is not UTF-8.
    #[error("line {line}: not UTF-8")]
    Encoding {
        /// The line that the row begins at, from 1.
        line: u64,
    },
}

/// Reads rows. In multi-label mode `delimiter` separates the labels of a row; in multi-class mode the first
/// column is one label, whatever is in it. Spaces around labels are left out, and so are empty rows and a
/// byte order mark.
///
/// # Errors
/// The first row that is not a label and a text.
pub fn read(csv: &[u8], mode: Mode, delimiter: char) -> Result<Vec<Example>, DatasetError> {
    let mut input = csv.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(csv);
    let mut reader = Reader::new();
    let mut examples = Vec::new();
    let mut columns: Vec<Vec<u8>> = Vec::new();
    let mut field: Vec<u8> = Vec::new();
    let mut buffer = [0_u8; 4096];
    let mut line = 1;
    loop {
        let (result, taken, written) = reader.read_field(input, &mut buffer);
        input = input.get(taken..).unwrap_or_default();
        field.extend(buffer.iter().take(written));
        match result {
            // An empty input says that it has ended.
            ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
            ReadFieldResult::Field { record_end } => {
                columns.push(std::mem::take(&mut field));
                if record_end {
                    let row = std::mem::take(&mut columns);
                    examples.push(example(row, mode, delimiter, line)?);
                    line = reader.line();
                }
            }
            ReadFieldResult::End => return Ok(examples),
        }
    }
}

fn example(row: Vec<Vec<u8>>, mode: Mode, delimiter: char, line: u64) -> Result<Example, DatasetError> {
    let [label, text] =
        <[Vec<u8>; 2]>::try_from(row).map_err(|row| DatasetError::Columns { line, columns: row.len() })?;
    let utf8 = |bytes| String::from_utf8(bytes).map_err(|_| DatasetError::Encoding { line });
    let (label, text) = (utf8(label)?, utf8(text)?);
    let labels: Vec<String> = match mode {
        Mode::MultiClass => vec![label.trim().to_owned()],
        Mode::MultiLabel => label.split(delimiter).map(|label| label.trim().to_owned()).collect(),
    };
    if labels.iter().any(String::is_empty) {
        return Err(DatasetError::Empty { line, what: "label" });
    }
    if text.trim().is_empty() {
        return Err(DatasetError::Empty { line, what: "text" });
    }
    Ok(Example { text, labels })
}

/// How many examples each label has, in the order of the labels' names.
#[must_use]
pub fn counts(examples: &[Example]) -> Vec<(String, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for label in examples.iter().flat_map(|example| &example.labels) {
        *counts.entry(label).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(label, count)| (label.to_owned(), count)).collect();
    counts.sort();
    counts
}

/// Takes every tenth example of each label, or set of labels, out for a test; the rest is for training.
#[must_use]
pub fn hold_out(examples: Vec<Example>) -> (Vec<Example>, Vec<Example>) {
    let mut seen: HashMap<Vec<String>, usize> = HashMap::new();
    examples.into_iter().partition(|example| {
        let seen = seen.entry(example.labels.clone()).or_default();
        *seen += 1;
        !seen.is_multiple_of(10)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(labels: &[&str], text: &str) -> Example {
        Example { text: text.into(), labels: labels.iter().map(|label| (*label).to_owned()).collect() }
    }

    #[test]
    fn rows_are_labels_and_texts() {
        let csv = "\u{feff}spam,\"Win, \"\"now\"\"\nor never\"\r\n\nok , plain\n";
        assert_eq!(
            read(csv.as_bytes(), Mode::MultiClass, '|').unwrap(),
            [example(&["spam"], "Win, \"now\"\nor never"), example(&["ok"], " plain")]
        );
        let csv = "a|b,one\na,two";
        assert_eq!(
            read(csv.as_bytes(), Mode::MultiLabel, '|').unwrap(),
            [example(&["a", "b"], "one"), example(&["a"], "two")]
        );
        assert_eq!(read(csv.as_bytes(), Mode::MultiClass, '|').unwrap()[0], example(&["a|b"], "one"));
        let long = format!("a,{}\n", "x".repeat(10_000));
        assert_eq!(read(long.as_bytes(), Mode::MultiClass, '|').unwrap()[0].text.len(), 10_000);
        assert_eq!(read(b"", Mode::MultiClass, '|').unwrap(), []);
    }

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        let good = "a,\"two\nlines\"\n";
        for (bad, error) in [
            (&b"only a label\n"[..], DatasetError::Columns { line: 3, columns: 1 }),
            (b"a,b,c\n", DatasetError::Columns { line: 3, columns: 3 }),
            (b" ,text\n", DatasetError::Empty { line: 3, what: "label" }),
            (b"a||b,text\n", DatasetError::Empty { line: 3, what: "label" }),
            (b"a,\n", DatasetError::Empty { line: 3, what: "text" }),
            (b"a,\xff\n", DatasetError::Encoding { line: 3 }),
        ] {
            let csv = [good.as_bytes(), bad].concat();
            assert_eq!(read(&csv, Mode::MultiLabel, '|').unwrap_err(), error);
        }
    }

    #[test]
    fn a_tenth_of_each_label_is_held_out() {
        let examples: Vec<Example> =
            (0..50).map(|n| example(&[if n % 2 == 0 { "a" } else { "b" }], &n.to_string())).collect();
        let (train, test) = hold_out(examples);
        assert_eq!(counts(&train), [("a".into(), 23), ("b".into(), 23)]);
        assert_eq!(counts(&test), [("a".into(), 2), ("b".into(), 2)]);
    }
}
