//! Email identities: addresses and domains that may be sent from.

use serde_json::{Value, json};

use super::address::Mailbox;
use super::refusal::{Answer, Outcome, Refusal};
use super::settings::Settings;
use super::store::{Identity, Region};
use crate::messages::ids;
use crate::messages::input::{Input, page, required};

pub(super) fn create(settings: &Settings, region: &mut Region, input: Input<'_>) -> Answer {
    let name = required("EmailIdentity", input.sized("EmailIdentity", 1..=320)?)?;
    let address = if name.contains('@') { name.to_owned() } else { format!("postmaster@{name}") };
    Mailbox::parse(&address, "EmailIdentity")?;
    let set = input.text("ConfigurationSetName")?;
    if set.is_some_and(|set| !region.sets.contains_key(set)) {
        return Err(super::sets::missing(set.unwrap_or_default()));
    }
    let key = name.to_lowercase();
    if region.identities.get(&key).is_some_and(|identity| !identity.seeded) {
        return Err(Refusal::already_exists(format!("Email identity {name} already exist.")));
    }
    let identity = Identity {
        name: name.to_owned(),
        verified: settings.verify_identities,
        configuration_set: set.map(str::to_owned),
        tags: input.list("Tags", 0..=50)?.to_vec(),
        seeded: false,
    };
    let answer = json!({
        "IdentityType": identity.kind(),
        "VerifiedForSendingStatus": identity.verified,
        "DkimAttributes": identity.dkim(),
    });
    region.identities.insert(key, identity);
    Ok(answer)
}

pub(super) fn get(region: &Region, input: Input<'_>) -> Answer {
    let identity = find(region, input)?;
    Ok(json!({
        "IdentityType": identity.kind(),
        "FeedbackForwardingStatus": true,
        "VerifiedForSendingStatus": identity.verified,
        "DkimAttributes": identity.dkim(),
        "Policies": {},
        "Tags": identity.tags,
        "ConfigurationSetName": identity.configuration_set,
        "VerificationStatus": identity.status(),
    }))
}

pub(super) fn list(region: &Region, input: Input<'_>, page_items: usize) -> Answer {
    let size = super::page_size(input, page_items)?;
    let filters = input.pairs("Filter")?;
    let wanted = |identity: &&Identity| {
        filters.iter().all(|(filter, value)| match *filter {
            "IDENTITY_NAME_CONTAINS" => identity.name.contains(value),
            "IDENTITY_TYPE" => identity.kind() == *value,
            "VERIFICATION_STATUS" => identity.status() == *value,
            _ => false,
        })
    };
    let shown = region.identities.values().filter(wanted).map(|identity| {
        json!({
            "IdentityType": identity.kind(), "IdentityName": identity.name,
            "SendingEnabled": identity.verified, "VerificationStatus": identity.status(),
        })
    });
    let (shown, next) = page(shown, input.text("NextToken")?, size)
        .ok_or_else(|| Refusal::bad_request("NextToken is not valid"))?;
    Ok(json!({ "EmailIdentities": shown, "NextToken": next }))
}

pub(super) fn delete(region: &mut Region, input: Input<'_>) -> Answer {
    let key = find(region, input)?.name.to_lowercase();
    region.identities.remove(&key);
    Ok(json!({}))
}

fn find<'a>(region: &'a Region, input: Input<'_>) -> Outcome<&'a Identity> {
    let name = required("EmailIdentity", input.text("EmailIdentity")?)?;
    let found = region.identities.get(&name.to_lowercase());
    found.ok_or_else(|| Refusal::not_found(format!("Email identity {name} does not exist.")))
}

impl Identity {
    fn kind(&self) -> &'static str {
        if self.name.contains('@') { "EMAIL_ADDRESS" } else { "DOMAIN" }
    }

    fn status(&self) -> &'static str {
        if self.verified { "SUCCESS" } else { "PENDING" }
    }

    /// The names of three DNS records, which follow from the identity's name.
    fn dkim_tokens(name: &str) -> Vec<String> {
        (1..=3).map(|number| ids::digits_of(&format!("{name}/{number}"))).collect()
    }

    fn dkim(&self) -> Value {
        let domain = !self.name.contains('@');
        json!({
            "SigningEnabled": domain,
            "Status": if domain { self.status() } else { "NOT_STARTED" },
            "Tokens": if domain { Self::dkim_tokens(&self.name) } else { Vec::new() },
            "SigningAttributesOrigin": "AWS_SES",
        })
    }
}
