//! Waiting by the stand-ins' clock, which tests move.

use std::time::Duration;

use time::OffsetDateTime;

use crate::service::Clock;

/// How often the clock is looked at: nothing tells that it was moved.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until the clock shows a time.
pub(super) async fn until(clock: &Clock, at: OffsetDateTime) {
    loop {
        match Duration::try_from(at - clock.now()) {
            Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(LOOK)).await,
            _ => return,
        }
    }
}
