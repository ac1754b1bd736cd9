use std::sync::Arc;
use std::time::Duration;

use aws_smithy_types::timeout::TimeoutConfig;
use eventide_clients::detective::{Detective, SdkDetective, Start};
use eventide_kit::error::Class;
use eventide_types::investigation::{Severity, Status, Window};
use serde_json::json;
use time::macros::datetime;
use tokio::net::TcpListener;

use crate::support::{Server, clock, config, error, ok};

const REGION: &str = "us-east-1";
const GRAPH: &str = "arn:aws:detective:us-east-1:111122223333:graph:00000000000000000000000000000001";
const ROLE: &str = "arn:aws:iam::111122223333:role/r";
const ID: &str = "000000000000000000001";

fn window() -> Window {
    Window { start: datetime!(2026-10-31 12:00 UTC), end: datetime!(2026-11-01 11:59:30.25 UTC) }
}

fn detective(server: &Server) -> SdkDetective {
    SdkDetective::new(&server.config(), Arc::new(clock()))
}

#[tokio::test]
async fn the_oldest_graph_of_all_pages_is_found_and_remembered_for_15_minutes() {
    let server = Server::start(|request| {
        let graph = |arn: &str, created: &str| json!([{"Arn": arn, "CreatedTime": created}]);
        ok(match request.json["NextToken"].as_str() {
            None => json!({"GraphList": graph("newer", "2026-02-01T00:00:00Z"), "NextToken": "2"}),
            Some("2") => json!({"GraphList": graph("oldest", "2025-01-01T00:00:00Z"), "NextToken": "3"}),
            _ => json!({"GraphList": graph("newest", "2026-03-01T00:00:00Z")}),
        })
    })
    .await;
    let clock = clock();
    let detective = SdkDetective::new(&server.config(), Arc::new(clock.clone()));
    assert_eq!(detective.graph(REGION).await.unwrap().as_deref(), Some("oldest"));
    assert_eq!(server.hits(), 3);
    clock.advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(detective.graph(REGION).await.unwrap().as_deref(), Some("oldest"));
    assert_eq!(server.hits(), 3, "from memory");
    clock.advance(Duration::from_secs(1));
    assert_eq!(detective.graph(REGION).await.unwrap().as_deref(), Some("oldest"));
    assert_eq!(server.hits(), 6);
}

#[tokio::test]
async fn the_lack_of_a_graph_is_remembered_for_a_minute_and_per_region() {
    let server = Server::start(|_| ok(json!({"GraphList": []}))).await;
    let clock = clock();
    let detective = SdkDetective::new(&server.config(), Arc::new(clock.clone()));
    assert_eq!(detective.graph("eu-west-1").await.unwrap(), None);
    clock.advance(Duration::from_secs(59));
    assert_eq!(detective.graph("eu-west-1").await.unwrap(), None);
    assert_eq!(server.hits(), 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(detective.graph("eu-west-1").await.unwrap(), None);
    assert_eq!(detective.graph("ap-south-1").await.unwrap(), None);
    let regions: Vec<_> =
        server.seen().iter().map(|seen| seen.credential.split('/').nth(2).unwrap().to_owned()).collect();
    assert_eq!(regions, ["eu-west-1", "eu-west-1", "ap-south-1"], "each request is signed for its Region");
    assert!(server.seen().iter().all(|seen| seen.user_agent.contains("app/finding-enrich")));
}

#[tokio::test]
async fn a_failure_to_find_a_graph_is_not_remembered() {
    let server = Server::start(|request| match request.number {
        0 => error(403, "AccessDeniedException"),
        _ => ok(json!({"GraphList": [{"Arn": GRAPH, "CreatedTime": "2026-01-01T00:00:00Z"}]})),
    })
    .await;
    let detective = detective(&server);
    let denied = detective.graph(REGION).await.unwrap_err();
    assert_eq!(denied.qualified_type(), "Environment.AccessDenied");
    assert_eq!(detective.graph(REGION).await.unwrap().as_deref(), Some(GRAPH));
}

#[tokio::test]
async fn what_only_another_region_says_is_no_fault_of_the_environment() {
    let server = Server::start(|_| error(403, "UnrecognizedClientException")).await;
    let detective = detective(&server);
    let home = detective.graph(REGION).await.unwrap_err();
    assert_eq!(home.qualified_type(), "Environment.UnrecognizedClient");
    let elsewhere = detective.graph("ap-east-1").await.unwrap_err();
    assert_eq!(elsewhere.qualified_type(), "Retryable.RegionUnavailable");
    assert!(elsewhere.to_string().contains("`ap-east-1`"), "{elsewhere}");
}

#[tokio::test]
async fn what_is_no_region_never_becomes_a_host_name() {
    let server = Server::start(|_| ok(json!({}))).await;
    let detective = detective(&server);
    for region in ["", "x", "evil.example/", "us-east-1@evil", "US-EAST-1", &"a".repeat(1_000_000)] {
        let refused = detective.graph(region).await.unwrap_err();
        assert_eq!(refused.qualified_type(), "Permanent.InvalidRegion");
        let start = detective.start(region, GRAPH, ROLE, &window()).await;
        assert!(matches!(start, Start::Refused(_)));
    }
    assert_eq!(server.hits(), 0);
}

#[tokio::test]
async fn a_start_sends_the_window_and_gives_the_id() {
    let server = Server::start(|_| ok(json!({"InvestigationId": ID}))).await;
    let start = detective(&server).start(REGION, GRAPH, ROLE, &window()).await;
    assert!(matches!(start, Start::Started(id) if id == ID));
    let seen = server.seen();
    assert_eq!(seen[0].path, "/investigations/startInvestigation");
    let expected = json!({"GraphArn": GRAPH, "EntityArn": ROLE,
        "ScopeStartTime": "2026-10-31T12:00:00Z", "ScopeEndTime": "2026-11-01T11:59:30.25Z"});
    assert_eq!(seen[0].json, expected);
}

#[tokio::test]
async fn a_start_is_sent_once_whatever_the_answer() {
    for (status, code, refused) in [
        (400, "ValidationException", Some(Class::Permanent)),
        (404, "ResourceNotFoundException", Some(Class::Permanent)),
        (403, "AccessDeniedException", Some(Class::Environment)),
        (429, "TooManyRequestsException", Some(Class::Retryable)),
        (400, "ThrottlingException", Some(Class::Retryable)),
        (500, "InternalServerException", None),
        (503, "ThrottlingException", None),
        (502, "", None),
        (200, "", None),
    ] {
        let server =
            Server::start(move |_| if status == 200 { ok(json!({})) } else { error(status, code) }).await;
        let start = detective(&server).start(REGION, GRAPH, ROLE, &window()).await;
        match (&start, refused) {
            (Start::Refused(error), Some(class)) => assert_eq!(error.class(), class, "{status} {code}"),
            (Start::Uncertain(error), None) => assert!(error.is_retryable(), "{status} {code}"),
            _ => panic!("{status} {code}: {start:?}"),
        }
        assert_eq!(server.hits(), 1, "{status} {code}");
    }
}

#[tokio::test]
async fn a_start_without_an_answer_is_uncertain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            if number > 0 {
                held.push(stream);
            } else {
                // Only a request that was sent makes the loss of its answer uncertain.
                stream.readable().await.unwrap();
            }
        }
    });
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(300)).build();
    let config = config(&endpoint).to_builder().timeout_config(timeouts).build();
    let detective = SdkDetective::new(&config, Arc::new(clock()));
    for what in ["closed connection", "time-out"] {
        let start = detective.start(REGION, GRAPH, ROLE, &window()).await;
        assert!(matches!(start, Start::Uncertain(_)), "{what}: {start:?}");
    }
    silent.abort();
}

#[tokio::test]
async fn a_start_that_reaches_nobody_is_refused() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", unused.local_addr().unwrap());
    drop(unused);
    let start =
        SdkDetective::new(&config(&endpoint), Arc::new(clock())).start(REGION, GRAPH, ROLE, &window()).await;
    let Start::Refused(error) = &start else { panic!("{start:?}") };
    assert_eq!(error.qualified_type(), "Environment.Unreachable");
}

#[tokio::test]
async fn an_investigation_is_told_with_its_window() {
    let server = Server::start(|request| match request.number {
        0 => ok(json!({"InvestigationId": ID, "EntityArn": ROLE, "Status": "SUCCESSFUL", "Severity": "HIGH",
            "CreatedTime": "2026-11-01T10:00:00Z", "ScopeStartTime": "2026-10-31T00:00:00Z",
            "ScopeEndTime": "2026-11-01T00:00:00Z", "State": "ACTIVE"})),
        1 => error(404, "ResourceNotFoundException"),
        2 => ok(json!({"InvestigationId": ID})),
        _ => error(400, "ValidationException"),
    })
    .await;
    let detective = detective(&server);
    let found = detective.get(REGION, GRAPH, ID).await.unwrap().unwrap();
    assert_eq!((found.status, found.severity), (Status::Successful, Some(Severity::High)));
    assert_eq!(found.window.unwrap().to_string(), "2026-10-31T00:00:00Z/2026-11-01T00:00:00Z");
    assert_eq!(detective.get(REGION, GRAPH, ID).await.unwrap(), None);
    let incomplete = detective.get(REGION, GRAPH, ID).await.unwrap_err();
    assert_eq!(incomplete.qualified_type(), "Retryable.IncompleteAnswer");
    let invalid = detective.get(REGION, GRAPH, ID).await.unwrap_err();
    assert_eq!(invalid.qualified_type(), "Permanent.Validation");
    assert!(invalid.to_string().ends_with(": said AWS"), "{invalid}");
}

#[tokio::test]
async fn reading_is_tried_three_times_when_throttled() {
    let server = Server::start(|_| error(429, "TooManyRequestsException")).await;
    let throttled = detective(&server).get(REGION, GRAPH, ID).await.unwrap_err();
    assert_eq!(throttled.qualified_type(), "Retryable.Throttled");
    assert_eq!(server.hits(), 3);
}
