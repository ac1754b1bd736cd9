use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use eventide_testing::xml;
use http::Method;
use serde_json::Value;

use super::{Deployer, Request};

const LIMIT: Duration = Duration::from_secs(120);
/// CloudFormation takes larger templates from S3 only.
const BODY_LIMIT: usize = 51_200;

impl Deployer {
    /// Creates or updates the stack in MiniStack, waits, and gives its outputs.
    pub(super) async fn create_or_update(
        &self,
        request: &Request,
        template: &Value,
    ) -> Result<BTreeMap<String, String>, String> {
        let stack = request.stack.as_str();
        let mut action = "CreateStack";
        match self.status(stack).await?.as_deref() {
            None | Some("DELETE_COMPLETE") => {}
            // What failed at its first attempt cannot be updated, on AWS either.
            Some("ROLLBACK_COMPLETE" | "CREATE_FAILED" | "ROLLBACK_FAILED" | "DELETE_FAILED") => {
                self.delete_stack(stack).await?;
            }
            Some(_) => action = "UpdateStack",
        }
        let mut parameters: Vec<(String, String)> = vec![("StackName".into(), stack.into())];
        for (index, capability) in
            ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"].iter().enumerate()
        {
            parameters.push((format!("Capabilities.member.{}", index + 1), (*capability).into()));
        }
        for (index, (name, value)) in request.parameters.iter().enumerate() {
            let member = format!("Parameters.member.{}", index + 1);
            parameters.push((format!("{member}.ParameterKey"), name.clone()));
            parameters.push((format!("{member}.ParameterValue"), value.clone()));
        }
        parameters.push(self.template_parameter(stack, template.to_string()).await?);
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        match self.aws.query("cloudformation", action, &parameters).await {
            Err(error) if error.message.contains("No updates are to be performed") => {}
            Err(error) => return Err(error.to_string()),
            Ok(_) => self.await_complete(stack).await?,
        }
        self.outputs(stack).await
    }

    async fn template_parameter(&self, stack: &str, body: String) -> Result<(String, String), String> {
        if body.len() <= BODY_LIMIT {
            return Ok(("TemplateBody".into(), body));
        }
        let bucket = "/eventide-deployments";
        let path = format!("{bucket}/{stack}.template.json");
        self.aws.send("s3", Method::PUT, bucket, &[], Bytes::new()).await?;
        let put = self.aws.send("s3", Method::PUT, &path, &[], body.into()).await?;
        if put.status != 200 {
            return Err(format!("upload of the template: {} {}", put.status, put.text()));
        }
        Ok(("TemplateURL".into(), format!("{}{path}", self.aws.endpoint())))
    }

    pub(super) async fn delete_stack(&self, stack: &str) -> Result<(), String> {
        self.aws.query("cloudformation", "DeleteStack", &[("StackName", stack)]).await?;
        let start = Instant::now();
        loop {
            match self.status(stack).await?.as_deref() {
                None | Some("DELETE_COMPLETE") => return Ok(()),
                Some("DELETE_FAILED") => return Err(self.reasons(stack).await?),
                Some(_) if start.elapsed() > LIMIT => {
                    return Err(format!("not deleted within {} s", LIMIT.as_secs()));
                }
                Some(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn await_complete(&self, stack: &str) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let status = self.status(stack).await?.unwrap_or_default();
            match status.as_str() {
                "CREATE_COMPLETE" | "UPDATE_COMPLETE" => return Ok(()),
                status if status.ends_with("_FAILED") || status.ends_with("ROLLBACK_COMPLETE") => {
                    return Err(format!("{status}: {}", self.reasons(stack).await?));
                }
                status if start.elapsed() > LIMIT => {
                    return Err(format!("still {status} after {} s", LIMIT.as_secs()));
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// `None` if there is no such stack.
    async fn status(&self, stack: &str) -> Result<Option<String>, String> {
        match self.aws.query("cloudformation", "DescribeStacks", &[("StackName", stack)]).await {
            Ok(answer) => Ok(xml::value(&answer, "StackStatus")),
            Err(error) if error.message.contains("does not exist") => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn outputs(&self, stack: &str) -> Result<BTreeMap<String, String>, String> {
        let answer = self.aws.query("cloudformation", "DescribeStacks", &[("StackName", stack)]).await?;
        let keys = xml::values(&answer, "OutputKey");
        let values = xml::values(&answer, "OutputValue");
        Ok(keys.into_iter().zip(values).collect())
    }

    /// The reasons that the failed events of a stack give, the first failure first.
    async fn reasons(&self, stack: &str) -> Result<String, String> {
        let answer = self.aws.query("cloudformation", "DescribeStackEvents", &[("StackName", stack)]).await?;
        let mut reasons: Vec<_> = xml::values(&answer, "member")
            .into_iter()
            .filter(|event| {
                xml::value(event, "ResourceStatus").is_some_and(|status| status.ends_with("FAILED"))
            })
            .filter_map(|event| {
                let resource = xml::value(&event, "LogicalResourceId")?;
                let reason = xml::value(&event, "ResourceStatusReason").unwrap_or_default();
                Some(format!("{resource}: {reason}"))
            })
            .collect();
        reasons.reverse();
        Ok(if reasons.is_empty() { "its events give no reason".into() } else { reasons.join("; ") })
    }
}
