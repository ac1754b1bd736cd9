//! The account: `GetAccount` and what may be put.

use serde_json::{Value, json};

use super::Context;
use super::refusal::Answer;
use super::settings::Settings;
use super::store::Region;
use super::suppression::REASONS;
use crate::messages::input::{Input, required};

#[expect(clippy::cast_precision_loss, reason = "no such number of messages is sent in a day")]
pub(super) fn get(cx: &Context<'_>, settings: &Settings, region: &mut Region) -> Value {
    json!({
        "DedicatedIpAutoWarmupEnabled": false,
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": !settings.sandbox,
        "SendQuota": {
            "Max24HourSend": settings.max24_hour_send,
            "MaxSendRate": settings.max_send_rate,
            "SentLast24Hours": region.sent.last_24_hours(cx.now) as f64,
        },
        "SendingEnabled": region.sending_enabled,
        "SuppressionAttributes": { "SuppressedReasons": region.suppressed_reasons },
    })
}

pub(super) fn put_sending(region: &mut Region, input: Input<'_>) -> Answer {
    region.sending_enabled = required("SendingEnabled", input.boolean("SendingEnabled")?)?;
    Ok(json!({}))
}

pub(super) fn put_suppression(region: &mut Region, input: Input<'_>) -> Answer {
    region.suppressed_reasons = super::suppression::reasons(input, "SuppressedReasons")?;
    region.suppressed_reasons.truncate(REASONS.len());
    Ok(json!({}))
}
