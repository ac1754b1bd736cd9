//! Events that come late, twice or out of order.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use eventide_clients::marts::Operation;
use eventide_clients::redshift_data::Ending;
use eventide_clients::s3::Bucket as _;

use crate::support::{KEY, World, good, view};

#[tokio::test]
async fn whatever_order_the_events_come_in_the_newest_version_ends_in_force_and_nothing_else_is_left() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut world = World::new();
        let events = [
            world.put(KEY, &view("SELECT a FROM s.t")),
            world.put(KEY, &view("SELECT b FROM s.t")),
            world.put(KEY, &view("SELECT c FROM s.t")),
        ];
        for at in order {
            world.dealt(&events[at]).await;
        }
        world.settle().await;
        assert_eq!(world.state(), "in-force", "{order:?}");
        let mart = world.mart().await.expect("in force");
        let created = built(&world);
        let dropped: Vec<String> = world
            .redshift
            .submitted()
            .iter()
            .flat_map(|(_, statement)| statement.sql.clone())
            .filter_map(|sql| {
                Some(sql.strip_prefix("DROP VIEW IF EXISTS \"marts\".\"")?.trim_end_matches('"').to_owned())
            })
            .filter(|name| name.contains("__"))
            .collect();
        let left: Vec<_> = created.into_iter().filter(|name| !dropped.contains(name)).collect();
        assert_eq!(left, [mart.relation.expect("a relation")], "{order:?}");
        assert_eq!(world.deployment().version_id, Some(mart.version_id), "{order:?}");
        assert_eq!(world.told().last().map(String::as_str), Some("Data Mart Deployed"), "{order:?}");
    }
}

/// The relations that were made.
fn built(world: &World) -> Vec<String> {
    let statements = world.redshift.submitted();
    let builds = statements.iter().filter(|(_, statement)| statement.name.contains("/build/"));
    builds.map(|(_, statement)| statement.sql[0].split('"').nth(3).expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn an_overtaken_build_is_tidied_up_when_it_ends_however_it_ends() {
    for (ending, at) in [(good(), 0), (good(), 1), (Ending::Failed("f".to_owned()), 0), (Ending::Aborted, 1)]
    {
        let mut world = World::new();
        let first = world.put(KEY, &view("SELECT a FROM s.t"));
        world.dealt(&first).await;
        for _ in 0..at {
            world.last_ends(good()).await;
        }
        let overtaken = world.last();
        let second = world.put(KEY, &view("SELECT b FROM s.t"));
        world.dealt(&second).await;
        let event = world.end(&overtaken, ending);
        world.dealt(&event).await;
        assert_eq!(world.last().1.sql, [format!("DROP VIEW IF EXISTS \"marts\".\"{}\"", built(&world)[0])]);
        world.settle().await;
        assert_eq!(world.mart().await.and_then(|mart| mart.relation), built(&world).pop());
        assert_eq!(world.told(), ["Data Mart Deployed"], "nothing is told of the overtaken one");
    }
}

#[tokio::test]
async fn a_new_version_waits_while_another_is_being_put_in_force() {
    let mut world = World::new();
    let first = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&first).await;
    world.last_ends(good()).await;
    world.last_ends(good()).await;
    assert_eq!(world.state(), "swapping");
    let second = world.put(KEY, &view("SELECT b FROM s.t"));
    world.dealt(&second).await;
    let postponed = world.postponed();
    assert_eq!(
        (postponed.len(), postponed[0].delay_seconds, postponed[0].body.as_str()),
        (1, 60, second.as_str())
    );
    let deleted = world.delete(KEY);
    world.dealt(&deleted).await;
    assert_eq!(world.postponed().len(), 2);
    world.last_ends(Ending::Finished(None)).await;
    assert_eq!(world.state(), "in-force");
    for message in world.postponed() {
        world.dealt(&message.body).await;
    }
    world.settle().await;
    assert_eq!((world.mart().await, world.state().as_str()), (None, "withdrawn"));
}

#[tokio::test]
async fn every_message_may_come_twice_or_after_the_fact() {
    let mut world = World::new();
    let mut seen = Vec::new();
    for body in ["SELECT a FROM s.t", "SELECT b FROM s.t"] {
        let created = world.put(KEY, &view(body));
        seen.push(created.clone());
        for _ in 0..2 {
            world.dealt(&created).await;
        }
        while !matches!(world.state().as_str(), "in-force") {
            let event = world.end(&world.last(), good());
            seen.push(event.clone());
            for _ in 0..2 {
                world.dealt(&event).await;
            }
        }
    }
    assert_eq!(world.steps(), ["build", "check", "swap", "build", "check", "swap", "drop"]);
    let (mart, deployment) = (world.mart().await, world.deployment());
    // The second time is that of a duplicate which came while the old relation was being dropped.
    assert_eq!(world.told().len(), 3);
    for event in seen.iter().rev() {
        world.dealt(event).await;
    }
    assert_eq!(world.mart().await, mart);
    assert_eq!(
        (world.deployment().state, world.deployment().version_id),
        (deployment.state, deployment.version_id)
    );
    assert!(world.told().is_empty());
    let again = &world.steps()[7..];
    assert!(again.iter().all(|step| step == "tidy"), "{again:?}");
    assert_eq!(
        world.usages.all().len(),
        world.redshift.submitted().iter().filter(|(_, statement)| !statement.name.contains("/tidy/")).count()
    );
}

#[tokio::test]
async fn an_event_without_a_version_is_about_the_present_one() {
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    let version = world.bucket.add(KEY, view("SELECT b FROM s.t"));
    let mut event: serde_json::Value = serde_json::from_str(&created).expect("an event");
    event["detail"]["object"].as_object_mut().expect("an object").remove("version-id");
    for _ in 0..2 {
        world.dealt(&event.to_string()).await;
    }
    world.settle().await;
    assert_eq!(world.mart().await.map(|mart| mart.version_id), Some(version));
    assert_eq!(world.steps(), ["build", "check", "swap"]);
}

/// A message that takes longer than the queue hides it comes once more, and is worked on beside itself: while the one is
/// about to write where the file stands, the other, and the ends of what it began, have brought it further. Were the file
/// taken back, the ends that were told meanwhile would be told no more, and only the question of a quarter of an hour
/// later would go on.
#[tokio::test]
async fn a_slow_delivery_does_not_take_a_file_back() {
    const STEPS: [&str; 4] = ["build", "check", "swap", "drop"];
    for slow in 0..=3 {
        for ahead in 1..=STEPS.len() - slow {
            let case = format!("message {slow}, {ahead} steps ahead");
            let mut world = World::new();
            let first = world.put(KEY, &view("SELECT a FROM s.t"));
            world.dealt(&first).await;
            world.settle().await;
            let mut message = world.put(KEY, &view("SELECT b FROM s.t"));
            let version =
                world.bucket.get(KEY, None, 10_000).await.expect("a file").and_then(|file| file.version_id);
            world.dealt(&message).await;
            for _ in 0..slow {
                message = world.end(&world.last(), good());
                world.dealt(&message).await;
            }
            world.told();
            world.queue.take();
            let hold = world.marts.hold(Operation::RecordDeployment, 0);
            let others = async {
                hold.reached().await;
                for _ in 0..ahead {
                    world.last_ends(good()).await;
                }
                hold.release();
            };
            tokio::join!(world.dealt(&message), others);
            for _ in slow + ahead..STEPS.len() {
                world.last_ends(good()).await;
            }
            assert_eq!(world.state(), "in-force", "{case}");
            assert_eq!(world.steps()[3..], STEPS, "{case}");
            assert_eq!(world.mart().await.map(|mart| mart.version_id), version, "{case}");
            let told = if slow == 3 { 0 } else { 1 };
            assert_eq!(world.told().len(), told, "{case}");
            let asked = world.questions().len();
            assert_eq!(asked, STEPS.len() - slow - 1, "{case}: once after each step");
        }
    }
}
