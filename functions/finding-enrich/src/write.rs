//! Writing outcomes into findings: one read and few writes for a whole batch of messages.

use std::collections::{BTreeMap, HashMap};

use eventide_clients::security_hub::{Current, FindingId, OcsfId, SecurityHub, Update};
use eventide_kit::error::Error;
use eventide_types::finding::Reference;
use eventide_types::work::field;

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
}

/// Writes all entries and tells of each, in their order, what came of it. Entries that say the same about
/// different findings share a call.
pub async fn write<H: SecurityHub>(hub: &H, entries: &[Entry]) -> Vec<Result<(), Error>> {
    let mut results: Vec<Result<(), Error>> = entries.iter().map(|_| Ok(())).collect();
    let ids: Vec<Option<FindingId>> = entries.iter().map(|entry| asff(&entry.finding)).collect();
    let mut wanted: Vec<FindingId> = ids.iter().flatten().cloned().collect();
    wanted.sort();
    wanted.dedup();
    let mut groups: HashMap<Update, Vec<usize>> = HashMap::new();
    match current(hub, &wanted).await {
        Ok(current) => {
            for (index, ((entry, id), result)) in entries.iter().zip(&ids).zip(&mut results).enumerate() {
                match id.as_ref().map(|id| current.get(id)) {
                    Some(Some(current)) => groups.entry(update(entry, current)).or_default().push(index),
                    Some(None) => *result = Err(not_found(&entry.finding)),
                    None => {}
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
        let failed = match hub.update(&group, &update, UPDATED_BY).await {
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
            *result = hub.comment_v2(&id, comment).await;
        }
    }
    results
}

async fn current<H: SecurityHub>(
    hub: &H,
    wanted: &[FindingId],
) -> Result<BTreeMap<FindingId, Current>, Error> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let current = hub.current(wanted).await?;
    Ok(current.into_iter().map(|current| (current.id.clone(), current)).collect())
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
