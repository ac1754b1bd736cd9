//! When the work is done that the start leaves undone.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

type Job = Box<dyn FnOnce() + Send>;

/// How often the runtime's thread comes to rest until the first poll has gone out: once until the connection to
/// the Runtime API stands, once more when the request is written and only its answer is missing.
const RESTS: u8 = 2;

/// Jobs for one thread, which begins when the first poll for an event has gone out: with less than one processor,
/// as most functions have, any sooner would delay the poll by the whole of them.
#[derive(Clone, Default)]
pub(crate) struct Backlog(Arc<Shared>);

#[derive(Default)]
struct Shared {
    jobs: Mutex<Vec<Job>>,
    /// How many rests are left; zero before the function polls and once the thread has begun.
    rests: AtomicU8,
}

impl Backlog {
    /// Adds a job that is done after those that are there. Nothing may depend on it: should the thread not begin, or
    /// end early, it never is.
    pub(crate) fn add(&self, job: impl FnOnce() + Send + 'static) {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(job));
    }

    /// From now on the function polls.
    pub(crate) fn polling(&self) {
        self.0.rests.store(RESTS, Ordering::Relaxed);
    }

    /// The runtime's thread has nothing to do.
    pub(crate) fn rest(&self) {
        let left =
            self.0.rests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left == Ok(1) {
            self.begin();
        }
    }

    /// Does the jobs on a thread of their own.
    pub(super) fn begin(&self) {
        let jobs = std::mem::take(&mut *self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        if jobs.is_empty() {
            return;
        }
        // Without the thread, whoever needs what it makes does the work.
        let _ = std::thread::Builder::new().name("early".to_owned()).spawn(move || {
            for job in jobs {
                job();
            }
        });
    }
}

impl fmt::Debug for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn jobs_begin_at_the_second_rest_of_a_function_that_polls() {
        let (sender, done) = mpsc::channel();
        let backlog = Backlog::default();
        for job in 1..=2 {
            let sender = sender.clone();
            backlog.add(move || sender.send(job).unwrap());
        }
        drop(sender);
        let waiting = |backlog: &Backlog| backlog.0.jobs.lock().unwrap().len();
        backlog.rest();
        backlog.rest();
        assert_eq!(waiting(&backlog), 2, "the function is being built");
        backlog.polling();
        backlog.rest();
        assert_eq!(waiting(&backlog), 2, "it connects");
        backlog.rest();
        assert_eq!(done.iter().collect::<Vec<_>>(), [1, 2]);
        backlog.rest();
    }
}
