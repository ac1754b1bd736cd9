//! The gateway: every API call passes here, is put down in the journal, meets the fault rules, and goes to
//! the stand-in of its service or to MiniStack.

mod backend;
mod facts;
mod operation;
mod protocol;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::faults::{Decision, Effect, Faults, Until};
use crate::journal::{Entry, Journal};
use crate::process;
use crate::service::{Call, Reply, Service};

pub use backend::Backend;
pub(crate) use backend::internal;
pub use facts::{Facts, Protocol};
pub(crate) use facts::{percent_decode, query_pairs};

/// A body on its way to the caller.
pub(crate) type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// A call that is held until the next goes on without one after this time.
const HOLD_LIMIT: Duration = Duration::from_secs(30);
const JOURNAL_BODY_LIMIT: usize = 64 * 1024;

/// A request as it came in, its body whole.
#[derive(Clone, Debug)]
pub(crate) struct Inbound {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The caller's address and our own, where it came over a connection.
    pub(crate) connection: Option<(SocketAddr, SocketAddr)>,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// This answer.
    Answer(Response<Body>),
    /// The connection is closed without one.
    Closed,
}

/// Who and where the local cloud is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account, twelve digits.
    pub account: String,
    /// The Region of calls that name none.
    pub region: String,
    /// Whether the journal keeps bodies.
    pub journal_bodies: bool,
}

/// The gateway.
pub struct Gateway {
    settings: Settings,
    backend: Backend,
    services: BTreeMap<&'static str, Arc<dyn Service>>,
    /// Role session ARNs by the temporary access key ids that AssumeRole handed out.
    sessions: Mutex<HashMap<String, String>>,
    /// The journal of all calls.
    pub journal: Journal,
    /// The fault rules.
    pub faults: Faults,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway in front of a backend and stand-ins.
    #[must_use]
    pub fn new(settings: Settings, backend: Backend, services: Vec<Arc<dyn Service>>) -> Self {
        Self {
            settings,
            backend,
            services: services.into_iter().map(|service| (service.name(), service)).collect(),
            sessions: Mutex::default(),
            journal: Journal::default(),
            faults: Faults::default(),
        }
    }

    /// The stand-in of that signing name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Arc<dyn Service>> {
        self.services.get(name)
    }

    /// The stand-ins' signing names.
    #[must_use]
    pub fn service_names(&self) -> Vec<&'static str> {
        self.services.keys().copied().collect()
    }

    /// Forgets the stand-ins' state, the journal and the fault rules.
    pub fn reset(&self) {
        self.faults.clear();
        self.services.values().for_each(|service| service.reset());
        self.journal.clear();
    }

    /// Answers a request.
    pub(crate) async fn call(&self, inbound: Inbound) -> Outcome {
        let facts = self.identify(&inbound);
        let decision = self.faults.decide(&facts, &inbound.body);
        self.perform(inbound, facts, decision).await
    }

    /// Reads from a request what the journal, the fault rules and the routing need.
    pub(crate) fn identify(&self, inbound: &Inbound) -> Facts {
        let mut facts = Facts::read(inbound, &self.settings);
        if let Some(key) = &facts.caller.access_key {
            let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(session) = sessions.get(key) {
                session.split(':').nth(4).unwrap_or_default().clone_into(&mut facts.account);
                facts.caller.role_arn = Some(session.clone());
            }
        }
        if let Some(service) = self.stand_in(&facts) {
            let call = stand_in_call(inbound, &facts);
            facts.operation =
                service.operation(&call).unwrap_or_else(|| format!("{} {}", call.method, call.path));
        }
        facts
    }

    /// Answers a request under a decision of the fault rules, and records it.
    pub(crate) async fn perform(&self, inbound: Inbound, facts: Facts, decision: Decision) -> Outcome {
        let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let started = Instant::now();
        let mut fault = decision.effect.as_ref().map(|(effect, _)| effect.name().to_owned());
        let mut close = false;
        let answered = match decision.effect {
            None => Some(self.forward(&inbound, &facts).await),
            Some((Effect::Throttle, _)) => Some(protocol::throttled(&facts).into()),
            Some((Effect::Error { status, code, message }, _)) => {
                Some(protocol::error(&facts, status, &code, &message).into())
            }
            Some((Effect::Latency { ms }, _)) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Some(self.forward(&inbound, &facts).await)
            }
            Some((Effect::Reset, _)) => None,
            Some((Effect::LostResponse, _)) => {
                close = true;
                Some(self.forward(&inbound, &facts).await)
            }
            Some((Effect::Duplicate, _)) => {
                drop(self.forward(&inbound, &facts).await);
                Some(self.forward(&inbound, &facts).await)
            }
            Some((Effect::Hold { until }, gate)) => {
                let limit = match until {
                    Until::Next => HOLD_LIMIT,
                    Until::Milliseconds(ms) => Duration::from_millis(ms),
                };
                let _ = tokio::time::timeout(limit, gate.notified()).await;
                Some(self.forward(&inbound, &facts).await)
            }
            Some((Effect::Kill, _)) => {
                close = true;
                let answered = self.forward(&inbound, &facts).await;
                if let Err(error) = self.kill(&inbound) {
                    fault = Some(format!("kill: {error}"));
                }
                Some(answered)
            }
        };
        let entry = Entry {
            seq: 0,
            time,
            service: facts.service,
            operation: facts.operation,
            region: facts.region,
            caller: facts.caller.name().to_owned(),
            access_key: facts.caller.access_key,
            role_arn: facts.caller.role_arn,
            method: inbound.method.to_string(),
            path: facts.path,
            resources: facts.resources,
            request_bytes: inbound.body.len(),
            status: answered.as_ref().map(|answered| answered.response.status().as_u16()),
            error: answered.as_ref().and_then(|answered| answered.error.clone()),
            duration_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            fault,
            body: self.settings.journal_bodies.then(|| {
                let kept = inbound.body.get(..JOURNAL_BODY_LIMIT).unwrap_or(&inbound.body);
                String::from_utf8_lossy(kept).into_owned()
            }),
        };
        self.journal.record(entry);
        for gate in decision.releases {
            gate.notify_one();
        }
        match answered {
            Some(answered) if !close => Outcome::Answer(answered.response),
            _ => Outcome::Closed,
        }
    }

    /// The stand-in that answers a call. They speak JSON: under the signing name of SES there is also its first
    /// API, in the query protocol, which is MiniStack's.
    fn stand_in(&self, facts: &Facts) -> Option<&Arc<dyn Service>> {
        let service = self.services.get(facts.service.as_str());
        service.filter(|_| facts.protocol != Protocol::Query)
    }

    async fn forward(&self, inbound: &Inbound, facts: &Facts) -> Answered {
        match self.stand_in(facts) {
            Some(service) => service.handle(stand_in_call(inbound, facts)).await.into(),
            None => self.to_backend(inbound, facts).await,
        }
    }

    async fn to_backend(&self, inbound: &Inbound, facts: &Facts) -> Answered {
        // Lambda refuses a payload that is not JSON; MiniStack would hand the function `{}` instead.
        let invoked = facts.service == "lambda" && facts.operation == "Invoke" && !inbound.body.is_empty();
        if invoked && serde_json::from_slice::<serde::de::IgnoredAny>(&inbound.body).is_err() {
            let message = "Could not parse request body into json";
            return protocol::error(facts, 400, "InvalidRequestContentException", message).into();
        }
        let response = match self.backend.send(inbound).await {
            Ok(response) => response,
            Err(error) => {
                let message = format!("MiniStack does not answer: {error}");
                return protocol::error(facts, 502, "LocalCloudFailure", &message).into();
            }
        };
        let hands_out_keys = facts.service == "sts" && response.status().is_success();
        if !hands_out_keys && response.status().as_u16() < 400 {
            return Answered { response: response.map(BodyExt::boxed_unsync), error: None };
        }
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        if hands_out_keys {
            self.remember_session(&body);
        }
        let error = (parts.status.as_u16() >= 400).then(|| protocol::error_code(&parts.headers, &body));
        Answered { response: Response::from_parts(parts, full(body)), error }
    }

    fn remember_session(&self, assume_role_answer: &[u8]) {
        let text = String::from_utf8_lossy(assume_role_answer);
        let field = |name| eventide_testing::xml::value(&text, name);
        if let (Some(key), Some(arn)) = (field("AccessKeyId"), field("Arn")) {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(key, arn);
        }
    }

    fn kill(&self, inbound: &Inbound) -> Result<(), String> {
        let (peer, own) = inbound.connection.ok_or("the call came over no connection")?;
        let group = self.backend.process_group();
        let pid = process::behind(peer, own, group).ok_or("the caller is no function's process")?;
        if pid == group {
            return Err("the caller is MiniStack itself".into());
        }
        process::signal(pid, "KILL")
    }
}

/// An answer with AWS's error code, if it is an error.
struct Answered {
    response: Response<Body>,
    error: Option<String>,
}

impl From<Reply> for Answered {
    fn from(reply: Reply) -> Self {
        let mut response = Response::new(full(reply.body.clone()));
        *response.status_mut() =
            http::StatusCode::from_u16(reply.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in &reply.headers {
            if let (Ok(name), Ok(value)) =
                (http::HeaderName::from_bytes(name.as_bytes()), http::HeaderValue::from_str(value))
            {
                response.headers_mut().append(name, value);
            }
        }
        let error = (reply.status >= 400).then(|| protocol::error_code(response.headers(), &reply.body));
        Self { response, error }
    }
}

/// A reply of the local cloud itself, outside journal and faults.
pub(crate) fn plain(reply: Reply) -> Response<Body> {
    Answered::from(reply).response
}

fn full(body: Bytes) -> Body {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

fn stand_in_call(inbound: &Inbound, facts: &Facts) -> Call {
    Call {
        service: facts.service.clone(),
        region: facts.region.clone(),
        account: facts.account.clone(),
        caller: facts.caller.clone(),
        method: inbound.method.clone(),
        path: percent_decode(inbound.uri.path()),
        query: query_pairs(inbound.uri.query().unwrap_or_default()),
        headers: inbound.headers.clone(),
        body: inbound.body.clone(),
    }
}
