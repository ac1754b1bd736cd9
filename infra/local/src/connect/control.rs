//! Control below `/_local/connect/`, which AWS does not have.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::event::Kind;
use super::lifecycle::Ending;
use super::store::{Channel, Contact, State};
use super::{Connect, Context, INSTANCE, item};
use crate::cloud::REGION;
use crate::messages::ids;
use crate::service::Reply;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    index: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Origin {
    origin: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    #[serde(default = "by_customer")]
    by: Ending,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    text: String,
}

fn by_customer() -> Ending {
    Ending::Customer
}

/// Where a contact stands when it is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Stage {
    /// In its flow.
    Flow,
    /// In its queue.
    #[default]
    Queued,
    /// With an agent.
    Agent,
    /// Over: the customer hung up.
    Ended,
}

/// A voice contact that a customer began.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Put {
    id: Option<String>,
    region: String,
    instance: String,
    state: Stage,
    customer: Option<String>,
    attributes: BTreeMap<String, String>,
    queue: Option<String>,
    initiation_method: String,
    initial_contact_id: Option<String>,
    related_contact_id: Option<String>,
}

impl Default for Put {
    fn default() -> Self {
        Self {
            id: None,
            region: REGION.into(),
            instance: INSTANCE.into(),
            state: Stage::default(),
            customer: None,
            attributes: BTreeMap::new(),
            queue: None,
            initiation_method: "INBOUND".into(),
            initial_contact_id: None,
            related_contact_id: None,
        }
    }
}

/// A body's members; no body has none.
fn parse<T: DeserializeOwned>(body: Value) -> Result<T, String> {
    let body = if body.is_null() { json!({}) } else { body };
    serde_json::from_value(body).map_err(|error| error.to_string())
}

impl Connect {
    pub(super) async fn control_request(&self, method: Method, path: &str, body: Value) -> Reply {
        let inner = &self.inner;
        let outcome = match (method.as_str(), path) {
            ("GET", "settings") => Ok(json!(inner.state().settings)),
            ("POST", "settings") => {
                let mut state = inner.state();
                state.settings.with(&body).map(|settings| {
                    state.settings = settings;
                    json!(state.settings)
                })
            }
            ("GET", "origin") => Ok(json!({ "origin": inner.origin() })),
            ("POST", "origin") => parse(body).map(|Origin { origin }| {
                self.set_origin(&origin);
                json!({ "origin": inner.origin() })
            }),
            ("GET", "failures") => Ok(inner.state().failures.list()),
            ("POST", "failures") => {
                let mut state = inner.state();
                state.failures.add(body).map(|()| state.failures.list())
            }
            ("DELETE", "failures") => {
                inner.state().failures.clear();
                Ok(json!({}))
            }
            ("GET", "events") => Ok(inner.outbox.list()),
            ("DELETE", "events") => {
                inner.outbox.clear();
                Ok(json!({}))
            }
            ("POST", "redeliver") => self.redeliver(body).await,
            ("GET", "contacts") => Ok(json!({ "contacts": shown(&inner.state(), |_| true) })),
            ("GET", "calls") => {
                let is_call =
                    |contact: &Contact| contact.channel == Channel::Voice && contact.method == "API";
                Ok(json!({ "calls": shown(&inner.state(), is_call) }))
            }
            ("POST", "contacts") => self.put(body),
            (method, path) => match path.strip_prefix("contacts/") {
                Some(contact) => self.contact_request(method, contact, body),
                None => return Reply::not_covered(&format!("{method} /_local/connect/{path}")),
            },
        };
        self.stir();
        match outcome {
            Ok(body) => Reply::json(200, &body),
            Err(message) => Reply::error(400, "InvalidControlRequest", &message),
        }
    }

    async fn redeliver(&self, body: Value) -> Result<Value, String> {
        let Redeliver { index } = parse(body)?;
        self.inner.outbox.redeliver(index).await.ok_or_else(|| format!("no event has the index {index}"))
    }

    /// Puts a voice contact, with the events that lead to where it stands.
    fn put(&self, body: Value) -> Result<Value, String> {
        let put: Put = parse(body)?;
        let inner = &self.inner;
        let now = inner.clock.now();
        let mut state = inner.state();
        let id = put.id.unwrap_or_else(ids::uuid);
        if state.contacts.contains_key(&id) {
            return Err(format!("contact `{id}` is there already"));
        }
        let mut contact = Contact::new(id, &put.region, &put.instance, Channel::Voice, now);
        contact.method = put.initiation_method;
        contact.initial = put.initial_contact_id;
        contact.related = put.related_contact_id;
        contact.attributes = put.attributes;
        contact.customer = put.customer;
        contact.system = state.settings.numbers.first().cloned();
        contact.queue = put.queue.or_else(|| state.settings.queues.first().cloned()).unwrap_or_default();
        let settings = &state.settings;
        inner.announce(settings, &contact, &[Kind::Initiated]);
        if put.state >= Stage::Queued {
            inner.enqueue(settings, &mut contact, now);
        }
        if put.state == Stage::Agent {
            inner.take(settings, &mut contact, now);
        }
        if put.state == Stage::Ended {
            inner.finish(settings, &mut contact, Ending::Customer, now);
        }
        let shown = contact.shown();
        state.add("", contact, &Context { region: &put.region, now });
        Ok(shown)
    }

    /// A request below `contacts/`.
    fn contact_request(&self, method: &str, path: &str, body: Value) -> Result<Value, String> {
        let (id, action) = path.split_once('/').unwrap_or((path, ""));
        let inner = &self.inner;
        let now = inner.clock.now();
        let mut state = inner.state();
        let State { settings, contacts, .. } = &mut *state;
        let contact = contacts.get_mut(id).ok_or_else(|| format!("no contact `{id}`"))?;
        let over = || format!("contact `{id}` has ended");
        let no_chat = || format!("contact `{id}` is no chat with an agent");
        match (method, action) {
            ("GET", "") => {
                let mut shown = contact.shown();
                let transcript = contact.chat.as_ref().map(super::chat::Chat::transcript);
                if let Some(members) = shown.as_object_mut() {
                    members.insert("transcript".into(), json!(transcript));
                }
                return Ok(shown);
            }
            ("POST", "queue") => inner.enqueue(settings, contact, now),
            ("POST", "agent") => {
                if !inner.take(settings, contact, now) {
                    return Err(format!("contact `{id}` has an agent already, or has ended"));
                }
            }
            ("POST", "end") => {
                let End { by } = parse(body)?;
                if !inner.finish(settings, contact, by, now) {
                    return Err(over());
                }
            }
            ("POST", "message" | "typing") => {
                let chat = contact.chat.as_mut().filter(|_| contact.ended.is_none());
                let chat = chat.ok_or_else(no_chat)?;
                let agent = chat.agent.clone().ok_or_else(no_chat)?;
                if action == "typing" {
                    chat.pass(now, agent, item::TYPING);
                } else {
                    let Said { text } = parse(body)?;
                    chat.post(now, Some(agent), item::TEXT, Some(&text));
                }
            }
            ("POST", "cut") => {
                let cut = contact.chat.as_mut().map_or(0, super::chat::Chat::cut);
                return Ok(json!({ "connections": cut }));
            }
            (method, action) => return Err(format!("no `{method} contacts/{id}/{action}`")),
        }
        Ok(contact.shown())
    }
}

fn shown(state: &State, wanted: impl Fn(&Contact) -> bool) -> Vec<Value> {
    state.in_order().into_iter().filter(|contact| wanted(contact)).map(Contact::shown).collect()
}
