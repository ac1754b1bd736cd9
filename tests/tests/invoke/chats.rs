//! Voice to chat.
//!
//! What is recorded is in `events/answers/link-*`: the answer or the error; of link-issue how many messages were sent; of
//! the others which calls the function made and why messages went to the failed queue. After a change that is meant to
//! change it, run this test with `EVENTIDE_RECORD=1`, and read the difference before it is committed; link-issue's own
//! `events.rs` records what is link-issue's.
//!
//! No function but the one that is invoked works while the events are sent: Amazon Connect tells nobody of its contacts.

use super::*;

use eventide_links::token::Token;
use eventide_tests::Chats;
use http::Method;
use serde_json::json;
use time::OffsetDateTime;

/// The folders of events, in the order in which they are sent: each works on what the ones before it have left.
pub(crate) const FUNCTIONS: [(&str, &str); 4] = [
    ("link-issue", "IssueFunction"),
    ("link-redeem", "RedeemFunction"),
    ("link-callback", "CallbackFunction"),
    ("link-follow", "FollowFunction"),
];

/// What the page's requests say that it is.
const ORIGIN: &str = "https://d111111abcdef8.cloudfront.net";
/// What they have in `x-origin-verify`.
const ORIGIN_SECRET: &str = "not-the-secret-of-any-stack";
/// The token that they ask with, and the call that its link is of.
const TOKEN: &str = "PVnGzkOTx2GRXtYG-baxPg";
const VOICE: &str = "4a573372-1f28-4e26-b97b-9f6a1c0b7030";
/// The chat that an agent joins.
const CHAT: &str = "7c1e5b0a-93d2-4f6b-8a41-0e9d2c3b4000";
/// What Amazon Connect makes up.
const MADE_UP: [&str; 3] = ["contactId", "participantId", "participantToken"];
/// In place of what differs from run to run.
const MASK: &str = "…";
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

#[tokio::test]
async fn every_event_gives_its_recorded_answer_or_error() -> Tested {
    let parameters = [
        ("LinkOrigin", ORIGIN),
        ("ParticipantEndpoint", ""),
        ("Attributes", "order,tier"),
        ("LinksPerRecipient", "100"),
        ("CallsPerMinute", "1000"),
    ];
    let chats = Chats::start_with(&parameters).await?;
    let secret = chats.variable("RedeemFunction", "ORIGIN_SECRET_ARN").await?;
    let secret = json!({ "SecretId": secret, "SecretString": ORIGIN_SECRET });
    chats.cloud().aws_json("secretsmanager", "secretsmanager.PutSecretValue", &secret).await?;
    chats.cloud().control(Method::POST, "connect/settings", Some(&json!({ "emit": false }))).await?;
    let voice = json!({ "id": VOICE, "state": "queued", "customer": "+15555550100" });
    chats.cloud().control(Method::POST, "connect/contacts", Some(&voice)).await?;

    let mut different = Vec::new();
    for (function, output) in FUNCTIONS {
        match function {
            "link-redeem" => put_link(&chats, 15 * MINUTE).await?,
            "link-callback" => put_link(&chats, -MINUTE).await?,
            "link-follow" => put_chat(&chats).await?,
            _ => {}
        }
        let files = names(&repository().join("events").join(function), |path| path.is_file());
        assert!(!files.is_empty());
        for event in files.iter().map(|file| format!("{function}/{file}")) {
            check(&chats, function, output, &event, &mut different).await?;
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    done_by_the_events(&chats).await
}

async fn put(chats: &Chats, item: Value) -> Tested {
    let put = json!({ "TableName": chats.stack().output("LinkTable")?, "Item": item });
    chats.cloud().aws_json("dynamodb", "DynamoDB_20120810.PutItem", &put).await?;
    Ok(())
}

fn link_key() -> String {
    format!("link#{}", Token::parse(TOKEN).unwrap().hash())
}

/// The link of the requests, as link-issue makes it, which can be redeemed for so many seconds.
async fn put_link(chats: &Chats, seconds: i64) -> Tested {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let context = json!({
        "displayName": "Ana García", "language": "es", "queue": "Billing", "attributes": { "tier": "gold" },
        "phone": "+15555550100",
    });
    let number = |value: i64| json!({ "N": value.to_string() });
    let item = json!({
        "pk": { "S": link_key() }, "contact_id": { "S": VOICE }, "state": { "S": "open" },
        "context": { "S": context.to_string() }, "has_phone": { "BOOL": true },
        "created_at": number((now - 2 * MINUTE) * 1000), "valid_until": number((now + seconds) * 1000),
        "expires_at": number(now + DAY),
    });
    put(chats, item).await
}

/// A chat as link-redeem remembers it.
async fn put_chat(chats: &Chats) -> Tested {
    let tomorrow = OffsetDateTime::now_utc().unix_timestamp() + DAY;
    let item = json!({
        "pk": { "S": format!("chat#{CHAT}") }, "voice_contact_id": { "S": VOICE },
        "expires_at": { "N": tomorrow.to_string() },
    });
    put(chats, item).await
}

async fn check(
    chats: &Chats,
    function: &str,
    output: &str,
    event: &str,
    different: &mut Vec<String>,
) -> Tested {
    let recording = env::var_os("EVENTIDE_RECORD").is_some() && function != "link-issue";
    let before = sent(chats).await?;
    chats.stack().forget().await?;
    let answered = if recording {
        // `cargo lambda invoke` wraps the lines of errors, so they are recorded as Lambda itself gives them.
        chats.stack().invoke(output, &fixture_json(event)?).await?.map_err(|error| {
            let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
            (text("errorType"), text("errorMessage"))
        })
    } else {
        invoke(chats.cloud(), chats.stack().output(output)?, event).await?
    };
    let answered = answered.map(masked);
    let found = if function == "link-issue" {
        let after = sent(chats).await?;
        json!({ "sent": { "sms": after.0 - before.0, "email": after.1 - before.1 } })
    } else {
        json!({ "calls": calls(chats, function).await?, "failed": reasons(chats).await? })
    };
    if recording {
        let mut recorded = match answered {
            Ok(answer) => json!({ "answer": answer }),
            Err((error_type, message)) => {
                json!({ "error": { "errorType": error_type, "errorMessage": message } })
            }
        };
        for (member, value) in found.as_object().into_iter().flatten() {
            recorded[member] = value.clone();
        }
        return write(event, &recorded);
    }
    let (expected, whole) = (recorded(event)?, fixture_json(&format!("answers/{event}"))?);
    if answered != expected {
        different.push(format!("{event}: {answered:?}, expected {expected:?}"));
    }
    for (member, value) in found.as_object().into_iter().flatten() {
        if *value != whole[member] {
            different.push(format!("{event}: {member} {value}, expected {}", whole[member]));
        }
    }
    Ok(())
}

/// An answer without what differs from run to run.
fn masked(mut answer: Value) -> Value {
    if answer["expiresAt"].as_str().is_some_and(|moment| !moment.is_empty()) {
        answer["expiresAt"] = json!(MASK);
    }
    let body = answer["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
    if let Some(mut body) = body {
        for name in MADE_UP {
            if body[name].is_string() {
                body[name] = json!(MASK);
            }
        }
        answer["body"] = json!(body.to_string());
    }
    answer
}

/// How many SMS and emails were sent so far.
async fn sent(chats: &Chats) -> Result<(usize, usize), String> {
    let messages = chats.messages().await?;
    let of = |channel: &str| messages.iter().filter(|message| message["channel"] == channel).count();
    Ok((of("sms"), of("email")))
}

/// The calls of a function since the last event, sorted, without secrets, which it keeps for minutes.
async fn calls(chats: &Chats, function: &str) -> Result<Vec<String>, String> {
    let mut calls = chats.stack().calls(function).await?;
    calls.retain(|call| !call.starts_with("secretsmanager:"));
    calls.sort();
    Ok(calls)
}

/// Why messages went to the failed queue, from which this takes them.
async fn reasons(chats: &Chats) -> Result<Vec<String>, String> {
    let mut reasons = Vec::new();
    loop {
        let messages = chats.stack().messages("FailedQueueUrl").await?;
        if messages.is_empty() {
            reasons.sort();
            return Ok(reasons);
        }
        for message in messages {
            let error_type = message["MessageAttributes"]["error_type"]["StringValue"].as_str();
            reasons.push(error_type.unwrap_or("none").to_owned());
            let url = chats.stack().output("FailedQueueUrl")?;
            let delete = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            chats.cloud().aws_json("sqs", "AmazonSQS.DeleteMessage", &delete).await?;
        }
    }
}

fn write(event: &str, recorded: &Value) -> Tested {
    let path = repository().join("events/answers").join(event);
    let written = serde_json::to_string_pretty(recorded).map_err(|error| error.to_string())? + "\n";
    fs::create_dir_all(path.parent().unwrap()).map_err(|error| error.to_string())?;
    fs::write(path, written).map_err(|error| error.to_string())
}

/// One chat, one call, and the waiting call ended: whatever was repeated.
async fn done_by_the_events(chats: &Chats) -> Tested {
    let started = chats.chats().await?;
    assert_eq!(started.len(), 1, "{started:?}");
    assert_eq!(started[0]["relatedContactId"], VOICE);
    assert_eq!(started[0]["attributes"]["tier"], "gold");
    let calls = chats.cloud().control(Method::GET, "connect/calls", None).await?;
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(1), "{calls}");
    chats.await_state(VOICE, "ended").await?;
    // Which links agents' answers have revoked: of a call, of the call that another was transferred from, of a batch.
    let scan = json!({ "TableName": chats.stack().output("LinkTable")? });
    let scanned = chats.cloud().aws_json("dynamodb", "DynamoDB_20120810.Scan", &scan).await?;
    let items = scanned["Items"].as_array().ok_or("no items")?;
    let revoked = items.iter().filter(|item| item["revoked"]["BOOL"] == true);
    let mut revoked: Vec<_> = revoked.filter_map(|item| item["contact_id"]["S"].as_str()).collect();
    revoked.sort_unstable();
    let expected = ["7000", "7001", "7003"].map(|end| format!("4a573372-1f28-4e26-b97b-9f6a1c0b{end}"));
    assert_eq!(revoked, expected);
    Ok(())
}
