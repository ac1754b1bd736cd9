//! Dynamic references to Secrets Manager, `{{resolve:secretsmanager:ID:SecretString:KEY:STAGE:VERSION}}`.

use eventide_testing::Aws;
use serde_json::{Map, Value, json};

/// The text with the reference in it, if there is one, replaced by the secret's value. CloudFormation does so when it
/// deploys; here it is done for every request, so that a secret may be written later.
///
/// # Errors
/// The reference does not resolve. The error does not hold the secret.
pub(super) async fn resolve(aws: &Aws, text: &str) -> Result<String, String> {
    let Some((before, rest)) = text.split_once("{{resolve:secretsmanager:") else {
        return Ok(text.to_owned());
    };
    let (reference, after) = rest.split_once("}}").ok_or("a dynamic reference without an end")?;
    let reference = Reference::parse(reference);
    let mut request = Map::from_iter([("SecretId".to_owned(), json!(reference.id))]);
    for (member, value) in [("VersionStage", reference.stage), ("VersionId", reference.version)] {
        if !value.is_empty() {
            request.insert(member.into(), json!(value));
        }
    }
    let secret = aws.json("secretsmanager", "secretsmanager.GetSecretValue", &Value::Object(request)).await?;
    let secret = secret.get("SecretString").and_then(Value::as_str).ok_or("the secret is no text")?;
    let value = if reference.key.is_empty() {
        secret.to_owned()
    } else {
        let members: Value = serde_json::from_str(secret).map_err(|_| "the secret is no JSON")?;
        let value = members.get(reference.key).and_then(Value::as_str);
        value.ok_or_else(|| format!("the secret has no `{}`", reference.key))?.to_owned()
    };
    Ok(format!("{before}{value}{after}"))
}

#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    id: &'a str,
    key: &'a str,
    stage: &'a str,
    version: &'a str,
}

impl<'a> Reference<'a> {
    fn parse(text: &'a str) -> Self {
        // An ARN has six colons of its own.
        let colons = if text.starts_with("arn:") { 6 } else { 0 };
        let end = text.match_indices(':').nth(colons).map_or(text.len(), |(at, _)| at);
        let (id, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let mut parts = rest.split(':').skip(2);
        let mut part = || parts.next().unwrap_or_default();
        Self { id, key: part(), stage: part(), version: part() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_name_a_secret_and_what_of_it() {
        let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:origin-AbCdEf";
        let plain = |id| Reference { id, key: "", stage: "", version: "" };
        assert_eq!(Reference::parse(arn), plain(arn));
        assert_eq!(Reference::parse("name"), plain("name"));
        assert_eq!(Reference::parse("name:SecretString"), plain("name"));
        let full = format!("{arn}:SecretString:key:AWSPREVIOUS:");
        let expected = Reference { id: arn, key: "key", stage: "AWSPREVIOUS", version: "" };
        assert_eq!(Reference::parse(&full), expected);
    }
}
