//! Writing outcomes into findings: one read and few writes for a whole batch of messages.

use std::collections::{BTreeMap, HashMap};

use eventide_clients::security_hub::{Current, FindingId, OcsfId, SecurityHub, Update};
use eventide_kit::error::Error;
use eventide_types::finding::Reference;
use eventide_types::work::{Stage, field};

use crate::budget::Budget;
use crate::report::merge;

/// Who our notes say they are by.
pub const UPDATED_BY: &str = "eventide-finding-enrich";

/// Something to be written into one finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The finding.
    pub finding: Reference,
    /// The note; absent if only fields change.
    pub note: Option<String>,
    /// The fields that are ours, the most important first.
    pub fields: Vec<(String, String)>,
    /// Whether nothing is written where the finding shows an outcome. ASFF only.
    pub unless_ended: bool,
}

/// Writes all entries and tells of each, in their order, what came of it. Entries that say the same about
/// different findings share a call. What there is no time for is to be tried again.
pub async fn write<H: SecurityHub>(hub: &H, entries: &[Entry], budget: Budget<'_>) -> Vec<Result<(), Error>> {
    let mut results: Vec<Result<(), Error>> = entries.iter().map(|_| Ok(())).collect();
    let ids: Vec<Option<FindingId>> = entries.iter().map(|entry| asff(&entry.finding)).collect();
    let mut wanted: Vec<FindingId> = ids.iter().flatten().cloned().collect();
    wanted.sort();
    wanted.dedup();
    let mut groups: HashMap<Update, Vec<usize>> = HashMap::new();
    match budget.call(read(hub, &wanted)).await {
        Ok((found, refused)) => {
            for (index, ((entry, id), result)) in entries.iter().zip(&ids).zip(&mut results).enumerate() {
                let Some(id) = id else { continue };
                match (found.get(id), refused.get(id)) {
                    (Some(current), _) if entry.unless_ended && has_ended(current) => {}
                    (Some(current), _) => groups.entry(update(entry, current)).or_default().push(index),
                    (None, Some(error)) => *result = Err(again(error)),
                    (None, None) => *result = Err(not_found(&entry.finding)),
                }
            }
        }
        Err(error) => {
            for (id, result) in ids.iter().zip(&mut results) {
                if id.is_some() {
                    *result = Err(again(&error));
                }
            }
        }
    }
    for (update, indices) in groups {
        let group: Vec<FindingId> = indices.iter().filter_map(|index| ids.get(*index)?.clone()).collect();
        let failed = match budget.call(hub.update(&group, &update, UPDATED_BY)).await {
            Ok(unprocessed) => unprocessed.into_iter().map(|finding| (finding.id, finding.error)).collect(),
            Err(error) => group.iter().map(|id| (id.clone(), again(&error))).collect::<HashMap<_, _>>(),
        };
        for index in indices {
            if let (Some(Some(id)), Some(result)) = (ids.get(index), results.get_mut(index))
                && let Some(error) = failed.get(id)
            {
                *result = Err(again(error));
            }
        }
    }
    for (entry, result) in entries.iter().zip(&mut results) {
        if let (Some(id), Some(comment)) = (ocsf(&entry.finding), &entry.note) {
            *result = budget.call(hub.comment_v2(&id, comment)).await;
        }
    }
    results
}

type Readings = (BTreeMap<FindingId, Current>, BTreeMap<FindingId, Error>);

async fn read<H: SecurityHub>(hub: &H, wanted: &[FindingId]) -> Result<Readings, Error> {
    if wanted.is_empty() {
        return Ok(Readings::default());
    }
    let read = hub.current(wanted).await?;
    let found = read.found.into_iter().map(|current| (current.id.clone(), current)).collect();
    let refused = read.refused.into_iter().map(|refused| (refused.id, refused.error)).collect();
    Ok((found, refused))
}

/// Whether a finding shows how its enrichment has ended.
fn has_ended(current: &Current) -> bool {
    let stage = current.user_defined_fields.get(field::INVESTIGATE).map(String::as_str);
    [Stage::Complete, Stage::Failed, Stage::TimedOut, Stage::Unsupported]
        .iter()
        .any(|ended| stage == Some(ended.as_str()))
}

/// What is sent for one finding as it stands: fields that are not ours stay, and so does a person's note.
fn update(entry: &Entry, current: &Current) -> Update {
    let a_persons = current.note.as_ref().is_some_and(|note| note.updated_by != UPDATED_BY);
    let mut fields = entry.fields.clone();
    if entry.note.is_some() {
        fields.extend(outdated(&current.user_defined_fields, &entry.fields));
    }
    Update {
        note: entry.note.clone().filter(|_| !a_persons),
        fields: merge(&current.user_defined_fields, &fields),
    }
}

/// What an earlier outcome left in the fields and this one does not say: it must not be taken for this one's. Fields
/// cannot be removed where Security Hub merges them, so they are overwritten.
fn outdated(existing: &BTreeMap<String, String>, ours: &[(String, String)]) -> Vec<(String, String)> {
    let value = |name: &str| match name {
        field::SEVERITY | field::ID | field::WINDOW => Some("NONE"),
        name if name.starts_with(field::INDICATORS) => Some("0"),
        _ => None,
    };
    let left = existing.keys().filter(|name| !ours.iter().any(|(said, _)| said == *name));
    left.filter_map(|name| Some((name.clone(), value(name)?.to_owned()))).collect()
}

/// Security Hub may take minutes to show a finding, so this can pass.
fn not_found(finding: &Reference) -> Error {
    Error::retryable("FindingNotFound", format!("Security Hub has no finding `{}`", finding.id()))
}

/// One error that several findings meet.
pub(crate) fn again(error: &Error) -> Error {
    Error::new(error.class(), error.error_type().to_owned(), error.to_string())
}

fn asff(finding: &Reference) -> Option<FindingId> {
    match finding {
        Reference::Asff { id, product_arn } => {
            Some(FindingId { id: id.clone(), product_arn: product_arn.clone() })
        }
        Reference::Ocsf { .. } => None,
    }
}

fn ocsf(finding: &Reference) -> Option<OcsfId> {
    match finding {
        Reference::Asff { .. } => None,
        Reference::Ocsf { metadata_uid, account, finding_uid, product_uid } => Some(OcsfId {
            metadata_uid: metadata_uid.clone(),
            account: account.clone(),
            finding_uid: finding_uid.clone(),
            product_uid: product_uid.clone(),
        }),
    }
}
