//! The data mart of the post, over the HumanResources sample, against numbers counted from the files.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Date32Type, Int16Type, Int32Type, TimestampMicrosecondType};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use eventide_local_engine::{Lake as _, Mode, Statement, human_resources};

use crate::support::{Place, admin, error, place, statement, user};

/// As the post has it, with its schema filled in.
const QUERY: &str = r#"SELECT dep.name AS "Department Name",
extract(year from emp_pay_hist.ratechangedate) AS "Rate Change Year",
shift.name AS "Shift",
COUNT(emp_pay_hist.rate) AS "Rate Changes"
FROM "dev"."humanresources"."department" dep
INNER JOIN "dev"."humanresources"."employeedepartmenthistory" emp_hist
ON dep.departmentid = emp_hist.departmentid
INNER JOIN "dev"."humanresources"."employeepayhistory" emp_pay_hist
ON emp_pay_hist.businessentityid = emp_hist.businessentityid
INNER JOIN "dev"."humanresources"."employee" emp
ON emp_hist.businessentityid = emp.businessentityid
INNER JOIN "dev"."humanresources"."shift" shift
ON emp_hist.shiftid = shift.shiftid
WHERE emp.currentflag = 'true'
GROUP BY dep.name, extract(year from emp_pay_hist.ratechangedate), shift.name"#;

const SEED: u64 = 7;

async fn with_sample() -> Place {
    let place = place();
    for (table, body) in human_resources(SEED).unwrap() {
        let key = format!("silver/humanresources/{table}/LOAD00000001.parquet");
        place.lake.put("lake", &key, body).await.unwrap();
        let location = format!("s3://lake/silver/humanresources/{table}");
        for database in ["dev", "awsdatacatalog"] {
            place.warehouse.register_external(database, "humanresources", table, &location).unwrap();
        }
    }
    place
}

fn table(name: &str) -> RecordBatch {
    let tables: HashMap<&str, Bytes> = human_resources(SEED).unwrap().into_iter().collect();
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(tables[name].clone()).unwrap().build().unwrap();
    reader.next().unwrap().unwrap()
}

fn column(batch: &RecordBatch, name: &str) -> ArrayRef {
    batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")).clone()
}

fn shorts(batch: &RecordBatch, name: &str) -> Vec<i16> {
    column(batch, name).as_primitive::<Int16Type>().values().to_vec()
}

fn ints(batch: &RecordBatch, name: &str) -> Vec<i32> {
    column(batch, name).as_primitive::<Int32Type>().values().to_vec()
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    column(batch, name).as_string::<i32>().iter().map(|text| text.unwrap().to_owned()).collect()
}

/// The answer, by hand: department, year, shift and how many changes, sorted.
fn counted() -> Vec<String> {
    let (department, shift) = (table("department"), table("shift"));
    let departments: HashMap<i16, String> =
        shorts(&department, "departmentid").into_iter().zip(texts(&department, "name")).collect();
    let shifts: HashMap<i16, String> =
        shorts(&shift, "shiftid").into_iter().zip(texts(&shift, "name")).collect();
    let employee = table("employee");
    let current = column(&employee, "currentflag");
    let current: HashMap<i32, bool> = ints(&employee, "businessentityid")
        .into_iter()
        .zip(current.as_boolean().iter().map(Option::unwrap))
        .collect();
    let pay = table("employeepayhistory");
    let changed = column(&pay, "ratechangedate");
    let changed = changed.as_primitive::<TimestampMicrosecondType>().values().to_vec();
    let changes: Vec<(i32, i64)> = ints(&pay, "businessentityid").into_iter().zip(changed).collect();
    let history = table("employeedepartmenthistory");
    let mut counts = BTreeMap::<(String, i64, String), u32>::new();
    let places = ints(&history, "businessentityid")
        .into_iter()
        .zip(shorts(&history, "departmentid"))
        .zip(shorts(&history, "shiftid"));
    for ((who, department), shift) in places.filter(|((who, _), _)| current[who]) {
        for (_, at) in changes.iter().filter(|(whose, _)| *whose == who) {
            // Between leap days and not at a year's end, to the day: the years of 2009 to 2016.
            let day = at / 86_400_000_000;
            let starts = [14_245, 14_610, 14_975, 15_340, 15_706, 16_071, 16_436, 16_801, 17_167];
            let year =
                2009 + i64::try_from(starts.iter().filter(|start| **start <= day).count()).unwrap() - 1;
            *counts.entry((departments[&department].clone(), year, shifts[&shift].clone())).or_default() += 1;
        }
    }
    let rows = counts
        .into_iter()
        .map(|((department, year, shift), count)| format!("{department}|{year}|{shift}|{count}"));
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn the_sample_has_the_shape_of_the_original() {
    for (name, rows) in [
        ("department", 16),
        ("shift", 3),
        ("employee", 290),
        ("employeepayhistory", 316),
        ("employeedepartmenthistory", 296),
    ] {
        let batch = table(name);
        assert_eq!(batch.num_rows(), rows, "{name}");
        let schema = batch.schema();
        assert!(
            schema.fields().iter().all(|field| field.name().chars().all(|c| c.is_ascii_lowercase())),
            "{name}"
        );
    }
    assert_eq!(human_resources(SEED).unwrap(), human_resources(SEED).unwrap());
    assert_ne!(human_resources(SEED).unwrap(), human_resources(SEED + 1).unwrap());
    let ended = column(&table("employeedepartmenthistory"), "enddate");
    assert_eq!(ended.len() - ended.as_primitive::<Date32Type>().null_count(), 6);
}

#[tokio::test]
async fn the_posts_query_and_view_give_what_is_in_the_files() {
    let place = with_sample().await;
    let expected = counted();
    assert!(expected.len() > 50, "{}", expected.len());
    for query in [QUERY.to_owned(), QUERY.replace("\"dev\"", "awsdatacatalog")] {
        let mut rows = place.rows(&query).await;
        rows.sort();
        assert_eq!(rows, expected);
    }
    place.all(&["CREATE SCHEMA IF NOT EXISTS gold"]).await;
    let view = format!(
        "CREATE OR REPLACE VIEW gold.rate_changes_by_department_year AS\n{QUERY}\nWITH NO SCHEMA BINDING;"
    );
    place.all(&[&view, &view]).await;
    let outcome = place.run_as(&admin(), "select * from gold.rate_changes_by_department_year").await.unwrap();
    let result = outcome.result.as_ref().unwrap();
    let columns: Vec<_> =
        result.columns().iter().map(|column| (column.name.as_str(), column.type_name.as_str())).collect();
    // Names are folded, quoted ones, too.
    let names = [
        ("department name", "varchar"),
        ("rate change year", "int4"),
        ("shift", "varchar"),
        ("rate changes", "int8"),
    ];
    assert_eq!(columns, names);
    assert_eq!(outcome.rows, i64::try_from(expected.len()).unwrap());
    let sum = r#"select sum("Rate Changes") from gold.rate_changes_by_department_year"#;
    let total: u64 = expected.iter().map(|row| row.rsplit('|').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(place.rows(sum).await, [total.to_string()]);
}

#[tokio::test]
async fn the_lakes_tables_are_what_their_files_are() {
    let place = with_sample().await;
    let first =
        "select departmentid, name, modifieddate from humanresources.department d where departmentid = '1'";
    assert_eq!(place.rows(first).await, ["1|Engineering|2014-06-30 00:00:00"]);
    // A second file, and what Spectrum does not read.
    let (_, body) = human_resources(SEED).unwrap().remove(0);
    for key in ["department/LOAD00000002.parquet", "department/_temporary", "departments/other.parquet"] {
        place.lake.put("lake", &format!("silver/humanresources/{key}"), body.clone()).await.unwrap();
    }
    assert_eq!(place.rows("select count(*) from humanresources.department").await, ["32"]);
    place
        .lake
        .put("lake", "silver/humanresources/shift/bad.parquet", Bytes::from_static(b"none"))
        .await
        .unwrap();
    let bad = place.error("select * from humanresources.shift").await;
    assert!(
        bad.starts_with("ERROR: Spectrum Scan Error: file s3://lake/silver/humanresources/shift/bad.parquet"),
        "{bad}"
    );
    place.warehouse.register_external("dev", "humanresources", "empty", "s3://lake/empty").unwrap();
    let empty = place.error("select * from humanresources.empty").await;
    assert!(empty.contains("external table \"empty\" has no files below s3://lake/empty/"), "{empty}");
    for (location, expected) in
        [("lake/x", "`lake/x`"), ("s3://lake", "`s3://lake`"), ("s3:///x", "`s3:///x`")]
    {
        let refused = place.warehouse.register_external("dev", "x", "y", location).unwrap_err();
        assert!(refused.contains(expected) && refused.contains("expected `s3://BUCKET/PREFIX`"), "{refused}");
    }
}

#[tokio::test]
async fn the_lake_is_for_those_who_may_use_it() {
    let place = with_sample().await;
    let role = user("IAMR:analyst");
    for (sql, denied, grant) in [
        (
            "select count(*) from awsdatacatalog.humanresources.shift",
            "ERROR: permission denied for database awsdatacatalog",
            r#"GRANT USAGE ON DATABASE awsdatacatalog to "IAMR:analyst""#,
        ),
        (
            "select count(*) from humanresources.shift",
            "ERROR: permission denied for schema humanresources",
            r#"GRANT USAGE ON SCHEMA humanresources TO "IAMR:Analyst""#,
        ),
    ] {
        assert_eq!(error(place.run_as(&role, sql).await, sql), denied);
        place.all(&[grant]).await;
        place.run_as(&role, sql).await.unwrap();
        place
            .all(&[&grant.replace("GRANT", "REVOKE").replace(" to ", " from ").replace(" TO ", " FROM ")])
            .await;
        assert_eq!(error(place.run_as(&role, sql).await, sql), denied);
    }
}

#[tokio::test]
async fn a_mart_is_built_checked_swapped_and_unloaded_by_its_roles() {
    let place = with_sample().await;
    place
        .all(&[
            "CREATE SCHEMA marts AUTHORIZATION \"IAMR:deploy\"",
            "GRANT USAGE ON SCHEMA humanresources TO \"IAMR:deploy\"",
        ])
        .await;
    let (deploy, query) = (user("IAMR:deploy"), user("IAMR:query"));
    for (digest, materialized) in [("1a2b3c4d", false), ("5e6f7a8b", true)] {
        let what = if materialized { "MATERIALIZED VIEW" } else { "VIEW" };
        let end = if materialized { "" } else { "\nWITH NO SCHEMA BINDING" };
        let relation = format!("\"marts\".\"rates__{digest}\"");
        let build = format!("CREATE {what} {relation} AS\n{QUERY}{end}");
        let check = format!(
            "SELECT * FROM {relation} WHERE TRUE AND \"rate change year\" = CAST(NULL AS bigint) LIMIT 0"
        );
        let swap = [
            "DROP VIEW IF EXISTS \"marts\".\"rates\"".to_owned(),
            format!(
                "CREATE VIEW \"marts\".\"rates\" AS\nSELECT \"department name\", \"rate changes\"\nFROM {relation}\n\
                 WITH NO SCHEMA BINDING"
            ),
            "GRANT USAGE ON SCHEMA \"marts\" TO \"IAMR:query\"".to_owned(),
            "GRANT SELECT ON \"marts\".\"rates\" TO \"IAMR:query\"".to_owned(),
        ];
        for sql in [build, check] {
            place.run_as(&deploy, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        let swap: Vec<_> = swap.iter().map(|sql| statement(sql)).collect();
        let ran = place.warehouse.run(&deploy, &swap, Mode::Transaction, &|_, _| {}).await;
        assert!(ran.iter().all(Result::is_ok), "{ran:?}");
        let rows = place.run_as(&query, "select * from marts.rates").await.unwrap().rows;
        assert_eq!(usize::try_from(rows).unwrap(), counted().len());
        let direct = format!("select * from {relation}");
        let denied = error(place.run_as(&query, &direct).await, &direct);
        assert_eq!(denied, format!("ERROR: permission denied for relation rates__{digest}"));
    }
    place.run_as(&deploy, "DROP VIEW IF EXISTS \"marts\".\"rates__1a2b3c4d\"").await.unwrap();
    let parameters = vec![("department".to_owned(), "Engineering".to_owned())];
    let filtered = "CREATE TEMP TABLE eventide_result AS SELECT * FROM marts.rates WHERE \"department name\" = \
                    CAST(:department AS varchar(65535))";
    let unload = [
        Statement { sql: filtered.to_owned(), parameters },
        statement(
            "UNLOAD ('SELECT * FROM eventide_result') TO 's3://results/people/1/' IAM_ROLE default FORMAT AS PARQUET \
             MANIFEST VERBOSE ALLOWOVERWRITE",
        ),
    ];
    let ran = place.warehouse.run(&query, &unload, Mode::Transaction, &|_, _| {}).await;
    let expected = counted().iter().filter(|row| row.starts_with("Engineering|")).count();
    assert_eq!(usize::try_from(ran[1].as_ref().unwrap().rows).unwrap(), expected);
    assert!(place.lake.keys().contains(&"results/people/1/manifest".to_owned()));
}
