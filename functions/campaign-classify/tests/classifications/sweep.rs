//! Campaigns that have not moved on.

use std::time::Duration;

use eventide_clients::campaigns::Operation as Table;
use eventide_clients::comprehend::{Operation, State as JobState};
use eventide_kit::Error;
use eventide_kit::clock::Clock as _;
use eventide_types::campaign::record::State;
use serde_json::{Value, json};
use time::Duration as Span;

use crate::support::{UPLOAD, World, answer, archive, contents, model};

const QUARTER: Duration = Duration::from_secs(15 * 60);

/// A world whose job was started, and is overdue.
async fn overdue() -> (World, String) {
    let world = World::new(&contents(&["A table"])).await;
    let job = world.started().await;
    world.clock.advance(QUARTER);
    (world, job)
}

fn swept(overdue: u64, completed: u64, failed: u64, sent_again: u64) -> Value {
    json!({"overdue": overdue, "completed": completed, "failed": failed, "sentAgain": sent_again})
}

#[tokio::test]
async fn what_is_not_due_is_left_alone() {
    let world = World::new(&contents(&["A table"])).await;
    assert_eq!(world.sweep().await, swept(0, 0, 0, 0));
    let job = world.started().await;
    world.fakes.classifier.end(&job, JobState::Failed, None);
    world.clock.advance(Duration::from_secs(9 * 60));
    assert_eq!(world.sweep().await, swept(0, 0, 0, 0));
    assert_eq!(world.record().await.state, State::Classifying);
}

#[tokio::test]
async fn a_job_that_runs_is_looked_after_later() {
    let (world, _) = overdue().await;
    assert_eq!(world.sweep().await, swept(1, 0, 0, 0));
    let record = world.record().await;
    assert_eq!(
        (record.state, record.due_at),
        (State::Classifying, Some(world.clock.now() + Span::minutes(10)))
    );
    assert_eq!(world.sweep().await, swept(0, 0, 0, 0));
}

#[tokio::test]
async fn a_job_that_ended_well_is_read_though_its_event_was_lost() {
    let (world, job) = overdue().await;
    world.answered(&job, archive(&[answer(0, &model("A table"))]));
    world.fakes.classifier.end(&job, JobState::Completed, None);
    assert_eq!(world.sweep().await, swept(1, 1, 0, 0));
    assert_eq!(world.record().await.state, State::Judging);
    assert_eq!((world.scores().len(), world.to_judge()), (1, 1));
}

#[tokio::test]
async fn a_job_that_failed_is_told_in_the_words_of_aws() {
    for (state, message, class, expected) in [
        (
            JobState::Failed,
            Some("INVALID_INPUT: line 3 is too long"),
            "JobFailed",
            "INVALID_INPUT: line 3 is too long",
        ),
        (JobState::Failed, None, "JobFailed", "failed"),
        (JobState::Stopped, None, "JobFailed", "stopped"),
    ] {
        let (world, job) = overdue().await;
        world.fakes.classifier.end(&job, state, message);
        assert_eq!(world.sweep().await, swept(1, 0, 1, 0));
        let record = world.record().await;
        assert_eq!((record.state, record.due_at), (State::Failed, None));
        let reason = record.reason.unwrap();
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(world.failures(), [(class.to_owned(), reason)]);
        assert_eq!(world.sweep().await, swept(0, 0, 0, 0));
        assert_eq!(world.failures().len(), 1);
    }
}

#[tokio::test]
async fn a_job_that_is_gone_is_told() {
    let world = World::new(&contents(&["A table"])).await;
    world.change(|record| record.job_id = Some("gone".to_owned())).await;
    world.clock.advance(QUARTER);
    assert_eq!(world.sweep().await, swept(1, 0, 1, 0));
    assert_eq!(world.failures()[0].0, "JobGone");
}

#[tokio::test]
async fn answers_that_cannot_be_read_fail_the_campaign_here_too() {
    let (world, job) = overdue().await;
    world.answered(&job, b"Ann".to_vec());
    world.fakes.classifier.end(&job, JobState::Completed, None);
    assert!(!world.sweep_if_alive().await, "the sweep says so");
    assert_eq!(world.record().await.state, State::Failed);
    assert_eq!(world.failures()[0].0, "UnreadableAnswers");
    assert_eq!(world.sweep().await, swept(0, 0, 0, 0));
}

#[tokio::test]
async fn a_message_that_was_lost_is_sent_again() {
    let world = World::new(&contents(&["A table"])).await;
    world.clock.advance(QUARTER);
    assert_eq!(world.sweep().await, swept(1, 0, 0, 1));
    let messages = world.fakes.classify_queue.take();
    assert_eq!(messages.len(), 1);
    world.take(&serde_json::from_str(&messages[0].body).unwrap()).await;
    assert_eq!(world.fakes.classifier.started().len(), 1);

    for state in [State::Judging, State::Sending] {
        let world = World::new(&contents(&["A table"])).await;
        world.change(|record| record.state = state).await;
        world.clock.advance(QUARTER);
        assert_eq!(world.sweep().await, swept(1, 0, 0, 1));
        assert_eq!(world.to_judge(), 1);
        assert!(world.record().await.due_at > Some(world.clock.now()), "not every five minutes");
    }
}

#[tokio::test]
async fn a_file_that_nobody_read_in_time_is_told() {
    let world = World::new(&contents(&["A table"])).await;
    world.change(|record| record.state = State::Screening).await;
    world.clock.advance(QUARTER);
    assert_eq!(world.sweep().await, swept(1, 0, 1, 0));
    assert_eq!(world.record().await.state, State::Failed);
    assert_eq!(world.failures()[0].0, "NotRead");
    assert_eq!(world.sweep().await, swept(0, 0, 0, 0));
}

#[tokio::test]
async fn what_cannot_be_judged_is_given_up_in_the_end() {
    let world = World::new(&contents(&["A table"])).await;
    world.change(|record| record.state = State::Judging).await;
    for _ in 0..200 {
        world.clock.advance(QUARTER);
        world.sweep().await;
        if world.record().await.state == State::Failed {
            break;
        }
    }
    assert_eq!(world.failures().iter().map(|failure| failure.0.as_str()).collect::<Vec<_>>(), ["NotJudged"]);
    assert!(world.clock.now() - crate::support::NOW > Span::hours(23));
    assert!(world.to_judge() > 10, "it was tried, for a day");
}

#[tokio::test]
async fn an_index_that_lags_leads_nobody_astray() {
    let (world, job) = overdue().await;
    world.fakes.store.index_lag(true);
    world.change(|record| (record.state, record.due_at) = (State::Sending, None)).await;
    world.fakes.classifier.end(&job, JobState::Failed, None);
    assert_eq!(world.sweep().await, swept(0, 0, 0, 0));
    assert_eq!((world.failures().len(), world.to_judge()), (0, 0));
}

#[tokio::test]
async fn one_campaigns_trouble_is_not_anothers() {
    let (world, job) = overdue().await;
    let mut other = world.record().await;
    (other.id, other.revision, other.job_id) = ("autumn".to_owned(), 0, None);
    assert!(eventide_clients::campaigns::Campaigns::put(&world.fakes.store, &mut other).await.unwrap());
    assert_eq!(job.len(), 32);
    world.fakes.classifier.fail_next(Operation::Describe, Error::retryable("Throttled", "slow down"));
    assert!(!world.sweep_if_alive().await);
    let messages = world.fakes.classify_queue.messages();
    let body: Value = serde_json::from_str(&messages[0].body).unwrap();
    assert_eq!((messages.len(), &body["campaign"], &body["upload"]), (1, &json!("autumn"), &json!(UPLOAD)));
    assert_eq!(world.fakes.store.calls(Table::Due), 1);
    // What failed is due again.
    world.clock.advance(QUARTER);
    assert_eq!(world.sweep().await["overdue"], json!(2));
}
