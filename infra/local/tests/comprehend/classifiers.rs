use serde_json::{Value, json};
use time::Duration;

use crate::bench::{Bench, classifier, text, training, with};

#[tokio::test]
async fn a_classifier_is_trained_from_s3() -> Result<(), String> {
    let bench = Bench::new();
    bench.put("train.csv", &training(60)).await;
    bench.set(json!({ "trainingSubmittedSeconds": 60, "trainingSeconds": 600 })).await;
    let arn = bench.create(json!({ "OutputDataConfig": { "S3Uri": "s3://data/models" } })).await;
    assert_eq!(arn, "arn:aws:comprehend:us-east-1:111122223333:document-classifier/screen/version/v1");
    let described = bench.classifier(&arn, "SUBMITTED").await?;
    assert!(described.get("TrainingStartTime").is_none(), "{described}");
    bench.clock.advance(Duration::seconds(60));
    let described = bench.classifier(&arn, "TRAINING").await?;
    assert!(described.get("ClassifierMetadata").is_none(), "{described}");
    bench.clock.advance(Duration::seconds(600));
    let described = bench.classifier(&arn, "TRAINED").await?;
    let metadata = &described["ClassifierMetadata"];
    assert_eq!(metadata["NumberOfLabels"], 3, "{metadata}");
    assert_eq!(metadata["NumberOfTrainedDocuments"], 162, "{metadata}");
    assert_eq!(metadata["NumberOfTestDocuments"], 18, "{metadata}");
    assert_eq!(metadata["EvaluationMetrics"]["Accuracy"], 1.0, "{metadata}");
    assert_eq!(metadata["EvaluationMetrics"]["HammingLoss"], 0.0, "{metadata}");
    let output = text(&described, "/OutputDataConfig/S3Uri");
    assert!(output.starts_with("s3://data/models/111122223333-CLR-"), "{output}");
    let (name, matrix) = bench.unpacked(&output).await?;
    assert_eq!(name, "output/confusion_matrix.json");
    let matrix: Value = serde_json::from_str(&matrix).unwrap_or_default();
    assert_eq!(matrix["confusion_matrix"], json!([[6, 0, 0], [0, 6, 0], [0, 0, 6]]));
    assert_eq!(matrix["labels"], json!(["alcohol", "compliant", "gambling"]));
    Ok(())
}

#[tokio::test]
async fn a_test_set_is_used_and_prefixes_match_siblings() -> Result<(), String> {
    let bench = Bench::new();
    bench.put("train/a.csv", &training(30)).await;
    bench.put("train/b.csv", &training(30)).await;
    bench.put("test.csv", "gambling,place your bets tonight\ncompliant,free beer and wine tasting\n").await;
    let data = json!({ "S3Uri": "s3://data/train", "TestS3Uri": "s3://data/test.csv" });
    let arn = bench.create(json!({ "InputDataConfig": data })).await;
    let described = bench.classifier(&arn, "TRAINED").await?;
    let metadata = &described["ClassifierMetadata"];
    assert_eq!(metadata["NumberOfTrainedDocuments"], 180, "{metadata}");
    assert_eq!(metadata["NumberOfTestDocuments"], 2, "{metadata}");
    assert_eq!(metadata["EvaluationMetrics"]["Accuracy"], 0.5, "{metadata}");
    Ok(())
}

#[tokio::test]
async fn bad_data_are_an_error_with_a_reason() -> Result<(), String> {
    let bench = Bench::new();
    bench.put("few.csv", &training(49)).await;
    bench.put("broken.csv", "gambling,a,b\n").await;
    bench.put("one.csv", &"gambling,place your bets\n".repeat(60)).await;
    bench.put("train.csv", &training(60)).await;
    for (name, more, reason) in [
        ("few", json!({}), "49 training documents"),
        ("broken", json!({}), "line 1: 3 columns"),
        ("one", json!({}), "1 different labels"),
        ("absent", json!({}), "NO_READ_ACCESS_TO_INPUT"),
        ("train", json!({ "OutputDataConfig": { "S3Uri": "s3://closed/" } }), "NO_WRITE_ACCESS_TO_OUTPUT"),
    ] {
        let data = json!({ "S3Uri": format!("s3://data/{name}.csv") });
        let request = json!({ "DocumentClassifierName": name, "InputDataConfig": data });
        let arn = bench.create(with(request, &more)).await;
        let described = bench.classifier(&arn, "IN_ERROR").await?;
        assert!(text(&described, "/Message").contains(reason), "{described}");
        assert!(described.get("ClassifierMetadata").is_none(), "{described}");
    }
    Ok(())
}

#[tokio::test]
async fn documents_may_have_several_labels() -> Result<(), String> {
    let bench = Bench::new();
    let both = "gambling;alcohol,free slots and cheap vodka\n".repeat(10);
    bench.put("train.csv", &format!("{}{both}", training(20))).await;
    let data = json!({ "S3Uri": "s3://data/train.csv", "LabelDelimiter": ";" });
    let arn = bench.create(json!({ "InputDataConfig": data, "Mode": "MULTI_LABEL" })).await;
    let described = bench.classifier(&arn, "TRAINED").await?;
    assert_eq!(described["Mode"], "MULTI_LABEL");
    assert_eq!(described["ClassifierMetadata"]["NumberOfLabels"], 3);
    bench.put("in/1.txt", "cheap vodka and free slots\n").await;
    let id = bench.start(&arn, json!({})).await;
    let output = bench.output(&id).await?;
    let labels = output[0]["Labels"].as_array().cloned().unwrap_or_default();
    let likely = labels.iter().filter(|label| label["Score"].as_f64() > Some(0.5));
    let mut likely: Vec<&str> = likely.filter_map(|label| label["Name"].as_str()).collect();
    likely.sort_unstable();
    assert_eq!(likely, ["alcohol", "gambling"], "{output:?}");
    Ok(())
}

#[tokio::test]
async fn requests_are_checked() {
    let bench = Bench::new();
    let data = |more: Value| json!({ "InputDataConfig": with(json!({ "S3Uri": "s3://data/x" }), &more) });
    let invalid = "InvalidRequestException";
    for (more, code) in [
        (json!({ "DocumentClassifierName": "a_b" }), invalid),
        (json!({ "DocumentClassifierName": null }), invalid),
        (json!({ "VersionName": "x".repeat(64) }), invalid),
        (json!({ "DataAccessRoleArn": "arn:aws:iam::111122223333:user/someone" }), invalid),
        (json!({ "ClientRequestToken": "a:b" }), invalid),
        (json!({ "LanguageCode": "xx" }), invalid),
        (json!({ "LanguageCode": "ja" }), "UnsupportedLanguageException"),
        (json!({ "Mode": "BOTH" }), invalid),
        (json!({ "InputDataConfig": {} }), invalid),
        (json!({ "InputDataConfig": null }), invalid),
        (json!({ "InputDataConfig": 1 }), "SerializationException"),
        (data(json!({ "S3Uri": "http://data/x" })), invalid),
        (data(json!({ "LabelDelimiter": "a" })), invalid),
        (data(json!({ "LabelDelimiter": "||" })), invalid),
        (data(json!({ "DataFormat": "AUGMENTED_MANIFEST" })), "NotImplementedException"),
        (data(json!({ "DocumentType": "SEMI_STRUCTURED_DOCUMENT" })), "NotImplementedException"),
    ] {
        let body = with(classifier(), &more);
        assert_eq!(bench.refused("CreateDocumentClassifier", body).await, code, "{more}");
    }
    assert_eq!(bench.refused("DetectSentiment", json!({})).await, "UnknownOperationException");
    let unknown = json!({
        "DocumentClassifierArn": "arn:aws:comprehend:us-east-1:111122223333:document-classifier/absent",
    });
    for operation in
        ["DescribeDocumentClassifier", "DeleteDocumentClassifier", "StopTrainingDocumentClassifier"]
    {
        assert_eq!(bench.refused(operation, unknown.clone()).await, "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn names_and_tokens_are_used_once() {
    let bench = Bench::new();
    let arn = bench.create(json!({ "ClientRequestToken": "once" })).await;
    assert_eq!(bench.create(json!({ "ClientRequestToken": "once" })).await, arn);
    for more in [
        json!({}),
        json!({ "ClientRequestToken": "other" }),
        json!({ "ClientRequestToken": "once", "VersionName": "v2" }),
    ] {
        let code = bench.refused("CreateDocumentClassifier", with(classifier(), &more)).await;
        assert_eq!(code, "ResourceInUseException", "{more}");
    }
    let second = bench.create(json!({ "VersionName": "v2" })).await;
    assert!(second.ends_with("/screen/version/v2"), "{second}");
    let plain = bench.create(json!({ "VersionName": null })).await;
    assert!(plain.ends_with("/screen"), "{plain}");
}

#[tokio::test]
async fn training_is_stopped_and_classifiers_are_deleted() -> Result<(), String> {
    let bench = Bench::new();
    bench.put("train.csv", &training(60)).await;
    bench.set(json!({ "trainingSeconds": 600 })).await;
    let arn = bench.create(json!({})).await;
    let named = json!({ "DocumentClassifierArn": arn });
    bench.classifier(&arn, "TRAINING").await?;
    let code = bench.refused("DeleteDocumentClassifier", named.clone()).await;
    assert_eq!(code, "ResourceUnavailableException");
    bench.ok("StopTrainingDocumentClassifier", named.clone()).await;
    let described = bench.classifier(&arn, "STOPPED").await?;
    assert!(described.get("EndTime").is_some(), "{described}");
    bench.ok("DeleteDocumentClassifier", named.clone()).await;
    let code = bench.refused("DescribeDocumentClassifier", named).await;
    assert_eq!(code, "ResourceNotFoundException");
    Ok(())
}

#[tokio::test]
async fn lists_are_filtered_and_paged() -> Result<(), String> {
    let (bench, arn) = Bench::trained().await?;
    let failed =
        bench.create(json!({ "VersionName": "v2", "InputDataConfig": { "S3Uri": "s3://data/x" } })).await;
    bench.classifier(&failed, "IN_ERROR").await?;
    let list = |filter: Value| {
        let bench = &bench;
        async move {
            let answer = bench.ok("ListDocumentClassifiers", json!({ "Filter": filter })).await;
            let found = answer["DocumentClassifierPropertiesList"].as_array().cloned().unwrap_or_default();
            found.iter().map(|found| text(found, "/DocumentClassifierArn")).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(json!({})).await, [failed.clone(), arn.clone()]);
    assert_eq!(list(json!({ "Status": "TRAINED" })).await, [arn]);
    assert_eq!(list(json!({ "DocumentClassifierName": "other" })).await, Vec::<String>::new());
    assert_eq!(list(json!({ "SubmitTimeAfter": 4_000_000_000_u64 })).await, Vec::<String>::new());
    let two = json!({ "Filter": { "Status": "TRAINED", "DocumentClassifierName": "screen" } });
    assert_eq!(bench.refused("ListDocumentClassifiers", two).await, "InvalidFilterException");
    let page = bench.ok("ListDocumentClassifiers", json!({ "MaxResults": 1 })).await;
    let next = json!({ "MaxResults": 1, "NextToken": page["NextToken"] });
    let page = bench.ok("ListDocumentClassifiers", next).await;
    assert!(page.get("NextToken").is_none(), "{page}");
    Ok(())
}
