//! Custom actions, which the API calls action targets.

use serde_json::{Value, json};

use super::Context;
use super::check::{self, Object};
use super::outbox::arn;
use super::page::page;
use super::refusal::{Outcome, Refusal};
use super::store::{ActionTarget, Region};

/// The most custom actions of an account and Region.
const MOST_TARGETS: usize = 50;

/// The most characters of an action's name and of its id.
const NAME_CHARACTERS: usize = 20;

pub(super) fn create(cx: &Context<'_>, region: &mut Region, input: &Object) -> Outcome<Value> {
    let name = check::required_text(input, "Name", NAME_CHARACTERS)?.to_owned();
    let description = check::required_text(input, "Description", 500)?.to_owned();
    let id = check::required_text(input, "Id", NAME_CHARACTERS)?;
    if !id.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Refusal::invalid_input(format!(
            "invalid parameter `Id`: `{id}` must consist of letters and digits"
        )));
    }
    let arn = action_arn(cx.region, cx.account, id);
    if region.actions.contains_key(&arn) {
        return Err(Refusal::conflict(format!("the custom action `{arn}` exists already")));
    }
    if region.actions.len() >= MOST_TARGETS {
        return Err(Refusal::limit_exceeded(format!("an account can have {MOST_TARGETS} custom actions")));
    }
    let answer = json!({ "ActionTargetArn": arn });
    region.actions.insert(arn.clone(), ActionTarget { arn, name, description });
    Ok(answer)
}

pub(super) fn describe(region: &Region, input: &Object, page_size: usize) -> Outcome<Value> {
    let mut shown = Vec::new();
    match check::list(input, "ActionTargetArns", 0..=100)?.filter(|arns| !arns.is_empty()) {
        None => shown.extend(region.actions.values().map(ActionTarget::to_json)),
        Some(arns) => {
            for arn in arns {
                let arn = check::a_text(arn, "ActionTargetArns", 2048)?;
                shown.push(region.actions.get(arn).ok_or_else(|| not_found(arn))?.to_json());
            }
        }
    }
    Ok(page("ActionTargets", shown, input, page_size)?)
}

pub(super) fn update(region: &mut Region, input: &Object) -> Outcome<Value> {
    let arn = check::required_text(input, "ActionTargetArn", 2048)?;
    let name = check::text(input, "Name", NAME_CHARACTERS)?;
    let description = check::text(input, "Description", 500)?;
    let target = region.actions.get_mut(arn).ok_or_else(|| not_found(arn))?;
    if let Some(name) = name {
        name.clone_into(&mut target.name);
    }
    if let Some(description) = description {
        description.clone_into(&mut target.description);
    }
    Ok(json!({}))
}

pub(super) fn delete(region: &mut Region, input: &Object) -> Outcome<Value> {
    let arn = check::required_text(input, "ActionTargetArn", 2048)?;
    region.actions.remove(arn).ok_or_else(|| not_found(arn))?;
    Ok(json!({ "ActionTargetArn": arn }))
}

/// The ARN of the custom action with that id.
pub(super) fn action_arn(region: &str, account: &str, id: &str) -> String {
    arn(region, account, &format!("action/custom/{id}"))
}

fn not_found(arn: &str) -> Refusal {
    Refusal::not_found(format!("the custom action `{arn}` does not exist"))
}

impl ActionTarget {
    fn to_json(&self) -> Value {
        json!({ "ActionTargetArn": self.arn, "Name": self.name, "Description": self.description })
    }
}
