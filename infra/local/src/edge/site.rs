//! What a stack has at the edge.

use serde_json::{Value, json};

use super::api::HttpApi;
use super::distribution::{Distribution, Referred};
use super::forwarding::Policy;
use super::keys::PublicKey;
use super::policy::ResponseHeaders;
use super::resource::{Kind, Resource};
use super::values::{list, required};

/// The distributions and HTTP APIs of a stack.
#[derive(Debug, Default)]
pub(super) struct Site {
    pub(super) distributions: Vec<Distribution>,
    pub(super) apis: Vec<HttpApi>,
}

impl Site {
    /// Reads the resources of a stack.
    ///
    /// # Errors
    /// The resource, and what of it is wrong or not covered.
    pub(super) fn new(resources: &[Resource], account: &str) -> Result<Self, String> {
        let mut site = Self::default();
        let mut referred = Referred::default();
        let of = |kind: Kind| resources.iter().filter(move |resource| resource.kind == kind);
        for resource in resources {
            let trouble = |error: String| format!("`{}`: {error}", resource.name);
            referred.read(resource).map_err(trouble)?;
        }
        for api in of(Kind::HttpApi) {
            let trouble = |error: String| format!("`{}`: {error}", api.name);
            let domain = api.attributes.get("ApiEndpoint").map(String::as_str).unwrap_or_default();
            let domain = domain.trim_start_matches("https://");
            let api = HttpApi::parse(&api.reference, (account, domain), &api.properties, &api.events);
            site.apis.push(api.map_err(trouble)?);
        }
        for resource in of(Kind::Distribution) {
            let trouble = |error: String| format!("`{}`: {error}", resource.name);
            let domain = resource.attributes.get("DomainName").map(String::as_str).unwrap_or_default();
            let (id, properties) = (&resource.reference, &resource.properties);
            let distribution = Distribution::parse(id, domain, properties, &referred);
            site.distributions.push(distribution.map_err(trouble)?);
        }
        Ok(site)
    }

    /// What is there, for people.
    pub(super) fn describe(&self) -> Value {
        let distributions = self.distributions.iter().map(|distribution| {
            json!({ "id": distribution.id, "domainName": distribution.domain, "keys": distribution.keys() })
        });
        let apis = self
            .apis
            .iter()
            .map(|api| json!({ "id": api.id, "domainName": api.domain, "routes": api.route_keys() }));
        json!({ "distributions": distributions.collect::<Value>(), "apis": apis.collect::<Value>() })
    }
}

impl Referred {
    fn read(&mut self, resource: &Resource) -> Result<(), String> {
        let Resource { reference, properties, .. } = resource;
        let config = |member: &str| properties.get(member).ok_or_else(|| format!("no `{member}`"));
        let id = reference.clone();
        match resource.kind {
            Kind::PublicKey => {
                let pem = required(config("PublicKeyConfig")?, "EncodedKey")?;
                self.keys.insert(id, PublicKey::parse(pem)?);
            }
            Kind::KeyGroup => {
                let items = list(config("KeyGroupConfig")?, "Items");
                self.groups.insert(id, items);
            }
            Kind::ResponseHeadersPolicy => {
                let policy = ResponseHeaders::parse(config("ResponseHeadersPolicyConfig")?)?;
                self.headers.insert(id, policy);
            }
            Kind::CachePolicy => {
                self.policies.insert(id, Policy::of_cache(config("CachePolicyConfig")?)?);
            }
            Kind::OriginRequestPolicy => {
                let policy = Policy::of_origin_request(config("OriginRequestPolicyConfig")?)?;
                self.policies.insert(id, policy);
            }
            Kind::OriginAccessControl | Kind::HttpApi | Kind::Distribution => {}
        }
        Ok(())
    }
}
