use serde_json::json;

use super::*;

fn referred() -> Referred {
    let key = PublicKey::parse(include_str!("testdata/p256.pem")).unwrap();
    Referred {
        keys: BTreeMap::from([("KEYA".into(), key.clone()), ("KEYB".into(), key)]),
        groups: BTreeMap::from([("group".into(), vec!["KEYA".into(), "KEYB".into()])]),
        ..Referred::default()
    }
}

fn properties() -> Value {
    let behaviour = |pattern: &str, origin: &str| json!({ "PathPattern": pattern, "TargetOriginId": origin });
    json!({ "DistributionConfig": {
        "Enabled": "true",
        "DefaultRootObject": "index",
        "Origins": [
            { "Id": "widget", "DomainName": "w.s3.us-east-1.amazonaws.com", "OriginPath": "/v1" },
            { "Id": "api", "DomainName": "abc.execute-api.us-east-1.amazonaws.com",
              "OriginCustomHeaders": [{ "HeaderName": "X-Origin-Verify", "HeaderValue": "secret" }] },
        ],
        "DefaultCacheBehavior": { "TargetOriginId": "widget" },
        "CacheBehaviors": [
            { "PathPattern": "/c", "TargetOriginId": "widget", "TrustedKeyGroups": ["group"] },
            behaviour("/api/*", "api"),
            behaviour("/api/never", "widget"),
        ],
        "CustomErrorResponses": [
            { "ErrorCode": "403", "ResponseCode": 403, "ResponsePagePath": "/expired" },
            { "ErrorCode": 500, "ErrorCachingMinTTL": 0 },
        ],
    } })
}

#[test]
fn the_first_behaviour_that_matches_is_taken() {
    let distribution = Distribution::parse("E1", "d1.cloudfront.net", &properties(), &referred()).unwrap();
    for (path, kind, signed) in [
        ("/c", Kind::Bucket("w".into()), true),
        ("/chat", Kind::Bucket("w".into()), false),
        ("/api/redeem", Kind::HttpApi, false),
        ("/api/never", Kind::HttpApi, false),
        ("/", Kind::Bucket("w".into()), false),
    ] {
        let (behaviour, origin) = distribution.behaviour(path).unwrap();
        assert_eq!((&origin.kind, behaviour.keys.is_some()), (&kind, signed), "{path}");
        assert_eq!(behaviour.methods, ["GET", "HEAD"]);
    }
    assert_eq!(distribution.object("/"), "/index");
    assert_eq!(distribution.error(403), Some(&ErrorResponse { page: "/expired".into(), status: 403 }));
    assert_eq!(distribution.error(500), None);
    assert_eq!(distribution.keys(), BTreeMap::from([("KEYA", "ECDSA_P256"), ("KEYB", "ECDSA_P256")]));
}

#[test]
fn what_cannot_be_done_here_is_refused() {
    let referred = referred();
    let refused = |pointer: &str, value: Value, expected: &str| {
        let mut changed = properties();
        *changed.pointer_mut(pointer).unwrap() = value;
        let error = Distribution::parse("E1", "d1", &changed, &referred).unwrap_err();
        assert!(error.contains(expected), "{pointer}: {error}");
    };
    let behaviour = "/DistributionConfig/DefaultCacheBehavior";
    refused("/DistributionConfig/Origins/0/DomainName", json!("example.com"), "origin `example.com`");
    refused("/DistributionConfig/CacheBehaviors/0/TrustedKeyGroups", json!(["x"]), "no key group `x`");
    refused(behaviour, json!({ "TargetOriginId": "x" }), "no origin `x`");
    for (member, value, expected) in [
        ("FunctionAssociations", json!([{}]), "`FunctionAssociations`"),
        ("ForwardedValues", json!({ "QueryString": true }), "`ForwardedValues`"),
        ("CachePolicyId", json!("x"), "no policy `x`"),
        ("ResponseHeadersPolicyId", json!("x"), "no response headers policy `x`"),
    ] {
        refused(behaviour, json!({ "TargetOriginId": "widget", member: value }), expected);
    }
    let incomplete = json!([{ "ErrorCode": 403, "ResponseCode": 200 }]);
    refused("/DistributionConfig/CustomErrorResponses", incomplete, "go together");
}
