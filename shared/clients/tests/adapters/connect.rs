use std::collections::BTreeMap;
use std::time::Duration;

use aws_smithy_types::timeout::TimeoutConfig;
use axum::http::Method;
use eventide_clients::connect::{Chat, Connect, NewCall, NewChat, SdkConnect, Standing};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Server, config, error, ok};

const INSTANCE: &str = "11111111-2222-3333-4444-555555555555";

fn connect(server: &Server) -> SdkConnect {
    SdkConnect::new(&server.config(), INSTANCE)
}

fn chat() -> NewChat {
    NewChat {
        flow_id: "flow".to_owned(),
        display_name: "Ann Ü".to_owned(),
        attributes: BTreeMap::from([("language".to_owned(), "de".to_owned())]),
        related_contact_id: Some("voice".to_owned()),
        client_token: "eventide-chat".to_owned(),
        duration_minutes: 120,
        initial_message: Some("It's about my bill".to_owned()),
    }
}

fn call() -> NewCall {
    NewCall {
        flow_id: "flow".to_owned(),
        to: "+14255550100".to_owned(),
        from: Some("+14255550111".to_owned()),
        queue_id: None,
        attributes: BTreeMap::from([("language".to_owned(), "de".to_owned())]),
        related_contact_id: Some("voice".to_owned()),
        client_token: "eventide-call".to_owned(),
    }
}

#[tokio::test]
async fn a_chat_says_what_it_continues() {
    let server = Server::start(|_| {
        ok(json!({"ContactId": "chat", "ParticipantId": "customer", "ParticipantToken": "secret"}))
    })
    .await;
    let started = connect(&server).start_chat(&chat()).await.unwrap();
    let expected = Chat {
        contact_id: "chat".to_owned(),
        participant_id: "customer".to_owned(),
        participant_token: "secret".to_owned(),
    };
    assert_eq!(started, expected);
    assert!(!format!("{started:?}").contains("secret"));
    let least =
        NewChat { attributes: BTreeMap::new(), related_contact_id: None, initial_message: None, ..chat() };
    connect(&server).start_chat(&least).await.unwrap();

    let seen = server.seen();
    assert_eq!((&seen[0].method, seen[0].path.as_str()), (&Method::PUT, "/contact/chat"));
    assert!(seen[0].credential.ends_with("/us-east-1/connect/aws4_request"), "{}", seen[0].credential);
    assert_eq!(
        seen[0].json,
        json!({"InstanceId": INSTANCE, "ContactFlowId": "flow", "Attributes": {"language": "de"},
            "ParticipantDetails": {"DisplayName": "Ann Ü"},
            "InitialMessage": {"ContentType": "text/plain", "Content": "It's about my bill"},
            "ChatDurationInMinutes": 120, "RelatedContactId": "voice", "ClientToken": "eventide-chat"})
    );
    assert_eq!(
        seen[1].json,
        json!({"InstanceId": INSTANCE, "ContactFlowId": "flow",
            "ParticipantDetails": {"DisplayName": "Ann Ü"}, "ChatDurationInMinutes": 120,
            "ClientToken": "eventide-chat"})
    );
}

#[tokio::test]
async fn a_call_is_made_from_a_number_or_a_queue() {
    let server = Server::start(|_| ok(json!({"ContactId": "call"}))).await;
    let of_queue = NewCall { from: None, queue_id: Some("queue".to_owned()), ..call() };
    for call in [call(), of_queue] {
        assert_eq!(connect(&server).start_call(&call).await.unwrap(), "call");
    }
    let seen = server.seen();
    assert_eq!((&seen[0].method, seen[0].path.as_str()), (&Method::PUT, "/contact/outbound-voice"));
    let mut expected = json!({"InstanceId": INSTANCE, "ContactFlowId": "flow", "ClientToken": "eventide-call",
        "DestinationPhoneNumber": "+14255550100", "SourcePhoneNumber": "+14255550111",
        "Attributes": {"language": "de"}, "RelatedContactId": "voice"});
    assert_eq!(seen[0].json, expected);
    expected.as_object_mut().unwrap().remove("SourcePhoneNumber");
    expected["QueueId"] = json!("queue");
    assert_eq!(seen[1].json, expected);
}

#[tokio::test]
async fn what_failed_is_told_apart_and_tried_again_where_that_can_help() {
    for (status, code, expected, tries) in [
        (429, "LimitExceededException", "Retryable.Throttled", 3),
        (429, "TooManyRequestsException", "Retryable.Throttled", 3),
        (429, "ThrottlingException", "Retryable.Throttled", 3),
        (500, "InternalServiceException", "Retryable.ServerError", 3),
        (404, "ResourceNotFoundException", "Environment.ResourceNotFound", 1),
        (403, "AccessDeniedException", "Environment.AccessDenied", 1),
        (400, "InvalidRequestException", "Permanent.InvalidRequest", 1),
        (400, "InvalidParameterException", "Permanent.InvalidParameter", 1),
        (403, "DestinationNotAllowedException", "Permanent.DestinationNotAllowed", 1),
        (403, "OutboundContactNotPermittedException", "Permanent.OutboundContactNotPermitted", 1),
    ] {
        let server = Server::start(move |_| error(status, code)).await;
        let connect = connect(&server);
        let of_chat = connect.start_chat(&chat()).await.unwrap_err();
        let of_call = connect.start_call(&call()).await.unwrap_err();
        for failed in [of_chat, of_call] {
            assert_eq!(failed.qualified_type(), expected, "{code}");
            let said = failed.to_string();
            let quoted = ["said AWS", "Ann", "+1425", "my bill"].iter().any(|text| said.contains(text));
            assert!(!quoted, "{said}");
        }
        assert_eq!(server.hits(), 2 * tries, "{code}");
        let tokens: Vec<_> = server.seen().iter().map(|seen| seen.json["ClientToken"].clone()).collect();
        let (chats, calls) = tokens.split_at(tries);
        assert!(chats.iter().all(|token| token == "eventide-chat"), "a repeat is the same chat");
        assert!(calls.iter().all(|token| token == "eventide-call"));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_is_not_whole_leaves_open_what_happened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(&format!("http://{}", listener.local_addr().unwrap()));
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_millis(100)).build();
    let config = config.to_builder().timeout_config(timeouts).build();
    let failed = SdkConnect::new(&config, INSTANCE).start_chat(&chat()).await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Retryable.TimedOut");

    let server = Server::start(|_| ok(json!({"ContactId": "chat", "ParticipantId": "customer"}))).await;
    let failed = connect(&server).start_chat(&chat()).await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Retryable.IncompleteAnswer");
    let server = Server::start(|_| ok(json!({}))).await;
    let failed = connect(&server).start_call(&call()).await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Retryable.IncompleteAnswer");
    let failed = connect(&server).standing("voice").await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Retryable.IncompleteAnswer");
}

#[tokio::test]
async fn a_contact_stands_where_its_timestamps_say() {
    let at = 1_793_534_400;
    let agent = json!({"Id": "agent", "ConnectedToAgentTimestamp": at});
    for (contact, expected) in [
        (json!({"InitiationTimestamp": at}), Standing::Waiting),
        (json!({"QueueInfo": {"Id": "queue", "EnqueueTimestamp": at}}), Standing::Waiting),
        (json!({"AgentInfo": agent}), Standing::WithAgent),
        (json!({"AgentInfo": agent, "DisconnectTimestamp": at}), Standing::Ended),
        (json!({"DisconnectTimestamp": at}), Standing::Ended),
    ] {
        let answer = json!({"Contact": contact});
        let server = Server::start(move |_| ok(answer.clone())).await;
        assert_eq!(connect(&server).standing("voice").await.unwrap(), expected, "{contact}");
        let seen = server.seen();
        assert_eq!(seen[0].path, format!("/contacts/{INSTANCE}/voice"));
        assert_eq!(seen[0].method, Method::GET);
    }
    for (status, code, expected) in [
        (404, "ResourceNotFoundException", Ok(Standing::Ended)),
        (410, "ContactNotFoundException", Ok(Standing::Ended)),
        (429, "ThrottlingException", Err("Retryable.Throttled".to_owned())),
        (400, "InvalidRequestException", Err("Permanent.InvalidRequest".to_owned())),
    ] {
        let server = Server::start(move |_| error(status, code)).await;
        let standing = connect(&server).standing("voice").await;
        assert_eq!(standing.map_err(|error| error.qualified_type()), expected, "{code}");
    }
}

#[tokio::test]
async fn a_contact_that_is_not_there_needs_no_end() {
    let server = Server::start(|_| ok(json!({}))).await;
    connect(&server).stop("voice").await.unwrap();
    let seen = server.seen();
    assert_eq!((&seen[0].method, seen[0].path.as_str()), (&Method::POST, "/contact/stop"));
    assert_eq!(seen[0].json, json!({"InstanceId": INSTANCE, "ContactId": "voice"}));
    for (status, code, expected) in [
        (410, "ContactNotFoundException", Ok(())),
        (404, "ResourceNotFoundException", Err("Environment.ResourceNotFound".to_owned())),
        (400, "InvalidRequestException", Err("Permanent.InvalidRequest".to_owned())),
        (500, "InternalServiceException", Err("Retryable.ServerError".to_owned())),
    ] {
        let server = Server::start(move |_| error(status, code)).await;
        let stopped = connect(&server).stop("voice").await;
        assert_eq!(stopped.map_err(|error| error.qualified_type()), expected, "{code}");
    }
}
