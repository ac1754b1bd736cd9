//! What is wrong with a mart's file, and where.

use std::fmt;

use eventide_types::printable;

/// Faults that a refusal lists at most.
const MAX_LISTED: usize = 20;
/// Characters of all of them together.
const MAX_TEXT: usize = 4_000;

/// A fault. Its words are for the file's author and may quote the file: they go into the event, and into no log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line of the file, from 1 on, where one is at fault.
    pub line: Option<u64>,
    /// What is wrong, and what was expected.
    pub reason: String,
}

impl Fault {
    /// A fault in a line.
    pub fn at(line: u64, reason: impl Into<String>) -> Self {
        Self { line: Some(line), reason: reason.into() }
    }

    /// A fault of the whole.
    pub fn whole(reason: impl Into<String>) -> Self {
        Self { line: None, reason: reason.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// All of them in one text, by line.
pub fn listed(faults: &[Fault]) -> String {
    let mut sorted: Vec<&Fault> = faults.iter().collect();
    sorted.sort_by_key(|fault| fault.line);
    let mut texts: Vec<String> = sorted.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    if sorted.len() > MAX_LISTED {
        texts.push(format!("{} more", sorted.len() - MAX_LISTED));
    }
    printable(&texts.join("; "), MAX_TEXT)
}
