//! Corners of the enrichment: late and redriven work, running investigations, earlier outcomes, strangers' answers.

use std::time::Duration;

use eventide_clients::detective::{Ending, Operation, Script};
use eventide_clients::iam::Lookup;
use eventide_kit::Error;
use eventide_kit::clock::Clock as _;
use eventide_types::investigation::Severity;
use eventide_types::principal::{Kind, Reason, Subject};
use eventide_types::work::{Trigger, Work, field};
use finding_enrich::config::Settings;

use crate::support::{ROLE, World, body, ocsf_id, ocsf_work, settings, work};

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
    let seconds = world.invocation.metrics.sum("SecondsFromRequest", &[("Trigger", "automatic")]);
    assert_eq!(seconds, 120.0, "and the run has ended");
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
async fn new_activity_is_told_by_the_window_that_was_really_investigated() {
    let mut world = World::with(Settings { reinvestigate: true, ..settings() });
    let first = work(&world, "first");
    world.follow(&first).await;
    let covered_until = first.requested_at;
    world.clock.advance(Duration::from_secs(50 * 60));
    let reusing = ocsf_work(&world, "f");
    world.follow(&reusing).await;
    assert_eq!(world.detective.count(Operation::StartInvestigation), 1, "the first one serves");
    let day_later = covered_until + Duration::from_secs(24 * 3600 + 60);
    world.clock.advance((day_later - world.clock.now()).unsigned_abs());
    let seen = Work { last_observed: Some(day_later), run: "later".into(), ..ocsf_work(&world, "f") };
    world.follow(&seen).await;
    assert_eq!(world.detective.count(Operation::StartInvestigation), 2, "a day after what was investigated");
}

#[tokio::test]
async fn a_run_that_was_replaced_during_its_step_writes_nothing() {
    let mut world = World::with(Settings { reuse: time::Duration::ZERO, ..settings() });
    world.detective.script(ROLE, ends_after(0, Severity::Critical));
    let first = work(&world, "f");
    assert!(world.deliver(&[body(&first)]).await.is_empty());
    let last = world.wait();
    world.detective.script(ROLE, ends_after(9, Severity::Low));
    let click = Work { trigger: Trigger::CustomAction, run: "click".into(), ..work(&world, "f") };
    let both = [last[0].clone(), body(&click)];
    assert!(world.deliver(&both).await.is_empty());
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("running"));
    assert_eq!(world.finding("f").note, None, "no outcome of the run that was replaced");
    let outcome = [("Outcome", "complete"), ("Severity", "CRITICAL")];
    assert_eq!(world.invocation.metrics.sum("FindingsEnriched", &outcome), 0.0);
    assert_eq!(world.queue.messages().len(), 1, "the person's run goes on");
}

#[tokio::test]
async fn one_malformed_id_spoils_no_other_finding_of_the_batch() {
    let mut world = World::new();
    let unsupported = |world: &World, id: &str| {
        body(&Work { subjects: vec![Subject::unsupported("root", Reason::Root)], ..work(world, id) })
    };
    let ids: Vec<String> = (0..10).map(|n| if n == 4 { " ".to_owned() } else { format!("f{n}") }).collect();
    let bodies: Vec<_> = ids.iter().map(|id| unsupported(&world, id)).collect();
    assert!(world.deliver(&bodies).await.is_empty());
    let sent = world.dead_letters.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!((&sent[0].0.body, sent[0].1.as_str()), (&bodies[4], "Permanent.InvalidInput"));
    for id in ids.iter().filter(|id| *id != " ") {
        assert_eq!(world.field(id, field::INVESTIGATE).as_deref(), Some("unsupported"), "{id}");
    }
}

#[tokio::test]
async fn what_there_is_no_time_for_comes_back() {
    for (seconds_a_call, updates) in [(50, 0), (30, 1)] {
        let mut world = World::new();
        let ids = ["m".to_owned()];
        let bodies = [body(&work(&world, "f"))];
        let clock = world.clock.clone();
        world.hub.take_time(&clock, Duration::from_secs(seconds_a_call));
        assert_eq!(world.deliver_as(&bodies, &ids, 1).await, ids, "{seconds_a_call} s a call");
        assert_eq!(world.hub.updates().len(), updates, "{seconds_a_call} s a call");
        assert!(world.queue.messages().is_empty(), "no time to hand over");
        world.hub.take_time(&clock, Duration::ZERO);
        assert!(world.deliver_as(&bodies, &ids, 2).await.is_empty());
        assert_eq!(world.queue.messages().len(), 1);
        assert_eq!(world.detective.count(Operation::StartInvestigation), 1);
    }
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
