//! The control API below `/_local/`. It is not part of AWS, and neither journal nor fault rules see it.

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::Duration;

use crate::cloud::Cloud;
use crate::faults::Rule;
use crate::gateway::{Inbound, percent_decode, query_pairs};
use crate::journal::Query;
use crate::service::Reply;

pub(crate) async fn answer(cloud: &Cloud, request: Inbound) -> Reply {
    let path = percent_decode(request.uri.path());
    let path = path.strip_prefix("/_local/").unwrap_or_default().trim_end_matches('/');
    let query = query_pairs(request.uri.query().unwrap_or_default());
    let result = match (request.method.as_str(), path) {
        ("GET", "health") => Ok(health(cloud)),
        ("GET", "journal") => journal(cloud, &query),
        ("DELETE", "journal") => {
            cloud.gateway.journal.clear();
            Ok(done())
        }
        ("GET", "faults") => Ok(Reply::json(200, &json!({ "rules": cloud.gateway.faults.list() }))),
        ("POST", "faults") => parse::<Rule>(&request.body)
            .map(|rule| Reply::json(200, &json!({ "id": cloud.gateway.faults.add(rule) }))),
        ("DELETE", "faults") => {
            cloud.gateway.faults.clear();
            Ok(done())
        }
        ("POST", "reset") => reset(cloud).await,
        ("GET", "clock") => Ok(clock(cloud)),
        ("POST", "clock") => advance(cloud, &request.body),
        ("GET", "messages" | "messages/page") => {
            let accept = request.headers.get(http::header::ACCEPT).and_then(|accept| accept.to_str().ok());
            let as_page = path.ends_with("page") || accept.is_some_and(|accept| accept.contains("text/html"));
            cloud.messages.answer(&query, as_page).map_err(|error| (400, error))
        }
        ("DELETE", "messages") => {
            cloud.messages.clear();
            Ok(done())
        }
        ("GET", "stacks") => Ok(Reply::json(200, &json!({ "stacks": cloud.deployer.stacks() }))),
        ("POST", "deploy") => deploy(cloud, &request.body).await,
        ("DELETE", path) if path.starts_with("stacks/") => {
            let stack = path.trim_start_matches("stacks/").to_owned();
            cloud.deployer.delete(stack).await.map(|()| done()).map_err(|error| (400, error))
        }
        (_, path) if path == "edge" || path.starts_with("edge/") => {
            edge(
                cloud,
                &request.method,
                path.trim_start_matches("edge").trim_start_matches('/'),
                &request.body,
            )
            .await
        }
        (_, path) => stand_in(cloud, &request, path).await,
    };
    result.unwrap_or_else(|(status, message)| Reply::error(status, "LocalCloudError", &message))
}

/// A status and what is wrong.
type Refusal = (u16, String);

fn health(cloud: &Cloud) -> Reply {
    let health = cloud.health();
    let ready = health.get("ready") == Some(&Value::Bool(true));
    Reply::json(if ready { 200 } else { 503 }, &health)
}

fn journal(cloud: &Cloud, parameters: &[(String, String)]) -> Result<Reply, Refusal> {
    let mut query = Query::default();
    for (name, value) in parameters {
        match name.as_str() {
            "caller" => query.caller = Some(value.clone()),
            "service" => query.service = Some(value.clone()),
            "operation" => query.operation = Some(value.clone()),
            "since" => {
                query.since =
                    value.parse().map_err(|_| (400, format!("since `{value}`, expected a number")))?;
            }
            name => {
                let expected = "expected `caller`, `service`, `operation` or `since`";
                return Err((400, format!("parameter `{name}`, {expected}")));
            }
        }
    }
    Ok(Reply::json(200, &json!({ "entries": cloud.gateway.journal.find(&query) })))
}

async fn reset(cloud: &Cloud) -> Result<Reply, Refusal> {
    cloud.clock.reset();
    cloud.gateway.reset();
    cloud.deployer.reapply().await.map_err(|error| (500, error))?;
    // The deployer's own calls.
    cloud.gateway.journal.clear();
    Ok(done())
}

fn clock(cloud: &Cloud) -> Reply {
    let now = cloud.clock.now().format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
    Reply::json(200, &json!({ "now": now, "ahead_seconds": cloud.clock.ahead().whole_seconds() }))
}

fn advance(cloud: &Cloud, body: &Bytes) -> Result<Reply, Refusal> {
    let body: Value = parse(body)?;
    let seconds = body
        .get("advance_seconds")
        .and_then(Value::as_f64)
        .filter(|seconds| seconds.abs() < 1e9)
        .ok_or_else(|| (400, format!("`{body}`, expected `{{\"advance_seconds\": NUMBER}}`")))?;
    cloud.clock.advance(Duration::seconds_f64(seconds));
    Ok(clock(cloud))
}

async fn deploy(cloud: &Cloud, body: &Bytes) -> Result<Reply, Refusal> {
    let deployed = cloud.deployer.deploy(parse(body)?).await.map_err(|error| (400, error))?;
    Ok(Reply::json(200, &json!(deployed)))
}

async fn edge(cloud: &Cloud, method: &Method, path: &str, body: &Bytes) -> Result<Reply, Refusal> {
    let body = if body.is_empty() { Value::Null } else { parse(body)? };
    Ok(cloud.edge.control(method, path, body).await)
}

async fn stand_in(cloud: &Cloud, request: &Inbound, path: &str) -> Result<Reply, Refusal> {
    let Inbound { method, headers, body, .. } = request;
    let (name, below) = path.split_once('/').unwrap_or((path, ""));
    // Those whose signing names say little.
    let name = match name {
        "email" => "ses",
        "sms" => "sms-voice",
        name => name,
    };
    let Some(service) = cloud.gateway.service(name) else {
        return Err((404, format!("no `{method} /_local/{path}`; see infra/local/README.md")));
    };
    let kind =
        headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let form =
        kind.starts_with("application/x-www-form-urlencoded") || kind.starts_with("multipart/form-data");
    let body = match body {
        body if body.is_empty() => Value::Null,
        // A link in an email that a mail client follows, or a page's button.
        body if form && below.starts_with("unsubscribe/") => String::from_utf8_lossy(body).into(),
        body => parse(body)?,
    };
    Ok(service.control(method.clone(), below.to_owned(), body).await)
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| (400, format!("body: {error}")))
}

fn done() -> Reply {
    Reply::json(200, &json!({}))
}
