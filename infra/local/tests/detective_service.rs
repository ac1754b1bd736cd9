//! The Detective stand-in as a service, without the gateway: what it validates, how an investigation goes,
//! and what control changes.

use bytes::Bytes;
use eventide_local::detective::Detective;
use eventide_local::service::{Call, Caller, Clock, Reply, Service};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::111122223333:role/service/Analytics";
const COMPROMISED: &str = "arn:aws:iam::111122223333:role/service/payments/PaymentsBatch";

struct Bench {
    clock: Clock,
    detective: Detective,
}

impl Bench {
    fn new() -> Result<Self, String> {
        let clock = Clock::default();
        Ok(Self { detective: Detective::new(ACCOUNT, clock.clone())?, clock })
    }

    async fn call_in(&self, region: &str, path: &str, body: Value) -> (u16, Value) {
        let reply = self
            .detective
            .handle(Call {
                service: "detective".into(),
                region: region.into(),
                account: ACCOUNT.into(),
                caller: Caller::default(),
                method: Method::POST,
                path: path.into(),
                query: Vec::new(),
                headers: HeaderMap::new(),
                body: Bytes::from(body.to_string()),
            })
            .await;
        read(&reply)
    }

    async fn call(&self, path: &str, body: Value) -> (u16, Value) {
        self.call_in("us-east-1", path, body).await
    }

    async fn control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        read(&self.detective.control(method, path.into(), body).await)
    }

    async fn graph(&self) -> String {
        text(&self.call("/graphs/list", json!({})).await.1, "/GraphList/0/Arn")
    }

    fn at(&self, hours: i64) -> String {
        written(self.clock.now() + Duration::hours(hours))
    }

    fn scope(&self, graph: &str, entity: &str) -> Value {
        json!({ "GraphArn": graph, "EntityArn": entity, "ScopeStartTime": self.at(-24), "ScopeEndTime": self.at(0) })
    }

    async fn start(&self, graph: &str, entity: &str) -> String {
        let (_, answer) = self.call("/investigations/startInvestigation", self.scope(graph, entity)).await;
        text(&answer, "/InvestigationId")
    }

    async fn get(&self, graph: &str, id: &str) -> Value {
        self.call("/investigations/getInvestigation", json!({ "GraphArn": graph, "InvestigationId": id }))
            .await
            .1
    }

    /// All pages: the items, and how many each page had.
    async fn all(&self, path: &str, list: &str, mut body: Value) -> (Vec<Value>, Vec<usize>) {
        let (mut items, mut sizes) = (Vec::new(), Vec::new());
        loop {
            let (_, answer) = self.call(path, body.clone()).await;
            let page = answer.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            sizes.push(page.len());
            items.extend(page);
            match answer.get("NextToken") {
                Some(token) => put(&mut body, "NextToken", token.clone()),
                None => return (items, sizes),
            }
        }
    }
}

fn put(body: &mut Value, member: &str, value: Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert(member.to_owned(), value);
    }
}

fn read(reply: &Reply) -> (u16, Value) {
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if let Some((_, code)) = reply.headers.iter().find(|(name, _)| name == "x-amzn-errortype") {
        put(&mut body, "code", json!(code));
    }
    (reply.status, body)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

#[tokio::test]
async fn a_graph_exists_in_the_default_region_only_until_one_is_created() {
    let bench = Bench::new().unwrap();
    let first = bench.graph().await;
    assert!(first.starts_with("arn:aws:detective:us-east-1:111122223333:graph:"), "{first}");
    assert_eq!(bench.call_in("us-gov-west-1", "/graphs/list", json!({})).await.1, json!({ "GraphList": [] }));

    let (_, made) = bench.call_in("us-gov-west-1", "/graph", json!({ "Tags": { "team": "security" } })).await;
    let (_, again) = bench.call_in("us-gov-west-1", "/graph", json!({})).await;
    assert_eq!(made, again);
    let gov = text(&made, "/GraphArn");
    assert!(gov.starts_with("arn:aws-us-gov:detective:us-gov-west-1:"), "{gov}");

    let list = json!({ "GraphArn": gov });
    let elsewhere = bench.call("/investigations/listInvestigations", list.clone()).await;
    assert_eq!((elsewhere.0, text(&elsewhere.1, "/code")), (404, "ResourceNotFoundException".into()));
    assert_eq!(bench.call_in("us-gov-west-1", "/graph/removal", list.clone()).await.0, 200);
    assert_eq!(bench.call_in("us-gov-west-1", "/graph/removal", list).await.0, 404);
    let (_, anew) = bench.call_in("us-gov-west-1", "/graph", json!({})).await;
    assert_ne!(text(&anew, "/GraphArn"), gov, "a graph made after a removal is another one");
}

#[tokio::test]
async fn start_investigation_validates_its_input() {
    let bench = Bench::new().unwrap();
    let graph = bench.graph().await;
    let unknown = format!("arn:aws:detective:us-east-1:{ACCOUNT}:graph:{}", "a".repeat(32));
    let cases = [
        (
            "GraphArn",
            json!("arn:aws:detective:us-east-1:111122223333:graph:short"),
            400,
            "ValidationException",
        ),
        ("GraphArn", Value::Null, 400, "ValidationException"),
        ("GraphArn", json!(unknown), 404, "ResourceNotFoundException"),
        ("EntityArn", json!("AWS::IAM::AccessKey:ASIAIOSFODNN7EXAMPLE"), 400, "ValidationException"),
        (
            "EntityArn",
            json!("arn:aws:sts::111122223333:assumed-role/Analytics/session"),
            400,
            "ValidationException",
        ),
        ("EntityArn", json!("arn:aws:iam::111122223333:root"), 400, "ValidationException"),
        ("EntityArn", json!(7), 400, "SerializationException"),
        ("ScopeStartTime", json!("yesterday"), 400, "SerializationException"),
        ("ScopeStartTime", json!(bench.at(0)), 400, "ValidationException"),
        ("ScopeEndTime", json!(bench.at(1)), 400, "ValidationException"),
        ("ScopeEndTime", Value::Null, 400, "ValidationException"),
    ];
    for (member, value, status, code) in cases {
        let mut body = bench.scope(&graph, ROLE);
        put(&mut body, member, value.clone());
        // The end is pinned so that a start at "now" is not before it.
        if member == "ScopeStartTime" {
            put(&mut body, "ScopeEndTime", json!(bench.at(-1)));
        }
        let (found, answer) = bench.call("/investigations/startInvestigation", body).await;
        assert_eq!(
            (found, text(&answer, "/code")),
            (status, code.to_owned()),
            "{member} = {value}: {answer}"
        );
    }
    let mut skewed = bench.scope(&graph, ROLE);
    put(&mut skewed, "ScopeEndTime", json!(written(bench.clock.now() + Duration::minutes(4))));
    assert_eq!(
        bench.call("/investigations/startInvestigation", skewed).await.0,
        200,
        "clocks disagree a little"
    );
}

#[tokio::test]
async fn an_investigation_runs_and_then_has_its_scenarios_outcome() {
    for (entity, seconds, status, severity, indicators) in [
        (ROLE, 600, "SUCCESSFUL", Some("LOW"), 0),
        (COMPROMISED, 600, "SUCCESSFUL", Some("CRITICAL"), 25),
        ("arn:aws:iam::111122223333:user/automation/build-agent", 600, "SUCCESSFUL", Some("MEDIUM"), 5),
        ("arn:aws-cn:iam::111122223333:role/LegacyImport", 600, "FAILED", None, 0),
        ("arn:aws:iam::111122223333:role/NightlyExport", 86_400, "SUCCESSFUL", Some("LOW"), 0),
    ] {
        let bench = Bench::new().unwrap();
        let graph = bench.graph().await;
        bench.control(Method::POST, "settings", json!({ "defaultSeconds": 600 })).await;
        let id = bench.start(&graph, entity).await;
        assert!(id.len() == 21 && id.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
        let asked = json!({ "GraphArn": graph, "InvestigationId": id });

        bench.clock.advance(Duration::seconds(seconds - 60));
        let running = bench.get(&graph, &id).await;
        assert_eq!(
            (text(&running, "/Status").as_str(), running.get("Severity")),
            ("RUNNING", None),
            "{entity}"
        );
        let (_, early) = bench.call("/investigations/listIndicators", asked.clone()).await;
        assert_eq!(early.get("Indicators"), Some(&json!([])), "{entity}");

        bench.clock.advance(Duration::seconds(60));
        let done = bench.get(&graph, &id).await;
        assert_eq!(text(&done, "/Status"), status, "{entity}");
        assert_eq!(done.get("Severity").and_then(Value::as_str), severity, "{entity}");
        assert_eq!(text(&done, "/EntityArn"), entity);
        let (found, sizes) = bench.all("/investigations/listIndicators", "Indicators", asked).await;
        assert_eq!(found.len(), indicators, "{entity}");
        assert!(sizes.iter().all(|&size| size <= 2), "{sizes:?}");
    }
}

#[tokio::test]
async fn indicators_are_filtered_by_type_and_tokens_die_after_a_day() {
    let bench = Bench::new().unwrap();
    let graph = bench.graph().await;
    let id = bench.start(&graph, COMPROMISED).await;
    bench.clock.advance(Duration::seconds(2));
    let mut asked = json!({ "GraphArn": graph, "InvestigationId": id, "IndicatorType": "NEW_GEOLOCATION" });
    let (found, _) = bench.all("/investigations/listIndicators", "Indicators", asked.clone()).await;
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|indicator| text(indicator, "/IndicatorType") == "NEW_GEOLOCATION"));

    let (_, first) = bench.call("/investigations/listIndicators", asked.clone()).await;
    put(&mut asked, "NextToken", json!(text(&first, "/NextToken")));
    let mut other = asked.clone();
    put(&mut other, "IndicatorType", json!("TTP_OBSERVED"));
    assert_eq!(bench.call("/investigations/listIndicators", other).await.0, 400, "other arguments");
    assert_eq!(bench.call("/investigations/listIndicators", asked.clone()).await.0, 200);
    bench.clock.advance(Duration::hours(25));
    let (status, answer) = bench.call("/investigations/listIndicators", asked).await;
    assert_eq!((status, text(&answer, "/code")), (400, "ValidationException".into()));

    for (member, value) in [
        ("MaxResults", json!(0)),
        ("MaxResults", json!(101)),
        ("IndicatorType", json!("OLD_GEOLOCATION")),
        ("NextToken", json!("x".repeat(2049))),
        ("NextToken", json!("")),
        ("InvestigationId", json!("1234")),
    ] {
        let mut body = json!({ "GraphArn": graph, "InvestigationId": id });
        put(&mut body, member, value.clone());
        assert_eq!(bench.call("/investigations/listIndicators", body).await.0, 400, "{member} = {value}");
    }
    let unknown = json!({ "GraphArn": graph, "InvestigationId": "0".repeat(21) });
    assert_eq!(bench.call("/investigations/listIndicators", unknown).await.0, 404);
}

#[tokio::test]
async fn investigations_are_filtered_sorted_and_paged() {
    let bench = Bench::new().unwrap();
    let graph = bench.graph().await;
    let begun = bench.clock.now();
    let mut ids = Vec::new();
    for entity in [COMPROMISED, ROLE, "arn:aws:iam::111122223333:role/LegacyImport", COMPROMISED] {
        ids.push(bench.start(&graph, entity).await);
        bench.clock.advance(Duration::minutes(1));
    }
    ids.push(bench.start(&graph, "arn:aws:iam::111122223333:role/NightlyExport").await);
    let archive = json!({ "GraphArn": graph, "InvestigationId": ids[1], "State": "ARCHIVED" });
    assert_eq!(bench.call("/investigations/updateInvestigationState", archive).await.0, 200);
    assert_eq!(text(&bench.get(&graph, &ids[1]).await, "/State"), "ARCHIVED");

    let range = |from: i64, to: i64| {
        json!({ "CreatedTime": {
            "StartInclusive": written(begun + Duration::seconds(from)),
            "EndInclusive": written(begun + Duration::seconds(to)),
        } })
    };
    let value = |name: &str, value: &str| json!({ name: { "Value": value } });
    for (filter, sort, expected) in [
        (json!({}), json!({}), vec![4, 3, 2, 1, 0]),
        (json!({}), json!({ "Field": "CREATED_TIME", "SortOrder": "ASC" }), vec![0, 1, 2, 3, 4]),
        (json!({}), json!({ "Field": "SEVERITY", "SortOrder": "DESC" }), vec![3, 0, 1, 4, 2]),
        (value("EntityArn", COMPROMISED), json!({}), vec![3, 0]),
        (value("Status", "RUNNING"), json!({}), vec![4]),
        (value("Status", "FAILED"), json!({}), vec![2]),
        (value("Severity", "CRITICAL"), json!({}), vec![3, 0]),
        (value("State", "ARCHIVED"), json!({}), vec![1]),
        (range(30, 130), json!({}), vec![2, 1]),
        (value("EntityArn", "arn:aws:iam::111122223333:role/Nobody"), json!({}), vec![]),
    ] {
        let body = json!({ "GraphArn": graph, "FilterCriteria": filter, "SortCriteria": sort });
        let (found, _) =
            bench.all("/investigations/listInvestigations", "InvestigationDetails", body.clone()).await;
        let found: Vec<String> = found.iter().map(|detail| text(detail, "/InvestigationId")).collect();
        let expected: Vec<String> = expected.into_iter().map(|index: usize| ids[index].clone()).collect();
        assert_eq!(found, expected, "{body}");
    }
    for filter in [
        json!({ "EntityArn": { "Value": "a".repeat(501) } }),
        json!({ "Status": { "Value": "DONE" } }),
        json!({ "Status": {} }),
        json!({ "CreatedTime": { "StartInclusive": bench.at(-1) } }),
    ] {
        let body = json!({ "GraphArn": graph, "FilterCriteria": filter });
        assert_eq!(bench.call("/investigations/listInvestigations", body.clone()).await.0, 400, "{body}");
    }
}

#[tokio::test]
async fn control_sets_the_scene() {
    let bench = Bench::new().unwrap();
    let graph = bench.graph().await;

    let scenario = json!({
        "name": "mine", "entities": ["*Analytics"], "seconds": 0, "outcome": "SUCCESSFUL", "severity": "HIGH",
        "indicators": [{ "IndicatorType": "RELATED_FINDING_GROUP",
                         "IndicatorDetail": { "RelatedFindingGroupDetail": { "Id": "group-1" } } }],
    });
    assert_eq!(bench.control(Method::POST, "scenarios", scenario).await.0, 200);
    assert_eq!(bench.control(Method::POST, "scenarios", json!({ "name": "bad" })).await.0, 400);
    let id = bench.start(&graph, ROLE).await;
    assert_eq!(text(&bench.get(&graph, &id).await, "/Severity"), "HIGH");
    let (_, all) = bench.control(Method::GET, "investigations", Value::Null).await;
    assert_eq!(text(&all, "/investigations/0/scenario"), "mine");
    assert_eq!(text(&all, "/investigations/0/InvestigationId"), id);

    assert_eq!(bench.control(Method::POST, "entities", json!({ "arns": [COMPROMISED] })).await.0, 200);
    let (status, refused) = bench.call("/investigations/startInvestigation", bench.scope(&graph, ROLE)).await;
    assert_eq!((status, text(&refused, "/code")), (400, "ValidationException".into()));
    assert!(!bench.start(&graph, COMPROMISED).await.is_empty());
    assert_eq!(bench.control(Method::DELETE, "entities", Value::Null).await.0, 200);

    let settings = json!({ "maxRunning": 1, "pageSize": 100, "defaultSeconds": 600 });
    assert_eq!(bench.control(Method::POST, "settings", settings).await.0, 200);
    let (status, refused) = bench.call("/investigations/startInvestigation", bench.scope(&graph, ROLE)).await;
    assert_eq!((status, text(&refused, "/code")), (429, "TooManyRequestsException".into()));
    assert_eq!(bench.control(Method::POST, "settings", json!({ "maxRunning": null })).await.0, 200);
    let slow = bench.start(&graph, COMPROMISED).await;
    bench.clock.advance(Duration::seconds(540));
    assert_eq!(text(&bench.get(&graph, &slow).await, "/Status"), "RUNNING");
    bench.clock.advance(Duration::seconds(60));
    let (_, sizes) = bench
        .all(
            "/investigations/listIndicators",
            "Indicators",
            json!({ "GraphArn": graph, "InvestigationId": slow }),
        )
        .await;
    assert_eq!(sizes, [25]);
    for bad in [json!({ "pageSize": 0 }), json!({ "pageSize": 101 }), json!({ "pagesize": 5 })] {
        assert_eq!(bench.control(Method::POST, "settings", bad.clone()).await.0, 400, "{bad}");
    }

    assert_eq!(bench.control(Method::DELETE, "graphs/us-east-1", Value::Null).await.0, 200);
    assert_eq!(bench.graph().await, "");
    assert_eq!(bench.control(Method::POST, "graphs", json!({ "region": "eu-west-1" })).await.0, 200);
    assert_eq!(bench.control(Method::DELETE, "graphs/ap-south-1", Value::Null).await.0, 404);
    assert_eq!(bench.control(Method::PUT, "investigations", Value::Null).await.0, 501);

    bench.detective.reset();
    assert_eq!(bench.graph().await, graph);
    let (_, none) = bench.control(Method::GET, "investigations", Value::Null).await;
    assert_eq!(none, json!({ "investigations": [] }));
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_has_started_before_it_answers() {
    let bench = Bench::new().unwrap();
    let graph = bench.graph().await;
    bench.control(Method::POST, "settings", json!({ "startLatencyMs": 5000 })).await;
    let gave_up = tokio::time::timeout(std::time::Duration::from_secs(1), bench.start(&graph, ROLE)).await;
    assert!(gave_up.is_err());
    let (_, all) = bench.control(Method::GET, "investigations", Value::Null).await;
    assert_eq!(text(&all, "/investigations/0/EntityArn"), ROLE);
}

#[tokio::test]
async fn what_is_not_covered_says_so() {
    let bench = Bench::new().unwrap();
    for (path, operation) in
        [("/graph/members/list", "ListMembers"), ("/invitations/list", "ListInvitations")]
    {
        let (status, answer) = bench.call(path, json!({})).await;
        assert_eq!(status, 501);
        assert!(text(&answer, "/message").contains(operation), "{answer}");
    }
}
