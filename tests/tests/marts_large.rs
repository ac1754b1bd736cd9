//! A million rows, which fit into no answer and into no function's memory.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use eventide_tests::Marts;
use eventide_tests::marts::File;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const ROWS: u64 = 1_000_000;
/// In cents, so that sums are exact.
const NUMBERS: &str =
    "AS SELECT g.n AS id, g.n * 7 % 1000 AS kind, CAST(g.n AS NUMERIC(18, 2)) / 100 AS amount,
        'row ' || CAST(g.n AS VARCHAR) AS label
    FROM generate_series(1, 1000000) AS g(n)";

async fn start() -> Result<Marts, String> {
    let marts = Marts::start().await?;
    marts.table("humanresources_marts.numbers", NUMBERS).await?;
    marts.deploy(&File::query("numbers", "SELECT * FROM humanresources_marts.numbers")).await?;
    Ok(marts)
}

/// Asks for the million rows and counts and sums them with DuckDB.
async fn delivered(request: Value) -> Tested {
    let marts = start().await?;
    let mut request = request;
    request["mart"] = json!("numbers");
    marts.ask(&request).await?.map_err(|error| error.to_string())?;
    let token = marts.queries("numbers").await?[0]["StatementName"].as_str().unwrap_or_default().to_owned();
    let token = token.rsplit('/').next().unwrap_or_default();
    let started = std::time::Instant::now();
    let ready =
        eventide_testing::eventually("a million rows", std::time::Duration::from_secs(150), || async {
            marts.await_event("Data Mart Ready", "numbers").await.ok()
        })
        .await?;
    println!("{request}: {:.1} s, {} bytes", started.elapsed().as_secs_f32(), ready["bytes"]);
    let sums = "SELECT count(*), count(DISTINCT id), sum(id::BIGINT), sum(kind::BIGINT), sum(amount::DECIMAL(18, 2)), \
                min(label), max(length(label)) FROM result";
    let read = marts.read(ready, Some(sums)).await?;
    let kinds: u64 = (1..=ROWS).map(|id| id * 7 % 1000).sum();
    let cents = ROWS * (ROWS + 1) / 2;
    let expected = [
        ROWS.to_string(),
        ROWS.to_string(),
        (ROWS * (ROWS + 1) / 2).to_string(),
        kinds.to_string(),
        format!("{}.{:02}", cents / 100, cents % 100),
        "row 1".to_owned(),
        "11".to_owned(),
    ];
    assert_eq!(read.rows[0].iter().flatten().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    assert_eq!(read.manifest["rows"], ROWS);
    assert_eq!(read.manifest["token"], token);
    marts.come_to_rest().await
}

#[tokio::test]
async fn a_million_rows_are_delivered_as_csv() -> Tested {
    delivered(json!({ "format": "csv" })).await
}

#[tokio::test]
async fn a_million_rows_are_delivered_as_parquet() -> Tested {
    delivered(json!({ "format": "parquet" })).await
}

#[tokio::test]
async fn a_million_rows_are_unloaded() -> Tested {
    delivered(json!({ "unload": true })).await
}

/// With a mart of as many of the rows as are asked for.
async fn many() -> Result<Marts, String> {
    let marts = start().await?;
    let file =
        File::query("many", "SELECT * FROM humanresources_marts.numbers WHERE id <= :most ORDER BY id");
    marts.deploy(&file.table("[parameters.most]\ntype = \"integer\"")).await?;
    Ok(marts)
}

#[tokio::test]
async fn an_answer_of_some_megabytes_comes_inline_and_whole() -> Tested {
    const MOST: u64 = 110_000;
    let marts = many().await?;
    let answer = waited(&marts, MOST).await?;
    assert_eq!(answer["statusCode"], json!(200), "{}", answer["state"]);
    let bytes = answer.to_string().len();
    assert!((3_500_000..4_500_000).contains(&bytes), "{bytes} bytes");
    let names: Vec<_> =
        answer["columns"].as_array().into_iter().flatten().map(|column| &column["name"]).collect();
    assert_eq!(names, ["id", "kind", "amount", "label"]);
    let rows = answer["rows"].as_array().ok_or("no rows")?;
    assert_eq!(rows.len() as u64, MOST);
    for (row, id) in rows.iter().zip(1..) {
        let text = |at: usize| row[at].as_str().map_or_else(|| row[at].to_string(), str::to_owned);
        let kind = id * 7 % 1000;
        assert_eq!([text(0), text(1), text(3)], [id.to_string(), kind.to_string(), format!("row {id}")]);
        assert_eq!(text(2).parse(), Ok(id as f64 / 100.0), "row {id}");
    }
    assert_eq!(marts.keys("").await?, Vec::<String>::new(), "nothing is delivered besides");
    marts.come_to_rest().await
}

/// Above the 6 MB that Lambda lets a function answer with, the answer is a link.
#[tokio::test]
async fn an_answer_that_is_too_long_becomes_a_link() -> Tested {
    let marts = many().await?;
    let short = waited(&marts, 1_000).await?;
    assert_eq!(short["rows"].as_array().map(Vec::len), Some(1_000));
    let long = waited(&marts, 200_000).await?;
    assert_eq!((&long["statusCode"], &long["rows"]), (&json!(202), &Value::Null), "{}", long["state"]);
    let ready = marts.await_event("Data Mart Ready", "many").await?;
    assert_eq!(ready["keys"][0], long["result"]["file"]);
    let read = marts.read(ready, Some("SELECT count(*), sum(id::BIGINT) FROM result")).await?;
    assert_eq!(read.rows, [[Some("200000".to_owned()), Some("20000100000".to_owned())]]);
    assert_eq!(read.manifest["format"], "jsonl");
    Ok(())
}

async fn waited(marts: &Marts, most: u64) -> Result<Value, String> {
    let request = json!({ "mart": "many", "wait": true, "parameters": { "most": most } });
    marts.ask(&request).await?.map_err(|error| error.to_string())
}
