//! Doubles on a line that can be cut: after any call, that is, which is what a kill leaves behind.
//!
//! A test counts the calls that a function makes ([`Calls::made`]), then lets it make them again in as many worlds, in each of
//! which another call is its last.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::error::Error;
use crate::ledger::{Claimed, Entry, Ledger, Settlement};

/// Calls of all lines, and which of them is somebody's last. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    made: AtomicUsize,
    last: AtomicUsize,
    names: Mutex<Vec<&'static str>>,
    held: Mutex<Option<(&'static str, Arc<Notify>)>>,
}

impl Calls {
    /// The call of this number, from 1, is the last of whoever makes it. 0: none is.
    pub fn last(number: usize) -> Self {
        Self(Arc::new(Counts { last: AtomicUsize::new(number), ..Counts::default() }))
    }

    /// The next call of this name is carried out, and answered when the test says so.
    pub fn hold_next(&self, name: &'static str) -> Arc<Notify> {
        let answer = Arc::new(Notify::new());
        *self.0.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, answer.clone()));
        answer
    }

    /// The names of the calls that have one, since this was asked last.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.names.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls that were made.
    pub fn made(&self) -> usize {
        self.0.made.load(Ordering::SeqCst)
    }
}

/// The line of one execution environment. Clones are the same line.
#[derive(Clone, Debug)]
pub struct Line {
    calls: Calls,
    is_cut: Arc<AtomicBool>,
    cut: Arc<Notify>,
}

impl Line {
    /// A line whose calls count among these.
    pub fn new(calls: &Calls) -> Self {
        Self { calls: calls.clone(), is_cut: Arc::default(), cut: Arc::default() }
    }

    /// A call: it has its effect, and its answer comes back unless the line was cut meanwhile.
    pub async fn call<F: Future>(&self, call: F) -> F::Output {
        // Others get their turn, so that calls of one invocation overlap.
        tokio::task::yield_now().await;
        if self.is_cut.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        let output = call.await;
        let number = self.calls.0.made.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.calls.0.last.load(Ordering::SeqCst) {
            self.is_cut.store(true, Ordering::SeqCst);
            self.cut.notify_one();
            pending::<()>().await;
        }
        output
    }

    /// A [`call`](Self::call) that [`Calls::take`] tells of, and [`Calls::hold_next`] can hold.
    pub async fn named<F: Future>(&self, name: &'static str, call: F) -> F::Output {
        let counts = &self.calls.0;
        self.call(async {
            counts.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
            let output = call.await;
            let held =
                counts.held.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(held, _)| *held == name);
            if let Some((_, answer)) = held {
                answer.notified().await;
            }
            output
        })
        .await
    }

    /// Works until the line is cut; then nothing of the work goes on.
    pub async fn until_cut<F: Future>(&self, work: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.cut.notified() => None,
            output = work => Some(output),
        }
    }
}

/// A double on a line: what it stands in for, call by call. Each port is implemented where it is declared.
#[derive(Clone, Debug)]
pub struct Tapped<T> {
    /// The double, which tests reach without a call.
    pub fake: T,
    /// Its line.
    pub line: Line,
}

impl<T: Clone> Tapped<T> {
    /// Puts a clone of a double on a line.
    pub fn new(fake: &T, line: &Line) -> Self {
        Self { fake: fake.clone(), line: line.clone() }
    }
}

impl<T: Ledger> Ledger for Tapped<T> {
    async fn claim(
        &self,
        key: &str,
        holder: &str,
        deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        self.line.call(self.fake.claim(key, holder, deadline, detail)).await
    }

    async fn claim_again(
        &self,
        previous: &Entry,
        holder: &str,
        deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        self.line.call(self.fake.claim_again(previous, holder, deadline, detail)).await
    }

    async fn settle(&self, key: &str, attempt: u32, settlement: Settlement) -> Result<Entry, Error> {
        self.line.call(self.fake.settle(key, attempt, settlement)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        self.line.call(self.fake.get(key)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Makes three calls on a line, each of which leaves a mark.
    async fn three(line: &Line, marks: &Mutex<Vec<u32>>) -> &'static str {
        for number in 1..=3 {
            line.call(async { marks.lock().expect("nobody panics").push(number) }).await;
        }
        "done"
    }

    #[tokio::test]
    async fn the_last_call_has_its_effect_and_no_answer() {
        for (last, made) in [(0, 3), (1, 1), (2, 2), (3, 3), (4, 3)] {
            let (calls, marks) = (Calls::last(last), Mutex::default());
            let line = Line::new(&calls);
            let expected = (!(1..=3).contains(&last)).then_some("done");
            assert_eq!(line.until_cut(three(&line, &marks)).await, expected, "{last}");
            assert_eq!((calls.made(), marks.lock().expect("nobody panics").len()), (made, made), "{last}");
        }
    }

    #[tokio::test]
    async fn who_comes_after_a_kill_has_a_line_of_its_own() {
        let (calls, marks) = (Calls::last(2), Mutex::default());
        let first = Line::new(&calls);
        assert_eq!(first.until_cut(three(&first, &marks)).await, None);
        let again = Line::new(&calls);
        assert_eq!(again.until_cut(three(&again, &marks)).await, Some("done"));
        assert_eq!(*marks.lock().expect("nobody panics"), [1, 2, 1, 2, 3]);
        assert_eq!(calls.made(), 5);
    }
}
