use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;
use eventide_types::campaign::verdict::Scores;

use super::{Classifier, EndpointState, Job, JobStatus, MAX_TEXT, State};
use crate::faults::Faults;

/// Calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Classifier::classify`]
    Classify,
    /// [`Classifier::start`]
    Start,
    /// [`Classifier::describe`]
    Describe,
    /// [`Classifier::inference_units`]
    InferenceUnits,
}

type Model = dyn Fn(&str) -> Scores + Send + Sync;

/// [`Classifier`] in memory: a function of the text is its model, and a job runs until a test ends it. Clones share their
/// state.
#[derive(Clone)]
pub struct FakeClassifier {
    model: Arc<Model>,
    state: Arc<Mutex<Inner>>,
}

impl fmt::Debug for FakeClassifier {
    /// Without the texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("FakeClassifier")
            .field("classified", &state.classified.len())
            .field("jobs", &state.jobs)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Inner {
    endpoints: BTreeMap<String, EndpointState>,
    classified: Vec<String>,
    started: Vec<Job>,
    jobs: BTreeMap<String, (String, JobStatus)>,
    faults: Faults<Operation>,
}

impl FakeClassifier {
    /// A classifier that gives every text the scores that `model` does.
    pub fn new(model: impl Fn(&str) -> Scores + Send + Sync + 'static) -> Self {
        Self { model: Arc::new(model), state: Arc::default() }
    }

    /// Adds an endpoint, or changes it.
    pub fn set_endpoint(&self, arn: &str, endpoint: EndpointState) {
        self.state().endpoints.insert(arn.to_owned(), endpoint);
    }

    /// The next call of `operation` without such a failure before it fails with `error`.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.state().faults.push(operation, error);
    }

    /// Ends a job.
    pub fn end(&self, job_id: &str, state: State, message: Option<&str>) {
        if let Some((_, job)) = self.state().jobs.get_mut(job_id) {
            (job.state, job.message) = (state, message.map(str::to_owned));
        }
    }

    /// The texts that were scored at an endpoint, in their order.
    pub fn classified(&self) -> Vec<String> {
        self.state().classified.clone()
    }

    /// What jobs were asked for, in their order, repetitions with it.
    pub fn started(&self) -> Vec<Job> {
        self.state().started.clone()
    }

    fn state(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(operation: &str, code: &str) -> String {
    format!("`comprehend:{operation}` failed with `{code}Exception`")
}

impl Classifier for FakeClassifier {
    async fn classify(&self, endpoint_arn: &str, text: &str) -> Result<Scores, Error> {
        const OPERATION: &str = "ClassifyDocument";
        let mut state = self.state();
        state.faults.check(Operation::Classify)?;
        if text.is_empty() {
            return Err(Error::permanent("InvalidRequest", refused(OPERATION, "InvalidRequest")));
        }
        if text.len() > MAX_TEXT {
            let code = "TextSizeLimitExceeded";
            return Err(Error::permanent(code, refused(OPERATION, code)));
        }
        if !state.endpoints.get(endpoint_arn).is_some_and(|endpoint| endpoint.in_service) {
            let code = "ResourceUnavailable";
            return Err(Error::environment(code, refused(OPERATION, code)));
        }
        state.classified.push(text.to_owned());
        Ok((self.model)(text))
    }

    async fn start(&self, job: &Job) -> Result<String, Error> {
        job.check()?;
        let mut state = self.state();
        state.started.push(job.clone());
        state.faults.check(Operation::Start)?;
        if let Some((id, _)) = state.jobs.iter().find(|(_, (token, _))| *token == job.client_token) {
            return Ok(id.clone());
        }
        let id = format!("{:032x}", state.jobs.len() + 1);
        let output = job.output_uri.trim_end_matches('/');
        let status = JobStatus {
            state: State::Running,
            message: None,
            output_uri: Some(format!("{output}/111122223333-CLN-{id}/output/output.tar.gz")),
            input_uri: Some(job.input_uri.clone()),
            name: job.name.clone(),
        };
        state.jobs.insert(id.clone(), (job.client_token.clone(), status));
        Ok(id)
    }

    async fn describe(&self, job_id: &str) -> Result<Option<JobStatus>, Error> {
        let mut state = self.state();
        state.faults.check(Operation::Describe)?;
        Ok(state.jobs.get(job_id).map(|(_, status)| status.clone()))
    }

    async fn inference_units(&self, endpoint_arn: &str) -> Result<Option<EndpointState>, Error> {
        let mut state = self.state();
        state.faults.check(Operation::InferenceUnits)?;
        Ok(state.endpoints.get(endpoint_arn).cloned())
    }
}
