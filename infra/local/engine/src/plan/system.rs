//! System views, in a simple form (Database Developer Guide, "SVV views").

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};

use crate::catalog::{Body, Catalog, Rows};
use crate::parse::Consumer;

/// A system view's rows, if there is one of this name.
pub(super) fn rows(catalog: &Catalog, name: &str) -> Option<Rows> {
    match name {
        "svv_datashares" => Some(datashares(catalog)),
        "svv_datashare_objects" => Some(objects(catalog)),
        "svv_datashare_consumers" => Some(consumers(catalog)),
        "svv_tables" => Some(tables(catalog)),
        _ => None,
    }
}

fn datashares(catalog: &Catalog) -> Rows {
    let shares = catalog.shares.iter();
    let rows = shares.map(|(name, share)| {
        [Some(name.clone()), Some(share.owner.clone()), Some(share.database.clone()), Some("OUTBOUND".into())]
    });
    table(["share_name", "share_owner", "source_database", "share_type"], rows.collect(), None)
}

fn objects(catalog: &Catalog) -> Rows {
    let mut rows = Vec::new();
    let mut new = Vec::new();
    for (name, share) in &catalog.shares {
        let mut add = |kind: &str, object: String, include_new: Option<bool>| {
            rows.push(["OUTBOUND".into(), name.clone(), kind.to_owned(), object].map(Some));
            new.push(include_new);
        };
        for (schema, include_new) in &share.schemas {
            add("schema", schema.clone(), Some(*include_new));
        }
        for (id, stored) in share.tables.iter().filter_map(|oid| catalog.find(*oid)) {
            let kind = match &stored.body {
                Body::Table(_) => "table",
                Body::View(definition) if definition.bindings.is_none() => "late binding view",
                Body::View(_) => "view",
                Body::Materialized(..) => "materialized view",
            };
            add(kind, format!("{}.{}", id.schema, id.name), None);
        }
    }
    table(["share_type", "share_name", "object_type", "object_name"], rows, Some(("include_new", new)))
}

fn consumers(catalog: &Catalog) -> Rows {
    let all =
        catalog.shares.iter().flat_map(|(name, share)| share.consumers.iter().map(move |to| (name, to)));
    let rows = all.map(|(name, consumer)| match consumer {
        Consumer::Account(account) => [Some(name.clone()), Some(account.clone()), None],
        Consumer::Namespace(namespace) => [Some(name.clone()), None, Some(namespace.clone())],
    });
    table(["share_name", "consumer_account", "consumer_namespace"], rows.collect(), None)
}

fn tables(catalog: &Catalog) -> Rows {
    let local = catalog.relations.iter().map(|(id, stored)| {
        let kind = if matches!(stored.body, Body::Table(_)) { "BASE TABLE" } else { "VIEW" };
        (id, kind)
    });
    let all = local.chain(catalog.externals.keys().map(|id| (id, "EXTERNAL TABLE")));
    let rows = all.map(|(id, kind)| {
        [id.database.clone(), id.schema.clone(), id.name.clone(), kind.to_owned()].map(Some)
    });
    table(["table_catalog", "table_schema", "table_name", "table_type"], rows.collect(), None)
}

fn table<const N: usize>(
    names: [&str; N],
    rows: Vec<[Option<String>; N]>,
    flag: Option<(&str, Vec<Option<bool>>)>,
) -> Rows {
    let mut fields: Vec<Field> = names.map(|name| Field::new(name, DataType::Utf8, true)).into();
    let mut columns: Vec<ArrayRef> = (0..N)
        .map(|place| {
            let column: StringArray = rows.iter().map(|row| row.get(place).cloned().flatten()).collect();
            Arc::new(column) as ArrayRef
        })
        .collect();
    if let Some((name, values)) = flag {
        fields.push(Field::new(name, DataType::Boolean, true));
        columns.push(Arc::new(BooleanArray::from(values)));
    }
    let schema = Arc::new(Schema::new(fields));
    let batches = RecordBatch::try_new(Arc::clone(&schema), columns).into_iter().collect();
    Rows { schema, batches }
}
