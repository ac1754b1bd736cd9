use eventide_clients::comprehend::{Classifier, EndpointState, Job, JobStatus, SdkClassifier, State};
use eventide_types::campaign::verdict::{Mode, Score, Scores};
use serde_json::json;

use crate::support::{Server, error, ok};

const ENDPOINT: &str = "arn:aws:comprehend:us-east-1:111122223333:document-classifier-endpoint/e";
const CLASSIFIER: &str = "arn:aws:comprehend:us-east-1:111122223333:document-classifier/c/version/1";

fn job() -> Job {
    Job {
        name: "spring-1".to_owned(),
        classifier_arn: CLASSIFIER.to_owned(),
        input_uri: "s3://campaigns/batches/spring-1/input".to_owned(),
        output_uri: "s3://campaigns/batches/spring-1/".to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/comprehend".to_owned(),
        client_token: "spring-1".to_owned(),
    }
}

#[tokio::test]
async fn the_list_tells_the_kind_of_model_and_is_put_in_order() {
    let named =
        json!([{"Name": "a", "Score": 0.25}, {"Name": "b", "Score": 0.5}, {"Name": "c", "Score": 0.25}]);
    for (member, mode) in [("Classes", Mode::MultiClass), ("Labels", Mode::MultiLabel)] {
        let answer = json!({member: named});
        let server = Server::start(move |_| ok(answer.clone())).await;
        let scores = SdkClassifier::new(&server.config()).classify(ENDPOINT, "Größe").await.unwrap();
        let label = |name: &str, score| Score { name: name.to_owned(), score };
        assert_eq!(
            scores,
            Scores { mode, labels: vec![label("b", 0.5), label("a", 0.25), label("c", 0.25)] }
        );
        assert_eq!(server.seen()[0].json, json!({"EndpointArn": ENDPOINT, "Text": "Größe"}));
    }
    for answer in [json!({}), json!({"Classes": named, "Labels": named}), json!({"Classes": [{"Name": "a"}]})]
    {
        let server = Server::start(move |_| ok(answer.clone())).await;
        let failed = SdkClassifier::new(&server.config()).classify(ENDPOINT, "text").await.unwrap_err();
        assert_eq!(failed.qualified_type(), "Retryable.IncompleteAnswer");
    }
}

#[tokio::test]
async fn classifying_is_tried_once_and_starting_three_times() {
    for (status, code, expected, starts) in [
        (400, "ThrottlingException", "Retryable.Throttled", 3),
        (400, "TooManyRequestsException", "Retryable.Throttled", 3),
        (400, "ResourceLimitExceededException", "Retryable.Throttled", 1),
        (500, "InternalServerException", "Retryable.ServerError", 3),
        (400, "ResourceUnavailableException", "Environment.ResourceUnavailable", 1),
        (400, "ResourceNotFoundException", "Environment.ResourceNotFound", 1),
        (400, "KmsKeyValidationException", "Environment.KmsKeyValidation", 1),
        (400, "AccessDeniedException", "Environment.AccessDenied", 1),
        (400, "TextSizeLimitExceededException", "Permanent.TextSizeLimitExceeded", 1),
        (400, "InvalidRequestException", "Permanent.InvalidRequest", 1),
    ] {
        let server = Server::start(move |_| error(status, code)).await;
        let classifier = SdkClassifier::new(&server.config());
        let failed = classifier.classify(ENDPOINT, "secret text").await.unwrap_err();
        assert_eq!((failed.qualified_type().as_str(), server.hits()), (expected, 1), "{code}");
        assert!(!failed.to_string().contains("secret"));
        let failed = classifier.start(&job()).await.unwrap_err();
        assert_eq!((failed.qualified_type().as_str(), server.hits()), (expected, 1 + starts), "{code}");
    }
}

#[tokio::test]
async fn a_job_says_where_everything_is() {
    let server = Server::start(|_| ok(json!({"JobId": "j", "JobStatus": "SUBMITTED"}))).await;
    let classifier = SdkClassifier::new(&server.config());
    assert_eq!(classifier.start(&job()).await.unwrap(), "j");
    assert_eq!(
        server.seen()[0].json,
        json!({"JobName": "spring-1", "DocumentClassifierArn": CLASSIFIER,
            "InputDataConfig": {"S3Uri": "s3://campaigns/batches/spring-1/input", "InputFormat": "ONE_DOC_PER_LINE"},
            "OutputDataConfig": {"S3Uri": "s3://campaigns/batches/spring-1/"},
            "DataAccessRoleArn": "arn:aws:iam::111122223333:role/comprehend", "ClientRequestToken": "spring-1"})
    );
    for client_token in ["", "a:b", "a_b", "ü", &"a".repeat(65)] {
        let bad = Job { client_token: client_token.to_owned(), ..job() };
        assert_eq!(classifier.start(&bad).await.unwrap_err().qualified_type(), "Permanent.InvalidRequest");
    }
    assert_eq!(server.hits(), 1, "what Comprehend would refuse is not sent");
}

#[tokio::test]
async fn every_status_of_a_job_is_understood() {
    for (status, state) in [
        ("SUBMITTED", State::Running),
        ("IN_PROGRESS", State::Running),
        ("STOP_REQUESTED", State::Running),
        ("SOMETHING_NEW", State::Running),
        ("COMPLETED", State::Completed),
        ("FAILED", State::Failed),
        ("STOPPED", State::Stopped),
    ] {
        let answer = json!({"DocumentClassificationJobProperties": {"JobId": "j", "JobName": "spring-1",
            "JobStatus": status, "Message": "NO_WRITE_ACCESS_TO_OUTPUT", "InputDataConfig": {"S3Uri": "s3://a/in"},
            "OutputDataConfig": {"S3Uri": "s3://a/out/output/output.tar.gz"}}});
        let server = Server::start(move |_| ok(answer.clone())).await;
        let described = SdkClassifier::new(&server.config()).describe("j").await.unwrap();
        let expected = JobStatus {
            state,
            message: Some("NO_WRITE_ACCESS_TO_OUTPUT".to_owned()),
            output_uri: Some("s3://a/out/output/output.tar.gz".to_owned()),
            input_uri: Some("s3://a/in".to_owned()),
            name: "spring-1".to_owned(),
        };
        assert_eq!(described, Some(expected));
        assert_eq!(server.seen()[0].json, json!({"JobId": "j"}));
    }
    let server = Server::start(|_| error(400, "JobNotFoundException")).await;
    assert_eq!(SdkClassifier::new(&server.config()).describe("j").await.unwrap(), None);
}

#[tokio::test]
async fn an_endpoint_answers_while_it_is_updated() {
    for (status, in_service) in [
        ("IN_SERVICE", true),
        ("UPDATING", true),
        ("CREATING", false),
        ("DELETING", false),
        ("FAILED", false),
        ("SOMETHING_NEW", false),
    ] {
        let answer = json!({"EndpointProperties": {"EndpointArn": ENDPOINT, "Status": status,
            "ModelArn": CLASSIFIER, "DesiredInferenceUnits": 5, "CurrentInferenceUnits": 2}});
        let server = Server::start(move |_| ok(answer.clone())).await;
        let state = SdkClassifier::new(&server.config()).inference_units(ENDPOINT).await.unwrap();
        let expected = EndpointState { units: 2, in_service, model_arn: Some(CLASSIFIER.to_owned()) };
        assert_eq!(state, Some(expected), "{status}");
    }
    let server = Server::start(|_| error(400, "ResourceNotFoundException")).await;
    assert_eq!(SdkClassifier::new(&server.config()).inference_units(ENDPOINT).await.unwrap(), None);
}
