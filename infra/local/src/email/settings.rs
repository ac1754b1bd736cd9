//! How the stand-in behaves.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What control may set.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Settings {
    /// Recipients in 24 hours, by the stand-ins' clock; -1 for no limit; at first 50,000.
    pub(super) max24_hour_send: f64,
    /// Recipients a second, by the stand-ins' clock; at first 100.
    pub(super) max_send_rate: f64,
    /// The code of the daily quota's error: `LimitExceededException`, `TooManyRequestsException` or
    /// `ThrottlingException`.
    pub(super) daily_quota_error: String,
    /// Whether recipients have to be verified identities too, as in a new account; at first not.
    pub(super) sandbox: bool,
    /// Whether new identities are verified at once; at first they are.
    pub(super) verify_identities: bool,
    /// Whether events are sent; at first they are.
    pub(super) emit: bool,
    /// How long after it was accepted a message is delivered or bounces; at first 0.
    pub(super) delivery_seconds: f64,
    /// How long after its delivery a complaint comes; at first 0.
    pub(super) complaint_seconds: f64,
    /// How long a delayed message takes from the notice of the delay; at first 60.
    pub(super) delay_seconds: f64,
    /// The most items on a page, whatever `PageSize` says; at first 100.
    pub(super) page_items: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max24_hour_send: 50_000.0,
            max_send_rate: 100.0,
            daily_quota_error: "LimitExceededException".into(),
            sandbox: false,
            verify_identities: true,
            emit: true,
            delivery_seconds: 0.0,
            complaint_seconds: 0.0,
            delay_seconds: 60.0,
            page_items: 100,
        }
    }
}

impl Settings {
    /// These settings with the changes of a request; what it leaves out stays.
    pub(super) fn with(&self, changes: &Value) -> Result<Self, String> {
        let changes = changes.as_object().ok_or("expected an object")?;
        let mut settings = json!(self);
        if let Some(members) = settings.as_object_mut() {
            members.extend(changes.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let settings: Self = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        let times = [settings.delivery_seconds, settings.complaint_seconds, settings.delay_seconds];
        if times.into_iter().any(|seconds| !(0.0..=1e9).contains(&seconds)) {
            return Err("expected seconds from 0 to 1,000,000,000".into());
        }
        let codes = ["LimitExceededException", "TooManyRequestsException", "ThrottlingException"];
        if !codes.contains(&settings.daily_quota_error.as_str()) {
            return Err(format!(
                "dailyQuotaError `{}`, expected one of {codes:?}",
                settings.daily_quota_error
            ));
        }
        if settings.max_send_rate <= 0.0 || settings.page_items == 0 {
            return Err("expected a positive `maxSendRate` and `pageItems`".into());
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_checked_and_the_rest_stays() {
        let changed = Settings::default().with(&json!({ "max24HourSend": 5, "sandbox": true })).unwrap();
        assert_eq!(changed, Settings { max24_hour_send: 5.0, sandbox: true, ..Settings::default() });
        for bad in [
            json!({ "maxSendRate": 0 }),
            json!({ "deliverySeconds": -1 }),
            json!({ "dailyQuotaError": "Oops" }),
            json!({ "quota": 1 }),
            json!([]),
        ] {
            assert!(changed.with(&bad).is_err(), "{bad}");
        }
    }
}
