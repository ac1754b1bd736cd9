//! A warehouse over a data lake in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use eventide_local_engine::{Lake, Mode, Outcome, Session, SqlError, Statement, Value, Warehouse};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// Objects by bucket and key.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<(String, String), Bytes>>);

impl Memory {
    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().map(|(bucket, key)| format!("{bucket}/{key}")).collect()
    }

    pub(crate) fn text(&self, bucket: &str, key: &str) -> String {
        let objects = self.0.lock().unwrap();
        String::from_utf8(objects[&(bucket.to_owned(), key.to_owned())].to_vec()).unwrap()
    }
}

impl Lake for Memory {
    fn list(&self, bucket: &str, prefix: &str) -> BoxFuture<'_, Result<Vec<(String, u64)>, String>> {
        let objects = self.0.lock().unwrap();
        let found = objects
            .iter()
            .filter(|((of, key), _)| of == bucket && key.starts_with(prefix))
            .map(|((_, key), body)| (key.clone(), body.len() as u64))
            .collect();
        async move { Ok(found) }.boxed()
    }

    fn get(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<Bytes, String>> {
        let found = self.0.lock().unwrap().get(&(bucket.to_owned(), key.to_owned())).cloned();
        async move { found.ok_or_else(|| "404 NoSuchKey".to_owned()) }.boxed()
    }

    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'_, Result<(), String>> {
        self.0.lock().unwrap().insert((bucket.to_owned(), key.to_owned()), body);
        async { Ok(()) }.boxed()
    }

    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<(), String>> {
        self.0.lock().unwrap().remove(&(bucket.to_owned(), key.to_owned()));
        async { Ok(()) }.boxed()
    }
}

/// A warehouse and its lake.
pub(crate) struct Place {
    pub(crate) warehouse: Warehouse,
    pub(crate) lake: Arc<Memory>,
}

pub(crate) fn place() -> Place {
    let lake = Arc::new(Memory::default());
    Place { warehouse: Warehouse::new(lake.clone()), lake }
}

pub(crate) fn admin() -> Session {
    Session { database: "dev".into(), user: "awsuser".into(), superuser: true }
}

pub(crate) fn user(name: &str) -> Session {
    Session { database: "dev".into(), user: name.into(), superuser: false }
}

pub(crate) fn statement(sql: &str) -> Statement {
    Statement { sql: sql.to_owned(), parameters: Vec::new() }
}

pub(crate) type Ran = Result<Outcome, SqlError>;

impl Place {
    pub(crate) async fn run_as(&self, session: &Session, sql: &str) -> Ran {
        self.run_with(session, sql, &[]).await
    }

    pub(crate) async fn run_with(&self, session: &Session, sql: &str, parameters: &[(&str, &str)]) -> Ran {
        let parameters =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let statements = [Statement { sql: sql.to_owned(), parameters }];
        self.warehouse.run(session, &statements, Mode::AutoCommit, &|_, _| {}).await.remove(0)
    }

    /// Runs statements that must succeed, as the administrator.
    pub(crate) async fn all(&self, statements: &[&str]) {
        for sql in statements {
            self.run_as(&admin(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    /// The rows of a query, with `|` between values, that must succeed, as the administrator.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let outcome = self.run_as(&admin(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        lines(&outcome)
    }

    pub(crate) async fn error(&self, sql: &str) -> String {
        error(self.run_as(&admin(), sql).await, sql)
    }
}

pub(crate) fn error(ran: Ran, sql: &str) -> String {
    match ran {
        Ok(outcome) => panic!("{sql}: succeeded with {:?}", outcome),
        Err(error) => error.0,
    }
}

pub(crate) fn lines(outcome: &Outcome) -> Vec<String> {
    let result = outcome.result.as_ref().expect("a result");
    let count = usize::try_from(result.row_count()).unwrap();
    result.rows(0, count).iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join("|")).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Boolean(value) => value.to_string(),
        Value::Long(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Text(value) => value.clone(),
    }
}
