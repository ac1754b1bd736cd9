//! Making trouble for a system, and looking at what is left once it is over.

use std::time::Duration;

use eventide_testing::{eventually, fixture_json};
use http::Method;
use serde_json::{Value, json};

use crate::System;
use crate::system::PATIENCE;

/// As many failures as the SDK makes attempts of one call: the function sees one failure.
pub const ALL_ATTEMPTS: u32 = 3;

impl System {
    /// Fails a function's next calls of an operation, given as `service:Operation`, so many times in this way.
    ///
    /// # Errors
    ///
    /// If the rule is malformed.
    pub async fn fail(&self, function: &str, call: &str, effect: &Value, times: u32) -> Result<(), String> {
        let (service, operation) =
            call.split_once(':').ok_or_else(|| format!("`{call}`, expected `service:Operation`"))?;
        let matching = json!({ "caller": function, "service": service, "operation": operation });
        self.fault(&json!({ "match": matching, "effect": effect, "times": times })).await
    }

    /// Ends all faults.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn lift_faults(&self) -> Result<(), String> {
        self.cloud().control(Method::DELETE, "faults", None).await?;
        Ok(())
    }

    /// Waits until the only fault rule with the effect `hold` holds a call back.
    ///
    /// # Errors
    ///
    /// If it does not within [`PATIENCE`].
    pub async fn await_held(&self) -> Result<(), String> {
        eventually("a call held back", PATIENCE, || async {
            let faults = self.cloud().control(Method::GET, "faults", None).await.ok()?;
            let rules = faults.get("rules")?.as_array()?;
            let holding = |rule: &Value| {
                let is_hold = rule.pointer("/effect/type").and_then(Value::as_str) == Some("hold");
                is_hold && rule.get("applied").and_then(Value::as_u64) == Some(1)
            };
            rules.iter().any(holding).then_some(())
        })
        .await
    }

    /// Gives finding-enrich messages with these ids and bodies that no queue holds, as one batch that is received for the
    /// so-manieth time; its answer.
    ///
    /// # Errors
    ///
    /// If Lambda does not answer, or what the function failed with.
    pub async fn hand(&self, messages: &[(&str, &Value)], receipt: u32) -> Result<Value, String> {
        let records = messages.iter().map(|(id, body)| {
            json!({
                "messageId": id,
                "body": body.to_string(),
                "attributes": { "ApproximateReceiveCount": receipt.to_string() },
                "eventSource": "aws:sqs"
            })
        });
        let event = json!({ "Records": records.collect::<Vec<_>>() }).to_string();
        self.invoke("EnrichFunction", event.as_bytes()).await?.map_err(|error| error.to_string())
    }

    /// Lets a message of the work queue that failed come back after this many seconds, where the template
    /// says six minutes.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn comes_back_after(&self, seconds: u32) -> Result<(), String> {
        let attributes = json!({ "VisibilityTimeout": seconds.to_string() });
        let body = json!({ "QueueUrl": self.output("WorkQueueUrl")?, "Attributes": attributes });
        self.cloud().aws_json("sqs", "AmazonSQS.SetQueueAttributes", &body).await?;
        Ok(())
    }

    /// How many messages a queue holds: waiting, delayed or received.
    ///
    /// # Errors
    ///
    /// If SQS does not answer.
    pub async fn depth(&self, queue_output: &str) -> Result<u64, String> {
        let body = json!({ "QueueUrl": self.output(queue_output)?, "AttributeNames": ["All"] });
        let answer = self.cloud().aws_json("sqs", "AmazonSQS.GetQueueAttributes", &body).await?;
        let counts = ["", "Delayed", "NotVisible"].map(|kind| {
            let count = answer.get("Attributes")?.get(format!("ApproximateNumberOfMessages{kind}"))?;
            count.as_str()?.parse::<u64>().ok()
        });
        counts.into_iter().sum::<Option<u64>>().ok_or_else(|| format!("no counts: {answer}"))
    }

    /// Waits until no work is left, and looks at what came of it.
    ///
    /// # Errors
    ///
    /// If there still is work after [`PATIENCE`], something is in the failed queue, another number of
    /// investigations was started, or a fault did not take place as often as it should.
    pub async fn come_to_rest(&self, investigations: usize) -> Result<(), String> {
        eventually("an empty work queue", PATIENCE, || async {
            (self.depth("WorkQueueUrl").await == Ok(0)).then_some(())
        })
        .await?;
        let failed = self.messages("FailedQueueUrl").await?;
        if !failed.is_empty() {
            return Err(format!("in the failed queue: {failed:?}"));
        }
        let started = self.investigations().await?;
        if started.len() != investigations {
            return Err(format!("expected {investigations} investigations, started were {started:?}"));
        }
        let faults = self.cloud().control(Method::GET, "faults", None).await?;
        for rule in faults.get("rules").and_then(Value::as_array).into_iter().flatten() {
            let count = |name: &str| rule.get(name).and_then(Value::as_u64);
            let missed = match count("times") {
                Some(times) => count("applied") != Some(times),
                None => count("applied") == Some(0),
            };
            if missed {
                return Err(format!("a fault did not take place: {rule}"));
            }
        }
        Ok(())
    }

    /// Makes every open claim in the effects ledger this much older, as if the time had passed; how many.
    ///
    /// # Errors
    ///
    /// If DynamoDB refuses.
    pub async fn age_claims(&self, by: Duration) -> Result<usize, String> {
        let table = self.output("LedgerTable")?;
        let scan = json!({
            "TableName": table,
            "FilterExpression": "begins_with(pk, :effect) AND #state IN (:claimed, :uncertain)",
            "ExpressionAttributeNames": { "#state": "state" },
            "ExpressionAttributeValues": {
                ":effect": { "S": "effect#" }, ":claimed": { "S": "claimed" }, ":uncertain": { "S": "uncertain" }
            }
        });
        let found = self.cloud().aws_json("dynamodb", "DynamoDB_20120810.Scan", &scan).await?;
        let claims: Vec<_> = found.get("Items").and_then(Value::as_array).into_iter().flatten().collect();
        for claim in &claims {
            let update = json!({
                "TableName": table,
                "Key": { "pk": claim.get("pk") },
                "UpdateExpression": "SET claimed_at = claimed_at - :by, claim_deadline = claim_deadline - :by",
                "ExpressionAttributeValues": { ":by": { "N": by.as_millis().to_string() } }
            });
            self.cloud().aws_json("dynamodb", "DynamoDB_20120810.UpdateItem", &update).await?;
        }
        Ok(claims.len())
    }

    /// The work that finding-investigate would queue now for this finding about a session of this role.
    ///
    /// # Errors
    ///
    /// If the recorded answer it is made from is gone.
    pub async fn work(&self, id: &str, role: &str) -> Result<Value, String> {
        let recorded = fixture_json("answers/finding-investigate/imported-role-assumed.json")?;
        let mut work = recorded.pointer("/queued/0").cloned().ok_or("nothing is queued")?;
        let clock = self.cloud().control(Method::GET, "clock", None).await?;
        let arn = format!("arn:aws:iam::111122223333:role/{role}");
        for (place, value) in [
            ("/finding/asff/id", json!(id)),
            ("/run", json!(format!("run of {id}"))),
            ("/requested_at", clock.get("now").cloned().ok_or("no time")?),
            ("/subjects/0/principal/name", json!(role)),
            ("/subjects/0/principal/arn", json!(arn)),
        ] {
            *work.pointer_mut(place).ok_or_else(|| format!("no `{place}`"))? = value;
        }
        Ok(work)
    }

    /// What a function wrote as lines of JSON whose message, or whose metrics, contain this text.
    ///
    /// # Errors
    ///
    /// If its log cannot be read.
    pub async fn logged(&self, function_output: &str, text: &str) -> Result<Vec<Value>, String> {
        let lines = self.logs(function_output).await?;
        let matching = lines.iter().filter(|line| line.contains(text));
        Ok(matching.filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Waits until there are this many such lines: what a function writes is there only once its invocation has ended.
    ///
    /// # Errors
    ///
    /// If there are not within [`PATIENCE`].
    pub async fn await_logged(
        &self,
        function_output: &str,
        text: &str,
        lines: usize,
    ) -> Result<Vec<Value>, String> {
        eventually(&format!("{lines} lines with `{text}`"), PATIENCE, || async {
            let logged = self.logged(function_output, text).await.ok()?;
            (logged.len() >= lines).then_some(logged)
        })
        .await
    }
}
