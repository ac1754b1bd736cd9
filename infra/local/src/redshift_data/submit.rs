//! `ExecuteStatement` and `BatchExecuteStatement`.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

use super::ids;
use super::input::Input;
use super::outbox::RETENTION;
use super::parameters;
use super::plan::Fate;
use super::refusal::{Outcome, Refusal};
use super::statement::{Format, Mode, Part, Statement, Status};
use super::target::{Named, Target};
use super::warehouse::Sql;
use super::{Context, RedshiftData, State};

/// How long a client token is known (Management Guide, "Considerations when calling the Data API").
const TOKEN_LIFE: Duration = Duration::hours(8);

/// The longest statement (Management Guide, as above: 100 KB).
const LONGEST_SQL: usize = 100 * 1024;

/// A client token that was used.
#[derive(Debug)]
pub(super) struct Token {
    owner: String,
    region: String,
    text: String,
    /// Of everything else in the request.
    fingerprint: String,
    statement: String,
    used: OffsetDateTime,
}

/// A checked request.
#[derive(Debug)]
struct Request {
    texts: Vec<String>,
    batch: Option<Mode>,
    parameters: Vec<(String, String)>,
    named: Named,
    session: Option<String>,
    keep_alive: Option<u32>,
    name: Option<String>,
    with_event: bool,
    format: Format,
    token: Option<String>,
    fingerprint: String,
    wait: Option<u32>,
}

impl RedshiftData {
    pub(super) async fn submit(&self, cx: &Context, body: &Value, batch: bool) -> Outcome<Value> {
        let request = Request::read(body, batch)?;
        let target = match request.session {
            Some(_) => None,
            None => Some(self.target(request.named.clone(), &cx.identity, &cx.region).await?),
        };
        let (id, begun) = self.state().take(&request, target, cx)?;
        if let Some(fate) = begun {
            self.begin(&id, fate);
        }
        if let Some(seconds) = request.wait {
            // No error of these operations says that too many wait, so that they are not counted.
            self.ended_within(&id, seconds).await;
        }
        let state = self.state();
        let statement = state.statements.get(&id).ok_or_else(|| Refusal::internal("reset meanwhile"))?;
        Ok(statement.receipt())
    }
}

impl Request {
    fn read(body: &Value, batch: bool) -> Outcome<Self> {
        let input = Input::new(body)?;
        let texts = if batch { input.statements()? } else { vec![input.required("Sql")?] };
        let named = Named::read(input)?;
        let parameters = input.parameters()?;
        let session = input.uuid("SessionId")?.map(str::to_owned);
        let mode = input.one_of("ExecutionMode", &["TRANSACTION", "AUTO_COMMIT"])?.filter(|_| batch);
        let format = input.one_of("ResultFormat", &["JSON", "CSV"])?;
        let request = Self {
            batch: batch.then_some(match mode {
                Some("AUTO_COMMIT") => Mode::AutoCommit,
                _ => Mode::Transaction,
            }),
            keep_alive: input.number("SessionKeepAliveSeconds", 0, 86_400)?,
            name: input.sized("StatementName", 0, 2048)?.map(str::to_owned),
            with_event: input.boolean("WithEvent")?.unwrap_or_default(),
            format: if format == Some("CSV") { Format::Csv } else { Format::Json },
            token: input.sized("ClientToken", 1, 64)?.map(str::to_owned),
            wait: input.wait()?,
            fingerprint: fingerprint(body, batch),
            texts: texts.into_iter().map(str::to_owned).collect(),
            parameters,
            named,
            session,
        };
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Outcome<()> {
        if self.session.is_some() && !self.named.is_empty() {
            return Err(Refusal::invalid("SessionId cannot be given with connection parameters."));
        }
        if self.texts.iter().any(|text| text.trim().is_empty()) {
            return Err(Refusal::invalid("SQL statement cannot be empty."));
        }
        if self.texts.iter().any(|text| text.len() > LONGEST_SQL) {
            return Err(Refusal::invalid("Cannot process query string larger than 100kB"));
        }
        let used: BTreeSet<&str> = self.texts.iter().flat_map(|text| parameters::used(text)).collect();
        let names = self.parameters.iter().map(|(name, _)| name.as_str());
        let unused: Vec<&str> = names.filter(|name| !used.contains(name)).collect();
        if unused.is_empty() {
            return Ok(());
        }
        let unused = unused.join(", ");
        Err(Refusal::invalid(format!(
            "Parameters list contains unused parameters. Unused parameters: [{unused}]"
        )))
    }

    /// The statements, each with the parameters that it uses.
    fn parts(&self, now: OffsetDateTime) -> Vec<Part> {
        let part = |text: &String| {
            let used = parameters::used(text);
            let parameters = self.parameters.iter().filter(|(name, _)| used.contains(name.as_str()));
            Part::new(Sql { text: text.clone(), parameters: parameters.cloned().collect() }, now)
        };
        self.texts.iter().map(part).collect()
    }
}

impl State {
    /// Takes a request in one step: the id of its statement, and how it goes if it is a new one.
    fn take(
        &mut self,
        request: &Request,
        target: Option<Target>,
        cx: &Context,
    ) -> Outcome<(String, Option<Fate>)> {
        self.forget_old(cx.now);
        if let Some(id) = self.repeated(request, cx)? {
            return Ok((id, None));
        }
        let target = match (target, &request.session) {
            (Some(target), _) => target,
            (None, session) => {
                let id = session.as_deref().unwrap_or_default();
                self.session_target(id, &cx.identity, request.keep_alive, cx.now)?
            }
        };
        let limit = self.settings.max_active_statements;
        if self.active(&target) >= limit {
            return Err(Refusal::too_many_statements(limit));
        }
        let session = match (&request.session, request.keep_alive) {
            (Some(id), _) => Some(id.clone()),
            (None, Some(seconds)) => Some(self.open_session(&cx.identity, &target, seconds, cx.now)?),
            (None, None) => None,
        };
        let texts: Vec<&str> = request.texts.iter().map(String::as_str).collect();
        let fate = self.plans.fate(request.name.as_deref(), &texts);
        let id = ids::uuid();
        if let Some(session) = &session {
            self.occupy_session(session, Some(&id), cx.now);
        }
        if let Some(token) = &request.token {
            self.tokens.push(Token {
                owner: cx.identity.owner.clone(),
                region: cx.region.clone(),
                text: token.clone(),
                fingerprint: request.fingerprint.clone(),
                statement: id.clone(),
                used: cx.now,
            });
        }
        self.submitted += 1;
        let statement = Statement {
            id: id.clone(),
            number: self.submitted,
            identity: cx.identity.clone(),
            target,
            name: request.name.clone(),
            with_event: request.with_event,
            event_plan: fate.event,
            format: request.format,
            batch: request.batch,
            parameters: request.parameters.clone(),
            session,
            created: cx.now,
            updated: cx.now,
            status: Status::Submitted,
            error: None,
            began: None,
            duration: 0,
            pid: 1_073_741_824 + i64::try_from(self.submitted % 1_000_000).unwrap_or_default(),
            parts: request.parts(cx.now),
            ended: watch::Sender::new(false),
            waiting: 0,
        };
        self.statements.insert(id.clone(), statement);
        Ok((id, Some(fate)))
    }

    /// The statement that the same request with the same token has already made. That another request with
    /// the token is refused is assumed.
    fn repeated(&self, request: &Request, cx: &Context) -> Outcome<Option<String>> {
        let Some(text) = &request.token else { return Ok(None) };
        let same = |token: &&Token| {
            token.text == *text && token.region == cx.region && token.owner == cx.identity.owner
        };
        match self.tokens.iter().find(same) {
            Some(token) if token.fingerprint != request.fingerprint => {
                Err(Refusal::invalid("ClientToken was used with other request parameters."))
            }
            token => Ok(token.map(|token| token.statement.clone())),
        }
    }

    fn active(&self, target: &Target) -> usize {
        let key = target.warehouse.key();
        let active =
            |statement: &&Statement| !statement.status.has_ended() && statement.target.warehouse.key() == key;
        self.statements.values().filter(active).count()
    }

    /// Forgets what AWS has forgotten by now.
    pub(super) fn forget_old(&mut self, now: OffsetDateTime) {
        self.tokens.retain(|token| now - token.used < TOKEN_LIFE);
        self.statements
            .retain(|_, statement| !statement.status.has_ended() || now - statement.created < RETENTION);
    }
}

/// A digest of all members but the token and the wait, which a repetition may change.
fn fingerprint(body: &Value, batch: bool) -> String {
    let mut members = body.as_object().cloned().unwrap_or_default();
    members.remove("ClientToken");
    members.remove("WaitTimeSeconds");
    hex::encode(Sha256::digest(format!("{batch}{}", Value::Object(members))))
}
