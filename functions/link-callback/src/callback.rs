//! What the function does with a request: check it, look the link up, have the call made, answer.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::connect::{Connect, NewCall};
use eventide_clients::links::{Call, Limit, Limits, Links};
use eventide_clients::secrets::Secrets;
use eventide_kit::clock::Clock;
use eventide_kit::{Class, Error, Invocation};
use eventide_links::contact::attributes;
use eventide_links::http::{Answer, Ask, Event, Problem, until_next};
use eventide_links::token::client_token;
use eventide_types::{Link, LinkHash};

use crate::config::{Calls, Settings};

/// The span of the limit of an address.
const MINUTE: Duration = Duration::from_secs(60);
/// What is left of the invocation to answer the page, when Amazon Connect takes too long.
const RESERVE: Duration = Duration::from_secs(1);
/// After how many seconds the page may ask again, if it can be told nothing better.
const AGAIN: u64 = 2;
/// What the client token is for: a link's chat has another.
const PURPOSE: &str = "call";

/// What the function works with.
pub trait Ports: Send + Sync {
    /// See [`links`](Self::links).
    type Links: Links;
    /// See [`limits`](Self::limits).
    type Limits: Limits;
    /// See [`secrets`](Self::secrets).
    type Secrets: Secrets;
    /// See [`connect`](Self::connect).
    type Connect: Connect;

    /// The links.
    fn links(&self) -> &Self::Links;
    /// How often an address may ask.
    fn limits(&self) -> &Self::Limits;
    /// The secrets of CloudFront's header and of the addresses' names.
    fn secrets(&self) -> &Self::Secrets;
    /// The instance that makes the calls.
    fn connect(&self) -> &Self::Connect;
}

/// link-callback on whatever ports.
#[derive(Debug)]
pub struct LinkCallback<P> {
    ports: P,
    settings: Settings,
    clock: Arc<dyn Clock>,
}

/// What became of a request that was carried out.
enum Outcome {
    /// The call is made.
    Requested,
    /// It was before.
    Repeated,
    /// It is not, and this is why.
    Refused(Problem),
}

impl<P: Ports> LinkCallback<P> {
    /// The function on these ports.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Answers a request of the page. Whatever goes wrong on our side is logged, and the page is told to ask again.
    pub async fn answer(&self, event: &Event, invocation: &Invocation) -> Answer {
        let requested = || Answer::new(202, r#"{"status":"requested"}"#.to_owned());
        let (name, answer) = match self.carry_out(event, invocation).await {
            Ok(Outcome::Requested) => ("requested", requested()),
            Ok(Outcome::Repeated) => ("repeated", requested()),
            Ok(Outcome::Refused(problem)) => (problem.as_str(), problem.into()),
            Err(error) => {
                let error_type = error.qualified_type();
                match error.class() {
                    // Throttling and time-outs pass.
                    Class::Retryable => {
                        tracing::warn!(error_type, "no call made: {error}");
                        ("busy", Problem::Busy(AGAIN).into())
                    }
                    Class::Environment => {
                        tracing::error!(error_type, "no call made: {error}");
                        ("failed", Problem::Busy(AGAIN).into())
                    }
                    // Such as a number that the instance may not call: asking again is of no use.
                    Class::Permanent => {
                        tracing::error!(error_type, "no call made: {error}");
                        ("failed", Problem::Unavailable.into())
                    }
                }
            }
        };
        invocation.metrics.count("Callbacks", 1, &[("Outcome", name)]);
        answer
    }

    async fn carry_out(&self, event: &Event, invocation: &Invocation) -> Result<Outcome, Error> {
        let ask = match self.admit(event).await? {
            Ok(ask) => ask,
            Err(problem) => return Ok(Outcome::Refused(problem)),
        };
        let Some(calls) = &self.settings.calls else { return Ok(Outcome::Refused(Problem::Unavailable)) };
        let (hash, now) = (ask.token.hash(), self.clock.now());
        match self.ports.links().claim_call(&hash, now).await? {
            Call::Won(link) => self.call(&link, calls, invocation).await,
            Call::Asked => Ok(Outcome::Repeated),
            Call::NotExpired => Ok(Outcome::Refused(Problem::NotExpired)),
            Call::Unavailable => Ok(Outcome::Refused(Problem::Unavailable)),
        }
    }

    /// Whether the request is looked into: it came through CloudFront, its address has not asked too often, and it is one
    /// of our page.
    async fn admit(&self, event: &Event) -> Result<Result<Ask, Problem>, Error> {
        let (secrets, settings) = (self.ports.secrets(), &self.settings);
        if !event.is_from(secrets.get(&settings.origin_secret).await?.expose())? {
            return Ok(Err(Problem::InvalidRequest));
        }
        let secret = secrets.get(&settings.token_secret).await?;
        let name = event.viewer()?.limit_name(secret.expose(), "call");
        let limit = Limit { name, max: settings.calls_per_minute, window: MINUTE };
        let now = self.clock.now();
        if !self.ports.limits().take(&limit, None, now).await? {
            return Ok(Err(Problem::TooManyRequests(until_next(limit.window, now))));
        }
        Ok(event.ask(settings.link_origin.as_ref()).ok_or(Problem::InvalidRequest))
    }

    /// Has the call of a link made, which may have been asked for before.
    async fn call(&self, link: &Link, calls: &Calls, invocation: &Invocation) -> Result<Outcome, Error> {
        let Some(phone) = &link.context.phone else { return Ok(Outcome::Refused(Problem::Unavailable)) };
        let call = NewCall {
            flow_id: calls.flow_id.clone(),
            to: phone.clone(),
            from: calls.number.clone(),
            queue_id: calls.queue_id.clone(),
            attributes: attributes(link),
            related_contact_id: Some(link.contact_id.clone()),
            client_token: client_token(&link.hash, PURPOSE),
        };
        let started = invocation.deadline.run(RESERVE, self.ports.connect().start_call(&call)).await;
        let contact_id = started.map_err(Error::from)??;
        self.settle(&link.hash).await;
        let voice = &link.contact_id;
        tracing::info!(voice_contact_id = voice, call_contact_id = contact_id, "call asked for");
        Ok(Outcome::Requested)
    }

    /// Remembers that the call was asked for. If that fails, the next who asks is told the same by Amazon Connect.
    async fn settle(&self, hash: &LinkHash) {
        if let Err(error) = self.ports.links().called(hash).await {
            tracing::warn!(error_type = error.qualified_type(), "the call was not remembered: {error}");
        }
    }
}
