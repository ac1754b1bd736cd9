//! Rows of JSON Lines.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::row::{Cell, Row, Span};
use crate::template::{Names, is_name};

/// Reads a line into `row`. The error has no content of the line but the name of an unknown member.
pub(crate) fn read(line: &[u8], names: &mut Names, row: &mut Row) -> Result<(), String> {
    let mut member = "";
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let read = Line { names, row, member: &mut member }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    read.map_err(|error| match member {
        "" => expected(&error),
        member => format!("`{member}`: {}", expected(&error)),
    })
}

/// Whether a line is a header: an object whose first member is `campaign`.
pub(crate) fn is_header(line: &[u8]) -> bool {
    let begin = line.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
    begin.trim_ascii_start().starts_with(br#""campaign""#)
}

/// What an error says, without the content that serde quotes.
pub(crate) fn expected(error: &serde_json::Error) -> String {
    let mut told = error.to_string();
    if let Some(at) = told.rfind(" at line ") {
        told.truncate(at);
    }
    match error.classify() {
        serde_json::error::Category::Data => match told.rfind("expected ") {
            Some(at) => told.split_off(at),
            None => told,
        },
        _ => format!("not JSON: {told} at character {}", error.column()),
    }
}

/// A name as it may be told: what looks like the name of a column or member. Of a file without a header the first row would be
/// told otherwise, recipients and texts included.
pub(crate) fn told(name: &str) -> String {
    let mut digits = 0;
    let mut is_number = |byte: u8| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits > 4
    };
    let is_name = (1..=40).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
        && !name.bytes().any(&mut is_number);
    if is_name { name.to_owned() } else { "…".to_owned() }
}

struct Line<'a> {
    names: &'a mut Names,
    row: &'a mut Row,
    /// The member that is being read.
    member: &'a mut &'static str,
}

impl<'de> DeserializeSeed<'de> for Line<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Line<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut variables = false;
        while let Some(key) = map.next_key_seed(Key)? {
            let fresh = match key {
                Member::Cell(cell, name) => {
                    *self.member = name;
                    let span = map.next_value_seed(Content { row: self.row, numbers: false })?;
                    span.is_none_or(|span| self.row.set(cell, span))
                }
                Member::Variables => {
                    *self.member = "variables";
                    map.next_value_seed(Variables { names: self.names, row: self.row })?;
                    !std::mem::replace(&mut variables, true)
                }
                Member::Unknown(name) => {
                    return Err(de::Error::custom(format_args!("unknown member `{name}`")));
                }
            };
            if !fresh {
                return Err(de::Error::custom("expected no member twice"));
            }
            *self.member = "";
        }
        Ok(())
    }
}

enum Member {
    Cell(Cell, &'static str),
    Variables,
    Unknown(String),
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Member, E> {
        let cell = Cell::NAMES.iter().find(|(_, _, member)| *member == key);
        Ok(match cell {
            Some((cell, _, member)) => Member::Cell(*cell, member),
            None if key == "variables" => Member::Variables,
            None => Member::Unknown(told(key)),
        })
    }
}

/// A text, appended to the row; `null` is none. Of variables also an integer, as it is written.
struct Content<'a> {
    row: &'a mut Row,
    numbers: bool,
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = Option<Span>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Span>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Content<'_> {
    type Value = Option<Span>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.numbers { "a string or an integer" } else { "a string" })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<Span>, E> {
        Ok(Some(self.row.push(text)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<Span>, E> {
        Ok(None)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Option<Span>, E> {
        match self.numbers {
            true => Ok(Some(self.row.push(&number.to_string()))),
            false => Err(de::Error::invalid_type(de::Unexpected::Other("number"), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<Span>, E> {
        match self.numbers {
            true => Ok(Some(self.row.push(&number.to_string()))),
            false => Err(de::Error::invalid_type(de::Unexpected::Other("number"), &self)),
        }
    }
}

struct Variables<'a> {
    names: &'a mut Names,
    row: &'a mut Row,
}

impl<'de> DeserializeSeed<'de> for Variables<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Variables<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(number) = map.next_key_seed(VariableName { names: self.names })? {
            let span = map.next_value_seed(Content { row: self.row, numbers: true })?;
            if span.is_some_and(|span| !self.row.set_value(number, span)) {
                return Err(de::Error::custom("expected no variable twice"));
            }
        }
        Ok(())
    }
}

struct VariableName<'a> {
    names: &'a mut Names,
}

impl<'de> DeserializeSeed<'de> for VariableName<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for VariableName<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a variable")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<usize, E> {
        if !is_name(name) {
            return Err(de::Error::custom(
                "expected names of a letter or `_`, then at most 63 letters, digits, `_`, `-` or `.`",
            ));
        }
        self.names.number(name).map_err(de::Error::custom)
    }
}
