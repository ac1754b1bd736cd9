//! Functions that are killed after each of their calls, one after the other: no message is sent twice, no link becomes
//! two chats, and whoever asks again gets one answer.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use eventide_testing::eventually;
use eventide_tests::Chats;
use eventide_tests::chats::{link, token};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// More calls than any of the functions makes.
const MOST_CALLS: usize = 40;
const NONCE: &str = "nonce-of-the-first-page-0001";
const OTHER: &str = "nonce-of-another-page-000002";

async fn start() -> Result<Chats, String> {
    let limits = [("LinksPerRecipient", "100"), ("RedeemsPerMinute", "10000")];
    let chats = Chats::start_with(&limits).await?;
    chats.cloud().control(Method::POST, "connect/settings", Some(&json!({ "rates": false }))).await?;
    Ok(chats)
}

/// Whether the kill that was asked for took place. No later call meets it.
async fn was_killed(chats: &Chats) -> Result<bool, String> {
    let faults = chats.cloud().control(Method::GET, "faults", None).await?;
    chats.stack().forget().await?;
    let mut rules = faults["rules"].as_array().into_iter().flatten();
    Ok(rules.any(|rule| rule["applied"].as_u64() > Some(0)))
}

/// Kills link-issue after every so-many-th of its calls, from this one on, until it comes through without a kill.
async fn kill_issuers(from: usize, step: usize) -> Tested {
    let chats = start().await?;
    for index in (from..MOST_CALLS).step_by(step) {
        let event = chats.event(&chats.caller().await?);
        let before = chats.messages().await?.len();
        chats.stack().forget().await?;
        chats.stack().kill_after("link-issue", index).await?;
        let first = chats.issue(&event).await;
        let is_killed = was_killed(&chats).await?;
        assert_eq!(first.is_err(), is_killed, "{index}: {first:?}");
        // As Connect does, with the same event. Until the dead one's time is up, nobody takes over.
        let answer = eventually("an answer", PATIENCE, || async { chats.issue(&event).await.ok() }).await?;
        for _ in 0..2 {
            assert_eq!(chats.issue(&event).await?, answer, "{index}");
        }
        let sent = chats.messages().await?.split_off(before);
        let tokens: BTreeSet<String> =
            sent.iter().filter_map(|message| token(&link(message)?).map(str::to_owned)).collect();
        assert!(tokens.len() <= 1, "{index}: one link");
        let says = |member: &str, channel: &str| {
            answer[member].as_str().unwrap_or_default().split(',').any(|one| one == channel)
        };
        for channel in ["sms", "email"] {
            let count = sent.iter().filter(|message| message["channel"] == channel).count();
            assert!(count <= 1, "{index}: {channel} is sent twice");
            assert!(says("channels", channel) != says("uncertain", channel), "{index}: {answer}");
            assert!(!says("channels", channel) || count == 1, "{index}: {answer}");
        }
        let is_sent = answer["uncertain"] == "";
        assert_eq!(answer["status"], if is_sent { "sent" } else { "partly_sent" }, "{index}: {answer}");
        assert_eq!(answer["failed"], "", "{index}: {answer}");
        if let Some(message) = sent.first() {
            let link = link(message).ok_or("no link")?;
            assert_eq!(chats.redeem(&link, NONCE).await?.status, 200, "{index}: it opens");
        }
        if !is_killed {
            assert!(index > from && is_sent, "{index}: {answer}");
            return Ok(());
        }
    }
    Err(format!("link-issue makes more than {MOST_CALLS} calls"))
}

#[tokio::test]
async fn a_killed_issuer_sends_nothing_twice() -> Tested {
    kill_issuers(0, 3).await
}

#[tokio::test]
async fn an_issuer_killed_in_between_sends_nothing_twice() -> Tested {
    kill_issuers(1, 3).await
}

#[tokio::test]
async fn an_issuer_killed_elsewhere_sends_nothing_twice() -> Tested {
    kill_issuers(2, 3).await
}

#[tokio::test]
async fn a_page_whose_redeemer_is_killed_asks_again_and_gets_the_one_chat() -> Tested {
    let chats = start().await?;
    for index in 0..MOST_CALLS {
        let (voice, link) = chats.caller_with_link().await?;
        chats.stack().forget().await?;
        chats.stack().kill_after("link-redeem", index).await?;
        let first = chats.redeem(&link, NONCE).await?;
        let is_killed = was_killed(&chats).await?;
        assert_eq!(first.status, if is_killed { 500 } else { 200 }, "{index}: {}", first.text());
        let again = chats.redeem(&link, NONCE).await?;
        assert_eq!(again.status, 200, "{index}: {}", again.text());
        assert_eq!(chats.redeem(&link, NONCE).await?.body, again.body, "{index}");
        assert_eq!(chats.redeem(&link, OTHER).await?.status, 410, "{index}");
        let answer: Value = serde_json::from_slice(&again.body).unwrap_or_default();
        let all = chats.chats().await?;
        let own: Vec<_> = all.iter().filter(|chat| chat["relatedContactId"] == voice.as_str()).collect();
        assert_eq!(own.len(), 1, "{index}: {own:?}");
        assert_eq!(own[0]["id"], answer["contactId"], "{index}");
        if !is_killed {
            assert!(index >= 5, "{index}");
            return Ok(());
        }
    }
    Err(format!("link-redeem makes more than {MOST_CALLS} calls"))
}

#[tokio::test]
async fn a_killed_follower_ends_the_call_after_all() -> Tested {
    let chats = start().await?;
    chats.stack().comes_back_after("FollowQueueUrl", 2).await?;
    for index in 0..MOST_CALLS {
        let (voice, link) = chats.caller_with_link().await?;
        let redeemed = chats.redeem(&link, NONCE).await?;
        let answer: Value = serde_json::from_slice(&redeemed.body).unwrap_or_default();
        let chat = answer["contactId"].as_str().ok_or("no chat")?;
        chats.stack().forget().await?;
        chats.stack().kill_after("link-follow", index).await?;
        chats.cloud().control(Method::POST, &format!("connect/contacts/{chat}/agent"), None).await?;
        chats.await_state(&voice, "ended").await.map_err(|error| format!("{index}: {error}"))?;
        eventually("an empty queue", PATIENCE, || async {
            (chats.stack().depth("FollowQueueUrl").await.ok()? == 0).then_some(())
        })
        .await?;
        assert_eq!(chats.stack().depth("FailedQueueUrl").await?, 0, "{index}");
        if !was_killed(&chats).await? {
            assert!(index > 2, "{index}");
            return Ok(());
        }
    }
    Err(format!("link-follow makes more than {MOST_CALLS} calls"))
}
