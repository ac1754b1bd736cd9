//! Automation rules: their API and their effect.
//!
//! From the user guide (Automation rules): enabled rules are applied in the order of `RuleOrder`, those of
//! one order by `UpdatedAt`, earliest first; a terminal rule that matches is the last. Assumed: a rule
//! judges the finding as the rules before it left it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Context;
use super::check::{self, Checked, Object, Pairs};
use super::clock::{timestamp, unique_id};
use super::fields::{Update, UserDefinedFields};
use super::filter;
use super::outbox::arn;
use super::page::page;
use super::refusal::{Outcome, Refusal};
use super::store::{Region, Rule};

/// The most automation rules of an account and Region.
const MOST_RULES: usize = 100;

pub(super) fn create(cx: &Context<'_>, region: &mut Region, input: &Object) -> Outcome<Value> {
    if region.rules.len() >= MOST_RULES {
        return Err(Refusal::limit_exceeded(format!("an account can have {MOST_RULES} automation rules")));
    }
    let resource = format!("automation-rule/{}", unique_id());
    let mut rule = Rule {
        arn: arn(cx.region, cx.account, &resource),
        enabled: true,
        order: 0,
        name: String::new(),
        description: String::new(),
        is_terminal: false,
        criteria: Value::Null,
        actions: Value::Null,
        conditions: Vec::new(),
        update: Update::default(),
        created_at: cx.now,
        updated_at: cx.now,
        created_by: cx.caller.to_owned(),
    };
    for key in ["RuleOrder", "RuleName", "Description", "Criteria", "Actions"] {
        check::member(input, key).ok_or_else(|| check::missing(key))?;
    }
    tags(input)?;
    rule.set(input)?;
    let answer = json!({ "RuleArn": rule.arn });
    region.rules.insert(rule.arn.clone(), rule);
    Ok(answer)
}

pub(super) fn list(region: &Region, input: &Object, page_size: usize) -> Outcome<Value> {
    let rules = ordered(&region.rules).into_iter().map(Rule::metadata).collect();
    Ok(page("AutomationRulesMetadata", rules, input, page_size)?)
}

pub(super) fn get(region: &Region, input: &Object) -> Outcome<Value> {
    let mut unprocessed = Vec::new();
    let mut rules = Vec::new();
    for arn in arns(input)? {
        match region.rules.get(arn) {
            Some(rule) => rules.push(rule.config()),
            None => unprocessed.push(not_found(arn)),
        }
    }
    Ok(json!({ "Rules": rules, "UnprocessedAutomationRules": unprocessed }))
}

pub(super) fn update(cx: &Context<'_>, region: &mut Region, input: &Object) -> Outcome<Value> {
    let (mut processed, mut unprocessed) = (Vec::new(), Vec::new());
    for item in check::required_list(input, "UpdateAutomationRulesRequestItems", 1..=100)? {
        let item = check::object(item, "UpdateAutomationRulesRequestItems")?;
        let arn = check::required_text(item, "RuleArn", 2048)?;
        let Some(rule) = region.rules.get_mut(arn) else {
            unprocessed.push(not_found(arn));
            continue;
        };
        let mut changed = rule.clone();
        match changed.set(item) {
            Ok(()) => {
                changed.updated_at = cx.now;
                *rule = changed;
                processed.push(arn);
            }
            Err(message) => {
                unprocessed.push(json!({ "RuleArn": arn, "ErrorCode": 400, "ErrorMessage": message }));
            }
        }
    }
    Ok(json!({ "ProcessedAutomationRules": processed, "UnprocessedAutomationRules": unprocessed }))
}

pub(super) fn delete(region: &mut Region, input: &Object) -> Outcome<Value> {
    let (mut processed, mut unprocessed) = (Vec::new(), Vec::new());
    for arn in arns(input)? {
        match region.rules.remove(arn) {
            Some(_) => processed.push(arn),
            None => unprocessed.push(not_found(arn)),
        }
    }
    Ok(json!({ "ProcessedAutomationRules": processed, "UnprocessedAutomationRules": unprocessed }))
}

/// Applies the rules to a finding.
pub(super) fn apply(
    rules: &BTreeMap<String, Rule>,
    finding: &mut Object,
    mode: UserDefinedFields,
    now: OffsetDateTime,
) {
    for rule in ordered(rules).into_iter().filter(|rule| rule.enabled) {
        let judged = Value::Object(finding.clone());
        if !rule.conditions.iter().all(|condition| condition.holds(&judged, now)) {
            continue;
        }
        if let Err(message) = rule.update.apply(finding, mode, now) {
            tracing::warn!(rule = rule.name, message, "an automation rule could not be applied");
        }
        if rule.is_terminal {
            break;
        }
    }
}

fn ordered(rules: &BTreeMap<String, Rule>) -> Vec<&Rule> {
    let mut ordered: Vec<&Rule> = rules.values().collect();
    ordered.sort_by_key(|rule| (rule.order, rule.updated_at));
    ordered
}

impl Rule {
    /// Takes over the members that are there.
    fn set(&mut self, input: &Object) -> Checked<()> {
        if let Some(status) = check::word(input, "RuleStatus", &["ENABLED", "DISABLED"])? {
            self.enabled = status == "ENABLED";
        }
        if let Some(order) = check::integer(input, "RuleOrder", 1..=1000)? {
            self.order = order;
        }
        if let Some(name) = check::text(input, "RuleName", 256)? {
            name.clone_into(&mut self.name);
        }
        if let Some(description) = check::text(input, "Description", 1024)? {
            description.clone_into(&mut self.description);
        }
        if let Some(is_terminal) = check::boolean(input, "IsTerminal")? {
            self.is_terminal = is_terminal;
        }
        if let Some(criteria) = check::structure(input, "Criteria")? {
            self.conditions = filter::criteria(criteria)?;
            self.criteria = Value::Object(criteria.clone());
        }
        if let Some(actions) = check::list(input, "Actions", 1..=1)? {
            self.update = action(actions)?;
            self.actions = Value::Array(actions.to_vec());
        }
        Ok(())
    }

    fn metadata(&self) -> Value {
        json!({
            "RuleArn": self.arn,
            "RuleStatus": if self.enabled { "ENABLED" } else { "DISABLED" },
            "RuleOrder": self.order,
            "RuleName": self.name,
            "Description": self.description,
            "IsTerminal": self.is_terminal,
            "CreatedAt": timestamp(self.created_at),
            "UpdatedAt": timestamp(self.updated_at),
            "CreatedBy": self.created_by,
        })
    }

    fn config(&self) -> Value {
        let mut config = self.metadata();
        if let Some(config) = config.as_object_mut() {
            config.insert("Criteria".into(), self.criteria.clone());
            config.insert("Actions".into(), self.actions.clone());
        }
        config
    }
}

fn action(actions: &[Value]) -> Checked<Update> {
    let action = actions.first().ok_or_else(|| check::missing("Actions"))?;
    let action = check::object(action, "Actions")?;
    check::word(action, "Type", &["FINDING_FIELDS_UPDATE"])?.ok_or_else(|| check::missing("Type"))?;
    let fields = check::structure(action, "FindingFieldsUpdate")?
        .ok_or_else(|| check::missing("FindingFieldsUpdate"))?;
    let update = Update::parse(fields)?;
    if update.is_empty() {
        return Err("invalid parameter `FindingFieldsUpdate`: it would change nothing".into());
    }
    Ok(update)
}

fn tags(input: &Object) -> Checked<()> {
    let limits = Pairs { pairs: 50, key: 128, value: 256, blank: true };
    for key in check::text_map(input, "Tags", limits)?.into_iter().flat_map(Object::keys) {
        if key.starts_with("aws:") {
            return Err(format!("invalid parameter `Tags`: key `{key}` must not start with `aws:`"));
        }
    }
    Ok(())
}

fn arns(input: &Object) -> Checked<Vec<&str>> {
    check::required_list(input, "AutomationRulesArns", 1..=100)?
        .iter()
        .map(|arn| check::a_text(arn, "AutomationRulesArns", 2048))
        .collect()
}

fn not_found(arn: &str) -> Value {
    json!({ "RuleArn": arn, "ErrorCode": 404, "ErrorMessage": "automation rule not found" })
}

#[cfg(test)]
mod tests;
