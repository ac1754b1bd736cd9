use eventide_clients::event_bus::{Event, EventBus, SdkEventBus};
use serde_json::{Value, json};

use crate::support::{Server, error, ok};

fn event() -> Event {
    Event {
        source: "eventide.data-marts".to_owned(),
        detail_type: "Data Mart Ready".to_owned(),
        detail: json!({"mart": "rates"}),
        resources: vec!["arn:aws:s3:::results".to_owned()],
    }
}

#[tokio::test]
async fn an_event_is_one_entry_on_the_bus() {
    let server = Server::start(|_| ok(json!({"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}))).await;
    SdkEventBus::new(&server.config(), "ours").send(&event()).await.unwrap();
    assert_eq!(
        server.seen()[0].json,
        json!({"Entries": [{"EventBusName": "ours", "Source": "eventide.data-marts",
            "DetailType": "Data Mart Ready", "Detail": "{\"mart\":\"rates\"}",
            "Resources": ["arn:aws:s3:::results"]}]})
    );
}

#[tokio::test]
async fn an_entry_that_failed_is_an_error_although_the_call_succeeded() {
    let failed = |code: &str| json!({"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "secret"}]});
    for (answer, expected) in [
        (failed("ThrottlingException"), "Retryable.Throttled"),
        (failed("InternalFailure"), "Retryable.ServerError"),
        (failed("InternalException"), "Retryable.ServerError"),
        (failed("AccessDeniedException"), "Environment.AccessDenied"),
        (failed("NotAuthorizedForSourceException"), "Environment.NotAuthorizedForSource"),
        (failed("InvalidAccountIdException"), "Environment.InvalidAccountId"),
        (failed("MalformedDetail"), "Permanent.MalformedDetail"),
        (failed("InvalidArgument"), "Permanent.InvalidArgument"),
        (json!({"FailedEntryCount": 1, "Entries": []}), "Retryable.IncompleteAnswer"),
        (json!({"FailedEntryCount": 1, "Entries": [{"EventId": "e"}]}), "Retryable.IncompleteAnswer"),
        (json!({}), "Retryable.IncompleteAnswer"),
    ] {
        let said: Value = answer.clone();
        let server = Server::start(move |_| ok(answer.clone())).await;
        let error = SdkEventBus::new(&server.config(), "ours").send(&event()).await.unwrap_err();
        assert_eq!(error.qualified_type(), expected, "{said}");
        assert!(!error.to_string().contains("secret"));
        assert_eq!(server.hits(), 1, "whoever sent it decides on another attempt");
    }
}

#[tokio::test]
async fn a_call_that_fails_is_tried_again_if_it_may_succeed() {
    for (status, code, expected, hits) in [
        (500, "InternalException", "Retryable.ServerError", 3),
        (400, "AccessDeniedException", "Environment.AccessDenied", 1),
    ] {
        let server = Server::start(move |_| error(status, code)).await;
        let failed = SdkEventBus::new(&server.config(), "ours").send(&event()).await.unwrap_err();
        assert_eq!((failed.qualified_type().as_str(), server.hits()), (expected, hits));
    }
}
