//! Requests that come to nothing: whoever asked is told why, nothing lies in the result bucket, and nothing runs on.

use std::time::{Duration, Instant};

use eventide_testing::eventually;
use eventide_tests::Marts;
use eventide_tests::marts::File;
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const HOUR: u64 = 3600;

/// Ten people, and a mart of them.
async fn start(parameters: &[(&str, &str)]) -> Result<Marts, String> {
    let marts = Marts::start_with(parameters).await?;
    marts
        .table(
            "humanresources_marts.staff",
            "AS SELECT g.n AS id, 'p' AS name FROM generate_series(1, 10) AS g(n)",
        )
        .await?;
    marts.deploy(&staff()).await?;
    Ok(marts)
}

fn staff() -> File {
    let file =
        File::query("staff", "SELECT id, name FROM humanresources_marts.staff ORDER BY id LIMIT :most");
    file.table("[parameters.most]\ntype = \"integer\"\ndefault = 100").table("[delivery]\nrow_cap = 10")
}

/// Sees that a request left nothing behind but its record.
async fn nothing_is_left(marts: &Marts, token: &str) -> Tested {
    let record = marts.await_state(token, "failed").await?;
    let key = record.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!(marts.keys(&key).await?, Vec::<String>::new());
    assert_eq!(marts.open_uploads().await?, Vec::<String>::new());
    let (_, open) = marts.record(token).await?;
    assert!(!open, "the sweep does not look after it any more");
    marts.come_to_rest().await
}

#[tokio::test]
async fn what_the_warehouse_refuses_is_told_in_its_own_words() -> Tested {
    let marts = start(&[]).await?;
    // The table changes after the mart was deployed.
    marts.sql(&["DROP TABLE humanresources_marts.staff"]).await?;
    marts.table_in("eventide", "humanresources_marts.staff", "(id INTEGER, label VARCHAR(10))").await?;
    marts
        .send_event("hr.portal", "Data Mart Requested", &json!({ "mart": "staff", "requestId": "r" }))
        .await?;
    let failed = marts.await_event("Data Mart Failed", "staff").await?;
    let statement = marts.await_status("staff", "FAILED").await?;
    let words = "ERROR: column \"name\" does not exist";
    assert!(statement["Error"].as_str().is_some_and(|error| error.starts_with(words)), "{statement}");
    for (member, expected) in [
        ("owner", json!("people")),
        ("requestId", json!("r")),
        ("statementId", statement["Id"].clone()),
        ("errorClass", json!("StatementFailed")),
        ("warehouseError", statement["Error"].clone()),
        ("reason", statement["Error"].clone()),
    ] {
        assert_eq!(failed[member], expected, "{member}");
    }
    nothing_is_left(&marts, failed["token"].as_str().unwrap_or_default()).await?;

    // Somebody who waits is told, too; and nobody else is.
    let answer =
        marts.ask(&json!({ "mart": "staff", "wait": true })).await?.map_err(|error| error.to_string())?;
    assert_eq!(
        (&answer["statusCode"], &answer["error"]["type"]),
        (&json!(422), &json!("StatementFailed")),
        "{answer}"
    );
    assert_eq!(answer["error"]["message"], statement["Error"]);
    nothing_is_left(&marts, answer["token"].as_str().unwrap_or_default()).await?;
    assert_eq!(marts.observed().await?, []);
    Ok(())
}

#[tokio::test]
async fn a_statement_that_an_operator_cancels_fails_its_request() -> Tested {
    let marts = start(&[]).await?;
    marts.plan(&json!({ "nameContains": "eventide/query/staff", "runSeconds": HOUR })).await?;
    marts.ask(&json!({ "mart": "staff" })).await?.map_err(|error| error.to_string())?;
    let statement = marts.await_status("staff", "STARTED").await?;
    let cancel = json!({ "Id": statement["Id"] });
    // Redshift shows a statement only to the role that submitted it.
    let aws = marts.cloud().aws();
    let cancelled = aws.json("redshift-data", "RedshiftData.CancelStatement", &cancel).await;
    assert!(cancelled.is_err(), "somebody else cancelled it: {cancelled:?}");
    let operator = aws.clone().with_app_id("mart-query");
    operator.json("redshift-data", "RedshiftData.CancelStatement", &cancel).await?;
    let failed = marts.await_event("Data Mart Failed", "staff").await?;
    assert_eq!(failed["errorClass"], "StatementAborted", "{failed}");
    marts.await_status("staff", "ABORTED").await?;
    nothing_is_left(&marts, failed["token"].as_str().unwrap_or_default()).await
}

#[tokio::test]
async fn a_statement_that_nobody_has_time_to_wait_for_is_cancelled() -> Tested {
    let marts = start(&[("WaitSeconds", "30")]).await?;
    marts.plan(&json!({ "nameContains": "eventide/query/staff", "runSeconds": HOUR })).await?;
    let begun = Instant::now();
    let answer =
        marts.ask(&json!({ "mart": "staff", "wait": true })).await?.map_err(|error| error.to_string())?;
    let took = begun.elapsed();
    assert_eq!(
        (&answer["statusCode"], &answer["error"]["type"]),
        (&json!(504), &json!("DeadlineExceeded")),
        "{answer}"
    );
    assert!(took < Duration::from_secs(30) && took > Duration::from_secs(15), "after {took:?}");
    marts.await_status("staff", "ABORTED").await?;
    nothing_is_left(&marts, answer["token"].as_str().unwrap_or_default()).await?;
    assert_eq!(marts.observed().await?, [], "only the caller is told");
    let described = marts.usage().await?.into_iter().find(|usage| usage["purpose"] == "query");
    assert_eq!(described.map(|usage| usage["outcome"].clone()), Some(json!("aborted")), "its time is booked");
    Ok(())
}

#[tokio::test]
async fn one_row_too_many_is_a_failure_and_no_cut_result() -> Tested {
    let marts = start(&[]).await?;
    marts.send_event("hr.portal", "Data Mart Requested", &json!({ "mart": "staff" })).await?;
    assert_eq!(marts.delivered("staff").await?.rows.len(), 10, "as many as allowed");
    marts.sql(&["INSERT INTO humanresources_marts.staff VALUES (11, 'p')"]).await?;
    for request in [json!({ "mart": "staff" }), json!({ "mart": "staff", "unload": true })] {
        marts.send_event("hr.portal", "Data Mart Requested", &request).await?;
        let failed = marts.await_event("Data Mart Failed", "staff").await?;
        assert_eq!(failed["errorClass"], "RowCapExceeded", "{failed}");
        assert!(
            failed["reason"].as_str().is_some_and(|reason| reason.contains("more than 10 rows")),
            "{failed}"
        );
        let token = failed["token"].as_str().unwrap_or_default();
        if request["unload"] == true {
            // What the warehouse wrote itself stays until it expires, but nothing says that it is a result.
            let record = marts.await_state(token, "failed").await?;
            let manifest = format!("{}.manifest.json", record["key"].as_str().unwrap_or_default());
            assert_eq!(marts.result(&manifest).await?, None);
        } else {
            nothing_is_left(&marts, token).await?;
        }
    }
    let asked = json!({ "mart": "staff", "wait": true });
    let answer = marts.ask(&asked).await?.map_err(|error| error.to_string())?;
    assert_eq!(
        (&answer["statusCode"], &answer["error"]["type"]),
        (&json!(422), &json!("RowCapExceeded")),
        "{answer}"
    );
    let narrowed = json!({ "mart": "staff", "wait": true, "parameters": { "most": 3 } });
    let answer = marts.ask(&narrowed).await?.map_err(|error| error.to_string())?;
    assert_eq!((&answer["statusCode"], answer["rows"].as_array().map(Vec::len)), (&json!(200), Some(3)));
    Ok(())
}

/// Redshift keeps a result for 24 hours.
#[tokio::test]
async fn a_result_that_expired_before_its_event_came_is_a_failure() -> Tested {
    let marts = start(&[]).await?;
    marts.plan(&json!({ "nameContains": "eventide/query/staff", "event": "lost" })).await?;
    let answer = marts.ask(&json!({ "mart": "staff" })).await?.map_err(|error| error.to_string())?;
    marts.await_status("staff", "FINISHED").await?;
    marts.advance(Duration::from_secs(25 * HOUR)).await?;
    assert_eq!(marts.age_requests(Duration::from_secs(25 * HOUR)).await?, 1);
    assert_eq!(marts.sweep().await?["delivered"], 1);
    let failed = marts.await_event("Data Mart Failed", "staff").await?;
    assert_eq!(failed["errorClass"], "ResultExpired", "{failed}");
    nothing_is_left(&marts, answer["token"].as_str().unwrap_or_default()).await
}

#[tokio::test]
async fn a_request_that_is_refused_names_its_fault_and_what_is_allowed() -> Tested {
    let marts = start(&[]).await?;
    let secret = File::query("secret", "SELECT 1 AS one");
    marts.upload(&secret.key(), &secret.text().replace("callers = [\"invoke\", ", "callers = [")).await?;
    marts.await_event("Data Mart Deployed", "secret").await?;
    for (request, class, named) in [
        (json!({ "mart": "stuff" }), "UnknownMart", &["`stuff`", "`staff`"][..]),
        (json!({ "mart": "secret" }), "CallerNotAllowed", &["`invoke`", "`schedule`", "`events:hr.portal`"]),
        (
            json!({ "mart": "staff", "parameters": { "least": 1 } }),
            "InvalidParameters",
            &["`least`", "`most`"],
        ),
        (
            json!({ "mart": "staff", "parameters": { "most": "1 OR 1=1" } }),
            "InvalidParameters",
            &["`most`", "whole number"],
        ),
        (json!({ "mart": "staff", "parameters": { "most": null } }), "InvalidParameters", &["`most`"]),
        (
            json!({ "mart": "staff", "wait": true, "format": "csv" }),
            "InvalidRequest",
            &["`wait`", "`format`"],
        ),
        (
            json!({ "mart": "staff", "unload": true, "format": "csv" }),
            "InvalidRequest",
            &["`unload`", "`format`"],
        ),
        (json!({ "mart": "staff", "sql": "SELECT 1" }), "InvalidEvent", &["`sql`", "`parameters`"]),
        (json!({ "mart": "staff", "format": "xlsx" }), "InvalidEvent", &["`format`"]),
    ] {
        let refused = marts.ask(&request).await?.err().ok_or_else(|| format!("{request} was accepted"))?;
        assert_eq!(refused["errorType"], format!("Permanent.{class}"), "{request}: {refused}");
        let said = refused["errorMessage"].as_str().unwrap_or_default();
        assert!(named.iter().all(|name| said.contains(name)), "{request}: {said}");
        // A mart is not told of to those who may not query it.
        assert!(class != "UnknownMart" || !said.contains("secret"), "{said}");
    }
    assert_eq!(marts.observed().await?, [], "who asked has had an answer");
    // Nobody reads the answer to an event: whoever asked is told, and the event lies where somebody looks.
    let stranger = json!({ "mart": "staff", "requestId": "r" });
    marts.send_event("some.stranger", "Data Mart Requested", &stranger).await?;
    let failed = marts.await_event("Data Mart Failed", "staff").await?;
    assert_eq!(
        (&failed["errorClass"], &failed["requestId"], &failed["owner"]),
        (&json!("CallerNotAllowed"), &json!("r"), &json!("people")),
        "{failed}"
    );
    assert!(
        failed["reason"].as_str().is_some_and(|said| said.contains("`events:some.stranger`")),
        "{failed}"
    );
    let set_aside = eventually("the event in the failed queue", PATIENCE, || async {
        marts.failed_messages().await.ok()?.first().cloned()
    });
    let set_aside = set_aside.await?;
    let error_type = &set_aside["MessageAttributes"]["error_type"]["StringValue"];
    assert_eq!(error_type, "Permanent.CallerNotAllowed", "{set_aside}");
    let body: Value = serde_json::from_str(set_aside["Body"].as_str().unwrap_or_default())
        .map_err(|error| error.to_string())?;
    assert_eq!((&body["source"], &body["detail"]), (&json!("some.stranger"), &stranger), "{body}");
    assert_eq!(marts.observed().await?, [], "told once");

    // What is no request at all goes there, too. Lambda is invoked as EventBridge invokes it, because MiniStack's own
    // EventBridge neither retries nor knows a destination for failures.
    let event = json!({
        "detail-type": "Data Mart Requested", "source": "some.stranger", "id": "e", "detail": { "mart": 7 },
    });
    let path = format!("/2015-03-31/functions/{}/invocations", marts.output("QueryFunction")?);
    let headers = [("x-amz-invocation-type", "Event")];
    marts.cloud().send("lambda", Method::POST, &path, &headers, event.to_string().into_bytes()).await?;
    let failed = eventually("what is no request in the failed queue", PATIENCE, || async {
        let messages = marts.failed_messages().await.ok()?;
        let bodies = messages.iter().filter_map(|message| message["Body"].as_str());
        let mut bodies = bodies.filter_map(|body| serde_json::from_str::<Value>(body).ok());
        bodies.find(|body| body["requestPayload"]["detail"]["mart"] == 7)
    });
    let body = failed.await?;
    assert_eq!(body["responsePayload"]["errorType"], "Permanent.InvalidEvent", "{body}");
    assert_eq!(marts.statements("eventide/query/").await?, Vec::<Value>::new(), "nothing was run");
    Ok(())
}
