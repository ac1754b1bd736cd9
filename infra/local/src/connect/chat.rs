//! A chat: who takes part, what was said, and the connections that hear of it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use tokio::sync::mpsc::UnboundedSender;

use super::agent::Due;
use super::item::{self, Item, Participant, Receipt};
use crate::messages::ids;

/// A chat of a contact.
#[derive(Debug)]
pub(super) struct Chat {
    /// The contact's id.
    contact: String,
    pub(super) customer: Participant,
    /// What the customer's connections are asked for with.
    pub(super) participant_token: String,
    pub(super) agent: Option<Participant>,
    /// Everything but typing, in order.
    pub(super) items: Vec<Item>,
    /// What the agent is about to do, in order.
    pub(super) todo: VecDeque<Due>,
    /// What the chat began with.
    pub(super) initial_message: Option<String>,
    /// Contents that may be sent.
    pub(super) content_types: Vec<String>,
    /// Minutes that it may last.
    pub(super) minutes: i64,
    /// Whether the customer has connected.
    pub(super) connected: bool,
    /// The answers to `SendMessage` and `SendEvent`, by client token.
    pub(super) sent: HashMap<String, Value>,
    sockets: Vec<Socket>,
    next_socket: u64,
}

/// A connection of the customer's.
#[derive(Debug)]
struct Socket {
    id: u64,
    subscribed: bool,
    outbox: UnboundedSender<Outgoing>,
}

/// What a connection is to do.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// Send this.
    Text(String),
    /// Break off, without a closing handshake.
    Cut,
}

impl Chat {
    pub(super) fn new(contact: &str, name: &str, participant_token: String) -> Self {
        Self {
            contact: contact.to_owned(),
            customer: Participant::new("CUSTOMER", name),
            participant_token,
            agent: None,
            items: Vec::new(),
            todo: VecDeque::new(),
            initial_message: None,
            content_types: vec![item::TEXT.to_owned()],
            minutes: 25 * 60,
            connected: false,
            sent: HashMap::new(),
            sockets: Vec::new(),
            next_socket: 0,
        }
    }

    /// Adds a message (with content) or an event to the transcript and sends it to every connection; its id
    /// and time.
    pub(super) fn post(
        &mut self,
        now: OffsetDateTime,
        from: Option<Participant>,
        content_type: &str,
        content: Option<&str>,
    ) -> (String, OffsetDateTime) {
        let item = Item {
            id: ids::uuid(),
            at: self.next_time(now),
            content_type: content_type.to_owned(),
            content: content.map(str::to_owned),
            from,
            receipts: BTreeMap::new(),
        };
        self.broadcast(&item.sent(&self.contact));
        let told = (item.id.clone(), item.at);
        self.items.push(item);
        told
    }

    /// Sends an event that no transcript has, such as typing; its id and time.
    pub(super) fn pass(
        &mut self,
        now: OffsetDateTime,
        from: Participant,
        content_type: &str,
    ) -> (String, OffsetDateTime) {
        let item = Item {
            id: ids::uuid(),
            at: now,
            content_type: content_type.to_owned(),
            content: None,
            from: Some(from),
            receipts: BTreeMap::new(),
        };
        self.broadcast(&item.sent(&self.contact));
        (item.id, now)
    }

    /// Notes that a participant got or read a message of another's, and sends it to every connection. `false`
    /// if there is no such message.
    pub(super) fn receipt(
        &mut self,
        now: OffsetDateTime,
        recipient: &str,
        message: &str,
        read: bool,
    ) -> bool {
        let theirs = |item: &&mut Item| {
            item.id == message
                && item.is_message()
                && item.from.as_ref().is_some_and(|from| from.id != recipient)
        };
        let Some(item) = self.items.iter_mut().find(theirs) else { return false };
        let Receipt { delivered, read: read_at } = item.receipts.entry(recipient.to_owned()).or_default();
        delivered.get_or_insert(now);
        if read {
            read_at.get_or_insert(now);
        }
        let told = item.receipts_sent(&self.contact);
        self.broadcast(&told);
        true
    }

    /// No two items have the same time, so that a transcript can be read on from one.
    fn next_time(&self, now: OffsetDateTime) -> OffsetDateTime {
        let now = now.replace_millisecond(now.millisecond()).unwrap_or(now);
        self.items.last().map_or(now, |last| now.max(last.at + Duration::MILLISECOND))
    }

    fn broadcast(&self, content: &Value) {
        let frame = item::frame(content);
        for socket in self.sockets.iter().filter(|socket| socket.subscribed) {
            // A connection that has gone away is taken out by its own task.
            let _ = socket.outbox.send(Outgoing::Text(frame.clone()));
        }
    }

    /// A new connection, which hears nothing before it subscribes; its id.
    pub(super) fn attach(&mut self, outbox: UnboundedSender<Outgoing>) -> u64 {
        let id = self.next_socket;
        self.next_socket += 1;
        self.sockets.push(Socket { id, subscribed: false, outbox });
        id
    }

    /// Answers a connection, and lets it hear of the chat from then on, or no longer.
    pub(super) fn answer(&mut self, socket: u64, answer: &Value, subscribed: Option<bool>) {
        if let Some(socket) = self.sockets.iter_mut().find(|known| known.id == socket) {
            let _ = socket.outbox.send(Outgoing::Text(answer.to_string()));
            socket.subscribed = subscribed.unwrap_or(socket.subscribed);
        }
    }

    pub(super) fn detach(&mut self, socket: u64) {
        self.sockets.retain(|known| known.id != socket);
    }

    /// Breaks all connections off; how many.
    pub(super) fn cut(&mut self) -> usize {
        let sockets = std::mem::take(&mut self.sockets);
        sockets.into_iter().filter(|socket| socket.outbox.send(Outgoing::Cut).is_ok()).count()
    }

    pub(super) fn transcript(&self) -> Vec<Value> {
        self.items.iter().map(|item| item.shown(&self.contact)).collect()
    }

    /// What control shows of it, the transcript apart.
    pub(super) fn shown(&self) -> Value {
        json!({
            "displayName": self.customer.name, "participantId": self.customer.id, "minutes": self.minutes,
            "contentTypes": self.content_types, "connected": self.connected,
            "connections": self.sockets.len(),
            "agent": self.agent.as_ref().map(|agent| agent.name.as_str()), "items": self.items.len(),
            "initialMessage": self.initial_message,
        })
    }
}
