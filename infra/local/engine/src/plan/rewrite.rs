//! Queries as the engine's planner wants them: labels as Redshift gives them, and Redshift's own functions.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, LimitClause, ObjectName, Query, Select, SelectItem, TableAlias,
    TableAliasColumnDef, TableFactor, UnaryOperator, Value, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::functions::{self, Context};
use crate::error::{Result, SqlError, error, invalid_input};

/// Parts a label from what makes it different from others of the same name.
const MARK: char = '\u{1}';

/// The label that users see.
pub(crate) fn label(name: &str) -> &str {
    name.split(MARK).next().unwrap_or(name)
}

/// Puts parameters' values in their places, as literals. As in Redshift, they have no type of their own and take
/// that of what they meet.
pub(crate) fn bind(query: &mut Query, parameters: &[(String, String)]) {
    struct Values<'a>(&'a [(String, String)]);
    impl VisitorMut for Values<'_> {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Value(ValueWithSpan { value, .. }) = expr
                && let Value::Placeholder(name) = value
                && let Some((_, text)) = self.0.iter().find(|(known, _)| known == name)
            {
                *value = Value::SingleQuotedString(text.clone());
            }
            ControlFlow::Continue(())
        }
    }
    let _ = query.visit(&mut Values(parameters));
}

/// Rewrites a query. Returns the names in it that are functions in place of tables.
pub(super) fn rewrite(query: &mut Query, context: &Context<'_>) -> Result<BTreeSet<String>> {
    let mut rewriting = Rewriting { context, functions: BTreeSet::new() };
    match query.visit(&mut rewriting) {
        ControlFlow::Break(failure) => Err(failure),
        ControlFlow::Continue(()) => Ok(rewriting.functions),
    }
}

struct Rewriting<'a> {
    context: &'a Context<'a>,
    functions: BTreeSet<String>,
}

impl VisitorMut for Rewriting<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
            let offset = offset.as_mut().map(|offset| &mut offset.value);
            for count in limit.as_mut().into_iter().chain(offset) {
                if let Some(text) = text(count) {
                    let digits = text.trim().to_owned();
                    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                        return ControlFlow::Break(invalid_input("integer", text));
                    }
                    *count = Expr::Value(ValueWithSpan {
                        value: Value::Number(digits, false),
                        span: Span::empty(),
                    });
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                not_text(alias)?;
            }
        }
        label_all(&mut select.projection);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<SqlError> {
        relation.0.iter().filter_map(|part| part.as_ident()).try_for_each(not_text)
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        if let TableFactor::Table { name, args: Some(_), alias, .. } = factor {
            let function = name.to_string();
            let alias = alias.get_or_insert_with(|| TableAlias {
                explicit: false,
                name: Ident::new(function.clone()),
                columns: Vec::new(),
                at: None,
            });
            // A function's one column has the function's name, or its alias.
            if alias.columns.is_empty() {
                alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
            }
            self.functions.insert(function);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        match functions::replaced(expr, self.context) {
            Ok(Some(new)) => *expr = new,
            Ok(None) => {}
            Err(failure) => return ControlFlow::Break(failure),
        }
        if let Some(new) = compared(expr) {
            *expr = new;
        }
        ControlFlow::Continue(())
    }
}

/// The parser takes literals for names. Redshift does not.
fn not_text(name: &Ident) -> ControlFlow<SqlError> {
    if name.quote_style != Some('\'') {
        return ControlFlow::Continue(());
    }
    ControlFlow::Break(error(format_args!("syntax error at or near \"'{}'\"", name.value)))
}

/// `IN` and `BETWEEN` of untyped literals as comparisons, each of which gives its literal a type.
fn compared(expr: &Expr) -> Option<Expr> {
    let compare = |left: &Expr, op, right: &Expr| {
        let (left, right) = (Box::new(left.clone()), Box::new(right.clone()));
        Expr::Nested(Box::new(Expr::BinaryOp { left, op, right }))
    };
    let (all, negated) = match expr {
        Expr::InList { expr, list, negated } if list.iter().any(|item| text(item).is_some()) => {
            let mut any: Vec<Expr> =
                list.iter().map(|item| compare(expr, BinaryOperator::Eq, item)).collect();
            // In pairs, so that a long list makes no deep tree.
            while any.len() > 1 {
                let pairs = any.chunks(2).map(|pair| match pair {
                    [left, right] => Some(compare(left, BinaryOperator::Or, right)),
                    single => single.first().cloned(),
                });
                any = pairs.collect::<Option<_>>()?;
            }
            (any.pop()?, *negated)
        }
        Expr::Between { expr, negated, low, high } if text(low).or(text(high)).is_some() => {
            let low = compare(expr, BinaryOperator::GtEq, low);
            let high = compare(expr, BinaryOperator::LtEq, high);
            (compare(&low, BinaryOperator::And, &high), *negated)
        }
        _ => return None,
    };
    if negated { Some(Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(all) }) } else { Some(all) }
}

/// The text of a literal without a type.
pub(super) fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text),
        _ => None,
    }
}

/// Gives every column its label, and tells those apart that have the same.
fn label_all(items: &mut [SelectItem]) {
    let mut seen = BTreeSet::new();
    for (place, item) in items.iter_mut().enumerate() {
        let (expr, wanted, named) = match &*item {
            SelectItem::UnnamedExpr(expr) => {
                let plain = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
                (expr, label_of(expr), plain)
            }
            SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.clone(), true),
            _ => continue,
        };
        let name = match (seen.insert(wanted.clone()), named) {
            (false, _) => format!("{wanted}{MARK}{place}"),
            (true, false) => wanted,
            (true, true) => continue,
        };
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', name) };
    }
}

/// The label of a column without an alias, as PostgreSQL's `FigureColname` finds it.
fn label_of(expr: &Expr) -> String {
    let name = match expr {
        Expr::Identifier(ident) => &ident.value,
        Expr::CompoundIdentifier(parts) => parts.last().map_or("?column?", |last| &last.value),
        Expr::Function(function) => {
            let last = function.name.0.last().and_then(|part| part.as_ident());
            last.map_or("?column?", |last| &last.value)
        }
        Expr::Cast { expr, data_type, .. } => match label_of(expr).as_str() {
            "?column?" => return cast_label(&data_type.to_string()),
            inner => return inner.to_owned(),
        },
        Expr::Nested(inner) => return label_of(inner),
        Expr::Extract { .. } => "date_part",
        Expr::Case { .. } => "case",
        Expr::Exists { .. } => "exists",
        Expr::Substring { .. } => "substring",
        Expr::Trim { .. } => "btrim",
        Expr::Position { .. } => "position",
        Expr::Ceil { .. } => "ceil",
        Expr::Floor { .. } => "floor",
        Expr::Value(ValueWithSpan { value: Value::Boolean(_), .. }) => "bool",
        _ => "?column?",
    };
    name.to_owned()
}

fn cast_label(sql_type: &str) -> String {
    let name = sql_type.to_ascii_lowercase();
    let name = name.split('(').next().unwrap_or(&name).trim();
    match name {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "decimal" => "numeric",
        "real" => "float4",
        "double precision" | "float" | "double" => "float8",
        "character varying" | "text" | "nvarchar" => "varchar",
        "char" | "character" => "bpchar",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        other => other,
    }
    .to_owned()
}
