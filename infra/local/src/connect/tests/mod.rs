//! The services as their callers see them: calls in, answers, contact events and frames of WebSockets out.

mod calls;
mod chats;
mod contacts;
mod sockets;

use std::sync::Arc;
use std::time::Duration as StdDuration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;
use crate::messages::recorder::Recorder;
use crate::service::Caller;

/// Longer than anything takes here.
const PATIENCE: StdDuration = StdDuration::from_secs(20);

struct Bench {
    connect: Connect,
    events: Arc<Recorder>,
    clock: Clock,
    origin: String,
}

/// Connect, and its Participant Service on a port of its own; without delays and rates.
async fn bench() -> Bench {
    let (events, clock) = (Arc::new(Recorder::default()), Clock::default());
    let connect = Connect::new("111122223333", clock.clone(), Arc::clone(&events) as _);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let app = connect.participant_router();
    tokio::spawn(async move { axum::serve(listener, app).await });
    connect.set_origin(&origin);
    let bench = Bench { connect, events, clock, origin };
    let quick = json!({ "rates": false, "joinSeconds": 0, "thinkSeconds": 0, "typingSeconds": 0 });
    bench.control("POST", "settings", quick).await;
    bench
}

fn call(method: Method, path: &str, body: Bytes) -> Call {
    Call {
        service: "connect".into(),
        region: "us-east-1".into(),
        account: "111122223333".into(),
        caller: Caller::default(),
        method,
        path: path.into(),
        query: Vec::new(),
        headers: http::HeaderMap::new(),
        body,
    }
}

/// A request for a chat, with changes.
fn chat(changes: Value) -> Value {
    with(
        json!({
            "InstanceId": INSTANCE, "ContactFlowId": CHAT_FLOW,
            "ParticipantDetails": { "DisplayName": "Ann" },
        }),
        changes,
    )
}

fn with(mut request: Value, changes: Value) -> Value {
    request.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    request
}

impl Bench {
    /// A call of Connect's API.
    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let reply = self.connect.handle(call(method.parse().unwrap(), path, body)).await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    async fn start(&self, changes: Value) -> Value {
        let (status, answer) = self.call("PUT", "/contact/chat", chat(changes)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Status and code of a refusal.
    async fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.call(method, path, body).await;
        assert!(status >= 400, "{answer}");
        assert!(!answer["Message"].as_str().unwrap().is_empty());
        (status, answer["__type"].as_str().unwrap().to_owned())
    }

    async fn describe(&self, contact: &Value) -> Value {
        let path = format!("/contacts/{INSTANCE}/{}", contact.as_str().unwrap());
        let (status, mut answer) = self.call("GET", &path, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer["Contact"].take()
    }

    async fn stop(&self, contact: &Value) -> (u16, Value) {
        self.call("POST", "/contact/stop", json!({ "InstanceId": INSTANCE, "ContactId": contact })).await
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.connect.control(method.parse().unwrap(), path.into(), body).await;
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, 200, "{path}: {body}");
        body
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

    /// A call of the Participant Service, over HTTP.
    async fn participant(&self, path: &str, token: &Value, body: Value) -> (u16, Value) {
        let request = http::Request::post(format!("{}/participant/{path}", self.origin))
            .header("content-type", "application/json")
            .header("x-amz-bearer", token.as_str().unwrap_or_default())
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn participates(&self, path: &str, token: &Value, body: Value) -> Value {
        let (status, answer) = self.participant(path, token, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Status and code of a refusal of the Participant Service.
    async fn denied(&self, path: &str, token: &Value, body: Value) -> (u16, String) {
        let (status, answer) = self.participant(path, token, body).await;
        assert!(status >= 400, "{answer}");
        (status, answer["__type"].as_str().unwrap().to_owned())
    }

    async fn credentials(&self, started: &Value) -> Value {
        let both = json!({ "Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"] });
        self.participates("connection", &started["ParticipantToken"], both).await
    }

    /// A customer who is connected, as amazon-connect-chatjs does it, and its connection token.
    async fn join(&self, started: &Value) -> (Socket, Value) {
        let credentials = self.credentials(started).await;
        let mut socket = Socket::open(credentials["Websocket"]["Url"].as_str().unwrap()).await.unwrap();
        socket.subscribe().await;
        (socket, credentials["ConnectionCredentials"]["ConnectionToken"].clone())
    }

    async fn say(&self, token: &Value, text: &str) -> Value {
        self.participates("message", token, json!({ "ContentType": "text/plain", "Content": text })).await
    }

    /// Who said what, oldest first.
    async fn transcript(&self, token: &Value) -> Vec<String> {
        let asked = json!({ "MaxResults": 100, "SortOrder": "ASCENDING", "StartPosition": {} });
        let answer = self.participates("transcript", token, asked).await;
        answer["Transcript"].as_array().unwrap().iter().map(told).collect()
    }
}

/// An item in short: who, and what was said or the last word of the event's type.
fn told(item: &Value) -> String {
    let who = item["ParticipantRole"].as_str().unwrap_or("SYSTEM");
    let kind = item["ContentType"].as_str().unwrap().rsplit('.').next().unwrap();
    format!("{who}: {}", item["Content"].as_str().unwrap_or(kind))
}

/// A browser's connection.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// The connection, or the status of its refusal.
    async fn open(url: &str) -> Result<Self, u16> {
        match connect_async(url).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(tokio_tungstenite::tungstenite::Error::Http(refused)) => Err(refused.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next frame; `None` when the connection is gone.
    async fn next(&mut self) -> Option<Value> {
        match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame, or the end") {
            Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => None,
        }
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.send(message).await;
        self.next().await.unwrap()
    }

    async fn subscribe(&mut self) {
        let asked = json!({ "topic": "aws/subscribe", "content": { "topics": ["aws/chat"] } });
        let answer = self.ask(asked).await;
        let expected = json!({ "status": "success", "topics": ["aws/chat"] });
        assert_eq!((&answer["topic"], &answer["content"]), (&json!("aws/subscribe"), &expected));
    }

    /// The next item of the chat.
    async fn item(&mut self) -> Value {
        let frame = self.next().await.unwrap();
        assert_eq!(
            (&frame["topic"], &frame["contentType"]),
            (&json!("aws/chat"), &json!("application/json")),
            "{frame}"
        );
        serde_json::from_str(frame["content"].as_str().unwrap()).unwrap()
    }

    /// The next items in short.
    async fn told(&mut self, count: usize) -> Vec<String> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(told(&self.item().await));
        }
        items
    }
}
