//! How an invocation shares out its time: every part of the story leaves enough for the parts after it, so that whatever
//! was reached is told, handed over or given back before Lambda ends the process.

use std::time::Duration;

use eventide_kit::Error;
use eventide_kit::deadline::Deadline;

/// What the steps leave: more than the 20 s that the SDK gives one call with all its attempts.
pub const AFTER_STEPS: Duration = Duration::from_secs(25);
/// What writing into findings leaves.
pub const AFTER_WRITING: Duration = Duration::from_secs(15);
/// What handing over leaves.
pub const AFTER_HAND_OVER: Duration = Duration::from_secs(10);
/// What giving up leaves, for the failed queue and the answer.
pub const AFTER_GIVING_UP: Duration = Duration::from_secs(5);

/// The time that a part of the story has.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    deadline: &'a Deadline,
    reserve: Duration,
}

impl<'a> Budget<'a> {
    /// All time until only `reserve` is left of `deadline`.
    pub fn until(deadline: &'a Deadline, reserve: Duration) -> Self {
        Self { deadline, reserve }
    }

    /// Makes a call if there is time for one, and stops waiting for it once there is not.
    ///
    /// # Errors
    ///
    /// The call's own; `Retryable.DeadlineExceeded` if it was not made, or not answered in time.
    pub async fn call<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.deadline.run(self.reserve, call).await?
    }
}
