//! Events that are lost, late, early, doubled or disordered, and services that fail: each request is run once, and its
//! result is delivered.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use eventide_testing::eventually;
use eventide_tests::Marts;
use eventide_tests::marts::{Delivered, File, Observed};
use eventide_tests::system::PATIENCE;
use eventide_tests::trouble::ALL_ATTEMPTS;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const DELIVER: &str = "mart-deliver";
const QUERY: &str = "mart-query";

async fn start() -> Result<Marts, String> {
    let marts = Marts::start().await?;
    for queue in ["DeliverQueueUrl", "QueryQueueUrl"] {
        marts.comes_back_after(queue, 2).await?;
    }
    marts
        .table(
            "humanresources_marts.staff",
            "AS SELECT g.n AS id, 'p' AS name FROM generate_series(1, 10) AS g(n)",
        )
        .await?;
    let file =
        File::query("staff", "SELECT id, name FROM humanresources_marts.staff WHERE id <= :most ORDER BY id");
    marts.deploy(&file.table("[parameters.most]\ntype = \"integer\"\ndefault = 10")).await?;
    Ok(marts)
}

/// Asks for the mart; the token.
async fn ask(marts: &Marts, request_id: &str) -> Result<String, String> {
    let request = json!({ "mart": "staff", "requestId": request_id });
    let answer = marts.ask(&request).await?.map_err(|error| error.to_string())?;
    answer["token"].as_str().map(str::to_owned).ok_or_else(|| answer.to_string())
}

/// Waits for the only result of the only statement.
async fn delivered_once(marts: &Marts) -> Result<Delivered, String> {
    let delivered = marts.delivered("staff").await?;
    assert_eq!(delivered.rows.len(), 10);
    marts.come_to_rest().await?;
    assert_eq!(marts.queries("staff").await?.len(), 1);
    assert_eq!(marts.observed().await?, [], "told once");
    Ok(delivered)
}

#[tokio::test]
async fn the_sweep_delivers_a_result_whose_event_was_lost() -> Tested {
    let marts = start().await?;
    marts.plan(&json!({ "nameContains": "eventide/query/", "event": "lost" })).await?;
    let token = ask(&marts, "r").await?;
    marts.await_status("staff", "FINISHED").await?;
    let nothing = json!({ "overdue": 0, "delivered": 0, "submitted": 0, "givenUp": 0 });
    assert_eq!(marts.sweep().await?, nothing, "it is not overdue yet");
    assert_eq!(marts.age_requests(Duration::from_secs(90)).await?, 1);
    assert_eq!(marts.sweep().await?["delivered"], 1);
    delivered_once(&marts).await?;
    marts.await_state(&token, "delivered").await?;
    assert_eq!(marts.age_requests(Duration::from_secs(90)).await?, 0);
    assert_eq!(marts.sweep().await?, nothing);
    Ok(())
}

/// A statement may take hours. It is left to run, and its result delivered, however often the sweep comes by.
#[tokio::test]
async fn the_sweep_leaves_alone_what_runs() -> Tested {
    let marts = start().await?;
    marts.plan(&json!({ "nameContains": "eventide/query/", "runSeconds": 7200 })).await?;
    ask(&marts, "r").await?;
    marts.await_status("staff", "STARTED").await?;
    for _ in 0..2 {
        assert_eq!(marts.age_requests(Duration::from_secs(3600)).await?, 1);
        let swept = marts.sweep().await?;
        assert_eq!(
            (&swept["overdue"], &swept["delivered"], &swept["givenUp"]),
            (&json!(1), &json!(0), &json!(0))
        );
        marts.await_status("staff", "STARTED").await?;
    }
    marts.advance(Duration::from_secs(7201)).await?;
    delivered_once(&marts).await.map(drop)
}

/// Two messages at the same time may both deliver, and tell of it twice: the same result. Later ones do nothing.
#[tokio::test]
async fn an_event_that_comes_twice_or_again_is_one_result() -> Tested {
    let marts = start().await?;
    marts.plan(&json!({ "nameContains": "eventide/query/", "event": "duplicated" })).await?;
    let token = ask(&marts, "r").await?;
    let delivered = marts.delivered("staff").await?;
    marts.come_to_rest().await?;
    for Observed { detail_type, detail } in marts.observed().await? {
        assert_eq!((detail_type.as_str(), &detail), ("Data Mart Ready", &delivered.ready));
        marts.await_event("Data Mart Ready", "staff").await?;
    }
    let statement = marts.await_status("staff", "FINISHED").await?;
    let key = delivered.ready["manifest"].as_str().unwrap_or_default();
    let manifest = marts.result(key).await?.ok_or("no manifest")?;
    marts.redeliver(statement["Id"].as_str().unwrap_or_default()).await?;
    marts.come_to_rest().await?;
    assert_eq!(marts.observed().await?, [], "nothing more is told");
    assert_eq!(marts.result(key).await?, Some(manifest), "nothing is written again");
    let again = marts.read(delivered.ready, None).await?;
    assert_eq!((again.rows, &again.manifest["token"]), (delivered.rows, &json!(token)));
    assert_eq!(marts.usage().await?.iter().filter(|usage| usage["purpose"] == "query").count(), 1);
    Ok(())
}

#[tokio::test]
async fn events_out_of_order_each_deliver_their_own_result() -> Tested {
    let marts = start().await?;
    let late = json!({ "nameContains": "eventide/query/", "times": 1, "event": { "delayedSeconds": 600 } });
    marts.plan(&late).await?;
    let first = ask(&marts, "first").await?;
    marts.await_status("staff", "FINISHED").await?;
    let second = ask(&marts, "second").await?;
    assert_eq!(marts.delivered("staff").await?.manifest["token"], second);
    let (record, _) = marts.record(&first).await?;
    assert_eq!(record["state"], "submitted");
    marts.advance(Duration::from_secs(601)).await?;
    assert_eq!(marts.delivered("staff").await?.manifest["token"], first);
    marts.come_to_rest().await
}

/// The statement may have ended, and its result been delivered, before mart-query has written down that it was
/// submitted.
#[tokio::test]
async fn an_event_may_be_quicker_than_the_function_that_submitted() -> Tested {
    let marts = start().await?;
    let write = json!({ "caller": QUERY, "service": "dynamodb", "operation": "PutItem", "body_contains": "submitted" });
    let hold = json!({ "match": write, "times": 1, "effect": { "type": "hold", "until": 8_000 } });
    marts.fault(&hold).await?;
    let (token, delivered) = tokio::join!(ask(&marts, "r"), delivered_once(&marts));
    let (token, delivered) = (token?, delivered?);
    assert_eq!(delivered.manifest["token"], token);
    let held = marts.faults().await?;
    assert_eq!(held.first().map(|rule| &rule["applied"]), Some(&json!(1)), "{held:?}");
    let (record, open) = marts.record(&token).await?;
    assert_eq!((&record["state"], open), (&json!("delivered"), false), "the late write changes nothing");
    Ok(())
}

#[tokio::test]
async fn a_request_that_comes_twice_is_one_statement() -> Tested {
    let marts = start().await?;
    // EventBridge delivers at least once.
    let event = json!({
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Data Mart Requested",
        "source": "hr.portal", "account": "111122223333", "time": "2026-11-23T12:00:00Z", "region": "us-east-1",
        "resources": [], "detail": { "mart": "staff" },
    });
    let (one, other) = tokio::join!(marts.ask(&event), marts.ask(&event));
    let (one, other) = (one?.map_err(|error| error.to_string())?, other?.map_err(|error| error.to_string())?);
    assert_eq!(one["token"], other["token"]);
    delivered_once(&marts).await?;
    let again = marts.ask(&event).await?.map_err(|error| error.to_string())?;
    assert_eq!(
        (&again["statusCode"], &again["token"]),
        (&json!(200), &one["token"]),
        "it tells where the result lies"
    );
    let other = json!({ "id": "27793124-05d4-b198-2fde-7ededc63b103" });
    let mut next = event;
    next["id"] = other["id"].clone();
    marts.ask(&next).await?.map_err(|error| error.to_string())?;
    marts.delivered("staff").await?;
    assert_eq!(marts.queries("staff").await?.len(), 2, "another event is another request");
    Ok(())
}

#[tokio::test]
async fn a_request_id_stands_for_one_request() -> Tested {
    let marts = start().await?;
    let request =
        |most: u64| json!({ "mart": "staff", "requestId": "monday", "parameters": { "most": most } });
    let first = marts.ask(&request(10)).await?.map_err(|error| error.to_string())?;
    let same = marts.ask(&request(10)).await?.map_err(|error| error.to_string())?;
    assert_eq!(first["token"], same["token"]);
    let other = marts.ask(&request(3)).await?.err().ok_or("it was accepted")?;
    assert_eq!(other["errorType"], "Permanent.PayloadMismatch", "{other}");
    assert!(other["errorMessage"].as_str().is_some_and(|said| said.contains("`requestId`")), "{other}");
    delivered_once(&marts).await.map(drop)
}

/// The answer to a submission is lost: the SDK submits again, with the same client token.
#[tokio::test]
async fn a_submission_without_an_answer_is_not_run_twice() -> Tested {
    let marts = start().await?;
    for operation in ["ExecuteStatement", "BatchExecuteStatement"] {
        let calls = json!({ "caller": QUERY, "service": "redshift-data", "operation": operation });
        marts.fault(&json!({ "match": calls, "times": 1, "effect": { "type": "lost_response" } })).await?;
    }
    ask(&marts, "r").await?;
    delivered_once(&marts).await?;
    let unload = json!({ "mart": "staff", "requestId": "u", "unload": true });
    marts.ask(&unload).await?.map_err(|error| error.to_string())?;
    assert_eq!(marts.delivered("staff").await?.rows.len(), 10);
    assert_eq!(marts.queries("staff").await?.len(), 2);
    let faults = marts.faults().await?;
    assert!(faults.iter().all(|rule| rule["applied"] == 1), "{faults:?}");
    Ok(())
}

#[tokio::test]
async fn services_that_fail_delay_a_delivery_and_no_more() -> Tested {
    let marts = start().await?;
    let throttle = json!({ "type": "throttle" });
    let down = json!({ "type": "error", "status": 500, "code": "InternalServerException" });
    let reset = json!({ "type": "reset" });
    for (call, effect) in [
        ("dynamodb:GetItem", &throttle),
        ("redshift-data:DescribeStatement", &down),
        ("redshift-data:GetStatementResultV2", &throttle),
        ("s3:UploadPart", &down),
        ("s3:CompleteMultipartUpload", &reset),
        ("events:PutEvents", &down),
    ] {
        // One after the other, so that no message fails at every receipt.
        marts.fault(&rule(call, effect)).await?;
        ask(&marts, call).await?;
        // A result may be told twice, so another's may come again before this one's first.
        let delivered = loop {
            let delivered = marts.delivered("staff").await?;
            if delivered.manifest["requestId"] == call {
                break delivered;
            }
        };
        assert_eq!(delivered.rows.len(), 10);
        let faults = marts.faults().await?;
        assert!(faults.iter().all(|rule| rule["applied"] == ALL_ATTEMPTS), "{faults:?}");
    }
    marts.come_to_rest().await?;
    assert_eq!(marts.open_uploads().await?, Vec::<String>::new(), "given up, not forgotten");
    Ok(())
}

fn rule(call: &str, effect: &Value) -> Value {
    let (service, operation) = call.split_once(':').unwrap_or_default();
    let matching = json!({ "caller": DELIVER, "service": service, "operation": operation });
    json!({ "match": matching, "times": ALL_ATTEMPTS, "effect": effect })
}

/// Whoever asked is told before the message is given up.
#[tokio::test]
async fn a_delivery_that_never_succeeds_is_told() -> Tested {
    let marts = start().await?;
    let denied = json!({ "type": "error", "status": 403, "code": "AccessDenied" });
    let parts = json!({ "caller": DELIVER, "service": "s3", "operation": "UploadPart" });
    marts.fault(&json!({ "match": parts, "effect": denied })).await?;
    let token = ask(&marts, "r").await?;
    let failed = marts.await_event("Data Mart Failed", "staff").await?;
    assert_eq!(
        (&failed["errorClass"], &failed["token"]),
        (&json!("AccessDenied"), &json!(token)),
        "{failed}"
    );
    let set_aside = eventually("the message in the failed queue", PATIENCE, || async {
        marts.failed_messages().await.ok()?.first().cloned()
    });
    let set_aside = set_aside.await?;
    let attribute = |name: &str| set_aside["MessageAttributes"][name]["StringValue"].clone();
    assert_eq!(attribute("error_type"), "Environment.AccessDenied", "{set_aside}");
    assert_eq!(attribute("receive_count"), "5");
    let (record, _) = marts.record(&token).await?;
    assert_eq!(record["state"], "failed");
    Ok(())
}
