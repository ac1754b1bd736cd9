use std::sync::Arc;

use eventide_clients::detective::{Detective, SdkDetective};
use eventide_types::investigation::{Indicator, Status};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::support::{Server, clock, error, ok};

const REGION: &str = "us-east-1";
const GRAPH: &str = "arn:aws:detective:us-east-1:111122223333:graph:00000000000000000000000000000001";
const ID: &str = "000000000000000000001";

fn detective(server: &Server) -> SdkDetective {
    SdkDetective::new(&server.config(), Arc::new(clock()))
}

fn listed(id: &str, entity: &str, created: &str) -> Value {
    json!({"InvestigationId": id, "EntityArn": entity, "Status": "RUNNING", "CreatedTime": created})
}

#[tokio::test]
async fn investigations_of_an_entity_come_from_all_pages_newest_first() {
    let role = "arn:aws:iam::111122223333:role/r";
    let server = Server::start(move |request| {
        ok(match request.json["NextToken"].as_str() {
            None => json!({"NextToken": "2", "InvestigationDetails":
                [listed("1", role, "2026-10-01T00:00:00Z"), listed("2", role, "2026-10-03T00:00:00Z")]}),
            _ => json!({"NextToken": "", "InvestigationDetails":
                [listed("3", role, "2026-10-02T00:00:00Z"), listed("4", "other", "2026-10-04T00:00:00Z"),
                 {"InvestigationId": "without the rest"}]}),
        })
    })
    .await;
    let since = datetime!(2026-09-30 00:00 UTC);
    let now = datetime!(2026-11-01 12:00 UTC);
    let found = detective(&server).list_for_entity(REGION, GRAPH, role, since, now).await.unwrap();
    let ids: Vec<_> = found.iter().map(|investigation| investigation.id.as_str()).collect();
    assert_eq!(ids, ["2", "3", "1"]);
    assert!(found.iter().all(|found| found.status == Status::Running && found.window.is_none()));
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    let mut asked = json!({"GraphArn": GRAPH, "MaxResults": 100,
        "FilterCriteria": {"EntityArn": {"Value": role}, "CreatedTime":
            {"StartInclusive": "2026-09-30T00:00:00Z", "EndInclusive": "2026-11-01T12:00:00Z"}},
        "SortCriteria": {"Field": "CREATED_TIME", "SortOrder": "DESC"}});
    assert_eq!(seen[0].json, asked);
    asked["NextToken"] = json!("2");
    assert_eq!(seen[1].json, asked, "everything but the token stays the same");
}

#[tokio::test]
async fn an_arn_too_long_for_the_filter_is_matched_here() {
    let long = format!("arn:aws:iam::111122223333:role/{}/r", "p".repeat(480));
    let answer = json!({"InvestigationDetails":
        [listed("1", "other", "2026-10-01T00:00:00Z"), listed("2", &long, "2026-10-01T00:00:00Z")]});
    let server = Server::start(move |_| ok(answer.clone())).await;
    let now = datetime!(2026-11-01 12:00 UTC);
    let found = detective(&server).list_for_entity(REGION, GRAPH, &long, now, now).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, "2");
    assert_eq!(server.seen()[0].json["FilterCriteria"].get("EntityArn"), None);
}

fn group(id: &str) -> Value {
    json!({"IndicatorType": "RELATED_FINDING_GROUP",
        "IndicatorDetail": {"RelatedFindingGroupDetail": {"Id": id}}})
}

fn ids(indicators: &[Indicator]) -> Vec<&str> {
    indicators
        .iter()
        .map(|indicator| match indicator {
            Indicator::RelatedFindingGroup { id } => id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn indicators_come_from_all_pages_without_those_not_understood() {
    let server = Server::start(|request| {
        ok(match request.json["NextToken"].as_str() {
            None => json!({"NextToken": "2", "Indicators": [group("a"), {"IndicatorType": "QUANTUM_TUNNEL",
                "IndicatorDetail": {"QuantumTunnelDetail": {"Depth": 1}}}]}),
            Some("2") => json!({"NextToken": "3", "Indicators": []}),
            _ => json!({"Indicators": [group("b")]}),
        })
    })
    .await;
    let found = detective(&server).indicators(REGION, GRAPH, ID).await.unwrap();
    assert_eq!(ids(&found), ["a", "b"]);
    assert_eq!(server.hits(), 3);
}

#[tokio::test]
async fn an_expired_token_restarts_the_list_once() {
    let server = Server::start(|request| match (request.json["NextToken"].as_str(), request.number) {
        (None, 0) => ok(json!({"NextToken": "old", "Indicators": [group("a")]})),
        (Some("old"), _) => error(400, "ValidationException"),
        (None, _) => ok(json!({"NextToken": "new", "Indicators": [group("a")]})),
        _ => ok(json!({"Indicators": [group("b")]})),
    })
    .await;
    let found = detective(&server).indicators(REGION, GRAPH, ID).await.unwrap();
    assert_eq!(ids(&found), ["a", "b"], "nothing twice");
    assert_eq!(server.hits(), 4);
}

#[tokio::test]
async fn a_token_that_expires_again_and_an_invalid_first_page_are_errors() {
    let server = Server::start(|request| match request.json["NextToken"].as_str() {
        None => ok(json!({"NextToken": "old", "Indicators": [group("a")]})),
        Some(_) => error(400, "ValidationException"),
    })
    .await;
    let expired = detective(&server).indicators(REGION, GRAPH, ID).await.unwrap_err();
    assert_eq!(expired.qualified_type(), "Permanent.Validation");
    assert_eq!(server.hits(), 4);

    let server = Server::start(|_| error(400, "ValidationException")).await;
    detective(&server).indicators(REGION, GRAPH, ID).await.unwrap_err();
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn a_list_that_never_ends_is_cut_at_50_pages() {
    let server = Server::start(|_| ok(json!({"NextToken": "more", "Indicators": [group("a")]}))).await;
    let found = detective(&server).indicators(REGION, GRAPH, ID).await.unwrap();
    assert_eq!((found.len(), server.hits()), (50, 50));
}
