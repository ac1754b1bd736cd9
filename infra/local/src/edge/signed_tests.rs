use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use super::*;

#[path = "hostile_tests.rs"]
mod hostile;

const URL: &str = "https://d111.cloudfront.net/c";
const NOW: i64 = 1_800_000_000;

struct Signer {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { pair, random }
    }

    fn keys(&self) -> BTreeMap<String, PublicKey> {
        BTreeMap::from([("K1".to_owned(), PublicKey::EcdsaP256(self.pair.public_key().as_ref().to_vec()))])
    }

    fn sign(&self, text: &str) -> String {
        encode(self.pair.sign(&self.random, text.as_bytes()).unwrap().as_ref())
    }

    fn canned(&self, query: &str, until: i64) -> String {
        let resource = if query.is_empty() { URL.to_owned() } else { format!("{URL}?{query}") };
        let policy = format!(
            r#"{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{until}}}}}}}]}}"#
        );
        format!(
            "{query}&Expires={until}&Signature={}&Key-Pair-Id=K1&Hash-Algorithm=SHA256",
            self.sign(&policy)
        )
    }

    fn custom(&self, policy: &str) -> String {
        let (policy, signature) = (encode(policy.as_bytes()), self.sign(policy));
        format!("t=1&Policy={policy}&Signature={signature}&Key-Pair-Id=K1&Hash-Algorithm=SHA256")
    }
}

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

fn asked(query: &str) -> Asked<'_> {
    Asked { url: URL, query, address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), now: NOW }
}

#[test]
fn a_canned_policy_holds_for_its_url_until_it_ends() {
    let signer = Signer::new();
    let keys = signer.keys();
    let query = signer.canned("t=1", NOW + 1);
    assert_eq!(check(asked(&query), &keys).unwrap(), "t=1");
    let bare = signer.canned("", NOW + 1);
    assert_eq!(check(asked(&bare), &keys).unwrap(), "");
    let at_its_end = Asked { now: NOW + 1, ..asked(&query) };
    assert_eq!(check(at_its_end, &keys), Err(Refusal::AccessDenied));
    let elsewhere = Asked { url: "https://d111.cloudfront.net/chat", ..asked(&query) };
    assert_eq!(check(elsewhere, &keys), Err(Refusal::AccessDenied));
    for (from, to) in [
        ("t=1", "t=2"),
        ("t=1", "t=1&u=2"),
        (&*format!("Expires={}", NOW + 1), &*format!("Expires={}", NOW + 2)),
        ("Expires=", "Expires=0"),
        ("Hash-Algorithm=SHA256", "Hash-Algorithm=SHA1"),
        ("&Hash-Algorithm=SHA256", ""),
        ("&Hash-Algorithm=SHA256", "&Hash-Algorithm=MD5"),
        ("Expires=", "Expires=1&Expires="),
        ("Expires=", "Policy=e30_&Expires="),
        ("Expires=", "expires="),
        ("Signature=", "signature="),
    ] {
        let altered = query.replacen(from, to, 1);
        assert_ne!(altered, query, "`{from}`");
        assert_eq!(check(asked(&altered), &keys), Err(Refusal::AccessDenied), "`{from}` `{to}`");
    }
}

#[test]
fn every_altered_byte_of_a_signature_is_refused() {
    let signer = Signer::new();
    let keys = signer.keys();
    let query = signer.canned("t=1", NOW + 1);
    let start = query.find("Signature=").unwrap() + "Signature=".len();
    let end = query.find("&Key-Pair-Id").unwrap();
    for at in start..end {
        let other = if query.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut altered = query.clone();
        altered.replace_range(at..=at, other);
        let refused = check(asked(&altered), &keys);
        assert!(refused.is_err(), "{at}: {refused:?}");
    }
}

#[test]
fn keys_are_told_apart_by_their_ids() {
    let (signer, other) = (Signer::new(), Signer::new());
    let query = signer.canned("t=1", NOW + 1);
    assert_eq!(check(asked(&query), &other.keys()), Err(Refusal::AccessDenied));
    assert_eq!(check(asked(&query), &BTreeMap::new()), Err(Refusal::UnknownKey));
    let mut both = other.keys();
    both.insert("K2".into(), both["K1"].clone());
    both.extend(signer.keys());
    assert!(check(asked(&query), &both).is_ok());
    let wrong = query.replace("Key-Pair-Id=K1", "Key-Pair-Id=K2");
    assert_eq!(check(asked(&wrong), &both), Err(Refusal::AccessDenied));
    for missing in ["", "t=1", &query.replace("&Key-Pair-Id=K1", ""), &query.replace("=K1", "=")] {
        assert_eq!(check(asked(missing), &both), Err(Refusal::MissingKey), "`{missing}`");
    }
    let unreadable = query.replacen("Signature=", "Signature=!", 1);
    assert_eq!(check(asked(&unreadable), &both), Err(Refusal::MalformedSignature));
}

#[test]
fn a_custom_policy_says_where_when_and_for_whom() {
    let signer = Signer::new();
    let keys = signer.keys();
    let policy = |resource: &str, condition: &str| {
        format!(
            r#"{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{}}}{condition}}}}}]}}"#,
            NOW + 1
        )
    };
    let ip = |network: &str| format!(r#","IpAddress":{{"AWS:SourceIp":"{network}"}}"#);
    let from = |from: i64| format!(r#","DateGreaterThan":{{"AWS:EpochTime":{from}}}"#);
    for (policy, expected) in [
        (policy("https://d111.cloudfront.net/c?t=1", ""), None),
        (policy("https://d111.cloudfront.net/*", ""), None),
        (policy("http*://*/c?t=?", ""), None),
        (policy("*", &from(NOW - 1)), None),
        (policy("*", &ip("192.0.2.0/24")), None),
        (policy("*", &ip("192.0.2.7/32")), None),
        (policy("*", &ip("192.0.2.7")), None),
        (policy("*", &ip("0.0.0.0/0")), None),
        (policy("https://d111.cloudfront.net/c", ""), Some(Refusal::AccessDenied)),
        (policy("https://d222.cloudfront.net/*", ""), Some(Refusal::AccessDenied)),
        (policy("*", &from(NOW)), Some(Refusal::AccessDenied)),
        (policy("*", &ip("192.0.2.8/32")), Some(Refusal::AccessDenied)),
        (policy("*", &ip("198.51.100.0/24")), Some(Refusal::AccessDenied)),
        (policy("*", &ip("192.0.2.7/33")), Some(Refusal::MalformedPolicy)),
        (policy("*", &ip("2001:db8::/32")), Some(Refusal::MalformedPolicy)),
        (policy("*", r#","StringEquals":{}"#), Some(Refusal::MalformedPolicy)),
        (r#"{"Statement":[{"Resource":"*","Condition":{}}]}"#.into(), Some(Refusal::MalformedPolicy)),
        (r#"{"Statement":[]}"#.into(), Some(Refusal::MalformedPolicy)),
        ("{".into(), Some(Refusal::MalformedPolicy)),
    ] {
        let query = signer.custom(&policy);
        assert_eq!(check(asked(&query), &keys).err(), expected, "{policy}");
    }
    let late = signer.custom(&policy("*", ""));
    assert_eq!(check(Asked { now: NOW + 1, ..asked(&late) }, &keys), Err(Refusal::AccessDenied));
    // Another policy under the same signature.
    let (own, wider) = (encode(policy("https://x/c", "").as_bytes()), encode(policy("*", "").as_bytes()));
    let altered = signer.custom(&policy("https://x/c", "")).replace(&own, &wider);
    assert_eq!(check(asked(&altered), &keys), Err(Refusal::AccessDenied));
}
