//! The data marts, deployed, and what a test does with them.

mod file;
mod results;
mod trouble;

use std::collections::BTreeMap;

use eventide_testing::{LocalCloud, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::system::PATIENCE;

pub use file::{File, SCHEMA};
pub use results::{Delivered, texts};

/// Where the bucket of the data lake lies.
const LAKE: &str = "eventide-lake";
/// The workgroup and the cluster.
const WAREHOUSES: [&str; 2] = ["eventide", "eventide-cluster"];

/// The data marts system, deployed from its template into a local cloud of its own, with the HumanResources tables in
/// the data lake, and a queue that gets a copy of every event about marts.
#[derive(Debug)]
pub struct Marts {
    cloud: LocalCloud,
    outputs: BTreeMap<String, String>,
    observed: String,
}

/// An event about a mart.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its `detail-type`.
    pub detail_type: String,
    /// Its `detail`.
    pub detail: Value,
}

impl Marts {
    /// Deploys the system.
    ///
    /// # Errors
    ///
    /// What keeps the local cloud or the stack from coming up.
    pub async fn start() -> Result<Self, String> {
        Self::start_with(&[]).await
    }

    /// As [`Marts::start`], with other values for some of the template's parameters.
    ///
    /// # Errors
    ///
    /// What keeps the local cloud or the stack from coming up.
    pub async fn start_with(parameters: &[(&str, &str)]) -> Result<Self, String> {
        Self::start_on(LocalCloud::start().await?, parameters).await
    }

    /// As [`Marts::start_with`], on a local cloud that is running already.
    ///
    /// # Errors
    ///
    /// What keeps the stack from coming up.
    pub async fn start_on(cloud: LocalCloud, parameters: &[(&str, &str)]) -> Result<Self, String> {
        let mut all = BTreeMap::from([("LogLevel", "DEBUG"), ("OverdueMinutes", "1"), ("BusySeconds", "1")]);
        all.extend(parameters.iter().copied());
        let all: Vec<_> = all.into_iter().collect();
        let outputs = cloud.deploy("infra/data-marts.yaml", "eventide-data-marts", &all).await?;
        let lake = cloud.send("s3", Method::PUT, &format!("/{LAKE}"), &[], Vec::new()).await?;
        if lake.status != 200 {
            return Err(format!("the bucket of the data lake: {} {}", lake.status, lake.text()));
        }
        let sample = json!({ "bucket": LAKE });
        cloud.control(Method::POST, "redshift-data/human-resources", Some(&sample)).await?;
        let observed = observe(&cloud).await?;
        let marts = Self { cloud, outputs, observed };
        marts.prepare_warehouses().await?;
        Ok(marts)
    }

    /// The schema that an administrator makes for the marts, and what their roles need: what README tells to do once for
    /// each warehouse.
    async fn prepare_warehouses(&self) -> Result<(), String> {
        let (deploy, query) = (self.database_user("DeployRoleArn")?, self.database_user("QueryRoleArn")?);
        for warehouse in WAREHOUSES {
            let statements = json!({
                "warehouse": warehouse,
                "sql": [
                    format!("CREATE SCHEMA humanresources_marts AUTHORIZATION {deploy}"),
                    format!("GRANT USAGE ON SCHEMA humanresources TO {deploy}"),
                    format!("GRANT SELECT ON ALL TABLES IN SCHEMA humanresources TO {deploy}"),
                    format!("GRANT USAGE ON SCHEMA humanresources TO {query}"),
                    format!("GRANT SELECT ON ALL TABLES IN SCHEMA humanresources TO {query}"),
                ],
            });
            self.cloud.control(Method::POST, "redshift-data/sql", Some(&statements)).await?;
        }
        Ok(())
    }

    /// The local cloud it runs on.
    pub fn cloud(&self) -> &LocalCloud {
        &self.cloud
    }

    /// An output of the stack.
    ///
    /// # Errors
    ///
    /// If the stack has no such output.
    pub fn output(&self, name: &str) -> Result<&str, String> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| format!("the stack has no output `{name}`"))
    }

    /// Writes a mart's file into the mart bucket.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub async fn upload(&self, key: &str, text: &str) -> Result<(), String> {
        let path = format!("/{}/{key}", self.output("MartBucket")?);
        let answer = self.cloud.send("s3", Method::PUT, &path, &[], text.as_bytes().to_vec()).await?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("`{key}`: {} {}", answer.status, answer.text()))
        }
    }

    /// Writes a mart's file into the mart bucket and waits until it is in force: the detail of `Data Mart Deployed`.
    ///
    /// # Errors
    ///
    /// If it is not within [`PATIENCE`].
    pub async fn deploy(&self, file: &File) -> Result<Value, String> {
        self.upload(&file.key(), &file.text()).await?;
        let what = format!("`{}` being in force", file.name());
        let told = eventually(&what, PATIENCE, || async {
            match self.take("Data Mart Deployed", file.name()).await {
                Some(deployed) => Some(Ok(deployed)),
                None => self.take("Data Mart Rejected", file.name()).await.map(Err),
            }
        });
        told.await?.map_err(|rejected| format!("the mart was refused: {rejected}"))
    }

    /// Makes a table in both warehouses that the marts' roles may read, from the text after its name.
    ///
    /// # Errors
    ///
    /// What the warehouse says.
    pub async fn table(&self, name: &str, text: &str) -> Result<(), String> {
        for warehouse in WAREHOUSES {
            self.table_in(warehouse, name, text).await?;
        }
        Ok(())
    }

    /// As [`Marts::table`], in this warehouse.
    ///
    /// # Errors
    ///
    /// What the warehouse says.
    pub async fn table_in(&self, warehouse: &str, name: &str, text: &str) -> Result<(), String> {
        let mut sql = vec![format!("CREATE TABLE {name} {text}")];
        for role in ["DeployRoleArn", "QueryRoleArn"] {
            let user = self.database_user(role)?;
            let schema = name.split('.').next().unwrap_or_default();
            sql.push(format!("GRANT USAGE ON SCHEMA {schema} TO {user}"));
            sql.push(format!("GRANT SELECT ON {name} TO {user}"));
        }
        let sql: Vec<_> = sql.iter().map(String::as_str).collect();
        self.sql_in(warehouse, &sql).await?;
        Ok(())
    }

    /// The quoted database user of a role, given by the stack's output with its ARN.
    ///
    /// # Errors
    ///
    /// If the stack has no such output.
    pub fn database_user(&self, output: &str) -> Result<String, String> {
        Ok(format!("\"IAMR:{}\"", self.output(output)?.rsplit('/').next().unwrap_or_default()))
    }

    /// Deletes a mart's file from the mart bucket.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub async fn delete(&self, key: &str) -> Result<(), String> {
        let path = format!("/{}/{key}", self.output("MartBucket")?);
        let answer = self.cloud.send("s3", Method::DELETE, &path, &[], Vec::new()).await?;
        if answer.status == 204 {
            Ok(())
        } else {
            Err(format!("`{key}`: {} {}", answer.status, answer.text()))
        }
    }

    /// An object of the result bucket, if there is one.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub async fn result(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        let path = format!("/{}/{key}", self.output("ResultBucket")?);
        let answer = self.cloud.send("s3", Method::GET, &path, &[], Vec::new()).await?;
        match answer.status {
            200 => Ok(Some(answer.body.to_vec())),
            404 => Ok(None),
            status => Err(format!("`{key}`: {status} {}", answer.text())),
        }
    }

    /// Asks for a mart by direct invocation; `Err` holds the function's error.
    ///
    /// # Errors
    ///
    /// If Lambda does not answer.
    pub async fn ask(&self, request: &Value) -> Result<Result<Value, Value>, String> {
        self.invoke("QueryFunction", request).await
    }

    /// Invokes a function; `Err` holds the function's error.
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

    /// Every event about marts so far.
    ///
    /// # Errors
    ///
    /// If the queue cannot be read.
    pub async fn observed(&self) -> Result<Vec<Observed>, String> {
        let body = json!({ "QueueUrl": self.observed, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0 });
        let answer = self.cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &body).await?;
        let messages = answer.get("Messages").and_then(Value::as_array).into_iter().flatten();
        let events = messages.filter_map(|message| {
            let event: Value = serde_json::from_str(message.get("Body")?.as_str()?).ok()?;
            let detail_type = event.get("detail-type")?.as_str()?.to_owned();
            Some(Observed { detail_type, detail: event.get("detail")?.clone() })
        });
        Ok(events.collect())
    }

    /// Waits for an event about a mart: its detail. It is taken out of those observed.
    ///
    /// # Errors
    ///
    /// If there is none within [`PATIENCE`].
    pub async fn await_event(&self, detail_type: &str, mart: &str) -> Result<Value, String> {
        let what = format!("`{detail_type}` of `{mart}`");
        let found = eventually(&what, PATIENCE, || self.take(detail_type, mart)).await;
        match found {
            Ok(detail) => Ok(detail),
            Err(error) => {
                let failed = self.failed_messages().await.unwrap_or_default();
                Err(format!("{error}; observed {:?}; failed {failed:?}", self.observed().await))
            }
        }
    }

    async fn take(&self, detail_type: &str, mart: &str) -> Option<Value> {
        let body = json!({ "QueueUrl": self.observed, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0 });
        let answer = self.cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &body).await.ok()?;
        for message in answer.get("Messages")?.as_array()? {
            let event: Value = serde_json::from_str(message.get("Body")?.as_str()?).ok()?;
            let detail = event.get("detail")?;
            let is_of_mart = detail.get("mart").and_then(Value::as_str) == Some(mart)
                || detail.get("key").and_then(Value::as_str) == Some(mart);
            if event.get("detail-type")?.as_str()? == detail_type && is_of_mart {
                let delete =
                    json!({ "QueueUrl": self.observed, "ReceiptHandle": message.get("ReceiptHandle")? });
                self.cloud.aws_json("sqs", "AmazonSQS.DeleteMessage", &delete).await.ok()?;
                return Some(detail.clone());
            }
        }
        None
    }

    /// The messages in the failed queue: their bodies and why they are there.
    ///
    /// # Errors
    ///
    /// If the queue cannot be read.
    pub async fn failed_messages(&self) -> Result<Vec<Value>, String> {
        let body = json!({
            "QueueUrl": self.output("FailedQueueUrl")?, "MaxNumberOfMessages": 10,
            "VisibilityTimeout": 0, "MessageAttributeNames": ["All"],
        });
        let answer = self.cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &body).await?;
        Ok(answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Runs SQL in the workgroup at once, as a superuser.
    ///
    /// # Errors
    ///
    /// What the warehouse says.
    pub async fn sql(&self, sql: &[&str]) -> Result<Value, String> {
        self.sql_in("eventide", sql).await
    }

    /// As [`Marts::sql`], in this warehouse.
    ///
    /// # Errors
    ///
    /// What the warehouse says.
    pub async fn sql_in(&self, warehouse: &str, sql: &[&str]) -> Result<Value, String> {
        let body = json!({ "warehouse": warehouse, "sql": sql });
        Ok(self.cloud.control(Method::POST, "redshift-data/sql", Some(&body)).await?)
    }

    /// Decides how chosen statements go; see infra/local's README.
    ///
    /// # Errors
    ///
    /// If the plan is malformed.
    pub async fn plan(&self, plan: &Value) -> Result<(), String> {
        self.cloud.control(Method::POST, "redshift-data/plans", Some(plan)).await?;
        Ok(())
    }

    /// What a function has logged so far.
    ///
    /// # Errors
    ///
    /// If its log cannot be read.
    pub async fn logs(&self, output: &str) -> Result<Vec<String>, String> {
        Ok(self.cloud.logs(self.output(output)?).await?)
    }
}

/// The month that statements are booked in now.
#[must_use]
pub fn this_month() -> String {
    let now = time::OffsetDateTime::now_utc();
    format!("{:04}-{:02}", now.year(), u8::from(now.month()))
}

/// A queue that gets a copy of every event of the system's.
async fn observe(cloud: &LocalCloud) -> Result<String, String> {
    let queue = cloud.aws_json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": "observed" })).await?;
    let url = queue.get("QueueUrl").and_then(Value::as_str).ok_or("SQS made no queue")?.to_owned();
    let pattern = json!({ "source": ["eventide.data-marts"] }).to_string();
    let rule = json!({ "Name": "observed", "EventPattern": pattern });
    cloud.aws_json("events", "AWSEvents.PutRule", &rule).await?;
    let target = json!({ "Id": "observed", "Arn": "arn:aws:sqs:us-east-1:111122223333:observed" });
    let targets = json!({ "Rule": "observed", "Targets": [target] });
    cloud.aws_json("events", "AWSEvents.PutTargets", &targets).await?;
    Ok(url)
}
