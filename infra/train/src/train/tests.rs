use std::cell::RefCell;
use std::collections::VecDeque;

use super::*;
use crate::confusion::tests::{CLASSES, archive};
use crate::dataset::Labelling;

const CLASSIFIER: &str = "arn:aws:comprehend:us-east-1:111122223333:document-classifier/screening/version/v2";
const ENDPOINT: &str = "arn:aws:comprehend:us-east-1:111122223333:document-classifier-endpoint/screening-v2";

/// Answers in the order in which they were laid out, and keeps what was asked.
#[derive(Default)]
struct Script {
    answers: RefCell<VecDeque<Result<Value, Failure>>>,
    calls: RefCell<Vec<(String, Value)>>,
    archive: Vec<u8>,
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Result<Value, Failure>>) -> Self {
        let archive = archive("output/confusion_matrix.json", CLASSES);
        Self { answers: RefCell::new(answers.into_iter().collect()), archive, ..Self::default() }
    }

    fn operations(&self) -> Vec<String> {
        self.calls.borrow().iter().map(|(operation, _)| operation.clone()).collect()
    }

    fn input(&self, operation: &str) -> Value {
        self.calls.borrow().iter().find(|(called, _)| called == operation).unwrap().1.clone()
    }
}

impl Aws for Script {
    fn comprehend(&self, operation: &str, input: &Value) -> Result<Value, Failure> {
        self.calls.borrow_mut().push((operation.to_owned(), input.clone()));
        self.answers.borrow_mut().pop_front().expect("a call that nothing answers")
    }

    fn upload(&self, _: &Path, uri: &str) -> Result<(), Failure> {
        self.calls.borrow_mut().push(("upload".to_owned(), uri.into()));
        Ok(())
    }

    fn download(&self, uri: &str) -> Result<Vec<u8>, Failure> {
        self.calls.borrow_mut().push(("download".to_owned(), uri.into()));
        Ok(self.archive.clone())
    }
}

fn refused(code: &str) -> Result<Value, Failure> {
    Err(Failure { code: Some(code.into()), message: format!("An error occurred ({code}): no") })
}

fn created() -> Result<Value, Failure> {
    Ok(json!({ "DocumentClassifierArn": CLASSIFIER }))
}

fn classifier(status: &str) -> Result<Value, Failure> {
    Ok(json!({ "DocumentClassifierProperties": {
        "DocumentClassifierArn": CLASSIFIER,
        "Status": status,
        "Message": if status == "IN_ERROR" { "the role may not read" } else { "" },
        "OutputDataConfig": { "S3Uri": "s3://bucket/training/screening/v2/output/x/output/output.tar.gz" },
        "ClassifierMetadata": {
            "NumberOfLabels": 2, "NumberOfTrainedDocuments": 100, "NumberOfTestDocuments": 10,
            "EvaluationMetrics": { "Accuracy": 0.91, "F1Score": 0.87 },
        },
    }}))
}

fn validated(mode: Mode, test: bool) -> Validated {
    let labelling = Labelling { mode, delimiter: '+' };
    let parse = |name: &str| Dataset::parse(Path::new(name), b"a,one\nb,two\n", labelling).0;
    Validated { train: parse("train"), test: test.then(|| parse("test")), labelling, problems: Vec::new() }
}

fn order(folder: &Path, endpoint: bool) -> Order {
    Order {
        bucket: "bucket".into(),
        role: "arn:aws:iam::111122223333:role/comprehend".into(),
        name: "screening".into(),
        version: "v2".into(),
        language: "en".into(),
        endpoint: endpoint.then(|| Endpoint { name: "screening-v2".into(), units: 3 }),
        parameters: folder.join("parameters.json"),
        poll: Duration::ZERO,
    }
}

fn run(script: &Script, validated: &Validated, order: &Order) -> Result<String, String> {
    let mut out = Vec::new();
    train(script, &mut out, validated, order).map(|()| String::from_utf8(out).unwrap())
}

fn parameters(order: &Order) -> Value {
    serde_json::from_slice(&std::fs::read(&order.parameters).unwrap()).unwrap()
}

#[test]
fn a_classifier_is_trained_scored_and_configured() {
    let folder = tempfile::tempdir().unwrap();
    let order = order(folder.path(), false);
    std::fs::write(&order.parameters, r#"{"CompliantLabel": "a", "EndpointArn": "of the old one"}"#).unwrap();
    let script = Script::of([
        created(),
        classifier("SUBMITTED"),
        classifier("TRAINING"),
        classifier("TRAINING"),
        classifier("TRAINED"),
    ]);
    let printed = run(&script, &validated(Mode::MultiClass, true), &order).unwrap();
    let input = script.input("create-document-classifier");
    assert_eq!(input["Mode"], "MULTI_CLASS");
    assert_eq!(input["InputDataConfig"]["S3Uri"], script.calls.borrow()[0].1);
    assert_eq!(input["InputDataConfig"]["TestS3Uri"], script.calls.borrow()[1].1);
    assert_eq!(input["InputDataConfig"].get("LabelDelimiter"), None);
    assert_eq!(input["ClientRequestToken"].as_str().unwrap().len(), 64);
    assert_eq!(printed.matches("classifier TRAINING").count(), 1, "{printed}");
    for part in ["accuracy         0.9100", "F1               0.8700", "A             7  0.222  Y 4, B 2"] {
        assert!(printed.contains(part), "{part} in\n{printed}");
    }
    assert_eq!(
        parameters(&order),
        json!({ "CompliantLabel": "a", "ClassifierArn": CLASSIFIER, "EndpointArn": "" })
    );
}

#[test]
fn an_endpoint_is_made_when_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let order = order(folder.path(), true);
    let endpoint = |status: &str| Ok(json!({ "EndpointProperties": { "Status": status } }));
    let script = Script::of([
        created(),
        classifier("TRAINED_WITH_WARNING"),
        Ok(json!({ "EndpointArn": ENDPOINT })),
        endpoint("CREATING"),
        endpoint("IN_SERVICE"),
    ]);
    run(&script, &validated(Mode::MultiLabel, false), &order).unwrap();
    let data = &script.input("create-document-classifier")["InputDataConfig"];
    assert_eq!(data["LabelDelimiter"], "+");
    assert_eq!(data.get("TestS3Uri"), None);
    let input = script.input("create-endpoint");
    assert_eq!((&input["ModelArn"], &input["DesiredInferenceUnits"]), (&json!(CLASSIFIER), &json!(3)));
    assert_eq!(parameters(&order), json!({ "ClassifierArn": CLASSIFIER, "EndpointArn": ENDPOINT }));
}

#[test]
fn a_failed_training_configures_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let order = order(folder.path(), true);
    let script = Script::of([created(), classifier("IN_ERROR")]);
    let error = run(&script, &validated(Mode::MultiClass, false), &order).unwrap_err();
    assert!(error.contains("`IN_ERROR`") && error.contains("the role may not read"), "{error}");
    assert!(!order.parameters.exists());
}

#[test]
fn the_same_order_goes_on_with_the_version_that_exists() {
    let folder = tempfile::tempdir().unwrap();
    let order = order(folder.path(), false);
    let validated = validated(Mode::MultiClass, false);
    let uri = {
        let script = Script::of([created(), classifier("TRAINED")]);
        run(&script, &validated, &order).unwrap();
        script.input("create-document-classifier")["InputDataConfig"]["S3Uri"].clone()
    };
    let listed = |uri: &Value| {
        let version = |arn: &str, name: &str| {
            json!({
                "DocumentClassifierArn": arn, "VersionName": name, "Mode": "MULTI_CLASS",
                "LanguageCode": "en",
                "InputDataConfig": { "S3Uri": uri },
            })
        };
        let versions = [version("another", "v1"), version(CLASSIFIER, "v2")];
        Ok(json!({ "DocumentClassifierPropertiesList": versions }))
    };
    let script = Script::of([refused("ResourceInUseException"), listed(&uri), classifier("TRAINED")]);
    run(&script, &validated, &order).unwrap();
    assert_eq!(
        script.operations(),
        [
            "upload",
            "create-document-classifier",
            "list-document-classifiers",
            "describe-document-classifier",
            "download"
        ]
    );
    let other = json!("s3://bucket/training/screening/v2/train-0.csv");
    for (listed, validated) in
        [(listed(&other), validated), (listed(&uri), self::validated(Mode::MultiClass, true))]
    {
        let script = Script::of([refused("ResourceInUseException"), listed]);
        assert!(run(&script, &validated, &order).unwrap_err().contains("expected a new version name"));
    }
}

#[test]
fn the_token_is_the_same_for_the_same_order_only() {
    let folder = tempfile::tempdir().unwrap();
    let token = |order: &Order, test: bool| {
        let script = Script::of([created(), classifier("TRAINED")]);
        run(&script, &validated(Mode::MultiClass, test), order).unwrap();
        script.input("create-document-classifier")["ClientRequestToken"].clone()
    };
    let order = order(folder.path(), false);
    let first = token(&order, false);
    assert_eq!(token(&order, false), first);
    assert_ne!(token(&order, true), first);
    let later = Order { version: "v3".into(), ..order };
    assert_ne!(token(&later, false), first);
}

#[test]
fn a_missing_matrix_is_said_and_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let order = order(folder.path(), false);
    let mut script = Script::of([created(), classifier("TRAINED")]);
    script.archive = archive("output/other.txt", "");
    let printed = run(&script, &validated(Mode::MultiClass, false), &order).unwrap();
    assert!(printed.contains("no confusion matrix"), "{printed}");
    assert!(order.parameters.exists());
}

#[test]
fn names_and_roles_are_checked_before_anything_is_paid() {
    for good in ["a", "screening-2026", &"x".repeat(63)] {
        assert_eq!(name(good).as_deref(), Ok(good));
    }
    for bad in ["", "-a", "a-", "a_b", "a b", &"x".repeat(64)] {
        assert!(name(bad).is_err(), "{bad}");
    }
    for good in ["arn:aws:iam::111122223333:role/comprehend", "arn:aws-cn:iam::111122223333:role/path/name"] {
        assert_eq!(role(good).as_deref(), Ok(good));
    }
    for bad in [
        "comprehend",
        "arn:aws:iam::1111:role/a",
        "arn:aws:iam::111122223333:user/a",
        "arn:aws:iam::111122223333:role/",
    ] {
        assert!(role(bad).is_err(), "{bad}");
    }
    assert_eq!(endpoint_name("screening", "v2"), "screening-v2");
    assert_eq!(endpoint_name(&"x".repeat(39), "v2"), "x".repeat(39));
}
