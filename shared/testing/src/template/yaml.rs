use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The short tags, without their exclamation mark, that become `Fn::` functions.
const FUNCTIONS: [&str; 20] = [
    "And",
    "Base64",
    "Cidr",
    "Contains",
    "Equals",
    "FindInMap",
    "ForEach",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
];

pub(super) fn parse(text: &str) -> Result<Value, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    match documents.as_slice() {
        [document] => convert(document),
        documents => Err(format!("{} YAML documents, expected one", documents.len())),
    }
}

fn convert(node: &Yaml<'_>) -> Result<Value, String> {
    Ok(match node {
        Yaml::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => json!(value),
            Scalar::Integer(value) => json!(value),
            Scalar::FloatingPoint(value) => json!(value.into_inner()),
            Scalar::String(value) => json!(value),
        },
        Yaml::Sequence(items) => Value::Array(items.iter().map(convert).collect::<Result<_, _>>()?),
        Yaml::Mapping(pairs) => {
            let mut object = Map::new();
            for (key, value) in pairs {
                let key = match convert(key)? {
                    Value::String(key) => key,
                    Value::Number(key) => key.to_string(),
                    key => return Err(format!("key `{key}`, expected a string")),
                };
                object.insert(key, convert(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tag, node) if tag.handle == "!" => function(&tag.suffix, convert(node)?)?,
        Yaml::Tagged(_, node) => convert(node)?,
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            return Err(format!("a value that cannot be read: {node:?}"));
        }
    })
}

fn function(tag: &str, argument: Value) -> Result<Value, String> {
    Ok(match tag {
        "Ref" | "Condition" => json!({ tag: argument }),
        "GetAtt" => match argument.as_str().map(|text| text.split_once('.')) {
            Some(Some((resource, attribute))) => json!({ "Fn::GetAtt": [resource, attribute] }),
            Some(None) => return Err(format!("`!GetAtt {argument}`, expected `Resource.Attribute`")),
            None => json!({ "Fn::GetAtt": argument }),
        },
        tag if FUNCTIONS.contains(&tag) => json!({ format!("Fn::{tag}"): argument }),
        tag => return Err(format!("unknown tag `!{tag}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_become_the_long_form() {
        let cases = [
            ("!Ref A", json!({ "Ref": "A" })),
            ("!GetAtt A.B.C", json!({ "Fn::GetAtt": ["A", "B.C"] })),
            ("!GetAtt [A, B]", json!({ "Fn::GetAtt": ["A", "B"] })),
            ("!Sub 'x-${A}'", json!({ "Fn::Sub": "x-${A}" })),
            ("!Sub ['${x}', {x: !Ref A}]", json!({ "Fn::Sub": ["${x}", { "x": { "Ref": "A" } }] })),
            ("!If [c, !Ref A, 1]", json!({ "Fn::If": ["c", { "Ref": "A" }, 1] })),
            ("!And [!Condition a, !Not [!Condition b]]", {
                json!({ "Fn::And": [{ "Condition": "a" }, { "Fn::Not": [{ "Condition": "b" }] }] })
            }),
            ("!FindInMap [m, !Ref 'AWS::Region', k]", {
                json!({ "Fn::FindInMap": ["m", { "Ref": "AWS::Region" }, "k"] })
            }),
            ("!Join ['', [a, !Select [0, !Split [',', x]]]]", {
                json!({ "Fn::Join": ["", ["a", { "Fn::Select": [0, { "Fn::Split": [",", "x"] }] }]] })
            }),
            ("!Equals\n- !Ref A\n- ''", json!({ "Fn::Equals": [{ "Ref": "A" }, ""] })),
            // CloudFormation reads dates as text.
            ("Version: 2012-10-17", json!({ "Version": "2012-10-17" })),
            ("{a: true, b: 1.5, c: ~, d: 'yes', 8: x}", {
                json!({ "a": true, "b": 1.5, "c": null, "d": "yes", "8": "x" })
            }),
        ];
        for (yaml, expected) in cases {
            assert_eq!(parse(yaml).unwrap(), expected, "{yaml}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (yaml, message) in [
            ("a: !Reff b", "unknown tag `!Reff`"),
            ("!GetAtt A", "expected `Resource.Attribute`"),
            ("a: [", ""),
            ("a: 1\n---\nb: 2", "2 YAML documents"),
        ] {
            let error = parse(yaml).unwrap_err();
            assert!(error.contains(message), "{yaml}: {error}");
        }
    }
}
