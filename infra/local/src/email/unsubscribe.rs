//! Subscription management: the links that SES puts into messages, and what a click does.

use bytes::Bytes;
use serde_json::{Value, json};
use time::Duration;

use super::content::Letter;
use super::event::{self, Kind, Step};
use super::store::{Contact, ContactList};
use super::{Email, State};
use crate::messages::page::escape;
use crate::service::Reply;

/// "If used more than two times, only the first two occurrences are replaced" (SES developer guide).
const REPLACED: usize = 2;

const PLACEHOLDER: &str = "{{amazonSESUnsubscribeUrl}}";

/// Who unsubscribes from what.
#[derive(Clone)]
pub(super) struct Click {
    pub(super) region: String,
    pub(super) list: String,
    pub(super) topic: Option<String>,
    pub(super) address: String,
    /// The message that the link was in, if it was in one.
    pub(super) message: Option<String>,
}

impl std::fmt::Debug for Click {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Click").field("list", &self.list).field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Click {
    /// What stands in the link. Real links are signed; these only lead to this machine.
    fn token(&self) -> String {
        let parts = json!([self.region, self.list, self.topic, self.address, self.message]);
        hex::encode(parts.to_string())
    }

    fn of_token(token: &str) -> Option<Self> {
        let bytes = hex::decode(token).ok()?;
        let (region, list, topic, address, message) = serde_json::from_slice(&bytes).ok()?;
        Some(Self { region, list, topic, address, message })
    }
}

/// Adds the headers and replaces the placeholder, if the message has a single recipient: "The
/// List-Unsubscribe header and footer link are added only if the email is being sent to a single recipient"
/// (SES developer guide).
pub(super) fn add_links(
    endpoint: &str,
    region: &str,
    (list, topic): (&str, Option<&str>),
    message: &str,
    letter: &mut Letter,
) {
    let mut recipients = letter.recipients();
    let (Some(only), None) = (recipients.next(), recipients.next()) else { return };
    let click = Click {
        region: region.to_owned(),
        list: list.to_owned(),
        topic: topic.map(str::to_owned),
        address: only.address.clone(),
        message: Some(message.to_owned()),
    };
    drop(recipients);
    let url = format!("{endpoint}/_local/email/unsubscribe/{}", click.token());
    for part in [&mut letter.text, &mut letter.html].into_iter().flatten() {
        *part = part.replacen(PLACEHOLDER, &url, REPLACED);
    }
    letter.set_header("List-Unsubscribe", &format!("<{url}>"));
    letter.set_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
}

impl Email {
    /// What a link in a message leads to: `GET` shows a page and changes nothing, `POST` unsubscribes.
    pub(super) fn follow(&self, token: &str, posted: Option<&str>) -> Reply {
        let Some(mut click) = Click::of_token(token) else {
            return page(404, "This link is not valid.", "");
        };
        let Some(form) = posted else { return self.preferences(&click) };
        let one_click = form.contains("List-Unsubscribe=One-Click");
        if form.contains("scope=all") {
            click.topic = None;
        }
        let source = if one_click { "UnsubscribeHeader" } else { "UnsubscribePage" };
        match self.unsubscribe(&click, source) {
            Ok(_) => page(200, "You are unsubscribed.", ""),
            Err(error) => page(404, &error, ""),
        }
    }

    fn preferences(&self, click: &Click) -> Reply {
        let state = self.state();
        let list = state.regions.get(&click.region).and_then(|region| region.lists.get(&click.list));
        let topic = click.topic.as_deref().and_then(|topic| list?.topic(topic));
        let button = |scope: &str, text: &str| {
            format!("<button name=\"scope\" value=\"{scope}\">{}</button> ", escape(text))
        };
        let topic = topic.map(|topic| button("topic", &format!("Unsubscribe from {}", topic.display_name)));
        let form = format!(
            "<form method=\"post\">{}{}</form>",
            topic.unwrap_or_default(),
            button("all", "Unsubscribe from everything")
        );
        page(200, &format!("Mail to {}", click.address), &form)
    }

    /// Unsubscribes a contact, from the topic if there is one, else from all; says what it was and is now.
    pub(super) fn unsubscribe(&self, click: &Click, source: &str) -> Result<Value, String> {
        let now = self.clock.now();
        // The event needs a message: the one that the link was in.
        let message = click.message.as_deref().and_then(|id| self.messages.get(id));
        let mut state = self.state();
        let State { settings, regions, .. } = &mut *state;
        let region =
            regions.get_mut(&click.region).ok_or_else(|| format!("no contact list `{}`", click.list))?;
        let list =
            region.lists.get_mut(&click.list).ok_or_else(|| format!("no contact list `{}`", click.list))?;
        let key = click.address.to_lowercase();
        let mut contact =
            list.contacts.get(&key).cloned().unwrap_or_else(|| Contact::new(&click.address, now));
        let before = preferences(list, &contact);
        match &click.topic {
            Some(topic) if list.topic(topic).is_none() => return Err(format!("no topic `{topic}`")),
            Some(topic) => {
                contact.topics.insert(topic.clone(), false);
            }
            None => contact.unsubscribe_all = true,
        }
        contact.updated = now;
        let after = preferences(list, &contact);
        list.contacts.insert(key, contact);
        let subscription = json!({
            "contactList": click.list, "source": source,
            "newTopicPreferences": after, "oldTopicPreferences": before,
        });
        if let Some(message) = message.filter(|_| settings.emit)
            && let Some(set) = &message.configuration_set
        {
            let arn = event::set_arn(&click.region, &self.account, set);
            let recipients = vec![click.address.clone()];
            let steps = vec![Step {
                kind: Kind::Subscription(subscription.clone()),
                after: Duration::ZERO,
                recipients,
            }];
            let mail = message.basis.get("mail").cloned().unwrap_or_default();
            let subjects = event::subjects(region, set, &arn, &mail, steps, (now, now));
            drop(state);
            self.outbox.post(&click.region, subjects, None);
        }
        Ok(subscription)
    }
}

/// As subscription events have it.
fn preferences(list: &ContactList, contact: &Contact) -> Value {
    let status = |name: &str| if list.unsubscribed(contact, Some(name)) { "OptOut" } else { "OptIn" };
    let topics = list
        .topics
        .iter()
        .map(|topic| json!({ "topicName": topic.name, "subscriptionStatus": status(&topic.name) }));
    json!({
        "unsubscribeAll": contact.unsubscribe_all,
        "topicSubscriptionStatus": topics.collect::<Vec<_>>(),
    })
}

fn page(status: u16, text: &str, form: &str) -> Reply {
    let text = escape(text);
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Subscriptions</title></head>\
         <body><h1>Subscriptions</h1><p>{text}</p>{form}</body></html>"
    );
    let headers = [("content-type", "text/html; charset=utf-8"), ("referrer-policy", "no-referrer")];
    Reply {
        status,
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        body: Bytes::from(body),
    }
}
