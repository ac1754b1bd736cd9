//! What a row says, before it is checked.

use crate::csv::Field;
use crate::template::Piece;

/// A part of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// The part.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// What a row can say beside variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Id,
    Channel,
    To,
    Subject,
    Text,
    Html,
    TimeZone,
}

impl Cell {
    pub(crate) const COUNT: usize = 7;

    /// All of them, with their names as columns and as members.
    pub(crate) const NAMES: [(Self, &str, &str); Self::COUNT] = [
        (Self::Id, "id", "id"),
        (Self::Channel, "channel", "channel"),
        (Self::To, "to", "to"),
        (Self::Subject, "subject", "subject"),
        (Self::Text, "text", "text"),
        (Self::Html, "html", "html"),
        (Self::TimeZone, "time_zone", "timeZone"),
    ];
}

/// A variable's value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    pub(crate) span: Span,
    /// Whether it was found to be of its type.
    pub(crate) checked: bool,
}

/// A row. It is used again for the next one, so that a row costs no allocation.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// The contents, one after another.
    pub(crate) text: String,
    cells: [Option<Span>; Cell::COUNT],
    /// By the variable's number.
    pub(crate) values: Vec<Option<Value>>,
    /// The row's own subject, text and html, taken apart.
    pub(crate) pieces: [Vec<Piece>; 3],
}

impl Row {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.cells = [None; Cell::COUNT];
        self.values.clear();
    }

    /// What the row says; an empty text says nothing.
    pub(crate) fn cell(&self, cell: Cell) -> Option<&str> {
        let span = self.cells.get(cell as usize).copied().flatten()?;
        Some(span.of(&self.text)).filter(|text| !text.is_empty())
    }

    /// Sets what the row says; false if it was set before.
    pub(crate) fn set(&mut self, cell: Cell, content: Span) -> bool {
        self.cells.get_mut(cell as usize).is_some_and(|cell| cell.replace(content).is_none())
    }

    /// Sets a variable; false if it was set before.
    pub(crate) fn set_value(&mut self, variable: usize, span: Span) -> bool {
        if self.values.len() <= variable {
            self.values.resize(variable + 1, None);
        }
        self.values.get_mut(variable).is_some_and(|at| at.replace(Value { span, checked: false }).is_none())
    }

    /// A variable's value.
    pub(crate) fn value(&self, variable: usize) -> Option<&str> {
        Some(self.values.get(variable).copied().flatten()?.span.of(&self.text))
    }

    /// Appends a text.
    pub(crate) fn push(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span { start, end: self.text.len() }
    }

    /// Appends a field of CSV.
    pub(crate) fn push_field(&mut self, row: &str, field: Field) -> Span {
        let content = row.get(field.start..field.end).unwrap_or_default();
        if !field.doubled {
            return self.push(content);
        }
        let start = self.text.len();
        let mut rest = content;
        while let Some((before, after)) = rest.split_once("\"\"") {
            self.text.push_str(before);
            self.text.push('"');
            rest = after;
        }
        self.text.push_str(rest);
        Span { start, end: self.text.len() }
    }
}
