//! `UNLOAD`, read back.

use bytes::Bytes;
use eventide_local_engine::Lake as _;
use serde_json::{Value as Json, json};

use crate::support::{Place, admin, error, place, user};

const ROLE: &str = "iam_role 'arn:aws:iam::123456789012:role/redshift'";

async fn with_table() -> Place {
    let place = place();
    place
        .all(&[
            "create table t (id int, name varchar(20), pay numeric(9, 2), at timestamptz, ok boolean, day date)",
            "insert into t values (1, 'a,\"b\"', 1.50, '2026-11-23T12:00:00Z', true, '2026-11-23')",
            "insert into t (id) values (2)",
        ])
        .await;
    place
}

async fn unload(place: &Place, options: &str) -> i64 {
    let sql = format!("unload ('select * from t') to 's3://out/x/' {ROLE} {options}");
    place.run_as(&admin(), &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).rows
}

#[tokio::test]
async fn parquet_comes_back_as_it_went() {
    let place = with_table().await;
    assert_eq!(unload(&place, "format as parquet manifest verbose").await, 2);
    // A slice for each of the two batches.
    let keys = ["out/x/0000_part_00.parquet", "out/x/0001_part_00.parquet", "out/x/manifest"];
    assert_eq!(place.lake.keys(), keys);
    let manifest: Json = serde_json::from_str(&place.lake.text("out", "x/manifest")).unwrap();
    assert_eq!(manifest["entries"][0]["url"], "s3://out/x/0000_part_00.parquet");
    assert_eq!(manifest["entries"][1]["meta"]["record_count"], 1);
    assert_eq!(manifest["meta"]["record_count"], 2);
    let size = place.lake.get("out", "x/0000_part_00.parquet").await.unwrap().len();
    assert_eq!(manifest["entries"][0]["meta"]["content_length"], size);
    let elements = json!([
        { "name": "id", "type": { "base": "integer" } },
        { "name": "name", "type": { "base": "character varying", "length": 20 } },
        { "name": "pay", "type": { "base": "numeric", "precision": 9, "scale": 2 } },
        { "name": "at", "type": { "base": "timestamp with time zone" } },
        { "name": "ok", "type": { "base": "boolean" } },
        { "name": "day", "type": { "base": "date" } },
    ]);
    assert_eq!(manifest["schema"]["elements"], elements);
    assert_eq!(manifest["author"], json!({ "name": "Amazon Redshift", "version": "1.0.0" }));
    place.lake.delete("out", "x/manifest").await.unwrap();
    place.warehouse.register_external("dev", "back", "t", "s3://out/x/").unwrap();
    assert_eq!(
        place.rows("select * from back.t order by id").await,
        ["1|a,\"b\"|1.50|2026-11-23 12:00:00|true|2026-11-23", "2|NULL|NULL|NULL|NULL|NULL"]
    );
}

#[tokio::test]
async fn text_is_as_documented() {
    let place = with_table().await;
    let csv = "1,\"a,\"\"b\"\"\",1.50,2026-11-23 12:00:00+00,t,2026-11-23\n";
    assert_eq!(unload(&place, "csv parallel off header").await, 2);
    let header = "id,name,pay,at,ok,day\n";
    assert_eq!(place.lake.text("out", "x/000"), format!("{header}{csv}2,,,,,\n"));
    assert_eq!(unload(&place, "format csv parallel true cleanpath manifest").await, 2);
    assert_eq!(place.lake.keys(), ["out/x/0000_part_00", "out/x/0001_part_00", "out/x/manifest"]);
    assert_eq!(place.lake.text("out", "x/0000_part_00"), csv);
    let manifest: Json = serde_json::from_str(&place.lake.text("out", "x/manifest")).unwrap();
    let urls =
        json!({ "entries": [{ "url": "s3://out/x/0000_part_00" }, { "url": "s3://out/x/0001_part_00" }] });
    assert_eq!(manifest, urls);
    assert_eq!(unload(&place, "json allowoverwrite parallel off").await, 2);
    assert_eq!(
        place.lake.text("out", "x/000"),
        "{\"id\":1,\"name\":\"a,\\\"b\\\"\",\"pay\":1.50,\"at\":\"2026-11-23 12:00:00+00\",\"ok\":\"t\",\"day\":\"2026-11-23\"}\n\
         {\"id\":2,\"name\":null,\"pay\":null,\"at\":null,\"ok\":null,\"day\":null}\n"
    );
}

#[tokio::test]
async fn large_results_are_split() {
    let place = place();
    let query = "select g.n, repeat('x', 500) as s from generate_series(1, 30000) as g(n)";
    let sql =
        format!("unload ('{}') to 's3://out/big_' {ROLE} csv maxfilesize 5 mb", query.replace('\'', "''"));
    assert_eq!(place.run_as(&admin(), &sql).await.unwrap().rows, 30_000);
    let keys = place.lake.keys();
    assert!(keys.len() > 2 && keys.contains(&"out/big_0000_part_01".to_owned()), "{keys:?}");
    let sizes = place.lake.list("out", "").await.unwrap();
    assert!(sizes.iter().all(|(_, size)| *size <= 5 * 1024 * 1024), "{sizes:?}");
    let lines =
        keys.iter().map(|key| place.lake.text("out", key.strip_prefix("out/").unwrap()).lines().count());
    assert_eq!(lines.sum::<usize>(), 30_000);
}

#[tokio::test]
async fn what_is_there_is_not_overwritten() {
    let place = with_table().await;
    place.lake.put("out", "x/other", Bytes::from_static(b"1")).await.unwrap();
    let full = "ERROR: Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, \
                manually removing the target files in S3, or using the ALLOWOVERWRITE option.";
    for (sql, expected) in [
        (format!("unload ('select * from t') to 's3://out/x/' {ROLE} csv"), full),
        (
            format!("unload ('select * from t limit 1') to 's3://out/y/' {ROLE} csv"),
            "ERROR: Limit clause is not supported in the outer SELECT of UNLOAD",
        ),
        (
            format!("unload ('select * from none') to 's3://out/y/' {ROLE} csv"),
            "ERROR: relation \"none\" does not exist",
        ),
        (
            format!("unload ('drop table t') to 's3://out/y/' {ROLE} csv"),
            "ERROR: syntax error at or near \"drop\"\n  Position: 1",
        ),
        (
            format!("unload ('select 1') to 's3://out/y/' {ROLE}"),
            "ERROR: UNLOAD to delimited text without FORMAT is not supported by the local warehouse",
        ),
        (
            format!("unload ('select 1') to 's3://out/y/' {ROLE} csv gzip"),
            "ERROR: UNLOAD with GZIP is not supported by the local warehouse",
        ),
        (
            format!("unload ('select 1') to 's3://out/y/' {ROLE} csv partition by (a)"),
            "ERROR: UNLOAD with PARTITION is not supported by the local warehouse",
        ),
        (
            format!("unload ('select 1') to 's3://out/y/' {ROLE} parquet header"),
            "ERROR: HEADER is not supported for UNLOAD to PARQUET",
        ),
        (
            format!("unload ('select 1') to 's3://out/y/' {ROLE} csv cleanpath allowoverwrite"),
            "ERROR: CLEANPATH is not supported with ALLOWOVERWRITE",
        ),
        (
            format!("unload ('select 1') to 's3://out/y/' {ROLE} csv maxfilesize 1 mb"),
            "ERROR: MAXFILESIZE must be between 5 MB and 6.2 GB",
        ),
        (
            format!("unload ('select 1') to 'out/y' {ROLE} csv"),
            "ERROR: invalid S3 path \"out/y\", expected s3://bucket/prefix",
        ),
        (
            "unload ('select 1') to 's3://out/y/' csv".into(),
            "ERROR: CREDENTIALS argument is required but not specified. Specify CREDENTIALS argument.",
        ),
        (
            "unload ('select 1') to 's3://out/y/' iam_role 'me' csv".into(),
            "ERROR: Invalid IAM_ROLE \"me\", expected the ARN of a role or default",
        ),
    ] {
        assert_eq!(place.error(&sql).await, expected, "{sql}");
    }
    let sql = "unload ('select * from t') to 's3://out/z/' iam_role default csv";
    assert_eq!(error(place.run_as(&user("x"), sql).await, sql), "ERROR: permission denied for relation t");
    assert_eq!(place.lake.keys(), ["out/x/other"]);
}
