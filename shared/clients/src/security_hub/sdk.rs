use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::types::{
    AwsSecurityFinding, AwsSecurityFindingFilters, AwsSecurityFindingIdentifier, NoteUpdate,
    OcsfFindingIdentifier, StringFilter, StringFilterComparison,
};
use aws_types::SdkConfig;
use eventide_kit::error::{Class, Error};

use super::lean::Lean;
use super::{Current, FindingId, Note, OcsfId, Read, Refused, SecurityHub, Unprocessed, Update, unprocessed};
use crate::errors::failed;
use crate::pages::{self, Page};

/// Values that one filter field takes (Security Hub API reference, `GetFindings`).
const IDS_A_FILTER: usize = 20;
/// Findings that one `BatchUpdateFindings` takes.
const IDS_AN_UPDATE: usize = 100;
const PAGE_SIZE: i32 = 100;

/// [`SecurityHub`] through the AWS SDK.
#[derive(Clone, Debug)]
pub struct SdkSecurityHub {
    client: Client,
}

impl SdkSecurityHub {
    /// In the Region of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    async fn read_together(&self, ids: &[&FindingId]) -> Result<Vec<Current>, Error> {
        const OPERATION: &str = "securityhub:GetFindings";
        let products: BTreeSet<_> = ids.iter().map(|id| &id.product_arn).collect();
        let filters = AwsSecurityFindingFilters::builder()
            .set_id(Some(equals(ids.iter().map(|id| &id.id))))
            .set_product_arn(Some(equals(products)))
            .build();
        let findings = pages::all(OPERATION, |token| {
            let request = self
                .client
                .get_findings()
                .filters(filters.clone())
                .max_results(PAGE_SIZE)
                .set_next_token(token)
                .customize()
                .interceptor(Lean);
            async move {
                let page = request.send().await.map_err(|error| failed(OPERATION, &error))?;
                Ok(Page { items: page.findings.unwrap_or_default(), next: page.next_token })
            }
        })
        .await?;
        // The filter matches each id with each product: more than was asked for. Pages may overlap.
        let exactly = findings.into_iter().filter_map(current).filter(|finding| ids.contains(&&finding.id));
        let once: BTreeMap<_, _> = exactly.map(|finding| (finding.id.clone(), finding)).collect();
        Ok(once.into_values().collect())
    }

    /// So many calls may well be throttled. What was read until then is kept, or the bad id among them would fail the
    /// others each time anew.
    async fn read_one_by_one(&self, ids: &[&FindingId], read: &mut Read) -> Result<(), Error> {
        for id in ids {
            match self.read_together(&[id]).await {
                Ok(found) => read.found.extend(found),
                Err(error) if error.class() == Class::Environment => return Err(error),
                Err(error) => read.refused.push(Refused { id: (*id).clone(), error }),
            }
        }
        Ok(())
    }

    async fn update_together(
        &self,
        ids: &[&FindingId],
        update: &Update,
        updated_by: &str,
    ) -> Result<Vec<Unprocessed>, Error> {
        const OPERATION: &str = "securityhub:BatchUpdateFindings";
        let mut identifiers = Vec::with_capacity(ids.len());
        for FindingId { id, product_arn } in ids {
            identifiers.push(AwsSecurityFindingIdentifier::builder().id(id).product_arn(product_arn).build());
        }
        let note = update.note.as_ref();
        let note = note.map(|text| NoteUpdate::builder().text(text).updated_by(updated_by).build());
        let fields: HashMap<_, _> = update.fields.clone().into_iter().collect();
        let output = self
            .client
            .batch_update_findings()
            .set_finding_identifiers(Some(identifiers))
            .set_note(note)
            .set_user_defined_fields((!fields.is_empty()).then_some(fields))
            .send()
            .await
            .map_err(|error| failed(OPERATION, &error))?;
        let mut not_updated = Vec::new();
        for finding in output.unprocessed_findings.unwrap_or_default() {
            let named = finding.finding_identifier.and_then(|id| id.id.zip(id.product_arn));
            let named = named.map(|(id, product_arn)| FindingId { id, product_arn });
            let id = match (named, ids) {
                (Some(id), ids) if ids.contains(&&id) => id,
                (_, [only]) => (*only).clone(),
                _ => {
                    let message = format!("`{OPERATION}` did not say which finding it left unprocessed");
                    return Err(Error::retryable("IncompleteAnswer", message));
                }
            };
            let code = finding.error_code.as_deref().unwrap_or("Unknown");
            not_updated.push(Unprocessed { id, error: unprocessed(OPERATION, code) });
        }
        Ok(not_updated)
    }
}

fn equals<'a>(values: impl IntoIterator<Item = &'a String>) -> Vec<StringFilter> {
    let filter =
        |value| StringFilter::builder().value(value).comparison(StringFilterComparison::Equals).build();
    values.into_iter().map(filter).collect()
}

fn current(finding: AwsSecurityFinding) -> Option<Current> {
    Some(Current {
        id: FindingId { id: finding.id?, product_arn: finding.product_arn? },
        note: finding.note.map(|note| Note {
            text: note.text.unwrap_or_default(),
            updated_by: note.updated_by.unwrap_or_default(),
        }),
        user_defined_fields: finding.user_defined_fields.unwrap_or_default().into_iter().collect(),
    })
}

impl SecurityHub for SdkSecurityHub {
    async fn current(&self, ids: &[FindingId]) -> Result<Read, Error> {
        let wanted: Vec<&FindingId> = BTreeSet::from_iter(ids).into_iter().collect();
        let mut read = Read::default();
        for together in wanted.chunks(IDS_A_FILTER) {
            match (self.read_together(together).await, together) {
                (Ok(found), _) => read.found.extend(found),
                (Err(error), _) if error.class() != Class::Permanent => return Err(error),
                (Err(error), [id]) => read.refused.push(Refused { id: (*id).clone(), error }),
                (Err(_), _) => self.read_one_by_one(together, &mut read).await?,
            }
        }
        Ok(read)
    }

    async fn update(
        &self,
        ids: &[FindingId],
        update: &Update,
        updated_by: &str,
    ) -> Result<Vec<Unprocessed>, Error> {
        if update.is_empty() {
            return Ok(Vec::new());
        }
        let distinct: Vec<&FindingId> = BTreeSet::from_iter(ids).into_iter().collect();
        let mut not_updated = Vec::new();
        for together in distinct.chunks(IDS_AN_UPDATE) {
            match self.update_together(together, update, updated_by).await {
                Ok(unprocessed) => not_updated.extend(unprocessed),
                Err(error) if error.class() != Class::Permanent => return Err(error),
                Err(error) => {
                    if let [id] = together {
                        not_updated.push(Unprocessed { id: (*id).clone(), error });
                        continue;
                    }
                    for id in together {
                        match self.update_together(&[id], update, updated_by).await {
                            Ok(unprocessed) => not_updated.extend(unprocessed),
                            Err(error) if error.class() != Class::Permanent => return Err(error),
                            Err(error) => not_updated.push(Unprocessed { id: (*id).clone(), error }),
                        }
                    }
                }
            }
        }
        Ok(not_updated)
    }

    async fn comment_v2(&self, finding: &OcsfId, comment: &str) -> Result<(), Error> {
        const OPERATION: &str = "securityhub:BatchUpdateFindingsV2";
        let request = self.client.batch_update_findings_v2().comment(comment);
        let request = match &finding.metadata_uid {
            Some(uid) => request.metadata_uids(uid),
            None => {
                let id = OcsfFindingIdentifier::builder()
                    .cloud_account_uid(&finding.account)
                    .finding_info_uid(&finding.finding_uid)
                    .metadata_product_uid(&finding.product_uid)
                    .build();
                request.finding_identifiers(id)
            }
        };
        let output = request.send().await.map_err(|error| failed(OPERATION, &error))?;
        match output.unprocessed_findings.unwrap_or_default().first() {
            None => Ok(()),
            Some(finding) => {
                let code = finding.error_code.as_ref();
                Err(unprocessed(OPERATION, code.map_or("Unknown", |code| code.as_str())))
            }
        }
    }
}
