//! Looking after requests whose event never came.

use eventide_clients::marts::Requests as _;
use eventide_clients::redshift_data::{RedshiftData as _, Status};
use eventide_clients::sqs::{Outgoing, Queue};
use eventide_kit::{Error, Invocation};
use eventide_types::mart::request::{Record, State};
use serde::Serialize;
use serde_json::json;

use crate::deliver::{MartDeliver, Ports};

/// Requests that one sweep looks at. The next one is 5 minutes away.
const MOST: usize = 200;

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
    /// Sends what is overdue to where it goes on. What runs in Redshift is left to run.
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
            "swept"
        );
        invocation.metrics.count("RequestsOverdue", swept.overdue, &[]);
        first.map_or(Ok(swept), Err)
    }

    async fn look_after(&self, token: &str, swept: &mut Swept) -> Result<(), Error> {
        let Some(request) = self.ports.requests().request(token).await? else { return Ok(()) };
        if matches!(request.state, State::Delivered | State::Failed) {
            return Ok(());
        }
        swept.overdue += 1;
        let Some(statement_id) = &request.statement_id else {
            return self.never_submitted(request, swept).await;
        };
        let described = self.ports.redshift().describe(statement_id, 0).await?;
        if described.is_some_and(|described| described.status == Status::Running) {
            return Ok(());
        }
        if request.inline {
            return self.nobody_waits(request, swept).await;
        }
        // Unknown statements too: the delivery tells who waits that the result has expired.
        send(self.ports.deliver_queue(), token).await?;
        swept.delivered += 1;
        Ok(())
    }

    async fn never_submitted(&self, request: Record, swept: &mut Swept) -> Result<(), Error> {
        if request.inline {
            return self.nobody_waits(request, swept).await;
        }
        // mart-query died between accepting and submitting, or its message is still delayed. A second submission is the
        // same statement.
        let again = json!({ "token": request.token, "refusals": 0 });
        send_body(self.ports.query_queue(), again.to_string()).await?;
        swept.submitted += 1;
        Ok(())
    }

    /// Whoever waited has long got an answer, or their invocation died.
    async fn nobody_waits(&self, mut request: Record, swept: &mut Swept) -> Result<(), Error> {
        let from = [State::Accepted, State::Submitted];
        request.state = State::Failed;
        request.reason = Some("nobody waited for the rows any more".to_owned());
        request.updated_at = self.clock.now();
        self.ports.requests().advance(&request, &from).await?;
        swept.given_up += 1;
        Ok(())
    }
}

async fn send(queue: &impl Queue, token: &str) -> Result<(), Error> {
    send_body(queue, json!({ "token": token }).to_string()).await
}

async fn send_body(queue: &impl Queue, body: String) -> Result<(), Error> {
    for sent in queue.send(vec![Outgoing { body, ..Outgoing::default() }]).await? {
        sent?;
    }
    Ok(())
}
