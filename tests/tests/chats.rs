//! Voice to chat through its template: links, their redemption, and what becomes of the call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eventide_testing::eventually;
use eventide_tests::Chats;
use eventide_tests::chats::{MAILBOX, PHONE, link, token};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

type Tested = Result<(), String>;

const NONCE: &str = "nonce-of-the-first-page-0001";
const OTHER: &str = "nonce-of-another-page-000002";

fn body(answer: &eventide_testing::Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

#[tokio::test]
async fn a_link_is_sent_once_both_ways_whatever_amazon_connect_repeats() -> Tested {
    let chats = Chats::start().await?;
    let contact = chats.caller().await?;
    let event = chats.event(&contact);
    let answer = chats.issue(&event).await?;
    assert_eq!(answer["status"], json!("sent"), "{answer}");
    assert_eq!(answer["channels"], json!("sms,email"));
    assert!(answer.as_object().is_some_and(|keys| keys.values().all(Value::is_string)), "flat: {answer}");
    for _ in 0..3 {
        assert_eq!(chats.issue(&event).await?, answer);
    }
    let messages = chats.messages().await?;
    let to: Vec<String> = messages.iter().map(|message| message["to"].to_string()).collect();
    assert_eq!(messages.len(), 2, "{to:?}");
    assert!(to.iter().any(|to| to.contains(PHONE)) && to.iter().any(|to| to.contains(MAILBOX)), "{to:?}");
    let links: BTreeSet<String> = messages.iter().filter_map(link).collect();
    let tokens: BTreeSet<&str> = links.iter().filter_map(|link| token(link)).collect();
    assert_eq!(tokens.len(), 1, "one link for both");
    // The caller asks again: the same link, for longer.
    let mut again = event.clone();
    again["Details"]["Parameters"]["request"] = json!("2");
    let second = chats.issue(&again).await?;
    assert_eq!(second["status"], json!("sent"));
    let messages = chats.messages().await?;
    assert_eq!(messages.len(), 4);
    let newest = messages.last().and_then(link).ok_or("no link")?;
    assert!(token(&newest).is_some_and(|token| tokens.contains(token)));
    Ok(())
}

#[tokio::test]
async fn opening_a_link_consumes_nothing_and_its_first_click_starts_the_only_chat() -> Tested {
    let chats = Chats::start().await?;
    let (contact, link) = chats.caller_with_link().await?;
    for _ in 0..3 {
        let page = chats.get(&link).await?;
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
    }
    let first = chats.redeem(&link, NONCE).await?;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.header("cache-control"), Some("no-store"));
    // The answer was lost, and the page asks again.
    assert_eq!(body(&chats.redeem(&link, NONCE).await?), body(&first));
    let other = chats.redeem(&link, OTHER).await?;
    assert_eq!((other.status, body(&other)), (410, json!({ "error": "unavailable" })));
    let all = chats.chats().await?;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["id"], body(&first)["contactId"]);
    assert_eq!(all[0]["relatedContactId"], json!(contact));
    Ok(())
}

#[tokio::test]
async fn of_a_thousand_pages_one_gets_the_chat() -> Tested {
    let limits = [("RedeemsPerMinute", "10000"), ("RequestsPerSecond", "10000")];
    let chats = Arc::new(Chats::start_with(&limits).await?);
    chats.cloud().control(Method::POST, "connect/settings", Some(&json!({ "rates": false }))).await?;
    let (_, link) = chats.caller_with_link().await?;
    // As many at a time as two processors can carry; the functions' own tests ask a thousand times in one moment.
    let places = Arc::new(Semaphore::new(24));
    let mut asking = JoinSet::new();
    for page in 0..1000 {
        let (chats, link, places) = (Arc::clone(&chats), link.clone(), Arc::clone(&places));
        asking.spawn(async move {
            let _place = places.acquire().await.map_err(|closed| closed.to_string())?;
            chats.redeem(&link, &format!("nonce-of-one-of-many-{page:06}")).await
        });
    }
    let mut statuses = BTreeMap::<u16, usize>::new();
    while let Some(answer) = asking.join_next().await {
        *statuses.entry(answer.map_err(|error| error.to_string())??.status).or_default() += 1;
    }
    assert_eq!(statuses.get(&200), Some(&1), "{statuses:?}");
    assert_eq!(statuses.get(&410), Some(&999), "{statuses:?}");
    assert_eq!(chats.chats().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn if_amazon_connect_refuses_the_link_stays_good() -> Tested {
    let chats = Chats::start().await?;
    let (_, link) = chats.caller_with_link().await?;
    let rule = json!({
        "match": { "service": "connect", "operation": "StartChatContact" }, "times": 10,
        "effect": { "type": "error", "status": 429, "code": "LimitExceededException", "message": "too many chats" },
    });
    chats.stack().fault(&rule).await?;
    let refused = chats.redeem(&link, NONCE).await?;
    assert_eq!((refused.status, body(&refused)), (503, json!({ "error": "busy" })));
    assert!(refused.header("retry-after").is_some());
    chats.stack().forget().await?;
    // Another page, since nobody has got anything.
    assert_eq!(chats.redeem(&link, OTHER).await?.status, 200);
    assert_eq!(chats.chats().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_answer_of_amazon_connect_that_was_lost_makes_no_second_chat() -> Tested {
    let chats = Chats::start().await?;
    let (_, link) = chats.caller_with_link().await?;
    let rule = json!({
        "match": { "service": "connect", "operation": "StartChatContact" }, "times": 10,
        "effect": { "type": "lost_response" },
    });
    chats.stack().fault(&rule).await?;
    let lost = chats.redeem(&link, NONCE).await?;
    assert_eq!(lost.status, 503, "{}", lost.text());
    chats.stack().forget().await?;
    let again = chats.redeem(&link, NONCE).await?;
    assert_eq!(again.status, 200, "{}", again.text());
    let all = chats.chats().await?;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["id"], body(&again)["contactId"]);
    Ok(())
}

#[tokio::test]
async fn an_agent_who_takes_the_call_first_revokes_the_link_and_who_hangs_up_does_not() -> Tested {
    let chats = Chats::start().await?;
    let (taken, link_of_taken) = chats.caller_with_link().await?;
    let (hung_up, link_of_hung_up) = chats.caller_with_link().await?;
    let control = |contact: &str, action: &str| format!("connect/contacts/{contact}/{action}");
    chats
        .cloud()
        .control(Method::POST, &control(&hung_up, "end"), Some(&json!({ "by": "customer" })))
        .await?;
    chats.cloud().control(Method::POST, &control(&taken, "agent"), None).await?;
    eventually("the function to follow", PATIENCE, || async {
        let calls = chats.stack().calls("link-follow").await.ok()?;
        calls.iter().any(|call| call.ends_with(":UpdateItem")).then_some(())
    })
    .await?;
    eventually("an empty queue", PATIENCE, || async {
        (chats.stack().depth("FollowQueueUrl").await.ok()? == 0).then_some(())
    })
    .await?;
    let refused = chats.redeem(&link_of_taken, NONCE).await?;
    assert_eq!((refused.status, body(&refused)), (410, json!({ "error": "unavailable" })));
    assert_eq!(chats.redeem(&link_of_hung_up, NONCE).await?.status, 200);
    // A link that is asked for again says so.
    let mut again = chats.event(&taken);
    again["Details"]["Parameters"]["request"] = json!("2");
    let answer = chats.issue(&again).await?;
    assert_eq!(
        (&answer["status"], &answer["reason"]),
        (&json!("failed"), &json!("link_revoked")),
        "{answer}"
    );
    assert_eq!(chats.stack().depth("FailedQueueUrl").await?, 0);
    Ok(())
}

#[tokio::test]
async fn links_survive_a_change_of_keys() -> Tested {
    let mut chats = Chats::start().await?;
    let (_, old) = chats.caller_with_link().await?;
    let keys = chats.cloud().control(Method::POST, "edge/keys", Some(&json!({ "slot": "b" }))).await?;
    let public = keys["parameters"]["PublicKeyB"].as_str().ok_or("no key b")?.to_owned();
    chats = chats.redeploy(&[("PublicKeyB", &public)]).await?;
    assert_eq!(chats.get(&old).await?.status, 200, "the old key still holds");
    chats.cloud().control(Method::POST, "edge/keys", Some(&json!({ "current": "b" }))).await?;
    // As after five minutes: another process reads the secret anew.
    chats = chats.redeploy(&[("PublicKeyB", &public), ("LinkMinutes", "14")]).await?;
    let (_, new) = chats.caller_with_link().await?;
    let key = |link: &str| {
        link.split("Key-Pair-Id=").nth(1).map(|rest| rest.split('&').next().unwrap_or(rest).to_owned())
    };
    assert_ne!(key(&old), key(&new));
    for link in [&old, &new] {
        assert_eq!(chats.get(link).await?.status, 200);
    }
    // Without its public key, a key's links are worth nothing.
    chats = chats.redeploy(&[("PublicKeyA", ""), ("PublicKeyB", &public)]).await?;
    assert_eq!(chats.get(&old).await?.status, 403);
    assert_eq!(chats.get(&new).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_custom_policy_works_too() -> Tested {
    let chats = Chats::start_with(&[("Policy", "custom")]).await?;
    let (_, link) = chats.caller_with_link().await?;
    assert!(link.contains("&Policy="), "{}", link.len());
    assert_eq!(chats.get(&link).await?.status, 200);
    Ok(())
}
