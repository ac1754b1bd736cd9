//! `UNLOAD` (Database Developer Guide, "UNLOAD").

use datafusion::sql::sqlparser::ast::Query;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::error::{Result, error, unsupported};
use crate::lex::lex;

const MB: f64 = 1024.0 * 1024.0;
/// The largest file, and the default: 6.2 GB.
const LARGEST: f64 = 6.2 * 1024.0 * MB;

/// The files' format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Parquet,
    Csv,
    Json,
}

/// Whether there is a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manifest {
    None,
    Plain,
    Verbose,
}

/// `UNLOAD`
#[derive(Debug)]
pub(crate) struct Unload {
    pub(crate) query: Box<Query>,
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) format: Format,
    pub(crate) header: bool,
    pub(crate) manifest: Manifest,
    pub(crate) parallel: bool,
    /// In bytes.
    pub(crate) max_file_size: u64,
    pub(crate) overwrite: bool,
    pub(crate) clean: bool,
}

pub(super) fn unload(cursor: &mut Cursor<'_>) -> Result<Unload> {
    cursor.expect(&["unload"])?;
    cursor.expect_token(&Token::LParen)?;
    let text = cursor.string()?;
    cursor.expect_token(&Token::RParen)?;
    cursor.expect(&["to"])?;
    let to = cursor.string()?;
    let place = to.strip_prefix("s3://").and_then(|place| place.split_once('/'));
    let Some((bucket, prefix)) = place.filter(|(bucket, _)| !bucket.is_empty()) else {
        return Err(error(format_args!("invalid S3 path \"{to}\", expected s3://bucket/prefix")));
    };
    let query = super::parse_query(&lex(text, &[], true)?)?;
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return Err(error("Limit clause is not supported in the outer SELECT of UNLOAD"));
    }
    let mut unload = Unload {
        query,
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        format: Format::Csv,
        header: false,
        manifest: Manifest::None,
        parallel: true,
        max_file_size: bytes(LARGEST),
        overwrite: false,
        clean: false,
    };
    let (mut authorized, mut format) = (false, None);
    while cursor.peek().is_some() && cursor.peek() != Some(&Token::SemiColon) {
        if cursor.eat(&["iam_role"]) {
            authorized = true;
            if !cursor.eat(&["default"]) {
                role(cursor.string()?)?;
            }
        } else if let Some(found) = self::format(cursor) {
            format = Some(found);
        } else {
            option(cursor, &mut unload)?;
        }
    }
    if !authorized {
        return Err(error(
            "CREDENTIALS argument is required but not specified. Specify CREDENTIALS argument.",
        ));
    }
    let Some(format) = format else { return Err(unsupported("UNLOAD to delimited text without FORMAT")) };
    unload.format = format;
    consistent(&unload)?;
    Ok(unload)
}

fn format(cursor: &mut Cursor<'_>) -> Option<Format> {
    let _ = cursor.eat(&["format"]) && cursor.eat(&["as"]);
    [("parquet", Format::Parquet), ("csv", Format::Csv), ("json", Format::Json)]
        .into_iter()
        .find_map(|(word, format)| cursor.eat(&[word]).then_some(format))
}

fn option(cursor: &mut Cursor<'_>, unload: &mut Unload) -> Result<()> {
    if cursor.eat(&["manifest"]) {
        unload.manifest = if cursor.eat(&["verbose"]) { Manifest::Verbose } else { Manifest::Plain };
    } else if cursor.eat(&["header"]) {
        unload.header = true;
    } else if cursor.eat(&["parallel"]) {
        let off = cursor.eat(&["off"]) || cursor.eat(&["false"]);
        unload.parallel = !off;
        let _ = !off && (cursor.eat(&["on"]) || cursor.eat(&["true"]));
    } else if cursor.eat(&["maxfilesize"]) {
        cursor.eat(&["as"]);
        let number = cursor.number()?;
        let unit = if cursor.eat(&["gb"]) { 1024.0 * MB } else { MB };
        let _ = cursor.eat(&["mb"]);
        let size = number * unit;
        if !(5.0 * MB..=LARGEST).contains(&size) {
            return Err(error("MAXFILESIZE must be between 5 MB and 6.2 GB"));
        }
        unload.max_file_size = bytes(size);
    } else if cursor.eat(&["allowoverwrite"]) {
        unload.overwrite = true;
    } else if cursor.eat(&["cleanpath"]) {
        unload.clean = true;
    } else if cursor.eat(&["region"]) {
        cursor.eat(&["as"]);
        cursor.string()?;
    } else {
        return match cursor.peek() {
            Some(Token::Word(word)) if OTHERS.contains(&word.value.as_str()) => {
                Err(unsupported(format_args!("UNLOAD with {}", word.value.to_ascii_uppercase())))
            }
            _ => Err(cursor.error()),
        };
    }
    Ok(())
}

const OTHERS: &[&str] = &[
    "access_key_id",
    "addquotes",
    "bzip2",
    "credentials",
    "delimiter",
    "encrypted",
    "escape",
    "extension",
    "fixedwidth",
    "gzip",
    "kms_key_id",
    "master_symmetric_key",
    "null",
    "partition",
    "rowgroupsize",
    "secret_access_key",
    "session_token",
    "zstd",
];

fn consistent(unload: &Unload) -> Result<()> {
    if unload.clean && unload.overwrite {
        return Err(error("CLEANPATH is not supported with ALLOWOVERWRITE"));
    }
    if unload.header && unload.format != Format::Csv {
        let format = if unload.format == Format::Parquet { "PARQUET" } else { "JSON" };
        return Err(error(format_args!("HEADER is not supported for UNLOAD to {format}")));
    }
    Ok(())
}

fn role(arn: &str) -> Result<()> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, role]
            if account.len() == 12 && role.strip_prefix("role/").is_some_and(|role| !role.is_empty()) =>
        {
            Ok(())
        }
        _ => Err(error(format_args!("Invalid IAM_ROLE \"{arn}\", expected the ARN of a role or default"))),
    }
}

/// Whole bytes of what is positive and at most 6.2 GB.
fn bytes(size: f64) -> u64 {
    size as u64
}
