//! Amazon Comprehend custom classification, over a classifier that is really trained.
//!
//! Certain, from the service model and the Developer Guide: operations, members, patterns, lengths, errors
//! and statuses; the training data and how many documents each class needs; metrics and confusion matrix;
//! what a job's output looks like; the limits of jobs; what an inference unit does in a second; that a client
//! token that was used gives no second endpoint.
//!
//! Known from the AWS CLI's examples: where a job's archive goes, and the file in it.
//!
//! Assumed, since nothing published was found that says it: all texts; the place of a classifier's archive
//! and the folder in it; the file that a job writes to see whether it may (a setting); that a token gives no
//! second job and no second classifier either, and is refused with other parameters; the error for too many
//! jobs (a setting); what becomes of a document of more characters than a second allows; that an unknown
//! endpoint is as one that is not in service; that what is deleted is gone at once; what is said of blank
//! lines; the size of pages (a setting).
//!
//! Not covered: documents that are not plain text, augmented manifests, flywheels, tags, resource policies,
//! imports, and everything else that Comprehend does. That the data access role exists, and may do what it
//! has to, is not checked. S3 is read and written past journal and fault rules, as its calls are Comprehend's
//! own; events of the buckets are S3's.
//!
//! # Layout
//! - `input`, `refusal`, `page`: from a call to checked input, and to an error
//! - `classifier`, `training`: classifiers
//! - `endpoint`, `classify`: endpoints and what they answer
//! - `job`, `run`, `predictions`, `archive`: jobs, from their start to `output.tar.gz`
//! - `control`, `starter`, `settings`, `plan`, `clock`: what tests may do

mod archive;
mod classifier;
mod classify;
mod clock;
mod control;
mod endpoint;
mod input;
mod job;
mod page;
mod plan;
mod predictions;
mod refusal;
mod run;
mod settings;
mod starter;
mod training;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use eventide_local_engine::Lake;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::service::{Call, Clock, Reply, Service};

use self::classifier::Classifier;
use self::endpoint::Endpoint;
use self::input::Input;
use self::job::Job;
use self::plan::Plans;
use self::refusal::{Outcome, Refusal};
use self::settings::Settings;
use self::training::Models;

/// The stand-in for Amazon Comprehend. Clones are the same.
#[derive(Clone)]
pub struct Comprehend {
    shared: Arc<Shared>,
}

struct Shared {
    account: String,
    clock: Clock,
    lake: Arc<dyn Lake>,
    /// Outlives a reset: the same data make the same model.
    models: Models,
    state: Mutex<State>,
}

/// All that a reset forgets, but for what `starter` made: it belongs to stacks, which stay, as a warehouse
/// does.
#[derive(Debug, Default)]
struct State {
    settings: Settings,
    plans: Plans,
    classifiers: Vec<Classifier>,
    endpoints: Vec<Endpoint>,
    jobs: Vec<Job>,
}

/// What an operation knows of its call.
#[derive(Debug)]
struct Context {
    region: String,
    account: String,
    /// As the journal names him.
    caller: String,
    now: OffsetDateTime,
}

impl Context {
    /// Whether something in that Region and account is the caller's.
    fn is_home(&self, region: &str, account: &str) -> bool {
        self.region == region && self.account == account
    }

    /// Where the archive of a classifier (`CLR`) or of a job (`CLN`) goes.
    fn output(&self, prefix: &str, kind: &str, id: &str) -> String {
        let prefix = prefix.trim_end_matches('/');
        format!("{prefix}/{}-{kind}-{id}/output/output.tar.gz", self.account)
    }
}

/// A client token that was used.
#[derive(Debug)]
struct Token {
    region: String,
    account: String,
    text: String,
    /// Of everything else in the request.
    fingerprint: [u8; 32],
}

impl Token {
    fn new(cx: &Context, text: &str, body: &Value) -> Self {
        let mut members = body.as_object().cloned().unwrap_or_default();
        members.remove("ClientRequestToken");
        Self {
            region: cx.region.clone(),
            account: cx.account.clone(),
            text: text.to_owned(),
            fingerprint: Sha256::digest(Value::Object(members).to_string()).into(),
        }
    }

    fn text(&self) -> &str {
        &self.text
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.region, &self.account, &self.text) == (&other.region, &other.account, &other.text)
    }

    /// Refuses another request with the same token.
    fn repeats(&self, other: &Self) -> Outcome<()> {
        if self.fingerprint == other.fingerprint {
            return Ok(());
        }
        Err(Refusal::in_use("The client request token was used with other request parameters."))
    }
}

impl Comprehend {
    /// Comprehend, which reads and writes that lake; `account` is where `starter` puts things.
    #[must_use]
    pub fn new(account: &str, clock: Clock, lake: Arc<dyn Lake>) -> Self {
        let shared = Shared {
            account: account.to_owned(),
            clock,
            lake,
            models: Models::default(),
            state: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    fn answer(&self, call: &Call) -> Outcome<Value> {
        let body: Value = serde_json::from_slice(&call.body)
            .map_err(|error| Refusal::serialization(format!("not JSON: {error}")))?;
        let input = Input::new(&body)?;
        let cx = Context {
            region: call.region.clone(),
            account: call.account.clone(),
            caller: call.caller.name().to_owned(),
            now: self.shared.clock.now(),
        };
        match target_operation(call).unwrap_or_default() {
            "CreateDocumentClassifier" => self.create_classifier(&cx, &body),
            "DescribeDocumentClassifier" => self.describe_classifier(input),
            "ListDocumentClassifiers" => self.list_classifiers(&cx, input),
            "StopTrainingDocumentClassifier" => self.stop_training(input),
            "DeleteDocumentClassifier" => self.delete_classifier(input),
            "CreateEndpoint" => self.create_endpoint(&cx, &body),
            "DescribeEndpoint" => self.describe_endpoint(&cx, input),
            "UpdateEndpoint" => self.update_endpoint(&cx, input),
            "DeleteEndpoint" => self.delete_endpoint(input),
            "ListEndpoints" => self.list_endpoints(&cx, input),
            "ClassifyDocument" => self.classify(&cx, input),
            "StartDocumentClassificationJob" => self.start_job(&cx, &body),
            "DescribeDocumentClassificationJob" => self.describe_job(&cx, input),
            "ListDocumentClassificationJobs" => self.list_jobs(&cx, input),
            unknown => Err(Refusal::unknown_operation(unknown)),
        }
    }
}

/// The message of what cannot read its input.
fn unreadable(error: &str) -> String {
    format!(
        "NO_READ_ACCESS_TO_INPUT: The provided data access role does not have proper access to the input \
         data, or there is none: {error}"
    )
}

/// The message of what cannot write its output.
fn unwritable(error: &str) -> String {
    format!(
        "NO_WRITE_ACCESS_TO_OUTPUT: The provided data access role does not have write access to the output \
         location: {error}"
    )
}

/// The operation that `X-Amz-Target` names.
fn target_operation(call: &Call) -> Option<&str> {
    call.headers.get("x-amz-target")?.to_str().ok()?.strip_prefix("Comprehend_20171127.")
}

/// An answer in the JSON 1.1 protocol.
fn answered(status: u16, body: &Value) -> Reply {
    Reply {
        status,
        headers: vec![("content-type".into(), "application/x-amz-json-1.1".into())],
        body: Bytes::from(body.to_string()),
    }
}

impl Service for Comprehend {
    fn name(&self) -> &'static str {
        "comprehend"
    }

    fn operation(&self, call: &Call) -> Option<String> {
        target_operation(call).map(str::to_owned)
    }

    fn handle(&self, call: Call) -> BoxFuture<'_, Reply> {
        let reply = self.answer(&call).map_or_else(Reply::from, |body| answered(200, &body));
        std::future::ready(reply).boxed()
    }

    fn control(&self, method: Method, path: String, body: Value) -> BoxFuture<'_, Reply> {
        async move { self.control_request(method, &path, body).await }.boxed()
    }

    fn reset(&self) {
        let mut state = self.state();
        let State { classifiers, endpoints, .. } = std::mem::take(&mut *state);
        state.classifiers = classifiers.into_iter().filter(|classifier| classifier.starter).collect();
        state.endpoints = endpoints.into_iter().filter(|endpoint| endpoint.starter).collect();
    }
}

impl fmt::Debug for Comprehend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comprehend").field("account", &self.shared.account).finish_non_exhaustive()
    }
}
