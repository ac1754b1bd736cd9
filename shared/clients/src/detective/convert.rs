//! Detective's wire types and ours.

use aws_sdk_detective::operation::get_investigation::GetInvestigationOutput;
use aws_sdk_detective::primitives::DateTime;
use aws_sdk_detective::types;
use eventide_types::investigation::{Indicator, Investigation, Severity, Status, Window};
use time::OffsetDateTime;

/// The moment in whole milliseconds, the precision of Detective's examples.
pub(super) fn wire_time(at: OffsetDateTime) -> DateTime {
    DateTime::from_millis(at.unix_timestamp() * 1_000 + i64::from(at.millisecond()))
}

pub(super) fn our_time(at: &DateTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(at.as_nanos()).ok()
}

/// A status that is not known here counts as running: whoever waits for it has a bound, whoever took it for an
/// end would write a wrong outcome.
fn status(status: Option<&types::Status>) -> Status {
    match status {
        Some(types::Status::Successful) => Status::Successful,
        Some(types::Status::Failed) => Status::Failed,
        Some(types::Status::Running) => Status::Running,
        other => {
            tracing::warn!(status = other.map(types::Status::as_str), "unknown investigation status");
            Status::Running
        }
    }
}

fn severity(severity: Option<&types::Severity>) -> Option<Severity> {
    match severity? {
        types::Severity::Informational => Some(Severity::Informational),
        types::Severity::Low => Some(Severity::Low),
        types::Severity::Medium => Some(Severity::Medium),
        types::Severity::High => Some(Severity::High),
        types::Severity::Critical => Some(Severity::Critical),
        other => {
            tracing::warn!(severity = other.as_str(), "unknown investigation severity");
            None
        }
    }
}

/// `None` if a member is missing without which an investigation is none.
pub(super) fn investigation(id: &str, output: GetInvestigationOutput) -> Option<Investigation> {
    let start = output.scope_start_time.as_ref().and_then(our_time);
    let end = output.scope_end_time.as_ref().and_then(our_time);
    Some(Investigation {
        id: output.investigation_id.unwrap_or_else(|| id.to_owned()),
        entity_arn: output.entity_arn?,
        status: status(output.status.as_ref()),
        severity: severity(output.severity.as_ref()),
        created: our_time(output.created_time.as_ref()?)?,
        window: start.zip(end).map(|(start, end)| Window { start, end }),
    })
}

/// `None` if a member is missing without which an investigation is none.
pub(super) fn listed(detail: types::InvestigationDetail) -> Option<Investigation> {
    Some(Investigation {
        id: detail.investigation_id?,
        entity_arn: detail.entity_arn?,
        status: status(detail.status.as_ref()),
        severity: severity(detail.severity.as_ref()),
        created: our_time(detail.created_time.as_ref()?)?,
        window: None,
    })
}

/// `None` for a kind that is not known here and for one that lacks what makes it worth telling.
pub(super) fn indicator(indicator: types::Indicator) -> Option<Indicator> {
    use types::IndicatorType as Kind;
    let detail = indicator.indicator_detail?;
    Some(match indicator.indicator_type? {
        Kind::TtpObserved => {
            let ttp = detail.ttps_observed_detail?;
            Indicator::TtpObserved {
                tactic: ttp.tactic.unwrap_or_default(),
                technique: ttp.technique.unwrap_or_default(),
                procedure: ttp.procedure.unwrap_or_default(),
                ip_address: ttp.ip_address,
                api_name: ttp.api_name,
                success_count: ttp.api_success_count,
                failure_count: ttp.api_failure_count,
            }
        }
        Kind::ImpossibleTravel => {
            let travel = detail.impossible_travel_detail?;
            Indicator::ImpossibleTravel {
                starting_ip: travel.starting_ip_address,
                ending_ip: travel.ending_ip_address,
                starting_location: travel.starting_location,
                ending_location: travel.ending_location,
                hours: travel.hourly_time_delta,
            }
        }
        Kind::FlaggedIpAddress => {
            Indicator::FlaggedIpAddress { ip_address: detail.flagged_ip_address_detail?.ip_address? }
        }
        Kind::NewGeolocation => {
            let place = detail.new_geolocation_detail?;
            Indicator::NewGeolocation {
                location: place.location?,
                ip_address: place.ip_address,
                new_for_account: place.is_new_for_entire_account,
            }
        }
        Kind::NewAso => {
            let aso = detail.new_aso_detail?;
            Indicator::NewAso { aso: aso.aso?, new_for_account: aso.is_new_for_entire_account }
        }
        Kind::NewUserAgent => {
            let agent = detail.new_user_agent_detail?;
            Indicator::NewUserAgent {
                user_agent: agent.user_agent?,
                new_for_account: agent.is_new_for_entire_account,
            }
        }
        Kind::RelatedFinding => {
            let finding = detail.related_finding_detail?;
            Indicator::RelatedFinding {
                arn: finding.arn?,
                kind: finding.r#type,
                ip_address: finding.ip_address,
            }
        }
        Kind::RelatedFindingGroup => {
            Indicator::RelatedFindingGroup { id: detail.related_finding_group_detail?.id? }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_survive_the_way_there_and_back_to_the_millisecond() {
        for (at, back) in [
            (datetime!(2026-11-01 12:30:45.123_456 UTC), datetime!(2026-11-01 12:30:45.123 UTC)),
            (datetime!(1969-12-31 23:59:59.5 UTC), datetime!(1969-12-31 23:59:59.5 UTC)),
        ] {
            assert_eq!(our_time(&wire_time(at)), Some(back));
        }
    }

    #[test]
    fn a_status_that_is_not_known_counts_as_running() {
        for unknown in [None, Some(types::Status::from("PAUSED"))] {
            assert_eq!(status(unknown.as_ref()), Status::Running);
        }
        assert_eq!(severity(Some(&types::Severity::from("EXTREME"))), None);
    }

    #[test]
    fn an_indicator_without_its_detail_or_of_an_unknown_kind_is_skipped() {
        use types::IndicatorType as Kind;
        let detail = types::IndicatorDetail::builder();
        let group = types::RelatedFindingGroupDetail::builder().id("g").build();
        let detail = detail.related_finding_group_detail(group).build();
        for (kind, detail, expected) in [
            (
                Kind::RelatedFindingGroup,
                Some(detail.clone()),
                Some(Indicator::RelatedFindingGroup { id: "g".into() }),
            ),
            (Kind::RelatedFindingGroup, None, None),
            (Kind::NewAso, Some(detail.clone()), None),
            (Kind::from("QUANTUM_TUNNEL"), Some(detail), None),
        ] {
            let wire = types::Indicator::builder().indicator_type(kind).set_indicator_detail(detail).build();
            assert_eq!(indicator(wire), expected);
        }
    }
}
