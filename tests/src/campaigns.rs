//! The compliance screening, deployed, and what a test does with it.

mod reckoning;
pub mod texts;
mod trouble;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use eventide_testing::{LocalCloud, eventually, repository};
use http::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::stack::Stack;
use crate::system::PATIENCE;

pub use reckoning::{Reckoning, is_test};

const SYSTEM: &str = "compliance-screening";
/// The queue that gets a copy of every event of the system's.
const OBSERVED: &str = "observed-campaigns";

/// The compliance screening system, deployed from its template into a local cloud of its own, with the
/// starter classifier, and a queue that gets a copy of every event about campaigns.
#[derive(Debug)]
pub struct Campaigns {
    stack: Stack,
    observed: String,
    /// Events that were taken out of that queue, and not waited for yet.
    events: Mutex<Vec<(String, Value)>>,
}

impl Campaigns {
    /// Deploys the system.
    ///
    /// # Errors
    ///
    /// What keeps the local cloud or the stack from coming up.
    pub async fn start() -> Result<Self, String> {
        Self::start_with(&[]).await
    }

    /// As [`Campaigns::start`], with other values for some of the template's parameters.
    ///
    /// # Errors
    ///
    /// What keeps the local cloud or the stack from coming up.
    pub async fn start_with(parameters: &[(&str, &str)]) -> Result<Self, String> {
        Self::start_on(LocalCloud::start().await?, parameters).await
    }

    /// As [`Campaigns::start_with`], on a local cloud that is running already.
    ///
    /// # Errors
    ///
    /// What keeps the stack from coming up.
    pub async fn start_on(cloud: LocalCloud, parameters: &[(&str, &str)]) -> Result<Self, String> {
        // What `eventide-local up` deploys with.
        let file = repository().join(format!("infra/local/parameters/{SYSTEM}.json"));
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let usual: BTreeMap<String, String> =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let mut all: BTreeMap<&str, &str> =
            usual.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend([("LogLevel", "DEBUG"), ("ReportMinutes", "0"), ("SmsPerSecond", "100")]);
        all.extend(parameters.iter().copied());
        if all.get("ClassifierArn").is_some_and(|arn| arn.ends_with("/version/starter")) {
            cloud.control(Method::POST, "comprehend/starter", Some(&json!({}))).await?;
        }
        let sender = json!({ "EmailIdentity": all.get("SenderEmail") });
        let made = cloud.rest("ses", Method::POST, "/v2/email/identities", Some(&sender)).await;
        if let Err(error) = made
            && !error.to_string().contains("AlreadyExists")
        {
            return Err(error.to_string());
        }
        let stack = Stack::deploy(cloud, SYSTEM, &all).await?;
        let observed = observe(stack.cloud()).await?;
        Ok(Self { stack, observed, events: Mutex::new(Vec::new()) })
    }

    /// Updates the stack to other values for some of the template's parameters; all others are as in
    /// [`Campaigns::start`].
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

    /// Uploads a campaign's file, given by its name, such as `spring.csv`.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub async fn upload(&self, name: &str, body: impl Into<Vec<u8>>) -> Result<(), String> {
        self.stack.upload("CampaignBucket", &format!("campaigns/{name}"), body.into()).await
    }

    /// Uploads a campaign's settings.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub async fn settings(&self, campaign: &str, settings: &Value) -> Result<(), String> {
        self.upload(&format!("{campaign}.campaign.json"), settings.to_string()).await
    }

    /// Gives a command by an event.
    ///
    /// # Errors
    ///
    /// If EventBridge refuses it.
    pub async fn command(&self, command: &Value) -> Result<(), String> {
        self.stack.send_event("marketing.reviews", "Campaign Command", command).await
    }

    /// Gives a command by an event that is delivered as often as said, always with the same id.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn command_times(&self, times: usize, id: &str, command: &Value) -> Result<(), String> {
        let now = OffsetDateTime::now_utc().format(&Rfc3339).map_err(|error| error.to_string())?;
        let event = json!({
            "version": "0", "id": id, "source": "marketing.reviews", "detail-type": "Campaign Command",
            "time": now, "detail": command,
        });
        for _ in 0..times {
            self.stack.send_message("ReviewQueueUrl", &event.to_string()).await?;
        }
        Ok(())
    }

    /// Gives a command to the function itself; `Err` holds the function's error.
    ///
    /// # Errors
    ///
    /// If Lambda does not answer.
    pub async fn direct(&self, command: &Value) -> Result<Result<Value, Value>, String> {
        self.stack.invoke("ReviewFunction", command).await
    }

    /// Uploads a file of decisions, given by its name, such as `ann.csv`.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub async fn decisions(
        &self,
        campaign: &str,
        name: &str,
        body: impl Into<Vec<u8>>,
    ) -> Result<(), String> {
        self.stack.upload("CampaignBucket", &format!("decisions/{campaign}/{name}"), body.into()).await
    }

    /// Every event about campaigns so far that was not waited for: detail type and detail.
    ///
    /// # Errors
    ///
    /// If the queue cannot be read.
    pub async fn observed(&self) -> Result<Vec<(String, Value)>, String> {
        let receive = json!({ "QueueUrl": self.observed, "MaxNumberOfMessages": 10 });
        loop {
            let answer = self.cloud().aws_json("sqs", "AmazonSQS.ReceiveMessage", &receive).await?;
            let messages = answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
            if messages.is_empty() {
                return Ok(self.events.lock().unwrap_or_else(PoisonError::into_inner).clone());
            }
            for message in messages {
                let delete =
                    json!({ "QueueUrl": self.observed, "ReceiptHandle": message.get("ReceiptHandle") });
                self.cloud().aws_json("sqs", "AmazonSQS.DeleteMessage", &delete).await?;
                let event = message.get("Body").and_then(Value::as_str).unwrap_or_default();
                let event: Value = serde_json::from_str(event).map_err(|error| error.to_string())?;
                let detail_type = event.get("detail-type").and_then(Value::as_str).unwrap_or_default();
                let event = (detail_type.to_owned(), event.get("detail").cloned().unwrap_or_default());
                self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            }
        }
    }

    /// Waits for an event about a campaign: its detail. It is taken out of those observed.
    ///
    /// # Errors
    ///
    /// If there is none within [`PATIENCE`].
    pub async fn await_event(&self, detail_type: &str, campaign: &str) -> Result<Value, String> {
        let what = format!("`{detail_type}` of `{campaign}`");
        match eventually(&what, PATIENCE, || self.take(detail_type, campaign)).await {
            Ok(detail) => Ok(detail),
            Err(error) => {
                let failed = self.stack.messages("FailedQueueUrl").await.unwrap_or_default();
                let depths = self.depths().await;
                Err(format!("{error}; {depths}observed {:?}; failed {failed:?}", self.observed().await))
            }
        }
    }

    /// Takes events about a campaign out of those observed, if there are any.
    ///
    /// # Errors
    ///
    /// If the queue cannot be read.
    pub async fn forget_events(&self, detail_type: &str, campaign: &str) -> Result<(), String> {
        self.observed().await?;
        while self.take(detail_type, campaign).await.is_some() {}
        Ok(())
    }

    pub(crate) async fn take(&self, detail_type: &str, campaign: &str) -> Option<Value> {
        self.observed().await.ok()?;
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(of_type, detail): &(String, Value)| {
            of_type == detail_type && detail.get("campaign").and_then(Value::as_str) == Some(campaign)
        };
        let place = events.iter().position(is_it)?;
        Some(events.remove(place).1)
    }

    /// Every email and SMS that was accepted, oldest first.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn sent(&self) -> Result<Vec<Value>, String> {
        let answer = self.cloud().control(Method::GET, "messages", None).await?;
        let messages = answer.get("messages").unwrap_or(&answer);
        messages.as_array().cloned().ok_or_else(|| format!("no list of messages: {answer}"))
    }

    /// Whom messages were accepted for, in order, each as often as it was.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn recipients(&self) -> Result<Vec<String>, String> {
        let mut recipients = Vec::new();
        for message in self.sent().await? {
            let to = message.get("to").ok_or("a message to nobody")?;
            let to = to.as_str().or_else(|| to.get(0)?.as_str()).ok_or("a message to nobody")?;
            recipients.push(to.to_owned());
        }
        recipients.sort();
        Ok(recipients)
    }

    /// The lines of a file in the report bucket, as JSON.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it is no JSON.
    pub async fn report_lines(&self, campaign: &str, name: &str) -> Result<Vec<Value>, String> {
        let key = format!("{campaign}/{name}");
        let file = self.stack.object("ReportBucket", &key).await?.ok_or_else(|| format!("no `{key}`"))?;
        let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(|error| format!("`{key}`: {error}"))).collect()
    }

    /// The figures of a campaign's report.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn figures(&self, campaign: &str) -> Result<Value, String> {
        let key = format!("{campaign}/report.json");
        let file = self.stack.object("ReportBucket", &key).await?.ok_or_else(|| format!("no `{key}`"))?;
        serde_json::from_slice(&file).map_err(|error| format!("`{key}`: {error}"))
    }

    /// Waits until a campaign's figures are as wanted; they then.
    ///
    /// # Errors
    ///
    /// If they are not within [`PATIENCE`].
    pub async fn await_figures(
        &self,
        campaign: &str,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, String> {
        let found = eventually(what, PATIENCE, || async {
            // Providers' news ask for a report, which the schedule writes.
            self.stack.invoke("ReportFunction", &json!({ "sweep": true })).await.ok()?.ok()?;
            self.figures(campaign).await.ok().filter(|figures| wanted(figures))
        });
        match found.await {
            Ok(figures) => Ok(figures),
            Err(error) => Err(format!("{error}; they are {:?}", self.figures(campaign).await)),
        }
    }
}

/// A queue that gets a copy of every event of the system's.
async fn observe(cloud: &LocalCloud) -> Result<String, String> {
    let queue = cloud.aws_json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": OBSERVED })).await?;
    let url = queue.get("QueueUrl").and_then(Value::as_str).ok_or("SQS made no queue")?.to_owned();
    let pattern = json!({ "source": ["eventide.compliance-screening"] }).to_string();
    let rule = json!({ "Name": OBSERVED, "EventPattern": pattern });
    cloud.aws_json("events", "AWSEvents.PutRule", &rule).await?;
    let target = json!({ "Id": "observed", "Arn": format!("arn:aws:sqs:us-east-1:111122223333:{OBSERVED}") });
    let targets = json!({ "Rule": OBSERVED, "Targets": [target] });
    cloud.aws_json("events", "AWSEvents.PutTargets", &targets).await?;
    Ok(url)
}
