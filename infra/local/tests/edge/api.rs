//! The HTTP API behind the edge.

use http::Method;
use serde_json::{Value, json};

use crate::support::{World, send};

#[tokio::test]
async fn requests_become_events_and_answers_come_back() -> Result<(), String> {
    let world = World::start().await?;
    let headers = [
        ("content-type", "application/json"),
        ("origin", "http://127.0.0.1"),
        ("cookie", "a=1; b=2"),
        ("x-other", "1"),
        ("x-origin-verify", "guessed"),
        ("cloudfront-viewer-address", "203.0.113.9:1"),
    ];
    let seen = world.post("/api/echo/me?x=1&x=2", &headers, r#"{"token":"t"}"#).await?;
    assert_eq!(seen.status, 200, "{seen:?}");
    assert_eq!(seen.header("cache-control"), "no-store");
    assert!(!seen.header("apigw-requestid").is_empty());
    let answer = seen.json();
    let event = &answer["event"];
    let id = &world.outputs["Api"];
    for (pointer, expected) in [
        ("/version", json!("2.0")),
        ("/routeKey", json!("POST /api/echo/{name}")),
        ("/rawPath", json!("/api/echo/me")),
        ("/rawQueryString", json!("x=1&x=2")),
        ("/cookies", json!(["a=1", "b=2"])),
        ("/body", json!(r#"{"token":"t"}"#)),
        ("/isBase64Encoded", json!(false)),
        ("/headers/x-origin-verify", json!("open sesame")),
        ("/headers/host", json!(format!("{id}.execute-api.us-east-1.amazonaws.com"))),
        ("/headers/origin", json!("http://127.0.0.1")),
        ("/headers/x-forwarded-for", json!("127.0.0.1, 127.0.0.1")),
        ("/requestContext/apiId", json!(id)),
        ("/requestContext/http/sourceIp", json!("127.0.0.1")),
    ] {
        assert_eq!(event.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert_eq!(event.pointer("/headers/x-other"), None);
    let address = event["headers"]["cloudfront-viewer-address"].as_str().unwrap_or_default();
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":1"), "{address}");
    // What the functions were told of the distribution and its key.
    let told = json!({ "DISTRIBUTION": world.outputs["Domain"], "KEY": world.outputs["KeyA"] });
    assert_eq!(answer["environment"], told);

    let gone = world.post("/api/echo/gone", &[], "").await?;
    assert_eq!((gone.status, gone.body.as_str()), (410, r#"{"error":"expired"}"#));
    assert_eq!(gone.header("content-type"), "application/json");
    let failed = world.post("/api/echo/fail", &[], "").await?;
    assert_eq!((failed.status, failed.body.as_str()), (500, r#"{"message":"Internal Server Error"}"#));
    for (method, path) in [(Method::POST, "/api/none"), (Method::GET, "/api/echo/me")] {
        let seen = send(method, &world.url(path), &[], "").await?;
        assert_eq!((seen.status, seen.body.as_str()), (404, r#"{"message":"Not Found"}"#), "{path}");
    }
    // Whoever answers with 403 behind this distribution gets its error page.
    let forbidden = world.post("/api/echo/forbidden", &[], "").await?;
    assert_eq!(forbidden.status, 403);
    assert!(forbidden.body.contains("<title>Expired</title>"), "{forbidden:?}");
    let large = world.post("/api/echo/me", &[], &"x".repeat(10 * 1024 * 1024 + 1)).await;
    // The answer may come, and close the connection, before all of it was written.
    assert!(large.as_ref().map_or(true, |seen| seen.status == 413), "{large:?}");

    // Past the distribution, by the API's own name.
    let domain = world.outputs["ApiEndpoint"].replace("https://", "");
    let direct = world.post("/api/echo/me", &[("host", &domain), ("x-origin-verify", "guessed")], "").await?;
    assert_eq!(direct.json()["event"]["headers"]["x-origin-verify"], "guessed", "{direct:?}");
    assert_eq!(direct.json()["event"]["headers"].get("cloudfront-viewer-address"), None);

    let calls = world.cloud.control(Method::GET, "journal?caller=apigateway.amazonaws.com", None).await?;
    let operations: Vec<_> =
        calls["entries"].as_array().into_iter().flatten().map(|entry| &entry["operation"]).collect();
    assert_eq!(operations, vec![&json!("Invoke"); 5]);
    Ok(())
}

#[tokio::test]
async fn methods_and_rates_are_limited() -> Result<(), String> {
    let mut world = World::start().await?;
    let refused = world.post("/assets/app.js", &[], "").await?;
    assert_eq!(refused.status, 403, "{refused:?}");
    let script = world.get(&world.url("/assets/app.js")).await?;
    assert_eq!((script.status, script.body.as_str()), (200, "\"use strict\";\n"));
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("server"), "AmazonS3");
    let missing = world.get(&world.url("/assets/none.js")).await?;
    assert_eq!(missing.status, 403, "{missing:?}");
    assert!(missing.body.contains("<title>Expired</title>"), "{missing:?}");

    world.deploy(&[("Burst", "2")]).await?;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let seen = world.post("/api/echo/gone", &[], "").await?;
        if seen.status == 429 {
            assert_eq!(seen.body, r#"{"message":"Too Many Requests"}"#);
        }
        statuses.push(seen.status);
    }
    assert_eq!(statuses.get(..2), Some(&[410, 410][..]), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");

    // Without the error page in the bucket, CloudFront's own words are seen.
    let bucket = &world.outputs["WidgetBucket"];
    world.cloud.send("s3", Method::DELETE, &format!("/{bucket}/expired"), &[], "").await?;
    let bare = world.get(&world.url("/c")).await?;
    assert_eq!(bare.status, 403);
    assert!(bare.body.contains("<Code>AccessDenied</Code>"), "{bare:?}");
    let unresolved = json!({ "SecretId": world.outputs["SecretArn"], "ForceDeleteWithoutRecovery": true });
    let _: Value = world.cloud.aws_json("secretsmanager", "secretsmanager.DeleteSecret", &unresolved).await?;
    let broken = world.post("/api/echo/gone", &[], "").await?;
    assert_eq!(broken.status, 502, "{broken:?}");
    Ok(())
}
