//! finding-investigate: decides which of Security Hub's findings are investigated and queues them, one message
//! a finding, for finding-enrich.
//!
//! It is the target of EventBridge rules, which invoke it asynchronously: Lambda tries an event three times in
//! all and then sends it to the failed queue. Everything that can take long or fail for long is therefore left to
//! the queue's worker.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `WORK_QUEUE_URL` | URL, required | where the messages go |
//! | `LOOK_BACK_DAYS` | days, 1 to 365, default 30 | the longest window of an investigation |
//! | `REINVESTIGATE_NEW_ACTIVITY` | `true` or `false`, default `false` | whether activity after an investigation may start another, once a day at most |

pub mod decide;
pub mod event;

use eventide_clients::sqs::{Outgoing, Queue, SqsQueue};
use eventide_kit::clock::Clock;
use eventide_kit::env::{FromEnv, Vars};
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use serde::Serialize;
use std::sync::Arc;
use time::Duration;

use crate::decide::{Decision, Request, Settings, decide};
use crate::event::{Event, Kind};

/// What the template sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the messages go.
    pub work_queue_url: String,
    /// What the decisions depend on.
    pub settings: Settings,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let work_queue_url = vars.required("WORK_QUEUE_URL", "the URL of an SQS queue");
        let look_back = vars.in_range("LOOK_BACK_DAYS", 1..=365, 30);
        let reinvestigate = vars.optional("REINVESTIGATE_NEW_ACTIVITY", "`true` or `false`", false);
        let settings = Settings { look_back: Duration::days(look_back?), reinvestigate: reinvestigate? };
        Some(Self { work_queue_url: work_queue_url?, settings })
    }
}

/// The function.
#[derive(Debug)]
pub struct FindingInvestigate<Q> {
    settings: Settings,
    queue: Q,
    clock: Arc<dyn Clock>,
}

/// What became of the findings of one event, in their order.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Answer {
    /// One entry a finding.
    pub findings: Vec<Decided>,
}

/// What became of one finding.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Decided {
    /// The finding's id.
    pub id: String,
    /// `queued`, or why it was left alone.
    pub decision: &'static str,
}

/// The function as it is deployed: its queue is SQS's.
#[derive(Debug)]
pub struct Deployed(Early<FindingInvestigate<SqsQueue>>);

impl Function for Deployed {
    type Config = Config;
    type Event = Event;
    type Response = Answer;
    const NAMESPACE: &'static str = "Eventide/FindingEnrichment";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let (sdk, clock) = (kit.sdk_config().clone(), kit.clock());
        Ok(Self(kit.early(move || {
            FindingInvestigate::new(config.settings, SqsQueue::new(&sdk, config.work_queue_url), clock)
        })))
    }

    async fn handle(&self, event: Event, invocation: &Invocation) -> Result<Answer, Error> {
        self.0.get()?.investigate(event, invocation).await
    }
}

impl<Q: Queue> FindingInvestigate<Q> {
    /// The function with this queue behind it and this time of day.
    pub fn new(settings: Settings, queue: Q, clock: Arc<dyn Clock>) -> Self {
        Self { settings, queue, clock }
    }

    /// Parse, decide, queue, answer.
    ///
    /// # Errors
    ///
    /// - `UnknownEvent`, `InvalidEvent`: the event, or one of its findings, is not what Security Hub sends. The
    ///   event's other findings have been queued.
    /// - whatever the queue answers, if a message could not be sent.
    pub async fn investigate(&self, event: Event, invocation: &Invocation) -> Result<Answer, Error> {
        let kind = event.kind()?;
        let request =
            Request { run: event.id, requested_at: event.time, by_a_person: kind == Kind::CustomAction };
        let findings = event.detail.findings()?;
        let mut decided = Vec::with_capacity(findings.len());
        let mut messages = Vec::new();
        let mut invalid = None;
        for (index, raw) in findings.iter().enumerate() {
            let finding = match event::finding(kind, index, raw) {
                Ok(finding) => finding,
                Err(error) => {
                    tracing::error!(error_type = error.error_type(), %error, "finding not understood");
                    invalid.get_or_insert(error);
                    continue;
                }
            };
            let id = finding.reference.id().to_owned();
            let decision = match decide(finding, &request, self.settings, self.clock.now()) {
                Decision::Queue(work) => {
                    let body = serde_json::to_string(&work).map_err(|error| {
                        Error::permanent("Unwritable", "the work cannot be written").with_source(error)
                    })?;
                    messages.push(Outgoing { body, ..Outgoing::default() });
                    "queued"
                }
                Decision::Leave(why) => why.as_str(),
            };
            tracing::info!(finding = id, decision, "finding decided");
            invocation.metrics.count("FindingsDecided", 1, &[("Decision", decision)]);
            decided.push(Decided { id, decision });
        }
        self.queue.send_all(messages).await?;
        match invalid {
            Some(error) => Err(error),
            None => Ok(Answer { findings: decided }),
        }
    }
}
