//! The threads that statements run on.
//!
//! They are their own because queries are trees that are walked by recursion, which takes more stack than usual
//! threads have, and because queries would keep the caller's threads from all else.

use std::future::Future;
use std::io;
use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Reserved, not used, until a query is that deep.
const STACK: usize = 512 * 1024 * 1024;

static WORKERS: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("warehouse")
        .thread_stack_size(STACK)
        .enable_all()
        .build()
});

/// A task that ends when this is dropped.
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T> Task<T> {
    /// What the task came to; none, if it panicked.
    pub(crate) async fn outcome(&mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts a task.
pub(crate) fn spawn<F>(work: F) -> Result<Task<F::Output>, &'static io::Error>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    WORKERS.as_ref().map(|workers| Task(workers.spawn(work)))
}
