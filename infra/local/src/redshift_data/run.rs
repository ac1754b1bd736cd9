//! How a statement goes, from `SUBMITTED` to its end.

use std::sync::Arc;

use eventide_local_engine::{Outcome as Done, ResultSet, Session, SqlError};
use time::{Duration, OffsetDateTime};

use super::RedshiftData;
use super::pace;
use super::plan::Fate;
use super::result;
use super::settings::Settings;
use super::statement::{Mode, Part, Statement, Status};
use super::warehouse::{Engine, Progress, Sql};

type Finding = Result<Done, SqlError>;

/// What a statement needs to run.
struct Work {
    engine: Arc<dyn Engine>,
    session: Session,
    databases: Vec<String>,
    sql: Vec<Sql>,
    mode: Mode,
    created: OffsetDateTime,
    settings: Settings,
}

impl RedshiftData {
    /// Runs a statement in a task of its own.
    pub(super) fn begin(&self, id: &str, fate: Fate) {
        let (this, id) = (self.clone(), id.to_owned());
        let ended = this.state().statements.get(&id).map(|statement| statement.ended.subscribe());
        tokio::spawn(async move {
            let Some(mut ended) = ended else { return };
            tokio::select! {
                // Aborted, or forgotten: dropping the other branch stops the engine.
                _ = ended.wait_for(|ended| *ended) => {}
                () = this.run(&id, fate) => {}
            }
        });
    }

    async fn run(&self, id: &str, fate: Fate) {
        let Some(work) = self.work(id) else { return };
        let clock = &self.shared.clock;
        let seconds = |seconds: f64| Duration::seconds_f64(seconds);
        let picked = work.created + seconds(work.settings.submitted_seconds);
        let started = picked + seconds(work.settings.picked_seconds);
        pace::until(clock, picked).await;
        self.mark(id, Status::Picked);
        pace::until(clock, started).await;
        self.mark(id, Status::Started);
        pace::until(clock, started + seconds(fate.run_seconds.unwrap_or(work.settings.run_seconds))).await;
        let findings = match fate.error {
            Some(error) => vec![Err(SqlError(error))],
            None => self.execute(id, &work).await,
        };
        self.end(id, findings);
    }

    fn work(&self, id: &str) -> Option<Work> {
        let state = self.state();
        let statement = state.statements.get(id)?;
        let target = &statement.target;
        Some(Work {
            engine: Arc::clone(&target.warehouse.engine),
            session: Session {
                database: target.database.clone(),
                user: target.user.clone(),
                superuser: state.settings.superusers.contains(&target.user),
            },
            databases: target.warehouse.databases.clone(),
            sql: statement.parts.iter().map(|part| part.sql.clone()).collect(),
            mode: statement.batch.unwrap_or(Mode::Transaction),
            created: statement.created,
            settings: state.settings.clone(),
        })
    }

    async fn execute(&self, id: &str, work: &Work) -> Vec<Finding> {
        if !work.databases.contains(&work.session.database) {
            let error = format!("FATAL: database \"{}\" does not exist", work.session.database);
            return vec![Err(SqlError(error))];
        }
        let transaction = work.mode == Mode::Transaction;
        let findings = work.engine.run(&work.session, &work.sql, transaction, self.progress(id)).await;
        let settings = work.settings.clone();
        // Out of the way of other calls: a large result takes a while to go through.
        let checked = tokio::task::spawn_blocking(move || {
            findings.into_iter().map(|finding| within_limits(finding, &settings)).collect()
        });
        checked.await.unwrap_or_else(|error| vec![Err(SqlError(format!("ERROR: {error}")))])
    }

    /// Keeps the parts' statuses as the engine gets on. What came of them is known at the end.
    fn progress(&self, id: &str) -> Progress {
        let (this, id) = (self.clone(), id.to_owned());
        Arc::new(move |index, ended| {
            let now = this.shared.clock.now();
            let mut state = this.state();
            state.query_ids += i64::from(ended.is_none());
            let query_id = state.query_ids;
            let statement = state.statements.get_mut(&id).filter(|statement| !statement.status.has_ended());
            let Some(part) = statement.and_then(|statement| statement.parts.get_mut(index)) else { return };
            match ended {
                None => part.start(query_id, now),
                Some(true) => part.close(Status::Finished, now),
                Some(false) => part.close(Status::Failed, now),
            }
        })
    }

    fn mark(&self, id: &str, status: Status) {
        let now = self.shared.clock.now();
        let mut state = self.state();
        let statement = state.statements.get_mut(id).filter(|statement| !statement.status.has_ended());
        let Some(statement) = statement else { return };
        (statement.status, statement.updated) = (status, now);
        if status == Status::Started {
            statement.began = Some(now);
        }
        // Of a batch, each part starts in its turn.
        let parts = if statement.batch.is_some() { 0 } else { 1 };
        for part in statement.parts.iter_mut().take(parts) {
            (part.status, part.updated) = (status, now);
        }
    }

    /// Ends a statement by what the engine says.
    fn end(&self, id: &str, findings: Vec<Finding>) {
        let now = self.shared.clock.now();
        let mut failed: Option<(usize, String)> = None;
        for (index, finding) in findings.iter().enumerate() {
            if let (Err(error), None) = (finding, &failed) {
                failed = Some((index, error.0.clone()));
            }
        }
        self.conclude(id, now, move |statement| {
            for (part, finding) in statement.parts.iter_mut().zip(findings) {
                part.end(finding, now);
            }
            match failed {
                None => statement.status = Status::Finished,
                Some((index, error)) => {
                    statement.status = Status::Failed;
                    statement.error = Some(match statement.batch {
                        Some(_) => format!("Query #{} failed with {error}", index + 1),
                        None => error,
                    });
                }
            }
        });
    }

    /// Ends a statement that has not ended, with its event. Whether it had not.
    pub(super) fn conclude(
        &self,
        id: &str,
        now: OffsetDateTime,
        outcome: impl FnOnce(&mut Statement),
    ) -> bool {
        let mut state = self.state();
        let statement = state.statements.get_mut(id).filter(|statement| !statement.status.has_ended());
        let Some(statement) = statement else { return false };
        outcome(statement);
        statement.updated = now;
        statement.duration = since(statement.began, now);
        for part in statement.parts.iter_mut().filter(|part| !part.status.has_ended()) {
            part.close(Status::Aborted, now);
        }
        if statement.with_event {
            self.shared.outbox.post(statement);
        }
        statement.ended.send_replace(true);
        if let Some(session) = statement.session.clone() {
            state.occupy_session(&session, None, now);
        }
        true
    }
}

impl Part {
    fn start(&mut self, query_id: i64, now: OffsetDateTime) {
        self.status = Status::Started;
        self.query_id = query_id;
        self.began = Some(now);
        self.updated = now;
    }

    fn close(&mut self, status: Status, now: OffsetDateTime) {
        if !self.status.has_ended() {
            self.duration = since(self.began, now);
            self.updated = now;
        }
        self.status = status;
    }

    fn end(&mut self, finding: Finding, now: OffsetDateTime) {
        match finding {
            Ok(done) => {
                self.close(Status::Finished, now);
                self.rows = done.rows;
                self.size = done.result.as_ref().map_or(0, |result| signed(result.size()));
                self.result = done.result;
            }
            Err(error) => {
                self.close(Status::Failed, now);
                self.error = Some(error.0);
                self.query_id = -1;
            }
        }
    }
}

/// A result that is too large makes its statement fail (Management Guide, "Troubleshooting issues for the
/// Data API", whose headings the texts are).
fn within_limits(finding: Finding, settings: &Settings) -> Finding {
    let done = finding?;
    let Some(result) = &done.result else { return Ok(done) };
    if result.size() > settings.max_result_bytes {
        return Err(SqlError("Database response exceeded size limit".into()));
    }
    if has_row_over(result.as_ref(), settings.max_row_bytes) {
        return Err(SqlError("Packet for query is too large".into()));
    }
    Ok(done)
}

fn has_row_over(result: &dyn ResultSet, limit: u64) -> bool {
    // A result of numbers, or of short texts, need not be gone through.
    result.size() > limit && result::widest_row(result) > limit && result::largest_row(result) > limit
}

/// Nanoseconds from one time to another.
fn since(began: Option<OffsetDateTime>, now: OffsetDateTime) -> i64 {
    began.map_or(0, |began| i64::try_from((now - began).whole_nanoseconds()).unwrap_or(i64::MAX).max(0))
}

fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
