//! The lines of a job's output (Developer Guide, "Outputs for asynchronous analysis jobs").
//!
//! Error lines are documented for other kinds of job only ("Asynchronous batch processing"): those of
//! documents that are too large or not UTF-8, after which the rest of a file is not read. Assumed: that a
//! blank line has no answer, but counts; that a byte order mark belongs to the first document.

use std::fmt::Write as _;
use std::sync::Arc;

use eventide_local_classifier::{Mode, Score};
use serde_json::json;

use super::plan::Fate;
use super::settings::Settings;
use super::training::Trained;

/// In multi-label mode all labels of this score and more are shown. That is assumed from a sample in the
/// guide, which has four of them.
const LIKELY: f32 = 0.5;

/// Which documents a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    OneDocPerLine,
    OneDocPerFile,
}

/// Classifies a job's documents, file by file.
pub(super) struct Predictions {
    trained: Arc<Trained>,
    format: Format,
    fate: Fate,
    top_classes: usize,
    max_document_bytes: usize,
    max_documents: u64,
    /// Documents so far, blank lines included.
    pub(super) documents: u64,
    /// Those of them that have an error line.
    pub(super) failed: u64,
    output: String,
}

impl Predictions {
    pub(super) fn new(trained: Arc<Trained>, format: Format, fate: Fate, settings: &Settings) -> Self {
        Self {
            trained,
            format,
            fate,
            top_classes: settings.top_classes,
            max_document_bytes: settings.max_document_bytes,
            max_documents: settings.max_job_documents,
            documents: 0,
            failed: 0,
            output: String::new(),
        }
    }

    /// Classifies the documents of a file.
    ///
    /// # Errors
    /// The message that the job fails with.
    pub(super) fn add(&mut self, file: &str, content: &[u8]) -> Result<(), String> {
        if self.format == Format::OneDocPerFile {
            self.document(file, None, content)?;
            return Ok(());
        }
        for (line, document) in lines(content).zip(0..) {
            if !self.document(file, Some(document), line)? {
                break;
            }
        }
        Ok(())
    }

    /// The output, whole.
    pub(super) fn finish(self) -> String {
        if !self.fate.reverse {
            return self.output;
        }
        let mut lines: Vec<&str> = self.output.split_inclusive('\n').collect();
        lines.reverse();
        lines.concat()
    }

    /// Classifies one document; whether those behind it may be read.
    fn document(&mut self, file: &str, line: Option<u64>, content: &[u8]) -> Result<bool, String> {
        let number = self.documents;
        self.documents += 1;
        if self.documents > self.max_documents {
            return Err(format!("The input has more than {} documents.", self.max_documents));
        }
        if content.len() > self.max_document_bytes {
            let most = self.max_document_bytes;
            let message = format!("Document size exceeds maximum size limit {most} bytes.");
            self.error(file, line, "DOCUMENT_SIZE_EXCEEDED", &message);
            return Ok(true);
        }
        let Ok(text) = std::str::from_utf8(content) else {
            let message = "Document is not in UTF-8 format and all subsequent lines are ignored.";
            self.error(file, line, "UNSUPPORTED_ENCODING", message);
            return Ok(false);
        };
        let dropped = self.fate.drop_lines.as_ref().is_some_and(|which| which.holds(number, text));
        if dropped || text.trim().is_empty() {
            return Ok(true);
        }
        let failing = self.fate.fail_lines.as_ref().filter(|failing| failing.lines.holds(number, text));
        match failing.cloned() {
            Some(failing) => self.error(file, line, &failing.code, &failing.message),
            None => self.answer(file, line, text),
        }
        Ok(true)
    }

    fn answer(&mut self, file: &str, line: Option<u64>, text: &str) {
        let trained = Arc::clone(&self.trained);
        let mode = trained.model.mode();
        let mut scores = trained.model.classify(text);
        let likely = match mode {
            Mode::MultiClass => 0,
            Mode::MultiLabel => scores.iter().filter(|score| score.score >= LIKELY).count(),
        };
        scores.truncate(self.top_classes.max(likely));
        self.open(file, line);
        let _ = write!(self.output, ",\"{}\":[", member(mode));
        for (index, Score { name, score }) in scores.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let (name, score) = (json!(name), f64::from(*score));
            let _ = write!(self.output, "{comma}{{\"Name\":{name},\"Score\":{score}}}");
        }
        self.output.push_str("]}\n");
    }

    fn error(&mut self, file: &str, line: Option<u64>, code: &str, message: &str) {
        self.failed += 1;
        self.open(file, line);
        let (code, message) = (json!(code), json!(message));
        let _ = writeln!(self.output, ",\"ErrorCode\":{code},\"ErrorMessage\":{message}}}");
    }

    fn open(&mut self, file: &str, line: Option<u64>) {
        let _ = write!(self.output, "{{\"File\":{}", json!(file));
        if let Some(line) = line {
            let _ = write!(self.output, ",\"Line\":\"{line}\"");
        }
    }
}

/// The member that holds the scores.
pub(super) fn member(mode: Mode) -> &'static str {
    match mode {
        Mode::MultiClass => "Classes",
        Mode::MultiLabel => "Labels",
    }
}

/// The lines of a file, which end with LF, CR or CRLF; the last need not.
fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(content);
    std::iter::from_fn(move || {
        let open = rest.take().filter(|open| !open.is_empty())?;
        let Some(end) = open.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            return Some(open);
        };
        let (line, tail) = open.split_at_checked(end)?;
        rest = tail.strip_prefix(b"\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}

#[cfg(test)]
#[path = "predictions_tests.rs"]
mod tests;
