//! Whether Comprehend will take a data set, and whether what it says of the trained classifier can be
//! believed.
//!
//! Limits: Amazon Comprehend Developer Guide, "Guidelines and quotas" (document classification), "Classifier
//! training file formats", "Test the training data" and, for the size of one text, "Inputs for real-time
//! custom analysis".

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::dataset::{Dataset, Labelling, Message, Mode};
use crate::leakage::{normalised, overlap, shingles};

/// Most documents in all files of a request.
pub const MAX_DOCUMENTS: usize = 1_000_000;
/// Most characters of a label.
pub const MAX_LABEL_CHARACTERS: usize = 5_000;
/// Most characters of a text that an endpoint classifies.
pub const MAX_TEXT_CHARACTERS: usize = 10_000;
/// Most bytes of a text that an endpoint classifies.
pub const MAX_TEXT_BYTES: usize = 10 * 1024;
/// From this share of copied runs of words on, a test message tests memory and not judgement.
pub const MAX_OVERLAP: f64 = 0.5;

/// Fewest training documents of one label.
pub const fn minimum_per_label(mode: Mode) -> usize {
    match mode {
        Mode::MultiClass => 50,
        Mode::MultiLabel => 10,
    }
}

/// Most labels of a classifier.
pub const fn maximum_labels(mode: Mode) -> usize {
    match mode {
        Mode::MultiClass => 1_000,
        Mode::MultiLabel => 100,
    }
}

/// Whether a problem stops the training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Comprehend would refuse it, or the figures of the test would be worthless.
    Error,
    /// Worth a look.
    Warning,
}

/// Something wrong with a file. It names lines and labels, never a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Where, counted from 1; nothing if it is the file as a whole.
    pub line: Option<usize>,
    /// Whether it stops the training.
    pub severity: Severity,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl Problem {
    /// A problem of the file at `path`.
    pub fn new(path: &Path, line: Option<usize>, severity: Severity, message: String) -> Self {
        Self { path: path.to_owned(), line, severity, message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, ": {severity}: {}", self.message)
    }
}

/// A data set that was looked at.
#[derive(Debug)]
pub struct Validated {
    /// What is trained with.
    pub train: Dataset,
    /// What is tested with; Comprehend takes a tenth of the training data without it.
    pub test: Option<Dataset>,
    /// How both are labelled.
    pub labelling: Labelling,
    /// Everything that was found, by file and line.
    pub problems: Vec<Problem>,
}

impl Validated {
    /// Reads the files and looks at them.
    ///
    /// # Errors
    ///
    /// A file cannot be read at all.
    pub fn read(train: &Path, test: Option<&Path>, labelling: Labelling) -> Result<Self, String> {
        let (train, mut problems) = Dataset::read(train, labelling)?;
        let test = match test {
            None => None,
            Some(path) => {
                let (test, found) = Dataset::read(path, labelling)?;
                problems.extend(found);
                Some(test)
            }
        };
        let mut validated = Self { train, test, labelling, problems };
        validated.look();
        Ok(validated)
    }

    /// How many of the problems stop the training.
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    fn look(&mut self) {
        let mut found = Findings::default();
        found.file(&self.train, self.labelling);
        found.training_labels(&self.train, self.labelling.mode);
        if let Some(test) = &self.test {
            found.file(test, self.labelling);
            found.test_labels(&self.train, test);
            found.leakage(&self.train, test);
        }
        self.problems.append(&mut found.0);
        let train = &self.train.path;
        self.problems.sort_by_key(|problem| (problem.path != *train, problem.line));
    }
}

/// How often each label occurs, by label.
pub fn counts(dataset: &Dataset) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for label in dataset.messages.iter().flat_map(|message| &message.labels) {
        *counts.entry(label.as_str()).or_default() += 1;
    }
    counts
}

#[derive(Default)]
struct Findings(Vec<Problem>);

impl Findings {
    fn error(&mut self, dataset: &Dataset, line: Option<usize>, message: String) {
        self.0.push(Problem::new(&dataset.path, line, Severity::Error, message));
    }

    /// What can be said of a file by itself.
    fn file(&mut self, dataset: &Dataset, labelling: Labelling) {
        if dataset.messages.is_empty() {
            self.error(dataset, None, "no messages, expected some".into());
        }
        if dataset.messages.len() > MAX_DOCUMENTS {
            let found = dataset.messages.len();
            self.error(dataset, None, format!("{found} messages, expected at most {MAX_DOCUMENTS}"));
        }
        if dataset.messages.first().is_some_and(is_header) {
            self.error(dataset, Some(1), "a header row, expected none".into());
        }
        for message in &dataset.messages {
            self.labels(dataset, message, labelling);
            self.text(dataset, message);
        }
        self.duplicates(dataset);
    }

    fn labels(&mut self, dataset: &Dataset, message: &Message, labelling: Labelling) {
        let line = Some(message.line);
        let mut seen = BTreeSet::new();
        for label in &message.labels {
            if label.trim().is_empty() {
                self.error(dataset, line, "an empty label, expected a name".into());
            } else if label.trim() != label {
                self.error(dataset, line, format!("white space around the label `{}`", label.trim()));
            }
            let length = label.chars().count();
            if length > MAX_LABEL_CHARACTERS {
                self.error(
                    dataset,
                    line,
                    format!("a label of {length} characters, expected at most {MAX_LABEL_CHARACTERS}"),
                );
            }
            if labelling.mode == Mode::MultiClass && label.contains(labelling.delimiter) {
                let message = format!(
                    "`{label}` holds the delimiter `{}` and is one label here: is it multi-label data?",
                    labelling.delimiter
                );
                self.0.push(Problem::new(&dataset.path, line, Severity::Warning, message));
            }
            if !seen.insert(label) {
                self.error(dataset, line, format!("the label `{label}` twice, expected it once"));
            }
        }
    }

    fn text(&mut self, dataset: &Dataset, message: &Message) {
        let (characters, bytes) = (message.text.chars().count(), message.text.len());
        if message.text.trim().is_empty() {
            self.error(dataset, Some(message.line), "an empty text, expected a message".into());
        } else if normalised(&message.text).is_empty() {
            self.error(dataset, Some(message.line), "a text without a single word".into());
        }
        if characters > MAX_TEXT_CHARACTERS || bytes > MAX_TEXT_BYTES {
            let problem = format!(
                "a text of {characters} characters in {bytes} bytes, expected at most \
                 {MAX_TEXT_CHARACTERS} in \
                 {MAX_TEXT_BYTES}: an endpoint classifies no longer one"
            );
            self.error(dataset, Some(message.line), problem);
        }
        if message.text.trim() != message.text {
            let warning = "white space around the text".to_owned();
            self.0.push(Problem::new(&dataset.path, Some(message.line), Severity::Warning, warning));
        }
    }

    /// The same words twice, with the same labels or with others.
    fn duplicates(&mut self, dataset: &Dataset) {
        let mut first: HashMap<String, &Message> = HashMap::new();
        for message in &dataset.messages {
            let text = normalised(&message.text);
            if text.is_empty() {
                continue;
            }
            let Some(earlier) = first.get(&text) else {
                first.insert(text, message);
                continue;
            };
            let same = BTreeSet::from_iter(&earlier.labels) == BTreeSet::from_iter(&message.labels);
            let problem = if same {
                format!("the same text as line {}, expected it once", earlier.line)
            } else {
                format!(
                    "the same text as line {} under another label, `{}` there and `{}` here",
                    earlier.line,
                    earlier.labels.join("|"),
                    message.labels.join("|")
                )
            };
            self.error(dataset, Some(message.line), problem);
        }
    }

    fn training_labels(&mut self, train: &Dataset, mode: Mode) {
        let counts = counts(train);
        let (minimum, maximum) = (minimum_per_label(mode), maximum_labels(mode));
        if counts.len() > maximum {
            self.error(train, None, format!("{} labels, expected at most {maximum}", counts.len()));
        }
        if counts.len() == 1 {
            self.error(train, None, "one label, expected at least 2".into());
        }
        for (label, count) in counts.into_iter().filter(|(_, count)| *count < minimum) {
            self.error(train, None, format!("{count} messages of `{label}`, expected at least {minimum}"));
        }
    }

    fn test_labels(&mut self, train: &Dataset, test: &Dataset) {
        let (trained, tested) = (counts(train), counts(test));
        for label in trained.keys().filter(|label| !tested.contains_key(*label)) {
            self.error(test, None, format!("no message of `{label}`, expected at least one of every label"));
        }
        for message in &test.messages {
            for label in message.labels.iter().filter(|label| !trained.contains_key(label.as_str())) {
                self.error(test, Some(message.line), format!("the label `{label}`, which nothing trains"));
            }
        }
    }

    fn leakage(&mut self, train: &Dataset, test: &Dataset) {
        let texts: HashMap<_, _> =
            train.messages.iter().map(|message| (normalised(&message.text), message.line)).collect();
        let known: HashSet<_> = train.messages.iter().flat_map(|message| shingles(&message.text)).collect();
        for message in &test.messages {
            if let Some(line) = texts.get(&normalised(&message.text)) {
                self.error(
                    test,
                    Some(message.line),
                    format!("the same text as line {line} of the training data, expected one of its own"),
                );
                continue;
            }
            let share = overlap(&message.text, &known);
            if share >= MAX_OVERLAP {
                let percent = share * 100.0;
                self.error(
                    test,
                    Some(message.line),
                    format!(
                        "{percent:.0} % of its wording is that of the training data, expected less than half"
                    ),
                );
            }
        }
    }
}

fn is_header(message: &Message) -> bool {
    let is = |text: &str, names: &[&str]| names.contains(&text.trim().to_lowercase().as_str());
    message.line == 1
        && message.labels.first().is_some_and(|label| is(label, &["label", "labels", "class", "category"]))
        && is(&message.text, &["text", "message", "document", "content"])
}

#[cfg(test)]
mod tests;
