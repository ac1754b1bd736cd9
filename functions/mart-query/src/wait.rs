//! Waiting for a statement's end, and answering with its rows.

use std::time::Duration;

use eventide_clients::marts::Requests as _;
use eventide_clients::redshift_data::{
    Column, Described, RedshiftData as _, ResultFormat, Rows as PageRows, Status,
};
use eventide_clients::sqs::{Outgoing, Queue as _};
use eventide_kit::{Error, Invocation};
use eventide_types::mart::Mart;
use eventide_types::mart::definition::Format;
use eventide_types::mart::message::Delivery;
use eventide_types::mart::request::{Record, State};

use crate::answer::{Answer, Header};
use crate::query::{MartQuery, Ports};
use crate::rows::Rows;

/// The longest answer in bytes, its quotes escaped: Lambda's limit is 6 MB (6,291,456 bytes) for request and response
/// (Lambda developer guide, quotas). The rest is for what stands around the rows.
const MAX_ANSWER: usize = 6_000_000;
/// A result that Redshift counts more bytes of does not fit, whatever its text. It is not even fetched.
const MAX_RESULT: u64 = 6_000_000;
/// The longest that Redshift holds a call (Data API reference, `WaitTimeSeconds`).
const LONGEST_WAIT: u64 = 30;
/// Kept back for cancelling and answering.
const ANSWERING: Duration = Duration::from_secs(3);
/// Kept back for fetching the rows, too, of a statement that ends at the last moment.
const FETCHING: Duration = Duration::from_secs(6);

impl<P: Ports> MartQuery<P> {
    /// How long Redshift may hold the next call, in whole seconds.
    pub(crate) fn wait_seconds(&self, invocation: &Invocation) -> u8 {
        let budget = invocation.deadline.remaining().saturating_sub(FETCHING).as_secs();
        u8::try_from(budget.min(LONGEST_WAIT)).unwrap_or(0)
    }

    /// Waits for the statement inside the invocation's time. When that ends, the statement is cancelled: nobody is
    /// left to take its rows.
    pub(crate) async fn wait(
        &self,
        mut record: Record,
        statement_id: &str,
        mut status: Status,
        mart: &Mart,
        invocation: &Invocation,
    ) -> Result<Answer, Error> {
        loop {
            // One that has ended is asked, too: the answer to its submission says neither its rows nor its error.
            let wait = if status.has_ended() { 0 } else { self.wait_seconds(invocation) };
            if wait == 0 && !status.has_ended() {
                return self.too_slow(record, statement_id, mart, invocation).await;
            }
            let Some(described) = self.ports.redshift().describe(statement_id, wait).await? else {
                let reason = "Redshift knows no such statement, expected one of the last 24 hours";
                self.fail(&mut record, reason).await?;
                return Ok(Answer::failed(422, &record, "ResultExpired", reason));
            };
            status = described.status;
            match status {
                Status::Running => {}
                Status::Finished => return self.finished(record, &described, invocation).await,
                Status::Failed | Status::Aborted => {
                    let reason = described.error.unwrap_or_else(|| "the statement was cancelled".to_owned());
                    self.fail(&mut record, &reason).await?;
                    return Ok(Answer::failed(422, &record, "StatementFailed", &reason));
                }
            }
        }
    }

    async fn too_slow(
        &self,
        mut record: Record,
        statement_id: &str,
        mart: &Mart,
        invocation: &Invocation,
    ) -> Result<Answer, Error> {
        let reason = format!(
            "mart `{}` took longer than there was time to wait, and was cancelled; ask for it without `wait`",
            mart.definition.name
        );
        invocation.metrics.count("StatementsCancelled", 1, &[]);
        match invocation
            .deadline
            .run(Duration::from_secs(1), self.ports.redshift().cancel(statement_id))
            .await
        {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(error_type = error.error_type(), %error, "statement not cancelled")
            }
            Err(expired) => tracing::warn!(error = %expired, "statement not cancelled"),
        }
        self.fail(&mut record, &reason).await?;
        Ok(Answer::failed(504, &record, "DeadlineExceeded", &reason))
    }

    async fn finished(
        &self,
        mut record: Record,
        described: &Described,
        invocation: &Invocation,
    ) -> Result<Answer, Error> {
        if described.rows.is_some_and(|rows| rows > record.row_cap) {
            let reason =
                format!("the result has more than {} rows, expected at most so many", record.row_cap);
            self.fail(&mut record, &reason).await?;
            return Ok(Answer::failed(422, &record, "RowCapExceeded", &reason));
        }
        if described.bytes.is_some_and(|bytes| bytes > MAX_RESULT) {
            return self.deliver_instead(record).await;
        }
        match self.rows(described, invocation).await? {
            Some((columns, rows)) => {
                record.state = State::Delivered;
                record.updated_at = self.clock.now();
                self.ports.marts().advance(&record, &[State::Accepted, State::Submitted]).await?;
                invocation.metrics.count("RowsAnswered", rows.count(), &[]);
                let mut answer = Answer::standing(200, &record);
                answer.columns = Some(columns.iter().map(Header::from).collect());
                answer.rows = Some(rows.finish());
                Ok(answer)
            }
            None => self.deliver_instead(record).await,
        }
    }

    /// All rows of a result, unless they are too long or too slow to come.
    async fn rows(
        &self,
        described: &Described,
        invocation: &Invocation,
    ) -> Result<Option<(Vec<Column>, Rows)>, Error> {
        let mut rows = Rows::new(MAX_ANSWER);
        let mut token: Option<String> = None;
        loop {
            let page = self.ports.redshift().page(&described.id, ResultFormat::Json, token.as_deref());
            let Ok(page) = invocation.deadline.run(ANSWERING, page).await else { return Ok(None) };
            let page = page?;
            let PageRows::Fields(fields) = page.rows else {
                return Err(Error::permanent(
                    "UnexpectedRows",
                    "Redshift answered with rows of another format",
                ));
            };
            if !rows.push(&fields) {
                return Ok(None);
            }
            match page.next_token {
                Some(next) => token = Some(next),
                None => return Ok(Some((page.columns, rows))),
            }
        }
    }

    /// Hands a result over that is too long to answer with.
    async fn deliver_instead(&self, mut record: Record) -> Result<Answer, Error> {
        record.inline = false;
        record.format = Format::Jsonl;
        record.state = State::Submitted;
        record.updated_at = self.clock.now();
        if !self.ports.marts().advance(&record, &[State::Accepted, State::Submitted]).await? {
            // Another invocation for the same request has brought it to an end.
            let ended = self.ports.marts().request(&record.token).await?;
            return self.standing(&ended.unwrap_or(record)).await;
        }
        tracing::info!(token = record.token, "result handed over: too long to answer with");
        let delivery = Outgoing::json(&Delivery::of(&record.token), 0)?;
        self.ports.deliver_queue().send_all(vec![delivery]).await?;
        self.on_its_way(&record).await
    }
}
