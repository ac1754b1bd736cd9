//! Few documents, through an endpoint.

use eventide_clients::comprehend::{EndpointState, Operation};
use eventide_kit::Error;
use eventide_kit::clock::Clock as _;
use eventide_types::campaign::ContentId;
use eventide_types::campaign::record::State;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{CLASSIFIER, ENDPOINT, LAST, NOW, World, asked, contents, id, model};

pub(crate) fn endpoint(units: u32) -> EndpointState {
    EndpointState { units, in_service: true, model_arn: Some(CLASSIFIER.to_owned()) }
}

async fn world(contents: &[(ContentId, Vec<String>)], units: u32) -> World {
    let mut world = World::new(contents).await;
    world.settings.endpoint = Some(ENDPOINT.to_owned());
    world.fakes.classifier.set_endpoint(ENDPOINT, endpoint(units));
    world
}

/// Delivers what the function sent to itself until it sends no more: the delays, and how many documents each invocation had
/// classified.
async fn hops(world: &World) -> Vec<(u16, usize)> {
    let mut hops = Vec::new();
    let (mut next, mut before) = (asked(0), 0);
    loop {
        world.take(&next).await;
        let classified = world.fakes.classifier.classified().len();
        let messages = world.fakes.classify_queue.take();
        assert!(messages.len() <= 1);
        let Some(message) = messages.into_iter().next() else {
            hops.push((0, classified - before));
            return hops;
        };
        hops.push((message.delay_seconds, classified - before));
        before = classified;
        world.clock.advance(std::time::Duration::from_secs(message.delay_seconds.into()));
        next = serde_json::from_str(&message.body).unwrap();
    }
}

#[tokio::test]
async fn an_endpoint_gets_no_more_than_its_units_take() {
    let short = ["A table", "The casino", "A lamp", "A chair", "A door"];
    let x = |count: usize| "x".repeat(count);
    let (long, longer) = (x(250), x(1_000));
    for (texts, units, expected) in [
        // Two documents a second and unit.
        (short.to_vec(), 1, vec![(1, 2), (1, 2), (0, 1)]),
        (short.to_vec(), 2, vec![(1, 4), (0, 1)]),
        (short.to_vec(), 5, vec![(0, 5)]),
        // A hundred characters a second and unit.
        (vec![long.as_str(), &longer, "A lamp"], 1, vec![(3, 1), (10, 1), (0, 1)]),
        (vec![&longer, "A lamp", "A chair"], 10, vec![(1, 1), (0, 2)]),
    ] {
        let texts = contents(&texts);
        let world = world(&texts, units).await;
        assert_eq!(hops(&world).await, expected, "{units} units");
        let scores = world.scores();
        assert_eq!(scores.len(), texts.len());
        assert!(texts.iter().all(|(id, texts)| scores[id] == [model(&texts[0])]));
        assert_eq!((world.record().await.state, world.to_judge()), (State::Judging, 1));
        assert!(world.fakes.classifier.started().is_empty(), "no job");
    }
}

#[tokio::test]
async fn characters_are_counted_and_not_bytes() {
    let text = "ü".repeat(100);
    let world = world(&contents(&[&text, &text.replace('ü', "ö")]), 1).await;
    assert_eq!(hops(&world).await, [(1, 1), (0, 1)]);
}

#[tokio::test]
async fn the_documents_of_a_content_stay_together() {
    let long = (id(1), vec!["A table".to_owned(), "The casino".to_owned(), "A lamp".to_owned()]);
    let world = world(&[long, (id(2), vec!["A chair".to_owned()])], 1).await;
    assert_eq!(hops(&world).await, [(2, 3), (0, 1)]);
    assert_eq!(world.scores()[&id(1)], [model("A table"), model("The casino"), model("A lamp")]);
}

#[tokio::test]
async fn an_endpoint_that_throttles_is_left_alone_and_nothing_is_lost() {
    let texts = contents(&["A table", "The casino", "A lamp"]);
    let world = world(&texts, 1).await;
    world.fakes.classifier.fail_next(Operation::Classify, Error::retryable("Throttled", "slow down"));
    world.take(&asked(0)).await;
    let messages = world.fakes.classify_queue.messages();
    assert_eq!((messages.len(), messages[0].delay_seconds), (1, 5));
    let body: Value = serde_json::from_str(&messages[0].body).unwrap();
    assert!(body["done"].as_u64().unwrap_or_default() == 0, "{body}");
    assert_eq!(body["throttled"], json!(1));
    assert_eq!(world.record().await.state, State::Classifying);
    // The document beside it was answered, and is not asked for again.
    assert_eq!(world.fakes.classifier.classified().len(), 1);
    world.fakes.classify_queue.take();
    hops(&world).await;
    assert_eq!(world.fakes.classifier.classified().len(), 3);
    assert_eq!(world.scores().len(), 3);
    assert_eq!(world.to_judge(), 1);
}

#[tokio::test]
async fn what_takes_long_is_not_begun_again_by_the_sweep() {
    let text = "x".repeat(9_000);
    let texts: Vec<String> = (0..12).map(|number| format!("{text}{number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let world = world(&contents(&texts), 1).await;
    let mut next = asked(0);
    for _ in 0..12 {
        world.take(&next).await;
        let Some(message) = world.fakes.classify_queue.take().pop() else { break };
        world.clock.advance(std::time::Duration::from_secs(message.delay_seconds.into()));
        assert_eq!(world.sweep().await["overdue"], json!(0));
        next = serde_json::from_str(&message.body).unwrap();
    }
    assert!(world.clock.now() > NOW + Duration::minutes(15));
    assert_eq!((world.scores().len(), world.fakes.classifier.classified().len()), (12, 12));
}

#[tokio::test]
async fn a_repeat_from_the_beginning_asks_for_nothing_twice() {
    let world = world(&contents(&["A table", "The casino", "A lamp"]), 1).await;
    world.take(&asked(0)).await;
    world.take(&asked(0)).await;
    assert_eq!(world.fakes.classifier.classified().len(), 2);
    world.fakes.classify_queue.take();
    hops(&world).await;
    assert_eq!(world.fakes.classifier.classified().len(), 3);
    assert_eq!((world.scores().len(), world.to_judge()), (3, 1));
}

#[tokio::test]
async fn an_endpoint_of_another_classifier_is_not_asked() {
    let old = EndpointState { model_arn: Some(format!("{CLASSIFIER}-old")), ..endpoint(1) };
    let updating = EndpointState { in_service: false, ..endpoint(1) };
    for (state, class) in [(old, "OtherClassifier"), (updating, "EndpointNotInService")] {
        let world = world(&contents(&["A table"]), 1).await;
        world.fakes.classifier.set_endpoint(ENDPOINT, state);
        assert_eq!(world.deliver(&asked(0), 1).await, Some(true));
        assert_eq!((world.record().await.state, world.failures().len()), (State::Classifying, 0));
        assert_eq!(world.deliver(&asked(0), LAST).await, Some(false));
        assert_eq!(world.fakes.dead_letters.sent()[0].1, format!("Environment.{class}"));
        assert_eq!(world.failures()[0].0, class);
        assert!(world.fakes.classifier.classified().is_empty());
    }
}

#[tokio::test]
async fn many_documents_are_a_job_all_the_same() {
    let mut world = world(&contents(&["A table", "A lamp", "A chair"]), 1).await;
    world.settings.sync_documents = 2;
    world.started().await;
    assert!(world.fakes.classifier.classified().is_empty());
}
