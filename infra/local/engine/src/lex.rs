//! From text to tokens: case folding, and parameters.
//!
//! A parameter becomes one placeholder token, which is an expression and nothing else. Its value takes its place
//! when the statement has been read: it never passes through SQL text.

use datafusion::sql::sqlparser::dialect::RedshiftSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use crate::error::{Result, SqlError, error};

/// A statement's tokens without blanks and comments, and its text.
#[derive(Clone, Debug)]
pub(crate) struct Lexed {
    pub(crate) text: String,
    pub(crate) tokens: Vec<TokenWithSpan>,
}

/// Reads a statement. `fold` is the default, under which quoted names are folded to lower case like all
/// others (Database Developer Guide, `enable_case_sensitive_identifier`).
pub(crate) fn lex(text: &str, parameters: &[(String, String)], fold: bool) -> Result<Lexed> {
    let raw = Tokenizer::new(&RedshiftSqlDialect {}, text).tokenize_with_location().map_err(|failure| {
        let near = text.chars().skip(offset(text, failure.location)).collect::<String>();
        error(format_args!("{} at or near \"{near}\"", failure.message.to_lowercase()))
    })?;
    let mut used = vec![false; parameters.len()];
    let mut tokens = Vec::with_capacity(raw.len());
    let mut raw = raw.into_iter().peekable();
    while let Some(mut token) = raw.next() {
        match &mut token.token {
            Token::Whitespace(_) => continue,
            Token::Colon => {
                let mut name = String::new();
                while let Some(part) = raw.next_if(|next| name_part(&next.token).is_some()) {
                    name.push_str(name_part(&part.token).unwrap_or_default());
                    token.span.end = part.span.end;
                }
                let found = parameters.iter().position(|(known, _)| *known == name);
                // Behind a point the parser takes a placeholder for a name.
                let named = tokens.last().is_some_and(|last: &TokenWithSpan| last.token == Token::Period);
                if let Some(mark) = found.filter(|_| !named).and_then(|at| used.get_mut(at)) {
                    *mark = true;
                    token.token = Token::Placeholder(name);
                } else if !name.is_empty() {
                    return Err(syntax_error(text, token.span));
                }
            }
            Token::Placeholder(name) => return Err(error(format_args!("there is no parameter {name}"))),
            Token::Word(word) if fold || word.quote_style.is_none() => word.value.make_ascii_lowercase(),
            _ => {}
        }
        tokens.push(token);
    }
    if let Some(unused) = used.iter().position(|used| !used).and_then(|at| parameters.get(at)) {
        return Err(error(format_args!("parameter \"{}\" is not used by the statement", unused.0)));
    }
    while tokens.last().is_some_and(|last| last.token == Token::SemiColon) {
        tokens.pop();
    }
    Ok(Lexed { text: text.to_owned(), tokens })
}

/// What parameters' names consist of: letters, digits and `_` (Data API, `SqlParameter`).
fn name_part(token: &Token) -> Option<&str> {
    let part = match token {
        Token::Word(word) if word.quote_style.is_none() => &word.value,
        Token::Number(digits, false) => digits,
        _ => return None,
    };
    part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(part)
}

/// A syntax error at a token, with its place as the driver gives it.
pub(crate) fn syntax_error(text: &str, span: Span) -> SqlError {
    let start = offset(text, span.start);
    let near: String = text.chars().skip(start).take(offset(text, span.end).saturating_sub(start)).collect();
    if near.is_empty() {
        return error("syntax error at end of input");
    }
    error(format_args!("syntax error at or near \"{near}\"\n  Position: {}", start + 1))
}

/// Where a location is, in characters from the start.
fn offset(text: &str, location: Location) -> usize {
    let line = usize::try_from(location.line.saturating_sub(1)).unwrap_or_default();
    let column = usize::try_from(location.column.saturating_sub(1)).unwrap_or_default();
    text.split_inclusive('\n').take(line).map(|line| line.chars().count()).sum::<usize>() + column
}
