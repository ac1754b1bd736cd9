//! The service as its callers see it: calls in, answers, messages and events out.

use bytes::Bytes;
use serde_json::json;
use time::Duration;

use super::*;
use crate::messages::recorder::Recorder;
use crate::service::Caller;

const BUS: &str = "arn:aws:events:us-east-1:111122223333:event-bus/default";

struct Bench {
    email: Email,
    messages: Messages,
    events: Arc<Recorder>,
    clock: Clock,
}

/// An SES with a configuration set `all` whose destination asks for every event, without a limit to the rate.
async fn bench() -> Bench {
    let (events, clock, messages) = (Arc::new(Recorder::default()), Clock::default(), Messages::default());
    let email =
        Email::new("111122223333", "http://local", clock.clone(), messages.clone(), Arc::clone(&events) as _);
    let bench = Bench { email, messages, events, clock };
    bench.post("configuration-sets", json!({ "ConfigurationSetName": "all" })).await;
    let types = [
        "SEND",
        "REJECT",
        "BOUNCE",
        "COMPLAINT",
        "DELIVERY",
        "OPEN",
        "CLICK",
        "DELIVERY_DELAY",
        "SUBSCRIPTION",
    ];
    bench.destination("all", "bus", &types).await;
    bench.set(json!({ "maxSendRate": 1e6 })).await;
    bench
}

impl Bench {
    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value, String) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let reply = self
            .email
            .handle(Call {
                service: "ses".into(),
                region: "us-east-1".into(),
                account: "111122223333".into(),
                caller: Caller { app_id: Some("campaign-send".into()), ..Caller::default() },
                method: method.parse().unwrap(),
                path: format!("/v2/email/{path}"),
                query: crate::gateway::query_pairs(query),
                headers: Default::default(),
                body: if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) },
            })
            .await;
        let kind = reply.headers.iter().find(|(name, _)| name == "x-amzn-errortype");
        let kind = kind.map(|(_, value)| value.clone()).unwrap_or_default();
        (reply.status, serde_json::from_slice(&reply.body).unwrap(), kind)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer, kind) = self.call("POST", path, body).await;
        assert_eq!(status, 200, "{kind} {answer}");
        answer
    }

    async fn destination(&self, set: &str, name: &str, types: &[&str]) {
        let definition = json!({
            "Enabled": true, "MatchingEventTypes": types, "EventBridgeDestination": { "EventBusArn": BUS },
        });
        let body = json!({ "EventDestinationName": name, "EventDestination": definition });
        self.post(&format!("configuration-sets/{set}/event-destinations"), body).await;
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.email.control(method.parse().unwrap(), path.into(), body).await;
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(reply.status < 300, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or(Value::String(body))
    }

    async fn set(&self, settings: Value) {
        self.control("POST", "settings", settings).await;
    }

    async fn send(&self, changes: Value) -> Value {
        self.post("outbound-emails", letter(changes)).await["MessageId"].clone()
    }

    /// Status and code of a refusal.
    async fn refused(&self, changes: Value) -> (u16, String, String) {
        let (status, answer, kind) = self.call("POST", "outbound-emails", letter(changes)).await;
        (status, kind, answer["message"].as_str().unwrap_or_default().to_owned())
    }

    /// The events since the last look, once none is on its way.
    async fn events(&self) -> Vec<Value> {
        while self.control("GET", "events", Value::Null).await["waiting"] != 0 {
            tokio::task::yield_now().await;
        }
        self.events.take()
    }

    async fn event_types(&self) -> Vec<String> {
        let events = self.events().await;
        events.iter().map(|event| event["detail"]["eventType"].as_str().unwrap().to_owned()).collect()
    }

    fn all(&self) -> Vec<Value> {
        let answer = self.messages.answer(&[], false).unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["messages"].as_array().unwrap().clone()
    }
}

fn letter(changes: Value) -> Value {
    let mut letter = json!({
        "FromEmailAddress": "Shop <shop@example.com>",
        "Destination": { "ToAddresses": ["ann@customer.test"] },
        "Content": { "Simple": {
            "Subject": { "Data": "A sale" },
            "Body": { "Text": { "Data": "text" }, "Html": { "Data": "<p>html</p>" } },
        } },
        "ConfigurationSetName": "all",
    });
    letter.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    letter
}

fn to(address: &str) -> Value {
    json!({ "Destination": { "ToAddresses": [address] } })
}

fn simple(changes: Value) -> Value {
    let mut simple = json!({ "Subject": { "Data": "s" }, "Body": { "Text": { "Data": "t" } } });
    simple.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({ "Content": { "Simple": simple } })
}

mod lists;
mod sending;
