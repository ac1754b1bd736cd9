//! Each form of a request becomes the same statement.

use eventide_clients::redshift_data::ResultFormat;
use eventide_types::mart::request::State;
use serde_json::json;

use crate::support::{MART, NOW, World, event};

const VIEW: &str = "SELECT * FROM \"humanresources_marts\".\"rate_changes_by_department_year\" WHERE TRUE";
const BOTH: &str = " AND \"Department Name\" = CAST(:department AS varchar(65535)) \
     AND \"Rate Change Year\" >= CAST(:since AS bigint)";

#[tokio::test]
async fn every_form_is_submitted_for_who_asks() {
    let role = "arn:aws:iam::111122223333:role/HumanResourcesAnalyst";
    for (name, caller, conditions) in [
        ("direct", "invoke", BOTH),
        ("event-requested", "events:humanresources.reports", BOTH),
        ("schedule", "schedule", ""),
        ("http-request", role, BOTH),
        ("http-request-base64", role, BOTH),
    ] {
        let mut world = World::new().await;
        world.invoke(&event(name)).await.unwrap();
        let record = world.record();
        assert_eq!((record.caller.as_str(), record.owner.as_str()), (caller, "humanresources"), "{name}");
        assert_eq!(record.state, State::Submitted, "{name}");
        let [statement] = &world.statements()[..] else { panic!("{name}") };
        assert_eq!(statement.sql, [format!("{VIEW}{conditions}")], "{name}");
        let parameters = [("department", "Production"), ("since", "2011")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let expected = if conditions.is_empty() { &[][..] } else { &parameters[..] };
        assert_eq!(statement.parameters, expected, "{name}");
        assert_eq!(statement.name, format!("eventide/query/{MART}/{}", record.token), "{name}");
        assert_eq!(statement.client_token, record.token, "{name}");
        assert_eq!(statement.result_format, ResultFormat::Csv, "{name}");
        assert_eq!((statement.database.as_str(), statement.warehouse.name()), ("dev", "eventide"), "{name}");
        assert_eq!(statement.wait_seconds, 0, "{name}: nobody waits");
    }
}

#[tokio::test]
async fn the_answer_says_where_the_result_will_lie() {
    let mut world = World::new().await;
    let answer = world.ask(event("direct")).await;
    let token = world.record().token;
    let file = format!("humanresources/rates/{MART}/2026/11/23/{token}");
    assert_eq!(
        answer,
        json!({
            "statusCode": 202, "token": token, "state": "submitted",
            "statementId": "00000000-0000-4000-8000-000000000001",
            "result": {
                "manifest": format!("{file}.manifest.json"),
                "manifestUrl": format!("https://results.s3.example/{file}.manifest.json?X-Amz-Expires=3600"),
                "file": format!("{file}.csv"),
                "url": format!("https://results.s3.example/{file}.csv?X-Amz-Expires=3600"),
            },
        })
    );
    assert_eq!(world.record().accepted_at, NOW);
}

#[tokio::test]
async fn formats_are_fetched_as_they_are_delivered() {
    for (request, extension, format) in [
        (json!({"mart": MART}), "csv", ResultFormat::Csv),
        (json!({"mart": MART, "format": "jsonl"}), "jsonl", ResultFormat::Json),
        (event("direct-parquet"), "parquet", ResultFormat::Json),
    ] {
        let mut world = World::new().await;
        let answer = world.ask(request).await;
        assert!(answer["result"]["file"].as_str().unwrap().ends_with(extension), "{answer}");
        assert_eq!(world.statements()[0].result_format, format, "{extension}");
    }
}

#[tokio::test]
async fn unload_runs_the_query_into_a_table_of_its_own_first() {
    let mut world = World::new().await;
    let mut request = event("direct-unload");
    request["parameters"] = json!({"department": "it's"});
    let answer = world.ask(request).await;
    let record = world.record();
    let [statement] = &world.statements()[..] else { panic!() };
    assert!(statement.transaction);
    let condition = "AND \"Department Name\" = CAST(:department AS varchar(65535))";
    assert_eq!(
        statement.sql,
        [
            format!("CREATE TEMP TABLE eventide_result AS {VIEW} {condition}"),
            format!(
                "UNLOAD ('SELECT * FROM eventide_result') TO 's3://results/{}/' \
                 IAM_ROLE 'arn:aws:iam::111122223333:role/Unload' FORMAT AS PARQUET MANIFEST VERBOSE ALLOWOVERWRITE",
                record.key
            ),
        ]
    );
    assert_eq!(statement.parameters, [("department".to_owned(), "it's".to_owned())]);
    assert_eq!(answer["result"]["file"], json!(null), "there are several");
    assert_eq!(answer["result"]["manifest"], format!("{}.manifest.json", record.key));
}

#[tokio::test]
async fn a_mart_that_unloads_does_so_unless_asked_for_something_else() {
    for (members, unload) in [
        (json!({}), true),
        (json!({"format": "parquet"}), true),
        (json!({"format": "csv"}), false),
        (json!({"unload": false}), false),
    ] {
        let mut world = World::new().await;
        let mart = crate::support::changed(|mart| mart["definition"]["delivery"]["unload"] = json!(true));
        world.put_in_force(&mart).await;
        let mut request = members.clone();
        request["mart"] = json!(MART);
        world.ask(request).await;
        assert_eq!(world.record().unload, unload, "{members}");
    }
}
