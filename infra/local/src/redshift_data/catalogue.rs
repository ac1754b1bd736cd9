//! `ListDatabases`, `ListSchemas`, `ListTables` and `DescribeTable`. They show what the engine knows; grants do
//! not hide anything from them.

use std::collections::BTreeSet;
use std::sync::Arc;

use eventide_local_engine::Session;
use serde_json::{Value, json};

use super::input::Input;
use super::page;
use super::refusal::{Outcome, Refusal};
use super::result::metadata;
use super::target::{Named, Target};
use super::warehouse::{Described, Sql};
use super::{Context, RedshiftData};

impl RedshiftData {
    /// Where a request connects to, and the database that it asks about.
    async fn connection(&self, cx: &Context, input: Input<'_>) -> Outcome<(Target, String)> {
        let mut named = Named::read(input)?;
        let asked = named.database.clone().unwrap_or_default();
        if let Some(connected) = input.text("ConnectedDatabase")? {
            named.database = Some(connected.to_owned());
        }
        let target = self.target(named, &cx.identity, &cx.region).await?;
        if !target.warehouse.databases.contains(&target.database) {
            let message = format!("FATAL: database \"{}\" does not exist", target.database);
            return Err(Refusal::invalid(message));
        }
        Ok((target, asked))
    }

    pub(super) async fn list_databases(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let cut = page::Cut::read(input, "ListDatabases", 1000)?;
        let (target, _) = self.connection(cx, input).await?;
        let mut names: BTreeSet<String> = target.warehouse.databases.iter().cloned().collect();
        names.extend(target.warehouse.engine.relations().into_iter().map(|relation| relation.database));
        let names = names.into_iter().map(Value::from).collect();
        cut.page("Databases", names, self.state().settings.page_items)
    }

    pub(super) async fn list_schemas(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let cut = page::Cut::read(input, "ListSchemas", 1000)?;
        let pattern = input.text("SchemaPattern")?;
        let (target, database) = self.connection(cx, input).await?;
        let relations = relations(&target, &database);
        let mut names: BTreeSet<String> = relations.into_iter().map(|relation| relation.schema).collect();
        names.insert("public".into());
        names.retain(|name| pattern.is_none_or(|pattern| is_like(name, pattern)));
        let names = names.into_iter().map(Value::from).collect();
        cut.page("Schemas", names, self.state().settings.page_items)
    }

    pub(super) async fn list_tables(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let cut = page::Cut::read(input, "ListTables", 1000)?;
        let (schemas, tables) = (input.text("SchemaPattern")?, input.text("TablePattern")?);
        let (target, database) = self.connection(cx, input).await?;
        let found = relations(&target, &database).into_iter().filter(|relation| {
            schemas.is_none_or(|pattern| is_like(&relation.schema, pattern))
                && tables.is_none_or(|pattern| is_like(&relation.name, pattern))
        });
        let shown = found.map(
            |relation| json!({ "name": relation.name, "schema": relation.schema, "type": relation.kind }),
        );
        cut.page("Tables", shown.collect(), self.state().settings.page_items)
    }

    pub(super) async fn describe_table(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let cut = page::Cut::read(input, "DescribeTable", 1000)?;
        let schema = input.text("Schema")?.unwrap_or("public");
        let table = input.text("Table")?.ok_or_else(|| Refusal::invalid("Table must be given."))?;
        let (target, database) = self.connection(cx, input).await?;
        let name = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let text = format!("select * from {}.{}.{} limit 0", name(&database), name(schema), name(table));
        let session = Session { database: target.database.clone(), user: target.user, superuser: true };
        let sql = [Sql { text, parameters: Vec::new() }];
        let ran = target.warehouse.engine.run(&session, &sql, false, Arc::new(|_, _| {})).await;
        let result = match ran.into_iter().next() {
            Some(Ok(done)) => done.result,
            Some(Err(error)) => return Err(Refusal::invalid(error.0)),
            None => None,
        };
        let columns = result.map(|result| result.columns().iter().map(metadata).collect());
        let page = cut.page("ColumnList", columns.unwrap_or_default(), self.state().settings.page_items);
        let mut page = page?;
        if let Some(members) = page.as_object_mut() {
            members.insert("TableName".into(), json!(table));
        }
        Ok(page)
    }
}

fn relations(target: &Target, database: &str) -> Vec<Described> {
    let mut relations = target.warehouse.engine.relations();
    relations.retain(|relation| relation.database == database);
    relations.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    relations
}

/// SQL's `LIKE`: `%` for any characters, `_` for one.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some(wanted) = pattern.chars().next() else { return text.is_empty() };
    let rest = without_first(pattern);
    if wanted == '%' {
        return is_like(text, rest) || (!text.is_empty() && is_like(without_first(text), pattern));
    }
    text.chars().next().is_some_and(|found| wanted == '_' || wanted == found)
        && is_like(without_first(text), rest)
}

fn without_first(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_like() {
        for (text, pattern, expected) in [
            ("employee", "employee", true),
            ("employee", "emp%", true),
            ("employee", "%loy%", true),
            ("employee", "e______e", true),
            ("employee", "e_____e", false),
            ("employee", "%x%", false),
            ("", "%", true),
            ("", "_", false),
            ("é", "_", true),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} like {pattern}");
        }
    }
}
