//! `BatchImportFindings` and `BatchUpdateFindings` on the stored findings, and the events they send.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Context;
use super::check::{self, Checked, Object};
use super::fields::Update;
use super::history::Change;
use super::import::{self, FINDING_BYTES};
use super::ocsf;
use super::outbox::{self, Subject};
use super::refusal::Outcome;
use super::rules;
use super::settings::{Injections, Settings};
use super::store::{Finding, FindingKey, Ocsf, Region};

pub(super) fn batch_import(
    cx: &Context<'_>,
    settings: &Settings,
    region: &mut Region,
    input: &Object,
    events: &mut Vec<Subject>,
) -> Outcome<Value> {
    let (mut imported, mut failed) = (0, Vec::new());
    for given in check::required_list(input, "Findings", 1..=100)? {
        let given = check::object(given, "Findings")?;
        match import::check_finding(given, cx.account) {
            Ok(()) => {
                import_one(cx, settings, region, given, events)?;
                imported += 1;
            }
            Err((code, message)) => failed.push(json!({
                "Id": given.get("Id").and_then(Value::as_str).filter(|id| !id.trim().is_empty()).unwrap_or("unknown"),
                "ErrorCode": code,
                "ErrorMessage": message,
            })),
        }
    }
    Ok(json!({ "SuccessCount": imported, "FailedCount": failed.len(), "FailedFindings": failed }))
}

fn import_one(
    cx: &Context<'_>,
    settings: &Settings,
    region: &mut Region,
    given: &Object,
    events: &mut Vec<Subject>,
) -> Checked<()> {
    let key = key(given)?;
    let stored = region.findings.get(&key);
    if stored.is_some_and(|stored| !import::is_newer(given, &stored.asff)) {
        return Ok(());
    }
    let provider = import::merge(given, None, cx.region, cx.now);
    let held = stored.map(|stored| (&stored.asff, &stored.customer_set));
    let mut asff = import::merge(given, held, cx.region, cx.now);
    rules::apply(&region.rules, &mut asff, settings.user_defined_fields, cx.now);
    let change =
        Change::between(stored.map(|stored| &stored.asff), &asff, "BATCH_IMPORT_FINDINGS", cx.caller, cx.now);
    let finding = region.findings.entry(key.clone()).or_insert_with(|| Finding {
        asff: Object::new(),
        customer_set: BTreeSet::new(),
        history: Vec::new(),
        ocsf: Ocsf {
            uid: metadata_uid(cx, &key),
            provider: Object::new(),
            imports: 0,
            comment: None,
            severity_id: None,
            status_id: None,
        },
    });
    finding.asff = asff;
    finding.history.push(change);
    finding.ocsf.provider = provider;
    finding.ocsf.imports += 1;
    events.push(outbox::imported(&Value::Object(finding.asff.clone())));
    if region.hub_v2.is_some() {
        events.push(outbox::imported_v2(&finding.ocsf.uid, &ocsf::finding(&finding.ocsf, cx.region)));
    }
    Ok(())
}

pub(super) fn batch_update(
    cx: &Context<'_>,
    settings: &Settings,
    injections: &mut Injections,
    region: &mut Region,
    input: &Object,
    events: &mut Vec<Subject>,
) -> Outcome<Value> {
    let mut keys = Vec::new();
    for identifier in check::required_list(input, "FindingIdentifiers", 1..=100)? {
        keys.push(key(check::object(identifier, "FindingIdentifiers")?)?);
    }
    let update = Update::parse(input)?;
    if update.is_empty() {
        return Err("invalid parameter: at least one field to update is required".to_owned().into());
    }
    let (mut processed, mut unprocessed) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for key in keys {
        let identifier = json!({ "Id": key.id, "ProductArn": key.product_arn });
        let outcome = if !seen.insert(key.clone()) {
            Err((
                "DuplicatedFindingIdentifier".to_owned(),
                "the finding is named twice in the request".to_owned(),
            ))
        } else if let Some(injected) = injections.hit(&key.id) {
            Err(injected)
        } else {
            update_one(cx, settings, region, &key, &update, events)
                .map_err(|(code, message)| (code.to_owned(), message))
        };
        match outcome {
            Ok(()) => processed.push(identifier),
            Err((code, message)) => unprocessed.push(json!({
                "FindingIdentifier": identifier, "ErrorCode": code, "ErrorMessage": message,
            })),
        }
    }
    Ok(json!({ "ProcessedFindings": processed, "UnprocessedFindings": unprocessed }))
}

fn update_one(
    cx: &Context<'_>,
    settings: &Settings,
    region: &mut Region,
    key: &FindingKey,
    update: &Update,
    events: &mut Vec<Subject>,
) -> Result<(), import::Failed> {
    let Some(finding) = region.findings.get_mut(key) else {
        return Err(("FindingNotFound", format!("no finding has the id `{}` and that product ARN", key.id)));
    };
    let mut asff = finding.asff.clone();
    update
        .apply(&mut asff, settings.user_defined_fields, cx.now)
        .map_err(|message| ("InvalidInput", message))?;
    if Value::Object(asff.clone()).to_string().len() > FINDING_BYTES {
        return Err((
            "FindingSizeExceeded",
            format!("the finding would have more than {FINDING_BYTES} bytes"),
        ));
    }
    if settings.rules_on_batch_update {
        rules::apply(&region.rules, &mut asff, settings.user_defined_fields, cx.now);
    }
    let change = Change::between(Some(&finding.asff), &asff, "BATCH_UPDATE_FINDINGS", cx.caller, cx.now);
    finding.asff = asff;
    finding.history.push(change);
    finding.customer_set.extend(update.names().map(str::to_owned));
    events.push(outbox::imported(&Value::Object(finding.asff.clone())));
    Ok(())
}

/// Reads `Id` and `ProductArn`.
pub(super) fn key(given: &Object) -> Checked<FindingKey> {
    Ok(FindingKey {
        id: check::required_text(given, "Id", 512)?.to_owned(),
        product_arn: check::required_text(given, "ProductArn", 2048)?.to_owned(),
    })
}

/// 64 hexadecimal digits, as in the events seen; here a digest, so that a repeat has the same.
fn metadata_uid(cx: &Context<'_>, key: &FindingKey) -> String {
    let named = [cx.account, cx.region, key.product_arn.as_str(), key.id.as_str()].join("\n");
    hex::encode(Sha256::digest(named))
}
