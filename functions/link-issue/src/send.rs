//! One message: claimed, sent, settled.

use std::collections::BTreeMap;
use std::time::Duration;

use eventide_clients::email::{Email as _, Mail, Sent};
use eventide_clients::sms::{MessageType, Sms as _, TextMessage};
use eventide_kit::ledger::{Claimed, Entry, Ledger as _, Settlement, State};
use eventide_kit::{Class, Error, Invocation};
use eventide_links::token::keyed;
use eventide_types::Link;
use eventide_types::link::Language;
use time::OffsetDateTime;

use crate::channel::Channel;
use crate::issue::{LinkIssue, Ports};
use crate::request::Recipient;
use crate::texts::{MailText, mail, sms};

/// Kept back of the invocation's time for writing down what became of the messages, and for answering.
const RESERVE: Duration = Duration::from_secs(1);
/// How the reason of a refusal begins that is no last word: the message may be claimed again.
const POSTPONED: &str = "postponed: ";
/// The tag of an email, and the context of an SMS, that names the link.
const TAG: &str = "eventide-link";
/// What an entry says of the message: until when its link opens, in seconds since 1970.
const EXPIRES_AT: &str = "expires_at";
/// The shortest and the longest time for which an SMS can be worth delivering, in seconds (SendTextMessage in the AWS End
/// User Messaging SMS API reference).
const TIME_TO_LIVE: std::ops::RangeInclusive<i64> = 5..=259_200;

/// What is sent to each recipient. Its URL is not to be logged.
pub(crate) struct Delivery<'a> {
    pub(crate) link: Link,
    pub(crate) url: String,
    pub(crate) now: OffsetDateTime,
    pub(crate) request: &'a str,
    pub(crate) language: Language,
}

/// Whether a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its provider has it.
    Accepted,
    /// Nobody knows.
    Uncertain,
    /// Its provider does not have it.
    Failed,
}

/// What became of a message.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) channel: Channel,
    pub(crate) fate: Fate,
    /// Why, if it was not accepted.
    pub(crate) reason: String,
    /// Until when the link opens that was sent, if one was.
    pub(crate) expires_at: Option<OffsetDateTime>,
}

impl Outcome {
    /// There were enough messages to this recipient.
    pub(crate) fn limited(channel: Channel, invocation: &Invocation) -> Self {
        count(channel, "limited", invocation);
        Self::failed(channel, "limited")
    }

    fn failed(channel: Channel, reason: &str) -> Self {
        Self { channel, fate: Fate::Failed, reason: reason.to_owned(), expires_at: None }
    }

    /// What an entry tells that is not this invocation's.
    fn of(entry: &Entry, channel: Channel) -> Self {
        let seconds = entry.detail.get(EXPIRES_AT).and_then(|seconds| seconds.parse().ok());
        let expires_at = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let reason = entry.reason.as_deref().unwrap_or_default();
        match entry.state {
            State::Done => Self { channel, fate: Fate::Accepted, reason: String::new(), expires_at },
            State::Refused => Self::failed(channel, reason.strip_prefix(POSTPONED).unwrap_or(reason)),
            State::Uncertain => {
                Self { channel, fate: Fate::Uncertain, reason: reason.to_owned(), expires_at }
            }
            // Somebody is at it, or died at it.
            State::Claimed => {
                Self { channel, fate: Fate::Uncertain, reason: "interrupted".to_owned(), expires_at }
            }
        }
    }
}

impl Delivery<'_> {
    /// The effect of sending this link to this recipient, by this request.
    fn effect(&self, recipient: &Recipient, secret: &[u8]) -> String {
        // A channel's name has no line break in it, and an address neither.
        let what = format!("{}\n{}\n{}", recipient.channel, recipient.address, self.request);
        format!("link-{}-{}-{}", self.tag(), keyed(secret, "message", &what), recipient.channel)
    }

    /// What names the link to the providers, and in their events.
    fn tag(&self) -> &str {
        let hash = self.link.hash.as_str();
        hash.get(..32).unwrap_or(hash)
    }

    fn minutes(&self) -> i64 {
        (self.link.expires_at - self.now).whole_minutes()
    }
}

impl<P: Ports> LinkIssue<P> {
    /// Sends the link, unless it was sent before.
    pub(crate) async fn deliver(
        &self,
        delivery: &Delivery<'_>,
        recipient: &Recipient,
        secret: &[u8],
        invocation: &Invocation,
    ) -> Result<Outcome, Error> {
        let detail = BTreeMap::from([
            ("contact".to_owned(), delivery.link.contact_id.clone()),
            ("channel".to_owned(), recipient.channel.as_str().to_owned()),
            (EXPIRES_AT.to_owned(), delivery.link.expires_at.unix_timestamp().to_string()),
        ]);
        let (holder, until) = (invocation.request_id.as_str(), invocation.deadline.expires_at());
        let (ledger, effect) = (self.ports.ledger(), delivery.effect(recipient, secret));
        let mut claimed = ledger.claim(&effect, holder, until, detail.clone()).await?;
        if let Claimed::Held(entry) = &claimed
            && is_postponed(entry)
        {
            claimed = ledger.claim_again(entry, holder, until, detail).await?;
        }
        match claimed {
            Claimed::Won(entry) => Ok(self.send(delivery, recipient, &entry, invocation).await),
            Claimed::Held(entry) => Ok(Outcome::of(&entry, recipient.channel)),
        }
    }

    /// What became of the message, if there was one; else it failed for the reason.
    pub(crate) async fn look(
        &self,
        delivery: &Delivery<'_>,
        recipient: &Recipient,
        secret: &[u8],
        reason: &str,
    ) -> Result<Outcome, Error> {
        let entry = self.ports.ledger().get(&delivery.effect(recipient, secret)).await?;
        Ok(entry.map_or_else(
            || Outcome::failed(recipient.channel, reason),
            |entry| Outcome::of(&entry, recipient.channel),
        ))
    }

    /// Sends a message that was claimed, and settles it.
    async fn send(
        &self,
        delivery: &Delivery<'_>,
        recipient: &Recipient,
        entry: &Entry,
        invocation: &Invocation,
    ) -> Outcome {
        let channel = recipient.channel;
        let (settlement, fate, reason, counted) = match self.hand_over(delivery, recipient, invocation).await
        {
            Ok(Sent::Accepted { message_id }) => {
                let detail = BTreeMap::from([("message_id".to_owned(), message_id)]);
                (Settlement::Done { detail }, Fate::Accepted, String::new(), "accepted")
            }
            Ok(Sent::Refused { reason }) => {
                (Settlement::Refused { reason: reason.clone() }, Fate::Failed, reason, "refused")
            }
            Ok(Sent::Unknown { reason }) => {
                (Settlement::Uncertain { reason: reason.clone() }, Fate::Uncertain, reason, "uncertain")
            }
            Ok(Sent::Postponed { reason, .. }) => (postponed(&reason), Fate::Failed, reason, "postponed"),
            Err(error) => {
                let reason = error.error_type().to_owned();
                tracing::error!(
                    entry = entry.key,
                    channel = channel.as_str(),
                    error_type = error.qualified_type(),
                    %error,
                    "message not sent"
                );
                if error.class() == Class::Permanent {
                    (Settlement::Refused { reason: reason.clone() }, Fate::Failed, reason, "refused")
                } else {
                    (postponed(&reason), Fate::Failed, reason, "postponed")
                }
            }
        };
        count(channel, counted, invocation);
        if fate == Fate::Uncertain {
            tracing::warn!(
                entry = entry.key,
                channel = channel.as_str(),
                reason,
                "nobody knows whether it was sent"
            );
        }
        // What is not written down stays claimed: it will not be sent again, and this invocation knows what became of it.
        if let Err(error) = self.ports.ledger().settle(&entry.key, entry.attempt, settlement).await {
            tracing::warn!(
                entry = entry.key,
                error_type = error.qualified_type(),
                %error,
                "what became of the message is not written down"
            );
        }
        let expires_at = (fate != Fate::Failed).then_some(delivery.link.expires_at);
        Outcome { channel, fate, reason, expires_at }
    }

    /// Hands a message over, in the time that there is.
    async fn hand_over(
        &self,
        delivery: &Delivery<'_>,
        recipient: &Recipient,
        invocation: &Invocation,
    ) -> Result<Sent, Error> {
        let left = invocation.deadline.remaining().saturating_sub(RESERVE);
        let budget = self.settings.provider_time.min(left);
        if budget.is_zero() {
            return Ok(Sent::Postponed { reason: "no_time".to_owned(), daily: false });
        }
        let sending = async {
            match recipient.channel {
                Channel::Sms => self.text(delivery, &recipient.address).await,
                Channel::Email => self.mail(delivery, &recipient.address).await,
            }
        };
        tokio::time::timeout(budget, sending)
            .await
            .unwrap_or_else(|_elapsed| Ok(Sent::Unknown { reason: "timed_out".to_owned() }))
    }

    async fn text(&self, delivery: &Delivery<'_>, to: &str) -> Result<Sent, Error> {
        let Some(settings) = &self.settings.sms else { return Ok(off("SMS_ORIGINATION")) };
        let seconds = (delivery.link.expires_at - delivery.now).whole_seconds();
        let seconds = seconds.clamp(*TIME_TO_LIVE.start(), *TIME_TO_LIVE.end());
        let message = TextMessage {
            to: to.to_owned(),
            body: sms(delivery.language, &self.settings.brand, &delivery.url, delivery.minutes()),
            origination_identity: settings.origination.clone(),
            configuration_set: settings.configuration_set.clone(),
            message_type: MessageType::Transactional,
            max_price: settings.max_price.clone(),
            time_to_live_seconds: u32::try_from(seconds).ok(),
            context: vec![(TAG.to_owned(), delivery.tag().to_owned())],
            protect_configuration: settings.protect_configuration.clone(),
        };
        self.ports.sms().send(&message).await
    }

    async fn mail(&self, delivery: &Delivery<'_>, to: &str) -> Result<Sent, Error> {
        let Some(settings) = &self.settings.email else { return Ok(off("EMAIL_FROM")) };
        let MailText { subject, text, html } =
            mail(delivery.language, &self.settings.brand, &delivery.url, delivery.minutes());
        let message = Mail {
            from: settings.from.clone(),
            to: to.to_owned(),
            subject,
            text: Some(text),
            html: Some(html),
            reply_to: settings.reply_to.clone(),
            configuration_set: settings.configuration_set.clone(),
            list: None,
            headers: Vec::new(),
            tags: vec![(TAG.to_owned(), delivery.tag().to_owned())],
        };
        self.ports.email().send(&message).await
    }
}

fn off(variable: &str) -> Sent {
    Sent::Refused { reason: format!("the channel is off: `{variable}` is not set") }
}

fn postponed(reason: &str) -> Settlement {
    Settlement::Refused { reason: format!("{POSTPONED}{reason}") }
}

fn is_postponed(entry: &Entry) -> bool {
    let reason = entry.reason.as_deref().unwrap_or_default();
    entry.state == State::Refused && reason.starts_with(POSTPONED)
}

fn count(channel: Channel, outcome: &str, invocation: &Invocation) {
    invocation.metrics.count("Sends", 1, &[("Channel", channel.as_str()), ("Outcome", outcome)]);
}
