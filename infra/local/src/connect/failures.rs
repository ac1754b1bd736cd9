//! Failures of the Participant Service, which the gateway's fault rules do not reach.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Makes calls of an operation fail.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Failure {
    /// Such as `SendMessage`.
    operation: String,
    /// Such as `ThrottlingException`.
    code: String,
    /// The HTTP status; 400 if absent.
    #[serde(default = "bad_request")]
    status: u16,
    /// How many calls fail; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    /// Whether the call is carried out all the same: its answer is lost.
    #[serde(default)]
    carried_out: bool,
    #[serde(default, skip_deserializing)]
    hits: u64,
}

fn bad_request() -> u16 {
    400
}

/// The failures in force.
#[derive(Debug, Default)]
pub(super) struct Failures(Vec<Failure>);

impl Failures {
    pub(super) fn add(&mut self, given: Value) -> Result<(), String> {
        let failure: Failure = serde_json::from_value(given).map_err(|error| error.to_string())?;
        if !(400..600).contains(&failure.status) {
            return Err("expected a status from 400 to 599".into());
        }
        self.0.push(failure);
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn list(&self) -> Value {
        json!({ "failures": self.0 })
    }

    /// How a call of that operation is to fail, and whether it is carried out first.
    pub(super) fn hit(&mut self, operation: &str) -> Option<(Refusal, bool)> {
        let failure = self.0.iter_mut().find(|failure| {
            failure.operation == operation && failure.times.is_none_or(|times| failure.hits < times)
        })?;
        failure.hits += 1;
        Some((Refusal::named(failure.status, &failure.code, "injected"), failure.carried_out))
    }
}
