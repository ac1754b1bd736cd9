//! Opt-out lists and the numbers on them.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::identities::filters;
use super::refusal::{Answer, Outcome, Refusal};
use super::store::{DEFAULT_LIST, OptOutList, Region, name_of};
use super::{Context, listed};
use crate::messages::ids;
use crate::messages::input::{Fault, Input, required, word_character};

/// "Each destination phone number can only be deleted once every 30 days" (service model,
/// DeleteOptedOutNumber).
const BETWEEN_REMOVALS: Duration = Duration::days(30);

pub(super) fn create_list(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let name = required("OptOutListName", input.name("OptOutListName", 1..=64, word_character)?)?;
    if region.lists.contains_key(name) {
        return Err(Refusal::conflict("RESOURCE_ALREADY_EXISTS", "The opt-out list exists already."));
    }
    let list = OptOutList { created: Some(cx.now), ..OptOutList::default() };
    let mut answer = list.shown(cx, name);
    if let (Some(answer), Some(tags)) = (answer.as_object_mut(), input.get("Tags")) {
        answer.insert("Tags".into(), tags.clone());
    }
    region.lists.insert(name.to_owned(), list);
    Ok(answer)
}

pub(super) fn describe_lists(cx: &Context<'_>, region: &Region, input: Input<'_>) -> Answer {
    let asked = input.texts("OptOutListNames", 0..=5)?;
    let mut shown = Vec::new();
    for given in &asked {
        let list =
            region.lists.get(name_of(given)).ok_or_else(|| Refusal::not_found("opt-out-list", given))?;
        shown.push(list.shown(cx, name_of(given)));
    }
    if asked.is_empty() {
        shown.extend(region.lists.iter().map(|(name, list)| list.shown(cx, name)));
    }
    Ok(Value::Object(listed("OptOutLists", shown, input)?))
}

pub(super) fn delete_list(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let name = find(region, input)?.0;
    let in_use = name == DEFAULT_LIST
        || region.numbers.values().any(|number| number.opt_out_list == name)
        || region.pools.values().any(|pool| pool.opt_out_list == name);
    if in_use {
        return Err(Refusal::conflict("RESOURCE_NOT_EMPTY", "The opt-out list is in use."));
    }
    let list = region.lists.remove(&name).unwrap_or_default();
    Ok(list.shown(cx, &name))
}

pub(super) fn put(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let number = phone_number(input, "OptedOutNumber")?.to_owned();
    let (name, list) = find(region, input)?;
    let entry = *list.numbers.entry(number.clone()).or_insert((cx.now, false));
    Ok(opted_out(cx, &name, &number, entry))
}

pub(super) fn describe(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let asked = input.texts("OptedOutNumbers", 0..=5)?;
    let filters = filters(input)?;
    let (name, list) = find(region, input)?;
    let mut shown = Vec::new();
    if let Some(unknown) = asked.iter().find(|number| !list.numbers.contains_key(**number)) {
        return Err(Refusal::not_found("opted-out-number", unknown));
    }
    for (number, (at, by_recipient)) in &list.numbers {
        let as_text = if *by_recipient { "true" } else { "false" };
        let wanted = filters.iter().all(|(_, values)| values.contains(&as_text));
        if wanted && (asked.is_empty() || asked.contains(&number.as_str())) {
            shown.push(json!({
                "OptedOutNumber": number, "OptedOutTimestamp": ids::timestamp(*at),
                "EndUserOptedOut": by_recipient,
            }));
        }
    }
    let mut answer = listed("OptedOutNumbers", shown, input)?;
    answer.insert("OptOutListArn".into(), json!(cx.arn(&format!("opt-out-list/{name}"))));
    answer.insert("OptOutListName".into(), json!(name));
    Ok(Value::Object(answer))
}

pub(super) fn delete(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let number = phone_number(input, "OptedOutNumber")?.to_owned();
    let (name, list) = find(region, input)?;
    let entry = *list.numbers.get(&number).ok_or_else(|| Refusal::not_found("opted-out-number", &number))?;
    if list.removed.get(&number).is_some_and(|removed| cx.now - *removed < BETWEEN_REMOVALS) {
        return Err(Refusal::invalid(
            "PHONE_NUMBER_CANNOT_BE_OPTED_IN",
            "A number can be taken off a list once every 30 days.",
        ));
    }
    list.numbers.remove(&number);
    list.removed.insert(number.clone(), cx.now);
    Ok(opted_out(cx, &name, &number, entry))
}

/// The list that the request names, else the default one.
pub(super) fn name(region: &Region, input: Input<'_>) -> Outcome<String> {
    let given = input.text("OptOutListName")?.unwrap_or(DEFAULT_LIST);
    if region.lists.contains_key(name_of(given)) {
        Ok(name_of(given).to_owned())
    } else {
        Err(Refusal::not_found("opt-out-list", given))
    }
}

/// `PhoneNumber`: `\+?[1-9][0-9]{1,18}`.
pub(super) fn phone_number<'a>(input: Input<'a>, member: &str) -> Outcome<&'a str> {
    let number = required(member, input.sized(member, 1..=20)?)?;
    let digits = number.strip_prefix('+').unwrap_or(number);
    let fits = (2..=19).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(number) } else { Err(Fault::new(member, "must match \\+?[1-9][0-9]{1,18}").into()) }
}

fn find<'a>(region: &'a mut Region, input: Input<'_>) -> Outcome<(String, &'a mut OptOutList)> {
    let given = required("OptOutListName", input.text("OptOutListName")?)?;
    let name = name_of(given);
    let list = region.lists.get_mut(name).ok_or_else(|| Refusal::not_found("opt-out-list", given))?;
    Ok((name.to_owned(), list))
}

fn opted_out(
    cx: &Context<'_>,
    list: &str,
    number: &str,
    (at, by_recipient): (OffsetDateTime, bool),
) -> Value {
    json!({
        "OptOutListArn": cx.arn(&format!("opt-out-list/{list}")),
        "OptOutListName": list,
        "OptedOutNumber": number,
        "OptedOutTimestamp": ids::timestamp(at),
        "EndUserOptedOut": by_recipient,
    })
}

impl OptOutList {
    fn shown(&self, cx: &Context<'_>, name: &str) -> Value {
        json!({
            "OptOutListArn": cx.arn(&format!("opt-out-list/{name}")),
            "OptOutListName": name,
            "CreatedTimestamp": ids::timestamp(self.created.unwrap_or(cx.now)),
        })
    }
}
