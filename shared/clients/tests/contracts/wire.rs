//! Requests that set the stage in the local cloud.

use eventide_clients::comprehend::Job;
use eventide_clients::email::Mail;
use eventide_clients::security_hub::{FindingId, OcsfId};
use eventide_clients::sms::{MessageType, TextMessage};
use eventide_types::mart::definition::Warehouse;
use serde_json::{Value, json};

/// `detective::contract::one_of_each_kind` as Detective writes it.
pub(crate) fn one_of_each_kind() -> Value {
    let ip = "198.51.100.7";
    let indicator = |kind: &str, member: &str, detail: Value| json!({"IndicatorType": kind, "IndicatorDetail": {member: detail}});
    json!([
        indicator(
            "TTP_OBSERVED",
            "TTPsObservedDetail",
            json!({"Tactic": "Initial Access",
            "Technique": "Valid Accounts", "Procedure": "Console login from a new place", "IpAddress": ip,
            "APIName": "ConsoleLogin", "APISuccessCount": 3, "APIFailureCount": 1})
        ),
        indicator(
            "IMPOSSIBLE_TRAVEL",
            "ImpossibleTravelDetail",
            json!({"StartingIpAddress": "192.0.2.1",
            "EndingIpAddress": ip, "StartingLocation": "Berlin, Germany", "EndingLocation": "Lima, Peru",
            "HourlyTimeDelta": 1})
        ),
        indicator(
            "FLAGGED_IP_ADDRESS",
            "FlaggedIpAddressDetail",
            json!({"IpAddress": ip, "Reason": "AWS_THREAT_INTELLIGENCE"})
        ),
        indicator(
            "NEW_GEOLOCATION",
            "NewGeolocationDetail",
            json!({"Location": "Lima, Peru", "IpAddress": ip, "IsNewForEntireAccount": true})
        ),
        indicator(
            "NEW_ASO",
            "NewAsoDetail",
            json!({"Aso": "Example Hosting", "IsNewForEntireAccount": false})
        ),
        indicator(
            "NEW_USER_AGENT",
            "NewUserAgentDetail",
            json!({"UserAgent": "curl/8.0", "IsNewForEntireAccount": true})
        ),
        indicator(
            "RELATED_FINDING",
            "RelatedFindingDetail",
            json!({"Arn": "arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f",
            "Type": "Recon:IAMUser/MaliciousIPCaller.Custom", "IpAddress": ip})
        ),
        indicator("RELATED_FINDING_GROUP", "RelatedFindingGroupDetail", json!({"Id": "group-1"})),
    ])
}

/// A finding for `BatchImportFindings`.
pub(crate) fn finding(FindingId { id, product_arn }: &FindingId) -> Value {
    json!({"SchemaVersion": "2018-10-08", "Id": id, "ProductArn": product_arn, "GeneratorId": "generator",
        "AwsAccountId": "111122223333", "Types": ["TTPs/Discovery"], "CreatedAt": "2026-11-01T00:00:00.000Z",
        "UpdatedAt": "2026-11-01T00:00:00.000Z", "Severity": {"Label": "HIGH"}, "Title": "title",
        "Description": "description", "Resources": [{"Type": "AwsIamAccessKey",
            "Id": "AWS::IAM::AccessKey:AKIDEXAMPLE",
            "Details": {"AwsIamAccessKey": {"PrincipalType": "IAMUser", "PrincipalName": "a-user"}}}]})
}

/// What identifies an OCSF finding of `GetFindingsV2`.
pub(crate) fn ocsf_id(finding: &Value) -> Option<OcsfId> {
    let text = |pointer: &str| finding.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    Some(OcsfId {
        metadata_uid: text("/metadata/uid"),
        account: text("/cloud/account/uid")?,
        finding_uid: text("/finding_info/uid")?,
        product_uid: text("/metadata/product/uid")?,
    })
}

/// The workgroup of the data marts' statements.
pub(crate) fn warehouse() -> Warehouse {
    Warehouse { cluster: None, workgroup: Some("analytics".to_owned()), secret: None, user: None }
}

/// A batch below `s3://campaigns`.
pub(crate) fn classification_job() -> Job {
    Job {
        name: "spring-1".to_owned(),
        classifier_arn: "arn:aws:comprehend:us-east-1:111122223333:document-classifier/contract/version/1"
            .to_owned(),
        input_uri: "s3://campaigns/batches/spring-1/input".to_owned(),
        output_uri: "s3://campaigns/batches/spring-1/".to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/comprehend".to_owned(),
        client_token: "spring-1".to_owned(),
    }
}

/// An email with text and HTML.
pub(crate) fn mail() -> Mail {
    Mail {
        from: "Shop <news@shop.example>".to_owned(),
        to: "ann@example.com".to_owned(),
        subject: "Spring".to_owned(),
        text: Some("text".to_owned()),
        html: Some("<p>text</p>".to_owned()),
        headers: vec![("X-Note".to_owned(), "a".to_owned())],
        tags: vec![("entry".to_owned(), "e-1".to_owned())],
        ..Mail::default()
    }
}

/// A text message with a price cap.
pub(crate) fn text_message() -> TextMessage {
    TextMessage {
        to: "+14255550100".to_owned(),
        body: "Spring".to_owned(),
        origination_identity: "+14255550111".to_owned(),
        configuration_set: None,
        message_type: MessageType::Promotional,
        max_price: Some("0.50".to_owned()),
        time_to_live_seconds: Some(3_600),
        context: vec![("entry".to_owned(), "e-1".to_owned())],
        protect_configuration: None,
    }
}
