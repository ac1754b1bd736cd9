//! Contact lists, their topics and contacts.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Context;
use super::address::Mailbox;
use super::refusal::{Answer, Outcome, Refusal};
use super::store::{Contact, ContactList, Region, Topic};
use crate::messages::ids;
use crate::messages::input::{Input, page, required, word_character};

/// Topics of a list (SES developer guide, Using list management).
const MOST_TOPICS: usize = 20;

const STATUSES: [&str; 2] = ["OPT_IN", "OPT_OUT"];

pub(super) fn create_list(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let name = required("ContactListName", input.name("ContactListName", 1..=64, word_character)?)?;
    if region.lists.contains_key(name) {
        return Err(Refusal::already_exists(format!("List with name {name} already exists.")));
    }
    // "Only one contact list is allowed per AWS account" (SES developer guide, Using list management).
    if !region.lists.is_empty() {
        return Err(Refusal::limit_exceeded("Maximum number of lists has been reached."));
    }
    let list = ContactList {
        name: name.to_owned(),
        description: input.sized("Description", 0..=500)?.map(str::to_owned),
        topics: topics(input)?,
        tags: input.list("Tags", 0..=50)?.to_vec(),
        created: cx.now,
        updated: cx.now,
        contacts: BTreeMap::new(),
    };
    region.lists.insert(name.to_owned(), list);
    Ok(json!({}))
}

pub(super) fn get_list(region: &mut Region, input: Input<'_>) -> Answer {
    let list = find(region, input)?;
    Ok(json!({
        "ContactListName": list.name,
        "Description": list.description,
        "Topics": list.topics.iter().map(Topic::shown).collect::<Vec<_>>(),
        "CreatedTimestamp": ids::timestamp(list.created),
        "LastUpdatedTimestamp": ids::timestamp(list.updated),
        "Tags": list.tags,
    }))
}

pub(super) fn list_lists(region: &Region, input: Input<'_>, page_items: usize) -> Answer {
    let size = super::page_size(input, page_items)?;
    let shown = region.lists.values().map(
        |list| json!({ "ContactListName": list.name, "LastUpdatedTimestamp": ids::timestamp(list.updated) }),
    );
    let (shown, next) = page(shown, input.text("NextToken")?, size).ok_or_else(bad_token)?;
    Ok(json!({ "ContactLists": shown, "NextToken": next }))
}

pub(super) fn update_list(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let topics = topics(input)?;
    let description = input.sized("Description", 0..=500)?.map(str::to_owned);
    let list = find(region, input)?;
    list.topics = topics;
    list.description = description;
    list.updated = cx.now;
    Ok(json!({}))
}

pub(super) fn delete_list(region: &mut Region, input: Input<'_>) -> Answer {
    let name = find(region, input)?.name.clone();
    region.lists.remove(&name);
    Ok(json!({}))
}

pub(super) fn create(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let address = Mailbox::parse(required("EmailAddress", input.text("EmailAddress")?)?, "EmailAddress")?;
    let list = find(region, input)?;
    if list.contacts.contains_key(&address.key()) {
        return Err(Refusal::already_exists("Contact already exists in the list."));
    }
    let mut contact = Contact::new(&address.address, cx.now);
    contact.change(list, input)?;
    list.contacts.insert(address.key(), contact);
    Ok(json!({}))
}

pub(super) fn get(region: &mut Region, input: Input<'_>) -> Answer {
    let list = find(region, input)?;
    let contact = list.contacts.get(&key(input)?).ok_or_else(missing_contact)?;
    let mut shown = contact.shown(list);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("ContactListName".into(), json!(list.name));
        shown.insert("AttributesData".into(), json!(contact.attributes));
        shown.insert("CreatedTimestamp".into(), json!(ids::timestamp(contact.created)));
    }
    Ok(shown)
}

pub(super) fn list(region: &mut Region, input: Input<'_>, page_items: usize) -> Answer {
    let size = super::page_size(input, page_items)?;
    let filter = input.structure("Filter")?;
    let status = filter.map(|filter| filter.word("FilteredStatus", &STATUSES)).transpose()?.flatten();
    let by_topic = filter.map(|filter| filter.structure("TopicFilter")).transpose()?.flatten();
    let topic = by_topic.map(|topic| topic.text("TopicName")).transpose()?.flatten();
    let or_default =
        by_topic.map(|topic| topic.boolean("UseDefaultIfPreferenceUnavailable")).transpose()?.flatten();
    let list = &*find(region, input)?;
    let wanted = |contact: &&Contact| {
        let opted_in = match topic {
            None => Some(!contact.unsubscribe_all),
            Some(name) => match contact.topics.get(name) {
                Some(preference) => Some(*preference && !contact.unsubscribe_all),
                None if or_default == Some(true) => Some(!list.unsubscribed(contact, Some(name))),
                None => None,
            },
        };
        status.is_none_or(|status| opted_in == Some(status == "OPT_IN"))
    };
    let shown = list.contacts.values().filter(wanted).map(|contact| contact.shown(list));
    let (shown, next) = page(shown, input.text("NextToken")?, size).ok_or_else(bad_token)?;
    Ok(json!({ "Contacts": shown, "NextToken": next }))
}

pub(super) fn update(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let key = key(input)?;
    let list = find(region, input)?;
    let mut contact = list.contacts.get(&key).ok_or_else(missing_contact)?.clone();
    contact.change(list, input)?;
    contact.updated = cx.now;
    list.contacts.insert(key, contact);
    Ok(json!({}))
}

pub(super) fn delete(region: &mut Region, input: Input<'_>) -> Answer {
    let key = key(input)?;
    find(region, input)?.contacts.remove(&key).ok_or_else(missing_contact)?;
    Ok(json!({}))
}

/// The list of that name.
pub(super) fn missing_list(name: &str) -> Refusal {
    Refusal::not_found(format!("List with name {name} doesn't exist"))
}

pub(super) fn missing_topic(name: &str) -> Refusal {
    Refusal::not_found(format!("Topic with name {name} doesn't exist in the list"))
}

fn find<'a>(region: &'a mut Region, input: Input<'_>) -> Outcome<&'a mut ContactList> {
    let name = required("ContactListName", input.text("ContactListName")?)?;
    region.lists.get_mut(name).ok_or_else(|| missing_list(name))
}

fn key(input: Input<'_>) -> Outcome<String> {
    Ok(required("EmailAddress", input.text("EmailAddress")?)?.to_lowercase())
}

fn missing_contact() -> Refusal {
    Refusal::not_found("Contact doesn't exist in the list.")
}

fn bad_token() -> Refusal {
    Refusal::bad_request("NextToken is not valid")
}

fn topics(input: Input<'_>) -> Outcome<Vec<Topic>> {
    let mut topics: Vec<Topic> = Vec::new();
    for given in input.structures("Topics", 0..=MOST_TOPICS)? {
        let name = required("TopicName", given.name("TopicName", 1..=64, word_character)?)?;
        if topics.iter().any(|topic| topic.name == name) {
            return Err(Refusal::bad_request("Topics: a name is given twice"));
        }
        topics.push(Topic {
            name: name.to_owned(),
            display_name: required("DisplayName", given.sized("DisplayName", 1..=128)?)?.to_owned(),
            description: given.sized("Description", 0..=500)?.map(str::to_owned),
            opt_in: required(
                "DefaultSubscriptionStatus",
                given.word("DefaultSubscriptionStatus", &STATUSES)?,
            )? == "OPT_IN",
        });
    }
    Ok(topics)
}

fn status(opt_in: bool) -> &'static str {
    if opt_in { "OPT_IN" } else { "OPT_OUT" }
}

impl Topic {
    fn shown(&self) -> Value {
        let mut shown = json!({
            "TopicName": self.name, "DisplayName": self.display_name,
            "DefaultSubscriptionStatus": status(self.opt_in),
        });
        if let (Some(description), Some(shown)) = (&self.description, shown.as_object_mut()) {
            shown.insert("Description".into(), json!(description));
        }
        shown
    }
}

impl Contact {
    pub(super) fn new(address: &str, now: OffsetDateTime) -> Self {
        Self {
            address: address.to_owned(),
            topics: BTreeMap::new(),
            unsubscribe_all: false,
            attributes: None,
            created: now,
            updated: now,
        }
    }

    fn change(&mut self, list: &ContactList, input: Input<'_>) -> Outcome<()> {
        for preference in input.structures("TopicPreferences", 0..=MOST_TOPICS)? {
            let name = required("TopicName", preference.text("TopicName")?)?;
            let status = required("SubscriptionStatus", preference.word("SubscriptionStatus", &STATUSES)?)?;
            list.topic(name).ok_or_else(|| missing_topic(name))?;
            self.topics.insert(name.to_owned(), status == "OPT_IN");
        }
        if let Some(all) = input.boolean("UnsubscribeAll")? {
            self.unsubscribe_all = all;
        }
        if let Some(attributes) = input.text("AttributesData")? {
            self.attributes = Some(attributes.to_owned());
        }
        Ok(())
    }

    fn shown(&self, list: &ContactList) -> Value {
        let preference =
            |name: &String, opt_in: bool| json!({ "TopicName": name, "SubscriptionStatus": status(opt_in) });
        let explicit = self.topics.iter().map(|(name, opt_in)| preference(name, *opt_in));
        let defaults = list.topics.iter().filter(|topic| !self.topics.contains_key(&topic.name));
        json!({
            "EmailAddress": self.address,
            "TopicPreferences": explicit.collect::<Vec<_>>(),
            "TopicDefaultPreferences":
                defaults.map(|topic| preference(&topic.name, topic.opt_in)).collect::<Vec<_>>(),
            "UnsubscribeAll": self.unsubscribe_all,
            "LastUpdatedTimestamp": ids::timestamp(self.updated),
        })
    }
}
