//! The deployed system and what a test does with it.

use std::collections::BTreeMap;
use std::time::Duration;

use eventide_testing::{Aws, LocalCloud, eventually};
use http::Method;
use serde_json::{Value, json};

/// The product ARN of the findings in `events/`.
pub const PRODUCT_ARN: &str = "arn:aws:securityhub:us-east-1::product/aws/guardduty";

/// How long a test waits for something that takes a few seconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The finding enrichment system, deployed from its templates into a local cloud of its own.
#[derive(Debug)]
pub struct System {
    cloud: LocalCloud,
    outputs: BTreeMap<String, String>,
}

impl System {
    /// Deploys the system and its automation rule, with a second between two looks at an investigation.
    ///
    /// # Errors
    ///
    /// What keeps the local cloud or the stack from coming up.
    pub async fn start() -> Result<Self, String> {
        Self::start_with(&[]).await
    }

    /// As [`System::start`], with other values for some of the template's parameters.
    ///
    /// # Errors
    ///
    /// What keeps the local cloud or the stack from coming up.
    pub async fn start_with(parameters: &[(&str, &str)]) -> Result<Self, String> {
        Self::start_on(LocalCloud::start().await?, parameters).await
    }

    /// As [`System::start_with`], on a local cloud that is running already.
    ///
    /// # Errors
    ///
    /// What keeps the stack from coming up.
    pub async fn start_on(cloud: LocalCloud, parameters: &[(&str, &str)]) -> Result<Self, String> {
        let mut all = BTreeMap::from([("PollDelaySeconds", "1"), ("LogLevel", "DEBUG")]);
        all.extend(parameters.iter().copied());
        let all: Vec<_> = all.into_iter().collect();
        let outputs =
            cloud.deploy("infra/finding-enrichment.yaml", "eventide-finding-enrichment", &all).await?;
        let rule = "finding-enrichment-automation-rule";
        cloud.deploy(&format!("infra/{rule}.yaml"), &format!("eventide-{rule}"), &[]).await?;
        Ok(Self { cloud, outputs })
    }

    /// The local cloud it runs on.
    pub fn cloud(&self) -> &LocalCloud {
        &self.cloud
    }

    /// A client of the local cloud.
    pub fn aws(&self) -> &Aws {
        self.cloud.aws()
    }

    /// An output of the stack.
    ///
    /// # Errors
    ///
    /// If the stack has no such output.
    pub fn output(&self, name: &str) -> Result<&str, String> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| format!("the stack has no output `{name}`"))
    }

    /// Imports findings, as GuardDuty does.
    ///
    /// # Errors
    ///
    /// If one of them is refused.
    pub async fn import(&self, findings: &[Value]) -> Result<(), String> {
        let body = json!({ "Findings": findings });
        let answer = self.cloud.rest("securityhub", Method::POST, "/findings/import", Some(&body)).await?;
        match answer.get("FailedCount").and_then(Value::as_u64) {
            Some(0) => Ok(()),
            _ => Err(format!("findings were refused: {answer}")),
        }
    }

    /// Leaves a note on a finding of GuardDuty's, as a person does.
    ///
    /// # Errors
    ///
    /// If Security Hub refuses.
    pub async fn annotate(&self, id: &str, note: &str, by: &str) -> Result<(), String> {
        self.update(id, "Note", json!({ "Text": note, "UpdatedBy": by })).await
    }

    /// Sets the field `investigate` of a finding of GuardDuty's, as a person does: not in the second in which something
    /// else happened, because events tell the time in whole seconds. The other fields stay where Security Hub merges them.
    ///
    /// # Errors
    ///
    /// If Security Hub refuses.
    pub async fn mark(&self, id: &str, stage: &str) -> Result<(), String> {
        let second = async || {
            let clock = self.cloud.control(Method::GET, "clock", None).await.ok()?;
            Some(clock.get("now")?.as_str()?.get(..19)?.to_owned())
        };
        let before = second().await.ok_or("the clock does not answer")?;
        eventually("the next second", PATIENCE, || async { (second().await? != before).then_some(()) })
            .await?;
        self.update(id, "UserDefinedFields", json!({ "investigate": stage })).await
    }

    async fn update(&self, id: &str, member: &str, value: Value) -> Result<(), String> {
        let finding = json!([{ "Id": id, "ProductArn": PRODUCT_ARN }]);
        let body = json!({ "FindingIdentifiers": finding, member: value });
        let path = "/findings/batchupdate";
        let answer = self.cloud.rest("securityhub", Method::PATCH, path, Some(&body)).await?;
        match answer.get("UnprocessedFindings").and_then(Value::as_array) {
            Some(unprocessed) if unprocessed.is_empty() => Ok(()),
            _ => Err(format!("the {member} was refused: {answer}")),
        }
    }

    /// A finding as Security Hub has it.
    ///
    /// # Errors
    ///
    /// If Security Hub does not answer or has no such finding.
    pub async fn finding(&self, id: &str) -> Result<Value, String> {
        let body = json!({ "Filters": { "Id": [{ "Value": id, "Comparison": "EQUALS" }] } });
        let answer = self.cloud.rest("securityhub", Method::POST, "/findings", Some(&body)).await?;
        answer.pointer("/Findings/0").cloned().ok_or_else(|| format!("no finding `{id}`"))
    }

    /// The user-defined field `investigate` of a finding.
    ///
    /// # Errors
    ///
    /// As for [`System::finding`].
    pub async fn stage(&self, id: &str) -> Result<String, String> {
        let finding = self.finding(id).await?;
        let stage = finding.pointer("/UserDefinedFields/investigate").and_then(Value::as_str);
        Ok(stage.unwrap_or_default().to_owned())
    }

    /// Waits until the field `investigate` of a finding has this value; the finding then.
    ///
    /// # Errors
    ///
    /// If it has not within [`PATIENCE`].
    pub async fn await_stage(&self, id: &str, stage: &str) -> Result<Value, String> {
        self.await_stage_for(id, stage, PATIENCE).await
    }

    /// As [`System::await_stage`], waiting this long.
    ///
    /// # Errors
    ///
    /// If it has not by then.
    pub async fn await_stage_for(&self, id: &str, stage: &str, patience: Duration) -> Result<Value, String> {
        let what = format!("`{id}` becoming `{stage}`");
        let reached = eventually(&what, patience, || async {
            let finding = self.finding(id).await.ok()?;
            let current = finding.pointer("/UserDefinedFields/investigate").and_then(Value::as_str);
            (current == Some(stage)).then_some(finding)
        });
        match reached.await {
            Ok(finding) => Ok(finding),
            Err(error) => Err(format!("{error}; it says `{}`", self.stage(id).await.unwrap_or_default())),
        }
    }

    /// Chooses the custom action Investigate for findings of GuardDuty's, as an analyst does. `together` sends them
    /// in one event, as Security Hub once did; else each has one.
    ///
    /// # Errors
    ///
    /// If Security Hub refuses.
    pub async fn custom_action(&self, ids: &[&str], together: bool) -> Result<(), String> {
        let findings: Vec<_> = ids.iter().map(|id| json!({ "Id": id, "ProductArn": PRODUCT_ARN })).collect();
        let action = self.output("CustomActionArn")?;
        let body = json!({ "actionArn": action, "findings": findings, "oneEventPerFinding": !together });
        self.cloud.control(Method::POST, "securityhub/custom-action", Some(&body)).await?;
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

    /// Decides how investigations end: one scenario or a list of them.
    ///
    /// # Errors
    ///
    /// If it is malformed.
    pub async fn scenario(&self, scenario: &Value) -> Result<(), String> {
        self.cloud.control(Method::POST, "detective/scenarios", Some(scenario)).await?;
        Ok(())
    }

    /// Every investigation that was started.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn investigations(&self) -> Result<Vec<Value>, String> {
        let answer = self.cloud.control(Method::GET, "detective/investigations", None).await?;
        let list = answer.get("investigations").unwrap_or(&answer);
        list.as_array().cloned().ok_or_else(|| format!("no list of investigations: {answer}"))
    }

    /// The calls in the journal that a function made, as `service:Operation`, oldest first.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn calls(&self, function: &str) -> Result<Vec<String>, String> {
        let answer = self.cloud.control(Method::GET, &format!("journal?caller={function}"), None).await?;
        let entries = answer.get("calls").or_else(|| answer.get("entries")).unwrap_or(&answer);
        let entries = entries.as_array().ok_or_else(|| format!("no journal: {answer}"))?;
        let name = |entry: &Value, member: &str| {
            entry.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Ok(entries
            .iter()
            .map(|entry| format!("{}:{}", name(entry, "service"), name(entry, "operation")))
            .collect())
    }

    /// How often a function made a call, given as `service:Operation`.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn count(&self, function: &str, call: &str) -> Result<usize, String> {
        Ok(self.calls(function).await?.iter().filter(|made| *made == call).count())
    }

    /// The messages in a queue, without taking them out: body, and message attributes by name.
    ///
    /// # Errors
    ///
    /// If the queue cannot be read.
    pub async fn messages(
        &self,
        queue_output: &str,
    ) -> Result<Vec<(String, BTreeMap<String, String>)>, String> {
        let body = json!({
            "QueueUrl": self.output(queue_output)?,
            "MaxNumberOfMessages": 10,
            "VisibilityTimeout": 0,
            "MessageAttributeNames": ["All"]
        });
        let answer = self.cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &body).await?;
        let messages = answer.get("Messages").and_then(Value::as_array).into_iter().flatten();
        Ok(messages.map(message).collect())
    }

    /// Waits until a queue holds this many messages, at most 10.
    ///
    /// # Errors
    ///
    /// If it does not within [`PATIENCE`].
    pub async fn await_messages(
        &self,
        queue_output: &str,
        count: usize,
    ) -> Result<Vec<(String, BTreeMap<String, String>)>, String> {
        eventually(&format!("{count} messages in {queue_output}"), PATIENCE, || async {
            let messages = self.messages(queue_output).await.ok()?;
            (messages.len() >= count).then_some(messages)
        })
        .await
    }

    /// Invokes a function and waits for its answer; `Err` holds its error.
    ///
    /// # Errors
    ///
    /// Outer: if Lambda does not answer. Inner: what the function failed with.
    pub async fn invoke(
        &self,
        function_output: &str,
        payload: &[u8],
    ) -> Result<Result<Value, Value>, String> {
        let path = format!("/2015-03-31/functions/{}/invocations", self.output(function_output)?);
        let answer = self.cloud.send("lambda", Method::POST, &path, &[], payload.to_vec()).await?;
        let body: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("{function_output} answered {}, not JSON: {error}", answer.status))?;
        Ok(if answer.header("x-amz-function-error").is_some() { Err(body) } else { Ok(body) })
    }

    /// What a function has logged so far.
    ///
    /// # Errors
    ///
    /// If its log cannot be read.
    pub async fn logs(&self, function_output: &str) -> Result<Vec<String>, String> {
        Ok(self.cloud.logs(self.output(function_output)?).await?)
    }
}

fn message(message: &Value) -> (String, BTreeMap<String, String>) {
    let body = message.get("Body").and_then(Value::as_str).unwrap_or_default().to_owned();
    let attributes = message.get("MessageAttributes").and_then(Value::as_object).into_iter().flatten();
    let attributes = attributes
        .filter_map(|(name, value)| Some((name.clone(), value.get("StringValue")?.as_str()?.to_owned())));
    (body, attributes.collect())
}
