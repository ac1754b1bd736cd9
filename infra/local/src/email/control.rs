//! Control below `/_local/email/`, which AWS does not have.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::event::{self, Kind, Step};
use super::fate::{MAILBOX_FULL, NO_MAILBOX};
use super::unsubscribe::Click;
use super::{Email, State};
use crate::cloud::REGION;
use crate::service::Reply;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unsubscribe {
    address: String,
    list: String,
    topic: Option<String>,
    message_id: Option<String>,
    #[serde(default = "default_region")]
    region: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Later {
    message_id: String,
    event: LaterEvent,
    #[serde(default)]
    link: String,
}

/// What may happen to a message long after it was accepted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum LaterEvent {
    Delivery,
    Delay,
    Bounce,
    SoftBounce,
    Complaint,
    Open,
    Click,
}

fn default_region() -> String {
    REGION.into()
}

impl Email {
    pub(super) async fn control_request(&self, method: Method, path: &str, body: Value) -> Reply {
        if let Some(token) = path.strip_prefix("unsubscribe/") {
            return match method.as_str() {
                "GET" => self.follow(token, None),
                "POST" => self.follow(token, Some(body.as_str().unwrap_or_default())),
                _ => Reply::error(405, "LocalCloudError", "expected GET or POST"),
            };
        }
        let outcome = match (method.as_str(), path) {
            ("GET", "settings") => Ok(json!(self.state().settings)),
            ("POST", "settings") => {
                let mut state = self.state();
                state.settings.with(&body).map(|settings| {
                    state.settings = settings;
                    // A new rate begins with a full second.
                    state.regions.values_mut().for_each(|region| region.rate = None);
                    json!(state.settings)
                })
            }
            ("GET", "plans") => Ok(self.state().plans.list()),
            ("POST", "plans") => {
                let mut state = self.state();
                state.plans.add(body).map(|()| state.plans.list())
            }
            ("DELETE", "plans") => {
                self.state().plans.clear();
                Ok(json!({}))
            }
            ("GET", "events") => Ok(self.outbox.list()),
            ("DELETE", "events") => {
                self.outbox.clear();
                Ok(json!({}))
            }
            ("POST", "redeliver") => self.redeliver(body).await,
            ("POST", "unsubscribe") => self.unsubscribe_contact(body),
            ("POST", "event") => self.happen_later(body),
            (method, path) => return Reply::not_covered(&format!("{method} /_local/email/{path}")),
        };
        match outcome {
            Ok(body) => Reply::json(200, &body),
            Err(message) => Reply::error(400, "InvalidControlRequest", &message),
        }
    }

    async fn redeliver(&self, body: Value) -> Result<Value, String> {
        let Redeliver { index } = serde_json::from_value(body).map_err(|error| error.to_string())?;
        self.outbox.redeliver(index).await.ok_or_else(|| format!("no event has the index {index}"))
    }

    fn unsubscribe_contact(&self, body: Value) -> Result<Value, String> {
        let given: Unsubscribe = serde_json::from_value(body).map_err(|error| error.to_string())?;
        let Unsubscribe { address, list, topic, message_id: message, region } = given;
        self.unsubscribe(&Click { region, list, topic, address, message }, "UnsubscribeHeader")
    }

    fn happen_later(&self, body: Value) -> Result<Value, String> {
        let Later { message_id, event, link } =
            serde_json::from_value(body).map_err(|error| error.to_string())?;
        let message =
            self.messages.get(&message_id).ok_or_else(|| format!("no message `{message_id}` is kept"))?;
        let set = message.configuration_set.as_deref().ok_or("the message has no configuration set")?;
        let kind = match event {
            LaterEvent::Delivery => Kind::Delivery,
            LaterEvent::Delay => Kind::DeliveryDelay,
            LaterEvent::Bounce => Kind::Bounce(NO_MAILBOX),
            LaterEvent::SoftBounce => Kind::Bounce(MAILBOX_FULL),
            LaterEvent::Complaint => Kind::Complaint { held_back: false },
            LaterEvent::Open => Kind::Open,
            LaterEvent::Click => Kind::Click { link },
        };
        let now = self.clock.now();
        let sent = sent_at(&message.basis).unwrap_or(now);
        let recipients: Vec<String> =
            message.to.iter().chain(&message.cc).chain(&message.bcc).cloned().collect();
        let steps = vec![Step { kind, after: Duration::ZERO, recipients }];
        let state = self.state();
        let State { regions, .. } = &*state;
        let region = regions.get(&message.region).ok_or("the message's Region has nothing")?;
        let arn = event::set_arn(&message.region, &self.account, set);
        let mail = message.basis.get("mail").cloned().unwrap_or_default();
        let subjects = event::subjects(region, set, &arn, &mail, steps, (sent, now));
        drop(state);
        let events = subjects.len();
        self.outbox.post(&message.region, subjects, None);
        Ok(json!({ "events": events }))
    }
}

/// When a message was sent.
fn sent_at(basis: &Value) -> Option<OffsetDateTime> {
    let milliseconds = basis.get("sent")?.as_i64()?;
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()
}
