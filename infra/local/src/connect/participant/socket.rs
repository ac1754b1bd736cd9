//! The WebSocket of a participant, as amazon-connect-chatjs speaks to it: JSON with a `topic`.
//!
//! - `{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}` is answered under the same topic with the
//!   content `{"status":"success","topics":[…]}`; so is `aws/unsubscribe`
//! - `{"topic":"aws/heartbeat"}` is answered with itself
//! - `{"topic":"aws/ping"}` is answered with `{"topic":"aws/ping","statusCode":200,"statusContent":"OK"}`
//!
//! Everything of the chat comes under the topic `aws/chat` with the content type `application/json`; its
//! content is an item as JSON, within a string.

use std::collections::HashMap;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State as Given};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::connect::chat::Outgoing;
use crate::connect::item::TOPIC;
use crate::connect::refusal::Refusal;
use crate::connect::store::State;
use crate::connect::{Connect, Inner};
use crate::messages::ids;

/// The most that a browser may send at once.
const FRAME_LIMIT: usize = 128 * 1024;

/// Opens the connection that an address from `CreateParticipantConnection` names.
pub(super) async fn upgrade(
    Given(connect): Given<Connect>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let token = query.get("X-Amz-Token").map(String::as_str).unwrap_or_default();
    let Some(opened) = connect.inner.open(token) else {
        return super::response(Refusal::access_denied().reply("ValidationException"));
    };
    upgrade.max_message_size(FRAME_LIMIT).on_upgrade(move |socket| serve(connect, opened, socket))
}

/// A connection: its contact, its number, and what it is to do.
struct Opened {
    contact: String,
    socket: u64,
    outbox: UnboundedReceiver<Outgoing>,
}

async fn serve(connect: Connect, mut opened: Opened, mut socket: WebSocket) {
    loop {
        tokio::select! {
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) => {
                    connect.inner.hear(&opened, &text);
                    connect.stir();
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            outgoing = opened.outbox.recv() => match outgoing {
                Some(Outgoing::Text(text)) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        break;
                    }
                }
                // Without a closing handshake, as when the network is gone.
                Some(Outgoing::Cut) | None => break,
            },
        }
    }
    connect.inner.close(&opened);
}

impl Inner {
    /// A connection for the token in a WebSocket's address, if it is valid.
    fn open(&self, token: &str) -> Option<Opened> {
        let now = self.clock.now();
        let mut state = self.state();
        let State { contacts, tokens, .. } = &mut *state;
        let (contact, _) = tokens.sockets.get(token).filter(|(_, until)| *until > now)?;
        let contact = contacts.get_mut(contact).filter(|contact| contact.ended.is_none())?;
        let (sender, outbox) = unbounded_channel();
        let socket = contact.chat.as_mut()?.attach(sender);
        Some(Opened { contact: contact.id.clone(), socket, outbox })
    }

    fn close(&self, opened: &Opened) {
        if let Some(chat) =
            self.state().contacts.get_mut(&opened.contact).and_then(|contact| contact.chat.as_mut())
        {
            chat.detach(opened.socket);
        }
    }

    /// Answers what a browser sent.
    fn hear(&self, opened: &Opened, text: &str) {
        let now = self.clock.now();
        let mut state = self.state();
        let State { settings, contacts, .. } = &mut *state;
        let Some(contact) = contacts.get_mut(&opened.contact) else { return };
        let heard: Value = serde_json::from_str(text).unwrap_or_default();
        let topic = heard.get("topic").and_then(Value::as_str).unwrap_or_default();
        let (answer, subscribed) = match topic {
            "aws/subscribe" | "aws/unsubscribe" => {
                let topics = heard.pointer("/content/topics").cloned().unwrap_or_else(|| json!([]));
                let known = topics
                    .as_array()
                    .is_some_and(|topics| !topics.is_empty() && topics.iter().all(|asked| asked == TOPIC));
                let status = if known { "success" } else { "failure" };
                let answer = json!({ "topic": topic, "content": { "status": status, "topics": topics } });
                (answer, known.then_some(topic == "aws/subscribe"))
            }
            "aws/heartbeat" => (json!({ "topic": topic }), None),
            "aws/ping" => (json!({ "topic": topic, "statusCode": 200, "statusContent": "OK" }), None),
            _ => {
                let connection = opened.socket.to_string();
                let answer = json!({
                    "message": "Forbidden", "connectionId": connection, "requestId": ids::uuid(),
                });
                (answer, None)
            }
        };
        if let Some(chat) = &mut contact.chat {
            chat.answer(opened.socket, &answer, subscribed);
        }
        if subscribed == Some(true) {
            self.connected(settings, contact, now);
        }
    }
}
