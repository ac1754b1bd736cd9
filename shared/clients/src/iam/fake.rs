use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;

use super::{Iam, Kind, Lookup, check_account, is_name};
use crate::faults::Faults;

/// Calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Iam::role_arn`]
    GetRole,
    /// [`Iam::user_arn`]
    GetUser,
}

/// [`Iam`] in memory. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct FakeIam(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    arns: Vec<String>,
    accounts: BTreeMap<String, Lookup>,
    faults: Faults<Operation>,
    lookups: usize,
}

impl FakeIam {
    /// Adds the role or user with this ARN.
    pub fn add(&self, arn: &str) {
        self.state().arns.push(arn.to_owned());
    }

    /// Every lookup in `account` gets this answer, [`Lookup::Denied`] or [`Lookup::NotConfigured`] say.
    pub fn answer_for_account(&self, account: &str, answer: Lookup) {
        self.state().accounts.insert(account.to_owned(), answer);
    }

    /// The next call of `operation` without such a failure before it fails with `error`.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.state().faults.push(operation, error);
    }

    /// How many lookups there were.
    pub fn lookups(&self) -> usize {
        self.state().lookups
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_up(&self, operation: Operation, kind: Kind, account: &str, name: &str) -> Result<Lookup, Error> {
        check_account(account)?;
        let mut state = self.state();
        state.lookups += 1;
        state.faults.check(operation)?;
        if !is_name(name, kind.longest_name()) {
            return Ok(Lookup::Absent);
        }
        if let Some(answer) = state.accounts.get(account) {
            return Ok(answer.clone());
        }
        let resource = match kind {
            Kind::Role => "role",
            Kind::User => "user",
        };
        let found = state.arns.iter().find(|arn| {
            let mut parts = arn.split(':').skip(4);
            parts.next() == Some(account)
                && parts.next().is_some_and(|path| {
                    path.split('/').next() == Some(resource) && path.rsplit('/').next() == Some(name)
                })
        });
        Ok(found.cloned().map_or(Lookup::Absent, Lookup::Found))
    }
}

impl Iam for FakeIam {
    async fn role_arn(&self, account: &str, name: &str) -> Result<Lookup, Error> {
        self.look_up(Operation::GetRole, Kind::Role, account, name)
    }

    async fn user_arn(&self, account: &str, name: &str) -> Result<Lookup, Error> {
        self.look_up(Operation::GetUser, Kind::User, account, name)
    }
}
