//! Giving up: a finding whose message goes to the failed queue says so, and stands in nobody's way.
//!
//! It is done as far as it can be: whatever fails here is logged, and the message is set aside all the same.

use eventide_kit::continuation::Continuations as _;
use eventide_kit::sqs::{Options, Processed, Record};
use eventide_kit::{Error, Invocation};
use eventide_types::finding::Reference;
use eventide_types::work::Work;
use futures_util::future::join_all;
use tracing::Span;

use crate::advance::given_up;
use crate::batch::{FindingEnrich, Ports, Stepped, read};
use crate::budget::{AFTER_GIVING_UP, Budget};
use crate::report::{Report, report};
use crate::tell::outcome;
use crate::write::{Entry, write};

/// A message about to be set aside, and what its finding is told.
struct GivenUp<'a> {
    record: &'a Record,
    span: &'a Span,
    work: Work,
    report: Report,
    /// Whether the chain is known to be this message's. Otherwise the store did not answer.
    held: bool,
}

impl<P: Ports> FindingEnrich<P> {
    /// Says `failed`, with the reason, in the findings whose messages are about to be set aside, and lets other runs
    /// replace theirs. What is no work names no finding; where another message has the finding, it is that one's.
    pub(crate) async fn give_up(
        &self,
        batch: &[Processed<Stepped>],
        options: &Options,
        invocation: &Invocation,
    ) {
        let budget = Budget::until(&invocation.deadline, AFTER_GIVING_UP);
        let failed = batch.iter().filter_map(|Processed { record, result, span }| {
            let error = result.as_ref().err().filter(|error| options.sets_aside(record, error))?;
            let work = read(record).ok().filter(|work| !self.rehearses(work))?;
            // A record that was not begun has not said yet what it is about.
            span.record("correlation_id", work.run.as_str());
            Some((&**record, span, error, work))
        });
        let asked = failed.map(async |(record, span, error, work)| {
            let held = match budget.call(self.admitted(&work, record, invocation)).await {
                Ok(true) => true,
                Ok(false) => return None,
                // Somebody else is at it.
                Err(error) if error.error_type() == "AlreadyInProgress" => return None,
                Err(_) => false,
            };
            let report = report(given_up(&work, &error.to_string()));
            Some(GivenUp { record, span, work, report, held })
        });
        let all: Vec<GivenUp<'_>> = join_all(asked).await.into_iter().flatten().collect();
        let (told, entries): (Vec<&GivenUp<'_>>, Vec<Entry>) =
            all.iter().filter_map(|given_up| Some((given_up, given_up.entry()?))).unzip();
        for (given_up, written) in told.into_iter().zip(write(self.ports.hub(), &entries, budget).await) {
            match written {
                Ok(()) => self.enriched(&given_up.work, &given_up.report, &invocation.metrics),
                Err(error) => given_up.warn(&error, "finding does not say that it failed"),
            }
        }
        let held = all.iter().filter(|given_up| given_up.held);
        join_all(held.map(|given_up| self.let_go(given_up, budget))).await;
    }

    async fn let_go(&self, given_up: &GivenUp<'_>, budget: Budget<'_>) {
        let Work { run, hop, finding, .. } = &given_up.work;
        let (chain, holder) = (finding.key(), &given_up.record.message_id);
        if let Err(error) = budget.call(self.ports.chains().set_aside(&chain, run, *hop, holder)).await {
            given_up.warn(&error, "chain not let go");
        }
    }
}

impl GivenUp<'_> {
    /// Without the chain's word, only what the finding itself shows to be under way is ended, and a comment, which
    /// shows nothing, is not written.
    fn entry(&self) -> Option<Entry> {
        match self.work.finding {
            Reference::Ocsf { .. } if !self.held => None,
            _ => Some(Entry { unless_ended: !self.held, ..outcome(&self.work, &self.report) }),
        }
    }

    fn warn(&self, error: &Error, what: &'static str) {
        let (error_type, finding) = (error.error_type(), self.work.finding.id());
        self.span.in_scope(|| tracing::warn!(finding, error_type, %error, "{what}"));
    }
}
