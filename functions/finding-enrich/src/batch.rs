//! The story of a batch: admit and advance each message, write what there is to be written, hand over what is not
//! through, answer.

use std::sync::Arc;

use eventide_clients::detective::Detective;
use eventide_clients::iam::Iam;
use eventide_clients::security_hub::SecurityHub;
use eventide_clients::sqs::{Outgoing, Queue};
use eventide_kit::clock::Clock;
use eventide_kit::continuation::Continuations;
use eventide_kit::event;
use eventide_kit::ledger::Ledger;
use eventide_kit::sqs::{DeadLetters, Options, Processed, Record, SqsBatchResponse, SqsEvent, each, respond};
use eventide_kit::{Error, Invocation, Metrics, Unit};
use eventide_types::finding::Reference;
use eventide_types::investigation::Severity;
use eventide_types::work::{Stage, State, Work, field};
use std::time::Duration;
use tracing::Instrument as _;

use crate::admit::{Admission, admit, finished_detail};
use crate::advance::{Standing, Step, advance};
use crate::config::Settings;
use crate::report::{Report, report};
use crate::write::{Entry, again, write};

/// Messages worked on at a time: each waits for Detective most of its time. Half a batch, so that a cause that is not a
/// message's own spares the other half.
const CONCURRENCY: usize = 5;

/// Time kept back for writing and handing over what the steps have reached: more than the 20 s that the SDK gives one
/// call with all its attempts.
const RESERVE: Duration = Duration::from_secs(25);

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
    ports: P,
    settings: Settings,
    clock: Arc<dyn Clock>,
}

/// What a message has come to after its step.
#[derive(Debug)]
enum Stepped {
    /// Nothing more is to be done about it.
    Over,
    /// Its finding is not through.
    Waiting(Work),
    /// Its finding is through.
    Ended(Work, Report),
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
        let options =
            Options { concurrency: CONCURRENCY, reserve: RESERVE, max_receives: self.settings.max_receives };
        let mut batch =
            each(event, &options, &invocation.deadline, |record| self.step(record, invocation)).await;
        self.write(&mut batch, &invocation.metrics).await;
        self.hand_over(&mut batch).await;
        respond(batch, &options, self.ports.dead_letters()).await
    }

    /// Takes one message one step further.
    async fn step(&self, record: Arc<Record>, invocation: &Invocation) -> Result<Stepped, Error> {
        let mut work: Work = event::parse(record.body.as_bytes()).map_err(|error| {
            Error::permanent("InvalidWork", "the message is no work of finding-investigate")
                .with_source(error)
        })?;
        let span = tracing::info_span!("work", correlation_id = work.run, finding = work.finding.id());
        async {
            if !self.rehearses(&work) && !self.admitted(&work, &record, invocation).await? {
                tracing::info!(hop = work.hop, "message dropped: another one has or had its place");
                return Ok(Stepped::Over);
            }
            match self.advance(&mut work, &record, invocation).await {
                Ok(standing) if self.rehearses(&work) => {
                    rehearsed(&work, &standing, &invocation.metrics);
                    Ok(Stepped::Over)
                }
                Ok(Standing::Waiting) => Ok(Stepped::Waiting(work)),
                Ok(Standing::Ended(ended)) => Ok(Stepped::Ended(work, report(ended))),
                Err(error) => {
                    if !self.rehearses(&work) {
                        self.release(&work, &record).await;
                    }
                    Err(error)
                }
            }
        }
        .instrument(span)
        .await
    }

    /// Whether a step is only tried out: what was begun before the dry run was switched on goes on to its end.
    fn rehearses(&self, work: &Work) -> bool {
        self.settings.dry_run && work.hop == 0
    }

    async fn admitted(&self, work: &Work, record: &Record, invocation: &Invocation) -> Result<bool, Error> {
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
        let known: Vec<String> = started(work).map(|(id, _)| id.to_owned()).collect();
        let step = Step {
            holder: &record.message_id,
            claim_deadline: invocation.deadline.expires_at(),
            now: self.clock.now(),
            reuse: self.settings.reuse,
            max_age: self.settings.max_age,
            dry_run: self.rehearses(work),
        };
        let ports = &self.ports;
        let standing = advance(ports.detective(), ports.iam(), ports.ledger(), work, &step).await;
        for (id, reused) in started(work).filter(|(id, _)| !known.iter().any(|known| known == id)) {
            tracing::info!(investigation = id, reused, "investigation found");
            let metric = if reused { "InvestigationsReused" } else { "InvestigationsStarted" };
            invocation.metrics.count(metric, 1, &[]);
        }
        standing
    }

    /// Writes the outcomes, and `running` into findings that do not say so yet.
    async fn write(&self, batch: &mut [Processed<Stepped>], metrics: &Metrics) {
        let (slots, entries): (Vec<usize>, Vec<Entry>) = batch
            .iter()
            .enumerate()
            .filter_map(|(slot, processed)| Some((slot, entry(processed.result.as_ref().ok()?)?)))
            .unzip();
        let written = write(self.ports.hub(), &entries).await;
        for (slot, written) in slots.into_iter().zip(written) {
            let Some(processed) = batch.get_mut(slot) else { continue };
            match (&mut processed.result, written) {
                (Ok(Stepped::Waiting(work)), Ok(())) => work.marked_running = true,
                (Ok(Stepped::Ended(work, report)), Ok(())) => self.enriched(work, report, metrics),
                (Ok(Stepped::Waiting(work) | Stepped::Ended(work, _)), Err(error)) => {
                    self.release(work, &processed.record).await;
                    processed.result = Err(error);
                }
                (Ok(Stepped::Over) | Err(_), _) => {}
            }
        }
    }

    /// Tells in logs and metrics that a finding is enriched.
    fn enriched(&self, work: &Work, report: &Report, metrics: &Metrics) {
        let outcome = report.stage.as_str();
        let severity = report.severity.map_or("NONE", Severity::as_str);
        let seconds = (self.clock.now() - work.requested_at).as_seconds_f64();
        tracing::info!(
            correlation_id = work.run,
            finding = work.finding.id(),
            trigger = work.trigger.as_str(),
            outcome,
            severity,
            seconds,
            "finding enriched"
        );
        metrics.count("FindingsEnriched", 1, &[("Outcome", outcome), ("Severity", severity)]);
        metrics.record("SecondsToEnrichment", Unit::Seconds, seconds, &[]);
        if report.stage == Stage::Unsupported {
            metrics.count("InvestigationsUnsupported", 1, &[]);
        }
    }

    /// Sends the next message of every finding that is not through, and ends the chains of those that are.
    async fn hand_over(&self, batch: &mut [Processed<Stepped>]) {
        let (slots, messages): (Vec<usize>, Vec<Outgoing>) = batch
            .iter_mut()
            .enumerate()
            .filter_map(|(slot, processed)| match &processed.result {
                Ok(Stepped::Waiting(work)) => match self.next(work) {
                    Ok(message) => Some((slot, message)),
                    Err(error) => {
                        processed.result = Err(error);
                        None
                    }
                },
                Ok(Stepped::Over | Stepped::Ended(..)) | Err(_) => None,
            })
            .unzip();
        let count = messages.len();
        let sent = match self.ports.queue().send(messages).await {
            Ok(sent) => sent,
            Err(error) => (0..count).map(|_| Err(again(&error))).collect(),
        };
        for (slot, sent) in slots.into_iter().zip(sent) {
            let Some(processed) = batch.get_mut(slot) else { continue };
            let Ok(Stepped::Waiting(work)) = &processed.result else { continue };
            match sent {
                Ok(_) => {
                    let chain = work.finding.key();
                    if let Err(error) = self.ports.chains().handed_over(&chain, &work.run, work.hop).await {
                        tracing::warn!(error_type = error.error_type(), %error, "hand-over not recorded");
                    }
                }
                Err(error) => {
                    self.release(work, &processed.record).await;
                    processed.result = Err(error);
                }
            }
        }
        for processed in batch {
            if let Ok(Stepped::Ended(work, _)) = &processed.result
                && let Err(error) =
                    self.ports.chains().finish(&work.finding.key(), &work.run, finished_detail(work)).await
            {
                processed.result = Err(error);
            }
        }
    }

    fn next(&self, work: &Work) -> Result<Outgoing, Error> {
        let next = Work { hop: work.hop + 1, ..work.clone() };
        let body = serde_json::to_string(&next).map_err(|error| {
            Error::permanent("Unwritable", "the work cannot be written").with_source(error)
        })?;
        let delay_seconds = self.settings.poll_delay_seconds;
        Ok(Outgoing { body, delay_seconds, ..Outgoing::default() })
    }

    /// Gives a hop back after a failure. If that fails, too, the hop's lease has to run out.
    async fn release(&self, work: &Work, record: &Record) {
        let chain = work.finding.key();
        if let Err(error) = self.ports.chains().release(&chain, &work.run, work.hop, &record.message_id).await
        {
            tracing::warn!(error_type = error.error_type(), %error, "hop not released");
        }
    }
}

/// The investigations that the work knows of, in order, and whether they were there before.
fn started(work: &Work) -> impl Iterator<Item = (&str, bool)> {
    work.investigations.iter().filter_map(|progress| match &progress.state {
        State::Started { id, reused, .. } => Some((id.as_str(), *reused)),
        State::Pending | State::Refused { .. } => None,
    })
}

/// What is to be written after a step, if anything is.
fn entry(stepped: &Stepped) -> Option<Entry> {
    match stepped {
        Stepped::Ended(work, report) => Some(Entry {
            finding: work.finding.clone(),
            note: match work.finding {
                Reference::Asff { .. } => Some(report.note.clone()),
                Reference::Ocsf { .. } => (!work.commented).then(|| report.comment.clone()),
            },
            fields: report.fields.clone(),
        }),
        Stepped::Waiting(work) if !work.marked_running => match work.finding {
            Reference::Asff { .. } => Some(Entry {
                finding: work.finding.clone(),
                note: None,
                fields: vec![(field::INVESTIGATE.to_owned(), Stage::Running.as_str().to_owned())],
            }),
            // A comment for every look would bury the one that matters.
            Reference::Ocsf { .. } => None,
        },
        Stepped::Waiting(_) | Stepped::Over => None,
    }
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
