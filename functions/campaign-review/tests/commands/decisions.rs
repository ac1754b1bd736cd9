//! Held contents, approved and rejected.

use eventide_clients::campaigns::Operation;
use eventide_kit::clock::Clock as _;
use eventide_types::campaign::Campaign;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::record::State;
use serde_json::{Value, json};

use crate::support::{CAMPAIGN, NOW, UPLOAD, World, command, given, held, queued};

fn decide(action: &str, contents: &[u8]) -> Value {
    let contents: Vec<_> = contents.iter().map(|content| held(*content)).collect();
    command(action, json!({ "contents": contents }))
}

/// The releases that campaign-judge is told of: what each says.
fn releases(world: &World) -> Vec<Vec<Value>> {
    let work = Work { campaign: CAMPAIGN, upload: UPLOAD };
    let told = world.judge().into_iter().map(|message| {
        assert_eq!((&message["campaign"], &message["upload"]), (&json!(CAMPAIGN), &json!(UPLOAD)));
        work.release(message["release"].as_str().unwrap())
    });
    told.map(|key| world.lines(&key)).collect()
}

#[tokio::test]
async fn a_decision_is_kept_and_carried_out() {
    for (action, approved) in [("approve", true), ("reject", false)] {
        let mut world = World::new().await;
        let mut approve = decide(action, &[1]);
        approve["label"] = json!("gambling");
        world.take(&given("e-1", 7, &approve)).await;
        let [decision] = &world.fakes.store.all_decisions()[..] else { panic!("one decision") };
        assert_eq!((decision.content, decision.approved), (held(1), approved));
        assert_eq!((decision.by.as_str(), decision.reason.as_deref()), ("ann", Some("so it is")));
        assert_eq!((decision.label.as_deref(), decision.source.as_str()), (Some("gambling"), "e-1"));
        assert_eq!(decision.at, NOW + time::Duration::seconds(7));
        assert_eq!(releases(&world), [vec![serde_json::to_value(decision).unwrap()]]);
    }
}

#[tokio::test]
async fn the_first_decision_about_a_content_stands() {
    let mut world = World::new().await;
    world.take(&given("e-1", 0, &decide("approve", &[1]))).await;
    world.take(&given("e-2", 5, &decide("reject", &[1, 2]))).await;
    let decisions = world.fakes.store.all_decisions();
    assert_eq!((decisions[0].approved, decisions[1].approved), (true, false));
    let told = releases(&world);
    assert_eq!((told.len(), told[1].len()), (2, 1));
    assert_eq!(told[1][0]["content"], json!(held(2)), "only what was decided by it");
    // And what changes nothing tells nobody, once campaign-judge has carried out the others.
    world.still_held(&[]);
    world.take(&given("e-3", 9, &decide("reject", &[1, 2]))).await;
    assert_eq!((world.judge().len(), world.fakes.store.all_decisions()), (2, decisions));
}

#[tokio::test]
async fn a_repeat_says_the_same_again() {
    let mut world = World::new().await;
    let event = given("e-1", 0, &decide("approve", &[1, 2, 1]));
    world.take(&event).await;
    let first = releases(&world);
    assert_eq!(first[0].len(), 2, "a content that is named twice is decided once");
    world.clock.advance(std::time::Duration::from_secs(60));
    world.take(&event).await;
    let told = releases(&world);
    assert_eq!((&told[0], &told[1], world.judge()[0] == world.judge()[1]), (&first[0], &first[0], true));
}

/// A repeat of a command, made in a world.
type Repeat = fn(&World) -> Value;

/// Whoever decided died before anybody was told.
#[tokio::test]
async fn whoever_decides_the_same_has_it_carried_out() {
    let others: [(&str, Repeat); 4] = [
        ("the same event", |_| queued(&given("e-1", 0, &decide("approve", &[1, 2])), 2)),
        ("another event", |_| queued(&given("e-2", 60, &decide("approve", &[2, 1])), 1)),
        ("a direct command", |_| decide("approve", &[1, 2])),
        ("a file", |world| {
            let body = format!("content,decision,by\n{},approve,bob\n{},approve,bob\n", held(2), held(1));
            queued(&world.upload(&format!("decisions/{CAMPAIGN}/b.csv"), &body), 1)
        }),
    ];
    for (name, other) in others {
        let mut world = World::new().await;
        let put = eventide_kit::Error::environment("AccessDenied", "`s3:PutObject` was denied");
        world.fakes.work.fail_next(eventide_clients::s3::Operation::Put, put);
        assert!(world.deliver(&given("e-1", 0, &decide("approve", &[1, 2])), 1).await);
        let decisions = world.fakes.store.all_decisions();
        assert_eq!((decisions.len(), world.judge().len()), (2, 0), "{name}");
        let event = other(&world);
        world.invoke(&event).await.unwrap().unwrap();
        let expected: Vec<_> = decisions.iter().map(|kept| serde_json::to_value(kept).unwrap()).collect();
        assert_eq!(releases(&world), [expected], "{name}");
        assert_eq!(world.fakes.store.all_decisions(), decisions, "{name}: the first decisions stand");
        // Once more, whoever it is: the same release.
        let event = other(&world);
        world.invoke(&event).await.unwrap().unwrap();
        assert_eq!(world.judge()[0], world.judge()[1], "{name}");
        // campaign-judge has carried it out: nobody is told for nothing.
        world.carried_out(&world.judge()[0]).await;
        world.still_held(&[]);
        let event = other(&world);
        world.invoke(&event).await.unwrap().unwrap();
        assert_eq!(world.judge().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn what_another_release_took_off_the_list_is_released_by_a_repeat() {
    let mut world = World::new().await;
    let put = eventide_kit::Error::environment("AccessDenied", "`s3:PutObject` was denied");
    world.fakes.work.fail_next(eventide_clients::s3::Operation::Put, put);
    assert!(world.deliver(&given("e-1", 0, &decide("approve", &[1])), 1).await);
    // The other's verdicts are written with all decisions so far, but only its own contents have shards.
    world.take(&given("e-2", 5, &decide("approve", &[2]))).await;
    world.carried_out(&world.judge()[0]).await;
    world.still_held(&[]);
    world.take(&given("e-1", 0, &decide("approve", &[1]))).await;
    let told = releases(&world);
    assert_eq!((told.len(), &told[1][0]["content"]), (2, &json!(held(1))));
}

/// campaign-judge drops releases of an upload that another replaced, since that one is judged by all decisions that were kept
/// before. These were kept while, or after, it was judged.
#[tokio::test]
async fn a_decision_that_meets_a_new_upload_is_carried_out_in_that_one() {
    const AGAIN: &str = "ffeeddccbbaa0099";
    for operation in [Operation::Decide, Operation::Decisions] {
        for state in [State::Sending, State::Sent, State::Judging, State::Screening] {
            let mut world = World::new().await;
            let newer = Campaign { upload: AGAIN.to_owned(), state, ..world.record().await };
            world.fakes.store.meanwhile(operation, newer);
            let event = given("e-1", 0, &decide("approve", &[1, 2]));
            let comes_back = world.deliver(&event, 1).await;
            assert_eq!(comes_back, !matches!(state, State::Sending | State::Sent), "{state:?}");
            if comes_back {
                assert!(world.judge().is_empty(), "{state:?}");
                world.change(|campaign| campaign.state = State::Sending).await;
                world.take(&event).await;
            }
            let [told] = &world.judge()[..] else { panic!("told once") };
            assert_eq!(told["upload"], AGAIN, "{operation:?} {state:?}");
            let key = Work { campaign: CAMPAIGN, upload: AGAIN }.release(told["release"].as_str().unwrap());
            assert_eq!(world.lines(&key).len(), 2);
        }
    }
}

#[tokio::test]
async fn what_is_not_held_refuses_the_whole_command() {
    let mut world = World::new().await;
    let error = world.refused(&given("e-1", 0, &decide("approve", &[1, 5]))).await;
    assert_eq!(error, "Permanent.NotHeld");
    assert!(world.fakes.dead_letters.reasons()[0].contains(&held(5).to_string()));
    assert!(world.fakes.store.all_decisions().is_empty() && world.judge().is_empty());
    // No content is held at all.
    world.fakes.reports.delete(&eventide_types::campaign::keys::report::review(CAMPAIGN));
    assert_eq!(world.refused(&given("e-2", 0, &decide("approve", &[1]))).await, "Permanent.NotHeld");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let many: Vec<_> = (0..=1_000).map(|_| held(1)).collect();
    for more in [
        json!({"contents": []}),
        json!({ "contents": many }),
        json!({"contents": [held(1)], "label": ""}),
        json!({"contents": [held(1)], "label": "a\nb"}),
        json!({"contents": [held(1)], "label": "x".repeat(257)}),
    ] {
        let mut world = World::new().await;
        assert_eq!(
            world.refused(&given("e-1", 0, &command("approve", more))).await,
            "Permanent.InvalidCommand"
        );
        assert!(world.fakes.store.all_decisions().is_empty());
    }
}

#[tokio::test]
async fn what_is_not_screened_yet_is_waited_for() {
    for state in [State::Screening, State::Classifying, State::Judging] {
        let mut world = World::new().await;
        world.change(|campaign| campaign.state = state).await;
        let event = given("e-1", 0, &decide("approve", &[1]));
        assert!(world.deliver(&event, 1).await);
        world.change(|campaign| campaign.state = State::Sent).await;
        world.take(&event).await;
        assert_eq!(releases(&world).len(), 1);
    }
    let mut world = World::new().await;
    world.change(|campaign| campaign.state = State::Failed).await;
    assert_eq!(world.refused(&given("e-1", 0, &decide("approve", &[1]))).await, "Permanent.CampaignOver");
}

#[tokio::test]
async fn a_direct_decision_is_answered_with_what_it_did() {
    let mut world = World::new().await;
    let answer = world.direct(&decide("approve", &[1, 2])).await.unwrap();
    assert_eq!((&answer["changed"], &answer["count"]), (&json!(true), &json!(2)));
    assert_eq!(world.fakes.store.all_decisions()[0].at, world.clock.now());
    let answer = world.direct(&decide("reject", &[1])).await.unwrap();
    assert_eq!((&answer["changed"], &answer["count"]), (&json!(false), &json!(0)));
}
