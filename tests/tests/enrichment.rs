//! Findings go in, enriched findings come out, through the real templates.

use eventide_tests::System;
use eventide_tests::findings::{about_role, from_event, with_severity};
use serde_json::{Value, json};

type Tested = Result<(), String>;

#[tokio::test]
async fn the_automation_rule_starts_it_and_our_own_updates_do_not() -> Tested {
    let system = System::start().await?;
    system.import(&[about_role("f", "compromised-role")?]).await?;
    let finding = system.await_stage("f", "complete").await?;
    let fields = &finding["UserDefinedFields"];
    assert_eq!(fields["investigationSeverity"], "CRITICAL");
    assert_eq!(fields["investigationIndicators.TTP_OBSERVED"], "10");
    let note = finding["Note"]["Text"].as_str().unwrap_or_default();
    assert!(note.starts_with("Detective: CRITICAL for role compromised-role in 111122223333"), "{note}");
    assert!(note.ends_with(fields["investigationId"].as_str().unwrap_or("?")), "{note}");
    assert!(note.chars().count() <= 512);
    assert_eq!(system.investigations().await?.len(), 1);

    // Every write of ours was an Imported event, too. GuardDuty's next update comes after all of them.
    let before = system.calls("finding-enrich").await?.len();
    let mut update = about_role("f", "compromised-role")?;
    update["UpdatedAt"] = json!("2026-11-21T00:00:00.000Z");
    system.import(&[update]).await?;
    system.import(&[about_role("marker", "quiet-role")?]).await?;
    system.await_stage("marker", "complete").await?;
    assert_eq!(system.stage("f").await?, "complete");
    assert_eq!(system.investigations().await?.len(), 2, "one for each finding");
    let sent = system.count("finding-investigate", "sqs:SendMessageBatch").await?;
    assert_eq!(sent, 2, "one message for each finding");
    assert!(before < system.calls("finding-enrich").await?.len());
    Ok(())
}

#[tokio::test]
async fn a_custom_action_with_twenty_findings_enriches_each() -> Tested {
    let system = System::start().await?;
    let ids: Vec<String> = (0..20).map(|n| format!("f{n}")).collect();
    let mut findings = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        // Too mild for the automation rule: only the person asks.
        findings.push(with_severity(about_role(id, &format!("medium-role-{}", n % 4))?, "LOW"));
    }
    system.import(&findings).await?;
    assert_eq!(system.stage("f0").await?, "", "no rule asked");
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    system.custom_action(&ids, true).await?;
    for id in ids {
        let finding = system.await_stage(id, "complete").await?;
        assert_eq!(finding["UserDefinedFields"]["investigationSeverity"], "MEDIUM");
    }
    assert_eq!(system.investigations().await?.len(), 4, "one for each role");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_investigated_says_why() -> Tested {
    let system = System::start().await?;
    let cases = [
        ("imported-root.json", "root user"),
        ("imported-federated-user.json", "federated user"),
        ("imported-aws-service.json", "an AWS service"),
        ("imported-aws-account.json", "an account"),
        ("hostile-control-characters.json", "does not say which"),
    ];
    let mut ids = Vec::new();
    for (n, (file, _)) in cases.iter().enumerate() {
        let mut finding = from_event(file)?;
        finding["Id"] = json!(format!("f{n}"));
        system.import(&[with_severity(finding, "HIGH")]).await?;
        ids.push(format!("f{n}"));
    }
    for (id, (file, reason)) in ids.iter().zip(cases) {
        let finding = system.await_stage(id, "unsupported").await?;
        let note = finding["Note"]["Text"].as_str().unwrap_or_default();
        assert!(note.contains(reason), "{file}: {note}");
    }
    assert_eq!(system.investigations().await?, Vec::<Value>::new());
    Ok(())
}
