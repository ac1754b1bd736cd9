//! Finding enrichment.

use super::*;

use eventide_testing::fixture_json;
use eventide_types::work::Stage;

const TEMPLATE: &str = "finding-enrichment.yaml";

#[test]
fn functions_read_what_the_template_sets_within_the_same_limits() -> Tested {
    let template = template(TEMPLATE)?;
    agrees::<finding_investigate::Config>(&template, "InvestigateFunction", "finding-investigate")?;
    agrees::<finding_enrich::Config>(&template, "EnrichFunction", "finding-enrich")
}

#[test]
fn queues_fit_their_worker_and_everything_is_encrypted() -> Tested {
    let template = template(TEMPLATE)?;
    fits(&template, "WorkQueue", "EnrichFunction")?;
    let failed = &template["Resources"]["FailedQueue"]["Properties"];
    assert_eq!(failed["MessageRetentionPeriod"], 14 * 24 * 3600);
    everything_is_encrypted(&template)?;
    rules_reach_their_targets(&template)
}

#[test]
fn the_automation_rule_leaves_every_stage_alone_but_the_first() -> Tested {
    let template = template("finding-enrichment-automation-rule.yaml")?;
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
    let template = template(TEMPLATE)?;
    let resolver = resolver(&template, &[])?;
    let mut files = files("finding-investigate")?;
    assert!(files.remove("malformed-truncated.json"), "EventBridge sends nothing that is not JSON");
    let mut events = BTreeMap::new();
    for file in files {
        let event = fixture_json(&format!("finding-investigate/{file}"))?;
        events.insert(file, event);
    }
    for (rule, takes) in TAKEN {
        let pattern = resolver.resolve(&template["Resources"][rule]["Properties"]["EventPattern"])?;
        let taken = taken(&cloud, &pattern, &events).await?;
        assert_eq!(taken, takes.iter().copied().collect(), "{rule}");
    }
    Ok(())
}

#[test]
fn parameters_switch_the_rules_and_name_the_custom_action() -> Tested {
    let template = template(TEMPLATE)?;
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
fn the_outputs_have_their_names() -> Tested {
    let template = template(TEMPLATE)?;
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
