//! What the function does with a request: check it, claim the link, start its chat, answer.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::connect::{Chat, Connect};
use eventide_clients::links::{Claim, Claimed, Limit, Limits, Links, Redeemed};
use eventide_clients::secrets::Secrets;
use eventide_kit::clock::Clock;
use eventide_kit::{Class, Error, Invocation};
use eventide_links::http::{Answer, Ask, Event, Problem, until_next};
use eventide_links::seal::{open, seal};
use eventide_links::token::PageNonce;
use eventide_types::{Link, LinkHash};
use serde::Serialize;

use crate::chat::chat_of;
use crate::config::Settings;

/// The span of the limit of an address.
const MINUTE: Duration = Duration::from_secs(60);
/// What is left of the invocation to answer the page, when Amazon Connect takes too long.
const RESERVE: Duration = Duration::from_secs(1);
/// After how many seconds the page may ask again, if it can be told nothing better.
const AGAIN: u64 = 2;

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
    /// The instance that chats are started in.
    fn connect(&self) -> &Self::Connect;
}

/// link-redeem on whatever ports.
#[derive(Debug)]
pub struct LinkRedeem<P> {
    ports: P,
    settings: Settings,
    clock: Arc<dyn Clock>,
}

/// What became of a request that was carried out.
enum Outcome {
    /// The link is a chat now.
    Redeemed(String),
    /// It was before, and the page is told again.
    Replayed(String),
    /// It is not, and this is why.
    Refused(Problem),
    /// Amazon Connect did not start the chat, or did not say so.
    Failed(Error),
}

/// What the page connects with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection<'a> {
    contact_id: &'a str,
    participant_id: &'a str,
    participant_token: &'a str,
    region: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_endpoint: Option<&'a str>,
    display_name: &'a str,
    language: &'a str,
}

impl<P: Ports> LinkRedeem<P> {
    /// The function on these ports.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Answers a request of the page. Whatever goes wrong on our side is logged, and the page is told to ask again.
    pub async fn answer(&self, event: &Event, invocation: &Invocation) -> Answer {
        let outcome = match self.carry_out(event, invocation).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed(error),
        };
        let (name, answer) = match outcome {
            Outcome::Redeemed(body) => ("redeemed", Answer::new(200, body)),
            Outcome::Replayed(body) => ("replayed", Answer::new(200, body)),
            Outcome::Refused(problem) => (problem.as_str(), problem.into()),
            Outcome::Failed(error) => {
                let error_type = error.qualified_type();
                // Throttling and time-outs pass; the rest needs somebody's hand.
                let name = if error.class() == Class::Retryable {
                    tracing::warn!(error_type, "link not redeemed: {error}");
                    "busy"
                } else {
                    tracing::error!(error_type, "link not redeemed: {error}");
                    "failed"
                };
                (name, Problem::Busy(AGAIN).into())
            }
        };
        invocation.metrics.count("Redemptions", 1, &[("Outcome", name)]);
        answer
    }

    async fn carry_out(&self, event: &Event, invocation: &Invocation) -> Result<Outcome, Error> {
        let ask = match self.admit(event).await? {
            Ok(ask) => ask,
            Err(problem) => return Ok(Outcome::Refused(problem)),
        };
        let (hash, Some(nonce)) = (ask.token.hash(), ask.nonce) else {
            return Ok(Outcome::Refused(Problem::InvalidRequest));
        };
        let now = self.clock.now();
        let claim = Claim { claimant: nonce.claimant(), now, until: now + self.settings.claim };
        match self.ports.links().claim(&hash, &claim).await? {
            Claimed::Won(link) => self.redeem(&link, &nonce, invocation).await,
            Claimed::Replay { answer } => replay(&nonce, &hash, &answer).map(Outcome::Replayed),
            Claimed::Expired => Ok(Outcome::Refused(Problem::Expired)),
            Claimed::Unavailable => Ok(Outcome::Refused(Problem::Unavailable)),
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
        let name = event.viewer()?.limit_name(secret.expose(), "redeem");
        let limit = Limit { name, max: settings.redeems_per_minute, window: MINUTE };
        let now = self.clock.now();
        if !self.ports.limits().take(&limit, None, now).await? {
            return Ok(Err(Problem::TooManyRequests(until_next(limit.window, now))));
        }
        Ok(event.ask(settings.link_origin.as_ref()).ok_or(Problem::InvalidRequest))
    }

    /// Starts the chat of a link that is the claimant's.
    async fn redeem(
        &self,
        link: &Link,
        nonce: &PageNonce,
        invocation: &Invocation,
    ) -> Result<Outcome, Error> {
        let new = chat_of(link, &self.settings);
        let chat = match invocation.deadline.run(RESERVE, self.ports.connect().start_chat(&new)).await {
            Ok(Ok(chat)) => chat,
            Ok(Err(error)) if was_refused(&error) => {
                if let Err(fault) = self.ports.links().release(&link.hash, &nonce.claimant()).await {
                    // The page that asked can go on at once, others when the claim is over.
                    let error_type = fault.qualified_type();
                    tracing::warn!(error_type, "the claim on the link was not given up: {fault}");
                }
                return Ok(Outcome::Failed(error));
            }
            Ok(Err(error)) => return Ok(Outcome::Failed(error)),
            Err(expired) => return Ok(Outcome::Failed(expired.into())),
        };
        let body = self.connection(&chat, &new.display_name, link)?;
        let redeemed = Redeemed {
            chat_contact_id: chat.contact_id,
            answer: seal(nonce, &link.hash, body.as_bytes())?,
            replay_until: self.clock.now() + self.settings.replay,
        };
        self.ports.links().complete(link, &nonce.claimant(), &redeemed).await?;
        let (voice, chat) = (&link.contact_id, &redeemed.chat_contact_id);
        tracing::info!(voice_contact_id = voice, chat_contact_id = chat, "link redeemed");
        Ok(Outcome::Redeemed(body))
    }

    fn connection(&self, chat: &Chat, display_name: &str, link: &Link) -> Result<String, Error> {
        let connection = Connection {
            contact_id: &chat.contact_id,
            participant_id: &chat.participant_id,
            participant_token: &chat.participant_token,
            region: &self.settings.region,
            participant_endpoint: self.settings.participant_endpoint.as_deref(),
            display_name,
            language: link.context.language.code(),
        };
        serde_json::to_string(&connection)
            .map_err(|_fault| Error::permanent("InvalidResponse", "the answer does not serialize"))
    }
}

/// What the page was answered before.
fn replay(nonce: &PageNonce, hash: &LinkHash, sealed: &str) -> Result<String, Error> {
    open(nonce, hash, sealed).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        let message =
            format!("the answer of link `{hash}` does not open, expected one that its page can read");
        Error::permanent("UnreadableAnswer", message)
    })
}

/// Whether Amazon Connect has certainly not carried the call out. If an earlier attempt within the SDK did get through,
/// nothing is lost: whoever redeems the link next gets that chat, by its client token.
fn was_refused(error: &Error) -> bool {
    match (error.class(), error.error_type()) {
        (Class::Retryable, error_type) => error_type == "Throttled",
        (Class::Environment, error_type) => error_type != "Unreachable",
        (Class::Permanent, _) => true,
    }
}
