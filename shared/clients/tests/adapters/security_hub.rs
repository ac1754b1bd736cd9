use std::collections::BTreeMap;

use eventide_clients::security_hub::{FindingId, OcsfId, SdkSecurityHub, SecurityHub, Update};
use serde_json::{Value, json};

use crate::support::{Server, error, ok};

fn id(number: usize) -> FindingId {
    FindingId { id: format!("finding-{number:04}"), product_arn: format!("product-{}", number % 2) }
}

fn ids(count: usize) -> Vec<FindingId> {
    (0..count).map(id).collect()
}

fn update() -> Update {
    Update { note: Some("text".to_owned()), fields: BTreeMap::from([("a".to_owned(), "1".to_owned())]) }
}

fn identifiers(request: &Value) -> Vec<Value> {
    request["FindingIdentifiers"].as_array().unwrap().clone()
}

fn processed(request: &Value) -> Value {
    json!({"ProcessedFindings": identifiers(request), "UnprocessedFindings": []})
}

#[tokio::test]
async fn findings_are_asked_for_in_groups_of_20_and_only_those_come_back() {
    // Answers as Security Hub does: every id of the filter with every product of the filter, one a page.
    let server = Server::start(|request| {
        let filters = &request.json["Filters"];
        let values = |field: &str| -> Vec<Value> {
            filters[field].as_array().unwrap().iter().map(|filter| filter["Value"].clone()).collect()
        };
        let mut all = Vec::new();
        for id in values("Id") {
            for product in values("ProductArn") {
                all.push(json!({"Id": id, "ProductArn": product}));
            }
        }
        let page: usize = request.json["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let next = (page + 1 < all.len()).then(|| (page + 1).to_string());
        ok(json!({"Findings": [all[page]], "NextToken": next}))
    })
    .await;
    let wanted = ids(45);
    let mut asked = wanted.clone();
    asked.extend(ids(3));
    let read = SdkSecurityHub::new(&server.config()).current(&asked).await.unwrap();
    assert!(read.refused.is_empty());
    let mut found: Vec<_> = read.found.into_iter().map(|finding| finding.id).collect();
    found.sort();
    assert_eq!(found, wanted);
    let firsts: Vec<_> =
        server.seen().into_iter().filter(|seen| seen.json.get("NextToken").is_none()).collect();
    let sizes: Vec<_> =
        firsts.iter().map(|seen| seen.json["Filters"]["Id"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [20, 20, 5]);
    assert_eq!(firsts[0].json["Filters"]["Id"][0], json!({"Value": "finding-0000", "Comparison": "EQUALS"}));
    assert_eq!(firsts[0].json["Filters"]["ProductArn"].as_array().unwrap().len(), 2);
    assert_eq!(firsts[0].path, "/findings");
}

#[tokio::test]
async fn what_customers_change_is_read_from_a_finding() {
    let server = Server::start(|_| {
        ok(json!({"Findings": [{"Id": "finding-0000", "ProductArn": "product-0",
            "Note": {"Text": "seen", "UpdatedBy": "ann", "UpdatedAt": "2026-11-01T00:00:00Z"},
            "UserDefinedFields": {"investigate": "true"}, "RecordState": "ARCHIVED", "Severity": {"Label": "HIGH"}, "Resources": [{"Type": "AwsIamAccessKey",
                "Id": "AWS::IAM::AccessKey:AKIDEXAMPLE",
                "Details": {"AwsIamAccessKey": {"PrincipalType": "IAMUser", "PrincipalName": "a-user"}}}]}]}))
    })
    .await;
    // On a test's stack of 2 MiB: the SDK's own way of reading `Resources` overflows it.
    let read = SdkSecurityHub::new(&server.config()).current(&ids(1)).await.unwrap();
    let [found] = read.found.as_slice() else { panic!("{read:?}") };
    assert_eq!(found.note.as_ref().map(|note| note.updated_by.as_str()), Some("ann"));
    assert_eq!(found.user_defined_fields["investigate"], "true");
}

#[tokio::test]
async fn one_bad_id_keeps_no_other_from_being_read() {
    for (status, code, expected) in [
        (400, "InvalidInputException", "Permanent.InvalidInput"),
        (400, "ValidationException", "Permanent.Validation"),
    ] {
        let server = Server::start(move |request| {
            let ids = request.json["Filters"]["Id"].as_array().unwrap();
            match ids.as_slice() {
                _ if ids.iter().any(|id| id["Value"] == "finding-0001") => error(status, code),
                // One call among so many may meet the limit on calls.
                [only] if only["Value"] == "finding-0002" => error(429, "LimitExceededException"),
                ids => {
                    let product = &request.json["Filters"]["ProductArn"][0]["Value"];
                    let all: Vec<_> =
                        ids.iter().map(|id| json!({"Id": id["Value"], "ProductArn": product})).collect();
                    ok(json!({"Findings": all}))
                }
            }
        })
        .await;
        let read = SdkSecurityHub::new(&server.config()).current(&ids(4)).await.unwrap();
        let found: Vec<_> = read.found.into_iter().map(|finding| finding.id).collect();
        assert_eq!(found, [id(0), id(3)]);
        let refused: Vec<_> =
            read.refused.iter().map(|refused| (&refused.id, refused.error.qualified_type())).collect();
        assert_eq!(refused, [(&id(1), expected.to_owned()), (&id(2), "Retryable.Throttled".to_owned())]);
    }
}

#[tokio::test]
async fn a_permission_that_is_missing_is_asked_for_once() {
    let server = Server::start(|_| error(403, "AccessDeniedException")).await;
    let failed = SdkSecurityHub::new(&server.config()).current(&ids(10)).await.unwrap_err();
    assert_eq!((failed.qualified_type().as_str(), server.hits()), ("Environment.AccessDenied", 1));
}

#[tokio::test]
async fn an_answer_that_is_none_is_worth_another_attempt() {
    let server = Server::start(|_| ok(json!({"Findings": "none"}))).await;
    let error = SdkSecurityHub::new(&server.config()).current(&ids(1)).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Retryable.ServerError");
}

#[tokio::test]
async fn findings_are_updated_by_the_hundred_each_once() {
    let server = Server::start(|request| ok(processed(&request.json))).await;
    let mut asked = ids(205);
    asked.extend(ids(7));
    let unprocessed =
        SdkSecurityHub::new(&server.config()).update(&asked, &update(), "eventide").await.unwrap();
    assert!(unprocessed.is_empty());
    let seen = server.seen();
    let sizes: Vec<_> = seen.iter().map(|seen| identifiers(&seen.json).len()).collect();
    assert_eq!(sizes, [100, 100, 5]);
    assert_eq!(seen[0].path, "/findings/batchupdate");
    assert_eq!(seen[2].json["Note"], json!({"Text": "text", "UpdatedBy": "eventide"}));
    assert_eq!(seen[2].json["UserDefinedFields"], json!({"a": "1"}));
}

#[tokio::test]
async fn only_what_changes_is_sent() {
    let server = Server::start(|request| ok(processed(&request.json))).await;
    let hub = SdkSecurityHub::new(&server.config());
    let only_note = Update { fields: BTreeMap::new(), ..update() };
    let only_fields = Update { note: None, ..update() };
    for update in [&only_note, &only_fields, &Update::default()] {
        assert!(hub.update(&ids(1), update, "eventide").await.unwrap().is_empty());
    }
    assert!(hub.update(&[], &only_note, "eventide").await.unwrap().is_empty());
    let seen = server.seen();
    assert_eq!(seen.len(), 2, "nothing is sent when there is nothing to change");
    assert_eq!(seen[0].json.get("UserDefinedFields"), None);
    assert_eq!(seen[1].json.get("Note"), None);
}

#[tokio::test]
async fn unprocessed_findings_come_back_with_their_reason() {
    let server = Server::start(|request| {
        let all = identifiers(&request.json);
        ok(json!({"ProcessedFindings": [all[2]], "UnprocessedFindings": [
            {"FindingIdentifier": all[0], "ErrorCode": "ConcurrentUpdateError", "ErrorMessage": "x"},
            {"FindingIdentifier": all[1], "ErrorCode": "FindingNotFound", "ErrorMessage": "x"}]}))
    })
    .await;
    let unprocessed =
        SdkSecurityHub::new(&server.config()).update(&ids(3), &update(), "eventide").await.unwrap();
    let told: Vec<_> =
        unprocessed.iter().map(|finding| (finding.id.clone(), finding.error.qualified_type())).collect();
    assert_eq!(
        told,
        [
            (id(0), "Retryable.ConcurrentUpdateError".to_owned()),
            (id(1), "Permanent.FindingNotFound".to_owned()),
        ]
    );
}

#[tokio::test]
async fn a_finding_left_unnamed_is_the_only_one_or_an_error() {
    let server = Server::start(|_| ok(json!({"UnprocessedFindings": [{"ErrorCode": "InvalidInput"}]}))).await;
    let hub = SdkSecurityHub::new(&server.config());
    let unprocessed = hub.update(&ids(1), &update(), "eventide").await.unwrap();
    assert_eq!(unprocessed[0].id, id(0));
    let error = hub.update(&ids(2), &update(), "eventide").await.unwrap_err();
    assert_eq!(error.qualified_type(), "Retryable.IncompleteAnswer");
}

#[tokio::test]
async fn one_bad_id_does_not_fail_the_others() {
    let server = Server::start(|request| {
        let bad = identifiers(&request.json).iter().any(|finding| finding["Id"] == "finding-0001");
        if bad { error(400, "InvalidInputException") } else { ok(processed(&request.json)) }
    })
    .await;
    let unprocessed =
        SdkSecurityHub::new(&server.config()).update(&ids(3), &update(), "eventide").await.unwrap();
    let [bad] = unprocessed.as_slice() else { panic!("{unprocessed:?}") };
    assert_eq!((&bad.id, bad.error.qualified_type().as_str()), (&id(1), "Permanent.InvalidInput"));
    assert_eq!(server.hits(), 4, "together, then one by one");
}

#[tokio::test]
async fn calls_that_fail_for_other_reasons_are_errors() {
    for (status, code, expected, hits) in [
        (429, "LimitExceededException", "Retryable.Throttled", 3),
        (500, "InternalException", "Retryable.ServerError", 3),
        (401, "InvalidAccessException", "Environment.InvalidAccess", 1),
        (403, "AccessDeniedException", "Environment.AccessDenied", 1),
    ] {
        let server = Server::start(move |_| error(status, code)).await;
        let hub = SdkSecurityHub::new(&server.config());
        let failed = hub.update(&ids(205), &update(), "eventide").await.unwrap_err();
        assert_eq!(failed.qualified_type(), expected);
        assert_eq!(server.hits(), hits, "{code}");
        assert_eq!(hub.current(&ids(45)).await.unwrap_err().qualified_type(), expected);
    }
}

#[tokio::test]
async fn comments_go_to_one_ocsf_finding_by_its_uid_or_its_three_parts() {
    let server = Server::start(|request| match request.number {
        0 | 1 => ok(json!({"ProcessedFindings": [], "UnprocessedFindings": []})),
        2 => ok(json!({"UnprocessedFindings": [{"MetadataUid": "u", "ErrorCode": "ConflictException"}]})),
        3 => ok(
            json!({"UnprocessedFindings": [{"MetadataUid": "u", "ErrorCode": "ResourceNotFoundException"}]}),
        ),
        _ => error(400, "ValidationException"),
    })
    .await;
    let hub = SdkSecurityHub::new(&server.config());
    let named = OcsfId {
        metadata_uid: None,
        account: "111122223333".to_owned(),
        finding_uid: "f".to_owned(),
        product_uid: "p".to_owned(),
    };
    let with_uid = OcsfId { metadata_uid: Some("u".to_owned()), ..named.clone() };
    hub.comment_v2(&with_uid, "text").await.unwrap();
    hub.comment_v2(&named, "text").await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].path, "/findingsv2/batchupdatev2");
    assert_eq!(seen[0].json, json!({"Comment": "text", "MetadataUids": ["u"]}));
    let parts = json!({"CloudAccountUid": "111122223333", "FindingInfoUid": "f", "MetadataProductUid": "p"});
    assert_eq!(seen[1].json, json!({"Comment": "text", "FindingIdentifiers": [parts]}));
    for expected in ["Retryable.Conflict", "Permanent.ResourceNotFound", "Permanent.Validation"] {
        let refused = hub.comment_v2(&with_uid, "text").await.unwrap_err();
        assert_eq!(refused.qualified_type(), expected);
    }
}
