//! Looking after requests whose event never came.

use eventide_clients::marts::Requests as _;
use eventide_clients::redshift_data::{RedshiftData as _, Status};
use eventide_clients::sqs::{Outgoing, Queue as _};
use eventide_kit::{Error, Invocation};
use eventide_types::mart::message::{Delivery, Postponed};
use eventide_types::mart::request::{Record, State};
use serde::Serialize;
use time::Duration;

use crate::deliver::{MartDeliver, Ports};

/// Requests that one sweep looks at. The next one is 5 minutes away.
const MOST: usize = 200;
/// The longest that an invocation can wait for rows (Lambda developer guide, quotas).
const LONGEST_WAIT: Duration = Duration::minutes(15);

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Requests that had not moved.
    pub overdue: u64,
    /// Of them, results that were sent to be delivered.
    pub delivered: u64,
    /// Of them, requests that were sent to be submitted.
    pub submitted: u64,
    /// Of them, requests whose result nobody waits for any more.
    pub given_up: u64,
}

impl<P: Ports> MartDeliver<P> {
    /// Sends what is overdue to where it goes on. What runs in Redshift is left to run, if anybody waits for it.
    ///
    /// # Errors
    ///
    /// The first that AWS answers; the rest is looked at all the same.
    pub(crate) async fn sweep(&self, invocation: &Invocation) -> Result<Swept, Error> {
        let before = self.clock.now() - self.settings.overdue;
        let mut swept = Swept::default();
        let mut first = None;
        for token in self.ports.requests().stale(before, MOST).await? {
            if let Err(error) = self.look_after(&token, &mut swept).await {
                tracing::error!(token, error_type = error.qualified_type(), %error, "request not looked after");
                first.get_or_insert(error);
            }
        }
        tracing::info!(
            overdue = swept.overdue,
            delivered = swept.delivered,
            submitted = swept.submitted,
            given_up = swept.given_up,
            "swept"
        );
        invocation.metrics.count("RequestsOverdue", swept.overdue, &[]);
        first.map_or(Ok(swept), Err)
    }

    async fn look_after(&self, token: &str, swept: &mut Swept) -> Result<(), Error> {
        let Some(request) = self.ports.requests().request(token).await? else { return Ok(()) };
        if request.state.is_final() {
            return Ok(());
        }
        swept.overdue += 1;
        if request.inline {
            return self.nobody_waits(request, swept).await;
        }
        let Some(statement_id) = &request.statement_id else {
            return self.never_submitted(request, swept).await;
        };
        let described = self.ports.redshift().describe(statement_id, 0).await?;
        if described.is_some_and(|described| described.status == Status::Running) {
            return self.still_running(request).await;
        }
        // Unknown statements too: the delivery tells who waits that the result has expired.
        let delivery = Outgoing::json(&Delivery::of(token), 0)?;
        self.ports.deliver_queue().send_all(vec![delivery]).await?;
        swept.delivered += 1;
        Ok(())
    }

    /// Others may be waiting behind it to be looked after.
    async fn still_running(&self, mut request: Record) -> Result<(), Error> {
        request.updated_at = self.clock.now();
        self.ports.requests().advance(&request, &[request.state]).await.map(drop)
    }

    async fn never_submitted(&self, request: Record, swept: &mut Swept) -> Result<(), Error> {
        // mart-query died between accepting and submitting, or its message was lost. A second submission is the same
        // statement.
        let postponed = Outgoing::json(&Postponed { token: request.token, refusals: 0 }, 0)?;
        self.ports.query_queue().send_all(vec![postponed]).await?;
        swept.submitted += 1;
        Ok(())
    }

    /// The invocation that waited for the rows died. What nobody waits for is not to run on.
    async fn nobody_waits(&self, mut request: Record, swept: &mut Swept) -> Result<(), Error> {
        let now = self.clock.now();
        if now - request.updated_at <= LONGEST_WAIT {
            return Ok(());
        }
        if let Some(statement_id) = &request.statement_id {
            self.ports.redshift().cancel(statement_id).await?;
        }
        request.state = State::Failed;
        request.reason = Some("nobody waited for the rows any more".to_owned());
        request.updated_at = now;
        self.ports.requests().advance(&request, &State::ON_ITS_WAY).await?;
        swept.given_up += 1;
        Ok(())
    }
}
