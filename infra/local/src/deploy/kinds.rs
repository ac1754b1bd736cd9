//! The resource types that stand-ins hold: how each is created and deleted by the stand-in's own API, and
//! what references to it give.

use std::collections::BTreeMap;

use eventide_testing::{Aws, CallError};
use http::Method;
use serde_json::{Map, Value, json};

use crate::messages::ids;

/// A resource type, in the order in which resources can refer to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    AutomationRule,
    ActionTarget,
    EmailSet,
    EmailDestination,
    ContactList,
    EmailIdentity,
    OptOutList,
    PhoneNumber,
    SenderId,
    Pool,
    SmsSet,
}

/// What was created.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    /// What `Ref` gives.
    pub(super) reference: String,
    /// What `Fn::GetAtt` gives.
    pub(super) attributes: BTreeMap<String, String>,
}

type Created = Result<Made, String>;

impl Kind {
    const ALL: [Self; 11] = [
        Self::AutomationRule,
        Self::ActionTarget,
        Self::EmailSet,
        Self::EmailDestination,
        Self::ContactList,
        Self::EmailIdentity,
        Self::OptOutList,
        Self::PhoneNumber,
        Self::SenderId,
        Self::Pool,
        Self::SmsSet,
    ];

    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::AutomationRule => "AWS::SecurityHub::AutomationRule",
            Self::ActionTarget => "AWS::SecurityHub::ActionTarget",
            Self::EmailSet => "AWS::SES::ConfigurationSet",
            Self::EmailDestination => "AWS::SES::ConfigurationSetEventDestination",
            Self::ContactList => "AWS::SES::ContactList",
            Self::EmailIdentity => "AWS::SES::EmailIdentity",
            Self::OptOutList => "AWS::SMSVOICE::OptOutList",
            Self::PhoneNumber => "AWS::SMSVOICE::PhoneNumber",
            Self::SenderId => "AWS::SMSVOICE::SenderId",
            Self::Pool => "AWS::SMSVOICE::Pool",
            Self::SmsSet => "AWS::SMSVOICE::ConfigurationSet",
        }
    }

    pub(super) fn of(resource: &Value) -> Option<Self> {
        let name = resource.get("Type").and_then(Value::as_str)?;
        Self::ALL.into_iter().find(|kind| kind.type_name() == name)
    }

    /// CloudFormation converts parameters, which are text, to the type that a property has; the APIs do not.
    pub(super) fn typed(self, mut properties: Value) -> Value {
        let names: &[&str] = match self {
            Self::AutomationRule => &["RuleOrder", "IsTerminal"],
            Self::EmailSet | Self::EmailDestination => {
                &["SendingEnabled", "ReputationMetricsEnabled", "Enabled"]
            }
            Self::PhoneNumber | Self::SenderId | Self::Pool => &["DeletionProtectionEnabled"],
            _ => &[],
        };
        convert(&mut properties, names);
        properties
    }

    /// Creates a resource. The same `token`, which names stack and resource, gives the same ids and names
    /// again.
    pub(super) async fn create(self, aws: &Aws, token: &str, properties: &Value) -> Created {
        match self {
            Self::AutomationRule => finding_rule(aws, "/automationrules/create", "RuleArn", properties).await,
            Self::ActionTarget => finding_rule(aws, "/actionTargets", "ActionTargetArn", properties).await,
            Self::EmailSet => {
                let name = name_of(properties, "Name", token);
                let body = with(properties, &["Name"], &[("ConfigurationSetName", json!(name))]);
                email(aws, Method::POST, "configuration-sets", &body).await?;
                Ok(named(name))
            }
            Self::EmailDestination => email_destination(aws, token, properties).await,
            Self::ContactList => {
                let name = name_of(properties, "ContactListName", token);
                let body = with(properties, &[], &[("ContactListName", json!(name))]);
                email(aws, Method::POST, "contact-lists", &body).await?;
                Ok(named(name))
            }
            Self::EmailIdentity => email_identity(aws, properties).await,
            Self::OptOutList => {
                let name = name_of(properties, "OptOutListName", token);
                let body = with(properties, &[], &[("OptOutListName", json!(name))]);
                let answer = sms(aws, "CreateOptOutList", &body).await?;
                Ok(made(name, &[("Arn", text(&answer, "OptOutListArn"))]))
            }
            Self::PhoneNumber => phone_number(aws, token, properties).await,
            Self::SenderId => {
                let answer = sms(aws, "RequestSenderId", properties).await?;
                let reference = format!("{}|{}", text(&answer, "IsoCountryCode"), text(&answer, "SenderId"));
                Ok(made(reference, &[("Arn", text(&answer, "SenderIdArn"))]))
            }
            Self::Pool => pool(aws, token, properties).await,
            Self::SmsSet => sms_set(aws, token, properties).await,
        }
    }

    /// Deletes a resource.
    pub(super) async fn delete(self, aws: &Aws, made: &Made, properties: &Value) -> Result<(), CallError> {
        let name = made.reference.as_str();
        match self {
            Self::AutomationRule => {
                let body = json!({ "AutomationRulesArns": [name] });
                aws.rest("securityhub", Method::POST, "/automationrules/delete", Some(&body)).await
            }
            Self::ActionTarget => {
                aws.rest("securityhub", Method::DELETE, &format!("/actionTargets/{name}"), None).await
            }
            Self::EmailSet => remove(aws, &format!("configuration-sets/{name}")).await,
            Self::EmailDestination => {
                let set = text(properties, "ConfigurationSetName");
                let destination = made.attributes.get("Id").map(String::as_str).unwrap_or_default();
                remove(aws, &format!("configuration-sets/{set}/event-destinations/{destination}")).await
            }
            Self::ContactList => remove(aws, &format!("contact-lists/{name}")).await,
            Self::EmailIdentity => remove(aws, &format!("identities/{name}")).await,
            Self::OptOutList => sms(aws, "DeleteOptOutList", &json!({ "OptOutListName": name })).await,
            Self::PhoneNumber => sms(aws, "ReleasePhoneNumber", &json!({ "PhoneNumberId": name })).await,
            Self::SenderId => sms(aws, "ReleaseSenderId", properties).await,
            Self::Pool => sms(aws, "DeletePool", &json!({ "PoolId": name })).await,
            Self::SmsSet => {
                sms(aws, "DeleteConfigurationSet", &json!({ "ConfigurationSetName": name })).await
            }
        }
        .map(drop)
    }
}

async fn finding_rule(aws: &Aws, path: &str, member: &str, properties: &Value) -> Created {
    let answer = aws.rest("securityhub", Method::POST, path, Some(properties)).await?;
    let arn = answer.get(member).and_then(Value::as_str);
    let arn = arn.ok_or_else(|| format!("no `{member}` in `{answer}`"))?;
    Ok(made(arn.to_owned(), &[(member, arn)]))
}

async fn email_destination(aws: &Aws, token: &str, properties: &Value) -> Created {
    let mut definition = properties.get("EventDestination").cloned().unwrap_or_default();
    let id = name_of(&definition, "Name", token);
    if let Some(members) = definition.as_object_mut() {
        members.remove("Name");
        if let Some(Value::Array(types)) = members.get_mut("MatchingEventTypes") {
            for kind in types {
                *kind = json!(upper_snake(kind.as_str().unwrap_or_default()));
            }
        }
    }
    let set = text(properties, "ConfigurationSetName");
    let body = json!({ "EventDestinationName": id, "EventDestination": definition });
    email(aws, Method::POST, &format!("configuration-sets/{set}/event-destinations"), &body).await?;
    let reference = format!("{id}|{set}");
    Ok(made(reference, &[("Id", &id)]))
}

async fn email_identity(aws: &Aws, properties: &Value) -> Created {
    let name = text(properties, "EmailIdentity");
    let set = properties.pointer("/ConfigurationSetAttributes/ConfigurationSetName");
    let body = json!({ "EmailIdentity": name, "ConfigurationSetName": set, "Tags": properties.get("Tags") });
    let answer = email(aws, Method::POST, "identities", &body).await?;
    let mut attributes = BTreeMap::new();
    let tokens = answer.pointer("/DkimAttributes/Tokens").and_then(Value::as_array).into_iter().flatten();
    for (index, token) in tokens.filter_map(Value::as_str).enumerate() {
        let number = index + 1;
        attributes.insert(format!("DkimDNSTokenName{number}"), format!("{token}._domainkey.{name}"));
        attributes.insert(format!("DkimDNSTokenValue{number}"), format!("{token}.dkim.amazonses.com"));
    }
    Ok(Made { reference: name.to_owned(), attributes })
}

async fn phone_number(aws: &Aws, token: &str, properties: &Value) -> Created {
    // The template type has no message type.
    let own = [("MessageType", json!("TRANSACTIONAL")), ("ClientToken", json!(ids::digits_of(token)))];
    let dropped = ["MandatoryKeywords", "OptionalKeywords", "SelfManagedOptOutsEnabled", "TwoWay"];
    let answer = sms(aws, "RequestPhoneNumber", &with(properties, &dropped, &own)).await?;
    let attributes = ["PhoneNumber", "PhoneNumberId"].map(|name| (name, text(&answer, name)));
    let mut made = made(text(&answer, "PhoneNumberId").to_owned(), &attributes);
    made.attributes.insert("Arn".into(), text(&answer, "PhoneNumberArn").to_owned());
    Ok(made)
}

async fn pool(aws: &Aws, token: &str, properties: &Value) -> Created {
    let identities =
        properties.get("OriginationIdentities").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut identities = identities.into_iter();
    let first = json!({
        "OriginationIdentity": identities.next(),
        "MessageType": "TRANSACTIONAL",
        "DeletionProtectionEnabled": properties.get("DeletionProtectionEnabled"),
        "ClientToken": ids::digits_of(token),
    });
    let answer = sms(aws, "CreatePool", &first).await?;
    let id = text(&answer, "PoolId");
    for identity in identities {
        let body = json!({ "PoolId": id, "OriginationIdentity": identity });
        if let Err(error) = sms(aws, "AssociateOriginationIdentity", &body).await {
            sms(aws, "DeletePool", &json!({ "PoolId": id })).await?;
            return Err(error.to_string());
        }
    }
    Ok(made(id.to_owned(), &[("Arn", text(&answer, "PoolArn")), ("PoolId", id)]))
}

async fn sms_set(aws: &Aws, token: &str, properties: &Value) -> Created {
    let name = name_of(properties, "ConfigurationSetName", token);
    let body = json!({ "ConfigurationSetName": name, "Tags": properties.get("Tags") });
    let answer = sms(aws, "CreateConfigurationSet", &body).await?;
    let destinations = properties.get("EventDestinations").and_then(Value::as_array).into_iter().flatten();
    for destination in destinations {
        let body = with(destination, &["Enabled"], &[("ConfigurationSetName", json!(name))]);
        if let Err(error) = sms(aws, "CreateEventDestination", &body).await {
            sms(aws, "DeleteConfigurationSet", &json!({ "ConfigurationSetName": name })).await?;
            return Err(error.to_string());
        }
    }
    Ok(made(name, &[("Arn", text(&answer, "ConfigurationSetArn"))]))
}

async fn email(aws: &Aws, method: Method, path: &str, body: &Value) -> Result<Value, CallError> {
    aws.rest("ses", method, &format!("/v2/email/{path}"), Some(body)).await
}

async fn remove(aws: &Aws, path: &str) -> Result<Value, CallError> {
    aws.rest("ses", Method::DELETE, &format!("/v2/email/{path}"), None).await
}

async fn sms(aws: &Aws, operation: &str, body: &Value) -> Result<Value, CallError> {
    aws.json("sms-voice", &format!("PinpointSMSVoiceV2.{operation}"), body).await
}

fn named(reference: String) -> Made {
    Made { reference, attributes: BTreeMap::new() }
}

fn made(reference: String, attributes: &[(&str, &str)]) -> Made {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Made { reference, attributes: attributes.collect() }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The name that a resource is given, or one as CloudFormation makes it: the logical id and 12 characters.
fn name_of(properties: &Value, member: &str, token: &str) -> String {
    match properties.get(member).and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => {
            let logical: String = token.rsplit('/').next().unwrap_or(token).chars().take(51).collect();
            let random: String = ids::digits_of(token).chars().take(12).collect();
            format!("{logical}-{random}")
        }
    }
}

/// The members but for some, and others with them.
fn with(properties: &Value, dropped: &[&str], added: &[(&str, Value)]) -> Value {
    let mut members: Map<String, Value> = properties.as_object().cloned().unwrap_or_default();
    members.retain(|name, _| !dropped.contains(&name.as_str()));
    members.extend(added.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Value::Object(members)
}

/// `renderingFailure`, which templates may say too, as `RENDERING_FAILURE`.
fn upper_snake(name: &str) -> String {
    if name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        return name.to_owned();
    }
    let mut converted = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            converted.push('_');
        }
        converted.push(c.to_ascii_uppercase());
    }
    converted
}

/// Makes numbers and booleans of the members with those names, at any depth.
fn convert(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let converted = member
                    .as_str()
                    .filter(|_| names.contains(&name.as_str()))
                    .and_then(|text| text.parse().ok());
                match converted {
                    Some(converted) => *member = converted,
                    None => convert(member, names),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| convert(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_what_the_api_takes() {
        let rule = json!({ "RuleOrder": "7", "IsTerminal": "false", "RuleName": "8" });
        let expected = json!({ "RuleOrder": 7, "IsTerminal": false, "RuleName": "8" });
        assert_eq!(Kind::AutomationRule.typed(rule), expected);
        let set = json!({ "Name": "true", "SendingOptions": { "SendingEnabled": "true" } });
        let expected = json!({ "Name": "true", "SendingOptions": { "SendingEnabled": true } });
        assert_eq!(Kind::EmailSet.typed(set), expected);
    }

    #[test]
    fn event_types_have_two_spellings() {
        for (given, expected) in [
            ("send", "SEND"),
            ("renderingFailure", "RENDERING_FAILURE"),
            ("DELIVERY_DELAY", "DELIVERY_DELAY"),
        ] {
            assert_eq!(upper_snake(given), expected);
        }
    }

    #[test]
    fn names_that_are_not_given_are_the_same_again() {
        let name = name_of(&json!({}), "Name", "stack/Set");
        assert!(name.starts_with("Set-") && name.len() == 16, "{name}");
        assert_eq!(name, name_of(&json!({}), "Name", "stack/Set"));
        assert_ne!(name, name_of(&json!({}), "Name", "other/Set"));
        assert_eq!(name_of(&json!({ "Name": "given" }), "Name", "stack/Set"), "given");
    }
}
