//! `CREATE …` and `REFRESH MATERIALIZED VIEW`.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Command, NewColumn};
use crate::error::{Result, unsupported};

pub(super) fn create(cursor: &mut Cursor<'_>) -> Result<Command> {
    cursor.expect(&["create"])?;
    let replace = cursor.eat(&["or", "replace"]);
    if cursor.eat(&["view"]) {
        let name = cursor.name()?;
        let columns = columns(cursor)?;
        cursor.expect(&["as"])?;
        let late = cursor.is_late();
        return Ok(Command::CreateView { name, replace, columns, query: cursor.query()?, late });
    }
    if replace {
        return Err(cursor.error());
    }
    if cursor.eat(&["schema"]) {
        return schema(cursor);
    }
    if cursor.eat(&["materialized", "view"]) {
        let name = cursor.name()?;
        let columns = columns(cursor)?;
        storage(cursor)?;
        if cursor.eat(&["auto", "refresh"]) && !cursor.eat(&["no"]) {
            return Err(unsupported("AUTO REFRESH YES"));
        }
        cursor.expect(&["as"])?;
        return Ok(Command::CreateMaterialized { name, columns, query: cursor.query()? });
    }
    if cursor.eat(&["datashare"]) {
        let name = cursor.ident()?;
        if cursor.eat(&["set"]) || cursor.is(&["publicaccessible"]) {
            return Err(unsupported("CREATE DATASHARE with PUBLICACCESSIBLE"));
        }
        return Ok(Command::CreateShare(name));
    }
    let local = cursor.eat(&["local"]);
    let temporary = cursor.eat(&["temp"]) || cursor.eat(&["temporary"]);
    if (local && !temporary) || !cursor.eat(&["table"]) {
        return match cursor.ident() {
            Ok(kind)
                if [
                    "database",
                    "external",
                    "function",
                    "group",
                    "library",
                    "model",
                    "procedure",
                    "role",
                    "user",
                ]
                .contains(&kind.as_str()) =>
            {
                Err(unsupported(format_args!("CREATE {}", kind.to_ascii_uppercase())))
            }
            _ => Err(cursor.error()),
        };
    }
    table(cursor, temporary)
}

pub(super) fn refresh(cursor: &mut Cursor<'_>) -> Result<Command> {
    cursor.expect(&["refresh", "materialized", "view"])?;
    let name = cursor.name()?;
    // Nothing here depends on views that were not refreshed.
    let _ = cursor.eat(&["restrict"]);
    Ok(Command::Refresh(name))
}

fn schema(cursor: &mut Cursor<'_>) -> Result<Command> {
    let if_not_exists = cursor.eat(&["if", "not", "exists"]);
    let name = cursor.ident()?;
    let owner = if cursor.eat(&["authorization"]) { Some(cursor.ident()?) } else { None };
    if cursor.is(&["quota"]) {
        return Err(unsupported("QUOTA"));
    }
    Ok(Command::CreateSchema { name, if_not_exists, owner })
}

fn columns(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    if cursor.peek() == Some(&Token::LParen) { cursor.columns() } else { Ok(Vec::new()) }
}

fn table(cursor: &mut Cursor<'_>, temporary: bool) -> Result<Command> {
    let if_not_exists = cursor.eat(&["if", "not", "exists"]);
    let name = cursor.name()?;
    storage(cursor)?;
    if cursor.eat(&["as"]) {
        let columns = Vec::new();
        return Ok(Command::CreateTableAs {
            name,
            temporary,
            if_not_exists,
            columns,
            query: cursor.query()?,
        });
    }
    cursor.expect_token(&Token::LParen)?;
    let columns = cursor.list(column)?;
    cursor.expect_token(&Token::RParen)?;
    storage(cursor)?;
    if cursor.eat(&["as"]) {
        return Err(unsupported("CREATE TABLE (columns) AS"));
    }
    Ok(Command::CreateTable { name, temporary, if_not_exists, columns })
}

fn column(cursor: &mut Cursor<'_>) -> Result<NewColumn> {
    let name = cursor.ident()?;
    let kind = cursor.data_type()?;
    let mut not_null = false;
    loop {
        if cursor.eat(&["not", "null"]) || cursor.eat(&["primary", "key"]) {
            not_null = true;
        } else if cursor.eat(&["encode"]) {
            cursor.ident()?;
        } else if !(cursor.eat(&["null"])
            || cursor.eat(&["unique"])
            || cursor.eat(&["distkey"])
            || cursor.eat(&["sortkey"]))
        {
            break;
        }
    }
    if cursor.is(&["default"])
        || cursor.is(&["identity"])
        || cursor.is(&["generated"])
        || cursor.is(&["references"])
    {
        return Err(unsupported("a column's DEFAULT, IDENTITY or REFERENCES"));
    }
    Ok(NewColumn { name, kind, not_null })
}

/// How rows are spread and sorted, which makes no difference to what they are.
fn storage(cursor: &mut Cursor<'_>) -> Result<()> {
    loop {
        if cursor.eat(&["diststyle"]) || cursor.eat(&["backup"]) {
            cursor.ident()?;
        } else if cursor.eat(&["sortkey", "auto"]) || cursor.eat(&["encode", "auto"]) {
            // Nothing follows.
        } else if cursor.eat(&["distkey"]) || cursor.eat(&["sortkey"]) || cursor.eat(&["compound", "sortkey"])
        {
            cursor.columns()?;
        } else {
            return Ok(());
        }
    }
}
