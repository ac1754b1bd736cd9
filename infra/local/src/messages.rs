//! The messages that the email and SMS stand-ins accepted, and what both have in common.
//!
//! # Layout
//! - this module, `page`: the list behind `/_local/messages`
//! - `input`: checks on the members of a request
//! - `outbox`, `plan`: the events, and how chosen sends go
//! - `rate`, `ids`: what a second allows; identifiers and times

pub(crate) mod ids;
pub(crate) mod input;
pub(crate) mod outbox;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod rate;
#[cfg(test)]
pub(crate) mod recorder;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use crate::service::Reply;

/// How many messages are kept in full; older ones are only counted.
const KEPT: usize = 10_000;

/// As is what exceeds this many bytes of content.
const KEPT_BYTES: usize = 256 * 1024 * 1024;

/// How a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// By Amazon SES.
    Email,
    /// By AWS End User Messaging.
    Sms,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// A header of an email.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A message that a service accepted. Its `Debug` shows neither addresses nor content.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Counts the accepted messages, from 1; set when it is recorded.
    pub seq: u64,
    /// The id that the service answered.
    pub id: String,
    /// How it was sent.
    pub channel: Channel,
    /// Whom to: addresses, or one phone number.
    pub to: Vec<String>,
    /// Carbon copies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// Blind carbon copies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    /// Who from: an address, or an origination identity.
    pub from: String,
    /// The subject of an email.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The HTML of an email.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The headers of an email.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// The tags of an email.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The context of an SMS.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
    /// The configuration set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_set: Option<String>,
    /// What else the service says of it, such as the parts of an SMS.
    #[serde(flatten)]
    pub more: BTreeMap<&'static str, Value>,
    /// When, by the stand-ins' clock, as RFC 3339.
    pub at: String,
    /// Who sent it, as the journal names callers.
    pub caller: String,
    /// The Region.
    pub region: String,
    /// What the service needs for later events of it.
    #[serde(skip)]
    pub basis: Value,
}

impl Message {
    fn bytes(&self) -> usize {
        let texts = [&self.subject, &self.text, &self.html];
        texts.into_iter().flatten().map(String::len).sum()
    }

    fn recipients(&self) -> impl Iterator<Item = &String> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("seq", &self.seq)
            .field("id", &self.id)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// The accepted messages of all services, oldest first. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    accepted: u64,
    by_channel: BTreeMap<&'static str, u64>,
    bytes: usize,
    kept: VecDeque<Message>,
}

/// Which messages are asked for. What is left out does not restrict.
#[derive(Debug, Default)]
struct Query {
    channel: Option<String>,
    to: Option<String>,
    since: u64,
}

impl Query {
    fn read(parameters: &[(String, String)]) -> Result<Self, String> {
        let mut query = Self::default();
        for (name, value) in parameters {
            match name.as_str() {
                "channel" if ["email", "sms"].contains(&value.as_str()) => {
                    query.channel = Some(value.clone())
                }
                "channel" => return Err(format!("channel `{value}`, expected `email` or `sms`")),
                "to" => query.to = Some(value.to_lowercase()),
                "since" => {
                    query.since = value.parse().map_err(|_| format!("since `{value}`, expected a number"))?;
                }
                name => return Err(format!("parameter `{name}`, expected `channel`, `to` or `since`")),
            }
        }
        Ok(query)
    }

    fn matches(&self, message: &Message) -> bool {
        let to = |wanted: &String| message.recipients().any(|to| to.to_lowercase().contains(wanted.as_str()));
        message.seq > self.since
            && self.channel.as_deref().is_none_or(|channel| channel == message.channel.name())
            && self.to.as_ref().is_none_or(to)
    }
}

impl Messages {
    /// Adds a message and numbers it.
    pub fn record(&self, mut message: Message) {
        let mut log = self.lock();
        log.accepted += 1;
        message.seq = log.accepted;
        *log.by_channel.entry(message.channel.name()).or_default() += 1;
        log.bytes += message.bytes();
        log.kept.push_back(message);
        while log.kept.len() > KEPT || (log.bytes > KEPT_BYTES && log.kept.len() > 1) {
            let dropped = log.kept.pop_front().map_or(0, |message| message.bytes());
            log.bytes = log.bytes.saturating_sub(dropped);
        }
    }

    /// The message with that id, if it is still kept.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Message> {
        self.lock().kept.iter().rev().find(|message| message.id == id).cloned()
    }

    /// Forgets all messages. Numbers start anew.
    pub fn clear(&self) {
        *self.lock() = Log::default();
    }

    /// Answers `GET /_local/messages`: those that the query's parameters ask for, as JSON or as a page.
    ///
    /// # Errors
    /// An unknown parameter, or a value that is none.
    pub(crate) fn answer(&self, parameters: &[(String, String)], as_page: bool) -> Result<Reply, String> {
        let query = Query::read(parameters)?;
        let log = self.lock();
        let found: Vec<&Message> = log.kept.iter().filter(|message| query.matches(message)).collect();
        if as_page {
            return Ok(page::render(&found, log.accepted));
        }
        let dropped = log.accepted - log.kept.len() as u64;
        let counts = json!({ "accepted": log.accepted, "notKept": dropped, "byChannel": log.by_channel });
        Ok(Reply::json(200, &json!({ "messages": found, "counts": counts })))
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(channel: Channel, to: &str, text: &str) -> Message {
        Message {
            seq: 0,
            id: format!("id-{text}"),
            channel,
            to: vec![to.into()],
            cc: Vec::new(),
            bcc: Vec::new(),
            from: "shop@example.com".into(),
            subject: Some("<Sale>".into()),
            text: Some(text.into()),
            html: None,
            headers: Vec::new(),
            tags: BTreeMap::new(),
            context: BTreeMap::new(),
            configuration_set: None,
            more: BTreeMap::from([("parts", json!(1))]),
            at: "2026-01-31T22:00:00Z".into(),
            caller: "campaign-send".into(),
            region: "us-east-1".into(),
            basis: Value::Null,
        }
    }

    fn found(messages: &Messages, query: &[(&str, &str)]) -> Value {
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        serde_json::from_slice(&messages.answer(&query, false).unwrap().body).unwrap()
    }

    #[test]
    fn messages_are_found_by_channel_recipient_and_number() {
        let messages = Messages::default();
        messages.record(message(Channel::Email, "Ann@example.com", "a"));
        messages.record(message(Channel::Sms, "+15550100", "b"));
        let all = found(&messages, &[]);
        assert_eq!(
            all["counts"],
            json!({ "accepted": 2, "notKept": 0, "byChannel": { "email": 1, "sms": 1 } })
        );
        assert_eq!(all["messages"][1]["parts"], 1);
        for (query, expected) in [
            (("channel", "sms"), vec!["b"]),
            (("to", "ann@EXAMPLE"), vec!["a"]),
            (("to", "+15550100"), vec!["b"]),
            (("to", "nobody"), vec![]),
            (("since", "1"), vec!["b"]),
        ] {
            let found = found(&messages, &[query]);
            let texts: Vec<_> = found["messages"].as_array().unwrap().iter().map(|m| &m["text"]).collect();
            assert_eq!(texts, expected, "{query:?}");
        }
        for query in [("channel", "fax"), ("since", "x"), ("from", "a")] {
            assert!(messages.answer(&[(query.0.into(), query.1.into())], false).is_err(), "{query:?}");
        }
        let page = messages.answer(&[], true).unwrap();
        let page = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(
            page.contains("Ann@example.com") && page.contains("&lt;Sale&gt;") && !page.contains("<Sale>")
        );
        messages.clear();
        assert_eq!(found(&messages, &[])["counts"]["accepted"], 0);
    }

    #[test]
    fn a_million_messages_are_counted_and_the_newest_kept() {
        let messages = Messages::default();
        let one = message(Channel::Sms, "+15550100", "b");
        for _ in 0..1_000_000 {
            messages.record(one.clone());
        }
        let log = messages.lock();
        assert_eq!((log.accepted, log.kept.len()), (1_000_000, KEPT));
        assert_eq!(log.kept.front().map(|message| message.seq), Some(990_001));
        assert_eq!(log.bytes, one.bytes() * KEPT);
    }

    #[test]
    fn large_messages_are_dropped_sooner() {
        let messages = Messages::default();
        let large = message(Channel::Email, "a@example.com", &"x".repeat(40 * 1024 * 1024));
        for _ in 0..10 {
            messages.record(large.clone());
        }
        assert_eq!(messages.lock().kept.len(), 6, "of 40 MB each within 256 MB");
    }

    #[test]
    fn nothing_personal_is_in_the_debug_form() {
        let mut message = message(Channel::Email, "ann@example.com", "secret");
        message.id = "id".into();
        let shown = format!("{message:?}");
        assert!(!shown.contains("ann@") && !shown.contains("secret"), "{shown}");
    }
}
