//! Compliance screening.
//!
//! What is recorded is in `events/answers/campaign-*`: the answer or the error, why messages went to the failed queue, and
//! to whom the function handed on. After a change that is meant to change it, run this test with `EVENTIDE_RECORD=1`, and
//! read the difference before it is committed.
//!
//! The campaigns that the events are about are in the folder `campaigns` beside this file. No function but the one that is
//! invoked works while the events are sent, so that what they find depends on nothing but the events before them.

use super::*;

use std::time::Duration;

use eventide_testing::eventually;
use eventide_tests::Campaigns;
use http::Method;
use serde_json::json;

/// The folders of events, in the order in which they are sent: each works on what the ones before it have left.
pub(crate) const FUNCTIONS: [(&str, &str); 7] = [
    ("campaign-screen", "ScreenFunction"),
    ("campaign-classify", "ClassifyFunction"),
    ("campaign-review", "ReviewFunction"),
    ("campaign-judge", "JudgeFunction"),
    ("campaign-send", "SendFunction"),
    ("campaign-track", "TrackFunction"),
    ("campaign-report", "ReportFunction"),
];

/// The event that begins the campaign `spring`, which is sent before the others come.
const FIRST: &str = "campaign-screen/created-csv.json";
/// Queues that functions write to. Rules write to the others.
const QUEUES: [(&str, &str); 4] = [
    ("classify", "ClassifyQueueUrl"),
    ("judge", "JudgeQueueUrl"),
    ("send", "SendQueueUrl"),
    ("report", "ReportQueueUrl"),
];
/// What the entries in the events are made with.
const SECRET: &str = "secret-of-the-recorded-events";
const UPLOADED: [(&str, &str); 10] = [
    ("spring.csv", "campaigns/spring.csv"),
    ("spring.campaign.json", "campaigns/spring.campaign.json"),
    ("summer.jsonl", "campaigns/summer.jsonl"),
    ("winter.csv", "campaigns/winter.csv"),
    ("broken.csv", "campaigns/broken.csv"),
    ("odd.csv", "campaigns/odd.csv"),
    ("odd.campaign.json", "campaigns/odd.campaign.json"),
    ("ann büro.csv", "decisions/spring/ann%20b%C3%BCro.csv"),
    ("bob.jsonl", "decisions/spring/bob.jsonl"),
    ("foreign.csv", "decisions/spring/foreign.csv"),
];

#[tokio::test]
async fn every_event_gives_its_recorded_answer_or_error() -> Tested {
    let campaigns = Campaigns::start().await?;
    set_secret(&campaigns).await?;
    // What providers say is in the events.
    for provider in ["email", "sms"] {
        campaigns.stand_in(provider, &json!({ "emit": false })).await?;
    }
    let folder = repository().join("tests/tests/invoke/campaigns");
    set_mappings(&campaigns, false).await?;
    for (file, key) in UPLOADED {
        let body = fs::read(folder.join(file)).map_err(|error| format!("`{file}`: {error}"))?;
        campaigns.stack().upload("CampaignBucket", key, body).await?;
    }
    forget_uploads(&campaigns).await?;
    let mut different = Vec::new();
    check(&campaigns, "ScreenFunction", FIRST, &mut different).await?;
    send_first(&campaigns).await?;
    for (function, output) in FUNCTIONS {
        let files = names(&repository().join("events").join(function), |path| path.is_file());
        assert!(!files.is_empty());
        for event in files.iter().map(|file| format!("{function}/{file}")).filter(|event| event != FIRST) {
            check(&campaigns, output, &event, &mut different).await?;
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    told_by_the_events(&campaigns).await
}

/// Has the functions take `spring` from its first event to its last message, and then stop.
async fn send_first(campaigns: &Campaigns) -> Tested {
    set_mappings(campaigns, true).await?;
    // [`FIRST`] has sent the same, which was taken away.
    let asked = body("campaign-classify/asked-again.json")?;
    campaigns.stack().send_message("ClassifyQueueUrl", &asked.to_string()).await?;
    campaigns.await_event("Campaign Sent", "spring").await?;
    campaigns.come_to_rest().await?;
    set_mappings(campaigns, false).await?;
    // From now on no job ends by itself: the answers to `summer` are those to `spring`.
    campaigns
        .cloud()
        .control(Method::POST, "comprehend/plans", Some(&json!({ "seconds": 1_000_000_000 })))
        .await?;
    let jobs = campaigns.cloud().control(Method::GET, "comprehend/jobs", None).await?;
    let output = jobs["jobs"][0]["OutputDataConfig"]["S3Uri"].as_str().ok_or(format!("no job: {jobs}"))?;
    let bucket = campaigns.stack().output("WorkBucket")?;
    let key = output.strip_prefix(&format!("s3://{bucket}/")).ok_or("an output elsewhere")?;
    let archive = campaigns.stack().object("WorkBucket", key).await?.ok_or("no output")?;
    let summer = body("campaign-classify/created-output.json")?;
    let key = summer["detail"]["object"]["key"].as_str().ok_or("no key")?;
    campaigns.stack().upload("WorkBucket", key, archive).await?;
    forget_uploads(campaigns).await
}

/// What the only message of an event says.
fn body(event: &str) -> Result<Value, String> {
    let event = fixture_json(event)?;
    let body = event["Records"][0]["body"].as_str().unwrap_or_default();
    serde_json::from_str(body).map_err(|error| error.to_string())
}

/// Waits for the events of what was uploaded, and takes them away.
async fn forget_uploads(campaigns: &Campaigns) -> Tested {
    let is_there = || async {
        let mut found = false;
        for queue in ["ScreenQueueUrl", "ReviewQueueUrl", "ClassifyQueueUrl"] {
            found |= !taken(campaigns, queue).await.ok()?.is_empty();
        }
        (!found).then_some(())
    };
    // Until none comes any more: two looks in a row.
    for _ in 0..2 {
        eventually("uploads that are told", Duration::from_secs(30), is_there).await?;
    }
    Ok(())
}

async fn set_secret(campaigns: &Campaigns) -> Tested {
    let path = format!("/2015-03-31/functions/{}/configuration", campaigns.stack().output("JudgeFunction")?);
    let configuration = campaigns.cloud().rest("lambda", Method::GET, &path, None).await?;
    let secret = &configuration["Environment"]["Variables"]["ENTRY_SECRET_ARN"];
    let body = json!({ "SecretId": secret, "SecretString": SECRET });
    campaigns.cloud().aws_json("secretsmanager", "secretsmanager.PutSecretValue", &body).await?;
    Ok(())
}

/// Has the functions take messages from their queues, or not.
async fn set_mappings(campaigns: &Campaigns, enabled: bool) -> Tested {
    let path = "/2015-03-31/event-source-mappings/";
    let mappings = campaigns.cloud().rest("lambda", Method::GET, path, None).await?;
    let mappings = mappings["EventSourceMappings"].as_array().ok_or("no mappings")?;
    assert_eq!(mappings.len(), FUNCTIONS.len());
    for mapping in mappings {
        let id = mapping["UUID"].as_str().ok_or("a mapping without an id")?;
        let change = json!({ "Enabled": enabled });
        campaigns.cloud().rest("lambda", Method::PUT, &format!("{path}{id}"), Some(&change)).await?;
    }
    Ok(())
}

async fn check(campaigns: &Campaigns, output: &str, event: &str, different: &mut Vec<String>) -> Tested {
    let recording = env::var_os("EVENTIDE_RECORD").is_some();
    let answered = if recording {
        // `cargo lambda invoke` wraps the lines of errors, so they are recorded as Lambda itself gives them.
        campaigns.stack().invoke(output, &fixture_json(event)?).await?.map_err(|error| {
            let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
            (text("errorType"), text("errorMessage"))
        })
    } else {
        invoke(campaigns.cloud(), campaigns.stack().output(output)?, event).await?
    };
    let mut reasons = Vec::new();
    for message in taken(campaigns, "FailedQueueUrl").await? {
        let error_type = message["MessageAttributes"]["error_type"]["StringValue"].as_str();
        reasons.push(error_type.unwrap_or("none").to_owned());
    }
    reasons.sort();
    let mut handed_to = Vec::new();
    for (function, queue) in QUEUES {
        handed_to.extend(taken(campaigns, queue).await?.iter().map(|_| function));
    }
    let (failed, handed_to) = (json!(reasons), json!(handed_to));
    if recording {
        let recorded = match answered {
            Ok(answer) => json!({ "answer": answer, "failed": failed, "handedTo": handed_to }),
            Err((error_type, message)) => {
                let error = json!({ "errorType": error_type, "errorMessage": message });
                json!({ "error": error, "failed": failed, "handedTo": handed_to })
            }
        };
        return write(event, &recorded);
    }
    let (expected, whole) = (recorded(event)?, fixture_json(&format!("answers/{event}"))?);
    if answered != expected {
        different.push(format!("{event}: {answered:?}, expected {expected:?}"));
    }
    for (member, found) in [("failed", failed), ("handedTo", handed_to)] {
        if found != whole[member] {
            different.push(format!("{event}: {member} {found}, expected {}", whole[member]));
        }
    }
    Ok(())
}

fn write(event: &str, recorded: &Value) -> Tested {
    let path = repository().join("events/answers").join(event);
    let written = serde_json::to_string_pretty(recorded).map_err(|error| error.to_string())? + "\n";
    fs::create_dir_all(path.parent().unwrap()).map_err(|error| error.to_string())?;
    fs::write(path, written).map_err(|error| error.to_string())
}

/// Takes all messages out of a queue.
async fn taken(campaigns: &Campaigns, queue: &str) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    loop {
        let messages = campaigns.stack().messages(queue).await?;
        if messages.is_empty() {
            return Ok(all);
        }
        for message in messages {
            let url = campaigns.stack().output(queue)?;
            let delete = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            campaigns.cloud().aws_json("sqs", "AmazonSQS.DeleteMessage", &delete).await?;
            all.push(message);
        }
    }
}

/// What the report says is what the providers' events said, one for each message.
async fn told_by_the_events(campaigns: &Campaigns) -> Tested {
    let deliveries = campaigns.report_lines("spring", "deliveries.jsonl").await?;
    let outcome = |id: &str| {
        let line = deliveries.iter().find(|line| line["id"] == id);
        line.map(|line| line["outcome"].as_str().unwrap_or("none").to_owned())
    };
    for (id, expected) in [
        ("email-sent", "accepted"),
        ("email-delivered", "delivered"),
        ("email-bounced", "bounced"),
        ("email-suppressed", "bounced"),
        ("email-complained", "complained"),
        ("email-rejected", "failed"),
        ("email-delayed", "delayed"),
        ("email-unsubscribed", "unsubscribed"),
        ("sms-queued", "accepted"),
        ("sms-pending", "accepted"),
        ("sms-sent", "accepted"),
        ("sms-successful", "delivered"),
        ("sms-delivered", "delivered"),
        ("sms-invalid", "failed"),
        ("sms-invalid-message", "failed"),
        ("sms-unreachable", "failed"),
        ("sms-carrier-unreachable", "failed"),
        ("sms-blocked", "failed"),
        ("sms-carrier-blocked", "failed"),
        ("sms-spam", "failed"),
        ("sms-unknown", "failed"),
        ("sms-ttl-expired", "failed"),
        ("sms-protect-blocked", "failed"),
    ] {
        assert_eq!(outcome(id).as_deref(), Some(expected), "{id}: {deliveries:?}");
    }
    // Of the contents that people approved, the one that was released is sent.
    assert_eq!(outcome("held-a").as_deref(), Some("none"));
    assert_eq!(outcome("held-b"), None);
    Ok(())
}
