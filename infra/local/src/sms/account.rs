//! The account's tier and limits.

use serde_json::{Value, json};

use super::listed;
use super::refusal::{Answer, Refusal};
use super::settings::Settings;
use super::store::Region;
use crate::messages::input::{Input, required};

const SPEND_LIMITS: [&str; 5] = [
    "TEXT_MESSAGE_MONTHLY_SPEND_LIMIT",
    "VOICE_MESSAGE_MONTHLY_SPEND_LIMIT",
    "MEDIA_MESSAGE_MONTHLY_SPEND_LIMIT",
    "NOTIFY_MESSAGE_MONTHLY_SPEND_LIMIT",
    "RCS_MESSAGE_MONTHLY_SPEND_LIMIT",
];

pub(super) fn attributes(settings: &Settings, input: Input<'_>) -> Answer {
    let tier = if settings.sandbox { "SANDBOX" } else { "PRODUCTION" };
    let attributes = vec![json!({ "Name": "ACCOUNT_TIER", "Value": tier })];
    Ok(Value::Object(listed("AccountAttributes", attributes, input)?))
}

pub(super) fn spend_limits(settings: &Settings, region: &Region, input: Input<'_>) -> Answer {
    let shown = SPEND_LIMITS.iter().enumerate().map(|(index, name)| {
        let most = settings.monthly_spend_limit;
        let own = region.spend_limit.filter(|_| index == 0);
        json!({
            "Name": name, "EnforcedLimit": own.unwrap_or(most), "MaxLimit": most, "Overridden": own.is_some(),
        })
    });
    Ok(Value::Object(listed("SpendLimits", shown.collect(), input)?))
}

pub(super) fn set_spend_limit(settings: &Settings, region: &mut Region, input: Input<'_>) -> Answer {
    let limit = required("MonthlyLimit", input.integer("MonthlyLimit", 0..=1_000_000_000)?)?;
    let limit = u64::try_from(limit).unwrap_or_default();
    if limit > settings.monthly_spend_limit {
        return Err(Refusal::invalid(
            "REQUESTED_SPEND_LIMIT_HIGHER_THAN_SERVICE_LIMIT",
            format!("the limit is {} at most", settings.monthly_spend_limit),
        ));
    }
    region.spend_limit = Some(limit);
    Ok(json!({ "MonthlyLimit": limit }))
}

pub(super) fn delete_spend_limit(settings: &Settings, region: &mut Region) -> Answer {
    region.spend_limit = None;
    Ok(json!({ "MonthlyLimit": settings.monthly_spend_limit }))
}
