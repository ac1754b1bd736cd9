//! A labelled CSV in memory.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::csv::Rows;
use crate::validate::{Problem, Severity};

/// Most bytes in all files of a training job.
///
/// Source: Amazon Comprehend, guidelines and quotas, document classification.
pub const MAX_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Whether a message has one label or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Exactly one label for each message.
    MultiClass,
    /// One label or more for each message.
    MultiLabel,
}

impl Mode {
    /// `Mode` of `CreateDocumentClassifier`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MultiClass => "MULTI_CLASS",
            Self::MultiLabel => "MULTI_LABEL",
        }
    }
}

/// How the labels of a file are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labelling {
    /// One label or several.
    pub mode: Mode,
    /// What stands between labels in [`Mode::MultiLabel`].
    pub delimiter: char,
}

/// One row that could be read.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// As they stand in the file; one of them in [`Mode::MultiClass`].
    pub labels: Vec<String>,
    /// What is to be classified.
    pub text: String,
}

/// Without the text, which may be anybody's.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("line", &self.line)
            .field("labels", &self.labels)
            .field("characters", &self.text.chars().count())
            .finish()
    }
}

/// A file of labelled messages.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Where it was read.
    pub path: PathBuf,
    /// Its messages, in the file's order.
    pub messages: Vec<Message>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
}

impl Dataset {
    /// Reads a file, and says which rows could not be read.
    ///
    /// # Errors
    ///
    /// The file cannot be read at all, or has more than [`MAX_BYTES`].
    pub fn read(path: &Path, labelling: Labelling) -> Result<(Self, Vec<Problem>), String> {
        let trouble = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
        let size = std::fs::metadata(path).map_err(trouble)?.len();
        if size > MAX_BYTES {
            return Err(format!("`{}` has {size} bytes, expected at most {MAX_BYTES}", path.display()));
        }
        Ok(Self::parse(path, &std::fs::read(path).map_err(trouble)?, labelling))
    }

    /// Reads the bytes of a file.
    pub fn parse(path: &Path, bytes: &[u8], labelling: Labelling) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut error =
            |line, message: String| problems.push(Problem::new(path, line, Severity::Error, message));
        let body = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        if body.len() < bytes.len() {
            error(
                Some(1),
                "a byte order mark, expected none: it would become part of the first label".into(),
            );
        }
        let mut messages = Vec::new();
        for row in Rows::new(body) {
            match row {
                Err(fault) => error(Some(fault.line), fault.message.into()),
                Ok(row) if row.fields.iter().all(Vec::is_empty) && row.fields.len() == 1 => {
                    error(Some(row.line), "an empty line, expected none".into());
                }
                Ok(row) => match <[Vec<u8>; 2]>::try_from(row.fields) {
                    Err(fields) => {
                        let found = fields.len();
                        error(Some(row.line), format!("{found} columns, expected 2: the label and the text"));
                    }
                    Ok(fields) => match fields.map(String::from_utf8) {
                        [Ok(labels), Ok(text)] => {
                            let labels = split(&labels, labelling);
                            messages.push(Message { line: row.line, labels, text });
                        }
                        _ => error(Some(row.line), "bytes that are not UTF-8, expected UTF-8".into()),
                    },
                },
            }
        }
        let digest = hex::encode(Sha256::digest(bytes));
        (Self { path: path.to_owned(), messages, digest }, problems)
    }
}

fn split(labels: &str, labelling: Labelling) -> Vec<String> {
    match labelling.mode {
        Mode::MultiClass => vec![labels.to_owned()],
        Mode::MultiLabel => labels.split(labelling.delimiter).map(str::to_owned).collect(),
    }
}
