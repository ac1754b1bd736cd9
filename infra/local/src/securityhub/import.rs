//! `BatchImportFindings`: what a provider may send, and how it meets a finding that is there already.
//!
//! Rules of the user guide (BatchImportFindings for finding providers): a finding is new unless its `Id` and
//! product are known. An update whose `UpdatedAt` is not later than the stored one is ignored. `Note`,
//! `UserDefinedFields`, `VerificationState` and `Workflow` of a known finding stay the customer's.
//! `Confidence`, `Criticality`, `RelatedFindings`, `Severity` and `Types` go to `FindingProviderFields`, and to
//! the top level unless `BatchUpdateFindings` has set them.
//!
//! Unlike AWS, anyone may send findings of any product: this is how tests play GuardDuty.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::check::{self, Checked, Object, Pairs};
use super::clock::timestamp;
use super::fields::{self, whole_severity};

/// The most bytes of a finding's JSON: 240 KB.
pub(super) const FINDING_BYTES: usize = 240 * 1024;

const CUSTOMER_FIELDS: [&str; 4] = ["Note", "UserDefinedFields", "VerificationState", "Workflow"];
const PROVIDER_FIELDS: [&str; 5] = ["Confidence", "Criticality", "RelatedFindings", "Severity", "Types"];

/// Why a finding was not imported: `ErrorCode` and `ErrorMessage` of `FailedFindings`.
pub(super) type Failed = (&'static str, String);

/// Checks a finding of the request against ASFF's required members and limits.
pub(super) fn check_finding(given: &Object, account: &str) -> Result<(), Failed> {
    let bytes = Value::Object(given.clone()).to_string().len();
    if bytes > FINDING_BYTES {
        let message = format!("the finding has {bytes} bytes, at most {FINDING_BYTES} are allowed");
        return Err(("FindingSizeExceeded", message));
    }
    check_members(given).map_err(|message| {
        ("InvalidInput", format!("Finding does not adhere to Amazon Finding Format. {message}"))
    })?;
    // `arn:PARTITION:securityhub:REGION:ACCOUNT:product/ACCOUNT/default` takes its own account's findings only.
    let product = given.get("ProductArn").and_then(Value::as_str).unwrap_or_default();
    if product.ends_with("/default") && given.get("AwsAccountId").and_then(Value::as_str) != Some(account) {
        let message = format!("`AwsAccountId` of a finding of the default product must be {account}");
        return Err(("InvalidAccess", message));
    }
    Ok(())
}

fn check_members(given: &Object) -> Checked<()> {
    for (key, longest) in
        [("Id", 512), ("GeneratorId", 512), ("Title", 256), ("Description", 1024), ("SchemaVersion", 64)]
    {
        check::required_text(given, key, longest)?;
    }
    let version = check::required_text(given, "SchemaVersion", 64)?;
    if version != "2018-10-08" {
        return Err(format!("invalid parameter `SchemaVersion`: `{version}` is not `2018-10-08`"));
    }
    let product = check::required_text(given, "ProductArn", 2048)?;
    if !(product.starts_with("arn:") && product.contains(":securityhub:") && product.contains(":product/")) {
        return Err(format!("invalid parameter `ProductArn`: `{product}` is no product ARN of Security Hub"));
    }
    let account = check::required_text(given, "AwsAccountId", 12)?;
    if account.len() != 12 || !account.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!("invalid parameter `AwsAccountId`: `{account}` is not 12 digits"));
    }
    for key in ["CreatedAt", "UpdatedAt"] {
        check::timestamp(given, key)?.ok_or_else(|| check::missing(key))?;
    }
    for key in ["FirstObservedAt", "LastObservedAt", "ProcessedAt"] {
        check::timestamp(given, key)?;
    }
    for resource in check::required_list(given, "Resources", 1..=32)? {
        let resource = check::object(resource, "Resources")?;
        check::required_text(resource, "Type", 256)?;
        check::required_text(resource, "Id", 512)?;
    }
    check_provider_members(given)?;
    if let Some(fields) = check::structure(given, "FindingProviderFields")? {
        check_provider_members(fields)?;
    }
    let nested = check::structure(given, "FindingProviderFields")?;
    for key in ["Severity", "Types"] {
        if check::member(given, key)
            .or_else(|| nested.and_then(|fields| check::member(fields, key)))
            .is_none()
        {
            return Err(check::missing(key));
        }
    }
    // GuardDuty does send blank values.
    check::text_map(given, "ProductFields", Pairs { pairs: 50, key: 128, value: 2048, blank: true })?;
    fields::user_defined(given)?;
    check::word(given, "VerificationState", &fields::VERIFICATION_STATES)?;
    check::word(given, "RecordState", &["ACTIVE", "ARCHIVED"])?;
    if let Some(workflow) = check::structure(given, "Workflow")? {
        check::word(workflow, "Status", &fields::WORKFLOW_STATES)?;
    }
    if let Some(note) = check::structure(given, "Note")? {
        check::required_text(note, "Text", 512)?;
        check::required_text(note, "UpdatedBy", 2048)?;
        check::timestamp(note, "UpdatedAt")?.ok_or_else(|| check::missing("Note.UpdatedAt"))?;
    }
    if let Some(compliance) = check::structure(given, "Compliance")? {
        check::word(compliance, "Status", &["PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"])?;
    }
    for (key, longest) in [
        ("Region", 16),
        ("ProductName", 128),
        ("CompanyName", 128),
        ("SourceUrl", 2048),
        ("AwsAccountName", 50),
    ] {
        check::text(given, key, longest)?;
    }
    Ok(())
}

fn check_provider_members(given: &Object) -> Checked<()> {
    check::integer(given, "Confidence", 0..=100)?;
    check::integer(given, "Criticality", 0..=100)?;
    fields::related_findings(given)?;
    fields::types(given)?;
    if let Some(severity) = check::structure(given, "Severity")? {
        check::text(severity, "Original", 64)?;
        whole_severity(severity)?;
    }
    Ok(())
}

/// Whether an import of `given` changes the stored finding: only if its `UpdatedAt` is later.
pub(super) fn is_newer(given: &Object, stored: &Object) -> bool {
    let updated = |finding: &Object| check::timestamp(finding, "UpdatedAt").ok().flatten();
    updated(given) > updated(stored)
}

/// The finding to store: what the provider sent, what Security Hub adds, and what the customer owns.
pub(super) fn merge(
    given: &Object,
    stored: Option<(&Object, &BTreeSet<String>)>,
    region: &str,
    now: OffsetDateTime,
) -> Object {
    let mut finding = given.clone();
    finding.retain(|_, value| !value.is_null());
    let customer_set = |key: &str| stored.is_some_and(|(_, set)| set.contains(key));
    let nested_given = check::structure(given, "FindingProviderFields").ok().flatten();
    let mut provider = stored
        .and_then(|(stored, _)| check::structure(stored, "FindingProviderFields").ok().flatten())
        .cloned()
        .unwrap_or_default();
    for key in PROVIDER_FIELDS {
        let top = check::member(given, key).cloned();
        let nested = nested_given.and_then(|fields| check::member(fields, key)).cloned();
        let is_new = stored.is_none();
        let Some(for_top) =
            (if is_new { nested.clone().or(top.clone()) } else { top.clone().or(nested.clone()) })
        else {
            keep(&mut finding, stored, key);
            continue;
        };
        if let Some(for_provider) = nested.or(top) {
            provider.insert(key.into(), providers_own(key, for_provider));
        }
        if customer_set(key) {
            keep(&mut finding, stored, key);
        } else {
            finding.insert(key.into(), complete(key, for_top));
        }
    }
    finding.insert("FindingProviderFields".into(), Value::Object(provider));
    if stored.is_some() {
        for key in CUSTOMER_FIELDS {
            finding.remove(key);
            keep(&mut finding, stored, key);
        }
    }
    add_own(&mut finding, region, now);
    if let Some((stored, _)) = stored {
        reopen(&mut finding, stored);
    }
    finding
}

fn keep(finding: &mut Object, stored: Option<(&Object, &BTreeSet<String>)>, key: &str) {
    if let Some(value) = stored.and_then(|(stored, _)| stored.get(key)) {
        finding.insert(key.into(), value.clone());
    }
}

fn complete(key: &str, value: Value) -> Value {
    match (key, &value) {
        ("Severity", Value::Object(severity)) => whole_severity(severity).unwrap_or(value),
        _ => value,
    }
}

/// A value as `FindingProviderFields` holds it: of a severity `Label` and `Original` only.
fn providers_own(key: &str, value: Value) -> Value {
    let mut value = complete(key, value);
    if let ("Severity", Some(severity)) = (key, value.as_object_mut()) {
        severity.retain(|name, _| name == "Label" || name == "Original");
    }
    value
}

/// What Security Hub fills in itself.
fn add_own(finding: &mut Object, region: &str, now: OffsetDateTime) {
    let product_arn = finding.get("ProductArn").and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = finding.get("Id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (company, product) = names(&product_arn);
    for (key, value) in [
        ("Region", json!(region)),
        ("ProductName", json!(product)),
        ("CompanyName", json!(company)),
        ("RecordState", json!("ACTIVE")),
        ("Workflow", json!({ "Status": "NEW" })),
        ("WorkflowState", json!("NEW")),
    ] {
        finding.entry(key).or_insert(value);
    }
    finding.insert("ProcessedAt".into(), timestamp(now).into());
    let own = [
        ("aws/securityhub/FindingId", format!("{product_arn}/{id}")),
        ("aws/securityhub/ProductName", text(finding, "ProductName")),
        ("aws/securityhub/CompanyName", text(finding, "CompanyName")),
    ];
    if let Some(fields) = finding.entry("ProductFields").or_insert_with(|| json!({})).as_object_mut() {
        fields.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value.into())));
    }
}

/// Company and product name for a product ARN: `…:product/aws/guardduty` is Amazon's GuardDuty.
fn names(product_arn: &str) -> (&str, &str) {
    let mut parts = product_arn.split(":product/").nth(1).unwrap_or_default().split('/');
    match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
        ("aws", "guardduty") => ("Amazon", "GuardDuty"),
        ("aws", "inspector") => ("Amazon", "Inspector"),
        ("aws", "macie") => ("Amazon", "Macie"),
        ("aws", "access-analyzer") => ("AWS", "IAM Access Analyzer"),
        ("aws", "securityhub") => ("AWS", "Security Hub"),
        ("aws", product) => ("AWS", product),
        (_, "default") => ("Personal", "Default"),
        (company, product) => (company, product),
    }
}

/// `Workflow.Status` goes from NOTIFIED or RESOLVED back to NEW when the finding becomes active again or its
/// check stops passing (API reference, WorkflowUpdate).
fn reopen(finding: &mut Object, stored: &Object) {
    let at = |finding: &Object, outer: &str, inner: &str| {
        finding
            .get(outer)
            .and_then(|value| value.get(inner))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let active_again = text(stored, "RecordState") == "ARCHIVED" && text(finding, "RecordState") == "ACTIVE";
    let now_failing = at(stored, "Compliance", "Status") == "PASSED"
        && !matches!(at(finding, "Compliance", "Status").as_str(), "PASSED" | "");
    let settled = matches!(at(finding, "Workflow", "Status").as_str(), "NOTIFIED" | "RESOLVED");
    if settled && (active_again || now_failing) {
        finding.insert("Workflow".into(), json!({ "Status": "NEW" }));
    }
}

fn text(finding: &Object, key: &str) -> String {
    finding.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
