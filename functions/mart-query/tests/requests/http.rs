//! Calls of the function URL.

use eventide_clients::marts::Operation;
use eventide_clients::redshift_data::{Field, Operation as Call};
use eventide_kit::Error;
use eventide_types::mart::request::State;
use serde_json::{Value, json};

use crate::support::{MART, World, busy, event, rows};

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

fn post(request: &Value) -> Value {
    let mut call = event("http-request");
    call["body"] = json!(request.to_string());
    call
}

#[tokio::test]
async fn an_answer_is_json_that_nobody_keeps() {
    let mut world = World::new().await;
    let answer = world.invoke(&event("http-request")).await.unwrap();
    assert_eq!(answer["statusCode"], 202);
    assert_eq!(answer["headers"], json!({"content-type": "application/json", "cache-control": "no-store"}));
    assert_eq!(body(&answer)["token"], world.record().token);
}

#[tokio::test]
async fn rows_are_answered_to_who_waits() {
    let mut world = World::new().await;
    world.next_ends_with(rows(vec![vec![Field::Text("Sales".into()), Field::Long(7)]]));
    let answer = world.invoke(&post(&json!({"mart": MART, "wait": true}))).await.unwrap();
    assert_eq!((&answer["statusCode"], &body(&answer)["rows"]), (&json!(200), &json!([["Sales", 7]])));
}

#[tokio::test]
async fn statuses_say_whose_fault_it_is() {
    let server = || Error::retryable("ServerError", "s3cret");
    let denied = || Error::environment("AccessDenied", "s3cret");
    type Break = fn(&World, Error);
    let submit: Break = |world, error| world.fakes.redshift.fail_next(Call::Submit, error);
    let look_up: Break = |world, error| world.fakes.marts.fail_next(Operation::Mart, error);
    let wait = json!({"mart": MART, "wait": true});
    for (call, broken, status, error_type) in [
        (post(&json!({"mart": "x"})), None, 404, "UnknownMart"),
        (post(&json!({"mart": MART, "parameters": {"x": 1}})), None, 400, "InvalidParameters"),
        (post(&json!({"mart": 1})), None, 400, "InvalidEvent"),
        (event("http-wrong-method"), None, 405, "MethodNotAllowed"),
        (event("http-standing"), None, 404, "UnknownRequest"),
        (post(&wait), Some((submit, busy())), 429, "WarehouseBusy"),
        (post(&wait), Some((submit, server())), 503, "ServerError"),
        (post(&wait), Some((look_up, denied())), 500, "AccessDenied"),
    ] {
        let mut world = World::new().await;
        if let Some((fail, error)) = broken {
            fail(&world, error);
        }
        let answer = world.invoke(&call).await.unwrap();
        assert_eq!(answer["statusCode"], status, "{error_type}");
        assert_eq!(body(&answer)["error"]["type"], error_type);
        assert!(!answer.to_string().contains("s3cret"), "{answer}");
        assert_eq!(world.invocation.metrics.sum("RequestsRefused", &[("Reason", error_type)]), 1.0);
    }
}

#[tokio::test]
async fn who_made_a_request_can_see_where_it_stands() {
    let mut world = World::new().await;
    let first = body(&world.invoke(&event("http-request")).await.unwrap());
    let standing = world.invoke(&event("http-standing")).await.unwrap();
    assert_eq!((&standing["statusCode"], &body(&standing)), (&json!(202), &first));

    let mut foreign = event("http-standing");
    foreign["requestContext"]["authorizer"]["iam"]["userArn"] =
        json!("arn:aws:iam::111122223333:user/reports/x");
    assert_eq!(world.invoke(&foreign).await.unwrap()["statusCode"], 404, "as if there were none");

    use eventide_clients::marts::Requests as _;
    for (state, status) in [(State::Delivering, 202), (State::Delivered, 200)] {
        let mut record = world.record();
        let from = [record.state];
        record.state = state;
        assert!(world.fakes.marts.advance(&record, &from).await.unwrap());
        assert_eq!(world.invoke(&event("http-standing")).await.unwrap()["statusCode"], status);
    }
    let mut failed = world.record();
    (failed.state, failed.reason) = (State::Failed, Some("division by zero".to_owned()));
    assert!(world.fakes.marts.advance(&failed, &[State::Delivered]).await.unwrap());
    let answer = body(&world.invoke(&event("http-standing")).await.unwrap());
    assert_eq!(answer["error"], json!({"type": "RequestFailed", "message": "division by zero"}));
}
