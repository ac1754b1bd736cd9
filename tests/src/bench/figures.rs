//! Numbers, and what they are held against.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::Outcome;

/// Measurements by name; what is told of each is the median.
#[derive(Debug, Default)]
pub struct Series(BTreeMap<String, Vec<f64>>);

impl Series {
    /// Adds a measurement.
    pub fn add(&mut self, name: &str, value: f64) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    /// The median; NaN if there is nothing to take it of.
    #[must_use]
    pub fn median(&self, name: &str) -> f64 {
        self.0.get(name).map_or(f64::NAN, |values| median(values.clone()))
    }

    /// The median of the ratios of measurements taken in turn, which a machine's changing speed leaves alone.
    #[must_use]
    pub fn ratio(&self, name: &str, base: &str) -> f64 {
        let (Some(values), Some(base)) = (self.0.get(name), self.0.get(base)) else { return f64::NAN };
        median(values.iter().zip(base).map(|(value, base)| value / base).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One target: what was measured, and the most that it may be.
pub fn judge(what: &str, value: f64, limit: f64) {
    let verdict = if value <= limit { "met" } else { "MISSED" };
    println!("  {what:<64} {value:>6.2} of {limit:<4} {verdict}");
}

/// Megabytes of a binary, and of its zip as `make package` makes it.
///
/// # Errors
///
/// If the binary cannot be read.
pub fn sizes(binary: &std::path::Path) -> Outcome<(f64, f64)> {
    let content = std::fs::read(binary).map_err(|error| format!("`{}`: {error}", binary.display()))?;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .unix_permissions(0o755);
    zip.start_file("bootstrap", options).map_err(|error| error.to_string())?;
    zip.write_all(&content).map_err(|error| error.to_string())?;
    let zipped = zip.finish().map_err(|error| error.to_string())?.into_inner().len();
    Ok((content.len() as f64 / 1e6, zipped as f64 / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_one_series_and_ratios_of_pairs() {
        let mut series = Series::default();
        for (ours, base) in [(2.0, 1.0), (40.0, 10.0), (3.0, 1.0)] {
            series.add("ours", ours);
            series.add("base", base);
        }
        assert_eq!((series.median("ours"), series.ratio("ours", "base")), (3.0, 3.0));
        assert!(series.median("theirs").is_nan());
    }
}
