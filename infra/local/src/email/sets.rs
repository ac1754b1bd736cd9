//! Configuration sets and their event destinations.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Context;
use super::refusal::{Answer, Outcome, Refusal};
use super::store::{ConfigurationSet, Destination, Region};
use crate::messages::input::{Input, page, required, word_character};

const OPTIONS: [&str; 9] = [
    "TrackingOptions",
    "DeliveryOptions",
    "ReputationOptions",
    "SendingOptions",
    "SuppressionOptions",
    "VdmOptions",
    "ArchivingOptions",
    "MessageSecurityOptions",
    "Tags",
];

const TYPES: [&str; 10] = [
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "OPEN",
    "CLICK",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
];

/// Event destinations of a set (Amazon SES quotas).
const MOST_DESTINATIONS: usize = 10;

pub(super) fn create(region: &mut Region, input: Input<'_>) -> Answer {
    let name = required("ConfigurationSetName", input.name("ConfigurationSetName", 1..=64, word_character)?)?;
    if region.sets.contains_key(name) {
        return Err(Refusal::already_exists(format!("Configuration set <{name}> already exists.")));
    }
    let mut options = Map::new();
    for option in OPTIONS {
        options.extend(input.get(option).map(|value| (option.to_owned(), value.clone())));
    }
    let held_back = input.structure("SuppressionOptions")?;
    held_back.map(|options| super::suppression::reasons(options, "SuppressedReasons")).transpose()?;
    input.structure("SendingOptions")?.map(|options| options.boolean("SendingEnabled")).transpose()?;
    region.sets.insert(name.to_owned(), ConfigurationSet { options, destinations: BTreeMap::new() });
    Ok(json!({}))
}

pub(super) fn get(region: &mut Region, input: Input<'_>) -> Answer {
    let (name, set) = find(region, input)?;
    let mut answer = json!({
        "ConfigurationSetName": name,
        "ReputationOptions": { "ReputationMetricsEnabled": false },
        "SendingOptions": { "SendingEnabled": true },
        "DeliveryOptions": { "TlsPolicy": "OPTIONAL" },
    });
    if let Some(answer) = answer.as_object_mut() {
        answer.extend(set.options.clone());
    }
    Ok(answer)
}

pub(super) fn list(region: &Region, input: Input<'_>, page_items: usize) -> Answer {
    let size = super::page_size(input, page_items)?;
    let filters = input.pairs("Filter")?;
    let wanted = |name: &&String| filters.iter().all(|(_, value)| name.contains(value));
    let names = region.sets.keys().filter(wanted);
    let (names, next) = page(names, input.text("NextToken")?, size)
        .ok_or_else(|| Refusal::bad_request("NextToken is not valid"))?;
    Ok(json!({ "ConfigurationSets": names, "NextToken": next }))
}

pub(super) fn delete(region: &mut Region, input: Input<'_>) -> Answer {
    let (name, _) = find(region, input)?;
    region.sets.remove(&name);
    Ok(json!({}))
}

pub(super) fn create_destination(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let destination = definition(cx, input)?;
    let name = required("EventDestinationName", input.name("EventDestinationName", 1..=64, word_character)?)?;
    let (_, set) = find(region, input)?;
    if set.destinations.contains_key(name) {
        return Err(Refusal::already_exists(format!("Event destination <{name}> already exists.")));
    }
    if set.destinations.len() >= MOST_DESTINATIONS {
        return Err(Refusal::limit_exceeded(format!(
            "A configuration set can have {MOST_DESTINATIONS} event destinations."
        )));
    }
    set.destinations.insert(name.to_owned(), destination);
    Ok(json!({}))
}

pub(super) fn destinations(region: &mut Region, input: Input<'_>) -> Answer {
    let (_, set) = find(region, input)?;
    let shown = set.destinations.iter().map(|(name, destination)| {
        json!({
            "Name": name, "Enabled": destination.enabled, "MatchingEventTypes": destination.types,
            "EventBridgeDestination": { "EventBusArn": destination.bus },
        })
    });
    Ok(json!({ "EventDestinations": shown.collect::<Vec<Value>>() }))
}

pub(super) fn update_destination(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let changed = definition(cx, input)?;
    let name = required("EventDestinationName", input.text("EventDestinationName")?)?;
    let (_, set) = find(region, input)?;
    *set.destinations.get_mut(name).ok_or_else(|| missing_destination(name))? = changed;
    Ok(json!({}))
}

pub(super) fn delete_destination(region: &mut Region, input: Input<'_>) -> Answer {
    let name = required("EventDestinationName", input.text("EventDestinationName")?)?;
    let (_, set) = find(region, input)?;
    set.destinations.remove(name).ok_or_else(|| missing_destination(name))?;
    Ok(json!({}))
}

/// `EventDestinationDefinition`: exactly one destination, and here only the default event bus.
fn definition(cx: &Context<'_>, input: Input<'_>) -> Outcome<Destination> {
    let given = required("EventDestination", input.structure("EventDestination")?)?;
    let types = given.texts("MatchingEventTypes", 1..=TYPES.len())?;
    if types.is_empty() || types.iter().any(|kind| !TYPES.contains(kind)) {
        return Err(Refusal::bad_request(format!(
            "MatchingEventTypes: must hold some of [{}]",
            TYPES.join(", ")
        )));
    }
    for kind in
        ["KinesisFirehoseDestination", "CloudWatchDestination", "SnsDestination", "PinpointDestination"]
    {
        if given.get(kind).is_some() {
            return Err(Refusal::not_covered(&format!("SES's {kind}")));
        }
    }
    let bridge = required("EventBridgeDestination", given.structure("EventBridgeDestination")?)?;
    let bus = required("EventBusArn", bridge.text("EventBusArn")?)?;
    let default = format!("arn:aws:events:{}:{}:event-bus/default", cx.region, cx.account);
    if bus != default {
        return Err(Refusal::bad_request(format!(
            "EventBusArn: only the default bus, `{default}`, is supported"
        )));
    }
    Ok(Destination {
        enabled: given.boolean("Enabled")?.unwrap_or(false),
        types: types.into_iter().map(str::to_owned).collect(),
        bus: bus.to_owned(),
    })
}

fn find<'a>(region: &'a mut Region, input: Input<'_>) -> Outcome<(String, &'a mut ConfigurationSet)> {
    let name = required("ConfigurationSetName", input.text("ConfigurationSetName")?)?;
    let set = region.sets.get_mut(name).ok_or_else(|| missing(name))?;
    Ok((name.to_owned(), set))
}

pub(super) fn missing(name: &str) -> Refusal {
    Refusal::not_found(format!("Configuration set <{name}> does not exist."))
}

fn missing_destination(name: &str) -> Refusal {
    Refusal::not_found(format!("Event destination <{name}> does not exist."))
}

impl ConfigurationSet {
    /// Whether messages may be sent with it.
    pub(super) fn sends(&self) -> bool {
        let enabled = self.options.get("SendingOptions").and_then(|options| options.get("SendingEnabled"));
        enabled.and_then(Value::as_bool).unwrap_or(true)
    }

    /// The reasons of suppressed addresses that it holds mail back for, if it has its own.
    pub(super) fn suppressed_reasons(&self) -> Option<Vec<String>> {
        let reasons = self.options.get("SuppressionOptions")?.get("SuppressedReasons")?.as_array()?;
        Some(reasons.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}
