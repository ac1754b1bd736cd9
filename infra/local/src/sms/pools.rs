//! Pools of origination identities.

use serde_json::{Value, json};

use super::identities::{MESSAGE_TYPES, filters, new_id, number};
use super::refusal::{Answer, Outcome, Refusal};
use super::store::{DEFAULT_LIST, Pool, Region, name_of};
use super::{Context, listed};
use crate::messages::ids;
use crate::messages::input::{Input, required};

pub(super) fn create(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let message_type = required("MessageType", input.word("MessageType", &MESSAGE_TYPES)?)?;
    let id = new_id("pool", input)?;
    let (identity, opt_out_list) = join(region, input, &id)?;
    let pool = Pool {
        id: id.clone(),
        message_type: message_type.to_owned(),
        opt_out_list,
        protected: input.boolean("DeletionProtectionEnabled")?.unwrap_or(false),
        identities: vec![identity],
        created: cx.now,
    };
    let answer = pool.shown(cx);
    region.pools.insert(id, pool);
    Ok(answer)
}

pub(super) fn associate(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let id = find(region, input)?.id.clone();
    let given = required("OriginationIdentity", input.text("OriginationIdentity")?)?;
    let (identity, _) = join(region, input, &id)?;
    let mut answer = json!({
        "PoolArn": cx.arn(&format!("pool/{id}")), "PoolId": id, "OriginationIdentity": name_of(given),
    });
    let kind = if identity.starts_with("phone-") { "phone-number" } else { "sender-id" };
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("OriginationIdentityArn".into(), json!(cx.arn(&format!("{kind}/{identity}"))));
    }
    if let Some(pool) = region.pools.get_mut(&id) {
        pool.identities.push(identity);
    }
    Ok(answer)
}

pub(super) fn describe(cx: &Context<'_>, region: &Region, input: Input<'_>) -> Answer {
    let asked = input.texts("PoolIds", 0..=5)?;
    let filters = filters(input)?;
    let pools: Vec<&Pool> = if asked.is_empty() {
        region.pools.values().collect()
    } else {
        asked.iter().map(|id| by_name(region, id)).collect::<Outcome<_>>()?
    };
    let wanted = |pool: &&Pool| {
        filters.iter().all(|(name, values)| {
            let has = |value: &str| values.contains(&value);
            match *name {
                "status" => has("ACTIVE"),
                "message-type" => has(&pool.message_type),
                "opt-out-list-name" => has(&pool.opt_out_list),
                _ => has("false"),
            }
        })
    };
    let shown = pools.into_iter().filter(wanted).map(|pool| pool.shown(cx)).collect();
    Ok(Value::Object(listed("Pools", shown, input)?))
}

pub(super) fn delete(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let pool = find(region, input)?;
    if pool.protected {
        return Err(Refusal::conflict("DELETION_PROTECTION_ENABLED", "Deletion protection is enabled."));
    }
    let (id, mut shown) = (pool.id.clone(), pool.shown(cx));
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("Status".into(), json!("DELETING"));
        shown.remove("DeletionProtectionEnabled");
    }
    region.pools.remove(&id);
    for number in region.numbers.values_mut().filter(|number| number.pool.as_ref() == Some(&id)) {
        number.pool = None;
    }
    Ok(shown)
}

/// The pool with that id or ARN.
pub(super) fn by_name<'a>(region: &'a Region, given: &str) -> Outcome<&'a Pool> {
    region.pools.get(name_of(given)).ok_or_else(|| Refusal::not_found("pool", given))
}

fn find<'a>(region: &'a Region, input: Input<'_>) -> Outcome<&'a Pool> {
    by_name(region, required("PoolId", input.text("PoolId")?)?)
}

/// Puts the request's origination identity into a pool; gives it and its opt-out list.
fn join(region: &mut Region, input: Input<'_>, pool: &str) -> Outcome<(String, String)> {
    let given = required("OriginationIdentity", input.text("OriginationIdentity")?)?;
    if let Some(country) = input.text("IsoCountryCode")? {
        let id = given.split("sender-id/").last().and_then(|rest| rest.split('/').next()).unwrap_or(given);
        if region.senders.contains_key(&(id.to_owned(), country.to_owned())) {
            return Ok((id.to_owned(), DEFAULT_LIST.to_owned()));
        }
    }
    let id = number(region, given)?.id.clone();
    let Some(number) = region.numbers.get_mut(&id) else {
        return Err(Refusal::not_found("phone-number", given));
    };
    if number.pool.is_some() {
        return Err(Refusal::conflict("PHONE_NUMBER_ASSOCIATED_TO_POOL", "The phone number is in a pool."));
    }
    number.pool = Some(pool.to_owned());
    Ok((id, number.opt_out_list.clone()))
}

impl Pool {
    fn shown(&self, cx: &Context<'_>) -> Value {
        json!({
            "PoolArn": cx.arn(&format!("pool/{}", self.id)),
            "PoolId": self.id,
            "Status": "ACTIVE",
            "MessageType": self.message_type,
            "TwoWayEnabled": false,
            "SelfManagedOptOutsEnabled": false,
            "OptOutListName": self.opt_out_list,
            "SharedRoutesEnabled": false,
            "DeletionProtectionEnabled": self.protected,
            "CreatedTimestamp": ids::timestamp(self.created),
        })
    }
}
