//! Making trouble for the compliance screening, and looking at what came of it.

use std::fmt::Write as _;

use eventide_testing::eventually;
use http::Method;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::Campaigns;
use crate::system::PATIENCE;

/// The queues of the functions.
pub(super) const QUEUES: [&str; 7] = [
    "ScreenQueueUrl",
    "ClassifyQueueUrl",
    "JudgeQueueUrl",
    "SendQueueUrl",
    "TrackQueueUrl",
    "ReviewQueueUrl",
    "ReportQueueUrl",
];

impl Campaigns {
    /// Lets messages of every queue that failed come back after this many seconds.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn comes_back_after(&self, seconds: u32) -> Result<(), String> {
        for queue in QUEUES {
            self.stack().comes_back_after(queue, seconds).await?;
        }
        Ok(())
    }

    /// Waits until no queue holds anything.
    ///
    /// # Errors
    ///
    /// If one still does after twice [`PATIENCE`].
    pub async fn come_to_rest(&self) -> Result<(), String> {
        // A message of a shard that two were at is delayed by a minute.
        let empty = eventually("empty queues", PATIENCE * 2, || async {
            for queue in QUEUES {
                if self.stack().depth(queue).await != Ok(0) {
                    return None;
                }
            }
            Some(())
        });
        match empty.await {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("{error}; {}", self.depths().await)),
        }
    }

    /// What the queues hold, for an error.
    pub(super) async fn depths(&self) -> String {
        let mut told = String::new();
        for queue in QUEUES {
            let (depth, waiting) = (self.stack().depth(queue).await, self.stack().waiting(queue).await);
            if depth != Ok(0) {
                // Writing to a text does not fail.
                let _ = write!(told, "{queue} holds {depth:?}, {waiting:?} of them not delayed; ");
            }
        }
        told
    }

    /// Waits until no queue has anything to do, and throws away what is delayed: repeats of messages of
    /// campaigns that are sent.
    ///
    /// # Errors
    ///
    /// If a queue has something to do after [`PATIENCE`].
    pub async fn drop_delayed(&self) -> Result<(), String> {
        eventually("idle queues", PATIENCE, || async { self.is_idle().await.then_some(()) }).await?;
        for queue in QUEUES {
            let body = json!({ "QueueUrl": self.stack().output(queue)? });
            self.cloud().aws_json("sqs", "AmazonSQS.PurgeQueue", &body).await?;
        }
        Ok(())
    }

    /// Has the schedules' work done: what is due is sent, looked after and reported.
    ///
    /// # Errors
    ///
    /// If a sweep fails.
    pub async fn sweep(&self) -> Result<(), String> {
        for function in ["ClassifyFunction", "SendFunction", "ReportFunction"] {
            let swept = self.stack().invoke(function, &json!({ "sweep": true })).await?;
            swept.map_err(|error| format!("the sweep of {function}: {error}"))?;
        }
        Ok(())
    }

    /// Whether no queue has a message that can be received or is being worked on. Delayed ones do not count.
    pub async fn is_idle(&self) -> bool {
        for queue in QUEUES {
            if self.stack().waiting(queue).await != Ok(0) {
                return false;
            }
        }
        true
    }

    /// Carries a campaign on to its end as time would: whenever no queue has anything to do, time passes, and
    /// the schedules come. The end's event, `Campaign Sent` or `Campaign Failed`.
    ///
    /// # Errors
    ///
    /// If it has not ended within two minutes.
    pub async fn carry_on(&self, campaign: &str, end: &str) -> Result<Value, String> {
        let what = format!("`{end}` of `{campaign}`");
        let ended = eventually(&what, PATIENCE * 2, || async {
            if let Some(ended) = self.take(end, campaign).await {
                return Some(ended);
            }
            if self.is_idle().await {
                self.pass(1_200).await.ok()?;
                // What a sweep does not manage, the next one does.
                self.sweep().await.ok()?;
            }
            None
        });
        match ended.await {
            Ok(ended) => Ok(ended),
            Err(error) => {
                let failed = self.stack().messages("FailedQueueUrl").await.unwrap_or_default();
                let depths = self.depths().await;
                Err(format!("{error}; {depths}observed {:?}; failed {failed:?}", self.observed().await))
            }
        }
    }

    /// Sets the moments back at which campaigns, shards, reports and claims are due, as if that many seconds
    /// had passed. Records that somebody writes at the same time are left alone.
    ///
    /// # Errors
    ///
    /// If DynamoDB refuses.
    pub async fn pass(&self, seconds: u64) -> Result<(), String> {
        let table = self.stack().output("LedgerTable")?;
        for item in self.items("attribute_exists(due_at) OR attribute_exists(claim_deadline)").await? {
            let mut sets = Vec::new();
            let (mut names, mut values) = (Map::new(), Map::new());
            values.insert(":by".to_owned(), json!({ "N": (seconds * 1_000).to_string() }));
            for name in ["due_at", "claim_deadline"] {
                if item.get(name).is_some() {
                    sets.push(format!("{name} = {name} - :by"));
                }
            }
            for name in ["campaign", "shard"] {
                let Some(record) = item.get(name).and_then(|text| text.get("S")?.as_str()) else { continue };
                let Ok(mut record) = serde_json::from_str::<Value>(record) else { continue };
                if earlier(&mut record, seconds).is_some() {
                    sets.push(format!("#{name} = :{name}"));
                    names.insert(format!("#{name}"), json!(name));
                    values.insert(format!(":{name}"), json!({ "S": record.to_string() }));
                }
            }
            // Others may be writing.
            let condition = match item.get("revision") {
                Some(revision) => {
                    values.insert(":revision".to_owned(), revision.clone());
                    "revision = :revision"
                }
                None => "attribute_exists(pk)",
            };
            let mut update = json!({
                "TableName": table, "Key": { "pk": item.get("pk") },
                "UpdateExpression": format!("SET {}", sets.join(", ")),
                "ConditionExpression": condition, "ExpressionAttributeValues": values,
            });
            if let Some(update) = update.as_object_mut().filter(|_| !names.is_empty()) {
                update.insert("ExpressionAttributeNames".to_owned(), Value::Object(names));
            }
            let updated = self.cloud().aws_json("dynamodb", "DynamoDB_20120810.UpdateItem", &update).await;
            if let Err(error) = updated
                && !error.to_string().contains("ConditionalCheckFailed")
            {
                return Err(error.to_string());
            }
        }
        Ok(())
    }

    /// The items of the ledger's table of which an expression is true.
    ///
    /// # Errors
    ///
    /// If DynamoDB refuses.
    pub async fn items(&self, filter: &str) -> Result<Vec<Value>, String> {
        let scan = json!({ "TableName": self.stack().output("LedgerTable")?, "FilterExpression": filter });
        let found = self.cloud().aws_json("dynamodb", "DynamoDB_20120810.Scan", &scan).await?;
        Ok(found.get("Items").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// The records of a kind, `campaign` or `shard`, that belong to a campaign.
    ///
    /// # Errors
    ///
    /// If DynamoDB refuses.
    pub async fn records(&self, kind: &str, campaign: &str) -> Result<Vec<Value>, String> {
        let member = if kind == "campaign" { "id" } else { "campaign" };
        let items = self.items("attribute_exists(revision)").await?;
        let record = |item: &Value| -> Option<Value> {
            let mut record: Value = serde_json::from_str(item.get(kind)?.get("S")?.as_str()?).ok()?;
            // What closes a shard leaves the rest of it as it was.
            if let (Some(record), Some(closed)) = (record.as_object_mut(), item.pointer("/closed/BOOL")) {
                record.insert("closed".to_owned(), closed.clone());
            }
            Some(record)
        };
        let records = items.iter().filter_map(record);
        Ok(records.filter(|record| record.get(member).and_then(Value::as_str) == Some(campaign)).collect())
    }

    /// How many classification jobs were started.
    ///
    /// # Errors
    ///
    /// If the local cloud does not answer.
    pub async fn jobs(&self) -> Result<Vec<Value>, String> {
        let jobs = self.cloud().control(Method::GET, "comprehend/jobs", None).await?;
        Ok(jobs.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Messages in the failed queue, waited for, by the error's type: `error_type`, in order.
    ///
    /// # Errors
    ///
    /// If there are not that many within [`PATIENCE`].
    pub async fn failures(&self, count: usize) -> Result<Vec<String>, String> {
        let all = || async {
            let failed = self.stack().messages("FailedQueueUrl").await?;
            let kind = |message: &Value| {
                let kind = message.pointer("/MessageAttributes/error_type/StringValue");
                kind.and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let mut kinds: Vec<String> = failed.iter().map(kind).collect();
            kinds.sort();
            Ok::<_, String>(kinds)
        };
        let what = format!("{count} failures");
        let found =
            eventually(&what, PATIENCE, || async { all().await.ok().filter(|kinds| kinds.len() == count) });
        match found.await {
            Ok(kinds) => Ok(kinds),
            Err(error) => Err(format!("{error}, but {:?}", all().await)),
        }
    }

    /// Switches a rule of the stack's, given by its logical id, on or off.
    ///
    /// # Errors
    ///
    /// If there is no such rule.
    pub async fn rule(&self, logical_id: &str, on: bool) -> Result<(), String> {
        let rules = self.cloud().aws_json("events", "AWSEvents.ListRules", &json!({})).await?;
        let names = rules.get("Rules").and_then(Value::as_array).into_iter().flatten();
        let names = names.filter_map(|rule| rule.get("Name")?.as_str());
        let name = names.filter(|name| name.contains(logical_id)).min();
        let name = name.ok_or_else(|| format!("no rule `{logical_id}`: {rules}"))?;
        let target = if on { "AWSEvents.EnableRule" } else { "AWSEvents.DisableRule" };
        self.cloud().aws_json("events", target, &json!({ "Name": name })).await?;
        Ok(())
    }

    /// Has a function work through its queue, given by the stack's output, or leave it alone.
    ///
    /// # Errors
    ///
    /// If Lambda knows of no such queue.
    pub async fn mapping(&self, queue: &str, on: bool) -> Result<(), String> {
        let queue = self.stack().output(queue)?.rsplit('/').next().unwrap_or_default();
        let path = "/2015-03-31/event-source-mappings/";
        let mappings = self.cloud().rest("lambda", Method::GET, path, None).await?;
        let mut mappings =
            mappings.get("EventSourceMappings").and_then(Value::as_array).into_iter().flatten();
        let text = |mapping: &Value, member: &str| mapping.get(member)?.as_str().map(str::to_owned);
        let of =
            mappings.find(|mapping| text(mapping, "EventSourceArn").is_some_and(|arn| arn.ends_with(queue)));
        let id =
            of.and_then(|mapping| text(mapping, "UUID")).ok_or_else(|| format!("no mapping of {queue}"))?;
        let change = json!({ "Enabled": on });
        self.cloud().rest("lambda", Method::PUT, &format!("{path}{id}"), Some(&change)).await?;
        Ok(())
    }

    /// Tells of a campaign's latest upload once more, as Amazon S3 may.
    ///
    /// # Errors
    ///
    /// If there is no such campaign.
    pub async fn tell_again(&self, campaign: &str) -> Result<(), String> {
        let records = self.records("campaign", campaign).await?;
        let record = records.first().ok_or_else(|| format!("no campaign `{campaign}`"))?;
        let object = json!({
            "key": record.get("key"), "size": record.get("bytes"), "etag": record.get("etag"),
            "version-id": record.get("versionId"), "sequencer": record.get("sequencer"),
        });
        let detail =
            json!({ "bucket": { "name": self.stack().output("CampaignBucket")? }, "object": object });
        let event = json!({
            "version": "0", "id": "again", "source": "aws.s3", "detail-type": "Object Created", "detail": detail,
        });
        self.stack().send_message("ScreenQueueUrl", &event.to_string()).await
    }

    /// Plans how chosen sends or jobs go: `comprehend`, `email` or `sms`; see infra/local's README.
    ///
    /// # Errors
    ///
    /// If the plan is malformed.
    pub async fn plan(&self, name: &str, plan: &Value) -> Result<(), String> {
        self.cloud().control(Method::POST, &format!("{name}/plans"), Some(plan)).await?;
        Ok(())
    }

    /// Changes how a stand-in behaves: `comprehend`, `email` or `sms`; see infra/local's README.
    ///
    /// # Errors
    ///
    /// If there is no such setting.
    pub async fn stand_in(&self, name: &str, settings: &Value) -> Result<(), String> {
        self.cloud().control(Method::POST, &format!("{name}/settings"), Some(settings)).await?;
        Ok(())
    }
}

/// Sets a record's `dueAt` back, if it has one.
fn earlier(record: &mut Value, seconds: u64) -> Option<()> {
    let due_at = OffsetDateTime::parse(record.get("dueAt")?.as_str()?, &Rfc3339).ok()?;
    let earlier = due_at.checked_sub(Duration::seconds(i64::try_from(seconds).ok()?))?;
    *record.get_mut("dueAt")? = json!(earlier.format(&Rfc3339).ok()?);
    Some(())
}
