//! Through the endpoint: boto3 calls every operation and botocore's service model judges the raw answers; the
//! event of a job's output reaches a queue.

use std::path::PathBuf;

use bytes::Bytes;
use eventide_testing::{LocalCloud, eventually};
use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::bench::{ROLE, WAIT, job, text, training, unpack, with};

const QUEUE: &str = "http://localhost/111122223333/outputs";

#[tokio::test]
async fn boto3_and_its_service_model_agree_with_every_answer() {
    let cloud = LocalCloud::start().await.unwrap();
    let tools = PathBuf::from(std::env::var_os("EVENTIDE_TOOLS").expect("cargo sets EVENTIDE_TOOLS"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/comprehend_conformance.py");
    let output = Command::new(tools.join("venv/bin/python"))
        .arg("-B")
        .arg(script)
        .arg(cloud.endpoint())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
}

async fn put(cloud: &LocalCloud, path: &str, body: impl Into<Bytes>) -> Result<(), String> {
    let answer = cloud.send("s3", Method::PUT, path, &[], body.into()).await?;
    if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
}

#[tokio::test]
async fn the_output_is_an_event_of_its_bucket() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    cloud.aws_json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": "outputs" })).await?;
    put(&cloud, "/data", "").await?;
    let notification = "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                        <EventBridgeConfiguration/></NotificationConfiguration>";
    put(&cloud, "/data?notification", notification).await?;
    let pattern = json!({
        "source": ["aws.s3"], "detail-type": ["Object Created"],
        "detail": { "bucket": { "name": ["data"] }, "object": { "key": [{ "suffix": "/output/output.tar.gz" }] } },
    });
    let rule = json!({ "Name": "outputs", "EventPattern": pattern.to_string() });
    cloud.aws_json("events", "AWSEvents.PutRule", &rule).await?;
    let targets = json!({
        "Rule": "outputs",
        "Targets": [{ "Id": "queue", "Arn": "arn:aws:sqs:us-east-1:111122223333:outputs" }],
    });
    cloud.aws_json("events", "AWSEvents.PutTargets", &targets).await?;

    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let dataset = folder.path().join("train.csv");
    std::fs::write(&dataset, training(60)).map_err(|error| error.to_string())?;
    let starter =
        cloud.control(Method::POST, "comprehend/starter", Some(&json!({ "dataset": dataset }))).await?;
    let twice = json!({ "nameContains": "twice", "outputs": 2 });
    cloud.control(Method::POST, "comprehend/plans", Some(&twice)).await?;
    put(&cloud, "/data/in/a%20b.txt", "wine tasting\nplace your bets\n").await?;
    let body = with(job(&text(&starter, "/classifierArn")), &json!({ "JobName": "twice" }));
    let started =
        cloud.aws_json("comprehend", "Comprehend_20171127.StartDocumentClassificationJob", &body).await?;
    let key = format!("out/111122223333-CLN-{}/output/output.tar.gz", text(&started, "/JobId"));

    let mut keys = Vec::new();
    while keys.len() < 2 {
        let messages = eventually("an event", WAIT, || async {
            let request = json!({ "QueueUrl": QUEUE, "MaxNumberOfMessages": 10 });
            let page = cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &request).await.ok()?;
            page.get("Messages").and_then(Value::as_array).filter(|page| !page.is_empty()).cloned()
        })
        .await?;
        for message in messages {
            let event: Value =
                serde_json::from_str(&text(&message, "/Body")).map_err(|error| error.to_string())?;
            keys.push(text(&event, "/detail/object/key"));
        }
    }
    assert_eq!(keys, [key.clone(), key.clone()]);
    let packed = cloud.send("s3", Method::GET, &format!("/data/{key}"), &[], "").await?;
    let (name, lines) = unpack(&packed.body)?;
    assert_eq!((name.as_str(), lines.lines().count()), ("predictions.jsonl", 2));
    assert!(
        lines.starts_with("{\"File\":\"a b.txt\",\"Line\":\"0\",\"Classes\":[{\"Name\":\"alcohol\""),
        "{lines}"
    );

    let journal = cloud.control(Method::GET, "journal?service=comprehend", None).await?;
    assert_eq!(text(&journal, "/entries/0/operation"), "StartDocumentClassificationJob");
    assert_eq!(text(&journal, "/entries/0/resources/DataAccessRoleArn"), ROLE);
    Ok(())
}

#[tokio::test]
async fn faults_meet_calls_of_comprehend() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let fault = json!({ "match": { "service": "comprehend" }, "times": 1, "effect": { "type": "throttle" } });
    cloud.control(Method::POST, "faults", Some(&fault)).await?;
    let list =
        || async { cloud.aws_json("comprehend", "Comprehend_20171127.ListEndpoints", &json!({})).await };
    let error = list().await.map_err(|error| (error.status, error.code));
    assert_eq!(error, Err((Some(400), "ThrottlingException".into())));
    assert_eq!(list().await?, json!({ "EndpointPropertiesList": [] }));
    Ok(())
}
