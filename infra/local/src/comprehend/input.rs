//! What the service model demands of a request's members.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::refusal::{Outcome, Refusal};

/// The request's members, or those of a structure in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    members: &'a Map<String, Value>,
    /// Where the structure is, such as `inputDataConfig.`.
    within: &'static str,
}

/// A pattern of the service model and what checks it.
#[derive(Clone, Copy)]
pub(super) struct Pattern {
    shown: &'static str,
    holds: fn(&str) -> bool,
}

/// `ComprehendArnName`, `VersionName`, `ComprehendEndpointName`
pub(super) const NAME: Pattern = Pattern { shown: "^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", holds: is_name };
/// `ClientRequestTokenString`
pub(super) const TOKEN: Pattern = Pattern { shown: "^[a-zA-Z0-9-]+$", holds: is_token };
/// `IamRoleArn`
pub(super) const ROLE: Pattern = Pattern { shown: "arn:aws(-[^:]+)?:iam::[0-9]{12}:role/.+", holds: is_role };
/// `S3Uri`
pub(super) const S3_URI: Pattern =
    Pattern { shown: r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?", holds: is_s3_uri };
/// `DocumentClassifierArn`
pub(super) const CLASSIFIER: Pattern = Pattern {
    shown: "arn:aws(-[^:]+)?:comprehend:[a-zA-Z0-9-]*:[0-9]{12}:document-classifier/…(/version/…)?",
    holds: is_classifier_arn,
};
/// `DocumentClassifierEndpointArn`
pub(super) const ENDPOINT: Pattern = Pattern {
    shown: "arn:aws(-[^:]+)?:comprehend:[a-zA-Z0-9-]*:[0-9]{12}:document-classifier-endpoint/…",
    holds: is_endpoint_arn,
};
/// `JobId`, `JobName`
pub(super) const JOB: Pattern = Pattern { shown: r"^([\p{L}\p{Z}\p{N}_.:/=+\-%@]*)$", holds: is_job_text };

impl<'a> Input<'a> {
    pub(super) fn new(body: &'a Value) -> Outcome<Self> {
        let members = body.as_object().ok_or_else(|| Refusal::serialization("expected a JSON object"))?;
        Ok(Self { members, within: "" })
    }

    /// A member that is there; `null` counts as absent.
    fn get(self, member: &str) -> Option<&'a Value> {
        self.members.get(member).filter(|value| !value.is_null())
    }

    /// A member as it is.
    pub(super) fn raw(self, member: &str) -> Option<Value> {
        self.get(member).cloned()
    }

    /// Whether a member is there.
    pub(super) fn has(self, member: &str) -> bool {
        self.get(member).is_some()
    }

    /// A structure, if there is one. `within` is its path and a full stop.
    pub(super) fn structure(self, member: &str, within: &'static str) -> Outcome<Option<Self>> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let members = value
            .as_object()
            .ok_or_else(|| Refusal::serialization(format!("`{member}` must be a structure")))?;
        Ok(Some(Self { members, within }))
    }

    /// A structure that must be there.
    pub(super) fn required_structure(self, member: &str, within: &'static str) -> Outcome<Self> {
        self.structure(member, within)?.ok_or_else(|| self.missing(member))
    }

    /// A text, if there is one.
    pub(super) fn text(self, member: &str) -> Outcome<Option<&'a str>> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let text = value.as_str();
        text.map(Some).ok_or_else(|| Refusal::serialization(format!("`{member}` must be a string")))
    }

    /// A text of `min` to `max` characters.
    pub(super) fn sized(self, member: &str, min: usize, max: usize) -> Outcome<Option<&'a str>> {
        let Some(found) = self.text(member)? else { return Ok(None) };
        match found.chars().count() {
            length if length < min => Err(self.broken(
                &format!("'{found}'"),
                member,
                &format!("have length greater than or equal to {min}"),
            )),
            length if length > max => {
                let constraint = format!("have length less than or equal to {max}");
                Err(self.broken("(not shown)", member, &constraint))
            }
            _ => Ok(Some(found)),
        }
    }

    /// A text of a pattern, of `min` to `max` characters.
    pub(super) fn matching(
        self,
        member: &str,
        (min, max): (usize, usize),
        pattern: Pattern,
    ) -> Outcome<Option<&'a str>> {
        match self.sized(member, min, max)? {
            Some(found) if !(pattern.holds)(found) => {
                let constraint = format!("satisfy regular expression pattern: {}", pattern.shown);
                Err(self.broken(&format!("'{found}'"), member, &constraint))
            }
            found => Ok(found),
        }
    }

    /// As [`matching`](Self::matching), but it must be there.
    pub(super) fn required(
        self,
        member: &str,
        lengths: (usize, usize),
        pattern: Pattern,
    ) -> Outcome<&'a str> {
        self.matching(member, lengths, pattern)?.ok_or_else(|| self.missing(member))
    }

    /// A text of one of these values.
    pub(super) fn one_of(self, member: &str, values: &[&str]) -> Outcome<Option<&'a str>> {
        match self.text(member)? {
            Some(found) if !values.contains(&found) => {
                let constraint = format!("satisfy enum value set: [{}]", values.join(", "));
                Err(self.broken(&format!("'{found}'"), member, &constraint))
            }
            found => Ok(found),
        }
    }

    /// A whole number from `min` to `max`.
    pub(super) fn number(self, member: &str, min: u32, max: u32) -> Outcome<Option<u32>> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let number =
            value.as_i64().ok_or_else(|| Refusal::serialization(format!("`{member}` must be an integer")))?;
        match u32::try_from(number) {
            Ok(found) if (min..=max).contains(&found) => Ok(Some(found)),
            _ => {
                let (side, bound) = if number < i64::from(min) { ("greater", min) } else { ("less", max) };
                let constraint = format!("have value {side} than or equal to {bound}");
                Err(self.broken(&format!("'{number}'"), member, &constraint))
            }
        }
    }

    /// A time, which the protocol writes as seconds since 1970.
    pub(super) fn time(self, member: &str) -> Outcome<Option<OffsetDateTime>> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let wrong = || Refusal::serialization(format!("`{member}` must be a timestamp"));
        let seconds = value.as_f64().filter(|seconds| seconds.abs() < 1e11).ok_or_else(wrong)?;
        let since = time::Duration::seconds_f64(seconds);
        OffsetDateTime::UNIX_EPOCH.checked_add(since).map(Some).ok_or_else(wrong)
    }

    pub(super) fn missing(self, member: &str) -> Refusal {
        self.broken("null", member, "not be null")
    }

    fn broken(self, value: &str, member: &str, constraint: &str) -> Refusal {
        let (head, tail) = member.split_at_checked(1).unwrap_or((member, ""));
        let member = format!("{}{}{tail}", self.within, head.to_lowercase());
        Refusal::invalid(format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: \
             Member must {constraint}"
        ))
    }
}

fn is_name(text: &str) -> bool {
    let alphanumeric = |character: char| character.is_ascii_alphanumeric();
    text.starts_with(alphanumeric) && text.ends_with(alphanumeric) && is_token(text)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_job_text(text: &str) -> bool {
    text.chars().all(|character| {
        character.is_alphanumeric()
            || character == ' '
            || (!character.is_ascii() && character.is_whitespace())
            || "_.:/=+-%@".contains(character)
    })
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`: the Region, the account and the resource.
fn arn<'a>(text: &'a str, service: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [prefix, partition, named, region, account, resource] = parts.as_slice() else { return None };
    let sound = *prefix == "arn"
        && partition.strip_prefix("aws").is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        && *named == service
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit());
    sound.then_some((*region, *account, *resource))
}

fn is_role(text: &str) -> bool {
    arn(text, "iam").is_some_and(|(region, _, resource)| {
        region.is_empty() && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
    })
}

fn is_classifier_arn(text: &str) -> bool {
    arn(text, "comprehend")
        .and_then(|(_, _, resource)| resource.strip_prefix("document-classifier/"))
        .is_some_and(|name| match name.split_once("/version/") {
            Some((name, version)) => is_name(name) && is_name(version),
            None => is_name(name),
        })
}

fn is_endpoint_arn(text: &str) -> bool {
    arn(text, "comprehend")
        .and_then(|(_, _, resource)| resource.strip_prefix("document-classifier-endpoint/"))
        .is_some_and(is_name)
}

fn is_s3_uri(text: &str) -> bool {
    s3_location(text).is_some()
}

/// The bucket and the key, or prefix, of `s3://BUCKET/KEY`.
pub(super) fn s3_location(text: &str) -> Option<(&str, &str)> {
    let location = text.strip_prefix("s3://")?;
    let (bucket, key) = location.split_once('/').unwrap_or((location, ""));
    let edge = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let sound = (3..=63).contains(&bucket.len())
        && bucket.starts_with(edge)
        && bucket.ends_with(edge)
        && bucket.chars().all(|character| edge(character) || character == '.' || character == '-');
    sound.then_some((bucket, key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_are_those_of_the_model() {
        let role = "arn:aws:iam::111122223333:role/service/r";
        let classifier = "arn:aws:comprehend:us-east-1:111122223333:document-classifier/a-1/version/v--2";
        let endpoint = "arn:aws-cn:comprehend:cn-north-1:111122223333:document-classifier-endpoint/e";
        for (pattern, good, bad) in [
            (NAME, vec!["a", "A-1", "a--b"], vec!["-a", "a-", "a_b", ""]),
            (TOKEN, vec!["-", "a-1"], vec!["a:b", "a_b", "a/b", ""]),
            (ROLE, vec![role], vec!["arn:aws:iam::1:role/r", "arn:aws:iam::111122223333:user/u", endpoint]),
            (
                CLASSIFIER,
                vec![classifier],
                vec![endpoint, role, "arn:aws:comprehend:::document-classifier/a"],
            ),
            (ENDPOINT, vec![endpoint], vec![classifier, role]),
            (S3_URI, vec!["s3://abc", "s3://a.b-c/", "s3://abc/k e/y"], vec!["s3://A", "s3://ab", "abc/k"]),
            (JOB, vec!["screening: é/1 @50%"], vec!["a\tb", "a;b"]),
        ] {
            for text in good {
                assert!((pattern.holds)(text), "{text} and {}", pattern.shown);
            }
            for text in bad {
                assert!(!(pattern.holds)(text), "{text} and {}", pattern.shown);
            }
        }
        assert_eq!(s3_location("s3://abc/x/y"), Some(("abc", "x/y")));
        assert_eq!(s3_location("s3://abc"), Some(("abc", "")));
    }

    #[test]
    fn a_refusal_says_where_and_why() {
        let body = json!({ "Config": { "S3Uri": "x" }, "Units": 0, "At": 1.5, "Nothing": null });
        let input = Input::new(&body).unwrap();
        let config = input.required_structure("Config", "config.").unwrap();
        let message = config.required("S3Uri", (0, 1024), S3_URI).unwrap_err().message();
        assert!(message.contains("Value 'x' at 'config.s3Uri'"), "{message}");
        let message = input.number("Units", 1, 9).unwrap_err().message();
        assert!(message.contains("greater than or equal to 1"), "{message}");
        assert_eq!(input.time("At").unwrap().unwrap().unix_timestamp_nanos(), 1_500_000_000);
        assert!(!input.has("Nothing") && input.required_structure("Nothing", "").is_err());
        assert!(input.text("Units").is_err());
    }
}
