//! The rates that AWS allows: `GetFindings` 3 a second with bursts of 6, every other operation 10 with
//! bursts of 30, per account and Region (Security Hub API reference, throttling limits).

use std::collections::BTreeMap;

use time::OffsetDateTime;

/// Token buckets by Region and operation.
#[derive(Debug, Default)]
pub(super) struct Rates {
    buckets: BTreeMap<(String, &'static str), Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: OffsetDateTime,
}

impl Rates {
    /// Takes a token, if there is one.
    pub(super) fn admit(&mut self, region: &str, operation: &'static str, now: OffsetDateTime) -> bool {
        let (per_second, burst) = if operation == "GetFindings" { (3.0, 6.0) } else { (10.0, 30.0) };
        let bucket =
            self.buckets.entry((region.to_owned(), operation)).or_insert(Bucket { tokens: burst, at: now });
        let elapsed = (now - bucket.at).as_seconds_f64().max(0.0);
        bucket.tokens = (bucket.tokens + elapsed * per_second).min(burst);
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
    use super::*;
    use time::Duration;

    #[test]
    fn bursts_are_bounded_and_refill() {
        let mut rates = Rates::default();
        let now = OffsetDateTime::UNIX_EPOCH;
        let burst = |rates: &mut Rates, operation, now| {
            (0..100).filter(|_| rates.admit("us-east-1", operation, now)).count()
        };
        assert_eq!(burst(&mut rates, "GetFindings", now), 6);
        assert_eq!(burst(&mut rates, "BatchUpdateFindings", now), 30);
        assert_eq!(burst(&mut rates, "GetFindings", now + Duration::seconds(1)), 3);
        assert!(rates.admit("eu-west-1", "GetFindings", now), "each Region has its own");
    }
}
