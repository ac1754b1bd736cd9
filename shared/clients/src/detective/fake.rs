use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::clock::Clock;
use eventide_kit::error::Error;
use eventide_types::investigation::{Indicator, Investigation, Severity, Status, Window};
use time::OffsetDateTime;

use super::{Detective, Start};
use crate::faults::Faults;

/// Calls that can be made to fail and that are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Detective::graph`]
    ListGraphs,
    /// [`Detective::start`]
    StartInvestigation,
    /// [`Detective::get`]
    GetInvestigation,
    /// [`Detective::list_for_entity`]
    ListInvestigations,
    /// [`Detective::indicators`]
    ListIndicators,
}

/// A call as the fake saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was asked for.
    pub operation: Operation,
    /// Where.
    pub region: String,
    /// The entity's ARN or the investigation's id; empty for `ListGraphs`.
    pub subject: String,
}

/// How an investigation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a verdict.
    Successful {
        /// The verdict.
        severity: Severity,
        /// What it rests on.
        indicators: Vec<Indicator>,
    },
    /// Without one.
    Failed,
}

/// What happens to the investigations of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// How often [`Detective::get`] still answers `RUNNING`.
    pub running_gets: u32,
    /// What it answers then.
    pub ending: Ending,
}

impl Default for Script {
    /// Running once, then `INFORMATIONAL` without indicators.
    fn default() -> Self {
        let ending = Ending::Successful { severity: Severity::Informational, indicators: Vec::new() };
        Self { running_gets: 1, ending }
    }
}

/// [`Detective`] in memory. Clones share their state.
#[derive(Clone, Debug)]
pub struct FakeDetective {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    graphs: HashMap<String, String>,
    scripts: HashMap<String, Script>,
    faults: Faults<Operation>,
    /// Whether each uncertain start to come does start something.
    uncertain: VecDeque<bool>,
    investigations: Vec<Running>,
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Running {
    graph_arn: String,
    investigation: Investigation,
    script: Script,
}

impl FakeDetective {
    /// Without any graph. `clock` gives investigations their creation time.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// Enables Detective in `region`; the new graph's ARN.
    pub fn add_graph(&self, region: &str) -> String {
        let mut state = self.state();
        let number = state.graphs.len() + 1;
        let arn = format!("arn:aws:detective:{region}:111122223333:graph:{number:032x}");
        state.graphs.insert(region.to_owned(), arn.clone());
        arn
    }

    /// Decides what happens to investigations of this entity that are started from now on.
    pub fn script(&self, entity_arn: &str, script: Script) {
        self.state().scripts.insert(entity_arn.to_owned(), script);
    }

    /// The next call of `operation` without such a failure before it fails with `error`; a start is refused.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.state().faults.push(operation, error);
    }

    /// The next start is uncertain, whether it `started` or not.
    pub fn lose_next_start(&self, started: bool) {
        self.state().uncertain.push_back(started);
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How often `operation` was called.
    pub fn count(&self, operation: Operation) -> usize {
        self.state().calls.iter().filter(|call| call.operation == operation).count()
    }

    /// Every investigation so far, oldest first.
    pub fn investigations(&self) -> Vec<Investigation> {
        self.state().investigations.iter().map(|running| running.investigation.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn called(&mut self, operation: Operation, region: &str, subject: &str) -> Result<(), Error> {
        self.calls.push(Call { operation, region: region.to_owned(), subject: subject.to_owned() });
        self.faults.check(operation)
    }

    fn is_graph(&self, region: &str, graph_arn: &str) -> bool {
        self.graphs.get(region).is_some_and(|graph| graph == graph_arn)
    }

    fn find(&mut self, graph_arn: &str, id: &str) -> Option<&mut Running> {
        self.investigations
            .iter_mut()
            .find(|running| running.graph_arn == graph_arn && running.investigation.id == id)
    }

    fn begin(&mut self, graph_arn: &str, entity_arn: &str, window: &Window, now: OffsetDateTime) -> String {
        let id = format!("{:021}", self.investigations.len() + 1);
        self.investigations.push(Running {
            graph_arn: graph_arn.to_owned(),
            investigation: Investigation {
                id: id.clone(),
                entity_arn: entity_arn.to_owned(),
                status: Status::Running,
                severity: None,
                created: now,
                window: Some(*window),
            },
            script: self.scripts.get(entity_arn).cloned().unwrap_or_default(),
        });
        id
    }
}

fn not_found() -> Error {
    Error::permanent("ResourceNotFound", "there is no such graph or investigation")
}

fn is_role_or_user(arn: &str) -> bool {
    let resource = arn.split(':').nth(5).unwrap_or_default();
    arn.starts_with("arn:")
        && arn.split(':').nth(2) == Some("iam")
        && (resource.starts_with("role/") || resource.starts_with("user/"))
}

impl Detective for FakeDetective {
    async fn graph(&self, region: &str) -> Result<Option<String>, Error> {
        let mut state = self.state();
        state.called(Operation::ListGraphs, region, "")?;
        Ok(state.graphs.get(region).cloned())
    }

    async fn start(&self, region: &str, graph_arn: &str, entity_arn: &str, window: &Window) -> Start {
        let now = self.clock.now();
        let mut state = self.state();
        if let Err(error) = state.called(Operation::StartInvestigation, region, entity_arn) {
            return Start::Refused(error);
        }
        if let Some(started) = state.uncertain.pop_front() {
            if started {
                state.begin(graph_arn, entity_arn, window, now);
            }
            return Start::Uncertain(Error::retryable("Timeout", "the answer was lost"));
        }
        if !state.is_graph(region, graph_arn) {
            return Start::Refused(not_found());
        }
        if !is_role_or_user(entity_arn) || window.start >= window.end {
            return Start::Refused(Error::permanent("Validation", "the request is not valid"));
        }
        Start::Started(state.begin(graph_arn, entity_arn, window, now))
    }

    async fn get(&self, region: &str, graph_arn: &str, id: &str) -> Result<Option<Investigation>, Error> {
        let mut state = self.state();
        state.called(Operation::GetInvestigation, region, id)?;
        let Some(Running { investigation, script, .. }) = state.find(graph_arn, id) else { return Ok(None) };
        if investigation.status == Status::Running {
            match script.running_gets.checked_sub(1) {
                Some(left) => script.running_gets = left,
                None => match &script.ending {
                    Ending::Successful { severity, .. } => {
                        investigation.status = Status::Successful;
                        investigation.severity = Some(*severity);
                    }
                    Ending::Failed => investigation.status = Status::Failed,
                },
            }
        }
        Ok(Some(investigation.clone()))
    }

    async fn list_for_entity(
        &self,
        region: &str,
        graph_arn: &str,
        entity_arn: &str,
        created_since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Vec<Investigation>, Error> {
        let mut state = self.state();
        state.called(Operation::ListInvestigations, region, entity_arn)?;
        if !state.is_graph(region, graph_arn) {
            return Err(not_found());
        }
        let of_entity = state.investigations.iter().rev().filter(|running| {
            let Investigation { entity_arn: entity, created, .. } = &running.investigation;
            running.graph_arn == graph_arn
                && entity == entity_arn
                && *created >= created_since
                && *created <= now
        });
        Ok(of_entity.map(|running| Investigation { window: None, ..running.investigation.clone() }).collect())
    }

    async fn indicators(&self, region: &str, graph_arn: &str, id: &str) -> Result<Vec<Indicator>, Error> {
        let mut state = self.state();
        state.called(Operation::ListIndicators, region, id)?;
        let running = state.find(graph_arn, id).ok_or_else(not_found)?;
        match (running.investigation.status, &running.script.ending) {
            (Status::Successful, Ending::Successful { indicators, .. }) => Ok(indicators.clone()),
            _ => Ok(Vec::new()),
        }
    }
}
