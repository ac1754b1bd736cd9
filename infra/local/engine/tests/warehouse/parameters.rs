//! Named parameters.

use crate::support::{Place, admin, error, lines, place};

async fn people() -> Place {
    let place = place();
    place
        .all(&[
            "create table people (id int, name varchar(100), born date, since timestamptz, pay numeric(9, 2))",
            "insert into people values (1, 'Ann', '1990-05-01', '2020-01-01T00:00:00Z', 10.50), \
             (2, 'O''Hara', '1985-01-31', '2021-06-30T12:30:00Z', 20.00)",
        ])
        .await;
    place
}

#[tokio::test]
async fn parameters_are_typed_by_what_they_meet() {
    let place = people().await;
    for (condition, parameters, expected) in [
        ("id = :id", vec![("id", "2")], vec!["2"]),
        ("name = :name", vec![("name", "O'Hara")], vec!["2"]),
        ("born < :day", vec![("day", "1990-01-01")], vec!["2"]),
        ("since >= cast(:at as timestamptz)", vec![("at", "2021-01-01T00:00:00Z")], vec!["2"]),
        ("pay = cast(:pay as numeric(38, 10))", vec![("pay", "10.5")], vec!["1"]),
        ("id = :id::bigint", vec![("id", "1")], vec!["1"]),
        ("id between :low and :high", vec![("low", "1"), ("high", "2")], vec!["1", "2"]),
        ("id in (:a, :b)", vec![("a", "1"), ("b", "9")], vec!["1"]),
        ("name like :pattern", vec![("pattern", "A%")], vec!["1"]),
        ("id = :a_1 or id = :a_1 + 1", vec![("a_1", "1")], vec!["1", "2"]),
        ("id = :1", vec![("1", "1")], vec!["1"]),
    ] {
        let sql = format!("select id from people where {condition} order by id");
        let ran = place
            .run_with(&admin(), &sql, &parameters)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(lines(&ran), expected, "{sql}");
    }
    let limited = "select id from people order by id limit :count";
    assert_eq!(lines(&place.run_with(&admin(), limited, &[("count", "1")]).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn values_are_never_sql() {
    let place = people().await;
    for hostile in [
        "x' or '1'='1",
        "x'; drop table people; --",
        "\\'; drop table people; --",
        "' union select name from people --",
        ":name",
        "$1",
        "\"people\"",
        "/* ",
        "\u{0}",
        "')",
        "ＯＲ １＝１",
        "'' ''",
    ] {
        let sql = "select count(*) from people where name = :name";
        assert_eq!(
            lines(&place.run_with(&admin(), sql, &[("name", hostile)]).await.unwrap()),
            ["0"],
            "{hostile}"
        );
        let echo = place.run_with(&admin(), "select :name as echo", &[("name", hostile)]).await.unwrap();
        assert_eq!(lines(&echo), [hostile]);
        for typed in ["id = :name", "id in (:name)", "born = :name", "born > cast(:name as date)"] {
            let sql = format!("select id from people where {typed}");
            let refused = error(place.run_with(&admin(), &sql, &[("name", hostile)]).await, &sql);
            assert!(
                refused.starts_with("ERROR: invalid input syntax for "),
                "{sql} with {hostile}: {refused}"
            );
        }
        let sql = "select id from people limit :name";
        let refused = error(place.run_with(&admin(), sql, &[("name", hostile)]).await, sql);
        assert!(refused.starts_with("ERROR: invalid input syntax for integer"), "{refused}");
    }
    assert_eq!(place.rows("select count(*) from people").await, ["2"]);
}

#[tokio::test]
async fn names_and_values_have_to_match() {
    let place = people().await;
    for (sql, parameters, expected) in [
        ("select :a", vec![], "ERROR: syntax error at or near \":a\"\n  Position: 8"),
        ("select :a", vec![("b", "1")], "ERROR: syntax error at or near \":a\"\n  Position: 8"),
        ("select :A", vec![("a", "1")], "ERROR: syntax error at or near \":A\"\n  Position: 8"),
        ("select 1", vec![("a", "1")], "ERROR: parameter \"a\" is not used by the statement"),
        ("select ':a'", vec![("a", "1")], "ERROR: parameter \"a\" is not used by the statement"),
        ("select 1 -- :a", vec![("a", "1")], "ERROR: parameter \"a\" is not used by the statement"),
        ("select * from :t", vec![("t", "people")], "ERROR: syntax error at or near \":t\"\n  Position: 15"),
        ("drop table people, :t", vec![("t", "x")], "ERROR: syntax error at or near \":t\"\n  Position: 20"),
        ("select 1 as :t", vec![("t", "x")], "ERROR: syntax error at or near \":t\"\n  Position: 13"),
        (
            "select p.:t from people p",
            vec![("t", "id")],
            "ERROR: syntax error at or near \":t\"\n  Position: 10",
        ),
        ("select * from 'people'", vec![], "ERROR: syntax error at or near \"'people'\""),
        ("select 1 as 'one'", vec![], "ERROR: syntax error at or near \"'one'\""),
        (
            "create view v as select :a as a",
            vec![("a", "1")],
            "ERROR: a parameter outside of SELECT, INSERT and CREATE TABLE AS is not supported by the local warehouse",
        ),
        ("select $1", vec![], "ERROR: there is no parameter $1"),
    ] {
        assert_eq!(error(place.run_with(&admin(), sql, &parameters).await, sql), expected, "{sql}");
    }
    let insert = "insert into people (id, name) values (:id, :name)";
    let inserted = place.run_with(&admin(), insert, &[("id", "3"), ("name", "'); --")]).await.unwrap();
    assert_eq!(inserted.rows, 1);
    assert_eq!(place.rows("select name from people where id = 3").await, ["'); --"]);
}
