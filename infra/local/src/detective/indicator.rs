//! Indicators of compromise, all eight kinds, as the API answers and scenario files write them.
//!
//! The structs exist so that a scenario file with a misspelt member is refused rather than answered.

use serde::{Deserialize, Serialize};

/// An `Indicator`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Indicator {
    pub(super) indicator_type: Kind,
    indicator_detail: Detail,
}

impl Indicator {
    /// Whether the details are those of the type, and no others.
    pub(super) fn check(&self) -> Result<(), String> {
        let detail = &self.indicator_detail;
        let present = [
            (Kind::TtpObserved, detail.ttps_observed_detail.is_some()),
            (Kind::ImpossibleTravel, detail.impossible_travel_detail.is_some()),
            (Kind::FlaggedIpAddress, detail.flagged_ip_address_detail.is_some()),
            (Kind::NewGeolocation, detail.new_geolocation_detail.is_some()),
            (Kind::NewAso, detail.new_aso_detail.is_some()),
            (Kind::NewUserAgent, detail.new_user_agent_detail.is_some()),
            (Kind::RelatedFinding, detail.related_finding_detail.is_some()),
            (Kind::RelatedFindingGroup, detail.related_finding_group_detail.is_some()),
        ];
        if present.iter().all(|(kind, there)| *there == (*kind == self.indicator_type)) {
            return Ok(());
        }
        Err(format!("an indicator of type {:?} needs the details of that type only", self.indicator_type))
    }
}

/// An `IndicatorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Kind {
    TtpObserved,
    ImpossibleTravel,
    FlaggedIpAddress,
    NewGeolocation,
    NewAso,
    NewUserAgent,
    RelatedFinding,
    RelatedFindingGroup,
}

/// The wire names of all kinds, for validation.
pub(super) const KINDS: &[&str] = &[
    "TTP_OBSERVED",
    "IMPOSSIBLE_TRAVEL",
    "FLAGGED_IP_ADDRESS",
    "NEW_GEOLOCATION",
    "NEW_ASO",
    "NEW_USER_AGENT",
    "RELATED_FINDING",
    "RELATED_FINDING_GROUP",
];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct Detail {
    #[serde(rename = "TTPsObservedDetail", skip_serializing_if = "Option::is_none")]
    ttps_observed_detail: Option<TtpsObserved>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impossible_travel_detail: Option<ImpossibleTravel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flagged_ip_address_detail: Option<FlaggedIpAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_geolocation_detail: Option<NewGeolocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_aso_detail: Option<NewAso>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_user_agent_detail: Option<NewUserAgent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related_finding_detail: Option<RelatedFinding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related_finding_group_detail: Option<RelatedFindingGroup>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TtpsObserved {
    tactic: String,
    technique: String,
    procedure: String,
    ip_address: String,
    #[serde(rename = "APIName")]
    api_name: String,
    #[serde(rename = "APISuccessCount")]
    api_success_count: u64,
    #[serde(rename = "APIFailureCount")]
    api_failure_count: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ImpossibleTravel {
    starting_ip_address: String,
    ending_ip_address: String,
    starting_location: String,
    ending_location: String,
    hourly_time_delta: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FlaggedIpAddress {
    ip_address: String,
    reason: Reason,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Reason {
    #[serde(rename = "AWS_THREAT_INTELLIGENCE")]
    AwsThreatIntelligence,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewGeolocation {
    location: String,
    ip_address: String,
    is_new_for_entire_account: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewAso {
    aso: String,
    is_new_for_entire_account: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewUserAgent {
    user_agent: String,
    is_new_for_entire_account: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RelatedFinding {
    arn: String,
    r#type: String,
    ip_address: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RelatedFindingGroup {
    id: String,
}
