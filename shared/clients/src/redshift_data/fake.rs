use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventide_kit::clock::ManualClock;
use eventide_kit::error::Error;

use super::check::check_wait;
use super::{Column, Described, Field, Page, RedshiftData, ResultFormat, Rows, Statement, Status};
use crate::faults::Faults;

/// Calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`RedshiftData::submit`]
    Submit,
    /// [`RedshiftData::describe`]
    Describe,
    /// [`RedshiftData::cancel`]
    Cancel,
    /// [`RedshiftData::page`]
    Page,
}

/// What becomes of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// How many calls see it running, those of [`RedshiftData::submit`] and [`RedshiftData::describe`] counted.
    pub running: u32,
    /// How it ends then. `None`: not before the test says so.
    pub ending: Option<Ending>,
}

/// How a statement ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It succeeds, with rows if it has any to give.
    Finished(Option<ResultSet>),
    /// It fails, and the warehouse says why.
    Failed(String),
    /// It is cancelled.
    Aborted,
}

/// The rows of a result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultSet {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Vec<Field>>,
    /// Rows on a page; 0: all of them.
    pub page_rows: usize,
    /// What [`Described::rows`] and [`Page::total_rows`] say, if not the truth.
    pub said_rows: Option<u64>,
    /// What [`Described::bytes`] says, if not the length of its CSV.
    pub said_bytes: Option<u64>,
}

/// [`RedshiftData`] in memory. A statement runs until the test ends it, unless there is a [`Script`] for it. CSV is
/// written as the local cloud writes it: a header in the first line, lines that end in CR LF, quotes only where they are
/// needed, null as nothing, an empty text as `""`. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct FakeRedshiftData(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    statements: BTreeMap<String, Running>,
    order: Vec<String>,
    scripts: VecDeque<Script>,
    cancelled: Vec<String>,
    faults: Faults<Operation>,
    /// What calls do to the clock that wait in vain.
    clock: Option<ManualClock>,
}

#[derive(Debug)]
struct Running {
    statement: Statement,
    script: Script,
    number: i64,
}

impl FakeRedshiftData {
    /// The next statement without a script before it goes like this.
    pub fn script_next(&self, script: Script) {
        self.state().scripts.push_back(script);
    }

    /// Ends a statement.
    pub fn end(&self, id: &str, ending: Ending) {
        if let Some(running) = self.state().statements.get_mut(id) {
            running.script = Script { running: 0, ending: Some(ending) };
        }
    }

    /// Forgets a statement, as after 24 hours.
    pub fn forget(&self, id: &str) {
        self.state().statements.remove(id);
    }

    /// The next call of `operation` without such a failure before it fails with `error`.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.state().faults.push(operation, error);
    }

    /// From now on a call that waits for a statement that does not end takes its time on `clock`.
    pub fn wait_on(&self, clock: &ManualClock) {
        self.state().clock = Some(clock.clone());
    }

    /// The statements submitted, oldest first, with their ids. A repeat is none.
    pub fn submitted(&self) -> Vec<(String, Statement)> {
        let state = self.state();
        let statement = |id: &String| Some((id.clone(), state.statements.get(id)?.statement.clone()));
        state.order.iter().filter_map(statement).collect()
    }

    /// The statements that were cancelled before their end.
    pub fn cancelled(&self) -> Vec<String> {
        self.state().cancelled.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A call that would wait so long for a statement's end.
    fn observe(&mut self, id: &str, wait_seconds: u8) -> Option<Described> {
        let running = self.statements.get_mut(id)?;
        let ends = running.script.ending.is_some() && running.script.running == 0;
        running.script.running = running.script.running.saturating_sub(1);
        if !ends && let Some(clock) = &self.clock {
            clock.advance(Duration::from_secs(wait_seconds.into()));
        }
        Some(running.described(id, ends))
    }
}

impl Running {
    fn ended(&self) -> Option<&Ending> {
        self.script.ending.as_ref().filter(|_| self.script.running == 0)
    }

    fn described(&self, id: &str, ends: bool) -> Described {
        let mut described = Described {
            id: id.to_owned(),
            status: Status::Running,
            error: None,
            has_result: false,
            rows: None,
            bytes: None,
            nanoseconds: 0,
            query_id: -1,
        };
        let Some(ending) = self.script.ending.as_ref().filter(|_| ends) else { return described };
        (described.nanoseconds, described.query_id) = (1_500_000_000, self.number);
        match ending {
            Ending::Finished(result) => {
                described.status = Status::Finished;
                described.has_result = result.is_some();
                described.rows = result.as_ref().map(ResultSet::total);
                described.bytes = result.as_ref().map(ResultSet::bytes);
            }
            Ending::Failed(error) => {
                described.status = Status::Failed;
                described.error = Some(error.clone());
            }
            Ending::Aborted => described.status = Status::Aborted,
        }
        described
    }
}

impl ResultSet {
    fn total(&self) -> u64 {
        self.said_rows.unwrap_or(self.rows.len() as u64)
    }

    fn bytes(&self) -> u64 {
        let length = || self.rows.iter().map(|row| csv_line(row).len() as u64).sum();
        self.said_bytes.unwrap_or_else(length)
    }

    fn page(&self, format: ResultFormat, from: usize) -> Page {
        let size = if self.page_rows == 0 { usize::MAX } else { self.page_rows };
        let rows: Vec<Vec<Field>> = self.rows.iter().skip(from).take(size).cloned().collect();
        let end = from + rows.len();
        let rows = match format {
            ResultFormat::Json => Rows::Fields(rows),
            ResultFormat::Csv if self.rows.is_empty() => Rows::Csv(Vec::new()),
            ResultFormat::Csv => {
                let names: Vec<_> =
                    self.columns.iter().map(|column| Field::Text(column.name.clone())).collect();
                let header = if from == 0 { csv_line(&names) } else { String::new() };
                Rows::Csv(vec![header + &rows.iter().map(|row| csv_line(row)).collect::<String>()])
            }
        };
        let next_token = (end < self.rows.len()).then(|| end.to_string());
        Page { columns: self.columns.clone(), rows, total_rows: self.total(), next_token }
    }
}

fn csv_line(row: &[Field]) -> String {
    let values: Vec<String> = row.iter().map(csv_value).collect();
    values.join(",") + "\r\n"
}

fn csv_value(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Boolean(value) => value.to_string(),
        Field::Long(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        Field::Text(text) if text.is_empty() || text.contains([',', '"', '\r', '\n']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Field::Text(text) => text.clone(),
        Field::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn not_found(operation: &str) -> Error {
    let message = format!("`redshift-data:{operation}` failed with `ResourceNotFoundException`");
    Error::permanent("ResourceNotFound", message)
}

fn invalid(operation: &str) -> Error {
    Error::permanent("Validation", format!("`redshift-data:{operation}` failed with `ValidationException`"))
}

impl RedshiftData for FakeRedshiftData {
    async fn submit(&self, statement: &Statement) -> Result<Described, Error> {
        let mut state = self.state();
        state.faults.check(Operation::Submit)?;
        statement.check()?;
        let same =
            |(_, running): &(&String, &Running)| running.statement.client_token == statement.client_token;
        let repeated = state.statements.iter().find(same).map(|(id, running)| {
            let wait_seconds = statement.wait_seconds;
            (id.clone(), Statement { wait_seconds, ..running.statement.clone() } == *statement)
        });
        let id = match repeated {
            Some((_, false)) => return Err(invalid("ExecuteStatement")),
            Some((id, true)) => id,
            None => {
                let number = state.order.len() as i64 + 1;
                let id = format!("00000000-0000-4000-8000-{number:012}");
                let script = state.scripts.pop_front().unwrap_or_default();
                let running = Running { statement: statement.clone(), script, number };
                state.statements.insert(id.clone(), running);
                state.order.push(id.clone());
                id
            }
        };
        let described = state.observe(&id, statement.wait_seconds);
        let described = described.ok_or_else(|| not_found("ExecuteStatement"))?;
        // The answer to a submission says no more.
        Ok(Described { rows: None, bytes: None, error: None, nanoseconds: 0, query_id: -1, ..described })
    }

    async fn describe(&self, id: &str, wait_seconds: u8) -> Result<Option<Described>, Error> {
        let mut state = self.state();
        state.faults.check(Operation::Describe)?;
        check_wait(wait_seconds)?;
        Ok(state.observe(id, wait_seconds))
    }

    async fn cancel(&self, id: &str) -> Result<bool, Error> {
        let mut state = self.state();
        state.faults.check(Operation::Cancel)?;
        let Some(running) = state.statements.get_mut(id).filter(|running| running.ended().is_none()) else {
            return Ok(false);
        };
        running.script = Script { running: 0, ending: Some(Ending::Aborted) };
        state.cancelled.push(id.to_owned());
        Ok(true)
    }

    async fn page(&self, id: &str, format: ResultFormat, token: Option<&str>) -> Result<Page, Error> {
        const OPERATION: &str = "GetStatementResult";
        let mut state = self.state();
        state.faults.check(Operation::Page)?;
        let running = state.statements.get(id).ok_or_else(|| not_found(OPERATION))?;
        if running.statement.result_format != format {
            return Err(invalid(OPERATION));
        }
        let Some(Ending::Finished(Some(result))) = running.ended() else { return Err(not_found(OPERATION)) };
        let from = token.map_or(Ok(0), str::parse).map_err(|_other| invalid(OPERATION))?;
        Ok(result.page(format, from))
    }
}
