//! What is made of a file: the mart's query and the DDL.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use eventide_types::mart::Mart;
use eventide_types::mart::catalogue::{Segment, identifier};
use eventide_types::mart::definition::{Grantee, Kind, Share};
use eventide_types::mart::value::bind;
use mart_deploy::ddl;
use proptest::prelude::*;
use serde_json::json;
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::support::{BODY, QUERY, VIEW, compiled, file, run};

fn relation(suffix: &str) -> String {
    format!("\"marts\".\"{}\"{suffix}", run().relation("rates"))
}

#[test]
fn each_kind_is_built_and_swapped_like_this() {
    let granted =
        VIEW.replace("callers", "grants = [\"IAMR:Analyst\", \"awsdatacatalog\", \"bob\"]\ncallers");
    for (kind, what, binding) in [
        ("view", "VIEW", ""),
        ("late-binding-view", "VIEW", "\nWITH NO SCHEMA BINDING"),
        ("materialized-view", "MATERIALIZED VIEW", ""),
    ] {
        let compiled = compiled(&granted.replace("late-binding-view", kind), BODY);
        let (mart, body) = (&compiled.mart, compiled.body.as_ref().expect("a body"));
        let create = format!("CREATE {what} {} AS\n{BODY}{binding}", relation(""));
        assert_eq!(ddl::build(mart, body, false), [create.as_str()]);
        assert_eq!(ddl::build(mart, body, true), ["CREATE SCHEMA IF NOT EXISTS \"marts\"", create.as_str()]);
        let columns = ["A b".to_owned(), "b\"c".to_owned()];
        assert_eq!(
            ddl::swap(mart, &columns, Some("Query")),
            [
                "DROP VIEW IF EXISTS \"marts\".\"rates\"".to_owned(),
                format!(
                    "CREATE VIEW \"marts\".\"rates\" AS\nSELECT \"A b\", \"b\"\"c\"\nFROM {}\nWITH NO SCHEMA BINDING",
                    relation("")
                ),
                "GRANT USAGE ON SCHEMA \"marts\" TO \"IAMR:Analyst\", \"bob\", \"IAMR:Query\"".to_owned(),
                "GRANT SELECT ON \"marts\".\"rates\" TO \"IAMR:Analyst\", \"bob\", \"IAMR:Query\"".to_owned(),
                "GRANT USAGE ON DATABASE awsdatacatalog TO \"IAMR:Analyst\", \"bob\", \"IAMR:Query\""
                    .to_owned(),
            ]
        );
        assert_eq!(ddl::drop_relation(mart), [format!("DROP {what} IF EXISTS {}", relation(""))]);
        assert_eq!(
            ddl::drop_all(mart),
            [
                "DROP VIEW IF EXISTS \"marts\".\"rates\"".to_owned(),
                format!("DROP {what} IF EXISTS {}", relation(""))
            ]
        );
    }
    let plain = compiled(
        &VIEW.replace(
            "{ workgroup",
            "{ secret = \"arn:aws:secretsmanager:r:111122223333:secret:a\", workgroup",
        ),
        BODY,
    )
    .mart;
    assert_eq!(
        ddl::swap(&plain, &["a".to_owned()], Some("Query")).len(),
        2,
        "another user logs in for its queries"
    );
}

#[test]
fn a_datashare_is_made_and_changed_like_this() {
    const NAMESPACE: &str = "86b5169f-01dc-4a6f-9fbb-e2e24359e9a8";
    let mart = |schema: &str, namespaces: &[&str], accounts: &[&str]| {
        let header = VIEW
            .replace("schema = \"marts\"\n", "")
            .replace("late-binding-view", "datashare")
            .replace("callers = [\"invoke\"]\n", "");
        let share =
            format!("[share]\nschema = \"{schema}\"\nnamespaces = {namespaces:?}\naccounts = {accounts:?}\n");
        compiled(&format!("{header}{share}"), "\n").mart
    };
    let first = mart("gold", &[NAMESPACE], &["111122223333"]);
    assert!(first.query.is_empty() && first.relation.is_none());
    assert_eq!(
        ddl::share(&first, None),
        [
            "CREATE DATASHARE \"rates\"",
            "ALTER DATASHARE \"rates\" ADD SCHEMA \"gold\"",
            "ALTER DATASHARE \"rates\" ADD ALL TABLES IN SCHEMA \"gold\"",
            "ALTER DATASHARE \"rates\" SET INCLUDENEW = TRUE FOR SCHEMA \"gold\"",
            &format!("GRANT USAGE ON DATASHARE \"rates\" TO NAMESPACE '{NAMESPACE}'"),
            "GRANT USAGE ON DATASHARE \"rates\" TO ACCOUNT '111122223333'",
        ]
    );
    assert_eq!(
        ddl::share(&mart("platinum", &[NAMESPACE], &["444455556666"]), Some(&first)),
        [
            "ALTER DATASHARE \"rates\" REMOVE ALL TABLES IN SCHEMA \"gold\"",
            "ALTER DATASHARE \"rates\" REMOVE SCHEMA \"gold\"",
            "ALTER DATASHARE \"rates\" ADD SCHEMA \"platinum\"",
            "ALTER DATASHARE \"rates\" ADD ALL TABLES IN SCHEMA \"platinum\"",
            "ALTER DATASHARE \"rates\" SET INCLUDENEW = TRUE FOR SCHEMA \"platinum\"",
            "GRANT USAGE ON DATASHARE \"rates\" TO ACCOUNT '444455556666'",
            "REVOKE USAGE ON DATASHARE \"rates\" FROM ACCOUNT '111122223333'",
        ]
    );
    assert_eq!(
        first.refresh().as_deref(),
        Some("ALTER DATASHARE \"rates\" ADD ALL TABLES IN SCHEMA \"gold\"")
    );
    assert_eq!(ddl::drop_all(&first), ["DROP DATASHARE \"rates\""]);
    let most: Vec<String> = (0..15).map(|number| format!("{number:012}")).collect();
    let others: Vec<String> = (15..30).map(|number| format!("{number:012}")).collect();
    let all =
        |accounts: &[String]| mart("gold", &[], &accounts.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(ddl::share(&all(&most), Some(&all(&others))).len() <= 40, "the most statements of a batch");
}

#[test]
fn what_was_before_is_dropped_as_far_as_it_is_not_used() {
    let of = |header: &str, body: &str| compiled(header, body).mart;
    let other = |mut mart: Mart| {
        mart.relation = mart.relation.map(|_| "rates__old".to_owned());
        mart
    };
    let view = of(VIEW, BODY);
    let query = of(QUERY, "SELECT :day, :name FROM s.t");
    let elsewhere = of(&VIEW.replace("eventide", "another"), BODY);
    let old = "DROP VIEW IF EXISTS \"marts\".\"rates__old\"".to_owned();
    let stable = "DROP VIEW IF EXISTS \"marts\".\"rates\"".to_owned();
    for (before, now, expected) in [
        (other(view.clone()), &view, vec![old.clone()]),
        (view.clone(), &view, vec![]),
        (other(view.clone()), &query, vec![stable.clone(), old.clone()]),
        (other(view.clone()), &elsewhere, vec![stable, old]),
        (query.clone(), &view, vec![]),
    ] {
        assert_eq!(ddl::drop_replaced(&before, now), expected);
    }
}

#[test]
fn requests_run_the_body_and_one_row_more_than_allowed() {
    let view = VIEW.replace(
        "callers",
        "parameters = { p = { type = \"integer\", column = \"A \\\"b\", comparison = \">=\" } }\ncallers",
    );
    let mart = compiled(&view, BODY).mart;
    let bound = bind(&mart, &BTreeMap::from([("p".to_owned(), json!(3))])).expect("bound");
    assert_eq!(
        bound.sql,
        "SELECT * FROM \"marts\".\"rates\" WHERE TRUE AND \"A \"\"b\" >= CAST(:p AS bigint) LIMIT 10000001"
    );
    assert_eq!(
        ddl::check(&mart, None),
        format!("SELECT * FROM {} WHERE TRUE AND \"A \"\"b\" >= CAST(NULL AS bigint) LIMIT 0", relation(""))
    );
    let given = BTreeMap::from([("day".to_owned(), json!("2026-11-23")), ("name".to_owned(), json!(null))]);
    for (body, expected) in [
        (
            "SELECT :day, :name FROM s.t -- end",
            "SELECT * FROM (SELECT CAST(:day AS date), CAST(NULL AS varchar(65535)) FROM s.t\n) AS \"q\" LIMIT 10000001",
        ),
        (
            "SELECT :day, :name FROM s.t ORDER BY 1",
            "SELECT CAST(:day AS date), CAST(NULL AS varchar(65535)) FROM s.t ORDER BY 1\nLIMIT 10000001",
        ),
        (
            "SELECT :day, :name FROM s.t ORDER BY 1 LIMIT 3;",
            "SELECT CAST(:day AS date), CAST(NULL AS varchar(65535)) FROM s.t ORDER BY 1 LIMIT 3",
        ),
    ] {
        let compiled = compiled(QUERY, body);
        assert_eq!(bind(&compiled.mart, &given).expect("bound").sql, expected);
        assert!(ddl::check(&compiled.mart, compiled.body.as_ref()).ends_with("\n) AS \"q\" LIMIT 0"));
    }
}

#[test]
fn the_marts_that_are_shipped_compile() {
    for name in ["rate_changes_by_department_year", "headcount_by_department_shift", "pay_history"] {
        let path = format!("{}/marts/humanresources/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).expect("a file");
        let run = mart_deploy::run::Run { key: format!("humanresources/{name}.sql"), ..run() };
        let compiled = mart_deploy::compile::compile(&bytes, &run).expect("a mart");
        assert_eq!(compiled.mart.definition.name, name);
    }
}

/// The words of a statement, with every quoted name and text alike.
fn shape(statement: &str) -> Vec<Token> {
    let tokens = Tokenizer::new(&RedshiftSqlDialect {}, statement).tokenize().expect("words");
    let alike = |token| match token {
        Token::Word(word) if word.quote_style == Some('"') => Token::make_word("name", Some('"')),
        Token::SingleQuotedString(_) => Token::SingleQuotedString(String::new()),
        Token::Whitespace(_) => Token::make_keyword("space"),
        other => other,
    };
    tokens.into_iter().map(alike).collect()
}

fn everything(mart: &Mart, body: &str, columns: &[String]) -> Vec<String> {
    let body = mart_deploy::body::Body {
        pieces: vec![Segment::Sql(body.to_owned())],
        end: mart_deploy::body::End::Unordered,
    };
    let mut all = ddl::build(mart, &body, true);
    all.push(ddl::check(mart, Some(&body)));
    all.extend(ddl::swap(mart, columns, Some(&columns[0])));
    all.extend(ddl::share(mart, None));
    all.extend(ddl::drop_all(mart));
    all.extend(mart.refresh());
    all
}

proptest! {
    #[test]
    fn an_identifier_is_one_word_whatever_it_holds(name in "\\PC{1,30}") {
        let tokens = Tokenizer::new(&RedshiftSqlDialect {}, &identifier(&name)).tokenize().expect("a word");
        prop_assert_eq!(tokens.len(), 1, "{:?}", tokens);
        prop_assert!(matches!(&tokens[0], Token::Word(word) if word.value == name && word.quote_style == Some('"')));
    }

    /// Even of a definition that was never checked, nothing gets into a statement but as a quoted name or text.
    #[test]
    fn the_shape_of_the_ddl_does_not_depend_on_what_a_definition_says(
        hostile in proptest::collection::vec("(\\PC|\"|'|;|--|/\\*| ){1,12}", 7),
        kind in prop_oneof![Just(Kind::View), Just(Kind::LateBindingView), Just(Kind::MaterializedView), Just(Kind::Datashare)],
    ) {
        let of = |texts: &[String]| {
            let text = |at: usize| texts[at].clone();
            let header = VIEW.replace("callers", "parameters = { p = { type = \"text\", column = \"c\" } }\ncallers");
            let mut mart = compiled(&header, BODY).mart;
            let definition = &mut mart.definition;
            (definition.kind, definition.name, definition.schema) = (kind, text(0), Some(text(1)));
            definition.grants = vec![Grantee(text(2))];
            definition.parameters.get_mut("p").expect("a parameter").column = Some(text(3));
            definition.share = Some(Share { schema: text(4), namespaces: vec![text(5)], accounts: vec![text(6)] });
            mart.relation = (kind != Kind::Datashare).then(|| text(5));
            everything(&mart, BODY, &[text(6), text(0)])
        };
        let plain: Vec<String> = (0..7).map(|number| format!("plain{number}")).collect();
        let (hostile, plain) = (of(&hostile), of(&plain));
        prop_assert_eq!(hostile.len(), plain.len());
        for (hostile, plain) in hostile.iter().zip(&plain) {
            prop_assert_eq!(shape(hostile), shape(plain), "{}", hostile);
        }
    }

    /// A body that is taken comes out with the words that it went in with.
    #[test]
    fn a_body_keeps_its_words(text in "[a-z' ;\\-/*\"\\\\$:,()\n]{0,40}") {
        let written = format!("SELECT a, {text} FROM s.t");
        if let Ok(compiled) = mart_deploy::compile::compile(file(VIEW, &written).as_bytes(), &run()) {
            let made = compiled.body.expect("a body").text();
            let words = |text: &str| {
                let tokens = Tokenizer::new(&RedshiftSqlDialect {}, text).with_unescape(false).tokenize().expect("words");
                tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_) | Token::SemiColon)).collect::<Vec<_>>()
            };
            prop_assert_eq!(words(&made), words(&written));
            prop_assert!(!made.contains("--") || made.contains('\'') || made.contains('"'));
        }
    }
}
