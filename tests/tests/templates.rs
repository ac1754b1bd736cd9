//! The templates agree with the code that they deploy.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use eventide_kit::env::{FromEnv, Vars};
use eventide_testing::template::{Resolver, Scope, read};
use eventide_testing::{LocalCloud, fixture_json, repository};
use eventide_types::work::Stage;
use serde_json::{Value, json};

type Tested = Result<(), String>;

fn template() -> Result<Value, String> {
    read(&repository().join("infra/finding-enrichment.yaml"))
}

/// The environment variables of a function: their values where parameters give them, else something that fits.
fn variables(template: &Value, function: &str) -> Result<BTreeMap<String, String>, String> {
    let scope = Scope { account: "111122223333".into(), region: "us-east-1".into(), stack: "s".into() };
    let resolver = Resolver::new(template, &BTreeMap::new(), scope)?;
    let variables = &template["Resources"][function]["Properties"]["Environment"]["Variables"];
    let variables = variables.as_object().ok_or_else(|| format!("`{function}` has no variables"))?;
    let value = |value: &Value| match resolver.resolve(value) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => "of-a-resource".to_owned(),
    };
    Ok(variables.iter().map(|(name, given)| (name.clone(), value(given))).collect())
}

fn load<C: FromEnv>(variables: &BTreeMap<String, String>) -> Result<C, String> {
    Vars::from_pairs(variables.clone()).load::<C>().map_err(|error| error.to_string())
}

/// The variables in the table of a function's documentation.
fn documented(function: &str) -> Result<BTreeSet<String>, String> {
    let path = repository().join("functions").join(function).join("src/lib.rs");
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
    Ok(rows.map(str::to_owned).collect())
}

fn agrees<C: FromEnv>(resource: &str, function: &str) -> Tested {
    let template = template()?;
    let variables = variables(&template, resource)?;
    load::<C>(&variables)?;
    let set: BTreeSet<_> = variables.keys().filter(|name| *name != "AWS_SDK_UA_APP_ID").cloned().collect();
    assert_eq!(set, documented(function)?, "set in the template and documented in {function}");

    let given = &template["Resources"][resource]["Properties"]["Environment"]["Variables"];
    for (name, value) in given.as_object().into_iter().flatten() {
        let parameter = value["Ref"].as_str().and_then(|parameter| template["Parameters"].get(parameter));
        let Some(parameter) = parameter.filter(|parameter| parameter["Type"] == "Number") else { continue };
        let (least, most) = (parameter["MinValue"].as_i64(), parameter["MaxValue"].as_i64());
        let (Some(least), Some(most)) = (least, most) else { return Err(format!("`{name}` has no limits")) };
        for (number, accepted) in [(least, true), (most, true), (least - 1, false), (most + 1, false)] {
            let mut variables = variables.clone();
            variables.insert(name.clone(), number.to_string());
            assert_eq!(load::<C>(&variables).is_ok(), accepted, "`{name}` = {number}");
        }
    }
    Ok(())
}

#[test]
fn functions_read_what_the_template_sets_within_the_same_limits() -> Tested {
    agrees::<finding_investigate::Config>("InvestigateFunction", "finding-investigate")?;
    agrees::<finding_enrich::Config>("EnrichFunction", "finding-enrich")
}

#[test]
fn queues_fit_their_worker_and_everything_is_encrypted() -> Tested {
    let template = template()?;
    let resources = template["Resources"].as_object().ok_or("no resources")?;
    let queue = &resources["WorkQueue"]["Properties"];
    let receives = variables(&template, "EnrichFunction")?["MAX_RECEIVES"].clone();
    assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"].to_string(), receives);
    let timeout = resources["EnrichFunction"]["Properties"]["Timeout"].as_i64().unwrap_or(i64::MAX / 6);
    assert!(
        queue["VisibilityTimeout"].as_i64() >= Some(6 * timeout),
        "Lambda asks for six times the timeout"
    );
    assert_eq!(resources["FailedQueue"]["Properties"]["MessageRetentionPeriod"], 14 * 24 * 3600);
    for (name, resource) in resources {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap_or_default() {
            "AWS::SQS::Queue" => assert!(properties.get("KmsMasterKeyId").is_some(), "{name}"),
            "AWS::DynamoDB::Table" => {
                assert_eq!(properties["SSESpecification"]["SSEEnabled"], true, "{name}")
            }
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn the_automation_rule_leaves_every_stage_alone_but_the_first() -> Tested {
    let template = read(&repository().join("infra/finding-enrichment-automation-rule.yaml"))?;
    let rule = &template["Resources"]["MarkForInvestigation"]["Properties"];
    let fields = rule["Criteria"]["UserDefinedFields"].as_array().ok_or("no criteria on fields")?;
    let excluded: BTreeSet<_> = fields
        .iter()
        .filter(|field| field["Comparison"] == "NOT_EQUALS" && field["Key"] == "investigate")
        .filter_map(|field| field["Value"].as_str())
        .collect();
    let handled = [Stage::Running, Stage::Complete, Stage::Failed, Stage::TimedOut, Stage::Unsupported];
    assert_eq!(excluded, handled.map(Stage::as_str).into());
    assert_eq!(fields.len(), excluded.len());
    let update = &rule["Actions"][0]["FindingFieldsUpdate"]["UserDefinedFields"];
    assert_eq!(*update, json!({ "investigate": Stage::Wanted.as_str() }));
    Ok(())
}

#[tokio::test]
async fn the_rules_take_the_events_that_are_theirs_and_no_others() -> Tested {
    let cloud = LocalCloud::start().await?;
    let template = template()?;
    let rules = ["ImportedRule", "NewActivityRule", "CustomActionRule", "OcsfRule"];
    let expected = [
        ("imported-role-assumed.json", Some("ImportedRule")),
        ("imported-root.json", Some("ImportedRule")),
        ("imported-attack-sequence.json", Some("ImportedRule")),
        ("imported-running.json", None),
        ("imported-already-complete.json", Some("NewActivityRule")),
        ("imported-own-update.json", Some("NewActivityRule")),
        ("imported-not-guardduty.json", None),
        ("custom-action-several-findings.json", Some("CustomActionRule")),
        ("imported-ocsf-v2.json", Some("OcsfRule")),
        ("foreign-event.json", None),
    ];
    for (file, taker) in expected {
        let event = fixture_json(&format!("finding-investigate/{file}"))?;
        for rule in rules {
            let mut pattern = template["Resources"][rule]["Properties"]["EventPattern"].clone();
            if rule == "CustomActionRule" {
                pattern["resources"] =
                    json!(["arn:aws:securityhub:us-east-1:111122223333:action/custom/EventideInvestigate"]);
            }
            let body = json!({ "Event": event.to_string(), "EventPattern": pattern.to_string() });
            let answer = cloud.aws_json("events", "AWSEvents.TestEventPattern", &body).await?;
            assert_eq!(answer["Result"] == true, taker == Some(rule), "{file} and {rule}: {answer}");
        }
    }
    Ok(())
}

#[test]
fn the_outputs_have_their_names() -> Tested {
    let template = template()?;
    let outputs = template["Outputs"].as_object().ok_or("no outputs")?;
    for name in [
        "InvestigateFunction",
        "EnrichFunction",
        "CustomActionArn",
        "LedgerTable",
        "WorkQueueUrl",
        "FailedQueueUrl",
    ] {
        assert!(outputs.contains_key(name), "{name}");
    }
    Ok(())
}
