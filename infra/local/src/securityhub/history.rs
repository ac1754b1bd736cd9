//! What `GetFindingHistory` tells of a finding.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::check::Object;
use super::clock::timestamp;

/// One change of a finding.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) at: OffsetDateTime,
    created: bool,
    source: &'static str,
    identity: String,
    updates: Vec<Value>,
}

/// The fields whose changes are told, by the names that the history uses.
const TOLD: [(&str, &str); 9] = [
    ("Confidence", "/Confidence"),
    ("Criticality", "/Criticality"),
    ("Note", "/Note/Text"),
    ("RecordState", "/RecordState"),
    ("Severity", "/Severity/Label"),
    ("Types", "/Types"),
    ("UserDefinedFields", "/UserDefinedFields"),
    ("VerificationState", "/VerificationState"),
    ("Workflow", "/Workflow/Status"),
];

impl Change {
    /// What differs between a finding before (none: it is new) and after.
    pub(super) fn between(
        before: Option<&Object>,
        after: &Object,
        source: &'static str,
        identity: &str,
        at: OffsetDateTime,
    ) -> Self {
        let value = |finding: &Object, pointer: &str| {
            Value::Object(finding.clone()).pointer(pointer).filter(|value| !value.is_null()).map(plain)
        };
        let mut updates = Vec::new();
        if let Some(before) = before {
            for (name, pointer) in TOLD {
                let (old, new) = (value(before, pointer), value(after, pointer));
                if old != new {
                    let mut update = json!({ "UpdatedField": name });
                    if let (Some(update), Some(old)) = (update.as_object_mut(), old) {
                        update.insert("OldValue".into(), old.into());
                    }
                    if let (Some(update), Some(new)) = (update.as_object_mut(), new) {
                        update.insert("NewValue".into(), new.into());
                    }
                    updates.push(update);
                }
            }
        }
        Self { at, created: before.is_none(), source, identity: identity.to_owned(), updates }
    }

    /// As a `FindingHistoryRecord`.
    pub(super) fn to_json(&self, id: &str, product_arn: &str) -> Value {
        json!({
            "FindingIdentifier": { "Id": id, "ProductArn": product_arn },
            "UpdateTime": timestamp(self.at),
            "FindingCreated": self.created,
            "UpdateSource": { "Type": self.source, "Identity": self.identity },
            "Updates": self.updates,
        })
    }
}

/// A value as the history writes it: strings bare, all else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
