//! Control below `/_local/sms/`, which AWS does not have.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use time::Duration;

use super::event::{self, Status};
use super::store::Region;
use super::{Sms, country};
use crate::cloud::REGION;
use crate::service::Reply;

/// What a recipient may write to opt out (End User Messaging user guide, Required opt-out keywords).
const STOP: [&str; 10] =
    ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    index: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inbound {
    from: String,
    /// The number that it was sent to; absent: the first.
    to: Option<String>,
    body: String,
    #[serde(default = "default_region")]
    region: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Later {
    message_id: String,
    status: Status,
}

fn default_region() -> String {
    REGION.into()
}

impl Sms {
    pub(super) async fn control_request(&self, method: Method, path: &str, body: Value) -> Reply {
        let outcome = match (method.as_str(), path) {
            ("GET", "settings") => Ok(json!(self.state().settings)),
            ("POST", "settings") => {
                let mut state = self.state();
                state.settings.with(&body).map(|settings| {
                    state.settings = settings;
                    // A new rate begins with a full second.
                    state.regions.values_mut().for_each(|region| region.rates.clear());
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
            ("GET", "spending") => Ok(self.spending()),
            ("POST", "redeliver") => self.redeliver(body).await,
            ("POST", "inbound") => self.inbound(body),
            ("POST", "event") => self.happen_later(body),
            (method, path) => return Reply::not_covered(&format!("{method} /_local/sms/{path}")),
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

    fn spending(&self) -> Value {
        let state = self.state();
        let regions = state.regions.iter().map(|(name, region)| {
            let months: Vec<_> = region
                .spent
                .iter()
                .map(|((year, month), spent)| {
                    let month = format!("{year}-{month:02}");
                    json!({ "month": month, "dollars": spent })
                })
                .collect();
            (name.clone(), json!(months))
        });
        Value::Object(regions.collect())
    }

    /// A message from a recipient: with an opt-out keyword, the number comes onto the list.
    fn inbound(&self, body: Value) -> Result<Value, String> {
        let given: Inbound = serde_json::from_value(body).map_err(|error| error.to_string())?;
        country::digits(&given.from).ok_or("from: no phone number in E.164 format")?;
        let now = self.clock.now();
        let mut state = self.state();
        let region = state.regions.entry(given.region).or_insert_with(|| Region::new(now));
        let number = match &given.to {
            Some(to) => region.numbers.values().find(|number| number.number == *to),
            None => region.numbers.values().next(),
        };
        let list = number.ok_or("to: not a number of the account")?.opt_out_list.clone();
        let word = given.body.trim().to_uppercase();
        let stops = STOP.contains(&word.as_str());
        if stops {
            let list = region.lists.entry(list.clone()).or_default();
            list.numbers.insert(given.from, (now, true));
        }
        Ok(json!({ "optedOut": stops, "optOutListName": list }))
    }

    fn happen_later(&self, body: Value) -> Result<Value, String> {
        let Later { message_id, status } = serde_json::from_value(body).map_err(|error| error.to_string())?;
        let message =
            self.messages.get(&message_id).ok_or_else(|| format!("no message `{message_id}` is kept"))?;
        let basis = message.basis.as_object().cloned().unwrap_or_default();
        let subject = event::subject(&basis, status, self.clock.now(), Duration::ZERO);
        self.outbox.post(&message.region, vec![subject], None);
        Ok(json!({ "events": 1 }))
    }
}
