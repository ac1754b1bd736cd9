//! The story of a delivery: look at the statement, take its rows to S3, tell who waits.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::event_bus::EventBus;
use eventide_clients::marts::{Requests, Usages};
use eventide_clients::redshift_data::{Column, Described, Page, RedshiftData, ResultFormat, Status};
use eventide_clients::s3::Bucket;
use eventide_clients::sqs::Queue;
use eventide_kit::clock::Clock;
use eventide_kit::event::Trigger;
use eventide_kit::sqs::{
    DeadLetters, Options, Record as SqsRecord, SqsBatchResponse, SqsEvent, each, respond,
};
use eventide_kit::{Class, Error, Invocation};
use eventide_types::mart::definition::Format;
use eventide_types::mart::request::{Record, State};
use eventide_types::printable;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::Settings;
use crate::encode::Encoder;
use crate::event::{Message, News, message};
use crate::upload::{Upload, Uploaded};

/// Kept back for answering.
const RESERVE: Duration = Duration::from_secs(10);
/// Kept back for giving an upload up and telling that, besides.
const TELLING: Duration = Duration::from_secs(30);

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// The requests.
    type Requests: Requests;
    /// What statements cost.
    type Usages: Usages;
    /// The Redshift Data API.
    type Redshift: RedshiftData;
    /// The bucket of the results.
    type Bucket: Bucket;
    /// Where events go.
    type EventBus: EventBus;
    /// A queue.
    type Queue: Queue;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// The requests.
    fn requests(&self) -> &Self::Requests;
    /// What statements cost.
    fn usages(&self) -> &Self::Usages;
    /// The Redshift Data API.
    fn redshift(&self) -> &Self::Redshift;
    /// The bucket of the results.
    fn bucket(&self) -> &Self::Bucket;
    /// Where events go.
    fn event_bus(&self) -> &Self::EventBus;
    /// This function's own queue.
    fn deliver_queue(&self) -> &Self::Queue;
    /// mart-query's queue.
    fn query_queue(&self) -> &Self::Queue;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct MartDeliver<P> {
    pub(crate) ports: P,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What the function answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// To the queue.
    Batch(SqsBatchResponse),
    /// To the schedule.
    Swept(crate::sweep::Swept),
}

/// Why a request comes to nothing.
pub(crate) struct Failure {
    /// A stable name of its kind.
    pub(crate) class: String,
    /// What went wrong. It may be the warehouse's own words, which may quote data: for who asked, and for no log.
    pub(crate) reason: String,
    /// The warehouse's own words, if it said any.
    pub(crate) warehouse_error: Option<String>,
}

impl Failure {
    pub(crate) fn new(class: &str, reason: impl Into<String>) -> Self {
        Self { class: class.to_owned(), reason: reason.into(), warehouse_error: None }
    }
}

/// A result that lies in the bucket.
pub(crate) struct Delivered {
    pub(crate) files: Vec<DeliveredFile>,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// One of its files.
pub(crate) struct DeliveredFile {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// Not known of a file that the warehouse wrote.
    pub(crate) sha256: Option<String>,
}

impl<P: Ports> MartDeliver<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Works through a batch of messages, or sweeps.
    ///
    /// # Errors
    ///
    /// `InvalidEvent`, and what AWS answers to a sweep; each message's own failure is in the response.
    pub async fn answer(&self, event: &RawValue, invocation: &Invocation) -> Result<Response, Error> {
        match Trigger::read(event)? {
            Trigger::Queue(batch) => self.batch(batch, invocation).await.map(Response::Batch),
            Trigger::Sweep => self.sweep(invocation).await.map(Response::Swept),
        }
    }

    async fn batch(&self, batch: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        let options = Options { concurrency: 1, reserve: RESERVE, max_receives: self.settings.max_receives };
        let done = each(batch, &options, &invocation.deadline, |record| self.one(record, invocation)).await;
        respond(done, &options, self.ports.dead_letters()).await
    }

    async fn one(&self, record: Arc<SqsRecord>, invocation: &Invocation) -> Result<(), Error> {
        let Message { token, news } = message(&record.body)?;
        let Some(mut request) = self.ports.requests().request(&token).await? else {
            let message = format!(
                "no request has the token `{}`, expected one of the last 30 days",
                printable(&token, 64)
            );
            return Err(Error::permanent("UnknownRequest", message));
        };
        let done = match news {
            News::GivenUp { error_class, reason } => {
                let is_so = request.state == State::Accepted;
                Ok(is_so.then(|| Failure::new(&error_class, reason)))
            }
            News::HandedOver => self.deliver(&mut request, invocation).await,
            News::Ended { statement_id } => {
                // The event may be here before mart-query has written down which statement it was. Anyone may run a
                // statement of any name.
                if *request.statement_id.get_or_insert(statement_id.clone()) != statement_id {
                    let message = format!("statement `{statement_id}` is not that of request `{token}`");
                    return Err(Error::permanent("OtherStatement", message));
                }
                self.deliver(&mut request, invocation).await
            }
        };
        match done {
            Ok(None) => Ok(()),
            Ok(Some(failure)) => self.failed(&mut request, failure, invocation).await,
            Err(error) => {
                let is_last = record.receive_count >= self.settings.max_receives;
                if is_last || error.class() == Class::Permanent {
                    // Whoever waits is told, too, not only the failed queue.
                    let failure = Failure::new(error.error_type(), error.to_string());
                    if let Err(worse) = self.failed(&mut request, failure, invocation).await {
                        tracing::warn!(error_type = worse.error_type(), error = %worse, "failure not told");
                    }
                }
                Err(error)
            }
        }
    }

    async fn deliver(&self, request: &mut Record, invocation: &Invocation) -> Result<Option<Failure>, Error> {
        if request.state == State::Delivered && !request.inline {
            // A repeat, booked like all else.
            return Ok(None);
        }
        let Some(statement_id) = request.statement_id.clone() else {
            let message = format!("request `{}` has no statement", request.token);
            return Err(Error::permanent("NotSubmitted", message));
        };
        let nothing_to_deliver = request.inline || request.state.is_final();
        let Some(described) = self.ports.redshift().describe(&statement_id, 0).await? else {
            let reason = "Redshift knows no such statement, expected one of the last 24 hours";
            return Ok((!nothing_to_deliver).then(|| Failure::new("ResultExpired", reason)));
        };
        if described.status == Status::Running {
            // A message of the sweep; the event of the end is still to come.
            return Ok(None);
        }
        // How much was unloaded only the warehouse's manifest says. Without it the statement is booked all the same, and a
        // later delivery that finds it completes that.
        let unloaded = match described.status {
            Status::Finished if request.unload => Some(self.unloaded(request).await),
            _ => None,
        };
        let written = unloaded.as_ref().and_then(|unloaded| unloaded.as_ref().ok());
        self.record_usage(request, &described, written, invocation).await?;
        if nothing_to_deliver {
            return Ok(None);
        }
        if described.status != Status::Finished {
            let aborted = described.status == Status::Aborted;
            let class = if aborted { "StatementAborted" } else { "StatementFailed" };
            let warehouse_error = described.error;
            let reason = warehouse_error.clone().unwrap_or_else(|| "the statement was cancelled".to_owned());
            return Ok(Some(Failure { warehouse_error, ..Failure::new(class, reason) }));
        }
        if let Some(failure) = above_cap(request, described.rows.unwrap_or(0)) {
            return Ok(Some(failure));
        }
        if !self.delivering(request).await? {
            // Another message has brought it to its end meanwhile.
            return Ok(None);
        }
        let delivered = match unloaded {
            Some(unloaded) => unloaded?,
            None => self.stream(request, &described, invocation).await?,
        };
        if let Some(failure) = above_cap(request, delivered.rows) {
            return Ok(Some(failure));
        }
        self.ready(request, &described, &delivered, invocation).await?;
        Ok(None)
    }

    /// Takes all rows to S3. Nothing is visible before the last one is there.
    async fn stream(
        &self,
        request: &Record,
        described: &Described,
        invocation: &Invocation,
    ) -> Result<Delivered, Error> {
        let format = request.format;
        let mut upload =
            Upload::begin(self.ports.bucket(), &request.file_key(), Encoder::content_type(format)).await?;
        let rows = invocation.deadline.run(TELLING, self.rows(&mut upload, format, described)).await;
        match rows.map_err(Error::from).and_then(|rows| rows) {
            Ok((uploaded, columns, rows)) => {
                let Uploaded { key, bytes, sha256 } = uploaded;
                let file = DeliveredFile { key, bytes, rows, sha256: Some(sha256) };
                Ok(Delivered { files: vec![file], columns, rows, bytes })
            }
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    async fn rows(
        &self,
        upload: &mut Upload<'_, P::Bucket>,
        format: Format,
        described: &Described,
    ) -> Result<(Uploaded, Vec<Column>, u64), Error> {
        let mut encoder: Option<(Encoder, Vec<Column>)> = None;
        let mut token: Option<String> = None;
        let fetched = if format == Format::Csv { ResultFormat::Csv } else { ResultFormat::Json };
        let mut total;
        loop {
            let page = self.ports.redshift().page(&described.id, fetched, token.as_deref()).await?;
            let Page { columns, rows, total_rows, next_token } = page;
            total = total_rows;
            let (encoder, _) = match &mut encoder {
                Some(known) => known,
                None => encoder.insert((Encoder::new(format, &columns)?, columns)),
            };
            encoder.page(&rows, &mut upload.buffer)?;
            upload.flush().await?;
            match next_token {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        let Some((mut encoder, columns)) = encoder else {
            return Err(Error::retryable("RowsMissing", "Redshift answered with no page"));
        };
        encoder.finish(&mut upload.buffer)?;
        let expected = described.rows.unwrap_or(total);
        if encoder.rows() != expected {
            let message = format!("{} rows came, expected {expected}", encoder.rows());
            return Err(Error::retryable("RowsMissing", message));
        }
        let uploaded = upload.finish().await?;
        Ok((uploaded, columns, expected))
    }

    /// `false`: the request has ended.
    async fn delivering(&self, request: &mut Record) -> Result<bool, Error> {
        request.state = State::Delivering;
        request.updated_at = self.clock.now();
        self.ports.requests().advance(request, &State::ON_ITS_WAY).await
    }
}

/// A query stops one row above the cap.
fn above_cap(request: &Record, rows: u64) -> Option<Failure> {
    let cap = request.row_cap;
    (rows > cap).then(|| {
        let reason = format!(
            "the result has more than {cap} rows: narrow the parameters, or raise the mart's `row_cap`"
        );
        Failure::new("RowCapExceeded", reason)
    })
}
