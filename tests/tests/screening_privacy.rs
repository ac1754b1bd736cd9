//! What the compliance screening logs, measures, tells and sets aside holds ids and counts, and nothing of recipients,
//! messages, reviewers and secrets. Shown at the most verbose level that the template allows.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use eventide_testing::{eventually, xml};
use eventide_tests::Campaigns;
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const FUNCTIONS: [&str; 7] = [
    "ScreenFunction",
    "ClassifyFunction",
    "JudgeFunction",
    "SendFunction",
    "TrackFunction",
    "ReviewFunction",
    "ReportFunction",
];
const QUEUES: [&str; 7] = [
    "ScreenQueueUrl",
    "ClassifyQueueUrl",
    "JudgeQueueUrl",
    "SendQueueUrl",
    "TrackQueueUrl",
    "ReviewQueueUrl",
    "ReportQueueUrl",
];

const PERSON: &str = "marked.person@example.com";
const TESTER: &str = "marked.tester@example.com";
const NUMBER: &str = "4155550909";
/// Of rows that do not parse.
const STRANGER: &str = "marked stranger";
const ROW: &str = "marked-row";
const NAME: &str = "Markedname";
const SUBJECT: &str = "Marked subject";
const TEXT: &str = "marked, soft and made to last";
const VALUE: &str = "marked value";
const SETTING: &str = "marked setting";
const REVIEWER: &str = "marked-reviewer";
const REASON: &str = "marked reason";
const DECISION: &str = "marked decision";
const DIAGNOSIS: &str = "marked diagnosis";
const BODY: &str = "marked body";
const SECRET: &str = "marked-secret";

/// Written into every place that may hold something personal or secret.
const MARKED: [&str; 16] = [
    PERSON, TESTER, NUMBER, STRANGER, ROW, NAME, SUBJECT, TEXT, VALUE, SETTING, REVIEWER, REASON, DECISION,
    DIAGNOSIS, BODY, SECRET,
];
/// What a signature or the environment of a function would show.
const CREDENTIALS: [&str; 5] =
    ["AWS_SECRET", "AWS_SESSION_TOKEN", "x-amz-security-token", "Credential=", "Signature="];

async fn set_secret(campaigns: &Campaigns) -> Tested {
    let function = campaigns.stack().output("JudgeFunction")?;
    let path = format!("/2015-03-31/functions/{function}/configuration");
    let configuration = campaigns.cloud().rest("lambda", Method::GET, &path, None).await?;
    let secret = &configuration["Environment"]["Variables"]["ENTRY_SECRET_ARN"];
    let body = json!({ "SecretId": secret, "SecretString": SECRET });
    campaigns.cloud().aws_json("secretsmanager", "secretsmanager.PutSecretValue", &body).await?;
    Ok(())
}

/// A campaign with something marked in every column, good rows and bad ones.
async fn screen(campaigns: &Campaigns) -> Tested {
    campaigns
        .settings(
            "private",
            &json!({ "testRecipients": [TESTER], "variables": { "first_name": { "type": "name" } } }),
        )
        .await?;
    let good = format!(
        "Hi {{{{first_name}}}}, our new running shoes are in store this weekend: {TEXT}. Answer with STOP whenever you \
         like. {{{{more}}}}"
    );
    let bad = format!("Huge sale at {VALUE} Shooting Range 25% off for 6mm and 9mm bullets!");
    let held = format!(
        "Wir haben für Sie neue Laufschuhe, {TEXT}, und freuen uns auf Ihren Besuch am Wochenende bei uns."
    );
    let file = format!(
        "id,channel,to,subject,text,var.first_name,var.more\n\
         {ROW}-1,email,{PERSON},{SUBJECT},\"{good}\",{NAME},{VALUE}\n\
         {ROW}-2,sms,+1{NUMBER},,\"{good}\",{NAME},{VALUE}\n\
         {ROW}-3,sms,+1{NUMBER},,\"{bad}\",{NAME},{VALUE}\n\
         {ROW}-4,sms,+1{NUMBER},,\"{held}\",{NAME},{VALUE}\n\
         {ROW}-5,sms,{STRANGER},,\"{good}\",{NAME},{VALUE}\n\
         {ROW}-6,{STRANGER},+1{NUMBER},,\"{good}\",{NAME},{VALUE}\n\
         {ROW}-7,sms,+1{NUMBER},,\"{good}\",{STRANGER} 77 <b>,{VALUE}\n\
         {ROW}-8,sms,+1{NUMBER},,\"{good}{{{{{STRANGER}}}}}\",{NAME},{VALUE}\n\
         {ROW}-9,email,{PERSON},{SUBJECT},\"{good}\"\n"
    );
    campaigns.upload("private.csv", file).await?;
    campaigns.await_event("Campaign Sent", "private").await?;
    let sent = json!(campaigns.sent().await?).to_string();
    for marked in [PERSON, NUMBER, NAME, SUBJECT, TEXT, VALUE] {
        assert!(sent.contains(marked), "the functions have read what is marked: {sent}");
    }
    campaigns.settings("odd", &json!({ SETTING: VALUE })).await?;
    campaigns.upload("odd.csv", format!("id,channel,to,text\n{ROW},sms,+1{NUMBER},{TEXT}\n")).await?;
    campaigns.await_event("Campaign Failed", "odd").await?;
    campaigns.upload("unusable.csv", format!("{STRANGER},{NAME}\n{ROW},{VALUE}\n")).await?;
    campaigns.await_event("Campaign Failed", "unusable").await?;
    let broken =
        format!("{{\"{STRANGER}\": \"{VALUE}\"}}\n{{\"id\": \"{ROW}\", \"to\": [\"{PERSON}\"]}}\n{BODY}\n");
    campaigns.upload("broken.jsonl", broken).await?;
    campaigns.await_event("Campaign Failed", "broken").await.map(drop)
}

/// Everything that people can say, some of which is not understood.
async fn review(campaigns: &Campaigns) -> Tested {
    let review = campaigns.report_lines("private", "review.jsonl").await?;
    let held = review[0]["content"].as_str().ok_or("nothing is held")?;
    let command =
        |action: &str| json!({ "campaign": "private", "action": action, "by": REVIEWER, "reason": REASON });
    for action in ["pause", "resume", "test-send"] {
        campaigns.direct(&command(action)).await?.map_err(|error| error.to_string())?;
    }
    campaigns.command(&command("pause")).await?;
    let mut refused = command("test-send");
    refused["to"] = json!([PERSON]);
    assert!(campaigns.direct(&refused).await?.is_err());
    let mut settle = command("settle");
    settle["entries"] = json!([DECISION]);
    settle["outcome"] = json!("sent");
    // Whoever asks is told what they asked for; it is in no log.
    assert!(campaigns.direct(&settle).await?.is_err());
    assert!(campaigns.direct(&command(DECISION)).await?.is_err());
    campaigns.command(&command(DECISION)).await?;
    campaigns
        .command(&json!({ "campaign": "private", "action": "pause", "by": format!("{REVIEWER}\n") }))
        .await?;
    campaigns
        .decisions("private", "bad.csv", format!("content,decision,by\n{DECISION},approve,{REVIEWER}\n"))
        .await?;
    campaigns
        .decisions(
            "private",
            "worse.jsonl",
            format!("{{\"content\": \"{held}\", \"{DECISION}\": \"{REVIEWER}\"}}\n"),
        )
        .await?;
    let good = format!("content,decision,by,reason\n{held},approve,{REVIEWER},{REASON}\n");
    campaigns.decisions("private", "good.csv", good).await?;
    campaigns.direct(&command("resume")).await?.map_err(|error| error.to_string())?;
    campaigns
        .await_figures("private", "what was held being sent", |figures| figures["counts"]["held"] == 0)
        .await
        .map(drop)
}

/// A bounce with its diagnosis, and what is no event.
async fn tell(campaigns: &Campaigns) -> Tested {
    let entry = campaigns.report_lines("private", "deliveries.jsonl").await?[0]["entry"].clone();
    let bounced = json!({
        "source": "aws.ses", "detail-type": "Email Bounced", "time": "2026-11-23T09:00:00Z",
        "detail": {
            "eventType": "Bounce",
            "mail": {
                "messageId": "m-1", "destination": [PERSON], "commonHeaders": { "subject": SUBJECT },
                "tags": { "eventide-entry": [entry], "eventide-campaign": ["private"] }
            },
            "bounce": {
                "bounceType": "Permanent", "bounceSubType": "General",
                "bouncedRecipients": [{ "emailAddress": PERSON, "diagnosticCode": DIAGNOSIS }]
            }
        }
    });
    campaigns.stack().send_message("TrackQueueUrl", &bounced.to_string()).await?;
    let mut broken = bounced;
    broken["detail"]["mail"]["tags"] = json!({ "eventide-entry": PERSON });
    campaigns.stack().send_message("TrackQueueUrl", &broken.to_string()).await?;
    for queue in QUEUES {
        let odd = json!({ "campaign": [BODY], "shard": [BODY], "detail": BODY, "source": BODY, "time": BODY, BODY: 1 });
        for body in [BODY.to_owned(), odd.to_string()] {
            campaigns.stack().send_message(queue, &body).await?;
        }
    }
    Ok(())
}

/// Why messages were set aside: all of their attributes, once there are as many. Takes them out.
async fn set_aside(campaigns: &Campaigns, count: usize) -> Result<BTreeSet<String>, String> {
    let (mut said, mut seen) = (BTreeSet::new(), 0);
    while seen < count {
        let what = format!("{count} failed messages; {seen} so far: {said:?}");
        let messages = eventually(&what, PATIENCE, || async {
            let messages = campaigns.stack().messages("FailedQueueUrl").await.ok()?;
            (!messages.is_empty()).then_some(messages)
        });
        for message in messages.await? {
            let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
            said.extend(attributes.map(|(name, value)| format!("{name}: {value}")));
            let url = campaigns.stack().output("FailedQueueUrl")?;
            let delete = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            campaigns.cloud().aws_json("sqs", "AmazonSQS.DeleteMessage", &delete).await?;
            seen += 1;
        }
    }
    Ok(said)
}

#[tokio::test]
async fn no_log_line_no_event_and_no_reason_holds_what_is_marked() -> Tested {
    let campaigns = Campaigns::start_with(&[("LogLevel", "TRACE")]).await?;
    set_secret(&campaigns).await?;
    screen(&campaigns).await?;
    review(&campaigns).await?;
    tell(&campaigns).await?;
    campaigns.sweep().await?;
    // Three files, four things that people said, a provider's event, and two of each queue.
    let mut said = set_aside(&campaigns, 3 + 4 + 1 + 14).await?;
    assert!(said.iter().any(|said| said.starts_with("reason: ")), "{said:?}");
    let observed = campaigns.observed().await?;
    said.extend(observed.iter().map(|(detail_type, detail)| format!("{detail_type}: {detail}")));
    for function in FUNCTIONS {
        let lines = campaigns.stack().logs(function).await?;
        assert!(lines.iter().any(|line| line.contains("\"request_id\"")), "{function} logs its work");
        assert!(lines.iter().any(|line| line.contains("\"DEBUG\"")), "{function} logs all it can");
        said.extend(lines);
    }
    assert!(said.iter().any(|line| line.contains("CloudWatchMetrics")), "metrics are among them");
    for line in &said {
        let lower = line.to_lowercase();
        for marked in MARKED.into_iter().chain(CREDENTIALS) {
            assert!(!lower.contains(&marked.to_lowercase()), "`{marked}` in {line}");
        }
    }
    in_files(&campaigns).await
}

/// Addresses are where messages wait to be sent and nowhere else; who decided, and texts, are where people review.
async fn in_files(campaigns: &Campaigns) -> Tested {
    let mut shards = 0;
    for bucket in ["WorkBucket", "ReportBucket"] {
        let path = format!("/{}?list-type=2", campaigns.stack().output(bucket)?);
        let listed = campaigns.cloud().send("s3", Method::GET, &path, &[], Vec::new()).await?;
        let keys = xml::values(&listed.text(), "Key");
        assert!(!keys.is_empty(), "{bucket}");
        for key in keys {
            let file = campaigns.stack().object(bucket, &key).await?.unwrap_or_default();
            let file = String::from_utf8_lossy(&file);
            let is_shard = key.contains("/shards/");
            shards += usize::from(is_shard);
            for address in [PERSON, TESTER, NUMBER] {
                assert!(is_shard || !file.contains(address), "`{address}` in {key}");
            }
            assert!(!file.contains(STRANGER) && !file.contains(SECRET), "{key}");
            let is_by_id = ["verdicts.jsonl", "deliveries.jsonl", "unparsed.jsonl"];
            if is_by_id.iter().any(|name| key.ends_with(name)) {
                for marked in [NAME, SUBJECT, TEXT, VALUE, REVIEWER, REASON] {
                    assert!(!file.contains(marked), "`{marked}` in {key}");
                }
            }
        }
    }
    assert!(shards >= 3, "{shards}");
    let figures: Value = campaigns.figures("private").await?;
    assert_eq!(figures["decided"]["by"], REVIEWER, "who decided is kept");
    Ok(())
}
