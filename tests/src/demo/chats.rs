//! The fourth scene: a caller who waits in a queue of Amazon Connect comes to a chat in a browser.

use std::time::Instant;

use http::Method;
use serde_json::{Value, json};

use super::text::{at, bold, paragraph};
use crate::Chats;
use crate::browser::{Browser, PHONE};
use crate::chats::link;

const QUESTION: &str = "Where is my order?";

/// Runs it all; what did not come out as expected.
///
/// # Errors
///
/// What kept it from running.
pub async fn run() -> Result<Vec<String>, String> {
    let start = Instant::now();
    println!("Starting a local cloud and deploying infra/voice-to-chat.yaml …");
    let chats = Chats::start().await?;
    println!("Deployed after {:.1} s.", start.elapsed().as_secs_f32());
    let mut different = Vec::new();

    println!("\n{}", bold("A caller waits in a queue of Amazon Connect, whose flow invokes the function"));
    let contact = chats.caller().await?;
    let event = chats.event(&contact);
    let answer = chats.issue(&event).await?;
    for key in ["status", "channels", "expiresInMinutes", "message"] {
        println!("  {key:<17} {}", at(&answer, &format!("/{key}")));
    }
    if at(&answer, "/status") != "sent" {
        different.push(format!("the flow is answered `{answer}`, expected `sent`"));
    }
    // Amazon Connect invokes the function again if the answer does not reach it.
    if chats.issue(&event).await? != answer {
        different.push("the same event is answered otherwise".to_owned());
    }
    let messages = chats.messages().await?;
    if messages.len() != 2 {
        different.push(format!("{} messages were sent, expected 2", messages.len()));
    }
    let sms = messages.iter().find(|message| at(message, "/channel") == "sms").ok_or("no SMS was sent")?;
    println!("\n{}", bold("The SMS"));
    paragraph("  ", at(sms, "/text"));
    let link = link(sms).ok_or("the SMS has no link")?;

    println!("\n{}", bold("The link, opened on a telephone: Chromium"));
    let browser = Browser::start(PHONE, "en-US").await?;
    browser.open(&link).await?;
    let started = chats.chats().await?.len();
    println!("  the page is open, {started} chats have started");
    browser.click("#start").await?;
    browser.shown("#log .message[data-from=agent]").await?;
    browser.fill("#composer", QUESTION).await?;
    browser.click("#send").await?;
    browser.says(&format!("I understood: “{QUESTION}”")).await?;
    let spoken = "return [...document.querySelectorAll('#log .message')]\
                  .map((m) => [m.dataset.from, m.querySelector('.text').textContent])";
    let log = browser.script(spoken, Vec::new()).await?;
    for message in log.as_array().into_iter().flatten() {
        paragraph(&format!("  {:<6} ", at(message, "/0")), at(message, "/1"));
    }
    chats.await_state(&contact, "ended").await?;
    println!("  the call has been ended, because an agent is in the chat");
    browser.close().await?;

    println!("\n{}", bold("The same link, once more"));
    let again = chats.redeem(&link, "another-page-another-nonce").await?;
    println!("  {} {}", again.status, again.text());
    let all = chats.chats().await?;
    if again.status != 410 || all.len() != 1 {
        different.push(format!("{} chats were started by one link, expected 1", all.len()));
    }

    println!("\n{}", bold("Another caller comes too late, and is called back"));
    let (late, link) = chats.caller_with_link().await?;
    chats.expire(&link).await?;
    let browser = Browser::start(PHONE, "en-US").await?;
    browser.open(&link).await?;
    browser.click("#callback").await?;
    browser.shown("body[data-view=called]").await?;
    browser.close().await?;
    let calls = chats.cloud().control(Method::GET, "connect/calls", None).await?;
    let calls = calls.get("calls").and_then(Value::as_array).cloned().unwrap_or_default();
    for call in &calls {
        println!("  Amazon Connect calls {}", at(call, "/customer"));
    }
    if calls.len() != 1 || calls.iter().any(|call| call.get("relatedContactId") != Some(&json!(late))) {
        different.push(format!("{} calls were made, expected 1", calls.len()));
    }
    println!("\n{:.1} s", start.elapsed().as_secs_f32());
    Ok(different)
}
