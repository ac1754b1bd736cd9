//! Long polls. They last by the machine's clock, as the deadlines of those who wait do.

use std::time::Duration;

use super::RedshiftData;
use super::refusal::{Outcome, Refusal};

/// Counts a request among those that wait for a statement, until it is dropped.
struct Waiting {
    service: RedshiftData,
    id: String,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(statement) = self.service.state().statements.get_mut(&self.id) {
            statement.waiting = statement.waiting.saturating_sub(1);
        }
    }
}

impl RedshiftData {
    /// Waits for a statement's end, unless too many do.
    pub(super) async fn wait(&self, id: &str, seconds: Option<u32>) -> Outcome<()> {
        let Some(seconds) = seconds else { return Ok(()) };
        let waiting = {
            let mut state = self.state();
            let limit = state.settings.max_waiting_requests;
            match state.statements.get_mut(id) {
                Some(statement) if !statement.status.has_ended() => {
                    if statement.waiting >= limit {
                        return Err(Refusal::too_many_waiting(limit));
                    }
                    statement.waiting += 1;
                    Waiting { service: self.clone(), id: id.to_owned() }
                }
                _ => return Ok(()),
            }
        };
        self.ended_within(id, seconds).await;
        drop(waiting);
        Ok(())
    }

    /// Waits for a statement's end, but not longer.
    pub(super) async fn ended_within(&self, id: &str, seconds: u32) {
        let ended = self.state().statements.get(id).map(|statement| statement.ended.subscribe());
        let Some(mut ended) = ended else { return };
        let end = ended.wait_for(|ended| *ended);
        let _ = tokio::time::timeout(Duration::from_secs(seconds.into()), end).await;
    }
}
