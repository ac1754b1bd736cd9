//! What the stand-in remembers: contacts, tokens, and which client tokens were used.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::Context;
use super::chat::Chat;
use super::failures::Failures;
use super::lifecycle::Ending;
use super::rate::Rates;
use super::refusal::{Outcome, Refusal};
use super::settings::Settings;
use crate::messages::ids;

/// How long a client token is remembered (API reference, `ClientToken`: valid for 7 days after creation).
const TOKEN_LIFE: Duration = Duration::days(7);

/// The agent who takes contacts: id.
pub(super) const AGENT: &str = "cccccccc-0000-4000-8000-000000000001";

/// All of the stand-in's memory.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) failures: Failures,
    rates: Rates,
    next: u64,
    pub(super) contacts: HashMap<String, Contact>,
    /// The chats that have not ended.
    pub(super) live: Vec<String>,
    used: HashMap<Use, (OffsetDateTime, String)>,
    pub(super) tokens: Tokens,
}

/// What a client token was used for: Region, operation, instance, token.
type Use = (String, &'static str, String, String);

/// Contacts by what opens them.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Participant tokens, valid as long as the chat lasts.
    pub(super) participants: HashMap<String, String>,
    /// Connection tokens, with the time until which they are valid.
    pub(super) connections: HashMap<String, (String, OffsetDateTime)>,
    /// Tokens in the addresses of WebSockets, with the time until which they are.
    pub(super) sockets: HashMap<String, (String, OffsetDateTime)>,
}

/// How a contact reaches the contact centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Voice,
    Chat,
}

impl Channel {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Voice => "VOICE",
            Self::Chat => "CHAT",
        }
    }
}

/// A contact.
#[derive(Debug)]
pub(super) struct Contact {
    pub(super) id: String,
    /// Contacts in the order of their beginning.
    pub(super) seq: u64,
    pub(super) region: String,
    pub(super) instance: String,
    pub(super) channel: Channel,
    /// `InitiationMethod`.
    pub(super) method: String,
    pub(super) flow: Option<String>,
    /// The first contact of the chain, where it is another.
    pub(super) initial: Option<String>,
    pub(super) related: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    /// The customer's phone number.
    pub(super) customer: Option<String>,
    /// The contact centre's phone number.
    pub(super) system: Option<String>,
    pub(super) customer_id: Option<String>,
    pub(super) client_token: Option<String>,
    /// The queue it waits in, or is to wait in.
    pub(super) queue: String,
    pub(super) initiated: OffsetDateTime,
    pub(super) connected_to_system: Option<OffsetDateTime>,
    pub(super) queued: Option<OffsetDateTime>,
    pub(super) with_agent: Option<OffsetDateTime>,
    pub(super) ended: Option<(OffsetDateTime, Ending)>,
    pub(super) updated: OffsetDateTime,
    pub(super) chat: Option<Chat>,
}

impl Contact {
    /// One that begins now, with nothing known of it but where.
    pub(super) fn new(
        id: String,
        region: &str,
        instance: &str,
        channel: Channel,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            id,
            seq: 0,
            region: region.to_owned(),
            instance: instance.to_owned(),
            channel,
            method: "API".into(),
            flow: None,
            initial: None,
            related: None,
            attributes: BTreeMap::new(),
            customer: None,
            system: None,
            customer_id: None,
            client_token: None,
            queue: String::new(),
            initiated: now,
            connected_to_system: None,
            queued: None,
            with_agent: None,
            ended: None,
            updated: now,
            chat: None,
        }
    }

    /// Where it stands: `flow`, `queued`, `agent` or `ended`.
    fn state(&self) -> &'static str {
        match (self.ended, self.with_agent, self.queued) {
            (Some(_), ..) => "ended",
            (None, Some(_), _) => "agent",
            (None, None, Some(_)) => "queued",
            (None, None, None) => "flow",
        }
    }

    pub(super) fn instance_arn(&self, account: &str) -> String {
        format!("arn:aws:connect:{}:{account}:instance/{}", self.region, self.instance)
    }

    /// What control shows of it.
    pub(super) fn shown(&self) -> Value {
        let time = |at: Option<OffsetDateTime>| at.map(ids::milliseconds);
        json!({
            "id": self.id, "region": self.region, "instance": self.instance, "channel": self.channel.name(),
            "state": self.state(), "initiationMethod": self.method, "flow": self.flow, "queue": self.queue,
            "initialContactId": self.initial, "relatedContactId": self.related, "attributes": self.attributes,
            "customer": self.customer, "system": self.system, "clientToken": self.client_token,
            "initiated": ids::milliseconds(self.initiated), "queued": time(self.queued),
            "withAgent": time(self.with_agent), "ended": time(self.ended.map(|(at, _)| at)),
            "disconnectReason": self.ended.map(|(_, ending)| ending.reason(self.channel)),
            "chat": self.chat.as_ref().map(Chat::shown),
        })
    }
}

impl State {
    /// Counts a call against the operation's rate.
    pub(super) fn admit(&mut self, operation: &'static str, cx: &Context<'_>) -> Outcome<()> {
        let Self { settings, rates, .. } = self;
        if settings.rates && !rates.admit(settings, cx.region, operation, cx.now) {
            return Err(Refusal::too_many_requests());
        }
        Ok(())
    }

    /// The contact that a client token was used for before, if it is still remembered.
    pub(super) fn used(
        &mut self,
        (operation, instance, token): (&'static str, &str, Option<&str>),
        cx: &Context<'_>,
    ) -> Option<String> {
        self.used.retain(|_, (at, _)| cx.now - *at < TOKEN_LIFE);
        let key = (cx.region.to_owned(), operation, instance.to_owned(), token?.to_owned());
        self.used.get(&key).map(|(_, contact)| contact.clone())
    }

    /// Adds a contact, and remembers the client token that it was asked for with.
    pub(super) fn add(&mut self, operation: &'static str, mut contact: Contact, cx: &Context<'_>) {
        contact.seq = self.next;
        self.next += 1;
        if let Some(token) = &contact.client_token {
            let key = (contact.region.clone(), operation, contact.instance.clone(), token.clone());
            self.used.insert(key, (cx.now, contact.id.clone()));
        }
        if contact.chat.is_some() {
            self.live.push(contact.id.clone());
        }
        self.contacts.insert(contact.id.clone(), contact);
    }

    /// The attributes of a related contact that has to be known, by the settings, or is.
    pub(super) fn related(&self, related: Option<&str>) -> Outcome<BTreeMap<String, String>> {
        let Some(related) = related else { return Ok(BTreeMap::new()) };
        match self.contacts.get(related) {
            Some(contact) => Ok(contact.attributes.clone()),
            None if self.settings.check_related_contact => Err(Refusal::not_found("Related contact")),
            None => Ok(BTreeMap::new()),
        }
    }

    /// How many chats of an instance go on.
    pub(super) fn active_chats(&self, region: &str, instance: &str) -> usize {
        let contacts = self.live.iter().filter_map(|id| self.contacts.get(id));
        contacts
            .filter(|contact| {
                contact.ended.is_none() && contact.region == region && contact.instance == instance
            })
            .count()
    }

    /// The contacts in the order of their beginning.
    pub(super) fn in_order(&self) -> Vec<&Contact> {
        let mut contacts: Vec<_> = self.contacts.values().collect();
        contacts.sort_by_key(|contact| contact.seq);
        contacts
    }
}
