//! The header of a mart's file: TOML, with the lines of its members kept for what is wrong with them.

use eventide_types::mart::Definition;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::Fault;

/// The line of the file that the header begins in.
const FIRST_LINE: u64 = 2;

/// A parsed header.
#[derive(Debug)]
pub struct Header<'a> {
    /// What it says.
    pub definition: Definition,
    text: &'a str,
    table: Spanned<DeTable<'a>>,
}

impl<'a> Header<'a> {
    /// Parses a header.
    ///
    /// # Errors
    ///
    /// Every fault of its syntax; if there is none, the first member that is missing, unknown or of another type.
    pub fn parse(text: &'a str) -> Result<Self, Vec<Fault>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().map(|error| fault(text, error)).collect());
        }
        let definition = toml::from_str(text).map_err(|error| vec![fault(text, &error)])?;
        Ok(Self { definition, text, table })
    }

    /// The line of the member at `path`, or of the innermost one around it that is there.
    pub fn line(&self, path: &[&str]) -> u64 {
        let mut line = FIRST_LINE;
        let mut table = Some(self.table.get_ref());
        for name in path {
            let Some((key, value)) =
                table.and_then(|table| table.iter().find(|(key, _)| key.get_ref() == name))
            else {
                break;
            };
            line = line_at(self.text, key.span().start);
            table = match value.get_ref() {
                DeValue::Table(inner) => Some(inner),
                _ => None,
            };
        }
        line
    }

    /// The line of an element of the array at `name`.
    pub fn element_line(&self, path: &[&str], index: usize) -> u64 {
        let mut value = None;
        let mut table = Some(self.table.get_ref());
        for name in path {
            value = table
                .and_then(|table| table.iter().find(|(key, _)| key.get_ref() == name))
                .map(|(_, value)| value);
            table = value.and_then(|value| value.get_ref().as_table());
        }
        let array = value.and_then(|value| value.get_ref().as_array());
        let element = array.and_then(|array| array.get(index));
        element.map_or_else(|| self.line(path), |element| line_at(self.text, element.span().start))
    }
}

fn fault(text: &str, error: &toml::de::Error) -> Fault {
    let line = error.span().map(|span| line_at(text, span.start));
    Fault { line, reason: format!("header: {}", error.message().replace('\n', ", ")) }
}

fn line_at(text: &str, offset: usize) -> u64 {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    FIRST_LINE + before.iter().filter(|byte| **byte == b'\n').count() as u64
}
