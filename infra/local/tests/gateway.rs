//! The gateway before MiniStack: calls pass unchanged, stand in the journal, and meet the fault rules.

use std::time::{Duration, Instant};

use eventide_testing::LocalCloud;
use http::Method;
use serde_json::{Value, json};

const QUEUE: &str = "http://localhost/111122223333/q";

async fn sqs(cloud: &LocalCloud, operation: &str, body: Value) -> Result<Value, eventide_testing::CallError> {
    cloud.aws_json("sqs", &format!("AmazonSQS.{operation}"), &body).await
}

async fn send(cloud: &LocalCloud, text: &str) -> Result<Value, eventide_testing::CallError> {
    sqs(cloud, "SendMessage", json!({ "QueueUrl": QUEUE, "MessageBody": text })).await
}

/// The bodies of all messages in the queue, which are then gone.
async fn messages(cloud: &LocalCloud) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let request = json!({ "QueueUrl": QUEUE, "MaxNumberOfMessages": 10 });
        let page = sqs(cloud, "ReceiveMessage", request).await.unwrap_or_default();
        let Some(messages) = page.get("Messages").and_then(Value::as_array).filter(|page| !page.is_empty())
        else {
            return found;
        };
        for message in messages {
            let handle = json!({ "QueueUrl": QUEUE, "ReceiptHandle": message.get("ReceiptHandle") });
            let _ = sqs(cloud, "DeleteMessage", handle).await;
            found.extend(message.get("Body").and_then(Value::as_str).map(str::to_owned));
        }
    }
}

async fn fault(cloud: &LocalCloud, rule: Value) -> Result<(), eventide_testing::CallError> {
    cloud.control(Method::DELETE, "faults", None).await?;
    cloud.control(Method::POST, "faults", Some(&rule)).await.map(drop)
}

async fn journal(cloud: &LocalCloud, query: &str) -> Vec<Value> {
    let answer = cloud.control(Method::GET, &format!("journal?{query}"), None).await.unwrap_or_default();
    answer.get("entries").and_then(Value::as_array).cloned().unwrap_or_default()
}

#[tokio::test]
async fn services_behind_it_work_unchanged() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;

    let large: Vec<u8> = (0..20_000_000_u32).map(|n| n.to_le_bytes()[0] ^ 0x5A).collect();
    cloud.send("s3", Method::PUT, "/gateway-test", &[], "").await?;
    let put = cloud.send("s3", Method::PUT, "/gateway-test/a%20key/%C3%A9", &[], large.clone()).await?;
    assert_eq!(put.status, 200);
    let got = cloud.send("s3", Method::GET, "/gateway-test/a%20key/%C3%A9", &[], "").await?;
    assert!(got.body == large, "an object comes back as it was put");
    let head = cloud.send("s3", Method::HEAD, "/gateway-test/a%20key/%C3%A9", &[], "").await?;
    assert_eq!((head.status, head.header("content-length")), (200, Some("20000000")));
    let missing = cloud.send("s3", Method::GET, "/gateway-test/missing", &[], "").await?;
    assert_eq!(missing.status, 404);

    let table = json!({
        "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
    });
    cloud.aws_json("dynamodb", "DynamoDB_20120810.CreateTable", &table).await?;
    let item = json!({ "TableName": "table", "Item": { "pk": { "S": "1" } } });
    cloud.aws_json("dynamodb", "DynamoDB_20120810.PutItem", &item).await?;
    let read = json!({ "TableName": "table", "Key": { "pk": { "S": "1" } } });
    let read = cloud.aws_json("dynamodb", "DynamoDB_20120810.GetItem", &read).await?;
    assert_eq!(read["Item"], json!({ "pk": { "S": "1" } }));

    let created = sqs(&cloud, "CreateQueue", json!({ "QueueName": "q" })).await?;
    let url = created["QueueUrl"].as_str().unwrap_or_default();
    assert!(url.starts_with(cloud.endpoint()), "`{url}` leads back to the gateway");
    let sends = (0..200).map(|n| {
        let aws = cloud.aws().clone().with_app_id("sender");
        let body = json!({ "QueueUrl": QUEUE, "MessageBody": n.to_string() });
        tokio::spawn(async move { aws.json("sqs", "AmazonSQS.SendMessage", &body).await })
    });
    for sent in sends.collect::<Vec<_>>() {
        sent.await.map_err(|error| error.to_string())??;
    }
    let mut numbers: Vec<u32> = messages(&cloud).await.iter().filter_map(|body| body.parse().ok()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());

    let sent = journal(&cloud, "caller=sender&service=sqs&operation=SendMessage").await;
    assert_eq!(sent.len(), 200);
    assert_eq!(sent[0]["resources"]["QueueUrl"], QUEUE);
    assert_eq!((&sent[0]["status"], &sent[0]["region"]), (&json!(200), &json!("us-east-1")));
    assert!(sent.iter().all(|entry| entry.get("body").is_none()), "no bodies unless asked for");
    let failed = journal(&cloud, "operation=GetObject").await;
    let failed: Vec<_> = failed.iter().filter(|entry| entry["status"] == 404).collect();
    assert_eq!((failed.len(), &failed[0]["error"]), (1, &json!("NoSuchKey")));
    let last = &sent[199]["seq"];
    let later = journal(&cloud, &format!("since={last}&service=sqs&operation=SendMessage")).await;
    assert!(later.is_empty());
    cloud.control(Method::DELETE, "journal", None).await?;
    assert!(journal(&cloud, "").await.is_empty());
    Ok(())
}

#[tokio::test]
async fn boto3_works_with_nothing_but_the_endpoint() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let tools = std::env::var("EVENTIDE_TOOLS").map_err(|error| format!("EVENTIDE_TOOLS: {error}"))?;
    let output = tokio::process::Command::new(format!("{tools}/venv/bin/python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway_boto3.py"))
        .env("AWS_ENDPOINT_URL", cloud.endpoint())
        .env("AWS_SDK_UA_APP_ID", "boto3-test")
        .output()
        .await
        .map_err(|error| format!("{tools}: {error}"))?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let entries = journal(&cloud, "caller=boto3-test").await;
    let operations: std::collections::BTreeSet<_> =
        entries.iter().filter_map(|entry| entry["operation"].as_str()).collect();
    let expected = [
        "CompleteMultipartUpload",
        "CreateBucket",
        "CreateMultipartUpload",
        "CreateQueue",
        "CreateTable",
        "GetCallerIdentity",
        "GetItem",
        "GetObject",
        "HeadObject",
        "ListFunctions",
        "ListGraphs",
        "PutItem",
        "ReceiveMessage",
        "SendMessageBatch",
        "UploadPart",
    ];
    assert_eq!(operations.into_iter().collect::<Vec<_>>(), expected);
    let presigned = journal(&cloud, "caller=test&operation=GetObject").await;
    assert_eq!(presigned.len(), 1, "the presigned URL names its key and no application");
    Ok(())
}

#[tokio::test]
async fn faults_do_what_they_say() -> Result<(), String> {
    let cloud = LocalCloud::start_with(&["--journal-bodies"]).await?;
    sqs(&cloud, "CreateQueue", json!({ "QueueName": "q" })).await?;
    let rule = |effect: Value| json!({ "match": { "service": "sqs", "operation": "SendMessage" }, "times": 1, "effect": effect });

    fault(&cloud, rule(json!({ "type": "throttle" }))).await?;
    let error = send(&cloud, "throttled").await.unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (Some(403), "RequestThrottled"));

    fault(&cloud, rule(json!({ "type": "error", "status": 500, "code": "InternalError", "message": "m" })))
        .await?;
    let error = send(&cloud, "failed").await.unwrap_err();
    assert_eq!(
        (error.status, error.code.as_str(), error.message.as_str()),
        (Some(500), "InternalError", "m")
    );

    fault(&cloud, rule(json!({ "type": "reset" }))).await?;
    assert_eq!(send(&cloud, "reset").await.unwrap_err().status, None);
    assert_eq!(messages(&cloud).await, [""; 0], "none of the three was forwarded");

    fault(&cloud, rule(json!({ "type": "lost_response" }))).await?;
    assert_eq!(send(&cloud, "lost").await.unwrap_err().status, None);
    assert_eq!(messages(&cloud).await, ["lost"]);

    fault(&cloud, rule(json!({ "type": "duplicate" }))).await?;
    send(&cloud, "twice").await?;
    assert_eq!(messages(&cloud).await, ["twice", "twice"]);

    fault(&cloud, rule(json!({ "type": "latency", "ms": 300 }))).await?;
    let start = Instant::now();
    send(&cloud, "late").await?;
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(messages(&cloud).await, ["late"]);

    fault(&cloud, rule(json!({ "type": "hold", "until": "next" }))).await?;
    let aws = cloud.aws().clone();
    let body = json!({ "QueueUrl": QUEUE, "MessageBody": "first" });
    let held = tokio::spawn(async move { aws.json("sqs", "AmazonSQS.SendMessage", &body).await });
    let applied = || async {
        let faults = cloud.control(Method::GET, "faults", None).await.ok()?;
        (faults["rules"][0]["applied"] == 1).then_some(())
    };
    eventide_testing::eventually("the first message is held", Duration::from_secs(5), applied).await?;
    send(&cloud, "second").await?;
    held.await.map_err(|error| error.to_string())??;
    assert_eq!(messages(&cloud).await, ["second", "first"]);

    fault(
        &cloud,
        json!({ "match": { "body_contains": "poison" }, "skip": 1, "effect": { "type": "throttle" } }),
    )
    .await?;
    for (text, fails) in [("fine", false), ("poison 1", false), ("poison 2", true), ("fine", false)] {
        assert_eq!(send(&cloud, text).await.is_err(), fails, "{text}");
    }
    let faults = cloud.control(Method::GET, "faults", None).await?;
    assert_eq!((&faults["rules"][0]["hits"], &faults["rules"][0]["applied"]), (&json!(2), &json!(1)));

    // Faults meet stand-ins too, in their protocol's shape.
    fault(&cloud, json!({ "match": { "service": "detective" }, "effect": { "type": "throttle" } })).await?;
    let error = cloud.rest("detective", Method::POST, "/graphs/list", Some(&json!({}))).await.unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (Some(429), "TooManyRequestsException"));
    let entry = journal(&cloud, "service=detective").await.remove(0);
    assert_eq!((&entry["operation"], &entry["fault"]), (&json!("ListGraphs"), &json!("throttle")));

    let bodies = journal(&cloud, "operation=SendMessage").await;
    assert!(bodies[0]["body"].as_str().unwrap_or_default().contains("throttled"));
    let faults: Vec<_> = bodies.iter().filter_map(|entry| entry["fault"].as_str()).collect();
    assert_eq!(
        faults,
        ["throttle", "error", "reset", "lost_response", "duplicate", "latency", "hold", "throttle"]
    );

    cloud.control(Method::POST, "reset", None).await?;
    assert_eq!(cloud.control(Method::GET, "faults", None).await?, json!({ "rules": [] }));
    assert!(journal(&cloud, "").await.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_control_api_says_what_is_wrong() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let health = cloud.control(Method::GET, "health", None).await?;
    assert_eq!((&health["ready"], &health["account"]), (&json!(true), &json!("111122223333")));
    let stand_ins =
        ["comprehend", "connect", "detective", "redshift-data", "securityhub", "ses", "sms-voice"];
    assert_eq!(health["stand_ins"], json!(stand_ins));

    let advanced = cloud.control(Method::POST, "clock", Some(&json!({ "advance_seconds": 90 }))).await?;
    assert_eq!(advanced["ahead_seconds"], 90);
    cloud.control(Method::POST, "reset", None).await?;
    assert_eq!(cloud.control(Method::GET, "clock", None).await?["ahead_seconds"], 0);

    let cases = [
        (Method::GET, "nowhere", None, 404, "README.md"),
        (Method::GET, "journal?who=me", None, 400, "parameter `who`"),
        (Method::GET, "journal?since=x", None, 400, "since `x`"),
        (Method::POST, "clock", Some(json!({ "advance": 1 })), 400, "advance_seconds"),
        (Method::POST, "faults", Some(json!({ "effect": { "type": "explode" } })), 400, "explode"),
        (Method::POST, "deploy", Some(json!({ "template": "t" })), 400, "missing field"),
        (Method::DELETE, "stacks/nobody", None, 400, "no stack `nobody`"),
    ];
    for (method, path, body, status, message) in cases {
        let error = cloud.control(method, path, body.as_ref()).await.unwrap_err();
        assert_eq!(error.status, Some(status), "{path}");
        assert!(error.message.contains(message), "{path}: {}", error.message);
    }
    Ok(())
}

#[tokio::test]
async fn temporary_keys_are_known_by_their_role() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let role = "arn:aws:iam::444455556666:role/member";
    let answer = cloud.query("sts", "AssumeRole", &[("RoleArn", role), ("RoleSessionName", "s")]).await?;
    let key = eventide_testing::xml::value(&answer, "AccessKeyId").ok_or("no key")?;
    let member = cloud.aws().clone().with_access_key(&key).with_app_id("finding-enrich");
    member.query("iam", "GetRole", &[("RoleName", "nobody")]).await.unwrap_err();
    let entry = journal(&cloud, "operation=GetRole").await.remove(0);
    assert_eq!(entry["caller"], "finding-enrich");
    assert_eq!(entry["access_key"], key);
    assert_eq!(entry["role_arn"], "arn:aws:sts::444455556666:assumed-role/member/s");
    assert_eq!(
        (&entry["resources"]["RoleName"], &entry["error"]),
        (&json!("nobody"), &json!("NoSuchEntity"))
    );
    Ok(())
}
