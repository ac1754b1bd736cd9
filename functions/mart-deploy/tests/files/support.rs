//! Files, put together.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use mart_deploy::compile::{Compiled, compile};
use mart_deploy::fault::Fault;
use mart_deploy::run::Run;

pub(crate) const KEY: &str = "team/rates.sql";

/// A header of 8 lines, so that the body begins in line 11.
pub(crate) const VIEW: &str = r#"name = "rates"
description = "Rates."
owner = "team"
warehouse = { workgroup = "eventide" }
database = "dev"
schema = "marts"
kind = "late-binding-view"
callers = ["invoke"]
"#;

/// The same for a plain query.
pub(crate) const QUERY: &str = r#"name = "rates"
description = "Rates."
owner = "team"
warehouse = { workgroup = "eventide" }
database = "dev"
kind = "query"
parameters = { day = { type = "date" }, name = { type = "text", null = "null" } }
callers = ["invoke"]
"#;

pub(crate) const BODY: &str = "SELECT a AS \"A b\", b FROM s.t";

/// The body's first line.
pub(crate) const FIRST: u64 = 11;

pub(crate) fn run() -> Run {
    Run { key: KEY.to_owned(), version_id: "v1".to_owned(), sequencer: "0055AED6DCD90281E5".to_owned() }
}

pub(crate) fn file(header: &str, body: &str) -> String {
    format!("/*---\n{header}---*/\n{body}")
}

pub(crate) fn compiled(header: &str, body: &str) -> Compiled {
    let text = file(header, body);
    compile(text.as_bytes(), &run()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

pub(crate) fn faults(header: &str, body: &str) -> Vec<Fault> {
    let text = file(header, body);
    match compile(text.as_bytes(), &run()) {
        Ok(_) => panic!("not refused:\n{text}"),
        Err(faults) => faults,
    }
}
