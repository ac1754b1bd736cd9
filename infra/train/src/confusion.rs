//! Which labels a classifier takes for which.

use std::fmt::Write as _;
use std::io::Read as _;

use flate2::read::GzDecoder;
use serde::Deserialize;

/// The name of the matrix in the archive of a trained classifier.
const MEMBER: &str = "confusion_matrix.json";
/// Widest label in a table; a longer one is cut.
const WIDEST: usize = 20;

/// A confusion matrix in the layout of Comprehend's `confusion_matrix.json`.
///
/// Source: Amazon Comprehend Developer Guide, "Classifier training output".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Confusion {
    /// Each message has one label.
    MultiClass {
        /// The labels, in the order of the rows and columns.
        labels: Vec<String>,
        /// A row for each true label, with a column for each label given.
        #[serde(rename = "confusion_matrix")]
        matrix: Vec<Vec<u64>>,
    },
    /// Each message may have several labels.
    MultiLabel {
        /// The labels, in the order of the tables.
        labels: Vec<String>,
        /// For each label `[[neither, one of them], [the other, both]]` of true and given. The guide's table
        /// and its explanation disagree on which of them is which; F1 is the same either way.
        #[serde(rename = "confusion_matrix")]
        tables: Vec<[[u64; 2]; 2]>,
    },
}

/// How well one label is recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelScore {
    /// The label.
    pub label: String,
    /// Messages that truly have it.
    pub messages: u64,
    /// The harmonic mean of precision and recall, 0 to 1; 0 for a label that is never met.
    pub f1: f64,
}

impl Confusion {
    /// An empty matrix of a multi-class classifier.
    pub fn of_classes(labels: Vec<String>) -> Self {
        let matrix = vec![vec![0; labels.len()]; labels.len()];
        Self::MultiClass { labels, matrix }
    }

    /// An empty matrix of a multi-label classifier.
    pub fn of_labels(labels: Vec<String>) -> Self {
        let tables = vec![[[0; 2]; 2]; labels.len()];
        Self::MultiLabel { labels, tables }
    }

    /// Books one message. A label that the matrix does not have is passed over.
    pub fn add(&mut self, actual: &[String], given: &[String]) {
        match self {
            Self::MultiClass { labels, matrix } => {
                let position =
                    |wanted: &[String]| labels.iter().position(|label| wanted.first() == Some(label));
                if let (Some(actual), Some(given)) = (position(actual), position(given))
                    && let Some(cell) = matrix.get_mut(actual).and_then(|row| row.get_mut(given))
                {
                    *cell += 1;
                }
            }
            Self::MultiLabel { labels, tables } => {
                for (label, [absent, present]) in labels.iter().zip(tables) {
                    let [no, yes] = if actual.contains(label) { present } else { absent };
                    *(if given.contains(label) { yes } else { no }) += 1;
                }
            }
        }
    }

    /// Finds the matrix in the output archive of a classifier, in whatever folder it lies; nothing if it has
    /// none.
    ///
    /// # Errors
    ///
    /// The archive cannot be read, or the matrix has another layout.
    pub fn from_archive(archive: &[u8]) -> Result<Option<Self>, String> {
        let Some(bytes) = member(archive, |name| name == MEMBER)? else { return Ok(None) };
        let matrix = serde_json::from_slice(&bytes).map_err(|error| format!("`{MEMBER}`: {error}"))?;
        Ok(Some(matrix))
    }

    /// How well each label is recognised, in the order of the matrix.
    pub fn scores(&self) -> Vec<LabelScore> {
        match self {
            Self::MultiClass { labels, matrix } => labels
                .iter()
                .enumerate()
                .map(|(index, label)| {
                    let cell = |row: &Vec<u64>| row.get(index).copied().unwrap_or_default();
                    let hits = matrix.get(index).map(cell).unwrap_or_default();
                    let messages = matrix.get(index).map(|row| row.iter().sum()).unwrap_or_default();
                    let given: u64 = matrix.iter().map(cell).sum();
                    LabelScore { label: label.clone(), messages, f1: f1(hits, messages + given) }
                })
                .collect(),
            Self::MultiLabel { labels, tables } => labels
                .iter()
                .zip(tables)
                .map(|(label, [[_, one], [other, both]])| LabelScore {
                    label: label.clone(),
                    messages: other + both,
                    f1: f1(*both, 2 * both + one + other),
                })
                .collect(),
        }
    }

    /// The mean of the labels' F1, 0 to 1, each label counting the same.
    pub fn macro_f1(&self) -> f64 {
        let scores = self.scores();
        scores.iter().map(|score| score.f1).sum::<f64>() / scores.len().max(1) as f64
    }

    /// The share of decisions that are right, 0 to 1: of messages, or of labels in a multi-label matrix.
    pub fn accuracy(&self) -> f64 {
        let (right, all) = match self {
            Self::MultiClass { matrix, .. } => (
                matrix.iter().enumerate().filter_map(|(index, row)| row.get(index)).sum::<u64>(),
                matrix.iter().flatten().sum::<u64>(),
            ),
            Self::MultiLabel { tables, .. } => (
                tables.iter().map(|[[neither, _], [_, both]]| neither + both).sum::<u64>(),
                tables.iter().flatten().flatten().sum(),
            ),
        };
        right as f64 / all.max(1) as f64
    }

    /// A table of the scores and of what was taken for what.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let scores = self.scores();
        let width =
            scores.iter().map(|score| score.label.chars().count()).max().unwrap_or_default().clamp(5, WIDEST);
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{:width$}  messages     F1  taken for", "label");
        for (index, score) in scores.iter().enumerate() {
            let label: String = score.label.chars().take(WIDEST).collect();
            let _ = writeln!(
                out,
                "{label:width$}  {:8}  {:5.3}  {}",
                score.messages,
                score.f1,
                self.taken_for(index)
            );
        }
        out
    }

    /// The other labels that messages of one label were given, the most frequent first.
    fn taken_for(&self, index: usize) -> String {
        match self {
            Self::MultiClass { labels, matrix } => {
                let row = matrix.get(index).map(Vec::as_slice).unwrap_or_default();
                let mut others: Vec<_> = labels
                    .iter()
                    .zip(row)
                    .enumerate()
                    .filter(|(at, (_, count))| *at != index && **count > 0)
                    .collect();
                others.sort_by_key(|(_, (_, count))| std::cmp::Reverse(**count));
                let others: Vec<_> =
                    others.iter().map(|(_, (label, count))| format!("{label} {count}")).collect();
                others.join(", ")
            }
            Self::MultiLabel { tables, .. } => tables
                .get(index)
                .filter(|[[_, one], [other, _]]| one + other > 0)
                .map(|[[_, one], [other, _]]| {
                    format!("given or missing where it should not be: {one} and {other}")
                })
                .unwrap_or_default(),
        }
    }
}

fn f1(hits: u64, actual_and_given: u64) -> f64 {
    if actual_and_given == 0 { 0.0 } else { 2.0 * hits as f64 / actual_and_given as f64 }
}

/// The first regular file of a `.tar.gz` whose name without its folders is wanted.
///
/// # Errors
///
/// The archive cannot be read.
pub fn member(archive: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Option<Vec<u8>>, String> {
    let trouble = |error: std::io::Error| format!("the output archive: {error}");
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    for entry in archive.entries().map_err(trouble)? {
        let mut entry = entry.map_err(trouble)?;
        let path = entry.path().map_err(trouble)?.into_owned();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if entry.header().entry_type().is_file() && wanted(name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(trouble)?;
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

#[cfg(test)]
pub(crate) mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// A `.tar.gz` with one file.
    pub(crate) fn archive(name: &str, content: &str) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
        builder.into_inner().unwrap().finish().unwrap()
    }

    /// The examples of the Developer Guide.
    pub(crate) const CLASSES: &str = r#"{"type": "multi_class", "confusion_matrix":
        [[1, 2, 0, 4], [0, 3, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1]],
        "labels": ["A", "B", "X", "Y"], "all_labels": ["A", "B", "X", "Y"]}"#;
    const LABELS: &str = r#"{"type": "multi_label", "confusion_matrix":
        [[[2, 1], [0, 2]], [[1, 1], [2, 1]], [[3, 0], [1, 1]]],
        "labels": ["Comedy", "Action", "Drama"], "all_labels": ["Comedy", "Action", "Drama"]}"#;

    #[test]
    fn classes_are_scored_by_row_and_column() {
        let matrix =
            Confusion::from_archive(&archive("output/confusion_matrix.json", CLASSES)).unwrap().unwrap();
        let scores: Vec<_> = matrix.scores().into_iter().map(|score| (score.messages, score.f1)).collect();
        // A: 1 hit, 7 true, 2 given.
        assert_eq!(scores, [(7, 2.0 / 9.0), (4, 6.0 / 10.0), (1, 2.0 / 3.0), (4, 2.0 / 10.0)]);
        assert_eq!(matrix.accuracy(), 6.0 / 16.0);
        assert_eq!(
            matrix.render().lines().nth(1),
            Some("A             7  0.222  Y 4, B 2"),
            "\n{}",
            matrix.render()
        );
    }

    #[test]
    fn labels_are_scored_each_by_itself() {
        let matrix = Confusion::from_archive(&archive("confusion_matrix.json", LABELS)).unwrap().unwrap();
        let scores: Vec<_> = matrix.scores().into_iter().map(|score| score.f1).collect();
        assert_eq!(scores, [4.0 / 5.0, 2.0 / 5.0, 2.0 / 3.0]);
        assert_eq!(matrix.accuracy(), 10.0 / 15.0);
    }

    #[test]
    fn archives_may_lack_the_matrix_but_not_be_broken() {
        assert_eq!(Confusion::from_archive(&archive("output/other.json", "{}")), Ok(None));
        assert!(Confusion::from_archive(b"not an archive").is_err());
        let other = archive("confusion_matrix.json", r#"{"type": "multi_class", "labels": []}"#);
        assert!(Confusion::from_archive(&other).unwrap_err().contains("confusion_matrix"));
    }

    #[test]
    fn booked_messages_are_counted() {
        let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut matrix = Confusion::of_classes(names("a b"));
        for (actual, given) in [("a", "a"), ("a", "b"), ("b", "b"), ("c", "a")] {
            matrix.add(&names(actual), &names(given));
        }
        let counted = Confusion::MultiClass { labels: names("a b"), matrix: vec![vec![1, 1], vec![0, 1]] };
        assert_eq!(matrix, counted);
        let mut matrix = Confusion::of_labels(names("a b"));
        matrix.add(&names("a b"), &names("a"));
        matrix.add(&names("b"), &names("a b"));
        let tables = vec![[[0, 1], [0, 1]], [[0, 0], [1, 1]]];
        assert_eq!(matrix, Confusion::MultiLabel { labels: names("a b"), tables });
    }
}
