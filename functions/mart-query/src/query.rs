//! The story of a request: look the mart up, check, accept, submit; and wait, if that is asked for.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::event_bus::EventBus;
use eventide_clients::marts::{Catalogue, Requests};
use eventide_clients::redshift_data::{Described, RedshiftData, ResultFormat, Statement, Status};
use eventide_clients::s3::Bucket;
use eventide_clients::sqs::{Outgoing, Queue};
use eventide_kit::clock::Clock;
use eventide_kit::event::parse;
use eventide_kit::sqs::{DeadLetters, Options, Record as Message, SqsBatchResponse, SqsEvent, each, respond};
use eventide_kit::{Class, Error, Invocation};
use eventide_types::mart::Mart;
use eventide_types::mart::definition::Format;
use eventide_types::mart::message::{Delivery, Postponed};
use eventide_types::mart::request::{Record, State};
use eventide_types::mart::statement::StatementName;
use eventide_types::printable;

use crate::accept::{accept, allows};
use crate::answer::{Answer, HttpAnswer, Location, Response};
use crate::config::Settings;
use crate::event::{Asked, Call, Event, Trigger, read};
use crate::refuse::Refused;

/// Requests of a batch that are submitted at a time.
const CONCURRENCY: usize = 5;
/// Kept back at the end of an invocation: more than the 20 s that the SDK gives one call with all its attempts.
const RESERVE: Duration = Duration::from_secs(22);
/// A client token is good for 8 hours (Redshift Management Guide, "Using the Amazon Redshift Data API", idempotency).
/// After that, a second attempt to submit could run a second time.
const TOKEN_LIFE: time::Duration = time::Duration::hours(7);
/// Seconds until a request is tried again that Redshift had no room for: doubled each time, up to SQS's longest.
const FIRST_DELAY: u16 = 30;
/// SQS's longest delay.
const MAX_DELAY: u16 = 900;
/// Marts that the error about an unknown one looks at, to list those that the caller may query.
const MAX_LOOKED_AT: usize = 50;

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// The catalogue and the requests.
    type Marts: Catalogue + Requests;
    /// The Redshift Data API.
    type Redshift: RedshiftData;
    /// A queue.
    type Queue: Queue;
    /// The failed queue.
    type DeadLetters: DeadLetters;
    /// The bucket of the results.
    type Bucket: Bucket;
    /// Where events go.
    type EventBus: EventBus;

    /// The catalogue and the requests.
    fn marts(&self) -> &Self::Marts;
    /// The Redshift Data API.
    fn redshift(&self) -> &Self::Redshift;
    /// The queue of requests that Redshift had no room for.
    fn query_queue(&self) -> &Self::Queue;
    /// mart-deliver's queue.
    fn deliver_queue(&self) -> &Self::Queue;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
    /// The bucket of the results.
    fn bucket(&self) -> &Self::Bucket;
    /// Where events go.
    fn event_bus(&self) -> &Self::EventBus;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct MartQuery<P> {
    pub(crate) ports: P,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What came of an attempt to submit.
pub(crate) enum Submitted {
    /// Redshift has it, and says so.
    Yes(Record, Described),
    /// Redshift has no room.
    Busy(Record),
}

impl<P: Ports> MartQuery<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Answers whatever the function is invoked with.
    ///
    /// # Errors
    ///
    /// `InvalidEvent`, `UnknownMart`, `CallerNotAllowed`, `InvalidParameters` and the like if a request is not to be
    /// carried out, and whatever AWS answers. Through the function URL they are answers; what is refused of an event is told
    /// and set aside.
    pub async fn answer(&self, event: &Event, invocation: &Invocation) -> Result<Response, Error> {
        match read(event, &invocation.request_id)? {
            Trigger::Asked(asked) => self.ask(*asked, invocation).await.map(Response::Direct),
            Trigger::Event(asked) => self.ask_by_event(event, *asked, invocation).await,
            Trigger::Http(call) => Ok(Response::Http(self.call(call, invocation).await)),
            Trigger::Queue(batch) => self.again(batch, invocation).await.map(Response::Batch),
        }
    }

    async fn call(&self, call: Result<Call, Error>, invocation: &Invocation) -> HttpAnswer {
        let answer = match call {
            Ok(Call::Ask(asked)) => self.ask(*asked, invocation).await,
            Ok(Call::Look { token, caller }) => self.look(&token, &caller).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => answer.into(),
            Err(error) => {
                // What the caller did wrong is in the answer, in words that are the caller's own.
                let reason = (error.class() != Class::Permanent).then(|| error.to_string());
                tracing::warn!(error_type = error.qualified_type(), reason, "request refused");
                invocation.metrics.count("RequestsRefused", 1, &[("Reason", error.error_type())]);
                HttpAnswer::from(&error)
            }
        }
    }

    /// Check, accept, submit.
    async fn ask(&self, asked: Asked, invocation: &Invocation) -> Result<Answer, Error> {
        let (record, mart) = self.take(asked, invocation).await.map_err(|refused| refused.error)?;
        self.carry_on(record, &mart, invocation).await
    }

    /// Checks and accepts. A repeat is given the record of the first time.
    pub(crate) async fn take(
        &self,
        asked: Asked,
        invocation: &Invocation,
    ) -> Result<(Record, Mart), Refused> {
        let name = asked.request.mart.clone();
        let Some(mart) = self.ports.marts().mart(&name).await? else {
            return Err(self.unknown(&name, &asked.caller).await?.into());
        };
        let refused = |error| Refused { error, owner: Some(mart.definition.owner.clone()) };
        let wanted = accept(&mart, asked, self.clock.now()).map_err(refused)?;
        let record = match self.ports.marts().accept(&wanted).await.map_err(refused)? {
            None => {
                invocation.metrics.count("RequestsAccepted", 1, &[("Mart", &name), ("Owner", &wanted.owner)]);
                wanted
            }
            Some(earlier) => same(earlier, &wanted).map_err(refused)?,
        };
        tracing::info!(mart = name, token = record.token, state = ?record.state, wait = record.inline, "request accepted");
        Ok((record, mart))
    }

    pub(crate) async fn carry_on(
        &self,
        record: Record,
        mart: &Mart,
        invocation: &Invocation,
    ) -> Result<Answer, Error> {
        match record.state {
            State::Accepted => match self.submit(record, invocation).await? {
                Submitted::Yes(record, described) if record.inline => {
                    self.wait(record, &described.id, described.status, mart, invocation).await
                }
                Submitted::Yes(record, _) => self.on_its_way(&record).await,
                Submitted::Busy(record) if record.inline => Err(Error::retryable(
                    "WarehouseBusy",
                    format!("warehouse `{}` has no room for another statement", record.warehouse.name()),
                )),
                Submitted::Busy(record) => {
                    let record = self.queue(record, 0).await?;
                    self.on_its_way(&record).await
                }
            },
            // A repeat. The first invocation may be waiting still, may have answered, or may have died.
            State::Submitted | State::Delivered if record.inline => match record.statement_id.clone() {
                Some(id) => self.wait(record, &id, Status::Running, mart, invocation).await,
                None => self.standing(&record).await,
            },
            State::Submitted | State::Delivering | State::Delivered | State::Failed => {
                self.standing(&record).await
            }
        }
    }

    /// Gives the statement to Redshift; a repeat of that is the same statement, by its client token.
    async fn submit(&self, mut record: Record, invocation: &Invocation) -> Result<Submitted, Error> {
        let now = self.clock.now();
        if now - record.accepted_at > TOKEN_LIFE {
            let error = Error::permanent(
                "NotSubmitted",
                format!("request `{}` is given up: it could not be submitted within 7 hours", record.token),
            );
            self.give_up(&mut record, &error).await?;
            return Err(error);
        }
        let statement = self.statement(&record, invocation);
        let described = match self.ports.redshift().submit(&statement).await {
            Ok(described) => described,
            Err(error) if error.error_type() == "WarehouseBusy" => {
                tracing::warn!(warehouse = record.warehouse.name(), "the warehouse has no room");
                invocation.metrics.count("WarehouseBusy", 1, &[("Warehouse", record.warehouse.name())]);
                return Ok(Submitted::Busy(record));
            }
            Err(error) => {
                if error.class() == Class::Permanent {
                    self.give_up(&mut record, &error).await?;
                }
                return Err(error);
            }
        };
        record.statement_id = Some(described.id.clone());
        record.state = State::Submitted;
        record.updated_at = now;
        // The event of the statement's end may have been quicker, and the record further on.
        self.ports.marts().advance(&record, &[State::Accepted]).await?;
        tracing::info!(token = record.token, statement = described.id, "statement submitted");
        Ok(Submitted::Yes(record, described))
    }

    fn statement(&self, record: &Record, invocation: &Invocation) -> Statement {
        let wait_seconds = if record.inline { self.wait_seconds(invocation) } else { 0 };
        let csv = !record.inline && !record.unload && record.format == Format::Csv;
        Statement {
            warehouse: record.warehouse.clone(),
            database: record.database.clone(),
            sql: if record.unload { unload(record, &self.settings) } else { vec![record.sql.clone()] },
            parameters: record.parameters.clone(),
            name: StatementName::Query { mart: record.request.mart.clone(), token: record.token.clone() }
                .to_string(),
            client_token: record.token.clone(),
            // CSV is the cheaper to deliver. Only JSON tells a null from an empty text.
            result_format: if csv { ResultFormat::Csv } else { ResultFormat::Json },
            transaction: true,
            wait_seconds,
        }
    }

    /// Sees to it that whoever waits for the result learns that there will be none.
    async fn give_up(&self, record: &mut Record, error: &Error) -> Result<(), Error> {
        let reason = error.to_string();
        if record.inline {
            return self.fail(record, &reason).await;
        }
        let error_class = Some(error.error_type().to_owned());
        let given_up = Delivery { error_class, reason, ..Delivery::of(&record.token) };
        self.ports.deliver_queue().send_all(vec![Outgoing::json(&given_up, 0)?]).await
    }

    pub(crate) async fn fail(&self, record: &mut Record, reason: &str) -> Result<(), Error> {
        let from = [State::Accepted, State::Submitted];
        record.state = State::Failed;
        record.reason = Some(reason.to_owned());
        record.updated_at = self.clock.now();
        self.ports.marts().advance(record, &from).await?;
        Ok(())
    }

    /// Requests that Redshift had no room for, once more.
    async fn again(&self, batch: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        let options =
            Options { concurrency: CONCURRENCY, reserve: RESERVE, max_receives: self.settings.max_receives };
        let done =
            each(batch, &options, &invocation.deadline, |message| self.once_more(message, invocation)).await;
        respond(done, &options, self.ports.dead_letters()).await
    }

    async fn once_more(&self, message: Arc<Message>, invocation: &Invocation) -> Result<(), Error> {
        let Postponed { token, refusals } = parse(message.body.as_bytes())?;
        let Some(record) = self.ports.marts().request(&token).await? else {
            let message = format!(
                "no request has the token `{}`, expected one of the last 30 days",
                printable(&token, 64)
            );
            return Err(Error::permanent("UnknownRequest", message));
        };
        if record.state != State::Accepted {
            return Ok(());
        }
        match self.submit(record, invocation).await? {
            Submitted::Yes(..) => Ok(()),
            Submitted::Busy(record) => self.queue(record, refusals.saturating_add(1)).await.map(drop),
        }
    }

    /// Has a request come back after a while.
    async fn queue(&self, mut record: Record, refusals: u32) -> Result<Record, Error> {
        let delay = FIRST_DELAY.saturating_mul(1 << refusals.min(5)).min(MAX_DELAY);
        // Before its message comes back it is not overdue: the sweep would send another.
        record.updated_at = self.clock.now() + time::Duration::seconds(delay.into());
        if self.ports.marts().advance(&record, &[State::Accepted]).await? {
            let postponed = Postponed { token: record.token.clone(), refusals };
            self.ports.query_queue().send_all(vec![Outgoing::json(&postponed, delay)?]).await?;
        }
        Ok(record)
    }

    /// Where a request stands, for the one who made it.
    async fn look(&self, token: &str, caller: &str) -> Result<Answer, Error> {
        let record = self.ports.marts().request(token).await?.filter(|record| record.caller == caller);
        let Some(record) = record else {
            return Err(Error::permanent(
                "UnknownRequest",
                format!("no request of yours has the token `{token}`"),
            ));
        };
        self.standing(&record).await
    }

    /// Where a request stands.
    pub(crate) async fn standing(&self, record: &Record) -> Result<Answer, Error> {
        match record.state {
            State::Failed => {
                let reason = record.reason.as_deref().unwrap_or("unknown");
                Ok(Answer::failed(422, record, "RequestFailed", reason))
            }
            State::Accepted | State::Submitted | State::Delivering | State::Delivered => {
                self.on_its_way(record).await
            }
        }
    }

    /// The answer that tells where the result lies, or will lie.
    pub(crate) async fn on_its_way(&self, record: &Record) -> Result<Answer, Error> {
        let status = if record.state == State::Delivered { 200 } else { 202 };
        let mut answer = Answer::standing(status, record);
        if record.inline {
            return Ok(answer);
        }
        let life = self.settings.link_life;
        let manifest = record.manifest_key();
        let manifest_url = Some(self.ports.bucket().presigned(&manifest, life).await?);
        let file = (!record.unload).then(|| record.file_key());
        let url = match &file {
            Some(file) => Some(self.ports.bucket().presigned(file, life).await?),
            None => None,
        };
        answer.result = Some(Location { manifest, manifest_url, file, url });
        Ok(answer)
    }

    /// The error about a mart that does not exist. It lists the marts that the caller may query, and no others.
    async fn unknown(&self, name: &str, caller: &str) -> Result<Error, Error> {
        let names = self.ports.marts().names().await?;
        let mut listed = Vec::new();
        for known in names.iter().take(MAX_LOOKED_AT) {
            if let Some(mart) = self.ports.marts().mart(known).await?
                && mart.definition.callers.iter().any(|allowed| allows(allowed, caller))
            {
                listed.push(format!("`{known}`"));
            }
        }
        if names.len() > MAX_LOOKED_AT {
            listed.push(format!("maybe one of {} more", names.len() - MAX_LOOKED_AT));
        }
        let expected = if listed.is_empty() {
            "there is none for you".to_owned()
        } else {
            format!("expected {}", listed.join(", "))
        };
        Ok(Error::permanent("UnknownMart", format!("no mart `{}`: {expected}", printable(name, 100))))
    }
}

/// An earlier record of the same token, if it is of the same request.
fn same(earlier: Record, wanted: &Record) -> Result<Record, Error> {
    if earlier.request == wanted.request {
        return Ok(earlier);
    }
    let message = "another request has the same `requestId`, expected a new one";
    Err(Error::permanent("PayloadMismatch", message))
}

/// `UNLOAD` takes its query as a literal, in which there can be no parameters and every quote and backslash would have
/// to be told apart. So the query fills a temporary table, and the literal names nothing but that.
fn unload(record: &Record, settings: &Settings) -> Vec<String> {
    let role = match settings.unload_role.as_str() {
        "default" => "default".to_owned(),
        arn => format!("'{arn}'"),
    };
    vec![
        format!("CREATE TEMP TABLE eventide_result AS {}", record.sql),
        format!(
            "UNLOAD ('SELECT * FROM eventide_result') TO 's3://{}/{}' IAM_ROLE {role} FORMAT AS PARQUET MANIFEST VERBOSE ALLOWOVERWRITE",
            settings.result_bucket,
            record.unload_prefix()
        ),
    ]
}
