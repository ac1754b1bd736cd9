//! Amazon Comprehend custom classification.

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod sdk;

use eventide_kit::error::Error;
use eventide_types::campaign::verdict::Scores;
#[cfg(feature = "testing")]
pub use fake::{FakeClassifier, Operation};
pub use sdk::SdkClassifier;

/// Bytes of a text that [`Classifier::classify`] takes at most (Amazon Comprehend Developer Guide, "Inputs for
/// real-time custom analysis": 10 KB, 10,000 characters).
pub const MAX_TEXT: usize = 10_000;
/// Characters of [`Job::client_token`] at most.
const MAX_TOKEN: usize = 64;

/// A batch that is to be classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// 1 to 256 letters, digits, spaces or `_.:/=+-%@`.
    pub name: String,
    /// The version of the classifier.
    pub classifier_arn: String,
    /// `s3://…`: one document a line. It is a prefix: every object whose key begins so is read. At most 5 GB and
    /// 1,000,000 lines.
    pub input_uri: String,
    /// `s3://…`: below it Comprehend writes `ACCOUNT-CLN-JOB/output/output.tar.gz`.
    pub output_uri: String,
    /// The role that lets Comprehend read and write there.
    pub role_arn: String,
    /// 1 to 64 letters, digits and hyphens. The same token starts the same job but once.
    pub client_token: String,
}

impl Job {
    /// Checks what Comprehend would reject, and a stand-in may not.
    fn check(&self) -> Result<(), Error> {
        let token = &self.client_token;
        let known = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if known && (1..=MAX_TOKEN).contains(&token.len()) {
            return Ok(());
        }
        let message =
            format!("the client token is `{token}`, expected 1 to {MAX_TOKEN} letters, digits and `-`");
        Err(Error::permanent("InvalidRequest", message))
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `SUBMITTED`, `IN_PROGRESS` or `STOP_REQUESTED`
    Running,
    /// `COMPLETED`
    Completed,
    /// `FAILED`
    Failed,
    /// `STOPPED`
    Stopped,
}

/// What Comprehend says of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatus {
    /// Where it stands.
    pub state: State,
    /// Why it failed, in AWS's words.
    pub message: Option<String>,
    /// `s3://…/output.tar.gz`, where the answers are, or will be.
    pub output_uri: Option<String>,
    /// What was given as [`Job::input_uri`].
    pub input_uri: Option<String>,
    /// What was given as [`Job::name`]; empty if it has none.
    pub name: String,
}

/// An endpoint, which classifies at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointState {
    /// Inference units at work. Each classifies 100 characters and 2 documents a second (Amazon Comprehend Developer
    /// Guide, "Managing endpoints").
    pub units: u32,
    /// Whether it answers: `IN_SERVICE`, or `UPDATING`, during which it goes on as it was.
    pub in_service: bool,
    /// The version of the classifier that answers.
    pub model_arn: Option<String>,
}

/// Custom classifiers: one text at once through an endpoint, or many through a job.
///
/// Throttling is `Retryable.Throttled`; a classifier, role, bucket, key or endpoint that cannot be used is an
/// [`Environment`](eventide_kit::error::Class::Environment) error.
pub trait Classifier: Send + Sync {
    /// The scores of one text of at most [`MAX_TEXT`] bytes, the best first.
    ///
    /// It is tried once: an endpoint that is throttled is at the end of its inference units, and attempts at once only
    /// keep it there. Whoever calls comes back later.
    ///
    /// # Errors
    /// `Retryable.Throttled`; `Environment.ResourceUnavailable` if the endpoint is not in service;
    /// `Permanent.TextSizeLimitExceeded` and `Permanent.InvalidRequest` for the text.
    fn classify(&self, endpoint_arn: &str, text: &str) -> impl Future<Output = Result<Scores, Error>> + Send;

    /// Starts a job and gives its id. The same job started again with the same token is the same job.
    ///
    /// # Errors
    /// `Retryable.Throttled` also if as many jobs are active as may be (10 by default): nothing was started.
    fn start(&self, job: &Job) -> impl Future<Output = Result<String, Error>> + Send;

    /// Says where a job stands. `None`: there is none of that id, or none any more.
    fn describe(&self, job_id: &str) -> impl Future<Output = Result<Option<JobStatus>, Error>> + Send;

    /// What an endpoint can do. `None`: there is none of that ARN.
    fn inference_units(
        &self,
        endpoint_arn: &str,
    ) -> impl Future<Output = Result<Option<EndpointState>, Error>> + Send;
}
