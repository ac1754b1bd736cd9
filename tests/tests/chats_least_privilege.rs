//! Every call that a function of voice to chat makes is granted to its role, and every grant is needed: shown on the
//! deployed policies, for every way that a call, a link and a chat take.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use eventide_testing::{LocalCloud, eventually};
use eventide_tests::Chats;
use eventide_tests::chats::{INSTANCE, token};
use eventide_tests::policy::{Call, Deployed, Grant, asked, deployed, faults, granted};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// Each function with its outputs: itself, and the queue that Lambda polls for it.
const FUNCTIONS: [(&str, &str, Option<&str>); 4] = [
    ("link-issue", "IssueFunction", None),
    ("link-redeem", "RedeemFunction", None),
    ("link-callback", "CallbackFunction", None),
    ("link-follow", "FollowFunction", Some("FollowQueueUrl")),
];
const NONCE: &str = "nonce-of-the-first-page-0001";
const OTHER: &str = "nonce-of-another-page-000002";
/// What the functions may use, if it is named.
const OPTIONS: [(&str, &str); 3] = [
    ("ConfigurationSetName", "links"),
    ("SmsConfigurationSetName", "links"),
    ("SmsProtectConfigurationId", "protect-6a1f0c2e9b7d4835"),
];

/// The grants on more than one resource, as `(action, resource)`.
fn wide() -> Vec<(String, String)> {
    let here = |service: &str, resource: &str| format!("arn:aws:{service}:us-east-1:111122223333:{resource}");
    let mut wide = vec![
        // Which identity SES takes for the sender is its own choice; the condition says who the sender is.
        ("ses:SendEmail".to_owned(), here("ses", "identity/*")),
        // Contacts are not known before they begin.
        ("connect:*".to_owned(), format!("{INSTANCE}/contact/*")),
    ];
    for (function, ..) in FUNCTIONS {
        // The streams of one log group; Lambda chooses their names.
        let group = format!("log-group:/aws/lambda/eventide-voice-to-chat/{function}:*");
        wide.push(("logs:*".to_owned(), here("logs", &group)));
    }
    wide
}

async fn await_call(chats: &Chats, caller: &str, operation: &str) -> Tested {
    let path = format!("journal?caller={caller}&operation={operation}");
    eventually(&format!("{operation} of {caller}"), PATIENCE, || async {
        let journal = chats.cloud().control(Method::GET, &path, None).await.ok()?;
        (!journal["entries"].as_array()?.is_empty()).then_some(())
    })
    .await
}

/// An error of a service's, as often as it is asked, retries included.
async fn refuse(chats: &Chats, caller: &str, operation: &str, code: &str, piece: &str) -> Tested {
    let rule = json!({
        "match": { "caller": caller, "operation": operation, "body_contains": piece },
        "effect": { "type": "error", "status": 400, "code": code, "message": "no" },
    });
    chats.stack().fault(&rule).await
}

async fn end_of_faults(chats: &Chats) -> Tested {
    chats.cloud().control(Method::DELETE, "faults", None).await?;
    Ok(())
}

fn asks_again(mut event: Value, request: &str) -> Value {
    event["Details"]["Parameters"]["request"] = json!(request);
    event
}

/// Links that are sent both ways, repeated, asked for again, limited, in vain, and after a failure.
async fn issue_every_way(chats: &Chats) -> Tested {
    let event = chats.event(&chats.caller().await?);
    // The table fails while the limits are taken: the invocation gives up its record, so that the flow may ask again.
    refuse(chats, "link-issue", "UpdateItem", "AccessDeniedException", "limit#").await?;
    assert!(chats.issue(&event).await.is_err());
    end_of_faults(chats).await?;
    await_call(chats, "link-issue", "DeleteItem").await?;
    let first = chats.issue(&event).await?;
    assert_eq!(first["status"], "sent", "{first}");
    assert_eq!(chats.issue(&event).await?, first);
    assert_eq!(chats.issue(&asks_again(event.clone(), "2")).await?["status"], "sent");
    assert_eq!(chats.issue(&asks_again(event.clone(), "3")).await?["status"], "limited");
    // A provider that refuses, and one that may be asked again.
    for (operation, code) in [("SendEmail", "MessageRejected"), ("SendTextMessage", "ThrottlingException")] {
        refuse(chats, "link-issue", operation, code, "").await?;
        let event = chats.event(&chats.caller().await?);
        assert_eq!(chats.issue(&event).await?["status"], "partly_sent", "{operation}");
        end_of_faults(chats).await?;
        assert_ne!(chats.issue(&asks_again(event, "2")).await?["status"], "limited");
    }
    Ok(())
}

/// A chat that begins once, and ends the call when an agent has joined it.
async fn redeem_every_way(chats: &Chats) -> Tested {
    let (voice, link) = chats.caller_with_link().await?;
    refuse(chats, "link-redeem", "StartChatContact", "LimitExceededException", "").await?;
    assert_eq!(chats.redeem(&link, NONCE).await?.status, 503);
    end_of_faults(chats).await?;
    let first = chats.redeem(&link, NONCE).await?;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(chats.redeem(&link, NONCE).await?.status, 200);
    assert_eq!(chats.redeem(&link, OTHER).await?.status, 410);
    assert_eq!(chats.post("/api/redeem", &json!({ "token": "none", "nonce": NONCE })).await?.status, 400);
    // Whoever has opened it is told so when they ask again.
    let used = chats.issue(&asks_again(chats.event(&voice), "2")).await?;
    assert_eq!(used["reason"], "link_used", "{used}");

    let chat: Value = serde_json::from_slice(&first.body).map_err(|error| error.to_string())?;
    let chat = chat["contactId"].as_str().ok_or("no chat")?;
    for action in ["queue", "agent"] {
        chats.cloud().control(Method::POST, &format!("connect/contacts/{chat}/{action}"), None).await?;
    }
    chats.await_state(&voice, "ended").await?;
    await_call(chats, "link-follow", "StopContact").await
}

/// Links that expire, of which one is called back, and links that are revoked.
async fn end_every_way(chats: &Chats) -> Tested {
    let (_, link) = chats.caller_with_link().await?;
    let ask = json!({ "token": token(&link), "nonce": NONCE });
    assert_eq!(chats.post("/api/callback", &ask).await?.status, 409);
    chats.expire(&link).await?;
    assert_eq!(chats.redeem(&link, NONCE).await?.status, 410);
    refuse(chats, "link-callback", "StartOutboundVoiceContact", "LimitExceededException", "").await?;
    assert_eq!(chats.post("/api/callback", &ask).await?.status, 503);
    end_of_faults(chats).await?;
    for _ in 0..2 {
        assert_eq!(chats.post("/api/callback", &ask).await?.status, 202);
    }
    let calls = chats.cloud().control(Method::GET, "connect/calls", None).await?;
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(1), "{calls}");
    assert_eq!(chats.post("/api/callback", &json!({ "token": "none" })).await?.status, 400);

    let (voice, link) = chats.caller_with_link().await?;
    chats.cloud().control(Method::POST, &format!("connect/contacts/{voice}/agent"), None).await?;
    await_call(chats, "link-follow", "UpdateItem").await?;
    let revoked = chats.issue(&asks_again(chats.event(&voice), "2")).await?;
    assert_eq!(revoked["reason"], "link_revoked", "{revoked}");
    assert_eq!(chats.redeem(&link, NONCE).await?.status, 410);
    chats.stack().send_message("FollowQueueUrl", "no message").await?;
    await_call(chats, "link-follow", "SendMessageBatch").await
}

/// What AWS does in a function's name, which no journal shows.
async fn by_aws(chats: &Chats, log_group: &str, queue: Option<&str>) -> Result<BTreeSet<Call>, String> {
    // Lambda writes the function's log, and polls its queue.
    let stream = format!("arn:aws:logs:us-east-1:111122223333:log-group:{log_group}:log-stream:any");
    let mut calls =
        BTreeSet::from([Call::new("logs:CreateLogStream", &stream), Call::new("logs:PutLogEvents", &stream)]);
    let Some(queue) = queue else { return Ok(calls) };
    let name = chats.stack().output(queue)?.rsplit('/').next().unwrap_or_default();
    let polled = format!("arn:aws:sqs:us-east-1:111122223333:{name}");
    let polling = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
    calls.extend(polling.map(|action| Call::new(action, &polled)));
    // SQS uses the key of an encrypted queue for who sends to it or receives from it.
    let url = chats.stack().output("FailedQueueUrl")?;
    let body = json!({ "QueueUrl": url, "AttributeNames": ["KmsMasterKeyId"] });
    let answer = chats.cloud().aws_json("sqs", "AmazonSQS.GetQueueAttributes", &body).await?;
    let key = answer["Attributes"]["KmsMasterKeyId"].as_str().ok_or("the failed queue has no key")?;
    calls.extend(["kms:Decrypt", "kms:GenerateDataKey"].map(|action| Call::new(action, key)));
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
        Grant::new("connect:StartTaskContact", &format!("{INSTANCE}/contact/*")),
        Grant::new("ses:SendEmail", "*"),
        Grant::new("dynamodb:*", "*"),
    ] {
        let mut grants = grants.clone();
        grants.insert(more.clone());
        assert!(!faults(calls, &grants, wide).is_empty(), "{who} with {more:?}");
    }
}

/// The calls of every function that the journal has.
async fn journaled(chats: &Chats) -> Result<BTreeMap<String, BTreeSet<Call>>, String> {
    let journal = chats.cloud().control(Method::GET, "journal", None).await?;
    let mut calls: BTreeMap<String, BTreeSet<Call>> = BTreeMap::new();
    for entry in journal["entries"].as_array().into_iter().flatten() {
        let caller = entry["caller"].as_str().unwrap_or_default();
        if caller.starts_with("link-") {
            calls.entry(caller.to_owned()).or_default().extend(asked(entry)?);
        }
    }
    Ok(calls)
}

async fn all_fit(chats: &Chats) -> Tested {
    let mut calls = journaled(chats).await?;
    let wide = wide();
    let wide: Vec<_> = wide.iter().map(|(action, resource)| (action.as_str(), resource.as_str())).collect();
    for (function, output, queue) in FUNCTIONS {
        let Deployed { role, log_group } = deployed(chats.cloud(), chats.stack().output(output)?).await?;
        let mut made = calls.remove(function).ok_or_else(|| format!("{function} has called nothing"))?;
        made.extend(by_aws(chats, &log_group, queue).await?);
        fit(function, &made, &granted(chats.cloud(), &role, function).await?, &wide);
    }
    assert!(calls.is_empty(), "calls of a function that is not known: {calls:?}");
    Ok(())
}

#[tokio::test]
async fn every_call_is_granted_and_every_grant_is_needed() -> Tested {
    let cloud = LocalCloud::start_with(&["--journal-bodies"]).await?;
    let parameters = [("LinksPerContact", "2"), ("LinksPerRecipient", "100"), ("CallsPerMinute", "1000")];
    let chats = Chats::start_on(cloud, &parameters).await?;
    issue_every_way(&chats).await?;
    redeem_every_way(&chats).await?;
    end_every_way(&chats).await?;
    all_fit(&chats).await?;

    // What messages are sent with is granted if it is named, and then it is needed.
    let chats = chats.redeploy(&[&parameters[..], &OPTIONS].concat()).await?;
    chats.issue(&chats.event(&chats.caller().await?)).await?;
    all_fit(&chats).await
}
