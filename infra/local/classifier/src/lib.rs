//! A text classifier for the local cloud's Amazon Comprehend: TF-IDF over words, pairs of words and pieces of
//! words, and logistic regression, multinomial for one class per document or one model per label for many.
//!
//! It reads no file and calls nothing. The same examples in the same order give the same model on every
//! machine.
//!
//! - [`dataset`]: labelled rows of CSV, and which of them to hold out
//! - [`Model`]: training and classifying
//! - [`evaluate`]: the metrics and the confusion matrix over a test set
//!
//! The optimiser is our own, sparse one. A document has a few hundred of tens of thousands of features; the
//! solvers of linfa-logistic take dense matrices, which for 2,000 documents means a thousand times the work
//! and 300 MB.

pub mod dataset;
mod evaluate;
mod model;
mod optimise;
mod text;

pub use dataset::Example;
pub use evaluate::{Confusion, Evaluation, Metrics, evaluate};
pub use model::{Mode, Model, Options, Score, TrainError};
