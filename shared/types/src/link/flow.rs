//! What an Amazon Connect flow hands to a function.
//!
//! Nearly everything may be null or absent: a chat has no endpoint of the customer, a WebRTC call neither, a contact
//! outside a queue no queue (Amazon Connect Administrator Guide, "Invoke AWS Lambda functions").

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The event of the flow block "AWS Lambda function".
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FlowEvent {
    /// Contact and parameters.
    pub details: Details,
}

/// The two parts of a [`FlowEvent`].
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Details {
    /// The contact in the flow.
    pub contact_data: ContactData,
    /// What the flow block passes besides; values that are no texts, numbers or booleans are left out.
    #[serde(default, deserialize_with = "scalars")]
    pub parameters: BTreeMap<String, String>,
}

impl fmt::Debug for Details {
    /// Without the values of parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Details")
            .field("contact_data", &self.contact_data)
            .field("parameters", &self.parameters.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// A contact. Only its id is always there. The `Name` of a contact is its own, not its customer's, and is not read.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContactData {
    /// The contact's id.
    pub contact_id: String,
    /// The first contact of the chain of transfers that it belongs to.
    #[serde(default)]
    pub initial_contact_id: Option<String>,
    /// `VOICE`, `CHAT`, `TASK` or `EMAIL`.
    #[serde(default)]
    pub channel: Option<String>,
    /// How it came to be, such as `INBOUND`, `API` or `WEBRTC_API`.
    #[serde(default)]
    pub initiation_method: Option<String>,
    /// `arn:aws:connect:<region>:<account>:instance/<id>`.
    #[serde(default, rename = "InstanceARN")]
    pub instance_arn: Option<String>,
    /// Such as `en-US`.
    #[serde(default)]
    pub language_code: Option<String>,
    /// User-defined contact attributes.
    #[serde(default, deserialize_with = "scalars")]
    pub attributes: BTreeMap<String, String>,
    /// Where the customer is.
    #[serde(default)]
    pub customer_endpoint: Option<Endpoint>,
    /// The queue that the contact waits in.
    #[serde(default)]
    pub queue: Option<Queue>,
}

impl fmt::Debug for ContactData {
    /// Without endpoint, queue and the values of attributes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactData")
            .field("contact_id", &self.contact_id)
            .field("initial_contact_id", &self.initial_contact_id)
            .field("channel", &self.channel)
            .field("initiation_method", &self.initiation_method)
            .field("language_code", &self.language_code)
            .field("attributes", &self.attributes.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The customer's side of a contact.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Endpoint {
    /// Such as a number in E.164.
    #[serde(default)]
    pub address: Option<String>,
    /// `TELEPHONE_NUMBER`, `VOIP`, `EMAIL_ADDRESS` and others.
    #[serde(default, rename = "Type")]
    pub kind: Option<String>,
}

impl fmt::Debug for Endpoint {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Queue {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its ARN.
    #[serde(default, rename = "ARN")]
    pub arn: Option<String>,
}

/// Texts, numbers and booleans of an object, or nothing of a null.
fn scalars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let members: Option<BTreeMap<String, Value>> = Option::deserialize(deserializer)?;
    let text = |(name, value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Number(number) => Some((name, number.to_string())),
        Value::Bool(truth) => Some((name, truth.to_string())),
        _ => None,
    };
    Ok(members.unwrap_or_default().into_iter().filter_map(text).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const CONTACT: &str = "4a573372-1f28-4e26-b97b-9f6a1c0b7d21";

    fn read(event: Value) -> FlowEvent {
        serde_json::from_value(event).unwrap()
    }

    fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Amazon Connect Administrator Guide, "Invoke AWS Lambda functions".
    fn voice() -> Value {
        json!({
            "Name": "ContactFlowEvent",
            "Details": {
                "ContactData": {
                    "Attributes": { "customerName": "Ana", "exampleAttributeKey1": "exampleAttributeValue1" },
                    "Channel": "VOICE",
                    "ContactId": CONTACT,
                    "CustomerEndpoint": { "Address": "+15555550100", "Type": "TELEPHONE_NUMBER" },
                    "CustomerId": "someCustomerId",
                    "Description": "someDescription",
                    "InitialContactId": CONTACT,
                    "InitiationMethod": "INBOUND",
                    "InstanceARN": "arn:aws:connect:us-east-1:111122223333:instance/c8c0e68d-2200-4265-82c0-2f6ef7dbc8a9",
                    "LanguageCode": "en-US",
                    "MediaStreams": { "Customer": { "Audio": { "StreamARN": null, "StartTimestamp": "1571360125131" } } },
                    "Name": "ContactFlowEvent",
                    "PreviousContactId": CONTACT,
                    "Queue": {
                        "ARN": "arn:aws:connect:us-east-1:111122223333:instance/c8c0e68d/queue/aaaaaaaa",
                        "Name": "PasswordReset",
                        "OutboundCallerId": { "Address": "+15555550199", "Type": "TELEPHONE_NUMBER" }
                    },
                    "References": { "key1": { "Type": "url", "Value": "urlvalue" } },
                    "SystemEndpoint": { "Address": "+15555550199", "Type": "TELEPHONE_NUMBER" }
                },
                "Parameters": { "phone": "+15555550101" }
            }
        })
    }

    #[test]
    fn a_voice_contact_is_read_whole() {
        let Details { contact_data: contact, parameters } = read(voice()).details;
        assert_eq!(contact.contact_id, CONTACT);
        assert_eq!(contact.initial_contact_id.as_deref(), Some(CONTACT));
        assert_eq!(contact.channel.as_deref(), Some("VOICE"));
        assert_eq!(contact.initiation_method.as_deref(), Some("INBOUND"));
        assert_eq!(contact.language_code.as_deref(), Some("en-US"));
        assert!(contact.instance_arn.unwrap().ends_with(":instance/c8c0e68d-2200-4265-82c0-2f6ef7dbc8a9"));
        assert_eq!(contact.attributes["customerName"], "Ana");
        let endpoint = contact.customer_endpoint.unwrap();
        assert_eq!(endpoint.address.as_deref(), Some("+15555550100"));
        assert_eq!(endpoint.kind.as_deref(), Some("TELEPHONE_NUMBER"));
        let queue = contact.queue.unwrap();
        assert_eq!(queue.name.as_deref(), Some("PasswordReset"));
        assert!(queue.arn.unwrap().ends_with("/queue/aaaaaaaa"));
        assert_eq!(parameters, texts(&[("phone", "+15555550101")]));
    }

    #[test]
    fn everything_but_the_id_may_be_null_or_absent() {
        let members =
            voice()["Details"]["ContactData"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let mut bare = voice();
        for member in members.iter().filter(|member| *member != "ContactId") {
            let mut without = voice();
            without["Details"]["ContactData"].as_object_mut().unwrap().remove(member);
            assert_eq!(read(without).details.contact_data.contact_id, CONTACT, "{member}");
            bare["Details"]["ContactData"][member] = Value::Null;
            assert_eq!(read(bare.clone()).details.contact_data.contact_id, CONTACT, "{member}");
        }
        bare["Details"]["Parameters"] = Value::Null;
        let Details { contact_data: contact, parameters } = read(bare).details;
        assert!(contact.attributes.is_empty() && parameters.is_empty());
        assert!(contact.customer_endpoint.is_none() && contact.queue.is_none());
        let least = json!({ "Details": { "ContactData": { "ContactId": CONTACT } } });
        assert!(read(least).details.parameters.is_empty());
    }

    #[test]
    fn a_chat_and_a_web_call_have_no_endpoint() {
        for (channel, method) in [("CHAT", "API"), ("VOICE", "WEBRTC_API")] {
            let mut event = voice();
            let contact = &mut event["Details"]["ContactData"];
            contact["Channel"] = json!(channel);
            contact["InitiationMethod"] = json!(method);
            for member in ["CustomerEndpoint", "SystemEndpoint", "Queue", "Name", "MediaStreams"] {
                contact[member] = Value::Null;
            }
            let contact = read(event).details.contact_data;
            assert_eq!(contact.channel.as_deref(), Some(channel));
            assert_eq!(contact.initiation_method.as_deref(), Some(method));
            assert!(contact.customer_endpoint.is_none());
        }
        let mut half = voice();
        half["Details"]["ContactData"]["CustomerEndpoint"] = json!({ "Address": null, "Type": "VOIP" });
        half["Details"]["ContactData"]["Queue"] = json!({ "Name": null, "ARN": null });
        let contact = read(half).details.contact_data;
        assert_eq!(contact.customer_endpoint.unwrap().address, None);
        assert_eq!(contact.queue.unwrap().name, None);
    }

    #[test]
    fn numbers_and_booleans_are_texts_and_what_is_nested_is_left_out() {
        let mut event = voice();
        let odd = json!({
            "request": 2, "share": 0.5, "consent": true, "phone": null, "nested": { "a": 1 }, "list": [1], "text": ""
        });
        event["Details"]["Parameters"] = odd.clone();
        event["Details"]["ContactData"]["Attributes"] = odd;
        let Details { contact_data: contact, parameters } = read(event).details;
        assert_eq!(
            parameters,
            texts(&[("consent", "true"), ("request", "2"), ("share", "0.5"), ("text", "")])
        );
        assert_eq!(contact.attributes, parameters);
    }

    #[test]
    fn without_a_contact_id_it_is_no_contact() {
        for broken in [
            json!({}),
            json!(null),
            json!({ "Details": null }),
            json!({ "Details": { "ContactData": null } }),
            json!({ "Details": { "ContactData": {} } }),
            json!({ "Details": { "ContactData": { "ContactId": null } } }),
            json!({ "Details": { "ContactData": { "ContactId": 7 } } }),
            json!({ "Details": { "ContactData": { "ContactId": "a", "Attributes": "x" } } }),
        ] {
            assert!(serde_json::from_value::<FlowEvent>(broken.clone()).is_err(), "{broken}");
        }
    }

    #[test]
    fn nothing_personal_is_printed() {
        let printed = format!("{:?}", read(voice()));
        for personal in ["+1555", "Ana", "exampleAttributeValue1"] {
            assert!(!printed.contains(personal), "{printed}");
        }
        assert!(printed.contains(CONTACT) && printed.contains("customerName") && printed.contains("phone"));
        let endpoint = Endpoint { address: Some("+15555550100".to_owned()), kind: None };
        assert_eq!(format!("{endpoint:?}"), "Endpoint { kind: None, .. }");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let name = prop_oneof![
                prop::sample::select(vec![
                    "Details",
                    "ContactData",
                    "Parameters",
                    "ContactId",
                    "Attributes",
                    "CustomerEndpoint",
                    "Address",
                    "Type",
                    "Queue",
                    "LanguageCode",
                ])
                .prop_map(str::to_owned),
                "\\PC{0,6}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..6).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_is_too_strange(value in any_json()) {
            let _ = serde_json::from_value::<FlowEvent>(value);
        }

        #[test]
        fn no_member_is_too_strange(member in 0_usize..16, value in any_json()) {
            let mut event = voice();
            let members = event["Details"]["ContactData"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            event["Details"]["ContactData"][&members[member % members.len()]] = value.clone();
            event["Details"]["Parameters"] = value;
            if let Ok(event) = serde_json::from_value::<FlowEvent>(event) {
                let _ = format!("{event:?}");
            }
        }
    }
}
