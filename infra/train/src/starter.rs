//! The starter data set: labelled marketing messages, and a test set of other wording.
//!
//! Both are made of templates that people wrote, in `starter/train.txt` and `starter/test.txt`, by a seeded
//! generator: the same templates give the same files on every machine and with every version of every
//! dependency. The two template files have no sentence and no list of words in common.
//!
//! A template file holds, line by line:
//!
//! | line | means |
//! |---|---|
//! | `# text` | nothing |
//! | `@name a / b / c` | words for `{name}`; more lines of the same name add to it |
//! | `[label 90]` | the templates below are of this label, and 90 messages are made of them |
//! | `=text` | a message as it stands |
//! | anything else | a template: `{name}` takes a word of a list, `{a/b}` one of these, `{10..70}` a number |
//!
//! The lists `sms`, `email`, `filler` and `closing` are put around messages of every label alike, so that a
//! classifier cannot learn anything from them.

mod grammar;
mod random;

use std::collections::{HashSet, VecDeque};

use crate::csv::write_row;
use crate::leakage::normalised;
use grammar::{Grammar, Template};
use random::Random;

const TRAIN: &str = include_str!("starter/train.txt");
const TEST: &str = include_str!("starter/test.txt");
/// Any number does; another one makes another choice from the same templates.
const SEED: u64 = 2026;
/// Fewest and most characters of a message.
const LENGTHS: std::ops::RangeInclusive<usize> = 20..=600;
/// How often a new message is sought before a template is taken for exhausted.
const TRIES: usize = 200;

/// `train.csv`.
///
/// # Errors
///
/// The templates are broken; names the line.
pub fn train_csv() -> Result<String, String> {
    generate(TRAIN).map_err(|error| format!("starter/train.txt: {error}"))
}

/// `test.csv`.
///
/// # Errors
///
/// The templates are broken; names the line.
pub fn test_csv() -> Result<String, String> {
    generate(TEST).map_err(|error| format!("starter/test.txt: {error}"))
}

fn generate(source: &str) -> Result<String, String> {
    let grammar = Grammar::parse(source)?;
    let mut random = Random::new(SEED);
    let mut messages = Vec::new();
    let mut bodies = HashSet::new();
    for section in &grammar.sections {
        // In turn, so that every template is used as often as its slots allow.
        let mut turn: VecDeque<_> = section.templates.iter().collect();
        let mut missing = section.count;
        while missing > 0 {
            let template = turn.pop_front().ok_or_else(|| {
                format!("`{}`: {missing} messages more than the templates can make", section.label)
            })?;
            let made = message(&grammar, template, &mut random, &mut bodies);
            if let Some(text) = made.map_err(|error| format!("line {}: {error}", template.line))? {
                messages.push((section.label.as_str(), text));
                turn.push_back(template);
                missing -= 1;
            }
        }
    }
    random.shuffle(&mut messages);
    let mut csv = String::new();
    for (label, text) in messages {
        write_row(&mut csv, &[label, &text]);
    }
    Ok(csv)
}

/// A message that no earlier one resembles but for what stands around it; nothing if the template has no
/// more.
fn message(
    grammar: &Grammar,
    template: &Template,
    random: &mut Random,
    bodies: &mut HashSet<String>,
) -> Result<Option<String>, String> {
    for _ in 0..TRIES {
        let body = grammar.expand(&template.text, random)?;
        if bodies.contains(&normalised(&body)) {
            continue;
        }
        let whole = if template.verbatim { body.clone() } else { dress(grammar, &body, random)? };
        let text = if LENGTHS.contains(&whole.chars().count()) { whole } else { body.clone() };
        if LENGTHS.contains(&text.chars().count()) {
            bodies.insert(normalised(&body));
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Puts a salutation before and sentences behind a message, as its channel has them.
fn dress(grammar: &Grammar, body: &str, random: &mut Random) -> Result<String, String> {
    let mut parts = Vec::new();
    let part = |list: &str, random: &mut Random| grammar.word(list, random);
    let email = random.below(5) < 2;
    if email {
        parts.push(part("email", random)?);
    } else if random.below(3) == 0 {
        parts.push(part("sms", random)?);
    }
    parts.push(body.to_owned());
    let fillers = if email { 1 + random.below(3) } else { 0 };
    for _ in 0..fillers {
        let filler = part("filler", random)?;
        if !parts.contains(&filler) {
            parts.push(filler);
        }
    }
    if email || random.below(2) == 0 {
        parts.push(part("closing", random)?);
    }
    Ok(parts.join(" "))
}

#[cfg(test)]
mod tests;
