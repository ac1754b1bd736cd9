//! Findings in AWS Security Hub: what is on them now, and updates to what belongs to the customer.

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod lean;
mod sdk;

use std::collections::BTreeMap;

use eventide_kit::error::Error;
#[cfg(feature = "testing")]
pub use fake::{FakeSecurityHub, Operation, Updated};
pub use sdk::SdkSecurityHub;

/// What identifies a finding in ASFF: the provider's id is unique per product, account and Region only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FindingId {
    /// `Id`
    pub id: String,
    /// `ProductArn`
    pub product_arn: String,
}

/// What identifies a finding in OCSF.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OcsfId {
    /// `metadata.uid`, unique by itself. Used alone when present.
    pub metadata_uid: Option<String>,
    /// `cloud.account.uid`
    pub account: String,
    /// `finding_info.uid`
    pub finding_uid: String,
    /// `metadata.product.uid`
    pub product_uid: String,
}

/// A finding's note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// `Note.Text`, at most 512 characters.
    pub text: String,
    /// `Note.UpdatedBy`: who wrote it.
    pub updated_by: String,
}

/// The part of a finding that customers change, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Which finding.
    pub id: FindingId,
    /// `Note`
    pub note: Option<Note>,
    /// `UserDefinedFields`
    pub user_defined_fields: BTreeMap<String, String>,
}

/// What came of asking for findings.
#[derive(Debug, Default)]
pub struct Read {
    /// The findings as they stand, in no particular order.
    pub found: Vec<Current>,
    /// Those that could not be asked for.
    pub refused: Vec<Refused>,
}

/// A finding that could not be asked for.
#[derive(Debug)]
pub struct Refused {
    /// Which finding.
    pub id: FindingId,
    /// Why.
    pub error: Error,
}

/// New values for findings. What is equal can go to several findings in one call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Update {
    /// Replaces the note; at most 512 characters. `None` leaves it alone.
    pub note: Option<String>,
    /// User-defined fields. Whether Security Hub merges them with those on the finding or puts them in their place is
    /// not documented: give all that should be there afterwards. At most 50; names of at most 128 characters, values
    /// of at most 1,024. None at all leaves the fields alone.
    pub fields: BTreeMap<String, String>,
}

impl Update {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.note.is_none() && self.fields.is_empty()
    }
}

/// A finding that was not updated.
#[derive(Debug)]
pub struct Unprocessed {
    /// Which finding.
    pub id: FindingId,
    /// Why; its type is Security Hub's `ErrorCode`, without a trailing `Exception`.
    pub error: Error,
}

/// What Eventide asks of Security Hub, in the function's own Region.
///
/// An error is [`Permanent`] for input that Security Hub rejects, [`Retryable`] for throttling, time-outs and server
/// errors, [`Environment`] for missing permissions, for an account without Security Hub and for an unreachable
/// service.
///
/// [`Permanent`]: eventide_kit::error::Class::Permanent
/// [`Retryable`]: eventide_kit::error::Class::Retryable
/// [`Environment`]: eventide_kit::error::Class::Environment
pub trait SecurityHub: Send + Sync {
    /// The findings as they stand; those that do not exist are missing. Any number of ids: asked for in groups of 20, all
    /// pages. Where a group is rejected as invalid, its findings are asked for one by one, so that one bad id does not
    /// fail the others. An update may take minutes to show.
    fn current(&self, ids: &[FindingId]) -> impl Future<Output = Result<Read, Error>> + Send;

    /// Gives all findings the same new values, in calls of 100, and returns those that were not updated; empty means
    /// all were. Any number of ids; one that occurs twice is updated once. Where a call as a whole is rejected as invalid,
    /// its findings are sent one by one, so that one bad id does not fail the others.
    ///
    /// `updated_by` signs the note. On an error some findings may have been updated; to update them again does no harm.
    /// `UpdatedAt` of the findings does not change.
    fn update(
        &self,
        ids: &[FindingId],
        update: &Update,
        updated_by: &str,
    ) -> impl Future<Output = Result<Vec<Unprocessed>, Error>> + Send;

    /// Sets the comment of an OCSF finding, 1 to 512 characters. It replaces the comment before it, so to repeat it does
    /// no harm (Security Hub API reference, `BatchUpdateFindingsV2`: "the updated value for a user provided comment").
    /// The IAM action is `securityhub:BatchUpdateFindings`.
    fn comment_v2(&self, finding: &OcsfId, comment: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What an `ErrorCode` among `UnprocessedFindings` means (Security Hub API reference, `BatchUpdateFindings` and
/// `BatchUpdateFindingsV2`). A code that is not known here is worth another attempt: attempts are counted, a finding
/// given up by mistake is not found again.
fn unprocessed(operation: &str, code: &str) -> Error {
    let message = format!("`{operation}` did not process the finding: `{code}`");
    let code = code.strip_suffix("Exception").unwrap_or(code);
    match code {
        "DuplicatedFindingIdentifier"
        | "FindingNotFound"
        | "FindingSizeExceeded"
        | "InvalidInput"
        | "ResourceNotFound"
        | "Validation" => Error::permanent(code.to_owned(), message),
        _ => Error::retryable(code.to_owned(), message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_unprocessed_findings_are_sorted_into_retry_and_permanent() {
        for (code, retryable) in [
            ("ConcurrentUpdateError", true),
            ("InternalFailure", true),
            ("DuplicatedFindingIdentifier", false),
            ("FindingNotFound", false),
            ("FindingSizeExceeded", false),
            ("InvalidInput", false),
            ("ConflictException", true),
            ("InternalServerException", true),
            ("ResourceNotFoundException", false),
            ("ValidationException", false),
            ("SomethingNew", true),
        ] {
            let error = unprocessed("securityhub:BatchUpdateFindings", code);
            assert_eq!(error.is_retryable(), retryable, "{code}");
            assert_eq!(error.error_type(), code.trim_end_matches("Exception"));
        }
    }
}
