//! The story of a request: may it be, which link, sent how, and what the flow is told.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use eventide_clients::email::Email;
use eventide_clients::links::{Limit, Limits, Links, State};
use eventide_clients::secrets::{Secret, Secrets};
use eventide_clients::sms::Sms;
use eventide_kit::clock::Clock;
use eventide_kit::idempotency::{Idempotency, Store};
use eventide_kit::ledger::Ledger;
use eventide_kit::{Error, Invocation};
use eventide_links::keys;
use eventide_links::sign::{Policy, SigningKey};
use eventide_links::token::{Nonce, Token, keyed};
use eventide_types::Link;
use eventide_types::link::flow::FlowEvent;
use futures_util::future::join_all;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::answer::{Answer, Status};
use crate::channel::Channel;
use crate::config::{PolicyKind, Settings};
use crate::request::{Asked, Lacks, read};
use crate::send::{Delivery, Fate, Outcome};
use crate::texts::{By, Said, spoken};

/// The span of the limits.
const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);
/// Shortest secret that tokens are made with, in bytes.
const MIN_SECRET: usize = 32;

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Links and limits.
    type Links: Links + Limits;
    /// Where answers are kept.
    type Answers: Store;
    /// The effects ledger.
    type Ledger: Ledger;
    /// AWS Secrets Manager.
    type Secrets: Secrets;
    /// Amazon SES.
    type Email: Email;
    /// AWS End User Messaging SMS.
    type Sms: Sms;

    /// Links and limits.
    fn links(&self) -> &Self::Links;
    /// The effects ledger.
    fn ledger(&self) -> &Self::Ledger;
    /// AWS Secrets Manager.
    fn secrets(&self) -> &Self::Secrets;
    /// Amazon SES.
    fn email(&self) -> &Self::Email;
    /// AWS End User Messaging SMS.
    fn sms(&self) -> &Self::Sms;
}

/// The function behind whatever ports.
pub struct LinkIssue<P: Ports> {
    pub(crate) ports: P,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    answers: Idempotency<P::Answers>,
    /// The signing key, with the text that it was read from.
    signing: Mutex<Option<(Secret, Arc<SigningKey>)>>,
}

impl<P: Ports + fmt::Debug> fmt::Debug for LinkIssue<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ports, settings) = (&self.ports, &self.settings);
        f.debug_struct("LinkIssue").field("ports", ports).field("settings", settings).finish_non_exhaustive()
    }
}

/// What the limits leave.
enum Room {
    /// Nothing, for this contact.
    None,
    /// For these of the recipients, in their order.
    For(Vec<bool>),
}

/// The contact's link, if it can still be sent.
enum Chosen {
    Open(Token, Link),
    Closed(&'static str, Link),
}

impl<P: Ports> LinkIssue<P> {
    /// The function with these ports and this time of day. Answers are kept under the name of `function`.
    pub fn new(
        ports: P,
        answers: P::Answers,
        function: &str,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let answers =
            Idempotency::new(function, answers, Arc::clone(&clock)).with_expiry(settings.kept_for());
        Self { ports, settings, clock, answers, signing: Mutex::default() }
    }

    /// Sends a link, or gives the answer of the first time again.
    ///
    /// # Errors
    ///
    /// `Permanent.InvalidEvent`; `Retryable.AlreadyInProgress` if another invocation is at the same request;
    /// `Environment.WeakSecret`, `Environment.TokenSecretChanged` and `Environment.InvalidSigningKeys`; and what the table
    /// and AWS Secrets Manager answer. No provider's failure is an error.
    pub async fn answer(&self, event: &FlowEvent, invocation: &Invocation) -> Result<Answer, Error> {
        let asked = read(event, &self.settings)?;
        if asked.to.is_empty() {
            let said = match asked.lacks {
                Lacks::Consent => Said::NoConsent,
                Lacks::Address => Said::NoAddress,
                Lacks::Configuration => Said::NotConfigured,
            };
            let answer = nothing_sent(&asked, Status::NoDestination, asked.lacks.as_str(), said);
            return Ok(told(answer, &asked, invocation));
        }
        let secret = self.token_secret().await?;
        let secret = secret.expose().as_bytes();
        let to = asked.to.iter().map(|recipient| format!("{}:{}\n", recipient.channel, recipient.address));
        // No address has a line break in it, so no two requests have one name.
        let request = format!("{}\n{}{}", asked.contact_id, to.collect::<String>(), asked.request);
        let request = keyed(secret, "request", &request);
        let work = || async {
            let answer = self.issue(&asked, secret, &request, invocation).await?;
            Ok(told(answer, &asked, invocation))
        };
        self.answers.run(&request, &(), &invocation.deadline, work).await
    }

    async fn issue(
        &self,
        asked: &Asked,
        secret: &[u8],
        request: &str,
        invocation: &Invocation,
    ) -> Result<Answer, Error> {
        // Without a key to sign with there is nothing to send, and nothing is to be taken of the limits.
        let key = self.signing_key().await?;
        let now = self.clock.now().truncate_to_second();
        let room = match self.room(asked, secret, request, now).await? {
            Room::None => return Ok(nothing_sent(asked, Status::Limited, "contact", Said::Limited)),
            Room::For(room) if !room.contains(&true) => {
                return Ok(nothing_sent(asked, Status::Limited, "recipient", Said::Limited));
            }
            Room::For(room) => room,
        };
        let (url, link, closed) = match self.link(asked, secret, now).await? {
            Chosen::Open(token, link) => (self.url(&token, &key, link.expires_at)?, link, None),
            Chosen::Closed(reason, link) => (String::new(), link, Some(reason)),
        };
        let delivery = Delivery { link, url, now, request: &asked.request, language: asked.language };
        let sends = asked.to.iter().zip(room).map(|(recipient, has_room)| {
            let delivery = &delivery;
            async move {
                match closed {
                    // Whoever opened it was sent it, perhaps by an invocation that died before it could tell.
                    Some(reason) => self.look(delivery, recipient, secret, reason).await,
                    None if has_room => self.deliver(delivery, recipient, secret, invocation).await,
                    None => Ok(Outcome::limited(recipient.channel, invocation)),
                }
            }
        });
        // Each to its end: a message that is on its way must be written down, whatever became of another.
        let outcomes = join_all(sends).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        match closed {
            Some(reason) if outcomes.iter().all(|outcome| outcome.fate == Fate::Failed) => {
                let said = if reason == REVOKED { Said::Revoked } else { Said::Used };
                Ok(nothing_sent(asked, Status::Failed, reason, said))
            }
            _ => conclude(asked, &outcomes, now),
        }
    }

    /// What tokens and names are made with.
    async fn token_secret(&self) -> Result<Secret, Error> {
        let secret = self.ports.secrets().get(&self.settings.token_secret).await?;
        if secret.expose().len() < MIN_SECRET {
            let expected = "the secret of `TOKEN_SECRET_ARN` is too short, expected 32 characters or more";
            return Err(Error::environment("WeakSecret", expected));
        }
        Ok(secret)
    }

    async fn signing_key(&self) -> Result<Arc<SigningKey>, Error> {
        let secret = self.ports.secrets().get(&self.settings.signing_secret).await?;
        let mut known = self.signing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = known.as_ref().filter(|(text, _)| *text == secret) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(keys::current(secret.expose(), &self.settings.key_ids)?);
        *known = Some((secret, Arc::clone(&key)));
        Ok(key)
    }

    /// Takes of the limits for a request: of the contact's first, so that whoever has no more links cannot use up those of
    /// a recipient.
    async fn room(
        &self,
        asked: &Asked,
        secret: &[u8],
        request: &str,
        now: OffsetDateTime,
    ) -> Result<Room, Error> {
        let links = self.ports.links();
        let limit = |purpose: &str, whose: &str, max| Limit {
            name: format!("{purpose}#{}", keyed(secret, purpose, whose)),
            max,
            window: HOUR,
        };
        let of_contact = limit("contact", &asked.first_contact_id, self.settings.links_per_contact);
        if !links.take(&of_contact, Some(request), now).await? {
            return Ok(Room::None);
        }
        let of_recipients = asked.to.iter().map(|recipient| {
            let whose = recipient.address.to_ascii_lowercase();
            limit("recipient", &whose, self.settings.links_per_recipient)
        });
        let of_recipients = of_recipients.collect::<Vec<_>>();
        let taken = of_recipients.iter().map(|limit| links.take(limit, Some(request), now));
        join_all(taken).await.into_iter().collect::<Result<_, _>>().map(Room::For)
    }

    /// The contact's link: a new one, or the one that it has, for longer.
    async fn link(&self, asked: &Asked, secret: &[u8], now: OffsetDateTime) -> Result<Chosen, Error> {
        let nonce = Nonce::random()?;
        let fresh = Link {
            hash: Token::derive(secret, &nonce).hash(),
            contact_id: asked.contact_id.clone(),
            created_at: now,
            expires_at: now + self.settings.life,
            context: asked.context.clone(),
        };
        let opened = self.ports.links().open(&fresh, &nonce.to_hex()).await?;
        let link = Link { hash: opened.link.hash.clone(), created_at: opened.link.created_at, ..fresh };
        match opened.state {
            State::Open => {}
            State::Claimed | State::Used => return Ok(Chosen::Closed(USED, link)),
            State::Revoked => return Ok(Chosen::Closed(REVOKED, link)),
        }
        let nonce = Nonce::parse(&opened.nonce).ok_or_else(|| {
            Error::permanent("UnreadableItem", "a contact's nonce is none, expected 32 hex digits")
        })?;
        let token = Token::derive(secret, &nonce);
        if token.hash() != link.hash {
            let changed = "the contact's link was made with another secret than that of `TOKEN_SECRET_ARN`";
            return Err(Error::environment("TokenSecretChanged", changed));
        }
        if !opened.is_new && !self.ports.links().extend(&link).await? {
            return Ok(Chosen::Closed(USED, link));
        }
        Ok(Chosen::Open(token, link))
    }

    /// The signed link.
    fn url(&self, token: &Token, key: &SigningKey, expires_at: OffsetDateTime) -> Result<String, Error> {
        let url = format!("{}/c?t={}", self.settings.origin.as_str(), token.as_str());
        let policy = match self.settings.policy {
            PolicyKind::Canned => Policy::Canned { expires_at },
            PolicyKind::Custom => Policy::Custom { expires_at, not_before: None, source_ip: None },
        };
        key.sign_url(&url, &policy)
    }
}

/// The reason if somebody has opened the link.
const USED: &str = "link_used";
/// The reason if an agent has the call.
const REVOKED: &str = "link_revoked";

/// Says what came of a request, once.
fn told(answer: Answer, asked: &Asked, invocation: &Invocation) -> Answer {
    invocation.metrics.count("LinksIssued", 1, &[("Status", answer.status.as_str())]);
    tracing::info!(
        contact_id = asked.contact_id,
        status = answer.status.as_str(),
        channels = answer.channels,
        uncertain = answer.uncertain,
        failed = answer.failed,
        reason = answer.reason,
        "link asked for"
    );
    answer
}

fn nothing_sent(asked: &Asked, status: Status, reason: &str, said: Said) -> Answer {
    Answer {
        status,
        channels: String::new(),
        uncertain: String::new(),
        failed: String::new(),
        reason: reason.to_owned(),
        expires_at: String::new(),
        expires_in_minutes: String::new(),
        language: asked.language,
        message: spoken(asked.language, said),
    }
}

/// What the outcomes come to.
fn conclude(asked: &Asked, outcomes: &[Outcome], now: OffsetDateTime) -> Result<Answer, Error> {
    let of = |fate: Fate| outcomes.iter().filter(move |outcome| outcome.fate == fate);
    let channels = |fate| of(fate).map(|outcome| outcome.channel).collect::<Vec<_>>();
    let reasons = |fate| of(fate).map(|outcome| outcome.reason.as_str()).collect::<Vec<_>>().join(",");
    let (accepted, uncertain, failed) =
        (channels(Fate::Accepted), channels(Fate::Uncertain), channels(Fate::Failed));
    let reason = if failed.is_empty() { reasons(Fate::Uncertain) } else { reasons(Fate::Failed) };
    // Of two messages, one of which was sent before, the earlier one is the first that no longer opens.
    let expires_at = outcomes.iter().filter_map(|outcome| outcome.expires_at).min();
    let minutes = expires_at.map(|moment| (moment - now).whole_minutes().max(0));
    let (status, said) = match (accepted.is_empty(), uncertain.is_empty(), failed.is_empty()) {
        (true, true, _) => (Status::Failed, Said::Failed),
        (true, false, _) => (Status::PartlySent, Said::Tried(By::of(&uncertain))),
        (false, ..) => {
            let is_whole = uncertain.is_empty() && failed.is_empty();
            let status = if is_whole { Status::Sent } else { Status::PartlySent };
            (status, Said::Sent(By::of(&accepted), minutes.unwrap_or(0)))
        }
    };
    let names =
        |channels: &[Channel]| channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(",");
    let expires_at = expires_at.map(|moment| moment.format(&Rfc3339)).transpose().map_err(|error| {
        Error::permanent("Unwritable", "the link's expiry is no date of this calendar").with_source(error)
    })?;
    Ok(Answer {
        status,
        channels: names(&accepted),
        uncertain: names(&uncertain),
        failed: names(&failed),
        reason,
        expires_at: expires_at.unwrap_or_default(),
        expires_in_minutes: minutes.map(|minutes| minutes.to_string()).unwrap_or_default(),
        language: asked.language,
        message: spoken(asked.language, said),
    })
}
