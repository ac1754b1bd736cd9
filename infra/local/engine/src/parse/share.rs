//! Datashares (Database Developer Guide, "ALTER DATASHARE" and "GRANT", "Data-sharing parameters").

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Command, Name};
use crate::error::{Result, error, unsupported};

/// What `ALTER DATASHARE` changes.
#[derive(Debug)]
pub(crate) enum Alteration {
    Schemas { add: bool, names: Vec<String> },
    Tables { add: bool, names: Vec<Name> },
    AllTables { add: bool, schemas: Vec<String> },
    IncludeNew { schema: String, on: bool },
}

/// Who may use a datashare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Consumer {
    Namespace(String),
    Account(String),
}

pub(super) fn alter(cursor: &mut Cursor<'_>) -> Result<Command> {
    let name = cursor.ident()?;
    Ok(Command::AlterShare { name, alteration: alteration(cursor)? })
}

fn alteration(cursor: &mut Cursor<'_>) -> Result<Alteration> {
    if cursor.eat(&["set"]) {
        cursor.expect(&["includenew"])?;
        cursor.eat_token(&Token::Eq);
        let on = cursor.eat(&["true"]);
        if !on {
            cursor.expect(&["false"])?;
        }
        cursor.expect(&["for", "schema"])?;
        return Ok(Alteration::IncludeNew { schema: cursor.ident()?, on });
    }
    let add = cursor.eat(&["add"]);
    if !add {
        cursor.expect(&["remove"])?;
    }
    if cursor.eat(&["schema"]) {
        return Ok(Alteration::Schemas { add, names: cursor.list(Cursor::ident)? });
    }
    if cursor.eat(&["table"]) {
        return Ok(Alteration::Tables { add, names: cursor.list(Cursor::name)? });
    }
    if cursor.eat(&["all", "tables", "in", "schema"]) {
        return Ok(Alteration::AllTables { add, schemas: cursor.list(Cursor::ident)? });
    }
    if cursor.is(&["function"]) || cursor.is(&["all", "functions"]) {
        return Err(unsupported("a datashare of functions"));
    }
    Err(cursor.error())
}

/// `GRANT USAGE ON DATASHARE`, behind these words.
pub(super) fn usage(cursor: &mut Cursor<'_>, grant: bool) -> Result<Command> {
    let name = cursor.ident()?;
    cursor.expect(&[if grant { "to" } else { "from" }])?;
    let consumer = if cursor.eat(&["namespace"]) {
        let guid = cursor.string()?;
        let groups: Vec<usize> = guid.split('-').map(str::len).collect();
        let digits = guid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        if groups != [8, 4, 4, 4, 12] || !digits {
            return Err(error(format_args!("invalid namespace \"{guid}\", expected a GUID")));
        }
        Consumer::Namespace(guid.to_ascii_lowercase())
    } else {
        cursor.expect(&["account"])?;
        let account = cursor.string()?;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error(format_args!("invalid account \"{account}\", expected 12 digits")));
        }
        if cursor.is(&["via"]) {
            return Err(unsupported("VIA DATA CATALOG"));
        }
        Consumer::Account(account.to_owned())
    };
    Ok(Command::Share { grant, name, consumer })
}
