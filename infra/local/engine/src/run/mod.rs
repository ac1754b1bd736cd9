//! Statements at work, in one connection.

mod grants;
mod relations;
mod schemas;
mod shares;
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::Query;
use futures_util::StreamExt;
use tokio::sync::OwnedMutexGuard;

use crate::access::{Access, Users};
use crate::catalog::{Catalog, Id, PUBLIC, Rows, Stored};
use crate::error::{Result, translated, unsupported};
use crate::lex::lex;
use crate::parse::{Command, Name, parse};
use crate::plan::{Asked, Plan, Scope, bind};
use crate::result::{self, Batches};
use crate::unload;
use crate::warehouse::{Statement, Store};
use crate::{Outcome, ResultSet, Session};

/// A connection: what it has changed and not yet committed, and what is its own.
pub(crate) struct Run<'w> {
    warehouse: &'w Store,
    database: String,
    user: String,
    users: Users,
    catalog: Arc<Catalog>,
    /// Held since the first change.
    writing: Option<OwnedMutexGuard<()>>,
    own: Own,
    /// As [`Self::own`] was at the last commit.
    committed: Own,
}

/// What is a connection's own.
#[derive(Clone)]
struct Own {
    temporary: BTreeMap<String, Arc<Stored>>,
    path: Vec<String>,
    case_sensitive: bool,
}

impl<'w> Run<'w> {
    pub(crate) fn new(warehouse: &'w Store, session: &Session) -> Self {
        // The user's own schema comes first, if there is one (Database Developer Guide, `search_path`).
        let path = vec![session.user.to_lowercase(), PUBLIC.to_owned()];
        let own = Own { temporary: BTreeMap::new(), path, case_sensitive: false };
        Self {
            warehouse,
            database: session.database.to_lowercase(),
            user: session.user.clone(),
            users: warehouse.users(),
            catalog: warehouse.current(),
            writing: None,
            committed: own.clone(),
            own,
        }
    }

    /// Makes what was changed everyone's.
    pub(crate) fn commit(&mut self) {
        if self.writing.is_some() {
            self.warehouse.commit(Arc::clone(&self.catalog));
        }
        self.committed = self.own.clone();
        self.release();
    }

    /// Forgets what was changed.
    pub(crate) fn roll_back(&mut self) {
        self.own = self.committed.clone();
        self.release();
    }

    fn release(&mut self) {
        self.catalog = self.warehouse.current();
        self.writing = None;
    }

    /// Waits for its turn to change the catalogue. What was read so far was not changed by this transaction, so
    /// that it goes on with the newest.
    async fn change(&mut self) -> &mut Catalog {
        if self.writing.is_none() {
            self.writing = Some(Arc::clone(&self.warehouse.writing).lock_owned().await);
            self.catalog = self.warehouse.current();
        }
        Arc::make_mut(&mut self.catalog)
    }

    pub(crate) async fn statement(&mut self, statement: &Statement) -> Result<Outcome> {
        let lexed = lex(&statement.sql, &statement.parameters, !self.own.case_sensitive)?;
        let mut command = parse(&lexed)?;
        if !statement.parameters.is_empty() {
            match &mut command {
                Command::Query(query)
                | Command::Insert { query, .. }
                | Command::CreateTableAs { query, .. } => {
                    bind(query, &statement.parameters);
                }
                _ => return Err(unsupported("a parameter outside of SELECT, INSERT and CREATE TABLE AS")),
            }
        }
        match command {
            Command::Query(query) => return self.select(&query).await,
            Command::Unload(unload) => {
                let plan = self.planned(&unload.query).await?;
                let rows = unload::run(&plan, &unload, self.warehouse.lake.as_ref()).await?;
                return Ok(Outcome { result: None, rows: i64::try_from(rows).unwrap_or(i64::MAX) });
            }
            Command::Insert { name, columns, query } => {
                let rows = self.insert(&name, &columns, &query).await?;
                return Ok(Outcome { result: None, rows });
            }
            Command::CaseSensitive(on) => self.own.case_sensitive = on,
            Command::SearchPath(path) => self.own.path = path,
            changing => self.command(changing).await?,
        }
        Ok(Outcome { result: None, rows: -1 })
    }

    /// What changes the catalogue.
    async fn command(&mut self, command: Command) -> Result<()> {
        self.change().await;
        match command {
            Command::CreateSchema { name, if_not_exists, owner } => {
                self.create_schema(name, if_not_exists, owner)
            }
            Command::DropSchema { names, if_exists, cascade } => {
                self.drop_schemas(&names, if_exists, cascade)
            }
            Command::SchemaOwner { name, owner } => self.schema_owner(&name, owner),
            Command::CreateView { name, replace, columns, query, late } => {
                self.create_view(&name, replace, columns, query, late).await
            }
            Command::CreateMaterialized { name, columns, query } => {
                self.create_materialized(&name, columns, query).await
            }
            Command::Refresh(name) => self.refresh(&name).await,
            Command::CreateTable { name, temporary, if_not_exists, columns } => {
                self.create_table(&name, temporary, if_not_exists, &columns)
            }
            Command::CreateTableAs { name, temporary, if_not_exists, columns, query } => {
                self.create_table_as(&name, temporary, if_not_exists, &columns, &query).await
            }
            Command::Drop { kind, names, if_exists, cascade } => self.drop(kind, &names, if_exists, cascade),
            Command::Rename { kind, name, to } => self.rename(kind, &name, to),
            Command::Comment { on } => self.comment(on.as_ref()),
            Command::Grant(grant) => self.grant(grant),
            Command::CreateShare(name) => self.create_share(name),
            Command::DropShare(name) => self.drop_share(&name),
            Command::AlterShare { name, alteration } => self.alter_share(&name, alteration),
            Command::Share { grant, name, consumer } => self.share(grant, &name, consumer),
            Command::Query(_)
            | Command::Unload(_)
            | Command::Insert { .. }
            | Command::CaseSensitive(_)
            | Command::SearchPath(_) => Ok(()),
        }
    }

    async fn select(&self, query: &Query) -> Result<Outcome> {
        let plan = self.planned(query).await?;
        let mut batches = Batches::new(result::columns(plan.logical.schema()));
        let mut stream = plan.stream().await?;
        while let Some(batch) = stream.next().await {
            batches.push(&translated(batch)?)?;
            // Lets whoever waits for the statement stop it here.
            tokio::task::yield_now().await;
        }
        let rows = i64::try_from(batches.row_count()).unwrap_or(i64::MAX);
        Ok(Outcome { result: Some(Arc::new(batches)), rows })
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            engine: &self.warehouse.engine,
            lake: self.warehouse.lake.as_ref(),
            catalog: &self.catalog,
            users: &self.users,
            temporary: &self.own.temporary,
            database: &self.database,
        }
    }

    fn access(&self) -> Access<'_> {
        Access { catalog: &self.catalog, users: &self.users, user: &self.user }
    }

    async fn planned(&self, query: &Query) -> Result<Plan> {
        self.scope().plan(Asked::new(query, &self.user, &self.own.path)).await
    }

    /// The rows of a plan, as `schema` has them.
    async fn rows(&self, plan: &Plan, schema: SchemaRef) -> Result<Rows> {
        let mut stream = plan.stream().await?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next().await {
            batches.push(tables::fitted(&translated(batch)?, &schema)?);
            tokio::task::yield_now().await;
        }
        Ok(Rows { schema, batches })
    }

    /// What a name in a statement stands for: the first of the search path, if it names no schema.
    fn id(&self, name: &Name) -> Id {
        let database = name.database.as_deref().unwrap_or(&self.database);
        let schema = name.schema.as_deref();
        let schema = schema.or_else(|| {
            let mut path = self.own.path.iter().map(String::as_str);
            path.find(|schema| self.catalog.get(&Id::new(database, schema, &name.name)).is_some())
        });
        let schema = schema.or_else(|| {
            let mut path = self.own.path.iter().map(String::as_str);
            path.find(|schema| self.catalog.owner(database, schema).is_some())
        });
        Id::new(database, schema.unwrap_or(PUBLIC), &name.name)
    }
}
