//! Phone numbers and sender ids.

use serde_json::{Value, json};

use super::refusal::{Answer, Outcome, Refusal};
use super::store::{PhoneNumber, Region, SenderId, name_of};
use super::{Context, country, listed};
use crate::messages::ids;
use crate::messages::input::{Input, required, word_character};

pub(super) const MESSAGE_TYPES: [&str; 2] = ["TRANSACTIONAL", "PROMOTIONAL"];

const CAPABILITIES: [&str; 4] = ["SMS", "VOICE", "MMS", "RCS"];

const NUMBER_TYPES: [&str; 4] = ["LONG_CODE", "TOLL_FREE", "TEN_DLC", "SIMULATOR"];

/// An identifier that follows from the client token, so that the same resource of a stack has the same again;
/// a random one without a token.
pub(super) fn new_id(kind: &str, input: Input<'_>) -> Outcome<String> {
    let token = input.name("ClientToken", 1..=64, |c| c.is_ascii_graphic())?;
    Ok(format!("{kind}-{}", ids::digits_of(token.unwrap_or(&ids::uuid()))))
}

pub(super) fn request_number(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let country =
        required("IsoCountryCode", input.name("IsoCountryCode", 2..=2, |c| c.is_ascii_uppercase())?)?;
    let message_type = required("MessageType", input.word("MessageType", &MESSAGE_TYPES)?)?;
    let number_type = required("NumberType", input.word("NumberType", &NUMBER_TYPES)?)?;
    let capabilities = input.texts("NumberCapabilities", 1..=4)?;
    if capabilities.is_empty() || capabilities.iter().any(|capability| !CAPABILITIES.contains(capability)) {
        return Err(Refusal::field("NumberCapabilities", "must hold some of SMS, VOICE, MMS, RCS"));
    }
    for member in ["PoolId", "RegistrationId", "NumberPreference"] {
        if input.get(member).is_some() {
            return Err(Refusal::invalid(
                "UNSPECIFIED_PARAMETER_NOT_SUPPORTED",
                format!("{member} is not covered"),
            ));
        }
    }
    let prefix = country::prefix(country)
        .ok_or_else(|| Refusal::invalid("COUNTRY_NOT_ENABLED", format!("no numbers in {country}")))?;
    let list = super::optouts::name(region, input)?;
    let id = new_id("phone", input)?;
    // 7 digits that follow from the id, after an area code that is none.
    let digits = id.bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 10_000_000);
    let number = PhoneNumber {
        number: format!("+{prefix}555{digits:07}"),
        country: country.to_owned(),
        message_type: message_type.to_owned(),
        capabilities: capabilities.into_iter().map(str::to_owned).collect(),
        number_type: number_type.to_owned(),
        opt_out_list: list,
        international: input.boolean("InternationalSendingEnabled")?.unwrap_or(true),
        protected: input.boolean("DeletionProtectionEnabled")?.unwrap_or(false),
        pool: None,
        created: cx.now,
        id: id.clone(),
    };
    let answer = number.shown(cx);
    region.numbers.insert(id, number);
    Ok(answer)
}

pub(super) fn describe_numbers(cx: &Context<'_>, region: &Region, input: Input<'_>) -> Answer {
    let asked = input.texts("PhoneNumberIds", 0..=5)?;
    let filters = filters(input)?;
    let numbers: Vec<&PhoneNumber> = if asked.is_empty() {
        region.numbers.values().collect()
    } else {
        asked.iter().map(|id| number(region, id)).collect::<Outcome<_>>()?
    };
    let wanted = |number: &&PhoneNumber| {
        filters.iter().all(|(name, values)| {
            let has = |value: &str| values.contains(&value);
            match *name {
                "status" => has("ACTIVE"),
                "iso-country-code" => has(&number.country),
                "message-type" => has(&number.message_type),
                "number-capability" => number.capabilities.iter().any(|capability| has(capability)),
                "number-type" => has(&number.number_type),
                "opt-out-list-name" => has(&number.opt_out_list),
                "deletion-protection-enabled" => has(if number.protected { "true" } else { "false" }),
                _ => has("false"),
            }
        })
    };
    let shown = numbers.into_iter().filter(wanted).map(|number| number.shown(cx)).collect();
    Ok(Value::Object(listed("PhoneNumbers", shown, input)?))
}

pub(super) fn release_number(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let id = required("PhoneNumberId", input.text("PhoneNumberId")?)?;
    let found = number(region, id)?;
    if found.protected {
        return Err(Refusal::conflict("DELETION_PROTECTION_ENABLED", "Deletion protection is enabled."));
    }
    if found.pool.is_some() {
        return Err(Refusal::conflict("PHONE_NUMBER_ASSOCIATED_TO_POOL", "The phone number is in a pool."));
    }
    let (mut shown, id) = (found.shown(cx), found.id.clone());
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("Status".into(), json!("DELETED"));
        for member in ["InternationalSendingEnabled", "DeletionProtectionEnabled"] {
            shown.remove(member);
        }
    }
    region.numbers.remove(&id);
    Ok(shown)
}

pub(super) fn request_sender(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let id = required("SenderId", input.name("SenderId", 1..=11, word_character)?)?;
    let country =
        required("IsoCountryCode", input.name("IsoCountryCode", 2..=2, |c| c.is_ascii_uppercase())?)?;
    if country == country::UNITED_STATES {
        return Err(Refusal::invalid(
            "SENDER_ID_NOT_SUPPORTED",
            format!("sender ids are not supported in {country}"),
        ));
    }
    let key = (id.to_owned(), country.to_owned());
    if region.senders.contains_key(&key) {
        return Err(Refusal::conflict("RESOURCE_ALREADY_EXISTS", "The sender id exists already."));
    }
    let types = input.texts("MessageTypes", 0..=2)?;
    if types.iter().any(|kind| !MESSAGE_TYPES.contains(kind)) {
        return Err(Refusal::field("MessageTypes", "must hold some of TRANSACTIONAL, PROMOTIONAL"));
    }
    let types = if types.is_empty() { MESSAGE_TYPES.to_vec() } else { types };
    let sender = SenderId {
        id: key.0.clone(),
        country: key.1.clone(),
        message_types: types.into_iter().map(str::to_owned).collect(),
        protected: input.boolean("DeletionProtectionEnabled")?.unwrap_or(false),
    };
    let answer = sender.shown(cx);
    region.senders.insert(key, sender);
    Ok(answer)
}

pub(super) fn describe_senders(cx: &Context<'_>, region: &Region, input: Input<'_>) -> Answer {
    let asked = input.structures("SenderIds", 0..=5)?;
    let filters = filters(input)?;
    let mut found = Vec::new();
    for asked in &asked {
        let id = required("SenderId", asked.text("SenderId")?)?;
        let country = required("IsoCountryCode", asked.text("IsoCountryCode")?)?;
        let key = (name_of(id).to_owned(), country.to_owned());
        found.push(region.senders.get(&key).ok_or_else(|| Refusal::not_found("sender-id", id))?);
    }
    if asked.is_empty() {
        found.extend(region.senders.values());
    }
    let wanted = |sender: &&SenderId| {
        filters.iter().all(|(name, values)| {
            let has = |value: &str| values.contains(&value);
            match *name {
                "sender-id" => has(&sender.id),
                "iso-country-code" => has(&sender.country),
                "message-type" => sender.message_types.iter().any(|kind| has(kind)),
                _ => has("false"),
            }
        })
    };
    let shown = found.into_iter().filter(wanted).map(|sender| sender.shown(cx)).collect();
    Ok(Value::Object(listed("SenderIds", shown, input)?))
}

pub(super) fn release_sender(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let id = required("SenderId", input.text("SenderId")?)?;
    let country = required("IsoCountryCode", input.text("IsoCountryCode")?)?;
    let key = (name_of(id).to_owned(), country.to_owned());
    let sender = region.senders.remove(&key).ok_or_else(|| Refusal::not_found("sender-id", id))?;
    let mut shown = sender.shown(cx);
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("DeletionProtectionEnabled");
    }
    Ok(shown)
}

/// The number with that id, ARN, or the number itself.
pub(super) fn number<'a>(region: &'a Region, given: &str) -> Outcome<&'a PhoneNumber> {
    let name = name_of(given);
    let found =
        region.numbers.get(name).or_else(|| region.numbers.values().find(|number| number.number == name));
    found.ok_or_else(|| Refusal::not_found("phone-number", given))
}

/// `Filters`, by name.
pub(super) fn filters<'a>(input: Input<'a>) -> Outcome<Vec<(&'a str, Vec<&'a str>)>> {
    let read = |filter: Input<'a>| {
        let name = required("Name", filter.text("Name")?)?;
        Ok((name, filter.texts("Values", 1..=20)?))
    };
    input.structures("Filters", 0..=20)?.into_iter().map(read).collect()
}

impl PhoneNumber {
    pub(super) fn shown(&self, cx: &Context<'_>) -> Value {
        let mut shown = json!({
            "PhoneNumberArn": cx.arn(&format!("phone-number/{}", self.id)),
            "PhoneNumberId": self.id,
            "PhoneNumber": self.number,
            "Status": "ACTIVE",
            "IsoCountryCode": self.country,
            "MessageType": self.message_type,
            "NumberCapabilities": self.capabilities,
            "NumberType": self.number_type,
            "MonthlyLeasingPrice": "2.00",
            "TwoWayEnabled": false,
            "SelfManagedOptOutsEnabled": false,
            "OptOutListName": self.opt_out_list,
            "InternationalSendingEnabled": self.international,
            "DeletionProtectionEnabled": self.protected,
            "CreatedTimestamp": ids::timestamp(self.created),
        });
        if let (Some(pool), Some(shown)) = (&self.pool, shown.as_object_mut()) {
            shown.insert("PoolId".into(), json!(pool));
        }
        shown
    }
}

impl SenderId {
    fn shown(&self, cx: &Context<'_>) -> Value {
        json!({
            "SenderIdArn": cx.arn(&format!("sender-id/{}/{}", self.id, self.country)),
            "SenderId": self.id,
            "IsoCountryCode": self.country,
            "MessageTypes": self.message_types,
            "MonthlyLeasingPrice": "0.00",
            "DeletionProtectionEnabled": self.protected,
            "Registered": false,
        })
    }
}
