//! Connect through the gateway: contact events go through rules to targets, and the journal and the fault
//! rules see the calls.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventide_testing::{LocalCloud, eventually};
use futures_util::{SinkExt, StreamExt};
use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

const WAIT: Duration = Duration::from_secs(20);
const INSTANCE: &str = "11111111-2222-3333-4444-555555555555";

fn chat(token: &str) -> Value {
    json!({
        "InstanceId": INSTANCE, "ContactFlowId": "aaaaaaaa-0000-4000-8000-000000000001",
        "ParticipantDetails": { "DisplayName": "Ann" }, "ClientToken": token,
    })
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A queue that a rule sends contact events of these types to.
async fn queue(cloud: &LocalCloud, types: &[&str]) -> Result<String, String> {
    let created = cloud.aws_json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": "contacts" })).await?;
    let pattern = json!({
        "source": ["aws.connect"], "detail-type": ["Amazon Connect Contact Event"],
        "detail": {
            "eventType": types, "channel": ["VOICE", "CHAT"],
            "instanceArn": [format!("arn:aws:connect:us-east-1:111122223333:instance/{INSTANCE}")],
        },
    });
    let rule = json!({ "Name": "contacts", "EventPattern": pattern.to_string() });
    cloud.aws_json("events", "AWSEvents.PutRule", &rule).await?;
    let target = json!({ "Id": "queue", "Arn": "arn:aws:sqs:us-east-1:111122223333:contacts" });
    let targets = json!({ "Rule": "contacts", "Targets": [target] });
    cloud.aws_json("events", "AWSEvents.PutTargets", &targets).await?;
    Ok(text(&created, "QueueUrl").to_owned())
}

/// The detail of the next event.
async fn event(cloud: &LocalCloud, queue: &str) -> Result<Value, String> {
    let message = eventually("an event", WAIT, || async {
        let request = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 1 });
        let page = cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &request).await.ok()?;
        page.pointer("/Messages/0").cloned()
    })
    .await?;
    let handle = json!({ "QueueUrl": queue, "ReceiptHandle": text(&message, "ReceiptHandle") });
    cloud.aws_json("sqs", "AmazonSQS.DeleteMessage", &handle).await?;
    let event: Value = serde_json::from_str(text(&message, "Body")).map_err(|error| error.to_string())?;
    Ok(event.get("detail").cloned().unwrap_or_default())
}

#[tokio::test]
async fn contact_events_reach_a_queue() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let queue = queue(&cloud, &["INITIATED", "CONNECTED_TO_AGENT"]).await?;
    let started = cloud.rest("connect", Method::PUT, "/contact/chat", Some(&chat("a"))).await?;
    let initiated = event(&cloud, &queue).await?;
    assert_eq!((&initiated["eventType"], &initiated["channel"]), (&json!("INITIATED"), &json!("CHAT")));
    assert_eq!(initiated["contactId"], started["ContactId"]);
    let flow = json!({ "id": "v1", "state": "flow" });
    cloud.control(Method::POST, "connect/contacts", Some(&flow)).await?;
    assert_eq!(event(&cloud, &queue).await?["contactId"], "v1");
    cloud.control(Method::POST, "connect/contacts/v1/agent", None).await?;
    let connected = event(&cloud, &queue).await?;
    assert_eq!(
        (&connected["eventType"], &connected["contactId"]),
        (&json!("CONNECTED_TO_AGENT"), &json!("v1")),
        "QUEUED is in no pattern"
    );
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_is_made_good_by_the_client_token() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let rule = json!({
        "match": { "service": "connect", "operation": "StartChatContact" }, "times": 1,
        "effect": { "type": "lost_response" },
    });
    cloud.control(Method::POST, "faults", Some(&rule)).await?;
    let request = chat("b");
    let start = || cloud.rest("connect", Method::PUT, "/contact/chat", Some(&request));
    start().await.unwrap_err();
    let started = start().await?;
    let contacts = cloud.control(Method::GET, "connect/contacts", None).await?;
    assert_eq!(contacts["contacts"].as_array().map(Vec::len), Some(1));
    assert_eq!(contacts["contacts"][0]["id"], started["ContactId"]);
    let path = format!("/contacts/{INSTANCE}/{}", started["ContactId"].as_str().unwrap_or_default());
    let described = cloud.rest("connect", Method::GET, &path, None).await?;
    assert_eq!(described["Contact"]["Channel"], "CHAT");
    let journal = cloud.control(Method::GET, "journal?service=connect", None).await?;
    let operations: Vec<_> =
        journal["entries"].as_array().into_iter().flatten().map(|entry| &entry["operation"]).collect();
    assert_eq!(operations, ["StartChatContact", "StartChatContact", "DescribeContact"]);
    Ok(())
}

#[tokio::test]
async fn boto3_and_its_service_models_agree_at_the_gateway_and_at_the_edge() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let health = cloud.control(Method::GET, "health", None).await?;
    let tools = std::env::var_os("EVENTIDE_TOOLS").ok_or("cargo sets EVENTIDE_TOOLS")?;
    let quick = json!({ "rates": false, "joinSeconds": 0, "thinkSeconds": 0, "typingSeconds": 0 });
    cloud.control(Method::POST, "connect/settings", Some(&quick)).await?;
    let output = Command::new(PathBuf::from(tools).join("venv/bin/python"))
        .arg("-B")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connect_conformance.py"))
        .args([cloud.endpoint(), text(&health, "edge")])
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| error.to_string())?;
    let printed =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    if output.status.success() { Ok(()) } else { Err(printed) }
}

#[tokio::test]
async fn a_websocket_of_the_edge_brings_the_agents_greeting() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let mut request = chat("c");
    if let Some(members) = request.as_object_mut() {
        members.insert("ConnectionTypes".into(), json!(["WEBSOCKET"]));
    }
    let started = cloud.rest("connect", Method::PUT, "/contact/chat", Some(&request)).await?;
    let url = started.pointer("/Websocket/Url").and_then(Value::as_str).unwrap_or_default();
    // The only addresses without TLS that amazon-connect-chatjs accepts.
    assert!(url.starts_with("ws://127.0.0.1:"), "{url}");
    let (mut socket, _) = connect_async(url).await.map_err(|error| error.to_string())?;
    let subscribe = json!({ "topic": "aws/subscribe", "content": { "topics": ["aws/chat"] } });
    socket.send(Message::text(subscribe.to_string())).await.map_err(|error| error.to_string())?;
    let greeted = async {
        while let Some(Ok(frame)) = socket.next().await {
            if frame.to_text().is_ok_and(|text| text.contains("Hello Ann, this is Sam")) {
                return true;
            }
        }
        false
    };
    assert_eq!(tokio::time::timeout(WAIT, greeted).await, Ok(true));
    Ok(())
}
