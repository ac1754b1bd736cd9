use eventide_clients::redshift_data::{
    Field, RedshiftData, ResultFormat, Rows, SdkRedshiftData, Statement, Status,
};
use eventide_types::mart::definition::Warehouse;
use serde_json::{Value, json};

use crate::support::{Server, error, ok};

const ID: &str = "d9b6c0c9-0747-4bf4-b142-e8883122f766";

fn statement() -> Statement {
    Statement {
        warehouse: Warehouse {
            cluster: Some("c".to_owned()),
            workgroup: None,
            secret: None,
            user: Some("reader".to_owned()),
        },
        database: "dev".to_owned(),
        sql: vec!["SELECT :a".to_owned()],
        parameters: vec![("a".to_owned(), "1".to_owned())],
        name: "eventide/query/m/t".to_owned(),
        client_token: "t".to_owned(),
        result_format: ResultFormat::Csv,
        transaction: false,
        wait_seconds: 0,
    }
}

fn data(server: &Server) -> SdkRedshiftData {
    SdkRedshiftData::new(&server.config())
}

#[tokio::test]
async fn one_statement_is_executed_and_several_are_a_batch() {
    let server = Server::start(|_| ok(json!({"Id": ID, "Status": "FINISHED", "HasResultSet": true}))).await;
    let described = data(&server).submit(&statement()).await.unwrap();
    assert_eq!((described.id.as_str(), described.status, described.has_result), (ID, Status::Finished, true));
    let batch = Statement {
        warehouse: Warehouse {
            cluster: None,
            workgroup: Some("w".to_owned()),
            secret: Some("arn:secret".to_owned()),
            user: None,
        },
        sql: vec!["A".to_owned(), "B".to_owned()],
        parameters: Vec::new(),
        result_format: ResultFormat::Json,
        wait_seconds: 30,
        ..statement()
    };
    data(&server).submit(&batch).await.unwrap();
    data(&server).submit(&Statement { transaction: true, ..batch }).await.unwrap();

    let common = json!({"Database": "dev", "StatementName": "eventide/query/m/t", "ClientToken": "t", "WithEvent": true});
    let with = |more: Value| {
        let mut all = common.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all)
    };
    let batch = |mode: &str| {
        with(
            json!({"WorkgroupName": "w", "SecretArn": "arn:secret", "Sqls": ["A", "B"], "ResultFormat": "JSON",
            "ExecutionMode": mode, "WaitTimeSeconds": 30}),
        )
    };
    let sent: Vec<_> =
        server.seen().iter().map(|seen| (seen.operation().to_owned(), seen.json.clone())).collect();
    assert_eq!(
        sent,
        [
            (
                "ExecuteStatement".to_owned(),
                with(json!({"ClusterIdentifier": "c", "DbUser": "reader", "Sql": "SELECT :a",
                    "Parameters": [{"name": "a", "value": "1"}], "ResultFormat": "CSV"}))
            ),
            ("BatchExecuteStatement".to_owned(), batch("AUTO_COMMIT")),
            ("BatchExecuteStatement".to_owned(), batch("TRANSACTION")),
        ]
    );
}

#[tokio::test]
async fn a_busy_warehouse_is_left_alone() {
    for (code, expected, hits) in [
        ("ActiveStatementsExceededException", "Retryable.WarehouseBusy", 1),
        ("ActiveSessionsExceededException", "Retryable.WarehouseBusy", 1),
        ("ActiveWaitingRequestsExceededException", "Retryable.WarehouseBusy", 1),
        ("ThrottlingException", "Retryable.Throttled", 3),
        ("ValidationException", "Permanent.Validation", 1),
        ("ResourceNotFoundException", "Permanent.ResourceNotFound", 1),
        ("AccessDeniedException", "Environment.AccessDenied", 1),
    ] {
        for several in [false, true] {
            let server = Server::start(move |_| error(400, code)).await;
            let mut statement = statement();
            if several {
                statement.sql.push("SELECT 2".to_owned());
            }
            let failed = data(&server).submit(&statement).await.unwrap_err();
            assert_eq!((failed.qualified_type().as_str(), server.hits()), (expected, hits), "{code}");
        }
    }
    let server = Server::start(|_| error(400, "ActiveWaitingRequestsExceededException")).await;
    let failed = data(&server).describe(ID, 30).await.unwrap_err();
    assert_eq!((failed.qualified_type().as_str(), server.hits()), ("Retryable.WarehouseBusy", 1));
}

#[tokio::test]
async fn what_is_not_counted_is_none() {
    let server = Server::start(|seen| match seen.number {
        0 => ok(json!({"Id": ID, "Status": "FAILED", "Error": "ERROR: \"Ann\"", "ResultRows": -1, "ResultSize": -1,
            "Duration": -1, "RedshiftQueryId": 0, "HasResultSet": false})),
        1 => ok(json!({"Id": ID, "Status": "FINISHED", "ResultRows": 0, "ResultSize": 0, "Duration": 5,
            "RedshiftQueryId": 9, "HasResultSet": true})),
        2 => ok(json!({"Id": ID, "Status": "NEW_ONE"})),
        _ => error(400, "ResourceNotFoundException"),
    })
    .await;
    let data = data(&server);
    let failed = data.describe(ID, 30).await.unwrap().unwrap();
    assert_eq!(
        (failed.status, failed.rows, failed.bytes, failed.nanoseconds),
        (Status::Failed, None, None, 0)
    );
    assert_eq!(failed.error.as_deref(), Some("ERROR: \"Ann\""));
    assert!(!format!("{failed:?}").contains("Ann"));
    let finished = data.describe(ID, 0).await.unwrap().unwrap();
    assert_eq!(
        (finished.rows, finished.bytes, finished.nanoseconds, finished.query_id),
        (Some(0), Some(0), 5, 9)
    );
    assert!(finished.has_result && finished.error.is_none());
    assert_eq!(data.describe(ID, 0).await.unwrap().unwrap().status, Status::Running);
    assert_eq!(data.describe(ID, 0).await.unwrap(), None);
    let seen = server.seen();
    assert_eq!(seen[0].json, json!({"Id": ID, "WaitTimeSeconds": 30}));
    assert_eq!(seen[1].json, json!({"Id": ID}));
    assert_eq!(data.describe(ID, 31).await.unwrap_err().qualified_type(), "Permanent.Validation");
}

#[tokio::test]
async fn a_statement_that_has_ended_cannot_be_cancelled() {
    for (code, status, expected) in [
        ("", "", Ok(true)),
        ("ValidationException", "FINISHED", Ok(false)),
        ("ValidationException", "ABORTED", Ok(false)),
        ("ValidationException", "STARTED", Err("Permanent.Validation")),
        ("ResourceNotFoundException", "", Ok(false)),
        ("DatabaseConnectionException", "", Err("Retryable.ServerError")),
        ("QueryTimeoutException", "", Err("Retryable.ServerError")),
        ("AccessDeniedException", "", Err("Environment.AccessDenied")),
    ] {
        let server = Server::start(move |seen| match (seen.operation(), code) {
            ("DescribeStatement", _) => ok(json!({"Id": ID, "Status": status})),
            (_, "") => ok(json!({"Status": true})),
            _ => error(400, code),
        })
        .await;
        let cancelled = data(&server).cancel(ID).await.map_err(|error| error.qualified_type());
        assert_eq!(cancelled, expected.map_err(str::to_owned), "{code} {status}");
        assert_eq!(server.seen()[0].json, json!({"Id": ID}));
    }
}

#[tokio::test]
async fn pages_are_fetched_in_the_format_asked_for() {
    let columns = json!([{"label": "n", "typeName": "int8", "nullable": 0, "precision": 19, "scale": 0}]);
    let server = Server::start(move |seen| match (seen.operation(), seen.number) {
        ("GetStatementResult", _) => ok(json!({"Records": [[{"longValue": 1}], [{"isNull": true}]],
            "ColumnMetadata": columns, "TotalNumRows": 2})),
        (_, 1) => ok(
            json!({"Records": [{"CSVRecords": "n\r\n1\r\n"}], "ColumnMetadata": columns, "TotalNumRows": 2,
            "NextToken": "next", "ResultFormat": "csv"}),
        ),
        _ => ok(json!({"Records": [{"CSVRecords": "\r\n"}], "ColumnMetadata": columns, "TotalNumRows": 2})),
    })
    .await;
    let data = data(&server);
    let fields = data.page(ID, ResultFormat::Json, None).await.unwrap();
    assert!(fields.rows == Rows::Fields(vec![vec![Field::Long(1)], vec![Field::Null]]));
    assert_eq!((fields.total_rows, fields.next_token), (2, None));
    let first = data.page(ID, ResultFormat::Csv, None).await.unwrap();
    assert!(first.rows == Rows::Csv(vec!["n\r\n1\r\n".to_owned()]));
    assert_eq!(first.columns, fields.columns);
    let last = data.page(ID, ResultFormat::Csv, first.next_token.as_deref()).await.unwrap();
    assert!(last.rows == Rows::Csv(vec!["\r\n".to_owned()]) && last.next_token.is_none());
    let asked: Vec<_> = server.seen().iter().map(|seen| seen.json.clone()).collect();
    assert_eq!(asked, [json!({"Id": ID}), json!({"Id": ID}), json!({"Id": ID, "NextToken": "next"})]);
}

#[tokio::test]
async fn a_page_that_makes_no_sense_is_asked_for_again() {
    for (body, expected) in [
        (json!({"Records": [[{"longValue": "secret"}]]}), "Retryable.ServerError"),
        (json!({"TotalNumRows": 1}), "Retryable.ServerError"),
    ] {
        let server = Server::start(move |_| ok(body.clone())).await;
        let failed = data(&server).page(ID, ResultFormat::Json, None).await.unwrap_err();
        assert_eq!(failed.qualified_type(), expected);
        assert!(!failed.to_string().contains("secret"), "{failed}");
    }
    let server = Server::start(|_| error(400, "ResourceNotFoundException")).await;
    let failed = data(&server).page(ID, ResultFormat::Csv, None).await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Permanent.ResourceNotFound");
}
