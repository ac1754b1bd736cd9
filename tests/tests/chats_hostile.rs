//! Forged links and tokens, and requests that no page makes: none opens the page, none comes to a chat, and nothing that
//! a function answers is a 403 or 404, in whose place CloudFront would put its own page.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventide_testing::{Answer, fixture_json};
use eventide_tests::Chats;
use eventide_tests::chats::token;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[path = "../../infra/local/src/edge/forgery.rs"]
mod forgery;

use forgery::{Forger, Forgery};

type Tested = Result<(), String>;

const NONCE: &str = "nonce-of-the-first-page-0001";
/// Forged links of each kind.
const OF_EACH: usize = 250;
/// Requests at a time.
const TOGETHER: usize = 16;
const SEED: u64 = 0x5eed;

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// A system whose limits are out of the way.
async fn unlimited(parameters: &[(&str, &str)]) -> Result<Chats, String> {
    let limits = [
        ("RedeemsPerMinute", "10000"),
        ("CallsPerMinute", "10000"),
        ("RequestsPerSecond", "10000"),
        ("LinksPerRecipient", "100"),
    ];
    let all: Vec<_> = limits.iter().chain(parameters).copied().collect();
    Chats::start_with(&all).await
}

/// How often a function was invoked by the HTTP API.
async fn invocations(chats: &Chats) -> Result<usize, String> {
    let calls = chats.stack().calls("apigateway.amazonaws.com").await?;
    Ok(calls.iter().filter(|call| call.ends_with(":Invoke")).count())
}

/// Links of several callers, half of them with the other kind of policy.
async fn links(mut chats: Chats) -> Result<(Chats, Vec<String>), String> {
    let mut links = Vec::new();
    for policy in ["canned", "custom"] {
        let parameters = [
            ("Policy", policy),
            ("RedeemsPerMinute", "10000"),
            ("RequestsPerSecond", "10000"),
            ("LinksPerRecipient", "100"),
        ];
        chats = chats.redeploy(&parameters).await?;
        for _ in 0..6 {
            links.push(chats.caller_with_link().await?.1);
        }
    }
    let is_custom = |link: &&String| link.contains("&Policy=");
    assert_eq!(links.iter().filter(is_custom).count(), 6);
    Ok((chats, links))
}

#[tokio::test]
async fn no_forged_link_opens_the_page() -> Tested {
    let (chats, links) = links(unlimited(&[]).await?).await?;
    let chats = Arc::new(chats);
    for link in &links {
        assert_eq!(chats.get(link).await?.status, 200, "what is forged would be refused anyway");
    }
    let mut forger = Forger::new(&links, SEED);
    let mut forged: Vec<_> =
        (0..OF_EACH).flat_map(|_| Forgery::ALL).map(|kind| (kind, forger.forge(kind))).collect();
    let (mut refused, mut asking) = (BTreeMap::<Forgery, usize>::new(), JoinSet::new());
    while !forged.is_empty() || !asking.is_empty() {
        while asking.len() < TOGETHER
            && let Some((kind, link)) = forged.pop()
        {
            let chats = Arc::clone(&chats);
            asking.spawn(async move { (kind, chats.get(&link).await, link) });
        }
        let Some(asked) = asking.join_next().await else { break };
        let (kind, answer, link) = asked.map_err(|error| error.to_string())?;
        let answer = answer?;
        assert_eq!(answer.status, 403, "{kind:?}: {link}");
        // The page that offers a callback, whose address is the link that was asked for.
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{kind:?}");
        *refused.entry(kind).or_default() += 1;
    }
    assert_eq!(refused, Forgery::ALL.map(|kind| (kind, OF_EACH)).into());
    assert!(chats.chats().await?.is_empty());
    for link in &links {
        assert_eq!(chats.get(link).await?.status, 200, "nothing of it has harmed a link");
    }
    Ok(())
}

#[tokio::test]
async fn no_forged_token_comes_to_a_chat_or_a_call() -> Tested {
    const TOKENS: usize = 300;
    let chats = Arc::new(unlimited(&[]).await?);
    let mut genuine = Vec::new();
    for _ in 0..4 {
        genuine.push(chats.caller_with_link().await?.1);
    }
    let mut forger = Forger::new(&genuine, SEED);
    let mut tokens: Vec<String> =
        (0..TOKENS).filter_map(|_| token(&forger.forge(Forgery::Token)).map(str::to_owned)).collect();
    assert_eq!(tokens.len(), TOKENS);
    let mut asking = JoinSet::new();
    let mut answers = BTreeMap::<(&str, u16), usize>::new();
    while !tokens.is_empty() || !asking.is_empty() {
        while asking.len() < TOGETHER
            && let Some(token) = tokens.pop()
        {
            for path in ["/api/redeem", "/api/callback"] {
                let (chats, body) = (Arc::clone(&chats), json!({ "token": token, "nonce": NONCE }));
                // 22 characters have four bits more than 16 bytes: what sets them is the form of no token.
                let expected =
                    if "AQgw".contains(token.chars().last().unwrap_or_default()) { 410 } else { 400 };
                asking.spawn(async move { (path, expected, chats.post(path, &body).await) });
            }
        }
        let Some(asked) = asking.join_next().await else { break };
        let (path, expected, answer) = asked.map_err(|error| error.to_string())?;
        let answer = answer?;
        let word = if expected == 410 { "unavailable" } else { "invalid_request" };
        assert_eq!((answer.status, body(&answer)), (expected, json!({ "error": word })), "{path}");
        *answers.entry((path, answer.status)).or_default() += 1;
    }
    assert_eq!(answers.values().sum::<usize>(), 2 * TOKENS);
    assert!(answers[&("/api/redeem", 410)] > TOKENS / 2, "{answers:?}");
    assert!(chats.chats().await?.is_empty());
    let calls = chats.cloud().control(Method::GET, "connect/calls", None).await?;
    assert_eq!(calls["calls"], json!([]), "{calls}");
    // All of them have left the links alone.
    for link in &genuine {
        assert_eq!(chats.redeem(link, NONCE).await?.status, 200);
    }
    Ok(())
}

#[tokio::test]
async fn nobody_passes_by_cloudfront() -> Tested {
    let chats = unlimited(&[]).await?;
    let (_, link) = chats.caller_with_link().await?;
    let token = token(&link).ok_or("no token")?;
    let refused = json!({ "error": "invalid_request" });
    // The function itself, as nobody but API Gateway may invoke it.
    for (function, folder, name) in
        [("RedeemFunction", "link-redeem", "redeem"), ("CallbackFunction", "link-callback", "callback")]
    {
        let mut event = fixture_json(&format!("{folder}/{name}.json"))?;
        event["body"] = json!(json!({ "token": token, "nonce": NONCE }).to_string());
        for header in [Value::Null, json!(""), json!("guessed"), json!("{{resolve:secretsmanager:x}}")] {
            event["headers"]["x-origin-verify"] = header.clone();
            let answer = chats.stack().invoke(function, &event).await?.map_err(|error| error.to_string())?;
            assert_eq!(answer["statusCode"], json!(400), "{header}: {answer}");
            assert_eq!(answer["body"], json!(refused.to_string()), "{header}");
        }
    }
    // The HTTP API by its own name.
    let edge = chats.cloud().control(Method::GET, "edge", None).await?;
    let text = edge.to_string();
    let end = text.find(".execute-api.").ok_or_else(|| format!("no HTTP API: {edge}"))?;
    let id = text.get(..end).and_then(|before| before.rsplit('"').next()).unwrap_or_default();
    let host = format!("{id}.execute-api.us-east-1.amazonaws.com");
    let before = invocations(&chats).await?;
    let asked = json!({ "token": token, "nonce": NONCE }).to_string();
    for header in ["", "guessed"] {
        let headers = [
            ("host", host.as_str()),
            ("content-type", "application/json"),
            ("cloudfront-viewer-address", "203.0.113.7:1"),
            ("x-origin-verify", header),
        ];
        let answer = chats.send(Method::POST, "/api/redeem", &headers, asked.clone().into_bytes()).await?;
        assert_eq!((answer.status, body(&answer)), (400, refused.clone()), "`{header}`");
    }
    assert_eq!(invocations(&chats).await?, before + 2, "it was the function that refused");
    // What a viewer says of both is not what CloudFront says.
    let headers = [
        ("content-type", "application/json"),
        ("x-origin-verify", "guessed"),
        ("cloudfront-viewer-address", "203.0.113.7:1"),
    ];
    assert!(chats.chats().await?.is_empty());
    let answer = chats.send(Method::POST, "/api/redeem", &headers, asked.into_bytes()).await?;
    assert_eq!(answer.status, 200, "CloudFront's own header counts: {}", answer.text());
    assert_eq!(chats.chats().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_no_page_of_ours_sends_is_refused() -> Tested {
    let chats = unlimited(&[]).await?;
    let (_, link) = chats.caller_with_link().await?;
    let token = token(&link).ok_or("no token")?;
    let good = json!({ "token": token, "nonce": NONCE }).to_string();
    let edge = chats.cloud().edge().to_owned();
    let json_type = ("content-type", "application/json");
    let padded = format!("{good}{}", " ".repeat(2_049 - good.len()));
    let large = format!("{good}{}", " ".repeat(1_000_000));
    let elsewhere = "https://evil.example";
    type Headers<'a> = Vec<(&'a str, &'a str)>;
    let bad: Vec<(&str, Headers<'_>, &str)> = vec![
        ("one byte too many", vec![json_type], &padded),
        ("a megabyte", vec![json_type], &large),
        ("no content type", vec![], &good),
        ("a form", vec![("content-type", "application/x-www-form-urlencoded")], &good),
        ("plain text", vec![("content-type", "text/plain")], &good),
        ("another origin", vec![json_type, ("origin", elsewhere)], &good),
        ("a sandbox", vec![json_type, ("origin", "null")], &good),
        ("ours and more", vec![json_type, ("origin", "http://127.0.0.1:1")], &good),
        ("cross-site", vec![json_type, ("origin", &edge), ("sec-fetch-site", "cross-site")], &good),
        ("same-site", vec![json_type, ("sec-fetch-site", "same-site")], &good),
        ("a navigation", vec![json_type, ("sec-fetch-site", "none")], &good),
        ("nothing", vec![json_type], ""),
        ("no JSON", vec![json_type], "{"),
        ("a list", vec![json_type], "[]"),
        ("no token", vec![json_type], r#"{"nonce":"nonce-of-the-first-page-0001"}"#),
        (
            "a token of a kind",
            vec![json_type],
            r#"{"token":{"$ne":""},"nonce":"nonce-of-the-first-page-0001"}"#,
        ),
        (
            "not UTF-8's",
            vec![json_type],
            "{\"token\":\"\\ud800\",\"nonce\":\"nonce-of-the-first-page-0001\"}",
        ),
    ];
    for path in ["/api/redeem", "/api/callback"] {
        for (what, headers, text) in &bad {
            let answer = chats.send(Method::POST, path, headers, text.as_bytes().to_vec()).await?;
            let expected = (400, json!({ "error": "invalid_request" }));
            assert_eq!((answer.status, body(&answer)), expected, "{path}: {what}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
            assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
        }
        let broken = chats.send(Method::POST, path, &[json_type], vec![0xff, 0xfe, b'{']).await?;
        assert_eq!(broken.status, 400, "{}", broken.text());
    }
    // No nonce: a page that could not be answered again. A callback needs none.
    let without = chats.post("/api/redeem", &json!({ "token": token })).await?;
    assert_eq!(without.status, 400);
    let early = chats.post("/api/callback", &json!({ "token": token })).await?;
    assert_eq!((early.status, body(&early)), (409, json!({ "error": "not_expired" })));

    // What is not there, API Gateway says, and no function is asked.
    let before = invocations(&chats).await?;
    for (method, path) in [
        (Method::GET, "/api/redeem"),
        (Method::PUT, "/api/redeem"),
        (Method::DELETE, "/api/callback"),
        (Method::OPTIONS, "/api/redeem"),
        (Method::POST, "/api/redeem/"),
        (Method::POST, "/api/REDEEM"),
        (Method::POST, "/api/"),
        (Method::GET, "/api/links"),
        (Method::POST, "/api/../c"),
    ] {
        let answer = chats.send(method.clone(), path, &[json_type], good.clone().into_bytes()).await?;
        assert!(answer.status == 404 || answer.status == 403, "{method} {path}: {}", answer.status);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
    assert_eq!(invocations(&chats).await?, before);
    // The pages and their files are for reading.
    for (method, path) in [(Method::POST, "/c"), (Method::PUT, "/chat"), (Method::DELETE, "/assets/app.js")] {
        let answer = chats.send(method.clone(), path, &[], Vec::new()).await?;
        assert_eq!(answer.status, 403, "{method} {path}");
    }
    for path in ["/nothing", "/c/", "/C", "/assets/", "/assets/../c", "/%2e%2e/c", "/.git/config"] {
        let answer = chats.get(&format!("{edge}{path}")).await?;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    assert!(chats.chats().await?.is_empty());
    assert_eq!(chats.redeem(&link, NONCE).await?.status, 200, "none of it has used the link");
    Ok(())
}
