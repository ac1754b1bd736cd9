//! A warehouse: what statements are run by, and what lasts between them.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::execution::session_state::SessionState;
use futures_util::FutureExt;
use tokio::sync::mpsc;

use crate::access::Users;
use crate::catalog::{Body, Catalog, GLUE, Id, Object};
use crate::error::{Result, SqlError, error};
use crate::parse::{Consumer, To};
use crate::plan;
use crate::run::Run;
use crate::workers;
use crate::{Lake, Outcome, Session};

/// One statement and the parameters that it uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Its text.
    pub sql: String,
    /// Names, without the colon, and values.
    pub parameters: Vec<(String, String)>,
}

/// How several statements go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All or nothing. Nothing runs after a failure.
    Transaction,
    /// Each on its own: a failure does not affect the others.
    AutoCommit,
}

/// Told as statements get on: the index, and, once it has ended, whether it succeeded.
pub type Progress<'a> = dyn Fn(usize, Option<bool>) + Send + Sync + 'a;

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its database.
    pub database: String,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `TABLE`, `VIEW`, `MATERIALIZED VIEW` or `EXTERNAL TABLE`.
    pub kind: String,
    /// Its owner; none of a table of the data lake.
    pub owner: Option<String>,
}

/// A privilege that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// `SELECT`, `INSERT`, `USAGE` or `CREATE`.
    pub privilege: String,
    /// What on: `database dev`, `schema marts` or `relation marts.sales`.
    pub object: String,
    /// Whom to: a user, in lower case, `group …`, `role …` or `public`.
    pub grantee: String,
}

/// A datashare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datashare {
    /// Its name.
    pub name: String,
    /// Its schemas, and whether what is created in them later is added.
    pub schemas: Vec<(String, bool)>,
    /// Its tables and views, with their schemas.
    pub objects: Vec<String>,
    /// Namespaces and accounts.
    pub consumers: Vec<String>,
}

/// One cluster or workgroup.
#[derive(Debug)]
pub struct Warehouse(Arc<Store>);

/// What is in a warehouse.
pub(crate) struct Store {
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) engine: SessionState,
    catalog: Mutex<Arc<Catalog>>,
    users: Mutex<Users>,
    /// Held by a transaction from its first change to its end: changes are made one transaction at a time.
    pub(crate) writing: Arc<tokio::sync::Mutex<()>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store").field("lake", &self.lake).finish_non_exhaustive()
    }
}

impl Warehouse {
    /// An empty warehouse over a data lake.
    #[must_use]
    pub fn new(lake: Arc<dyn Lake>) -> Self {
        Self(Arc::new(Store {
            lake,
            engine: plan::engine(),
            catalog: Mutex::default(),
            users: Mutex::default(),
            writing: Arc::default(),
        }))
    }

    /// Runs statements in their order. The answer has an entry for each that ran: in a transaction, the failed
    /// one is the last. Dropping the future stops it, and undoes what was not committed.
    pub async fn run(
        &self,
        session: &Session,
        statements: &[Statement],
        mode: Mode,
        progress: &Progress<'_>,
    ) -> Vec<Result<Outcome>> {
        let (told, mut hear) = mpsc::unbounded_channel();
        let work = Arc::clone(&self.0).run(session.clone(), statements.to_vec(), mode, told);
        let mut task = match workers::spawn(work) {
            Ok(task) => task,
            Err(failure) => {
                return vec![Err(error(format_args!("the local warehouse has no threads: {failure}")))];
            }
        };
        while let Some((index, ended)) = hear.recv().await {
            progress(index, ended);
        }
        task.outcome().await.unwrap_or_else(|| vec![Err(internal())])
    }

    /// Makes a table of the data lake known, in place of one of the same name. `database` is the database
    /// that has the external schema, or `awsdatacatalog`; `location` is `s3://BUCKET/PREFIX`, below which
    /// the table's Parquet files are.
    ///
    /// # Errors
    /// What is wrong with the location, or if the schema is a local one.
    pub fn register_external(
        &self,
        database: &str,
        schema: &str,
        table: &str,
        location: &str,
    ) -> std::result::Result<(), String> {
        let place = location.strip_prefix("s3://").and_then(|place| place.split_once('/'));
        let Some((bucket, prefix)) =
            place.filter(|(bucket, prefix)| !bucket.is_empty() && !prefix.is_empty())
        else {
            return Err(format!("location `{location}`, expected `s3://BUCKET/PREFIX`"));
        };
        // A table's files are below its location, not below all that begin like it.
        let prefix = format!("{}/", prefix.trim_end_matches('/'));
        let id = Id::new(database, &schema.to_lowercase(), &table.to_lowercase());
        let mut catalog = lock(&self.0.catalog);
        if catalog.owner(database, &id.schema).is_some() {
            return Err(format!("schema `{schema}` is a local one, expected an external one"));
        }
        let catalog = Arc::make_mut(&mut catalog);
        Arc::make_mut(&mut catalog.externals).insert(id, (bucket.to_owned(), prefix));
        Ok(())
    }

    /// Makes a user a member of a group or role.
    pub fn join(&self, user: &str, group_or_role: &str) {
        lock(&self.0.users).join(user, group_or_role);
    }

    /// All tables and views.
    #[must_use]
    pub fn relations(&self) -> Vec<Relation> {
        let catalog = self.current();
        let relation = |id: &Id, kind: &str, owner: Option<&String>| Relation {
            database: id.database.clone(),
            schema: id.schema.clone(),
            name: id.name.clone(),
            kind: kind.to_owned(),
            owner: owner.cloned(),
        };
        let local = catalog.relations.iter().map(|(id, stored)| {
            let kind = match stored.body {
                Body::Table(_) => "TABLE",
                Body::View(_) => "VIEW",
                Body::Materialized(..) => "MATERIALIZED VIEW",
            };
            relation(id, kind, Some(&stored.owner))
        });
        local.chain(catalog.externals.keys().map(|id| relation(id, "EXTERNAL TABLE", None))).collect()
    }

    /// All schemas, with their databases.
    #[must_use]
    pub fn schemas(&self) -> Vec<(String, String)> {
        let catalog = self.current();
        let all = catalog.schemas.keys().cloned().chain(catalog.externals.keys().map(Id::in_schema));
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// All privileges that were granted.
    #[must_use]
    pub fn grants(&self) -> Vec<Granted> {
        let catalog = self.current();
        let shown = |object: &Object| match object {
            Object::Database(name) => format!("database {name}"),
            Object::Schema((database, schema)) if database == GLUE => format!("schema {database}.{schema}"),
            Object::Schema((_, schema)) => format!("schema {schema}"),
            Object::Relation(oid) => match catalog.find(*oid) {
                Some((id, _)) => format!("relation {}.{}", id.schema, id.name),
                None => "relation".to_owned(),
            },
        };
        let grants = catalog.grants.iter();
        let granted = grants.map(|(object, privilege, to)| Granted {
            privilege: privilege.text().to_owned(),
            object: shown(object),
            grantee: match to {
                To::User(name) => name.clone(),
                To::Group(name) => format!("group {name}"),
                To::Role(name) => format!("role {name}"),
                To::Public => "public".to_owned(),
            },
        });
        granted.collect()
    }

    /// All datashares.
    #[must_use]
    pub fn datashares(&self) -> Vec<Datashare> {
        let catalog = self.current();
        let shares = catalog.shares.iter().map(|(name, share)| Datashare {
            name: name.clone(),
            schemas: share.schemas.iter().map(|(schema, new)| (schema.clone(), *new)).collect(),
            objects: {
                let tables = share.tables.iter().filter_map(|oid| catalog.find(*oid));
                tables.map(|(id, _)| format!("{}.{}", id.schema, id.name)).collect::<BTreeSet<_>>()
            }
            .into_iter()
            .collect(),
            consumers: share
                .consumers
                .iter()
                .map(|consumer| match consumer {
                    Consumer::Namespace(id) | Consumer::Account(id) => id.clone(),
                })
                .collect(),
        });
        shares.collect()
    }

    fn current(&self) -> Arc<Catalog> {
        self.0.current()
    }
}

impl Store {
    async fn run(
        self: Arc<Self>,
        session: Session,
        statements: Vec<Statement>,
        mode: Mode,
        told: mpsc::UnboundedSender<(usize, Option<bool>)>,
    ) -> Vec<Result<Outcome>> {
        // Nobody hears it any more when the caller has gone, and then this is about to be stopped.
        let progress = |index, ended| {
            let _ = told.send((index, ended));
        };
        lock(&self.users).connect(&session.user, session.superuser);
        let mut run = Run::new(&self, &session);
        let mut outcomes = Vec::with_capacity(statements.len());
        for (index, statement) in statements.iter().enumerate() {
            progress(index, None);
            let outcome = AssertUnwindSafe(run.statement(statement)).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| Err(internal()));
            match (&outcome, mode) {
                (Ok(_), Mode::AutoCommit) => run.commit(),
                (Err(_), _) => run.roll_back(),
                (Ok(_), Mode::Transaction) => {}
            }
            let failed = outcome.is_err();
            outcomes.push(outcome);
            progress(index, Some(!failed));
            if failed && mode == Mode::Transaction {
                return outcomes;
            }
        }
        run.commit();
        outcomes
    }

    pub(crate) fn current(&self) -> Arc<Catalog> {
        Arc::clone(&lock(&self.catalog))
    }

    pub(crate) fn users(&self) -> Users {
        lock(&self.users).clone()
    }

    /// Puts a transaction's catalogue in place. The data lake's tables are no part of it.
    pub(crate) fn commit(&self, mut changed: Arc<Catalog>) {
        let mut current = lock(&self.catalog);
        Arc::make_mut(&mut changed).externals = Arc::clone(&current.externals);
        *current = changed;
    }
}

fn internal() -> SqlError {
    error("internal error of the local warehouse")
}

/// What a mutex guards is whole at every moment, whoever panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
