//! Templates deployed through the gateway: functions, events, logs, and what is applied to stand-ins.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use eventide_testing::{LocalCloud, eventually};
use http::Method;
use serde_json::{Value, json};

const WAIT: Duration = Duration::from_secs(20);

async fn deploy(
    cloud: &LocalCloud,
    template: &str,
    stack: &str,
    parameters: &[(&str, &str)],
) -> Result<(BTreeMap<String, String>, Vec<String>), String> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let request = json!({
        "template": fixtures.join(template),
        "stack": stack,
        "parameters": parameters.iter().copied().collect::<BTreeMap<_, _>>(),
        "code": fixtures.join("bin"),
    });
    let deployed = cloud.control(Method::POST, "deploy", Some(&request)).await?;
    let part = |name: &str| deployed.get(name).cloned().unwrap_or_default();
    Ok((
        serde_json::from_value(part("outputs")).map_err(|error| error.to_string())?,
        serde_json::from_value(part("taken_out")).map_err(|error| error.to_string())?,
    ))
}

/// Waits for so many messages and takes them out of the queue.
async fn receive(cloud: &LocalCloud, queue: &str, count: usize) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    while found.len() < count {
        let request =
            json!({ "QueueUrl": queue, "MaxNumberOfMessages": 1, "MessageAttributeNames": ["All"] });
        let message = eventually(&format!("message {} of {count}", found.len() + 1), WAIT, || async {
            let page = cloud.aws_json("sqs", "AmazonSQS.ReceiveMessage", &request).await.ok()?;
            page.pointer("/Messages/0").cloned()
        })
        .await?;
        let handle = json!({ "QueueUrl": queue, "ReceiptHandle": message.get("ReceiptHandle") });
        cloud.aws_json("sqs", "AmazonSQS.DeleteMessage", &handle).await?;
        found.push(message);
    }
    Ok(found)
}

fn body(message: &Value) -> Value {
    let text = message.get("Body").and_then(Value::as_str).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

fn title(message: &Value) -> String {
    let body = body(message);
    body.pointer("/detail/findings/0/Title").and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn import(cloud: &LocalCloud, title: &str) -> Result<(), String> {
    let finding = json!({
        "SchemaVersion": "2018-10-08", "Id": title, "GeneratorId": "scratch", "Title": title,
        "ProductArn": "arn:aws:securityhub:us-east-1:111122223333:product/111122223333/default",
        "ProductName": "scratch", "AwsAccountId": "111122223333", "Types": ["TTPs/Discovery"],
        "CreatedAt": "2026-01-31T22:00:00Z", "UpdatedAt": "2026-01-31T22:00:00Z",
        "Severity": { "Label": "HIGH" }, "Description": "A finding",
        "Resources": [{ "Type": "Other", "Id": "r" }],
    });
    let request = json!({ "Findings": [finding] });
    let answer = cloud.rest("securityhub", Method::POST, "/findings/import", Some(&request)).await?;
    if answer.get("SuccessCount") == Some(&json!(1)) { Ok(()) } else { Err(answer.to_string()) }
}

async fn invoke(cloud: &LocalCloud, function: &str, event: Value) -> Result<(u16, Value), String> {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let answer = cloud.send("lambda", Method::POST, &path, &[], event.to_string()).await?;
    Ok((answer.status, serde_json::from_slice(&answer.body).unwrap_or_default()))
}

#[tokio::test]
async fn a_template_is_deployed_updated_and_deleted() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let (outputs, taken_out) = deploy(&cloud, "scratch.yaml", "scratch", &[]).await?;
    assert_eq!(outputs["ActionArn"], "arn:aws:securityhub:us-east-1:111122223333:action/custom/Scratch");
    assert!(outputs["Mark"].contains(":automation-rule/"), "{}", outputs["Mark"]);
    assert!(!outputs.contains_key("SecondActionArn"));
    assert_eq!(taken_out.len(), 3, "{taken_out:?}");
    assert_eq!(taken_out[2], "Alarm (AWS::CloudWatch::Alarm): metric math, left out");

    let path = format!("/2015-03-31/functions/{}/configuration", outputs["Function"]);
    let configuration = cloud.rest("lambda", Method::GET, &path, None).await?;
    let variables = &configuration["Environment"]["Variables"];
    assert_eq!(variables["ACTION_ARN"], outputs["ActionArn"].as_str());
    assert_eq!(variables["SECOND_ACTION_ARN"], "none");
    assert_eq!(variables["AWS_LAMBDA_LOG_LEVEL"], "INFO");
    assert_eq!(
        configuration["Architectures"],
        json!([if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }])
    );

    let (updated, _) =
        deploy(&cloud, "scratch.yaml", "scratch", &[("WithSecondAction", "true"), ("RuleOrder", "5")])
            .await?;
    assert_eq!(updated["Function"], outputs["Function"]);
    let configuration = cloud.rest("lambda", Method::GET, &path, None).await?;
    let second = &configuration["Environment"]["Variables"]["SECOND_ACTION_ARN"];
    assert_eq!(*second, json!(updated["SecondActionArn"]));
    let rules = cloud.rest("securityhub", Method::GET, "/automationrules/list", None).await?;
    assert_eq!(rules["AutomationRulesMetadata"][0]["RuleOrder"], 5);

    // A reset takes the stand-ins back to what the stacks need, not to nothing.
    cloud.control(Method::POST, "reset", None).await?;
    let actions = cloud.rest("securityhub", Method::POST, "/actionTargets/get", Some(&json!({}))).await?;
    assert_eq!(actions["ActionTargets"].as_array().map(Vec::len), Some(2), "{actions}");

    // What fails leaves the stack as it was, in MiniStack and in the stand-ins.
    let failing = [("WithSecondAction", "true"), ("RuleOrder", "6"), ("Fails", "true")];
    let error = deploy(&cloud, "scratch.yaml", "scratch", &failing).await.unwrap_err();
    assert!(error.contains("UPDATE_ROLLBACK_COMPLETE") && error.contains("Failing"), "{error}");
    let rules = cloud.rest("securityhub", Method::GET, "/automationrules/list", None).await?;
    let rules = rules["AutomationRulesMetadata"].as_array().cloned().unwrap_or_default();
    assert_eq!((rules.len(), &rules[0]["RuleOrder"]), (1, &json!(5)));
    let stacks = cloud.control(Method::GET, "stacks", None).await?;
    assert_eq!(stacks["stacks"][0]["outputs"]["Mark"], rules[0]["RuleArn"]);

    cloud.control(Method::DELETE, "stacks/scratch", None).await?;
    let rules = cloud.rest("securityhub", Method::GET, "/automationrules/list", None).await?;
    assert_eq!(rules["AutomationRulesMetadata"], json!([]));
    let actions = cloud.rest("securityhub", Method::POST, "/actionTargets/get", Some(&json!({}))).await?;
    assert_eq!(actions["ActionTargets"], json!([]));
    assert_eq!(cloud.rest("lambda", Method::GET, &path, None).await.unwrap_err().status, Some(404));

    let error = deploy(&cloud, "scratch.yaml", "s", &[("Typo", "1")]).await.unwrap_err();
    assert!(error.contains("parameter `Typo`"), "{error}");
    let error = deploy(&cloud, "missing.yaml", "s", &[]).await.unwrap_err();
    assert!(error.contains("missing.yaml"), "{error}");
    Ok(())
}

#[tokio::test]
async fn nested_templates_become_stacks_of_their_own() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let (outputs, taken_out) = deploy(&cloud, "parent.yaml", "parent", &[]).await?;
    assert!(outputs["ChildFunction"].starts_with("parent-Child-"), "{outputs:?}");
    assert!(outputs["ChildSecondAction"].ends_with("action/custom/Second"), "{outputs:?}");
    assert_eq!(taken_out, ["nested template: deployed as stack `parent-Child`"]);
    cloud.control(Method::DELETE, "stacks/parent", None).await?;
    assert_eq!(cloud.control(Method::GET, "stacks", None).await?, json!({ "stacks": [] }));
    Ok(())
}

#[tokio::test]
async fn findings_reach_functions_through_the_rules() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let (outputs, _) = deploy(&cloud, "scratch.yaml", "scratch", &[("LogLevel", "WARN")]).await?;
    let (queue, failed) = (&outputs["QueueUrl"], &outputs["FailedQueueUrl"]);
    let rule = |times: u64, effect: Value| {
        let matching = json!({ "caller": "events.amazonaws.com", "operation": "Invoke" });
        json!({ "match": matching, "times": times, "effect": effect })
    };

    import(&cloud, "other").await?;
    import(&cloud, "scratch 1").await?;
    let messages = receive(&cloud, queue, 1).await?;
    assert_eq!(title(&messages[0]), "scratch 1");
    let finding = &body(&messages[0])["detail"]["findings"][0];
    assert_eq!(finding["UserDefinedFields"], json!({ "marked": "true" }));
    let calls = cloud.control(Method::GET, "journal?caller=scratch", None).await?;
    assert_eq!(calls["entries"][0]["operation"], "SendMessage");
    // A log is there once its invocation has ended, which is after the message was sent.
    let logged =
        eventide_testing::eventually("the function's log", std::time::Duration::from_secs(30), || async {
            let logs = cloud.logs(&outputs["Function"]).await.ok()?;
            logs.into_iter().find(|line| line.starts_with(r#"{"message": "got""#))
        });
    let line: Value = serde_json::from_str(&logged.await?).map_err(|error| error.to_string())?;
    assert_eq!(line["log_level"], "WARN", "what the template's LoggingConfig says");

    cloud.control(Method::POST, "faults", Some(&rule(1, json!({ "type": "duplicate" })))).await?;
    import(&cloud, "scratch 2").await?;
    let titles: Vec<_> = receive(&cloud, queue, 2).await?.iter().map(title).collect();
    assert_eq!(titles, ["scratch 2", "scratch 2"]);

    cloud.control(Method::POST, "faults", Some(&rule(1, json!({ "type": "hold", "until": "next" })))).await?;
    import(&cloud, "scratch 3").await?;
    import(&cloud, "scratch 4").await?;
    let deliveries = || async {
        let journal = cloud.control(Method::GET, "journal?caller=events.amazonaws.com", None).await.ok()?;
        let entries = journal["entries"].as_array().filter(|entries| entries.len() == 4)?;
        Some(entries.iter().map(|entry| entry["fault"].clone()).collect::<Vec<_>>())
    };
    let order = eventually("four deliveries", WAIT, deliveries).await?;
    assert_eq!(
        order,
        [Value::Null, json!("duplicate"), Value::Null, json!("hold")],
        "the held one comes last"
    );
    let mut titles: Vec<_> = receive(&cloud, queue, 2).await?.iter().map(title).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["scratch 3", "scratch 4"]);

    // Throttled for good, the event ends in the target's dead-letter queue, with the reason.
    cloud.control(Method::POST, "faults", Some(&rule(10, json!({ "type": "throttle" })))).await?;
    import(&cloud, "scratch 5").await?;
    let messages = receive(&cloud, failed, 1).await?;
    assert_eq!(title(&messages[0]), "scratch 5");
    let reason = &messages[0]["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"];
    assert!(reason.as_str().unwrap_or_default().contains("TooManyRequestsException"), "{reason}");
    cloud.control(Method::DELETE, "faults", None).await?;

    // A function that fails is retried as asynchronous invocations are, then its destination gets the event.
    let headers = [("x-amz-invocation-type", "Event")];
    let path = format!("/2015-03-31/functions/{}/invocations", outputs["Function"]);
    cloud.send("lambda", Method::POST, &path, &headers, r#"{"fail":true}"#).await?;
    let messages = receive(&cloud, failed, 1).await?;
    assert_eq!(body(&messages[0])["requestPayload"], json!({ "fail": true }));
    Ok(())
}

#[tokio::test]
async fn a_killed_function_has_made_its_call_and_comes_back() -> Result<(), String> {
    let cloud = LocalCloud::start().await?;
    let (outputs, _) = deploy(&cloud, "scratch.yaml", "scratch", &[]).await?;
    let (function, queue) = (&outputs["Function"], &outputs["QueueUrl"]);
    let kill = json!({
        "match": { "caller": "scratch", "operation": "SendMessage" }, "times": 1, "effect": { "type": "kill" },
    });
    cloud.control(Method::POST, "faults", Some(&kill)).await?;
    let (_, error) = invoke(&cloud, function, json!({ "id": "a" })).await?;
    assert!(error["errorMessage"].as_str().unwrap_or_default().contains("exited"), "{error}");
    assert_eq!(body(&receive(&cloud, queue, 1).await?[0])["id"], "a");
    assert_eq!(invoke(&cloud, function, json!({ "id": "b" })).await?, (200, json!({ "sent": true })));
    let calls = cloud.control(Method::GET, "journal?caller=scratch", None).await?;
    let faults: Vec<_> =
        calls["entries"].as_array().into_iter().flatten().map(|entry| &entry["fault"]).collect();
    assert_eq!(faults, [&json!("kill"), &Value::Null]);

    // Not a function's process: nothing is killed, and the journal says so.
    let kill = json!({ "match": { "operation": "ListQueues" }, "effect": { "type": "kill" } });
    cloud.control(Method::POST, "faults", Some(&kill)).await?;
    cloud.aws_json("sqs", "AmazonSQS.ListQueues", &json!({})).await.unwrap_err();
    let calls = cloud.control(Method::GET, "journal?operation=ListQueues", None).await?;
    assert_eq!(calls["entries"][0]["fault"], "kill: the caller is no function's process");
    Ok(())
}
