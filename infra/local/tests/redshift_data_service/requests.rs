//! Requests, results, events and control.

use eventide_local::service::{Caller, Service};
use http::Method;
use serde_json::{Value, json};
use time::Duration;

use crate::bench::{Bench, lock, text, with};

#[tokio::test]
async fn requests_are_validated_as_the_model_says() {
    let bench = Bench::new();
    let mut cases = vec![
        (json!({}), "sql"),
        (json!({ "Sql": " " }), "SQL statement cannot be empty"),
        (json!({ "Sql": "x".repeat(100 * 1024 + 1) }), "100kB"),
        (json!({ "Sql": "s", "WorkgroupName": null }), "Either ClusterIdentifier or WorkgroupName"),
        (json!({ "Sql": "s", "ClusterIdentifier": "eventide-cluster" }), "cannot both be given"),
        (json!({ "Sql": "s", "DbUser": "me" }), "DbUser cannot be given with WorkgroupName"),
        (json!({ "Sql": "s", "WorkgroupName": "UPPER" }), "regular expression pattern"),
        (json!({ "Sql": "s", "WorkgroupName": "ab" }), "greater than or equal to 3"),
        (
            json!({ "Sql": "s", "WorkgroupName": "elsewhere" }),
            "Redshift endpoint doesn't exist in this region.",
        ),
        (json!({ "Sql": "s", "Database": null }), "Database must be given"),
        (json!({ "Sql": "s", "StatementName": "n".repeat(2049) }), "less than or equal to 2048"),
        (json!({ "Sql": "s", "ClientToken": "" }), "greater than or equal to 1"),
        (json!({ "Sql": "s", "ClientToken": "t".repeat(65) }), "less than or equal to 64"),
        (json!({ "Sql": "s", "ResultFormat": "XML" }), "enum value set: [JSON, CSV]"),
        (json!({ "Sql": "s", "WaitTimeSeconds": 0 }), "greater than or equal to 1"),
        (json!({ "Sql": "s", "WaitTimeSeconds": 31 }), "less than or equal to 30"),
        (json!({ "Sql": "s", "SessionKeepAliveSeconds": 86401 }), "less than or equal to 86400"),
        (json!({ "Sql": "s", "SessionId": "x" }), "sessionId must satisfy regex pattern"),
        (
            json!({ "Sql": "s :a", "Parameters": [{ "name": "a", "value": "" }] }),
            "greater than or equal to 1",
        ),
        (json!({ "Sql": "s :a", "Parameters": [{ "name": "a-", "value": "1" }] }), "[0-9a-zA-Z_]+"),
        (json!({ "Sql": "s :a", "Parameters": [] }), "greater than or equal to 1"),
        (json!({ "Sql": "s ':a'", "Parameters": [{ "name": "a", "value": "1" }] }), "Unused parameters: [a]"),
        (json!({ "Sql": "s", "SecretArn": "none" }), "specified secret"),
        (json!({ "Sql": "s", "SecretArn": "empty" }), "username and password in secret cannot be empty"),
    ];
    for (body, _) in &mut cases {
        for (member, value) in [("Database", "dev"), ("WorkgroupName", "eventide")] {
            let members = body.as_object_mut().unwrap();
            members.entry(member).or_insert(json!(value));
        }
    }
    for (body, expected) in cases {
        let (code, message) = bench.refused("ExecuteStatement", body.clone()).await;
        assert!(message.contains(expected), "{body}: {message}");
        assert_eq!(code, "ValidationException", "{body}");
    }
    let many = vec!["s"; 41];
    for (sqls, expected) in
        [(json!([]), "equal to 1"), (json!(many), "equal to 40"), (json!(["s", ""]), "empty")]
    {
        let body = json!({ "Sqls": sqls, "Database": "dev", "WorkgroupName": "eventide" });
        let (_, message) = bench.refused("BatchExecuteStatement", body).await;
        assert!(message.contains(expected), "{message}");
    }
    for id in [json!("x"), json!(null), json!("D9B6C0C9-0747-4bf4-b142-e8883122f766")] {
        for operation in
            ["DescribeStatement", "CancelStatement", "GetStatementResult", "GetStatementResultV2"]
        {
            assert_eq!(bench.refused(operation, json!({ "Id": id })).await.0, "ValidationException", "{id}");
        }
    }
    for (operation, body) in [
        ("ExecuteStatement", json!({ "Sql": 1 })),
        ("ExecuteStatement", json!([])),
        ("ListStatements", json!({ "RoleLevel": "yes" })),
    ] {
        assert_eq!(bench.refused(operation, body).await.0, "SerializationException");
    }
    assert_eq!(bench.refused("ExplainStatement", json!({})).await.0, "UnknownOperationException");
    assert!(lock(&bench.words.ran).is_empty(), "nothing that was refused ran");
}

#[tokio::test]
async fn the_database_user_follows_the_credentials() -> Result<(), String> {
    let bench = Bench::new();
    let cluster = |more: Value| with(json!({ "ClusterIdentifier": "eventide-cluster" }), &more);
    for (more, user) in [
        (json!({}), "IAMR:marts"),
        (cluster(json!({})), "IAMR:marts"),
        (cluster(json!({ "DbUser": "awsuser" })), "awsuser"),
        (cluster(json!({ "SecretArn": "good" })), "analyst"),
        (json!({ "SecretArn": "good" }), "analyst"),
    ] {
        let id = bench.submit("rows 1", more.clone()).await;
        let described = bench.ended(&id).await?;
        assert_eq!(text(&described, "/DbUser"), user, "{more}");
        let (session, _) = lock(&bench.words.ran).pop().ok_or("nothing ran")?;
        assert_eq!((session.user.as_str(), session.superuser), (user, user == "awsuser"), "{more}");
    }
    let mismatch = json!({ "Sql": "s", "Database": "dev", "ClusterIdentifier": "eventide-cluster", "SecretArn": "other" });
    assert!(bench.refused("ExecuteStatement", mismatch).await.1.contains("does not match"));

    let body = json!({ "Sql": "rows 1", "Database": "dev", "WorkgroupName": "eventide" });
    let key = |key: &str, app: Option<&str>| Caller {
        app_id: app.map(str::to_owned),
        access_key: Some(key.into()),
        role_arn: None,
    };
    for (caller, user) in [(key("AKIA1", None), "IAM:AKIA1"), (key("1", Some("mart-query")), "IAMR:marts")] {
        let (_, answer) = bench.call_by(caller, "ExecuteStatement", body.clone()).await;
        assert_eq!(text(&answer, "/DbUser"), user);
    }
    let nowhere = bench.submit("rows 1", json!({ "Database": "nowhere" })).await;
    let error = text(&bench.ended(&nowhere).await?, "/Error");
    assert_eq!(error, "FATAL: database \"nowhere\" does not exist");
    Ok(())
}

#[tokio::test]
async fn only_the_same_role_sees_a_statement() -> Result<(), String> {
    let bench = Bench::new();
    let id = bench.submit("rows 1", json!({})).await;
    bench.ended(&id).await?;
    for (role, expected) in [("marts/one", 200), ("marts/another", 200), ("other/one", 400)] {
        for operation in ["DescribeStatement", "GetStatementResult"] {
            let (status, answer) = bench.call_as(role, operation, json!({ "Id": id })).await;
            assert_eq!(status, expected, "{role} {operation}: {answer}");
        }
    }
    let (_, refused) = bench.call_as("other/one", "CancelStatement", json!({ "Id": id })).await;
    assert_eq!(text(&refused, "/code"), "ResourceNotFoundException");
    assert_eq!(text(&refused, "/ResourceId"), id);
    let function = Caller { app_id: Some("mart-query".into()), access_key: None, role_arn: None };
    assert_eq!(bench.call_by(function, "DescribeStatement", json!({ "Id": id })).await.0, 200);

    for (role, body, count) in [
        ("marts/one", json!({}), 1),
        ("marts/another", json!({}), 1),
        ("marts/another", json!({ "RoleLevel": false }), 0),
        ("other/one", json!({}), 0),
        ("marts/one", json!({ "Status": "FAILED" }), 0),
        ("marts/one", json!({ "Status": "ALL", "StatementName": "x" }), 0),
        ("marts/one", json!({ "WorkgroupName": "eventide", "Database": "dev" }), 1),
        ("marts/one", json!({ "ClusterIdentifier": "eventide-cluster" }), 0),
    ] {
        let (_, answer) = bench.call_as(role, "ListStatements", body.clone()).await;
        assert_eq!(answer["Statements"].as_array().map(Vec::len), Some(count), "{role} {body}");
    }
    Ok(())
}

#[tokio::test]
async fn results_come_in_pages_of_both_formats() -> Result<(), String> {
    let bench = Bench::new();
    bench.set(json!({ "pageRows": 3 })).await;
    let id = bench.submit("rows 7", json!({})).await;
    bench.ended(&id).await?;
    let pages = bench.pages("GetStatementResult", &id).await;
    let sizes: Vec<_> = pages.iter().map(|page| page["Records"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(
        pages[0]["Records"][1],
        json!([{ "longValue": 1 }, { "isNull": true }, { "stringValue": "1.50" }, { "booleanValue": false }])
    );
    assert!(
        pages.iter().all(|page| page["TotalNumRows"] == 7 && page["ColumnMetadata"][1]["name"] == "a name")
    );
    let (code, _) = bench.refused("GetStatementResultV2", json!({ "Id": id })).await;
    assert_eq!(code, "ValidationException");
    for token in ["x", "", "MS54"] {
        let (status, _) = bench.call("GetStatementResult", json!({ "Id": id, "NextToken": token })).await;
        assert_eq!(status, if token.is_empty() { 200 } else { 400 }, "`{token}`");
    }

    let csv = bench.submit("rows 4", json!({ "ResultFormat": "CSV" })).await;
    bench.ended(&csv).await?;
    let (header, first) =
        ("id,a name,paid,left\r\n", "0,\"no. 0, \"\"x\"\"\",0.50,true\r\n1,,1.50,false\r\n");
    let rest = "2,\"no. 2, \"\"x\"\"\",2.50,true\r\n3,\"no. 3, \"\"x\"\"\",3.50,false\r\n";
    for (headers, pages) in [
        ("first", [format!("{header}{first}"), rest.to_owned()]),
        ("every", [format!("{header}{first}"), format!("{header}{rest}")]),
        ("none", [first.to_owned(), rest.to_owned()]),
    ] {
        bench.set(json!({ "csvHeader": headers, "pageRows": 2 })).await;
        let found = bench.pages("GetStatementResultV2", &csv).await;
        let texts: Vec<_> = found.iter().map(|page| text(page, "/Records/0/CSVRecords")).collect();
        assert_eq!(texts, pages, "{headers}");
        assert!(found.iter().all(|page| page["ResultFormat"] == "CSV"));
    }
    assert_eq!(bench.refused("GetStatementResult", json!({ "Id": csv })).await.0, "ValidationException");

    bench.set(json!({ "pageRows": null, "pageBytes": 200 })).await;
    let pages = bench.pages("GetStatementResult", &id).await;
    assert!((2..7).contains(&pages.len()), "{} pages of 200 bytes", pages.len());
    let empty = bench.submit("rows 0", json!({ "ResultFormat": "CSV" })).await;
    assert_eq!(bench.ended(&empty).await?["HasResultSet"], true);
    assert_eq!(bench.pages("GetStatementResultV2", &empty).await[0]["Records"], json!([]));
    let none = bench.submit("done", json!({})).await;
    let described = bench.ended(&none).await?;
    assert_eq!((&described["HasResultSet"], &described["ResultRows"]), (&json!(false), &json!(3)));
    assert_eq!(
        bench.refused("GetStatementResult", json!({ "Id": none })).await.0,
        "ResourceNotFoundException"
    );
    Ok(())
}

#[tokio::test]
async fn a_result_that_is_too_large_fails() -> Result<(), String> {
    let bench = Bench::new();
    for (sql, settings, error) in [
        ("text 65536", json!({}), None),
        ("text 65537", json!({}), Some("Packet for query is too large")),
        ("rows 100", json!({ "maxResultBytes": 100 }), Some("Database response exceeded size limit")),
    ] {
        bench.set(settings).await;
        let described = bench.ended(&bench.submit(sql, json!({})).await).await?;
        assert_eq!(described.get("Error").and_then(Value::as_str), error, "{sql}");
        assert_eq!(text(&described, "/Status"), if error.is_some() { "FAILED" } else { "FINISHED" }, "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn events_tell_the_end_as_planned() -> Result<(), String> {
    let bench = Bench::new();
    let event = json!({ "WithEvent": true });
    let named = |name: &str| json!({ "WithEvent": true, "StatementName": name });
    bench.submit("rows 1", json!({ "StatementName": "quiet" })).await;
    let id = bench.submit("rows 4", named("a mart")).await;
    let heard = bench.heard(1).await?;
    let expected = json!({
        "version": "0",
        "id": heard[0]["id"],
        "detail-type": "Redshift Data Statement Status Change",
        "source": "aws.redshift-data",
        "account": "111122223333",
        "time": heard[0]["time"],
        "region": "us-east-1",
        "resources": heard[0]["resources"],
        "detail": {
            "principal": "arn:aws:sts::111122223333:assumed-role/marts/one",
            "statementName": "a mart",
            "statementId": id,
            "redshiftQueryId": -1,
            "state": "FINISHED",
            "rows": 4,
            "expireAt": heard[0]["detail"]["expireAt"],
        },
    });
    assert_eq!(heard[0], expected);
    let resource = text(&heard[0], "/resources/0");
    assert!(
        resource.starts_with("arn:aws:redshift-serverless:us-east-1:111122223333:workgroup/"),
        "{resource}"
    );

    bench.plan(json!({ "nameContains": "lost", "event": "lost" })).await;
    bench.plan(json!({ "nameContains": "twice", "event": "duplicated", "times": 1 })).await;
    bench.plan(json!({ "nameContains": "late", "event": { "delayedSeconds": 300 } })).await;
    bench.plan(json!({ "nameContains": "broken", "error": "ERROR: out of order" })).await;
    let lost = bench.submit("rows 1", named("lost")).await;
    bench.ended(&lost).await?;
    bench.ended(&bench.submit("rows 1", named("late")).await).await?;
    bench.submit("rows 1", named("twice")).await;
    let heard = bench.heard(3).await?;
    assert_eq!((&heard[1], text(&heard[1], "/detail/statementName")), (&heard[2], "twice".into()));
    bench.clock.advance(Duration::seconds(300));
    assert_eq!(text(&bench.heard(4).await?[3], "/detail/statementName"), "late");
    let broken = bench.submit("rows 1", named("broken")).await;
    assert_eq!(text(&bench.ended(&broken).await?, "/Error"), "ERROR: out of order");
    let failed = &bench.heard(5).await?[4];
    assert_eq!((text(failed, "/detail/state"), &failed["detail"]["rows"]), ("FAILED".into(), &json!(-1)));
    let batch = bench.batch(&["rows 2", "done", "rows 3"], event).await;
    assert_eq!(bench.heard(6).await?[5]["detail"]["rows"], 8);
    assert_eq!(text(&bench.heard(6).await?[5], "/detail/statementId"), batch);

    let (_, sent) = bench.control(Method::GET, "events", Value::Null).await;
    let index = sent["events"].as_array().into_iter().flatten().find(|sent| sent["plan"] == "lost");
    let index = index.map(|sent| sent["index"].clone()).ok_or("the lost event is not remembered")?;
    assert_eq!(bench.control(Method::POST, "redeliver", json!({ "index": index })).await.0, 200);
    assert_eq!(text(&bench.heard(7).await?[6], "/detail/statementId"), lost);
    assert_eq!(bench.control(Method::POST, "redeliver", json!({ "index": 99 })).await.0, 400);
    Ok(())
}

#[tokio::test]
async fn the_catalogue_is_listed() {
    let bench = Bench::new();
    let ask = |more: Value| with(json!({ "Database": "dev", "WorkgroupName": "eventide" }), &more);
    let names = |answer: &Value| {
        answer["Tables"].as_array().map(|all| all.iter().map(|t| text(t, "/name")).collect::<Vec<_>>())
    };
    assert_eq!(bench.ok("ListDatabases", ask(json!({}))).await["Databases"], json!(["dev"]));
    let schemas = bench.ok("ListSchemas", ask(json!({ "SchemaPattern": "p%" }))).await;
    assert_eq!(schemas["Schemas"], json!(["people", "public"]));
    for (more, expected) in [
        (json!({}), vec!["employee", "shift", "orders"]),
        (json!({ "SchemaPattern": "people", "TablePattern": "%t" }), vec!["shift"]),
        (json!({ "MaxResults": 1 }), vec!["employee"]),
    ] {
        let answer = bench.ok("ListTables", ask(more.clone())).await;
        assert_eq!(names(&answer).unwrap(), expected, "{more}");
    }
    assert_eq!(bench.refused("DescribeTable", ask(json!({}))).await.0, "ValidationException");
    assert_eq!(bench.refused("ListTables", json!({ "Database": "dev" })).await.0, "ValidationException");
}

#[tokio::test]
async fn control_sets_the_scene() -> Result<(), String> {
    let bench = Bench::new();
    let (_, all) = bench.control(Method::GET, "warehouses", Value::Null).await;
    assert_eq!(text(&all, "/warehouses/0/cluster"), "eventide-cluster");
    assert_eq!(text(&all, "/warehouses/1/workgroup"), "eventide");
    let arn = text(&all, "/warehouses/1/arn");
    let by_arn = bench.submit("rows 1", json!({ "WorkgroupName": arn })).await;
    assert_eq!(text(&bench.ended(&by_arn).await?, "/WorkgroupName"), arn);

    let second = json!({ "workgroup": "second", "databases": ["extra"] });
    assert_eq!(bench.control(Method::POST, "warehouses", second.clone()).await.0, 200);
    assert_eq!(bench.control(Method::POST, "warehouses", second).await.0, 400);
    let id = bench.submit("rows 1", json!({ "WorkgroupName": "second", "Database": "extra" })).await;
    assert_eq!(text(&bench.ended(&id).await?, "/Status"), "FINISHED");
    assert_eq!(bench.control(Method::DELETE, "warehouses/second", Value::Null).await.0, 200);

    let table = json!({ "database": "dev", "schema": "s", "table": "t", "location": "s3://b/t/" });
    assert_eq!(bench.control(Method::POST, "tables", table.clone()).await.0, 200);
    assert_eq!(bench.control(Method::POST, "human-resources", json!({ "bucket": "lake" })).await.0, 200);
    let (_, tables) = bench.control(Method::GET, "tables", Value::Null).await;
    assert_eq!(tables["tables"].as_array().map(Vec::len), Some(3));
    let location = text(&tables, "/tables/1/location");
    assert_eq!(location, "s3://lake/humanresources/shift/");

    let sql = json!({ "sql": ["rows 1", "done"] });
    let (_, ran) = bench.control(Method::POST, "sql", sql).await;
    assert_eq!(
        ran["results"],
        json!([{ "rows": [[0, "no. 0, \"x\"", "0.50", true]], "count": 1 }, { "rows": [], "count": 3 }])
    );

    for (method, path, body) in [
        (Method::POST, "warehouses", json!({ "cluster": "UPPER" })),
        (Method::POST, "warehouses", json!({ "cluster": "a", "workgroup": "bcd" })),
        (Method::DELETE, "warehouses/nothing", Value::Null),
        (
            Method::POST,
            "tables",
            json!({ "database": "dev", "schema": "s", "table": "t", "location": "here" }),
        ),
        (Method::POST, "sql", json!({ "sql": ["fail"] })),
        (Method::POST, "sql", json!({ "warehouse": "nothing", "sql": [] })),
        (Method::POST, "settings", json!({ "pageRows": 0 })),
        (Method::POST, "plans", json!({ "event": "explode" })),
    ] {
        assert_eq!(bench.control(method, path, body.clone()).await.0, 400, "{path} {body}");
    }
    assert_eq!(bench.control(Method::PUT, "statements", Value::Null).await.0, 501);

    bench.service.reset();
    let (_, none) = bench.control(Method::GET, "statements", Value::Null).await;
    assert_eq!(none, json!({ "statements": [] }));
    let (_, none) = bench.control(Method::GET, "tables", Value::Null).await;
    assert_eq!(none, json!({ "tables": [] }));
    Ok(())
}
