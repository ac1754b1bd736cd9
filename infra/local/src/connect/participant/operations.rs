//! The operations of participants.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::connect::chat::Chat;
use crate::connect::lifecycle::Ending;
use crate::connect::refusal::{Answer, Outcome, Refusal};
use crate::connect::settings::Settings;
use crate::connect::store::{Contact, State, Tokens};
use crate::connect::{Inner, agent, item, transcript};
use crate::messages::ids;
use crate::messages::input::{Input, required};

/// Characters of a message (Participant Service, SendMessage, `Content`).
const TEXT_LENGTH: usize = 1_024;
const JSON_LENGTH: usize = 12_000;
const RESPONSE_LENGTH: usize = 12_288;

impl Inner {
    /// Carries out an operation for who has the token. WebSockets are to be at `origin`.
    pub(super) fn operate(
        &self,
        operation: &'static str,
        bearer: &str,
        input: Input<'_>,
        origin: &str,
    ) -> Answer {
        let now = self.clock.now();
        let mut state = self.state();
        let State { settings, contacts, tokens, .. } = &mut *state;
        let id = match operation {
            "CreateParticipantConnection" => tokens.participants.get(bearer),
            _ => tokens.connections.get(bearer).filter(|(_, until)| *until > now).map(|(id, _)| id),
        };
        let id = id.cloned().ok_or_else(Refusal::access_denied)?;
        let contact = contacts.get_mut(&id).filter(|contact| contact.ended.is_none());
        let contact = contact.ok_or_else(Refusal::access_denied)?;
        match operation {
            "CreateParticipantConnection" => {
                self.create_connection(settings, contact, tokens, (input, origin), now)
            }
            "SendMessage" => send_message(settings, contact, input, now),
            "SendEvent" => send_event(contact, input, now),
            "GetTranscript" => transcript::get(chat_of(contact)?, &id, input),
            "DisconnectParticipant" => {
                input.sized("ClientToken", 0..=500)?;
                self.finish(settings, contact, Ending::Customer, now);
                Ok(json!({}))
            }
            unknown => Err(Refusal::not_covered(unknown)),
        }
    }

    fn create_connection(
        &self,
        settings: &Settings,
        contact: &mut Contact,
        tokens: &mut Tokens,
        (input, origin): (Input<'_>, &str),
        now: OffsetDateTime,
    ) -> Answer {
        let types = input.texts("Type", 0..=3)?;
        let known = ["WEBSOCKET", "CONNECTION_CREDENTIALS"];
        if types.iter().any(|kind| !known.contains(kind)) {
            return Err(Refusal::field("Type", "has a type that this participant cannot have"));
        }
        let connect = input.boolean("ConnectParticipant")?.unwrap_or(false);
        if types.is_empty() && !connect {
            return Err(Refusal::field("Type", "must not be empty, unless the participant is connected"));
        }
        if connect {
            self.connected(settings, contact, now);
        }
        let until = |seconds| now + Duration::seconds_f64(seconds);
        let until = (until(settings.socket_seconds), until(settings.token_seconds));
        Ok(Value::Object(tokens.connect(&contact.id, &types, origin, until)))
    }

    /// The customer is there: the chat waits for an agent from now on.
    pub(super) fn connected(&self, settings: &Settings, contact: &mut Contact, now: OffsetDateTime) {
        if let Some(chat) = &mut contact.chat {
            chat.connected = true;
        }
        self.enqueue(settings, contact, now);
    }
}

fn chat_of(contact: &mut Contact) -> Outcome<&mut Chat> {
    contact.chat.as_mut().ok_or_else(Refusal::access_denied)
}

/// The client token of a call, with the operation: each counts the tokens of its own.
fn token_of(operation: &str, input: Input<'_>) -> Outcome<Option<String>> {
    let token = input.sized("ClientToken", 0..=500)?.filter(|token| !token.is_empty());
    Ok(token.map(|token| format!("{operation} {token}")))
}

/// What a call is answered, and its repetitions after it.
fn answered(chat: &mut Chat, token: Option<String>, (id, at): (String, OffsetDateTime)) -> Value {
    let answer = json!({ "Id": id, "AbsoluteTime": ids::milliseconds(at) });
    if let Some(token) = token {
        chat.sent.insert(token, answer.clone());
    }
    answer
}

fn send_message(settings: &Settings, contact: &mut Contact, input: Input<'_>, now: OffsetDateTime) -> Answer {
    let kind = required("ContentType", input.sized("ContentType", 1..=100)?)?;
    let longest = match kind {
        item::TEXT | item::MARKDOWN => TEXT_LENGTH,
        item::JSON => JSON_LENGTH,
        item::RESPONSE => RESPONSE_LENGTH,
        _ => return Err(Refusal::field("ContentType", "is not supported")),
    };
    let content = required("Content", input.sized("Content", 1..=longest)?)?;
    let token = token_of("SendMessage", input)?;
    let language = contact.attributes.get("language").map_or("en", String::as_str).to_owned();
    let chat = chat_of(contact)?;
    if !chat.content_types.iter().any(|known| known == kind) {
        return Err(Refusal::field("ContentType", "is not one of the chat's"));
    }
    if let Some(answer) = token.as_ref().and_then(|token| chat.sent.get(token)) {
        return Ok(answer.clone());
    }
    let told = chat.post(now, Some(chat.customer.clone()), kind, Some(content));
    agent::hear(chat, settings, &language, content, now);
    Ok(answered(chat, token, told))
}

fn send_event(contact: &mut Contact, input: Input<'_>, now: OffsetDateTime) -> Answer {
    let kind = required("ContentType", input.sized("ContentType", 1..=100)?)?;
    let content = input.sized("Content", 1..=16_384)?;
    let token = token_of("SendEvent", input)?;
    let chat = chat_of(contact)?;
    if let Some(answer) = token.as_ref().and_then(|token| chat.sent.get(token)) {
        return Ok(answer.clone());
    }
    let customer = chat.customer.clone();
    let told = match kind {
        item::TYPING => chat.pass(now, customer, item::TYPING),
        item::ACKNOWLEDGED => (ids::uuid(), now),
        item::DELIVERED | item::READ => {
            let content: Option<Value> = content.and_then(|content| serde_json::from_str(content).ok());
            let message = content.as_ref().and_then(|content| content.get("messageId")?.as_str());
            let message =
                message.ok_or_else(|| Refusal::field("Content", "must be JSON that names a `messageId`"))?;
            if !chat.receipt(now, &customer.id, message, kind == item::READ) {
                return Err(Refusal::field("Content", "names a message that is not known"));
            }
            (ids::uuid(), now)
        }
        _ => return Err(Refusal::field("ContentType", "is not supported")),
    };
    Ok(answered(chat, token, told))
}
