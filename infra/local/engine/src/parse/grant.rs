//! `GRANT` and `REVOKE`.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Command, Name, share};
use crate::error::{Result, unsupported};

/// What a grantee may do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Privilege {
    Select,
    Insert,
    Usage,
    Create,
}

impl Privilege {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Usage => "USAGE",
            Self::Create => "CREATE",
        }
    }
}

/// What it is granted on.
#[derive(Debug)]
pub(crate) enum Target {
    Relations(Vec<Name>),
    AllIn(Vec<String>),
    Schemas(Vec<Name>),
    Databases(Vec<String>),
}

/// Whom it is granted to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum To {
    User(String),
    Group(String),
    Role(String),
    Public,
}

/// `GRANT` or `REVOKE`.
#[derive(Debug)]
pub(crate) struct Grant {
    /// Not `REVOKE`.
    pub(crate) grant: bool,
    pub(crate) privileges: Vec<Privilege>,
    pub(crate) target: Target,
    pub(crate) to: Vec<To>,
}

pub(super) fn grant(cursor: &mut Cursor<'_>, grant: bool) -> Result<Command> {
    cursor.expect(&[if grant { "grant" } else { "revoke" }])?;
    if cursor.is(&["grant", "option", "for"]) || cursor.is(&["role"]) || cursor.is(&["assumerole"]) {
        return Err(unsupported("this GRANT or REVOKE"));
    }
    let mut privileges = if cursor.eat(&["all"]) {
        cursor.eat(&["privileges"]);
        Vec::new()
    } else {
        cursor.list(privilege)?
    };
    cursor.expect(&["on"])?;
    if cursor.eat(&["datashare"]) {
        if privileges != [Privilege::Usage] {
            return Err(unsupported("GRANT ALTER or SHARE ON DATASHARE"));
        }
        return share::usage(cursor, grant);
    }
    let target = target(cursor)?;
    let (allowed, kind): (&[Privilege], _) = match &target {
        Target::Relations(_) | Target::AllIn(_) => (&[Privilege::Select, Privilege::Insert], "relation"),
        Target::Schemas(_) => (&[Privilege::Usage, Privilege::Create], "schema"),
        Target::Databases(_) => (&[Privilege::Usage, Privilege::Create], "database"),
    };
    if privileges.is_empty() {
        privileges = allowed.to_vec();
    }
    if let Some(wrong) = privileges.iter().find(|privilege| !allowed.contains(privilege)) {
        return Err(crate::error::error(format_args!("invalid privilege type {} for {kind}", wrong.text())));
    }
    cursor.expect(&[if grant { "to" } else { "from" }])?;
    let to = cursor.list(grantee)?;
    if cursor.is(&["with", "grant", "option"]) {
        return Err(unsupported("WITH GRANT OPTION"));
    }
    let _ = !grant && (cursor.eat(&["cascade"]) || cursor.eat(&["restrict"]));
    Ok(Command::Grant(Grant { grant, privileges, target, to }))
}

fn privilege(cursor: &mut Cursor<'_>) -> Result<Privilege> {
    for (word, privilege) in [
        ("select", Privilege::Select),
        ("insert", Privilege::Insert),
        ("usage", Privilege::Usage),
        ("create", Privilege::Create),
    ] {
        if cursor.eat(&[word]) {
            return Ok(privilege);
        }
    }
    match cursor.peek() {
        Some(Token::Word(word)) => {
            Err(unsupported(format_args!("GRANT {}", word.value.to_ascii_uppercase())))
        }
        _ => Err(cursor.error()),
    }
}

fn target(cursor: &mut Cursor<'_>) -> Result<Target> {
    if cursor.eat(&["schema"]) {
        return Ok(Target::Schemas(cursor.list(Cursor::name)?));
    }
    if cursor.eat(&["database"]) {
        return Ok(Target::Databases(cursor.list(Cursor::ident)?));
    }
    if cursor.eat(&["all", "tables", "in", "schema"]) {
        return Ok(Target::AllIn(cursor.list(Cursor::ident)?));
    }
    cursor.eat(&["table"]);
    Ok(Target::Relations(cursor.list(Cursor::name)?))
}

fn grantee(cursor: &mut Cursor<'_>) -> Result<To> {
    if cursor.eat(&["group"]) {
        return Ok(To::Group(cursor.ident()?));
    }
    if cursor.eat(&["role"]) {
        return Ok(To::Role(cursor.ident()?));
    }
    if cursor.eat(&["public"]) {
        return Ok(To::Public);
    }
    // Users are found by any case of their names here: names are folded on the way, even quoted ones.
    Ok(To::User(cursor.ident()?.to_lowercase()))
}
