//! What people decide: about held contents, and about whole campaigns.

use eventide_testing::eventually;
use eventide_tests::Campaigns;
use eventide_tests::campaigns::is_test;
use eventide_tests::campaigns::texts::{COATS, JACKETS, LAMPS, RANGE, SHOES, csv, mixed};
use eventide_tests::system::PATIENCE;
use serde_json::{Value, json};

type Tested = Result<(), String>;

fn named() -> Value {
    json!({ "first_name": { "type": "name" } })
}

/// The held content whose text has this in it.
fn content_of(review: &[Value], piece: &str) -> Result<String, String> {
    let held = review.iter().find(|held| held["text"].as_str().is_some_and(|text| text.contains(piece)));
    let content = held.and_then(|held| held["content"].as_str());
    content.map(str::to_owned).ok_or_else(|| format!("no `{piece}` in {review:?}"))
}

#[tokio::test]
async fn held_messages_are_sent_once_a_person_approves_them_and_never_if_rejected() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.comes_back_after(2).await?;
    campaigns.settings("spring", &json!({ "variables": named() })).await?;
    let file = csv(&[
        ("1", "sms", "+14155550101", SHOES),
        ("2", "email", "bob@example.com", SHOES),
        ("3", "sms", "+14155550103", JACKETS),
        ("4", "sms", "+14155550104", JACKETS),
        ("5", "sms", "+14155550105", LAMPS),
        ("6", "sms", "+14155550106", COATS),
        ("7", "sms", "+14155550107", RANGE),
    ]);
    campaigns.upload("spring.csv", file).await?;
    let screened = campaigns.await_event("Campaign Screened", "spring").await?;
    assert_eq!(
        (&screened["approved"], &screened["held"], &screened["rejected"]),
        (&json!(2), &json!(4), &json!(1)),
        "{screened}"
    );
    campaigns.await_event("Campaign Sent", "spring").await?;
    assert_eq!(campaigns.recipients().await?, ["+14155550101", "bob@example.com"]);

    let review = campaigns.report_lines("spring", "review.jsonl").await?;
    assert_eq!(review.len(), 3, "{review:?}");
    let (jackets, lamps) =
        (content_of(&review, "Hi [name], our new spring jackets")?, content_of(&review, "lamps")?);
    let mut contents = review.iter().filter_map(|held| held["content"].as_str());
    let coats = contents.find(|held| *held != jackets && *held != lamps).ok_or("no coats")?;
    let told = review.iter().find(|held| held["content"] == *jackets).ok_or("no jackets")?;
    assert_eq!((&told["messages"], &told["reason"]), (&json!(2), &json!("low_confidence")), "{told}");
    assert!(told["scores"]["parts"][0]["labels"][0]["score"].as_f64() > Some(0.3), "{told}");

    // Approved by an event that is delivered twice.
    let approve = json!({ "campaign": "spring", "action": "approve", "contents": [jackets], "by": "ann", "reason": "fine" });
    campaigns.command_times(2, "approval-1", &approve).await?;
    // Of the end of the first part it may be told twice.
    let mut sent = campaigns.await_event("Campaign Sent", "spring").await?;
    while sent["accepted"] == 2 {
        sent = campaigns.await_event("Campaign Sent", "spring").await?;
    }
    assert_eq!((&sent["accepted"], &sent["uncertain"]), (&json!(4), &json!(0)), "{sent}");
    let everybody = ["+14155550101", "+14155550103", "+14155550104", "bob@example.com"];
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, everybody);

    // The same again, by another event, and a person who is of another opinion: the first decision stands.
    campaigns.command(&approve).await?;
    let other = json!({ "campaign": "spring", "action": "reject", "contents": [jackets], "by": "bob" });
    let done = campaigns.direct(&other).await?.map_err(|error| error.to_string())?;
    assert_eq!((&done["changed"], &done["count"]), (&json!(false), &json!(0)), "{done}");

    // Rejected by a file that is uploaded twice.
    let file = format!(
        "content,decision,by,reason,label\n{lamps},reject,ann,\"no, really\",gambling\n{coats},reject,ann,,\n"
    );
    campaigns.decisions("spring", "ann.csv", file.clone()).await?;
    campaigns.decisions("spring", "ann.csv", file).await?;
    let rejected = eventually("the rejection", PATIENCE, || async {
        let verdicts = campaigns.report_lines("spring", "verdicts.jsonl").await.ok()?;
        let rejected = verdicts.into_iter().find(|verdict| verdict["id"] == "5")?;
        (rejected["verdict"] == "rejected").then_some(rejected)
    });
    assert_eq!(rejected.await?["reason"], "person_rejected");
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, everybody);

    // Another upload with the same messages is judged by the same decisions, and sends nobody anything again.
    let file = csv(&[
        ("3", "sms", "+14155550103", JACKETS),
        ("5", "sms", "+14155550105", LAMPS),
        ("8", "sms", "+14155550108", JACKETS),
    ]);
    campaigns.forget_events("Campaign Sent", "spring").await?;
    campaigns.upload("spring.csv", file).await?;
    let screened = campaigns.await_event("Campaign Screened", "spring").await?;
    assert_eq!(
        (&screened["held"], &screened["approved"], &screened["rejected"]),
        (&json!(0), &json!(2), &json!(1)),
        "decisions of people hold for the campaign: {screened}"
    );
    campaigns.await_event("Campaign Sent", "spring").await?;
    campaigns.come_to_rest().await?;
    let recipients = campaigns.recipients().await?;
    assert_eq!(recipients.iter().filter(|to| to.as_str() == "+14155550103").count(), 1, "{recipients:?}");
    assert_eq!(recipients.len(), everybody.len() + 1, "{recipients:?}");
    let reckoning = campaigns.reckon_sent("spring").await?;
    assert_eq!((reckoning.accepted, reckoning.uncertain), (2, 0));

    // What is kept of the decisions, and what can be trained with them.
    let kept = campaigns.items("attribute_exists(pk)").await?;
    let decision = kept.iter().find(|item| item["pk"]["S"] == format!("decision#spring#{jackets}"));
    let decision = decision.ok_or("no decision is kept")?.to_string();
    assert!(decision.contains("ann") && decision.contains("fine"), "{decision}");
    let training = campaigns.stack().object("ReportBucket", "spring/training.csv").await?;
    let training =
        String::from_utf8(training.ok_or("no training rows")?).map_err(|error| error.to_string())?;
    assert!(
        training.lines().any(|line| line.starts_with("compliant,\"Hi [name], our new spring jackets")),
        "{training}"
    );
    assert!(
        training.lines().any(|line| line.starts_with("gambling,\"Hi [name], our new desk lamps")),
        "{training}"
    );

    // What is none of the held contents is refused, aloud.
    let unknown =
        json!({ "campaign": "spring", "action": "approve", "contents": ["00".repeat(16)], "by": "ann" });
    let error = campaigns.direct(&unknown).await?.err().ok_or("approved what is not held")?;
    assert!(error["errorType"].as_str().is_some_and(|name| name.ends_with("NotHeld")), "{error}");
    campaigns.command(&unknown).await?;
    assert_eq!(campaigns.failures(1).await?, ["Permanent.NotHeld"]);
    Ok(())
}

/// A rejection of which nobody says the label is no row to train the compliant label with.
#[tokio::test]
async fn what_a_person_rejects_never_becomes_a_compliant_training_row() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.settings("spring", &json!({ "variables": named() })).await?;
    let file = csv(&[("1", "sms", "+14155550101", JACKETS), ("2", "sms", "+14155550102", LAMPS)]);
    campaigns.upload("spring.csv", file).await?;
    campaigns.await_event("Campaign Sent", "spring").await?;
    let review = campaigns.report_lines("spring", "review.jsonl").await?;
    let (jackets, lamps) = (content_of(&review, "jackets")?, content_of(&review, "lamps")?);
    for (action, content) in [("reject", jackets), ("approve", lamps)] {
        let command = json!({ "campaign": "spring", "action": action, "contents": [content], "by": "ann" });
        campaigns.direct(&command).await?.map_err(|error| error.to_string())?;
    }
    campaigns.await_event("Campaign Sent", "spring").await?;
    campaigns.come_to_rest().await?;
    campaigns.write_report("spring").await?;
    assert_eq!(campaigns.recipients().await?, ["+14155550102"]);
    let training = campaigns.stack().object("ReportBucket", "spring/training.csv").await?;
    let training =
        String::from_utf8(training.ok_or("no training rows")?).map_err(|error| error.to_string())?;
    assert!(training.contains("desk lamps") && !training.contains("jackets"), "{training}");
    Ok(())
}

/// Two uploads and three people at the same time: each message is sent once, and counted once.
#[tokio::test]
async fn decisions_hold_whenever_a_campaign_is_uploaded_again() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.comes_back_after(2).await?;
    campaigns.settings("spring", &json!({ "variables": named() })).await?;
    let rows = [
        ("1", "sms", "+14155550101", SHOES),
        ("2", "sms", "+14155550102", JACKETS),
        ("3", "sms", "+14155550103", LAMPS),
        ("4", "sms", "+14155550104", JACKETS),
    ];
    campaigns.upload("spring.csv", csv(&rows[..3])).await?;
    campaigns.await_event("Campaign Sent", "spring").await?;
    let review = campaigns.report_lines("spring", "review.jsonl").await?;
    let (jackets, lamps) = (content_of(&review, "jackets")?, content_of(&review, "lamps")?);
    let approve = |content: &str, by: &str| json!({ "campaign": "spring", "action": "approve", "contents": [content], "by": by });

    // Uploaded again between the approval and its being carried out.
    campaigns.mapping("JudgeQueueUrl", false).await?;
    let done = campaigns.direct(&approve(&jackets, "ann")).await?.map_err(|error| error.to_string())?;
    assert_eq!((&done["changed"], &done["count"]), (&json!(true), &json!(1)), "{done}");
    campaigns.forget_events("Campaign Sent", "spring").await?;
    campaigns.upload("spring.csv", csv(&rows)).await?;
    eventually("both messages to campaign-judge", PATIENCE, || async {
        (campaigns.stack().waiting("JudgeQueueUrl").await == Ok(2)).then_some(())
    })
    .await?;
    campaigns.mapping("JudgeQueueUrl", true).await?;
    let screened = campaigns.await_event("Campaign Screened", "spring").await?;
    let screened = if screened["rows"] == 3 {
        campaigns.await_event("Campaign Screened", "spring").await?
    } else {
        screened
    };
    assert_eq!((&screened["approved"], &screened["held"]), (&json!(3), &json!(1)), "{screened}");
    campaigns.await_event("Campaign Sent", "spring").await?;
    campaigns.come_to_rest().await?;
    let three = ["+14155550101", "+14155550102", "+14155550104"];
    assert_eq!(campaigns.recipients().await?, three);
    assert_eq!(campaigns.reckon_sent("spring").await?.accepted, 3);

    // The same once more, which the new upload's verdicts have in them: nothing is counted twice.
    campaigns.direct(&approve(&jackets, "ann")).await?.map_err(|error| error.to_string())?;
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, three);
    let reckoning = campaigns.reckon_sent("spring").await?;
    assert_eq!((reckoning.approved, reckoning.accepted), (3, 3), "{reckoning:?}");

    // Ann's decision is kept, and she dies before it is carried out. Bob's, of the same opinion, has that done.
    let denied = json!({
        "match": { "service": "s3", "operation": "PutObject", "caller": "campaign-review" }, "times": 1,
        "effect": { "type": "error", "status": 403, "code": "AccessDenied", "message": "no" },
    });
    campaigns.stack().fault(&denied).await?;
    let error = campaigns.direct(&approve(&lamps, "ann")).await?.err().ok_or("it was carried out")?;
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, three);
    campaigns.command(&approve(&lamps, "bob")).await?;
    eventually("the lamps", PATIENCE, || async {
        (campaigns.recipients().await.ok()?.len() == 4).then_some(())
    })
    .await?;
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.reckon_sent("spring").await?.accepted, 4);
    let kept = campaigns.items("attribute_exists(pk)").await?;
    let decision = kept.iter().find(|item| item["pk"]["S"] == format!("decision#spring#{lamps}"));
    assert!(decision.ok_or("no decision is kept")?.to_string().contains("ann"), "the first decision stands");
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn commands_of_other_sources_are_not_carried_out() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.settings("spring", &json!({ "variables": named() })).await?;
    campaigns.upload("spring.csv", csv(&[("1", "sms", "+14155550101", JACKETS)])).await?;
    campaigns.await_event("Campaign Sent", "spring").await?;
    let review = campaigns.report_lines("spring", "review.jsonl").await?;
    let jackets = content_of(&review, "jackets")?;
    let decide = |action: &str, by: &str| json!({ "campaign": "spring", "action": action, "contents": [jackets], "by": by });
    for source in ["marketing.review", "marketing.reviews.other", "somebody.else"] {
        let approve = decide("approve", "mallory");
        campaigns.stack().send_event(source, "Campaign Command", &approve).await?;
    }
    campaigns.command(&decide("reject", "ann")).await?;
    eventually("the rejection", PATIENCE, || async {
        let verdicts = campaigns.report_lines("spring", "verdicts.jsonl").await.ok()?;
        (verdicts[0]["reason"] == "person_rejected").then_some(())
    })
    .await?;
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, Vec::<String>::new());
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn a_campaign_is_tested_paused_resumed_and_cancelled() -> Tested {
    let campaigns = Campaigns::start_with(&[("EmailPerSecond", "2"), ("SmsPerSecond", "2")]).await?;
    let settings = json!({
        "variables": named(), "start": "paused", "testRecipients": ["ann@example.com", "+14155550999"],
    });
    campaigns.settings("slow", &settings).await?;
    campaigns.upload("slow.csv", mixed(24, SHOES)).await?;
    let screened = campaigns.await_event("Campaign Screened", "slow").await?;
    assert_eq!(screened["approved"], 24, "{screened}");

    // Paused from the start: whenever it is looked at, nothing is sent but tests, and those to the listed
    // only.
    campaigns.come_to_rest().await?;
    campaigns.pass(7_200).await?;
    campaigns.sweep().await?;
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.recipients().await?, Vec::<String>::new());
    let test = json!({ "campaign": "slow", "action": "test-send", "to": ["ann@example.com"], "by": "ann" });
    campaigns.command(&test).await?;
    eventually("the test", PATIENCE, || async {
        (campaigns.recipients().await.ok()? == ["ann@example.com"]).then_some(())
    })
    .await?;
    assert_eq!(campaigns.sent().await?[0]["subject"], "[TEST] News from us");
    let stranger =
        json!({ "campaign": "slow", "action": "test-send", "to": ["eve@example.com"], "by": "ann" });
    let error = campaigns.direct(&stranger).await?.err().ok_or("a test to anybody")?;
    assert!(
        error.to_string().contains("UnknownTestRecipient") && !error.to_string().contains("eve"),
        "{error}"
    );
    let all = json!({ "campaign": "slow", "action": "test-send", "by": "ann" });
    campaigns.direct(&all).await?.map_err(|error| error.to_string())?;
    eventually("both tests", PATIENCE, || async {
        let expected = ["+14155550999", "ann@example.com", "ann@example.com"];
        (campaigns.recipients().await.ok()? == expected).then_some(())
    })
    .await?;
    assert!(campaigns.sent().await?.iter().all(is_test));

    // Resumed, and paused again on the way.
    let command =
        |action: &str| json!({ "campaign": "slow", "action": action, "by": "ann", "reason": "because" });
    campaigns.direct(&command("resume")).await?.map_err(|error| error.to_string())?;
    eventually("a few messages", PATIENCE, || async {
        (campaigns.sent().await.ok()?.len() >= 3 + 4).then_some(())
    })
    .await?;
    campaigns.direct(&command("pause")).await?.map_err(|error| error.to_string())?;
    campaigns.come_to_rest().await?;
    let paused_at = campaigns.sent().await?.len();
    assert!(paused_at < 3 + 24, "all were sent before the pause");
    campaigns.pass(7_200).await?;
    campaigns.sweep().await?;
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.sent().await?.len(), paused_at, "sent while it was paused");
    let reckoning = campaigns.reckon("slow").await?;
    assert_eq!(reckoning.pending + reckoning.accepted, 24, "{reckoning:?}");
    let figures = campaigns.figures("slow").await?;
    assert_eq!((&figures["paused"], &figures["decided"]["by"]), (&json!(true), &json!("ann")), "{figures}");
    campaigns.direct(&command("resume")).await?.map_err(|error| error.to_string())?;
    let sent = campaigns.await_event("Campaign Sent", "slow").await?;
    assert_eq!(sent["accepted"], 24, "{sent}");
    assert_eq!(campaigns.reckon_sent("slow").await?.accepted, 24);

    // Cancelled on the way, for good.
    campaigns.settings("stopped", &json!({ "variables": named() })).await?;
    let before = campaigns.sent().await?.len();
    campaigns.upload("stopped.csv", mixed(24, SHOES)).await?;
    eventually("a few messages", PATIENCE, || async {
        (campaigns.sent().await.ok()?.len() >= before + 4).then_some(())
    })
    .await?;
    let command = |action: &str| json!({ "campaign": "stopped", "action": action, "by": "ann" });
    campaigns.command(&command("cancel")).await?;
    let figures =
        campaigns.await_figures("stopped", "the cancellation", |figures| figures["state"] == "cancelled");
    figures.await?;
    campaigns.come_to_rest().await?;
    let stopped_at = campaigns.sent().await?.len();
    let reckoning = campaigns.reckon("stopped").await?;
    assert!(reckoning.accepted >= 4 && reckoning.not_sent > 0, "{reckoning:?}");
    assert_eq!(reckoning.accepted + reckoning.not_sent, 24, "{reckoning:?}");
    let error = campaigns.direct(&command("resume")).await?.err().ok_or("resumed what was cancelled")?;
    assert!(error.to_string().contains("CampaignCancelled"), "{error}");
    campaigns.upload("stopped.csv", mixed(25, SHOES)).await?;
    let failed = campaigns.await_event("Campaign Failed", "stopped").await?;
    assert_eq!(failed["errorClass"], "Cancelled", "{failed}");
    campaigns.pass(7_200).await?;
    campaigns.sweep().await?;
    campaigns.come_to_rest().await?;
    assert_eq!(campaigns.sent().await?.len(), stopped_at);
    assert_eq!(campaigns.stack().messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}
