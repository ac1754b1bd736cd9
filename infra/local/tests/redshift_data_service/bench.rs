//! The Redshift Data stand-in without gateway, over an engine that understands a handful of words.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use eventide_local::redshift_data::{
    Buckets, Described, Engine, External, Outside, Progress, RedshiftData, Sql, Surroundings,
};
use eventide_local::service::{Call, Caller, Clock, Delivery, Events, Reply, Service};
use eventide_local_engine::{Column, Lake, Outcome, ResultSet, Session, SqlError, Value as Field};
use eventide_testing::eventually;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "111122223333";
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// Understands `rows N`, `text N` (one row of that many bytes), `done`, `fail`, `hang`, and `show :name`.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) ran: Mutex<Vec<(Session, String)>>,
    pub(crate) dropped: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Rows(Vec<Column>, Vec<Vec<Field>>);

impl ResultSet for Rows {
    fn columns(&self) -> &[Column] {
        &self.0
    }

    fn row_count(&self) -> u64 {
        self.1.len() as u64
    }

    fn size(&self) -> u64 {
        let size = |field: &Field| if let Field::Text(text) = field { text.len() as u64 } else { 8 };
        self.1.iter().flatten().map(size).sum()
    }

    fn rows(&self, start: u64, count: usize) -> Vec<Vec<Field>> {
        self.1.iter().skip(start as usize).take(count).cloned().collect()
    }
}

fn result(columns: &[(&str, &str)], rows: Vec<Vec<Field>>) -> Outcome {
    let column = |(name, kind): &(&str, &str)| Column {
        name: (*name).into(),
        type_name: (*kind).into(),
        nullable: true,
        precision: 0,
        scale: 2,
        schema_name: String::new(),
        table_name: String::new(),
    };
    Outcome {
        rows: rows.len() as i64,
        result: Some(Arc::new(Rows(columns.iter().map(column).collect(), rows))),
    }
}

impl Words {
    async fn one(&self, session: &Session, sql: &Sql) -> Result<Outcome, SqlError> {
        lock(&self.ran).push((session.clone(), sql.text.clone()));
        let (word, rest) = sql.text.split_once(' ').unwrap_or((&sql.text, ""));
        let number: i64 = rest.parse().unwrap_or_default();
        match word {
            "rows" => {
                let columns = [("id", "int8"), ("a name", "varchar"), ("paid", "numeric"), ("left", "bool")];
                let row = |n: i64| {
                    let name = if n == 1 { Field::Null } else { Field::Text(format!("no. {n}, \"x\"")) };
                    vec![Field::Long(n), name, Field::Text(format!("{n}.50")), Field::Boolean(n % 2 == 0)]
                };
                Ok(result(&columns, (0..number).map(row).collect()))
            }
            "text" => {
                Ok(result(&[("text", "varchar")], vec![vec![Field::Text("x".repeat(number as usize))]]))
            }
            "show" => {
                let value = sql.parameters.iter().map(|(name, value)| Field::Text(format!("{name}={value}")));
                Ok(result(&[("value", "varchar")], vec![value.collect()]))
            }
            "done" => Ok(Outcome { result: None, rows: 3 }),
            "hang" => {
                let _guard = Dropped(Arc::clone(&self.dropped));
                std::future::pending().await
            }
            _ => Err(SqlError(format!("ERROR: syntax error at or near \"{word}\""))),
        }
    }
}

struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Engine for Words {
    fn run<'a>(
        &'a self,
        session: &'a Session,
        statements: &'a [Sql],
        transaction: bool,
        progress: Progress,
    ) -> BoxFuture<'a, Vec<Result<Outcome, SqlError>>> {
        async move {
            let mut findings = Vec::new();
            for (index, sql) in statements.iter().enumerate() {
                progress(index, None);
                let finding = self.one(session, sql).await;
                progress(index, Some(finding.is_ok()));
                let stop = transaction && finding.is_err();
                findings.push(finding);
                if stop {
                    break;
                }
            }
            findings
        }
        .boxed()
    }

    fn register(&self, table: &External) -> Result<(), String> {
        if table.location.starts_with("s3://") { Ok(()) } else { Err("no location".into()) }
    }

    fn relations(&self) -> Vec<Described> {
        let relation = |schema: &str, name: &str| Described {
            database: "dev".into(),
            schema: schema.into(),
            name: name.into(),
            kind: "TABLE".into(),
        };
        vec![relation("sales", "orders"), relation("people", "employee"), relation("people", "shift")]
    }
}

/// Knows one function and one secret.
#[derive(Debug)]
struct Beside;

impl Outside for Beside {
    fn role_of<'a>(&'a self, app_id: &'a str, _: &'a str) -> BoxFuture<'a, Option<String>> {
        let role = (app_id == "mart-query").then(|| format!("arn:aws:iam::{ACCOUNT}:role/marts"));
        async move { role }.boxed()
    }

    fn secret<'a>(&'a self, id: &'a str, _: &'a str) -> BoxFuture<'a, Result<String, String>> {
        let text = match id {
            "good" => Ok(json!({ "username": "analyst", "password": "x" }).to_string()),
            "empty" => Ok(json!({ "username": "analyst" }).to_string()),
            "other" => {
                Ok(json!({ "username": "a", "password": "x", "dbClusterIdentifier": "other" }).to_string())
            }
            _ => Err("no such secret".to_owned()),
        };
        async move { text }.boxed()
    }
}

#[derive(Debug)]
struct NoLake;

impl Lake for NoLake {
    fn list(&self, _: &str, _: &str) -> BoxFuture<'_, Result<Vec<(String, u64)>, String>> {
        async { Ok(Vec::new()) }.boxed()
    }
    fn get(&self, _: &str, _: &str) -> BoxFuture<'_, Result<Bytes, String>> {
        async { Err("empty".to_owned()) }.boxed()
    }
    fn put(&self, _: &str, _: &str, _: Bytes) -> BoxFuture<'_, Result<(), String>> {
        async { Ok(()) }.boxed()
    }
    fn delete(&self, _: &str, _: &str) -> BoxFuture<'_, Result<(), String>> {
        async { Ok(()) }.boxed()
    }
}

impl Buckets for NoLake {
    fn create(&self, _: &str) -> BoxFuture<'_, Result<(), String>> {
        async { Ok(()) }.boxed()
    }
}

/// Remembers events.
#[derive(Debug, Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<Value>>);

impl Events for Heard {
    fn emit(&self, event: Value, _: &str) -> BoxFuture<'_, Result<Vec<Delivery>, String>> {
        lock(&self.0).push(event);
        async { Ok(Vec::new()) }.boxed()
    }
}

/// The stand-in with what is around it.
pub(crate) struct Bench {
    pub(crate) clock: Clock,
    pub(crate) heard: Arc<Heard>,
    pub(crate) words: Arc<Words>,
    pub(crate) service: RedshiftData,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (clock, heard, words) =
            (Clock::default(), Arc::new(Heard::default()), Arc::new(Words::default()));
        let engine = Arc::clone(&words);
        let around = Surroundings {
            outside: Arc::new(Beside),
            lake: Arc::new(NoLake),
            engines: Arc::new(move || Arc::clone(&engine) as Arc<dyn Engine>),
            sample: |seed| Ok(vec![("shift".into(), Bytes::from(seed.to_string()))]),
        };
        let events = Arc::clone(&heard) as Arc<dyn Events>;
        let service = RedshiftData::new(ACCOUNT, clock.clone(), events, around);
        Self { clock, heard, words, service }
    }

    /// Calls an operation as a role's session, such as `marts/one`; the status and the body with the error's
    /// code.
    pub(crate) async fn call_as(&self, role: &str, operation: &str, body: Value) -> (u16, Value) {
        let caller = Caller {
            app_id: None,
            access_key: Some("ASIA1".into()),
            role_arn: Some(format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}")),
        };
        self.call_by(caller, operation, body).await
    }

    pub(crate) async fn call_by(&self, caller: Caller, operation: &str, body: Value) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        headers.extend(
            HeaderValue::from_str(&format!("RedshiftData.{operation}")).map(|target| (TARGET, target)),
        );
        let call = Call {
            service: "redshift-data".into(),
            region: "us-east-1".into(),
            account: ACCOUNT.into(),
            caller,
            method: Method::POST,
            path: "/".into(),
            query: Vec::new(),
            headers,
            body: Bytes::from(body.to_string()),
        };
        read(&self.service.handle(call).await)
    }

    pub(crate) async fn call(&self, operation: &str, body: Value) -> (u16, Value) {
        self.call_as("marts/one", operation, body).await
    }

    /// An operation that must succeed.
    pub(crate) async fn ok(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.call(operation, body.clone()).await;
        assert_eq!(status, 200, "{operation} {body}: {answer}");
        answer
    }

    /// An operation that must be refused; the code and the message.
    pub(crate) async fn refused(&self, operation: &str, body: Value) -> (String, String) {
        let (status, answer) = self.call(operation, body.clone()).await;
        assert_eq!(status, 400, "{operation} {body}: {answer}");
        (text(&answer, "/code"), text(&answer, "/Message"))
    }

    /// Submits a statement in the workgroup, with further members.
    pub(crate) async fn submit(&self, sql: &str, more: Value) -> String {
        text(&self.ok("ExecuteStatement", request(json!({ "Sql": sql }), more)).await, "/Id")
    }

    pub(crate) async fn batch(&self, sqls: &[&str], more: Value) -> String {
        text(&self.ok("BatchExecuteStatement", request(json!({ "Sqls": sqls }), more)).await, "/Id")
    }

    /// What is said of a statement once it has ended.
    pub(crate) async fn ended(&self, id: &str) -> Result<Value, String> {
        eventually("the statement has ended", WAIT, || async {
            let described = self.ok("DescribeStatement", json!({ "Id": id })).await;
            let status = text(&described, "/Status");
            ["FINISHED", "FAILED", "ABORTED"].contains(&status.as_str()).then_some(described)
        })
        .await
    }

    /// Waits until a statement has that status.
    pub(crate) async fn reaches(&self, id: &str, status: &str) -> Result<(), String> {
        eventually(status, WAIT, || async {
            let described = self.ok("DescribeStatement", json!({ "Id": id })).await;
            (text(&described, "/Status") == status).then_some(())
        })
        .await
    }

    /// All pages of a result: their answers.
    pub(crate) async fn pages(&self, operation: &str, id: &str) -> Vec<Value> {
        let mut pages = Vec::new();
        let mut body = json!({ "Id": id });
        loop {
            let page = self.ok(operation, body.clone()).await;
            let token = page.get("NextToken").cloned();
            pages.push(page);
            match token {
                Some(token) => put(&mut body, "NextToken", token),
                None => return pages,
            }
        }
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        read(&self.service.control(method, path.into(), body).await)
    }

    pub(crate) async fn set(&self, settings: Value) {
        let (status, answer) = self.control(Method::POST, "settings", settings).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub(crate) async fn plan(&self, plan: Value) {
        let (status, answer) = self.control(Method::POST, "plans", plan).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// The states of the events so far, once there are that many.
    pub(crate) async fn heard(&self, count: usize) -> Result<Vec<Value>, String> {
        eventually("events", WAIT, || async {
            let heard = lock(&self.heard.0);
            (heard.len() >= count).then(|| heard.clone())
        })
        .await
    }
}

fn request(mut body: Value, more: Value) -> Value {
    if more.get("SessionId").is_none() {
        put(&mut body, "Database", json!("dev"));
        if more.get("ClusterIdentifier").is_none() {
            put(&mut body, "WorkgroupName", json!("eventide"));
        }
    }
    with(body, &more)
}

/// A body with further members.
pub(crate) fn with(mut body: Value, more: &Value) -> Value {
    for (member, value) in more.as_object().into_iter().flatten() {
        put(&mut body, member, value.clone());
    }
    body
}

fn put(body: &mut Value, member: &str, value: Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert(member.to_owned(), value);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(reply: &Reply) -> (u16, Value) {
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if let Some((_, code)) = reply.headers.iter().find(|(name, _)| name == "x-amzn-errortype") {
        put(&mut body, "code", json!(code));
    }
    (reply.status, body)
}

pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
