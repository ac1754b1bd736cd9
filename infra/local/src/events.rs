//! The default event bus for events that AWS services send. PutEvents refuses their sources, on AWS as in
//! MiniStack, so the rules are asked one by one (ListRules, TestEventPattern, ListTargetsByRule) and their
//! targets called as EventBridge calls them. The patterns are judged by code that is not ours.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::faults::{Decision, Effect};
use crate::gateway::{Backend, Facts, Gateway, Inbound, Outcome};
use crate::service::{Delivery, Events};

/// EventBridge retries for 24 hours; here every failure that lasts shows within a second.
const MOST_RETRIES: u64 = 3;
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// The default event bus of every Region.
#[derive(Debug)]
pub struct Bus {
    backend: Backend,
    account: String,
    gateway: OnceLock<Weak<Gateway>>,
}

impl Bus {
    /// A bus whose rules are in the backend.
    #[must_use]
    pub fn new(backend: Backend, account: &str) -> Self {
        Self { backend, account: account.to_owned(), gateway: OnceLock::new() }
    }

    /// Names the gateway that targets are called through, so that deliveries stand in the journal and meet
    /// the fault rules. Until then nothing is delivered.
    pub fn connect(&self, gateway: &Arc<Gateway>) {
        let _ = self.gateway.set(Arc::downgrade(gateway));
    }

    async fn deliver_to_all(&self, event: Value, region: &str) -> Result<Vec<Delivery>, String> {
        let gateway = self.gateway.get().and_then(Weak::upgrade).ok_or("the event bus is not connected")?;
        let mut deliveries = Vec::new();
        for rule in self.matching_rules(&event, region).await? {
            let request = json!({ "Rule": text(&rule, "Name") });
            let targets = self.all("ListTargetsByRule", "Targets", request, region).await?;
            for target in targets {
                let attempt = Attempt {
                    gateway: Arc::clone(&gateway),
                    backend: self.backend.clone(),
                    account: self.account.clone(),
                    region: region.to_owned(),
                    rule: rule.clone(),
                    target,
                    event: event.clone(),
                };
                attempt.refuse_what_is_not_covered()?;
                deliveries.push(Delivery {
                    rule: text(&attempt.rule, "Name").to_owned(),
                    target: text(&attempt.target, "Arn").to_owned(),
                    error: attempt.deliver().await,
                });
            }
        }
        Ok(deliveries)
    }

    async fn matching_rules(&self, event: &Value, region: &str) -> Result<Vec<Value>, String> {
        let mut matching = Vec::new();
        for rule in self.all("ListRules", "Rules", json!({}), region).await? {
            let pattern = text(&rule, "EventPattern");
            if text(&rule, "State") != "ENABLED" || pattern.is_empty() {
                continue;
            }
            let test = json!({ "EventPattern": pattern, "Event": event.to_string() });
            let answer = self.events("TestEventPattern", &test, region).await?;
            if answer.get("Result") == Some(&Value::Bool(true)) {
                matching.push(rule);
            }
        }
        Ok(matching)
    }

    async fn all(
        &self,
        operation: &str,
        member: &str,
        mut request: Value,
        region: &str,
    ) -> Result<Vec<Value>, String> {
        let mut found = Vec::new();
        loop {
            let mut page = self.events(operation, &request, region).await?;
            if let Some(Value::Array(items)) = page.get_mut(member).map(Value::take) {
                found.extend(items);
            }
            match (page.get("NextToken").filter(|token| !token.is_null()), request.as_object_mut()) {
                (Some(token), Some(request)) => request.insert("NextToken".into(), token.clone()),
                _ => return Ok(found),
            };
        }
    }

    async fn events(&self, operation: &str, request: &Value, region: &str) -> Result<Value, String> {
        let target = format!("AWSEvents.{operation}");
        self.backend.json("events", region, &self.account, &target, request).await
    }
}

impl Events for Bus {
    fn emit(&self, event: Value, region: &str) -> BoxFuture<'_, Result<Vec<Delivery>, String>> {
        let region = region.to_owned();
        async move { self.deliver_to_all(event, &region).await }.boxed()
    }
}

/// One event on its way to one target of one rule.
struct Attempt {
    gateway: Arc<Gateway>,
    backend: Backend,
    account: String,
    region: String,
    rule: Value,
    target: Value,
    event: Value,
}

impl Attempt {
    fn refuse_what_is_not_covered(&self) -> Result<(), String> {
        let rule = text(&self.rule, "Name");
        for member in ["Input", "InputPath", "InputTransformer"] {
            if self.target.get(member).is_some_and(|value| !value.is_null()) {
                return Err(format!("rule `{rule}` uses `{member}`, which the local cloud does not cover"));
            }
        }
        Ok(())
    }

    /// Delivers, with EventBridge's retries and dead-letter queue; why it failed, if it did. A delivery
    /// that a fault rule holds back goes on by itself.
    async fn deliver(self) -> Option<String> {
        let (inbound, facts, decision) = match self.prepare().await {
            Ok(prepared) => prepared,
            Err(error) => return Some(self.give_up(error).await),
        };
        if matches!(decision.effect, Some((Effect::Hold { .. }, _))) {
            tokio::spawn(async move { self.send(inbound, facts, decision).await });
            return None;
        }
        self.send(inbound, facts, decision).await
    }

    async fn send(self, inbound: Inbound, facts: Facts, mut decision: Decision) -> Option<String> {
        let wanted = self.target.pointer("/RetryPolicy/MaximumRetryAttempts").and_then(Value::as_u64);
        let retries = wanted.unwrap_or(MOST_RETRIES).min(MOST_RETRIES);
        let mut delay = FIRST_DELAY;
        for retry in 0.. {
            let outcome = self.gateway.perform(inbound.clone(), facts.clone(), decision).await;
            let (error, lasting) = match outcome {
                Outcome::Closed => ("the connection was closed".to_owned(), false),
                Outcome::Answer(response) => {
                    let status = response.status();
                    if status.is_success() {
                        return None;
                    }
                    let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
                    let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
                    (format!("{status}: {text}"), status.is_client_error() && status.as_u16() != 429)
                }
            };
            if lasting || retry == retries {
                return Some(self.give_up(error).await);
            }
            tokio::time::sleep(delay).await;
            delay *= 2;
            decision = self.gateway.faults.decide(&facts, &inbound.body);
        }
        None
    }

    async fn prepare(&self) -> Result<(Inbound, Facts, Decision), String> {
        let arn = text(&self.target, "Arn");
        let inbound = match arn.split(':').nth(2) {
            Some("lambda") => {
                self.check_permission(arn).await?;
                let path = format!("/2015-03-31/functions/{arn}/invocations");
                let mut inbound = self.request("lambda", Method::POST, &path, &self.event)?;
                let kind = http::HeaderValue::from_static("Event");
                inbound.headers.insert("x-amz-invocation-type", kind);
                inbound
            }
            Some("sqs") => self.message(arn, json!({ "MessageBody": self.event.to_string() })).await?,
            _ => return Err(format!("target `{arn}`: only Lambda and SQS are covered")),
        };
        let facts = self.gateway.identify(&inbound);
        let decision = self.gateway.faults.decide(&facts, &inbound.body);
        Ok((inbound, facts, decision))
    }

    /// As on AWS, a function whose policy does not let EventBridge invoke it is not invoked.
    async fn check_permission(&self, function: &str) -> Result<(), String> {
        let path = format!("/2015-03-31/functions/{function}/policy");
        let request = self.request("lambda", Method::GET, &path, &json!({}))?;
        let refusal = || format!("no permission for EventBridge to invoke `{function}`");
        let answer = self.backend.value("GetPolicy", &request).await.map_err(|_| refusal())?;
        let policy: Value = serde_json::from_str(text(&answer, "Policy")).unwrap_or_default();
        let statements = policy.get("Statement").and_then(Value::as_array).into_iter().flatten();
        let rule = text(&self.rule, "Arn");
        let granted = statements.into_iter().any(|statement| grants(statement, rule));
        if granted { Ok(()) } else { Err(refusal()) }
    }

    async fn give_up(&self, error: String) -> String {
        let Some(queue) = self.target.pointer("/DeadLetterConfig/Arn").and_then(Value::as_str) else {
            return error;
        };
        let attribute = |value: &str| json!({ "DataType": "String", "StringValue": value });
        let message = json!({
            "MessageBody": self.event.to_string(),
            "MessageAttributes": {
                "ERROR_CODE": attribute("SDK_CLIENT_ERROR"),
                "ERROR_MESSAGE": attribute(&error),
                "RULE_ARN": attribute(text(&self.rule, "Arn")),
                "TARGET_ARN": attribute(text(&self.target, "Arn")),
            },
        });
        let sent = match self.message(queue, message).await {
            Ok(inbound) => self.backend.value("SendMessage", &inbound).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(_) => format!("{error} (sent to the dead-letter queue)"),
            Err(failed) => format!("{error} (and the dead-letter queue: {failed})"),
        }
    }

    async fn message(&self, queue: &str, mut message: Value) -> Result<Inbound, String> {
        let name = queue.rsplit(':').next().unwrap_or(queue);
        let request = json!({ "QueueName": name });
        let target = "AmazonSQS.GetQueueUrl";
        let answer = self.backend.json("sqs", &self.region, &self.account, target, &request).await?;
        if let Some(members) = message.as_object_mut() {
            members.insert("QueueUrl".into(), text(&answer, "QueueUrl").into());
        }
        let mut inbound = self.request("sqs", Method::POST, "/", &message)?;
        let target = http::HeaderValue::from_static("AmazonSQS.SendMessage");
        inbound.headers.insert("x-amz-target", target);
        Ok(inbound)
    }

    fn request(&self, service: &str, method: Method, path: &str, body: &Value) -> Result<Inbound, String> {
        crate::gateway::internal(service, &self.region, &self.account, method, path, body)
    }
}

fn grants(statement: &Value, rule: &str) -> bool {
    let service = statement.pointer("/Principal/Service").and_then(Value::as_str);
    let sources = ["ArnLike", "ArnEquals", "StringEquals", "StringLike"].iter().filter_map(|operator| {
        let condition = statement.get("Condition")?.get(operator)?;
        condition.get("AWS:SourceArn").or_else(|| condition.get("aws:SourceArn"))?.as_str()
    });
    text(statement, "Effect") == "Allow"
        && service == Some("events.amazonaws.com")
        && sources.into_iter().all(|source| match source.strip_suffix('*') {
            Some(prefix) => rule.starts_with(prefix),
            None => rule == source,
        })
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_is_for_events_and_for_the_rule() {
        let statement = |effect: &str, service: &str, condition: Value| json!({ "Effect": effect, "Principal": { "Service": service }, "Condition": condition });
        let events = "events.amazonaws.com";
        let source = |arn: &str| json!({ "ArnLike": { "AWS:SourceArn": arn } });
        let cases = [
            (statement("Allow", events, json!({})), true),
            (statement("Allow", events, source("arn:rule/a")), true),
            (statement("Allow", events, source("arn:rule/*")), true),
            (statement("Allow", events, source("arn:rule/b")), false),
            (statement("Allow", "s3.amazonaws.com", json!({})), false),
            (statement("Deny", events, json!({})), false),
        ];
        for (statement, expected) in cases {
            assert_eq!(grants(&statement, "arn:rule/a"), expected, "{statement}");
        }
    }
}
