//! What a query does besides selecting.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, ObjectName, Query, Select, SelectFlavor, SetExpr, Spanned as _, TableFactor, Value,
    Visit as _, Visitor,
};

use super::lex::Place;

/// Functions that act on the warehouse or its sessions instead of computing a value, or that tell of sessions which are
/// not the caller's. Those of the names `pg_…` do, all of them, and no mart has a use for one.
const REFUSED: [&str; 8] = [
    "set_config",
    "current_setting",
    "dblink",
    "dblink_exec",
    "lo_import",
    "lo_export",
    "query_to_xml",
    "table_to_xml",
];
/// Schemas of the system. What is in them depends on who asks.
const SYSTEM: [&str; 3] = ["pg_catalog", "information_schema", "pg_internal"];

/// Everything that is refused, with the lines.
pub(super) fn through(query: &Query) -> Vec<(u64, String)> {
    let mut look = Look { names: common_tables(query), faults: Vec::new() };
    let _ = query.visit(&mut look);
    look.faults
}

/// The places of the parameters that stand as values in expressions.
pub(super) fn placeholders(query: &Query) -> BTreeSet<Place> {
    let mut placeholders = Placeholders(BTreeSet::new());
    let _ = query.visit(&mut placeholders);
    placeholders.0
}

struct Placeholders(BTreeSet<Place>);

impl Visitor for Placeholders {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Value(value) = expr
            && matches!(value.value, Value::Placeholder(_))
        {
            self.0.insert((value.span.start.line, value.span.start.column));
        }
        ControlFlow::Continue(())
    }
}

/// The names of all common table expressions, wherever they are.
fn common_tables(query: &Query) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl Visitor for Names {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            let tables = query.with.iter().flat_map(|with| &with.cte_tables);
            self.0.extend(tables.map(|table| table.alias.name.value.to_ascii_lowercase()));
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(BTreeSet::new());
    let _ = query.visit(&mut names);
    names.0
}

struct Look {
    /// Common table expressions.
    names: BTreeSet<String>,
    faults: Vec<(u64, String)>,
}

impl Look {
    fn refuse(&mut self, line: u64, reason: impl Into<String>) -> ControlFlow<()> {
        self.faults.push((line.max(1), reason.into()));
        ControlFlow::Continue(())
    }

    fn set(&mut self, expr: &SetExpr) {
        let what = match expr {
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => return,
            SetExpr::SetOperation { left, right, .. } => {
                self.set(left);
                self.set(right);
                return;
            }
            SetExpr::Insert(_) => "`INSERT`",
            SetExpr::Update(_) => "`UPDATE`",
            SetExpr::Delete(_) => "`DELETE`",
            SetExpr::Merge(_) => "`MERGE`",
            SetExpr::Table(_) => "`TABLE`",
        };
        let _ = self.refuse(expr.span().start.line, format!("{what} in the body, expected `SELECT` only"));
    }
}

impl Visitor for Look {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.set(&query.body);
        let line = query.span().start.line;
        if !query.locks.is_empty() {
            let _ = self.refuse(line, "`FOR UPDATE` or `FOR SHARE`, expected a query that locks nothing");
        }
        let foreign = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || query.fetch.is_some()
            || !query.pipe_operators.is_empty();
        if foreign {
            let _ = self.refuse(line, "a clause at the end of a query that Redshift does not have");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let line = select.select_token.0.span.start.line;
        if let Some(into) = &select.into {
            let at = into.span().start.line;
            return self.refuse(if at == 0 { line } else { at }, "`SELECT INTO`, which makes a table");
        }
        let foreign = select.flavor != SelectFlavor::Standard
            || select.select_modifiers.is_some()
            || !select.optimizer_hints.is_empty()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || select.value_table_mode.is_some();
        if foreign {
            return self.refuse(line, "a clause that Redshift's `SELECT` does not have");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        match table {
            TableFactor::Table { args: None, with_hints, version: None, .. } if with_hints.is_empty() => {}
            TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. } => {}
            _ => {
                return self
                    .refuse(table.span().start.line, "a function in `FROM`, expected tables and views");
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        let line = name.span().start.line;
        let parts: Vec<String> = name
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(|ident| ident.value.to_ascii_lowercase())
            .collect();
        match parts.as_slice() {
            [only] if self.names.contains(only) => ControlFlow::Continue(()),
            [only] => self
                .refuse(line, format!("the table `{only}` is not qualified, expected its schema before it")),
            [schema, _] | [_, schema, _] if SYSTEM.contains(&schema.as_str()) => {
                self.refuse(line, format!("a table of `{schema}`, expected data"))
            }
            [_, _] | [_, _, _] if parts.len() == name.0.len() => ControlFlow::Continue(()),
            _ => self.refuse(
                line,
                format!("the name `{name}`, expected `schema.table` or `database.schema.table`"),
            ),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let Expr::Function(Function { name, .. }) = expr else { return ControlFlow::Continue(()) };
        let last =
            name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_ascii_lowercase());
        let refused = last.filter(|last| last.starts_with("pg_") || REFUSED.contains(&last.as_str()));
        match refused {
            Some(name_of) => {
                let reason =
                    format!("the function `{name_of}`, which acts on the warehouse or tells of its sessions");
                self.refuse(name.span().start.line, reason)
            }
            None => ControlFlow::Continue(()),
        }
    }
}
