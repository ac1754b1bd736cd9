//! Configuration sets. Their event destinations (CloudWatch Logs, Firehose, SNS) are kept and get nothing:
//! events go to EventBridge by themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::refusal::{Answer, Outcome, Refusal};
use super::store::{ConfigurationSet, Region, name_of};
use super::{Context, listed};
use crate::messages::ids;
use crate::messages::input::{Input, required, word_character};

/// Event destinations of a set (End User Messaging user guide, Event destinations).
const MOST_DESTINATIONS: usize = 5;

const DESTINATIONS: [&str; 3] = ["CloudWatchLogsDestination", "KinesisFirehoseDestination", "SnsDestination"];

pub(super) fn create(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let name = required("ConfigurationSetName", input.name("ConfigurationSetName", 1..=64, word_character)?)?;
    if region.sets.contains_key(name) {
        return Err(Refusal::conflict("RESOURCE_ALREADY_EXISTS", "The configuration set exists already."));
    }
    let set = ConfigurationSet { destinations: BTreeMap::new(), created: cx.now };
    let mut answer = set.named(cx, name);
    answer.insert("CreatedTimestamp".into(), json!(ids::timestamp(set.created)));
    answer.extend(input.get("Tags").map(|tags| ("Tags".to_owned(), tags.clone())));
    region.sets.insert(name.to_owned(), set);
    Ok(Value::Object(answer))
}

pub(super) fn describe(cx: &Context<'_>, region: &Region, input: Input<'_>) -> Answer {
    let asked = input.texts("ConfigurationSetNames", 0..=5)?;
    let mut shown = Vec::new();
    for given in &asked {
        let name = name_of(given);
        let set = region.sets.get(name).ok_or_else(|| Refusal::not_found("configuration-set", given))?;
        shown.push(set.shown(cx, name));
    }
    if asked.is_empty() {
        shown.extend(region.sets.iter().map(|(name, set)| set.shown(cx, name)));
    }
    Ok(Value::Object(listed("ConfigurationSets", shown, input)?))
}

pub(super) fn delete(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let (name, set) = find(region, input)?;
    let shown = set.shown(cx, &name);
    region.sets.remove(&name);
    Ok(shown)
}

pub(super) fn create_destination(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let name = required("EventDestinationName", input.name("EventDestinationName", 1..=64, word_character)?)?;
    let types = input.texts("MatchingEventTypes", 1..=52)?;
    if types.is_empty() {
        return Err(Refusal::field("MatchingEventTypes", "must not be null"));
    }
    let mut destination =
        json!({ "EventDestinationName": name, "Enabled": true, "MatchingEventTypes": types });
    let (set_name, set) = find(region, input)?;
    if set.destinations.contains_key(name) {
        return Err(Refusal::conflict("RESOURCE_ALREADY_EXISTS", "The event destination exists already."));
    }
    if set.destinations.len() >= MOST_DESTINATIONS {
        return Err(Refusal::quota(
            "EVENT_DESTINATIONS_PER_CONFIGURATION_SET",
            "Too many event destinations.",
        ));
    }
    merge(&mut destination, input)?;
    if !DESTINATIONS.iter().any(|kind| destination.get(kind).is_some()) {
        return Err(Refusal::invalid("MISSING_PARAMETER", "An event destination is required."));
    }
    set.destinations.insert(name.to_owned(), destination.clone());
    Ok(set.with_destination(cx, &set_name, destination))
}

pub(super) fn update_destination(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let name = required("EventDestinationName", input.text("EventDestinationName")?)?;
    let types = input.texts("MatchingEventTypes", 1..=52)?;
    let enabled = input.boolean("Enabled")?;
    let (set_name, set) = find(region, input)?;
    let found = set.destinations.get(name).ok_or_else(|| Refusal::not_found("event-destination", name))?;
    let mut destination = found.clone();
    merge(&mut destination, input)?;
    if let Some(members) = destination.as_object_mut() {
        members.extend(enabled.map(|enabled| ("Enabled".to_owned(), json!(enabled))));
        if !types.is_empty() {
            members.insert("MatchingEventTypes".into(), json!(types));
        }
    }
    set.destinations.insert(name.to_owned(), destination.clone());
    Ok(set.with_destination(cx, &set_name, destination))
}

pub(super) fn delete_destination(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let name = required("EventDestinationName", input.text("EventDestinationName")?)?;
    let (set_name, set) = find(region, input)?;
    let gone = set.destinations.remove(name).ok_or_else(|| Refusal::not_found("event-destination", name))?;
    Ok(set.with_destination(cx, &set_name, gone))
}

/// Takes over the one destination that the request names.
fn merge(destination: &mut Value, input: Input<'_>) -> Outcome<()> {
    let given: Vec<_> =
        DESTINATIONS.iter().filter_map(|kind| Some((*kind, input.get(kind)?.clone()))).collect();
    if given.len() > 1 {
        return Err(Refusal::invalid(
            "PARAMETERS_CANNOT_BE_USED_TOGETHER",
            "Only one destination can be given.",
        ));
    }
    if let (Some(members), false) = (destination.as_object_mut(), given.is_empty()) {
        members.retain(|name, _| !DESTINATIONS.contains(&name.as_str()));
        members.extend(given.into_iter().map(|(kind, value)| (kind.to_owned(), value)));
    }
    Ok(())
}

fn find<'a>(region: &'a mut Region, input: Input<'_>) -> Outcome<(String, &'a mut ConfigurationSet)> {
    let given = required("ConfigurationSetName", input.text("ConfigurationSetName")?)?;
    let name = name_of(given);
    let set = region.sets.get_mut(name).ok_or_else(|| Refusal::not_found("configuration-set", given))?;
    Ok((name.to_owned(), set))
}

impl ConfigurationSet {
    fn named(&self, cx: &Context<'_>, name: &str) -> Map<String, Value> {
        let mut named = Map::new();
        named.insert("ConfigurationSetArn".into(), json!(cx.arn(&format!("configuration-set/{name}"))));
        named.insert("ConfigurationSetName".into(), json!(name));
        named
    }

    fn shown(&self, cx: &Context<'_>, name: &str) -> Value {
        let mut shown = self.named(cx, name);
        shown.insert("EventDestinations".into(), self.destinations.values().cloned().collect());
        shown.insert("CreatedTimestamp".into(), json!(ids::timestamp(self.created)));
        Value::Object(shown)
    }

    fn with_destination(&self, cx: &Context<'_>, name: &str, destination: Value) -> Value {
        let mut shown = self.named(cx, name);
        shown.insert("EventDestination".into(), destination);
        Value::Object(shown)
    }
}
