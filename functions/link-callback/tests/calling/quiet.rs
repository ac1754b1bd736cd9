//! Logs, metrics and `Debug` tell nobody anything that makes a call or says who somebody is.

use std::io;
use std::sync::{Arc, Mutex};

use eventide_clients::connect::Operation as Call;
use eventide_clients::links::Operation;
use eventide_kit::Error;
use eventide_kit::clock::Clock as _;
use eventide_links::http::Event;
use serde_json::json;
use tracing::Level;

use crate::support::{ORIGIN_SECRET, PAGE, TOKEN_SECRET, World, context, event, post};

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
    world.settings.calls_per_minute = 100;
    let token = world.expired().await;
    world.connect.fail_next(Call::StartCall, Error::retryable("Throttled", "throttled"));
    world.ask(&token).await;
    world.connect.fail_next(Call::StartCall, Error::permanent("DestinationNotAllowed", "not allowed"));
    world.ask(&token).await;
    world.connect.fail_next(Call::StartCall, Error::environment("AccessDenied", "denied"));
    world.ask(&token).await;
    world.links.fail_next(Operation::Called, Error::retryable("ServerError", "failed"));
    assert_eq!(world.ask(&token).await.status, 202);
    assert_eq!(world.ask(&token).await.status, 202);
    world.ask(&token).await;
    for name in
        ["malformed-body", "malformed-token", "oversized-body", "wrong-origin", "not-through-cloudfront"]
    {
        world.invoke(&event(name)).await.unwrap();
    }
    let mut nobody = post(token.as_str());
    nobody["headers"]["cloudfront-viewer-address"] = json!("203.0.113.24:port");
    world.invoke(&nobody).await.unwrap();
    world.settings.calls_per_minute = 1;
    world.ask(&token).await;

    let debug: Event = serde_json::from_value(post(token.as_str())).unwrap();
    let mut told = format!("{debug:?} {:?} {world:?}", debug.ask(None));
    told.extend(world.metrics.take_lines(world.clock.now()));
    let logs = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for line in ["call asked for", "no call made", "the call was not remembered"] {
        assert!(logs.contains(line), "{line}: {logs}");
    }
    told.push_str(&logs);
    world.call();
    let context = context();
    for secret in [
        token.as_str(),
        PAGE,
        "203.0.113.24",
        ORIGIN_SECRET,
        TOKEN_SECRET,
        &context.display_name.unwrap(),
        &context.phone.unwrap(),
        "A-17",
    ] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}
