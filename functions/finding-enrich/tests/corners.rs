//! Corners of the enrichment: late and redriven work, running investigations, earlier outcomes, strangers' answers.

mod support;

use std::time::Duration;

use eventide_clients::detective::{Ending, Operation, Script};
use eventide_clients::iam::Lookup;
use eventide_kit::Error;
use eventide_types::investigation::Severity;
use eventide_types::principal::{Kind, Subject};
use eventide_types::work::{Trigger, Work, field};
use finding_enrich::config::Settings;
use support::{ROLE, World, body, ocsf_id, ocsf_work, settings, work};

fn ends_after(running_gets: u32, severity: Severity) -> Script {
    Script { running_gets, ending: Ending::Successful { severity, indicators: Vec::new() } }
}

#[tokio::test]
async fn what_waited_for_days_has_its_whole_time_yet() {
    let mut world = World::new();
    world.detective.script(ROLE, ends_after(3, Severity::High));
    let work = work(&world, "f");
    world.clock.advance(Duration::from_secs(3 * 24 * 3600));
    let throttled = Error::retryable("Throttled", "`ListGraphs` was throttled");
    world.detective.fail_next(Operation::ListGraphs, throttled);
    world.follow(&work).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("complete"));
    assert!(world.dead_letters.sent().is_empty());
}

#[tokio::test]
async fn a_running_investigation_serves_however_long_it_runs() {
    for (reuse_minutes, later) in [(60, 70 * 60), (0, 30)] {
        let mut world = World::with(Settings { reuse: time::Duration::minutes(reuse_minutes), ..settings() });
        world.detective.script(ROLE, ends_after(1000, Severity::High));
        let first = work(&world, "first");
        assert!(world.deliver(&[body(&first)]).await.is_empty());
        world.clock.advance(Duration::from_secs(later));
        let second = work(&world, "second");
        assert!(world.deliver(&[body(&second)]).await.is_empty());
        assert_eq!(world.detective.investigations().len(), 1, "reuse {reuse_minutes}");
    }
}

#[tokio::test]
async fn somebody_elses_comment_stays() {
    let mut world = World::new();
    let commented = Work { commented: true, ..ocsf_work(&world, "f") };
    world.follow(&commented).await;
    assert_eq!(world.hub.comment(&ocsf_id("f")), None, "nothing was written over it");
    assert_eq!(world.invocation.metrics.sum("SecondsToEnrichment", &[]), 120.0, "and the run has ended");
}

#[tokio::test]
async fn a_dry_run_lets_what_is_under_way_go_on_to_its_end() {
    let mut world = World::new();
    let mut begun = work(&world, "f");
    assert!(world.deliver(&[body(&begun)]).await.is_empty());
    let next = world.wait();
    let mut dry = World::with(Settings { dry_run: true, ..settings() });
    begun = serde_json::from_str(&next[0]).unwrap();
    work(&dry, "f");
    dry.follow(&begun).await;
    assert_ne!(dry.field("f", field::INVESTIGATE), None, "it was written");
}

#[tokio::test]
async fn an_earlier_outcome_is_not_taken_for_this_one() {
    let mut world = World::new();
    world.detective.script(ROLE, ends_after(0, Severity::Critical));
    let first = work(&world, "f");
    world.follow(&first).await;
    assert_eq!(world.field("f", field::SEVERITY).as_deref(), Some("CRITICAL"));
    world.detective.script(ROLE, Script { running_gets: 0, ending: Ending::Failed });
    world.clock.advance(Duration::from_secs(3 * 3600));
    let again = Work { trigger: Trigger::CustomAction, run: "click".into(), ..work(&world, "f") };
    world.follow(&again).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("failed"));
    assert_eq!(world.field("f", field::SEVERITY).as_deref(), Some("NONE"));
}

#[tokio::test]
async fn indicators_are_read_once_and_a_verdict_outlives_them() {
    let mut world = World::new();
    let user = "arn:aws:iam::111122223333:user/alice";
    world.iam.add(user);
    world.detective.script(ROLE, ends_after(0, Severity::Critical));
    world.detective.script(user, ends_after(u32::MAX, Severity::Low));
    let mut work = work(&world, "f");
    work.subjects.push(Subject::named(Kind::User, "aws", "111122223333", "alice"));
    world.follow(&work).await;
    assert_eq!(world.detective.count(Operation::ListIndicators), 1);
    assert_eq!(world.field("f", field::SEVERITY).as_deref(), Some("CRITICAL"), "although the user timed out");
}

#[tokio::test]
async fn an_answer_about_somebody_else_is_not_believed() {
    let mut world = World::new();
    let elsewhere = Lookup::Found("arn:aws:iam::111122223333:role/Victim".to_owned());
    world.iam.answer_for_account("444455556666", elsewhere);
    let subjects = vec![Subject::named(Kind::Role, "aws", "444455556666", "Intruder")];
    let work = Work { subjects, ..work(&world, "f") };
    world.follow(&work).await;
    let investigated = world.detective.investigations();
    assert_eq!(investigated.len(), 1);
    assert_eq!(investigated[0].entity_arn, "arn:aws:iam::444455556666:role/Intruder");
}
