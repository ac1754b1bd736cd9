//! Voice to chat, deployed, and what a test does with it.

mod web;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use eventide_testing::{Answer, LocalCloud, eventually, repository};
use http::Method;
use serde_json::{Value, json};

use crate::stack::Stack;
use crate::system::PATIENCE;

const SYSTEM: &str = "voice-to-chat";
/// The instance of Amazon Connect that the stand-in has, and the template is deployed for.
pub const INSTANCE: &str =
    "arn:aws:connect:us-east-1:111122223333:instance/11111111-2222-3333-4444-555555555555";
/// A customer's telephone.
pub const PHONE: &str = "+14155550123";
/// A customer's mailbox.
pub const MAILBOX: &str = "ann.caller@customer.test";
/// A customer's name.
pub const NAME: &str = "Ann Caller";

/// The voice to chat system, deployed from its template into a local cloud of its own.
#[derive(Debug)]
pub struct Chats {
    stack: Stack,
}

/// So that every caller of a process has a contact of its own.
static CALLERS: AtomicU64 = AtomicU64::new(0);

impl Chats {
    /// Deploys the system.
    ///
    /// # Errors
    ///
    /// What keeps the local cloud or the stack from coming up.
    pub async fn start() -> Result<Self, String> {
        Self::start_with(&[]).await
    }

    /// As [`Chats::start`], with other values for some of the template's parameters.
    ///
    /// # Errors
    ///
    /// What keeps the local cloud or the stack from coming up.
    pub async fn start_with(parameters: &[(&str, &str)]) -> Result<Self, String> {
        Self::start_on(LocalCloud::start().await?, parameters).await
    }

    /// As [`Chats::start_with`], on a local cloud that is running already.
    ///
    /// # Errors
    ///
    /// What keeps the stack from coming up.
    pub async fn start_on(cloud: LocalCloud, parameters: &[(&str, &str)]) -> Result<Self, String> {
        // What `eventide-local up` deploys with.
        let file = repository().join(format!("infra/local/parameters/{SYSTEM}.json"));
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut all: BTreeMap<String, String> =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let mut keys = cloud.control(Method::GET, "edge/keys", None).await?;
        if keys.pointer("/parameters/PublicKeyA").is_none() {
            keys = cloud.control(Method::POST, "edge/keys", Some(&json!({ "slot": "a" }))).await?;
        }
        let keys = keys.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
        all.extend(
            keys.into_iter().map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned())),
        );
        all.insert("LogLevel".to_owned(), "DEBUG".to_owned());
        all.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if let Some(sender) = all.get("EmailFrom") {
            let sender = json!({ "EmailIdentity": sender });
            let made = cloud.rest("ses", Method::POST, "/v2/email/identities", Some(&sender)).await;
            if let Err(error) = made
                && !error.to_string().contains("AlreadyExists")
            {
                return Err(error.to_string());
            }
        }
        let all = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let stack = Stack::deploy(cloud, SYSTEM, &all).await?;
        Ok(Self { stack })
    }

    /// Updates the stack to other values for some of the template's parameters; all others are as in [`Chats::start`].
    ///
    /// # Errors
    ///
    /// What keeps the stack from being updated.
    pub async fn redeploy(self, parameters: &[(&str, &str)]) -> Result<Self, String> {
        Self::start_on(self.stack.into_cloud(), parameters).await
    }

    /// The stack.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The local cloud it runs on.
    pub fn cloud(&self) -> &LocalCloud {
        self.stack.cloud()
    }

    /// A caller who waits in the queue: the contact's id, a new one each time.
    ///
    /// # Errors
    ///
    /// If the local cloud refuses.
    pub async fn caller(&self) -> Result<String, String> {
        let number = CALLERS.fetch_add(1, Ordering::Relaxed);
        let id = format!("c0ffee00-0000-4000-8000-{number:012}");
        let contact = json!({ "id": id, "state": "queued", "customer": PHONE, "queue": "Orders" });
        self.cloud().control(Method::POST, "connect/contacts", Some(&contact)).await?;
        Ok(id)
    }

    /// The event by which the flow of a caller invokes the function.
    pub fn event(&self, contact: &str) -> Value {
        json!({
            "Name": "ContactFlowEvent",
            "Details": {
                "ContactData": {
                    "Attributes": { "customerName": NAME, "orderNumber": "A-17", "internalScore": "7", "email": MAILBOX },
                    "AwsRegion": "us-east-1",
                    "Channel": "VOICE",
                    "ContactId": contact,
                    "CustomerEndpoint": { "Address": PHONE, "Type": "TELEPHONE_NUMBER" },
                    "CustomerId": null,
                    "Description": null,
                    "InitialContactId": contact,
                    "InitiationMethod": "INBOUND",
                    "InstanceARN": INSTANCE,
                    "LanguageCode": "en-US",
                    "MediaStreams": { "Customer": { "Audio": null } },
                    "Name": null,
                    "PreviousContactId": contact,
                    "Queue": {
                        "ARN": format!("{INSTANCE}/queue/33333333-0000-4000-8000-000000000001"),
                        "Name": "Orders",
                        "OutboundCallerId": { "Address": "+12065550100", "Type": "TELEPHONE_NUMBER" },
                    },
                    "References": {},
                    "SystemEndpoint": { "Address": "+12065550100", "Type": "TELEPHONE_NUMBER" },
                },
                "Parameters": { "consent": "sms,email" },
            },
        })
    }

    /// Has the flow of a caller send a link, and gives its answer.
    ///
    /// # Errors
    ///
    /// If the function fails.
    pub async fn issue(&self, event: &Value) -> Result<Value, String> {
        self.stack.invoke("IssueFunction", event).await?.map_err(|error| format!("link-issue: {error}"))
    }

    /// A caller who was sent a link, and the link as the SMS has it.
    ///
    /// # Errors
    ///
    /// If it was not sent.
    pub async fn caller_with_link(&self) -> Result<(String, String), String> {
        let contact = self.caller().await?;
        let before = self.messages().await?.len();
        let answer = self.issue(&self.event(&contact)).await?;
        if answer.get("status").and_then(Value::as_str) != Some("sent") {
            return Err(format!("no link was sent: {answer}"));
        }
        let messages = self.messages().await?;
        let sms = messages.iter().skip(before).find(|message| message["channel"] == "sms");
        let link = sms.and_then(link).ok_or("no SMS has a link")?;
        Ok((contact, link))
    }

    /// All messages that a provider took, the oldest first.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn messages(&self) -> Result<Vec<Value>, String> {
        let answer = self.cloud().control(Method::GET, "messages", None).await?;
        Ok(answer.get("messages").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// The contacts that Amazon Connect has, the oldest first.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn contacts(&self) -> Result<Vec<Value>, String> {
        let answer = self.cloud().control(Method::GET, "connect/contacts", None).await?;
        Ok(answer.get("contacts").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// The chats among them.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn chats(&self) -> Result<Vec<Value>, String> {
        let contacts = self.contacts().await?;
        Ok(contacts.into_iter().filter(|contact| contact["channel"] == "CHAT").collect())
    }

    /// Waits until a contact is in a state.
    ///
    /// # Errors
    ///
    /// If it is not within [`PATIENCE`].
    pub async fn await_state(&self, contact: &str, state: &str) -> Result<(), String> {
        eventually(&format!("contact {contact} `{state}`"), PATIENCE, || async {
            let contacts = self.contacts().await.ok()?;
            contacts.iter().any(|one| one["id"] == contact && one["state"] == state).then_some(())
        })
        .await
    }

    /// Lets the time of a link run out: at the edge, whose clock is put forward, and in the table, whose readers have the
    /// real time.
    ///
    /// # Errors
    ///
    /// If the local cloud refuses.
    pub async fn expire(&self, link: &str) -> Result<(), String> {
        let token = token(link).ok_or_else(|| format!("`{link}` has no token"))?;
        let hash = eventide_links::token::Token::parse(token).ok_or("no token")?.hash();
        let update = json!({
            "TableName": self.stack.output("LinkTable")?,
            "Key": { "pk": { "S": format!("link#{hash}") } },
            "UpdateExpression": "SET valid_until = :past",
            "ConditionExpression": "attribute_exists(valid_until)",
            "ExpressionAttributeValues": { ":past": { "N": "1000" } },
        });
        self.cloud().aws_json("dynamodb", "DynamoDB_20120810.UpdateItem", &update).await?;
        self.cloud().control(Method::POST, "clock", Some(&json!({ "advance_seconds": 24 * 3600 }))).await?;
        Ok(())
    }

    /// Asks for something at the edge, as anybody may.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn get(&self, url: &str) -> Result<Answer, String> {
        web::send(Method::GET, url, &[], Vec::new()).await
    }

    /// Posts JSON to the API, as the page does.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        let edge = self.cloud().edge();
        let headers =
            [("content-type", "application/json"), ("origin", edge), ("sec-fetch-site", "same-origin")];
        web::send(Method::POST, &format!("{edge}{path}"), &headers, body.to_string().into_bytes()).await
    }

    /// Redeems a link for a page with that nonce.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn redeem(&self, link: &str, nonce: &str) -> Result<Answer, String> {
        let token = token(link).ok_or_else(|| format!("`{link}` has no token"))?;
        self.post("/api/redeem", &json!({ "token": token, "nonce": nonce })).await
    }

    /// A variable in the environment of a function, given by the stack's output.
    ///
    /// # Errors
    ///
    /// If the function has none of that name.
    pub async fn variable(&self, function: &str, name: &str) -> Result<String, String> {
        let path = format!("/2015-03-31/functions/{}/configuration", self.stack.output(function)?);
        let configuration = self.cloud().rest("lambda", Method::GET, &path, None).await?;
        let value = configuration.pointer(&format!("/Environment/Variables/{name}")).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| format!("{function} has no variable `{name}`"))
    }

    /// Sends any request: to the edge, if `target` is a path.
    ///
    /// # Errors
    ///
    /// If it is none, or the connection fails.
    pub async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        let is_path = target.starts_with('/');
        let url = if is_path { format!("{}{target}", self.cloud().edge()) } else { target.to_owned() };
        web::send(method, &url, headers, body).await
    }
}

/// The link in a message.
pub fn link(message: &Value) -> Option<String> {
    let text = message.get("text").and_then(Value::as_str)?;
    let start = text.find("http")?;
    let rest = text.get(start..)?;
    Some(rest.split_whitespace().next().unwrap_or(rest).to_owned())
}

/// The token in a link.
pub fn token(link: &str) -> Option<&str> {
    let (_, rest) = link.split_once("?t=")?;
    rest.split('&').next()
}
