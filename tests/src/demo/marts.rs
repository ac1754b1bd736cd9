//! The second scene: a SQL file goes in, and its rows come out, by event, by schedule, and as an answer.

use std::time::{Duration, Instant};

use eventide_testing::repository;
use serde_json::{Value, json};

use super::text::{at, bold, judged, number, paragraph};
use crate::Marts;

/// Where the shipped marts are, which are the post's and two more.
const SHIPPED: &str = "functions/mart-deploy/marts/humanresources";
/// A file whose body is no query.
const BROKEN: &str = r#"/*---
name = "broken"
description = "Everything about everybody."
owner = "humanresources"
callers = ["invoke"]
warehouse = { workgroup = "eventide" }
database = "dev"
kind = "query"
---*/
DROP TABLE dev.humanresources.employee
"#;
/// Rows and lines that are shown of a result.
const SHOWN: usize = 6;

/// Runs it all; what did not come out as expected.
///
/// # Errors
///
/// What kept it from running.
pub async fn run() -> Result<Vec<String>, String> {
    let start = Instant::now();
    println!(
        "Starting a local cloud and deploying infra/data-marts.yaml over the HumanResources tables of a data lake …"
    );
    let marts = Marts::start().await?;
    println!("Deployed after {:.1} s.", start.elapsed().as_secs_f32());
    let mut different = Vec::new();

    println!("\n{}", bold("SQL files go into the mart bucket"));
    let names = upload(&marts).await?;
    marts.upload("humanresources/broken.sql", BROKEN).await?;
    println!("  humanresources/broken.sql: a DROP TABLE");
    for name in &names {
        marts.await_event("Data Mart Deployed", name).await?;
        println!("  {:5.1} s  {name} {}", start.elapsed().as_secs_f32(), judged("complete"));
    }
    let rejected = marts.await_event("Data Mart Rejected", "humanresources/broken.sql").await?;
    println!("  {:5.1} s  humanresources/broken.sql {}", start.elapsed().as_secs_f32(), judged("failed"));
    paragraph("             ", at(&rejected, "/reason"));

    println!("\n{}", bold("An event asks for rate_changes_by_department_year, as CSV"));
    let request = json!({ "mart": "rate_changes_by_department_year" });
    marts.send_event("humanresources.reports", "Data Mart Requested", &request).await?;
    let by_event = delivered(&marts, &mut different).await?;

    println!("\n{}", bold("A schedule asks for it, too"));
    schedule(&marts).await?;
    let by_schedule = delivered(&marts, &mut different).await?;
    // The mart's query asks for no order.
    let sorted = |file: &[u8]| {
        let mut lines: Vec<_> = file.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    };
    if sorted(&by_event) != sorted(&by_schedule) {
        different.push("the schedule's rows are not the event's".to_owned());
    }

    println!("\n{}", bold("A caller waits for one department's rows"));
    let asked = json!({
        "mart": "rate_changes_by_department_year", "parameters": { "department": "Production" }, "wait": true,
    });
    let answer = marts.ask(&asked).await?.map_err(|error| error.to_string())?;
    println!("  {}", shortened(&answer));
    let rows = answer.get("rows").and_then(Value::as_array);
    if number(&answer, "/statusCode") != 200 || rows.is_none_or(Vec::is_empty) {
        different.push(format!("the caller was answered {answer}"));
    }

    println!("\n{}", bold("Somebody asks for something else"));
    for asked in [
        json!({ "mart": "rate_changes_by_department_year", "parameters": { "departement": "Production" }, "wait": true }),
        json!({ "mart": "salaries", "wait": true }),
    ] {
        match marts.ask(&asked).await? {
            Ok(answer) => different.push(format!("{asked} was answered {answer}")),
            Err(error) => paragraph("  ", at(&error, "/errorMessage")),
        }
    }

    println!("\n{}", bold("What it cost"));
    let month: String = crate::marts::this_month();
    let report = marts
        .invoke("ChargebackFunction", &json!({ "month": month }))
        .await?
        .map_err(|error| error.to_string())?;
    let csv = marts.result(at(&report, "/key")).await?.ok_or("no chargeback")?;
    print_lines(&String::from_utf8_lossy(&csv), usize::MAX);
    let failed = marts.failed_messages().await?;
    if !failed.is_empty() {
        different.push(format!("the failed queue holds {} messages, expected none", failed.len()));
    }
    Ok(different)
}

async fn upload(marts: &Marts) -> Result<Vec<String>, String> {
    let folder = repository().join(SHIPPED);
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut names = Vec::new();
    for path in paths {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        marts.upload(&format!("humanresources/{name}.sql"), &text).await?;
        let described = text.lines().find_map(|line| line.strip_prefix("description = "));
        println!("  humanresources/{name}.sql: {}", described.unwrap_or_default().trim_matches('"'));
        names.push(name);
    }
    Ok(names)
}

/// A one-time schedule of EventBridge Scheduler.
async fn schedule(marts: &Marts) -> Result<(), String> {
    let soon = time::OffsetDateTime::now_utc() + Duration::from_secs(1);
    let format = time::macros::format_description!("at([year]-[month]-[day]T[hour]:[minute]:[second])");
    let expression = soon.format(format).map_err(|error| error.to_string())?;
    println!("  {expression}");
    let input = json!({
        "source": "aws.scheduler", "detail-type": "Data Mart Requested", "id": expression,
        "detail": { "mart": "rate_changes_by_department_year" },
    });
    let function = marts.output("QueryFunction")?;
    let body = json!({
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": {
            "Arn": format!("arn:aws:lambda:us-east-1:111122223333:function:{function}"),
            "RoleArn": "arn:aws:iam::111122223333:role/scheduler",
            "Input": input.to_string(),
        },
    });
    marts.cloud().rest("scheduler", http::Method::POST, "/schedules/rates", Some(&body)).await?;
    Ok(())
}

/// Waits for a result and shows it.
async fn delivered(marts: &Marts, different: &mut Vec<String>) -> Result<Vec<u8>, String> {
    let start = Instant::now();
    let ready = marts.await_event("Data Mart Ready", "rate_changes_by_department_year").await?;
    let key = at(&ready, "/keys/0");
    let file = marts.result(key).await?.ok_or_else(|| format!("no result `{key}`"))?;
    println!(
        "  {:.1} s later: {} rows, {} bytes in {key}",
        start.elapsed().as_secs_f32(),
        number(&ready, "/rows"),
        number(&ready, "/bytes")
    );
    print_lines(&String::from_utf8_lossy(&file), SHOWN);
    let manifest = marts.result(at(&ready, "/manifest")).await?.unwrap_or_default();
    let manifest: Value = serde_json::from_slice(&manifest).map_err(|error| format!("manifest: {error}"))?;
    let lines = file.iter().filter(|byte| **byte == b'\n').count() as u64;
    let rows = number(&manifest, "/rows");
    if rows != lines.saturating_sub(1) {
        different.push(format!("the manifest says {rows} rows, the file has {lines} lines"));
    }
    Ok(file)
}

fn print_lines(text: &str, most: usize) {
    let count = text.lines().count();
    for line in text.lines().take(most) {
        println!("    {line}");
    }
    if count > most {
        println!("    … {} more", count - most);
    }
}

/// An answer with the first few of its rows.
fn shortened(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(rows) = answer.get_mut("rows").and_then(Value::as_array_mut) {
        rows.truncate(SHOWN);
    }
    answer
}
