//! The body of a mart's file: exactly one `SELECT`.
//!
//! What is deployed is the text as its author wrote it, less the comments, so it has to mean to Redshift what it means
//! to the parser here. Two readers of SQL differ in the corners of its lexical rules (escapes, nested comments, dollar
//! quotes), and in such a corner a second statement could hide. So no text is taken that has one
//! (`lex`); what is left, every reader of SQL cuts into the same words.
//!
//! Then the parsed statement is looked through (`look`): nothing that writes, locks or runs code that is
//! not the query's own.

mod lex;
mod look;

use std::collections::BTreeSet;

use eventide_types::mart::catalogue::Segment;
use eventide_types::mart::definition::Definition;
use sqlparser::ast::{Expr, LimitClause, Query, SetExpr, Value};
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::fault::Fault;
use crate::file::File;

/// Bytes of the stack on which a body is checked. Only what is used of it becomes memory.
const STACK: usize = 64 * 1024 * 1024;

/// Deeper than any body that [`lex`](self::lex) lets through: where the parser meets its limit it tries its other ways,
/// at every level anew.
const RECURSION: usize = 10_000;

/// A checked body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its text without comments, cut at its parameters.
    pub pieces: Vec<Segment>,
    /// How the rows of its result can be counted on.
    pub end: End,
}

/// How a query ends, which decides where a limit of ours goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Without order: the query can stand in another's `FROM`.
    Unordered,
    /// With an `ORDER BY`, which would not count for an outer query. A `LIMIT` can follow.
    Ordered,
    /// With a `LIMIT` of its own, which may follow an `ORDER BY`, of so many rows.
    Limited(u64),
}

impl Body {
    /// The text of a body without parameters.
    pub fn text(&self) -> String {
        let text = |piece: &Segment| match piece {
            Segment::Sql(text) => text.clone(),
            Segment::Parameter(_) | Segment::Condition { .. } => "NULL".to_owned(),
        };
        self.pieces.iter().map(text).collect()
    }
}

/// Checks the body of a file, on a thread of its own: the tree of a long expression is deep, and so is the stack of
/// whoever walks it.
///
/// # Errors
///
/// What is not allowed, with the line.
pub fn check(file: &File<'_>, definition: &Definition) -> Result<Body, Vec<Fault>> {
    let checked = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        thread.spawn_scoped(scope, || check_here(file, definition)).map(|thread| thread.join())
    });
    match checked {
        Ok(Ok(checked)) => checked,
        // A bug of the parser is no reason to fail every other file of the batch.
        Ok(Err(_)) | Err(_) => Err(vec![Fault::at(file.body_line, "the body cannot be checked")]),
    }
}

fn check_here(file: &File<'_>, definition: &Definition) -> Result<Body, Vec<Fault>> {
    let fault = |line: u64, reason: String| Fault::at(file.body_line + line.saturating_sub(1), reason);
    let words = lex::cut(file.body).map_err(|(line, reason)| vec![fault(line, reason)])?;
    let Some(query) = parse(&words).map_err(|reason| vec![located(file, &reason)])? else {
        return Err(vec![fault(1, "expected exactly one `SELECT` statement".to_owned())]);
    };
    let is_query = definition.kind == eventide_types::mart::definition::Kind::Query;
    let mut faults = look::through(&query);
    let placeholders = look::placeholders(&query);
    let mut used = BTreeSet::new();
    for (place, name) in &words.parameters {
        used.insert(name.as_str());
        if !is_query {
            let reason =
                "a parameter in the body of a view, expected a `column` in its definition".to_owned();
            faults.push((place.0, reason));
        } else if !definition.parameters.contains_key(name) {
            faults.push((
                place.0,
                format!("parameter `:{name}` is not declared, expected one of `parameters`"),
            ));
        } else if !placeholders.contains(place) {
            faults.push((place.0, format!("parameter `:{name}` stands where no value may stand")));
        }
    }
    if is_query {
        let unused = definition.parameters.keys().filter(|name| !used.contains(name.as_str()));
        faults.extend(
            unused.map(|name| (1, format!("parameter `{name}` is not used, expected `:{name}` in the body"))),
        );
    }
    let end = end(&query, definition.delivery.row_cap);
    match end {
        Ok(end) if faults.is_empty() => Ok(Body { pieces: words.pieces, end }),
        Ok(_) => Err(faults.into_iter().map(|(line, reason)| fault(line, reason)).collect()),
        Err(reason) => Err(vec![fault(1, reason)]),
    }
}

/// The query, if it is one statement and that a query. Of the parser only what reads queries is called, and so linked:
/// the rest would add a quarter of a megabyte to the zip.
fn parse(words: &lex::Words) -> Result<Option<Query>, String> {
    let dialect = RedshiftSqlDialect {};
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(RECURSION)
        .with_tokens_with_locations(words.tokens.clone());
    if !begins_query(&parser.peek_token_ref().token) {
        return Ok(None);
    }
    let parsed = parser.parse_query().and_then(|query| match parser.peek_token_ref() {
        TokenWithSpan { token: Token::EOF, .. } => Ok(query),
        more => parser.expected_ref("end of statement", more),
    });
    parsed.map(|query| Some(*query)).map_err(|error| match error {
        ParserError::TokenizerError(reason) | ParserError::ParserError(reason) => reason,
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
    })
}

fn begins_query(first: &Token) -> bool {
    match first {
        Token::Word(word) => matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES),
        first => *first == Token::LParen,
    }
}

/// The parser's words end in the place: `… at Line: 3, Column: 7`.
fn located(file: &File<'_>, reason: &str) -> Fault {
    let place = reason.rsplit_once(" at Line: ").and_then(|(words, place)| {
        let line: u64 = place.split(',').next()?.trim().parse().ok()?;
        Some((words, line))
    });
    match place {
        Some((words, line)) => Fault::at(file.body_line + line.saturating_sub(1), format!("body: {words}")),
        // At the end of the text the parser names no place.
        None => {
            let lines = file.body.trim_end().lines().count() as u64;
            Fault::at(file.body_line + lines.saturating_sub(1), format!("body: {reason}"))
        }
    }
}

fn end(query: &Query, row_cap: u64) -> Result<End, String> {
    let top = matches!(&*query.body, SetExpr::Select(select) if select.top.is_some());
    match &query.limit_clause {
        None if query.order_by.is_none() => Ok(End::Unordered),
        None if top => Err("`TOP` with an `ORDER BY`, expected `LIMIT`".to_owned()),
        None => Ok(End::Ordered),
        Some(LimitClause::LimitOffset { limit: Some(Expr::Value(value)), limit_by, .. })
            if limit_by.is_empty() =>
        {
            match &value.value {
                Value::Number(rows, _) => match rows.parse() {
                    Ok(rows) if rows <= row_cap => Ok(End::Limited(rows)),
                    _ => Err(format!("the `LIMIT` is no number up to the row cap, {row_cap}")),
                },
                // How many rows it leaves is only known with the request.
                _ => Ok(End::Unordered),
            }
        }
        Some(_) if query.order_by.is_some() => Err("the `LIMIT` is no number".to_owned()),
        Some(_) => Ok(End::Unordered),
    }
}
