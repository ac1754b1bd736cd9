//! Jobs are started, once.

use eventide_clients::comprehend::{Job, Operation};
use eventide_kit::Error;
use eventide_types::campaign::record::State;
use serde_json::json;
use time::Duration;

use crate::support::{CLASSIFIER, LAST, NOW, ROLE, UPLOAD, WORK, World, asked, contents};

#[tokio::test]
async fn an_upload_is_one_job() {
    let world = World::new(&contents(&["A table", "A lamp"])).await;
    let job = world.started().await;
    let expected = Job {
        name: format!("eventide-spring-{UPLOAD}"),
        classifier_arn: CLASSIFIER.to_owned(),
        input_uri: format!("s3://work/{}", WORK.documents()),
        output_uri: format!("s3://work/{}", WORK.output()),
        role_arn: ROLE.to_owned(),
        client_token: format!("eventide-{UPLOAD}"),
    };
    assert_eq!(world.fakes.classifier.started(), [expected]);
    let record = world.record().await;
    assert_eq!((record.state, record.due_at), (State::Classifying, Some(NOW + Duration::minutes(10))));
    world.take(&asked(0)).await;
    world.take(&json!({"campaign": "spring", "upload": UPLOAD})).await;
    assert_eq!(world.fakes.classifier.started().len(), 1, "a repeat starts nothing");
    assert_eq!(world.record().await.job_id, Some(job));
    assert_eq!(world.to_judge(), 0);
}

#[tokio::test]
async fn uploads_that_do_not_wait_for_it_are_not_classified() {
    let world = World::new(&contents(&["A table"])).await;
    world.take(&json!({"campaign": "spring", "upload": "ffffffffffffffff"})).await;
    world.take(&json!({"campaign": "autumn", "upload": UPLOAD})).await;
    for state in
        [State::Screening, State::Judging, State::Sending, State::Sent, State::Cancelled, State::Failed]
    {
        world.change(|record| record.state = state).await;
        world.take(&asked(0)).await;
    }
    assert!(world.fakes.classifier.started().is_empty());
}

#[tokio::test]
async fn as_many_jobs_as_may_be_are_active_so_it_is_tried_again() {
    let world = World::new(&contents(&["A table"])).await;
    world.fakes.classifier.fail_next(Operation::Start, Error::retryable("Throttled", "too many jobs"));
    assert_eq!(world.deliver(&asked(0), 1).await, Some(true));
    assert_eq!((world.record().await.state, world.failures().len()), (State::Classifying, 0));
    world.started().await;
}

#[tokio::test]
async fn what_cannot_be_started_fails_in_the_end_and_is_told() {
    let world = World::new(&contents(&["A table"])).await;
    let denied =
        || Error::environment("AccessDenied", "`comprehend:StartDocumentClassificationJob` was denied");
    world.fakes.classifier.fail_next(Operation::Start, denied());
    assert_eq!(world.deliver(&asked(0), LAST - 1).await, Some(true));
    assert_eq!(world.failures(), []);
    world.fakes.classifier.fail_next(Operation::Start, denied());
    assert_eq!(world.deliver(&asked(0), LAST).await, Some(false));
    let record = world.record().await;
    assert_eq!((record.state, record.due_at), (State::Failed, None));
    assert_eq!(world.failures(), [("AccessDenied".to_owned(), record.reason.unwrap())]);
    assert_eq!(world.fakes.dead_letters.sent()[0].1, "Environment.AccessDenied");

    let world = World::new(&contents(&["A table"])).await;
    world.fakes.classifier.fail_next(Operation::Start, Error::permanent("InvalidRequest", "no such version"));
    assert_eq!(world.deliver(&asked(0), 1).await, Some(false));
    assert_eq!(world.record().await.state, State::Failed);
    assert_eq!(world.failures(), [("InvalidRequest".to_owned(), "no such version".to_owned())]);
}

#[tokio::test]
async fn what_is_no_message_of_ours_is_set_aside() {
    let world = World::new(&contents(&["A table"])).await;
    for bad in [json!({"campaign": "spring"}), json!({"hello": 1})] {
        assert_eq!(world.deliver(&bad, 1).await, Some(false));
    }
    let letters = world.fakes.dead_letters.sent();
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|(_, class)| class == "Permanent.InvalidEvent"));
}
