//! The operations that are covered, by HTTP method and path (SES v2 service model).

use serde_json::{Map, Value};

use super::refusal::{Outcome, Refusal};
use crate::service::Call;

const ROUTES: &[(&str, &str, &str)] = &[
    ("POST", "outbound-emails", "SendEmail"),
    ("GET", "account", "GetAccount"),
    ("PUT", "account/sending", "PutAccountSendingAttributes"),
    ("PUT", "account/suppression", "PutAccountSuppressionAttributes"),
    ("POST", "identities", "CreateEmailIdentity"),
    ("GET", "identities/{EmailIdentity}", "GetEmailIdentity"),
    ("DELETE", "identities/{EmailIdentity}", "DeleteEmailIdentity"),
    ("POST", "list-identities", "ListEmailIdentities"),
    // The path of SDKs from before it took a filter.
    ("GET", "identities", "ListEmailIdentities"),
    ("POST", "configuration-sets", "CreateConfigurationSet"),
    ("GET", "configuration-sets/{ConfigurationSetName}", "GetConfigurationSet"),
    ("DELETE", "configuration-sets/{ConfigurationSetName}", "DeleteConfigurationSet"),
    ("POST", "list-configuration-sets", "ListConfigurationSets"),
    ("GET", "configuration-sets", "ListConfigurationSets"),
    (
        "POST",
        "configuration-sets/{ConfigurationSetName}/event-destinations",
        "CreateConfigurationSetEventDestination",
    ),
    (
        "GET",
        "configuration-sets/{ConfigurationSetName}/event-destinations",
        "GetConfigurationSetEventDestinations",
    ),
    (
        "PUT",
        "configuration-sets/{ConfigurationSetName}/event-destinations/{EventDestinationName}",
        "UpdateConfigurationSetEventDestination",
    ),
    (
        "DELETE",
        "configuration-sets/{ConfigurationSetName}/event-destinations/{EventDestinationName}",
        "DeleteConfigurationSetEventDestination",
    ),
    ("POST", "contact-lists", "CreateContactList"),
    ("GET", "contact-lists", "ListContactLists"),
    ("GET", "contact-lists/{ContactListName}", "GetContactList"),
    ("PUT", "contact-lists/{ContactListName}", "UpdateContactList"),
    ("DELETE", "contact-lists/{ContactListName}", "DeleteContactList"),
    ("POST", "contact-lists/{ContactListName}/contacts", "CreateContact"),
    ("POST", "contact-lists/{ContactListName}/contacts/list", "ListContacts"),
    ("GET", "contact-lists/{ContactListName}/contacts/{EmailAddress}", "GetContact"),
    ("PUT", "contact-lists/{ContactListName}/contacts/{EmailAddress}", "UpdateContact"),
    ("DELETE", "contact-lists/{ContactListName}/contacts/{EmailAddress}", "DeleteContact"),
    ("PUT", "suppression/addresses", "PutSuppressedDestination"),
    ("GET", "suppression/addresses", "ListSuppressedDestinations"),
    ("GET", "suppression/addresses/{EmailAddress}", "GetSuppressedDestination"),
    ("DELETE", "suppression/addresses/{EmailAddress}", "DeleteSuppressedDestination"),
];

type Labels = Vec<(&'static str, String)>;

fn find(call: &Call) -> Option<(&'static str, Labels)> {
    let path = call.path.strip_prefix("/v2/email/")?.trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    ROUTES.iter().find_map(|(method, pattern, operation)| {
        if call.method.as_str() != *method || pattern.split('/').count() != parts.len() {
            return None;
        }
        let mut labels = Labels::new();
        for (wanted, part) in pattern.split('/').zip(&parts) {
            match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => labels.push((name, (*part).to_owned())),
                None if wanted == *part => {}
                None => return None,
            }
        }
        Some((*operation, labels))
    })
}

/// The operation of a call, if it is covered.
pub(super) fn operation(call: &Call) -> Option<&'static str> {
    find(call).map(|(operation, _)| operation)
}

/// The operation, and the members of its input from body, query and path.
pub(super) fn read(call: &Call) -> Outcome<Option<(&'static str, Map<String, Value>)>> {
    let Some((operation, labels)) = find(call) else { return Ok(None) };
    let body = if call.body.is_empty() { b"{}".as_slice() } else { call.body.as_ref() };
    let mut input: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| Refusal::serialization(format!("not a JSON object (line {})", error.line())))?;
    for (name, value) in &call.query {
        match name.as_str() {
            "PageSize" => {
                let size = value.parse::<i64>().map_or_else(|_| value.as_str().into(), Value::from);
                input.insert(name.clone(), size);
            }
            // A list: the same parameter for every item.
            "Reason" => match input.entry("Reasons").or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(reasons) => reasons.push(value.as_str().into()),
                other => *other = Value::Array(vec![value.as_str().into()]),
            },
            _ => {
                input.insert(name.clone(), value.as_str().into());
            }
        }
    }
    input.extend(labels.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
    Ok(Some((operation, input)))
}
