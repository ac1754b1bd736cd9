//! The story of a file: what is uploaded is compiled and begun, what is deleted is withdrawn, and the end of each
//! statement leads to the next ([`crate::ended`]).

use std::sync::Arc;

use eventide_clients::event_bus::EventBus;
use eventide_clients::marts::{Catalogue, Deployment, Recorded, Usages};
use eventide_clients::redshift_data::RedshiftData;
use eventide_clients::s3::Bucket;
use eventide_clients::sqs::{Outgoing, Queue};
use eventide_kit::clock::Clock;
use eventide_kit::sqs::{DeadLetters, Options, Record, SqsBatchResponse, SqsEvent, each, respond};
use eventide_kit::{Error, Invocation};
use eventide_types::mart::Mart;
use eventide_types::mart::definition::Kind;
use eventide_types::s3::compare_sequencers;
use time::{Duration, OffsetDateTime};

use crate::compile::{Compiled, compile};
use crate::config::Settings;
use crate::ddl;
use crate::event::{Message, What, read};
use crate::fault::Fault;
use crate::file::MAX_BYTES;
use crate::pattern;
use crate::run::{Run, Step};
use crate::state::State;

/// Messages worked on at a time: those of a batch often concern the same file.
const CONCURRENCY: usize = 1;
/// Kept back at the end of an invocation: more than the 20 s that the SDK gives one call with all its attempts.
const RESERVE: std::time::Duration = std::time::Duration::from_secs(22);
/// How long a message waits for a warehouse or for an earlier version: as long as a statement can run.
const PATIENCE: Duration = Duration::hours(24);

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// The marts in force and the deployments.
    type Catalogue: Catalogue;
    /// What statements cost.
    type Usages: Usages;
    /// The Redshift Data API.
    type Redshift: RedshiftData;
    /// The bucket of the marts' files.
    type Bucket: Bucket;
    /// The event bus.
    type EventBus: EventBus;
    /// The function's own queue.
    type Queue: Queue;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// The marts in force and the deployments.
    fn catalogue(&self) -> &Self::Catalogue;
    /// What statements cost.
    fn usages(&self) -> &Self::Usages;
    /// The Redshift Data API.
    fn redshift(&self) -> &Self::Redshift;
    /// The bucket of the marts' files.
    fn bucket(&self) -> &Self::Bucket;
    /// The event bus.
    fn event_bus(&self) -> &Self::EventBus;
    /// The function's own queue.
    fn queue(&self) -> &Self::Queue;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct MartDeploy<P> {
    pub(crate) ports: P,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is dealt with.
    Done,
    /// Something else has to end first: it is sent again with a delay.
    Later,
}

/// Whether a version of a file may go ahead.
enum Admitted {
    Yes,
    /// A later version is known, or this one is under way already.
    No,
    /// An earlier version is being put in force.
    Later,
}

impl<P: Ports> MartDeploy<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Works through a batch of the queue.
    ///
    /// # Errors
    ///
    /// If a record that cannot be reported could not be set aside.
    pub async fn deploy(&self, event: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        let options =
            Options { concurrency: CONCURRENCY, reserve: RESERVE, max_receives: self.settings.max_receives };
        let work = |record: Arc<Record>| async move { self.one(&record, invocation).await };
        let processed = each(event, &options, &invocation.deadline, work).await;
        respond(processed, &options, self.ports.dead_letters()).await
    }

    async fn one(&self, record: &Record, invocation: &Invocation) -> Result<(), Error> {
        let message = read(&record.body)?;
        let next = match self.step(&message, invocation).await {
            Err(error) if error.error_type() == "WarehouseBusy" => {
                invocation.metrics.count("WarehouseBusy", 1, &[]);
                Next::Later
            }
            other => other?,
        };
        if next == Next::Done {
            return Ok(());
        }
        if self.clock.now() - message.time > PATIENCE {
            let message = "the warehouse, or an earlier version of the file, has not been ready for a day";
            return Err(Error::permanent("GivenUp", message));
        }
        tracing::info!(seconds = self.settings.busy_seconds, "sent again, to be tried later");
        self.send(record.body.clone(), self.settings.busy_seconds).await
    }

    async fn step(&self, message: &Message, invocation: &Invocation) -> Result<Next, Error> {
        match &message.what {
            What::Created { key, version_id, sequencer } => {
                let run = Run {
                    key: key.clone(),
                    version_id: version_id.clone().unwrap_or_default(),
                    sequencer: sequencer.clone(),
                };
                self.created(&run, invocation).await
            }
            What::Deleted { key, sequencer, marker } => {
                let run = Run { key: key.clone(), version_id: String::new(), sequencer: sequencer.clone() };
                self.deleted(run, *marker, invocation).await
            }
            What::Ended { statement_id, name, state } => {
                self.ended(message, statement_id, name, *state, invocation).await
            }
        }
    }

    /// A version of a file is there: compile it and begin.
    async fn created(&self, run: &Run, invocation: &Invocation) -> Result<Next, Error> {
        if !pattern::key(&run.key) {
            let expected =
                "the file's key: expected `<owner>/<name>.sql`, of letters, digits and `-_.` in folders";
            return self.reject(run, None, &[Fault::whole(expected)], None, invocation).await;
        }
        let known = self.ports.catalogue().deployment(&run.key).await?;
        match self.admitted(known.as_ref(), run, false) {
            Admitted::Yes => {}
            Admitted::No => return Ok(overtaken(run, invocation)),
            Admitted::Later => return Ok(Next::Later),
        }
        let (run, compiled) = match self.load(run).await? {
            Some((run, Ok(compiled))) => (run, compiled),
            Some((run, Err(faults))) => return self.reject(&run, None, &faults, None, invocation).await,
            // It was deleted for good, of which another event tells.
            None => return Ok(overtaken(run, invocation)),
        };
        let (run, Compiled { mart, body }) = (&run, compiled);
        let name = &mart.definition.name;
        let before = self.ports.catalogue().mart(name).await?;
        if let Some(other) = before.as_ref().filter(|before| before.key != run.key) {
            let reason = format!("`name`: expected a name of its own, `{name}` is that of `{}`", other.key);
            return self.reject(run, Some(&mart), &[Fault::whole(reason)], None, invocation).await;
        }
        let (state, step, sql) = match (mart.definition.kind, &body) {
            (Kind::Datashare, _) => (State::Swapping, Step::Share, ddl::share(&mart, before.as_ref())),
            (Kind::Query, body) => (State::Checking, Step::Check, vec![ddl::check(&mart, body.as_ref())]),
            (_, Some(body)) => {
                (State::Building, Step::Build, ddl::build(&mart, body, self.settings.create_schemas))
            }
            (_, None) => (State::Building, Step::Build, Vec::new()),
        };
        if self.record(run, state, Some(&mart), None).await? != Recorded::Yes {
            return Ok(overtaken(run, invocation));
        }
        tracing::info!(
            mart = name,
            key = run.key,
            version = run.version_id,
            step = step.as_str(),
            "deployment begun"
        );
        self.submit_or_reject(&mart, run, step, sql, invocation).await
    }

    /// A file, or one of its versions, was deleted: withdraw its mart, unless there is another version.
    async fn deleted(&self, mut run: Run, marker: bool, invocation: &Invocation) -> Result<Next, Error> {
        if !pattern::key(&run.key) {
            return Ok(Next::Done);
        }
        let catalogue = self.ports.catalogue();
        let known = catalogue.deployment(&run.key).await?;
        if !marker && let Some(current) = self.ports.bucket().get(&run.key, None, MAX_BYTES).await? {
            let version_id = current.version_id.unwrap_or_default();
            if known.is_some_and(|known| known.version_id.as_ref() == Some(&version_id)) {
                // An older version is gone. Nothing depends on it.
                return Ok(Next::Done);
            }
            run.version_id = version_id;
            return self.created(&run, invocation).await;
        }
        match self.admitted(known.as_ref(), &run, true) {
            Admitted::Yes => {}
            Admitted::No => return Ok(overtaken(&run, invocation)),
            Admitted::Later => return Ok(Next::Later),
        }
        let begun = known.filter(|known| compare_sequencers(&known.sequencer, &run.sequencer).is_eq());
        let mart = match begun {
            Some(begun) => begun.mart,
            None => catalogue.mart(mart_of(&run.key)).await?.filter(|mart| mart.key == run.key),
        };
        let Some(mart) = mart else {
            self.record(&run, State::Withdrawn, None, None).await?;
            return Ok(Next::Done);
        };
        if self.record(&run, State::Withdrawing, Some(&mart), None).await? != Recorded::Yes {
            return Ok(overtaken(&run, invocation));
        }
        // Nobody queries it from here on, so what is behind it can go.
        catalogue.withdraw(&mart.definition.name, &run.key, &run.sequencer).await?;
        self.tell_withdrawn(&mart, invocation).await?;
        let drop = ddl::drop_all(&mart);
        if !drop.is_empty() && self.submit_or_leave(&mart, &run, Step::Withdraw, drop, invocation).await? {
            return Ok(Next::Done);
        }
        self.record(&run, State::Withdrawn, None, None).await?;
        Ok(Next::Done)
    }

    fn admitted(&self, known: Option<&Deployment>, run: &Run, deletion: bool) -> Admitted {
        let Some(known) = known else { return Admitted::Yes };
        let state = State::parse(&known.state);
        let order = compare_sequencers(&known.sequencer, &run.sequencer);
        if order.is_gt() {
            return Admitted::No;
        }
        if order.is_eq() {
            // Delivered again: what may not have been submitted is, with the same token.
            let first = match known.mart.as_ref().map(|mart| mart.definition.kind) {
                _ if deletion => State::Withdrawing,
                Some(Kind::Query) => State::Checking,
                Some(Kind::Datashare) => State::Swapping,
                _ => State::Building,
            };
            return if state == Some(first) { Admitted::Yes } else { Admitted::No };
        }
        let lost = self.clock.now() - known.updated_at > PATIENCE;
        if state.is_some_and(State::holds) && !lost { Admitted::Later } else { Admitted::Yes }
    }

    /// A version of a file, compiled; `None`: it is there no more. An event that names no version is about the present one.
    pub(crate) async fn load(&self, run: &Run) -> Result<Option<(Run, Result<Compiled, Vec<Fault>>)>, Error> {
        let version_id = Some(run.version_id.as_str()).filter(|version_id| !version_id.is_empty());
        match self.ports.bucket().get(&run.key, version_id, MAX_BYTES).await {
            Ok(Some(object)) => {
                let mut run = run.clone();
                if let (true, Some(version_id)) = (run.version_id.is_empty(), object.version_id) {
                    run.version_id = version_id;
                }
                let compiled = compile(&object.body, &run);
                Ok(Some((run, compiled)))
            }
            Ok(None) => Ok(None),
            Err(error) if error.error_type() == "ObjectTooLarge" => {
                let reason = format!("the file is too long, expected at most {} KB", MAX_BYTES / 1024);
                Ok(Some((run.clone(), Err(vec![Fault::whole(reason)]))))
            }
            Err(error) => Err(error),
        }
    }

    /// Records where a run stands, unless a later one is known or it stands further on.
    pub(crate) async fn record(
        &self,
        run: &Run,
        state: State,
        mart: Option<&Mart>,
        reason: Option<String>,
    ) -> Result<Recorded, Error> {
        let deployment = Deployment {
            key: run.key.clone(),
            sequencer: run.sequencer.clone(),
            version_id: Some(run.version_id.clone()).filter(|version_id| !version_id.is_empty()),
            state: state.as_str().to_owned(),
            reason,
            mart: mart.cloned(),
            updated_at: self.clock.now(),
        };
        self.ports.catalogue().record(&deployment, &state.before()).await
    }

    pub(crate) async fn send(&self, body: String, delay_seconds: u16) -> Result<(), Error> {
        let message = Outgoing { body, delay_seconds, ..Outgoing::default() };
        self.ports.queue().send_all(vec![message]).await
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}

/// The mart of a file: the last part of its key.
pub(crate) fn mart_of(key: &str) -> &str {
    let file = key.rsplit('/').next().unwrap_or(key);
    file.strip_suffix(".sql").unwrap_or(file)
}

pub(crate) fn overtaken(run: &Run, invocation: &Invocation) -> Next {
    tracing::info!(
        key = run.key,
        version = run.version_id,
        "dropped: a later version is known, or this one is under way"
    );
    invocation.metrics.count("Deployments", 1, &[("Outcome", "overtaken")]);
    Next::Done
}
