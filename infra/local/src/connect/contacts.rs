//! `StopContact` and `DescribeContact`.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::lifecycle::Ending;
use super::refusal::{Answer, Refusal};
use super::store::{AGENT, Channel, Contact, State};
use super::{Context, Inner, input};
use crate::messages::ids;
use crate::messages::input::{Input, required};

/// Voice contacts that cannot be stopped (API reference, StopContact).
const NOT_STOPPED: [&str; 5] = ["DISCONNECT", "TRANSFER", "QUEUE_TRANSFER", "EXTERNAL_OUTBOUND", "MONITOR"];

impl Inner {
    /// Ends a contact. A voice contact that has ended is not found (API reference: "not active or does not
    /// exist. Applies to Voice calls only"); a chat that has is stopped once more, and nothing happens.
    pub(super) fn stop(&self, state: &mut State, cx: &Context<'_>, input: Input<'_>) -> Answer {
        let instance = input::instance(&state.settings, input)?;
        let id = required("ContactId", input.sized("ContactId", 1..=256)?)?;
        input::refuse(input, &["DisconnectReason"])?;
        let State { settings, contacts, .. } = state;
        let found = contacts.get_mut(id);
        let contact = found
            .filter(|contact| contact.region == cx.region && contact.instance == instance)
            .ok_or_else(Refusal::contact_not_found)?;
        if contact.channel == Channel::Voice {
            if contact.ended.is_some() {
                return Err(Refusal::contact_not_found());
            }
            if NOT_STOPPED.contains(&contact.method.as_str()) {
                return Err(Refusal::invalid_request("Contacts of that initiation method cannot be stopped"));
            }
        }
        self.finish(settings, contact, Ending::Api, cx.now);
        Ok(json!({}))
    }

    /// Says what is known of a contact.
    pub(super) fn describe(&self, state: &State, cx: &Context<'_>, input: Input<'_>) -> Answer {
        let instance = input::instance(&state.settings, input)?;
        let id = required("ContactId", input.sized("ContactId", 1..=256)?)?;
        let contact = state.contacts.get(id);
        contact
            .filter(|contact| contact.region == cx.region && contact.instance == instance)
            .map(|contact| json!({ "Contact": described(contact, &self.account) }))
            .ok_or_else(|| Refusal::not_found("Contact"))
    }
}

/// A contact as `DescribeContact` has it.
fn described(contact: &Contact, account: &str) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |member: &str, value: Value| {
        if !value.is_null() {
            shown.insert(member.to_owned(), value);
        }
    };
    let time = |at: Option<OffsetDateTime>| at.map_or(Value::Null, |at| json!(ids::timestamp(at)));
    let phone = |number: &Option<String>| {
        let endpoint = |number| json!({ "Type": "TELEPHONE_NUMBER", "Address": number });
        number.as_ref().map_or(Value::Null, endpoint)
    };
    put("Arn", format!("{}/contact/{}", contact.instance_arn(account), contact.id).into());
    put("Id", contact.id.as_str().into());
    put("InitialContactId", json!(contact.initial));
    put("RelatedContactId", json!(contact.related));
    put("InitiationMethod", contact.method.as_str().into());
    put("Channel", contact.channel.name().into());
    put("CustomerId", json!(contact.customer_id));
    put("CustomerEndpoint", phone(&contact.customer));
    put("SystemEndpoint", phone(&contact.system));
    put("Attributes", json!(contact.attributes));
    put("InitiationTimestamp", time(Some(contact.initiated)));
    put("ConnectedToSystemTimestamp", time(contact.connected_to_system));
    put("DisconnectTimestamp", time(contact.ended.map(|(at, _)| at)));
    put("DisconnectReason", json!(contact.ended.map(|(_, ending)| ending.reason(contact.channel))));
    put("LastUpdateTimestamp", time(Some(contact.updated)));
    if let Some(queued) = contact.queued {
        put("QueueInfo", json!({ "Id": contact.queue, "EnqueueTimestamp": ids::timestamp(queued) }));
    }
    if let Some(at) = contact.with_agent {
        put("AgentInfo", json!({ "Id": AGENT, "ConnectedToAgentTimestamp": ids::timestamp(at) }));
    }
    shown
}
