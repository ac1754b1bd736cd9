//! Answers that stay true for a while.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use eventide_kit::clock::Clock;
use time::{Duration, OffsetDateTime};

/// Values by key, each until a moment of its own. What has expired is dropped at the next [`Cache::put`], so
/// the cache holds no more than one lifetime's worth of keys.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    entries: Mutex<HashMap<K, (OffsetDateTime, V)>>,
    clock: Arc<dyn Clock>,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { entries: Mutex::default(), clock }
    }

    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let now = self.clock.now();
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(until, _)| *until > now).map(|(_, value)| value.clone())
    }

    pub(crate) fn put(&self, key: K, value: V, lifetime: Duration) {
        self.put_until(key, value, self.clock.now().saturating_add(lifetime));
    }

    pub(crate) fn put_until(&self, key: K, value: V, until: OffsetDateTime) {
        let now = self.clock.now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, (until, _)| *until > now);
        entries.insert(key, (until, value));
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use eventide_kit::clock::ManualClock;
    use time::macros::datetime;

    #[test]
    fn a_value_is_there_until_its_lifetime_is_over_and_then_dropped() {
        let clock = ManualClock::new(datetime!(2026-11-01 00:00 UTC));
        let cache = Cache::<String, u8>::new(Arc::new(clock.clone()));
        cache.put("a".to_owned(), 1, Duration::minutes(1));
        clock.advance(std::time::Duration::from_secs(59));
        assert_eq!(cache.get("a"), Some(1));
        clock.advance(std::time::Duration::from_secs(1));
        assert_eq!(cache.get("a"), None);
        cache.put("b".to_owned(), 2, Duration::minutes(1));
        assert_eq!(cache.entries.lock().unwrap().len(), 1);
    }
}
