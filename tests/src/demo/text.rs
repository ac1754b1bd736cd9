//! Plain text, with colour where a terminal shows it.

use std::io::{IsTerminal as _, stdout};

use serde_json::Value;

/// Columns that a paragraph is wrapped at, without its indentation.
const WIDTH: usize = 96;

/// The text at a JSON pointer; empty if there is none.
#[must_use]
pub fn at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer; 0 if there is none.
#[must_use]
pub fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// Prints a paragraph, each of its lines behind `indentation`. A word too long for a line stays whole.
pub fn paragraph(indentation: &str, text: &str) {
    for line in wrapped(text) {
        println!("{indentation}{line}");
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A headline.
#[must_use]
pub fn bold(text: &str) -> String {
    painted(text, "1")
}

/// A stage or severity in the colour of how bad it is.
#[must_use]
pub fn judged(word: &str) -> String {
    match word {
        "CRITICAL" | "HIGH" | "failed" | "rejected" => painted(word, "31"),
        "MEDIUM" | "held" | "timed-out" | "unsupported" => painted(word, "33"),
        "LOW" | "INFORMATIONAL" | "approved" | "complete" => painted(word, "32"),
        _ => word.to_owned(),
    }
}

fn painted(text: &str, code: &str) -> String {
    if stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_full_but_not_longer() {
        let word = "x".repeat(47);
        assert_eq!(wrapped(&format!("{word} {word}x {word}")), [format!("{word} {word}x"), word.clone()]);
        assert_eq!(wrapped(&format!("{word} {word}xx")), [word.clone(), format!("{word}xx")]);
        let long = "y".repeat(200);
        assert_eq!(wrapped(&format!("{word} {long} {word}")), [word.clone(), long, word]);
    }
}
