//! How the stand-in behaves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::event::Status;

/// What control may set.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Settings {
    /// Message parts a second of each origination identity, by the stand-ins' clock; at first 100.
    pub(super) parts_per_second: f64,
    /// US dollars a message part costs, by the destination's prefix without the plus; the longest counts.
    /// Figures for tests, not AWS's prices.
    pub(super) prices: BTreeMap<String, f64>,
    /// The same, where no prefix fits; at first 0.05.
    pub(super) default_price: f64,
    /// US dollars in a calendar month; at first 1,000.
    pub(super) monthly_spend_limit: u64,
    /// Whether messages go to verified numbers only, as in a new account; at first not.
    pub(super) sandbox: bool,
    /// The numbers that are verified, for the sandbox.
    pub(super) verified_numbers: BTreeSet<String>,
    /// Whether events are sent; at first they are.
    pub(super) emit: bool,
    /// The statuses that a message goes through; the last is final.
    pub(super) statuses: Vec<Status>,
    /// How long it takes to each of them; at first 0.
    pub(super) status_seconds: f64,
    /// Whether events name the destination; at first they do.
    pub(super) destination_in_events: bool,
    /// Whether events have the message's context; at first they do. The user guide shows it in "Messaging
    /// Events", and not in "Monitoring with EventBridge".
    pub(super) context_in_events: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let prices = [("1", 0.00581), ("34", 0.06087), ("44", 0.04), ("49", 0.1), ("52", 0.05), ("91", 0.03)];
        Self {
            parts_per_second: 100.0,
            prices: prices.into_iter().map(|(prefix, price)| (prefix.to_owned(), price)).collect(),
            default_price: 0.05,
            monthly_spend_limit: 1_000,
            sandbox: false,
            verified_numbers: BTreeSet::new(),
            emit: true,
            statuses: vec![Status::Pending, Status::Delivered],
            status_seconds: 0.0,
            destination_in_events: true,
            context_in_events: true,
        }
    }
}

impl Settings {
    /// These settings with the changes of a request; what it leaves out stays.
    pub(super) fn with(&self, changes: &Value) -> Result<Self, String> {
        let changes = changes.as_object().ok_or("expected an object")?;
        let mut settings = json!(self);
        if let Some(members) = settings.as_object_mut() {
            members.extend(changes.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let settings: Self = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        if !(0.0..=1e9).contains(&settings.status_seconds) {
            return Err("expected seconds from 0 to 1,000,000,000".into());
        }
        if settings.parts_per_second <= 0.0 || settings.statuses.is_empty() {
            return Err("expected a positive `partsPerSecond` and at least one status".into());
        }
        let prices = settings.prices.values().chain([&settings.default_price]);
        if prices.into_iter().any(|price| !(0.0..=100.0).contains(price)) {
            return Err("expected prices from 0 to 100".into());
        }
        Ok(settings)
    }

    /// What a message part to that number costs.
    pub(super) fn price(&self, digits: &str) -> f64 {
        let fitting = self.prices.iter().filter(|(prefix, _)| digits.starts_with(prefix.as_str()));
        fitting.max_by_key(|(prefix, _)| prefix.len()).map_or(self.default_price, |(_, price)| *price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_checked_and_the_longest_prefix_counts() {
        let changes = json!({ "prices": { "1": 0.01, "1809": 0.2 }, "statuses": ["CARRIER_BLOCKED"] });
        let changed = Settings::default().with(&changes).unwrap();
        assert_eq!(changed.statuses, [Status::CarrierBlocked]);
        for (digits, price) in [("18095550100", 0.2), ("12065550100", 0.01), ("4915112345678", 0.05)] {
            assert!((changed.price(digits) - price).abs() < 1e-9, "{digits}");
        }
        for bad in [
            json!({ "partsPerSecond": 0 }),
            json!({ "statuses": [] }),
            json!({ "statuses": ["LOST"] }),
            json!({ "defaultPrice": -1 }),
            json!({ "price": 1 }),
        ] {
            assert!(changed.with(&bad).is_err(), "{bad}");
        }
    }
}
