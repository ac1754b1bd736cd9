//! A place in a statement's tokens.

use datafusion::sql::sqlparser::ast::{DataType as SqlType, Query, SetExpr};
use datafusion::sql::sqlparser::dialect::RedshiftSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::Name;
use crate::error::{Result, SqlError, error};
use crate::lex::{Lexed, syntax_error};

/// The words that end a `CREATE VIEW`.
const LATE: [&str; 4] = ["with", "no", "schema", "binding"];

/// How deep expressions and queries may be nested.
const DEEPEST: usize = 300;
/// How many operators a query may have: a chain of them is a deep tree.
const MOST_OPERATORS: usize = 5_000;

/// A place in a statement's tokens.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    lexed: &'a Lexed,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(lexed: &'a Lexed) -> Self {
        Self { lexed, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> Option<&'a Token> {
        self.lexed.tokens.get(self.at + count).map(|token| &token.token)
    }

    pub(super) fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Whether these words follow.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.ahead(ahead).is_some_and(|token| is_word(token, word)))
    }

    /// Passes these words if they follow.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let follows = self.is(words);
        if follows {
            self.at += words.len();
        }
        follows
    }

    pub(super) fn expect(&mut self, words: &[&str]) -> Result<()> {
        for word in words {
            if !self.eat(&[word]) {
                return Err(self.error());
            }
        }
        Ok(())
    }

    pub(super) fn eat_token(&mut self, token: &Token) -> bool {
        let follows = self.peek() == Some(token);
        if follows {
            self.at += 1;
        }
        follows
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> Result<()> {
        if self.eat_token(token) { Ok(()) } else { Err(self.error()) }
    }

    /// The statement's end.
    pub(super) fn end(&self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(Token::SemiColon) => Err(error("cannot insert multiple commands into a prepared statement")),
            Some(_) => Err(self.error()),
        }
    }

    /// A syntax error here.
    pub(super) fn error(&self) -> SqlError {
        let token = self.lexed.tokens.get(self.at);
        syntax_error(&self.lexed.text, token.map_or(self.last(), |token| token.span))
    }

    fn last(&self) -> Span {
        let end = self.lexed.tokens.last().map_or(Location::empty(), |last| last.span.end);
        Span::new(end, end)
    }

    /// A word or a quoted name.
    pub(super) fn ident(&mut self) -> Result<String> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(word.value.clone())
            }
            _ => Err(self.error()),
        }
    }

    pub(super) fn string(&mut self) -> Result<&'a str> {
        match self.peek() {
            Some(Token::SingleQuotedString(text)) => {
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.error()),
        }
    }

    pub(super) fn number(&mut self) -> Result<f64> {
        match self.peek() {
            Some(Token::Number(digits, _)) => {
                let number = digits.parse().map_err(|_| self.error())?;
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.error()),
        }
    }

    /// `[[database.]schema.]name`
    pub(super) fn name(&mut self) -> Result<Name> {
        let mut parts = vec![self.ident()?];
        while self.eat_token(&Token::Period) {
            parts.push(self.ident()?);
        }
        let (Some(name), schema, database, None) = (parts.pop(), parts.pop(), parts.pop(), parts.pop())
        else {
            return Err(error("improper qualified name (too many dotted names)"));
        };
        Ok(Name { database, schema, name })
    }

    /// One or more, with commas between them.
    pub(super) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.eat_token(&Token::Comma) {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// `(name, …)`
    pub(super) fn columns(&mut self) -> Result<Vec<String>> {
        self.expect_token(&Token::LParen)?;
        let names = self.list(Self::ident)?;
        self.expect_token(&Token::RParen)?;
        Ok(names)
    }

    /// Whether the statement ends with `WITH NO SCHEMA BINDING`.
    pub(super) fn is_late(&self) -> bool {
        let tokens = &self.lexed.tokens;
        let tail = tokens.len().checked_sub(LATE.len()).and_then(|start| tokens.get(start..));
        tail.is_some_and(|tail| tail.iter().zip(LATE).all(|(token, word)| is_word(&token.token, word)))
    }

    /// The query that the rest is, but for `WITH NO SCHEMA BINDING`.
    pub(super) fn query(&mut self) -> Result<Box<Query>> {
        let end = self.lexed.tokens.len() - if self.is_late() { LATE.len() } else { 0 };
        let rest = self.lexed.tokens.get(self.at..end).unwrap_or_default();
        if rest.is_empty() {
            return Err(self.error());
        }
        let operators = rest.iter().filter(|token| is_operator(&token.token)).count();
        if operators > MOST_OPERATORS {
            return Err(error("stack depth limit exceeded"));
        }
        let mut parser = self.parser(rest);
        let query = parser.parse_query().map_err(|failure| self.refused(&failure))?;
        let next = parser.peek_token();
        if next.token == Token::SemiColon {
            return Err(error("cannot insert multiple commands into a prepared statement"));
        }
        if next.token != Token::EOF {
            return Err(syntax_error(&self.lexed.text, next.span));
        }
        if !is_read(&query.body) {
            let writes = ["insert", "update", "delete", "merge", "into", "table"];
            let wrong = rest.iter().find(|token| writes.iter().any(|word| is_word(&token.token, word)));
            return Err(
                wrong.map_or_else(|| self.error(), |wrong| syntax_error(&self.lexed.text, wrong.span))
            );
        }
        self.at = self.lexed.tokens.len();
        Ok(query)
    }

    /// A type's name, with what is in parentheses behind it.
    pub(super) fn data_type(&mut self) -> Result<SqlType> {
        let start = self.at;
        self.ident()?;
        for words in [&["precision"][..], &["varying"]] {
            self.eat(words);
        }
        if self.eat_token(&Token::LParen) {
            while !self.eat_token(&Token::RParen) {
                if self.next().is_none() {
                    return Err(self.error());
                }
            }
        }
        let _ = self.eat(&["with", "time", "zone"]) || self.eat(&["without", "time", "zone"]);
        let tokens = self.lexed.tokens.get(start..self.at).unwrap_or_default();
        self.parser(tokens).parse_data_type().map_err(|failure| self.refused(&failure))
    }

    fn parser(&self, tokens: &[TokenWithSpan]) -> Parser<'static> {
        static DIALECT: RedshiftSqlDialect = RedshiftSqlDialect {};
        Parser::new(&DIALECT).with_recursion_limit(DEEPEST).with_tokens_with_locations(tokens.to_vec())
    }

    /// The parser's error, of which the place is kept: `Expected: …, found: x at Line: 1, Column: 2`.
    fn refused(&self, failure: &ParserError) -> SqlError {
        let text = match failure {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
            ParserError::RecursionLimitExceeded => return error("stack depth limit exceeded"),
        };
        let place = text.rsplit_once("Line: ").and_then(|(_, place)| place.split_once(", Column: "));
        let place = place.and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
        let found = place.and_then(|(line, column)| {
            let start = Location::new(line, column);
            self.lexed.tokens.iter().find(|token| token.span.start == start)
        });
        syntax_error(&self.lexed.text, found.map_or(self.last(), |token| token.span))
    }
}

/// Whether it reads only: the parser takes `INSERT`, `UPDATE` and the like for queries, too.
fn is_read(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_none(),
        SetExpr::Values(_) => true,
        SetExpr::Query(query) => is_read(&query.body),
        SetExpr::SetOperation { left, right, .. } => is_read(left) && is_read(right),
        _ => false,
    }
}

/// What makes a tree deeper when it is repeated, or may.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            let words =
                ["and", "or", "not", "union", "intersect", "except", "join", "is", "collate", "interval"];
            word.quote_style.is_none() && words.contains(&word.value.as_str())
        }
        Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::StringConcat => true,
        Token::Pipe | Token::Ampersand | Token::Caret | Token::Tilde | Token::DoubleColon => true,
        Token::Eq | Token::Neq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq | Token::LBracket => true,
        _ => false,
    }
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value == wanted)
}
