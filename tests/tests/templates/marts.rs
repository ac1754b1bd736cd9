//! Data marts.

use super::*;

use eventide_testing::fixture_json;
use eventide_types::mart::delivery;
use eventide_types::mart::statement::{self, EndState, StatementName};

const TEMPLATE: &str = "data-marts.yaml";
/// That of the events in `events/mart-deploy`.
const BUCKET: &str = "eventide-data-marts-martbucket-1abcdefghijkl";

#[test]
fn functions_read_what_the_template_sets_within_the_same_limits() -> Tested {
    let template = template(TEMPLATE)?;
    agrees::<mart_deploy::Config>(&template, "DeployFunction", "mart-deploy")?;
    agrees::<mart_refresh::Config>(&template, "RefreshFunction", "mart-refresh")?;
    agrees::<mart_query::Config>(&template, "QueryFunction", "mart-query")?;
    agrees::<mart_deliver::Config>(&template, "DeliverFunction", "mart-deliver")?;
    agrees::<mart_chargeback::Config>(&template, "ChargebackFunction", "mart-chargeback")
}

#[test]
fn queues_fit_their_workers_and_everything_is_encrypted() -> Tested {
    let template = template(TEMPLATE)?;
    for (queue, worker) in [
        ("DeployQueue", "DeployFunction"),
        ("QueryQueue", "QueryFunction"),
        ("DeliverQueue", "DeliverFunction"),
    ] {
        fits(&template, queue, worker)?;
    }
    let failed = &template["Resources"]["FailedQueue"]["Properties"];
    assert_eq!(failed["MessageRetentionPeriod"], 14 * 24 * 3600);
    let versions = &template["Resources"]["MartBucket"]["Properties"]["VersioningConfiguration"]["Status"];
    assert_eq!(versions, "Enabled", "a deployment reads the version that its event names");
    everything_is_encrypted(&template)?;
    rules_reach_their_targets(&template)
}

#[test]
fn what_is_booked_does_not_expire_and_what_is_under_way_does() -> Tested {
    let template = template(TEMPLATE)?;
    let table = |name: &str| &template["Resources"][name]["Properties"];
    assert!(table("UsageTable")["TimeToLiveSpecification"].is_null());
    let expiry = json!({ "AttributeName": "expires_at", "Enabled": true });
    assert_eq!(table("LedgerTable")["TimeToLiveSpecification"], expiry);
    Ok(())
}

/// The names of statements that one of our functions runs, one of each kind, and of another's.
fn statements() -> [(&'static str, String); 4] {
    let mart = || "headcount".to_owned();
    [
        ("query", StatementName::Query { mart: mart(), token: "4f1c".to_owned() }.to_string()),
        (
            "deploy",
            StatementName::Deploy { mart: mart(), step: "swap".to_owned(), digest: "d".to_owned() }
                .to_string(),
        ),
        ("refresh", StatementName::Refresh { mart: mart(), run: "r".to_owned() }.to_string()),
        ("foreign", "nightly-load".to_owned()),
    ]
}

/// An event of the bus, by what it is about.
fn event(source: &str, detail_type: &str, detail: &Value) -> Value {
    json!({
        "version": "0", "id": "18e7079c-dd49-dd64-caf9-e5a31640dab0", "detail-type": detail_type, "source": source,
        "account": "111122223333", "time": "2026-11-23T12:00:00Z", "region": "us-east-1", "resources": [],
        "detail": detail
    })
}

/// Events as AWS and applications send them: each kind that a rule is for, and what lies next to it.
fn events() -> BTreeMap<String, Value> {
    let mut events = BTreeMap::new();
    for (kind, name) in statements() {
        for state in [EndState::Finished, EndState::Failed, EndState::Aborted] {
            let detail = json!({ "statementId": "s", "statementName": name, "state": state });
            let event = event(statement::SOURCE, statement::STATUS_CHANGE, &detail);
            events.insert(format!("{kind} {}", detail["state"].as_str().unwrap_or_default()), event);
        }
        let detail = json!({ "statementId": "s", "statementName": name, "state": "STARTED" });
        events.insert(format!("{kind} STARTED"), event(statement::SOURCE, statement::STATUS_CHANGE, &detail));
    }
    for (kind, bucket, key) in [
        ("sql", BUCKET, "team/headcount.sql"),
        ("text", BUCKET, "team/headcount.txt"),
        ("elsewhere", "another-bucket", "team/headcount.sql"),
    ] {
        for detail_type in ["Object Created", "Object Deleted", "Object Tags Added"] {
            let detail = json!({ "bucket": { "name": bucket }, "object": { "key": key, "sequencer": "0A" } });
            events.insert(format!("{detail_type}: {kind}"), event("aws.s3", detail_type, &detail));
        }
    }
    let request = json!({ "mart": "headcount" });
    events.insert("requested".to_owned(), event("hr.portal", "Data Mart Requested", &request));
    for detail_type in [delivery::event::READY, delivery::event::FAILED, delivery::event::DEPLOYED] {
        events.insert(detail_type.to_owned(), event(delivery::SOURCE, detail_type, &request));
    }
    events
}

/// What each rule takes of [`events`].
const TAKEN: [(&str, &[&str]); 4] = [
    ("UploadedRule", &["Object Created: sql", "Object Deleted: sql"]),
    (
        "DeployedRule",
        &[
            "deploy ABORTED",
            "deploy FAILED",
            "deploy FINISHED",
            "refresh ABORTED",
            "refresh FAILED",
            "refresh FINISHED",
        ],
    ),
    ("EndedRule", &["query ABORTED", "query FAILED", "query FINISHED"]),
    ("RequestedRule", &["requested"]),
];

/// What each rule takes of the files in `events/`, each event by its file.
const TAKEN_FILES: [(&str, &[&str]); 4] = [
    (
        "UploadedRule",
        &[
            "mart-deploy/batch-with-poison.json",
            "mart-deploy/created-key-of-nobody.json",
            "mart-deploy/created-late-binding-view.json",
            "mart-deploy/created-materialized-view.json",
            "mart-deploy/created-query.json",
            "mart-deploy/created-second-statement.json",
            "mart-deploy/deleted-delete-marker.json",
            "mart-deploy/deleted-for-good.json",
            "mart-deploy/not-an-sqs-event.json",
        ],
    ),
    (
        "DeployedRule",
        &[
            "mart-deploy/build-failed.json",
            "mart-deploy/build-finished.json",
            "mart-deploy/check-finished.json",
            "mart-deploy/refresh-finished.json",
            "mart-deploy/swap-aborted.json",
            "mart-deploy/swap-finished.json",
        ],
    ),
    (
        "EndedRule",
        &[
            "mart-deliver/ended-aborted.json",
            "mart-deliver/ended-failed.json",
            "mart-deliver/ended-finished.json",
            "mart-deliver/last-receipt.json",
        ],
    ),
    ("RequestedRule", &["mart-query/event-requested.json", "mart-query/foreign-caller.json"]),
];

/// The events in the files of a folder: whole ones, and those in messages of a queue.
fn recorded(folder: &str) -> Result<BTreeMap<String, Value>, String> {
    let mut events = BTreeMap::new();
    for file in files(folder)? {
        let name = format!("{folder}/{file}");
        let content = fixture_json(&name)?;
        let body = content.pointer("/Records/0/body").and_then(Value::as_str);
        let event = match body {
            Some(body) => serde_json::from_str(body).unwrap_or(Value::Null),
            None => content,
        };
        // Without an account it is none of the bus's: EventBridge Scheduler hands its input on as it is.
        if event["detail-type"].is_string() && event["account"].is_string() {
            events.insert(name, event);
        }
    }
    Ok(events)
}

#[tokio::test]
async fn the_rules_take_the_events_that_are_theirs_and_no_others() -> Tested {
    let cloud = LocalCloud::start().await?;
    let template = template(TEMPLATE)?;
    let mut resolver = resolver(&template, &[])?;
    resolver.know("MartBucket", BUCKET, BTreeMap::new());
    let mut files = BTreeMap::new();
    for folder in ["mart-deliver", "mart-deploy", "mart-query", "mart-refresh"] {
        files.extend(recorded(folder)?);
    }
    let made = events();
    let patterns = TAKEN.map(|(rule, _)| rule);
    let rules = template["Resources"].as_object().into_iter().flatten();
    let with_pattern = rules.filter(|(_, resource)| !resource["Properties"]["EventPattern"].is_null());
    let with_pattern: BTreeSet<_> = with_pattern.map(|(name, _)| name.as_str()).collect();
    assert_eq!(with_pattern, patterns.into(), "every rule is looked at");
    for (rule, takes) in TAKEN {
        let pattern = resolver.resolve(&template["Resources"][rule]["Properties"]["EventPattern"])?;
        let found = taken(&cloud, &pattern, &made).await?;
        assert_eq!(found, takes.iter().copied().collect(), "{rule}");
        let found = taken(&cloud, &pattern, &files).await?;
        let takes = TAKEN_FILES.iter().filter(|(name, _)| *name == rule).flat_map(|(_, files)| *files);
        assert_eq!(found, takes.copied().collect(), "{rule}");
    }
    Ok(())
}

#[test]
fn the_outputs_have_their_names() -> Tested {
    let template = template(TEMPLATE)?;
    let outputs = template["Outputs"].as_object().ok_or("no outputs")?;
    for name in [
        "MartBucket",
        "ResultBucket",
        "QueryFunction",
        "DeliverFunction",
        "QueryUrl",
        "LedgerTable",
        "UsageTable",
        "FailedQueueUrl",
    ] {
        assert!(outputs.contains_key(name), "{name}");
    }
    Ok(())
}
