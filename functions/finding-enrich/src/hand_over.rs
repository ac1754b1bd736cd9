//! Handing over: the next message of every finding that is not through, and the end of the chains of those that are.

use eventide_clients::sqs::{Outgoing, Queue as _};
use eventide_kit::Error;
use eventide_kit::continuation::Continuations as _;
use eventide_kit::deadline::Deadline;
use eventide_kit::sqs::Processed;
use eventide_types::work::Work;
use futures_util::future::join_all;
use tracing::Instrument as _;

use crate::admit::finished_detail;
use crate::batch::{FindingEnrich, Ports, Stepped};
use crate::budget::{AFTER_HAND_OVER, Budget};
use crate::write::again;

impl<P: Ports> FindingEnrich<P> {
    /// Sends the next message of every finding that is not through, and ends the chains of those that are.
    pub(crate) async fn hand_over(&self, batch: &mut [Processed<Stepped>], deadline: &Deadline) {
        let budget = Budget::until(deadline, AFTER_HAND_OVER);
        self.send_next(batch, budget).await;
        let close = batch.iter().map(|processed| {
            let span = processed.span.clone();
            self.close(processed, budget).instrument(span)
        });
        let closed = join_all(close).await;
        for (processed, closed) in batch.iter_mut().zip(closed) {
            if let Err(error) = closed {
                processed.result = Err(error);
            }
        }
    }

    async fn send_next(&self, batch: &mut [Processed<Stepped>], budget: Budget<'_>) {
        let (slots, messages): (Vec<usize>, Vec<Outgoing>) = batch
            .iter_mut()
            .enumerate()
            .filter_map(|(slot, processed)| match &processed.result {
                Ok(Stepped::Waiting(reached)) => match self.next(&reached.work) {
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
        let sent = match budget.call(self.ports.queue().send(messages)).await {
            Ok(sent) => sent,
            Err(error) => (0..count).map(|_| Err(again(&error))).collect(),
        };
        for (slot, sent) in slots.into_iter().zip(sent) {
            let Some(processed) = batch.get_mut(slot) else { continue };
            if let (Ok(Stepped::Waiting(reached)), Err(error)) = (&processed.result, sent) {
                let release = self.release(&reached.work, &processed.record, budget);
                release.instrument(processed.span.clone()).await;
                processed.result = Err(error);
            }
        }
    }

    /// Records in the chain what has become of the hop.
    async fn close(&self, processed: &Processed<Stepped>, budget: Budget<'_>) -> Result<(), Error> {
        match &processed.result {
            Ok(Stepped::Waiting(reached)) => {
                let Work { run, hop, finding, .. } = &reached.work;
                let chain = finding.key();
                // The successor is on its way and takes the next hop all the same.
                if let Err(error) = budget.call(self.ports.chains().handed_over(&chain, run, *hop)).await {
                    tracing::warn!(error_type = error.error_type(), %error, "hand-over not recorded");
                }
                Ok(())
            }
            Ok(Stepped::Ended(reached, _)) => {
                let work = &reached.work;
                let chain = work.finding.key();
                budget.call(self.ports.chains().finish(&chain, &work.run, finished_detail(work))).await
            }
            Ok(Stepped::Over) | Err(_) => Ok(()),
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
}
