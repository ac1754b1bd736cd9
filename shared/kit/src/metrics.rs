//! CloudWatch metrics in Embedded Metric Format (EMF), one line on standard output for each set of dimensions.
//!
//! Written by hand because metrique 0.1.33 gives each unit of work one struct, whose fields and dimension sets are
//! fixed by its type, while one batch counts many outcomes, each under dimensions of its own; it would bring a writer
//! stack several times the size of this file to do what a line of JSON does.
//!
//! Rules kept ([EMF specification]): 100 metrics a directive, 100 values a metric, 30 dimensions a set, dimension values
//! of 1,024 characters, ASCII only; every metric and dimension is a member of the same JSON object, so no name stands
//! for two things in a line. Values lie within ±2^360 ([`MetricDatum`]).
//!
//! [EMF specification]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
//! [`MetricDatum`]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// The dimension that every metric carries, as in Lambda's own metrics.
const FUNCTION_NAME: &str = "FunctionName";
/// The member that makes a line EMF.
const METADATA: &str = "_aws";
/// `FunctionName` takes one of 30.
const DIMENSIONS: usize = 29;
const METRICS_PER_LINE: usize = 100;
const VALUES_PER_METRIC: usize = 100;
const DIMENSION_VALUE: usize = 1024;
/// 2^360: CloudWatch refuses what is further from zero.
const LARGEST: f64 = f64::from_bits((1023 + 360) << 52);

/// A unit in CloudWatch's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
/// in UpperCamelCase. Dimension values must be few and known: each combination is a metric that is billed.
///
/// Names that a line cannot hold are sorted out: of two dimensions of one name the first counts; a dimension with the
/// metric's own name, or beyond the 29th, is left out; a metric named `FunctionName` or `_aws` is not recorded. A
/// metric that is recorded in several units is several metrics, as it is to CloudWatch.
#[derive(Debug, Clone)]
pub struct Metrics {
    namespace: &'static str,
    function: Arc<str>,
    sets: Arc<Mutex<BTreeMap<Dimensions, Recorded>>>,
}

type Dimensions = BTreeMap<&'static str, String>;

/// Values by name and unit.
type Recorded = BTreeMap<(&'static str, Unit), Vec<f64>>;

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

    /// Records one measurement. CloudWatch refuses numbers that are not finite or beyond 2^360, so they are left out.
    pub fn record(&self, name: &'static str, unit: Unit, value: f64, dimensions: &[(&'static str, &str)]) {
        if value.abs() <= LARGEST {
            self.change(name, unit, dimensions, |values| values.push(value));
        }
    }

    /// Everything measured so far as EMF lines dated `now`; what was taken is not returned again.
    pub fn take_lines(&self, now: OffsetDateTime) -> Vec<String> {
        let sets = std::mem::take(&mut *self.sets.lock().unwrap_or_else(PoisonError::into_inner));
        let lines = |(set, recorded)| parts(recorded).into_iter().map(move |part| self.line(set, &part, now));
        sets.iter().flat_map(lines).collect()
    }

    /// The sum of everything recorded under `name` whose dimensions include `dimensions`, for tests of functions.
    #[cfg(any(test, feature = "testing"))]
    pub fn sum(&self, name: &str, dimensions: &[(&'static str, &str)]) -> f64 {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let included = |set: &Dimensions| {
            dimensions.iter().all(|(key, value)| set.get(key).is_some_and(|of_set| of_set == value))
        };
        let recorded = sets.iter().filter(|(set, _)| included(set)).flat_map(|(_, recorded)| recorded);
        recorded.filter(|((of_metric, _), _)| *of_metric == name).flat_map(|(_, values)| values).sum()
    }

    fn change(
        &self,
        name: &'static str,
        unit: Unit,
        dimensions: &[(&'static str, &str)],
        change: impl FnOnce(&mut Vec<f64>),
    ) {
        if [FUNCTION_NAME, METADATA].contains(&name) {
            tracing::error!(metric = name, "metric not recorded: its name is taken in every line");
            return;
        }
        let mut set = Dimensions::new();
        for (key, value) in dimensions {
            let free = ![FUNCTION_NAME, METADATA, name].contains(key) && !set.contains_key(key);
            if free && set.len() < DIMENSIONS {
                set.insert(key, dimension_value(value));
            }
        }
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        change(sets.entry(set).or_default().entry((name, unit)).or_default());
    }

    fn line(&self, set: &Dimensions, metrics: &Part<'_>, now: OffsetDateTime) -> String {
        let names: Vec<&str> = std::iter::once(FUNCTION_NAME).chain(set.keys().copied()).collect();
        let definitions: Vec<Value> =
            metrics.iter().map(|(name, (unit, _))| json!({ "Name": name, "Unit": unit.as_str() })).collect();
        let millis = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let mut line = Map::new();
        line.insert(
            METADATA.to_owned(),
            json!({
                "Timestamp": millis,
                "CloudWatchMetrics": [{ "Namespace": self.namespace, "Dimensions": [names], "Metrics": definitions }],
            }),
        );
        line.insert(FUNCTION_NAME.to_owned(), json!(&*self.function));
        line.extend(set.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
        line.extend(metrics.iter().map(|(name, (_, values))| {
            let value = if let [value] = values { json!(value) } else { json!(values) };
            ((*name).to_owned(), value)
        }));
        Value::Object(line).to_string()
    }
}

/// What fits into one line: a name once, with its unit and at most 100 values.
type Part<'a> = BTreeMap<&'a str, (Unit, &'a [f64])>;

/// Puts every chunk of values into the first line that has a place for it.
fn parts(recorded: &Recorded) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for ((name, unit), values) in recorded {
        for chunk in values.chunks(VALUES_PER_METRIC) {
            let free = |part: &&mut Part<'_>| part.len() < METRICS_PER_LINE && !part.contains_key(name);
            match parts.iter_mut().find(free) {
                Some(part) => {
                    part.insert(name, (*unit, chunk));
                }
                None => parts.push(Part::from([(*name, (*unit, chunk))])),
            }
        }
    }
    parts
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

        for value in [f64::INFINITY, f64::NAN, 2.0_f64.powi(361), -2.0_f64.powi(361)] {
            metrics.record("Delay", Unit::Seconds, value, &[]);
        }
        assert!(lines(&metrics).is_empty());
        metrics.record("Delay", Unit::Seconds, -2.0_f64.powi(360), &[]);
        assert_eq!(lines(&metrics).len(), 1);
    }

    #[test]
    fn no_name_stands_for_two_things_in_a_line() {
        let directive = |line: &Value| line["_aws"]["CloudWatchMetrics"][0].clone();
        let metrics = metrics();
        type Case = (&'static [(&'static str, &'static str)], Value, Value);
        let cases: [Case; 4] = [
            (&[("A", "1"), ("A", "2")], json!(["FunctionName", "A"]), json!("1")),
            (&[("FunctionName", "other"), ("A", "1")], json!(["FunctionName", "A"]), json!("1")),
            (&[("Records", "x"), ("A", "1")], json!(["FunctionName", "A"]), json!("1")),
            (&[("_aws", "x")], json!(["FunctionName"]), Value::Null),
        ];
        for (dimensions, names, value) in cases {
            metrics.count("Records", 1, dimensions);
            let [line] = lines(&metrics).try_into().unwrap();
            assert_eq!(directive(&line)["Dimensions"], json!([names]), "{dimensions:?}");
            let members = (&line["FunctionName"], &line["A"], &line["Records"]);
            assert_eq!(members, (&json!("greet"), &value, &json!(1.0)), "{dimensions:?}");
        }

        metrics.count("Records", 1, &[("A", "1"), ("B", "2")]);
        metrics.count("Records", 2, &[("B", "2"), ("A", "1")]);
        let [line] = lines(&metrics).try_into().unwrap();
        assert_eq!(line["Records"], 3.0, "a set has no order");

        for name in ["FunctionName", "_aws"] {
            metrics.count(name, 1, &[]);
        }
        assert!(lines(&metrics).is_empty());
    }

    #[test]
    fn a_metric_in_two_units_is_two_metrics() {
        let metrics = metrics();
        metrics.record("Delay", Unit::Seconds, 1.5, &[]);
        metrics.record("Delay", Unit::Milliseconds, 250.0, &[]);
        metrics.record("Delay", Unit::Seconds, 2.5, &[]);
        metrics.count("Records", 1, &[]);
        let written: Vec<_> = lines(&metrics)
            .iter()
            .map(|line| {
                let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].clone();
                (metrics, line["Delay"].clone())
            })
            .collect();
        let (seconds, millis) = (
            json!({ "Name": "Delay", "Unit": "Seconds" }),
            json!({ "Name": "Delay", "Unit": "Milliseconds" }),
        );
        let records = json!({ "Name": "Records", "Unit": "Count" });
        assert_eq!(
            written,
            [(json!([seconds, records]), json!([1.5, 2.5])), (json!([millis]), json!(250.0))]
        );
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
