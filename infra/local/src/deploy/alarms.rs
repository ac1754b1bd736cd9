//! Alarms over metric math, which MiniStack refuses to create. Here no alarm is ever raised, so they are left out.

use serde_json::{Map, Value};

/// Takes them out of the template. Their names.
pub(super) fn take_out(template: &mut Value) -> Vec<String> {
    let Some(resources) = template.get_mut("Resources").and_then(Value::as_object_mut) else {
        return Vec::new();
    };
    let all = std::mem::take(resources);
    let (alarms, others): (Map<_, _>, Map<_, _>) = all.into_iter().partition(|(_, resource)| {
        resource.get("Type").and_then(Value::as_str) == Some("AWS::CloudWatch::Alarm")
            && resource.pointer("/Properties/Metrics").is_some()
    });
    *resources = others;
    alarms.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_alarms_over_metric_math_are_taken_out() {
        let alarm = |properties: Value| json!({ "Type": "AWS::CloudWatch::Alarm", "Properties": properties });
        let mut template = json!({ "Resources": {
            "Math": alarm(json!({ "Metrics": [{ "Id": "a", "Expression": "SUM(METRICS())" }] })),
            "Plain": alarm(json!({ "MetricName": "Errors", "Namespace": "AWS/Lambda" })),
            "Other": { "Type": "AWS::S3::Bucket", "Properties": { "Metrics": [] } },
        } });
        assert_eq!(take_out(&mut template), ["Math"]);
        let left: Vec<_> = template["Resources"].as_object().into_iter().flat_map(Map::keys).collect();
        assert_eq!(left, ["Other", "Plain"]);
    }
}
