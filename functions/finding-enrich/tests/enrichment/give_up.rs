//! Findings whose messages are set aside: they say so, and stand in nobody's way.

use std::time::Duration;

use eventide_clients::detective::{Ending, Operation, Script};
use eventide_clients::security_hub::{Current, Note, Operation as HubOperation};
use eventide_kit::Error;
use eventide_kit::continuation::{Continuations as _, Progress};
use eventide_kit::sqs::MemoryDeadLetters;
use eventide_types::investigation::Severity;
use eventide_types::work::{Trigger, Work, field};

use crate::support::{ROLE, World, body, finding_id, ocsf_id, ocsf_work, settings, work};

const LAST: u32 = 3;

fn denied() -> Error {
    Error::environment("AccessDenied", "`detective:ListGraphs` failed with `AccessDeniedException`")
}

/// Delivers `body` as a message that fails for good.
async fn fail_for_good(world: &mut World, body: &str) {
    world.detective.fail_next(Operation::ListGraphs, denied());
    let failed = world.deliver_as(&[body.to_owned()], &["last".to_owned()], LAST).await;
    assert!(failed.is_empty(), "it is set aside");
}

#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
async fn progress(world: &World, work: &Work) -> Option<Progress> {
    world.chains.get(&work.finding.key()).await.unwrap().map(|link| link.state)
}

#[tokio::test]
async fn the_finding_says_failed_and_why() {
    let mut world = World::new();
    let work = work(&world, "f");
    fail_for_good(&mut world, &body(&work)).await;
    assert_eq!(world.dead_letters.sent()[0].1, "Environment.AccessDenied");
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("failed"));
    let note = world.finding("f").note.unwrap().text;
    assert!(
        note.contains("role Admin in 111122223333 failed: `detective:ListGraphs` failed with `AccessDenied"),
        "{note}"
    );
    assert_eq!(progress(&world, &work).await, Some(Progress::SetAside));
    let failed = [("Outcome", "failed"), ("Severity", "NONE")];
    assert_eq!(world.invocation.metrics.sum("FindingsEnriched", &failed), 1.0);
}

#[tokio::test]
async fn what_is_not_given_up_yet_says_nothing() {
    let mut world = World::new();
    world.detective.fail_next(Operation::ListGraphs, denied());
    let bodies = [body(&work(&world, "f"))];
    let ids = ["m".to_owned()];
    assert_eq!(world.deliver_as(&bodies, &ids, LAST - 1).await, ids);
    assert_eq!(world.field("f", field::INVESTIGATE), None);
}

#[tokio::test]
async fn a_later_hop_keeps_its_investigation() {
    let mut world = World::new();
    let first = work(&world, "f");
    assert!(world.deliver(&[body(&first)]).await.is_empty());
    let next = world.wait();
    fail_for_good(&mut world, &next[0]).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("failed"));
    let id = world.field("f", field::ID).unwrap();
    assert!(world.finding("f").note.unwrap().text.ends_with(&id), "it can be looked up");
}

#[tokio::test]
async fn a_permanent_error_is_told_at_once() {
    let mut world = World::new();
    world.hub.leave_unprocessed(&finding_id("f"), "FindingSizeExceeded", 1);
    let work = Work { scope: None, ..work(&world, "f") };
    assert!(world.deliver(&[body(&work)]).await.is_empty());
    assert_eq!(world.dead_letters.sent()[0].1, "Permanent.FindingSizeExceeded");
    assert!(world.finding("f").note.unwrap().text.contains("FindingSizeExceeded"));
    assert_eq!(progress(&world, &work).await, Some(Progress::SetAside));
}

#[tokio::test]
async fn what_there_was_never_time_for_is_told_too() {
    let mut world = World::new();
    world.time = Duration::from_secs(20);
    let work = work(&world, "f");
    assert!(world.deliver_as(&[body(&work)], &["m".to_owned()], LAST).await.is_empty());
    assert_eq!(world.dead_letters.sent()[0].1, "Environment.DeadlineNear");
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("failed"));
}

#[tokio::test]
async fn whoever_asks_later_is_heard() {
    for trigger in [Trigger::CustomAction, Trigger::Automatic] {
        let mut world = World::new();
        let first = work(&world, "f");
        fail_for_good(&mut world, &body(&first)).await;
        world.clock.advance(Duration::from_secs(60));
        let again = Work { trigger, run: "again".into(), ..work(&world, "f") };
        world.follow(&again).await;
        assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("complete"), "{trigger:?}");
        assert_eq!(progress(&world, &again).await, Some(Progress::Finished));
    }
}

#[tokio::test]
async fn a_message_sent_back_carries_on_where_it_was() {
    let mut world = World::new();
    let first = work(&world, "f");
    assert!(world.deliver(&[body(&first)]).await.is_empty());
    let next = world.wait();
    fail_for_good(&mut world, &next[0]).await;
    let mut bodies = vec![world.dead_letters.sent()[0].0.body.clone()];
    while !bodies.is_empty() {
        assert!(world.deliver(&bodies).await.is_empty());
        bodies = world.wait();
    }
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("complete"));
    assert_eq!(world.detective.count(Operation::StartInvestigation), 1);
}

#[tokio::test]
async fn an_ocsf_finding_gets_a_comment_that_starts_nothing() {
    let mut world = World::new();
    let first = ocsf_work(&world, "f");
    fail_for_good(&mut world, &body(&first)).await;
    assert!(world.hub.comment(&ocsf_id("f")).unwrap().contains("failed: `detective:ListGraphs`"));
    world.clock.advance(Duration::from_secs(60));
    let echo = Work { run: "our-own-comment".into(), ..ocsf_work(&world, "f") };
    let calls = world.detective.calls().len();
    world.follow(&echo).await;
    assert_eq!(world.detective.calls().len(), calls);
}

#[tokio::test]
async fn a_persons_note_stays() {
    let mut world = World::new();
    let work = work(&world, "f");
    let note = Note { text: "known pentest".into(), updated_by: "alice@example.com".into() };
    world.hub.add(Current { note: Some(note.clone()), ..world.finding("f") });
    fail_for_good(&mut world, &body(&work)).await;
    assert_eq!(world.finding("f").note, Some(note));
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("failed"));
}

#[tokio::test]
async fn a_finding_that_cannot_be_told_is_set_aside_all_the_same() {
    for operation in [HubOperation::GetFindings, HubOperation::BatchUpdateFindings] {
        let mut world = World::new();
        world.hub.fail_next(operation, Error::environment("AccessDenied", "`securityhub` said no"));
        let work = work(&world, "f");
        fail_for_good(&mut world, &body(&work)).await;
        assert_eq!(world.dead_letters.sent().len(), 1, "{operation:?}");
        assert_eq!(world.field("f", field::INVESTIGATE), None);
        assert_eq!(progress(&world, &work).await, Some(Progress::SetAside), "{operation:?}");
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_set_aside_is_worked_on_again() {
    let mut world = World::of(settings(), MemoryDeadLetters::refusing());
    world.detective.fail_next(Operation::ListGraphs, denied());
    let bodies = [body(&work(&world, "f"))];
    let ids = ["m".to_owned()];
    assert_eq!(world.deliver_as(&bodies, &ids, LAST).await, ids);
    assert!(world.deliver_as(&bodies, &ids, LAST + 1).await.is_empty());
    assert_eq!(world.queue.messages().len(), 1, "it goes on");
}

#[tokio::test]
async fn a_finding_that_is_another_runs_is_left_to_it() {
    let mut world = World::new();
    world.detective.script(
        ROLE,
        Script {
            running_gets: 9,
            ending: Ending::Successful { severity: Severity::Low, indicators: Vec::new() },
        },
    );
    let first = work(&world, "f");
    assert!(world.deliver(&[body(&first)]).await.is_empty());
    let next = world.wait();
    let click = Work { trigger: Trigger::CustomAction, run: "click".into(), ..work(&world, "f") };
    assert!(world.deliver(&[body(&click)]).await.is_empty());
    // Not begun, so that it does not find out by itself that it was replaced.
    world.time = Duration::from_secs(20);
    assert!(world.deliver_as(&next, &["old".to_owned()], LAST).await.is_empty());
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("running"));
    assert_eq!(progress(&world, &click).await, Some(Progress::Running));
}

#[tokio::test]
async fn without_a_word_from_the_chain_only_what_is_under_way_is_ended() {
    for (stands, expected) in [
        (None, Some("failed")),
        (Some("true"), Some("failed")),
        (Some("running"), Some("failed")),
        (Some("complete"), Some("complete")),
        (Some("timed-out"), Some("timed-out")),
    ] {
        let mut world = World::new();
        let bodies = [body(&work(&world, "f")), body(&ocsf_work(&world, "f"))];
        let fields = stands.map(|stage| (field::INVESTIGATE.to_owned(), stage.to_owned())).into_iter();
        world.hub.add(Current { user_defined_fields: fields.collect(), ..world.finding("f") });
        world.chains.go_down(true);
        let ids = ["asff".to_owned(), "ocsf".to_owned()];
        assert!(world.deliver_as(&bodies, &ids, LAST).await.is_empty());
        assert_eq!(world.dead_letters.sent().len(), 2);
        assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), expected, "{stands:?}");
        assert_eq!(world.hub.comment(&ocsf_id("f")), None, "a comment would arrive here as another request");
        world.chains.go_down(false);
    }
}
