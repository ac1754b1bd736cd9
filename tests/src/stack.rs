//! A deployed stack, and what any test does with one.

use std::collections::BTreeMap;

use eventide_testing::{LocalCloud, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::system::PATIENCE;

/// A stack on a local cloud of the test's own.
#[derive(Debug)]
pub struct Stack {
    cloud: LocalCloud,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Deploys `infra/SYSTEM.yaml` as `eventide-SYSTEM`.
    ///
    /// # Errors
    ///
    /// What keeps the stack from coming up.
    pub async fn deploy(
        cloud: LocalCloud,
        system: &str,
        parameters: &BTreeMap<&str, &str>,
    ) -> Result<Self, String> {
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, *value)).collect();
        let (template, stack) = (format!("infra/{system}.yaml"), format!("eventide-{system}"));
        let outputs = cloud.deploy(&template, &stack, &parameters).await?;
        Ok(Self { cloud, outputs })
    }

    /// The local cloud it runs on.
    pub fn cloud(&self) -> &LocalCloud {
        &self.cloud
    }

    /// The local cloud, without the stack's outputs.
    pub fn into_cloud(self) -> LocalCloud {
        self.cloud
    }

    /// An output of the stack.
    ///
    /// # Errors
    ///
    /// If the stack has no such output.
    pub fn output(&self, name: &str) -> Result<&str, String> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| format!("the stack has no output `{name}`"))
    }

    /// Writes an object into a bucket, given by the stack's output.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub async fn upload(&self, bucket: &str, key: &str, body: Vec<u8>) -> Result<(), String> {
        let path = format!("/{}/{key}", self.output(bucket)?);
        let answer = self.cloud.send("s3", Method::PUT, &path, &[], body).await?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("`{key}`: {} {}", answer.status, answer.text()))
        }
    }

    /// An object of a bucket, given by the stack's output, if there is one.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub async fn object(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, String> {
        let path = format!("/{}/{key}", self.output(bucket)?);
        let answer = self.cloud.send("s3", Method::GET, &path, &[], Vec::new()).await?;
        match answer.status {
            200 => Ok(Some(answer.body.to_vec())),
            404 => Ok(None),
            status => Err(format!("`{key}`: {status} {}", answer.text())),
        }
    }

    /// Invokes a function, given by the stack's output; `Err` holds the function's error.
    ///
    /// # Errors
    ///
    /// If Lambda does not answer.
    pub async fn invoke(&self, output: &str, event: &Value) -> Result<Result<Value, Value>, String> {
        let path = format!("/2015-03-31/functions/{}/invocations", self.output(output)?);
        let body = event.to_string().into_bytes();
        let answer = self.cloud.send("lambda", Method::POST, &path, &[], body).await?;
        let failed = answer.header("x-amz-function-error").is_some();
        let body: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("{output} answered {}, not JSON: {error}", answer.status))?;
        Ok(if failed { Err(body) } else { Ok(body) })
    }

    /// Sends an event to the default bus, as an application does.
    ///
    /// # Errors
    ///
    /// If EventBridge refuses it.
    pub async fn send_event(&self, source: &str, detail_type: &str, detail: &Value) -> Result<(), String> {
        let entry = json!({ "Source": source, "DetailType": detail_type, "Detail": detail.to_string() });
        let body = json!({ "Entries": [entry] });
        let answer = self.cloud.aws_json("events", "AWSEvents.PutEvents", &body).await?;
        match answer.get("FailedEntryCount").and_then(Value::as_u64) {
            Some(0) => Ok(()),
            _ => Err(format!("the event was refused: {answer}")),
        }
    }

    /// Sends a message to a queue, given by the stack's output.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn send_message(&self, queue: &str, body: &str) -> Result<(), String> {
        let body = json!({ "QueueUrl": self.output(queue)?, "MessageBody": body });
        self.cloud.aws_json("sqs", "AmazonSQS.SendMessage", &body).await?;
        Ok(())
    }

    /// Messages of a queue, at most 10, without taking them out.
    ///
    /// # Errors
    ///
    /// If the queue cannot be read.
    pub async fn messages(&self, queue: &str) -> Result<Vec<Value>, String> {
        let body = json!({
            "QueueUrl": self.output(queue)?, "MaxNumberOfMessages": 10,
            "VisibilityTimeout": 0, "MessageAttributeNames": ["All"],
        });
        let answer = self.cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &body).await?;
        Ok(answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// How many messages a queue holds: waiting, delayed or received.
    ///
    /// # Errors
    ///
    /// If SQS does not answer.
    pub async fn depth(&self, queue: &str) -> Result<u64, String> {
        self.counted(queue, &["", "Delayed", "NotVisible"]).await
    }

    /// How many messages of a queue can be received, or are being worked on.
    ///
    /// # Errors
    ///
    /// If SQS does not answer.
    pub async fn waiting(&self, queue: &str) -> Result<u64, String> {
        self.counted(queue, &["", "NotVisible"]).await
    }

    async fn counted(&self, queue: &str, kinds: &[&str]) -> Result<u64, String> {
        let body = json!({ "QueueUrl": self.output(queue)?, "AttributeNames": ["All"] });
        let answer = self.cloud.aws_json("sqs", "AmazonSQS.GetQueueAttributes", &body).await?;
        let counts = kinds.iter().map(|kind| {
            let count = answer.get("Attributes")?.get(format!("ApproximateNumberOfMessages{kind}"))?;
            count.as_str()?.parse::<u64>().ok()
        });
        counts.sum::<Option<u64>>().ok_or_else(|| format!("no counts: {answer}"))
    }

    /// Lets messages of a queue that failed come back after this many seconds.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn comes_back_after(&self, queue: &str, seconds: u32) -> Result<(), String> {
        let attributes = json!({ "VisibilityTimeout": seconds.to_string() });
        let body = json!({ "QueueUrl": self.output(queue)?, "Attributes": attributes });
        self.cloud.aws_json("sqs", "AmazonSQS.SetQueueAttributes", &body).await?;
        Ok(())
    }

    /// Adds a rule by which the local cloud fails calls.
    ///
    /// # Errors
    ///
    /// If the rule is malformed.
    pub async fn fault(&self, rule: &Value) -> Result<(), String> {
        self.cloud.control(Method::POST, "faults", Some(rule)).await?;
        Ok(())
    }

    /// Has a function killed after so many more of its calls and one.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn kill_after(&self, function: &str, calls: usize) -> Result<(), String> {
        let effect = json!({ "type": "kill" });
        self.fault(&json!({ "match": { "caller": function }, "skip": calls, "times": 1, "effect": effect }))
            .await
    }

    /// Waits until the only fault has taken place.
    ///
    /// # Errors
    ///
    /// If it has not within [`PATIENCE`].
    pub async fn await_fault(&self) -> Result<(), String> {
        eventually("the fault", PATIENCE, || async {
            let faults = self.cloud.control(Method::GET, "faults", None).await.ok()?;
            let mut rules = faults.get("rules")?.as_array()?.iter();
            rules.any(|rule| rule.get("applied").and_then(Value::as_u64) >= Some(1)).then_some(())
        })
        .await
    }

    /// Forgets the calls so far, and the faults.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn forget(&self) -> Result<(), String> {
        self.cloud.control(Method::DELETE, "journal", None).await?;
        self.cloud.control(Method::DELETE, "faults", None).await?;
        Ok(())
    }

    /// The calls that a function has made so far, as `service:Operation`, oldest first.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn calls(&self, function: &str) -> Result<Vec<String>, String> {
        let journal = self.cloud.control(Method::GET, &format!("journal?caller={function}"), None).await?;
        let entries = journal.get("entries").and_then(Value::as_array).into_iter().flatten();
        let call = |entry: &Value| {
            let member = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
            Some(format!("{}:{}", member("service")?, member("operation")?))
        };
        Ok(entries.filter_map(call).collect())
    }

    /// What a function, given by the stack's output, has logged so far.
    ///
    /// # Errors
    ///
    /// If its log cannot be read.
    pub async fn logs(&self, output: &str) -> Result<Vec<String>, String> {
        Ok(self.cloud.logs(self.output(output)?).await?)
    }
}
