//! Lost events, crashes between two writes, a warehouse without room, and messages that are nobody's.

use eventide_clients::marts::Operation as Store;
use eventide_clients::redshift_data::{Ending, Operation as Redshift};
use eventide_kit::Error;
use std::time::Duration;

use crate::support::{KEY, World, good, view};

#[tokio::test]
async fn a_statement_whose_end_was_not_told_is_asked_after() {
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&created).await;
    let question = world.questions().pop().expect("a question");
    assert_eq!(question.delay_seconds, 900);
    world.queue.take();

    world.dealt(&question.body).await;
    assert_eq!(world.state(), "building", "it still runs");
    let question = world.questions().pop().expect("asked again later");
    world.queue.take();

    world.redshift.end(&world.last().0, Ending::Finished(None));
    world.dealt(&question.body).await;
    assert_eq!(world.state(), "checking", "its event is not needed");
    assert!((world.invocation.metrics.sum("StatementsOverdue", &[]) - 1.0).abs() < f64::EPSILON);

    world.dealt(&question.body).await;
    assert_eq!(world.steps(), ["build", "check"]);

    let question = world.questions().pop().expect("a question about the next step");
    world.redshift.forget(&world.last().0);
    world.dealt(&question.body).await;
    assert_eq!((world.state().as_str(), world.told()), ("rejected", vec!["Data Mart Rejected".to_owned()]));
}

#[tokio::test]
async fn a_question_about_what_has_moved_on_is_dropped_unasked() {
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&created).await;
    world.settle().await;
    let questions: Vec<String> = world.questions().into_iter().map(|message| message.body).collect();
    assert_eq!(questions.len(), 3);
    world.queue.take();
    for _ in &questions {
        world.redshift.fail_next(Redshift::Describe, Error::environment("Unasked", "it was asked"));
    }
    assert_eq!(world.deliver(&questions).await, [0_usize; 0]);
    assert!(world.queue.messages().is_empty());
}

#[tokio::test]
async fn a_warehouse_without_room_is_tried_again_later_until_patience_ends() {
    let busy = || Error::retryable("WarehouseBusy", "no room");
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    world.redshift.fail_next(Redshift::Submit, busy());
    world.dealt(&created).await;
    let postponed = world.postponed();
    assert_eq!((postponed.len(), postponed[0].delay_seconds), (1, 60));
    assert_eq!((world.steps().len(), world.state().as_str()), (0, "building"));
    world.dealt(&postponed[0].body).await;
    assert_eq!(world.steps(), ["build"]);

    world.queue.take();
    let event = world.end(&world.last(), good());
    world.redshift.fail_next(Redshift::Submit, busy());
    world.dealt(&event).await;
    assert_eq!((world.steps(), world.state().as_str()), (vec!["build".to_owned()], "checking"));
    world.clock.advance(Duration::from_secs(25 * 3600));
    world.redshift.fail_next(Redshift::Submit, busy());
    assert_eq!(world.deliver(&[event]).await, [0_usize; 0]);
    assert_eq!(world.dead_letters.sent().len(), 1, "set aside for a person");
}

/// After whichever call the function dies, the message comes back and the story ends the same.
#[tokio::test]
async fn it_may_fail_at_every_call_and_the_story_ends_the_same() {
    type Fail = fn(&World);
    let broken = || Error::retryable("Broken", "broken");
    let failures: [(&str, Fail); 9] = [
        ("get", |world| {
            world.bucket.fail_next(eventide_clients::s3::Operation::Get, Error::retryable("Broken", "broken"))
        }),
        ("deployment", |world| {
            world.marts.fail_next(Store::Deployment, Error::retryable("Broken", "broken"))
        }),
        ("record", |world| {
            world.marts.fail_next(Store::RecordDeployment, Error::retryable("Broken", "broken"))
        }),
        ("mart", |world| world.marts.fail_next(Store::Mart, Error::retryable("Broken", "broken"))),
        ("put in force", |world| {
            world.marts.fail_next(Store::PutInForce, Error::retryable("Broken", "broken"))
        }),
        ("submit", |world| world.redshift.fail_next(Redshift::Submit, Error::retryable("Broken", "broken"))),
        ("describe", |world| {
            world.redshift.fail_next(Redshift::Describe, Error::retryable("Broken", "broken"))
        }),
        ("tell", |world| world.bus.fail_next(Error::retryable("Broken", "broken"))),
        ("ask later", |world| world.queue.fail_next(Error::retryable("Broken", "broken"))),
    ];
    for (name, fail) in failures {
        let mut world = World::new();
        for body in ["SELECT a FROM s.t", "SELECT b FROM s.t"] {
            let created = world.put(KEY, &view(body));
            fail(&world);
            while !world.deliver(std::slice::from_ref(&created)).await.is_empty() {}
            while world.state() != "in-force" {
                let event = world.end(&world.last(), good());
                fail(&world);
                while !world.deliver(std::slice::from_ref(&event)).await.is_empty() {}
            }
        }
        assert!(world.dead_letters.sent().is_empty(), "{name}");
        assert_eq!(world.steps(), ["build", "check", "swap", "build", "check", "swap", "drop"], "{name}");
        assert_eq!(world.mart().await.map(|mart| mart.version_id), world.deployment().version_id, "{name}");
        assert!(world.told().len() >= 2, "{name}");
        world.marts.fail_next(Store::Names, broken());
    }
}

#[tokio::test]
async fn what_redshift_will_never_take_is_rejected() {
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    world.redshift.fail_next(Redshift::Submit, Error::permanent("Validation", "no such workgroup"));
    world.dealt(&created).await;
    assert_eq!((world.state().as_str(), world.told()), ("rejected", vec!["Data Mart Rejected".to_owned()]));
}

#[tokio::test]
async fn what_cannot_be_dropped_is_left_and_told() {
    let mut world = World::new();
    for body in ["SELECT a FROM s.t", "SELECT b FROM s.t"] {
        let created = world.put(KEY, &view(body));
        world.dealt(&created).await;
        while matches!(world.state().as_str(), "building" | "checking" | "swapping") {
            world.last_ends(good()).await;
        }
    }
    world.last_ends(Ending::Failed("permission denied".to_owned())).await;
    assert_eq!(world.state(), "in-force");
    assert!((world.invocation.metrics.sum("DropsFailed", &[]) - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn an_end_that_the_data_api_does_not_show_yet_comes_back() {
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&created).await;
    let event = world.end(&world.last(), good());
    let still_running = event.clone();
    let mut other = World::new();
    let created = other.put(KEY, &view("SELECT a FROM s.t"));
    other.dealt(&created).await;
    assert_eq!(other.deliver(&[still_running]).await, [0], "described as running");
    world.dealt(&event).await;
    assert_eq!(world.state(), "checking");
}

#[tokio::test]
async fn refreshes_are_booked_and_their_failures_counted() {
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&created).await;
    world.settle().await;
    let (before, submitted) = (world.usages.all().len(), world.redshift.submitted().remove(0));
    for ending in [Ending::Finished(None), Ending::Failed("spectrum".to_owned())] {
        let event = world.end(&submitted, ending);
        let event = event.replace(&submitted.1.name, "eventide/refresh/rates/20261123T1200Z");
        world.dealt(&event).await;
    }
    let usages = world.usages.all();
    assert_eq!(usages.len(), before, "the statement's own, once");
    assert!(usages.iter().any(|usage| usage.purpose == "refresh" && usage.outcome == "failed"));
    assert!(
        (world.invocation.metrics.sum("RefreshesFailed", &[("Mart", "rates")]) - 1.0).abs() < f64::EPSILON
    );
}

#[tokio::test]
async fn messages_that_are_nobody_s_are_set_aside() {
    for body in [
        "",
        "{}",
        "[1]",
        r#"{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","time":"2026-11-23T12:00:00Z","detail":{}}"#,
        r#"{"source":"aws.s3","detail-type":"Object Created","time":"2026-11-23T12:00:00Z","detail":{}}"#,
        r#"{"source":"aws.s3","detail-type":"Object Created","time":"2026-11-23T12:00:00Z","detail":{"object":{"key":"a/b.sql","sequencer":"x"}}}"#,
        r#"{"source":"aws.redshift-data","detail-type":"Redshift Data Statement Status Change","time":"2026-11-23T12:00:00Z","detail":{"statementId":"i","statementName":"nightly","state":"FINISHED"}}"#,
        r#"{"source":"aws.redshift-data","detail-type":"Redshift Data Statement Status Change","time":"2026-11-23T12:00:00Z","detail":{"statementId":"i","statementName":"eventide/deploy/m/build/x","state":"FINISHED"}}"#,
        r#"{"source":"aws.redshift-data","detail-type":"Redshift Data Statement Status Change","time":"2026-11-23T12:00:00Z","detail":{"statementId":"i","statementName":"eventide/query/m/t","state":"FINISHED"}}"#,
    ] {
        let world = World::new();
        assert_eq!(world.deliver(&[body.to_owned()]).await, [0_usize; 0], "{body}");
        assert_eq!(world.dead_letters.sent().len(), 1, "{body}");
    }
}
