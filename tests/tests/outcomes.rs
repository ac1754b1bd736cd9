//! How an enrichment can end, through the real templates.

use eventide_testing::{eventually, fixture_json, repository, xml};
use eventide_tests::System;
use eventide_tests::findings::{about, about_role, from_event, with_severity};
use eventide_tests::system::PATIENCE;
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
    let mut event = fixture_json("finding-investigate/custom-action-one-finding.json")?;
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
async fn an_investigation_that_never_ends_times_out() -> Tested {
    let system = System::start_with(&[("MaxInvestigationMinutes", "30")]).await?;
    system.import(&[with_severity(about_role("f", "never-ends-role")?, "LOW")]).await?;
    // Begun long ago, as if the time had passed.
    let mut work = system.work("f", "never-ends-role").await?;
    work["begun_at"] = json!("2020-01-01T00:00:00Z");
    system.hand(&[("m", &work)], 1).await?;
    assert_eq!(system.stage("f").await?, "running");
    let finding = system.await_stage("f", "timed-out").await?;
    assert!(note(&finding).contains("did not end within 30 min"), "{}", note(&finding));
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
    assert_eq!(note.matches("Detective:").count(), 1);
    assert_eq!(
        system.count("finding-enrich", "securityhub:BatchUpdateFindings").await?,
        2,
        "`running`, the outcome"
    );
    system.come_to_rest(3).await
}

/// A member account.
const MEMBER: &str = "444455556666";

/// Deploys the member role's template in the member account, as a stack set does; the role's ARN.
async fn deploy_member_role(system: &System, name: &str) -> Result<String, String> {
    let aws = system.aws().clone().with_access_key(MEMBER);
    let path = repository().join("infra/finding-enrichment-member-role.yaml");
    let template =
        std::fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let stack = ("StackName", "eventide-finding-enrichment-member-role");
    let parameters = [
        stack,
        ("TemplateBody", &template),
        ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
        ("Parameters.member.1.ParameterKey", "EnrichRoleArn"),
        ("Parameters.member.1.ParameterValue", system.output("EnrichRoleArn")?),
        ("Parameters.member.2.ParameterKey", "RoleName"),
        ("Parameters.member.2.ParameterValue", name),
    ];
    aws.query("cloudformation", "CreateStack", &parameters).await?;
    eventually("the member role's stack", PATIENCE, || async {
        let described = aws.query("cloudformation", "DescribeStacks", &[stack]).await.ok()?;
        let complete = described.contains("<StackStatus>CREATE_COMPLETE<");
        complete.then(|| xml::value(&described, "OutputValue"))?
    })
    .await
}

async fn create_role(system: &System, account: &str, name: &str, path: &str) -> Tested {
    let aws = system.aws().clone().with_access_key(account);
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let role = [("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", trust)];
    aws.query("iam", "CreateRole", &role).await?;
    Ok(())
}

/// A finding about a session of a role of that account.
fn about_role_of(account: &str, id: &str, role: &str) -> Result<Value, String> {
    about(id, &json!({ "AccountId": account, "PrincipalName": role, "PrincipalType": "Role" }))
}

#[tokio::test]
async fn paths_come_from_iam_here_and_through_the_member_role_elsewhere() -> Tested {
    let member_role = "OurFindingEnrichmentRead";
    let system = System::start_with(&[("MemberRoleName", member_role)]).await?;
    create_role(&system, "111122223333", "quiet-here", "/team/a/").await?;
    create_role(&system, MEMBER, "quiet-there", "/team/b/").await?;
    let member_role = deploy_member_role(&system, member_role).await?;
    // Detective knows its entities by their whole ARNs, so nothing but the path leads to them.
    let known = ["111122223333:role/team/a/quiet-here", "444455556666:role/team/b/quiet-there"];
    let known = json!({ "arns": known.map(|role| format!("arn:aws:iam::{role}")) });
    system.cloud().control(Method::POST, "detective/entities", Some(&known)).await?;
    system
        .import(&[
            about_role("here", "quiet-here")?,
            about_role_of(MEMBER, "there", "quiet-there")?,
            about_role_of(MEMBER, "deleted", "quiet-deleted")?,
        ])
        .await?;
    for (id, who) in [
        ("here", "role team/a/quiet-here in 111122223333"),
        ("there", "role team/b/quiet-there in 444455556666"),
    ] {
        let finding = system.await_stage(id, "complete").await?;
        assert!(note(&finding).contains(who), "{}", note(&finding));
    }
    let finding = system.await_stage("deleted", "unsupported").await?;
    let refusal =
        "No investigation of role quiet-deleted in 444455556666: `detective:StartInvestigation` failed with";
    assert!(note(&finding).starts_with(refusal), "{}", note(&finding));
    let journal = system.cloud().control(Method::GET, "journal?service=sts", None).await?;
    let assumed = journal["entries"].as_array().ok_or("no journal")?;
    assert!(assumed.iter().any(|call| call["resources"]["RoleArn"] == member_role), "{assumed:?}");
    system.come_to_rest(2).await
}

#[tokio::test]
async fn without_the_member_role_a_member_accounts_path_is_not_known() -> Tested {
    let system = System::start().await?;
    create_role(&system, MEMBER, "quiet-there", "/team/b/").await?;
    system.import(&[about_role_of(MEMBER, "there", "quiet-there")?]).await?;
    let finding = system.await_stage("there", "complete").await?;
    assert!(note(&finding).contains("role quiet-there in 444455556666"), "{}", note(&finding));
    assert_eq!(system.count("finding-enrich", "sts:AssumeRole").await?, 0);
    let logged = system.await_logged("EnrichFunction", "path of the principal is not known", 1).await?;
    assert!(logged.iter().any(|line| line["lookup"] == "NotConfigured"), "{logged:?}");
    system.come_to_rest(1).await
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
    assert_eq!(system.stage("archived").await?, "", "no rule asked");
    system.custom_action(&["archived"], false).await?;
    let first = system.await_stage("archived", "complete").await?;
    let written = first["Note"]["UpdatedAt"].clone();
    system.custom_action(&["archived"], false).await?;
    let again = eventually("a second outcome", PATIENCE, || async {
        let finding = system.finding("archived").await.ok()?;
        (finding["Note"]["UpdatedAt"] != written && field(&finding, "investigate") == Some("complete"))
            .then_some(finding)
    });
    again.await?;
    system.come_to_rest(1).await?;
    system.await_logged("EnrichFunction", "InvestigationsReused", 1).await?;
    Ok(())
}

#[tokio::test]
async fn ocsf_findings_get_a_comment_and_share_the_investigation() -> Tested {
    let system = System::start_with(&[("OcsfFindings", "ENABLED")]).await?;
    system.cloud().control(Method::POST, "securityhub/settings", Some(&json!({ "v2": true }))).await?;
    system.import(&[about_role("f", "compromised-role")?]).await?;
    system.await_stage("f", "complete").await?;
    let commented = eventually("a comment", PATIENCE, || async {
        let all = system.cloud().control(Method::GET, "securityhub/findings", None).await.ok()?;
        let text = all.get("findingsV2")?.to_string();
        text.contains("Detective: CRITICAL").then_some(text)
    });
    commented.await?;
    assert_eq!(system.investigations().await?.len(), 1, "CSPM and V2 events of one finding meet");

    // Our comment was an event, too. Once every event that a rule let through has been decided, and no work is left,
    // it has come to nothing.
    eventually("every event decided", PATIENCE, || async {
        let events = system.cloud().control(Method::GET, "securityhub/events", None).await.ok()?;
        let events = events["events"].as_array()?;
        let ours = events.iter().any(|event| event.to_string().contains("Detective: CRITICAL"));
        let delivered: Option<usize> =
            events.iter().map(|event| Some(event["deliveries"].as_array()?.len())).sum();
        let decided = system.logged("InvestigateFunction", "finding decided").await.ok()?.len();
        (ours && delivered == Some(decided)).then_some(())
    })
    .await?;
    system.come_to_rest(1).await?;
    assert_eq!(system.count("finding-enrich", "securityhub:BatchUpdateFindingsV2").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_says_what_it_would_do() -> Tested {
    let system = System::start_with(&[("DryRun", "true")]).await?;
    system.import(&[about_role("f", "medium-role")?]).await?;
    let before = system.finding("f").await?;
    assert_eq!(field(&before, "investigate"), Some("true"));
    let line = eventually("the log", PATIENCE, || async {
        let logs = system.logs("EnrichFunction").await.ok()?;
        logs.into_iter().find(|line| line.contains("dry run: nothing was written"))
    });
    assert!(line.await?.contains(r#""would":"start""#));
    let logs = system.logs("EnrichFunction").await?;
    assert!(logs.iter().any(|line| line.contains(r#""DryRuns""#)), "{logs:?}");
    assert_eq!(system.finding("f").await?, before, "as the automation rule left it");
    let writes = ["StartInvestigation", "BatchUpdate", "PutItem", "UpdateItem", "SendMessage"];
    let calls = system.calls("finding-enrich").await?;
    assert!(!calls.is_empty());
    assert!(!calls.iter().any(|call| writes.iter().any(|write| call.contains(write))), "{calls:?}");
    system.come_to_rest(0).await
}
