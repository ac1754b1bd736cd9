//! Whatever goes wrong on the way: the approved messages are sent, each at most once, and the books say what
//! became of them.

use eventide_testing::eventually;
use eventide_tests::Campaigns;
use eventide_tests::campaigns::texts::{CASINO, JACKETS, LUNCH, SHOES, csv, mixed};
use eventide_tests::system::PATIENCE;
use serde_json::{Value, json};

type Tested = Result<(), String>;

fn named() -> Value {
    json!({ "variables": { "first_name": { "type": "name" } } })
}

#[tokio::test]
async fn every_event_and_every_message_twice_and_out_of_order() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.comes_back_after(2).await?;
    let stack = campaigns.stack();
    for operation in ["SendMessage", "SendMessageBatch"] {
        let twice = json!({ "match": { "service": "sqs", "operation": operation }, "effect": { "type": "duplicate" } });
        stack.fault(&twice).await?;
    }
    campaigns.settings("twice", &named()).await?;
    let rows = mixed(8, SHOES)
        + "8,sms,+14155550108,,\""
        + JACKETS
        + "\",Ann\n"
        + "9,sms,+14155550109,,\""
        + CASINO
        + "\",Ann\n";
    campaigns.upload("twice.csv", rows).await?;
    let screened = campaigns.await_event("Campaign Screened", "twice").await?;
    assert_eq!((&screened["approved"], &screened["held"]), (&json!(8), &json!(1)), "{screened}");
    campaigns.tell_again("twice").await?;
    campaigns.await_event("Campaign Sent", "twice").await?;
    campaigns.come_to_rest().await?;
    let held = campaigns.report_lines("twice", "review.jsonl").await?;
    let approve =
        json!({ "campaign": "twice", "action": "approve", "contents": [held[0]["content"]], "by": "ann" });
    campaigns.command_times(2, "approval-1", &approve).await?;
    let delivered = campaigns.await_figures("twice", "nine being delivered", |figures| {
        figures["delivery"]["sms"]["delivered"] == 5 && figures["delivery"]["email"]["delivered"] == 4
    });
    delivered.await?;
    campaigns.come_to_rest().await?;
    let reckoning = campaigns.reckon_sent("twice").await?;
    assert_eq!((reckoning.accepted, reckoning.uncertain), (9, 0), "{reckoning:?}");
    assert_eq!(campaigns.sent().await?.len(), 9);

    // Every second message is overtaken by the one after it.
    stack.forget().await?;
    for skip in (0..24).step_by(2) {
        for operation in ["SendMessage", "SendMessageBatch"] {
            let late = json!({
                "match": { "service": "sqs", "operation": operation }, "skip": skip, "times": 1,
                "effect": { "type": "hold", "until": "next" },
            });
            stack.fault(&late).await?;
        }
    }
    campaigns.settings("late", &named()).await?;
    campaigns.upload("late.csv", mixed(8, SHOES)).await?;
    campaigns.carry_on("late", "Campaign Sent").await?;
    let reckoning = campaigns.reckon_sent("late").await?;
    assert_eq!((reckoning.accepted, reckoning.uncertain), (8, 0), "{reckoning:?}");
    // The provider's news, too, in whichever order, are all there at last.
    let delivered = campaigns.await_figures("late", "eight being delivered", |figures| {
        figures["delivery"]["sms"]["delivered"] == 4 && figures["delivery"]["email"]["delivered"] == 4
    });
    delivered.await?;
    assert_eq!(stack.messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn throttled_and_failing_calls_are_made_again_and_lost_answers_are_not() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.comes_back_after(2).await?;
    let stack = campaigns.stack();

    // Both providers throttle for a while; so does DynamoDB; S3 fails now and then.
    for (service, operation, times) in
        [("ses", "SendEmail", 6), ("sms-voice", "SendTextMessage", 6), ("dynamodb", "PutItem", 12)]
    {
        let throttled = json!({
            "match": { "service": service, "operation": operation, "caller": "campaign-send" },
            "skip": 1, "times": times, "effect": { "type": "throttle" },
        });
        stack.fault(&throttled).await?;
    }
    for caller in ["campaign-screen", "campaign-judge", "campaign-report", "campaign-classify"] {
        let failing = json!({
            "match": { "service": "s3", "caller": caller }, "skip": 1, "times": 5,
            "effect": { "type": "error", "status": 500, "code": "InternalError", "message": "try again" },
        });
        stack.fault(&failing).await?;
    }
    campaigns.settings("throttled", &named()).await?;
    campaigns.upload("throttled.csv", mixed(12, SHOES)).await?;
    campaigns.carry_on("throttled", "Campaign Sent").await?;
    let faults = campaigns.cloud().control(http::Method::GET, "faults", None).await?;
    let applied: Vec<&Value> =
        faults["rules"].as_array().into_iter().flatten().map(|rule| &rule["applied"]).collect();
    assert!(applied.iter().all(|applied| applied.as_u64() > Some(0)), "{faults}");
    let reckoning = campaigns.reckon_sent("throttled").await?;
    assert_eq!((reckoning.accepted, reckoning.uncertain), (12, 0), "{reckoning:?}");

    // The stand-ins' own rates, lower than what SES tells and the template says, and then the quota of a day.
    stack.forget().await?;
    campaigns.stand_in("sms", &json!({ "partsPerSecond": 2 })).await?;
    campaigns.settings("rates", &named()).await?;
    campaigns.upload("rates.csv", mixed(16, SHOES)).await?;
    campaigns.carry_on("rates", "Campaign Sent").await?;
    let reckoning = campaigns.reckon_sent("rates").await?;
    assert_eq!((reckoning.accepted, reckoning.uncertain), (16, 0), "{reckoning:?}");
    campaigns.stand_in("sms", &json!({ "partsPerSecond": 100 })).await?;

    // Answers that are lost. Of two messages the provider's events tell, of two a person has to.
    stack.forget().await?;
    for (service, to, effect) in [
        ("ses", "ann.1@example.com", "lost_response"),
        ("ses", "ann.3@example.com", "lost_response"),
        ("sms-voice", "+14155550100", "lost_response"),
        ("sms-voice", "+14155550102", "reset"),
    ] {
        let lost =
            json!({ "match": { "service": service, "body_contains": to }, "effect": { "type": effect } });
        stack.fault(&lost).await?;
    }
    campaigns.plan("email", &json!({ "toContains": "ann.3@", "event": "lost" })).await?;
    campaigns.settings("lost", &named()).await?;
    campaigns.upload("lost.csv", mixed(6, SHOES)).await?;
    campaigns.carry_on("lost", "Campaign Sent").await?;
    let settled = campaigns.await_figures("lost", "the events settling two", |figures| {
        figures["delivery"]["sms"]["uncertain"] == 1 && figures["delivery"]["email"]["uncertain"] == 1
    });
    settled.await?;
    let reckoning = campaigns.reckon_sent("lost").await?;
    assert_eq!((reckoning.accepted, reckoning.uncertain, reckoning.refused), (4, 2, 0), "{reckoning:?}");
    let lines = campaigns.report_lines("lost", "deliveries.jsonl").await?;
    for (id, outcome) in [("3", "sent"), ("2", "not-sent")] {
        let line = lines.iter().find(|line| line["id"] == id).ok_or("no such line")?;
        assert_eq!(line["status"], "uncertain", "{line}");
        let settle = json!({
            "campaign": "lost", "action": "settle", "entries": [line["entry"]], "outcome": outcome, "by": "ann",
        });
        campaigns.command_times(2, &format!("settle-{id}"), &settle).await?;
    }
    let settled = campaigns.await_figures("lost", "the rest being settled", |figures| {
        figures["delivery"]["sms"]["refused"] == 1 && figures["delivery"]["email"]["accepted"] == 3
    });
    settled.await?;
    let reckoning = campaigns.reckon_sent("lost").await?;
    assert_eq!((reckoning.accepted, reckoning.uncertain, reckoning.refused), (5, 0, 1), "{reckoning:?}");
    assert_eq!(stack.messages("FailedQueueUrl").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn classification_jobs_that_fail_fall_silent_or_answer_in_part() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.comes_back_after(2).await?;
    let rows = |id: &str| {
        let shoes = format!("{SHOES} Branch {id}.");
        csv(&[("1", "sms", "+14155550101", &shoes), ("2", "email", "bob@example.com", LUNCH)])
    };

    // It fails, which nobody tells: the sweep finds out.
    campaigns
        .plan("comprehend", &json!({ "nameContains": "-failing-", "times": 1, "error": "no capacity" }))
        .await?;
    campaigns.settings("failing", &named()).await?;
    campaigns.upload("failing.csv", rows("7")).await?;
    let failed = campaigns.carry_on("failing", "Campaign Failed").await?;
    assert_eq!(failed["errorClass"], "JobFailed", "{failed}");
    assert!(failed["reason"].as_str().is_some_and(|reason| reason.contains("no capacity")), "{failed}");
    assert_eq!(campaigns.recipients().await?, Vec::<String>::new());
    // The same bytes again are another attempt.
    campaigns.upload("failing.csv", rows("7")).await?;
    let screened = campaigns.await_event("Campaign Screened", "failing").await?;
    assert_eq!(screened["approved"], 2, "{screened}");
    campaigns.await_event("Campaign Sent", "failing").await?;
    assert_eq!(campaigns.reckon_sent("failing").await?.accepted, 2);

    // A person stops it in the console.
    campaigns.plan("comprehend", &json!({ "nameContains": "-stopped-", "seconds": 1e9 })).await?;
    campaigns.settings("stopped", &named()).await?;
    campaigns.upload("stopped.csv", rows("8")).await?;
    let job = eventually("the job", PATIENCE, || async {
        let jobs = campaigns.jobs().await.ok()?;
        let job = jobs.into_iter().find(|job| job.to_string().contains("-stopped-"))?;
        let records = campaigns.records("campaign", "stopped").await.ok()?;
        records[0].get("jobId")?;
        job["JobId"].as_str().map(str::to_owned)
    });
    let stop = format!("comprehend/jobs/{}/stop", job.await?);
    campaigns.cloud().control(http::Method::POST, &stop, None).await?;
    let failed = campaigns.carry_on("stopped", "Campaign Failed").await?;
    assert_eq!(failed["errorClass"], "JobFailed", "{failed}");

    // Nobody tells of its output: the sweep finds it. Another writes its output twice.
    campaigns.plan("comprehend", &json!({ "nameContains": "-twice-", "outputs": 2 })).await?;
    for (id, number) in [("silent", "9"), ("twice", "10")] {
        campaigns.rule("ClassifiedRule", id == "twice").await?;
        campaigns.settings(id, &named()).await?;
        campaigns.upload(&format!("{id}.csv"), rows(number)).await?;
        campaigns.carry_on(id, "Campaign Sent").await?;
        let reckoning = campaigns.reckon_sent(id).await?;
        assert_eq!((reckoning.accepted, reckoning.uncertain), (2, 0), "{id}: {reckoning:?}");
    }

    // Of two contents one has no answer, one an error instead: neither is sent. A third is.
    campaigns
        .plan("comprehend", &json!({
            "nameContains": "-parts-", "dropLines": { "contains": "Branch 11." }, "failLines": { "lines": { "contains": "Branch 12." } },
            "reverse": true,
        }))
        .await?;
    campaigns.settings("parts", &named()).await?;
    let texts = [11, 12, 13].map(|number| format!("{SHOES} Branch {number}."));
    let file = csv(&[
        ("1", "sms", "+14155550111", &texts[0]),
        ("2", "sms", "+14155550112", &texts[1]),
        ("3", "sms", "+14155550113", &texts[2]),
    ]);
    campaigns.upload("parts.csv", file).await?;
    let screened = campaigns.await_event("Campaign Screened", "parts").await?;
    assert_eq!((&screened["approved"], &screened["held"]), (&json!(1), &json!(2)), "{screened}");
    let review = campaigns.report_lines("parts", "review.jsonl").await?;
    assert!(review.iter().all(|held| held["reason"] == "no_answer") && review.len() == 2, "{review:?}");
    campaigns.await_event("Campaign Sent", "parts").await?;
    let recipients = campaigns.recipients().await?;
    assert_eq!(recipients.iter().filter(|to| to.starts_with("+1415555011")).count(), 1, "{recipients:?}");
    assert!(recipients.contains(&"+14155550113".to_owned()));
    Ok(())
}
