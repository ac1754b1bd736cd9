//! Bodies.

use eventide_types::mart::catalogue::Segment;
use mart_deploy::body::End;

use crate::support::{FIRST, QUERY, VIEW, compiled, faults};

#[test]
fn only_one_select_that_everybody_reads_alike_is_taken() {
    let chain = format!("SELECT {} FROM s.t", vec!["a"; 1_100].join(" + "));
    let unions = vec!["SELECT a FROM s.t"; 1_100].join(" UNION ");
    let long = format!("SELECT {} FROM s.t", vec!["a"; 4_100].join(", "));
    let deep = format!("SELECT {}a{} FROM s.t", "(".repeat(200), ")".repeat(200));
    for (body, line, words) in [
        ("", 0, "expected exactly one `SELECT`"),
        ("-- nothing\n", 0, "expected exactly one `SELECT`"),
        ("SELECT a FROM s.t; DROP TABLE s.t", 0, "after the end of the statement"),
        ("SELECT a FROM s.t;\n;", 1, "after the end of the statement"),
        ("DROP TABLE s.t", 0, "expected exactly one `SELECT`"),
        ("CREATE VIEW s.v AS SELECT a FROM s.t", 0, "expected exactly one `SELECT`"),
        ("INSERT INTO s.t SELECT a FROM s.u", 0, "expected exactly one `SELECT`"),
        ("UNLOAD ('SELECT a FROM s.t') TO 's3://b/p' IAM_ROLE default", 0, "expected exactly one `SELECT`"),
        ("COPY s.t FROM 's3://b/p' IAM_ROLE default", 0, "expected exactly one `SELECT`"),
        ("CALL s.p()", 0, "expected exactly one `SELECT`"),
        ("TABLE s.t", 0, "expected exactly one `SELECT`"),
        ("\"SELECT\" a FROM s.t", 0, "expected exactly one `SELECT`"),
        ("SELECT a FROM s.t AS x\nDROP TABLE s.t", 1, "body: Expected: end of statement"),
        ("SELECT a FROM s.t AS x END\nDROP TABLE s.t", 0, "body: Expected: end of statement"),
        ("WITH x AS (SELECT a FROM s.t) INSERT INTO s.t SELECT a FROM x", 0, "`INSERT`"),
        ("(SELECT a FROM s.t) UNION DELETE FROM s.t", 0, "body: Expected: SELECT"),
        ("EXPLAIN SELECT a FROM s.t", 0, "expected exactly one `SELECT`"),
        ("SELECT a\nINTO s.u\nFROM s.t", 1, "`SELECT INTO`"),
        ("SELECT a INTO TEMP u FROM s.t", 0, "`SELECT INTO`"),
        ("WITH x AS (SELECT a INTO s.u FROM s.t) SELECT a FROM x", 0, "`SELECT INTO`"),
        ("WITH x AS (\nINSERT INTO s.t VALUES (1) RETURNING a) SELECT a FROM x", 1, "`INSERT`"),
        ("WITH x AS (DELETE FROM s.t RETURNING a) SELECT a FROM x", 0, "`DELETE`"),
        ("WITH x AS (UPDATE s.t SET a = 1 RETURNING a) SELECT a FROM x", 0, "`UPDATE`"),
        (
            "SELECT a FROM s.t WHERE b IN (WITH x AS (DELETE FROM s.t RETURNING a) SELECT a FROM x)",
            0,
            "`DELETE`",
        ),
        ("SELECT a FROM s.t FOR UPDATE", 0, "locks nothing"),
        ("SELECT a FROM t", 0, "`t` is not qualified"),
        ("SELECT a\nFROM s.t\nJOIN u ON true", 2, "`u` is not qualified"),
        ("SELECT a FROM a.b.c.d", 0, "`schema.table`"),
        ("SELECT a FROM #temporary", 0, "temporary tables"),
        ("SELECT a FROM pg_catalog.pg_user", 0, "a table of `pg_catalog`"),
        ("SELECT a FROM dev.\"Information_Schema\".columns", 0, "a table of `information_schema`"),
        ("SELECT pg_terminate_backend(1) FROM s.t", 0, "`pg_terminate_backend`"),
        ("SELECT PG_CATALOG.\"PG_CANCEL_BACKEND\"(1) FROM s.t", 0, "`pg_cancel_backend`"),
        ("SELECT a FROM s.t\nWHERE set_config('a', 'b', false) = 'b'", 1, "`set_config`"),
        ("SELECT a FROM generate_series(1, 2)", 0, ""),
        ("SELECT a FROM s.f(1)", 0, "a function in `FROM`"),
        ("SELECT 'a\\'; DROP TABLE s.t; --' FROM s.t", 0, "a backslash"),
        ("SELECT E'a' FROM s.t", 0, "not every reader"),
        ("SELECT $$a$$ FROM s.t", 0, "not every reader"),
        ("SELECT $1 FROM s.t", 0, "not every reader"),
        ("SELECT ? FROM s.t", 0, "not every reader"),
        ("SELECT @a FROM s.t", 0, "not every reader"),
        ("SELECT [a] FROM s.t", 0, "in brackets"),
        ("SELECT a /* /* */ FROM s.t -- */", 0, "a comment within a comment"),
        ("SELECT 'a FROM s.t", 0, "body: "),
        ("SELECT \"a FROM s.t", 0, "body: "),
        ("SELECT a FROM s.t\n/* open", 1, "body: "),
        ("SELECT a\nFROM s.t\nWHERE", 2, "body: "),
        ("SELECT :day FROM s.t", 0, "a parameter in the body of a view"),
        (chain.as_str(), 0, "too long"),
        (unions.as_str(), 0, "too long"),
        (long.as_str(), 0, "too long"),
        (deep.as_str(), 0, "nested too deeply"),
        ("SELECT a FROM s.t ORDER BY a LIMIT 10000001", 0, "up to the row cap"),
    ] {
        let faults = faults(VIEW, body);
        let shown: String = body.chars().take(100).collect();
        assert!(
            faults.iter().any(|fault| fault.line == Some(FIRST + line) && fault.reason.contains(words)),
            "{shown}: {faults:?}"
        );
    }
}

#[test]
fn what_stays_below_the_limits_is_walked_without_overflow() {
    let chain = format!("SELECT {} FROM s.t", vec!["a"; 990].join(" OR "));
    let unions = vec!["SELECT a FROM s.t"; 990].join(" UNION ALL ");
    let deep = format!("SELECT {}a{} FROM s.t", "(".repeat(12), ")".repeat(12));
    for body in [chain, unions, deep] {
        compiled(VIEW, &body);
    }
}

#[test]
fn redshift_s_own_words_are_taken_and_comments_left_out() {
    for (body, text) in [
        ("SELECT a FROM s.t;", "SELECT a FROM s.t"),
        (
            "\n-- first\nSELECT a -- second; DROP TABLE s.t\nFROM s.t /* third */ -- last",
            "SELECT a \nFROM s.t",
        ),
        (
            "SELECT a::varchar || 'it''s; -- no comment' FROM s.t",
            "SELECT a::varchar || 'it''s; -- no comment' FROM s.t",
        ),
        ("SELECT 'ü', a FROM s.\"t ü\" AS ü", "SELECT 'ü', a FROM s.\"t ü\" AS ü"),
        (
            "WITH x AS (SELECT a FROM s.t) SELECT X.a FROM X",
            "WITH x AS (SELECT a FROM s.t) SELECT X.a FROM X",
        ),
        (
            "SELECT a FROM \"dev\".\"s\".\"t\" UNION ALL SELECT b FROM awsdatacatalog.s.u",
            "SELECT a FROM \"dev\".\"s\".\"t\" UNION ALL SELECT b FROM awsdatacatalog.s.u",
        ),
        ("SELECT TOP 5 a FROM s.t", "SELECT TOP 5 a FROM s.t"),
        (
            "SELECT a, ROW_NUMBER() OVER (PARTITION BY b ORDER BY c) AS n FROM s.t QUALIFY n = 1",
            "SELECT a, ROW_NUMBER() OVER (PARTITION BY b ORDER BY c) AS n FROM s.t QUALIFY n = 1",
        ),
        (
            "SELECT DATEADD(day, 1, a), GETDATE(), a ~ '^x', EXTRACT(year FROM a) FROM s.t",
            "SELECT DATEADD(day, 1, a), GETDATE(), a ~ '^x', EXTRACT(year FROM a) FROM s.t",
        ),
        ("SELECT c.o[0].n FROM s.t c, c.o x", "SELECT c.o[0].n FROM s.t c, c.o x"),
    ] {
        assert_eq!(compiled(VIEW, body).body.expect("a body").text(), text);
    }
}

#[test]
fn parameters_stand_only_where_values_may() {
    for (body, line, words) in [
        ("SELECT a FROM s.t", 0, "parameter `day` is not used"),
        ("SELECT :day, :name,\n:other FROM s.t", 1, "`:other` is not declared"),
        ("SELECT :day, :Name FROM s.t", 0, "`:Name` is not declared"),
        ("SELECT a FROM :name WHERE a = :day", 0, "body: "),
        ("SELECT DATE :day, :name FROM s.t", 0, "`:day` stands where no value may stand"),
        ("SELECT : day, :name FROM s.t", 0, "a colon"),
        ("SELECT :\"day\", :name FROM s.t", 0, "a colon"),
        ("SELECT ':day', :name FROM s.t", 0, "parameter `day` is not used"),
        ("SELECT 1 -- :day\n, :name FROM s.t", 0, "parameter `day` is not used"),
    ] {
        let faults = faults(QUERY, body);
        assert!(
            faults.iter().any(|fault| fault.line == Some(FIRST + line) && fault.reason.contains(words)),
            "{body}: {faults:?}"
        );
    }
}

#[test]
fn parameters_are_cut_out_where_they_stand() {
    let sql = |text: &str| Segment::Sql(text.to_owned());
    let parameter = |name: &str| Segment::Parameter(name.to_owned());
    for (body, pieces, end) in [
        (
            "SELECT ':day' AS \":name\", ü FROM s.t WHERE a=:day AND /* :name */ b = :name::varchar OR :day IS NULL",
            vec![
                sql("SELECT ':day' AS \":name\", ü FROM s.t WHERE a="),
                parameter("day"),
                sql(" AND   b = "),
                parameter("name"),
                sql("::varchar OR "),
                parameter("day"),
                sql(" IS NULL"),
            ],
            End::Unordered,
        ),
        (
            "SELECT :day,:name FROM s.t ORDER BY 1",
            vec![sql("SELECT "), parameter("day"), sql(","), parameter("name"), sql(" FROM s.t ORDER BY 1")],
            End::Ordered,
        ),
        (
            "SELECT :day,\n:name FROM s.t ORDER BY 1 LIMIT 7",
            vec![
                sql("SELECT "),
                parameter("day"),
                sql(",\n"),
                parameter("name"),
                sql(" FROM s.t ORDER BY 1 LIMIT 7"),
            ],
            End::Limited(7),
        ),
    ] {
        let compiled = compiled(QUERY, body).body.expect("a body");
        assert_eq!((compiled.pieces, compiled.end), (pieces, end));
    }
}

/// Each of these would take the parser hours, were it not stopped before: its time doubles with every level.
#[test]
fn what_is_nested_to_stop_the_parser_is_refused_at_once() {
    for (open, close) in [
        ("NOT (", ")"),
        ("NOT NOT NOT (", ")"),
        ("CAST(", " AS int)"),
        ("CASE WHEN a THEN ", " END"),
        ("END CASE WHEN a THEN ", " END"),
        ("position(", " IN a)"),
        ("OVERLAY(", ")"),
        ("INTERVAL ", ""),
        ("INTERVAL (", ")"),
        ("a[", "]"),
    ] {
        for depth in [12, 100] {
            let body = format!("SELECT {}a a a{} FROM s.t", open.repeat(depth), close.repeat(depth));
            faults(VIEW, &body);
        }
    }
}
