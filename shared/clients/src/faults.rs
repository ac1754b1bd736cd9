//! Failures that a test has ordered from a fake.

use std::collections::VecDeque;

use eventide_kit::error::Error;

/// The errors that the next calls of each operation answer with, first in, first out.
#[derive(Debug)]
pub(crate) struct Faults<O>(VecDeque<(O, Error)>);

impl<O> Default for Faults<O> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<O: PartialEq> Faults<O> {
    pub(crate) fn push(&mut self, operation: O, error: Error) {
        self.0.push_back((operation, error));
    }

    /// Fails if a failure of this operation is due.
    pub(crate) fn check(&mut self, operation: O) -> Result<(), Error> {
        let due = self.0.iter().position(|(ordered, _)| *ordered == operation);
        match due.and_then(|at| self.0.remove(at)) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}
