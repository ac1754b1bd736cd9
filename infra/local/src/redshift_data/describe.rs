//! `DescribeStatement`, `ListStatements` and `CancelStatement`.

use serde_json::{Value, json};

use super::identity::Identity;
use super::input::Input;
use super::page;
use super::refusal::{Outcome, Refusal};
use super::statement::{Statement, Status};
use super::{Context, RedshiftData, State};

/// An id, and the number of a part behind the colon.
pub(super) fn split(id: &str) -> (&str, Option<usize>) {
    match id.split_once(':') {
        // A number that is none, as in `ID:`, is no part's.
        Some((id, number)) => (id, Some(number.parse().unwrap_or_default())),
        None => (id, None),
    }
}

impl State {
    /// A statement of the caller's role. That others' do not exist for him is assumed; that he may not touch
    /// them is documented.
    pub(super) fn own(&self, id: &str, caller: &Identity) -> Outcome<&Statement> {
        let (key, _) = split(id);
        let statement = self.statements.get(key);
        statement
            .filter(|statement| statement.identity.owner == caller.owner)
            .ok_or_else(|| Refusal::no_statement(id))
    }
}

impl RedshiftData {
    pub(super) async fn describe(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let (id, seconds) = (input.id()?, input.wait()?);
        let (key, number) = split(id);
        self.known(cx, id)?;
        self.wait(key, seconds).await?;
        let state = self.state();
        let statement = state.own(id, &cx.identity)?;
        match number {
            None => Ok(statement.described()),
            Some(number) => statement.described_part(number).ok_or_else(|| Refusal::no_statement(id)),
        }
    }

    /// Refuses what the caller may not see, before he waits for it.
    pub(super) fn known(&self, cx: &Context, id: &str) -> Outcome<()> {
        let mut state = self.state();
        state.forget_old(cx.now);
        state.own(id, &cx.identity).map(drop)
    }

    pub(super) fn list(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let statuses = ["SUBMITTED", "PICKED", "STARTED", "FINISHED", "ABORTED", "FAILED", "ALL"];
        // The service model: "By default, only finished statements are shown."
        let wanted = input.one_of("Status", &statuses)?.unwrap_or("FINISHED");
        let prefix = input.sized("StatementName", 0, 2048)?.unwrap_or_default();
        let role_level = input.boolean("RoleLevel")?.unwrap_or(true);
        let (cluster, workgroup) = (input.cluster()?, input.workgroup()?);
        let database = input.text("Database")?;
        let cut = page::Cut::read(input, "ListStatements", 100)?;
        if cluster.is_some() && workgroup.is_some() {
            return Err(Refusal::invalid("ClusterIdentifier and WorkgroupName cannot both be given."));
        }
        let mut state = self.state();
        state.forget_old(cx.now);
        let mut found: Vec<&Statement> = state
            .statements
            .values()
            .filter(|statement| {
                let named = &statement.target.named;
                statement.identity.owner == cx.identity.owner
                    && (role_level || statement.identity.session == cx.identity.session)
                    && (wanted == "ALL" || statement.status.name() == wanted)
                    && statement.name.as_deref().unwrap_or_default().starts_with(prefix)
                    && cluster.is_none_or(|name| named.cluster.as_deref() == Some(name))
                    && workgroup.is_none_or(|name| named.workgroup.as_deref() == Some(name))
                    && database.is_none_or(|name| statement.target.database == name)
            })
            .collect();
        found.sort_by_key(|statement| std::cmp::Reverse(statement.number));
        let listed = found.into_iter().map(Statement::listed).collect();
        cut.page("Statements", listed, state.settings.page_items)
    }

    pub(super) fn cancel(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let id = input.id()?;
        let (key, number) = split(id);
        self.known(cx, id)?;
        if number.is_some() {
            return Err(Refusal::invalid("A sub-statement cannot be cancelled: cancel its batch."));
        }
        if self.conclude(key, cx.now, |statement| statement.status = Status::Aborted) {
            return Ok(json!({ "Status": true }));
        }
        let state = self.state();
        let status = state.own(id, &cx.identity)?.status.name();
        Err(Refusal::invalid(format!(
            "Could not cancel a query that is already in {status} state with ID: {id}"
        )))
    }
}
