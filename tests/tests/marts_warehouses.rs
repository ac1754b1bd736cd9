//! Warehouses, and what marts do to them besides being queried: two of them, grants, datashares, refreshes.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use eventide_testing::eventually;
use eventide_tests::Marts;
use eventide_tests::marts::{File, texts};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::json;

type Tested = Result<(), String>;

const STAFF: &str = "humanresources_marts.staff";
const NAMESPACE: &str = "13b8833d-17c6-4f16-8fe4-1a018f5ed00d";
/// Only the test's own invocations come at that time.
const DUE: &str = "refresh = \"cron(0 6 1 1 ? 2030)\"";
const OTHER_NAMESPACE: &str = "86b5169f-01dc-4a6f-9fbb-e2e24359e9a8";

async fn rows(marts: &Marts, mart: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    let answer =
        marts.ask(&json!({ "mart": mart, "wait": true })).await?.map_err(|error| error.to_string())?;
    if answer["statusCode"] == 200 { Ok(texts(&answer["rows"])) } else { Err(answer.to_string()) }
}

fn row(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|&value| Some(value.to_owned())).collect()
}

#[tokio::test]
async fn each_mart_runs_in_its_own_warehouse() -> Tested {
    let marts = Marts::start().await?;
    for (warehouse, name) in [("eventide", "of the workgroup"), ("eventide-cluster", "of the cluster")] {
        marts.table_in(warehouse, STAFF, "(id INTEGER, name VARCHAR(40))").await?;
        marts.sql_in(warehouse, &[&format!("INSERT INTO {STAFF} VALUES (1, '{name}')")]).await?;
    }
    let body = format!("SELECT name FROM {STAFF}");
    for kind in [File::query, File::view, File::materialized] {
        let (workgroup, cluster) =
            (kind("workgroup_staff", &body), kind("cluster_staff", &body).on_cluster());
        for file in [&workgroup, &cluster] {
            marts.deploy(file).await?;
        }
        assert_eq!(rows(&marts, "workgroup_staff").await?, [row(&["of the workgroup"])]);
        assert_eq!(rows(&marts, "cluster_staff").await?, [row(&["of the cluster"])]);
        for request in
            [json!({ "mart": "cluster_staff" }), json!({ "mart": "cluster_staff", "unload": true })]
        {
            marts.send_event("hr.portal", "Data Mart Requested", &request).await?;
            assert_eq!(marts.delivered("cluster_staff").await?.rows, [row(&["of the cluster"])], "{request}");
        }
        for file in [&workgroup, &cluster] {
            marts.delete(&file.key()).await?;
            marts.await_event("Data Mart Withdrawn", file.name()).await?;
        }
    }
    for (mart, member, name) in [
        ("workgroup_staff", "WorkgroupName", "eventide"),
        ("cluster_staff", "ClusterIdentifier", "eventide-cluster"),
    ] {
        let statements = marts.queries(mart).await?;
        assert!(
            !statements.is_empty() && statements.iter().all(|statement| statement[member] == name),
            "{statements:?}"
        );
    }
    Ok(())
}

/// What a database user is answered in the workgroup.
async fn as_user(marts: &Marts, user: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    let body = json!({ "warehouse": "eventide", "user": user, "superuser": false, "sql": [sql] });
    let answer = marts.cloud().control(Method::POST, "redshift-data/sql", Some(&body)).await?;
    Ok(texts(&answer["results"][0]["rows"]))
}

#[tokio::test]
async fn grants_open_a_view_to_those_it_names_and_nothing_else_to_anybody() -> Tested {
    let marts = Marts::start().await?;
    marts.table(STAFF, "AS SELECT g.n AS id, 'p' AS name FROM generate_series(1, 3) AS g(n)").await?;
    let select = "SELECT count(*) FROM humanresources_marts.granted";
    let mut version = 0;
    for (grants, allowed, denied) in [
        ("[\"IAMR:Analyst\"]", &["IAMR:Analyst"][..], &["IAMR:Intern", "IAM:ann"][..]),
        // A version that changes the shape changes the grants with it.
        ("[\"IAMR:Intern\", \"IAM:ann\"]", &["IAMR:Intern", "IAM:ann"], &["IAMR:Analyst"]),
    ] {
        version += 1;
        let body = format!("SELECT id, {version} AS version FROM {STAFF}");
        marts.deploy(&File::view("granted", &body).line(&format!("grants = {grants}"))).await?;
        for user in allowed {
            assert_eq!(as_user(&marts, user, select).await?, [row(&["3"])], "{user}");
            let table = as_user(&marts, user, &format!("SELECT count(*) FROM {STAFF}")).await;
            assert!(
                table.clone().is_err_and(|error| error.contains("permission denied")),
                "{user}: {table:?}"
            );
        }
        for user in denied {
            let refused = as_user(&marts, user, select).await;
            assert!(
                refused.clone().is_err_and(|error| error.contains("permission denied")),
                "{user}: {refused:?}"
            );
        }
        // The system's own requests need no grant of the author's.
        assert_eq!(rows(&marts, "granted").await?.len(), 3);
    }
    Ok(())
}

#[tokio::test]
async fn a_datashare_has_its_consumers_and_takes_up_new_tables() -> Tested {
    let marts = Marts::start().await?;
    let deploy = marts.database_user("DeployRoleArn")?;
    let prepare = [
        // Whoever makes a datashare needs this.
        &*format!("GRANT CREATE ON DATABASE dev TO {deploy}"),
        &*format!("CREATE SCHEMA gold AUTHORIZATION {deploy}"),
        "CREATE TABLE gold.first (id INTEGER)",
        &*format!("GRANT SELECT ON gold.first TO {deploy}"),
    ];
    marts.sql(&prepare).await?;
    let shared = || async {
        let rows = marts
            .rows_of("SELECT object_name FROM svv_datashare_objects WHERE object_type <> 'schema' ORDER BY 1")
            .await?;
        Ok::<_, String>(rows.concat().into_iter().flatten().collect::<Vec<_>>())
    };
    let consumers = || async {
        let rows = marts.rows_of("SELECT consumer_namespace FROM svv_datashare_consumers ORDER BY 1").await?;
        Ok::<_, String>(rows.concat().into_iter().flatten().collect::<Vec<_>>())
    };
    let file = |namespaces: &[&str]| File::datashare("gold_share", "gold", namespaces).line(DUE);
    marts.deploy(&file(&[NAMESPACE])).await?;
    assert_eq!(
        (shared().await?, consumers().await?),
        (vec!["gold.first".to_owned()], vec![NAMESPACE.to_owned()])
    );
    marts.sql(&["CREATE TABLE gold.second (id INTEGER)"]).await?;
    assert_eq!(shared().await?, ["gold.first", "gold.second"]);

    // What the warehouse does not take up by itself, the refresh does.
    marts
        .sql(&[
            "ALTER DATASHARE gold_share SET INCLUDENEW = FALSE FOR SCHEMA gold",
            "CREATE TABLE gold.third (id INTEGER)",
        ])
        .await?;
    assert_eq!(shared().await?.len(), 2);
    refresh(&marts, "06:00:05").await?;
    eventually("the third table being shared", PATIENCE, || async {
        (shared().await.ok()? == ["gold.first", "gold.second", "gold.third"]).then_some(())
    })
    .await?;

    // Consumers change with the file, and nobody else loses access meanwhile.
    marts.deploy(&file(&[NAMESPACE, OTHER_NAMESPACE])).await?;
    assert_eq!(consumers().await?, [NAMESPACE, OTHER_NAMESPACE]);
    marts.deploy(&file(&[OTHER_NAMESPACE])).await?;
    assert_eq!((shared().await?.len(), consumers().await?), (3, vec![OTHER_NAMESPACE.to_owned()]));

    let refused = marts.ask(&json!({ "mart": "gold_share" })).await?.err().ok_or("it was accepted")?;
    assert_eq!(refused["errorType"], "Permanent.CallerNotAllowed", "{refused}");
    marts.delete(&file(&[]).key()).await?;
    marts.await_event("Data Mart Withdrawn", "gold_share").await?;
    eventually("no datashare", PATIENCE, || async {
        let left = marts.rows_of("SELECT share_name FROM svv_datashares").await.ok()?;
        left.is_empty().then_some(())
    })
    .await?;
    assert_eq!(
        marts.rows_of("SELECT count(*) FROM gold.first").await?,
        [row(&["0"])],
        "its tables are not its own"
    );
    Ok(())
}

/// Has mart-refresh look for what is due at a time of the 1st of January 2030; the names of the statements that it began.
async fn refresh(marts: &Marts, time: &str) -> Result<Vec<String>, String> {
    let event = json!({ "source": "aws.events", "time": format!("2030-01-01T{time}Z") });
    let answer = marts.invoke("RefreshFunction", &event).await?.map_err(|error| error.to_string())?;
    assert_eq!(answer["notBegun"], json!([]), "{answer}");
    let begun = answer["begun"].as_array().into_iter().flatten();
    Ok(begun.filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

#[tokio::test]
async fn a_materialized_view_is_refreshed_when_it_is_due_and_once() -> Tested {
    let marts = Marts::start().await?;
    marts.table(STAFF, "AS SELECT g.n AS id, 'p' AS name FROM generate_series(1, 3) AS g(n)").await?;
    let file = File::materialized("kept", &format!("SELECT id FROM {STAFF}")).line(DUE);
    marts.deploy(&file).await?;
    marts.sql(&[&format!("INSERT INTO {STAFF} VALUES (4, 'p')")]).await?;
    assert_eq!(rows(&marts, "kept").await?.len(), 3, "as it was when it was made");
    assert_eq!(refresh(&marts, "05:59:59").await?, Vec::<String>::new(), "it is not due yet");
    assert_eq!(rows(&marts, "kept").await?.len(), 3);

    let begun = refresh(&marts, "06:00:05").await?;
    assert_eq!(begun, ["eventide/refresh/kept/20300101T0600Z"]);
    eventually("the fourth row", PATIENCE, || async {
        (rows(&marts, "kept").await.ok()?.len() == 4).then_some(())
    })
    .await?;
    // The schedule looks back; what has been refreshed is not refreshed again.
    assert_eq!(refresh(&marts, "06:05:05").await?, begun);
    let statements = marts.statements("eventide/refresh/").await?;
    assert_eq!(statements.len(), 1, "{statements:?}");
    eventually("the refresh being booked", PATIENCE, || async {
        let usage = marts.usage().await.ok()?;
        usage.iter().any(|usage| usage["purpose"] == "refresh" && usage["mart"] == "kept").then_some(())
    })
    .await?;
    assert_eq!(refresh(&marts, "07:00:00").await?, Vec::<String>::new());
    Ok(())
}
