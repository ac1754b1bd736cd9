use std::collections::BTreeMap;

use eventide_clients::sqs::{FakeQueue, Outgoing, Queue, SqsDeadLetters, SqsQueue};
use eventide_kit::error::{Class, Error};
use eventide_kit::sqs::{DeadLetters, Record};
use serde_json::{Value, json};

use crate::support::{Server, error, ok};

fn message(number: usize) -> Outgoing {
    Outgoing { body: format!("body-{number}"), ..Outgoing::default() }
}

fn queue(server: &Server) -> SqsQueue {
    SqsQueue::new(&server.config(), format!("{}/111122223333/work", server.endpoint))
}

fn entries(request: &Value) -> Vec<Value> {
    request["Entries"].as_array().unwrap().clone()
}

/// Takes everything; ids are those of the bodies.
fn accepted(request: &Value) -> Value {
    // SQS does not promise an order.
    let take = |entry: &Value| {
        json!({"Id": entry["Id"], "MessageId": format!("id-of-{}", entry["MessageBody"].as_str().unwrap()),
            "MD5OfMessageBody": ""})
    };
    json!({"Successful": entries(request).iter().rev().map(take).collect::<Vec<_>>(), "Failed": []})
}

#[tokio::test]
async fn messages_are_sent_by_tens_and_answered_in_order() {
    let server = Server::start(|request| ok(accepted(&request.json))).await;
    let results = queue(&server).send((0..23).map(message).collect()).await.unwrap();
    let ids: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(ids, (0..23).map(|number| format!("id-of-body-{number}")).collect::<Vec<_>>());
    let sizes: Vec<_> = server.seen().iter().map(|seen| entries(&seen.json).len()).collect();
    assert_eq!(sizes, [10, 10, 3]);
    assert!(queue(&server).send(Vec::new()).await.unwrap().is_empty());
    assert_eq!(server.hits(), 3);
}

#[tokio::test]
async fn delays_and_attributes_are_sent_except_empty_ones() {
    let server = Server::start(|request| ok(accepted(&request.json))).await;
    let attributes = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("empty".to_owned(), String::new())]);
    let message = Outgoing { body: "b".to_owned(), delay_seconds: 900, attributes };
    queue(&server).send(vec![message]).await.unwrap();
    let seen = server.seen();
    assert_eq!(
        entries(&seen[0].json),
        [json!({"Id": "0", "MessageBody": "b", "DelaySeconds": 900,
            "MessageAttributes": {"a": {"DataType": "String", "StringValue": "1"}}})]
    );
}

#[tokio::test]
async fn what_sqs_does_not_take_is_told_for_each_message() {
    let server = Server::start(|request| {
        let all = entries(&request.json);
        ok(json!({
            "Successful": [{"Id": all[0]["Id"], "MessageId": "m", "MD5OfMessageBody": ""}],
            "Failed": [
                {"Id": all[1]["Id"], "Code": "InvalidMessageContents", "SenderFault": true, "Message": "x"},
                {"Id": all[2]["Id"], "Code": "InternalError", "SenderFault": false, "Message": "x"}]}))
    })
    .await;
    let mut messages: Vec<_> = (0..4).map(message).collect();
    messages.insert(1, Outgoing { body: "x".repeat(1_048_577), ..Outgoing::default() });
    messages.insert(2, Outgoing::default());
    let results = queue(&server).send(messages).await.unwrap();
    let told: Vec<_> =
        results.into_iter().map(|result| result.map_err(|error| error.qualified_type())).collect();
    assert_eq!(
        told,
        [
            Ok("m".to_owned()),
            Err("Permanent.MessageTooLong".to_owned()),
            Err("Permanent.InvalidMessage".to_owned()),
            Err("Permanent.InvalidMessageContents".to_owned()),
            Err("Retryable.InternalError".to_owned()),
            Err("Retryable.IncompleteAnswer".to_owned()),
        ]
    );
}

#[tokio::test]
async fn a_first_call_that_fails_is_an_error() {
    for (status, code, expected, hits) in [
        (400, "QueueDoesNotExist", "Environment.QueueDoesNotExist", 1),
        (
            400,
            "AWS.SimpleQueueService.NonExistentQueue",
            "Environment.AWS.SimpleQueueService.NonExistentQueue",
            1,
        ),
        (400, "KmsDisabled", "Environment.KmsDisabled", 1),
        (400, "AccessDeniedException", "Environment.AccessDenied", 1),
        (500, "InternalFailure", "Retryable.ServerError", 3),
    ] {
        let server = Server::start(move |_| error(status, code)).await;
        let failed = queue(&server).send((0..23).map(message).collect()).await.unwrap_err();
        assert_eq!(failed.qualified_type(), expected);
        assert_eq!(server.hits(), hits, "{code}");
    }
}

#[tokio::test]
async fn a_later_call_that_fails_fails_its_own_messages() {
    for (code, class, hits) in
        [("AccessDeniedException", Class::Environment, 2), ("UnsupportedThing", Class::Permanent, 3)]
    {
        let server = Server::start(move |request| match request.number {
            1 => error(400, code),
            _ => ok(accepted(&request.json)),
        })
        .await;
        let results = queue(&server).send((0..23).map(message).collect()).await.unwrap();
        let classes: Vec<_> = results.iter().map(|result| result.as_ref().err().map(Error::class)).collect();
        assert!(classes[..10].iter().all(Option::is_none));
        assert!(classes[10..20].iter().all(|failed| *failed == Some(class)));
        // What is wrong with the environment is not tried again.
        let last = (class == Class::Environment).then_some(class);
        assert!(classes[20..].iter().all(|failed| *failed == last), "{code}");
        assert_eq!(server.hits(), hits);
    }
}

fn record() -> Record {
    Record {
        message_id: "message-1".to_owned(),
        body: "{\"as\":\"it came\"}".to_owned(),
        receive_count: 5,
        sent_at: None,
        group: None,
        attributes: BTreeMap::new(),
    }
}

#[tokio::test]
async fn a_dead_letter_has_the_body_as_it_came_and_the_reason() {
    let queue = FakeQueue::default();
    let dead_letters = SqsDeadLetters::new(queue.clone(), "finding-enrich");
    dead_letters.send(&record(), &Error::permanent("FindingNotFound", "no such\nfinding")).await.unwrap();
    let [letter] = queue.take().try_into().unwrap();
    assert_eq!(letter.body, record().body);
    let attributes: Vec<_> =
        letter.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        attributes,
        [
            ("error_type", "Permanent.FindingNotFound"),
            ("function", "finding-enrich"),
            ("reason", "no such finding"),
            ("receive_count", "5"),
            ("source_message_id", "message-1"),
        ]
    );
}

#[tokio::test]
async fn a_dead_letter_that_is_not_taken_is_an_error() {
    let queue = FakeQueue::default();
    let dead_letters = SqsDeadLetters::new(queue.clone(), "finding-enrich");
    let error = Error::permanent("FindingNotFound", "no such finding");
    queue.fail_next(Error::environment("AccessDenied", "denied"));
    dead_letters.send(&record(), &error).await.unwrap_err();
    queue.reject_next(Error::permanent("InvalidMessageContents", "refused"));
    dead_letters.send(&record(), &error).await.unwrap_err();
    assert!(queue.take().is_empty());
    dead_letters.send(&record(), &error).await.unwrap();
    assert_eq!(queue.take().len(), 1);
}
