//! The statements of a deployment: our text, quoted names, and the body.
//!
//! The stable name of a mart is always that of a view without schema binding over a relation of its own, so that views
//! and materialized views, which Redshift cannot rename, are swapped alike.

use eventide_types::mart::Mart;
use eventide_types::mart::catalogue::{Segment, identifier};
use eventide_types::mart::definition::{Definition, Grantee, Kind, Share};

use crate::body::Body;
use crate::check::is_view;

/// The database of the AWS Glue Data Catalog, as Redshift mounts it.
const CATALOG: &str = "awsdatacatalog";

/// A text as a literal of SQL. Only checked texts get here: ids of namespaces and accounts.
fn literal(text: &str) -> String {
    // A backslash is an escape to Redshift.
    format!("'{}'", text.replace('\\', r"\\").replace('\'', "''"))
}

fn qualified(definition: &Definition, name: &str) -> String {
    match &definition.schema {
        Some(schema) => format!("{}.{}", identifier(schema), identifier(name)),
        None => identifier(name),
    }
}

/// Makes the relation; with `create_schema` its schema, too, where there is none.
pub fn build(mart: &Mart, body: &Body, create_schema: bool) -> Vec<String> {
    let definition = &mart.definition;
    let Some(relation) = &mart.relation else { return Vec::new() };
    let schema = definition.schema.as_deref().filter(|_| create_schema);
    let schema = schema.map(|schema| format!("CREATE SCHEMA IF NOT EXISTS {}", identifier(schema)));
    let (what, binding) = match definition.kind {
        Kind::MaterializedView => ("MATERIALIZED VIEW", ""),
        Kind::LateBindingView => ("VIEW", "\nWITH NO SCHEMA BINDING"),
        Kind::View | Kind::Query | Kind::Datashare => ("VIEW", ""),
    };
    let create = format!("CREATE {what} {} AS\n{}{binding}", qualified(definition, relation), body.text());
    schema.into_iter().chain([create]).collect()
}

/// Selects no rows of what was built, with every parameter null: the warehouse says whether all columns are there and
/// of types that can be compared, and which columns there are.
pub fn check(mart: &Mart, body: Option<&Body>) -> String {
    let definition = &mart.definition;
    let null = |name: &str| {
        let kind =
            definition.parameters.get(name).map_or("varchar(65535)", |parameter| parameter.kind.redshift());
        format!("CAST(NULL AS {kind})")
    };
    let Some(relation) = &mart.relation else {
        let pieces = body.iter().flat_map(|body| &body.pieces).map(|piece| match piece {
            Segment::Sql(text) => text.clone(),
            Segment::Parameter(name) | Segment::Condition { parameter: name, .. } => null(name),
        });
        return format!("SELECT * FROM (\n{}\n) AS \"q\" LIMIT 0", pieces.collect::<String>());
    };
    let conditions = definition.parameters.iter().filter_map(|(name, parameter)| {
        let column = identifier(parameter.column.as_deref()?);
        Some(format!(" AND {column} {} {}", parameter.comparison.sql(), null(name)))
    });
    let conditions: String = conditions.collect();
    format!("SELECT * FROM {} WHERE TRUE{conditions} LIMIT 0", qualified(definition, relation))
}

/// Puts the view of the mart's name before the relation, in one transaction. `query_role` is granted what the
/// definition's grantees are, where the mart's queries log in by IAM.
pub fn swap(mart: &Mart, columns: &[String], query_role: Option<&str>) -> Vec<String> {
    let definition = &mart.definition;
    let (Some(relation), Some(schema)) = (&mart.relation, &definition.schema) else { return Vec::new() };
    let view = qualified(definition, &definition.name);
    let columns: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
    let mut statements = vec![
        format!("DROP VIEW IF EXISTS {view}"),
        format!(
            "CREATE VIEW {view} AS\nSELECT {}\nFROM {}\nWITH NO SCHEMA BINDING",
            columns.join(", "),
            qualified(definition, relation)
        ),
    ];
    let by_iam = definition.warehouse.secret.is_none() && definition.warehouse.user.is_none();
    let query_role = query_role.filter(|_| by_iam).map(|role| format!("IAMR:{role}"));
    let named =
        definition.grants.iter().map(|Grantee(grantee)| grantee).filter(|grantee| *grantee != CATALOG);
    let mut grantees: Vec<String> = Vec::new();
    for grantee in named.chain(&query_role).map(|grantee| identifier(grantee)) {
        if !grantees.contains(&grantee) {
            grantees.push(grantee);
        }
    }
    if !grantees.is_empty() {
        let grantees = grantees.join(", ");
        statements.push(format!("GRANT USAGE ON SCHEMA {} TO {grantees}", identifier(schema)));
        statements.push(format!("GRANT SELECT ON {view} TO {grantees}"));
        if definition.grants.iter().any(|Grantee(grantee)| grantee == CATALOG) {
            statements.push(format!("GRANT USAGE ON DATABASE {CATALOG} TO {grantees}"));
        }
    }
    statements
}

/// Makes or changes a datashare, in one transaction. Nothing to do: no statements.
pub fn share(mart: &Mart, before: Option<&Mart>) -> Vec<String> {
    let Some(share) = &mart.definition.share else { return Vec::new() };
    let name = identifier(&mart.definition.name);
    let before =
        before.filter(|before| same_place(before, mart)).and_then(|before| before.definition.share.as_ref());
    let mut statements = Vec::new();
    if before.is_none() {
        statements.push(format!("CREATE DATASHARE {name}"));
    }
    if before.is_none_or(|before| before.schema != share.schema) {
        if let Some(before) = before {
            let schema = identifier(&before.schema);
            statements.push(format!("ALTER DATASHARE {name} REMOVE ALL TABLES IN SCHEMA {schema}"));
            statements.push(format!("ALTER DATASHARE {name} REMOVE SCHEMA {schema}"));
        }
        statements.push(format!("ALTER DATASHARE {name} ADD SCHEMA {}", identifier(&share.schema)));
    }
    let schema = identifier(&share.schema);
    statements.push(format!("ALTER DATASHARE {name} ADD ALL TABLES IN SCHEMA {schema}"));
    statements.push(format!("ALTER DATASHARE {name} SET INCLUDENEW = TRUE FOR SCHEMA {schema}"));
    let (now, then) = (consumers(share), before.map(consumers).unwrap_or_default());
    let granted = now.iter().filter(|consumer| !then.contains(consumer));
    statements.extend(granted.map(|consumer| format!("GRANT USAGE ON DATASHARE {name} TO {consumer}")));
    let revoked = then.iter().filter(|consumer| !now.contains(consumer));
    statements.extend(revoked.map(|consumer| format!("REVOKE USAGE ON DATASHARE {name} FROM {consumer}")));
    statements
}

fn consumers(share: &Share) -> Vec<String> {
    let namespaces = share.namespaces.iter().map(|id| format!("NAMESPACE {}", literal(id)));
    let accounts = share.accounts.iter().map(|id| format!("ACCOUNT {}", literal(id)));
    namespaces.chain(accounts).collect()
}

/// Drops what `before` had and `now`, which is in force instead, does not use.
pub fn drop_replaced(before: &Mart, now: &Mart) -> Vec<String> {
    let (was_share, is_share) =
        (before.definition.kind == Kind::Datashare, now.definition.kind == Kind::Datashare);
    if same_place(before, now) {
        if was_share && is_share {
            return Vec::new();
        }
        if is_view(now.definition.kind) && is_view(before.definition.kind) {
            return if before.relation == now.relation { Vec::new() } else { drop_relation(before) };
        }
    }
    drop_all(before)
}

/// Drops a relation that no view stands before.
pub fn drop_relation(mart: &Mart) -> Vec<String> {
    let what = if mart.definition.kind == Kind::MaterializedView { "MATERIALIZED VIEW" } else { "VIEW" };
    let drop = |relation: &String| format!("DROP {what} IF EXISTS {}", qualified(&mart.definition, relation));
    mart.relation.iter().map(drop).collect()
}

/// Drops everything of a mart.
pub fn drop_all(mart: &Mart) -> Vec<String> {
    let name = &mart.definition.name;
    match mart.definition.kind {
        Kind::Datashare => vec![format!("DROP DATASHARE {}", identifier(name))],
        Kind::Query => Vec::new(),
        Kind::View | Kind::LateBindingView | Kind::MaterializedView => {
            let view = format!("DROP VIEW IF EXISTS {}", qualified(&mart.definition, name));
            [view].into_iter().chain(drop_relation(mart)).collect()
        }
    }
}

/// Whether two versions of a mart use the same names for the same things.
fn same_place(one: &Mart, other: &Mart) -> bool {
    let (one, other) = (&one.definition, &other.definition);
    (one.warehouse.name(), &one.database, &one.schema)
        == (other.warehouse.name(), &other.database, &other.schema)
}
