//! What becomes of a contact: it waits in a queue, an agent takes it, it ends. Each change is told on
//! EventBridge.

use serde::Deserialize;
use time::OffsetDateTime;

use super::agent;
use super::event::{self, Kind};
use super::settings::Settings;
use super::store::{Channel, Contact};
use super::{Inner, item};

/// Why a contact ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Ending {
    /// The customer hung up or left.
    Customer,
    /// The agent did.
    Agent,
    /// `StopContact`.
    Api,
    /// The chat's time was up.
    Expiry,
    /// The chat's customer never connected.
    NeverConnected,
}

impl Ending {
    /// `DisconnectReason` (administrator guide, contact records).
    pub(super) fn reason(self, channel: Channel) -> &'static str {
        match (self, channel) {
            (Self::Customer, _) => "CUSTOMER_DISCONNECT",
            (Self::Agent, _) => "AGENT_DISCONNECT",
            (Self::Api, _) => "API",
            (Self::Expiry | Self::NeverConnected, Channel::Voice) => "TELECOM_TIMEOUT",
            (Self::Expiry, Channel::Chat) => "EXPIRED",
            (Self::NeverConnected, Channel::Chat) => "CUSTOMER_CONNECTION_NOT_ESTABLISHED",
        }
    }
}

impl Inner {
    /// Tells of a contact, in this order.
    pub(super) fn announce(&self, settings: &Settings, contact: &Contact, kinds: &[Kind]) {
        if settings.emit {
            let subjects = kinds.iter().map(|kind| event::subject(&self.account, contact, *kind)).collect();
            self.outbox.post(&contact.region, subjects, settings.event);
        }
    }

    /// Puts a contact into its queue, unless it is there, with an agent, or ended.
    pub(super) fn enqueue(&self, settings: &Settings, contact: &mut Contact, now: OffsetDateTime) {
        if contact.ended.is_some() || contact.queued.is_some() {
            return;
        }
        contact.queued = Some(now);
        contact.updated = now;
        self.announce(settings, contact, &[Kind::Queued]);
        if let Some(chat) = contact.chat.as_mut().filter(|_| settings.agent_joins) {
            agent::await_turn(chat, settings, now);
        }
    }

    /// Gives a contact to the agent, out of its queue; `false` if it has one or has ended.
    pub(super) fn take(&self, settings: &Settings, contact: &mut Contact, now: OffsetDateTime) -> bool {
        if contact.ended.is_some() || contact.with_agent.is_some() {
            return false;
        }
        self.enqueue(settings, contact, now);
        contact.with_agent = Some(now);
        contact.updated = now;
        self.announce(settings, contact, &[Kind::ConnectedToAgent]);
        let language = contact.attributes.get("language").map_or("en", String::as_str);
        if let Some(chat) = &mut contact.chat {
            agent::join(chat, settings, language, now);
        }
        true
    }

    /// Ends a contact; `false` if it has ended.
    pub(super) fn finish(
        &self,
        settings: &Settings,
        contact: &mut Contact,
        ending: Ending,
        now: OffsetDateTime,
    ) -> bool {
        if contact.ended.is_some() {
            return false;
        }
        contact.ended = Some((now, ending));
        contact.updated = now;
        if let Some(chat) = &mut contact.chat {
            chat.todo.clear();
            let leaver = match ending {
                Ending::Customer => Some(chat.customer.clone()),
                Ending::Agent => chat.agent.clone(),
                Ending::Api | Ending::Expiry | Ending::NeverConnected => None,
            };
            if leaver.is_some() {
                chat.post(now, leaver, item::LEFT, None);
            }
            chat.post(now, None, item::ENDED, None);
        }
        self.announce(settings, contact, &[Kind::Disconnected]);
        true
    }
}
