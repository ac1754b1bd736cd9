//! The story of a batch: admit and advance each message, write what there is to be written, hand over what is not
//! through, give up what has failed for good, answer.

use std::sync::Arc;

use eventide_clients::detective::Detective;
use eventide_clients::iam::Iam;
use eventide_clients::security_hub::SecurityHub;
use eventide_clients::sqs::Queue;
use eventide_kit::clock::Clock;
use eventide_kit::continuation::Continuations;
use eventide_kit::event;
use eventide_kit::ledger::Ledger;
use eventide_kit::sqs::{DeadLetters, Options, Record, SqsBatchResponse, SqsEvent, each, respond};
use eventide_kit::{Error, Invocation, Metrics};
use eventide_types::work::{State, Work};
use tracing::Instrument as _;

use crate::admit::{Admission, admit};
use crate::advance::{Standing, Step, advance};
use crate::budget::{AFTER_STEPS, Budget};
use crate::config::Settings;
use crate::report::{Report, report};

/// Messages worked on at a time: each waits for Detective most of its time. Half a batch, so that a cause that is not a
/// message's own spares the other half.
const CONCURRENCY: usize = 5;

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Amazon Detective.
    type Detective: Detective;
    /// AWS Security Hub.
    type Hub: SecurityHub;
    /// IAM.
    type Iam: Iam;
    /// The work queue.
    type Queue: Queue;
    /// The failed queue.
    type DeadLetters: DeadLetters;
    /// The effects ledger.
    type Ledger: Ledger;
    /// The chains of hops.
    type Chains: Continuations;

    /// Amazon Detective.
    fn detective(&self) -> &Self::Detective;
    /// AWS Security Hub.
    fn hub(&self) -> &Self::Hub;
    /// IAM.
    fn iam(&self) -> &Self::Iam;
    /// The work queue.
    fn queue(&self) -> &Self::Queue;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
    /// The effects ledger.
    fn ledger(&self) -> &Self::Ledger;
    /// The chains of hops.
    fn chains(&self) -> &Self::Chains;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct FindingEnrich<P> {
    pub(crate) ports: P,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What a message has come to after its step.
#[derive(Debug)]
pub(crate) enum Stepped {
    /// Nothing more is to be done about it.
    Over,
    /// Its finding is not through.
    Waiting(Reached),
    /// Its finding is through.
    Ended(Reached, Report),
}

/// What a step has reached.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) work: Work,
    /// Of each investigation found in this step: whether it was there before.
    found: Vec<bool>,
}

impl<P: Ports> FindingEnrich<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Works through a batch of messages.
    ///
    /// # Errors
    ///
    /// Only where a record can be neither reported nor set aside; each record's own failure is in the response.
    pub async fn enrich(&self, event: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        let options = Options {
            concurrency: CONCURRENCY,
            reserve: AFTER_STEPS,
            max_receives: self.settings.max_receives,
        };
        let mut batch =
            each(event, &options, &invocation.deadline, |record| self.step(record, invocation)).await;
        self.tell(&mut batch, invocation).await;
        self.hand_over(&mut batch, &invocation.deadline).await;
        for processed in &batch {
            if let Ok(Stepped::Waiting(reached) | Stepped::Ended(reached, _)) = &processed.result {
                reached.count(&invocation.metrics);
            }
        }
        self.give_up(&batch, &options, invocation).await;
        respond(batch, &options, self.ports.dead_letters()).await
    }

    /// Takes one message one step further.
    async fn step(&self, record: Arc<Record>, invocation: &Invocation) -> Result<Stepped, Error> {
        let mut work = read(&record)?;
        tracing::Span::current().record("correlation_id", work.run.as_str());
        let span = tracing::error_span!("work", finding = work.finding.id());
        async {
            if !self.rehearses(&work) && !self.admitted(&work, &record, invocation).await? {
                tracing::info!(hop = work.hop, "message dropped: another one has or had its place");
                return Ok(Stepped::Over);
            }
            let known: Vec<String> = started(&work).map(|(id, _)| id.to_owned()).collect();
            let standing = match self.advance(&mut work, &record, invocation).await {
                Ok(standing) => standing,
                Err(error) => {
                    if !self.rehearses(&work) {
                        let budget = Budget::until(&invocation.deadline, AFTER_STEPS);
                        self.release(&work, &record, budget).await;
                    }
                    return Err(error);
                }
            };
            let mut found = Vec::new();
            for (id, reused) in started(&work).filter(|(id, _)| !known.iter().any(|known| known == id)) {
                tracing::info!(investigation = id, reused, "investigation found");
                found.push(reused);
            }
            let reached = Reached { work, found };
            Ok(match standing {
                standing if self.rehearses(&reached.work) => {
                    reached.count(&invocation.metrics);
                    rehearsed(&reached.work, &standing, &invocation.metrics);
                    Stepped::Over
                }
                Standing::Waiting => Stepped::Waiting(reached),
                Standing::Ended(ended) => Stepped::Ended(reached, report(ended)),
            })
        }
        .instrument(span)
        .await
    }

    /// Whether a step is only tried out: what was begun before the dry run was switched on goes on to its end.
    pub(crate) fn rehearses(&self, work: &Work) -> bool {
        self.settings.dry_run && work.hop == 0
    }

    pub(crate) async fn admitted(
        &self,
        work: &Work,
        record: &Record,
        invocation: &Invocation,
    ) -> Result<bool, Error> {
        let Settings { reinvestigate, max_age, .. } = self.settings;
        let lease_until = invocation.deadline.expires_at();
        let admission = Admission { reinvestigate, max_age };
        admit(self.ports.chains(), work, &record.message_id, lease_until, self.clock.now(), admission).await
    }

    async fn advance(
        &self,
        work: &mut Work,
        record: &Record,
        invocation: &Invocation,
    ) -> Result<Standing, Error> {
        let step = Step {
            holder: &record.message_id,
            claim_deadline: invocation.deadline.expires_at(),
            now: self.clock.now(),
            reuse: self.settings.reuse,
            max_age: self.settings.max_age,
            dry_run: self.rehearses(work),
        };
        let ports = &self.ports;
        advance(ports.detective(), ports.iam(), ports.ledger(), work, &step).await
    }

    /// Gives a hop back after a failure. If that fails, too, the hop's lease has to run out.
    pub(crate) async fn release(&self, work: &Work, record: &Record, budget: Budget<'_>) {
        let chain = work.finding.key();
        let release = self.ports.chains().release(&chain, &work.run, work.hop, &record.message_id);
        if let Err(error) = budget.call(release).await {
            tracing::warn!(error_type = error.error_type(), %error, "hop not released");
        }
    }
}

impl Reached {
    /// Counts the investigations found in this step. Not before the step is sure to count: one that failed is taken
    /// again, and finds them again.
    fn count(&self, metrics: &Metrics) {
        for reused in &self.found {
            let metric = if *reused { "InvestigationsReused" } else { "InvestigationsStarted" };
            metrics.count(metric, 1, &[]);
        }
    }
}

/// The work that a message carries.
pub(crate) fn read(record: &Record) -> Result<Work, Error> {
    event::parse(record.body.as_bytes()).map_err(|error| {
        Error::permanent("InvalidWork", "the message is no work of finding-investigate").with_source(error)
    })
}

/// The investigations that the work knows of, in order, and whether they were there before.
fn started(work: &Work) -> impl Iterator<Item = (&str, bool)> {
    work.investigations.iter().filter_map(|progress| match &progress.state {
        State::Started { id, reused, .. } => Some((id.as_str(), *reused)),
        State::Pending | State::Refused { .. } => None,
    })
}

/// What a dry run would have done.
fn rehearsed(work: &Work, standing: &Standing, metrics: &Metrics) {
    let would = match standing {
        Standing::Ended(_) => "report",
        Standing::Waiting if started(work).next().is_some() => "reuse",
        Standing::Waiting => "start",
    };
    for progress in &work.investigations {
        // Names of users can be names of persons: the kind has to do.
        tracing::info!(kind = progress.principal.kind.as_str(), state = ?progress.state, "dry run");
    }
    tracing::info!(would, trigger = work.trigger.as_str(), "dry run: nothing was written");
    metrics.count("DryRuns", 1, &[("Would", would)]);
}
