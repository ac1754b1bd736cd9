//! What IAM is asked for a call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Call;

/// A call in the journal.
struct Journaled<'a> {
    entry: &'a Value,
    region: &'a str,
    account: &'a str,
}

/// What IAM is asked for a call in the journal, which has to keep bodies. Some calls need more than one action.
///
/// # Errors
///
/// A call that this does not know how to judge.
pub fn asked(entry: &Value) -> Result<BTreeSet<Call>, String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let account = text("role_arn").split(':').nth(4).unwrap_or("111122223333");
    let call = Journaled { entry, region: text("region"), account };
    let (service, operation) = (text("service"), text("operation"));
    let one = match service {
        "comprehend" => return call.comprehend(operation),
        "connect" => return call.connect(operation),
        "dynamodb" => return call.dynamodb(operation),
        "events" => return call.events(operation),
        "redshift-data" => return call.redshift_data(operation),
        "s3" => return call.s3(operation),
        "ses" => return call.ses(operation),
        "detective" => call.detective(operation),
        "iam" => call.iam(operation),
        "secretsmanager" if operation == "GetSecretValue" => {
            Ok(Call::new("secretsmanager:GetSecretValue", call.named("SecretId")?))
        }
        "securityhub" => call.securityhub(operation),
        "sms-voice" if operation == "SendTextMessage" => return call.send_text_message(),
        "sqs" => call.sqs(operation),
        "sts" if operation == "AssumeRole" => Ok(Call::new("sts:AssumeRole", call.named("RoleArn")?)),
        _ => Err(unknown(service, operation)),
    };
    Ok(BTreeSet::from([one?]))
}

fn unknown(service: &str, operation: &str) -> String {
    format!("`{service}:{operation}` is not known here: say what IAM checks")
}

impl Journaled<'_> {
    fn named(&self, name: &str) -> Result<&str, String> {
        let resource = self.entry.get("resources").and_then(|resources| resources.get(name));
        resource
            .and_then(Value::as_str)
            .ok_or_else(|| format!("the journal names no `{name}`: {}", self.entry))
    }

    fn body(&self) -> Result<Value, String> {
        let body = self.entry.get("body").and_then(Value::as_str).unwrap_or_default();
        serde_json::from_str(body).map_err(|error| format!("body: {error}: {}", self.entry))
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    /// A job is started with a role, which is passed on, and on the job itself, whose id AWS chooses.
    fn comprehend(&self, operation: &str) -> Result<BTreeSet<Call>, String> {
        let on = |resource: &str| Call::new(&format!("comprehend:{operation}"), resource);
        Ok(match operation {
            "ClassifyDocument" | "DescribeEndpoint" => [on(self.named("EndpointArn")?)].into(),
            "DescribeDocumentClassificationJob" => {
                let job = format!("document-classification-job/{}", self.named("JobId")?);
                [on(&self.arn("comprehend", &job))].into()
            }
            "StartDocumentClassificationJob" => {
                let mut passed = Call::new("iam:PassRole", self.named("DataAccessRoleArn")?);
                passed.keys.insert("iam:PassedToService".to_owned(), "comprehend.amazonaws.com".to_owned());
                let job = self.arn("comprehend", "document-classification-job/an-id");
                [on(&job), on(self.named("DocumentClassifierArn")?), passed].into()
            }
            _ => return Err(unknown("comprehend", operation)),
        })
    }

    /// A contact is what all of these are about, be it one that the call makes, whose id AWS chooses. A chat asks for its
    /// flow, too, and for the contact that it is related to.
    fn connect(&self, operation: &str) -> Result<BTreeSet<Call>, String> {
        let on = |instance: &str, resource: &str| {
            let resource = format!("instance/{instance}/{resource}");
            Call::new(&format!("connect:{operation}"), &self.arn("connect", &resource))
        };
        if operation == "DescribeContact" {
            let path = self.entry.get("path").and_then(Value::as_str).unwrap_or_default();
            let ids = path.strip_prefix("/contacts/").and_then(|ids| ids.split_once('/'));
            let (instance, contact) = ids.ok_or_else(|| format!("no contact: {}", self.entry))?;
            return Ok([on(instance, &format!("contact/{contact}"))].into());
        }
        let body = self.body()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let instance = text("InstanceId").ok_or("no instance")?;
        Ok(match operation {
            "StartChatContact" => {
                let flow = format!("contact-flow/{}", text("ContactFlowId").ok_or("no flow")?);
                let related = text("RelatedContactId").map(|contact| format!("contact/{contact}"));
                [flow].into_iter().chain(related).map(|resource| on(instance, &resource)).collect()
            }
            "StartOutboundVoiceContact" => [on(instance, "contact/an-id")].into(),
            "StopContact" => {
                [on(instance, &format!("contact/{}", text("ContactId").ok_or("no contact")?))].into()
            }
            _ => return Err(unknown("connect", operation)),
        })
    }

    /// Sending asks for who it comes from, and for the configuration set and the protect configuration that are named.
    fn send_text_message(&self) -> Result<BTreeSet<Call>, String> {
        let body = self.body()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let set = text("ConfigurationSetName").map(|name| format!("configuration-set/{name}"));
        let protection = text("ProtectConfigurationId").map(|id| format!("protect-configuration/{id}"));
        let named = [set, protection].into_iter().flatten().map(|resource| self.arn("sms-voice", &resource));
        let asked = [self.named("OriginationIdentity")?.to_owned()].into_iter().chain(named);
        Ok(asked.map(|resource| Call::new("sms-voice:SendTextMessage", &resource)).collect())
    }

    /// Sending asks for the sender's identity, and for the configuration set that is named.
    fn ses(&self, operation: &str) -> Result<BTreeSet<Call>, String> {
        match operation {
            "GetAccount" => return Ok([Call::new("ses:GetAccount", "*")].into()),
            "SendEmail" => {}
            _ => return Err(unknown("ses", operation)),
        }
        let body = self.body()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let from = text("FromEmailAddress").ok_or("no sender")?;
        let address = from.rsplit('<').next().unwrap_or(from).trim_end_matches('>');
        let set = text("ConfigurationSetName").map(|name| format!("configuration-set/{name}"));
        let asked = [Some(format!("identity/{address}")), set].into_iter().flatten();
        let calls = asked.map(|resource| {
            let mut call = Call::new("ses:SendEmail", &self.arn("ses", &resource));
            call.keys.insert("ses:FromAddress".to_owned(), address.to_owned());
            call
        });
        Ok(calls.collect())
    }

    fn detective(&self, operation: &str) -> Result<Call, String> {
        match operation {
            "ListGraphs" => Ok(Call::new("detective:ListGraphs", "*")),
            "GetInvestigation" | "ListIndicators" | "ListInvestigations" | "StartInvestigation" => {
                Ok(Call::new(&format!("detective:{operation}"), self.named("GraphArn")?))
            }
            _ => Err(unknown("detective", operation)),
        }
    }

    fn dynamodb(&self, operation: &str) -> Result<BTreeSet<Call>, String> {
        let table = |name: &str| self.arn("dynamodb", &format!("table/{name}"));
        let on = |action: &str, resource: &str| Call::new(&format!("dynamodb:{action}"), resource);
        Ok(match operation {
            "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" => {
                [on(operation, &table(self.named("TableName")?))].into()
            }
            "BatchGetItem" | "BatchWriteItem" => {
                let body = self.body()?;
                let tables = body.get("RequestItems").and_then(Value::as_object).ok_or("no tables")?;
                tables.keys().map(|name| on(operation, &table(name))).collect()
            }
            // Of an index, the index is asked for and not the table.
            "Query" => {
                let table = table(self.named("TableName")?);
                let body = self.body()?;
                let index = body.get("IndexName").and_then(Value::as_str);
                let resource = index.map_or(table.clone(), |index| format!("{table}/index/{index}"));
                [on("Query", &resource)].into()
            }
            // The items' own actions are asked for (DynamoDB developer guide, "IAM for transactions").
            "TransactWriteItems" => {
                let body = self.body()?;
                let mut calls = BTreeSet::new();
                for item in body.get("TransactItems").and_then(Value::as_array).into_iter().flatten() {
                    for (kind, write) in item.as_object().into_iter().flatten() {
                        let action = match kind.as_str() {
                            "ConditionCheck" => "ConditionCheckItem".to_owned(),
                            kind => format!("{kind}Item"),
                        };
                        let name = write.get("TableName").and_then(Value::as_str).ok_or("no table")?;
                        calls.insert(on(&action, &table(name)));
                    }
                }
                calls
            }
            _ => return Err(unknown("dynamodb", operation)),
        })
    }

    /// Each entry is asked for with its own condition keys.
    fn events(&self, operation: &str) -> Result<BTreeSet<Call>, String> {
        if operation != "PutEvents" {
            return Err(unknown("events", operation));
        }
        let body = self.body()?;
        let entries = body.get("Entries").and_then(Value::as_array).into_iter().flatten();
        let calls = entries.map(|entry| {
            let text = |name: &str| entry.get(name).and_then(Value::as_str);
            let bus = text("EventBusName").unwrap_or("default");
            let bus = bus.rsplit('/').next().unwrap_or(bus);
            let mut call = Call::new("events:PutEvents", &self.arn("events", &format!("event-bus/{bus}")));
            for (key, name) in [("events:source", "Source"), ("events:detail-type", "DetailType")] {
                call.keys.extend(text(name).map(|value| (key.to_owned(), value.to_owned())));
            }
            call
        });
        Ok(calls.collect())
    }

    fn iam(&self, operation: &str) -> Result<Call, String> {
        let (kind, member) = match operation {
            "GetRole" => ("role", "RoleName"),
            "GetUser" => ("user", "UserName"),
            _ => return Err(unknown("iam", operation)),
        };
        let arn = format!("arn:aws:iam::{}:{kind}/{}", self.account, self.named(member)?);
        Ok(Call::new(&format!("iam:{operation}"), &arn))
    }

    /// Statements have no ARN. Submitting one asks for the warehouse, and then, in the caller's name, for the log-in to
    /// its database (Redshift Management Guide, "Configuring IAM permissions" of the Data API; API references of the
    /// operations that make credentials).
    fn redshift_data(&self, operation: &str) -> Result<BTreeSet<Call>, String> {
        match operation {
            "ExecuteStatement" | "BatchExecuteStatement" => {}
            "CancelStatement" | "DescribeStatement" | "GetStatementResult" => {
                return Ok([Call::new(&format!("redshift-data:{operation}"), "*")].into());
            }
            // Service Authorization Reference: of the same action.
            "GetStatementResultV2" => return Ok([Call::new("redshift-data:GetStatementResult", "*")].into()),
            _ => return Err(unknown("redshift-data", operation)),
        }
        let body = self.body()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let mut calls = BTreeSet::new();
        let mut log_in = BTreeSet::new();
        let warehouse = match (text("ClusterIdentifier"), text("WorkgroupName")) {
            (Some(cluster), None) => {
                let database = format!("dbname:{cluster}/{}", text("Database").unwrap_or_default());
                let database = self.arn("redshift", &database);
                match text("DbUser") {
                    Some(user) => {
                        let user = self.arn("redshift", &format!("dbuser:{cluster}/{user}"));
                        log_in.extend(
                            [user, database].map(|arn| Call::new("redshift:GetClusterCredentials", &arn)),
                        );
                    }
                    None => log_in.extend([Call::new("redshift:GetClusterCredentialsWithIAM", &database)]),
                }
                self.arn("redshift", &format!("cluster:{cluster}"))
            }
            (None, Some(workgroup)) => {
                // The last part is the workgroup's id, which AWS chooses.
                let workgroup = self.arn("redshift-serverless", &format!("workgroup/id-of-{workgroup}"));
                log_in.insert(Call::new("redshift-serverless:GetCredentials", &workgroup));
                workgroup
            }
            _ => return Err(format!("neither a cluster nor a workgroup: {body}")),
        };
        calls.insert(Call::new(&format!("redshift-data:{operation}"), &warehouse));
        match text("SecretArn") {
            Some(secret) => calls.extend([Call::new("secretsmanager:GetSecretValue", secret)]),
            None => calls.extend(log_in),
        }
        Ok(calls)
    }

    fn s3(&self, operation: &str) -> Result<BTreeSet<Call>, String> {
        let bucket = format!("arn:aws:s3:::{}", self.named("Bucket")?);
        if operation == "ListObjectsV2" {
            return Ok([Call::new("s3:ListBucket", &bucket)].into());
        }
        let object = format!("{bucket}/{}", self.named("Key")?);
        let reads = matches!(operation, "GetObject" | "HeadObject");
        let action = match operation {
            "GetObject" | "HeadObject" if self.named("VersionId").is_ok() => "s3:GetObjectVersion",
            "GetObject" | "HeadObject" => "s3:GetObject",
            "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
                "s3:PutObject"
            }
            "AbortMultipartUpload" => "s3:AbortMultipartUpload",
            _ => return Err(unknown("s3", operation)),
        };
        let mut calls = BTreeSet::from([Call::new(action, &object)]);
        // That there is no object is told only to who may list the bucket; others are denied access (S3 API reference,
        // GetObject and HeadObject).
        if reads && self.entry.get("status").and_then(Value::as_u64) == Some(404) {
            calls.insert(Call::new("s3:ListBucket", &bucket));
        }
        Ok(calls)
    }

    fn securityhub(&self, operation: &str) -> Result<Call, String> {
        let hub = |kind: &str| self.arn("securityhub", kind);
        let update = |syntax: &str, resource: &str| {
            let mut call = Call::new("securityhub:BatchUpdateFindings", &hub(resource));
            member_keys(&format!("securityhub:{syntax}/"), &self.body()?, &mut call.keys);
            Ok::<_, String>(call)
        };
        match operation {
            "GetFindings" => Ok(Call::new("securityhub:GetFindings", &hub("hub/default"))),
            "BatchUpdateFindings" => update("ASFFSyntaxPath", "hub/default"),
            // Authorised by the same action (Security Hub API reference, BatchUpdateFindingsV2).
            "BatchUpdateFindingsV2" => update("OCSFSyntaxPath", "hubv2/an-id"),
            _ => Err(unknown("securityhub", operation)),
        }
    }

    fn sqs(&self, operation: &str) -> Result<Call, String> {
        if !matches!(operation, "SendMessage" | "SendMessageBatch") {
            return Err(unknown("sqs", operation));
        }
        let queue = self.named("QueueUrl")?.rsplit('/').next().unwrap_or_default();
        Ok(Call::new("sqs:SendMessage", &self.arn("sqs", queue)))
    }
}

/// The condition key of every member of a request, `prefix` and its path, as in `Severity.Label`.
fn member_keys(prefix: &str, value: &Value, keys: &mut BTreeMap<String, String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        keys.insert(format!("{prefix}{name}"), String::new());
        member_keys(&format!("{prefix}{name}."), member, keys);
    }
}
