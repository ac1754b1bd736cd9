//! Statements from their submission to their end.

use std::sync::atomic::Ordering;

use eventide_testing::eventually;
use http::Method;
use serde_json::{Value, json};
use time::Duration;

use crate::bench::{Bench, WAIT, lock, text};

#[tokio::test]
async fn a_statement_is_described_from_submission_to_end() -> Result<(), String> {
    let bench = Bench::new();
    bench.set(json!({ "submittedSeconds": 10, "pickedSeconds": 10, "runSeconds": 600 })).await;
    let answer = bench
        .ok(
            "ExecuteStatement",
            json!({
                "Sql": "show :who", "Database": "dev", "WorkgroupName": "eventide", "StatementName": "one",
                "Parameters": [{ "name": "who", "value": "me" }],
            }),
        )
        .await;
    let id = text(&answer, "/Id");
    assert_eq!(
        (text(&answer, "/Status"), text(&answer, "/DbUser")),
        ("SUBMITTED".into(), "IAMR:marts".into())
    );
    assert_eq!(answer.get("HasResultSet"), None);
    let described = bench.ok("DescribeStatement", json!({ "Id": id })).await;
    assert_eq!(described["ResultRows"], -1);
    assert_eq!(described["QueryParameters"], json!([{ "name": "who", "value": "me" }]));
    for (status, seconds) in [("PICKED", 10), ("STARTED", 10), ("FINISHED", 600)] {
        bench.clock.advance(Duration::seconds(seconds));
        bench.reaches(&id, status).await?;
    }
    let described = bench.ok("DescribeStatement", json!({ "Id": id })).await;
    assert_eq!(
        (&described["ResultRows"], &described["HasResultSet"], &described["ResultFormat"]),
        (&json!(1), &json!(true), &json!("JSON"))
    );
    let ran = std::time::Duration::from_nanos(described["Duration"].as_u64().unwrap_or_default());
    assert!((600..660).contains(&ran.as_secs()), "{ran:?} by the stand-ins' clock");
    let page = bench.ok("GetStatementResult", json!({ "Id": id })).await;
    assert_eq!(page["Records"], json!([[{ "stringValue": "who=me" }]]));

    let failed = bench.submit("fail", json!({})).await;
    bench.clock.advance(Duration::hours(1));
    let described = bench.ended(&failed).await?;
    assert_eq!(text(&described, "/Error"), "ERROR: syntax error at or near \"fail\"");
    assert_eq!((text(&described, "/Status"), &described["HasResultSet"]), ("FAILED".into(), &json!(false)));
    let (code, message) = bench.refused("GetStatementResult", json!({ "Id": failed })).await;
    assert_eq!(code, "ResourceNotFoundException");
    assert_eq!(message, "Query does not have result. Please check query status with DescribeStatement.");

    bench.clock.advance(Duration::hours(24));
    assert_eq!(bench.refused("DescribeStatement", json!({ "Id": id })).await.1, "Query does not exist.");
    Ok(())
}

#[tokio::test]
async fn batches_are_one_transaction_or_many() -> Result<(), String> {
    let bench = Bench::new();
    let parameters = json!({ "Parameters": [{ "name": "a", "value": "1" }, { "name": "b", "value": "2" }] });
    let id = bench.batch(&["show :a", "show :b", "done"], parameters).await;
    let described = bench.ended(&id).await?;
    assert_eq!(
        (text(&described, "/ExecutionMode"), text(&described, "/Status")),
        ("TRANSACTION".into(), "FINISHED".into())
    );
    assert_eq!(text(&described, "/SubStatements/1/Id"), format!("{id}:2"));
    assert_eq!(described["SubStatements"].as_array().map(Vec::len), Some(3));
    for (number, value) in [(1, "a=1"), (2, "b=2")] {
        let page = bench.ok("GetStatementResult", json!({ "Id": format!("{id}:{number}") })).await;
        assert_eq!(page["Records"], json!([[{ "stringValue": value }]]), "only its own parameters");
    }
    for id in [id.clone(), format!("{id}:3"), format!("{id}:4"), format!("{id}:0")] {
        let (code, _) = bench.refused("GetStatementResult", json!({ "Id": id })).await;
        assert_eq!(code, "ResourceNotFoundException", "{id}");
    }
    let part = bench.ok("DescribeStatement", json!({ "Id": format!("{id}:3") })).await;
    assert_eq!((text(&part, "/QueryString"), &part["ResultRows"]), ("done".into(), &json!(3)));

    let fails = ["rows 2", "fail", "rows 1"];
    for (mode, statuses, third) in [
        ("TRANSACTION", ["FINISHED", "FAILED", "ABORTED"], 400),
        ("AUTO_COMMIT", ["FINISHED", "FAILED", "FINISHED"], 200),
    ] {
        let id = bench.batch(&fails, json!({ "ExecutionMode": mode })).await;
        let described = bench.ended(&id).await?;
        assert_eq!(text(&described, "/Status"), "FAILED");
        let error = "Query #2 failed with ERROR: syntax error at or near \"fail\"";
        assert_eq!(text(&described, "/Error"), error);
        let found: Vec<_> = (0..3).map(|n| text(&described, &format!("/SubStatements/{n}/Status"))).collect();
        assert_eq!(found, statuses, "{mode}");
        let (status, _) = bench.call("GetStatementResult", json!({ "Id": format!("{id}:3") })).await;
        assert_eq!(status, third, "{mode}");
    }
    Ok(())
}

#[tokio::test]
async fn a_client_token_runs_once() -> Result<(), String> {
    let bench = Bench::new();
    let token = |sql: &str, token: &str| json!({ "Sql": sql, "Database": "dev", "WorkgroupName": "eventide", "ClientToken": token });
    let id = text(&bench.ok("ExecuteStatement", token("rows 1", "t")).await, "/Id");
    bench.ended(&id).await?;
    let mut waits = token("rows 1", "t");
    waits["WaitTimeSeconds"] = json!(5);
    for body in [token("rows 1", "t"), waits] {
        assert_eq!(text(&bench.ok("ExecuteStatement", body).await, "/Id"), id);
    }
    assert_eq!(lock(&bench.words.ran).len(), 1);
    let (code, message) = bench.refused("ExecuteStatement", token("rows 2", "t")).await;
    assert!(code == "ValidationException" && message.contains("ClientToken"), "{code}: {message}");
    let (_, other) = bench.call_as("other/one", "ExecuteStatement", token("rows 1", "t")).await;
    assert_ne!(text(&other, "/Id"), id, "tokens are a role's own");
    bench.clock.advance(Duration::hours(9));
    assert_ne!(text(&bench.ok("ExecuteStatement", token("rows 1", "t")).await, "/Id"), id);
    Ok(())
}

#[tokio::test]
async fn cancelling_stops_what_runs() -> Result<(), String> {
    let bench = Bench::new();
    let id = bench.submit("hang", json!({ "WithEvent": true })).await;
    eventually("it runs", WAIT, || async { (!lock(&bench.words.ran).is_empty()).then_some(()) }).await?;
    assert_eq!(bench.ok("CancelStatement", json!({ "Id": id })).await, json!({ "Status": true }));
    assert_eq!(text(&bench.ended(&id).await?, "/Status"), "ABORTED");
    eventually("the engine stops", WAIT, || async {
        (bench.words.dropped.load(Ordering::SeqCst) == 1).then_some(())
    })
    .await?;
    let (code, message) = bench.refused("CancelStatement", json!({ "Id": id })).await;
    assert_eq!(code, "ValidationException");
    assert_eq!(message, format!("Could not cancel a query that is already in ABORTED state with ID: {id}"));
    let heard = bench.heard(1).await?;
    assert_eq!(text(&heard[0], "/detail/state"), "ABORTED");

    bench.set(json!({ "submittedSeconds": 600 })).await;
    let early = bench.submit("rows 1", json!({})).await;
    bench.ok("CancelStatement", json!({ "Id": early })).await;
    assert_eq!(text(&bench.ended(&early).await?, "/Status"), "ABORTED");
    let absent = json!({ "Id": "00000000-0000-4000-8000-000000000000" });
    assert_eq!(bench.refused("CancelStatement", absent).await.0, "ResourceNotFoundException");
    Ok(())
}

#[tokio::test]
async fn long_polls_end_with_the_statement() -> Result<(), String> {
    let bench = Bench::new();
    let answer = bench
        .ok(
            "ExecuteStatement",
            json!({ "Sql": "rows 1", "Database": "dev", "WorkgroupName": "eventide", "WaitTimeSeconds": 30 }),
        )
        .await;
    assert_eq!((text(&answer, "/Status"), &answer["HasResultSet"]), ("FINISHED".into(), &json!(true)));

    bench.set(json!({ "runSeconds": 600, "maxWaitingRequests": 2 })).await;
    let id = bench.submit("rows 2", json!({})).await;
    let begun = std::time::Instant::now();
    let described = bench.ok("DescribeStatement", json!({ "Id": id, "WaitTimeSeconds": 1 })).await;
    assert_eq!(text(&described, "/Status"), "STARTED");
    assert!(begun.elapsed().as_millis() >= 990, "it waited");

    let waits = |operation: &'static str| {
        let body = json!({ "Id": id, "WaitTimeSeconds": 30 });
        let bench = &bench;
        async move { bench.call(operation, body).await }
    };
    let third = async {
        let waiting = || async {
            let (_, all) = bench.control(Method::GET, "statements", Value::Null).await;
            (all["statements"][1]["Waiting"] == 2).then_some(())
        };
        eventually("two wait", WAIT, waiting).await?;
        let refused = bench.refused("DescribeStatement", json!({ "Id": id, "WaitTimeSeconds": 30 })).await;
        assert_eq!(refused.0, "ActiveWaitingRequestsExceededException");
        bench.clock.advance(Duration::seconds(600));
        Ok::<_, String>(())
    };
    let (described, page, third) =
        tokio::join!(waits("DescribeStatement"), waits("GetStatementResult"), third);
    third?;
    assert_eq!(text(&described.1, "/Status"), "FINISHED");
    assert_eq!(page.1["TotalNumRows"], 2);
    assert!(begun.elapsed().as_secs() < 25, "the end woke them");
    Ok(())
}

#[tokio::test]
async fn limits_refuse_and_recover() -> Result<(), String> {
    let bench = Bench::new();
    bench.set(json!({ "maxActiveStatements": 2, "maxActiveSessions": 1, "runSeconds": 600 })).await;
    let first = bench.submit("rows 1", json!({})).await;
    bench.submit("rows 1", json!({})).await;
    let body = json!({ "Sql": "rows 1", "Database": "dev", "WorkgroupName": "eventide" });
    assert_eq!(bench.refused("ExecuteStatement", body.clone()).await.0, "ActiveStatementsExceededException");
    bench.submit("rows 1", json!({ "ClusterIdentifier": "eventide-cluster" })).await;
    bench.ok("CancelStatement", json!({ "Id": first })).await;
    bench.ok("ExecuteStatement", body.clone()).await;

    bench.set(json!({ "maxActiveStatements": 200, "runSeconds": 0 })).await;
    bench.submit("rows 1", json!({ "SessionKeepAliveSeconds": 60 })).await;
    let mut sessions = body;
    sessions["SessionKeepAliveSeconds"] = json!(60);
    assert_eq!(bench.refused("ExecuteStatement", sessions).await.0, "ActiveSessionsExceededException");
    Ok(())
}

#[tokio::test]
async fn sessions_run_one_statement_at_a_time() -> Result<(), String> {
    let bench = Bench::new();
    bench.plan(json!({ "nameContains": "slow", "runSeconds": 600 })).await;
    let body = json!({
        "Sql": "rows 1", "Database": "dev", "WorkgroupName": "eventide", "StatementName": "slow",
        "SessionKeepAliveSeconds": 60,
    });
    let answer = bench.ok("ExecuteStatement", body).await;
    let session = text(&answer, "/SessionId");
    let again = json!({ "Sql": "rows 1", "SessionId": session });
    assert!(bench.refused("ExecuteStatement", again.clone()).await.1.contains("BUSY"));
    let listed = bench.ok("ListSessions", json!({})).await;
    assert_eq!(text(&listed, "/Sessions/0/Status"), "BUSY");
    assert_eq!(text(&listed, "/Sessions/0/CurrentStatementId"), text(&answer, "/Id"));
    bench.clock.advance(Duration::seconds(600));
    bench.ended(&text(&answer, "/Id")).await?;
    let second = bench.submit("rows 1", json!({ "SessionId": session })).await;
    let described = bench.ended(&second).await?;
    assert_eq!(text(&described, "/SessionId"), session);
    assert_eq!(text(&described, "/WorkgroupName"), "eventide");
    let mixed = json!({ "Sql": "rows 1", "SessionId": session, "Database": "dev" });
    assert_eq!(bench.refused("ExecuteStatement", mixed).await.0, "ValidationException");
    let (_, foreign) = bench.call_as("other/one", "ExecuteStatement", again.clone()).await;
    assert_eq!(text(&foreign, "/code"), "ResourceNotFoundException");
    bench.clock.advance(Duration::seconds(61));
    assert!(bench.refused("ExecuteStatement", again).await.1.contains("CLOSED"));
    assert_eq!(bench.ok("ListSessions", json!({})).await["Sessions"], json!([]));
    let closed = bench.ok("ListSessions", json!({ "Status": "CLOSED" })).await;
    assert_eq!(text(&closed, "/Sessions/0/SessionId"), session);
    Ok(())
}
