//! Queries: labels, types, texts and errors.

use crate::support::{admin, place, user};

#[tokio::test]
async fn values_have_redshifts_types_and_texts() {
    let place = place();
    for (expression, kind, text) in [
        ("1::smallint", "int2", "1"),
        ("1::int", "int4", "1"),
        ("cast(9223372036854775807 as bigint)", "int8", "9223372036854775807"),
        ("1.5::real", "float4", "1.5"),
        ("0.1::float8", "float8", "0.1"),
        ("1.50::numeric(10, 2)", "numeric", "1.50"),
        ("-0.05::decimal(38, 10)", "numeric", "-0.0500000000"),
        ("12345678901234567890.123456789::numeric(38, 9)", "numeric", "12345678901234567890.123456789"),
        ("true", "bool", "true"),
        ("'x'::varchar(10)", "varchar", "x"),
        ("'ab'::char(5)", "bpchar", "ab"),
        ("'2026-11-23'::date", "date", "2026-11-23"),
        ("'9999-12-31'::date", "date", "9999-12-31"),
        ("'2026-11-23 12:00:00'::timestamp", "timestamp", "2026-11-23 12:00:00"),
        ("'2026-11-23 12:00:00.5'::timestamp", "timestamp", "2026-11-23 12:00:00.5"),
        ("'0001-01-01'::timestamp", "timestamp", "0001-01-01 00:00:00"),
        ("'2026-11-23T12:00:00+02:00'::timestamptz", "timestamptz", "2026-11-23 10:00:00+00"),
        ("'2026-11-23T12:00:00Z'::timestamp with time zone", "timestamptz", "2026-11-23 12:00:00+00"),
        ("'07:00:00'::time", "time", "07:00:00"),
        ("'{\"a\": 1}'::super", "super", "{\"a\": 1}"),
        ("null::int", "int4", "NULL"),
        ("count(*)", "int8", "1"),
        ("extract(year from '2026-11-23'::date)", "int4", "2026"),
        ("7 / 2", "int8", "3"),
        ("'a' || 'b'", "varchar", "ab"),
        ("len('häh')", "int4", "3"),
        ("nvl(null, 2)", "int8", "2"),
        ("current_database()", "varchar", "dev"),
        ("current_user", "varchar", "awsuser"),
        ("to_char('2026-11-23'::date, 'YYYY-MM')", "varchar", "2026-11"),
        ("dateadd(month, 1, '2026-01-31'::date)", "timestamp", "2026-02-28 00:00:00"),
        ("date_trunc('month', '2026-11-23'::timestamp)", "timestamp", "2026-11-01 00:00:00"),
    ] {
        let sql = format!("select {expression} as x");
        let outcome = place.run_as(&admin(), &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let column = &outcome.result.as_ref().unwrap().columns()[0];
        assert_eq!(
            (column.type_name.as_str(), crate::support::lines(&outcome)[0].as_str()),
            (kind, text),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn aggregates_have_redshifts_types() {
    let place = place();
    place
        .all(&[
            "create table t (g int, i int, l bigint, n numeric(9, 2), f float8)",
            "insert into t values (1, 1, 1, 1.00, 1), (1, 2, 2, 1.01, 2), (2, -1, 5, null, null), (2, -2, null, null, null)",
        ])
        .await;
    for (expression, kind, scale, expected) in [
        ("avg(i)", "int8", 0, ["1", "-1"]),
        ("avg(l)", "int8", 0, ["1", "5"]),
        ("avg(n)", "numeric", 2, ["1.00", "NULL"]),
        ("avg(f)", "float8", 17, ["1.5", "NULL"]),
        ("avg(distinct i)", "int8", 0, ["1", "-1"]),
        ("sum(i)", "int8", 0, ["3", "-3"]),
        ("sum(n)", "numeric", 2, ["2.01", "NULL"]),
        ("max(n)", "numeric", 2, ["1.01", "NULL"]),
        ("count(distinct i)", "int8", 0, ["2", "2"]),
    ] {
        let sql = format!("select {expression} from t group by g order by g");
        let outcome = place.run_as(&admin(), &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let column = &outcome.result.as_ref().unwrap().columns()[0];
        assert_eq!((column.type_name.as_str(), column.scale), (kind, scale), "{sql}");
        assert_eq!(crate::support::lines(&outcome), expected, "{sql}");
    }
    assert_eq!(place.rows("select avg(i) over (order by i) from t order by 1").await, ["-2", "-1", "0", "0"]);
}

#[tokio::test]
async fn declared_lengths_are_known() {
    let place = place();
    place
        .all(&[
            "create table t (a varchar(20), b char(3), c numeric(12, 4) not null, d varchar(max), e super)",
        ])
        .await;
    let outcome = place.run_as(&admin(), "select a, b, c as \"C\", d, e from public.t").await.unwrap();
    let columns = outcome.result.as_ref().unwrap().columns();
    let found: Vec<_> = columns
        .iter()
        .map(|c| (c.name.as_str(), c.type_name.as_str(), c.precision, c.scale, c.nullable))
        .collect();
    let expected = [
        ("a", "varchar", 20, 0, true),
        ("b", "bpchar", 3, 0, true),
        ("c", "numeric", 12, 4, false),
        ("d", "varchar", 65_535, 0, true),
        ("e", "super", 0, 0, true),
    ];
    assert_eq!(found, expected);
    assert_eq!((columns[0].schema_name.as_str(), columns[0].table_name.as_str()), ("public", "t"));
    assert_eq!(
        place.error("insert into t values ('123456789012345678901', 'a', 1)").await,
        "ERROR: value too long for type character varying(20)"
    );
    assert_eq!(
        place.error("insert into t (a) values ('x')").await,
        "ERROR: null value in column \"c\" violates not-null constraint"
    );
}

#[tokio::test]
async fn labels_are_redshifts() {
    let place = place();
    place.all(&["create table t (id int, name varchar(9))", "insert into t values (1, 'x')"]).await;
    for (sql, labels) in [
        (
            "select count(*), count(*), max(id), 1 + 1, 'x', id::text from t group by id",
            "count,count,max,?column?,?column?,id",
        ),
        (
            "select a.id, b.id, a.name as \"Two Words\", b.name from t a join t b on a.id = b.id",
            "id,id,two words,name",
        ),
        ("select * from (select count(*), upper(name) from t group by name) s", "count,upper"),
        (
            "select extract(year from '2026-01-01'::date), case when true then 1 end, cast('1' as int)",
            "date_part,case,int4",
        ),
        ("select ID, Name from T", "id,name"),
        ("select * from generate_series(1, 2)", "generate_series"),
        ("select g.n from generate_series(1, 2) as g(n)", "n"),
    ] {
        let outcome = place.run_as(&admin(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let columns = outcome.result.as_ref().unwrap().columns().iter().map(|column| column.name.clone());
        assert_eq!(columns.collect::<Vec<_>>().join(","), labels, "{sql}");
    }
}

#[tokio::test]
async fn untyped_literals_take_the_type_they_meet() {
    let place = place();
    place
        .all(&[
            "create table t (i int, b boolean, n numeric(6, 2), d date, ts timestamptz, s varchar(9))",
            "insert into t values (5, true, 1.50, '2026-11-23', '2026-11-23T12:00:00Z', '5')",
            "insert into t (i) values (6)",
        ])
        .await;
    for (condition, rows) in [
        ("i = '5'", 1),
        ("i = '05'", 1),
        ("' 5 ' = i", 1),
        ("b = 'true' and b = 't' and b = 'YES' and b = '1'", 1),
        ("b <> 'true'", 0),
        ("n = '1.5'", 1),
        ("n < '1.5001'", 1),
        ("d = '2026-11-23'", 1),
        ("d between '2026-01-01' and '2026-12-31'", 1),
        ("d not between '2026-01-01' and '2026-12-31'", 0),
        ("ts >= '2026-11-23T13:00:00+02:00'", 1),
        ("i in ('5', '6', '7')", 2),
        ("i not in ('5')", 1),
        ("s = '05'", 0),
        ("i + '1' = 6", 1),
        ("i = 5 and exists (select 1 from t u where u.i = '6')", 1),
    ] {
        let sql = format!("select count(*) from t where {condition}");
        assert_eq!(place.rows(&sql).await, [rows.to_string()], "{sql}");
    }
    for (condition, expected) in [
        ("i = 'abc'", "ERROR: invalid input syntax for integer: \"abc\""),
        ("i in ('5', '')", "ERROR: invalid input syntax for integer: \"\""),
        ("b = 'maybe'", "ERROR: invalid input syntax for type boolean: \"maybe\""),
        ("n = 'x'", "ERROR: invalid input syntax for type numeric: \"x\""),
        ("d = 'today?'", "ERROR: invalid input syntax for type date: \"today?\""),
        ("ts > 'x'", "ERROR: invalid input syntax for type timestamp: \"x\""),
        ("cast('1x' as int) = 1", "ERROR: invalid input syntax for integer: \"1x\""),
        ("cast('x' as date) = d", "ERROR: invalid input syntax for type date: \"x\""),
        ("cast('x' as numeric(5,2)) = n", "ERROR: invalid input syntax for type numeric: \"x\""),
        ("cast('x' as timestamp) = d", "ERROR: invalid input syntax for type timestamp: \"x\""),
    ] {
        assert_eq!(place.error(&format!("select * from t where {condition}")).await, expected, "{condition}");
    }
}

#[tokio::test]
async fn a_long_list_is_no_deep_tree() {
    let place = place();
    let list: Vec<String> = (0..5_000).map(|number| format!("'{number}'")).collect();
    let sql =
        format!("select count(*) from generate_series(1, 10000) as g(n) where n in ({})", list.join(", "));
    assert_eq!(place.rows(&sql).await, ["4999"]);
}

#[tokio::test]
async fn deep_queries_run_or_are_refused() {
    let place = place();
    place.all(&["create table t (a int)", "insert into t values (1)"]).await;
    let chain =
        |length: usize| format!("select count(*) from t where {}", vec!["a + 1 = '2'"; length].join(" and "));
    let nested = |depth: usize| format!("select {}a{} from t", "(".repeat(depth), ")".repeat(depth));
    for (sql, expected) in [
        (chain(400), Ok("1")),
        (nested(100), Ok("1")),
        (chain(2_000), Err("ERROR: stack depth limit exceeded")),
        (nested(2_000), Err("ERROR: stack depth limit exceeded")),
    ] {
        let ran = place.run_as(&admin(), &sql).await.map(|outcome| crate::support::lines(&outcome).join(" "));
        assert_eq!(ran.as_deref().map_err(|error| error.0.as_str()), expected);
    }
}

#[tokio::test]
async fn errors_are_redshifts() {
    let place = place();
    place.all(&["create schema s", "create table s.t (a int, b int)", "insert into s.t values (1, 0)"]).await;
    for (sql, expected) in [
        ("select * from nowhere", "ERROR: relation \"nowhere\" does not exist"),
        ("select * from s.nowhere", "ERROR: relation \"s.nowhere\" does not exist"),
        ("select * from no_schema.t", "ERROR: schema \"no_schema\" does not exist"),
        ("select c from s.t", "ERROR: column \"c\" does not exist"),
        ("select x.c from s.t x", "ERROR: column x.c does not exist"),
        ("select x.a from s.t", "ERROR: column x.a does not exist"),
        ("select a from s.t x, s.t y", "ERROR: column reference \"a\" is ambiguous"),
        ("select a / b from s.t", "ERROR: division by zero"),
        ("select 1 / 0", "ERROR: division by zero"),
        ("select no_function(1)", "ERROR: function no_function() does not exist"),
        (
            "select datediff(day, 'a', 'b')",
            "ERROR: function datediff is not supported by the local warehouse",
        ),
        (
            "select a, count(*) from s.t",
            "ERROR: column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function",
        ),
        ("selec 1", "ERROR: syntax error at or near \"selec\"\n  Position: 1"),
        ("select 1 frm x y", "ERROR: syntax error at or near \"x\"\n  Position: 14"),
        ("select * from s.t where", "ERROR: syntax error at end of input"),
        ("select * FROM\n  s.t WHERE )", "ERROR: syntax error at or near \")\"\n  Position: 27"),
        ("", "ERROR: syntax error at end of input"),
        ("select 1; select 2", "ERROR: cannot insert multiple commands into a prepared statement"),
        ("drop table s.t; select 1", "ERROR: cannot insert multiple commands into a prepared statement"),
        ("begin", "ERROR: BEGIN is not supported by the local warehouse"),
        ("COMMIT", "ERROR: COMMIT is not supported by the local warehouse"),
        ("update s.t set a = 1", "ERROR: UPDATE is not supported by the local warehouse"),
        ("copy s.t from 's3://x'", "ERROR: COPY is not supported by the local warehouse"),
        ("create user x", "ERROR: CREATE USER is not supported by the local warehouse"),
        (
            "create table t as insert into s.t values (1, 2)",
            "ERROR: syntax error at or near \"insert\"\n  Position: 19",
        ),
        (
            "with x as (select 1) insert into s.t values (1, 2)",
            "ERROR: syntax error at or near \"insert\"\n  Position: 22",
        ),
        ("select 'open", "ERROR: unterminated string literal at or near \"'open\""),
    ] {
        assert_eq!(place.error(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn names_are_folded_unless_told_otherwise() {
    let place = place();
    place.all(&["create table \"MixedCase\" (\"Id\" int)", "insert into mixedcase values (1)"]).await;
    assert_eq!(place.rows("select \"ID\" from MIXEDCASE").await, ["1"]);
    let set = crate::support::statement("set enable_case_sensitive_identifier to true");
    let labelled = crate::support::statement("select 1 as \"One\"");
    let ran = place
        .warehouse
        .run(&user("x"), &[set, labelled], eventide_local_engine::Mode::AutoCommit, &|_, _| {})
        .await;
    assert_eq!(ran[1].as_ref().unwrap().result.as_ref().unwrap().columns()[0].name, "One");
}
