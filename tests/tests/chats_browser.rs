//! The whole way in a real browser: a caller's event in, the link out of the SMS, the page, the chat.

use eventide_testing::{eventually, repository};
use eventide_tests::Chats;
use eventide_tests::browser::{Browser, PATIENCE, PHONE, WIDE};
use eventide_tests::chats::NAME;
use fantoccini::key::Key;
use serde_json::json;

type Tested = Result<(), String>;

fn axe() -> Result<String, String> {
    let file = repository().join("infra/widget/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file).map_err(|error| format!("`{}`: {error}", file.display()))
}

/// Fails if anything on the page keeps somebody from using it. With `EVENTIDE_PICTURES`, a folder, there is a picture of it.
async fn accessible(browser: &Browser, axe: &str, what: &str) -> Tested {
    if let Some(folder) = std::env::var_os("EVENTIDE_PICTURES") {
        let thread = std::thread::current();
        let name = format!("{} {what}.png", thread.name().unwrap_or_default());
        browser.picture(&std::path::Path::new(&folder).join(name)).await?;
    }
    let violations = browser.accessibility(axe).await?;
    if violations.is_empty() { Ok(()) } else { Err(format!("{what}: {}", violations.join("; "))) }
}

/// Waits until the log has a message with this text, exactly so often.
async fn logged(browser: &Browser, text: &str, times: usize) -> Tested {
    let count = "return [...document.querySelectorAll('#log .message .text')]\
                 .filter((e) => e.textContent.includes(arguments[0])).length";
    eventually(&format!("{times} times `{text}` in the log"), PATIENCE, || async {
        let found = browser.script(count, vec![json!(text)]).await.ok()?;
        (found == json!(times)).then_some(())
    })
    .await
}

#[tokio::test]
async fn a_caller_comes_from_the_queue_to_an_agent() -> Tested {
    let axe = axe()?;
    let chats = Chats::start().await?;
    let (contact, link) = chats.caller_with_link().await?;
    let browser = Browser::start(WIDE, "en-US").await?;

    browser.open(&link).await?;
    browser.shown("#start").await?;
    accessible(&browser, &axe, "the landing page").await?;
    assert_eq!(chats.chats().await?.len(), 0, "opening the page starts nothing");
    browser.reload().await?;
    browser.click("#start").await?;

    browser.says("How can I help you").await?;
    let url = browser.url().await?;
    assert_eq!(url, format!("{}/chat", chats.cloud().edge()), "the link is no longer in the address bar");
    accessible(&browser, &axe, "the chat").await?;
    let chat = chats.chats().await?.pop().ok_or("no chat")?;
    assert_eq!(chat["relatedContactId"], json!(contact));
    assert_eq!(chat["chat"]["displayName"], json!(NAME), "{chat}");
    assert_eq!(chat["attributes"]["orderNumber"], json!("A-17"));
    assert_eq!(chat["attributes"].get("internalScore"), None, "only what is allowed comes along");
    // An agent has joined, so nobody waits on the telephone any more.
    chats.await_state(&contact, "ended").await?;

    browser.fill("#composer", "Where is <b>my</b> order?").await?;
    browser.click("#send").await?;
    browser.says("I understood: “Where is <b>my</b> order?”").await?;

    // The chat goes on where it was.
    browser.reload().await?;
    browser.says("I understood: “Where is <b>my</b> order?”").await?;
    logged(&browser, "How can I help you", 1).await?;
    // What the customer wrote, and the agent's answer.
    logged(&browser, "Where is <b>my</b> order?", 2).await?;
    browser.fill("#composer", "Thank you").await?;
    browser.click("#send").await?;
    browser.says("I understood: “Thank you”").await?;

    browser.fill("#composer", "bye").await?;
    browser.click("#send").await?;
    let ended = chat["id"].as_str().ok_or("no id")?;
    chats.await_state(ended, "ended").await?;
    eventually("the end of the chat on the page", PATIENCE, || async {
        let state = browser
            .script("return document.querySelector('#composer')?.checkVisibility() ?? false", Vec::new());
        (state.await.ok()? == json!(false)).then_some(())
    })
    .await?;
    accessible(&browser, &axe, "the end").await?;

    // The link is used.
    browser.open(&link).await?;
    browser.click("#start").await?;
    browser.shown("body[data-view=unavailable]").await?;
    accessible(&browser, &axe, "a used link").await?;
    assert_eq!(chats.chats().await?.len(), 1);
    browser.close().await
}

#[tokio::test]
async fn it_works_by_keyboard_alone_in_spanish_on_a_telephone() -> Tested {
    let axe = axe()?;
    let chats = Chats::start().await?;
    let contact = chats.caller().await?;
    let mut event = chats.event(&contact);
    event["Details"]["ContactData"]["LanguageCode"] = json!("es-MX");
    let answer = chats.issue(&event).await?;
    assert_eq!(answer["language"], json!("es"));
    let messages = chats.messages().await?;
    let sms = messages.iter().find(|message| message["channel"] == "sms").ok_or("no SMS")?;
    let link = eventide_tests::chats::link(sms).ok_or("no link")?;
    let browser = Browser::start(PHONE, "es").await?;

    browser.open(&link).await?;
    accessible(&browser, &axe, "the landing page").await?;
    assert_eq!(browser.script("return document.documentElement.lang", Vec::new()).await?, json!("es"));
    browser.tab_to("#start").await?;
    browser.press(Key::Enter).await?;
    browser.shown("#log .message[data-from=agent]").await?;
    accessible(&browser, &axe, "the chat").await?;
    let wide = "return document.documentElement.scrollWidth <= window.innerWidth";
    assert_eq!(browser.script(wide, Vec::new()).await?, json!(true), "nothing is cut off");
    browser.tab_to("#composer").await?;
    browser.type_at_focus("¿Dónde está mi pedido?").await?;
    browser.press(Key::Enter).await?;
    browser.says("¿Dónde está mi pedido?").await?;
    logged(&browser, "¿Dónde está mi pedido?", 2).await?;
    browser.tab_to("#end").await?;
    browser.press(Key::Enter).await?;
    browser.shown("#end-confirm").await?;
    accessible(&browser, &axe, "the question whether to end").await?;
    browser.tab_to("#end-confirm").await?;
    browser.press(Key::Enter).await?;
    browser.shown("#chat[data-state=ended] #over").await?;
    let chat = chats.chats().await?.pop().ok_or("no chat")?;
    chats.await_state(chat["id"].as_str().ok_or("no id")?, "ended").await?;
    browser.close().await
}

#[tokio::test]
async fn who_comes_too_late_is_called_back() -> Tested {
    let axe = axe()?;
    let chats = Chats::start().await?;
    let (contact, link) = chats.caller_with_link().await?;
    let browser = Browser::start(PHONE, "de").await?;
    chats.expire(&link).await?;

    browser.open(&link).await?;
    browser.shown("#callback").await?;
    assert!(browser.url().await?.contains("/c?t="), "the address keeps what the callback needs");
    accessible(&browser, &axe, "an expired link").await?;
    browser.click("#callback").await?;
    browser.shown("body[data-view=called]").await?;
    accessible(&browser, &axe, "a callback").await?;
    let calls = eventually("the call", PATIENCE, || async {
        let calls = chats.cloud().control(http::Method::GET, "connect/calls", None).await.ok()?;
        calls["calls"].as_array().filter(|calls| !calls.is_empty()).cloned()
    })
    .await?;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["customer"], json!(eventide_tests::chats::PHONE));
    assert_eq!(calls[0]["relatedContactId"], json!(contact));
    browser.close().await
}

#[tokio::test]
async fn a_forged_link_opens_nothing_and_a_lost_connection_comes_back() -> Tested {
    let chats = Chats::start().await?;
    let (_, link) = chats.caller_with_link().await?;
    let browser = Browser::start(WIDE, "en-US").await?;
    let mut forged = link.clone();
    let token = eventide_tests::chats::token(&link).ok_or("no token")?;
    let other = if token.starts_with('A') { "B" } else { "A" };
    forged.replace_range(link.find(token).ok_or("no token")?..=link.find(token).ok_or("no token")?, other);
    browser.open(&forged).await?;
    browser.click("#callback").await?;
    browser.shown("body[data-view=unavailable]").await?;
    assert_eq!(chats.chats().await?.len(), 0);

    browser.open(&link).await?;
    browser.click("#start").await?;
    browser.says("How can I help you").await?;
    let chat = chats.chats().await?.pop().ok_or("no chat")?;
    let chat = chat["id"].as_str().ok_or("no id")?;
    browser.set_offline(true).await?;
    chats.cloud().control(http::Method::POST, &format!("connect/contacts/{chat}/cut"), None).await?;
    browser.shown("#chat[data-state=offline]").await?;
    let said = json!({ "text": "Are you still there?" });
    chats
        .cloud()
        .control(http::Method::POST, &format!("connect/contacts/{chat}/message"), Some(&said))
        .await?;
    browser.set_offline(false).await?;
    browser.says("Are you still there?").await?;
    browser.shown("#chat[data-state=connected]").await?;
    logged(&browser, "Are you still there?", 1).await?;
    browser.close().await
}
