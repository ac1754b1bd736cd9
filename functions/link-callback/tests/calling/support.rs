//! The world around the function: fakes, links, and pages that ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eventide_clients::connect::{FakeConnect, StartedCall};
use eventide_clients::links::{FakeLinks, Links as _};
use eventide_clients::secrets::FakeSecrets;
use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::{Invocation, Metrics};
use eventide_links::http::Event;
use eventide_links::token::{Nonce, Token};
use eventide_types::Link;
use eventide_types::link::Language;
use eventide_types::link::record::Context;
use link_callback::config::{Calls as CallSettings, Settings};
use link_callback::{LinkCallback, Ports};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use eventide_kit::tap::{Calls, Line, Tapped};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-27 10:00 UTC);
pub(crate) const ORIGIN_SECRET: &str = "what-only-cloudfront-knows";
pub(crate) const TOKEN_SECRET: &str = "what-only-the-functions-know";
pub(crate) const VOICE: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
pub(crate) const PAGE: &str = "nonce-of-the-first-page";
/// For how long a link can be redeemed.
pub(crate) const LIFE: Duration = Duration::from_secs(900);
/// As in the template.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The fakes, as an execution environment reaches them.
#[derive(Clone, Debug)]
pub(crate) struct Wired {
    links: Tapped<FakeLinks>,
    secrets: Tapped<FakeSecrets>,
    connect: Tapped<FakeConnect>,
}

impl Ports for Wired {
    type Links = Tapped<FakeLinks>;
    type Limits = Tapped<FakeLinks>;
    type Secrets = Tapped<FakeSecrets>;
    type Connect = Tapped<FakeConnect>;

    fn links(&self) -> &Self::Links {
        &self.links
    }

    fn limits(&self) -> &Self::Limits {
        &self.links
    }

    fn secrets(&self) -> &Self::Secrets {
        &self.secrets
    }

    fn connect(&self) -> &Self::Connect {
        &self.connect
    }
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) links: FakeLinks,
    pub(crate) secrets: FakeSecrets,
    pub(crate) connect: FakeConnect,
    pub(crate) settings: Settings,
    pub(crate) calls: Calls,
    pub(crate) metrics: Metrics,
}

/// An answer as the page sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) status: u64,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.headers.get("retry-after").map(|seconds| seconds.parse().unwrap())
    }

    /// The status, and the word of a problem.
    pub(crate) fn problem(&self) -> (u64, &str) {
        (self.status, self.body["error"].as_str().unwrap_or_default())
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Calls::default())
    }

    pub(crate) fn with(calls: Calls) -> Self {
        let secrets = FakeSecrets::default();
        secrets.set("origin", ORIGIN_SECRET);
        secrets.set("token", TOKEN_SECRET);
        Self {
            clock: ManualClock::new(NOW),
            links: FakeLinks::default(),
            secrets,
            connect: FakeConnect::default(),
            settings: settings(),
            calls,
            metrics: Metrics::new("Test", "test"),
        }
    }

    /// The token of a link of this contact, which was made just now.
    pub(crate) async fn link(&self, contact_id: &str, context: Context) -> Token {
        let nonce = Nonce::random().unwrap();
        let token = Token::derive(TOKEN_SECRET.as_bytes(), &nonce);
        let now = self.clock.now();
        let link = Link {
            hash: token.hash(),
            contact_id: contact_id.to_owned(),
            created_at: now,
            expires_at: now + LIFE,
            context,
        };
        assert!(self.links.open(&link, &nonce.to_hex()).await.unwrap().is_new);
        token
    }

    /// A link like most, which has just expired.
    pub(crate) async fn expired(&self) -> Token {
        let token = self.link(VOICE, context()).await;
        self.clock.advance(LIFE);
        token
    }

    /// What an execution environment of its own answers; `None`: it was killed.
    pub(crate) async fn invoke(&self, event: &Value) -> Option<Seen> {
        let line = Line::new(&self.calls);
        let ports = Wired {
            links: Tapped::new(&self.links, &line),
            secrets: Tapped::new(&self.secrets, &line),
            connect: Tapped::new(&self.connect, &line),
        };
        let clock = Arc::new(self.clock.clone());
        let function = LinkCallback::new(ports, self.settings.clone(), clock.clone());
        let mut invocation = Invocation::for_tests("invocation", Deadline::after(TIMEOUT, clock));
        invocation.metrics = self.metrics.clone();
        let event: Event = serde_json::from_value(event.clone()).unwrap();
        let answer = line.until_cut(function.answer(&event, &invocation)).await?;
        let mut answer = serde_json::to_value(answer).unwrap();
        let body = answer["body"].take();
        Some(Seen {
            status: answer["statusCode"].as_u64().unwrap(),
            headers: serde_json::from_value(answer["headers"].take()).unwrap(),
            body: serde_json::from_str(body.as_str().unwrap()).unwrap(),
        })
    }

    /// The page of expired links asks for a call; `None`: whoever answers was killed.
    pub(crate) async fn post(&self, token: &Token) -> Option<Seen> {
        self.invoke(&post(token.as_str())).await
    }

    /// The same, where nobody is killed.
    pub(crate) async fn ask(&self, token: &Token) -> Seen {
        self.post(token).await.unwrap()
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The only call.
    pub(crate) fn call(&self) -> StartedCall {
        let calls = self.connect.started_calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.into_iter().next().unwrap()
    }

    /// Requests with this outcome.
    pub(crate) fn counted(&self, outcome: &str) -> f64 {
        self.metrics.sum("Callbacks", &[("Outcome", outcome)])
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        link_origin: Some("https://d111111abcdef8.cloudfront.net".parse().unwrap()),
        origin_secret: "origin".to_owned(),
        token_secret: "token".to_owned(),
        calls: Some(CallSettings {
            flow_id: "call-flow".to_owned(),
            number: Some("+12065550100".to_owned()),
            queue_id: Some("orders".to_owned()),
        }),
        calls_per_minute: 5,
    }
}

pub(crate) fn context() -> Context {
    Context {
        display_name: Some("Ana García".to_owned()),
        language: Language::Es,
        queue: Some("Orders".to_owned()),
        attributes: BTreeMap::from([("orderNumber".to_owned(), "A-17".to_owned())]),
        phone: Some("+15555550123".to_owned()),
    }
}

/// An event of `events/link-callback`, from this stack's CloudFront if from any.
pub(crate) fn event(name: &str) -> Value {
    let mut event = eventide_testing::fixture_json(&format!("link-callback/{name}.json")).unwrap();
    if event["headers"]["x-origin-verify"].is_string() {
        event["headers"]["x-origin-verify"] = json!(ORIGIN_SECRET);
    }
    event
}

/// The page of expired links posts a text for a token.
pub(crate) fn post(token: &str) -> Value {
    let mut event = event("callback");
    event["body"] = json!(json!({ "token": token, "nonce": PAGE }).to_string());
    event
}

/// The same from another address.
pub(crate) fn post_from(address: &str, token: &str) -> Value {
    let mut event = post(token);
    event["headers"]["cloudfront-viewer-address"] = json!(address);
    event
}
