//! Telling findings what their messages have come to, and logs and metrics with them.

use eventide_kit::sqs::Processed;
use eventide_kit::{Error, Invocation, Metrics, Unit};
use eventide_types::finding::Reference;
use eventide_types::investigation::Severity;
use eventide_types::work::{Stage, Work, field};
use futures_util::future::join_all;
use tracing::Instrument as _;

use crate::admit::holds;
use crate::batch::{FindingEnrich, Ports, Stepped};
use crate::budget::{AFTER_WRITING, Budget};
use crate::report::Report;
use crate::write::{Entry, write};

impl<P: Ports> FindingEnrich<P> {
    /// Writes the outcomes, and `running` into findings that do not say so yet. A run that another one has replaced
    /// since its step began writes nothing: the finding is the other's to write.
    pub(crate) async fn tell(&self, batch: &mut [Processed<Stepped>], invocation: &Invocation) {
        let budget = Budget::until(&invocation.deadline, AFTER_WRITING);
        self.drop_replaced(batch, invocation, budget).await;
        let (slots, entries): (Vec<usize>, Vec<Entry>) = batch
            .iter()
            .enumerate()
            .filter_map(|(slot, processed)| Some((slot, entry(processed.result.as_ref().ok()?)?)))
            .unzip();
        let written = write(self.ports.hub(), &entries, budget).await;
        for (slot, written) in slots.into_iter().zip(written) {
            let Some(processed) = batch.get_mut(slot) else { continue };
            match (&mut processed.result, written) {
                (Ok(Stepped::Waiting(reached)), Ok(())) => reached.work.marked_running = true,
                (Ok(Stepped::Ended(reached, report)), Ok(())) => {
                    self.enriched(&reached.work, report, &invocation.metrics);
                }
                (Ok(Stepped::Waiting(reached) | Stepped::Ended(reached, _)), Err(error)) => {
                    let release = self.release(&reached.work, &processed.record, budget);
                    release.instrument(processed.span.clone()).await;
                    processed.result = Err(error);
                }
                (Ok(Stepped::Over) | Err(_), _) => {}
            }
        }
    }

    /// Takes out those that do not hold their hop any more. The moment between this and the write cannot be closed,
    /// because Security Hub knows no conditional updates; the run that takes a chain over then writes after it.
    async fn drop_replaced(
        &self,
        batch: &mut [Processed<Stepped>],
        invocation: &Invocation,
        budget: Budget<'_>,
    ) {
        let lease_until = invocation.deadline.expires_at();
        let held = batch.iter().enumerate().filter_map(|(slot, processed)| {
            let stepped = processed.result.as_ref().ok()?;
            entry(stepped)?;
            let (Stepped::Waiting(reached) | Stepped::Ended(reached, _)) = stepped else { return None };
            let holder = &processed.record.message_id;
            let holds = holds(self.ports.chains(), &reached.work, holder, lease_until);
            Some(async move { (slot, budget.call(holds).await) })
        });
        let held: Vec<(usize, Result<bool, Error>)> = join_all(held).await;
        for (slot, holds) in held {
            let Some(processed) = batch.get_mut(slot) else { continue };
            match holds {
                Ok(true) => {}
                Ok(false) => {
                    processed.span.in_scope(|| tracing::info!("message dropped: another run took over"));
                    processed.result = Ok(Stepped::Over);
                }
                Err(error) => processed.result = Err(error),
            }
        }
    }

    /// Tells in logs and metrics that a finding is enriched.
    pub(crate) fn enriched(&self, work: &Work, report: &Report, metrics: &Metrics) {
        let outcome = report.stage.as_str();
        let severity = report.severity.map_or("NONE", Severity::as_str);
        let now = self.clock.now();
        let trigger = work.trigger.as_str();
        let seconds_from_request = (now - work.requested_at).as_seconds_f64();
        let seconds = (now - work.found_at.unwrap_or(work.requested_at)).as_seconds_f64();
        tracing::info!(
            correlation_id = work.run,
            finding = work.finding.id(),
            trigger,
            outcome,
            severity,
            seconds,
            seconds_from_request,
            "finding enriched"
        );
        metrics.count("FindingsEnriched", 1, &[("Outcome", outcome), ("Severity", severity)]);
        let by_trigger = [("Trigger", trigger)];
        metrics.record("SecondsToEnrichment", Unit::Seconds, seconds, &by_trigger);
        metrics.record("SecondsFromRequest", Unit::Seconds, seconds_from_request, &by_trigger);
        if report.unsupported > 0 {
            metrics.count("InvestigationsUnsupported", report.unsupported, &[]);
        }
    }
}

/// What is to be written after a step, if anything is.
fn entry(stepped: &Stepped) -> Option<Entry> {
    match stepped {
        Stepped::Ended(reached, report) => Some(outcome(&reached.work, report)),
        Stepped::Waiting(reached) if !reached.work.marked_running => match reached.work.finding {
            Reference::Asff { .. } => Some(Entry {
                finding: reached.work.finding.clone(),
                note: None,
                fields: vec![(field::INVESTIGATE.to_owned(), Stage::Running.as_str().to_owned())],
                unless_ended: false,
            }),
            // A comment for every look would bury the one that matters.
            Reference::Ocsf { .. } => None,
        },
        Stepped::Waiting(_) | Stepped::Over => None,
    }
}

/// An outcome as it is written: a note and fields, or the one comment that an OCSF finding has room for.
pub(crate) fn outcome(work: &Work, report: &Report) -> Entry {
    let note = match work.finding {
        Reference::Asff { .. } => Some(report.note.clone()),
        Reference::Ocsf { .. } => (!work.commented).then(|| report.comment.clone()),
    };
    Entry { finding: work.finding.clone(), note, fields: report.fields.clone(), unless_ended: false }
}
