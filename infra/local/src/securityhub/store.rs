//! What Security Hub remembers, per Region.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use time::OffsetDateTime;

use super::check::Object;
use super::fields::Update;
use super::filter::Condition;
use super::history::Change;

/// What identifies a finding: its product's ARN and the id that the product gave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FindingKey {
    pub(super) product_arn: String,
    pub(super) id: String,
}

/// A finding: as ASFF, and what the OCSF view of it has on top.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) asff: Object,
    /// Top-level fields that `BatchUpdateFindings` has set, which a provider's update leaves alone.
    pub(super) customer_set: BTreeSet<String>,
    pub(super) history: Vec<Change>,
    pub(super) ocsf: Ocsf,
}

/// The OCSF view of a finding. Security Hub CSPM and the new Security Hub hold findings separately: what a
/// customer or a rule changes in one does not show in the other.
#[derive(Clone, Debug)]
pub(super) struct Ocsf {
    /// `metadata.uid`
    pub(super) uid: String,
    /// The finding as the provider last sent it.
    pub(super) provider: Object,
    /// How often the provider has sent it.
    pub(super) imports: u64,
    pub(super) comment: Option<String>,
    pub(super) severity_id: Option<i64>,
    pub(super) status_id: Option<i64>,
}

/// An automation rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) arn: String,
    pub(super) enabled: bool,
    pub(super) order: i64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) is_terminal: bool,
    pub(super) criteria: Value,
    pub(super) actions: Value,
    pub(super) conditions: Vec<Condition>,
    pub(super) update: Update,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    pub(super) created_by: String,
}

/// A custom action, known to the API as an action target.
#[derive(Clone, Debug)]
pub(super) struct ActionTarget {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) description: String,
}

/// One Region of the account.
#[derive(Clone, Debug, Default)]
pub(super) struct Region {
    /// When Security Hub CSPM was enabled, if it is.
    pub(super) hub: Option<OffsetDateTime>,
    /// When the new Security Hub (OCSF) was enabled, if it is.
    pub(super) hub_v2: Option<OffsetDateTime>,
    pub(super) findings: BTreeMap<FindingKey, Finding>,
    /// By ARN.
    pub(super) rules: BTreeMap<String, Rule>,
    /// By ARN.
    pub(super) actions: BTreeMap<String, ActionTarget>,
}

/// The partition that a Region belongs to.
pub(super) fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}
