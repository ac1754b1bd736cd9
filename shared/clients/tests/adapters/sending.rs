//! Nothing is sent twice, whatever becomes of the connection.

use std::time::Duration;

use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use eventide_clients::email::{Email, Mail, SdkEmail, Sent};
use eventide_clients::sms::{MessageType, SdkSms, Sms, TextMessage};
use tokio::net::TcpListener;

use crate::raw::{Act, RawServer, http};
use crate::support::config;

pub(crate) fn mail() -> Mail {
    Mail {
        from: "Shop <news@shop.example>".to_owned(),
        to: "ann@example.com".to_owned(),
        subject: "Größe".to_owned(),
        text: Some("text".to_owned()),
        ..Mail::default()
    }
}

pub(crate) fn text_message() -> TextMessage {
    TextMessage {
        to: "+14255550100".to_owned(),
        body: "text".to_owned(),
        origination_identity: "pool-1".to_owned(),
        configuration_set: None,
        message_type: MessageType::Promotional,
        max_price: None,
        time_to_live_seconds: None,
        context: Vec::new(),
        protect_configuration: None,
    }
}

/// Both clients, on the connections of one configuration.
struct Senders {
    email: SdkEmail,
    sms: SdkSms,
}

impl Senders {
    fn new(config: &SdkConfig) -> Self {
        Self { email: SdkEmail::new(config), sms: SdkSms::new(config) }
    }

    async fn send(&self, by_email: bool) -> Sent {
        match by_email {
            true => self.email.send(&mail()).await.unwrap(),
            false => self.sms.send(&text_message()).await.unwrap(),
        }
    }
}

fn accepted() -> Vec<u8> {
    let body = br#"{"MessageId":"m-1"}"#;
    http("200 OK", &[], body.len(), body)
}

fn unknown(reason: &str) -> Sent {
    Sent::Unknown { reason: reason.to_owned() }
}

#[tokio::test]
async fn a_connection_that_closes_after_the_request_was_read_is_not_tried_again() {
    for by_email in [true, false] {
        for answer in ["", "HTTP/1.1 200 OK\r\nContent-Le"] {
            let server = RawServer::start(|_| Act::Close(answer.into())).await;
            let sent = Senders::new(&config(&server.endpoint)).send(by_email).await;
            assert_eq!((sent, server.hits()), (unknown("connection_lost"), 1), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn nor_is_one_that_had_been_used_before() {
    for by_email in [true, false] {
        for unread in [true, false] {
            let server = RawServer::start(move |seen| match seen.number {
                0 | 1 => Act::Answer(accepted()),
                2 if unread => Act::CloseUnread,
                _ => Act::Close(Vec::new()),
            })
            .await;
            let senders = Senders::new(&config(&server.endpoint));
            for _ in 0..2 {
                assert_eq!(senders.send(by_email).await, Sent::Accepted { message_id: "m-1".to_owned() });
            }
            assert_eq!(senders.send(by_email).await, unknown("connection_lost"));
            let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
            assert_eq!(connections, [0, 0, 0], "one request each, on one connection");
        }
    }
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_is_replaced_before_anything_is_sent() {
    for by_email in [true, false] {
        let server = RawServer::start(|seen| match seen.number {
            0 => Act::Close(accepted()),
            _ => Act::Answer(accepted()),
        })
        .await;
        let senders = Senders::new(&config(&server.endpoint));
        for _ in 0..3 {
            // Whether the client has noticed yet or not: nothing but one whole request may come of it.
            match senders.send(by_email).await {
                Sent::Accepted { .. } => {}
                other => assert_eq!(other, unknown("connection_lost")),
            }
        }
        let hits = server.hits();
        assert!((2..=3).contains(&hits), "{hits} requests for 3 messages");
    }
}

#[tokio::test]
async fn an_answer_cut_short_or_without_sense_leaves_it_unknown() {
    let page = b"<html>accepted</html>";
    for (answer, expected) in [
        (http("200 OK", &[], 100, br#"{"MessageId":"#), "connection_lost"),
        (http("200 OK", &[], page.len(), page), "unreadable_answer"),
        (http("200 OK", &[], 2, b"{}"), "unreadable_answer"),
        (http("200 OK", &[], 16, br#"{"MessageId":""}"#), "unreadable_answer"),
        (http("302 Found", &[("Location", "http://127.0.0.1:1/")], 0, b""), "unreadable_answer"),
        (http("500 Internal Server Error", &[], page.len(), page), "server_error"),
        (http("502 Bad Gateway", &[], 0, b""), "server_error"),
    ] {
        for by_email in [true, false] {
            let answer = answer.clone();
            let said = String::from_utf8_lossy(&answer).into_owned();
            let server = RawServer::start(move |_| Act::Close(answer.clone())).await;
            let sent = Senders::new(&config(&server.endpoint)).send(by_email).await;
            let Sent::Unknown { reason } = sent else { panic!("{sent:?} for {said}") };
            assert!(reason == expected || reason == "unreadable_answer", "{reason} for {said}");
            assert_eq!(server.hits(), 1, "{said}");
        }
    }
}

#[tokio::test]
async fn no_answer_in_time_leaves_it_unknown() {
    for by_email in [true, false] {
        let server = RawServer::start(|_| Act::Hang).await;
        let config = config(&server.endpoint);
        let impatient =
            TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(300)).build();
        let sent = Senders::new(&config.to_builder().timeout_config(impatient).build()).send(by_email).await;
        assert_eq!((sent, server.hits()), (unknown("timed_out"), 1));
    }
}

#[tokio::test]
async fn what_never_left_is_postponed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for by_email in [true, false] {
        let sent = Senders::new(&config(&endpoint)).send(by_email).await;
        assert_eq!(sent, Sent::Postponed { reason: "no_connection".to_owned(), daily: false });
    }
}
