//! How the stand-in behaves.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What control may set. What AWS does not publish is a setting, so that callers can be tested with either
/// answer. Seconds go by the stand-ins' clock.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Settings {
    /// How long a classifier is `SUBMITTED`; at first 0.
    pub(super) training_submitted_seconds: f64,
    /// How long it is `TRAINING` before it is trained; at first 0.05.
    pub(super) training_seconds: f64,
    /// How long a job is `SUBMITTED`; at first 0.
    pub(super) job_submitted_seconds: f64,
    /// How long it is `IN_PROGRESS` before it classifies; at first 0.05.
    pub(super) job_seconds: f64,
    /// How long an endpoint is `CREATING` or `UPDATING`; at first 0.05.
    pub(super) endpoint_seconds: f64,
    /// Whether endpoints throttle by their inference units; at first they do.
    pub(super) rates: bool,
    /// Characters per second of an inference unit; at first 100.
    pub(super) unit_characters: f64,
    /// Documents per second of an inference unit; at first 2.
    pub(super) unit_documents: f64,
    /// The largest text of `ClassifyDocument`, in bytes; at first 10,000, the smaller reading of "10 KB".
    pub(super) max_text_bytes: usize,
    /// The largest document of a job, in bytes; at first 10 MB. AWS publishes it for files only.
    pub(super) max_document_bytes: usize,
    /// The most documents of a job; at first 1,000,000.
    pub(super) max_job_documents: u64,
    /// The largest input of a job, in bytes; at first 5 GB.
    pub(super) max_job_bytes: u64,
    /// Jobs that may be active at once; at first 10.
    pub(super) max_active_jobs: usize,
    /// What a job beyond them is refused with; at first the one that the service model has for it.
    pub(super) job_limit_error: JobLimitError,
    /// Documents that each class needs; at first 50.
    pub(super) min_class_documents: usize,
    /// Documents that each label needs in multi-label mode; at first 10.
    pub(super) min_label_documents: usize,
    /// The most classes; at first 1,000.
    pub(super) max_classes: usize,
    /// The most labels in multi-label mode; at first 100.
    pub(super) max_labels: usize,
    /// Inference units that an endpoint may have; at first 10.
    pub(super) max_endpoint_units: u32,
    /// Inference units that all endpoints of an account may have in a Region; at first 100.
    pub(super) max_account_units: u32,
    /// Classes in a line of a job's output; at first 3. Labels of 0.5 or more are all there.
    pub(super) top_classes: usize,
    /// Classes in an answer of `ClassifyDocument`; at first all.
    pub(super) endpoint_classes: Option<usize>,
    /// The name of the file in a job's archive; at first `predictions.jsonl`.
    pub(super) output_member: String,
    /// Whether a job first writes `.write_access_check_file.temp` below its output location; at first it
    /// does.
    pub(super) write_access_check: bool,
    /// The most items on a page of the listing operations, whatever `MaxResults` says; at first 100.
    pub(super) page_items: usize,
}

/// An error that says that enough jobs are active.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(super) enum JobLimitError {
    TooManyRequestsException,
    ResourceLimitExceededException,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            training_submitted_seconds: 0.0,
            training_seconds: 0.05,
            job_submitted_seconds: 0.0,
            job_seconds: 0.05,
            endpoint_seconds: 0.05,
            rates: true,
            unit_characters: 100.0,
            unit_documents: 2.0,
            max_text_bytes: 10_000,
            max_document_bytes: 10 * 1024 * 1024,
            max_job_documents: 1_000_000,
            max_job_bytes: 5 * 1024 * 1024 * 1024,
            max_active_jobs: 10,
            job_limit_error: JobLimitError::TooManyRequestsException,
            min_class_documents: 50,
            min_label_documents: 10,
            max_classes: 1_000,
            max_labels: 100,
            max_endpoint_units: 10,
            max_account_units: 100,
            top_classes: 3,
            endpoint_classes: None,
            output_member: "predictions.jsonl".into(),
            write_access_check: true,
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
        let times = [
            settings.training_submitted_seconds,
            settings.training_seconds,
            settings.job_submitted_seconds,
            settings.job_seconds,
            settings.endpoint_seconds,
        ];
        if times.into_iter().any(|seconds| !(0.0..=1e9).contains(&seconds)) {
            return Err("expected seconds from 0 to 1,000,000,000".into());
        }
        let rates = [settings.unit_characters, settings.unit_documents];
        if rates.into_iter().any(|rate| !(rate > 0.0 && rate <= 1e9)) {
            return Err("expected rates above 0, of at most 1,000,000,000 a second".into());
        }
        if settings.page_items == 0 || settings.top_classes == 0 || settings.endpoint_classes == Some(0) {
            return Err("a page, and an answer, holds at least 1".into());
        }
        if settings.output_member.is_empty() || settings.output_member.len() > 100 {
            return Err("the name of a file in an archive has 1 to 100 bytes".into());
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_checked_and_the_rest_stays() {
        let changes = json!({ "jobSeconds": 7, "jobLimitError": "ResourceLimitExceededException" });
        let changed = Settings::default().with(&changes).unwrap();
        let job_limit_error = JobLimitError::ResourceLimitExceededException;
        assert_eq!(changed, Settings { job_seconds: 7.0, job_limit_error, ..Settings::default() });
        for bad in [
            json!({ "jobSeconds": -1 }),
            json!({ "unitDocuments": 0 }),
            json!({ "pageItems": 0 }),
            json!({ "endpointClasses": 0 }),
            json!({ "outputMember": "" }),
            json!({ "jobLimitError": "Other" }),
            json!({ "jobseconds": 1 }),
            json!([]),
        ] {
            assert!(changed.with(&bad).is_err(), "{bad}");
        }
    }
}
