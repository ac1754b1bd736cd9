//! Batches: order, bounds, FIFO groups, causes that stop them, and who comes back.

#![cfg(feature = "testing")]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use eventide_kit::{
    clock::ManualClock,
    deadline::Deadline,
    error::Error,
    sqs::{
        DeadLetters, MemoryDeadLetters, Options, Processed, Record, SqsBatchResponse, SqsEvent, each, respond,
    },
};
use serde_json::{Value, json};
use time::macros::datetime;

const OPTIONS: Options = Options { concurrency: 2, reserve: Duration::from_secs(5), max_receives: 3 };

fn message(id: &str, group: Option<&str>) -> Value {
    let suffix = if group.is_some() { ".fifo" } else { "" };
    json!({
        "messageId": id,
        "body": format!("body of {id}"),
        "attributes": match group {
            Some(group) => json!({
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1795424400123",
                "MessageGroupId": group,
            }),
            None => json!({"ApproximateReceiveCount": "1", "SentTimestamp": "1795424400123"}),
        },
        "messageAttributes": {
            "error_type": {"stringValue": "Permanent.X", "dataType": "String"},
            "bytes": {"binaryValue": "AA==", "dataType": "Binary"},
        },
        "eventSourceARN": format!("arn:aws:sqs:eu-central-1:111122223333:work{suffix}"),
    })
}

fn event(messages: Vec<Value>) -> SqsEvent {
    serde_json::from_value(json!({"Records": messages})).unwrap_or_default()
}

fn standard(ids: &[&str]) -> SqsEvent {
    event(ids.iter().map(|id| message(id, None)).collect())
}

fn clock() -> ManualClock {
    ManualClock::new(datetime!(2026-11-23 09:00 UTC))
}

fn minute(clock: &ManualClock) -> Deadline {
    Deadline::after(Duration::from_secs(60), Arc::new(clock.clone()))
}

/// Each record's id with `ok` or the error's type.
fn outcomes<T>(processed: &[Processed<T>]) -> Vec<(String, String)> {
    let outcome = |result: &Result<T, Error>| match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.qualified_type(),
    };
    processed.iter().map(|each| (each.record.message_id.clone(), outcome(&each.result))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, outcome)| ((*id).to_owned(), (*outcome).to_owned())).collect()
}

fn failures(response: &SqsBatchResponse) -> Vec<&str> {
    response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
}

/// What the record's id says should happen: `retry…`, `never…`, `denied…` or anything else, which succeeds.
async fn by_id(record: Arc<Record>) -> Result<String, Error> {
    match record.message_id.as_str() {
        id if id.starts_with("retry") => Err(Error::retryable("Throttled", "`x` was throttled")),
        id if id.starts_with("never") => Err(Error::permanent("InvalidEvent", "no good")),
        id if id.starts_with("denied") => Err(Error::environment("AccessDenied", "`x` is not allowed")),
        id => Ok(id.to_owned()),
    }
}

#[tokio::test]
async fn records_carry_what_sqs_says_of_them() {
    let mut bare = message("bare", None);
    bare["attributes"] = Value::Null;
    bare["messageAttributes"] = Value::Null;
    bare["body"] = Value::Null;
    let mut fair = message("fair", None);
    fair["attributes"]["MessageGroupId"] = json!("tenant");
    let event = event(vec![message("full", Some("g")), bare, fair]);
    let records = each(event, &OPTIONS, &minute(&clock()), |record| async move { Ok(record) }).await;
    let [full, bare, fair] = [0, 1, 2].map(|index| Record::clone(&records[index].record));

    assert_eq!((full.body.as_str(), full.receive_count), ("body of full", 1));
    assert_eq!(full.sent_at, Some(datetime!(2026-11-23 09:00:00.123 UTC)));
    assert_eq!(full.group.as_deref(), Some("g"));
    assert_eq!(full.attributes.into_iter().collect::<Vec<_>>(), pairs(&[("error_type", "Permanent.X")]));
    assert_eq!((bare.body.as_str(), bare.receive_count, bare.sent_at, bare.group), ("", 1, None, None));
    assert_eq!(fair.group, None, "a fair queue's groups order nothing");
    assert!(!format!("{fair:?}").contains("body of"), "{fair:?}");
}

#[tokio::test(start_paused = true)]
async fn concurrency_is_bounded_and_order_is_kept() {
    let running = Mutex::new((0_usize, 0_usize));
    let ids: Vec<String> = (0..9).map(|index| index.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for (concurrency, most) in [(0, 1), (1, 1), (4, 4), (100, 9)] {
        *running.lock().unwrap() = (0, 0);
        let options = Options { concurrency, ..OPTIONS };
        let processed = each(standard(&ids), &options, &minute(&clock()), |record| {
            let running = &running;
            async move {
                {
                    let mut running = running.lock().unwrap();
                    running.0 += 1;
                    running.1 = running.1.max(running.0);
                }
                // The later ones are done first.
                let number: u64 = record.message_id.parse().unwrap();
                tokio::time::sleep(Duration::from_millis(100 - number)).await;
                running.lock().unwrap().0 -= 1;
                Ok(())
            }
        })
        .await;
        assert_eq!(running.lock().unwrap().1, most, "concurrency {concurrency}");
        let expected: Vec<_> = ids.iter().map(|id| (*id, "ok")).collect();
        assert_eq!(outcomes(&processed), pairs(&expected));
    }
}

#[tokio::test]
async fn a_record_fails_alone_unless_its_cause_is_not_its_own() {
    let one_by_one = Options { concurrency: 1, ..OPTIONS };
    let denied = "Environment.AccessDenied";
    let cases: [(&[&str], &[&str]); 4] = [
        (&["a", "b"], &["ok", "ok"]),
        (&["retry", "b", "never", "c"], &["Retryable.Throttled", "ok", "Permanent.InvalidEvent", "ok"]),
        (&["a", "denied", "b", "never", ""], &["ok", denied, denied, denied, "Permanent.InvalidRecord"]),
        (&["", "a"], &["Permanent.InvalidRecord", "ok"]),
    ];
    for (ids, expected) in cases {
        let processed = each(standard(ids), &one_by_one, &minute(&clock()), by_id).await;
        let expected: Vec<_> = ids.iter().copied().zip(expected.iter().copied()).collect();
        assert_eq!(outcomes(&processed), pairs(&expected));
    }
}

#[tokio::test]
async fn groups_of_a_fifo_queue_keep_their_order() {
    let handled = Mutex::new(Vec::new());
    let event = event(vec![
        message("a1", Some("a")),
        message("b1", Some("b")),
        message("retry-a2", Some("a")),
        message("b2", Some("b")),
        message("a3", Some("a")),
        message("never-b3", Some("b")),
        message("a4", Some("a")),
        message("b4", Some("b")),
    ]);
    let processed = each(event, &OPTIONS, &minute(&clock()), |record| {
        handled.lock().unwrap().push(record.message_id.clone());
        async move {
            tokio::task::yield_now().await;
            by_id(record).await
        }
    })
    .await;
    let expected = [
        ("a1", "ok"),
        ("b1", "ok"),
        ("retry-a2", "Retryable.Throttled"),
        ("b2", "ok"),
        ("a3", "Environment.GroupBlocked"),
        ("never-b3", "Permanent.InvalidEvent"),
        ("a4", "Environment.GroupBlocked"),
        ("b4", "Environment.GroupBlocked"),
    ];
    assert_eq!(outcomes(&processed), pairs(&expected));
    let of_group = |group: char| {
        let handled = handled.lock().unwrap();
        handled.iter().filter(|id| id.contains(group)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of_group('a'), ["a1", "retry-a2"]);
    assert_eq!(of_group('b'), ["b1", "b2", "never-b3"]);

    let letters = MemoryDeadLetters::default();
    let response = respond(processed, &OPTIONS, &letters).await.unwrap();
    assert_eq!(failures(&response), ["retry-a2", "a3", "a4", "b4"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_hangs_is_cut_off_at_the_reserve_and_comes_back() {
    let clock = clock();
    let started = tokio::time::Instant::now();
    let processed = each(standard(&["a", "hangs"]), &OPTIONS, &minute(&clock), |record| async move {
        if record.message_id == "hangs" { std::future::pending().await } else { Ok(()) }
    })
    .await;
    assert_eq!(started.elapsed(), Duration::from_secs(55));
    assert_eq!(outcomes(&processed), pairs(&[("a", "ok"), ("hangs", "Retryable.DeadlineExceeded")]));
    let response = respond(processed, &OPTIONS, &MemoryDeadLetters::default()).await.unwrap();
    assert_eq!(failures(&response), ["hangs"]);
}

#[tokio::test]
async fn nothing_is_begun_once_the_reserve_is_reached() {
    let clock = clock();
    let one_by_one = Options { concurrency: 1, ..OPTIONS };
    let processed = each(standard(&["a", "b", "c", "d"]), &one_by_one, &minute(&clock), |_record| {
        clock.advance(Duration::from_secs(27));
        async { Ok(()) }
    })
    .await;
    let near = "Environment.DeadlineNear";
    let expected = [("a", "ok"), ("b", "ok"), ("c", "ok"), ("d", near)];
    // 60 s, 33 s and 6 s are left for the first three.
    assert_eq!(outcomes(&processed), pairs(&expected));
    let response = respond(processed, &OPTIONS, &MemoryDeadLetters::default()).await.unwrap();
    assert_eq!(failures(&response), ["d"]);
}

#[tokio::test]
async fn a_panic_fails_its_record_alone() {
    let processed =
        each(standard(&["a", "boom", "boom at once", "b"]), &OPTIONS, &minute(&clock()), |record| {
            assert!(record.message_id != "boom at once", "no future is made");
            async move {
                assert!(record.message_id != "boom", "while it runs");
                Ok(())
            }
        })
        .await;
    let panicked = "Retryable.Panic";
    let expected = [("a", "ok"), ("boom", panicked), ("boom at once", panicked), ("b", "ok")];
    assert_eq!(outcomes(&processed), pairs(&expected));
}

#[tokio::test]
async fn who_comes_back_and_who_is_set_aside() {
    let cases = [
        // id, receive count; comes back and is set aside, with a queue that accepts letters and one that does
        // not
        ("fine", "3", false, false, false),
        ("retry", "1", true, false, true),
        ("retry", "2", true, false, true),
        ("retry", "3", false, true, true),
        ("retry", "4", false, true, true),
        ("never", "1", false, true, true),
        ("denied", "2", true, false, true),
        ("denied", "3", false, true, true),
    ];
    for (id, receives, comes_back, set_aside, comes_back_if_refused) in cases {
        for (letters, comes_back, set_aside) in [
            (MemoryDeadLetters::default(), comes_back, set_aside),
            (MemoryDeadLetters::refusing(), comes_back_if_refused, false),
        ] {
            let mut message = message(id, None);
            message["attributes"]["ApproximateReceiveCount"] = json!(receives);
            let processed = each(event(vec![message]), &OPTIONS, &minute(&clock()), by_id).await;
            let error_type = outcomes(&processed)[0].1.clone();
            let response = respond(processed, &OPTIONS, &letters).await.unwrap();
            let case = format!("{id} at receive {receives}, {letters:?}");
            assert_eq!(failures(&response), if comes_back { vec![id] } else { vec![] }, "{case}");
            let sent = letters.sent();
            assert_eq!(sent.len(), usize::from(set_aside), "{case}");
            for (record, sent_type) in sent {
                assert_eq!((record.body, sent_type), (format!("body of {id}"), error_type.clone()));
            }
        }
    }
}

#[tokio::test]
async fn a_record_without_an_id_never_becomes_an_empty_identifier() {
    let mut nameless = message("", None);
    nameless["messageId"] = Value::Null;
    let batch = || event(vec![message("retry", None), nameless.clone()]);

    let letters = MemoryDeadLetters::default();
    let processed = each(batch(), &OPTIONS, &minute(&clock()), by_id).await;
    let response = respond(processed, &OPTIONS, &letters).await.unwrap();
    assert_eq!(failures(&response), ["retry"]);
    assert_eq!(letters.sent()[0].1, "Permanent.InvalidRecord");

    let processed = each(batch(), &OPTIONS, &minute(&clock()), by_id).await;
    let error = respond(processed, &OPTIONS, &MemoryDeadLetters::refusing()).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Environment.UnreportableRecord", "the whole batch comes back");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::Error::other("poisoned"))?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn failures_are_logged_one_by_one_and_a_common_cause_once() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let ids = ["retry-1", "never-2", "retry-3", "denied-4", "a5", "a6", "a7"];
    let options = Options { concurrency: 1, ..OPTIONS };
    let processed = each(standard(&ids), &options, &minute(&clock()), by_id).await;
    respond(processed, &OPTIONS, &MemoryDeadLetters::default()).await.unwrap();

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.lines().count(), 4, "{log}");
    let line = |id: &str| log.lines().filter(|line| line.contains(id)).collect::<Vec<_>>();
    for id in ["retry-1", "never-2", "retry-3"] {
        assert_eq!(line(id).len(), 1, "{log}");
    }
    assert!(line("never-2")[0].contains("Permanent.InvalidEvent"), "{log}");
    let cause = line("Environment.AccessDenied");
    assert_eq!(cause.len(), 1, "{log}");
    assert!(cause[0].contains("records=4") && cause[0].contains("`x` is not allowed"), "{log}");
    assert!(!log.contains("body of"), "{log}");
}

#[tokio::test]
async fn lines_about_a_record_carry_its_ids_to_the_end() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let mut of_eventbridge = message("retry-1", None);
    of_eventbridge["body"] = json!(r#"{"id": "event-7"}"#);
    let records = event(vec![of_eventbridge, message("never-2", None), message("later-3", None)]);
    let mut processed = each(records, &OPTIONS, &minute(&clock()), |record| async move {
        if record.message_id != "retry-1" {
            tracing::Span::current().record("correlation_id", format!("run-of-{}", record.message_id));
        }
        tokio::task::yield_now().await;
        by_id(record).await
    })
    .await;
    // As what is done after the records may fail.
    processed[2].result = Err(Error::retryable("Throttled", "`write` was throttled"));
    processed[2].span.in_scope(|| tracing::info!("not written"));
    respond(processed, &OPTIONS, &MemoryDeadLetters::default()).await.unwrap();

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let expected = [
        ("retry-1", "event-7", "record failed and comes back"),
        ("never-2", "run-of-never-2", "record failed and was set aside"),
        ("later-3", "run-of-later-3", "record failed and comes back"),
        ("later-3", "run-of-later-3", "not written"),
    ];
    for (id, correlation, message) in expected {
        let found = log.lines().filter(|line| {
            line.contains(&format!("message_id=\"{id}\""))
                && line.contains(&format!("correlation_id=\"{correlation}\""))
                && line.contains(message)
        });
        assert_eq!(found.count(), 1, "{id}: {message}\n{log}");
    }
    assert_eq!(log.lines().count(), expected.len(), "{log}");
}

#[tokio::test]
async fn a_letter_that_is_too_long_is_sent_with_less() {
    let reason = "r".repeat(500);
    // Body, room in the queue, what is left of the body, whether the reason is whole, what the log tells.
    let cases = [
        (3_000, 4_000, 3_000, true, ""),
        (3_000, 3_200, 3_000, false, " with a shorter reason"),
        (3_000, 3_000, 1_976, false, " without the end of its body"),
    ];
    for (body, room, kept, whole_reason, told) in cases {
        let letters = MemoryDeadLetters::up_to(room);
        let mut message = message("long", None);
        message["body"] = json!("b".repeat(body));
        let processed = each(event(vec![message]), &OPTIONS, &minute(&clock()), |_| async {
            Err::<(), _>(Error::permanent("InvalidEvent", reason.clone()))
        })
        .await;
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let response = respond(processed, &OPTIONS, &letters).await.unwrap();

        assert!(failures(&response).is_empty(), "{room}");
        let [(record, error_type)] = letters.sent().try_into().unwrap();
        assert_eq!((record.body.len(), error_type.as_str()), (kept, "Permanent.InvalidEvent"), "{room}");
        let [sent] = letters.reasons().try_into().unwrap();
        assert_eq!(sent == reason, whole_reason, "{sent}");
        assert!(sent.contains(&"r".repeat(64)), "{sent}");
        assert_eq!(sent.contains("(only 1976 of 3000 bytes of the body)"), kept < body, "{sent}");
        let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains(&format!("record failed and was set aside{told} receive_count")), "{log}");
        assert!(log.contains(&reason), "the log has the whole reason: {log}");
    }

    // A body that is cut between two bytes of a character would be no text.
    let letters = MemoryDeadLetters::up_to(2_100);
    let mut wide = message("wide", None);
    wide["body"] = json!("ü".repeat(1_050) + "!");
    let never = |_| async { Err::<(), _>(Error::permanent("InvalidEvent", "no good")) };
    let processed = each(event(vec![wide]), &OPTIONS, &minute(&clock()), never).await;
    respond(processed, &OPTIONS, &letters).await.unwrap();
    assert_eq!(letters.sent()[0].0.body, "ü".repeat(538));

    // Where less does not help, it comes back.
    let letters = MemoryDeadLetters::up_to(5);
    let processed = each(standard(&["never"]), &OPTIONS, &minute(&clock()), by_id).await;
    let response = respond(processed, &OPTIONS, &letters).await.unwrap();
    assert_eq!(failures(&response), ["never"]);
}

/// Lambda's runtime moves handlers between threads.
#[test]
fn batches_are_send() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    async fn handle(event: SqsEvent, deadline: &Deadline, letters: &impl DeadLetters) -> Result<(), Error> {
        let suffix = String::from("!");
        let processed = each(event, &OPTIONS, deadline, |record| {
            let suffix = &suffix;
            async move { Ok(by_id(record).await? + suffix) }
        })
        .await;
        respond(processed, &OPTIONS, letters).await.map(drop)
    }
    let clock = clock();
    drop(assert_send(handle(standard(&["a"]), &minute(&clock), &MemoryDeadLetters::default())));
}
