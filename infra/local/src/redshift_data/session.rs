//! Sessions: connections that outlive a statement. One statement runs in a session at a time, and nothing
//! queues. What SQL would keep in one (temporary tables, settings) is not kept.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::identity::Identity;
use super::ids::{self, timestamp};
use super::input::Input;
use super::page;
use super::refusal::{Outcome, Refusal};
use super::target::Target;
use super::warehouse::Key;
use super::{Context, RedshiftData, State};

/// However it is used, a session ends after this time.
const LONGEST: Duration = Duration::hours(24);

/// A session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    id: String,
    owner: Identity,
    pub(super) target: Target,
    keep_alive: u32,
    created: OffsetDateTime,
    updated: OffsetDateTime,
    /// When it closes, unless a statement runs in it.
    closes: OffsetDateTime,
    /// The statement that runs in it.
    busy: Option<String>,
}

impl Session {
    fn status(&self, now: OffsetDateTime) -> &'static str {
        if now >= self.created + LONGEST || (self.busy.is_none() && now >= self.closes) {
            "CLOSED"
        } else if self.busy.is_some() {
            "BUSY"
        } else {
            "AVAILABLE"
        }
    }

    fn shown(&self, now: OffsetDateTime) -> Value {
        let mut shown = json!({
            "SessionId": self.id,
            "Status": self.status(now),
            "CreatedAt": timestamp(self.created),
            "UpdatedAt": timestamp(self.updated),
            "Database": self.target.database,
            "DbUser": self.target.user,
            "SessionAliveSeconds": self.keep_alive,
            "SessionTtl": timestamp(self.closes.min(self.created + LONGEST)),
        });
        let Some(members) = shown.as_object_mut() else { return shown };
        let named = &self.target.named;
        let options = [
            ("ClusterIdentifier", &named.cluster),
            ("WorkgroupName", &named.workgroup),
            ("CurrentStatementId", &self.busy),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        }
        shown
    }
}

impl State {
    /// Opens a session for a statement.
    pub(super) fn open_session(
        &mut self,
        owner: &Identity,
        target: &Target,
        keep_alive: u32,
        now: OffsetDateTime,
    ) -> Outcome<String> {
        let key = target.warehouse.key();
        let limit = self.settings.max_active_sessions;
        if self.open_sessions(&key, now) >= limit {
            return Err(Refusal::too_many_sessions(limit));
        }
        let id = ids::uuid();
        self.sessions.push(Session {
            id: id.clone(),
            owner: owner.clone(),
            target: target.clone(),
            keep_alive,
            created: now,
            updated: now,
            closes: now + Duration::seconds(keep_alive.into()),
            busy: None,
        });
        Ok(id)
    }

    /// The target of an open session of the caller's.
    pub(super) fn session_target(
        &mut self,
        id: &str,
        caller: &Identity,
        keep_alive: Option<u32>,
        now: OffsetDateTime,
    ) -> Outcome<Target> {
        let own = |session: &&mut Session| session.id == id && session.owner.owner == caller.owner;
        let session = self
            .sessions
            .iter_mut()
            .find(own)
            .ok_or_else(|| Refusal::not_found("Session does not exist.", id))?;
        match session.status(now) {
            "AVAILABLE" => {
                session.keep_alive = keep_alive.unwrap_or(session.keep_alive);
                Ok(session.target.clone())
            }
            status => Err(Refusal::invalid(format!("Session {id} is not available: it is {status}."))),
        }
    }

    /// Says that a statement runs in a session, or that none does any more.
    pub(super) fn occupy_session(&mut self, id: &str, statement: Option<&str>, now: OffsetDateTime) {
        if let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) {
            session.busy = statement.map(str::to_owned);
            session.updated = now;
            session.closes = now + Duration::seconds(session.keep_alive.into());
        }
    }

    fn open_sessions(&self, warehouse: &Key, now: OffsetDateTime) -> usize {
        let open = |session: &&Session| {
            session.target.warehouse.key() == *warehouse && session.status(now) != "CLOSED"
        };
        self.sessions.iter().filter(open).count()
    }
}

impl RedshiftData {
    pub(super) fn list_sessions(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let id = input.uuid("SessionId")?;
        let wanted = input.one_of("Status", &["AVAILABLE", "BUSY", "CLOSED"])?;
        let (cluster, workgroup) = (input.cluster()?, input.workgroup()?);
        let database = input.text("Database")?;
        let role_level = input.boolean("RoleLevel")?.unwrap_or(true);
        let cut = page::Cut::read(input, "ListSessions", 100)?;
        let filtered = wanted.or(cluster).or(workgroup).or(database).is_some();
        if id.is_some() && filtered {
            return Err(Refusal::invalid("SessionId cannot be given with other filters."));
        }
        if cluster.is_some() && workgroup.is_some() {
            return Err(Refusal::invalid("ClusterIdentifier and WorkgroupName cannot both be given."));
        }
        let state = self.state();
        let shown = state.sessions.iter().rev().filter(|session| {
            let status = session.status(cx.now);
            let right_status = wanted.map_or(status != "CLOSED" || id.is_some(), |wanted| status == wanted);
            let named = &session.target.named;
            session.owner.owner == cx.identity.owner
                && (role_level || session.owner.session == cx.identity.session)
                && id.is_none_or(|id| session.id == id)
                && right_status
                && cluster.is_none_or(|name| named.cluster.as_deref() == Some(name))
                && workgroup.is_none_or(|name| named.workgroup.as_deref() == Some(name))
                && database.is_none_or(|name| session.target.database == name)
        });
        let shown = shown.map(|session| session.shown(cx.now)).collect();
        cut.page("Sessions", shown, state.settings.page_items)
    }
}
