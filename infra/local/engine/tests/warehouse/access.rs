//! Privileges.

use eventide_local_engine::Session;

use crate::support::{Place, admin, error, place, user};

/// Each step is who does what, and the error it must give.
type Step<'a> = (&'a Session, &'a str, Option<&'a str>);

async fn steps(place: &Place, steps: &[Step<'_>]) {
    for (session, sql, expected) in steps {
        let ran = place.run_as(session, sql).await;
        match expected {
            Some(expected) => assert_eq!(error(ran, sql), *expected, "{} {sql}", session.user),
            None => drop(ran.unwrap_or_else(|failure| panic!("{} {sql}: {failure}", session.user))),
        }
    }
}

#[tokio::test]
async fn only_those_may_who_were_granted() {
    let place = place();
    let (admin, deploy, query) = (&admin(), &user("IAMR:Deploy-Role"), &user("IAMR:query"));
    let (schema, view) =
        (Some("ERROR: permission denied for schema gold"), Some("ERROR: permission denied for relation v"));
    steps(
        &place,
        &[
            (admin, "create table raw (a int)", None),
            (admin, "insert into raw values (1)", None),
            (deploy, "create schema gold", Some("ERROR: permission denied for database dev")),
            (admin, "create schema gold authorization \"IAMR:Deploy-Role\"", None),
            (
                deploy,
                "create view gold.v as select a from public.raw",
                Some("ERROR: permission denied for relation raw"),
            ),
            (admin, "grant select on raw to \"IAMR:Deploy-Role\"", None),
            (deploy, "create view gold.v as select a from public.raw", None),
            (query, "create view gold.mine as select 1 as a", schema),
            (query, "select * from gold.v", schema),
            (
                query,
                "grant usage on schema gold to \"IAMR:query\"",
                Some("ERROR: must be owner of schema gold"),
            ),
            (deploy, "grant usage on schema gold to \"IAMR:query\", group analysts", None),
            (query, "select * from gold.v", view),
            (query, "grant select on gold.v to \"IAMR:query\"", Some("ERROR: must be owner of relation v")),
            (deploy, "grant select on gold.v to \"IAMR:query\"", None),
            (query, "select * from gold.v", None),
            (query, "select * from raw", Some("ERROR: permission denied for relation raw")),
            (query, "drop view gold.v", Some("ERROR: must be owner of view v")),
            (
                query,
                "create or replace view gold.v as select 2 as a",
                Some("ERROR: must be owner of relation v"),
            ),
            // What is replaced keeps its grants; what is dropped does not.
            (deploy, "create or replace view gold.v as select a from public.raw where a > 0", None),
            (query, "select * from gold.v", None),
            // The owner's rights count, also later.
            (admin, "revoke select on raw from \"IAMR:Deploy-Role\"", None),
            (query, "select * from gold.v", Some("ERROR: permission denied for relation raw")),
            (admin, "grant all on raw to public", None),
            (query, "select * from gold.v", None),
            (query, "insert into raw values (2)", None),
            (deploy, "drop view gold.v", None),
            (deploy, "create view gold.v as select a from public.raw with no schema binding", None),
            (query, "select * from gold.v", view),
            (deploy, "grant select on all tables in schema gold to role readers", None),
            (query, "select * from gold.v", view),
            (admin, "select * from gold.v", None),
        ],
    )
    .await;
    place.warehouse.join("IAMR:query", "readers");
    steps(&place, &[(query, "select * from gold.v", None)]).await;
    place.warehouse.join("IAMR:other", "readers");
    steps(&place, &[(&user("IAMR:other"), "select * from gold.v", schema)]).await;
    place.warehouse.join("IAMR:other", "analysts");
    steps(&place, &[(&user("IAMR:other"), "select * from gold.v", None)]).await;
}

#[tokio::test]
async fn grants_are_known() {
    let place = place();
    place
        .all(&[
            "create schema s",
            "create table s.t (a int)",
            "grant usage on schema s to \"IAMR:Role\"",
            "grant select on s.t to public",
            "grant usage on database awsdatacatalog to \"IAMR:Role\"",
            "alter table s.t rename to u",
        ])
        .await;
    let mut grants: Vec<_> = place
        .warehouse
        .grants()
        .into_iter()
        .map(|grant| format!("{} on {} to {}", grant.privilege, grant.object, grant.grantee))
        .collect();
    grants.sort();
    let expected = [
        "SELECT on relation s.u to public",
        "USAGE on database awsdatacatalog to iamr:role",
        "USAGE on schema s to iamr:role",
    ];
    assert_eq!(grants, expected);
    place.all(&["drop table s.u", "revoke usage on schema s from \"iamr:role\""]).await;
    assert_eq!(place.warehouse.grants().len(), 1);
}

#[tokio::test]
async fn wrong_grants_are_refused() {
    let place = place();
    place.all(&["create schema s", "create table s.t (a int)"]).await;
    place.warehouse.register_external("dev", "lake", "x", "s3://b/x").unwrap();
    for (sql, expected) in [
        ("grant select on s.none to x", "ERROR: relation \"s.none\" does not exist"),
        ("grant usage on schema none to x", "ERROR: schema \"none\" does not exist"),
        ("grant usage on database none to x", "ERROR: database \"none\" does not exist"),
        ("grant usage on s.t to x", "ERROR: invalid privilege type USAGE for relation"),
        ("grant select on schema s to x", "ERROR: invalid privilege type SELECT for schema"),
        ("grant delete on s.t to x", "ERROR: GRANT DELETE is not supported by the local warehouse"),
        (
            "grant select on s.t to x with grant option",
            "ERROR: WITH GRANT OPTION is not supported by the local warehouse",
        ),
        ("grant role a to x", "ERROR: this GRANT or REVOKE is not supported by the local warehouse"),
        (
            "grant select on lake.x to y",
            "ERROR: Grant/Revoke on external tables is not supported, grant USAGE on the external schema",
        ),
    ] {
        assert_eq!(place.error(sql).await, expected, "{sql}");
    }
}
