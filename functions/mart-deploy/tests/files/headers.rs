//! Headers.

use crate::support::{BODY, QUERY, VIEW, compiled, faults, file};

#[test]
fn every_refusal_names_the_line_and_what_was_expected() {
    for (from, to, line, words) in [
        ("name = \"rates\"", "name = \"Rates\"", 2, "1 to 100 of `a-z`"),
        ("name = \"rates\"", "name = \"other\"", 2, "the file's name, `rates`"),
        ("name = \"rates\"", "name = \"a__b\"", 2, "no `__`"),
        ("name = \"rates\"", "name = 1", 2, "header: invalid type: integer"),
        ("name = \"rates\"", "name = \"rates\"\ncolour = \"red\"", 3, "unknown field `colour`"),
        ("name = \"rates\"", "name = \"rates\"\nname = \"rates\"", 3, "duplicate key"),
        ("name = \"rates\"\n", "", 2, "missing field `name`"),
        ("description = \"Rates.\"", "description = \"\"", 3, "1 to 1000 characters"),
        ("description = \"Rates.\"", "description = \"Rates", 3, "header: invalid basic string"),
        ("owner = \"team\"", "owner = \"-team\"", 4, "no `-` at either end"),
        ("owner = \"team\"", "owner = \"others\"", 4, "the first folder of the file's key, `team`"),
        ("{ workgroup = \"eventide\" }", "{}", 5, "either `cluster` or `workgroup`"),
        (
            "{ workgroup = \"eventide\" }",
            "{ workgroup = \"eventide\", cluster = \"c\" }",
            5,
            "either `cluster`",
        ),
        ("{ workgroup = \"eventide\" }", "{ workgroup = \"a'b\" }", 5, "the name of a workgroup"),
        ("{ workgroup = \"eventide\" }", "{ cluster = \"9c\" }", 5, "a cluster identifier"),
        (
            "{ workgroup = \"eventide\" }",
            "{ workgroup = \"eventide\", user = \"u\" }",
            5,
            "no user with a workgroup",
        ),
        (
            "{ workgroup = \"eventide\" }",
            "{ cluster = \"c\", secret = \"arn:aws:s3:::b\" }",
            5,
            "the ARN of a secret",
        ),
        (
            "{ workgroup = \"eventide\" }",
            "{ cluster = \"c\", user = \"u\", secret = \"arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-b\" }",
            5,
            "no user besides `secret`",
        ),
        ("database = \"dev\"", "database = \"d;v\"", 6, "1 to 127 letters"),
        ("schema = \"marts\"\n", "", 2, "the schema in which the view is kept"),
        ("schema = \"marts\"", "schema = \"pg_catalog\"", 7, "not `pg_…`"),
        ("schema = \"marts\"", "schema = \"m\\\"; DROP\"", 7, "1 to 127 of `a-z`"),
        ("kind = \"late-binding-view\"", "kind = \"table\"", 8, "unknown variant `table`"),
        (
            "kind = \"late-binding-view\"",
            "kind = \"view\"\nrefresh = \"rate(1 hour)\"",
            9,
            "only materialized views",
        ),
        (
            "kind = \"late-binding-view\"",
            "kind = \"materialized-view\"\nrefresh = \"cron(0 0 * * * *)\"",
            9,
            "`?` for the day",
        ),
        ("callers = [\"invoke\"]", "callers = [\"everyone\"]", 9, "`invoke`, `schedule`"),
        ("callers = [\"invoke\"]", "callers = [\n\"invoke\",\n\"events:aws.s3\"]", 11, "not AWS's"),
        (
            "callers = [\"invoke\"]",
            "callers = [\"arn:aws:iam::111122223333:*\"]",
            9,
            "the ARN of an IAM role",
        ),
        (
            "callers = [\"invoke\"]",
            "callers = [\"arn:aws:iam::111122223333:role/a*b\"]",
            9,
            "`*` only at its end",
        ),
        ("callers = [\"invoke\"]", "grants = [\"public\"]", 9, "other than `public`"),
        ("callers = [\"invoke\"]", "grants = [\"IAMR:a\",\n\"IAMR:a\"]", 10, "each grantee once"),
        ("callers = [\"invoke\"]", "grants = [\"IAMR:a\\\"b\"]", 9, "`IAMR:<role>`"),
        ("callers = [\"invoke\"]", "delivery.row_cap = 0", 9, "1 to 1000000000"),
        ("callers = [\"invoke\"]", "delivery.prefix = \"a/../b\"", 9, "no `..`"),
        ("callers = [\"invoke\"]", "delivery.prefix = \"/a\"", 9, "no `/` at either end"),
        ("callers = [\"invoke\"]", "delivery.format = \"xls\"", 9, "unknown variant `xls`"),
        (
            "callers = [\"invoke\"]",
            "share = { schema = \"s\", accounts = [\"111122223333\"] }",
            9,
            "kind `datashare`",
        ),
        ("callers = [\"invoke\"]", "[parameters.P]\ntype = \"text\"\ncolumn = \"a\"", 9, "a name of 1 to 64"),
        (
            "callers = [\"invoke\"]",
            "[parameters.p]\ntype = \"text\"",
            9,
            "the column that the parameter is compared",
        ),
        (
            "callers = [\"invoke\"]",
            "[parameters.p]\ntype = \"date\"\ncolumn = \"a\"\nallowed = [\n\"2026-01-01\",\n\"2026-02-30\"]",
            14,
            "a date such as",
        ),
        (
            "callers = [\"invoke\"]",
            "[parameters.p]\ntype = \"text\"\ncolumn = \"a\"\nallowed = [\"x\"]\ndefault = \"y\"",
            13,
            "one of the allowed values",
        ),
        (
            "callers = [\"invoke\"]",
            "[parameters.p]\ntype = \"integer\"\ncolumn = \"a\"\ndefault = 1.5",
            12,
            "a whole number",
        ),
    ] {
        let header = VIEW.replace(from, to);
        assert_ne!(header, VIEW, "{from}");
        let faults = faults(&header, BODY);
        let found = faults.iter().any(|fault| fault.line == Some(line) && fault.reason.contains(words));
        assert!(found, "line {line}: {words}\n{faults:?}\n{}", file(&header, ""));
    }
}

#[test]
fn queries_and_datashares_have_less_to_say() {
    for (from, to, line, words) in [
        ("callers = [\"invoke\"]", "schema = \"s\"", 9, "none, because there is no view"),
        ("callers = [\"invoke\"]", "grants = [\"IAMR:a\"]", 9, "none, because there is no view"),
        (
            "{ type = \"date\" }",
            "{ type = \"date\", column = \"c\" }",
            8,
            "a query names it in its body, `:day`",
        ),
        ("{ type = \"date\" }", "{ type = \"date\", comparison = \">\" }", 8, "none without a `column`"),
        ("null = \"null\"", "null = \"any\"", 8, "`refuse` or `null` without a `column`"),
    ] {
        let faults = faults(&QUERY.replace(from, to), "SELECT :day, :name FROM s.t");
        assert!(
            faults.iter().any(|fault| fault.line == Some(line) && fault.reason.contains(words)),
            "{words}: {faults:?}"
        );
    }
    let share = VIEW
        .replace("schema = \"marts\"\n", "")
        .replace("late-binding-view", "datashare")
        .replace("callers = [\"invoke\"]\n", "");
    for (more, body, words) in [
        ("", "", "a `share` with kind `datashare`"),
        ("share = { schema = \"s\" }\n", "", "1 to 15 consumers"),
        ("share = { schema = \"s\", accounts = [\"1\"] }\n", "", "12 digits"),
        (
            "share = { schema = \"s\", namespaces = [\"86B5169F-01DC-4A6F-9FBB-E2E24359E9A8\"] }\n",
            "",
            "in lower case",
        ),
        (
            "share = { schema = \"s\", accounts = [\"111122223333\"] }\ncallers = [\"invoke\"]\n",
            "",
            "is not queried",
        ),
        (
            "share = { schema = \"s\", accounts = [\"111122223333\"] }\n",
            "SELECT 1",
            "a datashare has no body",
        ),
    ] {
        let faults = faults(&format!("{share}{more}"), body);
        assert!(faults.iter().any(|fault| fault.reason.contains(words)), "{words}: {faults:?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let header =
        VIEW.replace("\"team\"", "\"Team\"").replace("\"dev\"", "\"\"").replace("\"invoke\"", "\"x\"");
    let faults = faults(&header, "SELECT a FROM t");
    let mut lines: Vec<_> = faults.iter().filter_map(|fault| fault.line).collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines, [4, 6, 9, 11], "{faults:?}");
}

#[test]
fn what_is_right_is_taken() {
    for header in [
        VIEW.to_owned(),
        VIEW.replace("\"invoke\"", "\"schedule\", \"events:hr.reports\", \"arn:aws:iam::111122223333:role/hr/*\""),
        VIEW.replace("callers", "grants = [\"IAMR:Role+=,.@-x\", \"IAM:user\", \"awsdatacatalog\", \"bob\"]\ncallers"),
        VIEW.replace("late-binding-view\"", "materialized-view\"\nrefresh = \"rate(30 minutes)\""),
        VIEW.replace("workgroup = \"eventide\"", "cluster = \"c-1\", user = \"deploy\""),
        VIEW.replace(
            "\"eventide\"",
            "\"arn:aws:redshift-serverless:eu-west-1:111122223333:workgroup/1b2c\", secret = \"arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-B1\"",
        ),
    ] {
        compiled(&header, BODY);
    }
}
