//! Payload format 2.0: the event that a function gets of an HTTP API, and what becomes of its answer (API Gateway
//! Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs").

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::answer::{Answer, Request};
use crate::gateway::{percent_decode, query_pairs};
use crate::messages::ids;

/// Content types whose bodies come as text. All others, forms too, come in Base64.
const TEXT: [&str; 3] = ["application/json", "application/javascript", "application/xml"];

/// The API as its functions see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) account: &'a str,
    pub(super) api: &'a str,
    pub(super) domain: &'a str,
}

/// The event for a request, and the request's id.
pub(super) fn event(
    request: &Request,
    route: &str,
    variables: &BTreeMap<String, String>,
    seen: Seen<'_>,
) -> (Value, String) {
    let now = OffsetDateTime::now_utc();
    let time = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let id: String = ids::uuid().replace('-', "").chars().take(16).collect();
    let agent = request.headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let path = percent_decode(&request.path);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers(&request.headers),
        "requestContext": {
            "accountId": seen.account,
            "apiId": seen.api,
            "domainName": seen.domain,
            "domainPrefix": seen.domain.split('.').next(),
            "http": {
                "method": request.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.peer.ip().to_string(),
                "userAgent": agent.unwrap_or_default(),
            },
            "requestId": id,
            "routeKey": route,
            "stage": "$default",
            "time": now.format(time).unwrap_or_default(),
            "timeEpoch": ids::epoch_milliseconds(now),
        },
        "isBase64Encoded": false,
    });
    let Some(members) = event.as_object_mut() else { return (event, id) };
    let cookies: Vec<_> = values(&request.headers, &COOKIE)
        .flat_map(|value| value.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect();
    if !cookies.is_empty() {
        members.insert("cookies".into(), json!(cookies));
    }
    let query = joined(query_pairs(&request.query.replace('+', "%20")));
    if !query.is_empty() {
        members.insert("queryStringParameters".into(), json!(query));
    }
    if !variables.is_empty() {
        let decoded: BTreeMap<_, _> =
            variables.iter().map(|(name, value)| (name, percent_decode(value))).collect();
        members.insert("pathParameters".into(), json!(decoded));
    }
    if !request.body.is_empty() {
        let (body, encoded) = body(&request.headers, &request.body);
        members.insert("body".into(), json!(body));
        members.insert("isBase64Encoded".into(), json!(encoded));
    }
    (event, id)
}

/// Cookies have a member of their own.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let pairs = headers.iter().filter(|(name, _)| **name != COOKIE).map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    joined(pairs.collect())
}

/// Values of the same name are joined by commas.
fn joined(pairs: Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs {
        joined
            .entry(name)
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert(value);
    }
    joined
}

fn body(headers: &HeaderMap, body: &Bytes) -> (String, bool) {
    let kind = values(headers, &CONTENT_TYPE).next().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = kind.starts_with("text/") || TEXT.contains(&kind.as_str());
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

/// The answer that a function's response stands for; `None` is a response that API Gateway cannot read.
pub(super) fn answer(response: &[u8]) -> Option<Answer> {
    let response: Value = serde_json::from_slice(response).ok()?;
    match response.as_object().filter(|members| members.contains_key("statusCode")) {
        Some(members) => formatted(members),
        None => {
            // The body of an answer that says nothing else.
            let body = response.as_str().map_or_else(|| response.to_string(), str::to_owned);
            Some(super::answer::answer(200, "application/json", body))
        }
    }
}

fn formatted(members: &Map<String, Value>) -> Option<Answer> {
    let status = members.get("statusCode")?;
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
    let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    let body = match members.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if members.get("isBase64Encoded") == Some(&Value::Bool(true)) => {
            STANDARD.decode(text).ok()?.into()
        }
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(_) => return None,
    };
    let mut answer = super::answer::answer(status.as_u16(), "text/plain;charset=UTF-8", body);
    let headers = members.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (name, value) = (HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        answer.headers_mut().insert(name, value);
    }
    for cookie in members.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        answer.headers_mut().append(SET_COOKIE, cookie.as_str()?.parse().ok()?);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn request(kind: &'static str, body: &'static [u8]) -> Request {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", kind),
            ("x-two", "1"),
            ("x-two", "2"),
            ("cookie", "a=1; b=2"),
            ("user-agent", "B"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        Request {
            method: Method::POST,
            host: "abc.example".into(),
            path: "/items/a%20b".into(),
            query: "x=1&x=2&y=%C3%BC+z".into(),
            headers,
            body: Bytes::from_static(body),
            peer: "127.0.0.2:50000".parse().unwrap(),
        }
    }

    fn event_of(kind: &'static str, body: &'static [u8]) -> Value {
        let variables = BTreeMap::from([("id".to_owned(), "a%20b".to_owned())]);
        let seen = Seen { account: "111122223333", api: "abc", domain: "abc.example" };
        event(&request(kind, body), "POST /items/{id}", &variables, seen).0
    }

    #[test]
    fn a_request_becomes_an_event_of_format_2() {
        let event = event_of("application/json; charset=utf-8", br#"{"a":1}"#);
        for (pointer, expected) in [
            ("/version", json!("2.0")),
            ("/routeKey", json!("POST /items/{id}")),
            ("/rawPath", json!("/items/a b")),
            ("/rawQueryString", json!("x=1&x=2&y=%C3%BC+z")),
            ("/cookies", json!(["a=1", "b=2"])),
            ("/headers/x-two", json!("1,2")),
            ("/queryStringParameters", json!({ "x": "1,2", "y": "ü z" })),
            ("/pathParameters/id", json!("a b")),
            ("/requestContext/http/sourceIp", json!("127.0.0.2")),
            ("/requestContext/http/method", json!("POST")),
            ("/requestContext/stage", json!("$default")),
            ("/body", json!(r#"{"a":1}"#)),
            ("/isBase64Encoded", json!(false)),
        ] {
            assert_eq!(event.pointer(pointer), Some(&expected), "{pointer}");
        }
        assert_eq!(event.pointer("/headers/cookie"), None);
        assert_eq!(event_of("text/plain", b"").get("body"), None);
    }

    #[test]
    fn what_is_no_text_comes_in_base64() {
        for (kind, body, expected) in [
            ("text/plain", &b"ab"[..], (json!("ab"), json!(false))),
            ("application/x-www-form-urlencoded", b"a=b", (json!("YT1i"), json!(true))),
            ("application/octet-stream", b"\xff", (json!("/w=="), json!(true))),
            ("application/json", b"\xff", (json!("/w=="), json!(true))),
        ] {
            let event = event_of(kind, body);
            assert_eq!((event["body"].clone(), event["isBase64Encoded"].clone()), expected, "{kind}");
        }
    }

    #[test]
    fn a_response_becomes_an_answer() {
        let full = answer(
            br#"{"statusCode":"410","headers":{"Content-Type":"application/json","x-n":3},
                "cookies":["a=1","b=2"],"body":"eyJ9","isBase64Encoded":true}"#,
        )
        .unwrap();
        assert_eq!(full.status(), 410);
        assert_eq!(full.headers()["content-type"], "application/json");
        assert_eq!(full.headers()["x-n"], "3");
        assert_eq!(full.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(&full.body()[..], b"{\"}");
        for (response, body) in
            [(&br#"{"a": 1}"#[..], &b"{\"a\":1}"[..]), (br#""text""#, b"text"), (b"null", b"null")]
        {
            let inferred = answer(response).unwrap();
            assert_eq!((inferred.status().as_u16(), &inferred.body()[..]), (200, body));
            assert_eq!(inferred.headers()["content-type"], "application/json");
        }
        for unreadable in [
            &b"{"[..],
            br#"{"statusCode":"ok"}"#,
            br#"{"statusCode":200,"body":{}}"#,
            br#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            br#"{"statusCode":200,"body":"%","isBase64Encoded":true}"#,
        ] {
            assert!(answer(unreadable).is_none(), "{}", String::from_utf8_lossy(unreadable));
        }
    }
}
