//! Delivered files, read by a program that shares no code with what wrote them: every value is the warehouse's own.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use eventide_tests::Marts;
use eventide_tests::marts::{Delivered, File};
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// A table of what is easily lost on the way.
const COLUMNS: &str = "(
    id INTEGER, note VARCHAR(200), amount NUMERIC(18, 4), large NUMERIC(38, 10), big BIGINT, ratio DOUBLE PRECISION,
    good BOOLEAN, born DATE, seen TIMESTAMP)";
/// Its rows, as a reader has to find them; `NULL` is null.
const ROWS: [[&str; 9]; 8] = [
    [
        "1",
        "plain",
        "12.5000",
        "1.0000000001",
        "9223372036854775807",
        "0.1",
        "true",
        "2026-11-23",
        "2026-11-23 12:34:56.789012",
    ],
    ["2", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"],
    [
        "3",
        "",
        "-0.0001",
        "-9999999999999999999999999999.9999999999",
        "-9223372036854775808",
        "-2.5",
        "false",
        "1900-01-01",
        "1999-12-31 23:59:59",
    ],
    [
        "4",
        "a \"quoted\", text",
        "0.0000",
        "0.0000000000",
        "0",
        "0",
        "true",
        "2000-02-29",
        "2000-01-01 00:00:00",
    ],
    [
        "5",
        "two\nlines",
        "99999999999999.9999",
        "1.0000000000",
        "1",
        "1e300",
        "false",
        "9999-12-31",
        "2026-01-01 00:00:00.1",
    ],
    ["6", "cr\r\nlf", "1.0000", "1.0000000000", "1", "1e-7", "true", "2026-03-29", "2026-03-29 02:30:00"],
    [
        "7",
        "  spaces, 'quotes'  ",
        "1.0000",
        "1.0000000000",
        "1",
        "123456.789",
        "true",
        "2026-10-25",
        "2026-10-25 02:30:00.000001",
    ],
    [
        "8",
        "Ünïcödé 漢字 🦀 null",
        "1.0000",
        "1.0000000000",
        "1",
        "3",
        "false",
        "1970-01-01",
        "1970-01-01 00:00:00",
    ],
];

fn expected() -> Vec<Vec<Option<String>>> {
    ROWS.map(|row| row.map(|value| (value != "NULL").then(|| value.to_owned())).to_vec()).to_vec()
}

/// Doubles have many texts; they are compared as numbers.
fn canonical(rows: &[Vec<Option<String>>]) -> Vec<Vec<Option<String>>> {
    let double =
        |text: &String| text.parse::<f64>().map_or_else(|_| text.clone(), |double| format!("{double:e}"));
    let canonical = |row: &Vec<Option<String>>| {
        let values = row.iter().enumerate();
        values
            .map(|(index, value)| if index == 5 { value.as_ref().map(double) } else { value.clone() })
            .collect()
    };
    rows.iter().map(canonical).collect()
}

async fn start() -> Result<Marts, String> {
    let marts = Marts::start().await?;
    let literal = |value: Option<String>| {
        value.map_or_else(|| "NULL".to_owned(), |value| format!("'{}'", value.replace('\'', "''")))
    };
    let rows = expected().into_iter().map(|row| row.into_iter().map(literal).collect::<Vec<_>>().join(", "));
    let inserts: Vec<_> =
        rows.map(|row| format!("INSERT INTO humanresources_marts.samples VALUES ({row})")).collect();
    marts.table("humanresources_marts.samples", COLUMNS).await?;
    marts.sql(&inserts.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    Ok(marts)
}

fn samples() -> File {
    File::query("samples", "SELECT * FROM humanresources_marts.samples ORDER BY id")
}

async fn deliver(marts: &Marts, mart: &str, request: Value) -> Result<Delivered, String> {
    let mut request = request;
    request["mart"] = json!(mart);
    marts.send_event("hr.portal", "Data Mart Requested", &request).await?;
    marts.delivered(mart).await
}

#[tokio::test]
async fn every_format_holds_exactly_what_the_warehouse_has() -> Tested {
    let marts = start().await?;
    marts.deploy(&samples()).await?;
    let own = marts.rows_of("SELECT * FROM humanresources_marts.samples ORDER BY id").await?;
    assert_eq!(canonical(&own), canonical(&expected()), "the warehouse itself");
    for request in [
        json!({ "format": "csv" }),
        json!({ "format": "jsonl" }),
        json!({ "format": "parquet" }),
        json!({ "unload": true }),
    ] {
        let delivered = deliver(&marts, "samples", request.clone()).await?;
        assert_eq!(
            delivered.columns,
            ["id", "note", "amount", "large", "big", "ratio", "good", "born", "seen"]
        );
        assert_eq!(canonical(&delivered.rows), canonical(&expected()), "{request}");
        let told: Vec<_> = delivered.manifest["columns"].as_array().into_iter().flatten().collect();
        assert_eq!(told.len(), 9, "{}", delivered.manifest);
        if delivered.manifest["format"] == "parquet" {
            // Types are Redshift's own, not texts.
            assert_eq!(
                delivered.types,
                [
                    "INTEGER",
                    "VARCHAR",
                    "DECIMAL(18,4)",
                    "DECIMAL(38,10)",
                    "BIGINT",
                    "DOUBLE",
                    "BOOLEAN",
                    "DATE",
                    "TIMESTAMP"
                ],
                "{request}"
            );
        }
        // Nothing but the files and the manifests lies there.
        let start = delivered.manifest["files"][0]["key"].as_str().unwrap_or_default();
        let token = delivered.manifest["token"].as_str().unwrap_or_default();
        let folder = start.split(token).next().unwrap_or_default();
        let mut known: Vec<String> = Vec::new();
        let files = delivered.manifest["files"].as_array().into_iter().flatten();
        known.extend(files.filter_map(|file| Some(file["key"].as_str()?.to_owned())));
        known.push(format!("{folder}{token}.manifest.json"));
        if request["unload"] == true {
            // The warehouse's own.
            known.push(format!("{folder}{token}/manifest"));
        }
        known.sort();
        assert_eq!(marts.keys(&format!("{folder}{token}")).await?, known);
    }
    assert_eq!(marts.open_uploads().await?, Vec::<String>::new());
    marts.come_to_rest().await
}

#[tokio::test]
async fn the_answer_to_a_waiting_caller_is_as_exact() -> Tested {
    let marts = start().await?;
    marts.deploy(&samples()).await?;
    let answer = marts.ask(&json!({ "mart": "samples", "wait": true })).await?;
    let answer = answer.map_err(|error| error.to_string())?;
    assert_eq!(canonical(&eventide_tests::marts::texts(&answer["rows"])), canonical(&expected()), "{answer}");
    Ok(())
}

/// However the pages of CSV begin, the file has one header and all rows.
#[tokio::test]
async fn small_pages_and_any_headers_make_the_same_file() -> Tested {
    let marts = start().await?;
    marts.deploy(&samples()).await?;
    for (settings, format) in [
        (json!({ "pageRows": 3, "csvHeader": "first" }), "csv"),
        (json!({ "pageRows": 1, "csvHeader": "none" }), "csv"),
        (json!({ "pageRows": 1 }), "jsonl"),
        (json!({ "pageRows": 5 }), "parquet"),
    ] {
        marts.settings(&settings).await?;
        let delivered = deliver(&marts, "samples", json!({ "format": format })).await?;
        assert_eq!(canonical(&delivered.rows), canonical(&expected()), "{settings} {format}");
    }
    Ok(())
}

#[tokio::test]
async fn a_result_without_rows_is_a_result() -> Tested {
    let marts = start().await?;
    marts.deploy(&File::query("none", "SELECT * FROM humanresources_marts.samples WHERE id < 0")).await?;
    for format in ["csv", "parquet"] {
        let delivered = deliver(&marts, "none", json!({ "format": format })).await?;
        assert_eq!((delivered.columns.len(), delivered.rows.len()), (9, 0), "{format}");
        assert_eq!(delivered.manifest["rows"], 0);
    }
    Ok(())
}

#[tokio::test]
async fn results_lie_where_the_mart_says_and_manifests_tell_all_of_them() -> Tested {
    let marts = start().await?;
    let body = "SELECT id FROM humanresources_marts.samples WHERE id >= :lowest ORDER BY id";
    let file = File::query("samples", body).parameter("lowest", "integer");
    let file = file.table("[delivery]\nformat = \"jsonl\"\nprefix = \"exports/daily\"");
    let deployed = marts.deploy(&file).await?;
    let request = json!({ "requestId": "r-1", "parameters": { "lowest": 6 } });
    let Delivered { ready, manifest, rows, .. } = deliver(&marts, "samples", request).await?;
    assert_eq!(rows.concat().into_iter().flatten().collect::<Vec<_>>(), ["6", "7", "8"]);

    let key = ready["keys"][0].as_str().unwrap_or_default();
    let today = time::OffsetDateTime::now_utc();
    let (year, month) = (today.year(), u8::from(today.month()));
    assert!(key.starts_with(&format!("people/exports/daily/samples/{year:04}/{month:02}/")), "{key}");
    let token = manifest["token"].as_str().unwrap_or_default();
    assert!(key.ends_with(&format!("/{token}.jsonl")), "{key}");
    let statement = marts.queries("samples").await?;
    for (member, expected) in [
        ("mart", json!("samples")),
        ("version", deployed["version"].clone()),
        ("requestId", json!("r-1")),
        ("statementId", statement[0]["Id"].clone()),
        ("queryId", statement[0]["RedshiftQueryId"].clone()),
        ("format", json!("jsonl")),
        ("bucket", json!(marts.output("ResultBucket")?)),
        ("rows", json!(3)),
        ("parameters", json!({ "lowest": 6 })),
        ("columns", json!([{ "name": "id", "type": "int4", "nullable": true, "precision": 10, "scale": 0 }])),
    ] {
        assert_eq!(manifest[member], expected, "{member}");
    }
    for (member, expected) in
        [("owner", json!("people")), ("rows", json!(3)), ("bytes", manifest["bytes"].clone())]
    {
        assert_eq!(ready[member], expected, "{member}");
    }
    let moment = |member: &str| {
        let text = manifest[member].as_str().unwrap_or_default();
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
            .map_err(|error| format!("{member} `{text}`: {error}"))
    };
    assert!(moment("submittedAt")? <= moment("deliveredAt")?);
    let milliseconds = statement[0]["Duration"].as_u64().unwrap_or_default() / 1_000_000;
    assert_eq!(manifest["durationMs"], milliseconds);
    Ok(())
}
