use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;

use super::{Secret, Secrets};

/// [`Secrets`] in memory, without a cache. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct FakeSecrets(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    secrets: BTreeMap<String, Secret>,
    reads: Vec<String>,
    failures: VecDeque<Error>,
}

impl FakeSecrets {
    /// Adds a secret, or changes it.
    pub fn set(&self, id: &str, text: &str) {
        self.state().secrets.insert(id.to_owned(), Secret::new(text));
    }

    /// The next read that is not yet to fail fails with `error`.
    pub fn fail_next(&self, error: Error) {
        self.state().failures.push_back(error);
    }

    /// The ids that were asked for, in their order.
    pub fn reads(&self) -> Vec<String> {
        self.state().reads.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Secrets for FakeSecrets {
    async fn get(&self, id: &str) -> Result<Secret, Error> {
        let mut state = self.state();
        state.reads.push(id.to_owned());
        if let Some(error) = state.failures.pop_front() {
            return Err(error);
        }
        state.secrets.get(id).cloned().ok_or_else(|| {
            let message = "`secretsmanager:GetSecretValue` failed with `ResourceNotFoundException`";
            Error::environment("ResourceNotFound", message)
        })
    }
}
