//! Statements together.

use std::sync::{Arc, Mutex};

use eventide_local_engine::{Mode, Statement};

use crate::support::{Place, admin, place, statement};

async fn run(place: &Place, mode: Mode, all: &[&str]) -> (Vec<Option<String>>, Vec<(usize, Option<bool>)>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let statements: Vec<Statement> = all.iter().map(|sql| statement(sql)).collect();
    let sink = told.clone();
    let progress = move |index, ended| sink.lock().unwrap().push((index, ended));
    let ran = place.warehouse.run(&admin(), &statements, mode, &progress).await;
    let told = told.lock().unwrap().clone();
    (ran.into_iter().map(|ran| ran.err().map(|error| error.0)).collect(), told)
}

#[tokio::test]
async fn a_failed_transaction_leaves_nothing() {
    let place = place();
    place.all(&["create schema s", "create table s.t (a int)", "create view s.v as select a from s.t"]).await;
    let before = place.warehouse.relations();
    let all = [
        "drop view s.v",
        "create view s.v as select a, a + 1 as b from s.t",
        "insert into s.t values (1)",
        "grant select on s.v to \"IAMR:x\"",
        "create datashare d",
        "create temp table mine (a int)",
        "select * from mine",
        "select 1 / 0",
        "drop table s.t cascade",
    ];
    let (errors, told) = run(&place, Mode::Transaction, &all).await;
    assert_eq!(errors.len(), 8);
    assert_eq!(errors[7].as_deref(), Some("ERROR: division by zero"));
    assert!(errors[..7].iter().all(Option::is_none), "{errors:?}");
    assert_eq!(told.len(), 16);
    assert_eq!(told[14..], [(7, None), (7, Some(false))]);
    assert_eq!(place.warehouse.relations(), before);
    assert!(place.warehouse.grants().is_empty() && place.warehouse.datashares().is_empty());
    assert_eq!(place.rows("select count(*) from s.t").await, ["0"]);
}

#[tokio::test]
async fn a_transaction_sees_its_own_changes_and_others_see_them_at_its_end() {
    let place = place();
    place.all(&["create table t (a int)"]).await;
    let all = ["insert into t values (1)", "create view v as select a from t", "select * from v"];
    let (errors, _) = run(&place, Mode::Transaction, &all).await;
    assert_eq!(errors, [None, None, None]);
    assert_eq!(place.rows("select * from v").await, ["1"]);
}

#[tokio::test]
async fn statements_on_their_own_do_not_affect_each_other() {
    let place = place();
    let all =
        ["create table t (a int)", "select 1 / 0", "insert into t values (1)", "create table t (a int)"];
    let (errors, told) = run(&place, Mode::AutoCommit, &all).await;
    assert_eq!(errors.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false, true]);
    assert_eq!(told.len(), 8);
    assert_eq!(place.rows("select * from t").await, ["1"]);
}

#[tokio::test]
async fn temporary_tables_are_the_connections() {
    let place = place();
    let all = [
        "create temp table t as select 1 as a",
        "insert into t values (2)",
        "create table kept as select * from t",
    ];
    let (errors, _) = run(&place, Mode::AutoCommit, &all).await;
    assert_eq!(errors, [None, None, None]);
    assert_eq!(place.error("select * from t").await, "ERROR: relation \"t\" does not exist");
    assert_eq!(place.rows("select * from kept order by a").await, ["1", "2"]);
}

#[tokio::test]
async fn changes_of_two_at_once_are_both_kept() {
    let place = Arc::new(place());
    place.all(&["create schema s"]).await;
    let create = |name: String| {
        let place = place.clone();
        tokio::spawn(async move {
            let all = [format!("create table s.{name} (a int)"), format!("insert into s.{name} values (1)")];
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            run(&place, Mode::Transaction, &all).await.0
        })
    };
    let tasks: Vec<_> = (0..8).map(|number| create(format!("t{number}"))).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), [None, None]);
    }
    assert_eq!(place.warehouse.relations().len(), 8);
}

#[tokio::test]
async fn dropping_the_future_stops_and_undoes() {
    let place = place();
    place.all(&["create table t (a int)"]).await;
    let endless = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b, t";
    let statements = [statement("insert into t values (1)"), statement(endless)];
    let started = tokio::sync::Notify::new();
    let progress = |index, ended: Option<bool>| {
        if (index, ended) == (1, None) {
            started.notify_one();
        }
    };
    let session = admin();
    tokio::select! {
        biased;
        ran = place.warehouse.run(&session, &statements, Mode::Transaction, &progress) => panic!("it ended: {ran:?}"),
        () = started.notified() => {}
    }
    // Whoever comes next need not wait for it.
    place.all(&["insert into t values (2)"]).await;
    assert_eq!(place.rows("select a from t").await, ["2"]);
}
