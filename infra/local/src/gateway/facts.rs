use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::Value;

use super::operation;
use super::{Inbound, Settings};
use crate::service::Caller;

/// The request members that name what a call concerns.
const RESOURCE_MEMBERS: [&str; 30] = [
    "TableName",
    "QueueUrl",
    "QueueName",
    "FunctionName",
    "RoleName",
    "RoleArn",
    "UserName",
    "PolicyArn",
    "StackName",
    "TopicArn",
    "GraphArn",
    "EntityArn",
    "InvestigationId",
    "KeyId",
    "SecretId",
    "EventBusName",
    "Rule",
    "logGroupName",
    "ActionTargetArn",
    "RuleArn",
    "EndpointArn",
    "DocumentClassifierArn",
    "DocumentClassifierName",
    "JobId",
    "JobName",
    "DataAccessRoleArn",
    "ConfigurationSetName",
    "ContactListName",
    "OptOutListName",
    "OriginationIdentity",
];

/// The wire protocol of a call, which decides what its errors look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// awsJson1_0 and awsJson1_1: the operation stands in `X-Amz-Target`.
    Json,
    /// awsQuery: the operation stands in the form's `Action`.
    Query,
    /// restXml as S3 speaks it.
    S3,
    /// restJson1.
    #[default]
    RestJson,
}

/// What a request says of itself.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The signing name; `unknown` without a signature or target.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The Region of the credential scope, else the default one.
    pub region: String,
    /// The account that the call acts in.
    pub account: String,
    /// Who calls.
    pub caller: Caller,
    /// The wire protocol.
    pub protocol: Protocol,
    /// The path, as it came.
    pub path: String,
    /// What the call names.
    pub resources: BTreeMap<String, String>,
}

impl Facts {
    pub(super) fn read(inbound: &Inbound, settings: &Settings) -> Self {
        let query = query_pairs(inbound.uri.query().unwrap_or_default());
        let scope = credential_scope(&inbound.headers, &query);
        let target = header(&inbound.headers, "x-amz-target");
        let form = match header(&inbound.headers, "content-type") {
            Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => form_pairs(&inbound.body),
            _ => Vec::new(),
        };
        let action = form.iter().chain(&query).find(|(name, _)| name == "Action").map(|(_, value)| value);
        let mut scope = scope.into_iter();
        let access_key = scope.next();
        let (_date, region, service) = (scope.next(), scope.next(), scope.next());
        let service = service
            .or_else(|| target.map(service_of_target))
            .or_else(|| {
                header(&inbound.headers, "host")?.contains(".lambda-url.").then(|| "lambda-url".into())
            })
            .unwrap_or_else(|| "unknown".into());
        let path = inbound.uri.path().to_owned();
        let (protocol, operation) = match (target, action) {
            (Some(target), _) => (Protocol::Json, target.rsplit('.').next().unwrap_or(target).to_owned()),
            (None, Some(action)) if service != "s3" => (Protocol::Query, action.clone()),
            _ if service == "s3" => {
                (Protocol::S3, operation::of_s3(&inbound.method, &path, &query, &inbound.headers))
            }
            _ => (Protocol::RestJson, operation::of_rest(&inbound.method, &path)),
        };
        let account = access_key.as_deref().filter(|key| is_account(key)).unwrap_or(&settings.account);
        Self {
            account: account.to_owned(),
            region: region.unwrap_or_else(|| settings.region.clone()),
            caller: Caller { app_id: app_id(&inbound.headers), access_key, role_arn: None },
            resources: resources(&service, &path, &query, &inbound.body, &form),
            service,
            operation,
            protocol,
            path,
        }
    }
}

/// Access key id, date, Region and service of the signature's credential scope, from the header or from a
/// presigned URL.
fn credential_scope(headers: &HeaderMap, query: &[(String, String)]) -> Vec<String> {
    let header = header(headers, "authorization").and_then(|value| value.split_once("Credential="));
    let parameter = |wanted| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let scope = match header {
        Some((_, scope)) => scope.split([',', ' ']).next(),
        None => parameter("X-Amz-Credential"),
    };
    match scope {
        Some(scope) => scope.split('/').map(str::to_owned).collect(),
        // Signature version 2, which boto3 still makes for S3's presigned URLs; it names no Region.
        None => parameter("AWSAccessKeyId")
            .map(|key| [key, "", "us-east-1", "s3"].map(str::to_owned).to_vec())
            .unwrap_or_default(),
    }
}

/// The signing name behind a target such as `DynamoDB_20120810.GetItem`, for calls without a signature.
fn service_of_target(target: &str) -> String {
    let prefix = target.split(['_', '.']).next().unwrap_or(target);
    prefix.trim_start_matches("Amazon").trim_start_matches("AWS").to_lowercase()
}

/// The id in `app/ID` of the user agent, where SDKs put `AWS_SDK_UA_APP_ID`.
fn app_id(headers: &HeaderMap) -> Option<String> {
    let of = |name| {
        let agent: &str = header(headers, name)?;
        agent.split(' ').find_map(|word| word.strip_prefix("app/")).map(str::to_owned)
    };
    // SDKs that cannot set the user agent, and older ones beside it, use the second name.
    of("user-agent").or_else(|| of("x-amz-user-agent"))
}

fn resources(
    service: &str,
    path: &str,
    query: &[(String, String)],
    body: &[u8],
    form: &[(String, String)],
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let named = |name: &str| RESOURCE_MEMBERS.contains(&name);
    if service == "s3" {
        let mut parts = path.trim_start_matches('/').splitn(2, '/').map(percent_decode);
        found
            .extend(parts.next().filter(|bucket| !bucket.is_empty()).map(|bucket| ("Bucket".into(), bucket)));
        found.extend(parts.next().filter(|key| !key.is_empty()).map(|key| ("Key".into(), key)));
        let version = query.iter().find(|(name, _)| name == "versionId");
        found.extend(version.map(|(_, version)| ("VersionId".into(), version.clone())));
        return found;
    }
    if let Some((_, after)) = path.split_once("/functions/") {
        let function = after.split('/').next().unwrap_or(after);
        found.insert("FunctionName".into(), percent_decode(function));
    }
    found.extend(form.iter().filter(|(name, _)| named(name)).cloned());
    if let Ok(Value::Object(members)) = serde_json::from_slice(body) {
        let members = members.into_iter().filter(|(name, _)| named(name));
        found.extend(members.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))));
    }
    found
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is_account(key: &str) -> bool {
    key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit())
}

/// The pairs of a URL's query, percent-decoded.
pub(crate) fn query_pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name), percent_decode(value))
        })
        .collect()
}

fn form_pairs(body: &[u8]) -> Vec<(String, String)> {
    query_pairs(&String::from_utf8_lossy(body).replace('+', "%20"))
}

/// Percent-decoding; what is no escape stays as it is, what is no UTF-8 is replaced.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let decoded = piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (decoded, piece.get(2..)) {
            (Some(byte), Some(rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => {
                bytes.push(b'%');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
