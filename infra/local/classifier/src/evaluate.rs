//! How good a model is on documents whose labels are known.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::dataset::Example;
use crate::model::{Mode, Model};

/// In multi-label mode a label is predicted from this score on.
const PREDICTED: f32 = 0.5;

/// What Amazon Comprehend calls the evaluation metrics (Developer Guide, "Custom classifier metrics"):
/// precision, recall and F1 are the means over the labels that are in the test set or were predicted, the
/// micro ones are over all predictions together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// The share of documents whose labels were predicted exactly.
    pub accuracy: f64,
    /// Macro precision.
    pub precision: f64,
    /// Macro recall.
    pub recall: f64,
    /// Macro F1.
    pub f1: f64,
    /// Micro precision.
    pub micro_precision: f64,
    /// Micro recall.
    pub micro_recall: f64,
    /// Micro F1.
    pub micro_f1: f64,
    /// The share of wrong labels: of documents in multi-class mode, of documents times labels in multi-label
    /// mode.
    pub hamming_loss: f64,
}

/// Who was taken for whom, in the order of the model's labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Confusion {
    /// A row for each actual label, a column for each predicted one.
    MultiClass(Vec<Vec<u32>>),
    /// For each label rows for absent and present, columns for predicted absent and predicted present.
    MultiLabel(Vec<[[u32; 2]; 2]>),
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// How many documents were classified.
    pub documents: usize,
    /// The metrics.
    pub metrics: Metrics,
    /// The confusion matrix.
    pub confusion: Confusion,
}

/// Hits and misses of one label.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    hit: u32,
    missed: u32,
    wrong: u32,
}

impl Tally {
    fn precision(self) -> f64 {
        share(self.hit, self.hit + self.wrong)
    }

    fn recall(self) -> f64 {
        share(self.hit, self.hit + self.missed)
    }

    fn f1(self) -> f64 {
        share(2 * self.hit, 2 * self.hit + self.wrong + self.missed)
    }

    fn is_seen(self) -> bool {
        self.hit + self.missed + self.wrong > 0
    }
}

/// Classifies the examples and compares. Labels that the model does not know are misses of no label; their
/// documents are wrong.
#[must_use]
pub fn evaluate(model: &Model, examples: &[Example]) -> Evaluation {
    let size = model.labels().len();
    let mut tallies = vec![Tally::default(); size];
    let mut matrix = vec![vec![0_u32; size]; size];
    let mut exact = 0_u32;
    let mut foreign = 0_u32;
    for example in examples {
        let predicted = predict(model, &example.text);
        let mut actual = BTreeSet::new();
        let mut strange = false;
        for label in &example.labels {
            match model.labels().binary_search(label) {
                Ok(place) => actual.extend([place]),
                Err(_) => strange = true,
            }
        }
        for (place, tally) in tallies.iter_mut().enumerate() {
            match (actual.contains(&place), predicted.contains(&place)) {
                (true, true) => tally.hit += 1,
                (true, false) => tally.missed += 1,
                (false, true) => tally.wrong += 1,
                (false, false) => {}
            }
        }
        foreign += u32::from(strange);
        exact += u32::from(actual == predicted && !strange);
        if let (Some(actual), Some(predicted)) = (actual.first(), predicted.first())
            && let Some(cell) = matrix.get_mut(*actual).and_then(|row| row.get_mut(*predicted))
        {
            *cell += 1;
        }
    }
    let documents = u32::try_from(examples.len()).unwrap_or(u32::MAX);
    Evaluation {
        documents: examples.len(),
        metrics: metrics(&tallies, model.mode(), documents, exact, foreign),
        confusion: match model.mode() {
            Mode::MultiClass => Confusion::MultiClass(matrix),
            Mode::MultiLabel => {
                let quarters = tallies.iter().map(|tally| {
                    let absent = documents - tally.hit - tally.missed - tally.wrong;
                    [[absent, tally.wrong], [tally.missed, tally.hit]]
                });
                Confusion::MultiLabel(quarters.collect())
            }
        },
    }
}

fn predict(model: &Model, text: &str) -> BTreeSet<usize> {
    let scores = model.scores(text);
    match model.mode() {
        Mode::MultiClass => {
            let ranked = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
            ranked.map(|(place, _)| place).into_iter().collect()
        }
        Mode::MultiLabel => {
            let likely = scores.iter().enumerate().filter(|(_, score)| **score >= PREDICTED);
            likely.map(|(place, _)| place).collect()
        }
    }
}

fn metrics(tallies: &[Tally], mode: Mode, documents: u32, exact: u32, foreign: u32) -> Metrics {
    let seen: Vec<Tally> = tallies.iter().copied().filter(|tally| tally.is_seen()).collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of labels")]
    let mean =
        |measure: fn(Tally) -> f64| seen.iter().copied().map(measure).sum::<f64>() / seen.len().max(1) as f64;
    let mut all = seen.iter().fold(Tally::default(), |all, tally| Tally {
        hit: all.hit + tally.hit,
        missed: all.missed + tally.missed,
        wrong: all.wrong + tally.wrong,
    });
    all.missed += foreign;
    let accuracy = share(exact, documents);
    let labels = u32::try_from(tallies.len()).unwrap_or(u32::MAX);
    Metrics {
        accuracy,
        precision: mean(Tally::precision),
        recall: mean(Tally::recall),
        f1: mean(Tally::f1),
        micro_precision: all.precision(),
        micro_recall: all.recall(),
        micro_f1: all.f1(),
        hamming_loss: match mode {
            Mode::MultiClass if documents == 0 => 0.0,
            Mode::MultiClass => 1.0 - accuracy,
            Mode::MultiLabel => share(all.missed + all.wrong, documents.saturating_mul(labels)),
        },
    }
}

/// 0 of nothing is 0.
fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) }
}

#[cfg(test)]
#[path = "evaluate_tests.rs"]
mod tests;
