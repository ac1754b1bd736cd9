//! Training a model, and classifying with it.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use crate::dataset::Example;
use crate::optimise::{Problem, probabilities};
use crate::text::{Counts, count};

/// How many labels a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Exactly one: the scores of a document add up to 1.
    MultiClass,
    /// Any number: each label's score stands for itself.
    MultiLabel,
}

/// How a model is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The most features of either kind, the commonest first.
    pub most_features: usize,
    /// A feature counts if it is in so many documents.
    pub least_documents: usize,
    /// How much the examples weigh against the penalty on large weights. The less, the more hesitant the
    /// scores; at 100, those of texts worded unlike the examples are rather too low than too high.
    pub trust: f64,
    /// The most steps of the optimiser.
    pub most_steps: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { most_features: 20_000, least_documents: 2, trust: 100.0, most_steps: 200 }
    }
}

/// Weights beyond this number are not kept, however many labels there are: 1,000 classes get fewer features
/// each.
const MOST_WEIGHTS: usize = 4_000_000;

/// Why no model comes of the examples.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// Nothing to tell apart.
    #[error("{0} different labels, expected at least 2")]
    TooFewLabels(usize),
    /// In multi-class mode.
    #[error("example {0} has {1} labels, expected 1")]
    NotOneLabel(usize, usize),
}

/// A label with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score<'a> {
    /// The label.
    pub name: &'a str,
    /// A probability.
    pub score: f32,
}

/// A trained model.
#[derive(Clone)]
pub struct Model {
    mode: Mode,
    labels: Vec<String>,
    words: Vocabulary,
    pieces: Vocabulary,
    /// Those of one feature side by side; after the last feature's the biases.
    weights: Vec<f32>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("mode", &self.mode)
            .field("labels", &self.labels)
            .field("features", &(self.words.known.len() + self.pieces.known.len()))
            .finish_non_exhaustive()
    }
}

impl Model {
    /// Trains a model. Labels are sorted by name.
    ///
    /// # Errors
    /// Fewer than two labels; in multi-class mode an example with none or several.
    pub fn train(examples: &[Example], mode: Mode, options: &Options) -> Result<Self, TrainError> {
        let labels: BTreeSet<&str> =
            examples.iter().flat_map(|example| &example.labels).map(String::as_str).collect();
        if labels.len() < 2 {
            return Err(TrainError::TooFewLabels(labels.len()));
        }
        let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
        let places: HashMap<&str, usize> =
            labels.iter().enumerate().map(|(place, label)| (label.as_str(), place)).collect();
        let mut targets = Vec::with_capacity(examples.len());
        for (number, example) in examples.iter().enumerate() {
            let named: BTreeSet<usize> =
                example.labels.iter().filter_map(|label| places.get(label.as_str()).copied()).collect();
            if mode == Mode::MultiClass && named.len() != 1 {
                return Err(TrainError::NotOneLabel(number, named.len()));
            }
            targets.push(named.into_iter().collect());
        }
        let shares = shares(&targets, labels.len());
        let counts: Vec<Counts> = examples.iter().map(|example| count(&example.text)).collect();
        let most = options.most_features.min(MOST_WEIGHTS / 2 / labels.len());
        let words = Vocabulary::of(counts.iter().map(|counts| &counts.words), 0, most, options);
        let first = words.known.len();
        let pieces = Vocabulary::of(counts.iter().map(|counts| &counts.pieces), first, most, options);
        let features = first + pieces.known.len();
        #[expect(clippy::cast_precision_loss, reason = "a number of documents")]
        let penalty = 1.0 / (options.trust * examples.len() as f64);
        let problem = Problem {
            rows: counts.iter().map(|counts| row(&words, &pieces, counts)).collect(),
            targets,
            features,
            labels: labels.len(),
            shares,
            exclusive: mode == Mode::MultiClass,
            penalty,
        };
        #[expect(clippy::cast_possible_truncation, reason = "single precision is enough to classify")]
        let weights = problem.fit(options.most_steps).into_iter().map(|weight| weight as f32).collect();
        Ok(Self { mode, labels, words, pieces, weights })
    }

    /// The mode that it was trained in.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The labels, sorted.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The score of each label, in the order of [`labels`](Self::labels).
    #[must_use]
    pub fn scores(&self, text: &str) -> Vec<f32> {
        let labels = self.labels.len();
        let row = row(&self.words, &self.pieces, &count(text));
        let features = self.words.known.len() + self.pieces.known.len();
        let biases = self.weights.iter().skip(features * labels);
        let mut scores: Vec<f64> = biases.map(|bias| f64::from(*bias)).collect();
        for (feature, value) in row {
            let start = feature as usize * labels;
            let Some(weights) = self.weights.get(start..start + labels) else { continue };
            for (score, weight) in scores.iter_mut().zip(weights) {
                *score += f64::from(value) * f64::from(*weight);
            }
        }
        probabilities(&mut scores, self.mode == Mode::MultiClass);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a probability, which AWS gives in single precision"
        )]
        let scores = scores.into_iter().map(|score| score as f32).collect();
        scores
    }

    /// All labels with their scores, the highest first, equal ones by name.
    #[must_use]
    pub fn classify(&self, text: &str) -> Vec<Score<'_>> {
        let scores = self.scores(text);
        let mut ranked: Vec<Score<'_>> =
            self.labels.iter().zip(scores).map(|(name, score)| Score { name, score }).collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
        ranked
    }
}

/// Each label's share of the documents.
fn shares(targets: &[Vec<usize>], labels: usize) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a number of documents")]
    let one = 1.0 / targets.len().max(1) as f64;
    let mut shares = vec![0.0; labels];
    for target in targets.iter().flatten() {
        if let Some(share) = shares.get_mut(*target) {
            *share += one;
        }
    }
    shares
}

/// A document's features: each kind has length 1, so that words and pieces weigh the same. Features that are
/// not known count in that length: a text of mostly unknown words has a short row, and hesitant scores.
fn row(words: &Vocabulary, pieces: &Vocabulary, counts: &Counts) -> Vec<(u32, f32)> {
    let mut row = Vec::with_capacity(counts.words.len() + counts.pieces.len());
    words.weigh(&counts.words, &mut row);
    pieces.weigh(&counts.pieces, &mut row);
    row
}

/// The features of one kind that are known, by their hashes: their number and how telling each is (the
/// inverse document frequency).
#[derive(Clone, Debug)]
struct Vocabulary {
    known: HashMap<u64, (u32, f32), BuildHasherDefault<Hashed>>,
}

/// How telling a feature is that is not known: as little as one that every example has, or else the many
/// pairs of words that are met for the first time would outweigh all else.
const UNKNOWN: f32 = 1.0;

impl Vocabulary {
    fn of<'a>(
        documents: impl Iterator<Item = &'a Vec<(u64, f32)>>,
        first: usize,
        most: usize,
        options: &Options,
    ) -> Self {
        let mut frequencies: HashMap<u64, usize, BuildHasherDefault<Hashed>> = HashMap::default();
        let mut size = 0;
        for document in documents {
            size += 1;
            for (feature, _) in document {
                *frequencies.entry(*feature).or_default() += 1;
            }
        }
        let mut frequencies: Vec<(u64, usize)> =
            frequencies.into_iter().filter(|(_, count)| *count >= options.least_documents).collect();
        frequencies.sort_unstable_by_key(|(feature, count)| (std::cmp::Reverse(*count), *feature));
        frequencies.truncate(most);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a logarithm of counts"
        )]
        let telling = |count: usize| (((1 + size) as f64 / (1 + count) as f64).ln() + 1.0) as f32;
        let numbered = frequencies.into_iter().zip(first..);
        let known = numbered.filter_map(|((feature, count), number)| {
            Some((feature, (u32::try_from(number).ok()?, telling(count))))
        });
        Self { known: known.collect() }
    }

    fn weigh(&self, counts: &[(u64, f32)], row: &mut Vec<(u32, f32)>) {
        let start = row.len();
        let mut square = 0.0_f32;
        for (feature, count) in counts {
            let dampened = 1.0 + count.ln();
            let known = self.known.get(feature);
            let value = dampened * known.map_or(UNKNOWN, |(_, telling)| *telling);
            square += value * value;
            row.extend(known.map(|(number, _)| (*number, value)));
        }
        let scale = std::f32::consts::FRAC_1_SQRT_2 / square.sqrt().max(f32::MIN_POSITIVE);
        row.iter_mut().skip(start).for_each(|(_, value)| *value *= scale);
    }
}

/// Takes a feature, which is a hash, for its own hash.
#[derive(Clone, Copy, Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
