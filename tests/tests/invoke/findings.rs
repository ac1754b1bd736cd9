//! Finding enrichment.

use super::*;

use std::collections::BTreeMap;

use eventide_testing::fixture;
use eventide_tests::System;
use eventide_tests::findings::about_role;
use http::Method;
use serde_json::json;

/// The folders of events, in the order in which they are sent. What finding-investigate queues would meet the same
/// messages from here, so it comes last.
pub(crate) const FUNCTIONS: [(&str, &str); 2] =
    [("finding-enrich", "EnrichFunction"), ("finding-investigate", "InvestigateFunction")];

#[tokio::test]
async fn every_event_gives_its_recorded_answer_or_error() -> Tested {
    let system = System::start().await?;
    import_what_messages_name(&system).await?;
    let mut different = Vec::new();
    for (function, output) in FUNCTIONS {
        let files = names(&repository().join("events").join(function), |path| path.is_file());
        assert!(!files.is_empty());
        for file in files {
            let event = format!("{function}/{file}");
            if serde_json::from_slice::<Value>(&fixture(&event)?).is_err() {
                continue; // Lambda refuses it before any function sees it: the next test.
            }
            let expected = recorded(&event)?;
            let actual = invoke(system.cloud(), system.output(output)?, &event).await?;
            if actual != expected {
                different.push(format!("{event}: {actual:?}, expected {expected:?}"));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    Ok(())
}

#[tokio::test]
async fn an_event_that_is_not_json_is_refused_by_lambda_itself() -> Tested {
    let system = System::start().await?;
    let event = "finding-investigate/malformed-truncated.json";
    let output = cargo_lambda(system.cloud(), system.output("InvestigateFunction")?, event).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(without_layout(&said).contains("InvalidRequestContentException"), "{said}");
    Ok(())
}

/// The findings that the messages for finding-enrich are about, without the events that would start their enrichment.
/// As where the answers were recorded, those of account 444455556666 are missing. OCSF findings cannot be given the
/// `metadata.uid` that a message has; no other file names the role of the one, so it does not get as far as a comment.
async fn import_what_messages_name(system: &System) -> Tested {
    let emit = |emit: bool| async move {
        let settings = json!({ "emit": emit });
        system.cloud().control(Method::POST, "securityhub/settings", Some(&settings)).await
    };
    let mut findings = BTreeMap::new();
    for file in names(&repository().join("events/finding-enrich"), |path| path.is_file()) {
        let event = fixture_json(&format!("finding-enrich/{file}"))?;
        for record in event["Records"].as_array().into_iter().flatten() {
            let work = serde_json::from_str::<Value>(record["body"].as_str().unwrap_or_default());
            let id = work.ok().and_then(|work| work["finding"]["asff"]["id"].as_str().map(str::to_owned));
            if let Some(id) = id.filter(|id| !id.contains(":444455556666:")) {
                findings.insert(id.clone(), about_role(&id, "quiet-role")?);
            }
        }
    }
    emit(false).await?;
    system.import(&findings.into_values().collect::<Vec<_>>()).await?;
    emit(true).await?;
    Ok(())
}
