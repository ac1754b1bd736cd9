//! Email and SMS through the endpoint: boto3 calls every operation and botocore's service models judge the
//! raw answers; events go through rules to targets; templates hold their resources; `/_local/messages` lists
//! what was accepted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eventide_testing::{LocalCloud, eventually};
use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;

const WAIT: Duration = Duration::from_secs(20);
const NUMBER: &str = "+12065550100";

/// Runs the tools' Python; what it printed, if it succeeded.
async fn python(arguments: &[&str]) -> Result<String, String> {
    let tools = std::env::var_os("EVENTIDE_TOOLS").ok_or("cargo sets EVENTIDE_TOOLS")?;
    let output = Command::new(PathBuf::from(tools).join("venv/bin/python"))
        .arg("-B")
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| error.to_string())?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    Err(format!("{printed}{}", String::from_utf8_lossy(&output.stderr)))
}

async fn conforms(script: &str) -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    python(&[&script.to_string_lossy(), cloud.endpoint()]).await.map(drop)
}

#[tokio::test]
async fn boto3_and_its_service_model_agree_with_email() -> Result<(), String> {
    conforms("email_conformance.py").await
}

#[tokio::test]
async fn boto3_and_its_service_model_agree_with_sms() -> Result<(), String> {
    conforms("sms_conformance.py").await
}

async fn deploy(cloud: &LocalCloud, parameters: &[(&str, &str)]) -> Result<Value, String> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let request = json!({
        "template": fixtures.join("messaging.yaml"),
        "stack": "messaging",
        "parameters": parameters.iter().copied().collect::<BTreeMap<_, _>>(),
        "code": fixtures.join("bin"),
    });
    Ok(cloud.control(Method::POST, "deploy", Some(&request)).await?)
}

async fn email(cloud: &LocalCloud, set: &str, to: &str) -> Result<Value, eventide_testing::CallError> {
    let letter = json!({
        "FromEmailAddress": "Shop <hello@shop.test>", "Destination": { "ToAddresses": [to] },
        "Content": { "Simple": {
            "Subject": { "Data": "Sale & more" },
            "Body": { "Text": { "Data": "Off: {{amazonSESUnsubscribeUrl}}" } },
        } },
        "ConfigurationSetName": set,
        "EmailTags": [{ "Name": "ledger", "Value": "e1" }],
        "ListManagementOptions": { "ContactListName": "messaging", "TopicName": "sales" },
    });
    cloud.rest("ses", Method::POST, "/v2/email/outbound-emails", Some(&letter)).await
}

async fn sms(cloud: &LocalCloud, from: &str, to: &str) -> Result<Value, eventide_testing::CallError> {
    let text = json!({
        "DestinationPhoneNumber": to, "OriginationIdentity": from, "MessageBody": "Sale",
        "Context": { "ledger": "s1" },
    });
    cloud.aws_json("sms-voice", "PinpointSMSVoiceV2.SendTextMessage", &text).await
}

/// The details of the events in the queue, once there are that many.
async fn events(cloud: &LocalCloud, queue: &str, count: usize) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    while found.len() < count {
        let messages = eventually("an event", WAIT, || async {
            let request = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
            let page = cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &request).await.ok()?;
            page.get("Messages").and_then(Value::as_array).filter(|page| !page.is_empty()).cloned()
        })
        .await?;
        for message in messages {
            let handle = json!({ "QueueUrl": queue, "ReceiptHandle": message.get("ReceiptHandle") });
            cloud.aws_json("sqs", "AmazonSQS.DeleteMessage", &handle).await?;
            let body = message.get("Body").and_then(Value::as_str).unwrap_or_default();
            let event: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
            found.push(event.get("detail").cloned().unwrap_or_default());
        }
    }
    Ok(found)
}

/// Status, content type and body of a page; with a form, it is posted.
async fn open(url: &str, accept: &str, form: &str) -> Result<(u16, String, String), String> {
    let script = "import sys, urllib.request as r\n\
                  q = r.Request(sys.argv[1], sys.argv[3].encode() or None, {'accept': sys.argv[2]})\n\
                  a = r.urlopen(q)\n\
                  print(a.status, a.headers['content-type'], a.read().decode(), sep='\\n')";
    let printed = python(&["-c", script, url, accept, form]).await?;
    let mut lines = printed.splitn(3, '\n').map(str::to_owned);
    let mut next = || lines.next().unwrap_or_default();
    Ok((next().parse().unwrap_or(0), next(), next()))
}

#[tokio::test]
async fn a_templates_resources_send_and_their_events_reach_a_target() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let deployed = deploy(&cloud, &[]).await?;
    let output = |name: &str| deployed["outputs"][name].as_str().unwrap_or_default().to_owned();
    let taken_out = deployed["taken_out"].as_array().cloned().unwrap_or_default();
    assert_eq!(taken_out.len(), 9, "{taken_out:?}");
    assert!(output("EmailSet").starts_with("EmailSet-"), "{deployed}");
    assert_eq!(
        (output("Destination"), output("Contacts"), output("Identity")),
        ("bus".into(), "messaging".into(), "shop.test".into())
    );
    assert!(output("DkimName").ends_with("._domainkey.shop.test"), "{deployed}");
    assert!(output("Number").starts_with("+1555"), "{deployed}");
    assert_eq!(output("Sender"), "arn:aws:sms-voice:us-east-1:111122223333:sender-id/SHOP/FR");
    assert_eq!(
        output("PoolArn"),
        format!("arn:aws:sms-voice:us-east-1:111122223333:pool/{}", output("Pool"))
    );
    let stored =
        cloud.aws_json("ssm", "AmazonSSM.GetParameter", &json!({ "Name": "/messaging/set" })).await?;
    assert_eq!(stored["Parameter"]["Value"], output("EmailSet"));

    let queue = output("QueueUrl");
    let sent = email(&cloud, &output("EmailSet"), "ann@customer.test").await?;
    let details = events(&cloud, &queue, 2).await?;
    let kinds: Vec<_> = details.iter().map(|detail| &detail["eventType"]).collect();
    assert_eq!(kinds, ["Send", "Delivery"]);
    assert_eq!(details[1]["mail"]["messageId"], sent["MessageId"]);
    assert_eq!(details[1]["mail"]["tags"]["ledger"], json!(["e1"]));

    let sent = sms(&cloud, &output("Pool"), "+12065550123").await?;
    let details = events(&cloud, &queue, 2).await?;
    assert_eq!(
        (&details[1]["messageId"], &details[1]["context"]),
        (&sent["MessageId"], &json!({ "ledger": "s1" }))
    );
    assert_eq!(details[1]["eventType"], "TEXT_DELIVERED");

    // What a mail client does with the header, and a person with the link.
    let listed = cloud.control(Method::GET, "messages?channel=email", None).await?;
    let headers = listed["messages"][0]["headers"].as_array().cloned().unwrap_or_default();
    let link = headers.iter().find(|header| header["name"] == "List-Unsubscribe");
    let link =
        link.and_then(|link| link["value"].as_str()).unwrap_or_default().trim_matches(['<', '>']).to_owned();
    assert!(link.starts_with(cloud.endpoint()), "{link}");
    let (status, kind, page) = open(&link, "*/*", "").await?;
    assert!(
        status == 200 && kind.starts_with("text/html") && page.contains("Unsubscribe from Sales"),
        "{page}"
    );
    let (status, _, page) = open(&link, "*/*", "List-Unsubscribe=One-Click").await?;
    assert!(status == 200 && page.contains("You are unsubscribed."), "{page}");
    assert_eq!(events(&cloud, &queue, 1).await?[0]["subscription"]["source"], "UnsubscribeHeader");
    email(&cloud, &output("EmailSet"), "ann@customer.test").await?;
    let details = events(&cloud, &queue, 2).await?;
    assert_eq!(details[1]["bounce"]["bounceSubType"], "UnsubscribedRecipient");

    // A reset takes the stand-ins back to what the stack needs, under the same names and ids.
    cloud.control(Method::POST, "reset", None).await?;
    let listed = cloud.control(Method::GET, "messages", None).await?;
    assert_eq!((&listed["messages"], &listed["counts"]["accepted"]), (&json!([]), &json!(0)));
    email(&cloud, &output("EmailSet"), "ann@customer.test").await?;
    sms(&cloud, &output("Number"), "+12065550123").await?;
    sms(&cloud, &output("PoolArn"), "+12065550123").await?;
    assert_eq!(events(&cloud, &queue, 6).await?.len(), 6);

    // A parameter is text, and the property a boolean.
    deploy(&cloud, &[("SendingEnabled", "false")]).await?;
    let refused = email(&cloud, &output("EmailSet"), "ann@customer.test").await.unwrap_err();
    assert_eq!(refused.code, "SendingPausedException");
    cloud.control(Method::DELETE, "stacks/messaging", None).await?;
    let refused = sms(&cloud, &output("Pool"), "+12065550123").await.unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (Some(400), "ResourceNotFoundException"));
    let lists = cloud.rest("ses", Method::GET, "/v2/email/contact-lists", None).await?;
    assert_eq!(lists["ContactLists"], json!([]));
    Ok(())
}

#[tokio::test]
async fn accepted_messages_are_listed_whatever_their_senders_heard() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let letter = |to: &str| {
        json!({
            "FromEmailAddress": "a@example.com", "Destination": { "ToAddresses": [to] },
            "Content": { "Simple": {
                "Subject": { "Data": "<b>" }, "Body": { "Html": { "Data": "<p title=\"x\">" } },
            } },
        })
    };
    let send = async |to: &str| {
        cloud.rest("ses", Method::POST, "/v2/email/outbound-emails", Some(&letter(to))).await
    };
    for (effect, accepted) in [
        (json!({ "type": "lost_response" }), true),
        (json!({ "type": "throttle" }), false),
        (json!({ "type": "reset" }), false),
    ] {
        let rule =
            json!({ "match": { "service": "ses", "operation": "SendEmail" }, "times": 1, "effect": effect });
        cloud.control(Method::POST, "faults", Some(&rule)).await?;
        let to = format!("{}@customer.test", effect["type"].as_str().unwrap_or_default());
        let error = send(&to).await.unwrap_err();
        if effect["type"] == "throttle" {
            assert_eq!((error.status, error.code.as_str()), (Some(429), "TooManyRequestsException"));
        }
        let found = cloud.control(Method::GET, &format!("messages?to={to}"), None).await?;
        assert_eq!(found["messages"].as_array().map(Vec::len), Some(usize::from(accepted)), "{effect}");
    }
    sms(&cloud, NUMBER, "+12065550123").await?;
    let all = cloud.control(Method::GET, "messages", None).await?;
    assert_eq!(all["counts"]["byChannel"], json!({ "email": 1, "sms": 1 }));
    let newer = cloud.control(Method::GET, "messages?since=1", None).await?;
    assert_eq!(newer["messages"][0]["channel"], "sms");
    let wrong = cloud.control(Method::GET, "messages?channel=fax", None).await.unwrap_err();
    assert_eq!(wrong.status, Some(400));

    for (path, accept) in [("messages/page", "*/*"), ("messages", "text/html")] {
        let (status, kind, page) = open(&format!("{}/_local/{path}", cloud.endpoint()), accept, "").await?;
        assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
        assert!(
            page.contains("SMS 2")
                && page.contains("&lt;b&gt;")
                && page.contains("&lt;p title=&quot;x&quot;&gt;")
        );
    }
    // The journal names operations and configuration sets, and no recipient.
    let journal = cloud.control(Method::GET, "journal?operation=SendTextMessage", None).await?;
    assert_eq!(journal["entries"][0]["resources"], json!({ "OriginationIdentity": NUMBER }));
    cloud.control(Method::DELETE, "messages", None).await?;
    let none = cloud.control(Method::GET, "messages", None).await?;
    assert_eq!(none["messages"], json!([]));

    // SES's first API is MiniStack's, under the same signing name.
    let quota = cloud.query("ses", "GetSendQuota", &[]).await?;
    assert!(quota.contains("GetSendQuotaResponse"), "{quota}");
    Ok(())
}
