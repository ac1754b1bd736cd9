//! What a second allows.

use time::OffsetDateTime;

/// A bucket that refills by the stand-ins' clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    at: OffsetDateTime,
}

impl Bucket {
    /// A full one.
    pub(crate) fn full(per_second: f64, now: OffsetDateTime) -> Self {
        Self { tokens: per_second.max(1.0), at: now }
    }

    /// Takes that much, if there is anything left at all. What exceeds the rest is owed, so that the bucket
    /// stays empty for longer: "if you have any emails left in your send rate quota, you can send to multiple
    /// recipients" (Amazon SES blog, Throttling).
    pub(crate) fn take(&mut self, amount: f64, per_second: f64, now: OffsetDateTime) -> bool {
        let elapsed = (now - self.at).as_seconds_f64().max(0.0);
        self.tokens = (self.tokens + elapsed * per_second).min(per_second.max(1.0));
        self.at = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= amount;
        true
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn a_second_allows_the_rate_and_debts_are_paid() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut bucket = Bucket::full(3.0, now);
        let burst = |bucket: &mut Bucket, now| (0..10).filter(|_| bucket.take(1.0, 3.0, now)).count();
        assert_eq!(burst(&mut bucket, now), 3);
        assert_eq!(burst(&mut bucket, now + Duration::seconds(1)), 3);
        assert_eq!(burst(&mut bucket, now + Duration::seconds(60)), 3, "no more than a second's");
        let later = now + Duration::seconds(120);
        assert!(bucket.take(9.0, 3.0, later));
        assert!(!bucket.take(1.0, 3.0, later + Duration::seconds(2)));
        assert!(bucket.take(1.0, 3.0, later + Duration::milliseconds(2_400)));
    }
}
