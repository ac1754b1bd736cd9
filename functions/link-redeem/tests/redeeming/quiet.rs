//! Logs, metrics and `Debug` tell nobody anything that opens a chat or says who somebody is.

use std::io;
use std::sync::{Arc, Mutex};

use eventide_clients::connect::Operation as Call;
use eventide_clients::links::Operation;
use eventide_kit::Error;
use eventide_kit::clock::Clock as _;
use eventide_links::http::Event;
use serde_json::json;
use tracing::Level;

use crate::support::{ORIGIN_SECRET, OTHER_PAGE, PAGE, TOKEN_SECRET, World, context, event, post};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_is_told_whatever_happens() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);

    let mut world = World::new();
    world.settings.redeems_per_minute = 100;
    let token = world.some_link().await;
    let retryable = || Error::retryable("TimedOut", "`connect:StartChatContact` failed");
    world.connect.fail_next(Call::StartChat, Error::retryable("Throttled", "throttled"));
    world.links.fail_next(Operation::Release, retryable());
    world.redeem(&token, PAGE).await;
    world.connect.fail_next(Call::StartChat, Error::permanent("InvalidRequest", "invalid"));
    world.redeem(&token, PAGE).await;
    world.connect.lose_next(Call::StartChat, retryable());
    world.redeem(&token, PAGE).await;
    world.links.fail_next(Operation::Complete, retryable());
    world.redeem(&token, PAGE).await;
    assert_eq!(world.redeem(&token, PAGE).await.status, 200);
    world.redeem(&token, PAGE).await;
    world.redeem(&token, OTHER_PAGE).await;
    for name in
        ["malformed-body", "malformed-token", "oversized-body", "wrong-origin", "not-through-cloudfront"]
    {
        world.invoke(&event(name)).await.unwrap();
    }
    let mut nobody = post(token.as_str(), PAGE);
    nobody["headers"]["cloudfront-viewer-address"] = json!("203.0.113.24:port");
    world.invoke(&nobody).await.unwrap();
    world.settings.redeems_per_minute = 1;
    world.redeem(&token, PAGE).await;

    let debug: Event = serde_json::from_value(post(token.as_str(), PAGE)).unwrap();
    let mut told = format!("{debug:?} {:?} {world:?}", debug.ask(None));
    told.extend(world.metrics.take_lines(world.clock.now()));
    let logs = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for line in ["link redeemed", "link not redeemed", "the claim on the link was not given up"] {
        assert!(logs.contains(line), "{line}: {logs}");
    }
    told.push_str(&logs);
    let chat = world.chat().chat;
    let context = context();
    for secret in [
        token.as_str(),
        PAGE,
        OTHER_PAGE,
        "203.0.113.24",
        &chat.participant_token,
        &chat.participant_id,
        ORIGIN_SECRET,
        TOKEN_SECRET,
        &context.display_name.unwrap(),
        &context.phone.unwrap(),
        "A-17",
        "Estaba esperando",
    ] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}
