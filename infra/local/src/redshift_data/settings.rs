//! How the stand-in behaves.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What control may set. What AWS does not publish is a setting, so that callers can be tested with either
/// answer.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Settings {
    /// How long a statement is `SUBMITTED`, by the stand-ins' clock; at first 0.
    pub(super) submitted_seconds: f64,
    /// How long it is `PICKED`; at first 0.
    pub(super) picked_seconds: f64,
    /// How long it is `STARTED` before its SQL runs; at first 0.02.
    pub(super) run_seconds: f64,
    /// The most rows on a page of a result; at first no limit.
    pub(super) page_rows: Option<usize>,
    /// A page of a result is full at so many bytes; at first 1,048,576. AWS publishes no size.
    pub(super) page_bytes: usize,
    /// The most items on a page of the listing operations, whatever `MaxResults` says; at first 100.
    pub(super) page_items: usize,
    /// Statements of a warehouse that may be active at once; at first 200.
    pub(super) max_active_statements: usize,
    /// Sessions of a warehouse that may be open at once; at first 500.
    pub(super) max_active_sessions: usize,
    /// Requests that may wait for one statement at once; at first 10. AWS publishes no number.
    pub(super) max_waiting_requests: usize,
    /// A larger result makes a statement fail; at first 500 MB.
    pub(super) max_result_bytes: u64,
    /// As does a larger row; at first 64 KB.
    pub(super) max_row_bytes: u64,
    /// Database users that are superusers; at first `admin` and `awsuser`.
    pub(super) superusers: Vec<String>,
    /// Which pages of a CSV result begin with a header; at first `first`.
    pub(super) csv_header: Header,
    /// Whether an empty text is told from null in CSV by quotes; at first it is.
    pub(super) csv_quotes_empty_text: bool,
}

/// Which pages of a CSV result begin with a header.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) enum Header {
    First,
    Every,
    None,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            submitted_seconds: 0.0,
            picked_seconds: 0.0,
            run_seconds: 0.02,
            page_rows: None,
            page_bytes: 1024 * 1024,
            page_items: 100,
            max_active_statements: 200,
            max_active_sessions: 500,
            max_waiting_requests: 10,
            max_result_bytes: 500 * 1024 * 1024,
            max_row_bytes: 64 * 1024,
            superusers: vec!["admin".into(), "awsuser".into()],
            csv_header: Header::First,
            csv_quotes_empty_text: true,
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
        let times = [settings.submitted_seconds, settings.picked_seconds, settings.run_seconds];
        if times.into_iter().any(|seconds| !(0.0..=1e9).contains(&seconds)) {
            return Err("expected seconds from 0 to 1,000,000,000".into());
        }
        if settings.page_rows == Some(0) || settings.page_bytes == 0 || settings.page_items == 0 {
            return Err("a page holds at least 1".into());
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_checked_and_the_rest_stays() {
        let changed = Settings::default().with(&json!({ "pageRows": 7, "csvHeader": "every" })).unwrap();
        let expected = Settings { page_rows: Some(7), csv_header: Header::Every, ..Settings::default() };
        assert_eq!(changed, expected);
        assert_eq!(changed.with(&json!({ "pageRows": null })).unwrap().page_rows, None);
        for bad in [
            json!({ "pageRows": 0 }),
            json!({ "runSeconds": -1 }),
            json!({ "pagerows": 1 }),
            json!({ "csvHeader": "some" }),
            json!([]),
        ] {
            assert!(changed.with(&bad).is_err(), "{bad}");
        }
    }
}
