//! Templates: `{{name}}` stands for a variable.

use std::collections::{BTreeMap, HashMap};

use eventide_types::campaign::settings::Variable;
use memchr::memchr;

use crate::row::Span;

/// What Amazon SES puts the address for unsubscribing in place of (*Using list management* in its developer
/// guide).
pub(crate) const UNSUBSCRIBE: &str = "amazonSESUnsubscribeUrl";
const UNSUBSCRIBE_PLACEHOLDER: &str = "{{amazonSESUnsubscribeUrl}}";

/// The most variables that a campaign's rows and templates can name.
const MAX_VARIABLES: usize = 1_000;

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text of the template itself.
    Literal(Span),
    /// The value of a variable, by its number.
    Value(usize),
    /// What Amazon SES puts its address for.
    Unsubscribe,
}

/// A template, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template<'a> {
    pub(crate) text: &'a str,
    pub(crate) pieces: &'a [Piece],
}

impl<'a> Template<'a> {
    /// Gives the parts of its rendering to `emit`, which goes on as long as it says true. False: it did not
    /// go on.
    pub(crate) fn render<'v>(
        &self,
        value: impl Fn(usize) -> &'v str,
        escape: bool,
        mut emit: impl FnMut(&str) -> bool,
    ) -> bool {
        self.pieces.iter().all(|piece| match piece {
            Piece::Literal(span) => emit(span.of(self.text)),
            Piece::Value(variable) if escape => escape_html(value(*variable), &mut emit),
            Piece::Value(variable) => emit(value(*variable)),
            Piece::Unsubscribe => emit(UNSUBSCRIBE_PLACEHOLDER),
        })
    }
}

/// Gives a value's parts as they are written in HTML, in an attribute as well.
pub(crate) fn escape_html(value: &str, emit: &mut impl FnMut(&str) -> bool) -> bool {
    let mut rest = value;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let mut characters = after.chars();
        let entity = match characters.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            Some('"') => "&quot;",
            _ => "&#39;",
        };
        if !(emit(before) && emit(entity)) {
            return false;
        }
        rest = characters.as_str();
    }
    emit(rest)
}

/// Takes a template apart. `unsubscribe`: whether it may have the placeholder of Amazon SES.
///
/// The error says what is wrong with it, without its text beyond the names of variables.
pub(crate) fn parse(
    text: &str,
    names: &mut Names,
    unsubscribe: bool,
    pieces: &mut Vec<Piece>,
) -> Result<(), String> {
    pieces.clear();
    let mut at = 0;
    while let Some(begin) = find_braces(text.as_bytes(), at) {
        let inside = text.get(begin + 2..).unwrap_or_default();
        if inside.starts_with('{') {
            return Err("expected a variable such as `{{name}}`, with two braces each".to_owned());
        }
        let Some(length) = inside.find("}}") else {
            return Err("expected `}}` after each `{{`".to_owned());
        };
        let name = inside.get(..length).unwrap_or_default().trim_matches([' ', '\t']);
        if !is_name(name) {
            return Err(
                "expected the name of a variable between `{{` and `}}`: a letter or `_`, then at most \
                63 letters, digits, `_`, `-` or `.`"
                    .to_owned(),
            );
        }
        if begin > at {
            pieces.push(Piece::Literal(Span { start: at, end: begin }));
        }
        pieces.push(match name {
            UNSUBSCRIBE if unsubscribe => Piece::Unsubscribe,
            UNSUBSCRIBE => {
                return Err(format!("expected `{{{{{UNSUBSCRIBE}}}}}` in an email's text and html only"));
            }
            name => Piece::Value(names.number(name)?),
        });
        at = begin + 2 + length + 2;
    }
    if at < text.len() {
        pieces.push(Piece::Literal(Span { start: at, end: text.len() }));
    }
    Ok(())
}

/// Where the next `{{` begins.
fn find_braces(text: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memchr(b'{', text.get(from..)?)?;
        if text.get(at + 1) == Some(&b'{') {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Whether a variable can be called so.
pub(crate) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && name.len() <= 64 && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// The variables of a campaign, numbered as they come.
#[derive(Debug, Default)]
pub(crate) struct Names {
    variables: Vec<(String, Variable)>,
    numbers: HashMap<String, usize>,
    types: BTreeMap<String, Variable>,
}

impl Names {
    /// None yet. `types` says what they hold, text if nothing.
    pub(crate) fn new(types: BTreeMap<String, Variable>) -> Self {
        Self { types, ..Self::default() }
    }

    /// The number of a variable.
    pub(crate) fn number(&mut self, name: &str) -> Result<usize, String> {
        if let Some(number) = self.numbers.get(name) {
            return Ok(*number);
        }
        let number = self.variables.len();
        if number == MAX_VARIABLES {
            return Err(format!("expected at most {MAX_VARIABLES} variables in a campaign"));
        }
        let variable = self.types.get(name).cloned().unwrap_or(Variable::Text);
        self.variables.push((name.to_owned(), variable));
        self.numbers.insert(name.to_owned(), number);
        Ok(number)
    }

    /// What a variable is called.
    pub(crate) fn name(&self, number: usize) -> &str {
        self.variables.get(number).map_or("", |(name, _)| name)
    }

    /// What it holds.
    pub(crate) fn variable(&self, number: usize) -> &Variable {
        self.variables.get(number).map_or(&Variable::Text, |(_, variable)| variable)
    }
}
