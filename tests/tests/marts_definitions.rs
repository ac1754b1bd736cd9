//! Definitions that change, break, go and come back: users see the last good version, whole, at every moment.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use eventide_testing::eventually;
use eventide_tests::Marts;
use eventide_tests::marts::{File, SCHEMA};
use eventide_tests::system::PATIENCE;
use serde_json::{Value, json};
use tokio::sync::watch;

type Tested = Result<(), String>;

const STAFF: &str = "humanresources_marts.staff";

async fn start() -> Result<Marts, String> {
    let marts = Marts::start().await?;
    marts
        .table(
            STAFF,
            "AS SELECT g.n AS id, 'p' || CAST(g.n AS VARCHAR) AS name FROM generate_series(1, 10) AS g(n)",
        )
        .await?;
    Ok(marts)
}

/// What a waiting caller gets: the names of the columns, and the rows.
async fn ask(marts: &Marts, mart: &str) -> Result<(Vec<String>, Value), String> {
    let answer =
        marts.ask(&json!({ "mart": mart, "wait": true })).await?.map_err(|error| error.to_string())?;
    if answer["statusCode"] != 200 {
        return Err(answer.to_string());
    }
    let columns = answer["columns"].as_array().into_iter().flatten();
    let names = columns.filter_map(|column| Some(column["name"].as_str()?.to_owned())).collect();
    Ok((names, answer["rows"].clone()))
}

/// The relations of the marts' schema whose names begin so.
async fn relations(marts: &Marts, start: &str) -> Result<BTreeSet<String>, String> {
    let body = json!({ "Database": "dev", "WorkgroupName": "eventide", "SchemaPattern": SCHEMA, "TablePattern": format!("{start}%") });
    let listed = marts.cloud().aws_json("redshift-data", "RedshiftData.ListTables", &body).await?;
    let tables = listed["Tables"].as_array().into_iter().flatten();
    Ok(tables.filter_map(|table| Some(table["name"].as_str()?.to_owned())).collect())
}

/// Waits until these are the only relations whose names begin so.
async fn await_relations(marts: &Marts, start: &str, expected: &[&str]) -> Tested {
    let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
    let what = format!("the relations {expected:?}");
    let found = eventually(&what, PATIENCE, || async {
        (relations(marts, start).await.ok()? == expected).then_some(())
    });
    match found.await {
        Ok(()) => Ok(()),
        Err(error) => Err(format!("{error}; there are {:?}", relations(marts, start).await?)),
    }
}

#[tokio::test]
async fn a_changed_shape_is_swapped_while_queries_go_on() -> Tested {
    let marts = start().await?;
    for kind in [File::view, File::materialized] {
        let before = kind("shape", &format!("SELECT id, name FROM {STAFF}"));
        let deployed = marts.deploy(&before).await?;
        let old = deployed["relation"].as_str().unwrap_or_default().to_owned();
        await_relations(&marts, "shape", &["shape", &old]).await?;

        let after = kind("shape", &format!("SELECT id, name AS label, id * 10 AS tenfold FROM {STAFF}"));
        let (stop, stopped) = watch::channel(false);
        let asking = async {
            let mut shapes = Vec::new();
            while !*stopped.borrow() {
                let (columns, rows) = ask(&marts, "shape").await?;
                assert_eq!(rows.as_array().map(Vec::len), Some(10));
                if shapes.last() != Some(&columns) {
                    shapes.push(columns);
                }
            }
            Ok::<_, String>(shapes)
        };
        let changing = async {
            let changed = marts.deploy(&after).await;
            let new = changed.map(|deployed| deployed["relation"].as_str().unwrap_or_default().to_owned());
            let gone = match &new {
                Ok(new) => await_relations(&marts, "shape", &["shape", new]).await,
                Err(_) => Ok(()),
            };
            // One more query, after the old relation is gone.
            let last = ask(&marts, "shape").await;
            stop.send_replace(true);
            gone?;
            last?;
            new
        };
        let (shapes, new) = tokio::join!(asking, changing);
        let shapes = shapes?;
        assert_ne!(new?, old);
        assert_eq!(shapes, [vec!["id", "name"], vec!["id", "label", "tenfold"]], "one shape, then the other");
        marts.delete(&after.key()).await?;
        marts.await_event("Data Mart Withdrawn", "shape").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_broken_version_is_rejected_and_the_last_good_one_stays() -> Tested {
    let marts = start().await?;
    let good = File::view("team", &format!("SELECT id, name FROM {STAFF}"));
    let deployed = marts.deploy(&good).await?;
    let relation = deployed["relation"].as_str().unwrap_or_default();
    let broken = |body: &str| File::view("team", body).text();
    let line = good.text().lines().position(|line| line == "---*/").unwrap_or_default() as u64 + 2;
    for (text, said_line, said) in [
        (broken(&format!("SELECT id,\n  FROM {STAFF}")), Some(line + 1), "Expected an expression"),
        (broken(&format!("DROP TABLE {STAFF}")), Some(line), "SELECT"),
        (broken(&format!("SELECT id FROM {STAFF};\nDROP TABLE {STAFF}")), Some(line + 1), ""),
        (broken(&format!("SELECT id, nme FROM {STAFF}")), None, "`build`"),
        (good.text().replace("owner = \"people\"", "owner = \"finance\""), Some(4), "owner"),
        (good.text().replace("kind = \"view\"", "kind = \"vue\""), Some(6), "`vue`"),
    ] {
        marts.upload(&good.key(), &text).await?;
        let rejected = marts.await_event("Data Mart Rejected", &good.key()).await?;
        let reason = rejected["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(said), "{text}: {rejected}");
        if let Some(said_line) = said_line {
            assert_eq!(rejected["line"], said_line, "{text}: {rejected}");
        } else {
            let words = rejected["warehouseError"].as_str().unwrap_or_default();
            assert!(words.contains("column \"nme\" does not exist"), "{rejected}");
        }
        let (columns, rows) = ask(&marts, "team").await?;
        assert_eq!((columns.len(), rows.as_array().map(Vec::len)), (2, Some(10)));
        await_relations(&marts, "team", &["team", relation]).await?;
    }
    // Neither the table nor anything else was dropped, and a good version goes ahead.
    assert_eq!(
        marts.rows_of(&format!("SELECT count(*) FROM {STAFF}")).await?.concat(),
        [Some("10".to_owned())]
    );
    marts.deploy(&File::view("team", &format!("SELECT id FROM {STAFF}"))).await?;
    assert_eq!(ask(&marts, "team").await?.0, ["id"]);
    Ok(())
}

#[tokio::test]
async fn a_deleted_file_withdraws_its_mart_and_may_come_back() -> Tested {
    let marts = start().await?;
    let file = File::view("team", &format!("SELECT id, name FROM {STAFF}"));
    for _ in 0..2 {
        marts.deploy(&file).await?;
        ask(&marts, "team").await?;
        marts.delete(&file.key()).await?;
        let withdrawn = marts.await_event("Data Mart Withdrawn", "team").await?;
        assert_eq!((&withdrawn["owner"], &withdrawn["key"]), (&json!("people"), &json!(file.key())));
        let refused = marts.ask(&json!({ "mart": "team" })).await?.err().ok_or("it was accepted")?;
        assert_eq!(refused["errorType"], "Permanent.UnknownMart", "{refused}");
        await_relations(&marts, "team", &[]).await?;
    }
    assert_eq!(marts.failed_messages().await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn of_versions_in_quick_succession_the_last_one_wins() -> Tested {
    let marts = start().await?;
    let version = |number: u32| File::view("quick", &format!("SELECT id, {number} AS version FROM {STAFF}"));
    for number in 1..=4 {
        marts.upload(&version(number).key(), &version(number).text()).await?;
    }
    eventually("the last version in force", PATIENCE, || async {
        let (_, rows) = ask(&marts, "quick").await.ok()?;
        (rows[0][1] == 4).then_some(())
    })
    .await?;
    // Whatever the others had made is gone, and stays gone.
    let deployed = eventually("one relation", PATIENCE, || async {
        let found = relations(&marts, "quick").await.ok()?;
        (found.len() == 2).then_some(found)
    });
    let deployed = deployed.await?;
    eventually("all statements ended", PATIENCE, || async {
        let steps = marts.statements("eventide/deploy/quick/").await.ok()?;
        steps.iter().all(|step| step["Status"] == "FINISHED").then_some(())
    })
    .await?;
    assert_eq!(relations(&marts, "quick").await?, deployed);
    assert_eq!(ask(&marts, "quick").await?.1[0][1], 4);
    assert_eq!(marts.failed_messages().await?, Vec::<Value>::new());
    Ok(())
}

/// Neither a deployment nor a withdrawal depends on an event.
#[tokio::test]
async fn lost_events_of_statements_delay_a_deployment_and_no_more() -> Tested {
    let marts = Marts::start_with(&[("OverdueSeconds", "2")]).await?;
    marts.table(STAFF, "(id INTEGER)").await?;
    marts.plan(&json!({ "nameContains": "eventide/deploy/", "event": "lost" })).await?;
    let version =
        |number: u32| File::view("unheard", &format!("SELECT id, {number} AS version FROM {STAFF}"));
    for number in 1..=2 {
        let deployed = marts.deploy(&version(number)).await?;
        let relation = deployed["relation"].as_str().unwrap_or_default();
        await_relations(&marts, "unheard", &["unheard", relation]).await?;
    }
    let broken = File::view("broken", &format!("SELECT nothing FROM {STAFF}"));
    marts.upload(&broken.key(), &broken.text()).await?;
    let rejected = marts.await_event("Data Mart Rejected", "broken").await?;
    assert!(rejected["warehouseError"].as_str().is_some_and(|words| words.contains("nothing")), "{rejected}");
    marts.delete(&version(2).key()).await?;
    await_relations(&marts, "unheard", &[]).await?;
    // Each step asked after itself until it knew.
    eventually("no message left", PATIENCE, || async {
        (marts.depth("DeployQueueUrl").await == Ok(0)).then_some(())
    })
    .await
}

/// S3's events may come late and in any order; their sequencers order them.
#[tokio::test]
async fn an_old_event_that_comes_again_changes_nothing() -> Tested {
    let marts = start().await?;
    let uploads = watched(&marts).await?;
    let version = |number: u32| File::view("late", &format!("SELECT id, {number} AS version FROM {STAFF}"));
    marts.deploy(&version(1)).await?;
    let first = upload_event(&marts, &uploads).await?;
    let deployed = marts.deploy(&version(2)).await?;
    let relation = deployed["relation"].as_str().unwrap_or_default();
    await_relations(&marts, "late", &["late", relation]).await?;
    let before = marts.statements("eventide/deploy/").await?.len();
    let send = json!({ "QueueUrl": marts.output("DeployQueueUrl")?, "MessageBody": first });
    marts.cloud().aws_json("sqs", "AmazonSQS.SendMessage", &send).await?;
    eventually("the old version being overtaken", PATIENCE, || async {
        let logs = marts.logs("DeployFunction").await.ok()?;
        logs.iter().any(|line| line.contains("overtaken")).then_some(())
    })
    .await?;
    assert_eq!(ask(&marts, "late").await?.1[0][1], 2);
    assert_eq!(marts.statements("eventide/deploy/").await?.len(), before, "nothing was run");
    assert_eq!(marts.observed().await?, []);
    Ok(())
}

/// A queue that gets S3's events, too.
async fn watched(marts: &Marts) -> Result<String, String> {
    let cloud = marts.cloud();
    let queue = cloud.aws_json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": "uploads" })).await?;
    let pattern = json!({ "source": ["aws.s3"], "detail-type": ["Object Created"], "detail": { "bucket": { "name": [marts.output("MartBucket")?] } } });
    let rule = json!({ "Name": "uploads", "EventPattern": pattern.to_string() });
    cloud.aws_json("events", "AWSEvents.PutRule", &rule).await?;
    let target = json!({ "Id": "uploads", "Arn": "arn:aws:sqs:us-east-1:111122223333:uploads" });
    cloud
        .aws_json("events", "AWSEvents.PutTargets", &json!({ "Rule": "uploads", "Targets": [target] }))
        .await?;
    queue["QueueUrl"].as_str().map(str::to_owned).ok_or_else(|| queue.to_string())
}

/// The oldest event in that queue.
async fn upload_event(marts: &Marts, queue: &str) -> Result<Value, String> {
    let body = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 1 });
    eventually("an event of S3's", PATIENCE, || async {
        let answer = marts.cloud().aws_json("sqs", "AmazonSQS.ReceiveMessage", &body).await.ok()?;
        answer["Messages"][0].get("Body").cloned()
    })
    .await
}
