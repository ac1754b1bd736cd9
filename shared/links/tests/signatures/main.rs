//! Signatures are verified by the Python package cryptography, in the environment of `make tools`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use eventide_links::keys::current;
use eventide_links::sign::{Policy, SigningKey};
use eventide_testing::repository;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

const URL: &str = "https://d111111abcdef8.cloudfront.net/c?t=PVnGzkOTx2GRXtYG-baxPg";

fn python(arguments: &[&str], input: &Value) -> Value {
    let tools = std::env::var_os("EVENTIDE_TOOLS").map_or_else(|| repository().join(".tools"), Into::into);
    let script = repository().join("shared/links/tests/signatures/keys.py");
    let mut child = Command::new(tools.join("venv/bin/python"))
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

struct Pair {
    secret: String,
    public: String,
}

fn pair(kind: &str, algorithm: &str) -> Pair {
    let made = python(&["make", kind], &Value::Null);
    let key = json!({ "algorithm": algorithm, "privateKey": made["private"] });
    let secret = json!({ "current": "a", "keys": { "a": key } }).to_string();
    Pair { secret, public: made["public"].as_str().unwrap().to_owned() }
}

fn ids() -> BTreeMap<String, String> {
    BTreeMap::from([("a".to_owned(), "K2JCJMDEHXQW5F".to_owned())])
}

fn verdicts(public: &str, urls: &[String], now: OffsetDateTime) -> Vec<Value> {
    let asked = json!({ "public": public, "urls": urls, "now": now.unix_timestamp() });
    python(&["verify"], &asked).as_array().unwrap().clone()
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap()
}

fn policies() -> [Policy; 2] {
    let expires_at = now() + Duration::minutes(15);
    [
        Policy::Canned { expires_at },
        Policy::Custom { expires_at, not_before: Some(now()), source_ip: Some("192.0.2.0/24".to_owned()) },
    ]
}

fn sign(key: &SigningKey, policy: &Policy) -> String {
    key.sign_url(URL, policy).unwrap()
}

#[test]
fn every_kind_of_signature_is_verified_by_another_implementation() {
    for (kind, algorithm) in [("ecdsa", "ECDSA_P256"), ("rsa", "RSA_2048")] {
        let pair = pair(kind, algorithm);
        let other = self::pair(kind, algorithm);
        let key = current(&pair.secret, &ids()).unwrap();
        for policy in policies() {
            let url = sign(&key, &policy);
            let swapped = |from: &str, to: &str| {
                assert!(url.contains(from), "{from}");
                url.replacen(from, to, 1)
            };
            let mut urls =
                vec![url.clone(), swapped("PVnG", "PVnH"), swapped("cloudfront.net/c?", "cloudfront.net/d?")];
            if matches!(policy, Policy::Canned { .. }) {
                urls.push(swapped("Expires=1790000900", "Expires=1790000901"));
            }
            let answers = verdicts(&pair.public, &urls, now());
            assert_eq!(answers[0], json!(true), "{kind} {url}");
            for (answer, url) in answers.iter().zip(&urls).skip(1) {
                assert_ne!(answer, &json!(true), "{kind} {url}");
            }
            assert_eq!(verdicts(&other.public, &urls[..1], now()), [json!("signature")], "{kind}");
            let late = now() + Duration::minutes(15);
            assert_eq!(verdicts(&pair.public, &urls[..1], late), [json!("expired")], "{kind}");
        }
    }
}

#[test]
fn links_are_as_long_as_they_are_said_to_be() {
    let [canned, custom] = policies();
    let ecdsa = current(&pair("ecdsa", "ECDSA_P256").secret, &ids()).unwrap();
    let rsa = current(&pair("rsa", "RSA_2048").secret, &ids()).unwrap();
    // DER drops leading zeros of either number, so an ECDSA signature has 70 to 72 bytes, seldom fewer.
    let longest = (0..200).map(|_| sign(&ecdsa, &canned).len()).max().unwrap();
    assert!((235..=245).contains(&longest), "{longest}");
    assert!(sign(&rsa, &custom).len() > 4 * 153);
}

#[test]
fn what_cannot_sign_says_why_and_quotes_nothing() {
    let ecdsa = pair("ecdsa", "ECDSA_P256");
    let private = serde_json::from_str::<Value>(&ecdsa.secret).unwrap()["keys"]["a"]["privateKey"].clone();
    let secret = |algorithm: &str, key: &Value| {
        json!({ "current": "a", "keys": { "a": { "algorithm": algorithm, "privateKey": key } } }).to_string()
    };
    let large = pair("rsa4096", "RSA_2048");
    for (text, ids, expected) in [
        ("{}".to_owned(), ids(), "does not parse"),
        ("SECRET".to_owned(), ids(), "does not parse"),
        (secret("DSA", &private), ids(), "does not parse"),
        (json!({ "current": "b", "keys": {} }).to_string(), ids(), "no key in its current slot `b`"),
        (ecdsa.secret.clone(), BTreeMap::new(), "slot `a` has no public key in CloudFront"),
        (secret("ECDSA_P256", &json!("SECRET")), ids(), "is not PEM"),
        (secret("RSA_2048", &private), ids(), "expected RSA of 2048 bits"),
        (large.secret, ids(), "it has 4096 bits, expected 2048"),
    ] {
        let error = current(&text, &ids).unwrap_err();
        assert_eq!(error.qualified_type(), "Environment.InvalidSigningKeys");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
}

#[test]
fn the_secret_chooses_the_slot() {
    let (a, b) = (pair("ecdsa", "ECDSA_P256"), pair("ecdsa", "ECDSA_P256"));
    let mut secret: Value = serde_json::from_str(&a.secret).unwrap();
    secret["keys"]["b"] = serde_json::from_str::<Value>(&b.secret).unwrap()["keys"]["a"].clone();
    secret["current"] = json!("b");
    let ids = BTreeMap::from([("a", "KA"), ("b", "KB")].map(|(slot, id)| (slot.to_owned(), id.to_owned())));
    let key = current(&secret.to_string(), &ids).unwrap();
    assert_eq!(key.id(), "KB");
    let url = sign(&key, &policies()[0]);
    assert_eq!(verdicts(&b.public, std::slice::from_ref(&url), now()), [json!(true)]);
    assert_eq!(verdicts(&a.public, &[url], now()), [json!("signature")]);
}

#[test]
fn what_is_no_url_is_not_signed() {
    let key = current(&pair("ecdsa", "ECDSA_P256").secret, &ids()).unwrap();
    for url in
        ["https://a.example/\"}", "https://a.example/ b", "https://a.example/é", "https://a.example/#x"]
    {
        let error = key.sign_url(url, &policies()[0]).unwrap_err();
        assert_eq!(error.qualified_type(), "Permanent.InvalidUrl", "{url}");
    }
}
