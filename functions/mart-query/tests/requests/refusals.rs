//! What is not carried out, and what is said about it.

use eventide_clients::marts::Operation;
use eventide_clients::redshift_data::Operation as Call;
use eventide_kit::Error;
use serde_json::{Value, json};

use crate::support::{MART, World, changed, event};

async fn refused(world: &mut World, event: &Value) -> Error {
    let letters = world.fakes.dead_letters.sent().len();
    let error = world.invoke(event).await.unwrap_err();
    assert!(world.statements().is_empty() && world.fakes.marts.records().is_empty(), "{error}");
    assert!(world.fakes.event_bus.events().is_empty(), "the error is the answer");
    assert_eq!(world.fakes.dead_letters.sent().len(), letters);
    error
}

/// The same request as an event of the bus.
fn by_event(source: &str, request: &Value) -> Value {
    json!({"source": source, "detail-type": "Data Mart Requested", "id": "e", "detail": request})
}

/// What was told of a refused event.
async fn told(world: &mut World, event: &Value) -> Value {
    let answer = world.invoke(event).await.unwrap();
    let mut events = world.fakes.event_bus.take();
    assert_eq!(events.len(), 1, "told once: {answer}");
    let told = events.pop().unwrap();
    assert_eq!(
        (told.source.as_str(), told.detail_type.as_str()),
        ("eventide.data-marts", "Data Mart Failed")
    );
    let detail = told.detail;
    assert_eq!(answer["error"], json!({"type": detail["errorClass"], "message": detail["reason"]}));
    detail
}

#[tokio::test]
async fn an_error_names_what_is_wrong_and_lists_what_is_allowed() {
    for (event, error_type, message) in [
        (
            event("unknown-mart"),
            "Permanent.UnknownMart",
            format!("no mart `salaries_of_everybody`: expected `{MART}`"),
        ),
        (
            event("unknown-parameter"),
            "Permanent.InvalidParameters",
            "parameter `until`: expected a parameter of the mart: `department`, `shift`, `since`".to_owned(),
        ),
        (
            event("ill-typed-parameter"),
            "Permanent.InvalidParameters",
            "parameter `since`: expected a whole number from -9223372036854775808 to 9223372036854775807, or null"
                .to_owned(),
        ),
        (
            json!({"mart": MART, "parameters": {"shift": "Noon", "since": 1.5}}),
            "Permanent.InvalidParameters",
            "parameter `shift`: expected one of the allowed values: `\"Day\"`, `\"Night\"`, or null; parameter \
             `since`: expected a whole number from -9223372036854775808 to 9223372036854775807, or null"
                .to_owned(),
        ),
        (
            event("malformed-mart"),
            "Permanent.InvalidEvent",
            "event does not parse at `mart`: expected a string".to_owned(),
        ),
        (
            json!({"mart": MART, "wait": true, "format": "csv"}),
            "Permanent.InvalidRequest",
            "`wait` answers with the rows themselves, expected neither `unload` nor `format` with it".to_owned(),
        ),
        (
            json!({"mart": MART, "unload": true, "format": "csv"}),
            "Permanent.InvalidRequest",
            "`unload` writes Parquet, expected no other `format` with it".to_owned(),
        ),
    ] {
        let error = refused(&mut World::new().await, &event).await;
        assert_eq!((error.qualified_type().as_str(), error.to_string()), (error_type, message), "{event}");
    }
    let error = refused(&mut World::new().await, &event("malformed-member")).await;
    assert!(error.to_string().starts_with("event does not parse at `sql`"), "{error}");
}

#[tokio::test]
async fn marts_of_others_are_not_listed() {
    let mut world = World::new().await;
    let other = |name: &str, callers: Value| {
        changed(|mart| {
            mart["definition"]["name"] = json!(name);
            mart["definition"]["callers"] = callers;
            mart["key"] = json!(format!("humanresources/{name}.sql"));
        })
    };
    world.put_in_force(&other("secret_salaries", json!(["schedule"]))).await;
    let unknown = json!({"mart": "x"});
    let error = refused(&mut world, &unknown).await;
    assert_eq!(error.to_string(), format!("no mart `x`: expected `{MART}`"));
    let by_stranger = told(&mut world, &by_event("a.b", &unknown)).await;
    assert_eq!(by_stranger["reason"], "no mart `x`: there is none for you");
    for number in 0..50 {
        world.put_in_force(&other(&format!("a{number}"), json!(["schedule"]))).await;
    }
    assert_eq!(refused(&mut world, &unknown).await.to_string(), "no mart `x`: expected maybe one of 2 more");
}

#[tokio::test]
async fn callers_are_compared_whole_or_by_their_beginning() {
    let called = |arn: &str| {
        let mut call = event("http-request");
        call["requestContext"]["authorizer"]["iam"]["userArn"] = json!(arn);
        call
    };
    for (arn, status) in [
        ("arn:aws:sts::111122223333:assumed-role/HumanResourcesAnalyst/ann", 202),
        ("arn:aws:sts::111122223333:assumed-role/HumanResourcesAnalyst2/ann", 403),
        ("arn:aws:sts::444455556666:assumed-role/HumanResourcesAnalyst/ann", 403),
        ("arn:aws:iam::111122223333:user/reports/monthly", 202),
        ("arn:aws:iam::111122223333:user/report", 403),
        ("arn:aws:iam::111122223333:root", 403),
    ] {
        let mut world = World::new().await;
        let answer = world.invoke(&called(arn)).await.unwrap();
        assert_eq!(answer["statusCode"], status, "{arn}: {answer}");
    }
}

#[tokio::test]
async fn a_datashare_is_not_queried() {
    let mut world = World::new().await;
    let share = changed(|mart| mart["definition"]["kind"] = json!("datashare"));
    world.put_in_force(&share).await;
    assert_eq!(refused(&mut world, &json!({"mart": MART})).await.error_type(), "NotQueryable");
}

/// What a request says reaches Redshift as the value of a parameter, or not at all.
#[tokio::test]
async fn no_text_of_a_request_becomes_sql() {
    let plain = {
        let mut world = World::new().await;
        world.ask(event("direct")).await;
        world.statements().remove(0)
    };
    let hostile = [
        "x' OR '1'='1'; DROP TABLE humanresources.employee; --",
        "'); UNLOAD ('SELECT 1') TO 's3://elsewhere/' IAM_ROLE default; --",
        ":since",
        "$$; SELECT 1; $$",
        "\\'; SELECT 1; --",
        "/* */ UNION SELECT * FROM humanresources.employee",
        "%s{0}\u{202e}\u{1f600}\r\n",
    ];
    for (unload, text) in [false, true].into_iter().flat_map(|unload| hostile.map(|text| (unload, text))) {
        let mut world = World::new().await;
        let parameters = json!({"department": text, "since": 2011});
        world.ask(json!({"mart": MART, "parameters": parameters, "unload": unload, "requestId": text.replace(|c: char| !c.is_ascii_graphic(), "_")})).await;
        let statement = world.statements().remove(0);
        assert!(statement.sql[0].ends_with(&plain.sql[0]), "{text:?}");
        let (sql, name) = (statement.sql.join(";"), &statement.name);
        assert!(text == ":since" || !sql.contains(text), "{text:?}");
        assert!(!name.contains(text) && !world.record().key.contains(text), "{text:?}");
        let values: Vec<&str> = statement.parameters.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, [text, "2011"]);
    }
}

/// Nobody reads the answer to an event: an event is what who asked waits for.
#[tokio::test]
async fn a_refused_event_is_told_and_set_aside_once() {
    let foreign = format!(
        "`events:somebody.else` may not query mart `{MART}`, expected `invoke`, `schedule`, \
         `events:humanresources.reports`, `arn:aws:iam::111122223333:role/HumanResourcesAnalyst`, \
         `arn:aws:iam::111122223333:user/reports/*`"
    );
    let asks = |request: Value| by_event("humanresources.reports", &request);
    for (event, status, class, owner, reason) in [
        (event("foreign-caller"), 403, "CallerNotAllowed", Some("humanresources"), foreign.as_str()),
        (asks(json!({"mart": "x"})), 404, "UnknownMart", None, &format!("no mart `x`: expected `{MART}`")),
        (
            by_event("aws.scheduler", &json!({"mart": "x"})),
            404,
            "UnknownMart",
            None,
            &format!("no mart `x`: expected `{MART}`"),
        ),
        (
            asks(json!({"mart": MART, "requestId": "monday", "parameters": {"until": 2012}})),
            400,
            "InvalidParameters",
            Some("humanresources"),
            "parameter `until`: expected a parameter of the mart: `department`, `shift`, `since`",
        ),
        (
            asks(json!({"mart": MART, "parameters": {"shift": "Noon"}})),
            400,
            "InvalidParameters",
            Some("humanresources"),
            "parameter `shift`: expected one of the allowed values: `\"Day\"`, `\"Night\"`, or null",
        ),
    ] {
        let mut world = World::new().await;
        let answer = world.invoke(&event).await.unwrap();
        assert_eq!(
            answer,
            json!({"statusCode": status, "error": {"type": class, "message": reason}}),
            "{event}"
        );
        let mut expected = json!({"mart": event["detail"]["mart"], "errorClass": class, "reason": reason});
        for (member, value) in [("owner", json!(owner)), ("requestId", event["detail"]["requestId"].clone())]
        {
            if !value.is_null() {
                expected[member] = value;
            }
        }
        let told = world.fakes.event_bus.events();
        let [failed] = &told[..] else { panic!("told once: {told:?}") };
        assert_eq!(
            (failed.source.as_str(), failed.detail_type.as_str(), &failed.detail),
            ("eventide.data-marts", "Data Mart Failed", &expected),
            "{event}"
        );
        let letters = world.fakes.dead_letters.sent();
        let [(letter, error_type)] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!(serde_json::from_str::<Value>(&letter.body).unwrap(), event);
        assert_eq!(*error_type, format!("Permanent.{class}"));
        assert!(world.statements().is_empty() && world.fakes.marts.records().is_empty(), "{event}");
        assert_eq!(world.invocation.metrics.sum("RequestsRefused", &[("Reason", class)]), 1.0);
    }
}

/// Lambda invokes the function again.
#[tokio::test]
async fn a_refusal_that_could_not_be_told_is_an_error() {
    let event = event("foreign-caller");
    let failure = || Error::retryable("ServerError", "it failed");
    let mut world = World::new().await;
    world.fakes.event_bus.fail_next(failure());
    assert_eq!(world.invoke(&event).await.unwrap_err().qualified_type(), "Retryable.ServerError");
    assert!(world.fakes.dead_letters.sent().is_empty());
    assert_eq!(told(&mut world, &event).await["errorClass"], "CallerNotAllowed");
    assert_eq!(world.fakes.dead_letters.sent().len(), 1);

    let mut deaf = World::new().await;
    deaf.refuse_letters();
    assert_eq!(deaf.invoke(&event).await.unwrap_err().qualified_type(), "Environment.Unreachable");

    // Nothing is said about what may yet be accepted.
    let mut world = World::new().await;
    world.fakes.marts.fail_next(Operation::Mart, failure());
    assert_eq!(world.invoke(&event).await.unwrap_err().qualified_type(), "Retryable.ServerError");
    assert!(world.fakes.event_bus.events().is_empty());
}

/// What was accepted is mart-deliver's to tell of.
#[tokio::test]
async fn what_fails_behind_its_acceptance_is_told_by_mart_deliver() {
    let mut world = World::new().await;
    world.fakes.redshift.fail_next(Call::Submit, Error::permanent("Validation", "no such database"));
    let event = event("event-requested");
    assert_eq!(world.invoke(&event).await.unwrap_err().qualified_type(), "Permanent.Validation");
    assert!(world.fakes.event_bus.events().is_empty() && world.fakes.dead_letters.sent().is_empty());
    assert_eq!(world.handed_over()[0]["errorClass"], "Validation");

    // Another request of the same id is not the accepted one, and nothing said of it is to be taken for that.
    let mut world = World::new().await;
    let asks = |since: u64| {
        let request = json!({"mart": MART, "requestId": "monday", "parameters": {"since": since}});
        by_event("humanresources.reports", &request)
    };
    world.invoke(&asks(2011)).await.unwrap();
    let other = told(&mut world, &asks(2012)).await;
    assert_eq!((&other["errorClass"], &other["token"]), (&json!("PayloadMismatch"), &Value::Null));
}
