//! The rate of calls: a bucket for every Region and operation (Connect administrator guide, service quotas: 2
//! a second with bursts of 5, unless an operation has its own).

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::settings::Settings;

/// Token buckets by Region and operation.
#[derive(Debug, Default)]
pub(super) struct Rates(BTreeMap<(String, &'static str), Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: OffsetDateTime,
}

impl Rates {
    /// Takes a token, if there is one.
    pub(super) fn admit(
        &mut self,
        settings: &Settings,
        region: &str,
        operation: &'static str,
        now: OffsetDateTime,
    ) -> bool {
        let full = Bucket { tokens: settings.burst, at: now };
        let bucket = self.0.entry((region.to_owned(), operation)).or_insert(full);
        let elapsed = (now - bucket.at).as_seconds_f64().max(0.0);
        bucket.tokens = (bucket.tokens + elapsed * settings.rate_per_second).min(settings.burst);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn bursts_are_bounded_and_refill() {
        let (mut rates, settings, now) = (Rates::default(), Settings::default(), OffsetDateTime::UNIX_EPOCH);
        let burst = |rates: &mut Rates, operation, now| {
            (0..50).filter(|_| rates.admit(&settings, "us-east-1", operation, now)).count()
        };
        assert_eq!(burst(&mut rates, "StartChatContact", now), 5);
        assert_eq!(burst(&mut rates, "StopContact", now), 5, "each operation has its own");
        assert_eq!(burst(&mut rates, "StartChatContact", now + Duration::seconds(1)), 2);
        assert_eq!(burst(&mut rates, "StartChatContact", now + Duration::seconds(60)), 5);
        assert!(rates.admit(&settings, "eu-west-1", "StartChatContact", now), "each Region has its own");
    }
}
