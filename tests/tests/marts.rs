//! Data marts through the deployed template: from the upload of a definition to the rows in a file.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;

use eventide_testing::repository;
use eventide_tests::Marts;
use serde_json::{Value, json};
use tokio::process::Command;

type Tested = Result<(), String>;

/// A plain query over the data lake, with a parameter of each kind.
const HEADCOUNT: &str = r#"/*---
name = "headcount"
description = "Employees by department, hired since a day."
owner = "people"
callers = ["invoke", "events:hr.portal", "schedule"]
database = "dev"
kind = "query"
warehouse = { workgroup = "eventide" }

[parameters.since]
type = "date"
default = "1900-01-01"

[parameters.group]
type = "text"
null = "null"

[delivery]
row_cap = 1000
---*/
SELECT dep.name AS department, dep.groupname AS "Group", COUNT(*) AS employees, MIN(emp.hiredate) AS first_hired
FROM dev.humanresources.department dep
JOIN dev.humanresources.employeedepartmenthistory history ON history.departmentid = dep.departmentid
JOIN dev.humanresources.employee emp ON emp.businessentityid = history.businessentityid
WHERE emp.hiredate >= :since AND (:group IS NULL OR dep.groupname = :group)
GROUP BY dep.name, dep.groupname
ORDER BY dep.name
"#;

/// What the mart's query gives, asked of the warehouse itself.
const HEADCOUNT_ROWS: &str = r#"SELECT dep.name, dep.groupname, COUNT(*), MIN(emp.hiredate)
FROM dev.humanresources.department dep
JOIN dev.humanresources.employeedepartmenthistory history ON history.departmentid = dep.departmentid
JOIN dev.humanresources.employee emp ON emp.businessentityid = history.businessentityid
GROUP BY dep.name, dep.groupname ORDER BY dep.name"#;

async fn deployed(key: &str, text: &str, mart: &str) -> Result<Marts, String> {
    let marts = Marts::start().await?;
    marts.upload(key, text).await?;
    let detail = marts.await_event("Data Mart Deployed", mart).await?;
    assert_eq!(detail["key"], key);
    Ok(marts)
}

/// The rows of a delivered file, as DuckDB reads them.
async fn read(marts: &Marts, key: &str) -> Result<Value, String> {
    let body = marts.result(key).await?.ok_or_else(|| format!("no result `{key}`"))?;
    let extension = Path::new(key).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let file = marts.cloud().state().join(format!("result.{extension}"));
    std::fs::write(&file, body).map_err(|error| error.to_string())?;
    let tools = repository().join(".tools/venv/bin/python");
    let output = Command::new(tools)
        .arg(repository().join("tests/readers/read.py"))
        .arg(extension)
        .arg(&file)
        .output()
        .await
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// Rows as texts, nulls as nulls.
fn texts(rows: &Value) -> Vec<Vec<Option<String>>> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let rows = rows.as_array().into_iter().flatten();
    rows.map(|row| row.as_array().into_iter().flatten().map(text).collect()).collect()
}

async fn expected(marts: &Marts) -> Result<Vec<Vec<Option<String>>>, String> {
    let rows = texts(&marts.sql(&[HEADCOUNT_ROWS]).await?["results"][0]["rows"]);
    assert!(rows.len() > 5, "the sample has departments: {rows:?}");
    Ok(rows)
}

#[tokio::test]
async fn a_mart_is_deployed_asked_directly_and_answered_with_its_rows() -> Tested {
    let marts = deployed("people/headcount.sql", HEADCOUNT, "headcount").await?;
    let answer =
        marts.ask(&json!({ "mart": "headcount", "wait": true })).await?.map_err(|error| error.to_string())?;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let names: Vec<_> =
        answer["columns"].as_array().into_iter().flatten().map(|column| column["name"].clone()).collect();
    assert_eq!(names, ["department", "group", "employees", "first_hired"]);
    assert_eq!(texts(&answer["rows"]), expected(&marts).await?);
    Ok(())
}

#[tokio::test]
async fn an_event_delivers_the_rows_in_every_format() -> Tested {
    let marts = deployed("people/headcount.sql", HEADCOUNT, "headcount").await?;
    let expected = expected(&marts).await?;
    for format in ["csv", "jsonl", "parquet"] {
        let request = json!({ "mart": "headcount", "format": format, "requestId": format });
        marts.send_event("hr.portal", "Data Mart Requested", &request).await?;
        let ready = marts.await_event("Data Mart Ready", "headcount").await?;
        let key = ready["keys"][0].as_str().unwrap_or_default().to_owned();
        let read = read(&marts, &key).await?;
        assert_eq!(texts(&read["rows"]), expected, "{format}");
        let manifest =
            marts.result(ready["manifest"].as_str().unwrap_or_default()).await?.ok_or("no manifest")?;
        let manifest: Value = serde_json::from_slice(&manifest).map_err(|error| error.to_string())?;
        assert_eq!(manifest["rows"], expected.len(), "{manifest}");
        assert_eq!(manifest["requestId"], format);
    }
    Ok(())
}
