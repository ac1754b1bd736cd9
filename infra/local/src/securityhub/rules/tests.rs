use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

fn cx() -> Context<'static> {
    Context {
        account: "111122223333",
        region: "us-east-1",
        caller: "arn:aws:iam::111122223333:root",
        now: NOW,
    }
}

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

fn input(order: i64, criteria: Value, update: Value) -> Object {
    object(json!({
        "RuleOrder": order, "RuleName": format!("rule {order}"), "Description": "d", "Criteria": criteria,
        "Actions": [{ "Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": update }],
    }))
}

fn mark(order: i64, key: &str) -> Object {
    let guard = json!({ "Title": [{ "Comparison": "EQUALS", "Value": "t" }] });
    input(order, guard, json!({ "UserDefinedFields": { "last": key, key: "yes" } }))
}

fn applied(region: &Region, finding: Value) -> Value {
    let mut finding = object(finding);
    apply(&region.rules, &mut finding, UserDefinedFields::Merge, NOW);
    Value::Object(finding)
}

#[test]
fn rules_run_in_order_and_terminal_rules_end_it() {
    let mut region = Region::default();
    let mut terminal = mark(2, "second");
    terminal.insert("IsTerminal".into(), true.into());
    for rule in [mark(3, "third"), terminal, mark(1, "first")] {
        create(&cx(), &mut region, &rule).unwrap();
    }
    let finding = applied(&region, json!({ "Title": "t" }));
    assert_eq!(finding["UserDefinedFields"], json!({ "last": "second", "first": "yes", "second": "yes" }));
    let other = applied(&region, json!({ "Title": "u" }));
    assert_eq!(other, json!({ "Title": "u" }), "a terminal rule that does not match ends nothing");
}

#[test]
fn of_one_order_the_rule_updated_last_wins() {
    let mut region = Region::default();
    let first = create(&cx(), &mut region, &mark(5, "first")).unwrap();
    create(&cx(), &mut region, &mark(5, "second")).unwrap();
    let later = Context { now: NOW + Duration::minutes(1), ..cx() };
    let touch = object(json!({ "UpdateAutomationRulesRequestItems": [
        { "RuleArn": first["RuleArn"], "Description": "touched" }
    ] }));
    update(&later, &mut region, &touch).unwrap();
    assert_eq!(applied(&region, json!({ "Title": "t" }))["UserDefinedFields"]["last"], "first");
}

#[test]
fn a_disabled_rule_does_nothing() {
    let mut region = Region::default();
    let mut rule = mark(1, "first");
    rule.insert("RuleStatus".into(), "DISABLED".into());
    create(&cx(), &mut region, &rule).unwrap();
    assert_eq!(applied(&region, json!({ "Title": "t" })), json!({ "Title": "t" }));
}

#[test]
fn the_rule_that_marks_findings_stops_at_every_state_but_its_own() {
    let states = ["running", "complete", "failed", "timed-out", "unsupported"];
    let guards: Vec<Value> = states
        .iter()
        .map(|state| json!({ "Key": "investigate", "Comparison": "NOT_EQUALS", "Value": state }))
        .collect();
    let criteria = json!({
        "ProductName": [{ "Comparison": "EQUALS", "Value": "GuardDuty" }],
        "UserDefinedFields": guards,
    });
    let mut region = Region::default();
    let rule = input(1, criteria, json!({ "UserDefinedFields": { "investigate": "true" } }));
    create(&cx(), &mut region, &rule).unwrap();
    for (before, after) in [
        (json!({}), "true"),
        (json!({ "owner": "x" }), "true"),
        (json!({ "investigate": "true" }), "true"),
        (json!({ "investigate": "running" }), "running"),
        (json!({ "investigate": "complete" }), "complete"),
        (json!({ "investigate": "unsupported", "owner": "x" }), "unsupported"),
    ] {
        let finding = applied(&region, json!({ "ProductName": "GuardDuty", "UserDefinedFields": before }));
        assert_eq!(finding["UserDefinedFields"]["investigate"], after, "{finding}");
    }
}

#[test]
fn bad_rules_are_refused() {
    let good = mark(1, "k");
    for (key, value, expected) in [
        ("RuleOrder", json!(0), "1 to 1000"),
        ("RuleOrder", json!(1001), "1 to 1000"),
        ("RuleOrder", json!(null), "`RuleOrder`: it is required"),
        ("RuleName", json!("n".repeat(257)), "at most 256"),
        ("Description", json!(null), "`Description`: it is required"),
        ("RuleStatus", json!("ON"), "`ON` is none of"),
        ("Criteria", json!({}), "at least one attribute"),
        ("Actions", json!([]), "0 items"),
        ("Actions", json!([{}]), "`Type`"),
        (
            "Actions",
            json!([{ "Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {} }]),
            "change nothing",
        ),
        ("Tags", json!({ "aws:x": "y" }), "`aws:x`"),
    ] {
        let mut rule = good.clone();
        rule.insert(key.into(), value);
        let refusal = create(&cx(), &mut Region::default(), &rule).unwrap_err();
        assert!(format!("{refusal:?}").contains(expected), "{key}: {refusal:?}");
    }
    let mut full = Region::default();
    for _ in 0..MOST_RULES {
        create(&cx(), &mut full, &good).unwrap();
    }
    assert!(format!("{:?}", create(&cx(), &mut full, &good).unwrap_err()).contains("LimitExceededException"));
}
