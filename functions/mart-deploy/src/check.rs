//! What a header must say beyond its types: patterns, ranges, and members that depend on each other.

use std::collections::BTreeSet;

use eventide_types::mart::definition::{
    Caller, Comparison, Definition, Grantee, Kind, NullPolicy, Parameter,
};
use eventide_types::mart::schedule::Schedule;
use eventide_types::mart::value::canonical;

use crate::fault::Fault;
use crate::header::Header;
use crate::pattern;

/// Parameters of a mart; each costs a condition or a cast.
const MAX_PARAMETERS: usize = 50;
/// Allowed values of a parameter.
const MAX_ALLOWED: usize = 100;
/// Callers, and grantees.
const MAX_NAMED: usize = 50;
/// Consumers of a datashare, so that a change of all of them fits into a batch of 40 statements.
const MAX_CONSUMERS: usize = 15;
/// Characters of a description.
const MAX_DESCRIPTION: usize = 1_000;
/// Most rows of a result.
const MAX_ROWS: u64 = 1_000_000_000;

/// Everything wrong with the header of the file at `key`.
pub fn check(header: &Header<'_>, key: &str) -> Vec<Fault> {
    let mut checks = Checks { header, faults: Vec::new() };
    let definition = &header.definition;
    checks.names(definition, key);
    checks.warehouse(definition);
    checks.kind(definition);
    checks.callers(definition);
    checks.parameters(definition);
    checks.grants(definition);
    checks.delivery(definition);
    checks.share(definition);
    checks.faults
}

struct Checks<'a> {
    header: &'a Header<'a>,
    faults: Vec<Fault>,
}

impl Checks<'_> {
    /// Notes that the member at `path` is not as `expected`, unless it is.
    fn expect(&mut self, good: bool, path: &[&str], expected: impl AsRef<str>) {
        if !good {
            let line = self.header.line(path);
            self.faults
                .push(Fault::at(line, format!("`{}`: expected {}", path.join("."), expected.as_ref())));
        }
    }

    fn expect_element(&mut self, good: bool, path: &[&str], index: usize, expected: &str) {
        if !good {
            let line = self.header.element_line(path, index);
            self.faults.push(Fault::at(line, format!("`{}`: expected {expected}", path.join("."))));
        }
    }

    fn names(&mut self, definition: &Definition, key: &str) {
        let Definition { name, description, owner, database, schema, .. } = definition;
        let expected = "1 to 100 of `a-z`, `0-9` and `_`, a letter first and no `__`";
        self.expect(pattern::mart(name), &["name"], expected);
        let file = key.rsplit('/').next().and_then(|file| file.strip_suffix(".sql")).unwrap_or("");
        self.expect(name == file, &["name"], format!("the file's name, `{file}`"));
        let described = (1..=MAX_DESCRIPTION).contains(&description.chars().count());
        self.expect(described, &["description"], format!("1 to {MAX_DESCRIPTION} characters"));
        self.expect(
            pattern::owner(owner),
            &["owner"],
            "1 to 63 of `a-z`, `0-9` and `-`, no `-` at either end",
        );
        let folder = key.split('/').next().unwrap_or("");
        self.expect(owner == folder, &["owner"], format!("the first folder of the file's key, `{folder}`"));
        self.expect(
            pattern::database(database),
            &["database"],
            "1 to 127 letters, digits, `_`, `-` and `$`, no digit or `-` first",
        );
        if let Some(schema) = schema {
            self.expect(pattern::schema(schema), &["schema"], SCHEMA);
        }
    }

    fn warehouse(&mut self, definition: &Definition) {
        let warehouse = &definition.warehouse;
        let one = warehouse.cluster.is_some() != warehouse.workgroup.is_some();
        self.expect(one, &["warehouse"], "either `cluster` or `workgroup`");
        if let Some(cluster) = &warehouse.cluster {
            let expected = "a cluster identifier: 1 to 63 of `a-z`, `0-9` and `-`, a letter first";
            self.expect(pattern::cluster(cluster), &["warehouse", "cluster"], expected);
        }
        if let Some(workgroup) = &warehouse.workgroup {
            let expected = "the name of a workgroup (3 to 63 of `a-z`, `0-9` and `-`) or its ARN";
            self.expect(pattern::workgroup(workgroup), &["warehouse", "workgroup"], expected);
        }
        if let Some(secret) = &warehouse.secret {
            self.expect(
                pattern::secret(secret),
                &["warehouse", "secret"],
                "the ARN of a secret in Secrets Manager",
            );
            self.expect(
                warehouse.user.is_none(),
                &["warehouse", "user"],
                "no user besides `secret`, which names one",
            );
        }
        if let Some(user) = &warehouse.user {
            self.expect(pattern::user(user), &["warehouse", "user"], "the name of a database user");
            self.expect(
                warehouse.cluster.is_some(),
                &["warehouse", "user"],
                "no user with a workgroup, which has only IAM's",
            );
        }
    }

    fn kind(&mut self, definition: &Definition) {
        let kind = definition.kind;
        let is_view = is_view(kind);
        if is_view {
            self.expect(definition.schema.is_some(), &["schema"], "the schema in which the view is kept");
        } else {
            self.expect(definition.schema.is_none(), &["schema"], "none, because there is no view");
            self.expect(definition.grants.is_empty(), &["grants"], "none, because there is no view");
        }
        if let Some(refresh) = &definition.refresh {
            let refreshed = matches!(kind, Kind::MaterializedView | Kind::Datashare);
            self.expect(
                refreshed,
                &["refresh"],
                "none: only materialized views and datashares are refreshed",
            );
            if let Err(expected) = Schedule::parse(refresh) {
                self.expect(false, &["refresh"], expected);
            }
        }
        let is_share = kind == Kind::Datashare;
        self.expect(
            definition.share.is_some() == is_share,
            &["share"],
            "a `share` with kind `datashare`, and only there",
        );
        if is_share {
            self.expect(
                definition.parameters.is_empty(),
                &["parameters"],
                "none, because a datashare is not queried",
            );
            self.expect(
                definition.callers.is_empty(),
                &["callers"],
                "none, because a datashare is not queried",
            );
        }
    }

    fn callers(&mut self, definition: &Definition) {
        let few = definition.callers.len() <= MAX_NAMED;
        self.expect(few, &["callers"], format!("at most {MAX_NAMED}"));
        for (index, Caller(caller)) in definition.callers.iter().enumerate() {
            let expected = "`invoke`, `schedule`, `events:<source>` of a source that is not AWS's, or the ARN of an \
                            IAM role or user, `*` only at its end";
            self.expect_element(pattern::caller(caller), &["callers"], index, expected);
        }
    }

    fn parameters(&mut self, definition: &Definition) {
        let few = definition.parameters.len() <= MAX_PARAMETERS;
        self.expect(few, &["parameters"], format!("at most {MAX_PARAMETERS}"));
        for (name, parameter) in &definition.parameters {
            let expected = "a name of 1 to 64 of `a-z`, `0-9` and `_`, a letter first";
            self.expect(pattern::parameter(name), &["parameters", name], expected);
            self.parameter(definition.kind, name, parameter);
        }
    }

    fn parameter(&mut self, kind: Kind, name: &str, parameter: &Parameter) {
        let path = |member| ["parameters", name, member];
        if let Some(description) = &parameter.description {
            let fits = description.chars().count() <= MAX_DESCRIPTION;
            self.expect(fits, &path("description"), format!("at most {MAX_DESCRIPTION} characters"));
        }
        match &parameter.column {
            Some(column) => {
                self.expect(pattern::column(column), &path("column"), "the name of a column: 1 to 127 bytes");
                self.expect(
                    is_view(kind),
                    &path("column"),
                    format!("none: a query names it in its body, `:{name}`"),
                );
            }
            None => {
                self.expect(
                    !is_view(kind),
                    &path("column"),
                    "the column that the parameter is compared with",
                );
                let plain = parameter.comparison == Comparison::Equal;
                self.expect(plain, &path("comparison"), "none without a `column`");
                self.expect(
                    parameter.null != NullPolicy::Any,
                    &path("null"),
                    "`refuse` or `null` without a `column`",
                );
            }
        }
        let few = parameter.allowed.len() <= MAX_ALLOWED;
        self.expect(few, &path("allowed"), format!("at most {MAX_ALLOWED} values"));
        let allowed: Vec<_> =
            parameter.allowed.iter().map(|value| canonical(parameter.kind, value)).collect();
        for (index, value) in allowed.iter().enumerate() {
            if let Err(expected) = value {
                self.expect_element(false, &path("allowed"), index, expected);
            }
        }
        if let Some(default) = &parameter.default {
            match canonical(parameter.kind, default) {
                Ok(default) => {
                    let fits = allowed.is_empty() || allowed.contains(&Ok(default));
                    self.expect(fits, &path("default"), "one of the allowed values");
                }
                Err(expected) => self.expect(false, &path("default"), expected),
            }
        }
    }

    fn grants(&mut self, definition: &Definition) {
        let few = definition.grants.len() <= MAX_NAMED;
        self.expect(few, &["grants"], format!("at most {MAX_NAMED}"));
        let mut known = BTreeSet::new();
        for (index, Grantee(grantee)) in definition.grants.iter().enumerate() {
            let expected =
                "`IAMR:<role>`, `IAM:<user>`, `awsdatacatalog` or a database user other than `public`";
            self.expect_element(pattern::grantee(grantee), &["grants"], index, expected);
            self.expect_element(known.insert(grantee), &["grants"], index, "each grantee once");
        }
    }

    fn delivery(&mut self, definition: &Definition) {
        let delivery = &definition.delivery;
        let expected = format!("1 to {MAX_ROWS}");
        self.expect((1..=MAX_ROWS).contains(&delivery.row_cap), &["delivery", "row_cap"], expected);
        if let Some(prefix) = &delivery.prefix {
            let expected =
                "at most 200 letters, digits and `-_.!'()` in folders, no `/` at either end and no `..`";
            self.expect(pattern::prefix(prefix), &["delivery", "prefix"], expected);
        }
    }

    fn share(&mut self, definition: &Definition) {
        let Some(share) = &definition.share else { return };
        self.expect(pattern::schema(&share.schema), &["share", "schema"], SCHEMA);
        let consumers = share.namespaces.len() + share.accounts.len();
        let expected = format!("1 to {MAX_CONSUMERS} consumers: `namespaces` and `accounts`");
        self.expect((1..=MAX_CONSUMERS).contains(&consumers), &["share"], expected);
        let mut known = BTreeSet::new();
        for (index, namespace) in share.namespaces.iter().enumerate() {
            let good = pattern::namespace(namespace) && known.insert(namespace);
            self.expect_element(
                good,
                &["share", "namespaces"],
                index,
                "a namespace's id in lower case, each once",
            );
        }
        for (index, account) in share.accounts.iter().enumerate() {
            let good = eventide_types::partition::is_account_id(account) && known.insert(account);
            self.expect_element(good, &["share", "accounts"], index, "an account id of 12 digits, each once");
        }
    }
}

const SCHEMA: &str =
    "1 to 127 of `a-z`, `0-9`, `_` and `$`, a letter or `_` first, not `pg_…` or `information_schema`";

/// Whether a mart of this kind is kept as a view.
pub fn is_view(kind: Kind) -> bool {
    match kind {
        Kind::View | Kind::LateBindingView | Kind::MaterializedView => true,
        Kind::Query | Kind::Datashare => false,
    }
}
