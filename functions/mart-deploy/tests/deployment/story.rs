//! What becomes of files of every kind, step by step.

use eventide_clients::redshift_data::Ending;
use eventide_types::mart::delivery::{Deployed, Rejected, Withdrawn};

use crate::support::{KEY, World, file, good, view};

#[tokio::test]
async fn a_view_is_built_checked_and_swapped_without_anybody_waiting() {
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a AS \"A b\", c FROM s.t"));
    world.dealt(&created).await;
    let (_, build) = world.last();
    assert_eq!((build.database.as_str(), build.warehouse.name(), build.wait_seconds), ("dev", "eventide", 0));
    let relation = world.deployment().mart.and_then(|mart| mart.relation).expect("a relation");
    assert_eq!(
        build.sql,
        [format!(
            "CREATE VIEW \"marts\".\"{relation}\" AS\nSELECT a AS \"A b\", c FROM s.t\nWITH NO SCHEMA BINDING"
        )]
    );
    assert!(build.name.starts_with("eventide/deploy/rates/build/"), "{}", build.name);
    assert_eq!(world.state(), "building");

    world.last_ends(Ending::Finished(None)).await;
    assert_eq!(world.last().1.sql, [format!("SELECT * FROM \"marts\".\"{relation}\" WHERE TRUE LIMIT 0")]);
    assert_eq!(world.state(), "checking");

    world.last_ends(good()).await;
    let (_, swap) = world.last();
    assert!(swap.transaction);
    assert_eq!(
        swap.sql[1],
        format!(
            "CREATE VIEW \"marts\".\"rates\" AS\nSELECT \"a b\", \"c\"\nFROM \"marts\".\"{relation}\"\nWITH NO SCHEMA BINDING"
        )
    );
    assert_eq!(world.state(), "swapping");
    assert_eq!(world.mart().await, None, "not before it is swapped");
    assert!(world.told().is_empty());

    world.last_ends(Ending::Finished(None)).await;
    let mart = world.mart().await.expect("in force");
    assert_eq!((mart.key.as_str(), mart.relation.as_deref()), (KEY, Some(relation.as_str())));
    assert_eq!(
        (world.state().as_str(), world.steps().len()),
        ("in-force", 3),
        "there was nothing before to be dropped"
    );
    let told = world.bus.take();
    let deployed: Deployed = serde_json::from_value(told[0].detail.clone()).expect("a detail");
    assert_eq!((told.len(), told[0].detail_type.as_str()), (1, "Data Mart Deployed"));
    assert_eq!(
        (deployed.mart.as_str(), deployed.version, deployed.relation),
        ("rates", mart.version_id, mart.relation)
    );
    let usages = world.usages.all();
    assert_eq!(usages.len(), 3);
    assert!(
        usages
            .iter()
            .all(|usage| usage.month == "2026-11" && usage.purpose == "deploy" && usage.owner == "team")
    );
}

#[tokio::test]
async fn a_changed_view_replaces_the_old_one_which_is_dropped_when_the_new_one_is_in_force() {
    let mut world = World::new();
    let first = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&first).await;
    world.settle().await;
    let old = world.mart().await.expect("in force");
    let second = world.put(KEY, &view("SELECT b FROM s.t"));
    world.dealt(&second).await;
    for ending in [Ending::Finished(None), good(), Ending::Finished(None)] {
        assert_eq!(world.mart().await.as_ref(), Some(&old), "the last good one is in force");
        world.last_ends(ending).await;
    }
    let new = world.mart().await.expect("in force");
    assert_ne!(new.relation, old.relation);
    let dropped = format!("DROP VIEW IF EXISTS \"marts\".\"{}\"", old.relation.expect("a relation"));
    assert_eq!((world.state().as_str(), world.last().1.sql), ("dropping", vec![dropped]));
    world.last_ends(Ending::Finished(None)).await;
    assert_eq!((world.state().as_str(), world.deployment().mart), ("in-force", Some(new)));
    assert_eq!(world.told(), ["Data Mart Deployed"; 2]);
}

#[tokio::test]
async fn queries_and_datashares_have_their_own_steps() {
    for (kind, more, body, steps) in [
        ("query", "parameters = { p = { type = \"text\" } }\n", "SELECT :p FROM s.t", &["check"][..]),
        ("datashare", "share = { schema = \"gold\", accounts = [\"111122223333\"] }\n", "", &["share"]),
        ("view", "", "SELECT a FROM s.t", &["build", "check", "swap"]),
        (
            "materialized-view",
            "refresh = \"rate(1 hour)\"\n",
            "SELECT a FROM s.t",
            &["build", "check", "swap"],
        ),
    ] {
        let mut world = World::new();
        let created = world.put(KEY, &file(kind, more, body));
        world.dealt(&created).await;
        world.settle().await;
        assert_eq!(
            (world.steps(), world.state().as_str()),
            (steps.iter().map(|step| (*step).to_owned()).collect(), "in-force"),
            "{kind}"
        );
        assert_eq!(world.told(), ["Data Mart Deployed"], "{kind}");
        assert!(world.mart().await.is_some(), "{kind}");
    }
}

#[tokio::test]
async fn a_changed_kind_leaves_nothing_of_the_old_one() {
    let share = file("datashare", "share = { schema = \"gold\", accounts = [\"111122223333\"] }\n", "");
    for (before, after, dropped) in [
        (view("SELECT a FROM s.t"), file("query", "", "SELECT a FROM s.t"), 2),
        (view("SELECT a FROM s.t"), file("materialized-view", "", "SELECT a FROM s.t"), 1),
        (file("query", "", "SELECT a FROM s.t"), view("SELECT a FROM s.t"), 0),
        (share.clone(), view("SELECT a FROM s.t"), 1),
        (share.clone(), share.replace("111122223333", "444455556666"), 0),
    ] {
        let mut world = World::new();
        for text in [before, after] {
            let created = world.put(KEY, &text);
            world.dealt(&created).await;
            world.settle().await;
        }
        let drops = world
            .redshift
            .submitted()
            .iter()
            .filter(|(_, statement)| statement.name.contains("/drop/"))
            .map(|(_, statement)| statement.sql.len())
            .sum::<usize>();
        assert_eq!((drops, world.state().as_str()), (dropped, "in-force"));
    }
}

#[tokio::test]
async fn a_bad_file_is_rejected_by_line_and_the_last_good_one_stays() {
    let mut world = World::new();
    let good_one = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&good_one).await;
    world.settle().await;
    let (in_force, submitted) = (world.mart().await, world.steps());
    world.bus.take();
    for text in [
        "SELECT 1",
        &view("SELECT a FROM s.t; DROP TABLE s.t"),
        &view("SELECT 'secret' FROM t"),
        &"x".repeat(70_000),
    ] {
        let bad = world.put(KEY, text);
        world.dealt(&bad).await;
        let told = world.bus.take();
        assert_eq!((told.len(), told[0].detail_type.as_str()), (1, "Data Mart Rejected"));
        let rejected: Rejected = serde_json::from_value(told[0].detail.clone()).expect("a detail");
        assert_eq!((rejected.mart.as_deref(), rejected.key.as_str()), (Some("rates"), KEY));
        assert_eq!(rejected.line.is_none(), text.len() > 60_000, "{}", rejected.reason);
        assert_eq!((world.state().as_str(), world.deployment().reason), ("rejected", Some(rejected.reason)));
        world.dealt(&bad).await;
        assert!(world.told().is_empty(), "told once");
    }
    assert_eq!((world.mart().await, world.steps()), (in_force, submitted), "nothing happened");
    let next = world.put(KEY, &view("SELECT b FROM s.t"));
    world.dealt(&next).await;
    world.settle().await;
    assert_eq!((world.told(), world.state().as_str()), (vec!["Data Mart Deployed".to_owned()], "in-force"));
}

#[tokio::test]
async fn keys_that_are_no_mart_s_and_names_that_are_taken_are_rejected() {
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&created).await;
    world.settle().await;
    world.bus.take();
    for key in ["rates.sql", "team/a b/rates.sql", "team/x/rates.sql", "others/rates.sql"] {
        let bad = world.put(key, &view("SELECT a FROM s.t"));
        world.dealt(&bad).await;
        assert_eq!(world.told(), ["Data Mart Rejected"], "{key}");
    }
    assert_eq!(world.mart().await.expect("in force").key, KEY);
}

#[tokio::test]
async fn what_fails_in_the_warehouse_is_rejected_with_its_words_and_tidied_up() {
    for (fails, ending, words, tidied) in [
        (
            "build",
            Ending::Failed("relation \"t\" does not exist".to_owned()),
            Some("relation \"t\" does not exist"),
            false,
        ),
        (
            "check",
            Ending::Failed("column \"p\" does not exist".to_owned()),
            Some("column \"p\" does not exist"),
            true,
        ),
        ("check", Ending::Aborted, None, true),
        ("swap", Ending::Failed("permission denied".to_owned()), Some("permission denied"), true),
        // A result without columns.
        ("check", Ending::Finished(None), None, true),
    ] {
        let mut world = World::new();
        let first = world.put(KEY, &view("SELECT a FROM s.t"));
        world.dealt(&first).await;
        world.settle().await;
        let (in_force, _) = (world.mart().await, world.bus.take());
        let second = world.put(KEY, &view("SELECT b FROM s.t"));
        world.dealt(&second).await;
        while !world.last().1.name.contains(&format!("/{fails}/")) {
            world.last_ends(good()).await;
        }
        world.last_ends(ending.clone()).await;
        let told = world.bus.take();
        let rejected: Rejected = serde_json::from_value(told[0].detail.clone()).expect("a detail");
        assert!(rejected.reason.contains(fails), "{}", rejected.reason);
        assert_eq!(rejected.warehouse_error.as_deref(), words, "{fails}");
        assert_eq!((world.mart().await, world.state().as_str()), (in_force, "rejected"), "{fails}");
        let last = world.last().1;
        assert_eq!(last.name.contains("/tidy/"), tidied, "{fails}");
        if tidied {
            let relation = world.deployment().mart.and_then(|mart| mart.relation).expect("a relation");
            assert_eq!(last.sql, [format!("DROP VIEW IF EXISTS \"marts\".\"{relation}\"")]);
            world.last_ends(Ending::Finished(None)).await;
            assert_eq!(world.state(), "rejected");
        }
    }
}

#[tokio::test]
async fn a_deleted_file_s_mart_is_withdrawn_and_a_new_file_brings_it_back() {
    let mut world = World::new();
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&created).await;
    world.settle().await;
    let relation = world.mart().await.and_then(|mart| mart.relation).expect("in force");
    world.bus.take();
    let deleted = world.delete(KEY);
    world.dealt(&deleted).await;
    assert_eq!((world.mart().await, world.state().as_str()), (None, "withdrawing"));
    let told = world.bus.take();
    let withdrawn: Withdrawn = serde_json::from_value(told[0].detail.clone()).expect("a detail");
    assert_eq!((withdrawn.mart.as_str(), withdrawn.key.as_str()), ("rates", KEY));
    assert_eq!(
        world.last().1.sql,
        [
            "DROP VIEW IF EXISTS \"marts\".\"rates\"".to_owned(),
            format!("DROP VIEW IF EXISTS \"marts\".\"{relation}\"")
        ]
    );
    world.last_ends(Ending::Finished(None)).await;
    assert_eq!(world.state(), "withdrawn");
    let again = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&again).await;
    world.settle().await;
    let back = world.mart().await.and_then(|mart| mart.relation).expect("in force");
    assert_ne!(back, relation, "a relation of its own, though the file is the same");
}

#[tokio::test]
async fn deleting_what_is_not_in_force_changes_nothing() {
    let mut world = World::new();
    let bad = world.put(KEY, "SELECT 1");
    world.dealt(&bad).await;
    let deleted = world.delete(KEY);
    world.dealt(&deleted).await;
    assert_eq!((world.state().as_str(), world.told()), ("withdrawn", vec!["Data Mart Rejected".to_owned()]));
    let other = world.put("team/x/rates.sql", &view("SELECT a FROM s.t"));
    let created = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&created).await;
    world.settle().await;
    world.dealt(&other).await;
    let elsewhere = world.delete("team/x/rates.sql");
    world.dealt(&elsewhere).await;
    assert!(world.mart().await.is_some(), "another file's mart of the same name");
}

#[tokio::test]
async fn a_version_deleted_for_good_brings_up_what_is_left() {
    let mut world = World::new();
    let first = world.put(KEY, &view("SELECT a FROM s.t"));
    world.dealt(&first).await;
    world.settle().await;
    let old = world.purged(KEY);
    world.dealt(&old).await;
    assert_eq!(
        (world.steps().len(), world.state().as_str()),
        (3, "in-force"),
        "an older version, of no matter"
    );
    let deleted = world.delete(KEY);
    world.dealt(&deleted).await;
    world.settle().await;
    // The delete marker is deleted: the file is there again, as the fake shows by a new version.
    world.bucket.add(KEY, view("SELECT a FROM s.t"));
    let restored = world.purged(KEY);
    world.dealt(&restored).await;
    world.settle().await;
    assert_eq!(world.state(), "in-force");
    world.bucket.delete(KEY);
    let last = world.purged(KEY);
    world.dealt(&last).await;
    world.settle().await;
    assert_eq!((world.mart().await, world.state().as_str()), (None, "withdrawn"));
}
