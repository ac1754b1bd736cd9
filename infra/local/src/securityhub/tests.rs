//! The service as its callers see it: calls in, answers and events out.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::json;
use time::Duration;

use super::*;
use crate::service::{Caller, Delivery};

/// Records events instead of delivering them.
#[derive(Default)]
struct Recorder(Mutex<Vec<Value>>);

impl Events for Recorder {
    fn emit(&self, event: Value, region: &str) -> BoxFuture<'_, Result<Vec<Delivery>, String>> {
        assert_eq!(event["region"], region);
        self.0.lock().unwrap().push(event);
        Box::pin(async { Ok(vec![Delivery { rule: "r".into(), target: "t".into(), error: None }]) })
    }
}

struct Bench {
    hub: SecurityHub,
    events: Arc<Recorder>,
    clock: Clock,
}

fn bench() -> Bench {
    let (events, clock) = (Arc::new(Recorder::default()), Clock::default());
    let hub = SecurityHub::new("111122223333", clock.clone(), events.clone(), Settings::default());
    Bench { hub, events, clock }
}

const PRODUCT: &str = "arn:aws:securityhub:us-east-1::product/aws/guardduty";

fn finding(id: &str, updated: &str) -> Value {
    json!({
        "SchemaVersion": "2018-10-08", "Id": id, "ProductArn": PRODUCT, "GeneratorId": "g",
        "AwsAccountId": "111122223333", "Types": ["TTPs"], "CreatedAt": "2026-11-20T12:00:00Z",
        "UpdatedAt": updated, "Severity": { "Label": "HIGH" }, "Title": "t", "Description": "d",
        "Resources": [{ "Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAEXAMPLE" }],
    })
}

fn identifiers(ids: &[&str]) -> Value {
    ids.iter().map(|id| json!({ "Id": id, "ProductArn": PRODUCT })).collect()
}

impl Bench {
    async fn call_in(&self, region: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let reply = self
            .hub
            .handle(Call {
                service: "securityhub".into(),
                region: region.into(),
                account: "111122223333".into(),
                caller: Caller::default(),
                method: method.parse().unwrap(),
                path: path.into(),
                query: query
                    .split_once('=')
                    .map(|(key, value)| (key.into(), value.into()))
                    .into_iter()
                    .collect(),
                headers: Default::default(),
                body: if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) },
            })
            .await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.call_in("us-east-1", method, path, body).await
    }

    async fn import(&self, findings: Value) -> Value {
        let (status, answer) = self.call("POST", "/findings/import", json!({ "Findings": findings })).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn update(&self, ids: &[&str], mut fields: Value) -> Value {
        fields["FindingIdentifiers"] = identifiers(ids);
        let (status, answer) = self.call("PATCH", "/findings/batchupdate", fields).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn get(&self, id: &str) -> Value {
        let filters = json!({ "Filters": { "Id": [{ "Comparison": "EQUALS", "Value": id }] } });
        let (status, mut answer) = self.call("POST", "/findings", filters).await;
        assert_eq!(status, 200, "{answer}");
        answer["Findings"][0].take()
    }

    async fn control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let reply = self.hub.control(method, path.into(), body).await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    /// The events sent since the last look; waits until none is on its way.
    async fn events(&self) -> Vec<Value> {
        loop {
            let (_, list) = self.control(Method::GET, "events", Value::Null).await;
            if list["events"].as_array().unwrap().iter().all(|sent| sent.get("pending").is_none()) {
                return std::mem::take(&mut *self.events.0.lock().unwrap());
            }
            tokio::task::yield_now().await;
        }
    }
}

mod control;
mod findings;
