//! Messages and events that come twice, late, in another order or to a process that dies, and many at once, through
//! the real templates: every finding completes, and one question starts one investigation.

use std::time::Duration;

use eventide_testing::eventually;
use eventide_tests::System;
use eventide_tests::findings::{about_role, with_severity};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const ENRICH: &str = "finding-enrich";
const INVESTIGATE: &str = "finding-investigate";

/// A function's call after which its process is killed.
struct Kill {
    function: &'static str,
    call: (&'static str, &'static str),
    /// Part of the role's name; the finding is called `about` and this.
    name: &'static str,
    /// Only a call with this in its body.
    body: &'static str,
}

impl Kill {
    const fn of(call: (&'static str, &'static str), name: &'static str, body: &'static str) -> Self {
        Self { function: ENRICH, call, name, body }
    }

    fn role(&self) -> String {
        format!("medium-role-{}", self.name)
    }

    fn id(&self) -> String {
        format!("about {}", self.name)
    }
}

/// In groups of three, so that no message is received more often than the queue allows.
const KILLS: [[Kill; 3]; 2] = [
    [
        Kill::of(("dynamodb", "UpdateItem"), "hop-taken", "about hop-taken"),
        Kill::of(("detective", "StartInvestigation"), "started", "role-started"),
        Kill::of(("securityhub", "BatchUpdateFindings"), "marked", "about marked"),
    ],
    [
        Kill::of(("sqs", "SendMessageBatch"), "handed-over", "about handed-over"),
        Kill::of(("securityhub", "BatchUpdateFindings"), "written", "role-written"),
        Kill { function: INVESTIGATE, ..Kill::of(("sqs", "SendMessageBatch"), "queued", "about queued") },
    ],
];

#[tokio::test]
async fn a_function_killed_after_any_of_its_writes_is_carried_on() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    let mut investigations = 0;
    for group in &KILLS {
        let mut findings = Vec::new();
        for kill in group {
            let (service, operation) = kill.call;
            let matching = json!({
                "caller": kill.function, "service": service, "operation": operation, "body_contains": kill.body
            });
            system.fault(&json!({ "match": matching, "times": 1, "effect": { "type": "kill" } })).await?;
            findings.push(about_role(&kill.id(), &kill.role())?);
        }
        system.import(&findings).await?;
        for kill in group {
            let finding = system.await_stage(&kill.id(), "complete").await?;
            let id = finding["UserDefinedFields"]["investigationId"].as_str().unwrap_or_default();
            let note = finding["Note"]["Text"].as_str().unwrap_or_default();
            assert!(note.contains(&kill.role()) && note.ends_with(id), "{note}");
        }
        investigations += group.len();
        system.come_to_rest(investigations).await?;
    }
    // The kills did what they say.
    let journal = system.cloud().control(Method::GET, "journal", None).await?;
    let entries = journal["entries"].as_array().ok_or("no journal")?;
    let faults: Vec<_> = entries.iter().filter_map(|entry| entry["fault"].as_str()).collect();
    assert_eq!(faults, ["kill"; 6]);
    Ok(())
}

#[tokio::test]
async fn a_claim_whose_claimer_died_is_made_again_once_nothing_can_be_listed_any_more() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    system.fail(ENRICH, "dynamodb:PutItem", &json!({ "type": "kill" }), 1).await?;
    system.import(&[about_role("f", "medium-role")?]).await?;
    system.await_stage("f", "running").await?;
    assert_eq!(system.investigations().await?.len(), 0, "nobody knows whether it was started");
    assert_eq!(system.age_claims(Duration::from_secs(300)).await?, 1);
    system.await_stage("f", "complete").await?;
    system.come_to_rest(1).await
}

#[tokio::test]
async fn messages_and_events_that_come_twice_change_nothing() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    for function in [INVESTIGATE, ENRICH] {
        let sends = json!({ "caller": function, "service": "sqs", "operation": "SendMessageBatch" });
        system.fault(&json!({ "match": sends, "effect": { "type": "duplicate" } })).await?;
    }
    let redeliver = || async {
        let first = json!({ "index": 0 });
        system.cloud().control(Method::POST, "securityhub/redeliver", Some(&first)).await
    };
    system.import(&[about_role("f", "medium-role")?]).await?;
    system.await_stage("f", "running").await?;
    redeliver().await?;
    let finding = system.await_stage("f", "complete").await?;
    redeliver().await?;
    eventually("the event decided three times", PATIENCE, || async {
        (system.count(INVESTIGATE, "sqs:SendMessageBatch").await.ok()? == 3).then_some(())
    })
    .await?;
    system.come_to_rest(1).await?;
    assert_eq!(system.finding("f").await?["Note"], finding["Note"], "one note");
    system.await_logged("EnrichFunction", "message dropped", 4).await?;
    Ok(())
}

#[tokio::test]
async fn one_message_given_to_two_invocations_at_once_is_done_once() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    system.import(&[with_severity(about_role("f", "medium-role")?, "LOW")]).await?;
    // The first claim waits for the second, so that both are at it.
    system.fail(ENRICH, "dynamodb:PutItem", &json!({ "type": "hold", "until": "next" }), 1).await?;
    let work = system.work("f", "medium-role").await?;
    let message = [("m", &work)];
    let (one, other) = tokio::join!(system.hand(&message, 1), system.hand(&message, 1));
    for answer in [one?, other?] {
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }
    let path = format!("journal?caller={ENRICH}&operation=PutItem");
    let claims = system.cloud().control(Method::GET, &path, None).await?;
    let answers: Vec<_> =
        claims["entries"].as_array().into_iter().flatten().map(|call| &call["error"]).collect();
    assert_eq!(answers.iter().filter(|error| error.is_null()).count(), 1, "one has the claim: {answers:?}");
    assert!(answers.contains(&&json!("ConditionalCheckFailedException")), "the other was at it: {answers:?}");
    system.await_stage("f", "complete").await?;
    system.come_to_rest(1).await?;
    assert_eq!(system.count(ENRICH, "detective:StartInvestigation").await?, 1);
    Ok(())
}

#[tokio::test]
async fn messages_and_events_that_overtake_each_other_change_nothing() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(5).await?;
    let hold = json!({ "type": "hold", "until": "next" });
    system.fail(ENRICH, "sqs:SendMessageBatch", &hold, 1).await?;
    system.import(&[about_role("f", "medium-role-1")?]).await?;
    system.await_held().await?;
    system.import(&[about_role("g", "medium-role-2")?]).await?;
    system.await_stage("f", "complete").await?;
    system.await_stage("g", "complete").await?;
    system.come_to_rest(2).await?;
    system.lift_faults().await?;

    // An update of the finding is delivered before its first event, which is then an old one.
    system.fail("events.amazonaws.com", "lambda:Invoke", &hold, 1).await?;
    let mut finding = about_role("h", "medium-role-3")?;
    system.import(&[finding.clone()]).await?;
    system.await_held().await?;
    finding["UpdatedAt"] = json!("2026-11-21T00:00:00.000Z");
    system.import(&[finding]).await?;
    system.await_stage("h", "complete").await?;
    eventually("both events decided", PATIENCE, || async {
        let decided = system.logged("InvestigateFunction", "finding decided").await.ok()?;
        (decided.iter().filter(|line| line["finding"] == "h").count() == 2).then_some(())
    })
    .await?;
    system.come_to_rest(3).await?;
    assert_eq!(system.stage("h").await?, "complete");
    Ok(())
}

#[tokio::test]
async fn a_run_that_was_replaced_inside_an_invocation_writes_nothing() -> Tested {
    let system = System::start().await?;
    system.import(&[with_severity(about_role("f", "medium-role")?, "LOW")]).await?;
    system.custom_action(&["f"], false).await?;
    system.await_stage("f", "complete").await?;
    system.come_to_rest(1).await?;

    // The older run would report what that investigation found, but is replaced before it has read it.
    let request = async |run: &str, role: &str| {
        let mut work = system.work("f", role).await?;
        work["run"] = json!(run);
        work["trigger"] = json!("custom-action");
        Ok::<_, String>(work)
    };
    let older = request("older", "medium-role").await?;
    system.fail(ENRICH, "detective:ListIndicators", &json!({ "type": "hold", "until": "next" }), 1).await?;
    let older = [("older", &older)];
    let (older, newer) = tokio::join!(system.hand(&older, 1), async {
        system.await_held().await?;
        let newer = request("newer", "failed-role").await?;
        let answer = system.hand(&[("newer", &newer)], 1).await?;
        let stage = system.stage("f").await?;
        system.lift_faults().await?;
        Ok::<_, String>((answer, stage))
    });
    let done = json!({ "batchItemFailures": [] });
    assert_eq!((older?, newer?), (done.clone(), (done, "running".to_owned())));
    let finding = system.await_stage("f", "failed").await?;
    assert!(finding["Note"]["Text"].as_str().unwrap_or_default().contains("failed-role"), "{finding}");
    system.come_to_rest(2).await?;
    let dropped = system.await_logged("EnrichFunction", "message dropped", 1).await?;
    assert_eq!(dropped[0]["correlation_id"], "older");
    let enriched = system.await_logged("EnrichFunction", "finding enriched", 2).await?;
    let runs: Vec<_> = enriched.iter().filter_map(|line| line["correlation_id"].as_str()).collect();
    assert!(runs.len() == 2 && runs.contains(&"newer") && !runs.contains(&"older"), "{runs:?}");
    let writes = system.count(ENRICH, "securityhub:BatchUpdateFindings").await?;
    assert_eq!(writes, 4, "the first run's two and the newer one's two");
    Ok(())
}

#[tokio::test]
async fn two_hundred_findings_at_once_under_throttling_start_one_investigation_a_role() -> Tested {
    const FINDINGS: usize = 200;
    const ROLES: usize = 40;
    let system = System::start().await?;
    // Every twentieth call, or at least of the first 4,000.
    for n in 0..200 {
        let rule = json!({
            "match": { "caller": ENRICH, "service": "detective" }, "skip": 20 * n + 19, "times": 1,
            "effect": { "type": "throttle" }
        });
        system.fault(&rule).await?;
    }
    let findings: Result<Vec<_>, _> =
        (0..FINDINGS).map(|n| about_role(&format!("f{n}"), &format!("medium-role-{}", n % ROLES))).collect();
    for hundred in findings?.chunks(100) {
        system.import(hundred).await?;
    }
    for n in 0..FINDINGS {
        let finding = system.await_stage(&format!("f{n}"), "complete").await?;
        let note = finding["Note"]["Text"].as_str().unwrap_or_default();
        assert!(note.contains(&format!("role medium-role-{} in", n % ROLES)), "{note}");
    }
    let path = format!("journal?caller={ENRICH}&service=detective");
    let journal = system.cloud().control(Method::GET, &path, None).await?;
    let calls: Vec<&Value> = journal["entries"].as_array().ok_or("no journal")?.iter().collect();
    let throttled = calls.iter().filter(|call| call["fault"] == "throttle").count();
    assert!(throttled >= 20 && throttled == (calls.len() / 20).min(200), "{throttled} of {}", calls.len());
    system.lift_faults().await?;
    system.come_to_rest(ROLES).await
}
