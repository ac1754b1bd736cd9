//! Classification jobs: starting, describing and listing them.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::clock::{id, timestamp};
use super::input::{CLASSIFIER, Input, JOB, ROLE, S3_URI, TOKEN};
use super::page::{Between, Cut, only_one};
use super::plan::Fate;
use super::predictions::Format;
use super::refusal::{Outcome, Refusal};
use super::settings::JobLimitError;
use super::{Comprehend, Context, State, Token};

/// `JobStatus`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Submitted,
    InProgress,
    Completed,
    Failed,
    StopRequested,
    Stopped,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::StopRequested => "STOP_REQUESTED",
            Self::Stopped => "STOPPED",
        }
    }

    pub(super) fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }
}

/// A job.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    arn: String,
    region: String,
    account: String,
    name: Option<String>,
    pub(super) classifier: String,
    pub(super) status: Status,
    pub(super) message: Option<String>,
    pub(super) submitted: OffsetDateTime,
    pub(super) ended: Option<OffsetDateTime>,
    /// Members that are described as they were given.
    given: Map<String, Value>,
    token: Option<Token>,
    /// Who started it, as the journal names him.
    caller: String,
    /// How many documents it has read, and how many of them have an error line.
    pub(super) counts: (u64, u64),
    /// How many times it has written its output.
    pub(super) written: u32,
    /// Turned true by a request to stop.
    pub(super) stop: watch::Sender<bool>,
}

/// What a job is to do.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) input: String,
    pub(super) format: Format,
    /// The output location, as it was given.
    pub(super) prefix: String,
    /// Where the archive goes.
    pub(super) output: String,
    pub(super) submitted: OffsetDateTime,
    pub(super) fate: Fate,
}

impl Job {
    /// `DocumentClassificationJobProperties`
    fn described(&self) -> Value {
        let mut shown = self.given.clone();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("JobId", json!(self.id));
        put("JobArn", json!(self.arn));
        put("JobStatus", json!(self.status.name()));
        put("SubmitTime", json!(timestamp(self.submitted)));
        put("DocumentClassifierArn", json!(self.classifier));
        if let Some(name) = &self.name {
            put("JobName", json!(name));
        }
        if let Some(message) = &self.message {
            put("Message", json!(message));
        }
        if let Some(ended) = self.ended {
            put("EndTime", json!(timestamp(ended)));
        }
        Value::Object(shown)
    }

    /// What control shows beyond that.
    pub(super) fn shown(&self) -> Value {
        let mut shown = self.described();
        if let Some(members) = shown.as_object_mut() {
            members.insert("Caller".into(), json!(self.caller));
            members.insert("ClientRequestToken".into(), json!(self.token.as_ref().map(Token::text)));
            members.insert("Documents".into(), json!(self.counts.0));
            members.insert("FailedDocuments".into(), json!(self.counts.1));
            members.insert("OutputsWritten".into(), json!(self.written));
        }
        shown
    }

    fn receipt(&self) -> Value {
        json!({
            "JobId": self.id,
            "JobArn": self.arn,
            "JobStatus": self.status.name(),
            "DocumentClassifierArn": self.classifier,
        })
    }
}

impl State {
    /// A job by its id.
    pub(super) fn job(&mut self, id: &str) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }
}

impl Comprehend {
    pub(super) fn start_job(&self, cx: &Context, body: &Value) -> Outcome<Value> {
        let (mut job, mut work) = read(cx, body)?;
        let mut state = self.state();
        if let Some(token) = &job.token {
            let known = state.jobs.iter().find_map(|known| {
                let same = known.token.as_ref().filter(|known| known.is_same(token))?;
                Some((same, known))
            });
            if let Some((same, known)) = known {
                return same.repeats(token).map(|()| known.receipt());
            }
        }
        let trained = state.trained(&job.classifier)?;
        let active =
            state.jobs.iter().filter(|job| cx.is_home(&job.region, &job.account) && !job.status.has_ended());
        if active.count() >= state.settings.max_active_jobs {
            let most = state.settings.max_active_jobs;
            return Err(match state.settings.job_limit_error {
                JobLimitError::TooManyRequestsException => Refusal::too_many_requests(),
                JobLimitError::ResourceLimitExceededException => {
                    Refusal::limit(format!("The maximum of {most} active jobs has been reached."))
                }
            });
        }
        work.fate = state.plans.fate(job.name.as_deref(), &work.input);
        let output = job.given.get_mut("OutputDataConfig").and_then(Value::as_object_mut);
        output.map(|output| output.insert("S3Uri".into(), json!(work.output)));
        let (receipt, of) = (job.receipt(), job.id.clone());
        let mut stop = job.stop.subscribe();
        state.jobs.push(job);
        drop(state);
        let this = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                // Stopped, or forgotten by a reset.
                _ = stop.wait_for(|stop| *stop) => this.end_job(&of, Status::Stopped, None),
                () = this.run_job(&of, work, Arc::clone(&trained)) => {}
            }
        });
        Ok(receipt)
    }

    /// What the console's "Stop" does; the API has no operation for this kind of job. Whether there is such a
    /// job.
    pub(super) fn stop_job(&self, id: &str) -> bool {
        let mut state = self.state();
        let Some(job) = state.job(id) else { return false };
        if !job.status.has_ended() {
            job.status = Status::StopRequested;
            job.stop.send_replace(true);
        }
        true
    }

    /// Ends a job that has not ended.
    pub(super) fn end_job(&self, id: &str, status: Status, message: Option<String>) {
        let now = self.shared.clock.now();
        let mut state = self.state();
        if let Some(job) = state.job(id).filter(|job| !job.status.has_ended()) {
            (job.status, job.message, job.ended) = (status, message, Some(now));
        }
    }

    pub(super) fn describe_job(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let id = input.required("JobId", (1, 32), JOB)?;
        let mut state = self.state();
        let job = state.job(id).filter(|job| cx.is_home(&job.region, &job.account));
        let described = job.ok_or_else(Refusal::no_job)?.described();
        Ok(json!({ "DocumentClassificationJobProperties": described }))
    }

    pub(super) fn list_jobs(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let state = self.state();
        let cut = Cut::read(input, "ListDocumentClassificationJobs", state.settings.page_items)?;
        let (mut name, mut status, mut between) = (None, None, Between::default());
        if let Some(filter) = input.structure("Filter", "filter.")? {
            name = filter.matching("JobName", (1, 256), JOB)?;
            status = filter.text("JobStatus")?;
            between = Between::read(filter, "SubmitTime")?;
            only_one(filter, &["JobName", "JobStatus", "SubmitTimeBefore", "SubmitTimeAfter"])?;
        }
        let found = state.jobs.iter().rev().filter(|job| {
            cx.is_home(&job.region, &job.account)
                && name.is_none_or(|name| job.name.as_deref() == Some(name))
                && status.is_none_or(|status| job.status.name() == status)
                && between.holds(job.submitted)
        });
        let listed = found.map(Job::described).collect();
        Ok(cut.page("DocumentClassificationJobPropertiesList", listed))
    }
}

/// Checks a request.
fn read(cx: &Context, body: &Value) -> Outcome<(Job, Work)> {
    let input = Input::new(body)?;
    let name = input.matching("JobName", (1, 256), JOB)?;
    let data = input.required_structure("InputDataConfig", "inputDataConfig.")?;
    let source = data.required("S3Uri", (0, 1024), S3_URI)?;
    let format = match data.one_of("InputFormat", &["ONE_DOC_PER_FILE", "ONE_DOC_PER_LINE"])? {
        Some("ONE_DOC_PER_FILE") => Format::OneDocPerFile,
        // The console's default; AWS does not say that it is the API's.
        _ => Format::OneDocPerLine,
    };
    if data.has("DocumentReaderConfig") {
        return Err(Refusal::not_covered("DocumentReaderConfig"));
    }
    let destination = input.required_structure("OutputDataConfig", "outputDataConfig.")?;
    let prefix = destination.required("S3Uri", (0, 1024), S3_URI)?;
    input.required("DataAccessRoleArn", (20, 2048), ROLE)?;
    let token = input.matching("ClientRequestToken", (1, 64), TOKEN)?;
    if input.has("FlywheelArn") {
        return Err(Refusal::not_covered("FlywheelArn"));
    }
    let classifier = input.matching("DocumentClassifierArn", (0, 256), CLASSIFIER)?;
    let classifier = classifier
        .ok_or_else(|| Refusal::invalid("Either DocumentClassifierArn or FlywheelArn must be given."))?;
    let members = ["InputDataConfig", "OutputDataConfig", "DataAccessRoleArn", "VolumeKmsKeyId", "VpcConfig"];
    let given = members.into_iter().filter_map(|name| Some((name.to_owned(), input.raw(name)?)));
    let id = id();
    let (region, account) = (&cx.region, &cx.account);
    let work = Work {
        input: source.to_owned(),
        format,
        prefix: prefix.to_owned(),
        output: cx.output(prefix, "CLN", &id),
        submitted: cx.now,
        fate: Fate::default(),
    };
    let job = Job {
        arn: format!("arn:aws:comprehend:{region}:{account}:document-classification-job/{id}"),
        id,
        region: region.clone(),
        account: account.clone(),
        name: name.map(str::to_owned),
        classifier: classifier.to_owned(),
        status: Status::Submitted,
        message: None,
        submitted: cx.now,
        ended: None,
        given: given.collect(),
        token: token.map(|token| Token::new(cx, token, body)),
        caller: cx.caller.clone(),
        counts: (0, 0),
        written: 0,
        stop: watch::Sender::new(false),
    };
    Ok((job, work))
}
