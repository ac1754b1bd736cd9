//! The Redshift Data stand-in through the endpoint, with the engine behind it: boto3 calls every operation and
//! botocore's service model judges the raw answers; completion events reach a queue and meet the fault rules.

use std::path::PathBuf;
use std::time::Duration;

use eventide_testing::{LocalCloud, eventually};
use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;

const WAIT: Duration = Duration::from_secs(20);
const QUEUE: &str = "http://localhost/111122223333/ends";

#[tokio::test]
async fn boto3_and_its_service_model_agree_with_every_answer() {
    let cloud = LocalCloud::start().await.unwrap();
    let tools = PathBuf::from(std::env::var_os("EVENTIDE_TOOLS").expect("cargo sets EVENTIDE_TOOLS"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redshift_data_conformance.py");
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

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn data(cloud: &LocalCloud, operation: &str, body: Value) -> Result<Value, String> {
    Ok(cloud.aws_json("redshift-data", &format!("RedshiftData.{operation}"), &body).await?)
}

async fn submit(cloud: &LocalCloud, name: &str) -> Result<String, String> {
    let body = json!({
        "Sql": "select 1 as one", "Database": "dev", "WorkgroupName": "eventide", "StatementName": name,
        "WithEvent": true, "WaitTimeSeconds": 10,
    });
    let answer = data(cloud, "ExecuteStatement", body).await?;
    assert_eq!(text(&answer, "/Status"), "FINISHED", "{answer}");
    Ok(text(&answer, "/Id"))
}

/// The names of the statements whose events are in the queue, once there are that many.
async fn ends(cloud: &LocalCloud, count: usize) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    while found.len() < count {
        let messages = eventually("an event", WAIT, || async {
            let request = json!({ "QueueUrl": QUEUE, "MaxNumberOfMessages": 10 });
            let page = cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &request).await.ok()?;
            page.get("Messages").and_then(Value::as_array).filter(|page| !page.is_empty()).cloned()
        })
        .await?;
        for message in messages {
            let handle = json!({ "QueueUrl": QUEUE, "ReceiptHandle": text(&message, "/ReceiptHandle") });
            cloud.aws_json("sqs", "AmazonSQS.DeleteMessage", &handle).await?;
            let event: Value =
                serde_json::from_str(&text(&message, "/Body")).map_err(|error| error.to_string())?;
            found.push(text(&event, "/detail/statementName"));
        }
    }
    Ok(found)
}

#[tokio::test]
async fn events_go_through_rules_to_targets_and_meet_faults() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    cloud.aws_json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": "ends" })).await?;
    let pattern = json!({
        "source": ["aws.redshift-data"],
        "detail-type": ["Redshift Data Statement Status Change"],
        "detail": { "state": ["FINISHED", "FAILED", "ABORTED"], "statementName": [{ "prefix": "mart-" }] },
    });
    let rule = json!({ "Name": "ends", "EventPattern": pattern.to_string() });
    cloud.aws_json("events", "AWSEvents.PutRule", &rule).await?;
    let targets = json!({
        "Rule": "ends",
        "Targets": [{ "Id": "queue", "Arn": "arn:aws:sqs:us-east-1:111122223333:ends" }],
    });
    cloud.aws_json("events", "AWSEvents.PutTargets", &targets).await?;

    submit(&cloud, "other").await?;
    submit(&cloud, "mart-one").await?;
    assert_eq!(ends(&cloud, 1).await?, ["mart-one"], "only what the rule matches");

    let fault = json!({
        "match": { "caller": "events.amazonaws.com", "service": "sqs", "operation": "SendMessage" },
        "times": 1, "effect": { "type": "duplicate" },
    });
    cloud.control(Method::POST, "faults", Some(&fault)).await?;
    submit(&cloud, "mart-two").await?;
    assert_eq!(ends(&cloud, 2).await?, ["mart-two", "mart-two"]);

    let plan = json!({ "nameContains": "mart-lost", "event": "lost" });
    cloud.control(Method::POST, "redshift-data/plans", Some(&plan)).await?;
    submit(&cloud, "mart-lost").await?;
    submit(&cloud, "mart-three").await?;
    assert_eq!(ends(&cloud, 1).await?, ["mart-three"]);

    let journal =
        cloud.control(Method::GET, "journal?service=redshift-data&operation=ExecuteStatement", None).await?;
    assert_eq!(journal["entries"].as_array().map(Vec::len), Some(5));
    Ok(())
}

#[tokio::test]
async fn users_follow_functions_and_secrets() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let function = json!({
        "FunctionName": "stack-Query-1", "Runtime": "provided.al2023", "Handler": "bootstrap",
        "Role": "arn:aws:iam::111122223333:role/eventide/stack-QueryRole",
        "Environment": { "Variables": { "AWS_SDK_UA_APP_ID": "mart-query" } },
        // An empty archive.
        "Code": { "ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==" },
    });
    cloud.rest("lambda", Method::POST, "/2015-03-31/functions", Some(&function)).await?;
    let secret = json!({ "username": "analyst", "password": "unused" });
    let secret = json!({ "Name": "warehouse", "SecretString": secret.to_string() });
    let secret = cloud.aws_json("secretsmanager", "secretsmanager.CreateSecret", &secret).await?;
    let caller = |app_id: &str| cloud.aws().clone().with_app_id(app_id);
    let execute = |more: Value| {
        let mut body =
            json!({ "Sql": "select current_user as who", "Database": "dev", "WaitTimeSeconds": 10 });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        body
    };
    let workgroup = json!({ "WorkgroupName": "eventide" });
    let with_secret = json!({ "WorkgroupName": "eventide", "SecretArn": secret["ARN"] });
    let with_user = json!({ "ClusterIdentifier": "eventide-cluster", "DbUser": "awsuser" });
    for (app_id, more, user) in [
        ("mart-query", workgroup.clone(), "IAMR:stack-QueryRole"),
        ("someone", workgroup, "IAM:111122223333"),
        ("mart-query", with_secret, "analyst"),
        ("mart-query", with_user, "awsuser"),
    ] {
        let (service, target) = ("redshift-data", |operation: &str| format!("RedshiftData.{operation}"));
        let aws = caller(app_id);
        let answer = aws.json(service, &target("ExecuteStatement"), &execute(more)).await?;
        assert_eq!((text(&answer, "/Status"), text(&answer, "/DbUser")), ("FINISHED".into(), user.into()));
        let id = json!({ "Id": answer["Id"] });
        let page = aws.json(service, &target("GetStatementResult"), &id).await?;
        assert_eq!(text(&page, "/Records/0/0/stringValue").to_lowercase(), user.to_lowercase());
        let other = caller("yet another").json(service, &target("DescribeStatement"), &id).await;
        assert_eq!(other.is_ok(), app_id == "someone", "only those of the same identity");
    }
    Ok(())
}

#[tokio::test]
async fn the_sample_is_queried_in_both_catalogs() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let sample = json!({ "bucket": "lake" });
    cloud.control(Method::POST, "redshift-data/human-resources", Some(&sample)).await?;
    for (table, rows) in [
        ("dev.humanresources.department", 16),
        ("awsdatacatalog.humanresources.employee", 290),
        ("humanresources.employeepayhistory", 316),
    ] {
        let body = json!({
            "Sql": format!("select count(*) as n from {table}"), "Database": "dev",
            "ClusterIdentifier": "eventide-cluster", "DbUser": "awsuser", "WaitTimeSeconds": 30,
        });
        let answer = data(&cloud, "ExecuteStatement", body).await?;
        let id = answer["Id"].clone();
        let described = data(&cloud, "DescribeStatement", json!({ "Id": id })).await?;
        assert_eq!(described["Status"], "FINISHED", "{described}");
        let page = data(&cloud, "GetStatementResult", json!({ "Id": id })).await?;
        assert_eq!(page["Records"], json!([[{ "longValue": rows }]]), "{table}");
    }
    let unload = json!({
        "Sql": "unload ('select * from dev.humanresources.shift') to 's3://lake/out/' iam_role default format parquet",
        "Database": "dev", "ClusterIdentifier": "eventide-cluster", "DbUser": "awsuser", "WaitTimeSeconds": 30,
    });
    let answer = data(&cloud, "ExecuteStatement", unload).await?;
    let described = data(&cloud, "DescribeStatement", json!({ "Id": answer["Id"] })).await?;
    assert_eq!(described["Status"], "FINISHED", "{described}");
    let listed = cloud.send("s3", Method::GET, "/lake?list-type=2&prefix=out/", &[], "").await?;
    assert!(listed.text().contains(".parquet"), "{}", listed.text());
    Ok(())
}
