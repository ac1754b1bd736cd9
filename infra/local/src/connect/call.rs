//! `StartOutboundVoiceContact`: a call to a customer.

use serde_json::json;

use super::event::Kind;
use super::refusal::{Answer, Refusal};
use super::store::{Channel, Contact, State};
use super::{Context, Inner, input};
use crate::messages::ids;
use crate::messages::input::{Input, required};

const OPERATION: &str = "StartOutboundVoiceContact";

/// Members that are not left out of account but refused.
const NOT_COVERED: [&str; 4] =
    ["CampaignId", "OutboundStrategy", "AnswerMachineDetectionConfig", "References"];

impl Inner {
    /// Calls somebody, or gives the call that the same client token made.
    pub(super) fn start_call(&self, state: &mut State, cx: &Context<'_>, input: Input<'_>) -> Answer {
        let settings = &state.settings;
        let instance = input::instance(settings, input)?.to_owned();
        let flow = input::flow(settings, input)?.to_owned();
        let to = required("DestinationPhoneNumber", input::phone(input, "DestinationPhoneNumber")?)?;
        let from = input::phone(input, "SourcePhoneNumber")?;
        let queue = input::queue(settings, input)?;
        let related = input.sized("RelatedContactId", 1..=256)?;
        let client_token = input.sized("ClientToken", 0..=500)?.filter(|token| !token.is_empty());
        let attributes = input::attributes(input)?;
        input.sized("Name", 0..=1_024)?;
        input.sized("Description", 0..=4_096)?;
        input.integer("RingTimeoutInSeconds", 15..=60)?;
        if input.word("TrafficType", &["GENERAL", "CAMPAIGN"])? == Some("CAMPAIGN") {
            return Err(Refusal::not_covered("TrafficType CAMPAIGN"));
        }
        input::refuse(input, &NOT_COVERED)?;
        if from.is_none() && queue.is_none() {
            return Err(Refusal::invalid_request("Either SourcePhoneNumber or QueueId must be specified"));
        }
        if from.is_some_and(|from| !settings.numbers.iter().any(|number| number == from)) {
            return Err(Refusal::not_found("Source phone number"));
        }
        if !settings.outbound {
            return Err(Refusal::outbound_not_permitted());
        }
        if settings.not_allowed_prefixes.iter().any(|prefix| to.starts_with(prefix.as_str())) {
            return Err(Refusal::destination_not_allowed());
        }
        let queue = queue.or(settings.queues.first().map(String::as_str)).unwrap_or_default().to_owned();
        let from = from.or(settings.numbers.first().map(String::as_str)).map(str::to_owned);
        if let Some(contact) = state.used((OPERATION, &instance, client_token), cx) {
            return Ok(json!({ "ContactId": contact }));
        }
        let mut contact = Contact::new(ids::uuid(), cx.region, &instance, Channel::Voice, cx.now);
        // "Linking voice, task, or chat by using RelatedContactID copies over contact attributes from the
        // related contact to the new contact" (API reference).
        contact.attributes = state.related(related)?;
        contact.attributes.extend(attributes);
        contact.flow = Some(flow);
        contact.related = related.map(str::to_owned);
        contact.customer = Some(to.to_owned());
        contact.system = from;
        contact.client_token = client_token.map(str::to_owned);
        contact.queue = queue;
        self.announce(&state.settings, &contact, &[Kind::Initiated]);
        let answer = json!({ "ContactId": contact.id });
        state.add(OPERATION, contact, cx);
        Ok(answer)
    }
}
