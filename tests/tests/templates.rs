//! The templates agree with the code that they deploy.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use eventide_kit::env::{FromEnv, Vars};
use eventide_testing::template::{Resolver, Scope, read};
use eventide_testing::{LocalCloud, fixture_json, repository};
use eventide_types::work::Stage;
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// The custom action that the template creates.
const ACTION: &str = "arn:aws:securityhub:us-east-1:111122223333:action/custom/EventideInvestigate";

fn template() -> Result<Value, String> {
    read(&repository().join("infra/finding-enrichment.yaml"))
}

fn resolver(template: &Value, given: &[(&str, &str)]) -> Result<Resolver, String> {
    let scope = Scope { account: "111122223333".into(), region: "us-east-1".into(), stack: "s".into() };
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut resolver = Resolver::new(template, &given, scope)?;
    let arn = BTreeMap::from([("ActionTargetArn".to_owned(), ACTION.to_owned())]);
    resolver.know("CustomAction", ACTION, arn);
    Ok(resolver)
}

/// The environment variables of a function: their values where parameters give them, else something that fits.
fn variables(template: &Value, function: &str) -> Result<BTreeMap<String, String>, String> {
    let resolver = resolver(template, &[])?;
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

/// The variables in the table of a function's documentation, which comes last there.
fn documented(function: &str) -> Result<BTreeSet<String>, String> {
    let path = repository().join("functions").join(function).join("src/lib.rs");
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let (_, table) = text.split_once("# Environment").ok_or("no section `Environment`")?;
    let rows = table.lines().filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
    Ok(rows.map(str::to_owned).collect())
}

fn agrees<C: FromEnv + PartialEq>(resource: &str, function: &str) -> Tested {
    let template = template()?;
    let variables = variables(&template, resource)?;
    let config = load::<C>(&variables)?;
    let app_id = "AWS_SDK_UA_APP_ID";
    assert_eq!(variables[app_id], function, "by which the journal knows the caller");
    let set: BTreeSet<_> = variables.keys().filter(|name| *name != app_id).cloned().collect();
    assert_eq!(set, documented(function)?, "set in the template and documented in {function}");
    for name in &set {
        let mut other = variables.clone();
        other.insert(name.clone(), "something-else".into());
        assert!(load::<C>(&other).as_ref() != Ok(&config), "`{name}` is not read");
    }

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
        let mut unset = variables.clone();
        unset.remove(name);
        assert!(load::<C>(&unset)? == config, "`{name}` has another default in the code");
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
    let (own_key, given_key) = ("arn:of-its-own", "arn:aws:kms:us-east-1:111122223333:key/given");
    let mut resolver = resolver(&template, &[])?;
    resolver.know("QueueKey", "id", BTreeMap::from([("Arn".to_owned(), own_key.to_owned())]));
    let given = self::resolver(&template, &[("KmsKeyArn", given_key)])?;
    for (name, resource) in resources {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap_or_default() {
            "AWS::SQS::Queue" => {
                let key = resolver.resolve(&properties["KmsMasterKeyId"])?;
                assert_eq!(key, own_key, "{name}");
                let key = given.resolve(&properties["KmsMasterKeyId"])?;
                assert_eq!(key, given_key, "{name}");
            }
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

/// The files that a rule takes; no rule takes any other file.
const TAKEN: [(&str, &[&str]); 4] = [
    (
        "ImportedRule",
        &[
            "hostile-control-characters.json",
            "imported-archived.json",
            "imported-attack-sequence.json",
            "imported-aws-account.json",
            "imported-aws-service.json",
            "imported-china.json",
            "imported-federated-user.json",
            "imported-govcloud.json",
            "imported-iam-user-key.json",
            "imported-member-account.json",
            "imported-missing-times.json",
            "imported-no-iam-resource.json",
            "imported-persons-note.json",
            "imported-role-assumed.json",
            "imported-role-principal-key.json",
            "imported-role-resource.json",
            "imported-root.json",
            "imported-session-issuer.json",
            "imported-several-principals.json",
            "imported-suppressed.json",
            "imported-user-resource.json",
            // One finding in place of the list: EventBridge looks into both.
            "malformed-findings-not-array.json",
        ],
    ),
    ("NewActivityRule", &["imported-already-complete.json", "imported-own-update.json"]),
    (
        "CustomActionRule",
        &[
            "custom-action-archived.json",
            "custom-action-one-finding.json",
            "custom-action-several-findings.json",
        ],
    ),
    ("OcsfRule", &["imported-ocsf-v2.json"]),
];

#[tokio::test]
async fn the_rules_take_the_events_that_are_theirs_and_no_others() -> Tested {
    let cloud = LocalCloud::start().await?;
    let template = template()?;
    let resolver = resolver(&template, &[])?;
    let folder = repository().join("events/finding-investigate");
    let mut files = BTreeSet::new();
    for file in std::fs::read_dir(folder).map_err(|error| error.to_string())? {
        files.insert(file.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned());
    }
    assert!(files.remove("malformed-truncated.json"), "EventBridge sends nothing that is not JSON");
    for (rule, takes) in TAKEN {
        let pattern = resolver.resolve(&template["Resources"][rule]["Properties"]["EventPattern"])?;
        let mut taken = BTreeSet::new();
        for file in &files {
            let event = fixture_json(&format!("finding-investigate/{file}"))?;
            let body = json!({ "Event": event.to_string(), "EventPattern": pattern.to_string() });
            let answer = cloud.aws_json("events", "AWSEvents.TestEventPattern", &body).await?;
            if answer["Result"] == true {
                taken.insert(file.as_str());
            }
        }
        assert_eq!(taken, takes.iter().copied().collect(), "{rule}");
    }
    Ok(())
}

#[test]
fn parameters_switch_the_rules_and_name_the_custom_action() -> Tested {
    let template = template()?;
    let states = |given: &[(&str, &str)]| {
        let resolver = resolver(&template, given)?;
        let mut on = BTreeSet::new();
        for (rule, _) in TAKEN {
            let state = resolver.resolve(&template["Resources"][rule]["Properties"]["State"])?;
            // A rule without a state is enabled.
            if state.is_null() || state == "ENABLED" {
                on.insert(rule);
            }
        }
        Ok::<_, String>(on)
    };
    assert_eq!(states(&[])?, ["CustomActionRule", "ImportedRule"].into());
    assert_eq!(states(&[("AutomaticInvestigation", "false")])?, ["CustomActionRule"].into());
    let all = [("ReinvestigateNewActivity", "true"), ("OcsfFindings", "ENABLED")];
    assert_eq!(states(&all)?, TAKEN.map(|(rule, _)| rule).into());

    let other = "arn:aws:securityhub:us-east-1:111122223333:action/custom/Other";
    for (given, action) in [
        (&[][..], ACTION),
        (&[("CreateCustomAction", "false")][..], ACTION),
        (&[("CreateCustomAction", "false"), ("CustomActionArn", other)][..], other),
    ] {
        let resolver = resolver(&template, given)?;
        let pattern = &template["Resources"]["CustomActionRule"]["Properties"]["EventPattern"]["resources"];
        assert_eq!(resolver.resolve(pattern)?, json!([action]), "{given:?}");
        let output = &template["Outputs"]["CustomActionArn"]["Value"];
        assert_eq!(resolver.resolve(output)?, action, "{given:?}");
    }
    let id = &template["Resources"]["CustomAction"]["Properties"]["Id"];
    assert!(ACTION.ends_with(id.as_str().unwrap_or("?")), "{id}");
    Ok(())
}

#[test]
fn the_suite_hands_its_parameters_on_as_the_systems_declare_them() -> Tested {
    let suite = read(&repository().join("infra/suite.yaml"))?;
    let mut checked = 0;
    for (name, resource) in suite["Resources"].as_object().ok_or("no resources")? {
        let nested = resource["Properties"]["TemplateURL"].as_str().ok_or_else(|| format!("`{name}`"))?;
        let nested = read(&repository().join("infra").join(nested))?;
        for (parameter, value) in resource["Properties"]["Parameters"].as_object().into_iter().flatten() {
            let own = &suite["Parameters"][value["Ref"].as_str().unwrap_or_default()];
            for member in ["Type", "Default", "AllowedValues", "AllowedPattern"] {
                assert_eq!(
                    own[member], nested["Parameters"][parameter][member],
                    "{name}: {parameter} {member}"
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 0, "the suite hands nothing on");
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
