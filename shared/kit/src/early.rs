//! What events need and the start does not: made while the function polls for its first event.

mod backlog;

use std::sync::{Arc, LazyLock};

pub(crate) use backlog::Backlog;

use crate::{error::Error, init::guard};

/// A value that is made once: by a thread, as soon as the function's first poll for an event has gone out, or by
/// whoever needs it sooner. [`Kit::early`](crate::Kit::early) makes one.
///
/// It is for what costs time and cannot fail but by a bug, above all AWS clients: the first client of each service
/// parses the table of all Regions and compiles its patterns. What can fail belongs into
/// [`Function::build`](crate::Function::build), where its failure is that of the start-up.
#[derive(Debug)]
pub struct Early<T>(Arc<LazyLock<Result<T, Error>, Make<T>>>);

type Make<T> = Box<dyn FnOnce() -> Result<T, Error> + Send>;

impl<T> Early<T> {
    /// The value, made now if it has not been; a call that comes while it is being made waits.
    ///
    /// # Errors
    ///
    /// `Environment.Panic`, at every call, if making it panicked.
    pub fn get(&self) -> Result<&T, Error> {
        let made = LazyLock::force(&self.0).as_ref();
        made.map_err(|error| Error::new(error.class(), error.error_type().to_owned(), error.to_string()))
    }
}

impl<T: Send + Sync + 'static> Early<T> {
    /// A value that is made as part of `backlog`.
    pub(crate) fn queued(backlog: &Backlog, make: impl FnOnce() -> T + Send + 'static) -> Self {
        let make: Make<T> = Box::new(|| guard(|| Ok(make())));
        let early = Self(Arc::new(LazyLock::new(make)));
        let queued = Arc::clone(&early.0);
        backlog.add(move || {
            LazyLock::force(&queued);
        });
        early
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;

    #[test]
    fn what_is_needed_before_the_poll_is_made_where_it_is_needed() {
        let backlog = Backlog::default();
        let early = Early::queued(&backlog, || std::thread::current().id());
        assert_eq!(*early.get().unwrap(), std::thread::current().id());
    }

    #[test]
    fn it_is_made_once_whoever_asks_and_a_call_in_between_waits() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let (started, starts) = mpsc::channel();
        let (proceed, proceeds) = mpsc::channel();
        let backlog = Backlog::default();
        let early = Early::queued(&backlog, move || {
            MADE.fetch_add(1, Ordering::Relaxed);
            started.send(std::thread::current().id()).unwrap();
            proceeds.recv().unwrap();
            7
        });
        backlog.begin();
        let maker = starts.recv().unwrap();
        std::thread::scope(|scope| {
            let calls = [(); 2].map(|()| scope.spawn(|| *early.get().unwrap()));
            proceed.send(()).unwrap();
            for call in calls {
                assert_eq!(call.join().unwrap(), 7);
            }
        });
        assert_ne!(maker, std::thread::current().id());
        assert_eq!(MADE.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_panic_is_the_failure_of_every_call_and_of_nothing_else() {
        let backlog = Backlog::default();
        let broken = Early::<u8>::queued(&backlog, || panic!("no Region"));
        let (made, makes) = mpsc::channel();
        let whole = Early::queued(&backlog, move || made.send(()).unwrap());
        backlog.begin();
        makes.recv().unwrap();
        for _ in 0..2 {
            let error = broken.get().unwrap_err();
            assert_eq!(error.qualified_type(), "Environment.Panic");
            assert!(error.to_string().starts_with("the start-up panicked at `"), "{error}");
        }
        whole.get().unwrap();
    }
}
