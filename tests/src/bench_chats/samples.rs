//! One figure of many events of a sort.

use std::collections::BTreeMap;

/// Samples by name; what is told of each is percentiles.
#[derive(Debug, Default)]
pub struct Samples(BTreeMap<String, Vec<f64>>);

impl Samples {
    /// Adds a sample.
    pub fn add(&mut self, name: &str, value: f64) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    /// The least of the samples that so many in a hundred do not exceed; NaN if there are none.
    #[must_use]
    pub fn percentile(&self, name: &str, percent: usize) -> f64 {
        let mut values = self.0.get(name).cloned().unwrap_or_default();
        values.sort_by(f64::total_cmp);
        let rank = (values.len() * percent).div_ceil(100);
        values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut samples = Samples::default();
        for value in (1..=200).rev() {
            samples.add("ms", f64::from(value));
        }
        for (percent, expected) in [(0, 1.0), (50, 100.0), (99, 198.0), (100, 200.0)] {
            assert_eq!(samples.percentile("ms", percent), expected, "{percent}");
        }
        samples.add("one", 7.0);
        assert_eq!((samples.percentile("one", 50), samples.percentile("one", 99)), (7.0, 7.0));
        assert!(samples.percentile("none", 50).is_nan());
    }
}
