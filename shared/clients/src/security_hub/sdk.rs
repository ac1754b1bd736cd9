use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::types::{AwsSecurityFindingIdentifier, NoteUpdate, OcsfFindingIdentifier};
use aws_types::SdkConfig;
use eventide_kit::error::{Class, Error};

use super::lean::Lean;
use super::{Current, FindingId, OcsfId, Read, Refused, SecurityHub, Unprocessed, Update, unprocessed};
use crate::errors::failed;
use crate::pages;

/// Values that one filter field takes (Security Hub API reference, `GetFindings`).
const IDS_A_FILTER: usize = 20;
/// Findings that one `BatchUpdateFindings` takes.
const IDS_AN_UPDATE: usize = 100;

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
        let findings = pages::all(OPERATION, |token| async move {
            let lean = Lean::asking(ids, token.as_deref());
            let request = self.client.get_findings_v2().customize().interceptor(lean.clone());
            request.send().await.map_err(|error| failed(OPERATION, &error))?;
            lean.take().ok_or_else(|| {
                Error::retryable("IncompleteAnswer", format!("`{OPERATION}` answered without findings"))
            })
        })
        .await?;
        // The filter matches each id with each product: more than was asked for. Pages may overlap.
        let exactly = findings.into_iter().filter(|finding| ids.contains(&&finding.id));
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
