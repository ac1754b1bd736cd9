//! What tests may do to the stand-in, and enabling it.

use super::*;

#[tokio::test]
async fn what_cannot_be_updated_comes_back_with_the_reason() {
    let bench = bench();
    bench.import(json!([finding("a", "2026-11-20T12:00:00Z"), finding("b", "2026-11-20T12:00:00Z")])).await;
    let injection = json!({ "findingIdContains": "b", "code": "ConcurrentUpdateError", "times": 1 });
    assert_eq!(bench.control(Method::POST, "unprocessed", injection).await.0, 200);
    let note = json!({ "Note": { "Text": "n", "UpdatedBy": "me" } });
    let answer = bench.update(&["a", "a", "b", "missing"], note.clone()).await;
    assert_eq!(answer["ProcessedFindings"], identifiers(&["a"]));
    let failures: Vec<_> = answer["UnprocessedFindings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| {
            (failure["FindingIdentifier"]["Id"].as_str().unwrap(), failure["ErrorCode"].as_str().unwrap())
        })
        .collect();
    let expected = [
        ("a", "DuplicatedFindingIdentifier"),
        ("b", "ConcurrentUpdateError"),
        ("missing", "FindingNotFound"),
    ];
    assert_eq!(failures, expected);
    assert_eq!(
        bench.update(&["b"], note).await["ProcessedFindings"],
        identifiers(&["b"]),
        "it was to fail once"
    );
}

#[tokio::test]
async fn a_disabled_hub_refuses_and_can_be_enabled() {
    let bench = bench();
    assert_eq!(bench.call("DELETE", "/accounts", json!({})).await.0, 200);
    let (status, answer) = bench.call("POST", "/findings", json!({})).await;
    assert_eq!((status, &answer["Code"]), (401, &json!("InvalidAccessException")));
    assert_eq!(bench.call("POST", "/accounts", json!({})).await.0, 200);
    let (_, hub) = bench.call("GET", "/accounts", json!({})).await;
    assert_eq!(hub["HubArn"], "arn:aws:securityhub:us-east-1:111122223333:hub/default");
}

#[tokio::test]
async fn a_custom_action_sends_its_findings() {
    let bench = bench();
    let target = json!({ "Name": "Investigate", "Description": "with Detective", "Id": "Investigate" });
    let (_, created) = bench.call_in("us-gov-west-1", "POST", "/actionTargets", target.clone()).await;
    let arn = "arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:action/custom/Investigate";
    assert_eq!(created["ActionTargetArn"], arn);
    bench.call("POST", "/actionTargets", target.clone()).await;
    let (status, again) = bench.call("POST", "/actionTargets", target).await;
    assert_eq!((status, &again["Code"]), (409, &json!("ResourceConflictException")));

    bench.import(json!([finding("a", "2026-11-20T12:00:00Z"), finding("b", "2026-11-20T12:00:00Z")])).await;
    bench.events().await;
    let mut request = json!({ "actionId": "Investigate", "findings": identifiers(&["a", "b"]) });
    let (status, sent) = bench.control(Method::POST, "custom-action", request.clone()).await;
    assert_eq!((status, sent["events"].as_array().unwrap().len()), (200, 2), "{sent}");
    assert_eq!(sent["events"][0]["deliveries"][0]["rule"], "r");
    let events = bench.events().await;
    assert_eq!(events[0]["detail-type"], "Security Hub Findings - Custom Action");
    assert_eq!(
        events[0]["resources"],
        json!(["arn:aws:securityhub:us-east-1:111122223333:action/custom/Investigate"])
    );
    assert_eq!(events[0]["detail"]["actionName"], "Investigate");
    assert_eq!(events[0]["detail"]["actionDescription"], "with Detective");
    assert_eq!(events[0]["detail"]["findings"][0]["Id"], "a");
    request["oneEventPerFinding"] = json!(false);
    bench.control(Method::POST, "custom-action", request.clone()).await;
    let events = bench.events().await;
    assert_eq!((events.len(), events[0]["detail"]["findings"].as_array().unwrap().len()), (1, 2));
    for wrong in [identifiers(&["c"]), identifiers(&[]), identifiers(&["a"; 21])] {
        request["findings"] = wrong;
        assert_eq!(bench.control(Method::POST, "custom-action", request.clone()).await.0, 400);
    }
}

#[tokio::test]
async fn a_redelivered_event_has_the_same_id() {
    let bench = bench();
    bench.import(json!([finding("a", "2026-11-20T12:00:00Z")])).await;
    let first = bench.events().await;
    let (status, sent) = bench.control(Method::POST, "redeliver", json!({ "index": 0 })).await;
    assert_eq!((status, &sent["event"]["id"]), (200, &first[0]["id"]));
    assert_eq!(bench.events().await, first);
    assert_eq!(bench.control(Method::POST, "redeliver", json!({ "index": 9 })).await.0, 400);
}

#[tokio::test]
async fn settings_apply_and_reset_forgets() {
    let bench = bench();
    for wrong in [json!({ "colour": 1 }), json!({ "pageSize": 0 }), json!([])] {
        assert_eq!(bench.control(Method::POST, "settings", wrong).await.0, 400);
    }
    bench.control(Method::POST, "settings", json!({ "rates": true, "emit": false })).await;
    bench.import(json!([finding("a", "2026-11-20T12:00:00Z")])).await;
    assert_eq!(bench.events().await.len(), 0);
    let mut statuses = Vec::new();
    for _ in 0..100 {
        statuses.push(bench.call("POST", "/findings", json!({})).await.0);
    }
    assert!(statuses.iter().take(6).all(|status| *status == 200), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    bench.hub.reset();
    assert_eq!(bench.control(Method::GET, "settings", Value::Null).await.1, json!(Settings::default()));
    assert_eq!(bench.control(Method::GET, "findings", Value::Null).await.1["findings"], json!([]));
}

#[tokio::test]
async fn forgetting_findings_keeps_what_a_deployment_made() {
    let bench = bench();
    let target = json!({ "Name": "Investigate", "Description": "d", "Id": "Investigate" });
    bench.call("POST", "/actionTargets", target).await;
    bench.import(json!([finding("a", "2026-11-20T12:00:00Z")])).await;
    bench.events().await;
    assert_eq!(bench.control(Method::DELETE, "findings", Value::Null).await.0, 200);
    assert_eq!(bench.control(Method::GET, "findings", Value::Null).await.1["findings"], json!([]));
    assert_eq!(bench.control(Method::GET, "events", Value::Null).await.1["events"], json!([]));
    let (_, targets) = bench.call("POST", "/actionTargets/get", json!({})).await;
    assert_eq!(targets["ActionTargets"].as_array().unwrap().len(), 1);
}
