//! Training: from CSV in S3 to a model, its metrics and its confusion matrix.

use std::sync::Arc;

use eventide_local_classifier::dataset::{self, Example};
use eventide_local_classifier::{Confusion, Evaluation, Mode, Model, Options, evaluate};
use eventide_local_engine::Lake;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::input::s3_location;
use super::settings::Settings;
use super::unreadable;

/// How many trained models are kept for those who train from the same data again.
const KEPT: usize = 8;

/// A model, and how good it is.
#[derive(Debug)]
pub(super) struct Trained {
    pub(super) model: Model,
    pub(super) evaluation: Evaluation,
    /// How many documents it was trained with.
    pub(super) documents: usize,
}

/// What a model is trained from and tested with.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) mode: Mode,
    pub(super) train: Vec<Example>,
    /// If there are none, a tenth of the others is held out.
    pub(super) test: Option<Vec<Example>>,
}

/// Models by the digest of what they were trained from. Training comes out the same every time, so that
/// nothing shows whether it was done again. One is trained at a time.
#[derive(Debug, Default)]
pub(super) struct Models(tokio::sync::Mutex<Vec<([u8; 32], Arc<Trained>)>>);

impl Models {
    pub(super) async fn train(&self, data: Data) -> Result<Arc<Trained>, String> {
        let digest = data.digest();
        let mut models = self.0.lock().await;
        if let Some((_, trained)) = models.iter().find(|(of, _)| *of == digest) {
            return Ok(Arc::clone(trained));
        }
        let trained =
            tokio::task::spawn_blocking(|| data.train()).await.map_err(|error| error.to_string())??;
        let trained = Arc::new(trained);
        if models.len() == KEPT {
            models.remove(0);
        }
        models.push((digest, Arc::clone(&trained)));
        Ok(trained)
    }
}

impl Data {
    /// Refuses data that AWS would not train from (Developer Guide, "Guidelines and quotas").
    pub(super) fn check(&self, settings: &Settings) -> Result<(), String> {
        let (kind, least, most) = match self.mode {
            Mode::MultiClass => ("Class", settings.min_class_documents, settings.max_classes),
            Mode::MultiLabel => ("Label", settings.min_label_documents, settings.max_labels),
        };
        let counts = dataset::counts(&self.train);
        if counts.len() < 2 || counts.len() > most {
            let found = counts.len();
            return Err(format!("The training data has {found} different labels, expected 2 to {most}."));
        }
        if let Some((label, count)) = counts.iter().find(|(_, count)| *count < least) {
            return Err(format!(
                "{kind} `{label}` has {count} training documents, expected at least {least}."
            ));
        }
        if self.test.as_ref().is_some_and(Vec::is_empty) {
            return Err("The test data is empty.".into());
        }
        Ok(())
    }

    fn train(self) -> Result<Trained, String> {
        let (train, test) = match self.test {
            Some(test) => (self.train, test),
            None => dataset::hold_out(self.train),
        };
        let model =
            Model::train(&train, self.mode, &Options::default()).map_err(|error| error.to_string())?;
        let evaluation = evaluate(&model, &test);
        Ok(Trained { model, evaluation, documents: train.len() })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut add = |text: &str| {
            digest.update(text.len().to_le_bytes());
            digest.update(text);
        };
        add(if self.mode == Mode::MultiClass { "class" } else { "label" });
        for examples in [Some(&self.train), self.test.as_ref()] {
            add(if examples.is_some() { "examples" } else { "none" });
            for example in examples.into_iter().flatten() {
                add(&example.text);
                example.labels.iter().for_each(|label| add(label));
                add("");
            }
        }
        digest.finalize().into()
    }
}

/// Reads the rows of all files below an S3 URI.
pub(super) async fn read(
    lake: &dyn Lake,
    uri: &str,
    mode: Mode,
    delimiter: char,
) -> Result<Vec<Example>, String> {
    let (bucket, prefix) = s3_location(uri).ok_or_else(|| format!("`{uri}` is no S3 URI"))?;
    let files = lake.list(bucket, prefix).await.map_err(|error| unreadable(&error))?;
    let mut rows = Vec::new();
    let mut found = false;
    for (key, _) in files.into_iter().filter(|(key, _)| !key.ends_with('/')) {
        found = true;
        let content = lake.get(bucket, &key).await.map_err(|error| unreadable(&error))?;
        let read = dataset::read(&content, mode, delimiter);
        rows.extend(read.map_err(|error| format!("The file s3://{bucket}/{key} is not valid: {error}"))?);
    }
    if found { Ok(rows) } else { Err(unreadable(&format!("no file at {uri}"))) }
}

impl Trained {
    /// `ClassifierMetadata`
    pub(super) fn metadata(&self) -> Value {
        let metrics = &self.evaluation.metrics;
        json!({
            "NumberOfLabels": self.model.labels().len(),
            "NumberOfTrainedDocuments": self.documents,
            "NumberOfTestDocuments": self.evaluation.documents,
            "EvaluationMetrics": {
                "Accuracy": metrics.accuracy,
                "Precision": metrics.precision,
                "Recall": metrics.recall,
                "F1Score": metrics.f1,
                "MicroPrecision": metrics.micro_precision,
                "MicroRecall": metrics.micro_recall,
                "MicroF1Score": metrics.micro_f1,
                "HammingLoss": metrics.hamming_loss,
            },
        })
    }

    /// `confusion_matrix.json` (Developer Guide, "Confusion matrix").
    pub(super) fn confusion(&self) -> Value {
        let kind = match self.evaluation.confusion {
            Confusion::MultiClass(_) => "multi_class",
            Confusion::MultiLabel(_) => "multi_label",
        };
        json!({
            "type": kind,
            "confusion_matrix": self.evaluation.confusion,
            "labels": self.model.labels(),
            "all_labels": self.model.labels(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(mode: Mode, label: &str, count: usize) -> Data {
        let words = [("a", "apple"), (label, "banana")];
        let example = |(label, word): (&str, &str), n: usize| Example {
            text: format!("{word} {n}"),
            labels: vec![label.to_owned()],
        };
        let mut train: Vec<Example> = (0..60).map(|n| example(words[0], n)).collect();
        train.extend((0..count).map(|n| example(words[1], n)));
        Data { mode, train, test: None }
    }

    #[test]
    fn minimums_are_those_of_the_guide() {
        let settings = Settings::default();
        for (data, good) in [
            (data(Mode::MultiClass, "b", 50), true),
            (data(Mode::MultiClass, "b", 49), false),
            (data(Mode::MultiLabel, "b", 10), true),
            (data(Mode::MultiLabel, "b", 9), false),
            (data(Mode::MultiClass, "a", 50), false),
            (Data { test: Some(Vec::new()), ..data(Mode::MultiClass, "b", 50) }, false),
        ] {
            assert_eq!(data.check(&settings).is_ok(), good, "{:?}", data.check(&settings));
        }
        let few = Settings { max_classes: 1, ..Settings::default() };
        assert!(data(Mode::MultiClass, "b", 50).check(&few).is_err());
    }

    #[tokio::test]
    async fn the_same_data_are_trained_from_once() {
        let models = Models::default();
        let first = models.train(data(Mode::MultiClass, "b", 60)).await.unwrap();
        let again = models.train(data(Mode::MultiClass, "b", 60)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let other = models.train(data(Mode::MultiLabel, "b", 60)).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
        assert_eq!((first.documents, first.evaluation.documents), (108, 12));
        assert_eq!(first.metadata()["EvaluationMetrics"]["Accuracy"], 1.0);
        assert_eq!(first.confusion()["confusion_matrix"], json!([[6, 0], [0, 6]]));
        assert_eq!(other.confusion()["confusion_matrix"], json!([[[6, 0], [0, 6]], [[6, 0], [0, 6]]]));
    }
}
