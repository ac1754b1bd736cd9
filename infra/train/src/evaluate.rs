//! Asks an endpoint about messages whose labels are known.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::confusion::Confusion;
use crate::dataset::{Dataset, Labelling, Mode};

/// Characters that an inference unit classifies in a second.
const CHARACTERS_PER_UNIT: f64 = 100.0;
/// Documents that an inference unit classifies in a second.
const DOCUMENTS_PER_UNIT: f64 = 2.0;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The ARN of the endpoint.
    pub endpoint: String,
    /// Its inference units, which the pace follows.
    pub units: u16,
    /// The score from which a label of a multi-label classifier counts as given, 0 to 1.
    pub threshold: f64,
}

/// Asks about every message, no faster than the endpoint classifies, and prints accuracy, F1 and confusion.
///
/// # Errors
///
/// The endpoint refuses a message, or has no class for it.
pub fn evaluate(
    aws: &dyn Aws,
    out: &mut dyn Write,
    test: &Dataset,
    labelling: Labelling,
    question: &Question,
) -> Result<Confusion, String> {
    let mut answers = Vec::new();
    for message in &test.messages {
        let start = Instant::now();
        let input = json!({ "EndpointArn": question.endpoint, "Text": message.text });
        let answer = aws
            .comprehend("classify-document", &input)
            .map_err(|failure| format!("line {}: {failure}", message.line))?;
        let given = given(&answer, labelling.mode, question.threshold);
        if given.is_empty() && labelling.mode == Mode::MultiClass {
            return Err(format!("line {}: an answer without classes", message.line));
        }
        answers.push(given);
        std::thread::sleep(pace(&message.text, question.units).saturating_sub(start.elapsed()));
    }
    let labels: BTreeSet<_> = test
        .messages
        .iter()
        .flat_map(|message| &message.labels)
        .chain(answers.iter().flatten())
        .cloned()
        .collect();
    let labels = labels.into_iter().collect();
    let mut matrix = match labelling.mode {
        Mode::MultiClass => Confusion::of_classes(labels),
        Mode::MultiLabel => Confusion::of_labels(labels),
    };
    for (message, given) in test.messages.iter().zip(&answers) {
        matrix.add(&message.labels, given);
    }
    let _ = writeln!(out, "asked about {} messages", answers.len());
    let _ = writeln!(out, "  accuracy  {:.4}", matrix.accuracy());
    let _ = writeln!(out, "  macro F1  {:.4}", matrix.macro_f1());
    let _ = write!(out, "{}", matrix.render());
    Ok(matrix)
}

/// How long an endpoint has to be left alone for one message.
fn pace(text: &str, units: u16) -> Duration {
    let seconds = (text.chars().count() as f64 / CHARACTERS_PER_UNIT).max(1.0 / DOCUMENTS_PER_UNIT);
    Duration::from_secs_f64(seconds / f64::from(units.max(1)))
}

/// The labels that an answer gives: the best class, or every label with score enough.
fn given(answer: &Value, mode: Mode, threshold: f64) -> Vec<String> {
    let scored = |member: &str| {
        let entries = answer.get(member).and_then(Value::as_array).into_iter().flatten();
        entries.filter_map(|entry| {
            Some((entry.get("Name")?.as_str()?.to_owned(), entry.get("Score")?.as_f64()?))
        })
    };
    match mode {
        Mode::MultiClass => scored("Classes")
            .max_by(|(_, one), (_, other)| one.total_cmp(other))
            .map(|(label, _)| label)
            .into_iter()
            .collect(),
        Mode::MultiLabel => {
            scored("Labels").filter(|(_, score)| *score >= threshold).map(|(label, _)| label).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_units_documents_and_characters() {
        for (characters, units, milliseconds) in
            [(10, 1, 500), (50, 1, 500), (100, 1, 1_000), (100, 10, 100), (3_000, 10, 3_000), (10, 0, 500)]
        {
            let expected = Duration::from_millis(milliseconds);
            assert_eq!(pace(&"é".repeat(characters), units), expected, "{characters} {units}");
        }
    }

    #[test]
    fn the_best_class_counts_and_every_label_above_the_threshold() {
        let entry = |name: &str, score: f64| json!({ "Name": name, "Score": score });
        let entries = [entry("a", 0.3), entry("b", 0.6), entry("c", 0.5)];
        assert_eq!(given(&json!({ "Classes": entries }), Mode::MultiClass, 0.9), ["b"]);
        assert_eq!(given(&json!({ "Labels": entries }), Mode::MultiLabel, 0.5), ["b", "c"]);
        assert_eq!(given(&json!({}), Mode::MultiClass, 0.5), [""; 0]);
    }
}
