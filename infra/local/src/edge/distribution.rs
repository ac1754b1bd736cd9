//! A CloudFront distribution: behaviours, origins and error responses, from its resolved properties.

use std::collections::BTreeMap;

use serde_json::Value;

use super::forwarding::{Forwarding, Policy};
use super::keys::PublicKey;
use super::pattern::matches_path;
use super::policy::{ResponseHeaders, methods};
use super::s3;
use super::values::{list, number, refuse, required, text};

/// What the distributions of a stack refer to, by physical ids.
#[derive(Debug, Default)]
pub(super) struct Referred {
    pub(super) keys: BTreeMap<String, PublicKey>,
    /// The key ids of a group.
    pub(super) groups: BTreeMap<String, Vec<String>>,
    pub(super) headers: BTreeMap<String, ResponseHeaders>,
    pub(super) policies: BTreeMap<String, Policy>,
}

/// A distribution.
#[derive(Debug)]
pub(super) struct Distribution {
    pub(super) id: String,
    pub(super) domain: String,
    pub(super) aliases: Vec<String>,
    root: String,
    /// In the order in which they are tried.
    behaviours: Vec<Behaviour>,
    origins: BTreeMap<String, Origin>,
    errors: BTreeMap<u16, ErrorResponse>,
}

/// What is done with requests for some paths.
#[derive(Debug)]
pub(super) struct Behaviour {
    pattern: String,
    origin: String,
    pub(super) methods: Vec<String>,
    /// The keys that sign; `None` where everybody may.
    pub(super) keys: Option<BTreeMap<String, PublicKey>>,
    pub(super) forwarding: Forwarding,
    pub(super) headers: ResponseHeaders,
}

/// Where answers come from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) domain: String,
    pub(super) path: String,
    /// The headers that CloudFront adds; values may be dynamic references.
    pub(super) headers: Vec<(String, String)>,
    pub(super) kind: Kind,
}

/// The kinds of origin that there are here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bucket(String),
    HttpApi,
}

/// What a viewer gets in the place of an error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    pub(super) page: String,
    pub(super) status: u16,
}

impl Distribution {
    /// Reads the properties of an `AWS::CloudFront::Distribution`.
    pub(super) fn parse(
        id: &str,
        domain: &str,
        properties: &Value,
        referred: &Referred,
    ) -> Result<Self, String> {
        let config = properties.get("DistributionConfig").ok_or("no `DistributionConfig`")?;
        refuse(config, "a distribution", &["OriginGroups", "CustomOrigin", "S3Origin", "CNAMEs"])?;
        let items = |member: &str| config.get(member).and_then(Value::as_array).into_iter().flatten();
        let mut origins = BTreeMap::new();
        for origin in items("Origins") {
            origins.insert(required(origin, "Id")?.to_owned(), Origin::parse(origin)?);
        }
        let default = config.get("DefaultCacheBehavior").ok_or("no `DefaultCacheBehavior`")?;
        let mut behaviours = Vec::new();
        for behaviour in items("CacheBehaviors") {
            behaviours.push(Behaviour::parse(required(behaviour, "PathPattern")?, behaviour, referred)?);
        }
        behaviours.push(Behaviour::parse("*", default, referred)?);
        if let Some(behaviour) = behaviours.iter().find(|behaviour| !origins.contains_key(&behaviour.origin))
        {
            return Err(format!("no origin `{}`", behaviour.origin));
        }
        let mut errors = BTreeMap::new();
        for error in items("CustomErrorResponses") {
            let (code, response) = ErrorResponse::parse(error)?;
            errors.extend(response.map(|response| (code, response)));
        }
        Ok(Self {
            id: id.into(),
            domain: domain.into(),
            aliases: list(config, "Aliases"),
            root: text(config, "DefaultRootObject").unwrap_or_default().into(),
            behaviours,
            origins,
            errors,
        })
    }

    /// Whether it is known by that host.
    pub(super) fn is_called(&self, host: &str) -> bool {
        host == self.domain || self.aliases.iter().any(|alias| alias == host)
    }

    /// The path of the object that a path asks for.
    pub(super) fn object<'a>(&self, path: &'a str) -> std::borrow::Cow<'a, str> {
        if path == "/" && !self.root.is_empty() { format!("/{}", self.root).into() } else { path.into() }
    }

    /// The first behaviour whose pattern matches, with its origin. The last matches everything.
    pub(super) fn behaviour(&self, path: &str) -> Option<(&Behaviour, &Origin)> {
        let behaviour = self.behaviours.iter().find(|behaviour| matches_path(&behaviour.pattern, path))?;
        Some((behaviour, self.origins.get(&behaviour.origin)?))
    }

    pub(super) fn error(&self, status: u16) -> Option<&ErrorResponse> {
        self.errors.get(&status)
    }

    /// The ids of the keys that sign for it, with their algorithms.
    pub(super) fn keys(&self) -> BTreeMap<&str, &'static str> {
        let keys = self.behaviours.iter().filter_map(|behaviour| behaviour.keys.as_ref()).flatten();
        keys.map(|(id, key)| (id.as_str(), key.algorithm())).collect()
    }
}

impl Behaviour {
    fn parse(pattern: &str, behaviour: &Value, referred: &Referred) -> Result<Self, String> {
        let members =
            ["FunctionAssociations", "LambdaFunctionAssociations", "TrustedSigners", "RealtimeLogConfigArn"];
        refuse(behaviour, "a cache behaviour", &members)?;
        Forwarding::refuse_legacy(behaviour)?;
        let mut keys: Option<BTreeMap<String, PublicKey>> = None;
        for group in list(behaviour, "TrustedKeyGroups") {
            let ids = referred.groups.get(&group).ok_or_else(|| format!("no key group `{group}`"))?;
            for id in ids {
                let key = referred.keys.get(id).ok_or_else(|| format!("no public key `{id}`"))?;
                keys.get_or_insert_default().insert(id.clone(), key.clone());
            }
        }
        let mut policies = Vec::new();
        for member in ["CachePolicyId", "OriginRequestPolicyId"] {
            if let Some(id) = text(behaviour, member) {
                let own = referred.policies.get(id).cloned().map(Ok);
                let policy = own.or_else(|| Policy::managed(id));
                policies.push(policy.ok_or_else(|| format!("no policy `{id}`, which `{member}` names"))??);
            }
        }
        let headers = match text(behaviour, "ResponseHeadersPolicyId") {
            None => ResponseHeaders::default(),
            Some(id) => {
                let found = referred.headers.get(id).cloned();
                found.ok_or_else(|| format!("no response headers policy `{id}`"))?
            }
        };
        Ok(Self {
            pattern: pattern.to_owned(),
            origin: required(behaviour, "TargetOriginId")?.to_owned(),
            methods: methods(behaviour),
            keys,
            forwarding: Forwarding::new(policies),
            headers,
        })
    }
}

impl Origin {
    fn parse(origin: &Value) -> Result<Self, String> {
        let domain = required(origin, "DomainName")?;
        let kind = match s3::bucket(domain) {
            Some(bucket) => Kind::Bucket(bucket.to_owned()),
            None if domain.contains(".execute-api.") => Kind::HttpApi,
            None => {
                return Err(format!("origin `{domain}`, expected a bucket of S3 or an HTTP API"));
            }
        };
        let mut headers = Vec::new();
        let items = origin.get("OriginCustomHeaders").and_then(Value::as_array);
        for header in items.into_iter().flatten() {
            let pair = (required(header, "HeaderName")?, required(header, "HeaderValue")?);
            headers.push((pair.0.to_ascii_lowercase(), pair.1.to_owned()));
        }
        let path = text(origin, "OriginPath").unwrap_or_default().to_owned();
        Ok(Self { domain: domain.into(), path, headers, kind })
    }
}

impl ErrorResponse {
    /// A status with what takes its place; nothing does where only the caching of the error is set.
    fn parse(error: &Value) -> Result<(u16, Option<Self>), String> {
        let status = |member: &str| -> Result<Option<u16>, String> {
            let Some(number) = number(error, member)? else { return Ok(None) };
            let status = format!("{number}").parse().map_err(|_| format!("`{member}` `{number}`"))?;
            Ok(Some(status))
        };
        let code = status("ErrorCode")?.ok_or("no `ErrorCode`")?;
        let response = match (text(error, "ResponsePagePath"), status("ResponseCode")?) {
            (Some(page), Some(status)) => Some(Self { page: page.to_owned(), status }),
            (None, None) => None,
            _ => return Err("`ResponsePagePath` and `ResponseCode` go together".into()),
        };
        Ok((code, response))
    }
}

#[cfg(test)]
#[path = "distribution_tests.rs"]
mod tests;
