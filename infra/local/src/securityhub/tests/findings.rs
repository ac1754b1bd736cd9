//! Findings, rules, limits and the OCSF view.

use super::*;

#[tokio::test]
async fn every_import_and_update_sends_one_event_for_each_finding() {
    let bench = bench();
    let answer = bench
        .import(json!([finding("a", "2026-11-20T12:00:00Z"), finding("b", "2026-11-20T12:00:00Z"), {}]))
        .await;
    assert_eq!((&answer["SuccessCount"], &answer["FailedCount"]), (&json!(2), &json!(1)));
    assert_eq!(answer["FailedFindings"][0]["ErrorCode"], "InvalidInput");
    let events = bench.events().await;
    assert_eq!(events.len(), 2);
    let event = events.iter().find(|event| event["detail"]["findings"][0]["Id"] == "a").unwrap();
    assert_eq!(event["detail-type"], "Security Hub Findings - Imported");
    assert_eq!(event["source"], "aws.securityhub");
    assert_eq!(event["resources"], json!([format!("{PRODUCT}/a")]));
    assert_eq!(event["detail"]["findings"].as_array().unwrap().len(), 1);

    bench.import(json!([finding("a", "2026-11-20T12:00:00Z")])).await;
    assert_eq!(bench.events().await.len(), 0, "an update that is not newer is ignored");
    bench.import(json!([finding("a", "2026-11-20T13:00:00Z")])).await;
    assert_eq!(bench.events().await.len(), 1);
    bench.update(&["a", "b"], json!({ "Workflow": { "Status": "NOTIFIED" } })).await;
    assert_eq!(bench.events().await.len(), 2);
}

#[tokio::test]
async fn a_batch_update_sets_fields_and_keeps_updated_at() {
    let bench = bench();
    bench.import(json!([finding("a", "2026-11-20T12:00:00Z")])).await;
    bench.update(&["a"], json!({ "UserDefinedFields": { "one": "1", "two": "1" } })).await;
    let fields = json!({
        "Note": { "Text": "n", "UpdatedBy": "eventide" },
        "UserDefinedFields": { "two": "2" },
        "Severity": { "Normalized": 95 },
        "Workflow": { "Status": "NOTIFIED" },
        "VerificationState": "TRUE_POSITIVE",
        "Confidence": 7,
    });
    bench.update(&["a"], fields.clone()).await;
    let held = bench.get("a").await;
    assert_eq!(held["UpdatedAt"], "2026-11-20T12:00:00Z");
    assert_eq!(held["Note"]["Text"], "n");
    assert!(held["Note"]["UpdatedAt"].is_string());
    assert_eq!(held["UserDefinedFields"], json!({ "one": "1", "two": "2" }));
    assert_eq!(held["Severity"], json!({ "Label": "CRITICAL", "Normalized": 95 }));
    assert_eq!((&held["VerificationState"], &held["Confidence"]), (&json!("TRUE_POSITIVE"), &json!(7)));

    let (status, settings) =
        bench.control(Method::POST, "settings", json!({ "userDefinedFields": "replace" })).await;
    assert_eq!((status, &settings["userDefinedFields"]), (200, &json!("replace")));
    bench.update(&["a"], fields).await;
    assert_eq!(bench.get("a").await["UserDefinedFields"], json!({ "two": "2" }));
}

#[tokio::test]
async fn rules_judge_imports_and_on_request_batch_updates() {
    let bench = bench();
    let rule = json!({
        "RuleOrder": 1, "RuleName": "n", "Description": "d",
        "Criteria": { "UserDefinedFields": [{ "Key": "mark", "Comparison": "NOT_EQUALS", "Value": "done" }] },
        "Actions": [{ "Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": { "UserDefinedFields": { "mark": "todo" } } }],
    });
    assert_eq!(bench.call("POST", "/automationrules/create", rule).await.0, 200);
    bench.import(json!([finding("a", "2026-11-20T12:00:00Z")])).await;
    let events = bench.events().await;
    assert_eq!(
        events[0]["detail"]["findings"][0]["UserDefinedFields"]["mark"], "todo",
        "rules come before the event"
    );
    let other = json!({ "UserDefinedFields": { "mark": "other" } });
    bench.update(&["a"], other.clone()).await;
    assert_eq!(
        bench.get("a").await["UserDefinedFields"]["mark"],
        "todo",
        "by default, rules judge updates too"
    );
    bench.control(Method::POST, "settings", json!({ "rulesOnBatchUpdate": false })).await;
    bench.update(&["a"], other).await;
    assert_eq!(bench.get("a").await["UserDefinedFields"]["mark"], "other");
    bench.import(json!([finding("a", "2026-11-20T13:00:00Z")])).await;
    assert_eq!(bench.get("a").await["UserDefinedFields"]["mark"], "todo", "a provider's update is judged");
    let (_, elsewhere) = bench.call_in("eu-west-1", "GET", "/automationrules/list", Value::Null).await;
    assert_eq!(elsewhere["AutomationRulesMetadata"], json!([]), "rules belong to a Region");
}

#[tokio::test]
async fn requests_beyond_the_limits_are_refused() {
    let bench = bench();
    let many: Vec<Value> = (0..101).map(|n| finding(&n.to_string(), "2026-11-20T12:00:00Z")).collect();
    let ids: Vec<Value> = (0..101).map(|n| json!({ "Id": n.to_string(), "ProductArn": PRODUCT })).collect();
    let update = |fields: Value| {
        let mut fields = fields;
        fields["FindingIdentifiers"] = identifiers(&["a"]);
        fields
    };
    let pairs: Value = (0..51).map(|n| (n.to_string(), json!("v"))).collect::<Object>().into();
    for (method, path, body, code) in [
        ("POST", "/findings/import", json!({ "Findings": many }), "InvalidInputException"),
        ("POST", "/findings/import", json!({ "Findings": [] }), "InvalidInputException"),
        ("POST", "/findings/import", json!({}), "InvalidInputException"),
        (
            "PATCH",
            "/findings/batchupdate",
            json!({ "FindingIdentifiers": ids, "Confidence": 1 }),
            "InvalidInputException",
        ),
        ("PATCH", "/findings/batchupdate", update(json!({})), "InvalidInputException"),
        (
            "PATCH",
            "/findings/batchupdate",
            update(json!({ "Note": { "Text": "n" } })),
            "InvalidInputException",
        ),
        (
            "PATCH",
            "/findings/batchupdate",
            update(json!({ "Note": { "Text": "n".repeat(513), "UpdatedBy": "m" } })),
            "InvalidInputException",
        ),
        (
            "PATCH",
            "/findings/batchupdate",
            update(json!({ "UserDefinedFields": pairs })),
            "InvalidInputException",
        ),
        (
            "PATCH",
            "/findings/batchupdate",
            update(json!({ "UserDefinedFields": { "k": "v".repeat(1025) } })),
            "InvalidInputException",
        ),
        (
            "PATCH",
            "/findings/batchupdate",
            update(json!({ "UserDefinedFields": { "a{b": "v" } })),
            "InvalidInputException",
        ),
        ("PATCH", "/findings/batchupdate", update(json!({ "Confidence": 101 })), "InvalidInputException"),
        ("POST", "/findings", json!({ "MaxResults": 101 }), "InvalidInputException"),
        ("POST", "/findings", json!({ "NextToken": "zz" }), "InvalidInputException"),
        (
            "POST",
            "/actionTargets",
            json!({ "Name": "n", "Description": "d", "Id": "with-dash" }),
            "InvalidInputException",
        ),
        (
            "POST",
            "/actionTargets",
            json!({ "Name": "n".repeat(21), "Description": "d", "Id": "x" }),
            "InvalidInputException",
        ),
        ("POST", "/accounts", json!({}), "ResourceConflictException"),
        ("GET", "/hubv2", json!({}), "ResourceNotFoundException"),
        ("POST", "/findingsv2", json!({}), "AccessDeniedException"),
    ] {
        let (status, answer) = bench.call(method, path, body).await;
        assert!(status >= 400, "{method} {path} answered {status}");
        assert_eq!(answer["Code"], code, "{method} {path}: {answer}");
        assert!(!answer["Message"].as_str().unwrap().is_empty());
    }
    let (status, answer) = bench.call("POST", "/insights/get", json!({})).await;
    assert_eq!(status, 501);
    assert!(answer["message"].as_str().unwrap().contains("POST /insights/get"), "{answer}");
}

#[tokio::test]
async fn v2_shows_findings_in_ocsf_and_takes_comments() {
    let bench = bench();
    bench.control(Method::POST, "settings", json!({ "v2": true })).await;
    bench.import(json!([finding("a", "2026-11-20T12:00:00Z"), finding("b", "2026-11-20T12:00:00Z")])).await;
    let events = bench.events().await;
    let v2 = |events: &[Value]| -> Vec<Value> {
        events.iter().filter(|event| event["detail-type"] == "Findings Imported V2").cloned().collect()
    };
    assert_eq!((events.len(), v2(&events).len()), (4, 2));
    let shown = &v2(&events)[0];
    let uid = &shown["detail"]["findings"][0]["metadata"]["uid"];
    assert_eq!(&shown["resources"][0], uid);

    let comment = json!({ "MetadataUids": [uid, "unknown"], "Comment": "seen", "StatusId": 2 });
    let (status, answer) = bench.call("PATCH", "/findingsv2/batchupdatev2", comment).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["ProcessedFindings"], json!([{ "MetadataUid": uid }]));
    assert_eq!(answer["UnprocessedFindings"][0]["ErrorCode"], "ResourceNotFoundException");
    let events = bench.events().await;
    assert_eq!((events.len(), v2(&events).len()), (1, 1), "one V2 event and no ASFF event");
    assert_eq!(events[0]["detail"]["findings"][0]["comment"], "seen");
    bench.update(&["a"], json!({ "Confidence": 1 })).await;
    assert_eq!(v2(&bench.events().await).len(), 0, "CSPM and V2 hold findings separately");

    let identifier = json!({
        "CloudAccountUid": "111122223333", "FindingInfoUid": "b",
        "MetadataProductUid": "arn:aws:securityhub:us-east-1::productv2/aws/guardduty",
    });
    let by_identifier = json!({ "FindingIdentifiers": [identifier], "SeverityId": 1 });
    let (_, answer) = bench.call("PATCH", "/findingsv2/batchupdatev2", by_identifier).await;
    assert_eq!(answer["ProcessedFindings"], json!([{ "FindingIdentifier": identifier }]));

    let string = |field: &str, value: &Value| json!({ "FieldName": field, "Filter": { "Comparison": "EQUALS", "Value": value } });
    let either = json!({ "Filters": { "CompositeOperator": "OR", "CompositeFilters": [
        { "StringFilters": [string("metadata.uid", uid), string("comment", &json!("seen"))] },
        { "StringFilters": [string("finding_info.uid", &json!("b"))], "NumberFilters": [{ "FieldName": "severity_id", "Filter": { "Eq": 1 } }] },
    ] } });
    assert_eq!(bench.call("POST", "/findingsv2", either).await.1["Findings"].as_array().unwrap().len(), 2);
    let neither = json!({ "Filters": { "CompositeFilters": [
        { "Operator": "OR", "StringFilters": [string("severity", &json!("Critical")), string("status", &json!("Resolved"))] },
    ] } });
    assert_eq!(bench.call("POST", "/findingsv2", neither).await.1["Findings"], json!([]));
    for (body, code) in [
        (json!({ "Comment": "c" }), "ValidationException"),
        (json!({ "MetadataUids": [uid] }), "ValidationException"),
        (json!({ "MetadataUids": [uid], "Comment": "c".repeat(513) }), "ValidationException"),
        (json!({ "MetadataUids": [uid], "StatusId": 6 }), "ValidationException"),
    ] {
        let (status, answer) = bench.call("PATCH", "/findingsv2/batchupdatev2", body).await;
        assert_eq!((status, &answer["Code"]), (400, &json!(code)), "{answer}");
    }
}

#[tokio::test]
async fn results_are_paged_sorted_and_told_in_history() {
    let bench = bench();
    bench.control(Method::POST, "settings", json!({ "pageSize": 2 })).await;
    let all: Vec<Value> =
        (0..5).map(|n| finding(&n.to_string(), &format!("2026-11-20T12:00:0{}Z", 5 - n))).collect();
    bench.import(json!(all)).await;
    let mut ids = Vec::new();
    let mut request =
        json!({ "SortCriteria": [{ "Field": "UpdatedAt", "SortOrder": "asc" }], "MaxResults": 100 });
    loop {
        let (_, answer) = bench.call("POST", "/findings", request.clone()).await;
        let page = answer["Findings"].as_array().unwrap();
        assert!(page.len() <= 2);
        ids.extend(page.iter().map(|finding| finding["Id"].as_str().unwrap().to_owned()));
        let Some(token) = answer.get("NextToken") else { break };
        request["NextToken"] = token.clone();
    }
    assert_eq!(ids, ["4", "3", "2", "1", "0"]);

    bench.clock.advance(Duration::hours(1));
    bench.update(&["0"], json!({ "Workflow": { "Status": "RESOLVED" } })).await;
    let asked = json!({ "FindingIdentifier": { "Id": "0", "ProductArn": PRODUCT } });
    let (_, history) = bench.call("POST", "/findingHistory/get", asked).await;
    assert_eq!(history["Records"][0]["FindingCreated"], true);
    let update = json!({ "UpdatedField": "Workflow", "OldValue": "NEW", "NewValue": "RESOLVED" });
    assert_eq!(history["Records"][1]["Updates"], json!([update]));
    assert_eq!(history["Records"][1]["UpdateSource"]["Type"], "BATCH_UPDATE_FINDINGS");
}

#[tokio::test]
async fn every_sample_of_an_imported_finding_can_be_imported() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/finding-investigate");
    let mut imported = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // Some are OCSF, one lacks times that ASFF requires.
        let other = name.starts_with("imported-ocsf-") || name == "imported-missing-times.json";
        if !name.starts_with("imported-") || other {
            continue;
        }
        let event: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let answer = bench().import(event["detail"]["findings"].clone()).await;
        assert_eq!(answer["FailedFindings"], json!([]), "{name}");
        imported += 1;
    }
    assert!(imported > 0, "{folder} has no samples");
}
