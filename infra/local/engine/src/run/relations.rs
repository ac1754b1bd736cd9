//! Views, and what all relations have in common.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::Query;

use super::Run;
use super::tables::stored_as;
use crate::catalog::{Body, Definition, Id, Stored};
use crate::error::{Result, depended_on, error, no_relation, no_schema, unsupported};
use crate::parse::{Kind, Name};
use crate::plan::Plan;
use crate::result::labelled;

impl Run<'_> {
    pub(super) async fn create_view(
        &mut self,
        name: &Name,
        replace: bool,
        columns: Vec<String>,
        query: Box<Query>,
        late: bool,
    ) -> Result<()> {
        let id = self.id(name);
        let existing = self.room(&id, name, replace.then_some(Kind::View))?;
        let old = match &existing {
            Some(stored) => self.columns(stored).await,
            None => None,
        };
        let mut definition = self.definition(columns, query);
        if late {
            if !self.scope().is_qualified(&definition.query)? {
                return Err(error(
                    "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.",
                ));
            }
            // It is bound when it is queried, which it need not be possible to do now.
            if let (Some(old), Ok(new)) = (&old, self.view_plan(&definition).await) {
                same_columns(old, &labelled(new.logical.schema()))?;
            }
        } else {
            let plan = self.view_plan(&definition).await?;
            if plan.external {
                return Err(error("External tables are not supported in views"));
            }
            if plan.temporary {
                return Err(unsupported("a view of temporary tables"));
            }
            if let Some(old) = &old {
                same_columns(old, &labelled(plan.logical.schema()))?;
            }
            self.no_circle(&id, plan.bound.values().copied().collect())?;
            definition.bindings = Some(plan.bound);
        }
        self.put(id, existing.is_some(), Body::View(definition));
        Ok(())
    }

    pub(super) async fn create_materialized(
        &mut self,
        name: &Name,
        columns: Vec<String>,
        query: Box<Query>,
    ) -> Result<()> {
        let id = self.id(name);
        self.room(&id, name, None)?;
        let mut definition = self.definition(columns, query);
        let plan = self.view_plan(&definition).await?;
        if plan.late {
            return Err(error("Materialized views on late-binding views are not supported"));
        }
        if plan.temporary {
            return Err(unsupported("a materialized view of temporary tables"));
        }
        let rows = self.rows(&plan, stored_as(plan.logical.schema())?).await?;
        definition.bindings = Some(plan.bound);
        self.put(id, false, Body::Materialized(definition, rows));
        Ok(())
    }

    pub(super) async fn refresh(&mut self, name: &Name) -> Result<()> {
        let id = self.id(name);
        let stored = Arc::clone(self.catalog.known(&id, name)?);
        let Body::Materialized(definition, old) = &stored.body else {
            return Err(error(format_args!("\"{}\" is not a materialized view", id.name)));
        };
        self.access().owns("materialized view", &id.name, &stored.owner)?;
        let plan = self.scope().view(definition, &stored.owner, 0).await?;
        let rows = self.rows(&plan, Arc::clone(&old.schema)).await?;
        let body = Body::Materialized(definition.clone(), rows);
        Arc::make_mut(&mut self.catalog).replace(&id, body);
        Ok(())
    }

    pub(super) fn drop(&mut self, kind: Kind, names: &[Name], if_exists: bool, cascade: bool) -> Result<()> {
        let mut dropped = BTreeSet::new();
        let mut ids = Vec::new();
        for name in names {
            if name.schema.is_none() && kind == Kind::Table && self.own.temporary.remove(&name.name).is_some()
            {
                continue;
            }
            let id = self.id(name);
            let Some(stored) = self.catalog.get(&id) else {
                if self.catalog.externals.contains_key(&id) {
                    return Err(unsupported("DROP TABLE of an external table"));
                }
                if if_exists {
                    continue;
                }
                let schema = self.catalog.has_schema(&id.database, &id.schema);
                return Err(if schema { no_relation(name) } else { no_schema(&id.schema) });
            };
            of_kind(&id, stored.body.kind(), kind)?;
            // The schema's owner may clear it.
            let schema = self.catalog.owner(&id.database, &id.schema).unwrap_or_default();
            let access = self.access();
            access
                .owns(kind.text(), &id.name, &stored.owner)
                .or_else(|failure| access.owns("schema", &id.schema, schema).map_err(|_| failure))?;
            dropped.insert(stored.oid);
            ids.push(id);
        }
        let dependents = self.catalog.dependents(&dropped);
        if let (Some(id), false, false) = (ids.first(), dependents.is_empty(), cascade) {
            return Err(depended_on(kind.text(), &id.name));
        }
        let catalog = Arc::make_mut(&mut self.catalog);
        for id in ids.iter().chain(&dependents) {
            catalog.remove(id);
        }
        Ok(())
    }

    pub(super) fn rename(&mut self, kind: Kind, name: &Name, to: String) -> Result<()> {
        let id = self.id(name);
        let stored = Arc::clone(self.catalog.known(&id, name)?);
        // `ALTER TABLE` renames views, too (Database Developer Guide, "ALTER TABLE", "RENAME TO").
        match (kind, stored.body.kind()) {
            (_, Kind::Materialized) => return Err(unsupported("renaming a materialized view")),
            (Kind::Table, _) => {}
            (wanted, found) => of_kind(&id, found, wanted)?,
        }
        self.access().owns("relation", &id.name, &stored.owner)?;
        let new = Id { name: to, ..id.clone() };
        if self.catalog.is_taken(&new) {
            return Err(error(format_args!("relation \"{}\" already exists", new.name)));
        }
        let catalog = Arc::make_mut(&mut self.catalog);
        catalog.relations.remove(&id);
        catalog.relations.insert(new, stored);
        Ok(())
    }

    /// Nothing reads comments here, but what they are on must be there.
    pub(super) fn comment(&mut self, on: Option<&Name>) -> Result<()> {
        let Some(name) = on else { return Ok(()) };
        let id = self.id(name);
        let stored = self.catalog.known(&id, name)?;
        self.access().owns("relation", &id.name, &stored.owner)
    }

    /// Sees to it that there may be a relation of this name: a new one, or one of a kind that is replaced, which
    /// it returns.
    pub(super) fn room(&self, id: &Id, name: &Name, replaced: Option<Kind>) -> Result<Option<Arc<Stored>>> {
        self.catalog.place(id)?;
        let Some(stored) = self.catalog.get(id) else {
            self.access().create_in(&id.database, &id.schema)?;
            return Ok(None);
        };
        let Some(kind) = replaced else {
            return Err(error(format_args!("relation \"{}\" already exists", name.name)));
        };
        self.access().schema(&id.database, &id.schema)?;
        of_kind(id, stored.body.kind(), kind)?;
        self.access().owns("relation", &id.name, &stored.owner)?;
        Ok(Some(Arc::clone(stored)))
    }

    fn definition(&self, columns: Vec<String>, query: Box<Query>) -> Definition {
        Definition { query: Arc::new(*query), columns, path: self.own.path.clone(), bindings: None }
    }

    /// Plans a new view's query with the rights of who makes it.
    async fn view_plan(&self, definition: &Definition) -> Result<Plan> {
        self.scope().view(definition, &self.user, 0).await
    }

    /// A view's columns, if it can be planned.
    async fn columns(&self, stored: &Stored) -> Option<SchemaRef> {
        let Body::View(definition) = &stored.body else { return None };
        let plan = self.scope().view(definition, &stored.owner, 0).await.ok()?;
        Some(labelled(plan.logical.schema()))
    }

    pub(super) fn put(&mut self, id: Id, replaced: bool, body: Body) {
        let owner = self.user.clone();
        let catalog = Arc::make_mut(&mut self.catalog);
        if replaced {
            catalog.replace(&id, body);
        } else {
            catalog.add(id, &owner, body);
        }
    }

    /// A replaced view must not come to depend on itself.
    fn no_circle(&self, id: &Id, bound: BTreeSet<u64>) -> Result<()> {
        let Some(stored) = self.catalog.get(id) else { return Ok(()) };
        let below = self.catalog.dependents(&BTreeSet::from([stored.oid]));
        let circle = bound.contains(&stored.oid)
            || below.iter().filter_map(|id| self.catalog.get(id)).any(|stored| bound.contains(&stored.oid));
        if circle {
            return Err(error(format_args!(
                "infinite recursion detected in rules for relation \"{}\"",
                id.name
            )));
        }
        Ok(())
    }
}

fn of_kind(id: &Id, found: Kind, wanted: Kind) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    let article = |kind: Kind| format!("a {}", kind.text());
    let hint = if found == Kind::Materialized { "\n  Hint: Use DROP MATERIALIZED VIEW." } else { "" };
    Err(error(format_args!("\"{}\" is not {}{hint}", id.name, article(wanted))))
}

/// `CREATE OR REPLACE VIEW` keeps columns as they are (PostgreSQL 8.0, `checkViewTupleDesc`).
fn same_columns(old: &Schema, new: &Schema) -> Result<()> {
    if old.fields().len() != new.fields().len() {
        return Err(error("cannot change number of columns in view"));
    }
    for (old, new) in old.fields().iter().zip(new.fields()) {
        if old.name() != new.name() {
            return Err(error(format_args!("cannot change name of view column \"{}\"", old.name())));
        }
        if old.data_type() != new.data_type() {
            return Err(error(format_args!("cannot change data type of view column \"{}\"", old.name())));
        }
    }
    Ok(())
}
