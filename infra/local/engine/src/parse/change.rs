//! `DROP`, `ALTER`, `INSERT`, `COMMENT` and `SET`.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Command, Kind, share};
use crate::error::{Result, unsupported};

pub(super) fn drop(cursor: &mut Cursor<'_>) -> Result<Command> {
    cursor.expect(&["drop"])?;
    if cursor.eat(&["schema"]) {
        let if_exists = cursor.eat(&["if", "exists"]);
        let names = cursor.list(Cursor::ident)?;
        return Ok(Command::DropSchema { names, if_exists, cascade: cascade(cursor) });
    }
    if cursor.eat(&["datashare"]) {
        return Ok(Command::DropShare(cursor.ident()?));
    }
    let kind = kind(cursor)?;
    let if_exists = cursor.eat(&["if", "exists"]);
    let names = cursor.list(Cursor::name)?;
    Ok(Command::Drop { kind, names, if_exists, cascade: cascade(cursor) })
}

fn cascade(cursor: &mut Cursor<'_>) -> bool {
    let cascade = cursor.eat(&["cascade"]);
    let _ = !cascade && cursor.eat(&["restrict"]);
    cascade
}

fn kind(cursor: &mut Cursor<'_>) -> Result<Kind> {
    if cursor.eat(&["table"]) {
        Ok(Kind::Table)
    } else if cursor.eat(&["view"]) {
        Ok(Kind::View)
    } else if cursor.eat(&["materialized", "view"]) {
        Ok(Kind::Materialized)
    } else {
        Err(cursor.error())
    }
}

pub(super) fn alter(cursor: &mut Cursor<'_>) -> Result<Command> {
    cursor.expect(&["alter"])?;
    if cursor.eat(&["datashare"]) {
        return share::alter(cursor);
    }
    if cursor.eat(&["schema"]) {
        let name = cursor.ident()?;
        cursor.expect(&["owner", "to"])?;
        return Ok(Command::SchemaOwner { name, owner: cursor.ident()? });
    }
    let kind = kind(cursor)?;
    let name = cursor.name()?;
    if kind == Kind::Materialized || !cursor.is(&["rename", "to"]) {
        return Err(unsupported(format_args!("this ALTER {}", kind.text().to_ascii_uppercase())));
    }
    cursor.expect(&["rename", "to"])?;
    Ok(Command::Rename { kind, name, to: cursor.ident()? })
}

pub(super) fn insert(cursor: &mut Cursor<'_>) -> Result<Command> {
    cursor.expect(&["insert", "into"])?;
    let name = cursor.name()?;
    let columns = if cursor.peek() == Some(&Token::LParen) { cursor.columns()? } else { Vec::new() };
    Ok(Command::Insert { name, columns, query: cursor.query()? })
}

pub(super) fn comment(cursor: &mut Cursor<'_>) -> Result<Command> {
    cursor.expect(&["comment", "on"])?;
    let relation = cursor.eat(&["table"]) || cursor.eat(&["view"]);
    if !(relation || cursor.eat(&["column"]) || cursor.eat(&["schema"]) || cursor.eat(&["database"])) {
        return Err(cursor.error());
    }
    let name = cursor.name()?;
    cursor.expect(&["is"])?;
    if !cursor.eat(&["null"]) {
        cursor.string()?;
    }
    Ok(Command::Comment { on: relation.then_some(name) })
}

pub(super) fn set(cursor: &mut Cursor<'_>) -> Result<Command> {
    cursor.expect(&["set"])?;
    let name = cursor.ident()?;
    if !cursor.eat(&["to"]) {
        cursor.expect_token(&Token::Eq)?;
    }
    match name.as_str() {
        "enable_case_sensitive_identifier" => match cursor.next() {
            Some(Token::Word(word)) => switch(&word.value).ok_or_else(|| cursor.error()),
            Some(Token::SingleQuotedString(text)) => switch(text).ok_or_else(|| cursor.error()),
            _ => Err(cursor.error()),
        },
        "search_path" => Ok(Command::SearchPath(cursor.list(|cursor| match cursor.string() {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => cursor.ident(),
        })?)),
        other => Err(unsupported(format_args!("SET {other}"))),
    }
}

fn switch(text: &str) -> Option<Command> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" => Some(Command::CaseSensitive(true)),
        "false" | "off" => Some(Command::CaseSensitive(false)),
        _ => None,
    }
}
