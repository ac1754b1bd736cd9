use std::path::Path;

use super::*;
use crate::dataset::{Dataset, Labelling, Mode};
use crate::leakage::{overlap, shingles};
use crate::validate::{Validated, counts};

const LABELS: [&str; 10] = [
    "alcohol",
    "compliant",
    "debt_forgiveness",
    "firearms",
    "gambling",
    "hate",
    "high_risk_finance",
    "illegal_substances",
    "sex",
    "tobacco",
];
/// The message of the post that the system follows.
const POST: &str =
    "Huge sale at Pine County Shooting Range 25% off for 6mm and 9mm bullets! Lazer add-ons on clearance too";

fn shipped() -> Validated {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("starter");
    let labelling = Labelling { mode: Mode::MultiClass, delimiter: '|' };
    Validated::read(&folder.join("train.csv"), Some(&folder.join("test.csv")), labelling).unwrap()
}

fn test_set(validated: &Validated) -> &Dataset {
    validated.test.as_ref().unwrap()
}

#[test]
fn the_shipped_files_are_what_the_generator_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("starter");
    for (file, made) in [("train.csv", train_csv().unwrap()), ("test.csv", test_csv().unwrap())] {
        let shipped = std::fs::read_to_string(folder.join(file)).unwrap();
        // Not assert_eq, which would print both.
        assert!(shipped == made, "{file} is not what `eventide-train starter` makes");
    }
}

#[test]
fn the_shipped_files_pass_their_own_validation() {
    let validated = shipped();
    assert_eq!(validated.problems, []);
}

#[test]
fn there_are_messages_enough_of_every_label() {
    let validated = shipped();
    let (train, test) = (counts(&validated.train), counts(test_set(&validated)));
    assert!(train.keys().eq(&LABELS) && test.keys().eq(&LABELS), "{train:?} {test:?}");
    assert!(validated.train.messages.len() >= 1_200, "{train:?}");
    assert!(test_set(&validated).messages.len() >= 250, "{test:?}");
    assert!(train["compliant"] >= 400, "{train:?}");
    assert!(train.values().all(|count| *count >= 80), "{train:?}");
    assert!(test.values().all(|count| *count >= 15), "{test:?}");
}

#[test]
fn messages_have_many_lengths_within_bounds() {
    let validated = shipped();
    for dataset in [&validated.train, test_set(&validated)] {
        let lengths: Vec<_> = dataset.messages.iter().map(|message| message.text.chars().count()).collect();
        assert!(lengths.iter().all(|length| LENGTHS.contains(length)));
        let share = |wanted: fn(usize) -> bool| {
            lengths.iter().filter(|length| wanted(**length)).count() as f64 / lengths.len() as f64
        };
        assert!(share(|length| length < 100) > 0.1, "short {}", share(|length| length < 100));
        assert!(share(|length| length > 250) > 0.1, "long {}", share(|length| length > 250));
    }
}

#[test]
fn train_and_test_share_no_wording() {
    let validated = shipped();
    let known: HashSet<_> =
        validated.train.messages.iter().flat_map(|message| shingles(&message.text)).collect();
    for message in &test_set(&validated).messages {
        assert_eq!(overlap(&message.text, &known), 0.0, "line {}", message.line);
    }
}

#[test]
fn train_and_test_share_no_template_and_no_list() {
    let (train, test) = (Grammar::parse(TRAIN).unwrap(), Grammar::parse(TEST).unwrap());
    let templates = |grammar: &Grammar| -> HashSet<String> {
        let templates = grammar.sections.iter().flat_map(|section| &section.templates);
        templates.map(|template| normalised(&template.text)).collect()
    };
    assert_eq!(templates(&train).intersection(&templates(&test)).count(), 0);
    // Single words are common property; a list that is half of another one is not.
    for (name, words) in &train.lists {
        for (other_name, others) in &test.lists {
            let shared = words.iter().filter(|word| others.contains(word)).count();
            let fewer = words.len().min(others.len());
            assert!(2 * shared < fewer, "{name} and {other_name}: {shared} of {fewer}");
        }
    }
    for section in &train.sections {
        assert!(section.templates.len() >= 25, "{}: {}", section.label, section.templates.len());
    }
}

#[test]
fn the_message_of_the_post_is_tested_and_not_trained() {
    let validated = shipped();
    let labels = |dataset: &Dataset| {
        let found = dataset.messages.iter().find(|message| message.text == POST);
        found.map(|message| message.labels.clone())
    };
    assert_eq!(labels(&validated.train), None);
    assert_eq!(labels(test_set(&validated)), Some(vec!["firearms".to_owned()]));
}

#[test]
fn a_label_with_too_few_templates_is_refused() {
    let lists = "@sms a\n@email b\n@filler c\n@closing d\n";
    let error = generate(&format!("{lists}[one 2]\nonly a single message here\n")).unwrap_err();
    assert_eq!(error, "`one`: 1 messages more than the templates can make");
}
