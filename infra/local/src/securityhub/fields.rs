//! The finding fields that customers own: what `BatchUpdateFindings` and the action of an automation rule
//! may change.
//!
//! Limits are those of the Security Hub API reference (BatchUpdateFindings) and of the CloudFormation schema
//! of `AWS::SecurityHub::AutomationRule`.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::check::{self, Checked, Object};
use super::clock::timestamp;

/// The most characters of a note.
const NOTE_CHARACTERS: usize = 512;

/// What `UserDefinedFields` of an update do to those a finding has. The API reference does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum UserDefinedFields {
    /// They are added; keys that are not named stay.
    #[default]
    Merge,
    /// They take the place of all.
    Replace,
}

/// A checked update, ready to be applied to findings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Update {
    note: Option<(String, String)>,
    severity: Option<Value>,
    user_defined: Option<Object>,
    /// Fields that are set as they came.
    plain: Object,
}

impl Update {
    /// Reads the members of `BatchUpdateFindings` or of a rule's `FindingFieldsUpdate`.
    pub(super) fn parse(given: &Object) -> Checked<Self> {
        let mut update = Self::default();
        if let Some(note) = check::structure(given, "Note")? {
            let text = check::required_text(note, "Text", NOTE_CHARACTERS)?;
            let by = check::required_text(note, "UpdatedBy", 2048)?;
            if by.chars().count() > 512 && !by.starts_with("arn:") {
                return Err(
                    "invalid parameter `UpdatedBy`: at most 512 characters unless it is an ARN".into()
                );
            }
            update.note = Some((text.to_owned(), by.to_owned()));
        }
        if let Some(severity) = check::structure(given, "Severity")? {
            check::word(severity, "Label", &SEVERITY_LABELS)?;
            check::integer(severity, "Normalized", 0..=100)?;
            update.severity = Some(whole_severity(severity)?);
        }
        update.user_defined = user_defined(given)?.cloned();
        check::word(given, "VerificationState", &VERIFICATION_STATES)?;
        check::integer(given, "Confidence", 0..=100)?;
        check::integer(given, "Criticality", 0..=100)?;
        types(given)?;
        if let Some(workflow) = check::structure(given, "Workflow")? {
            check::word(workflow, "Status", &WORKFLOW_STATES)?;
        }
        related_findings(given)?;
        for key in ["VerificationState", "Confidence", "Criticality", "Types", "Workflow", "RelatedFindings"]
        {
            if let Some(value) = check::member(given, key) {
                update.plain.insert(key.to_owned(), value.clone());
            }
        }
        Ok(update)
    }

    /// Whether it would change nothing.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The top-level fields it sets.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let own = [
            self.note.as_ref().map(|_| "Note"),
            self.severity.as_ref().map(|_| "Severity"),
            self.user_defined.as_ref().map(|_| "UserDefinedFields"),
        ];
        own.into_iter().flatten().chain(self.plain.keys().map(String::as_str))
    }

    /// Applies it to a finding. `UpdatedAt` stays, as it does in `BatchUpdateFindings`.
    ///
    /// # Errors
    /// More than 50 user-defined fields after a merge.
    pub(super) fn apply(
        &self,
        finding: &mut Object,
        mode: UserDefinedFields,
        now: OffsetDateTime,
    ) -> Checked<()> {
        if let Some(given) = &self.user_defined {
            let mut fields = match (mode, finding.get("UserDefinedFields")) {
                (UserDefinedFields::Merge, Some(Value::Object(held))) => held.clone(),
                _ => Object::new(),
            };
            fields.extend(given.clone());
            if fields.len() > 50 {
                return Err(format!(
                    "`UserDefinedFields` would have {} pairs, at most 50 are allowed",
                    fields.len()
                ));
            }
            finding.insert("UserDefinedFields".into(), Value::Object(fields));
        }
        if let Some((text, by)) = &self.note {
            let note = json!({ "Text": text, "UpdatedBy": by, "UpdatedAt": timestamp(now) });
            finding.insert("Note".into(), note);
        }
        if let Some(severity) = &self.severity {
            let mut severity = severity.clone();
            // The provider's own word for it stays.
            let original = finding.get("Severity").and_then(|held| held.get("Original")).cloned();
            if let (Some(original), Some(severity)) = (original, severity.as_object_mut()) {
                severity.insert("Original".into(), original);
            }
            finding.insert("Severity".into(), severity);
        }
        finding.extend(self.plain.clone());
        Ok(())
    }
}

pub(super) const SEVERITY_LABELS: [&str; 5] = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"];
pub(super) const VERIFICATION_STATES: [&str; 4] =
    ["UNKNOWN", "TRUE_POSITIVE", "FALSE_POSITIVE", "BENIGN_POSITIVE"];
pub(super) const WORKFLOW_STATES: [&str; 4] = ["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"];

/// A severity with both `Label` and `Normalized`, the missing one derived as the API reference says.
pub(super) fn whole_severity(given: &Object) -> Checked<Value> {
    let mut severity = given.clone();
    let label = check::word(given, "Label", &SEVERITY_LABELS)?;
    let normalized = check::integer(given, "Normalized", 0..=100)?;
    let (label, normalized) = match (label, normalized) {
        (Some(label), Some(normalized)) => (label, normalized),
        (Some(label), None) => (label, normalized_of(label)),
        (None, Some(normalized)) => (label_of(normalized), normalized),
        (None, None) => return Err("invalid parameter `Severity`: it needs Label or Normalized".into()),
    };
    severity.insert("Label".into(), label.into());
    severity.insert("Normalized".into(), normalized.into());
    Ok(Value::Object(severity))
}

fn normalized_of(label: &str) -> i64 {
    match label {
        "LOW" => 1,
        "MEDIUM" => 40,
        "HIGH" => 70,
        "CRITICAL" => 90,
        _ => 0,
    }
}

fn label_of(normalized: i64) -> &'static str {
    match normalized {
        0 => "INFORMATIONAL",
        1..=39 => "LOW",
        40..=69 => "MEDIUM",
        70..=89 => "HIGH",
        _ => "CRITICAL",
    }
}

/// `UserDefinedFields`: at most 50 pairs, keys of 1 to 128 characters `[-_+=.:/@\w\s]`, values of 1 to 1024.
pub(super) fn user_defined(given: &Object) -> Checked<Option<&Object>> {
    let limits = check::Pairs { pairs: 50, key: 128, value: 1024, blank: false };
    let fields = check::text_map(given, "UserDefinedFields", limits)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "-_+=.:/@".contains(c);
    match fields.into_iter().flat_map(Object::keys).find(|key| !key.chars().all(allowed)) {
        None => Ok(fields),
        Some(key) => Err(format!(
            "invalid parameter `UserDefinedFields`: key `{key}` must consist of letters, digits, blanks and -_+=.:/@"
        )),
    }
}

/// `Types`: at most 50, each `namespace/category/classifier`, the last two optional.
pub(super) fn types(given: &Object) -> Checked<Option<&[Value]>> {
    let types = check::list(given, "Types", 0..=50)?;
    for value in types.unwrap_or_default() {
        let text = check::a_text(value, "Types", usize::MAX)?;
        let parts: Vec<&str> = text.split('/').collect();
        if parts.len() > 3 || parts.iter().any(|part| part.is_empty()) {
            return Err(format!(
                "invalid parameter `Types`: `{text}` is not `namespace/category/classifier`"
            ));
        }
    }
    Ok(types)
}

/// `RelatedFindings`: 1 to 10 identifiers.
pub(super) fn related_findings(given: &Object) -> Checked<()> {
    for related in check::list(given, "RelatedFindings", 1..=10)?.unwrap_or_default() {
        let related = check::object(related, "RelatedFindings")?;
        check::required_text(related, "ProductArn", 2048)?;
        check::required_text(related, "Id", 512)?;
    }
    Ok(())
}
