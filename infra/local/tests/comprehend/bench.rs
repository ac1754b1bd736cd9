//! The Comprehend stand-in without gateway, over buckets in memory.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use eventide_local::comprehend::Comprehend;
use eventide_local::service::{Call, Caller, Clock, Reply, Service};
use eventide_local_engine::Lake;
use eventide_testing::eventually;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/eventide/comprehend";
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
pub(crate) const WAIT: Duration = Duration::from_secs(20);

/// Objects by bucket and key, and every write in its order. Nothing can be written to the bucket `closed`.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    objects: Mutex<BTreeMap<(String, String), Bytes>>,
    writes: Mutex<Vec<String>>,
}

impl Buckets {
    pub(crate) fn keys(&self) -> Vec<String> {
        lock(&self.writes).clone()
    }
}

impl Lake for Buckets {
    fn list(&self, bucket: &str, prefix: &str) -> BoxFuture<'_, Result<Vec<(String, u64)>, String>> {
        let objects = lock(&self.objects);
        let found = objects.iter().filter(|((of, key), _)| of == bucket && key.starts_with(prefix));
        let found = found.map(|((_, key), body)| (key.clone(), body.len() as u64)).collect();
        async move { Ok(found) }.boxed()
    }

    fn get(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<Bytes, String>> {
        let found = lock(&self.objects).get(&(bucket.to_owned(), key.to_owned())).cloned();
        async move { found.ok_or_else(|| "S3: 404 NoSuchKey".to_owned()) }.boxed()
    }

    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'_, Result<(), String>> {
        if bucket == "closed" {
            return async { Err("S3: 403 AccessDenied".to_owned()) }.boxed();
        }
        lock(&self.writes).push(key.to_owned());
        lock(&self.objects).insert((bucket.to_owned(), key.to_owned()), body);
        async { Ok(()) }.boxed()
    }

    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<(), String>> {
        lock(&self.objects).remove(&(bucket.to_owned(), key.to_owned()));
        async { Ok(()) }.boxed()
    }
}

/// The stand-in with what is around it.
pub(crate) struct Bench {
    pub(crate) clock: Clock,
    pub(crate) buckets: Arc<Buckets>,
    pub(crate) service: Comprehend,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (clock, buckets) = (Clock::default(), Arc::new(Buckets::default()));
        let lake = Arc::clone(&buckets) as Arc<dyn Lake>;
        let service = Comprehend::new(ACCOUNT, clock.clone(), lake);
        Self { clock, buckets, service }
    }

    /// One with a classifier that is trained; its ARN.
    pub(crate) async fn trained() -> Result<(Self, String), String> {
        let bench = Self::new();
        bench.put("train.csv", &training(60)).await;
        let arn = bench.create(json!({})).await;
        bench.classifier(&arn, "TRAINED").await?;
        Ok((bench, arn))
    }

    pub(crate) async fn put(&self, key: &str, body: &str) {
        assert!(self.buckets.put("data", key, Bytes::from(body.to_owned())).await.is_ok());
        lock(&self.buckets.writes).clear();
    }

    /// The only file in an archive, by its S3 URI.
    pub(crate) async fn unpacked(&self, uri: &str) -> Result<(String, String), String> {
        let key = uri.strip_prefix("s3://data/").ok_or_else(|| uri.to_owned())?;
        unpack(&self.buckets.get("data", key).await?)
    }

    pub(crate) async fn call(&self, operation: &str, body: Value) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        let target = HeaderValue::from_str(&format!("Comprehend_20171127.{operation}"));
        headers.extend(target.map(|target| (TARGET, target)));
        let call = Call {
            service: "comprehend".into(),
            region: "us-east-1".into(),
            account: ACCOUNT.into(),
            caller: Caller { app_id: Some("campaign-screen".into()), ..Caller::default() },
            method: Method::POST,
            path: "/".into(),
            query: Vec::new(),
            headers,
            body: Bytes::from(body.to_string()),
        };
        read(&self.service.handle(call).await)
    }

    /// An operation that must succeed.
    pub(crate) async fn ok(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.call(operation, body.clone()).await;
        assert_eq!(status, 200, "{operation} {body}: {answer}");
        answer
    }

    /// An operation that must be refused; the code.
    pub(crate) async fn refused(&self, operation: &str, body: Value) -> String {
        let (status, answer) = self.call(operation, body.clone()).await;
        assert!(status >= 400, "{operation} {body}: {answer}");
        assert!(!text(&answer, "/Message").is_empty(), "{answer}");
        text(&answer, "/code")
    }

    /// Creates a classifier from `train.csv`, with further members; its ARN.
    pub(crate) async fn create(&self, more: Value) -> String {
        let answer = self.ok("CreateDocumentClassifier", with(classifier(), &more)).await;
        text(&answer, "/DocumentClassifierArn")
    }

    /// What is said of a classifier once it has that status.
    pub(crate) async fn classifier(&self, arn: &str, status: &str) -> Result<Value, String> {
        eventually(status, WAIT, || async {
            let body = json!({ "DocumentClassifierArn": arn });
            let answer = self.ok("DescribeDocumentClassifier", body).await;
            let described = answer.pointer("/DocumentClassifierProperties")?.clone();
            (text(&described, "/Status") == status).then_some(described)
        })
        .await
    }

    /// Starts a job over `in/`, with further members; its id.
    pub(crate) async fn start(&self, classifier: &str, more: Value) -> String {
        text(&self.ok("StartDocumentClassificationJob", with(job(classifier), &more)).await, "/JobId")
    }

    /// What is said of a job once it has that status.
    pub(crate) async fn job(&self, id: &str, status: &str) -> Result<Value, String> {
        eventually(status, WAIT, || async {
            let answer = self.ok("DescribeDocumentClassificationJob", json!({ "JobId": id })).await;
            let described = answer.pointer("/DocumentClassificationJobProperties")?.clone();
            (text(&described, "/JobStatus") == status).then_some(described)
        })
        .await
    }

    /// The lines of a completed job's output.
    pub(crate) async fn output(&self, id: &str) -> Result<Vec<Value>, String> {
        let described = self.job(id, "COMPLETED").await?;
        let (_, lines) = self.unpacked(&text(&described, "/OutputDataConfig/S3Uri")).await?;
        lines.lines().map(|line| serde_json::from_str(line).map_err(|error| error.to_string())).collect()
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
}

/// Labelled rows of three classes, so many of each.
pub(crate) fn training(count: usize) -> String {
    let classes = [
        ("gambling", ["spin the roulette wheel", "place your bets", "poker night", "free slots", "jackpot"]),
        ("alcohol", ["craft beer festival", "wine tasting", "whisky sale", "cocktail hour", "cheap vodka"]),
        ("compliant", ["your order shipped", "library card", "dentist visit", "school fair", "yoga class"]),
    ];
    let mut rows = String::new();
    for number in 0..count {
        for (class, phrases) in classes {
            let phrase = |place: usize| phrases.get(place % 5).copied().unwrap_or_default();
            let (one, other) = (phrase(number), phrase(number / 5 + 1));
            rows.push_str(&format!("{class},\"Dear member {number}, {one} and {other}\"\n"));
        }
    }
    rows
}

/// A request for a classifier.
pub(crate) fn classifier() -> Value {
    json!({
        "DocumentClassifierName": "screen", "VersionName": "v1", "LanguageCode": "en",
        "DataAccessRoleArn": ROLE, "InputDataConfig": { "S3Uri": "s3://data/train.csv" },
    })
}

/// A request for a job.
pub(crate) fn job(classifier: &str) -> Value {
    json!({
        "DocumentClassifierArn": classifier, "DataAccessRoleArn": ROLE,
        "InputDataConfig": { "S3Uri": "s3://data/in/", "InputFormat": "ONE_DOC_PER_LINE" },
        "OutputDataConfig": { "S3Uri": "s3://data/out/" },
    })
}

/// A body with further members.
pub(crate) fn with(mut body: Value, more: &Value) -> Value {
    for (member, value) in more.as_object().into_iter().flatten() {
        put(&mut body, member, value.clone());
    }
    body
}

/// The name and the content of an archive's only file.
pub(crate) fn unpack(packed: &[u8]) -> Result<(String, String), String> {
    let wrong = |error: std::io::Error| error.to_string();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut entries = archive.entries().map_err(wrong)?;
    let mut entry = entries.next().ok_or("an empty archive")?.map_err(wrong)?;
    let mut content = String::new();
    entry.read_to_string(&mut content).map_err(wrong)?;
    let name = entry.path().map_err(wrong)?.display().to_string();
    assert!(entries.next().is_none());
    Ok((name, content))
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
