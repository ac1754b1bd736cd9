//! Functions that are killed after each of their calls, one after the other: what they were at is carried on, done once,
//! and never seen half done.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use eventide_testing::eventually;
use eventide_tests::Marts;
use eventide_tests::marts::{File, SCHEMA};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const STAFF: &str = "humanresources_marts.staff";
const DELIVER: &str = "mart-deliver";
const QUERY: &str = "mart-query";
const DEPLOY: &str = "mart-deploy";

async fn start() -> Result<Marts, String> {
    let marts = Marts::start().await?;
    for queue in ["DeployQueueUrl", "DeliverQueueUrl", "QueryQueueUrl"] {
        marts.comes_back_after(queue, 2).await?;
    }
    marts.table(STAFF, "AS SELECT g.n AS id, 'p' AS name FROM generate_series(1, 10) AS g(n)").await?;
    marts.deploy(&File::query("staff", &format!("SELECT id, name FROM {STAFF} ORDER BY id"))).await?;
    marts.settings(&json!({ "pageRows": 6 })).await?;
    Ok(marts)
}

/// Asks as EventBridge does: Lambda repeats what fails.
async fn ask(marts: &Marts, request: &Value) -> Tested {
    let path = format!("/2015-03-31/functions/{}/invocations", marts.output("QueryFunction")?);
    let headers = [("x-amz-invocation-type", "Event")];
    let body = request.to_string().into_bytes();
    let answer = marts.cloud().send("lambda", Method::POST, &path, &headers, body).await?;
    if answer.status == 202 { Ok(()) } else { Err(answer.text()) }
}

/// Takes away what was told more than once, and sees that it was the same each time.
async fn told_the_same(marts: &Marts, ready: &Value) -> Tested {
    for observed in marts.observed().await? {
        assert_eq!((observed.detail_type.as_str(), &observed.detail), ("Data Mart Ready", ready));
        marts.await_event("Data Mart Ready", "staff").await?;
    }
    Ok(())
}

/// Whatever can be seen of a result is whole: its files, and a manifest only behind them.
async fn whole(marts: &Marts, folder: &str, known: &BTreeSet<String>, content: &[u8]) -> Tested {
    let keys = marts.keys(folder).await?;
    let new: Vec<&String> = keys.iter().filter(|key| !known.contains(*key)).collect();
    for key in &new {
        if let Some(start) = key.strip_suffix(".manifest.json") {
            assert!(new.contains(&&format!("{start}.csv")), "a manifest of nothing: {new:?}");
        } else {
            assert_eq!(marts.result(key).await?.as_deref(), Some(content), "{key}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_killed_delivery_is_carried_on_and_never_seen_in_part() -> Tested {
    let marts = start().await?;
    marts.forget().await?;
    ask(&marts, &json!({ "mart": "staff", "requestId": "undisturbed" })).await?;
    let undisturbed = marts.delivered("staff").await?;
    marts.come_to_rest().await?;
    let calls = marts.calls(DELIVER).await?;
    let pages = calls.iter().filter(|call| *call == "redshift-data:GetStatementResultV2").count();
    assert!(pages == 2 && calls.len() >= 11, "{calls:?}");
    // The manifest is written behind the file, and told of behind both.
    let place = |call: &str| {
        calls.iter().position(|made| made == call).ok_or_else(|| format!("no {call}: {calls:?}"))
    };
    assert!(place("s3:CompleteMultipartUpload")? < place("s3:PutObject")?);
    assert!(place("s3:PutObject")? < place("events:PutEvents")?);
    let key = undisturbed.ready["keys"][0].as_str().unwrap_or_default();
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let content = marts.result(key).await?.ok_or("no file")?;

    for (index, call) in calls.iter().enumerate() {
        let known: BTreeSet<String> = marts.keys(&folder).await?.into_iter().collect();
        marts.forget().await?;
        marts.kill_after(DELIVER, index).await?;
        let id = format!("killed after {index}, {call}");
        ask(&marts, &json!({ "mart": "staff", "requestId": id })).await?;
        marts.await_fault().await?;
        whole(&marts, &folder, &known, &content).await?;
        let delivered = marts.delivered("staff").await.map_err(|error| format!("{id}: {error}"))?;
        assert_eq!((&delivered.manifest["requestId"], &delivered.rows), (&json!(id), &undisturbed.rows));
        marts.come_to_rest().await.map_err(|error| format!("{id}: {error}"))?;
        told_the_same(&marts, &delivered.ready).await?;
        whole(&marts, &folder, &known, &content).await?;
        assert_eq!(marts.keys(&folder).await?.len(), known.len() + 2, "{id}: a file and a manifest");
        let token = delivered.manifest["token"].as_str().unwrap_or_default();
        let (record, open) = marts.record(token).await?;
        assert_eq!((&record["state"], open), (&json!("delivered"), false), "{id}");
    }
    assert_eq!(marts.queries("staff").await?.len(), calls.len() + 1, "each was run once");
    let queries = marts.usage().await?.iter().filter(|usage| usage["purpose"] == "query").count();
    assert_eq!(queries, calls.len() + 1, "and booked once");
    Ok(())
}

#[tokio::test]
async fn a_killed_submission_is_carried_on_as_the_same_statement() -> Tested {
    let marts = start().await?;
    marts.forget().await?;
    ask(&marts, &json!({ "mart": "staff", "requestId": "undisturbed" })).await?;
    let undisturbed = marts.delivered("staff").await?;
    let calls = marts.calls(QUERY).await?;
    assert!(calls.iter().any(|call| call == "redshift-data:ExecuteStatement"), "{calls:?}");
    for (index, call) in calls.iter().enumerate() {
        marts.forget().await?;
        marts.kill_after(QUERY, index).await?;
        let id = format!("killed after {index}, {call}");
        ask(&marts, &json!({ "mart": "staff", "requestId": id })).await?;
        marts.await_fault().await?;
        let delivered = marts.delivered("staff").await.map_err(|error| format!("{id}: {error}"))?;
        assert_eq!((&delivered.manifest["requestId"], &delivered.rows), (&json!(id), &undisturbed.rows));
        marts.come_to_rest().await.map_err(|error| format!("{id}: {error}"))?;
        told_the_same(&marts, &delivered.ready).await?;
        assert_eq!(marts.queries("staff").await?.len(), index + 2, "{id}: one statement each");
    }
    Ok(())
}

/// The relations that belong to the mart.
async fn relations(marts: &Marts) -> Result<BTreeSet<String>, String> {
    let body = json!({ "Database": "dev", "WorkgroupName": "eventide", "SchemaPattern": SCHEMA, "TablePattern": "shape%" });
    let listed = marts.cloud().aws_json("redshift-data", "RedshiftData.ListTables", &body).await?;
    let tables = listed["Tables"].as_array().into_iter().flatten();
    Ok(tables.filter_map(|table| Some(table["name"].as_str()?.to_owned())).collect())
}

/// Puts a version in force and waits until it is alone.
async fn deployed(marts: &Marts, number: usize) -> Tested {
    let file = File::view("shape", &format!("SELECT id, {number} AS version FROM {STAFF}"));
    let deployed = marts.deploy(&file).await?;
    let relation = deployed["relation"].as_str().unwrap_or_default().to_owned();
    let expected = BTreeSet::from(["shape".to_owned(), relation]);
    let alone = eventually("the new version alone", PATIENCE, || async {
        (relations(marts).await.ok()? == expected).then_some(())
    });
    if let Err(error) = alone.await {
        return Err(format!("{error}: {:?}, expected {expected:?}", relations(marts).await?));
    }
    let answer =
        marts.ask(&json!({ "mart": "shape", "wait": true })).await?.map_err(|error| error.to_string())?;
    assert_eq!((&answer["statusCode"], &answer["rows"][0][1]), (&json!(200), &json!(number)), "{answer}");
    // A step that is told twice tells twice.
    for observed in marts.observed().await? {
        assert_eq!((observed.detail_type.as_str(), &observed.detail), ("Data Mart Deployed", &deployed));
        marts.await_event("Data Mart Deployed", "shape").await?;
    }
    Ok(())
}

/// Kills after every second of a deployment's calls, from this one on.
async fn kill_deployments(from: usize) -> Tested {
    let marts = start().await?;
    deployed(&marts, 0).await?;
    marts.forget().await?;
    deployed(&marts, 1).await?;
    let end = || async {
        let steps = marts.statements("eventide/deploy/shape/").await?;
        Ok::<_, String>(steps.iter().filter(|step| step["Status"] == "FINISHED").count())
    };
    assert_eq!(end().await?, 3 + 4, "build, check, swap; and a drop");
    let calls = eventually("the last write", PATIENCE, || async {
        let calls = marts.calls(DEPLOY).await.ok()?;
        (calls.iter().filter(|call| *call == "dynamodb:PutItem").count() >= 4).then_some(calls)
    });
    let calls = calls.await?;
    for (index, call) in calls.iter().enumerate().skip(from).step_by(2) {
        marts.forget().await?;
        marts.kill_after(DEPLOY, index).await?;
        let number = index + 2;
        deployed(&marts, number).await.map_err(|error| format!("killed after {index}, {call}: {error}"))?;
    }
    assert_eq!(marts.failed_messages().await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn a_killed_deployment_is_carried_on() -> Tested {
    kill_deployments(0).await
}

/// The calls between.
#[tokio::test]
async fn a_deployment_killed_in_between_is_carried_on() -> Tested {
    kill_deployments(1).await
}
