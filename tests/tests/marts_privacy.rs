//! The logs of the data marts hold ids and names, and nothing of what is asked for, what comes out, what the warehouse
//! says, who asks, or what would let anybody else read it. Shown at the most verbose level that the template allows.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use eventide_testing::{LocalCloud, eventually};
use eventide_tests::Marts;
use eventide_tests::marts::File;
use eventide_tests::system::PATIENCE;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const FUNCTIONS: [&str; 5] =
    ["DeployFunction", "RefreshFunction", "QueryFunction", "DeliverFunction", "ChargebackFunction"];

const VALUE: &str = "marked value of a parameter";
const ROW: &str = "marked value in a row";
const WAREHOUSE: &str = "marked words of the warehouse";
const REFUSED: &str = "marked value in a refusal";
const SESSION: &str = "marked-session";
const ACCESS_KEY: &str = "ASIAMARKEDKEY0000001";
const ADDRESS: &str = "198.51.100.203";
const AGENT: &str = "marked-agent/3.0";
const REQUEST: &str = "marked id of a request";
const BODY: &str = "marked body of a message";
const DESCRIPTION: &str = "marked description of a mart";
const LITERAL: &str = "marked text in a query";
const SECRET: &str = "marked-password";

/// Written into every place that may hold something personal or secret.
const MARKED: [&str; 13] = [
    VALUE,
    ROW,
    WAREHOUSE,
    REFUSED,
    SESSION,
    ACCESS_KEY,
    ADDRESS,
    AGENT,
    REQUEST,
    BODY,
    DESCRIPTION,
    LITERAL,
    SECRET,
];

/// What a signature, a presigned link or the environment of a function would show.
const CREDENTIALS: [&str; 9] = [
    "AWS_SECRET",
    "AWS_SESSION_TOKEN",
    "SecurityToken",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-expires",
    "Credential=",
    "Signature=",
];

/// A query whose rows hold what was asked for, and more.
fn echo(name: &str) -> File {
    let body = format!("SELECT :who AS who, '{ROW}' AS what, name FROM dev.humanresources.department");
    File::query(name, &body).parameter("who", "text")
}

/// A call of the function URL, by a session.
fn call(request: &Value) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "",
        "headers": {
            "authorization": format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20261123/us-east-1/lambda/aws4_request"),
            "user-agent": AGENT, "x-forwarded-for": ADDRESS
        },
        "requestContext": {
            "requestId": "r-1",
            "http": { "method": "POST", "path": "/", "sourceIp": ADDRESS, "userAgent": AGENT },
            "authorizer": { "iam": {
                "accessKey": ACCESS_KEY, "callerId": format!("AROAIOSFODNN7EXAMPLE:{SESSION}"),
                "userArn": format!("arn:aws:sts::111122223333:assumed-role/Analyst/{SESSION}")
            } }
        },
        "body": request.to_string(), "isBase64Encoded": false
    })
}

async fn send(marts: &Marts, queue: &str, body: &str) -> Tested {
    let message = json!({ "QueueUrl": marts.output(queue)?, "MessageBody": body });
    marts.cloud().aws_json("sqs", "AmazonSQS.SendMessage", &message).await?;
    Ok(())
}

/// Marts that are deployed, refused as a file, refused by the warehouse, and logged in to with a secret.
async fn deploy(marts: &Marts, secret: &str) -> Tested {
    for mart in ["echo", "failing", "refused"] {
        marts.deploy(&echo(mart)).await?;
    }
    let with_secret = echo("with_secret");
    let warehouse = format!("workgroup = \"eventide\", secret = \"{secret}\"");
    let text = with_secret.text().replace("workgroup = \"eventide\"", &warehouse);
    marts.upload(&with_secret.key(), &text).await?;
    marts.await_event("Data Mart Deployed", "with_secret").await?;

    let broken = File::query("broken", &format!("SELECT '{LITERAL}' FROM FROM '{LITERAL}'"));
    let text = broken.text().replace("A mart of the tests.", DESCRIPTION);
    marts.upload(&broken.key(), &text).await?;
    marts.await_event("Data Mart Rejected", &broken.key()).await?;
    let unknown =
        broken.text().replace("description =", &format!("\"{DESCRIPTION}\" = \"{LITERAL}\"\ndescription ="));
    marts.upload("people/unknown.sql", &unknown).await?;
    marts.await_event("Data Mart Rejected", "people/unknown.sql").await?;
    marts.plan(&json!({ "nameContains": "eventide/deploy/unbuilt/", "error": WAREHOUSE })).await?;
    let unbuilt =
        File::view("unbuilt", &format!("SELECT '{LITERAL}' AS what FROM dev.humanresources.department"));
    marts.upload(&unbuilt.key(), &unbuilt.text()).await?;
    let rejected = marts.await_event("Data Mart Rejected", "unbuilt").await?;
    assert!(rejected.to_string().contains(WAREHOUSE), "the function has read what is marked: {rejected}");

    let body = format!("SELECT '{LITERAL}' AS what FROM dev.humanresources.department");
    marts.deploy(&File::materialized("refreshed", &body).line("refresh = \"rate(5 minutes)\"")).await?;
    marts.plan(&json!({ "nameContains": "eventide/refresh/refreshed/", "error": WAREHOUSE })).await?;
    let begun = marts.invoke("RefreshFunction", &json!({})).await?.map_err(|error| error.to_string())?;
    assert_eq!(begun["begun"].as_array().map(Vec::len), Some(1), "{begun}");
    let told = eventually("a refresh that failed", PATIENCE, || async {
        let lines = marts.logs("DeployFunction").await.ok()?;
        lines.iter().any(|line| line.contains("refresh failed")).then_some(())
    });
    told.await
}

/// Requests that come to something, in every form. What the functions said to those who asked is not looked at.
async fn ask(marts: &Marts) -> Tested {
    let request = |mart: &str| json!({ "mart": mart, "parameters": { "who": VALUE }, "requestId": REQUEST });
    marts.send_event("hr.portal", "Data Mart Requested", &request("echo")).await?;
    let ready = marts.await_event("Data Mart Ready", "echo").await?;
    let file = marts.result(ready["keys"][0].as_str().unwrap_or_default()).await?.ok_or("no file")?;
    let file = String::from_utf8_lossy(&file);
    assert!(file.contains(VALUE) && file.contains(ROW), "the function has read what is marked: {file}");

    for (mart, expected) in [("echo", 200), ("with_secret", 200), ("failing", 422)] {
        let mut waiting = request(mart);
        waiting["wait"] = json!(true);
        let answer = marts.ask(&waiting).await?.map_err(|error| error.to_string())?;
        assert_eq!(answer["statusCode"], expected, "{answer}");
    }
    let answer = marts.ask(&call(&request("echo"))).await?.map_err(|error| error.to_string())?;
    let body = answer["body"].as_str().unwrap_or_default();
    assert!(body.to_lowercase().contains("x-amz-signature"), "a link was made: {answer}");
    let unloaded = json!({ "mart": "echo", "parameters": { "who": VALUE }, "unload": true });
    marts.ask(&unloaded).await?.map_err(|error| error.to_string())?;
    marts.await_event("Data Mart Ready", "echo").await?;
    Ok(())
}

/// Requests that come to nothing.
async fn ask_in_vain(marts: &Marts) -> Tested {
    let request = |mart: &str| json!({ "mart": mart, "parameters": { "who": VALUE }, "requestId": REQUEST });
    marts.send_event("hr.portal", "Data Mart Requested", &request("failing")).await?;
    let failed = marts.await_event("Data Mart Failed", "failing").await?;
    assert!(failed.to_string().contains(WAREHOUSE), "the function has read what is marked: {failed}");

    let refusal = json!({
        "match": { "caller": "mart-query", "operation": "ExecuteStatement", "body_contains": "eventide/query/refused/" },
        "effect": {
            "type": "error", "status": 400, "code": "ValidationException",
            "message": format!("Value '{REFUSED}' at 'parameters' failed to satisfy constraint")
        }
    });
    marts.fault(&refusal).await?;
    marts.send_event("hr.portal", "Data Mart Requested", &request("refused")).await?;
    marts.await_event("Data Mart Failed", "refused").await?;

    let mut other = request("echo");
    other["parameters"]["who"] = json!({ VALUE: VALUE });
    other["requestId"] = json!(format!("{REQUEST} again"));
    let mut long = request("echo");
    long["requestId"] = json!(REQUEST.repeat(20));
    let mut unlike = request("echo");
    unlike["parameters"]["who"] = json!(format!("{VALUE}, another one"));
    let mut malformed = request("echo");
    malformed["wait"] = json!(BODY);
    for refused in [other, long, malformed] {
        let answer = marts.ask(&refused).await?;
        assert!(answer.is_err(), "{refused}: {answer:?}");
        let answer = marts.ask(&call(&refused)).await?.map_err(|error| error.to_string())?;
        assert_eq!(answer["statusCode"], 400, "{answer}");
    }
    // The same id for another request.
    let answer = marts.ask(&call(&unlike)).await?.map_err(|error| error.to_string())?;
    assert_eq!(answer["statusCode"], 409, "{answer}");
    let month = marts.invoke("ChargebackFunction", &json!({ "month": BODY })).await?;
    assert!(month.is_err(), "{month:?}");
    for queue in ["DeployQueueUrl", "QueryQueueUrl", "DeliverQueueUrl"] {
        let odd =
            json!({ "token": BODY, "detail-type": BODY, "source": BODY, "detail": BODY, "refusals": BODY });
        for body in [BODY.to_owned(), odd.to_string()] {
            send(marts, queue, &body).await?;
        }
    }
    Ok(())
}

/// The messages in the failed queue, once there are as many.
async fn set_aside(marts: &Marts, count: usize) -> Result<Vec<Value>, String> {
    let what = format!("{count} failed messages");
    let failed = eventually(&what, PATIENCE, || async {
        marts.failed_messages().await.ok().filter(|messages| messages.len() >= count)
    });
    match failed.await {
        Ok(failed) => Ok(failed),
        Err(error) => Err(format!("{error}: {:?}", marts.failed_messages().await)),
    }
}

#[tokio::test]
async fn no_log_line_and_no_reason_holds_content_or_what_opens_it() -> Tested {
    let cloud = LocalCloud::start().await?;
    let secret = json!({ "username": "awsuser", "password": SECRET }).to_string();
    let secret = json!({ "Name": "marts", "SecretString": secret });
    let secret = cloud.aws_json("secretsmanager", "secretsmanager.CreateSecret", &secret).await?;
    let secret = secret["ARN"].as_str().ok_or("no secret")?.to_owned();
    let marts = Marts::start_on(cloud, &[("LogLevel", "TRACE"), ("SecretArns", &secret)]).await?;
    deploy(&marts, &secret).await?;
    marts.plan(&json!({ "nameContains": "eventide/query/failing/", "error": WAREHOUSE })).await?;
    ask(&marts).await?;
    ask_in_vain(&marts).await?;
    marts.sweep().await?;
    // Two of each queue.
    let failed = set_aside(&marts, 6).await?;

    let mut said = BTreeSet::new();
    for message in &failed {
        let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
        said.extend(attributes.map(|(name, value)| format!("{name}: {value}")));
    }
    assert!(said.iter().any(|said| said.starts_with("reason: ")), "{failed:?}");
    for function in FUNCTIONS {
        let lines = marts.logs(function).await?;
        assert!(lines.iter().any(|line| line.contains("\"request_id\"")), "{function} logs its work");
        assert!(lines.iter().any(|line| line.contains("\"DEBUG\"")), "{function} logs all it can");
        said.extend(lines);
    }
    for line in &said {
        let lower = line.to_lowercase();
        for marked in MARKED.into_iter().chain(CREDENTIALS) {
            assert!(!lower.contains(&marked.to_lowercase()), "`{marked}` in {line}");
        }
    }
    Ok(())
}
