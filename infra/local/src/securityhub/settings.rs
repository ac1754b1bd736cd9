//! What tests may set: how the stand-in behaves where AWS is silent, and which updates fail.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fields::UserDefinedFields;

/// How the stand-in behaves.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// What the user-defined fields of an update do to those a finding has.
    pub user_defined_fields: UserDefinedFields,
    /// Whether automation rules judge findings after `BatchUpdateFindings` too. AWS names providers'
    /// updates only; `true` is the harsher reading, under which a rule can start work again.
    pub rules_on_batch_update: bool,
    /// Whether the new Security Hub (OCSF) is enabled in every Region.
    pub v2: bool,
    /// Whether events are sent.
    pub emit: bool,
    /// Whether calls are limited to AWS's rates.
    pub rates: bool,
    /// The most items on a page, whatever `MaxResults` asks for above that.
    pub page_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_defined_fields: UserDefinedFields::Merge,
            rules_on_batch_update: true,
            v2: false,
            emit: true,
            rates: false,
            page_size: 20,
        }
    }
}

impl Settings {
    /// These settings with the members of a JSON object in place of its own.
    ///
    /// # Errors
    /// A member that is unknown or has a wrong value.
    pub(super) fn with(&self, changes: &Value) -> Result<Self, String> {
        let mut merged = json!(self);
        match (merged.as_object_mut(), changes.as_object()) {
            (Some(merged), Some(changes)) => merged.extend(changes.clone()),
            _ => return Err("expected an object of settings".into()),
        }
        let settings: Self = serde_json::from_value(merged).map_err(|error| error.to_string())?;
        if (1..=100).contains(&settings.page_size) {
            Ok(settings)
        } else {
            Err(format!("`pageSize` is `{}`, expected 1 to 100", settings.page_size))
        }
    }
}

/// Makes updates of some findings come back as unprocessed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Injection {
    /// Part of the ids of the findings that fail.
    finding_id_contains: String,
    /// The `ErrorCode`, such as `ConcurrentUpdateError`.
    code: String,
    #[serde(default)]
    message: Option<String>,
    /// How many updates fail before they succeed again; absent: all.
    #[serde(default)]
    times: Option<u64>,
    #[serde(default, skip_deserializing)]
    hits: u64,
}

/// The injections in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Injections(Vec<Injection>);

impl Injections {
    pub(super) fn add(&mut self, given: Value) -> Result<(), String> {
        self.0.push(serde_json::from_value(given).map_err(|error| error.to_string())?);
        Ok(())
    }

    pub(super) fn list(&self) -> Value {
        json!({ "unprocessed": self.0 })
    }

    /// The error code and message for an update of that finding, if it is to fail.
    pub(super) fn hit(&mut self, finding_id: &str) -> Option<(String, String)> {
        let injection = self.0.iter_mut().find(|injection| {
            finding_id.contains(&injection.finding_id_contains)
                && injection.times.is_none_or(|times| injection.hits < times)
        })?;
        injection.hits += 1;
        let message = injection.message.clone().unwrap_or_else(|| "injected".into());
        Some((injection.code.clone(), message))
    }
}
