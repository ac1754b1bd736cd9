//! `StartChatContact`: a chat from its call to its beginning.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::chat::Chat;
use super::event::Kind;
use super::refusal::{Answer, Outcome, Refusal};
use super::store::{Channel, Contact, State};
use super::{Context, Inner, input, item};
use crate::messages::ids;
use crate::messages::input::{Input, required};

const OPERATION: &str = "StartChatContact";

/// Bytes of the first message (API reference, `ChatMessage`).
const INITIAL_BYTES: usize = 16_384;

const CONTENT_TYPES: [&str; 5] = [item::TEXT, item::MARKDOWN, item::JSON, item::INTERACTIVE, item::RESPONSE];

/// What `ConnectionTypes` may name (service model). Only the first two have connection information here.
const CONNECTION_TYPES: [&str; 4] =
    ["WEBSOCKET", "CONNECTION_CREDENTIALS", "AUTHENTICATION_SESSION", "WEBRTC_CONNECTION"];

/// Members that are not left out of account but refused.
const NOT_COVERED: [&str; 5] = [
    "PersistentChat",
    "SegmentAttributes",
    "ChatStreamingConfiguration",
    "ParticipantConfiguration",
    "DisconnectOnCustomerExit",
];

/// The checked request.
struct Request<'a> {
    name: &'a str,
    attributes: BTreeMap<String, String>,
    initial: Option<(&'a str, &'a str)>,
    client_token: Option<&'a str>,
    minutes: i64,
    content_types: Vec<&'a str>,
    related: Option<&'a str>,
    customer_id: Option<&'a str>,
    connections: Vec<&'a str>,
}

impl<'a> Request<'a> {
    fn read(input: Input<'a>) -> Outcome<Self> {
        let related = input.sized("RelatedContactId", 1..=256)?;
        if related.is_some() && input.get("PersistentChat").is_some() {
            return Err(Refusal::invalid_request(
                "RelatedContactId and PersistentChat cannot be provided together",
            ));
        }
        input::refuse(input, &NOT_COVERED)?;
        let details = required("ParticipantDetails", input.structure("ParticipantDetails")?)?;
        let mut content_types = input.texts("SupportedMessagingContentTypes", 0..=CONTENT_TYPES.len())?;
        if content_types.is_empty() {
            content_types.push(item::TEXT);
        }
        if !content_types.contains(&item::TEXT)
            || content_types.iter().any(|kind| !CONTENT_TYPES.contains(kind))
        {
            let message = "must contain text/plain, and only types that are supported";
            return Err(Refusal::field("SupportedMessagingContentTypes", message));
        }
        let connections = input.texts("ConnectionTypes", 0..=2)?;
        if connections.iter().any(|kind| !CONNECTION_TYPES.contains(kind)) {
            return Err(Refusal::field("ConnectionTypes", "has a type that is not known"));
        }
        Ok(Self {
            name: required("DisplayName", details.sized("DisplayName", 1..=256)?)?,
            attributes: input::attributes(input)?,
            initial: initial(input, &content_types)?,
            client_token: input.sized("ClientToken", 0..=500)?.filter(|token| !token.is_empty()),
            minutes: input.integer("ChatDurationInMinutes", 60..=10_080)?.unwrap_or(25 * 60),
            content_types,
            related,
            customer_id: input.sized("CustomerId", 1..=128)?,
            connections,
        })
    }
}

/// The content type and the text of the first message.
fn initial<'a>(input: Input<'a>, content_types: &[&str]) -> Outcome<Option<(&'a str, &'a str)>> {
    let Some(message) = input.structure("InitialMessage")? else { return Ok(None) };
    let kind = required("ContentType", message.sized("ContentType", 1..=100)?)?;
    let content = required("Content", message.text("Content")?)?;
    if content.is_empty() || content.len() > INITIAL_BYTES {
        return Err(Refusal::field("Content", format!("must have 1 to {INITIAL_BYTES} bytes")));
    }
    if !content_types.contains(&kind) {
        return Err(Refusal::field("ContentType", "is not one of SupportedMessagingContentTypes"));
    }
    Ok(Some((kind, content)))
}

impl Inner {
    /// Begins a chat, or gives the one that the same client token began.
    pub(super) fn start_chat(&self, state: &mut State, cx: &Context<'_>, input: Input<'_>) -> Answer {
        let instance = input::instance(&state.settings, input)?.to_owned();
        let flow = input::flow(&state.settings, input)?.to_owned();
        let request = Request::read(input)?;
        if let Some(contact) = state.used((OPERATION, &instance, request.client_token), cx) {
            return self.answer_start(state, &contact, &request.connections, cx.now);
        }
        state.related(request.related)?;
        if state.active_chats(cx.region, &instance) >= state.settings.max_active_chats {
            return Err(Refusal::limit_exceeded());
        }
        if request.connections.contains(&"WEBSOCKET") && self.origin().is_none() {
            return Err(Refusal::named(500, "InternalServiceException", "nothing serves participants"));
        }
        let mut contact = Contact::new(ids::uuid(), cx.region, &instance, Channel::Chat, cx.now);
        contact.flow = Some(flow);
        contact.related = request.related.map(str::to_owned);
        contact.attributes = request.attributes;
        contact.customer_id = request.customer_id.map(str::to_owned);
        contact.client_token = request.client_token.map(str::to_owned);
        contact.queue = state.settings.queues.first().cloned().unwrap_or_default();
        contact.connected_to_system = Some(cx.now);
        let mut chat = Chat::new(&contact.id, request.name, super::participant::token());
        chat.minutes = request.minutes;
        chat.content_types = request.content_types.iter().map(|kind| (*kind).to_owned()).collect();
        chat.initial_message = request.initial.map(|(_, content)| content.to_owned());
        let customer = chat.customer.clone();
        chat.post(cx.now, Some(customer.clone()), item::JOINED, None);
        if let Some((kind, content)) = request.initial {
            chat.post(cx.now, Some(customer), kind, Some(content));
        }
        state.tokens.participants.insert(chat.participant_token.clone(), contact.id.clone());
        contact.chat = Some(chat);
        // Chats have both at once (administrator guide, contact events, CONNECTED_TO_SYSTEM).
        self.announce(&state.settings, &contact, &[Kind::Initiated, Kind::ConnectedToSystem]);
        let id = contact.id.clone();
        state.add(OPERATION, contact, cx);
        self.answer_start(state, &id, &request.connections, cx.now)
    }

    fn answer_start(
        &self,
        state: &mut State,
        contact: &str,
        connections: &[&str],
        now: OffsetDateTime,
    ) -> Answer {
        let State { settings, contacts, tokens, .. } = state;
        let contact = contacts.get(contact);
        let (contact, chat) = contact
            .and_then(|contact| Some((contact, contact.chat.as_ref()?)))
            .ok_or_else(|| Refusal::not_found("Contact"))?;
        let mut answer = json!({
            "ContactId": contact.id, "ParticipantId": chat.customer.id,
            "ParticipantToken": chat.participant_token,
        });
        if let Some(members) = answer.as_object_mut().filter(|_| contact.ended.is_none()) {
            let until = |seconds| now + Duration::seconds_f64(seconds);
            let origin = self.origin().unwrap_or_default();
            members.extend(tokens.connect(
                &contact.id,
                connections,
                &origin,
                (until(settings.socket_seconds), until(settings.token_seconds)),
            ));
        }
        Ok(answer)
    }
}

impl super::store::Tokens {
    /// `Websocket` and `ConnectionCredentials`, as far as they are asked for, valid until these times.
    pub(super) fn connect(
        &mut self,
        contact: &str,
        types: &[&str],
        origin: &str,
        (socket_until, token_until): (OffsetDateTime, OffsetDateTime),
    ) -> Map<String, Value> {
        let mut answer = Map::new();
        if types.contains(&"WEBSOCKET") {
            let token = super::participant::token();
            let origin = origin.replacen("http", "ws", 1);
            let url = format!("{origin}/participant/socket?X-Amz-Token={token}");
            let expiry = ids::milliseconds(socket_until);
            answer.insert("Websocket".into(), json!({ "Url": url, "ConnectionExpiry": expiry }));
            self.sockets.insert(token, (contact.to_owned(), socket_until));
        }
        if types.contains(&"CONNECTION_CREDENTIALS") {
            let token = super::participant::token();
            let expiry = ids::milliseconds(token_until);
            answer.insert(
                "ConnectionCredentials".into(),
                json!({ "ConnectionToken": token, "Expiry": expiry }),
            );
            self.connections.insert(token, (contact.to_owned(), token_until));
        }
        answer
    }
}
