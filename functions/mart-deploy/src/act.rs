//! What the story does: submit statements, and tell how a deployment ended.

use eventide_clients::event_bus::{Event, EventBus as _};
use eventide_clients::marts::Recorded;
use eventide_clients::redshift_data::{RedshiftData as _, ResultFormat, Statement};
use eventide_kit::error::Class;
use eventide_kit::{Error, Invocation};
use eventide_types::mart::Mart;
use eventide_types::mart::delivery::{Deployed, Rejected, SOURCE, Withdrawn, event};
use serde::Serialize;

use crate::deploy::{MartDeploy, Next, Ports, mart_of, overtaken};
use crate::event::overdue;
use crate::fault::{Fault, listed};
use crate::pattern;
use crate::run::{Run, Step};
use crate::state::State;

impl<P: Ports> MartDeploy<P> {
    /// Submits the statements of a step, and makes sure that somebody asks after them if their end is not told.
    pub(crate) async fn submit(
        &self,
        mart: &Mart,
        run: &Run,
        step: Step,
        sql: Vec<String>,
    ) -> Result<(), Error> {
        let name = run.statement(mart_of(&run.key), step);
        let statement = Statement {
            warehouse: mart.definition.warehouse.clone(),
            database: mart.definition.database.clone(),
            sql,
            parameters: Vec::new(),
            name: name.clone(),
            client_token: run.token(step),
            result_format: ResultFormat::Json,
            // A build's relation must not vanish with the schema that was made for it.
            transaction: step != Step::Build,
            wait_seconds: 0,
        };
        let described = self.ports.redshift().submit(&statement).await?;
        tracing::info!(statement_id = described.id, step = step.as_str(), "statement submitted");
        self.ask_later(&described.id, &name).await
    }

    pub(crate) async fn ask_later(&self, statement_id: &str, name: &str) -> Result<(), Error> {
        let message = overdue(statement_id, statement_id, name, self.now())?;
        self.send(message, self.settings.overdue_seconds).await
    }

    /// Submits; statements that Redshift will never take are the file's fault.
    pub(crate) async fn submit_or_reject(
        &self,
        mart: &Mart,
        run: &Run,
        step: Step,
        sql: Vec<String>,
        invocation: &Invocation,
    ) -> Result<Next, Error> {
        match self.submit(mart, run, step, sql).await {
            Ok(()) => Ok(Next::Done),
            Err(error) if error.class() == Class::Permanent => {
                let fault =
                    Fault::whole(format!("the Data API refused the step `{}`: {error}", step.as_str()));
                self.reject(run, Some(mart), &[fault], None, invocation).await
            }
            Err(error) => Err(error),
        }
    }

    /// Submits what is only tidier done than left. `false`: Redshift will never take it.
    pub(crate) async fn submit_or_leave(
        &self,
        mart: &Mart,
        run: &Run,
        step: Step,
        sql: Vec<String>,
        invocation: &Invocation,
    ) -> Result<bool, Error> {
        match self.submit(mart, run, step, sql).await {
            Ok(()) => Ok(true),
            Err(error) if error.class() == Class::Permanent => {
                self.left(run, step, invocation);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Something that nobody uses any more could not be dropped.
    pub(crate) fn left(&self, run: &Run, step: Step, invocation: &Invocation) {
        tracing::warn!(
            key = run.key,
            version = run.version_id,
            step = step.as_str(),
            "not dropped, and left behind"
        );
        invocation.metrics.count("DropsFailed", 1, &[]);
    }

    /// Drops what a refused or overtaken version has made.
    pub(crate) async fn tidy(&self, mart: &Mart, run: &Run, invocation: &Invocation) -> Result<(), Error> {
        let drop = crate::ddl::drop_relation(mart);
        if !drop.is_empty() {
            self.submit_or_leave(mart, run, Step::Tidy, drop, invocation).await?;
        }
        Ok(())
    }

    /// Refuses a version. What was in force before still is.
    pub(crate) async fn reject(
        &self,
        run: &Run,
        mart: Option<&Mart>,
        faults: &[Fault],
        warehouse_error: Option<String>,
        invocation: &Invocation,
    ) -> Result<Next, Error> {
        let reason = listed(faults);
        let rejected = Rejected {
            // Whatever the file says of its name, its key does, too.
            mart: pattern::key(&run.key).then(|| mart_of(&run.key).to_owned()),
            key: run.key.clone(),
            version: Some(run.version_id.clone()).filter(|version_id| !version_id.is_empty()),
            line: faults.iter().filter_map(|fault| fault.line).min(),
            reason: reason.clone(),
            warehouse_error: warehouse_error.clone(),
        };
        // First told, then recorded: whoever finds it recorded can rely on its having been told.
        self.tell(event::REJECTED, &rejected).await?;
        let reason = warehouse_error.map_or(reason.clone(), |words| format!("{reason}: {words}"));
        if pattern::key(&run.key)
            && self.record(run, State::Rejected, mart, Some(reason)).await? != Recorded::Yes
        {
            return Ok(overtaken(run, invocation));
        }
        tracing::warn!(key = run.key, version = run.version_id, faults = faults.len(), "mart rejected");
        invocation.metrics.count("Deployments", 1, &[("Outcome", "rejected")]);
        Ok(Next::Done)
    }

    pub(crate) async fn tell_deployed(&self, mart: &Mart, invocation: &Invocation) -> Result<(), Error> {
        let deployed = Deployed {
            mart: mart.definition.name.clone(),
            owner: mart.definition.owner.clone(),
            key: mart.key.clone(),
            version: mart.version_id.clone(),
            digest: mart.digest.clone(),
            relation: mart.relation.clone(),
        };
        self.tell(event::DEPLOYED, &deployed).await?;
        tracing::info!(
            mart = mart.definition.name,
            key = mart.key,
            version = mart.version_id,
            "mart in force"
        );
        invocation.metrics.count("Deployments", 1, &[("Outcome", "deployed")]);
        Ok(())
    }

    pub(crate) async fn tell_withdrawn(&self, mart: &Mart, invocation: &Invocation) -> Result<(), Error> {
        let withdrawn = Withdrawn {
            mart: mart.definition.name.clone(),
            owner: mart.definition.owner.clone(),
            key: mart.key.clone(),
        };
        self.tell(event::WITHDRAWN, &withdrawn).await?;
        tracing::info!(mart = mart.definition.name, key = mart.key, "mart withdrawn");
        invocation.metrics.count("Deployments", 1, &[("Outcome", "withdrawn")]);
        Ok(())
    }

    async fn tell(&self, detail_type: &str, detail: &impl Serialize) -> Result<(), Error> {
        self.ports.event_bus().send(&Event::new(SOURCE, detail_type, detail)?).await
    }
}
