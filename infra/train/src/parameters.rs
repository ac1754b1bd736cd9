//! The file of template parameters that `make deploy` reads: one JSON object, values by parameter.

use std::path::Path;

use serde_json::{Map, Value};

/// Sets parameters in the file, which is made if there is none; its other parameters stay.
///
/// # Errors
///
/// The file holds something else than a JSON object, or cannot be written.
pub fn set(path: &Path, parameters: &[(&str, &str)]) -> Result<(), String> {
    let trouble = |error: &dyn std::fmt::Display| format!("`{}`: {error}", path.display());
    let mut object: Map<String, Value> = match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| trouble(&format_args!("expected a JSON object of parameters: {error}")))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Map::new(),
        Err(error) => return Err(trouble(&error)),
    };
    for (name, value) in parameters {
        object.insert((*name).to_owned(), Value::from(*value));
    }
    let mut text = serde_json::to_string_pretty(&object).map_err(|error| trouble(&error))?;
    text.push('\n');
    // Renamed into place, so that a full disk costs no parameter.
    let written = path.with_extension("json.new");
    std::fs::write(&written, text)
        .and_then(|()| std::fs::rename(&written, path))
        .map_err(|error| trouble(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_parameters_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parameters.json");
        set(&path, &[("ClassifierArn", "one")]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\n  \"ClassifierArn\": \"one\"\n}\n");
        std::fs::write(&path, r#"{"CompliantLabel": "compliant", "ClassifierArn": "one"}"#).unwrap();
        set(&path, &[("ClassifierArn", "two"), ("EndpointArn", "")]).unwrap();
        let read: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let expected = serde_json::json!({
            "CompliantLabel": "compliant", "ClassifierArn": "two", "EndpointArn": ""
        });
        assert_eq!(read, expected);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parameters.json");
        std::fs::write(&path, "[1]").unwrap();
        assert!(set(&path, &[("ClassifierArn", "one")]).unwrap_err().contains("expected a JSON object"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[1]");
    }
}
