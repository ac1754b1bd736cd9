use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Asks `condition` again and again, 25 ms apart, until it gives a value; the value, or an error once
/// `timeout` has passed.
///
/// # Errors
/// How long was waited in vain, naming `what` was waited for.
pub async fn eventually<T, F>(
    what: &str,
    timeout: Duration,
    mut condition: impl FnMut() -> F,
) -> Result<T, String>
where
    F: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return Ok(value);
        }
        if start.elapsed() >= timeout {
            return Err(format!("{what}: not within {} s", timeout.as_secs_f32()));
        }
        sleep(Duration::from_millis(25)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn gives_the_first_value() {
        let mut left = 3;
        let value = eventually("countdown", Duration::from_secs(1), || {
            left -= 1;
            let value = (left == 0).then_some("done");
            async move { value }
        });
        assert_eq!(value.await, Ok("done"));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_at_the_bound() {
        let start = Instant::now();
        let value: Result<(), _> = eventually("nothing", Duration::from_secs(2), || async { None }).await;
        assert_eq!(value, Err("nothing: not within 2 s".into()));
        assert!(start.elapsed() < Duration::from_millis(2100));
    }
}
