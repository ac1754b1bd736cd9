//! CloudWatch metrics in Embedded Metric Format (EMF), one line on standard output for each set of dimensions.
//!
//! Written by hand because metrique 0.1.33 gives each unit of work one struct, whose fields and dimension sets are
//! fixed by its type, while one batch counts many outcomes, each under dimensions of its own; it would bring a writer
//! stack several times the size of this file to do what a line of JSON does.
//!
//! Limits kept (EMF specification): 100 metrics a directive, 100 values a metric, 30 dimensions a set, dimension names
//! of 250 and values of 1,024 characters, ASCII only.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// The dimension that every metric carries, as in Lambda's own metrics.
const FUNCTION_NAME: &str = "FunctionName";
/// `FunctionName` takes one of 30.
const DIMENSIONS: usize = 29;
const METRICS_PER_LINE: usize = 100;
const VALUES_PER_METRIC: usize = 100;
const DIMENSION_VALUE: usize = 1024;

/// A unit in CloudWatch's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// A duration in seconds.
    Seconds,
    /// A duration in milliseconds.
    Milliseconds,
    /// A size in bytes.
    Bytes,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Milliseconds => "Milliseconds",
            Self::Bytes => "Bytes",
        }
    }
}

/// What one invocation has measured so far. Clones share it.
///
/// [`run`](crate::run) writes it out when the invocation ends, well or badly. Metric and dimension names are written
/// in UpperCamelCase and are not the same. Dimension values must be few and known: each combination is a metric that
/// is billed.
#[derive(Debug, Clone)]
pub struct Metrics {
    namespace: &'static str,
    function: Arc<str>,
    sets: Arc<Mutex<BTreeMap<Dimensions, BTreeMap<&'static str, Metric>>>>,
}

type Dimensions = Vec<(&'static str, String)>;

#[derive(Debug)]
struct Metric {
    unit: Unit,
    values: Vec<f64>,
}

impl Metrics {
    /// Nothing measured yet. `namespace` is CloudWatch's, such as `Eventide/FindingEnrichment`; `function` becomes the
    /// dimension `FunctionName` of every metric.
    pub fn new(namespace: &'static str, function: impl Into<Arc<str>>) -> Self {
        Self { namespace, function: function.into(), sets: Arc::default() }
    }

    /// Adds `number` to a counter. Counts of an invocation under the same dimensions become one value.
    pub fn count(&self, name: &'static str, number: u64, dimensions: &[(&'static str, &str)]) {
        self.change(name, Unit::Count, dimensions, |values| match values.first_mut() {
            Some(sum) => *sum += number as f64,
            None => values.push(number as f64),
        });
    }

    /// Records one measurement. CloudWatch refuses numbers that are not finite, so they are left out.
    pub fn record(&self, name: &'static str, unit: Unit, value: f64, dimensions: &[(&'static str, &str)]) {
        if value.is_finite() {
            self.change(name, unit, dimensions, |values| values.push(value));
        }
    }

    /// Everything measured so far as EMF lines dated `now`; what was taken is not returned again.
    pub fn take_lines(&self, now: OffsetDateTime) -> Vec<String> {
        let sets = std::mem::take(&mut *self.sets.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lines = Vec::new();
        for (dimensions, metrics) in &sets {
            let rounds = metrics.values().map(|metric| metric.values.len().div_ceil(VALUES_PER_METRIC)).max();
            for round in 0..rounds.unwrap_or(0) {
                let part: Vec<_> = metrics
                    .iter()
                    .filter_map(|(name, metric)| {
                        let values = metric.values.chunks(VALUES_PER_METRIC).nth(round)?;
                        Some((*name, metric.unit, values))
                    })
                    .collect();
                lines.extend(part.chunks(METRICS_PER_LINE).map(|part| self.line(dimensions, part, now)));
            }
        }
        lines
    }

    /// The sum of everything recorded under `name` whose dimensions include `dimensions`, for tests of functions.
    #[cfg(any(test, feature = "testing"))]
    pub fn sum(&self, name: &str, dimensions: &[(&'static str, &str)]) -> f64 {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let included = |set: &Dimensions| {
            dimensions.iter().all(|(key, value)| set.iter().any(|(k, v)| k == key && v == value))
        };
        let sets = sets.iter().filter(|(set, _)| included(set));
        sets.filter_map(|(_, metrics)| metrics.get(name)).flat_map(|metric| &metric.values).sum()
    }

    fn change(
        &self,
        name: &'static str,
        unit: Unit,
        dimensions: &[(&'static str, &str)],
        change: impl FnOnce(&mut Vec<f64>),
    ) {
        let set: Dimensions =
            dimensions.iter().take(DIMENSIONS).map(|(key, value)| (*key, dimension_value(value))).collect();
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let metrics = sets.entry(set).or_default();
        change(&mut metrics.entry(name).or_insert_with(|| Metric { unit, values: Vec::new() }).values);
    }

    fn line(&self, set: &Dimensions, metrics: &[(&str, Unit, &[f64])], now: OffsetDateTime) -> String {
        let names: Vec<&str> =
            std::iter::once(FUNCTION_NAME).chain(set.iter().map(|(key, _)| *key)).collect();
        let definitions: Vec<Value> =
            metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit.as_str() })).collect();
        let millis = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": millis,
                "CloudWatchMetrics": [{ "Namespace": self.namespace, "Dimensions": [names], "Metrics": definitions }],
            }),
        );
        line.insert(FUNCTION_NAME.to_owned(), json!(&*self.function));
        line.extend(set.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
        line.extend(metrics.iter().map(|(name, _, values)| {
            let value = if let [value] = values { json!(value) } else { json!(values) };
            ((*name).to_owned(), value)
        }));
        Value::Object(line).to_string()
    }
}

/// CloudWatch takes 1 to 1,024 printable ASCII characters that are not all white space.
fn dimension_value(value: &str) -> String {
    let cut = value.chars().take(DIMENSION_VALUE);
    let ascii: String = cut.map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    if ascii.trim().is_empty() { "none".to_owned() } else { ascii }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 09:00:00.250 UTC);

    fn metrics() -> Metrics {
        Metrics::new("Eventide/Test", "greet")
    }

    fn lines(metrics: &Metrics) -> Vec<Value> {
        metrics.take_lines(NOW).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn one_line_for_each_set_of_dimensions() {
        let metrics = metrics();
        let started = [("Outcome", "started")];
        metrics.count("Investigations", 1, &started);
        metrics.clone().count("Investigations", 2, &started);
        metrics.record("Delay", Unit::Seconds, 1.5, &started);
        metrics.record("Delay", Unit::Seconds, 2.5, &started);
        metrics.record("Delay", Unit::Seconds, f64::NAN, &started);
        metrics.count("Records", 4, &[]);
        assert_eq!(metrics.sum("Investigations", &started), 3.0);

        assert_eq!(
            lines(&metrics),
            [
                json!({
                    "_aws": { "Timestamp": 1_795_424_400_250_i64, "CloudWatchMetrics": [{
                        "Namespace": "Eventide/Test",
                        "Dimensions": [["FunctionName"]],
                        "Metrics": [{ "Name": "Records", "Unit": "Count" }],
                    }]},
                    "FunctionName": "greet",
                    "Records": 4.0,
                }),
                json!({
                    "_aws": { "Timestamp": 1_795_424_400_250_i64, "CloudWatchMetrics": [{
                        "Namespace": "Eventide/Test",
                        "Dimensions": [["FunctionName", "Outcome"]],
                        "Metrics": [
                            { "Name": "Delay", "Unit": "Seconds" },
                            { "Name": "Investigations", "Unit": "Count" },
                        ],
                    }]},
                    "FunctionName": "greet",
                    "Outcome": "started",
                    "Delay": [1.5, 2.5],
                    "Investigations": 3.0,
                }),
            ]
        );
        assert!(lines(&metrics).is_empty(), "written once");
    }

    #[test]
    fn limits_of_the_format_are_kept() {
        let metrics = metrics();
        for number in 0..250 {
            metrics.record("Delay", Unit::Milliseconds, f64::from(number), &[]);
        }
        metrics.count("Records", 1, &[]);
        let values: Vec<usize> =
            lines(&metrics).iter().map(|l| l["Delay"].as_array().map_or(0, Vec::len)).collect();
        assert_eq!(values, [100, 100, 50]);

        let names: Vec<&'static str> = (0..150).map(|n| &*format!("Metric{n}").leak()).collect();
        for name in &names {
            metrics.count(name, 1, &[]);
        }
        let definitions: Vec<usize> = lines(&metrics)
            .iter()
            .map(|line| line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len())
            .collect();
        assert_eq!(definitions, [100, 50]);

        let many: Vec<_> = names.iter().map(|name| (*name, "x")).collect();
        metrics.count("Records", 1, &many);
        let written = lines(&metrics);
        assert_eq!(written[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap().len(), 30);
    }

    #[test]
    fn dimension_values_are_what_cloudwatch_takes() {
        let (long, longest) = ("x".repeat(2000), "x".repeat(1024));
        let cases = [("a b", "a b"), ("", "none"), ("  ", "none"), ("é\n", "??"), (&long, &longest)];
        for (value, expected) in cases {
            assert_eq!(dimension_value(value), expected);
        }
    }
}
