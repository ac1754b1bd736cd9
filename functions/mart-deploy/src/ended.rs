//! The end of a statement, and what it leads to.

use eventide_clients::marts::{Catalogue as _, Deployment, Recorded, Usage, Usages as _};
use eventide_clients::redshift_data::{Described, RedshiftData as _, ResultFormat, Status};
use eventide_kit::error::Class;
use eventide_kit::{Error, Invocation, Unit};
use eventide_types::mart::Mart;
use eventide_types::mart::statement::{EndState, StatementName};
use eventide_types::printable;
use eventide_types::s3::compare_sequencers;

use crate::ddl;
use crate::deploy::{MartDeploy, Next, Ports, overtaken};
use crate::event::Message;
use crate::fault::Fault;
use crate::run::{Run, Step};
use crate::state::State;

/// Characters of the warehouse's words that are passed on.
const MAX_WORDS: usize = 4_000;

/// How a statement ended.
struct End {
    status: Status,
    /// The warehouse's own words about a failure.
    words: Option<String>,
}

impl<P: Ports> MartDeploy<P> {
    pub(crate) async fn ended(
        &self,
        message: &Message,
        statement_id: &str,
        name: &StatementName,
        state: Option<EndState>,
        invocation: &Invocation,
    ) -> Result<Next, Error> {
        tracing::Span::current().record("correlation_id", statement_id);
        if let StatementName::Refresh { mart, .. } = name {
            return self.refreshed(message, statement_id, mart, state, invocation).await;
        }
        let Some((_, step, run)) = Run::parse(name) else {
            return Err(Error::permanent("UnknownEvent", "the statement's name is none of a deployment"));
        };
        let known = self.ports.catalogue().deployment(&run.key).await?;
        let current = known.filter(|known| compare_sequencers(&known.sequencer, &run.sequencer).is_eq());
        let heeded =
            current.as_ref().and_then(|current| State::parse(&current.state)).filter(|at| at.heeds(step));
        if state.is_none() && current.is_some() && heeded.is_none() {
            // Its end was told, and the deployment has moved on.
            return Ok(Next::Done);
        }
        let described = self.ports.redshift().describe(statement_id, 0).await?;
        let Some(end) = end(described.as_ref(), state)? else {
            self.ask_later(statement_id, &name.to_string()).await?;
            return Ok(Next::Done);
        };
        if state.is_none() {
            tracing::warn!(step = step.as_str(), "the statement's end was not told");
            invocation.metrics.count("StatementsOverdue", 1, &[]);
        }
        let mart = self.mart_of_step(&run, step, current.as_ref()).await?;
        if let (Some(described), Some(mart)) = (&described, &mart) {
            self.book(message, described, mart, "deploy", invocation).await?;
        }
        let Some(mart) = mart else {
            tracing::warn!(
                key = run.key,
                step = step.as_str(),
                "the file's version is gone, nothing follows"
            );
            return Ok(Next::Done);
        };
        if step == Step::Tidy && end.status != Status::Finished {
            self.left(&run, step, invocation);
        }
        match (heeded, current) {
            (Some(at), Some(current)) => {
                self.follow(&run, step, at, &mart, &current, &end, statement_id, invocation).await
            }
            (_, Some(_)) => Ok(Next::Done),
            (_, None) => self.follow_overtaken(&run, step, &mart, &end, invocation).await,
        }
    }

    /// The mart that a step worked for.
    async fn mart_of_step(
        &self,
        run: &Run,
        step: Step,
        current: Option<&Deployment>,
    ) -> Result<Option<Mart>, Error> {
        let recorded = current.filter(|current| {
            // While what was before is dropped, that is what is recorded.
            current.state != State::Dropping.as_str() || step == Step::Drop
        });
        if let Some(mart) = recorded.and_then(|recorded| recorded.mart.clone()) {
            return Ok(Some(mart));
        }
        if run.version_id.is_empty() && step == Step::Withdraw {
            return Ok(None);
        }
        let loaded = self.load(run).await?;
        Ok(loaded.and_then(|(_, compiled)| compiled.ok()).map(|compiled| compiled.mart))
    }

    #[expect(clippy::too_many_arguments, reason = "what is known of a statement and of its deployment")]
    async fn follow(
        &self,
        run: &Run,
        step: Step,
        at: State,
        mart: &Mart,
        current: &Deployment,
        end: &End,
        statement_id: &str,
        invocation: &Invocation,
    ) -> Result<Next, Error> {
        let finished = end.status == Status::Finished;
        match step {
            Step::Drop => {
                if !finished {
                    self.left(run, step, invocation);
                }
                let in_force = self.ports.catalogue().mart(&mart.definition.name).await?;
                self.record(run, State::InForce, in_force.as_ref(), None).await?;
                Ok(Next::Done)
            }
            Step::Withdraw => {
                if !finished {
                    self.left(run, step, invocation);
                }
                self.record(run, State::Withdrawn, None, None).await?;
                Ok(Next::Done)
            }
            Step::Tidy => Ok(Next::Done),
            Step::Build | Step::Check | Step::Swap | Step::Share if !finished => {
                let rejected = self.refuse(run, step, mart, end, invocation).await?;
                if step != Step::Build {
                    self.tidy(mart, run, invocation).await?;
                }
                Ok(rejected)
            }
            Step::Build => {
                if let Some(next) = self.moved(run, State::Checking, mart, invocation).await? {
                    return Ok(next);
                }
                self.submit_or_reject(mart, run, Step::Check, vec![ddl::check(mart, None)], invocation).await
            }
            Step::Check if mart.relation.is_some() => self.swap(run, mart, statement_id, invocation).await,
            Step::Check | Step::Swap | Step::Share => {
                let before =
                    if at == State::Dropping { current.mart.clone() } else { self.before(mart).await? };
                self.put_in_force(run, mart, before, true, invocation).await
            }
        }
    }

    /// The end of a statement of a version that a later one has overtaken. Nothing of it may be left, unless it has just
    /// been put before users: then it is in force until the later one is.
    async fn follow_overtaken(
        &self,
        run: &Run,
        step: Step,
        mart: &Mart,
        end: &End,
        invocation: &Invocation,
    ) -> Result<Next, Error> {
        match step {
            Step::Swap | Step::Share if end.status == Status::Finished => {
                let in_force = self.ports.catalogue().mart(&mart.definition.name).await?;
                if in_force.as_ref().is_some_and(|in_force| in_force == mart) {
                    // It has been for long, and this is its event once more.
                    return Ok(Next::Done);
                }
                let before = self.before(mart).await?;
                self.put_in_force(run, mart, before, false, invocation).await
            }
            Step::Build | Step::Check | Step::Swap => {
                self.tidy(mart, run, invocation).await?;
                Ok(overtaken(run, invocation))
            }
            Step::Share | Step::Drop | Step::Tidy | Step::Withdraw => Ok(Next::Done),
        }
    }

    /// Records that a step is done. `Some`: nothing follows, because a later version is known, or because another delivery
    /// of the same end was quicker; then what was made is needed.
    async fn moved(
        &self,
        run: &Run,
        state: State,
        mart: &Mart,
        invocation: &Invocation,
    ) -> Result<Option<Next>, Error> {
        match self.record(run, state, Some(mart), None).await? {
            Recorded::Yes => Ok(None),
            Recorded::MovedOn => Ok(Some(overtaken(run, invocation))),
            Recorded::Overtaken => {
                self.tidy(mart, run, invocation).await?;
                Ok(Some(overtaken(run, invocation)))
            }
        }
    }

    async fn refuse(
        &self,
        run: &Run,
        step: Step,
        mart: &Mart,
        end: &End,
        invocation: &Invocation,
    ) -> Result<Next, Error> {
        let what = match end.status {
            Status::Aborted => "was cancelled",
            _ => "failed",
        };
        let fault = Fault::whole(format!("the step `{}` {what} in the warehouse", step.as_str()));
        self.reject(run, Some(mart), &[fault], end.words.clone(), invocation).await
    }

    /// The relation is made and good: put the view of the mart's name before it.
    async fn swap(
        &self,
        run: &Run,
        mart: &Mart,
        checked: &str,
        invocation: &Invocation,
    ) -> Result<Next, Error> {
        let columns = match self.ports.redshift().page(checked, ResultFormat::Json, None).await {
            Ok(page) => page.columns.into_iter().map(|column| column.name).collect::<Vec<_>>(),
            Err(error) if error.class() == Class::Permanent => Vec::new(),
            Err(error) => return Err(error),
        };
        if columns.is_empty() {
            let fault = Fault::whole("the step `check` told no columns");
            let rejected = self.reject(run, Some(mart), &[fault], None, invocation).await?;
            self.tidy(mart, run, invocation).await?;
            return Ok(rejected);
        }
        if let Some(next) = self.moved(run, State::Swapping, mart, invocation).await? {
            return Ok(next);
        }
        let sql = ddl::swap(mart, &columns, self.settings.query_role_name.as_deref());
        self.submit_or_reject(mart, run, Step::Swap, sql, invocation).await
    }

    /// What is in force of the same file and not this version.
    async fn before(&self, mart: &Mart) -> Result<Option<Mart>, Error> {
        let before = self.ports.catalogue().mart(&mart.definition.name).await?;
        Ok(before.filter(|before| {
            before.key == mart.key && compare_sequencers(&before.sequencer, &mart.sequencer).is_ne()
        }))
    }

    /// The warehouse has it: put it in force, and drop what was before it.
    async fn put_in_force(
        &self,
        run: &Run,
        mart: &Mart,
        before: Option<Mart>,
        recorded: bool,
        invocation: &Invocation,
    ) -> Result<Next, Error> {
        let drop = before.as_ref().map(|before| ddl::drop_replaced(before, mart)).unwrap_or_default();
        if recorded && !drop.is_empty() {
            // Once the new one is in force, nothing else says what was before it.
            let recorded = self.record(run, State::Dropping, before.as_ref(), None).await?;
            if recorded == Recorded::MovedOn {
                return Ok(overtaken(run, invocation));
            }
        }
        match self.ports.catalogue().put_in_force(mart).await {
            Ok(true) => {}
            Ok(false) => {
                self.tidy(mart, run, invocation).await?;
                return Ok(overtaken(run, invocation));
            }
            Err(error) if error.error_type() == "NameTaken" => {
                return self
                    .reject(run, Some(mart), &[Fault::whole(error.to_string())], None, invocation)
                    .await;
            }
            Err(error) => return Err(error),
        }
        self.tell_deployed(mart, invocation).await?;
        if let Some(before) = before.filter(|_| !drop.is_empty())
            && self.submit_or_leave(&before, run, Step::Drop, drop, invocation).await?
        {
            return Ok(Next::Done);
        }
        if recorded {
            self.record(run, State::InForce, Some(mart), None).await?;
        }
        Ok(Next::Done)
    }

    /// The end of a refresh that mart-refresh began.
    async fn refreshed(
        &self,
        message: &Message,
        statement_id: &str,
        name: &str,
        state: Option<EndState>,
        invocation: &Invocation,
    ) -> Result<Next, Error> {
        let described = self.ports.redshift().describe(statement_id, 0).await?;
        let Some(end) = end(described.as_ref(), state)? else { return Ok(Next::Done) };
        if end.status != Status::Finished {
            tracing::error!(mart = name, statement_id, status = ?end.status, "refresh failed");
            invocation.metrics.count("RefreshesFailed", 1, &[("Mart", name)]);
        }
        match (described, self.ports.catalogue().mart(name).await?) {
            (Some(described), Some(mart)) => {
                self.book(message, &described, &mart, "refresh", invocation).await?
            }
            _ => tracing::warn!(
                mart = name,
                statement_id,
                "refresh not booked: its mart, or its statement, is gone"
            ),
        }
        Ok(Next::Done)
    }

    /// Records what a statement cost.
    async fn book(
        &self,
        message: &Message,
        described: &Described,
        mart: &Mart,
        purpose: &str,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let definition = &mart.definition;
        let (owner, name, warehouse) = (&definition.owner, &definition.name, definition.warehouse.name());
        let Some(usage) = Usage::of(described, message.time, purpose, owner, name, warehouse) else {
            return Ok(());
        };
        if self.ports.usages().record(&usage).await?.is_some() {
            // Booked and measured by an earlier delivery.
            return Ok(());
        }
        let dimensions = [("Mart", name.as_str()), ("Owner", owner.as_str())];
        let seconds = std::time::Duration::from_nanos(described.nanoseconds).as_secs_f64();
        invocation.metrics.count("Statements", 1, &dimensions);
        invocation.metrics.record("StatementSeconds", Unit::Seconds, seconds, &dimensions);
        Ok(())
    }
}

/// How a statement ended, of what the Data API and the event say. `None`: it has not.
fn end(described: Option<&Described>, told: Option<EndState>) -> Result<Option<End>, Error> {
    let words = |described: &Described| described.error.as_ref().map(|words| printable(words, MAX_WORDS));
    match (described, told) {
        (Some(described), _) if described.status.has_ended() => {
            Ok(Some(End { status: described.status, words: words(described) }))
        }
        (Some(_), Some(_)) => {
            Err(Error::retryable("NotYetEnded", "the Data API does not show the statement's end yet"))
        }
        (Some(_), None) => Ok(None),
        (None, Some(told)) => {
            let status = match told {
                EndState::Finished => Status::Finished,
                EndState::Failed => Status::Failed,
                EndState::Aborted => Status::Aborted,
            };
            Ok(Some(End { status, words: None }))
        }
        (None, None) => {
            let words = "the Data API knows the statement no more".to_owned();
            Ok(Some(End { status: Status::Failed, words: Some(words) }))
        }
    }
}
