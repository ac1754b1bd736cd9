//! Making trouble for the data marts, and looking at what came of it.

use std::time::Duration;

use eventide_testing::eventually;
use http::Method;
use serde_json::{Value, json};

use super::Marts;
use crate::system::PATIENCE;

impl Marts {
    /// Changes how the warehouses behave; see infra/local's README.
    ///
    /// # Errors
    ///
    /// If there is no such setting.
    pub async fn settings(&self, settings: &Value) -> Result<(), String> {
        self.cloud.control(Method::POST, "redshift-data/settings", Some(settings)).await?;
        Ok(())
    }

    /// Advances the stand-ins' clock, by which statements run.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn advance(&self, by: Duration) -> Result<(), String> {
        let by = json!({ "advance_seconds": by.as_secs() });
        self.cloud.control(Method::POST, "clock", Some(&by)).await?;
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

    /// The fault rules, with how often each has applied.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn faults(&self) -> Result<Vec<Value>, String> {
        let faults = self.cloud.control(Method::GET, "faults", None).await?;
        Ok(faults.get("rules").and_then(Value::as_array).cloned().unwrap_or_default())
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
            let faults = self.faults().await.ok()?;
            let applied = |rule: &Value| rule.get("applied").and_then(Value::as_u64) == Some(1);
            faults.iter().any(applied).then_some(())
        })
        .await
    }

    /// Lets messages of a queue that failed come back after this many seconds.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn comes_back_after(&self, queue_output: &str, seconds: u32) -> Result<(), String> {
        let attributes = json!({ "VisibilityTimeout": seconds.to_string() });
        let body = json!({ "QueueUrl": self.output(queue_output)?, "Attributes": attributes });
        self.cloud.aws_json("sqs", "AmazonSQS.SetQueueAttributes", &body).await?;
        Ok(())
    }

    /// How many messages a queue holds: waiting, delayed or received.
    ///
    /// # Errors
    ///
    /// If SQS does not answer.
    pub async fn depth(&self, queue_output: &str) -> Result<u64, String> {
        let body = json!({ "QueueUrl": self.output(queue_output)?, "AttributeNames": ["All"] });
        let answer = self.cloud.aws_json("sqs", "AmazonSQS.GetQueueAttributes", &body).await?;
        let counts = ["", "Delayed", "NotVisible"].map(|kind| {
            let count = answer.get("Attributes")?.get(format!("ApproximateNumberOfMessages{kind}"))?;
            count.as_str()?.parse::<u64>().ok()
        });
        counts.into_iter().sum::<Option<u64>>().ok_or_else(|| format!("no counts: {answer}"))
    }

    /// Waits until nothing is left to do for any request, and looks whether something failed. The deployments' queue
    /// keeps messages that ask after statements whose end was told long ago.
    ///
    /// # Errors
    ///
    /// If one still does after [`PATIENCE`].
    pub async fn come_to_rest(&self) -> Result<(), String> {
        for queue in ["QueryQueueUrl", "DeliverQueueUrl"] {
            eventually(&format!("an empty {queue}"), PATIENCE, || async {
                (self.depth(queue).await == Ok(0)).then_some(())
            })
            .await?;
        }
        match self.failed_messages().await?.as_slice() {
            [] => Ok(()),
            failed => Err(format!("in the failed queue: {failed:?}")),
        }
    }

    /// All statements whose names begin so, oldest first, as the Data API describes them.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn statements(&self, name: &str) -> Result<Vec<Value>, String> {
        let answer = self.cloud.control(Method::GET, "redshift-data/statements", None).await?;
        let all = answer.get("statements").and_then(Value::as_array).cloned().unwrap_or_default();
        let named = |statement: &Value| {
            let of = statement.get("StatementName").and_then(Value::as_str).unwrap_or_default();
            of.starts_with(name)
        };
        Ok(all.into_iter().filter(named).collect())
    }

    /// The statements that answer requests for a mart.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn queries(&self, mart: &str) -> Result<Vec<Value>, String> {
        self.statements(&format!("eventide/query/{mart}/")).await
    }

    /// Waits until a mart's only statement has this status; it then.
    ///
    /// # Errors
    ///
    /// If it has not within [`PATIENCE`], or there is another statement.
    pub async fn await_status(&self, mart: &str, status: &str) -> Result<Value, String> {
        let what = format!("a statement of `{mart}` becoming {status}");
        let reached = eventually(&what, PATIENCE, || async {
            let statements = self.queries(mart).await.ok()?;
            let statement = statements.first()?;
            (statement.get("Status")?.as_str()? == status).then(|| statement.clone())
        });
        let reached = reached.await?;
        match self.queries(mart).await?.len() {
            1 => Ok(reached),
            count => Err(format!("`{mart}` has {count} statements")),
        }
    }

    /// Sends the event of the end of a statement again, with the same id.
    ///
    /// # Errors
    ///
    /// If there was no such event.
    pub async fn redeliver(&self, statement_id: &str) -> Result<(), String> {
        let sent = self.cloud.control(Method::GET, "redshift-data/events", None).await?;
        let events = sent.get("events").and_then(Value::as_array).into_iter().flatten();
        let of = |event: &&Value| {
            event.pointer("/event/detail/statementId").and_then(Value::as_str) == Some(statement_id)
        };
        let index = events.filter(of).find_map(|event| event.get("index"));
        let index = index.ok_or_else(|| format!("no event of `{statement_id}`: {sent}"))?;
        let body = json!({ "index": index });
        self.cloud.control(Method::POST, "redshift-data/redeliver", Some(&body)).await?;
        Ok(())
    }

    /// The record of a request in the ledger, and whether the sweep would find it.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn record(&self, token: &str) -> Result<(Value, bool), String> {
        let key = json!({ "pk": { "S": format!("request#{token}") } });
        let body = json!({ "TableName": self.output("LedgerTable")?, "Key": key, "ConsistentRead": true });
        let answer = self.cloud.aws_json("dynamodb", "DynamoDB_20120810.GetItem", &body).await?;
        let item = answer.get("Item").ok_or_else(|| format!("no request `{token}`"))?;
        let record = item.pointer("/record/S").and_then(Value::as_str).unwrap_or_default();
        let record = serde_json::from_str(record).map_err(|error| error.to_string())?;
        Ok((record, item.get("open").is_some()))
    }

    /// Waits until a request is in this state; its record then.
    ///
    /// # Errors
    ///
    /// If it is not within [`PATIENCE`].
    pub async fn await_state(&self, token: &str, state: &str) -> Result<Value, String> {
        let what = format!("request `{token}` being {state}");
        let reached = eventually(&what, PATIENCE, || async {
            let (record, _) = self.record(token).await.ok()?;
            (record.get("state")?.as_str()? == state).then_some(record)
        });
        match reached.await {
            Ok(record) => Ok(record),
            Err(error) => Err(format!("{error}; it is {:?}", self.record(token).await)),
        }
    }

    /// Sets the moment back at which every open request last moved, as if that much time had passed.
    ///
    /// # Errors
    ///
    /// If DynamoDB refuses.
    pub async fn age_requests(&self, by: Duration) -> Result<usize, String> {
        let table = self.output("LedgerTable")?;
        let scan = json!({ "TableName": table, "FilterExpression": "attribute_exists(moved_at)" });
        let found = self.cloud.aws_json("dynamodb", "DynamoDB_20120810.Scan", &scan).await?;
        let open: Vec<_> = found.get("Items").and_then(Value::as_array).into_iter().flatten().collect();
        for request in &open {
            let update = json!({
                "TableName": table,
                "Key": { "pk": request.get("pk") },
                "UpdateExpression": "SET moved_at = moved_at - :by",
                "ExpressionAttributeValues": { ":by": { "N": by.as_millis().to_string() } }
            });
            self.cloud.aws_json("dynamodb", "DynamoDB_20120810.UpdateItem", &update).await?;
        }
        Ok(open.len())
    }

    /// Sweeps, as the schedule has it done; what the sweep says of itself.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub async fn sweep(&self) -> Result<Value, String> {
        self.invoke("DeliverFunction", &json!({ "sweep": true })).await?.map_err(|error| error.to_string())
    }

    /// All items of the usage table, attribute values without their types.
    ///
    /// # Errors
    ///
    /// If DynamoDB does not answer.
    pub async fn usage(&self) -> Result<Vec<Value>, String> {
        let scan = json!({ "TableName": self.output("UsageTable")? });
        let found = self.cloud.aws_json("dynamodb", "DynamoDB_20120810.Scan", &scan).await?;
        let items = found.get("Items").and_then(Value::as_array).into_iter().flatten();
        let plain = |item: &Value| {
            let attributes = item.as_object().into_iter().flatten();
            let plain = attributes.filter_map(|(name, typed)| {
                let value = typed.get("S").cloned().or_else(|| {
                    let number: u64 = typed.get("N")?.as_str()?.parse().ok()?;
                    Some(json!(number))
                })?;
                Some((name.clone(), value))
            });
            Value::Object(plain.collect())
        };
        Ok(items.map(plain).collect())
    }
}
