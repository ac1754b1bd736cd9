//! Hostile files, texts, keys and messages: they come to a reason, are text wherever they are shown, and harm no others.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use eventide_testing::eventually;
use eventide_tests::Campaigns;
use eventide_tests::campaigns::texts::{CASINO, LUNCH, csv};
use eventide_tests::system::PATIENCE;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const HEADER: &str = "id,channel,to,subject,text\n";
/// What is to be shown as it is, and never to be markup.
const MARKUP: &str = "<script>marked()</script><img src=x onerror=marked()>\"'&";
const FORMULA: &str = "=HYPERLINK(\"http://marked.example\")";

/// A message that is sent.
fn good(id: &str) -> String {
    format!("{id},sms,+1415555{:0>4},,\"{LUNCH}\"\n", id.len() * 7 + usize::from(id.as_bytes()[0]))
}

/// Waits for messages in the failed queue and takes them out: how many of which type.
async fn set_aside(campaigns: &Campaigns, count: usize) -> Result<BTreeMap<String, usize>, String> {
    let (mut kinds, mut seen) = (BTreeMap::new(), 0);
    while seen < count {
        let what = format!("{count} failed messages; {seen} so far: {kinds:?}");
        let messages = eventually(&what, PATIENCE, || async {
            let messages = campaigns.stack().messages("FailedQueueUrl").await.ok()?;
            (!messages.is_empty()).then_some(messages)
        });
        for message in messages.await? {
            let attributes = &message["MessageAttributes"];
            let kind = attributes["error_type"]["StringValue"].as_str().unwrap_or("none").to_owned();
            let reason = attributes["reason"]["StringValue"].as_str().unwrap_or_default();
            assert!((1..1_000).contains(&reason.len()) && !reason.contains("hunter2"), "{kind}: {reason}");
            *kinds.entry(kind).or_insert(0) += 1;
            let url = campaigns.stack().output("FailedQueueUrl")?;
            let delete = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            campaigns.cloud().aws_json("sqs", "AmazonSQS.DeleteMessage", &delete).await?;
            seen += 1;
        }
    }
    Ok(kinds)
}

fn kinds(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(kind, count)| (format!("Permanent.{kind}"), *count)).collect()
}

#[tokio::test]
async fn files_that_are_broken_come_to_a_reason_and_harm_no_other() -> Tested {
    let campaigns = Campaigns::start().await?;
    let utf16: Vec<u8> =
        format!("\u{feff}{HEADER}{}", good("a")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide: String = (0..10_000).map(|number| format!("column{number},")).collect();
    let unusable: Vec<(&str, Vec<u8>)> = vec![
        ("garbage.csv.gz", b"hunter2 is no gzip".to_vec()),
        ("cut-utf-16.csv", utf16.get(..5).unwrap_or_default().to_vec()),
        ("wide.csv", format!("{wide}\n{wide}\n").into_bytes()),
        ("headless.csv", good("a").into_bytes()),
        ("empty.csv", Vec::new()),
        ("only-header.csv", HEADER.as_bytes().to_vec()),
        ("text.jsonl", b"hunter2\n{\"id\": \n[]\n".to_vec()),
        ("zeros.jsonl", vec![0; 100_000]),
    ];
    for (name, body) in &unusable {
        campaigns.upload(name, body.clone()).await?;
    }
    for (name, _) in &unusable {
        let id = name.split('.').next().unwrap_or_default();
        let failed = campaigns.await_event("Campaign Failed", id).await?;
        let reason = failed["reason"].as_str().unwrap_or_default();
        assert!((10..1_000).contains(&reason.len()) && !reason.contains("hunter2"), "{name}: {reason}");
        assert!(["UnusableFile", "NoMessages"].map(Value::from).contains(&failed["errorClass"]), "{failed}");
    }
    let found = set_aside(&campaigns, unusable.len()).await?;
    assert_eq!(found.values().sum::<usize>(), unusable.len(), "{found:?}");

    // What Windows calls Unicode is no fault.
    campaigns.upload("utf-16.csv", utf16).await?;
    let screened = campaigns.await_event("Campaign Screened", "utf-16").await?;
    assert_eq!((&screened["rows"], &screened["approved"]), (&json!(1), &json!(1)), "{screened}");
    campaigns.await_event("Campaign Sent", "utf-16").await?;

    // Rows that are broken, among good ones.
    let long = "x".repeat(1_048_576);
    let rows = [
        good("first"),
        format!("long,sms,+14155550901,,{long}\n"),
        format!("wide,email,bob@example.com,{long},{LUNCH}\n"),
        "control\u{7},sms,+14155550902,,text\n".to_owned(),
        "few,sms\n".to_owned(),
        format!("many,sms,+14155550903,,\"{LUNCH}\",1,2,3\n"),
        "template,sms,+14155550904,,{{nobody}}\n".to_owned(),
        "header,email,\"bob@example.com\r\nBcc: all@example.com\",Hi,text\n".to_owned(),
        "subject,email,bob@example.com,\"Hi\r\nBcc: all@example.com\",text\n".to_owned(),
        "invisible,sms,+14155550905,,\u{200b}\u{202e}\n".to_owned(),
        good("last"),
    ];
    campaigns.upload("broken.csv", format!("{HEADER}{}", rows.concat())).await?;
    let screened = campaigns.await_event("Campaign Screened", "broken").await?;
    let counts = ["rows", "unparsed", "approved"].map(|name| screened[name].as_u64().unwrap_or_default());
    assert_eq!(counts, [11, 9, 2], "{screened}");
    campaigns.await_event("Campaign Sent", "broken").await?;
    let sent = campaigns.sent().await?;
    assert_eq!(sent.len(), 3, "{sent:?}");
    let unparsed = campaigns.report_lines("broken", "unparsed.jsonl").await?;
    assert!(unparsed.iter().all(|row| row.to_string().len() < 400), "{unparsed:?}");
    Ok(())
}

#[tokio::test]
async fn markup_and_formulas_are_text_wherever_they_are_shown() -> Tested {
    let campaigns = Campaigns::start().await?;
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let row = |id: &str, subject: &str, text: &str| {
        format!("{},email,bob@example.com,{},{}\n", quoted(id), quoted(subject), quoted(text))
    };
    let german =
        "Unsere neuen Laufschuhe sind ab diesem Wochenende im Laden: weich, leicht und sehr haltbar.";
    let file = [
        HEADER.to_owned(),
        row(MARKUP, MARKUP, &format!("{MARKUP} {CASINO}")),
        row(FORMULA, FORMULA, &format!("{FORMULA} {german} {MARKUP}")),
        row("good", "Lunch", LUNCH),
        format!("{},fax,,,\n", quoted(MARKUP)),
    ];
    campaigns.upload("hostile.csv", file.concat()).await?;
    let screened = campaigns.await_event("Campaign Screened", "hostile").await?;
    assert_eq!((&screened["rows"], &screened["unparsed"]), (&json!(4), &json!(1)), "{screened}");
    let flagged =
        screened["held"].as_u64().unwrap_or_default() + screened["rejected"].as_u64().unwrap_or_default();
    assert_eq!(flagged, 2, "{screened}");
    campaigns.await_event("Campaign Sent", "hostile").await?;
    let pause = json!({ "campaign": "hostile", "action": "pause", "by": MARKUP, "reason": MARKUP });
    campaigns.direct(&pause).await?.map_err(|error| error.to_string())?;
    campaigns.stack().send_message("ReportQueueUrl", &json!({ "campaign": "hostile" }).to_string()).await?;
    campaigns
        .await_figures("hostile", "the pause being told", |figures| figures["decided"]["by"] == MARKUP)
        .await?;
    let page = eventually("a page that tells of the pause", PATIENCE, || async {
        let page = campaigns.stack().object("ReportBucket", "hostile/report.html").await.ok()??;
        let page = String::from_utf8(page).ok()?;
        page.contains("Paused by").then_some(page)
    });
    let page = page.await?;
    assert!(page.contains("&lt;script&gt;marked()&lt;/script&gt;"), "it is shown: {page}");
    // Nothing of it is a tag, an attribute or a handler.
    let tags = tags(&page);
    for tag in &tags {
        assert!(!tag.contains("marked") && !tag.starts_with("script") && !tag.starts_with("img"), "<{tag}>");
    }
    assert!(tags.iter().any(|tag| tag.contains("default-src 'none'")), "nothing is loaded, nothing runs");
    // Ids come back as they were, each in a line of its own.
    let verdicts = campaigns.report_lines("hostile", "verdicts.jsonl").await?;
    let ids: Vec<&str> = verdicts.iter().filter_map(|verdict| verdict["id"].as_str()).collect();
    assert_eq!(ids, [MARKUP, FORMULA, "good"]);
    assert_eq!(campaigns.sent().await?.len(), 1);
    Ok(())
}

/// What is between `<` and `>`. Style has neither.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn keys_settings_and_decisions_of_others_change_nothing() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.upload("good.csv", csv(&[("1", "sms", "+14155550101", LUNCH)])).await?;
    campaigns.await_event("Campaign Sent", "good").await?;
    let created = |key: &str| {
        json!({
            "source": "aws.s3", "detail-type": "Object Created", "time": "2026-11-23T12:00:00Z",
            "detail": { "bucket": { "name": "b" }, "object": { "key": key, "etag": "e", "sequencer": "FF" } }
        })
    };
    let keys = [
        "campaigns/../good.csv",
        "campaigns/./good.csv",
        "campaigns//good.csv",
        "campaigns/good.csv/",
        "campaigns/go od.csv",
        "campaigns/gööd.csv",
        "campaigns/good\u{202e}.csv",
        "campaigns/good.csv\n",
        "campaigns/good.csv.gz.gz",
        "campaigns/.csv",
    ];
    for key in keys {
        campaigns.stack().send_message("ScreenQueueUrl", &created(key).to_string()).await?;
    }
    let decisions = ["decisions/../good/a.csv", "decisions/good.csv", "decisions/go od/a.csv"];
    for key in decisions {
        campaigns.stack().send_message("ReviewQueueUrl", &created(key).to_string()).await?;
    }
    let found = set_aside(&campaigns, keys.len() + decisions.len()).await?;
    assert_eq!(found, kinds(&[("InvalidKey", keys.len() + decisions.len())]));

    for (number, settings) in [
        json!({ "send": "now" }),
        json!({ "variables": { "x": { "type": "html" } } }),
        json!({ "testRecipients": "hunter2" }),
        json!([]),
        json!({ "text": "hunter2", "start": "hunter2" }),
    ]
    .iter()
    .enumerate()
    {
        let id = format!("odd-{number}");
        campaigns.settings(&id, settings).await?;
        campaigns.upload(&format!("{id}.csv"), csv(&[("1", "sms", "+14155550102", LUNCH)])).await?;
        let failed = campaigns.await_event("Campaign Failed", &id).await?;
        assert_eq!(failed["errorClass"], "InvalidSettings", "{failed}");
        assert!(!failed.to_string().contains("hunter2"), "{failed}");
    }
    assert_eq!(set_aside(&campaigns, 5).await?, kinds(&[("InvalidSettings", 5)]));

    let unknown = "000102030405060708090a0b0c0dfeff";
    let known = campaigns.report_lines("good", "verdicts.jsonl").await?[0]["content"].clone();
    let known = known.as_str().ok_or("no content")?;
    for (name, body) in [
        ("foreign.csv", format!("content,decision,by\n{unknown},approve,ann\n")),
        ("approved.csv", format!("content,decision,by\n{known},reject,ann\n")),
        ("words.csv", format!("content,decision,by\n{known},hunter2,ann\n")),
        (
            "other.jsonl",
            format!("{{\"content\":\"{known}\",\"decision\":\"reject\",\"by\":\"a\",\"to\":\"hunter2\"}}\n"),
        ),
        ("binary.csv", "content,decision,by\n\u{0}hunter2,\u{1b}[2J,x\n".to_owned()),
    ] {
        campaigns.decisions("good", name, body).await?;
    }
    assert_eq!(set_aside(&campaigns, 5).await?, kinds(&[("InvalidDecisions", 3), ("NotHeld", 2)]));
    assert_eq!(campaigns.recipients().await?, ["+14155550101"]);
    Ok(())
}

#[tokio::test]
async fn poison_in_every_queue_is_set_aside_and_the_others_are_handled() -> Tested {
    let campaigns = Campaigns::start().await?;
    campaigns.stand_in("sms", &json!({ "emit": false })).await?;
    campaigns.upload("good.csv", csv(&[("1", "sms", "+14155550101", LUNCH)])).await?;
    campaigns.await_event("Campaign Sent", "good").await?;
    let entry = campaigns.report_lines("good", "deliveries.jsonl").await?[0]["entry"].clone();
    let delivered = json!({
        "source": "aws.sms-voice", "time": "2026-11-23T12:00:00Z",
        "detail": {
            "eventType": "TEXT_DELIVERED", "messageId": "m",
            "context": { "eventide-entry": entry, "eventide-campaign": "good" }
        }
    });
    let poison = [
        "hunter2 is no JSON".to_owned(),
        format!("{{\"campaign\":\"hunter2\",{}", "[".repeat(100_000)),
        json!({ "campaign": { "hunter2": 1 }, "shard": ["hunter2"], "detail": "hunter2", "source": 7 })
            .to_string(),
        json!([{ "detail-type": "Campaign Command" }]).to_string(),
        "\u{feff}{}".to_owned(),
    ];
    let queues = ["Screen", "Classify", "Judge", "Send", "Track", "Review", "Report"];
    for queue in queues {
        let queue = format!("{queue}QueueUrl");
        let is_track = queue == "TrackQueueUrl";
        if is_track {
            // The test decides what makes a batch.
            campaigns.mapping(&queue, false).await?;
            campaigns.stack().send_message(&queue, &delivered.to_string()).await?;
        }
        for body in &poison {
            campaigns.stack().send_message(&queue, body).await?;
        }
        if is_track {
            campaigns.mapping(&queue, true).await?;
        }
    }
    let count = queues.len() * poison.len();
    assert_eq!(set_aside(&campaigns, count).await?, kinds(&[("InvalidEvent", count)]));
    campaigns
        .await_figures("good", "the good one of the batch", |figures| {
            figures["delivery"]["sms"]["delivered"] == 1
        })
        .await?;
    // As good as new, and none of it was logged.
    campaigns.upload("next.csv", csv(&[("1", "sms", "+14155550102", LUNCH)])).await?;
    campaigns.await_event("Campaign Sent", "next").await?;
    for queue in queues {
        let lines = campaigns.stack().logs(&format!("{queue}Function")).await?;
        assert!(lines.iter().all(|line| line.len() < 4_000), "no line of {queue} grows with the message");
        assert!(!lines.iter().any(|line| line.contains("panicked") || line.contains("hunter2")), "{lines:?}");
    }
    Ok(())
}
