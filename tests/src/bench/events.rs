//! The functions' environment and the events they are measured with.

use std::collections::BTreeMap;

use eventide_testing::fixture_json;
use serde_json::{Value, json};

use super::Outcome;

/// A sort of event. Those of one sort differ in their ids only, so that caches for a graph and a role are warm
/// when the function is.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    /// What the function does with it.
    pub name: &'static str,
    /// Who handles it.
    pub function: &'static str,
    /// The file in `events/` that it is made from.
    file: &'static str,
    /// How many findings it is about.
    pub findings: usize,
    /// Empty pages that follow the indicators: calls and nothing else.
    pub empty_pages: usize,
}

/// Pages that the price of a call is told by.
pub const EMPTY_PAGES: usize = 20;

const ENRICH: &str = "finding-enrich";

/// What is answered and nothing more: what the runtime costs.
pub const ECHO: Sort =
    Sort { name: "answer", function: "hello", file: NEW_FINDING, findings: 1, empty_pages: 0 };
/// The rule's event, decided and queued.
pub const QUEUE: Sort =
    Sort { name: "queue one finding", function: "finding-investigate", file: NEW_FINDING, ..ECHO };
/// The first message of a finding.
pub const START: Sort = Sort {
    name: "start one investigation",
    function: ENRICH,
    file: "finding-enrich/work-new.json",
    findings: 1,
    empty_pages: 0,
};
/// The last message of a finding.
pub const REPORT: Sort =
    Sort { name: "report one investigation", file: "finding-enrich/work-later-hop.json", ..START };
/// The last messages of ten findings.
pub const BATCH: Sort = Sort { name: "report ten, in one batch", findings: 10, ..REPORT };
/// [`REPORT`] with more calls and no more work.
pub const PAGED: Sort = Sort { name: "report one, of many pages", empty_pages: EMPTY_PAGES, ..REPORT };

const NEW_FINDING: &str = "finding-investigate/imported-role-assumed.json";

/// The environment that the template gives the functions, all in one, with `endpoint` as AWS and every client that
/// can be there.
#[must_use]
pub fn environment(endpoint: &str) -> BTreeMap<String, String> {
    let queue = |name: &str| format!("{endpoint}/111122223333/{name}");
    BTreeMap::from(
        [
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
            ("AWS_SESSION_TOKEN", "bench".to_owned()),
            ("AWS_SDK_UA_APP_ID", "finding-enrich".to_owned()),
            ("ACCOUNT_ID", "111122223333".to_owned()),
            ("WORK_QUEUE_URL", queue("work")),
            ("FAILED_QUEUE_URL", queue("failed")),
            ("LEDGER_TABLE", "ledger".to_owned()),
            ("MEMBER_ROLE_NAME", "eventide-finding-enrichment-member".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

impl Sort {
    /// The event with this number, different from every other.
    ///
    /// # Errors
    ///
    /// If the file that it is made from is gone or has another shape.
    pub fn event(&self, number: usize) -> Outcome<Value> {
        let event = fixture_json(self.file)?;
        if self.function != ENRICH {
            let id = format!("bench-{number}");
            return changed(event, &[("/id", &id), ("/detail/findings/0/Id", &id)]);
        }
        let record = event.pointer("/Records/0").ok_or("the event has no record")?;
        let body = record.get("body").and_then(Value::as_str).unwrap_or_default();
        let work: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let records = (0..self.findings).map(|finding| {
            let id = format!("bench-{number}-{finding}");
            let work = changed(work.clone(), &[("/run", &id), ("/finding/asff/id", &id)])?;
            changed(record.clone(), &[("/messageId", &id), ("/body", &work.to_string())])
        });
        Ok(json!({ "Records": records.collect::<Outcome<Vec<_>>>()? }))
    }
}

fn changed(mut value: Value, texts: &[(&str, &str)]) -> Outcome<Value> {
    for (pointer, text) in texts {
        *value.pointer_mut(pointer).ok_or_else(|| format!("the event has no `{pointer}`"))? = json!(text);
    }
    Ok(value)
}
