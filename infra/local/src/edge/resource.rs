//! The resource types that the edge holds for stacks.

use std::collections::BTreeMap;

use serde_json::Value;

use super::api::Event;
use crate::messages::ids;

/// A resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    PublicKey,
    KeyGroup,
    OriginAccessControl,
    ResponseHeadersPolicy,
    CachePolicy,
    OriginRequestPolicy,
    HttpApi,
    Distribution,
}

/// A resource of a stack, its properties resolved.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// What `Ref` gives.
    pub(crate) reference: String,
    /// What `Fn::GetAtt` gives.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) properties: Value,
    /// Of an HTTP API, its routes.
    pub(crate) events: Vec<Event>,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::PublicKey,
        Self::KeyGroup,
        Self::OriginAccessControl,
        Self::ResponseHeadersPolicy,
        Self::CachePolicy,
        Self::OriginRequestPolicy,
        Self::HttpApi,
        Self::Distribution,
    ];

    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::PublicKey => "AWS::CloudFront::PublicKey",
            Self::KeyGroup => "AWS::CloudFront::KeyGroup",
            Self::OriginAccessControl => "AWS::CloudFront::OriginAccessControl",
            Self::ResponseHeadersPolicy => "AWS::CloudFront::ResponseHeadersPolicy",
            Self::CachePolicy => "AWS::CloudFront::CachePolicy",
            Self::OriginRequestPolicy => "AWS::CloudFront::OriginRequestPolicy",
            Self::HttpApi => "AWS::Serverless::HttpApi",
            Self::Distribution => "AWS::CloudFront::Distribution",
        }
    }

    pub(crate) fn of(resource: &Value) -> Option<Self> {
        let name = resource.get("Type").and_then(Value::as_str)?;
        Self::ALL.into_iter().find(|kind| kind.type_name() == name)
    }

    /// What `Ref` and `Fn::GetAtt` give. The same `token`, which names stack and resource, gives the same again.
    pub(crate) fn identity(self, token: &str, region: &str) -> (String, BTreeMap<String, String>) {
        let digits = ids::digits_of(token);
        let some = |count: usize| digits.chars().take(count).collect::<String>();
        let own = |id: String, attributes: &[(&str, String)]| {
            let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            (id, attributes.collect())
        };
        match self {
            Self::PublicKey => {
                let id = format!("K{}", some(13).to_ascii_uppercase());
                own(id.clone(), &[("Id", id)])
            }
            Self::Distribution => {
                let id = format!("E{}", some(13).to_ascii_uppercase());
                own(id.clone(), &[("Id", id), ("DomainName", format!("d{}.cloudfront.net", some(13)))])
            }
            Self::OriginAccessControl => {
                let id = format!("E{}", some(13).to_ascii_uppercase());
                own(id.clone(), &[("Id", id)])
            }
            Self::HttpApi => {
                let id = some(10);
                let endpoint = format!("https://{id}.execute-api.{region}.amazonaws.com");
                own(id.clone(), &[("ApiId", id), ("ApiEndpoint", endpoint)])
            }
            Self::KeyGroup | Self::ResponseHeadersPolicy | Self::CachePolicy | Self::OriginRequestPolicy => {
                let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
                let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
                let id = parts.join("-");
                own(id.clone(), &[("Id", id)])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_resource_has_the_same_ids_again() {
        let id = |kind: Kind, token: &str| kind.identity(token, "us-east-1").0;
        for kind in Kind::ALL {
            assert_eq!(id(kind, "stack/A"), id(kind, "stack/A"));
            assert_ne!(id(kind, "stack/A"), id(kind, "stack/B"));
        }
        let key = id(Kind::PublicKey, "stack/A");
        assert!(key.starts_with('K') && key.len() == 14 && key.to_ascii_uppercase() == key, "{key}");
        let (api, attributes) = Kind::HttpApi.identity("stack/A", "eu-west-1");
        assert_eq!(attributes["ApiEndpoint"], format!("https://{api}.execute-api.eu-west-1.amazonaws.com"));
        assert_eq!(id(Kind::KeyGroup, "stack/A").len(), 36);
    }
}
