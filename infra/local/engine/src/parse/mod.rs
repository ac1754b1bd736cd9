//! Statements. Queries are the engine's parser's; all the rest is read here, since Redshift has its own.

mod change;
mod create;
mod cursor;
mod grant;
mod share;
mod unload;

use std::fmt;

use datafusion::sql::sqlparser::ast::{DataType as SqlType, Query};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Result, unsupported};
use crate::lex::Lexed;
use cursor::Cursor;
pub(crate) use grant::{Grant, Privilege, Target, To};
pub(crate) use share::{Alteration, Consumer};
pub(crate) use unload::{Format, Manifest, Unload};

/// `[[database.]schema.]name`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.database, &self.schema].into_iter().flatten() {
            write!(out, "{part}.")?;
        }
        out.write_str(&self.name)
    }
}

/// What a `DROP` or an `ALTER` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    View,
    Materialized,
}

impl Kind {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Materialized => "materialized view",
        }
    }
}

/// A column of a new table.
#[derive(Debug)]
pub(crate) struct NewColumn {
    pub(crate) name: String,
    pub(crate) kind: SqlType,
    pub(crate) not_null: bool,
}

/// A statement.
#[derive(Debug)]
pub(crate) enum Command {
    Query(Box<Query>),
    Unload(Unload),
    CreateSchema {
        name: String,
        if_not_exists: bool,
        owner: Option<String>,
    },
    DropSchema {
        names: Vec<String>,
        if_exists: bool,
        cascade: bool,
    },
    CreateView {
        name: Name,
        replace: bool,
        columns: Vec<String>,
        query: Box<Query>,
        late: bool,
    },
    CreateMaterialized {
        name: Name,
        columns: Vec<String>,
        query: Box<Query>,
    },
    Refresh(Name),
    CreateTable {
        name: Name,
        temporary: bool,
        if_not_exists: bool,
        columns: Vec<NewColumn>,
    },
    CreateTableAs {
        name: Name,
        temporary: bool,
        if_not_exists: bool,
        columns: Vec<String>,
        query: Box<Query>,
    },
    Insert {
        name: Name,
        columns: Vec<String>,
        query: Box<Query>,
    },
    Drop {
        kind: Kind,
        names: Vec<Name>,
        if_exists: bool,
        cascade: bool,
    },
    Rename {
        kind: Kind,
        name: Name,
        to: String,
    },
    SchemaOwner {
        name: String,
        owner: String,
    },
    Comment {
        on: Option<Name>,
    },
    Grant(Grant),
    CreateShare(String),
    DropShare(String),
    AlterShare {
        name: String,
        alteration: Alteration,
    },
    Share {
        grant: bool,
        name: String,
        consumer: Consumer,
    },
    CaseSensitive(bool),
    SearchPath(Vec<String>),
}

/// Reads a statement.
pub(crate) fn parse(lexed: &Lexed) -> Result<Command> {
    let mut cursor = Cursor::new(lexed);
    let command = match cursor.peek() {
        Some(Token::LParen) => Command::Query(cursor.query()?),
        Some(Token::Word(word)) => match word.value.as_str() {
            "select" | "with" | "values" => Command::Query(cursor.query()?),
            "create" => create::create(&mut cursor)?,
            "refresh" => create::refresh(&mut cursor)?,
            "drop" => change::drop(&mut cursor)?,
            "alter" => change::alter(&mut cursor)?,
            "insert" => change::insert(&mut cursor)?,
            "comment" => change::comment(&mut cursor)?,
            "set" => change::set(&mut cursor)?,
            "grant" => grant::grant(&mut cursor, true)?,
            "revoke" => grant::grant(&mut cursor, false)?,
            "unload" => Command::Unload(unload::unload(&mut cursor)?),
            known if UNSUPPORTED.contains(&known) => return Err(unsupported(known.to_ascii_uppercase())),
            _ => return Err(cursor.error()),
        },
        _ => return Err(cursor.error()),
    };
    cursor.end()?;
    Ok(command)
}

/// The query in an `UNLOAD`.
pub(crate) fn parse_query(lexed: &Lexed) -> Result<Box<Query>> {
    let mut cursor = Cursor::new(lexed);
    let query = cursor.query()?;
    cursor.end()?;
    Ok(query)
}

/// Redshift's other statements (Database Developer Guide, "SQL commands").
const UNSUPPORTED: &[&str] = &[
    "abort",
    "analyze",
    "attach",
    "begin",
    "call",
    "cancel",
    "close",
    "commit",
    "copy",
    "deallocate",
    "declare",
    "delete",
    "desc",
    "detach",
    "end",
    "execute",
    "explain",
    "fetch",
    "lock",
    "merge",
    "prepare",
    "reset",
    "rollback",
    "show",
    "start",
    "truncate",
    "update",
    "vacuum",
];
