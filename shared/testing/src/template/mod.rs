//! SAM and CloudFormation templates: YAML with short tags (`!Ref`, `!Sub`, …) read into the JSON long form,
//! and the intrinsic functions evaluated.

mod resolve;
mod yaml;

use std::path::Path;

use serde_json::Value;

pub use resolve::{Resolver, Scope};

/// Reads a template's YAML (or JSON) into CloudFormation's JSON long form.
///
/// # Errors
/// The line that is no YAML, or an unknown tag.
pub fn parse(yaml: &str) -> Result<Value, String> {
    yaml::parse(yaml)
}

/// Reads a template file.
///
/// # Errors
/// The file's name and what is wrong with it.
pub fn read(path: &Path) -> Result<Value, String> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("template `{name}`: {error}"))?;
    parse(&text).map_err(|error| format!("template `{name}`: {error}"))
}
