//! How an enrichment can end, through the real templates.

use std::time::Duration;

use eventide_tests::System;
use eventide_tests::findings::{about, about_role, from_event, with_severity};
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

fn note(finding: &Value) -> &str {
    finding.pointer("/Note/Text").and_then(Value::as_str).unwrap_or_default()
}

fn field<'a>(finding: &'a Value, name: &str) -> Option<&'a str> {
    finding.get("UserDefinedFields")?.get(name)?.as_str()
}

#[tokio::test]
async fn failed_missing_times_and_no_graph_are_told() -> Tested {
    let system = System::start().await?;
    let failed = about_role("failed", "failed-role")?;
    let mut elsewhere = about_role("elsewhere", "quiet-role")?;
    elsewhere["Region"] = json!("eu-west-1");
    system.import(&[failed, elsewhere]).await?;
    let finding = system.await_stage("failed", "failed").await?;
    assert!(note(&finding).contains("Detective reports investigation"), "{}", note(&finding));
    let finding = system.await_stage("elsewhere", "unsupported").await?;
    assert!(note(&finding).contains("no behavior graph in eu-west-1"), "{}", note(&finding));

    // No import can lack its times, but an event can.
    system.import(&[about_role("timeless", "quiet-role")?]).await?;
    system.await_stage("timeless", "complete").await?;
    let mut event = eventide_testing::fixture_json("finding-investigate/custom-action-one-finding.json")?;
    event["time"] = json!("2027-01-01T00:00:00Z");
    let finding = &mut event["detail"]["findings"][0];
    for time in ["FirstObservedAt", "LastObservedAt", "CreatedAt", "UpdatedAt", "ProcessedAt"] {
        finding[time] = Value::Null;
    }
    finding["Id"] = json!("timeless");
    let answer = system.invoke("InvestigateFunction", event.to_string().as_bytes()).await?;
    assert_eq!(answer.map_err(|error| error.to_string())?["findings"][0]["decision"], "queued");
    let finding = system.await_stage("timeless", "failed").await?;
    assert!(note(&finding).contains("no usable time"), "{}", note(&finding));
    Ok(())
}

#[tokio::test]
async fn what_never_ends_times_out() -> Tested {
    let system = System::start_with(&[("MaxInvestigationMinutes", "1"), ("PollDelaySeconds", "5")]).await?;
    system.import(&[about_role("f", "never-ends-role")?]).await?;
    system.await_stage("f", "running").await?;
    let finding = system.await_stage_for("f", "timed-out", Duration::from_secs(120)).await?;
    assert!(note(&finding).contains("did not end within 1 min"), "{}", note(&finding));
    assert!(note(&finding).contains("#investigationReport/"), "{}", note(&finding));
    Ok(())
}

#[tokio::test]
async fn several_principals_are_one_note_with_the_worst_first() -> Tested {
    let system = System::start().await?;
    let mut finding = from_event("imported-several-principals.json")?;
    finding["Id"] = json!("f");
    system.import(&[with_severity(finding, "HIGH")]).await?;
    let finding = system.await_stage("f", "complete").await?;
    let note = note(&finding);
    assert!(note.starts_with("Detective: CRITICAL for role service/payments/PaymentsBatch"), "{note}");
    assert!(note.contains("Others: MEDIUM for user build-agent"), "{note}");
    let ids = field(&finding, "investigationId").unwrap_or_default();
    assert_eq!(ids.split(',').count(), 3, "{ids}");
    assert_eq!(system.investigations().await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn paths_come_from_iam_here_and_through_the_member_role_elsewhere() -> Tested {
    let system = System::start_with(&[("MemberRoleName", "EventideFindingEnrichment")]).await?;
    let create = |account: &'static str, name: &'static str, path: &'static str| {
        let aws = system.aws().clone().with_access_key(account);
        async move {
            let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
            let role = [("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", trust)];
            aws.query("iam", "CreateRole", &role).await
        }
    };
    create("111122223333", "quiet-here", "/team/a/").await?;
    create("444455556666", "quiet-there", "/team/b/").await?;
    create("444455556666", "EventideFindingEnrichment", "/").await?;
    let there =
        json!({ "AccountId": "444455556666", "PrincipalName": "quiet-there", "PrincipalType": "Role" });
    system.import(&[about_role("here", "quiet-here")?, about("there", &there)?]).await?;
    for (id, who) in [
        ("here", "role team/a/quiet-here in 111122223333"),
        ("there", "role team/b/quiet-there in 444455556666"),
    ] {
        let finding = system.await_stage(id, "complete").await?;
        assert!(note(&finding).contains(who), "{}", note(&finding));
    }
    Ok(())
}

#[tokio::test]
async fn a_persons_note_and_fields_stay_whether_fields_merge_or_replace() -> Tested {
    let system = System::start().await?;
    for fields in ["merge", "replace"] {
        let settings = json!({ "userDefinedFields": fields });
        system.cloud().control(Method::POST, "securityhub/settings", Some(&settings)).await?;
        // The rule would replace the fields, too: a person asks.
        let mut finding = with_severity(about_role(fields, "medium-role")?, "LOW");
        finding["UserDefinedFields"] = json!({ "team": "blue" });
        system.import(&[finding]).await?;
        system.annotate(fields, "known", "analyst").await?;
        system.custom_action(&[fields], false).await?;
        let finding = system.await_stage(fields, "complete").await?;
        assert_eq!(note(&finding), "known");
        assert_eq!(field(&finding, "team"), Some("blue"), "{fields}");
        let summary = field(&finding, "investigationSummary").unwrap_or_default();
        assert!(summary.starts_with("Detective: MEDIUM"), "{summary}");
    }
    Ok(())
}

#[tokio::test]
async fn a_person_is_heard_on_archived_and_on_handled_findings() -> Tested {
    let system = System::start().await?;
    let mut archived = about_role("archived", "medium-role")?;
    archived["RecordState"] = json!("ARCHIVED");
    system.import(&[archived]).await?;
    system.custom_action(&["archived"], false).await?;
    let first = system.await_stage("archived", "complete").await?;
    let written = first["Note"]["UpdatedAt"].clone();
    system.custom_action(&["archived"], false).await?;
    let again =
        eventide_testing::eventually("a second outcome", eventide_tests::system::PATIENCE, || async {
            let finding = system.finding("archived").await.ok()?;
            (finding["Note"]["UpdatedAt"] != written && field(&finding, "investigate") == Some("complete"))
                .then_some(finding)
        });
    again.await?;
    assert_eq!(system.investigations().await?.len(), 1, "the recent one serves");
    Ok(())
}

#[tokio::test]
async fn ocsf_findings_get_a_comment_and_share_the_investigation() -> Tested {
    let system = System::start_with(&[("OcsfFindings", "ENABLED")]).await?;
    system.cloud().control(Method::POST, "securityhub/settings", Some(&json!({ "v2": true }))).await?;
    system.import(&[about_role("f", "compromised-role")?]).await?;
    system.await_stage("f", "complete").await?;
    let commented = eventide_testing::eventually("a comment", eventide_tests::system::PATIENCE, || async {
        let all = system.cloud().control(Method::GET, "securityhub/findings", None).await.ok()?;
        let text = all.get("findingsV2")?.to_string();
        text.contains("Detective: CRITICAL").then_some(text)
    });
    commented.await?;
    assert_eq!(system.investigations().await?.len(), 1, "CSPM and V2 events of one finding meet");

    // Our comment was an event, too. A later finding has come through, so that one has been decided.
    system.import(&[about_role("marker", "quiet-role")?]).await?;
    system.await_stage("marker", "complete").await?;
    let comments = || system.count("finding-enrich", "securityhub:BatchUpdateFindingsV2");
    let two =
        eventide_testing::eventually("the marker's comment", eventide_tests::system::PATIENCE, || async {
            (comments().await.ok()? >= 2).then_some(())
        });
    two.await?;
    assert_eq!(comments().await?, 2, "one a finding");
    Ok(())
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_says_what_it_would_do() -> Tested {
    let system = System::start_with(&[("DryRun", "true")]).await?;
    system.import(&[about_role("f", "medium-role")?]).await?;
    let line = eventide_testing::eventually("the log", eventide_tests::system::PATIENCE, || async {
        let logs = system.logs("EnrichFunction").await.ok()?;
        logs.into_iter().find(|line| line.contains("dry run: nothing was written"))
    });
    assert!(line.await?.contains(r#""would":"start""#));
    let logs = system.logs("EnrichFunction").await?;
    assert!(logs.iter().any(|line| line.contains(r#""DryRuns""#)), "{logs:?}");
    assert_eq!(system.stage("f").await?, "true", "as the automation rule left it");
    let writes = ["StartInvestigation", "BatchUpdate", "PutItem", "UpdateItem", "SendMessage"];
    let calls = system.calls("finding-enrich").await?;
    assert!(!calls.is_empty());
    assert!(!calls.iter().any(|call| writes.iter().any(|write| call.contains(write))), "{calls:?}");
    Ok(())
}
