//! Signed URLs, as CloudFront checks them: a canned policy (`Expires`) or a custom one (`Policy`), with `Signature`,
//! `Key-Pair-Id` and `Hash-Algorithm` (Developer Guide, "Use signed URLs"). Signed cookies are not covered.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::keys::{Hash, PublicKey};
use super::pattern;

/// The query parameters that CloudFront keeps for itself where a behaviour restricts access.
const RESERVED: [&str; 5] = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"];

/// Why a request is refused, always with 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    MissingKey,
    UnknownKey,
    MalformedSignature,
    MalformedPolicy,
    AccessDenied,
}

impl Refusal {
    /// CloudFront's own code and message.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::MissingKey => ("MissingKey", "Missing Key-Pair-Id query parameter or cookie value"),
            Self::UnknownKey => ("InvalidKey", "Unknown Key"),
            Self::MalformedSignature => ("MalformedSignature", "Could not unencode Signature"),
            Self::MalformedPolicy => ("MalformedPolicy", "Malformed Policy"),
            Self::AccessDenied => ("AccessDenied", "Access denied"),
        }
    }
}

/// Who asks for what, when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Scheme, host and path, without the query.
    pub(super) url: &'a str,
    /// The query as it came.
    pub(super) query: &'a str,
    /// The viewer's address.
    pub(super) address: IpAddr,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// Checks a signed URL against the keys of the behaviour's key groups, by their ids, and gives the query without
/// CloudFront's own parameters, which is what origins get.
pub(super) fn check(asked: Asked<'_>, keys: &BTreeMap<String, PublicKey>) -> Result<String, Refusal> {
    let (reserved, left) = split(asked.query);
    let only = |name: &str| match reserved.iter().filter(|(own, _)| *own == name).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [(_, value)] => Ok(Some(*value).filter(|value| !value.is_empty())),
        // Said twice, it is not clear what was signed.
        _ => Err(Refusal::AccessDenied),
    };
    let id = only("Key-Pair-Id")?.ok_or(Refusal::MissingKey)?;
    let key = keys.get(id).ok_or(Refusal::UnknownKey)?;
    let hash = match only("Hash-Algorithm")? {
        None | Some("SHA1") => Hash::Sha1,
        Some("SHA256") => Hash::Sha256,
        Some(_) => return Err(Refusal::AccessDenied),
    };
    let signature = decode(only("Signature")?.ok_or(Refusal::AccessDenied)?);
    let signature = signature.ok_or(Refusal::MalformedSignature)?;
    let resource = if left.is_empty() { asked.url.to_owned() } else { format!("{}?{left}", asked.url) };
    let (signed, policy) = match (only("Policy")?, only("Expires")?) {
        (Some(policy), None) => {
            let json = decode(policy).ok_or(Refusal::MalformedPolicy)?;
            let policy = Policy::parse(&json).ok_or(Refusal::MalformedPolicy)?;
            (json, policy)
        }
        (None, Some(expires)) if expires.bytes().all(|byte| byte.is_ascii_digit()) => {
            let json = format!(
                r#"{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}"#
            );
            (json.into_bytes(), Policy::canned(expires.parse().map_err(|_| Refusal::MalformedPolicy)?))
        }
        _ => return Err(Refusal::AccessDenied),
    };
    if !key.verifies(hash, &signed, &signature) || !policy.allows(&resource, asked) {
        return Err(Refusal::AccessDenied);
    }
    Ok(left)
}

/// CloudFront's own parameters, and the rest of the query, both as they are written.
fn split(query: &str) -> (Vec<(&str, &str)>, String) {
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let pairs = parameters.map(|parameter| (parameter, parameter.split_once('=').unwrap_or((parameter, ""))));
    let (reserved, left): (Vec<_>, Vec<_>) = pairs.partition(|(_, (name, _))| RESERVED.contains(name));
    let left: Vec<_> = left.into_iter().map(|(parameter, _)| parameter).collect();
    (reserved.into_iter().map(|(_, pair)| pair).collect(), left.join("&"))
}

/// Base64 with `-`, `_` and `~` in the place of `+`, `=` and `/`, which are none here: a signer that forgets to replace
/// them is not to pass.
fn decode(text: &str) -> Option<Vec<u8>> {
    let character = |character| match character {
        '-' => Some('+'),
        '_' => Some('='),
        '~' => Some('/'),
        '+' | '=' | '/' => None,
        character => Some(character),
    };
    let base64: String = text.chars().map(character).collect::<Option<_>>()?;
    STANDARD.decode(base64).ok()
}

/// What a policy allows.
#[derive(Debug, PartialEq, Eq)]
struct Policy {
    /// `None` is the resource that was asked for.
    resource: Option<String>,
    until: i64,
    from: Option<i64>,
    /// A network and how many bits of it count.
    network: Option<(Ipv4Addr, u32)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "Statement")]
    statement: [Statement; 1],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Statement {
    resource: Option<String>,
    condition: Condition,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Condition {
    date_less_than: Time,
    date_greater_than: Option<Time>,
    ip_address: Option<Source>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    #[serde(rename = "AWS:EpochTime")]
    epoch: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(rename = "AWS:SourceIp")]
    network: String,
}

impl Policy {
    fn canned(until: i64) -> Self {
        Self { resource: None, until, from: None, network: None }
    }

    fn parse(json: &[u8]) -> Option<Self> {
        let Document { statement: [Statement { resource, condition }] } =
            serde_json::from_slice(json).ok()?;
        let network = match condition.ip_address {
            Some(source) => Some(network(&source.network)?),
            None => None,
        };
        Some(Self {
            resource,
            until: condition.date_less_than.epoch,
            from: condition.date_greater_than.map(|time| time.epoch),
            network,
        })
    }

    fn allows(&self, resource: &str, asked: Asked<'_>) -> bool {
        self.resource.as_deref().is_none_or(|pattern| pattern::matches(pattern, resource))
            && asked.now < self.until
            && self.from.is_none_or(|from| asked.now > from)
            && self.network.is_none_or(|network| is_in(network, asked.address))
    }
}

/// `192.0.2.0/24`, or an address alone. CloudFront knows no policies for IPv6.
fn network(text: &str) -> Option<(Ipv4Addr, u32)> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
    Some((address.parse().ok()?, bits))
}

fn is_in((network, bits): (Ipv4Addr, u32), address: IpAddr) -> bool {
    let IpAddr::V4(address) = address else { return false };
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    network.to_bits() & mask == address.to_bits() & mask
}

#[cfg(test)]
#[path = "signed_tests.rs"]
mod tests;
