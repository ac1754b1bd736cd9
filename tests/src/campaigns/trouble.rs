//! Making trouble for the compliance screening, and looking at what came of it.

use eventide_testing::eventually;
use http::Method;
use serde_json::{Value, json};

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
    /// If one still does after [`PATIENCE`].
    pub async fn come_to_rest(&self) -> Result<(), String> {
        eventually("empty queues", PATIENCE, || async {
            for queue in QUEUES {
                if self.stack().depth(queue).await != Ok(0) {
                    return None;
                }
            }
            Some(())
        })
        .await
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

    /// Sets the moments back at which campaigns, shards and claims are due, as if that many seconds had passed.
    ///
    /// # Errors
    ///
    /// If DynamoDB refuses.
    pub async fn pass(&self, seconds: u64) -> Result<(), String> {
        let table = self.stack().output("LedgerTable")?;
        for (attribute, by) in [("due_at", seconds * 1_000), ("claim_deadline", seconds * 1_000)] {
            let scan =
                json!({ "TableName": table, "FilterExpression": format!("attribute_exists({attribute})") });
            let found = self.cloud().aws_json("dynamodb", "DynamoDB_20120810.Scan", &scan).await?;
            for item in found.get("Items").and_then(Value::as_array).into_iter().flatten() {
                let update = json!({
                    "TableName": table,
                    "Key": { "pk": item.get("pk") },
                    "UpdateExpression": format!("SET {attribute} = {attribute} - :by"),
                    "ExpressionAttributeValues": { ":by": { "N": by.to_string() } },
                });
                self.cloud().aws_json("dynamodb", "DynamoDB_20120810.UpdateItem", &update).await?;
            }
        }
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
