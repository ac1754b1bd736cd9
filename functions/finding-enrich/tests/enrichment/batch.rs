//! finding-enrich as a whole, on fakes: what findings say in the end, and what happens on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use eventide_clients::detective::{Ending, Operation, Script};
use eventide_clients::iam::Lookup;
use eventide_clients::security_hub::{Current, Note, Operation as HubOperation};
use eventide_kit::Error;
use eventide_kit::clock::Clock as _;
use eventide_types::investigation::{Indicator, Severity};
use eventide_types::principal::{Kind, Reason, Subject};
use eventide_types::work::{Trigger, Work, field};
use finding_enrich::config::Settings;
use finding_enrich::write::UPDATED_BY;

use crate::support::{ROLE, World, body, finding_id, ocsf_id, ocsf_work, settings, work};

fn critical() -> Script {
    Script {
        running_gets: 1,
        ending: Ending::Successful {
            severity: Severity::Critical,
            indicators: vec![Indicator::FlaggedIpAddress { ip_address: "198.51.100.7".into() }],
        },
    }
}

#[tokio::test]
async fn a_finding_runs_and_completes() {
    let mut world = World::new();
    world.detective.script(ROLE, critical());
    let work = work(&world, "f");
    assert!(world.deliver(&[body(&work)]).await.is_empty());
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("running"));
    let next = world.queue.messages();
    assert_eq!(next.iter().map(|message| message.delay_seconds).collect::<Vec<_>>(), [60]);

    let bodies = world.wait();
    assert!(world.deliver(&bodies).await.is_empty());
    let bodies = world.wait();
    assert!(world.deliver(&bodies).await.is_empty());
    assert!(world.wait().is_empty(), "the chain has ended");

    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("complete"));
    assert_eq!(world.field("f", field::SEVERITY).as_deref(), Some("CRITICAL"));
    let note = world.finding("f").note.unwrap();
    assert_eq!(note.updated_by, UPDATED_BY);
    assert!(note.text.contains("role team/Admin in 111122223333"), "{}", note.text);
    assert!(note.text.contains("198.51.100.7"), "{}", note.text);
    assert_eq!(world.invocation.metrics.sum("InvestigationsStarted", &[]), 1.0);
    let dimensions = [("Outcome", "complete"), ("Severity", "CRITICAL")];
    assert_eq!(world.invocation.metrics.sum("FindingsEnriched", &dimensions), 1.0);
    let seconds = |metric| world.invocation.metrics.sum(metric, &[("Trigger", "automatic")]);
    assert_eq!(seconds("SecondsFromRequest"), 120.0);
    assert_eq!(seconds("SecondsToEnrichment"), 135.0, "from the finding, which was there before");
    assert_eq!(world.detective.count(Operation::StartInvestigation), 1);
}

#[tokio::test]
async fn findings_of_one_incident_share_an_investigation() {
    let mut world = World::new();
    let works: Vec<Work> = (0..8).map(|n| work(&world, &format!("f{n}"))).collect();
    let mut bodies: Vec<String> = works.iter().map(body).collect();
    bodies.push(body(&ocsf_work(&world, "f0")));
    while !bodies.is_empty() {
        assert!(world.deliver(&bodies).await.is_empty());
        bodies = world.wait();
    }
    assert_eq!(world.detective.count(Operation::StartInvestigation), 1);
    for n in 0..8 {
        assert_eq!(world.field(&format!("f{n}"), field::INVESTIGATE).as_deref(), Some("complete"));
    }
    assert!(world.hub.comment(&ocsf_id("f0")).unwrap().contains("INFORMATIONAL"));
    let calls = world.hub.updates();
    let largest = calls.iter().map(|call| call.ids.len()).max();
    assert!(largest >= Some(7), "equal updates share a call: {largest:?}");
}

#[tokio::test]
async fn a_duplicate_anywhere_changes_nothing() {
    let mut world = World::new();
    world.detective.script(ROLE, critical());
    let mut bodies = vec![body(&work(&world, "f"))];
    let mut hops = 0;
    while !bodies.is_empty() {
        hops += bodies.len();
        let twice = [bodies.clone(), bodies.clone()].concat();
        let held = world.deliver(&twice).await;
        assert!(
            held.len() <= 1,
            "the copy comes back while the other is at work, if it came at the same time"
        );
        let later = world.wait();
        assert!(world.deliver(&bodies).await.is_empty(), "a late duplicate of what was handed over");
        assert!(world.queue.take().is_empty(), "and it sends nothing");
        bodies = later;
    }
    assert_eq!(hops, 3);
    assert_eq!(world.detective.count(Operation::StartInvestigation), 1);
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("complete"));
    let outcomes = world.hub.updates().iter().filter(|call| call.update.note.is_some()).count();
    assert_eq!(outcomes, 1);
}

#[tokio::test]
async fn another_event_of_a_handled_finding_is_left_alone() {
    let mut world = World::new();
    let first = ocsf_work(&world, "f");
    world.follow(&first).await;
    let updates = world.detective.calls().len();
    let echo = Work { run: "our-own-comment".into(), requested_at: world.clock.now(), ..first };
    world.follow(&echo).await;
    assert_eq!(world.detective.calls().len(), updates, "no call of Detective's for it");
}

#[tokio::test]
async fn the_field_set_again_asks_again() {
    let mut world = World::new();
    let first = work(&world, "f");
    world.follow(&first).await;
    let sent_before_it_ended = Work { run: "early".into(), ..first.clone() };
    world.follow(&sent_before_it_ended).await;
    let seconds = world.invocation.metrics.sum("SecondsFromRequest", &[("Trigger", "automatic")]);
    assert_eq!(seconds, 120.0, "one enrichment so far");
    world.clock.advance(Duration::from_secs(3 * 3600));
    let again = Work { run: "again".into(), ..work(&world, "f") };
    world.follow(&again).await;
    assert_eq!(world.detective.count(Operation::StartInvestigation), 2, "the first one is too old by now");
}

#[tokio::test]
async fn the_field_set_again_in_the_second_in_which_the_run_ended_asks_again() {
    let mut world = World::new();
    let first = work(&world, "f");
    world.clock.advance(Duration::from_millis(500));
    world.follow(&first).await;
    let told =
        |world: &World| world.invocation.metrics.sum("SecondsFromRequest", &[("Trigger", "automatic")]);
    let before = told(&world);
    let event_time = world.clock.now().truncate_to_second();
    let again = Work { run: "again".into(), requested_at: event_time, ..work(&world, "f") };
    world.follow(&again).await;
    assert!(before > 0.0 && told(&world) > before, "enriched twice");
}

#[tokio::test]
async fn new_activity_starts_another_a_day_later_where_it_may() {
    for (reinvestigate, expected) in [(false, 1), (true, 2)] {
        let mut world = World::with(Settings { reinvestigate, ..settings() });
        let first = ocsf_work(&world, "f");
        world.follow(&first).await;
        world.clock.advance(Duration::from_secs(23 * 3600));
        let soon =
            Work { last_observed: Some(world.clock.now()), run: "soon".into(), ..ocsf_work(&world, "f") };
        world.follow(&soon).await;
        assert_eq!(world.detective.count(Operation::StartInvestigation), 1, "less than a day later");
        world.clock.advance(Duration::from_secs(2 * 3600));
        let later =
            Work { last_observed: Some(world.clock.now()), run: "later".into(), ..ocsf_work(&world, "f") };
        world.follow(&later).await;
        assert_eq!(world.detective.count(Operation::StartInvestigation), expected, "{reinvestigate}");
    }
}

#[tokio::test]
async fn a_person_is_heard_although_the_finding_is_handled() {
    let mut world = World::new();
    let first = work(&world, "f");
    world.follow(&first).await;
    world.clock.advance(Duration::from_secs(60));
    let asked = Work { trigger: Trigger::CustomAction, run: "click".into(), ..work(&world, "f") };
    world.follow(&asked).await;
    assert_eq!(world.detective.count(Operation::StartInvestigation), 1, "the recent one serves");
    assert_eq!(world.invocation.metrics.sum("InvestigationsReused", &[]), 1.0);
    let enriched = [("Outcome", "complete"), ("Severity", "INFORMATIONAL")];
    assert_eq!(world.invocation.metrics.sum("FindingsEnriched", &enriched), 2.0);
    world.clock.advance(Duration::from_secs(3 * 3600));
    let asked = Work { trigger: Trigger::CustomAction, run: "click 2".into(), ..work(&world, "f") };
    world.follow(&asked).await;
    assert_eq!(world.detective.count(Operation::StartInvestigation), 2);
}

#[tokio::test]
async fn a_failed_investigation_is_reported_and_not_reused() {
    let mut world = World::new();
    world.detective.script(ROLE, Script { running_gets: 0, ending: Ending::Failed });
    let first = work(&world, "f");
    world.follow(&first).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("failed"));
    assert!(world.finding("f").note.unwrap().text.contains("failed"));
    world.detective.script(ROLE, critical());
    world.clock.advance(Duration::from_secs(60));
    let asked = Work { trigger: Trigger::CustomAction, run: "click".into(), ..work(&world, "f") };
    world.follow(&asked).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("complete"));
}

#[tokio::test]
async fn what_never_ends_times_out() {
    let mut world = World::new();
    world.detective.script(ROLE, Script { running_gets: u32::MAX, ..critical() });
    let first = work(&world, "f");
    world.follow(&first).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("timed-out"));
    assert!(world.finding("f").note.unwrap().text.contains("did not end within 120 min"));
    assert!(world.field("f", field::ID).is_some(), "the investigation can be looked up");
}

#[tokio::test]
async fn who_cannot_be_investigated_is_told_why() {
    for reason in [
        Reason::Root,
        Reason::FederatedUser,
        Reason::AwsService,
        Reason::AwsAccount,
        Reason::Unidentified,
        Reason::NoPrincipal,
    ] {
        let mut world = World::new();
        let subjects = vec![Subject::unsupported("x", reason)];
        let work = Work { subjects, ..work(&world, "f") };
        world.follow(&work).await;
        assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("unsupported"));
        assert!(world.finding("f").note.unwrap().text.contains(&reason.to_string()));
        assert!(world.detective.calls().is_empty());
    }
}

#[tokio::test]
async fn a_region_without_a_graph_is_unsupported() {
    let mut world = World::new();
    let work = Work { region: "eu-central-1".into(), ..work(&world, "f") };
    world.follow(&work).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("unsupported"));
    assert!(world.finding("f").note.unwrap().text.contains("no behavior graph in eu-central-1"));
}

#[tokio::test]
async fn a_finding_without_a_time_is_reported_not_guessed() {
    let mut world = World::new();
    let work = Work { scope: None, ..work(&world, "f") };
    world.follow(&work).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("failed"));
    assert!(world.finding("f").note.unwrap().text.contains("no usable time"));
    assert_eq!(world.detective.count(Operation::StartInvestigation), 0);
}

#[tokio::test]
async fn a_refused_entity_is_unsupported_with_detectives_words() {
    let mut world = World::new();
    world.iam.answer_for_account("111122223333", Lookup::NotConfigured);
    let refusal = Error::permanent("Validation", "`StartInvestigation` was refused: entity not in graph");
    world.detective.fail_next(Operation::StartInvestigation, refusal);
    let work = work(&world, "f");
    world.follow(&work).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("unsupported"));
    let note = world.finding("f").note.unwrap().text;
    assert!(note.contains("role Admin in 111122223333") && note.contains("entity not in graph"), "{note}");
}

#[tokio::test]
async fn several_principals_are_one_update_with_the_worst_first() {
    let mut world = World::new();
    let user = "arn:aws:iam::111122223333:user/alice";
    world.iam.add(user);
    world.detective.script(user, critical());
    let mut work = work(&world, "f");
    work.subjects.push(Subject::named(Kind::User, "aws", "111122223333", "alice"));
    work.subjects.push(Subject::unsupported("root", Reason::Root));
    world.follow(&work).await;
    assert_eq!(world.detective.count(Operation::StartInvestigation), 2);
    assert_eq!(world.invocation.metrics.sum("InvestigationsUnsupported", &[]), 1.0, "root");
    assert_eq!(world.field("f", field::SEVERITY).as_deref(), Some("CRITICAL"));
    let note = world.finding("f").note.unwrap().text;
    let (alice, admin) = (note.find("user alice").unwrap(), note.find("role team/Admin").unwrap());
    assert!(alice < admin, "{note}");
    let outcomes = world.hub.updates().iter().filter(|call| call.update.note.is_some()).count();
    assert_eq!(outcomes, 1);
}

#[tokio::test]
async fn throttling_is_waited_out_by_delayed_messages() {
    let mut world = World::new();
    for operation in [
        Operation::ListGraphs,
        Operation::ListInvestigations,
        Operation::StartInvestigation,
        Operation::GetInvestigation,
        Operation::ListIndicators,
    ] {
        let throttled = Error::retryable("Throttled", "`Detective` was throttled");
        world.detective.fail_next(operation, throttled);
    }
    let work = work(&world, "f");
    world.follow(&work).await;
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("complete"));
    assert_eq!(world.detective.investigations().len(), 1);
    assert!(world.dead_letters.sent().is_empty());
}

#[tokio::test]
async fn a_lost_response_is_settled_by_evidence() {
    for (really_started, starts) in [(true, 1), (false, 2)] {
        let mut world = World::new();
        world.detective.lose_next_start(really_started);
        let work = work(&world, "f");
        world.follow(&work).await;
        assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("complete"), "{really_started}");
        assert_eq!(world.detective.count(Operation::StartInvestigation), starts, "{really_started}");
        assert_eq!(world.detective.investigations().len(), 1, "never two investigations");
        let counted = |metric| world.invocation.metrics.sum(metric, &[]);
        assert_eq!(counted("InvestigationsStarted"), 1.0, "{really_started}");
        assert_eq!(counted("InvestigationsReused"), 0.0, "it was started by this finding's own message");
    }
}

#[tokio::test]
async fn an_environment_failure_stops_the_batch_and_loses_nothing() {
    let mut world = World::new();
    let denied = Error::environment("AccessDenied", "`ListGraphs` was denied");
    world.detective.fail_next(Operation::ListGraphs, denied);
    let bodies: Vec<_> = (0..3).map(|n| body(&work(&world, &format!("f{n}")))).collect();
    let ids: Vec<_> = (0..3).map(|n| format!("m{n}")).collect();
    let failed = world.deliver_as(&bodies, &ids, 1).await;
    assert!(!failed.is_empty());
    let again: Vec<_> =
        bodies.iter().zip(&ids).filter(|(_, id)| failed.contains(id)).map(|(body, _)| body.clone()).collect();
    assert!(world.deliver_as(&again, &failed, 2).await.is_empty());
    let mut later = world.wait();
    while !later.is_empty() {
        assert!(world.deliver(&later).await.is_empty());
        later = world.wait();
    }
    for n in 0..3 {
        assert_eq!(world.field(&format!("f{n}"), field::INVESTIGATE).as_deref(), Some("complete"));
    }
}

#[tokio::test]
async fn a_persons_note_and_fields_stay() {
    let mut world = World::new();
    let work = work(&world, "f");
    let note = Note { text: "known pentest".into(), updated_by: "alice@example.com".into() };
    let fields = BTreeMap::from([("team".to_owned(), "blue".to_owned())]);
    world.hub.add(Current { note: Some(note.clone()), user_defined_fields: fields, ..world.finding("f") });
    world.follow(&work).await;
    assert_eq!(world.finding("f").note, Some(note));
    assert_eq!(world.field("f", "team").as_deref(), Some("blue"));
    assert!(world.field("f", field::SUMMARY).unwrap().contains("INFORMATIONAL"));
}

#[tokio::test]
async fn unprocessed_findings_are_sorted_into_retry_and_dead_letters() {
    let mut world = World::new();
    let bodies: Vec<_> = ["ok", "busy", "gone"]
        .iter()
        .map(|id| {
            let subjects = vec![Subject::unsupported("root", Reason::Root)];
            body(&Work { subjects, ..work(&world, id) })
        })
        .collect();
    world.hub.leave_unprocessed(&finding_id("busy"), "ConcurrentUpdateError", 1);
    world.hub.leave_unprocessed(&finding_id("gone"), "FindingNotFound", 1);
    let ids: Vec<String> = ["ok", "busy", "gone"].map(str::to_owned).to_vec();
    assert_eq!(world.deliver_as(&bodies, &ids, 1).await, ["busy"]);
    let sent = world.dead_letters.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0.message_id, "gone");
    assert!(world.deliver_as(&bodies[1..2], &ids[1..2], 2).await.is_empty());
    assert_eq!(world.field("busy", field::INVESTIGATE).as_deref(), Some("unsupported"));
}

#[tokio::test]
async fn a_failing_security_hub_ends_in_the_dead_letters_with_a_reason() {
    let mut world = World::new();
    let subjects = vec![Subject::unsupported("root", Reason::Root)];
    let bodies = [body(&Work { subjects, ..work(&world, "f") })];
    for receives in 1..=3 {
        let error = Error::retryable("InternalServer", "`GetFindings` failed");
        world.hub.fail_next(HubOperation::GetFindings, error);
        let failed = world.deliver_as(&bodies, &["m".to_owned()], receives).await;
        assert_eq!(failed.is_empty(), receives == 3, "receive {receives}");
    }
    let sent = world.dead_letters.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1, "Retryable.InternalServer");
    assert_eq!(sent[0].0.body, bodies[0], "the message as it came, for a redrive");
    assert!(world.deliver_as(&bodies, &["redriven".to_owned()], 1).await.is_empty());
    assert_eq!(world.field("f", field::INVESTIGATE).as_deref(), Some("unsupported"), "a redrive carries on");
}

#[tokio::test]
async fn poison_goes_to_the_dead_letters_and_harms_nobody() {
    let mut world = World::new();
    let good = body(&work(&world, "f"));
    let poison = [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        good.replace("\"version\":\"1\"", "\"version\":\"9\""),
        good.replace("\"hop\":0", "\"hop\":-1"),
        "[".repeat(100_000),
        format!("{{\"version\":\"1\",\"run\":\"{}\"}}", "x".repeat(1 << 20)),
    ];
    let bodies: Vec<_> = poison.iter().cloned().chain([good]).collect();
    assert!(world.deliver(&bodies).await.is_empty());
    assert_eq!(world.dead_letters.sent().len(), poison.len());
    assert!(world.dead_letters.sent().iter().all(|(_, reason)| reason == "Permanent.InvalidWork"));
    assert_eq!(world.queue.messages().len(), 1, "the good one goes on");
}

#[tokio::test]
async fn a_failed_hand_over_is_taken_up_again_by_the_same_message() {
    let mut world = World::new();
    world.detective.script(ROLE, Script { running_gets: 9, ..critical() });
    let bodies = [body(&work(&world, "f"))];
    world.queue.fail_next(Error::retryable("Throttled", "`SendMessageBatch` was throttled"));
    let ids = ["m".to_owned()];
    assert_eq!(world.deliver_as(&bodies, &ids, 1).await, ids);
    assert!(world.deliver_as(&bodies, &ids, 2).await.is_empty());
    assert_eq!(world.queue.messages().len(), 1);
    assert_eq!(world.detective.count(Operation::StartInvestigation), 1);
    let counted = |metric| world.invocation.metrics.sum(metric, &[]);
    assert_eq!((counted("InvestigationsStarted"), counted("InvestigationsReused")), (1.0, 0.0));
}

#[tokio::test]
async fn a_dry_run_reads_and_writes_nothing() {
    let mut world = World::with(Settings { dry_run: true, ..settings() });
    let work = work(&world, "f");
    let before = world.finding("f");
    world.follow(&work).await;
    assert_eq!(world.finding("f"), before);
    assert_eq!(world.detective.count(Operation::StartInvestigation), 0);
    assert_eq!(world.detective.count(Operation::ListInvestigations), 1);
    assert!(world.queue.messages().is_empty());
    assert_eq!(world.invocation.metrics.sum("DryRuns", &[("Would", "start")]), 1.0);
}
