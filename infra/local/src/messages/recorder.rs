//! Records events instead of delivering them, for tests of the stand-ins.

use std::sync::Mutex;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::service::{Delivery, Events};

/// What was sent, in order.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<Value>>);

impl Recorder {
    /// The events since the last look.
    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Events for Recorder {
    fn emit(&self, event: Value, region: &str) -> BoxFuture<'_, Result<Vec<Delivery>, String>> {
        assert_eq!(event["region"], region);
        self.0.lock().unwrap().push(event);
        Box::pin(async { Ok(vec![Delivery { rule: "r".into(), target: "t".into(), error: None }]) })
    }
}
