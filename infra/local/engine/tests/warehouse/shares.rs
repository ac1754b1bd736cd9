//! Datashares.

use crate::support::{error, place, user};

const NAMESPACE: &str = "13b8833d-17c6-4f16-8fe4-1a018f5ed00d";

#[tokio::test]
async fn a_datashare_takes_up_what_is_new() {
    let place = place();
    place
        .all(&[
            "create schema gold",
            "create table gold.t (a int)",
            "create datashare sales",
            "alter datashare sales add schema gold",
            "alter datashare sales add all tables in schema gold",
            "create table gold.unnoticed (a int)",
            "alter datashare sales set includenew = true for schema gold",
            "create view gold.v as select a from gold.t",
            "create view gold.late as select a from gold.t with no schema binding",
            &format!("grant usage on datashare sales to namespace '{NAMESPACE}'"),
            "grant usage on datashare sales to account '123456789012'",
        ])
        .await;
    let share = &place.warehouse.datashares()[0];
    assert_eq!(share.schemas, [("gold".to_owned(), true)]);
    assert_eq!(share.objects, ["gold.late", "gold.t", "gold.v"]);
    assert_eq!(share.consumers, [NAMESPACE, "123456789012"]);
    let shares = "select share_name, source_database, share_owner, share_type from svv_datashares";
    assert_eq!(place.rows(shares).await, ["sales|dev|awsuser|OUTBOUND"]);
    let objects =
        "select object_type, object_name, include_new from pg_catalog.svv_datashare_objects order by 1, 2";
    let expected =
        ["late binding view|gold.late|NULL", "schema|gold|true", "table|gold.t|NULL", "view|gold.v|NULL"];
    assert_eq!(place.rows(objects).await, expected);
    let consumers = "select consumer_account, consumer_namespace from svv_datashare_consumers order by 1";
    assert_eq!(place.rows(consumers).await, ["123456789012|NULL".to_owned(), format!("NULL|{NAMESPACE}")]);
    place
        .all(&[
            "alter datashare sales remove table gold.t",
            "drop view gold.v",
            "revoke usage on datashare sales from account '123456789012'",
            "alter datashare sales set includenew = false for schema gold",
            "create table gold.later (a int)",
        ])
        .await;
    let share = &place.warehouse.datashares()[0];
    assert_eq!((share.objects.join(" "), share.consumers.join(" ")), ("gold.late".into(), NAMESPACE.into()));
    place.all(&["drop datashare sales"]).await;
    assert!(place.warehouse.datashares().is_empty());
}

#[tokio::test]
async fn what_cannot_be_shared_is_refused() {
    let place = place();
    place.all(&["create schema gold", "create table gold.t (a int)", "create datashare d"]).await;
    for (sql, expected) in [
        ("create datashare d", "ERROR: datashare \"d\" already exists"),
        ("alter datashare none add schema gold", "ERROR: datashare \"none\" does not exist"),
        ("alter datashare d add schema none", "ERROR: schema \"none\" does not exist"),
        (
            "alter datashare d add table gold.t",
            "ERROR: schema \"gold\" is not in datashare \"d\", add it first",
        ),
        (
            "alter datashare d set includenew = true for schema gold",
            "ERROR: schema \"gold\" is not in datashare \"d\", add it first",
        ),
        ("grant usage on datashare d to namespace 'x'", "ERROR: invalid namespace \"x\", expected a GUID"),
        ("grant usage on datashare d to account '12'", "ERROR: invalid account \"12\", expected 12 digits"),
        (
            "grant usage on datashare none to account '123456789012'",
            "ERROR: datashare \"none\" does not exist",
        ),
        (
            "alter datashare d add all functions in schema gold",
            "ERROR: a datashare of functions is not supported by the local warehouse",
        ),
    ] {
        assert_eq!(place.error(sql).await, expected, "{sql}");
    }
    let sql = "alter datashare d add schema gold";
    assert_eq!(error(place.run_as(&user("x"), sql).await, sql), "ERROR: must be owner of datashare d");
}
