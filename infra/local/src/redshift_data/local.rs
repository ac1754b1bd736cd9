//! The stand-in's surroundings in the local cloud: MiniStack, and a warehouse of the engine's for each one here.

use std::sync::Arc;

use eventide_local_engine::{Lake, Mode, Outcome, Session, SqlError, Statement, human_resources};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::lake::S3;
use super::outside::Services;
use super::warehouse::{Described, Engine, External, Progress, Sql};
use super::{Sample, Surroundings};
use crate::gateway::Backend;

/// A warehouse of the engine's.
#[derive(Debug)]
struct Warehouse(eventide_local_engine::Warehouse);

impl Engine for Warehouse {
    fn run<'a>(
        &'a self,
        session: &'a Session,
        statements: &'a [Sql],
        transaction: bool,
        progress: Progress,
    ) -> BoxFuture<'a, Vec<Result<Outcome, SqlError>>> {
        async move {
            let statement =
                |sql: &Sql| Statement { sql: sql.text.clone(), parameters: sql.parameters.clone() };
            let statements: Vec<_> = statements.iter().map(statement).collect();
            let mode = if transaction { Mode::Transaction } else { Mode::AutoCommit };
            self.0.run(session, &statements, mode, progress.as_ref()).await
        }
        .boxed()
    }

    fn register(&self, table: &External) -> Result<(), String> {
        self.0.register_external(&table.database, &table.schema, &table.table, &table.location)
    }

    fn relations(&self) -> Vec<Described> {
        let described = |relation: eventide_local_engine::Relation| Described {
            database: relation.database,
            schema: relation.schema,
            name: relation.name,
            kind: relation.kind,
        };
        self.0.relations().into_iter().map(described).collect()
    }
}

impl Surroundings {
    /// Those of an account in the backend.
    #[must_use]
    pub fn local(backend: &Backend, account: &str) -> Self {
        let lake = Arc::new(S3::new(backend.clone(), account));
        let files = Arc::clone(&lake);
        let sample: Sample = |seed| {
            let tables = human_resources(seed)?;
            Ok(tables.into_iter().map(|(name, file)| (name.to_owned(), file)).collect())
        };
        Self {
            outside: Arc::new(Services::new(backend.clone(), account)),
            lake,
            engines: Arc::new(move || {
                let lake = Arc::clone(&files) as Arc<dyn Lake>;
                Arc::new(Warehouse(eventide_local_engine::Warehouse::new(lake)))
            }),
            sample,
        }
    }
}
