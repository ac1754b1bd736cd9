//! Queries: whose names mean what, and what the engine makes of them.

mod average;
mod functions;
mod literals;
mod rewrite;
mod system;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::catalog::{CatalogProviderList, MemTable, MemoryCatalogProvider, MemoryCatalogProviderList};
use datafusion::catalog::{MemorySchemaProvider, TableProvider, view::ViewTable};
use datafusion::common::TableReference;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{Query, Statement};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::Lake;
use crate::access::{Access, Users};
use crate::catalog::{Bindings, Body, Catalog, Definition, Id, Rows, Stored};
use crate::error::{Result, error, no_relation, no_schema, translate, translated, unsupported};
use crate::external;
use crate::parse::Privilege;
use crate::types::{Types, UTC};
pub(crate) use rewrite::{bind, label};

/// Views in views; more is a circle.
const DEEPEST: usize = 32;

/// An engine as Redshift's habits want it.
pub(crate) fn engine() -> SessionState {
    let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
    let options = config.options_mut();
    options.catalog.create_default_catalog_and_schema = false;
    // Names have been folded already.
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.time_zone = Some(UTC.to_owned());
    let builder = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_type_planner(Arc::new(Types))
        .with_expr_planners(literals::planners());
    let mut functions = SessionStateDefaults::default_aggregate_functions();
    // Left in, it would come back under its other name.
    functions.retain(|function| function.name() != "avg");
    functions.push(Arc::new(AggregateUDF::from(average::Average::new())));
    builder.with_aggregate_functions(functions).build()
}

/// What queries are planned against.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) engine: &'a SessionState,
    pub(crate) lake: &'a dyn Lake,
    pub(crate) catalog: &'a Catalog,
    pub(crate) users: &'a Users,
    /// The session's own tables.
    pub(crate) temporary: &'a BTreeMap<String, Arc<Stored>>,
    pub(crate) database: &'a str,
}

/// A query, and who asks.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) query: &'a Query,
    pub(crate) user: &'a str,
    pub(crate) path: &'a [String],
    pub(crate) bindings: Option<&'a Bindings>,
    depth: usize,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(query: &'a Query, user: &'a str, path: &'a [String]) -> Self {
        Self { query, user, path, bindings: None, depth: 0 }
    }
}

/// A planned query.
pub(crate) struct Plan {
    state: SessionState,
    pub(crate) logical: LogicalPlan,
    /// The stored relations that it names.
    pub(crate) bound: Bindings,
    /// A table of the data lake that it names.
    pub(crate) external: bool,
    /// A view `WITH NO SCHEMA BINDING` that it names.
    pub(crate) late: bool,
    /// A table of the session that it names.
    pub(crate) temporary: bool,
}

impl Plan {
    /// Runs it. Dropping the stream stops it.
    pub(crate) async fn stream(&self) -> Result<SendableRecordBatchStream> {
        let physical = translated(self.state.create_physical_plan(&self.logical).await)?;
        translated(execute_stream(physical, self.state.task_ctx()))
    }
}

/// What a name stands for.
enum Found {
    Stored(Id, Arc<Stored>),
    Temporary(Arc<Stored>),
    External(Id),
    System(Rows),
}

impl<'a> Scope<'a> {
    fn access(&self, user: &'a str) -> Access<'a> {
        Access { catalog: self.catalog, users: self.users, user }
    }

    /// Plans a query with the rights of who asks.
    pub(crate) fn plan(self, asked: Asked<'a>) -> BoxFuture<'a, Result<Plan>> {
        async move {
            if asked.depth > DEEPEST {
                return Err(error("infinite recursion detected in rules for a view"));
            }
            let (statement, names) = self.names(asked)?;
            let catalogs = MemoryCatalogProviderList::new();
            let mut plan = Plan {
                state: self.engine.clone(),
                logical: LogicalPlanBuilder::empty(false).build().map_err(|failure| translate(&failure))?,
                bound: Bindings::new(),
                external: false,
                late: false,
                temporary: false,
            };
            for name in names {
                let found = self.find(&name, asked)?;
                let table = self.table(found, &name, asked, &mut plan).await?;
                register(&catalogs, name, self.database, table)?;
            }
            let config =
                self.engine.config().clone().with_default_catalog_and_schema(self.database, UNQUALIFIED);
            plan.state = SessionStateBuilder::new_from_existing(self.engine.clone())
                .with_config(config)
                .with_catalog_list(Arc::new(catalogs))
                .build();
            plan.logical = translated(plan.state.statement_to_plan(statement).await)?;
            Ok(plan)
        }
        .boxed()
    }

    /// A query as the engine wants it, and the relations that it names.
    fn names(&self, asked: Asked<'_>) -> Result<(EngineStatement, Vec<TableReference>)> {
        let mut query = Box::new(asked.query.clone());
        let context = functions::Context { user: asked.user, database: self.database, path: asked.path };
        let functions = rewrite::rewrite(&mut query, &context)?;
        let statement = EngineStatement::Statement(Box::new(Statement::Query(query)));
        let mut names = translated(self.engine.resolve_table_references(&statement))?;
        names.retain(|name| !functions.contains(name.table()));
        Ok((statement, names))
    }

    /// Whether all names in a query have their schemas.
    pub(crate) fn is_qualified(self, query: &Query) -> Result<bool> {
        let (_, names) = self.names(Asked::new(query, "", &[]))?;
        Ok(names.iter().all(|name| name.schema().is_some()))
    }

    fn find(&self, name: &TableReference, asked: Asked<'_>) -> Result<Found> {
        if let Some(oid) = asked.bindings.and_then(|bindings| bindings.get(&name.to_string())) {
            let found = self.catalog.find(*oid).ok_or_else(|| no_relation(name))?;
            return Ok(Found::Stored(found.0.clone(), Arc::clone(found.1)));
        }
        let table = name.table();
        let Some(schema) = name.schema() else {
            if let Some(stored) = self.temporary.get(table) {
                return Ok(Found::Temporary(Arc::clone(stored)));
            }
            let system = system::rows(self.catalog, table).map(Found::System);
            let in_path =
                asked.path.iter().find_map(|schema| self.known(Id::new(self.database, schema, table)));
            return in_path.or(system).ok_or_else(|| no_relation(name));
        };
        let database = name.catalog().unwrap_or(self.database);
        if let Some(rows) = system::rows(self.catalog, table).filter(|_| schema == "pg_catalog") {
            return Ok(Found::System(rows));
        }
        if !self.catalog.has_schema(database, schema) {
            return Err(no_schema(schema));
        }
        self.known(Id::new(database, schema, table))
            .ok_or_else(|| no_relation(format_args!("{schema}.{table}")))
    }

    fn known(&self, id: Id) -> Option<Found> {
        match self.catalog.get(&id) {
            Some(stored) => Some(Found::Stored(id, Arc::clone(stored))),
            None => self.catalog.externals.contains_key(&id).then_some(Found::External(id)),
        }
    }

    async fn table(
        self,
        found: Found,
        name: &TableReference,
        asked: Asked<'a>,
        plan: &mut Plan,
    ) -> Result<Arc<dyn TableProvider>> {
        match found {
            Found::System(rows) => memory(&rows),
            Found::Temporary(stored) => {
                plan.temporary = true;
                match &stored.body {
                    Body::Table(rows) => memory(rows),
                    Body::View(_) | Body::Materialized(..) => Err(unsupported("a temporary view")),
                }
            }
            Found::External(id) => {
                plan.external = true;
                self.access(asked.user).schema(&id.database, &id.schema)?;
                let location = self.catalog.externals.get(&id).ok_or_else(|| no_relation(name))?;
                memory(&external::read(self.lake, &id, location).await?)
            }
            Found::Stored(id, stored) => {
                self.access(asked.user).relation(&id, &stored, Privilege::Select)?;
                plan.bound.insert(name.to_string(), stored.oid);
                match &stored.body {
                    Body::Table(rows) | Body::Materialized(_, rows) => memory(rows),
                    Body::View(definition) => {
                        plan.late |= definition.bindings.is_none();
                        let inner = self.view(definition, &stored.owner, asked.depth).await?;
                        Ok(Arc::new(ViewTable::new(inner.logical, None)))
                    }
                }
            }
        }
    }

    /// Plans a view's query with the rights of its owner (Database Developer Guide, "CREATE VIEW").
    pub(crate) async fn view(self, definition: &Definition, owner: &str, depth: usize) -> Result<Plan> {
        let asked = Asked {
            query: &definition.query,
            user: owner,
            path: &definition.path,
            bindings: definition.bindings.as_ref(),
            depth: depth + 1,
        };
        let scope = Scope { temporary: &BTreeMap::new(), ..self };
        let mut plan = scope.plan(asked).await?;
        plan.logical = named(plan.logical, &definition.columns)?;
        Ok(plan)
    }
}

/// The schema under which unqualified names are registered with the engine, wherever they were found.
const UNQUALIFIED: &str = " unqualified";

fn register(
    catalogs: &MemoryCatalogProviderList,
    name: TableReference,
    database: &str,
    table: Arc<dyn TableProvider>,
) -> Result<()> {
    let name = name.resolve(database, UNQUALIFIED);
    let catalog = match catalogs.catalog(&name.catalog) {
        Some(catalog) => catalog,
        None => {
            let new = Arc::new(MemoryCatalogProvider::new());
            catalogs.register_catalog(name.catalog.to_string(), new.clone());
            new
        }
    };
    if catalog.schema(&name.schema).is_none() {
        translated(catalog.register_schema(&name.schema, Arc::new(MemorySchemaProvider::new())))?;
    }
    let schema = catalog.schema(&name.schema).ok_or_else(|| no_schema(&name.schema))?;
    translated(schema.register_table(name.table.to_string(), table)).map(drop)
}

fn memory(rows: &Rows) -> Result<Arc<dyn TableProvider>> {
    let table = translated(MemTable::try_new(Arc::clone(&rows.schema), vec![rows.batches.clone()]))?;
    Ok(Arc::new(table))
}

/// A view's plan under its own columns' names, all different.
fn named(plan: LogicalPlan, names: &[String]) -> Result<LogicalPlan> {
    let columns: Vec<_> = plan.schema().columns();
    if names.len() > columns.len() {
        return Err(error("CREATE VIEW specifies more column names than columns"));
    }
    let mut seen = BTreeSet::new();
    let mut expressions = Vec::with_capacity(columns.len());
    for (place, column) in columns.into_iter().enumerate() {
        let name = names.get(place).map_or(label(&column.name), String::as_str).to_owned();
        if !seen.insert(name.clone()) {
            return Err(error(format_args!("column \"{name}\" duplicated")));
        }
        expressions.push(Expr::Column(column).alias(name));
    }
    translated(LogicalPlanBuilder::from(plan).project(expressions).and_then(LogicalPlanBuilder::build))
}
