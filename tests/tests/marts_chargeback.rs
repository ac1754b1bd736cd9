//! What the marts cost: the report is the sum of the usage table, and that is the sum of what the warehouses ran.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use eventide_testing::eventually;
use eventide_tests::Marts;
use eventide_tests::marts::{File, this_month};
use eventide_tests::system::PATIENCE;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const STAFF: &str = "humanresources_marts.staff";
const HEADER: &str = "month,team,mart,warehouse,purpose,statements,failed,seconds,rows,bytes";

/// What is summed up: statements, failed ones, milliseconds, rows, bytes.
type Sums = [u64; 5];
/// Team, mart, warehouse, purpose.
type Line = [String; 4];

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}

fn add(sums: &mut BTreeMap<Line, Sums>, line: Line, values: Sums) {
    let sum = sums.entry(line).or_default();
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

/// What the warehouses ran for the marts, whose teams are known.
async fn ran(marts: &Marts, teams: &BTreeMap<&str, &str>) -> Result<BTreeMap<Line, Sums>, String> {
    let mut sums = BTreeMap::new();
    for statement in marts.statements("eventide/").await? {
        let name = text(&statement, "StatementName");
        let mut parts = name.split('/').skip(1);
        let (purpose, mart) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let cluster = text(&statement, "ClusterIdentifier");
        let warehouse = if cluster.is_empty() { text(&statement, "WorkgroupName") } else { cluster };
        let team = (*teams.get(mart).ok_or_else(|| name.clone())?).to_owned();
        let failed = match statement["Status"].as_str() {
            Some("FINISHED") => 0,
            Some("FAILED" | "ABORTED") => 1,
            _ => return Err(format!("it has not ended: {statement}")),
        };
        // -1 stands for none.
        let count = |member: &str| statement[member].as_u64().unwrap_or_default();
        let values = [1, failed, count("Duration") / 1_000_000, count("ResultRows"), count("ResultSize")];
        add(&mut sums, [team, mart.to_owned(), warehouse, purpose.to_owned()], values);
    }
    Ok(sums)
}

/// Bytes of the files of a result.
async fn size(marts: &Marts, ready: &Value) -> Result<u64, String> {
    let mut bytes = 0;
    for key in ready["keys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        bytes += marts.result(key).await?.ok_or_else(|| format!("no {key}"))?.len() as u64;
    }
    Ok(bytes)
}

/// What the usage table says.
async fn booked(marts: &Marts) -> Result<BTreeMap<Line, Sums>, String> {
    let mut sums = BTreeMap::new();
    for usage in marts.usage().await? {
        assert_eq!(usage["month"], this_month(), "{usage}");
        let failed = u64::from(usage["outcome"] != "finished");
        let count = |member: &str| usage[member].as_u64().unwrap_or_default();
        let line = ["owner", "mart", "warehouse", "purpose"].map(|member| text(&usage, member));
        add(&mut sums, line, [1, failed, count("milliseconds"), count("rows"), count("bytes")]);
    }
    Ok(sums)
}

/// What a report says.
fn reported(csv: &str) -> Result<BTreeMap<Line, Sums>, String> {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some(HEADER));
    let mut sums = BTreeMap::new();
    for line in lines {
        let values: Vec<&str> = line.split(',').collect();
        assert_eq!((values.len(), values[0]), (10, &*this_month()), "{line}");
        let number = |index: usize| values[index].parse::<u64>().map_err(|error| format!("{line}: {error}"));
        let milliseconds =
            values[7].replace('.', "").parse::<u64>().map_err(|error| format!("{line}: {error}"))?;
        let known = [values[1], values[2], values[3], values[4]].map(str::to_owned);
        add(&mut sums, known, [number(5)?, number(6)?, milliseconds, number(8)?, number(9)?]);
    }
    Ok(sums)
}

async fn report(marts: &Marts, month: &str) -> Result<(Value, String), String> {
    let answer = marts.invoke("ChargebackFunction", &json!({ "month": month })).await?;
    let answer = answer.map_err(|error| error.to_string())?;
    let csv = marts.result(answer["key"].as_str().unwrap_or_default()).await?.ok_or("no report")?;
    Ok((answer, String::from_utf8_lossy(&csv).into_owned()))
}

#[tokio::test]
async fn the_report_is_what_the_warehouses_ran() -> Tested {
    let marts = Marts::start().await?;
    marts.table(STAFF, "AS SELECT g.n AS id, 'p' AS name FROM generate_series(1, 10) AS g(n)").await?;
    let body = format!("SELECT id, name FROM {STAFF} ORDER BY id");
    let files = [
        File::query("staff", &body),
        File::view("costs", &format!("SELECT id FROM {STAFF}")).of("finance"),
        File::query("elsewhere", &body).of("finance").on_cluster(),
    ];
    for file in &files {
        marts.deploy(file).await?;
    }
    let teams = BTreeMap::from([("staff", "people"), ("costs", "finance"), ("elsewhere", "finance")]);

    // Delivered, unloaded, answered, taken long, failed, cancelled.
    let mut unloaded = [0; 5];
    for request in
        [json!({ "mart": "staff" }), json!({ "mart": "staff", "unload": true }), json!({ "mart": "costs" })]
    {
        marts.ask(&request).await?.map_err(|error| error.to_string())?;
        let delivered = marts.delivered(request["mart"].as_str().unwrap_or_default()).await?;
        if request["unload"] == true {
            unloaded = [0, 0, 0, delivered.rows.len() as u64, size(&marts, &delivered.ready).await?];
        }
    }
    let waited =
        marts.ask(&json!({ "mart": "costs", "wait": true })).await?.map_err(|error| error.to_string())?;
    assert_eq!(waited["statusCode"], 200, "{waited}");
    marts
        .plan(&json!({ "nameContains": "eventide/query/elsewhere", "times": 1, "runSeconds": 7200 }))
        .await?;
    marts
        .plan(&json!({ "nameContains": "eventide/query/staff", "times": 1, "error": "ERROR: out of disk" }))
        .await?;
    marts.ask(&json!({ "mart": "elsewhere" })).await?.map_err(|error| error.to_string())?;
    marts.await_status("elsewhere", "STARTED").await?;
    marts.advance(Duration::from_secs(7201)).await?;
    marts.delivered("elsewhere").await?;
    marts.ask(&json!({ "mart": "staff" })).await?.map_err(|error| error.to_string())?;
    marts.await_event("Data Mart Failed", "staff").await?;
    marts.plan(&json!({ "nameContains": "eventide/query/costs", "times": 1, "runSeconds": 7200 })).await?;
    marts.ask(&json!({ "mart": "costs" })).await?.map_err(|error| error.to_string())?;
    let cancelled = eventually("a statement to cancel", PATIENCE, || async {
        let statements = marts.queries("costs").await.ok()?;
        statements.iter().find(|statement| statement["Status"] == "STARTED").cloned()
    });
    let cancel = json!({ "Id": cancelled.await?["Id"] });
    let operator = marts.cloud().aws().clone().with_app_id("mart-query");
    operator.json("redshift-data", "RedshiftData.CancelStatement", &cancel).await?;
    marts.await_event("Data Mart Failed", "costs").await?;

    // Deployments are booked, too, and each statement once, whatever comes twice.
    let any = marts.statements("eventide/").await?;
    for statement in any.iter().take(6) {
        marts.redeliver(statement["Id"].as_str().unwrap_or_default()).await?;
    }
    marts.come_to_rest().await?;
    let mut ran = ran(&marts, &teams).await?;
    // The Data API does not say what `UNLOAD` wrote.
    add(&mut ran, ["people", "staff", "eventide", "query"].map(str::to_owned), unloaded);
    let what = format!("all that was run being booked: {ran:?}");
    let booked_all =
        eventually(&what, PATIENCE, || async { (booked(&marts).await.ok()? == ran).then_some(()) });
    if let Err(error) = booked_all.await {
        return Err(format!("{error}; booked {:?}", booked(&marts).await?));
    }
    let (answer, csv) = report(&marts, &this_month()).await?;
    assert_eq!(reported(&csv)?, ran);
    assert_eq!(answer["statements"], marts.statements("eventide/").await?.len());

    // The figures are not all nothing.
    let of = |team: &str, mart: &str, warehouse: &str, purpose: &str| {
        let line = [team, mart, warehouse, purpose].map(str::to_owned);
        ran.get(&line).copied().ok_or_else(|| format!("no {line:?}"))
    };
    let [statements, failed, _, rows, bytes] = of("people", "staff", "eventide", "query")?;
    assert_eq!((statements, failed, rows), (3, 1, 20), "delivered, unloaded, failed");
    assert!(bytes > unloaded[4] && unloaded[4] > 0);
    let [statements, failed, _, rows, _] = of("finance", "costs", "eventide", "query")?;
    assert_eq!((statements, failed, rows), (3, 1, 20), "delivered, answered, cancelled");
    let [statements, failed, milliseconds, ..] = of("finance", "elsewhere", "eventide-cluster", "query")?;
    assert_eq!((statements, failed), (1, 0));
    assert!((7_200_000..7_300_000).contains(&milliseconds), "{milliseconds}");
    let [statements, ..] = of("finance", "costs", "eventide", "deploy")?;
    assert_eq!(statements, 3, "build, check, swap");
    Ok(())
}

#[tokio::test]
async fn any_month_can_be_asked_for() -> Tested {
    let marts = Marts::start().await?;
    let (answer, csv) = report(&marts, "2020-02").await?;
    assert_eq!((&answer["statements"], csv.trim_end()), (&json!(0), HEADER));
    let answer = marts.invoke("ChargebackFunction", &json!({ "source": "aws.events" })).await?;
    let answer = answer.map_err(|error| error.to_string())?;
    let month = answer["month"].as_str().unwrap_or_default();
    assert!(
        month < &*this_month() && answer["key"] == format!("chargeback/{month}.csv"),
        "the last month that is over: {answer}"
    );
    for month in ["2026-13", "2026", "../2026-01", "2026-1"] {
        let refused = marts.invoke("ChargebackFunction", &json!({ "month": month })).await?;
        let refused = refused.err().ok_or("it was accepted")?;
        assert_eq!(refused["errorType"], "Permanent.InvalidEvent", "{refused}");
    }
    Ok(())
}
