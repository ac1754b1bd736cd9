//! Redshift's functions that the engine lacks, or knows by other names.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::dialect::RedshiftSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::rewrite::text;
use crate::error::{Result, error, unsupported};

/// What some functions tell.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) user: &'a str,
    pub(super) database: &'a str,
    pub(super) path: &'a [String],
}

/// Functions of Redshift that would be wrongly said not to exist.
const UNSUPPORTED: &[&str] = &[
    "add_months",
    "convert_timezone",
    "datediff",
    "decode",
    "json_extract_path_text",
    "json_parse",
    "last_day",
    "listagg",
    "median",
    "months_between",
    "next_day",
    "nvl2",
    "ratio_to_report",
    "strtol",
    "to_date",
    "to_number",
    "to_timestamp",
    "trunc",
];

/// `to_char`'s date patterns, longest first, and the engine's (Database Developer Guide, "Datetime format strings").
const PATTERNS: &[(&str, &str)] = &[
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("YYYY", "%Y"),
    ("Month", "%B"),
    ("Mon", "%b"),
    ("MM", "%m"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("YY", "%y"),
];

/// What stands in for an expression, if it is one of ours.
pub(super) fn replaced(expr: &Expr, context: &Context<'_>) -> Result<Option<Expr>> {
    match expr {
        Expr::Identifier(ident)
            if ident.quote_style.is_none()
                && ["current_user", "session_user", "user", "sysdate"].contains(&ident.value.as_str()) =>
        {
            Ok(told(&ident.value, context))
        }
        Expr::Function(function) => {
            let Some(name) = function.name.0.last().and_then(|part| part.as_ident()) else { return Ok(None) };
            let arguments = arguments(function);
            if UNSUPPORTED.contains(&name.value.as_str()) {
                return Err(unsupported(format_args!("function {}", name.value)));
            }
            match (name.value.as_str(), arguments.as_slice()) {
                (told_by, []) => Ok(told(told_by, context)),
                ("len", [_]) => Ok(Some(renamed(function, "character_length"))),
                ("nvl", [_, ..]) => Ok(Some(renamed(function, "coalesce"))),
                ("dateadd", [unit, count, from]) => dateadd(unit, count, from).map(Some),
                ("to_char", [value, pattern]) => match text(pattern) {
                    Some(found) if found.contains('%') => Ok(None),
                    Some(found) => {
                        let mut new = function.clone();
                        let arguments = [(*value).clone(), literal(&strftime(found)?)];
                        set_arguments(&mut new, arguments.into_iter());
                        Ok(Some(Expr::Function(new)))
                    }
                    None => Err(unsupported("to_char with a computed format")),
                },
                _ => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

fn told(name: &str, context: &Context<'_>) -> Option<Expr> {
    match name {
        "current_user" | "session_user" | "user" => Some(literal(context.user)),
        "current_database" => Some(literal(context.database)),
        "current_schema" => Some(literal(context.path.first().map_or("public", String::as_str))),
        "getdate" => parsed("date_trunc('second', cast(now() as timestamp))"),
        "sysdate" => parsed("cast(now() as timestamp)"),
        _ => None,
    }
}

/// `DATEADD(part, count, date)` with a literal count.
fn dateadd(unit: &Expr, count: &Expr, from: &Expr) -> Result<Expr> {
    let unit = match unit {
        Expr::Identifier(ident) => ident.value.clone(),
        other => text(other).unwrap_or_default().to_ascii_lowercase(),
    };
    let unit = unit.trim_end_matches('s');
    if !["year", "quarter", "month", "week", "day", "hour", "minute", "second"].contains(&unit) {
        return Err(unsupported(format_args!("DATEADD of \"{unit}\"")));
    }
    let count = count.to_string();
    if count.parse::<i32>().is_err() {
        return Err(unsupported("DATEADD of a computed count"));
    }
    let Some(Expr::BinaryOp { op, right, .. }) = parsed(&format!("null + interval '{count} {unit}'")) else {
        return Err(error(format_args!("cannot add {count} {unit}")));
    };
    let timestamp = parsed("cast(null as timestamp)").map(|cast| match cast {
        Expr::Cast { kind, data_type, array, format, .. } => {
            Expr::Cast { kind, expr: Box::new(from.clone()), data_type, array, format }
        }
        other => other,
    });
    let left = Box::new(timestamp.unwrap_or_else(|| from.clone()));
    Ok(Expr::Nested(Box::new(Expr::BinaryOp { left, op, right })))
}

fn strftime(pattern: &str) -> Result<String> {
    let (mut rest, mut format) = (pattern, String::new());
    'next: while let Some(first) = rest.chars().next() {
        for (ours, theirs) in PATTERNS {
            if let Some(after) = rest.strip_prefix(ours) {
                format.push_str(theirs);
                rest = after;
                continue 'next;
            }
        }
        if first.is_alphanumeric() {
            return Err(unsupported(format_args!("to_char with the format '{pattern}'")));
        }
        format.push(first);
        rest = rest.strip_prefix(first).unwrap_or_default();
    }
    Ok(format)
}

/// An expression of our own making.
fn parsed(sql: &str) -> Option<Expr> {
    Parser::new(&RedshiftSqlDialect {}).try_with_sql(sql).ok()?.parse_expr().ok()
}

fn literal(text: &str) -> Expr {
    Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text.to_owned()), span: Span::empty() })
}

fn arguments(function: &Function) -> Vec<&Expr> {
    match &function.args {
        FunctionArguments::List(list) => list
            .args
            .iter()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn set_arguments(function: &mut Function, new: impl Iterator<Item = Expr>) {
    if let FunctionArguments::List(list) = &mut function.args {
        list.args = new.map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    }
}

fn renamed(function: &Function, name: &str) -> Expr {
    let mut new = function.clone();
    new.name = ObjectName::from(vec![Ident::new(name)]);
    Expr::Function(new)
}
