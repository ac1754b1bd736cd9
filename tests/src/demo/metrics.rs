//! Metrics out of what functions log, as CloudWatch takes them (Embedded Metric Format).

use std::collections::BTreeMap;

use serde_json::Value;

use super::text::at;

/// Every value of each metric, by its name and its dimensions' values, such as `FindingsEnriched complete CRITICAL`. The
/// function's name, a dimension of all, is left out.
#[must_use]
pub fn by_name(log: &[String]) -> BTreeMap<String, Vec<f64>> {
    let mut metrics: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for line in lines.filter(|line| line.get("_aws").is_some()) {
        let list = |pointer: &str| line.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        let dimensions: Vec<_> = list("/_aws/CloudWatchMetrics/0/Dimensions/0")
            .filter_map(Value::as_str)
            .filter(|name| *name != "FunctionName")
            .map(|name| at(&line, &format!("/{name}")))
            .collect();
        for metric in list("/_aws/CloudWatchMetrics/0/Metrics") {
            let name = at(metric, "/Name");
            let values = metrics.entry([&[name], dimensions.as_slice()].concat().join(" ")).or_default();
            match line.get(name) {
                Some(Value::Array(several)) => values.extend(several.iter().filter_map(Value::as_f64)),
                one => values.extend(one.and_then(Value::as_f64)),
            }
        }
    }
    metrics
}

/// The sum of a metric over all its dimensions.
#[must_use]
pub fn total(metrics: &BTreeMap<String, Vec<f64>>, name: &str) -> f64 {
    let of_it = metrics.iter().filter(|(key, _)| key.split(' ').next() == Some(name));
    of_it.flat_map(|(_, values)| values).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_by_name_and_dimensions() {
        let line = |name: &str, dimensions: &str, values: &str| {
            format!(
                r#"{{"FunctionName":"f","Outcome":"complete","{name}":{values},"_aws":{{"CloudWatchMetrics":[
                {{"Dimensions":[["FunctionName"{dimensions}]],"Metrics":[{{"Name":"{name}","Unit":"Count"}}]}}]}}}}"#
            )
        };
        let log = [
            "START RequestId".to_owned(),
            r#"{"level":"INFO","message":"Started"}"#.to_owned(),
            line("Started", "", "2"),
            line("Seconds", "", "[0.5,1.5]"),
            line("Enriched", r#","Outcome""#, "1"),
            line("Enriched", r#","Outcome""#, "3"),
        ];
        let metrics = by_name(&log);
        let expected =
            [("Enriched complete", vec![1.0, 3.0]), ("Seconds", vec![0.5, 1.5]), ("Started", vec![2.0])];
        assert_eq!(metrics, expected.map(|(name, values)| (name.to_owned(), values)).into());
        assert_eq!(total(&metrics, "Enriched"), 4.0);
        assert_eq!(total(&metrics, "Start"), 0.0);
    }
}
