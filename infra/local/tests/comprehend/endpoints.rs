use serde_json::{Value, json};
use time::Duration;

use crate::bench::{Bench, text};

async fn endpoint(bench: &Bench, model: &str, units: u32) -> String {
    let body = json!({ "EndpointName": "screen", "ModelArn": model, "DesiredInferenceUnits": units });
    text(&bench.ok("CreateEndpoint", body).await, "/EndpointArn")
}

async fn status(bench: &Bench, arn: &str) -> Value {
    let answer = bench.ok("DescribeEndpoint", json!({ "EndpointArn": arn })).await;
    answer.get("EndpointProperties").cloned().unwrap_or_default()
}

#[tokio::test]
async fn an_endpoint_answers_once_it_is_in_service() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    bench.set(json!({ "endpointSeconds": 300 })).await;
    let arn = endpoint(&bench, &model, 2).await;
    assert_eq!(arn, "arn:aws:comprehend:us-east-1:111122223333:document-classifier-endpoint/screen");
    let described = status(&bench, &arn).await;
    assert_eq!((&described["Status"], &described["ModelArn"]), (&json!("CREATING"), &json!(model)));
    assert!(described.get("CurrentInferenceUnits").is_none(), "{described}");
    let ask = json!({ "EndpointArn": arn, "Text": "Place your bets: a jackpot every night" });
    let code = bench.refused("ClassifyDocument", ask.clone()).await;
    assert_eq!(code, "ResourceUnavailableException");

    bench.clock.advance(Duration::seconds(300));
    let described = status(&bench, &arn).await;
    assert_eq!(
        (&described["Status"], &described["CurrentInferenceUnits"]),
        (&json!("IN_SERVICE"), &json!(2))
    );
    let answer = bench.ok("ClassifyDocument", ask).await;
    let classes = answer["Classes"].as_array().cloned().unwrap_or_default();
    assert_eq!((classes.len(), &classes[0]["Name"]), (3, &json!("gambling")), "{answer}");
    let scores: Vec<f64> = classes.iter().filter_map(|class| class["Score"].as_f64()).collect();
    assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{answer}");
    assert!(scores.is_sorted_by(|a, b| a >= b), "{answer}");
    Ok(())
}

#[tokio::test]
async fn throughput_is_that_of_the_units() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    let arn = endpoint(&bench, &model, 2).await;
    bench.clock.advance(Duration::seconds(60));
    assert_eq!(status(&bench, &arn).await["Status"], "IN_SERVICE");
    let ask = |length: usize| json!({ "EndpointArn": arn, "Text": "x".repeat(length) });
    let mut passed = 0;
    for _ in 0..20 {
        // Nothing is worked off while the clock goes back, however long the test takes.
        bench.clock.advance(Duration::seconds(-60));
        match bench.call("ClassifyDocument", ask(10)).await {
            (200, _) => passed += 1,
            (status, answer) => {
                assert_eq!((status, text(&answer, "/code")), (400, "ThrottlingException".into()));
            }
        }
    }
    assert_eq!(passed, 4, "two units let four documents a second pass");
    bench.clock.advance(Duration::seconds(60));
    bench.ok("ClassifyDocument", ask(10_000)).await;
    bench.clock.advance(Duration::seconds(40));
    let code = bench.refused("ClassifyDocument", ask(10)).await;
    assert_eq!(code, "ThrottlingException", "10,000 characters take two units 49 s to work off");
    bench.clock.advance(Duration::seconds(15));
    bench.ok("ClassifyDocument", ask(10)).await;
    bench.set(json!({ "rates": false })).await;
    for _ in 0..20 {
        bench.ok("ClassifyDocument", ask(10)).await;
    }
    Ok(())
}

#[tokio::test]
async fn texts_have_a_size() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    let arn = endpoint(&bench, &model, 10).await;
    bench.clock.advance(Duration::seconds(60));
    for (more, code) in [
        (json!({ "Text": "é".repeat(5_001) }), "TextSizeLimitExceededException"),
        (json!({ "Text": "" }), "InvalidRequestException"),
        (json!({}), "InvalidRequestException"),
        (json!({ "Bytes": "eA==" }), "NotImplementedException"),
        (json!({ "Text": "x", "EndpointArn": "screen" }), "InvalidRequestException"),
        (json!({ "Text": "x", "EndpointArn": format!("{arn}-2") }), "ResourceUnavailableException"),
    ] {
        let body = crate::bench::with(json!({ "EndpointArn": arn }), &more);
        assert_eq!(bench.refused("ClassifyDocument", body).await, code, "{code}");
    }
    bench.ok("ClassifyDocument", json!({ "EndpointArn": arn, "Text": "é".repeat(5_000) })).await;
    Ok(())
}

#[tokio::test]
async fn endpoints_are_changed_and_deleted() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    let other = bench.create(json!({ "VersionName": "v2" })).await;
    bench.classifier(&other, "TRAINED").await?;
    bench.set(json!({ "endpointSeconds": 300 })).await;
    let arn = endpoint(&bench, &model, 2).await;
    let update = json!({ "EndpointArn": arn, "DesiredModelArn": other, "DesiredInferenceUnits": 5 });
    let code = bench.refused("UpdateEndpoint", update.clone()).await;
    assert_eq!(code, "ResourceUnavailableException", "it is still created");
    bench.clock.advance(Duration::seconds(300));
    assert_eq!(bench.ok("UpdateEndpoint", update).await["DesiredModelArn"], json!(other));
    let described = status(&bench, &arn).await;
    assert_eq!((&described["Status"], &described["ModelArn"]), (&json!("UPDATING"), &json!(model)));
    bench.ok("ClassifyDocument", json!({ "EndpointArn": arn, "Text": "a jackpot" })).await;
    for used in [&model, &other] {
        let code = bench.refused("DeleteDocumentClassifier", json!({ "DocumentClassifierArn": used })).await;
        assert_eq!(code, "ResourceInUseException");
    }
    bench.clock.advance(Duration::seconds(300));
    let described = status(&bench, &arn).await;
    assert_eq!((&described["ModelArn"], &described["CurrentInferenceUnits"]), (&json!(other), &json!(5)));
    bench.ok("DeleteDocumentClassifier", json!({ "DocumentClassifierArn": model })).await;
    bench.ok("DeleteEndpoint", json!({ "EndpointArn": arn })).await;
    let code = bench.refused("DescribeEndpoint", json!({ "EndpointArn": arn })).await;
    assert_eq!(code, "ResourceNotFoundException");
    Ok(())
}

#[tokio::test]
async fn endpoints_are_limited_and_named_once() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    bench.set(json!({ "maxAccountUnits": 12 })).await;
    let create = |name: &str, units: u32, token: &str| {
        json!({
            "EndpointName": name, "ModelArn": model, "DesiredInferenceUnits": units, "ClientRequestToken": token,
        })
    };
    let first = bench.ok("CreateEndpoint", create("one", 10, "a")).await;
    assert_eq!(bench.ok("CreateEndpoint", create("one", 10, "a")).await, first);
    for (body, code) in [
        (create("one", 10, "b"), "ResourceInUseException"),
        (create("one", 9, "a"), "ResourceInUseException"),
        (create("two", 11, "b"), "ResourceLimitExceededException"),
        (create("two", 3, "b"), "ResourceLimitExceededException"),
        (create("two", 0, "b"), "InvalidRequestException"),
        (json!({ "EndpointName": "two", "DesiredInferenceUnits": 1 }), "InvalidRequestException"),
        (
            json!({ "EndpointName": "two", "DesiredInferenceUnits": 1, "ModelArn": format!("{model}x") }),
            "ResourceNotFoundException",
        ),
    ] {
        assert_eq!(bench.refused("CreateEndpoint", body.clone()).await, code, "{body}");
    }
    let update = json!({ "EndpointArn": first["EndpointArn"], "DesiredInferenceUnits": 1 });
    bench.clock.advance(Duration::seconds(60));
    bench.ok("UpdateEndpoint", update).await;
    bench.ok("CreateEndpoint", create("two", 3, "b")).await;
    let listed = bench.ok("ListEndpoints", json!({ "Filter": { "ModelArn": model } })).await;
    assert_eq!(listed["EndpointPropertiesList"].as_array().map(Vec::len), Some(2));
    Ok(())
}
