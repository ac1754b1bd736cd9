//! Views, materialized views, tables and what depends on them.

use crate::support::{Place, error, place, user};

const HINT: &str = "\n  Hint: Use DROP ... CASCADE to drop the dependent objects too.";

async fn with_table() -> Place {
    let place = place();
    place
        .all(&[
            "create schema s",
            "create table s.t (a int, b varchar(9))",
            "insert into s.t values (1, 'x')",
        ])
        .await;
    place
}

#[tokio::test]
async fn statements_in_turn_do_what_they_say() {
    let place = with_table().await;
    // Each with the error it gives, if any, or the rows of `select * from s.v` behind it.
    for (sql, expected) in [
        ("create view s.v as select a from s.t", Ok(vec!["1"])),
        ("create view s.v as select a from s.t", Err("ERROR: relation \"v\" already exists".to_owned())),
        ("create or replace view s.v as select a from s.t where a > 0", Ok(vec!["1"])),
        (
            "create or replace view s.v as select a, b from s.t",
            Err("ERROR: cannot change number of columns in view".into()),
        ),
        (
            "create or replace view s.v as select a as z from s.t",
            Err("ERROR: cannot change name of view column \"a\"".into()),
        ),
        (
            "create or replace view s.v as select b as a from s.t",
            Err("ERROR: cannot change data type of view column \"a\"".into()),
        ),
        (
            "create or replace view s.v as select a from s.v",
            Err("ERROR: infinite recursion detected in rules for relation \"v\"".into()),
        ),
        ("create or replace view s.t as select 1 as a", Err("ERROR: \"t\" is not a view".into())),
        (
            "drop table s.t",
            Err(format!("ERROR: cannot drop table t because other objects depend on it{HINT}")),
        ),
        (
            "drop schema s",
            Err(format!("ERROR: cannot drop schema s because other objects depend on it{HINT}")),
        ),
        ("drop table s.v", Err("ERROR: \"v\" is not a table".into())),
        ("alter table s.t rename to renamed", Ok(vec!["1"])),
        ("insert into s.renamed values (2, 'y')", Ok(vec!["1", "2"])),
        ("alter table s.renamed rename to v", Err("ERROR: relation \"v\" already exists".into())),
        ("create view s.w (x, y) as select a + 1, b from s.renamed", Ok(vec!["1", "2"])),
        (
            "create or replace view s.v as select a from s.renamed where a = 2 with no schema binding",
            Ok(vec!["2"]),
        ),
        ("drop table s.renamed cascade", Err("ERROR: relation \"s.renamed\" does not exist".into())),
        ("drop view s.w", Err("ERROR: relation \"s.w\" does not exist".into())),
        ("drop view if exists s.w", Err("ERROR: relation \"s.renamed\" does not exist".into())),
        ("create table s.renamed as select 7 as a", Ok(vec![])),
        ("insert into s.renamed values (2)", Ok(vec!["2"])),
        ("drop view s.v", Err("ERROR: relation \"s.v\" does not exist".into())),
        ("comment on table s.renamed is 'what it is'", Err("ERROR: relation \"s.v\" does not exist".into())),
        ("create view s.v as select count(*) from s.renamed", Ok(vec!["2"])),
        ("drop schema s cascade", Err("ERROR: schema \"s\" does not exist".into())),
        ("drop schema s", Err("ERROR: schema \"s\" does not exist".into())),
    ] {
        let ran = place.run_as(&crate::support::admin(), sql).await;
        let found = match ran {
            Err(error) => Err(error.0),
            Ok(_) => match place.run_as(&crate::support::admin(), "select * from s.v order by 1").await {
                Err(error) => Err(error.0),
                Ok(outcome) => Ok(crate::support::lines(&outcome)),
            },
        };
        assert_eq!(found, expected.map(|rows| rows.into_iter().map(str::to_owned).collect()), "{sql}");
    }
    assert!(place.warehouse.relations().is_empty());
}

#[tokio::test]
async fn what_is_refused_is_said() {
    let place = with_table().await;
    place.warehouse.register_external("dev", "lake", "x", "s3://b/x").unwrap();
    for (sql, expected) in [
        (
            "create view s.late as select a from t with no schema binding",
            "ERROR: All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.",
        ),
        (
            "create view lake.v as select 1 as a",
            "ERROR: Operations on local objects in external schema are not enabled.",
        ),
        ("create view none.v as select 1 as a", "ERROR: schema \"none\" does not exist"),
        ("create view s.v as select a, a from s.t", "ERROR: column \"a\" duplicated"),
        (
            "create view s.v (x, y) as select a from s.t",
            "ERROR: CREATE VIEW specifies more column names than columns",
        ),
        ("create view s.v as select nope from s.t", "ERROR: column \"nope\" does not exist"),
        ("create schema s", "ERROR: schema \"s\" already exists"),
        ("create schema pg_mine", "ERROR: unacceptable schema name \"pg_mine\""),
        ("create table s.t (a int)", "ERROR: relation \"t\" already exists"),
        ("create table s.u (a int, a int)", "ERROR: column \"a\" duplicated"),
        ("create table s.u (a geometry)", "ERROR: type geometry is not supported by the local warehouse"),
        (
            "create table s.u (a int default 1)",
            "ERROR: a column's DEFAULT, IDENTITY or REFERENCES is not supported by the local warehouse",
        ),
        ("insert into s.t values (1, 'a', 3)", "ERROR: INSERT has more expressions than target columns"),
        ("insert into s.t (a, c) values (1, 'a')", "ERROR: column \"c\" of relation does not exist"),
        ("insert into s.t values ('q', 'a')", "ERROR: invalid input syntax for integer: \"q\""),
        ("refresh materialized view s.t", "ERROR: \"t\" is not a materialized view"),
        ("refresh materialized view s.none", "ERROR: relation \"s.none\" does not exist"),
        (
            "alter materialized view s.t rename to x",
            "ERROR: this ALTER MATERIALIZED VIEW is not supported by the local warehouse",
        ),
        (
            "alter table s.t add column c int",
            "ERROR: this ALTER TABLE is not supported by the local warehouse",
        ),
        (
            "drop schema lake",
            "ERROR: DROP SCHEMA of an external schema is not supported by the local warehouse",
        ),
        ("set timezone to 'utc'", "ERROR: SET timezone is not supported by the local warehouse"),
    ] {
        assert_eq!(place.error(sql).await, expected, "{sql}");
    }
    let external = place.error("create view s.v as select * from lake.x").await;
    assert!(external.contains("no files"), "{external}");
    place
        .all(&["create schema if not exists s", "drop view if exists s.none", "drop schema if exists none"])
        .await;
}

#[tokio::test]
async fn bound_views_are_not_for_the_lake() {
    let place = place();
    let (_, body) = eventide_local_engine::human_resources(1).unwrap().remove(1);
    eventide_local_engine::Lake::put(place.lake.as_ref(), "b", "x/1.parquet", body).await.unwrap();
    place.warehouse.register_external("dev", "lake", "x", "s3://b/x").unwrap();
    let bound = place.error("create view v as select * from lake.x").await;
    assert_eq!(bound, "ERROR: External tables are not supported in views");
    place.all(&["create view v as select * from lake.x with no schema binding"]).await;
    place.all(&["create materialized view m as select name from lake.x"]).await;
    assert_eq!(place.rows("select count(*) from v").await, ["3"]);
    assert_eq!(
        place.error("create materialized view n as select * from public.v").await,
        "ERROR: Materialized views on late-binding views are not supported"
    );
}

#[tokio::test]
async fn materialized_views_hold_the_rows_of_their_last_refresh() {
    let place = with_table().await;
    place.all(&["create materialized view s.m as select a, count(*) from s.t group by a"]).await;
    place.all(&["insert into s.t values (2, 'y'), (2, 'z')"]).await;
    assert_eq!(place.rows("select * from s.m order by 1").await, ["1|1"]);
    for session in [user("IAMR:other"), user("IAMR:reader")] {
        let sql = "refresh materialized view s.m";
        assert_eq!(
            error(place.run_as(&session, sql).await, sql),
            "ERROR: must be owner of materialized view m"
        );
    }
    place.all(&["refresh materialized view s.m"]).await;
    assert_eq!(place.rows("select * from s.m order by 1").await, ["1|1", "2|2"]);
    for (sql, expected) in [
        ("drop view s.m", "ERROR: \"m\" is not a view\n  Hint: Use DROP MATERIALIZED VIEW.".to_owned()),
        ("drop table s.t", format!("ERROR: cannot drop table t because other objects depend on it{HINT}")),
        (
            "alter table s.m rename to n",
            "ERROR: renaming a materialized view is not supported by the local warehouse".into(),
        ),
        (
            "create or replace materialized view s.m as select 1 as a",
            "ERROR: syntax error at or near \"materialized\"\n  Position: 19".into(),
        ),
    ] {
        assert_eq!(place.error(sql).await, expected, "{sql}");
    }
    place.all(&["drop materialized view s.m", "drop table s.t"]).await;
}
