//! Every call that a function of the compliance screening makes is granted to its role, and every grant is needed: shown
//! on the deployed policies, for every way that a campaign takes.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use eventide_testing::{LocalCloud, eventually};
use eventide_tests::Campaigns;
use eventide_tests::campaigns::texts::{CASINO, COATS, JACKETS, LAMPS, LUNCH, RANGE, SHOES, csv};
use eventide_tests::policy::{Call, Deployed, Grant, asked, deployed, faults, granted};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// Each function with its outputs, and whether Lambda hands failed invocations of its to the failed queue.
const FUNCTIONS: [(&str, &str, &str, bool); 7] = [
    ("campaign-screen", "ScreenFunction", "ScreenQueueUrl", false),
    ("campaign-classify", "ClassifyFunction", "ClassifyQueueUrl", true),
    ("campaign-judge", "JudgeFunction", "JudgeQueueUrl", false),
    ("campaign-send", "SendFunction", "SendQueueUrl", true),
    ("campaign-track", "TrackFunction", "TrackQueueUrl", false),
    ("campaign-review", "ReviewFunction", "ReviewQueueUrl", true),
    ("campaign-report", "ReportFunction", "ReportQueueUrl", true),
];

/// The grants on more than one resource, as `(action, resource)`.
fn wide(campaigns: &Campaigns) -> Result<Vec<(String, String)>, String> {
    let stack = campaigns.stack();
    let here = |service: &str, resource: &str| format!("arn:aws:{service}:us-east-1:111122223333:{resource}");
    let mut wide = vec![
        // The account has no ARN.
        ("ses:GetAccount".to_owned(), "*".to_owned()),
        // Which identity SES takes for the sender is its own choice; the condition says who the sender is.
        ("ses:SendEmail".to_owned(), here("ses", "identity/*")),
        // Jobs have no id before they are started; campaigns under way keep the classifier that they began with.
        ("comprehend:*Job".to_owned(), here("comprehend", "document-classification-job/*")),
        ("comprehend:StartDocumentClassificationJob".to_owned(), here("comprehend", "document-classifier/*")),
    ];
    // One prefix a campaign, below which each kind of file has its own name.
    for (bucket, keys) in [
        ("CampaignBucket", &["campaigns/*", "decisions/*"][..]),
        (
            "WorkBucket",
            &[
                "work/*/contents.jsonl",
                "work/*/scores-known.jsonl",
                "work/*/scores-new.jsonl",
                "work/*/documents/input.txt",
                "work/*/document-ids.txt",
                "work/*/output/*",
                "work/*/releases/*",
                "work/*/shards/*",
            ],
        ),
        (
            "ReportBucket",
            &[
                "*/verdicts.jsonl",
                "*/unparsed.jsonl",
                "*/review.jsonl",
                "*/deliveries.jsonl",
                "*/report.html",
                "*/report.json",
                "*/training.csv",
            ],
        ),
    ] {
        let bucket = stack.output(bucket)?;
        wide.extend(keys.iter().map(|key| ("s3:*".to_owned(), format!("arn:aws:s3:::{bucket}/{key}"))));
    }
    for (function, ..) in FUNCTIONS {
        // The streams of one log group; Lambda chooses their names.
        let group = format!("log-group:/aws/lambda/eventide-compliance-screening/{function}:*");
        wide.push(("logs:*".to_owned(), here("logs", &group)));
    }
    Ok(wide)
}

async fn await_call(campaigns: &Campaigns, caller: &str, operation: &str, status: Option<u64>) -> Tested {
    let path = format!("journal?caller={caller}&operation={operation}");
    eventually(&format!("{operation} of {caller}"), PATIENCE, || async {
        let journal = campaigns.cloud().control(Method::GET, &path, None).await.ok()?;
        let mut entries = journal["entries"].as_array()?.iter();
        entries.any(|entry| status.is_none_or(|status| entry["status"] == status)).then_some(())
    })
    .await
}

async fn delete(campaigns: &Campaigns, bucket: &str, key: &str) -> Tested {
    let path = format!("/{}/{key}", campaigns.stack().output(bucket)?);
    campaigns.cloud().send("s3", Method::DELETE, &path, &[], Vec::new()).await?;
    Ok(())
}

/// The event of a version of an object, as S3 sends it. MiniStack's names none.
async fn send_versioned(campaigns: &Campaigns, queue: &str, key: &str, body: String) -> Tested {
    let bucket = campaigns.stack().output("CampaignBucket")?;
    let path = format!("/{bucket}/{key}");
    let put = campaigns.cloud().send("s3", Method::PUT, &path, &[], body.into_bytes()).await?;
    let version = put.header("x-amz-version-id").ok_or("the campaign bucket keeps no versions")?;
    let created = json!({
        "version": "0", "id": "1", "source": "aws.s3", "detail-type": "Object Created", "time": "2026-11-23T12:00:00Z",
        "detail": {
            "bucket": { "name": bucket }, "requester": "111122223333",
            "object": { "key": key, "size": 1, "etag": "versioned", "version-id": version, "sequencer": "FF00000000000000" },
        },
    });
    campaigns.stack().send_message(queue, &created.to_string()).await
}

async fn screened(campaigns: &Campaigns, campaign: &str, file: String) -> Tested {
    campaigns.upload(&format!("{campaign}.csv"), file).await?;
    campaigns.await_event("Campaign Screened", campaign).await.map(drop)
}

/// Campaigns that are classified by a job, at once, and not at all, sent, and of a version that their event names.
async fn send_every_way(campaigns: &Campaigns) -> Tested {
    campaigns.settings("spring", &json!({ "testRecipients": ["ann@example.com"] })).await?;
    let rows = [
        ("1", "sms", "+14155550101", SHOES),
        ("2", "email", "bob@example.com", SHOES),
        ("3", "sms", "+14155550103", LUNCH),
        ("4", "sms", "+14155550104", RANGE),
        ("5", "sms", "+14155550105", JACKETS),
        ("6", "sms", "+14155550106", LAMPS),
        ("7", "sms", "+14155550107", COATS),
        ("8", "sms", "no number", COATS),
    ];
    screened(campaigns, "spring", csv(&rows)).await?;
    campaigns.await_event("Campaign Sent", "spring").await?;
    // An endpoint that throttles is asked again later.
    let throttle = json!({
        "match": { "caller": "campaign-classify", "operation": "ClassifyDocument" }, "times": 1,
        "effect": { "type": "throttle" }
    });
    campaigns.stack().fault(&throttle).await?;
    screened(campaigns, "single", csv(&[("1", "sms", "+14155550201", CASINO)])).await?;
    screened(campaigns, "known", csv(&[("1", "sms", "+14155550301", LUNCH)])).await?;
    let versioned = csv(&[("1", "sms", "+14155550401", LUNCH), ("2", "sms", "+14155550402", LUNCH)]);
    screened(campaigns, "versioned", versioned.clone()).await?;
    send_versioned(campaigns, "ScreenQueueUrl", "campaigns/versioned.csv", versioned).await?;
    campaigns.await_event("Campaign Screened", "versioned").await.map(drop)
}

/// What people do.
async fn review_every_way(campaigns: &Campaigns) -> Tested {
    let review = campaigns.report_lines("spring", "review.jsonl").await?;
    let held: Vec<&str> = review.iter().filter_map(|held| held["content"].as_str()).collect();
    let [first, second, third] = held[..] else { return Err(format!("three are held: {review:?}")) };
    let command = |action: &str| json!({ "campaign": "spring", "action": action, "by": "ann" });
    let with = |action: &str, member: &str, value: Value| {
        let mut command = command(action);
        command[member] = value;
        command
    };
    let direct = |command: Value| async move { campaigns.direct(&command).await };
    direct(with("approve", "contents", json!([first]))).await?.map_err(|error| error.to_string())?;
    campaigns.await_event("Campaign Sent", "spring").await?;
    campaigns.command(&with("reject", "contents", json!([second]))).await?;
    let decisions = |content: &str| format!("content,decision,by\n{content},approve,ann\n");
    let key = "decisions/spring/versioned.csv";
    send_versioned(campaigns, "ReviewQueueUrl", key, decisions(third)).await?;
    for action in ["pause", "resume", "test-send"] {
        direct(command(action)).await?.map_err(|error| error.to_string())?;
    }
    let deliveries = campaigns
        .await_figures("spring", "every message being sent", |figures| {
            figures["delivery"]["sms"]["accepted"] == 4
        })
        .await;
    deliveries?;
    let deliveries = campaigns.report_lines("spring", "deliveries.jsonl").await?;
    let mut settle = with("settle", "entries", json!([deliveries[0]["entry"]]));
    settle["outcome"] = json!("sent");
    direct(settle).await?.map_err(|error| error.to_string())?;
    let cancel = json!({ "campaign": "versioned", "action": "cancel", "by": "ann" });
    direct(cancel).await?.map_err(|error| error.to_string())?;
    // What is not held; at last without the list of what is.
    let unknown = with("approve", "contents", json!(["000102030405060708090a0b0c0dfeff"]));
    assert!(direct(unknown.clone()).await?.is_err());
    delete(campaigns, "ReportBucket", "spring/review.jsonl").await?;
    assert!(direct(unknown).await?.is_err());
    // A file that is gone when its event comes.
    let gone = json!({
        "source": "aws.s3", "detail": { "bucket": { "name": "b" }, "object": { "key": "decisions/spring/gone.csv" } }
    });
    campaigns.stack().send_message("ReviewQueueUrl", &gone.to_string()).await?;
    await_call(campaigns, "campaign-review", "GetObject", Some(404)).await
}

/// Jobs that fail, and files that are gone.
async fn fail_every_way(campaigns: &Campaigns) -> Tested {
    let two = |marked: &str| {
        let texts = ["is open on Sunday", "has a new roof"].map(|what| format!("The {marked} {what}."));
        csv(&[("1", "sms", "+14155550501", &texts[0]), ("2", "sms", "+14155550502", &texts[1])])
    };
    campaigns.upload("unusable.csv", "name,phone\nAnn,1\n").await?;
    campaigns.await_event("Campaign Failed", "unusable").await?;
    // There are no verdicts that its report could tell of.
    campaigns.stack().send_message("ReportQueueUrl", &json!({ "campaign": "unusable" }).to_string()).await?;
    await_call(campaigns, "campaign-report", "GetObject", Some(404)).await?;
    campaigns.plan("comprehend", &json!({ "nameContains": "-failing-", "error": "no" })).await?;
    campaigns.upload("failing.csv", two("windmill")).await?;
    let has_failed = || async {
        campaigns.pass(1_200).await.ok()?;
        campaigns.sweep().await.ok()?;
        let failing = campaigns.records("campaign", "failing").await.ok()?;
        failing.iter().any(|record| record["state"] == "failed").then_some(())
    };
    let has_failed = eventually("a job that failed", PATIENCE, has_failed).await;
    if let Err(error) = has_failed {
        let record = campaigns.records("campaign", "failing").await?;
        return Err(format!("{error}: {record:?}; {:?}", campaigns.jobs().await?));
    }

    campaigns.plan("comprehend", &json!({ "nameContains": "-waiting-", "seconds": 1_000_000_000 })).await?;
    campaigns.upload("waiting.csv", two("lighthouse")).await?;
    let waiting = eventually("a job", PATIENCE, || async {
        let records = campaigns.records("campaign", "waiting").await.ok()?;
        records.into_iter().find(|record| record["jobId"].is_string())
    });
    let waiting = waiting.await?;
    let text = |member: &str| waiting[member].as_str().unwrap_or_default().to_owned();
    let output =
        format!("work/waiting/{}/output/1-CLN-{}/output/output.tar.gz", text("upload"), text("jobId"));
    // The event comes before the archive, and the archive when the campaign's file is gone.
    let created = json!({ "detail": { "bucket": { "name": "b" }, "object": { "key": output } } });
    campaigns.stack().send_message("ClassifyQueueUrl", &created.to_string()).await?;
    await_call(campaigns, "campaign-classify", "GetObject", Some(404)).await?;
    delete(campaigns, "CampaignBucket", "campaigns/waiting.csv").await?;
    let jobs = campaigns.jobs().await?;
    let spring =
        jobs.iter().find(|job| job["JobName"].as_str().is_some_and(|name| name.contains("-spring-")));
    let uri = spring.and_then(|job| job["OutputDataConfig"]["S3Uri"].as_str()).ok_or("no job of spring")?;
    let key =
        uri.strip_prefix(&format!("s3://{}/", campaigns.stack().output("WorkBucket")?)).ok_or("no key")?;
    let archive = campaigns.stack().object("WorkBucket", key).await?.ok_or("no archive")?;
    campaigns.stack().upload("WorkBucket", &output, archive).await?;
    campaigns.await_event("Campaign Failed", "waiting").await?;

    campaigns.settings("expired", &json!({ "start": "paused" })).await?;
    screened(campaigns, "expired", csv(&[("1", "sms", "+14155550601", LUNCH)])).await?;
    let shards = campaigns.records("shard", "expired").await?;
    let key = shards[0]["key"].as_str().ok_or("no shard")?;
    delete(campaigns, "WorkBucket", key).await?;
    campaigns.command(&json!({ "campaign": "expired", "action": "resume", "by": "ann" })).await?;
    await_call(campaigns, "campaign-send", "GetObject", Some(404)).await
}

/// Files of more than one part, of which the second one is refused, so that both that are under way are given up.
async fn give_up_files(campaigns: &Campaigns) -> Tested {
    let refuse = |caller: &str| {
        json!({
            "match": { "caller": caller, "operation": "UploadPart" }, "skip": 1, "times": 1,
            "effect": { "type": "error", "status": 403, "code": "AccessDenied", "message": "no" }
        })
    };
    // Nobody comes back to them: what is classified of them would be longer than the journal keeps bodies.
    campaigns.comes_back_after(5_400).await?;
    campaigns.stack().fault(&refuse("campaign-screen")).await?;
    let mut file = String::from("id,channel,to,subject,text\n");
    for id in 0..8 {
        // Writing to a text does not fail.
        let _ = writeln!(file, "{id},email,bob@example.com,{id},{}", "Soup and salad. ".repeat(60_000));
    }
    campaigns.upload("thick.csv", file).await?;
    await_call(campaigns, "campaign-screen", "AbortMultipartUpload", None).await?;

    campaigns.stack().fault(&refuse("campaign-judge")).await?;
    let mut file = String::from("id,channel,to,text\n");
    for id in 0..45_000 {
        let _ = writeln!(file, "{id},sms,+14155550701,{CASINO}\n,sms,,\n,sms,,");
    }
    campaigns.upload("long.csv", file).await?;
    // Of both files that were under way.
    let path = "journal?caller=campaign-judge&operation=AbortMultipartUpload";
    eventually("both files given up", PATIENCE, || async {
        let journal = campaigns.cloud().control(Method::GET, path, None).await.ok()?;
        let entries = journal["entries"].as_array()?;
        let of = |file: &str| {
            entries.iter().any(|entry| entry["path"].as_str().is_some_and(|path| path.ends_with(file)))
        };
        (of("/verdicts.jsonl") && of("/unparsed.jsonl")).then_some(())
    })
    .await
}

/// What AWS does in a function's name, which no journal shows.
async fn by_aws(
    campaigns: &Campaigns,
    log_group: &str,
    queue: &str,
    on_failure: bool,
) -> Result<BTreeSet<Call>, String> {
    let arn = |output: &str| {
        let name = campaigns.stack().output(output)?.rsplit('/').next().unwrap_or_default();
        Ok::<_, String>(format!("arn:aws:sqs:us-east-1:111122223333:{name}"))
    };
    // Lambda writes the function's log, and polls its queue.
    let stream = format!("arn:aws:logs:us-east-1:111122223333:log-group:{log_group}:log-stream:any");
    let mut calls =
        BTreeSet::from([Call::new("logs:CreateLogStream", &stream), Call::new("logs:PutLogEvents", &stream)]);
    let polling = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
    let polled = arn(queue)?;
    calls.extend(polling.map(|action| Call::new(action, &polled)));
    // SQS uses the key of an encrypted queue for who sends to it or receives from it.
    let url = campaigns.stack().output("FailedQueueUrl")?;
    let body = json!({ "QueueUrl": url, "AttributeNames": ["KmsMasterKeyId"] });
    let answer = campaigns.cloud().aws_json("sqs", "AmazonSQS.GetQueueAttributes", &body).await?;
    let key = answer["Attributes"]["KmsMasterKeyId"].as_str().ok_or("the failed queue has no key")?;
    calls.extend(["kms:Decrypt", "kms:GenerateDataKey"].map(|action| Call::new(action, key)));
    if on_failure {
        calls.insert(Call::new("sqs:SendMessage", &arn("FailedQueueUrl")?));
    }
    Ok(calls)
}

/// The calls fit the grants, and would fit neither fewer nor more of them.
fn fit(who: &str, calls: &BTreeSet<Call>, grants: &BTreeSet<Grant>, wide: &[(&str, &str)]) {
    assert_eq!(faults(calls, grants, wide), Vec::<String>::new(), "{who}");
    for grant in grants {
        let mut fewer = grants.clone();
        fewer.remove(grant);
        assert!(!faults(calls, &fewer, wide).is_empty(), "{who} without {grant:?}");
    }
    for more in [
        Grant::new("s3:DeleteObject", "arn:aws:s3:::a-bucket/key"),
        Grant::new("ses:SendEmail", "*"),
        Grant::new("dynamodb:*", "*"),
    ] {
        let mut grants = grants.clone();
        grants.insert(more.clone());
        assert!(!faults(calls, &grants, wide).is_empty(), "{who} with {more:?}");
    }
}

#[tokio::test]
async fn every_call_is_granted_and_every_grant_is_needed() -> Tested {
    let cloud = LocalCloud::start_with(&["--journal-bodies"]).await?;
    let starter = json!({ "endpoint": { "name": "screening" } });
    let starter = cloud.control(Method::POST, "comprehend/starter", Some(&starter)).await?;
    let endpoint = starter["endpointArn"].as_str().ok_or(format!("no endpoint: {starter}"))?;
    // A campaign of one new text is classified at once, of more by a job.
    let parameters = [("EndpointArn", endpoint), ("SyncDocuments", "1")];
    let campaigns = Campaigns::start_on(cloud, &parameters).await?;
    campaigns.comes_back_after(2).await?;
    send_every_way(&campaigns).await?;
    review_every_way(&campaigns).await?;
    fail_every_way(&campaigns).await?;
    for (_, _, queue, _) in FUNCTIONS {
        campaigns.stack().send_message(queue, "no message").await?;
    }
    for (function, ..) in FUNCTIONS {
        await_call(&campaigns, function, "SendMessageBatch", None).await?;
    }
    give_up_files(&campaigns).await?;

    let journal = campaigns.cloud().control(Method::GET, "journal", None).await?;
    let mut calls: BTreeMap<&str, BTreeSet<Call>> = BTreeMap::new();
    for entry in journal["entries"].as_array().into_iter().flatten() {
        let caller = entry["caller"].as_str().unwrap_or_default();
        if caller.starts_with("campaign-") {
            calls.entry(caller).or_default().extend(asked(entry)?);
        }
    }
    let wide = wide(&campaigns)?;
    let wide: Vec<_> = wide.iter().map(|(action, resource)| (action.as_str(), resource.as_str())).collect();
    for (function, output, queue, on_failure) in FUNCTIONS {
        let Deployed { role, log_group } =
            deployed(campaigns.cloud(), campaigns.stack().output(output)?).await?;
        let mut made = calls.remove(function).ok_or_else(|| format!("{function} has called nothing"))?;
        made.extend(by_aws(&campaigns, &log_group, queue, on_failure).await?);
        if function == "campaign-screen" {
            // It would take some 20,000 known contents, or 160,000 new ones, to have a second part of these.
            let bucket = campaigns.stack().output("WorkBucket")?;
            made.extend(["scores-known.jsonl", "document-ids.txt"].map(|file| {
                Call::new("s3:AbortMultipartUpload", &format!("arn:aws:s3:::{bucket}/work/c/u/{file}"))
            }));
        }
        fit(function, &made, &granted(campaigns.cloud(), &role, function).await?, &wide);
    }
    assert!(calls.is_empty(), "calls of a function that is not known: {calls:?}");
    Ok(())
}
