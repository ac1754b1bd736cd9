//! Enabling and describing Security Hub CSPM, and the new Security Hub (V2).
//!
//! Here a Region's CSPM hub is enabled from the start, so that findings can be imported at once; V2 is off.

use serde_json::{Value, json};

use super::Context;
use super::check::{self, Object};
use super::clock::timestamp;
use super::outbox::arn;
use super::refusal::{Outcome, Refusal};
use super::store::Region;

pub(super) fn enable(cx: &Context<'_>, region: &mut Region, input: &Object) -> Outcome<Value> {
    check::boolean(input, "EnableDefaultStandards")?;
    check::word(input, "ControlFindingGenerator", &["STANDARD_CONTROL", "SECURITY_CONTROL"])?;
    if region.hub.is_some() {
        return Err(Refusal::conflict("Account is already subscribed to Security Hub"));
    }
    region.hub = Some(cx.now);
    Ok(json!({}))
}

pub(super) fn disable(region: &mut Region) -> Outcome<Value> {
    region.hub = None;
    Ok(json!({}))
}

pub(super) fn describe(cx: &Context<'_>, region: &Region, input: &Object) -> Outcome<Value> {
    let hub = arn(cx.region, cx.account, "hub/default");
    if let Some(asked) = check::text(input, "HubArn", 2048)?.filter(|asked| *asked != hub) {
        return Err(Refusal::not_found(format!("the hub `{asked}` does not exist")));
    }
    Ok(json!({
        "HubArn": hub,
        "SubscribedAt": region.hub.map(timestamp),
        "AutoEnableControls": true,
        "ControlFindingGenerator": "SECURITY_CONTROL",
    }))
}

pub(super) fn enable_v2(cx: &Context<'_>, region: &mut Region) -> Outcome<Value> {
    region.hub_v2.get_or_insert(cx.now);
    Ok(json!({ "HubV2Arn": hub_v2_arn(cx) }))
}

pub(super) fn disable_v2(region: &mut Region) -> Outcome<Value> {
    region.hub_v2 = None;
    Ok(json!({}))
}

pub(super) fn describe_v2(cx: &Context<'_>, region: &Region) -> Outcome<Value> {
    let since = region.hub_v2.ok_or_else(|| Refusal::not_found("Security Hub V2 is not enabled"))?;
    Ok(json!({ "HubV2Arn": hub_v2_arn(cx), "SubscribedAt": timestamp(since) }))
}

fn hub_v2_arn(cx: &Context<'_>) -> String {
    arn(cx.region, cx.account, "hubv2/default")
}
