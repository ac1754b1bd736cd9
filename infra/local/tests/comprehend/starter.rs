use http::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, training};

const ARN: &str =
    "arn:aws:comprehend:us-east-1:111122223333:document-classifier/eventide-compliance/version/starter";

#[tokio::test]
async fn a_starter_is_there_at_once_and_stays() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let dataset = folder.path().join("train.csv");
    std::fs::write(&dataset, training(60)).map_err(|error| error.to_string())?;
    let bench = Bench::new();
    bench.set(json!({ "trainingSeconds": 600, "endpointSeconds": 600 })).await;
    let request = json!({ "dataset": dataset, "endpoint": { "units": 3 } });
    let (status, answer) = bench.control(Method::POST, "starter", request.clone()).await;
    assert_eq!((status, &answer["classifierArn"]), (200, &json!(ARN)), "{answer}");
    assert_eq!(answer["metadata"]["NumberOfLabels"], 3);
    bench.classifier(ARN, "TRAINED").await?;
    let ask = json!({ "EndpointArn": answer["endpointArn"], "Text": "a jackpot at poker night" });
    let classified = bench.ok("ClassifyDocument", ask.clone()).await;
    assert_eq!(classified["Classes"][0]["Name"], "gambling");

    let other = bench.create(json!({})).await;
    eventide_local::service::Service::reset(&bench.service);
    bench.classifier(ARN, "TRAINED").await?;
    assert_eq!(bench.ok("ClassifyDocument", ask).await, classified);
    let code = bench.refused("DescribeDocumentClassifier", json!({ "DocumentClassifierArn": other })).await;
    assert_eq!(code, "ResourceNotFoundException");
    let (_, again) = bench.control(Method::POST, "starter", request).await;
    assert_eq!(again, answer);
    let (_, shown) = bench.control(Method::GET, "classifiers", Value::Null).await;
    assert_eq!(shown["classifiers"].as_array().map(Vec::len), Some(1), "{shown}");
    let (_, shown) = bench.control(Method::GET, "endpoints", Value::Null).await;
    assert_eq!(shown["endpoints"].as_array().map(Vec::len), Some(1), "{shown}");

    let (_, asked) = bench.control(Method::POST, "classify", json!({ "text": "wine tasting" })).await;
    assert_eq!(asked["classes"][0]["name"], "alcohol", "{asked}");
    Ok(())
}

#[tokio::test]
async fn what_control_does_not_understand_it_refuses() {
    let bench = Bench::new();
    for (method, path, body) in [
        (Method::POST, "starter", json!({ "dataset": "/absent.csv" })),
        (Method::POST, "starter", json!({ "data": "x" })),
        (Method::POST, "classify", json!({ "text": "x" })),
        (Method::POST, "settings", json!({ "jobSeconds": "x" })),
        (Method::POST, "plans", json!({ "fails": true })),
    ] {
        let (status, answer) = bench.control(method, path, body).await;
        assert_eq!(status, 400, "{path}: {answer}");
    }
    assert_eq!(bench.control(Method::GET, "nothing", Value::Null).await.0, 501);
}
