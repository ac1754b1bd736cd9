use std::path::{Path, PathBuf};

use serde_json::Value;

/// The root of the repository that this crate was compiled in.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The bytes of a file below `events/`, such as `finding-investigate/imported-root.json`. Bytes, because
/// some of the files are malformed on purpose.
///
/// # Errors
/// The file's name and why it cannot be read.
pub fn fixture(name: &str) -> Result<Vec<u8>, String> {
    let path = repository().join("events").join(name);
    std::fs::read(&path).map_err(|error| format!("fixture `{}`: {error}", path.display()))
}

/// A file below `events/` as JSON.
///
/// # Errors
/// The file's name and why it cannot be read or is not JSON.
pub fn fixture_json(name: &str) -> Result<Value, String> {
    serde_json::from_slice(&fixture(name)?).map_err(|error| format!("fixture `{name}`: {error}"))
}
