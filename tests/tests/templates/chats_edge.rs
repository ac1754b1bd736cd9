//! What of voice to chat is at the edge: the distribution, the HTTP API behind it, keys and headers.

use super::chats::{chats, knowing, properties};
use super::screening::texts;
use super::*;

/// CloudFront's managed policy CachingDisabled.
const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";

fn distribution(template: &Value, given: &[(&str, &str)]) -> Result<Value, String> {
    Ok(properties(template, "Distribution", given)?["DistributionConfig"].clone())
}

#[test]
fn only_where_links_lead_a_signature_is_needed() -> Tested {
    let template = chats()?;
    let config = distribution(&template, &[])?;
    let behaviours = config["CacheBehaviors"].as_array().ok_or("no behaviours")?;
    let signed = behaviours.iter().filter(|one| !one["TrustedKeyGroups"].is_null());
    let signed: Vec<_> = signed.map(|one| (&one["PathPattern"], &one["TrustedKeyGroups"])).collect();
    assert_eq!(signed, [(&json!("/c"), &json!(["KeyGroup"]))]);
    let default = &config["DefaultCacheBehavior"];
    assert!(default["TrustedKeyGroups"].is_null() && default["TrustedSigners"].is_null());
    for behaviour in behaviours.iter().chain([default]) {
        let path = behaviour["PathPattern"].as_str().unwrap_or("the rest");
        let is_api = path == "/api/*";
        assert_eq!(behaviour["TargetOriginId"], if is_api { "api" } else { "widget" }, "{path}");
        assert_eq!(behaviour["CachePolicyId"], if is_api { CACHING_DISABLED } else { "FileCache" }, "{path}");
        // Files are read, and that is all.
        assert_eq!(behaviour["AllowedMethods"].is_null(), !is_api, "{path}");
        let protocol = if is_api { "https-only" } else { "redirect-to-https" };
        assert_eq!(behaviour["ViewerProtocolPolicy"], protocol, "{path}");
        let headers =
            if ["/assets/*", "/config.json"].contains(&path) { "AssetHeaders" } else { "PageHeaders" };
        assert_eq!(behaviour["ResponseHeadersPolicyId"], headers, "{path}");
    }
    let refused = json!([{ "ErrorCode": 403, "ResponseCode": 403, "ResponsePagePath": "/expired", "ErrorCachingMinTTL": 0 }]);
    assert_eq!(config["CustomErrorResponses"], refused, "the API's own answers are left alone");
    let cached = properties(&template, "FileCache", &[])?;
    let key = &cached["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"];
    for (part, behaviour) in [
        ("QueryStringsConfig", "QueryStringBehavior"),
        ("HeadersConfig", "HeaderBehavior"),
        ("CookiesConfig", "CookieBehavior"),
    ] {
        assert_eq!(key[part][behaviour], "none", "{part}");
    }
    Ok(())
}

#[test]
fn the_api_hears_who_asks_from_cloudfront_and_from_nobody_else() -> Tested {
    let template = chats()?;
    let forwarded = properties(&template, "ApiRequests", &[])?["OriginRequestPolicyConfig"].clone();
    let headers = texts(&forwarded["HeadersConfig"]["Headers"]);
    assert_eq!(headers, ["CloudFront-Viewer-Address", "Content-Type", "Origin", "Sec-Fetch-Site"]);
    assert_eq!(forwarded["HeadersConfig"]["HeaderBehavior"], "whitelist");
    assert_eq!(forwarded["CookiesConfig"]["CookieBehavior"], "none");
    assert_eq!(forwarded["QueryStringsConfig"]["QueryStringBehavior"], "none");
    let config = distribution(&template, &[])?;
    let origins = config["Origins"].as_array().ok_or("no origins")?;
    let api = origins.iter().find(|origin| origin["Id"] == "api").ok_or("no API")?;
    let verify = json!([{ "HeaderName": "X-Origin-Verify", "HeaderValue": "{{resolve:secretsmanager:OriginSecret:SecretString}}" }]);
    assert_eq!(api["OriginCustomHeaders"], verify);
    assert_eq!(api["CustomOriginConfig"]["OriginProtocolPolicy"], "https-only");
    let bucket = origins.iter().find(|origin| origin["Id"] == "widget").ok_or("no bucket")?;
    assert_eq!(bucket["OriginAccessControlId"], "OriginAccess.Id");
    let access = properties(&template, "OriginAccess", &[])?["OriginAccessControlConfig"].clone();
    assert_eq!((&access["SigningBehavior"], &access["SigningProtocol"]), (&json!("always"), &json!("sigv4")));

    let http = &template["Resources"]["HttpApi"]["Properties"];
    assert!(http["CorsConfiguration"].is_null(), "the page comes from where the API is");
    for limit in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        assert_eq!(http["DefaultRouteSettings"][limit], json!({ "Ref": "RequestsPerSecond" }));
    }
    for (function, path) in [("RedeemFunction", "/api/redeem"), ("CallbackFunction", "/api/callback")] {
        let events = &template["Resources"][function]["Properties"]["Events"];
        let events: Vec<_> = events.as_object().into_iter().flatten().map(|(_, event)| event).collect();
        assert_eq!(events.len(), 1, "{function}");
        let route = &events[0]["Properties"];
        assert_eq!((&route["Method"], &route["Path"]), (&json!("POST"), &json!(path)));
        assert_eq!(route["PayloadFormatVersion"], "2.0");
    }
    // The bucket is read by this distribution, and on encrypted ways only.
    let policy = properties(&template, "WidgetBucketPolicy", &[])?["PolicyDocument"]["Statement"].clone();
    let own = json!({ "StringEquals": { "aws:SourceArn": "arn:aws:cloudfront::111122223333:distribution/Distribution" } });
    assert_eq!((&policy[0]["Action"], &policy[0]["Condition"]), (&json!("s3:GetObject"), &own));
    assert_eq!(policy[1]["Effect"], "Deny");
    assert_eq!(policy[1]["Condition"], json!({ "Bool": { "aws:SecureTransport": "false" } }));
    Ok(())
}

#[test]
fn pages_load_and_reach_their_own_and_the_chat_only() -> Tested {
    let template = chats()?;
    let headers = |policy: &str, given: &[(&str, &str)]| {
        Ok::<_, String>(properties(&template, policy, given)?["ResponseHeadersPolicyConfig"].clone())
    };
    let csp = |given: &[(&str, &str)]| {
        let policy = &headers("PageHeaders", given)?["SecurityHeadersConfig"]["ContentSecurityPolicy"];
        assert_eq!(policy["Override"], true);
        let text = policy["ContentSecurityPolicy"].as_str().unwrap_or_default().to_owned();
        let directives =
            text.split(';').map(|directive| directive.split_whitespace().map(str::to_owned).collect());
        Ok::<Vec<Vec<String>>, String>(directives.collect())
    };
    let rest = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ];
    let chat = "connect-src 'self' https://participant.connect.us-east-1.amazonaws.com \
                wss://*.transport.connect.us-east-1.amazonaws.com";
    let local = "connect-src 'self' http://127.0.0.1:4567";
    for (given, connects) in [(&[][..], chat), (&[("ParticipantEndpoint", "http://127.0.0.1:4567")], local)] {
        let directives: BTreeSet<String> = csp(given)?.iter().map(|words| words.join(" ")).collect();
        let expected = rest.iter().chain([&connects]).map(|directive| (*directive).to_owned());
        assert_eq!(directives, expected.collect(), "{given:?}");
    }
    for policy in ["PageHeaders", "AssetHeaders"] {
        let headers = headers(policy, &[])?;
        let security = &headers["SecurityHeadersConfig"];
        let referrer = json!({ "ReferrerPolicy": "no-referrer", "Override": true });
        assert_eq!(security["ReferrerPolicy"], referrer, "{policy}");
        assert_eq!(security["ContentTypeOptions"]["Override"], true, "{policy}");
        assert!(security["StrictTransportSecurity"]["AccessControlMaxAgeSec"].as_i64() >= Some(31_536_000));
        assert!(headers["CorsConfig"].is_null(), "{policy}");
        let custom = headers["CustomHeadersConfig"]["Items"].as_array().ok_or(policy)?;
        let cache = custom.iter().find(|header| header["Header"] == "Cache-Control").ok_or(policy)?;
        let expected = if policy == "PageHeaders" { "no-store" } else { "public, max-age=300" };
        assert_eq!((&cache["Value"], &cache["Override"]), (&json!(expected), &json!(true)), "{policy}");
    }
    Ok(())
}

#[test]
fn keys_are_in_use_while_their_slots_are_filled() -> Tested {
    let template = chats()?;
    let ids =
        &template["Resources"]["IssueFunction"]["Properties"]["Environment"]["Variables"]["SIGNING_KEY_IDS"];
    for (a, b, expected, group) in [
        ("pem", "", "a=SlotA", json!(["SlotA"])),
        ("", "pem", "b=SlotB", json!(["SlotB"])),
        ("pem", "pem", "a=SlotA,b=SlotB", json!(["SlotA", "SlotB"])),
    ] {
        let given = [("PublicKeyA", a), ("PublicKeyB", b)];
        let resolver = knowing(&template, &given)?;
        assert_eq!(resolver.resolve(ids)?, expected);
        assert_eq!(properties(&template, "KeyGroup", &given)?["KeyGroupConfig"]["Items"], group);
        for (slot, condition, pem) in [("SlotA", "KeyA", a), ("SlotB", "KeyB", b)] {
            assert_eq!(template["Resources"][slot]["Condition"], condition);
            assert_eq!(resolver.condition(condition)?, !pem.is_empty(), "{slot}");
        }
    }
    // CloudFront changes a key only by name and comment: slots have names of their own.
    let name =
        |slot: &str| Ok::<_, String>(properties(&template, slot, &[])?["PublicKeyConfig"]["Name"].clone());
    assert_ne!(name("SlotA")?, name("SlotB")?);
    Ok(())
}

#[test]
fn links_begin_with_what_is_given_or_with_the_distribution_s_own_name() -> Tested {
    let template = chats()?;
    let own = "https://Distribution.DomainName";
    let certificate = "arn:aws:acm:us-east-1:111122223333:certificate/1";
    for (given, origin, known) in [
        (vec![("LinkOrigin", "")], own, ""),
        (
            vec![("LinkOrigin", ""), ("DomainName", "chat.example.org"), ("CertificateArn", certificate)],
            "https://chat.example.org",
            "https://chat.example.org",
        ),
        (vec![("LinkOrigin", "https://a.example")], "https://a.example", "https://a.example"),
    ] {
        let resolver = knowing(&template, &given)?;
        let variable = |function: &str| {
            let variables = &template["Resources"][function]["Properties"]["Environment"]["Variables"];
            resolver.resolve(&variables["LINK_ORIGIN"])
        };
        assert_eq!(variable("IssueFunction")?, origin);
        // A function cannot be told the name of a distribution that it is behind.
        assert_eq!(
            (variable("RedeemFunction")?, variable("CallbackFunction")?),
            (json!(known), json!(known))
        );
        for (output, path) in [("LinkOrigin", ""), ("RedeemUrl", "/api/redeem"), ("WidgetUrl", "/chat")] {
            let value = resolver.resolve(&template["Outputs"][output]["Value"])?;
            assert_eq!(value, format!("{origin}{path}"), "{output}");
        }
        let config = distribution(&template, &given)?;
        let has_domain = given.len() == 3;
        assert_eq!(config["Aliases"].is_array(), has_domain, "{config}");
        assert_eq!(config["ViewerCertificate"].is_object(), has_domain);
    }
    let config = distribution(&template, &[])?;
    assert!(config["WebACLId"].is_null());
    let acl = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/x/1";
    assert_eq!(distribution(&template, &[("WebAclArn", acl)])?["WebACLId"], acl);
    Ok(())
}
