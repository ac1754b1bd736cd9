//! Whatever goes wrong on the way to a chat: nothing is sent twice, no link becomes two chats, and the flow is told what
//! is known.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use eventide_testing::eventually;
use eventide_tests::Chats;
use eventide_tests::chats::{MAILBOX, PHONE};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const NONCE: &str = "nonce-of-the-first-page-0001";
/// For how long a flow waits at most, less a second.
const FLOW: Duration = Duration::from_secs(7);

/// A rule for the calls of an operation of a function, given as `service:Operation`.
fn rule(function: &str, call: &str, effect: &Value) -> Value {
    let (service, operation) = call.split_once(':').unwrap_or((call, ""));
    let mut matching = json!({ "caller": function, "service": service });
    if !operation.is_empty() {
        matching["operation"] = json!(operation);
    }
    json!({ "match": matching, "effect": effect })
}

fn times(mut rule: Value, times: u64) -> Value {
    rule["times"] = json!(times);
    rule
}

fn error(status: u16, code: &str) -> Value {
    json!({ "type": "error", "status": status, "code": code, "message": "not now" })
}

/// How many messages to a recipient were accepted.
async fn sent_to(chats: &Chats, recipient: &str) -> Result<usize, String> {
    let messages = chats.messages().await?;
    Ok(messages.iter().filter(|message| message["to"].to_string().contains(recipient)).count())
}

/// The flow's answer, as `status`, `channels`, `uncertain`, `failed` and `reason`.
fn told(answer: &Value) -> [&str; 5] {
    ["status", "channels", "uncertain", "failed", "reason"]
        .map(|name| answer[name].as_str().unwrap_or("none"))
}

/// Has the flow ask again until there is an answer.
async fn ask_again(chats: &Chats, event: &Value) -> Result<Value, String> {
    eventually("an answer", PATIENCE, || async { chats.issue(event).await.ok() }).await
}

/// A system whose recipients may be sent as many links as the template allows.
async fn start(parameters: &[(&str, &str)]) -> Result<Chats, String> {
    let all: Vec<_> = [("LinksPerRecipient", "100")].iter().chain(parameters).copied().collect();
    Chats::start_with(&all).await
}

#[tokio::test]
async fn a_provider_that_refuses_is_told_of_and_two_leave_nothing() -> Tested {
    let chats = start(&[]).await?;
    let (email, sms) = ("ses:SendEmail", "sms-voice:SendTextMessage");
    let issue = async |faults: &[(&str, Value)]| {
        chats.stack().forget().await?;
        for (call, effect) in faults {
            chats.stack().fault(&rule("link-issue", call, effect)).await?;
        }
        let event = chats.event(&chats.caller().await?);
        let answer = chats.issue(&event).await?;
        // A repeat sends nothing more, even if it could.
        chats.stack().forget().await?;
        assert_eq!(chats.issue(&event).await?, answer);
        Ok::<_, String>(answer)
    };
    let sent = async || Ok::<_, String>((sent_to(&chats, PHONE).await?, sent_to(&chats, MAILBOX).await?));

    let refused = error(400, "MessageRejected");
    let answer = issue(&[(email, refused.clone())]).await?;
    assert_eq!(told(&answer), ["partly_sent", "sms", "", "email", "MessageRejected"]);
    assert_eq!(sent().await?, (1, 0));

    let answer = issue(&[(email, refused), (sms, json!({ "type": "throttle" }))]).await?;
    assert_eq!(told(&answer)[..4], ["failed", "", "", "sms,email"], "{answer}");
    assert_eq!((&answer["expiresAt"], &answer["expiresInMinutes"]), (&json!(""), &json!("")));
    assert!(answer["message"].as_str().is_some_and(|message| message.len() > 20), "{answer}");
    assert_eq!(sent().await?, (1, 0));

    // A server error and a lost answer say nothing of the message.
    let answer = issue(&[(sms, error(500, "InternalServerException"))]).await?;
    assert_eq!(told(&answer), ["partly_sent", "email", "sms", "", "InternalServerException"]);
    assert_eq!(sent().await?, (1, 1));
    let lost = json!({ "type": "lost_response" });
    let answer = issue(&[(sms, lost.clone()), (email, lost)]).await?;
    assert_eq!(told(&answer)[..4], ["partly_sent", "", "sms,email", ""], "{answer}");
    assert_eq!(sent().await?, (2, 2));
    Ok(())
}

#[tokio::test]
async fn a_slow_provider_is_cut_off_inside_the_flow_s_time() -> Tested {
    let chats = start(&[("ProviderSeconds", "1")]).await?;
    let slow = json!({ "type": "latency", "ms": 9_000 });
    for calls in [&["ses:SendEmail"][..], &["ses:SendEmail", "sms-voice:SendTextMessage"]] {
        chats.stack().forget().await?;
        for call in calls {
            chats.stack().fault(&rule("link-issue", call, &slow)).await?;
        }
        let event = chats.event(&chats.caller().await?);
        let begun = Instant::now();
        let answer = chats.issue(&event).await?;
        assert!(begun.elapsed() < FLOW, "{:?}", begun.elapsed());
        let expected = if calls.len() == 1 {
            ["partly_sent", "sms", "email", "", "timed_out"]
        } else {
            ["partly_sent", "", "sms,email", "", "timed_out,timed_out"]
        };
        assert_eq!(told(&answer), expected, "{answer}");
        assert!(!answer["expiresAt"].as_str().unwrap_or_default().is_empty(), "it may open: {answer}");
        for _ in 0..2 {
            assert_eq!(chats.issue(&event).await?, answer);
        }
        let faults = chats.cloud().control(Method::GET, "faults", None).await?;
        for rule in faults["rules"].as_array().into_iter().flatten() {
            assert_eq!(rule["applied"], 1, "it is not repeated: {rule}");
        }
    }
    // The longest that can be set.
    let chats = chats.redeploy(&[("ProviderSeconds", "6"), ("LinksPerRecipient", "100")]).await?;
    chats.stack().forget().await?;
    for call in ["ses:SendEmail", "sms-voice:SendTextMessage"] {
        chats.stack().fault(&rule("link-issue", call, &slow)).await?;
    }
    let begun = Instant::now();
    let answer = chats.issue(&chats.event(&chats.caller().await?)).await?;
    assert!(begun.elapsed() < FLOW, "{:?}", begun.elapsed());
    assert_eq!(told(&answer)[..4], ["partly_sent", "", "sms,email", ""], "{answer}");
    Ok(())
}

#[tokio::test]
async fn who_has_opted_out_gets_no_sms() -> Tested {
    let chats = start(&[]).await?;
    let stop = json!({ "from": PHONE, "body": "STOP" });
    chats.cloud().control(Method::POST, "sms/inbound", Some(&stop)).await?;
    let event = chats.event(&chats.caller().await?);
    let answer = chats.issue(&event).await?;
    assert_eq!(told(&answer), ["partly_sent", "email", "", "sms", "opted_out"]);
    let mut only_sms = chats.event(&chats.caller().await?);
    only_sms["Details"]["Parameters"]["consent"] = json!("sms");
    assert_eq!(told(&chats.issue(&only_sms).await?), ["failed", "", "", "sms", "opted_out"]);
    assert_eq!(sent_to(&chats, PHONE).await?, 0);
    Ok(())
}

/// Leaves the contact this endpoint and no attributes.
fn reach_by(event: &mut Value, endpoint: Value) {
    event["Details"]["ContactData"]["CustomerEndpoint"] = endpoint;
    event["Details"]["ContactData"]["Attributes"] = json!({});
}

#[tokio::test]
async fn without_consent_or_an_address_nothing_is_sent_and_the_flow_knows_why() -> Tested {
    let chats = start(&[]).await?;
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 9] = [
        ("no word", |event| event["Details"]["Parameters"]["consent"] = Value::Null, "no_consent"),
        ("an empty word", |event| event["Details"]["Parameters"]["consent"] = json!(""), "no_consent"),
        ("a no", |event| event["Details"]["Parameters"]["consent"] = json!("no"), "no_consent"),
        ("a doubt", |event| event["Details"]["Parameters"]["consent"] = json!("sms,perhaps"), "no_consent"),
        ("no parameters", |event| event["Details"]["Parameters"] = Value::Null, "no_consent"),
        ("no endpoint", |event| reach_by(event, Value::Null), "no_address"),
        (
            "WebRTC",
            |event| {
                reach_by(event, json!({ "Address": "sip:ann", "Type": "VOIP" }));
                event["Details"]["ContactData"]["InitiationMethod"] = json!("WEBRTC_API");
            },
            "no_address",
        ),
        (
            "a withheld number",
            |event| reach_by(event, json!({ "Address": "anonymous", "Type": "TELEPHONE_NUMBER" })),
            "no_address",
        ),
        (
            "only null",
            |event| {
                for (name, value) in event["Details"]["ContactData"].as_object_mut().into_iter().flatten() {
                    if name != "ContactId" {
                        *value = Value::Null;
                    }
                }
            },
            "no_address",
        ),
    ];
    for (what, change, reason) in cases {
        let mut event = chats.event(&chats.caller().await?);
        change(&mut event);
        let answer = chats.issue(&event).await.map_err(|error| format!("{what}: {error}"))?;
        assert_eq!(told(&answer), ["no_destination", "", "", "", reason], "{what}");
    }
    assert_eq!(chats.messages().await?.len(), 0);
    // Without anybody's asking, where the template says so; and never against their word.
    let chats = chats.redeploy(&[("Consent", "given"), ("LinksPerRecipient", "100")]).await?;
    let mut event = chats.event(&chats.caller().await?);
    event["Details"]["Parameters"] = json!({});
    assert_eq!(told(&chats.issue(&event).await?)[..2], ["sent", "sms,email"]);
    let mut event = chats.event(&chats.caller().await?);
    event["Details"]["Parameters"]["consent"] = json!("no");
    assert_eq!(told(&chats.issue(&event).await?)[4], "no_consent");
    Ok(())
}

#[tokio::test]
async fn links_are_limited_by_contact_and_by_recipient() -> Tested {
    let chats = Chats::start_with(&[("LinksPerContact", "2"), ("LinksPerRecipient", "4")]).await?;
    let mut event = chats.event(&chats.caller().await?);
    let mut asked = async |request: &str| {
        event["Details"]["Parameters"]["request"] = json!(request);
        chats.issue(&event).await
    };
    for request in ["", "2", "2", ""] {
        assert_eq!(told(&asked(request).await?)[0], "sent", "`{request}`");
    }
    for _ in 0..2 {
        assert_eq!(told(&asked("3").await?), ["limited", "", "", "", "contact"]);
    }
    assert_eq!(sent_to(&chats, PHONE).await?, 2);
    // Other callers with the same telephone, two of whom have mailboxes of their own.
    for name in ["bob", "cid"] {
        let mut event = chats.event(&chats.caller().await?);
        event["Details"]["ContactData"]["Attributes"]["email"] = json!(format!("{name}@customer.test"));
        assert_eq!(told(&chats.issue(&event).await?)[0], "sent", "{name}");
    }
    let event = chats.event(&chats.caller().await?);
    let answer = chats.issue(&event).await?;
    assert_eq!(told(&answer), ["partly_sent", "email", "", "sms", "limited"], "the mailbox has had two");
    let mut by_sms = chats.event(&chats.caller().await?);
    by_sms["Details"]["Parameters"]["consent"] = json!("sms");
    assert_eq!(told(&chats.issue(&by_sms).await?), ["limited", "", "", "", "recipient"]);
    assert_eq!((sent_to(&chats, PHONE).await?, sent_to(&chats, MAILBOX).await?), (4, 3));
    Ok(())
}

#[tokio::test]
async fn a_table_that_throttles_delays_and_doubles_nothing() -> Tested {
    let chats = start(&[]).await?;
    let throttle = json!({ "type": "throttle" });
    // Now and then: the SDK asks again.
    for skip in [1, 5, 9] {
        let mut now_and_then = times(rule("link-issue", "dynamodb:", &throttle), 1);
        now_and_then["skip"] = json!(skip);
        chats.stack().fault(&now_and_then).await?;
    }
    let event = chats.event(&chats.caller().await?);
    assert_eq!(told(&chats.issue(&event).await?)[..2], ["sent", "sms,email"]);
    // For longer, from wherever it is: Connect asks again.
    for skip in [0, 3, 7, 11] {
        let before = sent_to(&chats, PHONE).await?;
        chats.stack().forget().await?;
        let mut lasting = rule("link-issue", "dynamodb:", &throttle);
        lasting["skip"] = json!(skip);
        chats.stack().fault(&lasting).await?;
        let event = chats.event(&chats.caller().await?);
        let first = chats.issue(&event).await;
        chats.stack().forget().await?;
        let answer = ask_again(&chats, &event).await?;
        let [status, _, uncertain, failed, _] = told(&answer);
        assert!(failed.is_empty() && ["sent", "partly_sent"].contains(&status), "{skip}: {answer}");
        assert!(skip > 3 || (first.is_err() && uncertain.is_empty()), "{skip}: {first:?}, {answer}");
        let sent = sent_to(&chats, PHONE).await? - before;
        assert!(sent <= 1 && (sent == 1 || uncertain.contains("sms")), "{skip}: {sent}, {answer}");
        assert_eq!(chats.issue(&event).await?, answer, "{skip}");
    }
    // The page, too, is told to come again, and comes to one chat.
    let (_, link) = chats.caller_with_link().await?;
    for skip in [0, 1, 2, 3] {
        chats.stack().forget().await?;
        let mut lasting = rule("link-redeem", "dynamodb:", &throttle);
        lasting["skip"] = json!(skip);
        chats.stack().fault(&lasting).await?;
        let answer = chats.redeem(&link, NONCE).await?;
        assert_eq!(answer.status, 503, "{skip}: {}", answer.text());
        assert!(answer.header("retry-after").is_some(), "{skip}");
    }
    chats.stack().forget().await?;
    assert_eq!(chats.redeem(&link, NONCE).await?.status, 200);
    assert_eq!(chats.chats().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_call_ends_once_an_agent_has_joined_whatever_is_repeated_or_throttled() -> Tested {
    let chats = start(&[]).await?;
    chats.stack().comes_back_after("FollowQueueUrl", 2).await?;
    let twice = json!({ "match": { "caller": "events.amazonaws.com" }, "effect": { "type": "duplicate" } });
    chats.stack().fault(&twice).await?;
    for call in ["connect:StopContact", "connect:DescribeContact", "dynamodb:GetItem"] {
        // More than the SDK's own attempts of one invocation.
        let throttled = times(rule("link-follow", call, &json!({ "type": "throttle" })), 4);
        chats.stack().fault(&throttled).await?;
    }
    let (voice, link) = chats.caller_with_link().await?;
    assert_eq!(chats.redeem(&link, NONCE).await?.status, 200);
    let chat = chats.chats().await?[0]["id"].as_str().unwrap_or_default().to_owned();
    chats.cloud().control(Method::POST, &format!("connect/contacts/{chat}/agent"), None).await?;
    chats.await_state(&voice, "ended").await?;
    let is_empty = || async { (chats.stack().depth("FollowQueueUrl").await.ok()? == 0).then_some(()) };
    eventually("an empty queue", PATIENCE, is_empty).await?;
    // What is no event. Not among the others: they keep an invocation for longer than messages of this test stay away.
    chats.stack().send_message("FollowQueueUrl", "{\"source\": \"aws.connect\"").await?;
    let failed = eventually("what cannot be done", PATIENCE, || async {
        let failed = chats.stack().messages("FailedQueueUrl").await.ok()?;
        (!failed.is_empty()).then_some(failed)
    });
    let failed = failed.await?;
    let kind = |message: &Value| message["MessageAttributes"]["error_type"]["StringValue"].clone();
    assert_eq!(failed.iter().map(kind).collect::<Vec<_>>(), [json!("Permanent.InvalidEvent")], "{failed:?}");
    eventually("an empty queue", PATIENCE, is_empty).await?;
    assert_eq!(chats.stack().depth("FailedQueueUrl").await?, 1, "nothing but that");
    let faults = chats.cloud().control(Method::GET, "faults", None).await?;
    for rule in faults["rules"].as_array().into_iter().flatten() {
        assert!(rule["applied"].as_u64() > Some(0), "{rule}");
    }
    // The chat goes on.
    let state =
        chats.contacts().await?.iter().find(|one| one["id"] == json!(chat)).map(|one| one["state"].clone());
    assert_eq!(state, Some(json!("agent")));
    Ok(())
}

#[tokio::test]
async fn when_the_call_ends_is_chosen() -> Tested {
    for (choice, ends_at_start) in [("chat_started", true), ("never", false)] {
        let chats = start(&[("StopVoice", choice)]).await?;
        let (voice, link) = chats.caller_with_link().await?;
        // The chat has begun before it is written down whose it is.
        let slow = json!({ "type": "latency", "ms": 2_000 });
        chats.stack().fault(&rule("link-redeem", "dynamodb:PutItem", &slow)).await?;
        assert_eq!(chats.redeem(&link, NONCE).await?.status, 200);
        if ends_at_start {
            chats.await_state(&voice, "ended").await?;
            continue;
        }
        let chat = chats.chats().await?[0]["id"].as_str().unwrap_or_default().to_owned();
        chats.cloud().control(Method::POST, &format!("connect/contacts/{chat}/agent"), None).await?;
        // Somebody else's link is revoked, so that events have come through.
        let (other, _) = chats.caller_with_link().await?;
        chats.cloud().control(Method::POST, &format!("connect/contacts/{other}/agent"), None).await?;
        eventually("the other link's end", PATIENCE, || async {
            let calls = chats.stack().calls("link-follow").await.ok()?;
            let depth = chats.stack().depth("FollowQueueUrl").await.ok()?;
            (depth == 0 && calls.iter().any(|call| call.ends_with(":UpdateItem"))).then_some(())
        })
        .await?;
        chats.await_state(&voice, "queued").await?;
        let calls = chats.stack().calls("link-follow").await?;
        assert!(!calls.iter().any(|call| call == "connect:StopContact"), "{calls:?}");
    }
    Ok(())
}
