//! Data marts through the deployed template: from the upload of a definition to the rows, by every trigger.

use std::time::Duration;

use eventide_testing::eventually;
use eventide_tests::Marts;
use eventide_tests::marts::{File, texts};
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// Somebody who may query by the function URL.
const ANALYST: &str = "arn:aws:sts::111122223333:assumed-role/Analyst/ann";
/// What the mart's query gives, asked of the warehouse itself.
const HEADCOUNT: &str = r#"SELECT dep.name AS department, dep.groupname AS "Group", COUNT(*) AS employees, MIN(emp.hiredate) AS first_hired
FROM dev.humanresources.department dep
JOIN dev.humanresources.employeedepartmenthistory history ON history.departmentid = dep.departmentid
JOIN dev.humanresources.employee emp ON emp.businessentityid = history.businessentityid
WHERE TRUE
GROUP BY dep.name, dep.groupname
ORDER BY dep.name"#;

/// A plain query over the data lake, with a parameter with a default and one that may be null.
fn headcount() -> File {
    let conditions = "WHERE emp.hiredate >= :since AND (:group IS NULL OR dep.groupname = :group)";
    File::query("headcount", &HEADCOUNT.replace("WHERE TRUE", conditions))
        .table("[parameters.since]\ntype = \"date\"\ndefault = \"1900-01-01\"")
        .parameter("group", "text")
}

async fn deployed() -> Result<(Marts, Vec<Vec<Option<String>>>), String> {
    let marts = Marts::start().await?;
    marts.deploy(&headcount()).await?;
    let expected = marts.rows_of(HEADCOUNT).await?;
    assert!(expected.len() > 5, "the sample has departments: {expected:?}");
    Ok((marts, expected))
}

/// Delivers the next result, and sees that it is the right one.
async fn delivered(marts: &Marts, expected: &[Vec<Option<String>>]) -> Result<Value, String> {
    let delivered = marts.delivered("headcount").await?;
    assert_eq!(delivered.columns, ["department", "group", "employees", "first_hired"]);
    assert_eq!(delivered.rows, expected);
    Ok(delivered.manifest)
}

#[tokio::test]
async fn a_waiting_caller_is_answered_with_the_rows() -> Tested {
    let (marts, expected) = deployed().await?;
    let answer =
        marts.ask(&json!({ "mart": "headcount", "wait": true })).await?.map_err(|error| error.to_string())?;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let columns = answer["columns"].as_array().ok_or("no columns")?;
    let columns: Vec<_> = columns.iter().map(|column| (&column["name"], &column["type"])).collect();
    let named = |name: &str, kind: &str| (json!(name), json!(kind));
    let [department, group] = ["department", "group"].map(|name| named(name, "varchar"));
    let [employees, hired] = [named("employees", "int8"), named("first_hired", "date")];
    let known = [department, group, employees, hired];
    assert_eq!(columns, known.iter().map(|(name, kind)| (name, kind)).collect::<Vec<_>>());
    assert_eq!(texts(&answer["rows"]), expected);

    // One group of departments is those rows of all that say so.
    let group = expected[0][1].clone().ok_or("no group")?;
    let asked = json!({ "mart": "headcount", "wait": true, "parameters": { "group": group } });
    let answer = marts.ask(&asked).await?.map_err(|error| error.to_string())?;
    let of_group: Vec<_> = expected.iter().filter(|row| row[1].as_ref() == Some(&group)).cloned().collect();
    assert!(of_group.len() < expected.len());
    assert_eq!(texts(&answer["rows"]), of_group);
    marts.come_to_rest().await
}

#[tokio::test]
async fn events_schedules_and_invocations_that_nobody_waits_for_are_delivered() -> Tested {
    let (marts, expected) = deployed().await?;

    let request = json!({ "mart": "headcount", "requestId": "by event" });
    marts.send_event("hr.portal", "Data Mart Requested", &request).await?;
    assert_eq!(delivered(&marts, &expected).await?["requestId"], "by event");

    schedule(&marts, &json!({ "mart": "headcount", "requestId": "by schedule" })).await?;
    assert_eq!(delivered(&marts, &expected).await?["requestId"], "by schedule");

    let path = format!("/2015-03-31/functions/{}/invocations", marts.output("QueryFunction")?);
    let body = json!({ "mart": "headcount", "requestId": "by invocation" }).to_string().into_bytes();
    let headers = [("x-amz-invocation-type", "Event")];
    let answer = marts.cloud().send("lambda", Method::POST, &path, &headers, body).await?;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(delivered(&marts, &expected).await?["requestId"], "by invocation");

    // Each caller is known by what it is.
    let mut callers = Vec::new();
    for statement in marts.queries("headcount").await? {
        let name = statement["StatementName"].as_str().unwrap_or_default();
        let (record, _) = marts.record(name.rsplit('/').next().unwrap_or_default()).await?;
        callers.push(record["caller"].clone());
    }
    assert_eq!(callers, ["events:hr.portal", "schedule", "invoke"]);
    marts.come_to_rest().await
}

/// A one-time schedule of EventBridge Scheduler, in a second.
async fn schedule(marts: &Marts, request: &Value) -> Tested {
    let soon = time::OffsetDateTime::now_utc() + Duration::from_secs(1);
    let format = time::macros::format_description!("at([year]-[month]-[day]T[hour]:[minute]:[second])");
    let expression = soon.format(format).map_err(|error| error.to_string())?;
    let input = json!({
        "source": "aws.scheduler", "detail-type": "Data Mart Requested", "id": expression, "detail": request,
    });
    let function = marts.output("QueryFunction")?;
    let body = json!({
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": {
            "Arn": format!("arn:aws:lambda:us-east-1:111122223333:function:{function}"),
            "RoleArn": "arn:aws:iam::111122223333:role/scheduler",
            "Input": input.to_string(),
        },
    });
    marts.cloud().rest("scheduler", Method::POST, "/schedules/headcount", Some(&body)).await?;
    Ok(())
}

/// A call of the function URL as Lambda hands it to the function: payload format 2.0, with the identity that AWS_IAM
/// authorization found (Lambda developer guide, "Invoking Lambda function URLs").
fn call(method: &str, path: &str, body: Option<&Value>, arn: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": { "content-type": "application/json" },
        "requestContext": {
            "accountId": "111122223333", "apiId": "u", "domainName": "u.lambda-url.us-east-1.on.aws",
            "authentication": null,
            "authorizer": { "iam": {
                "accessKey": "ASIAEXAMPLE", "accountId": "111122223333", "callerId": "AROAEXAMPLE:ann",
                "cognitoIdentity": null, "principalOrgId": null, "userArn": arn, "userId": "AROAEXAMPLE:ann",
            } },
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "curl" },
            "requestId": format!("{method} {path} {arn}"), "routeKey": "$default", "stage": "$default", "timeEpoch": 1_790_000_000_000_u64,
        },
        "body": body.map(Value::to_string), "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn the_function_url_takes_requests_and_tells_where_they_stand() -> Tested {
    let (marts, expected) = deployed().await?;
    let ask = |event: Value| {
        let marts = &marts;
        async move {
            let answer = marts.ask(&event).await?.map_err(|error| error.to_string())?;
            let body = answer["body"].as_str().unwrap_or_default();
            let body: Value = serde_json::from_str(body).map_err(|error| format!("{answer}: {error}"))?;
            Ok::<_, String>((answer["statusCode"].clone(), body))
        }
    };
    let request = json!({ "mart": "headcount", "wait": true });
    let (status, body) = ask(call("POST", "/", Some(&request), ANALYST)).await?;
    assert_eq!((status, texts(&body["rows"])), (json!(200), expected.clone()), "{body}");

    let request = json!({ "mart": "headcount", "requestId": "by url" });
    let (status, body) = ask(call("POST", "/", Some(&request), ANALYST)).await?;
    assert_eq!(status, 202, "{body}");
    let token = body["token"].as_str().unwrap_or_default();
    assert_eq!(delivered(&marts, &expected).await?["token"], token);
    marts.await_state(token, "delivered").await?;
    let look = format!("/{token}");
    let (status, body) = ask(call("GET", &look, None, ANALYST)).await?;
    assert_eq!((status, &body["state"]), (json!(200), &json!("delivered")));
    // The link is good for whoever has it.
    let link = body["result"]["url"].as_str().ok_or("no link")?;
    let path = link.strip_prefix(marts.cloud().endpoint()).ok_or_else(|| link.to_owned())?;
    let linked = marts.cloud().send("s3", Method::GET, path, &[], Vec::new()).await?;
    let file = marts.result(body["result"]["file"].as_str().unwrap_or_default()).await?;
    assert_eq!(Some(linked.body.to_vec()), file);

    // Somebody else learns nothing of it, and may not ask.
    let other = "arn:aws:sts::111122223333:assumed-role/Intern/bob";
    let (status, body) = ask(call("GET", &look, None, other)).await?;
    assert_eq!((status, &body["error"]["type"]), (json!(404), &json!("UnknownRequest")));
    let (status, body) = ask(call("POST", "/", Some(&request), other)).await?;
    assert_eq!((status, &body["error"]["type"]), (json!(403), &json!("CallerNotAllowed")));
    let said = body["error"]["message"].as_str().unwrap_or_default();
    assert!(said.contains("role/Intern") && said.contains("role/Analyst"), "{said}");
    marts.come_to_rest().await
}

/// MiniStack serves the URL, but names no identity: the function refuses to guess one.
#[tokio::test]
async fn a_call_of_the_url_without_an_identity_is_refused() -> Tested {
    let (marts, _) = deployed().await?;
    let url = marts.output("QueryUrl")?;
    let host = url.trim_start_matches("https://").trim_end_matches('/');
    let body = json!({ "mart": "headcount", "wait": true }).to_string().into_bytes();
    let headers = [("host", host), ("content-type", "application/json")];
    let answer = marts.cloud().send("lambda", Method::POST, "/", &headers, body).await?;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("CallerNotAllowed"), "{}", answer.text());
    assert_eq!(marts.queries("headcount").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn a_warehouse_without_room_gets_the_request_later_once() -> Tested {
    let (marts, expected) = deployed().await?;
    marts.settings(&json!({ "maxActiveStatements": 0 })).await?;
    // Somebody who waits is told; somebody who does not need not come back.
    let waiting = marts.ask(&json!({ "mart": "headcount", "wait": true })).await?;
    let refused = waiting.err().ok_or("the warehouse had room")?;
    assert_eq!(refused["errorType"], "Retryable.WarehouseBusy", "{refused}");
    let request = json!({ "mart": "headcount", "requestId": "patient" });
    let answer = marts.ask(&request).await?.map_err(|error| error.to_string())?;
    assert_eq!((&answer["statusCode"], &answer["state"]), (&json!(202), &json!("accepted")));
    assert_eq!(marts.depth("QueryQueueUrl").await?, 1);
    marts.settings(&json!({ "maxActiveStatements": 200 })).await?;
    // The first delay is 30 seconds.
    let token = answer["token"].as_str().unwrap_or_default();
    eventually("the delivery", Duration::from_secs(120), || async {
        let (record, _) = marts.record(token).await.ok()?;
        (record["state"] == "delivered").then_some(())
    })
    .await?;
    assert_eq!(delivered(&marts, &expected).await?["requestId"], "patient");
    assert_eq!(marts.queries("headcount").await?.len(), 1);
    marts.come_to_rest().await
}
