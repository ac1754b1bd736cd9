//! What a warehouse knows: schemas, relations, privileges, datashares.
//!
//! A transaction works on a copy, which takes the place of the original when it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::Query;

use crate::error::{Result, error, no_relation, no_schema};
use crate::parse::{Consumer, Kind, Privilege, To};

/// The owner of what was there before anyone came.
pub(crate) const ADMIN: &str = "rdsdb";
/// The catalogue that is mounted by itself (Management Guide, "Querying the AWS Glue Data Catalog").
pub(crate) const GLUE: &str = "awsdatacatalog";
/// The schema that everyone may use and make things in.
pub(crate) const PUBLIC: &str = "public";

/// Database and schema.
pub(crate) type SchemaId = (String, String);

/// Database, schema and relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) database: String,
    pub(crate) schema: String,
    pub(crate) name: String,
}

impl Id {
    pub(crate) fn new(database: &str, schema: &str, name: &str) -> Self {
        Self { database: database.to_owned(), schema: schema.to_owned(), name: name.to_owned() }
    }

    pub(crate) fn in_schema(&self) -> SchemaId {
        (self.database.clone(), self.schema.clone())
    }
}

/// Stays with a relation when it is renamed.
pub(crate) type Oid = u64;

/// What the relations that a query names were when it was bound to them, by their names in the query.
pub(crate) type Bindings = BTreeMap<String, Oid>;

/// Rows.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

/// The query of a view.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) query: Arc<Query>,
    /// Names for its columns; none, if the query's own serve.
    pub(crate) columns: Vec<String>,
    /// Of unqualified names in it.
    pub(crate) path: Vec<String>,
    /// None for a view `WITH NO SCHEMA BINDING`.
    pub(crate) bindings: Option<Bindings>,
}

/// What a relation is.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Table(Rows),
    View(Definition),
    Materialized(Definition, Rows),
}

impl Body {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Table(_) => Kind::Table,
            Self::View(_) => Kind::View,
            Self::Materialized(..) => Kind::Materialized,
        }
    }

    /// What it was bound to.
    pub(crate) fn bindings(&self) -> Option<&Bindings> {
        match self {
            Self::Table(_) => None,
            Self::View(definition) | Self::Materialized(definition, _) => definition.bindings.as_ref(),
        }
    }
}

/// A table or view.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) oid: Oid,
    pub(crate) owner: String,
    pub(crate) body: Body,
}

/// On what a privilege is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Object {
    Database(String),
    Schema(SchemaId),
    Relation(Oid),
}

/// A datashare.
#[derive(Clone, Debug, Default)]
pub(crate) struct Share {
    pub(crate) owner: String,
    pub(crate) database: String,
    /// Its schemas, and whether what is created in them later is added.
    pub(crate) schemas: BTreeMap<String, bool>,
    pub(crate) tables: BTreeSet<Oid>,
    pub(crate) consumers: BTreeSet<Consumer>,
}

/// A place in S3.
pub(crate) type Location = (String, String);

/// What a warehouse knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    /// With their owners.
    pub(crate) schemas: BTreeMap<SchemaId, String>,
    pub(crate) relations: BTreeMap<Id, Arc<Stored>>,
    /// Not part of any transaction: they are the data lake's.
    pub(crate) externals: Arc<BTreeMap<Id, Location>>,
    pub(crate) grants: BTreeSet<(Object, Privilege, To)>,
    pub(crate) shares: BTreeMap<String, Share>,
    last: Oid,
}

impl Catalog {
    pub(crate) fn has_schema(&self, database: &str, schema: &str) -> bool {
        self.owner(database, schema).is_some() || self.is_external(database, schema)
    }

    /// A local schema's owner.
    pub(crate) fn owner(&self, database: &str, schema: &str) -> Option<&str> {
        if schema == PUBLIC && database != GLUE {
            return Some(ADMIN);
        }
        self.schemas.get(&(database.to_owned(), schema.to_owned())).map(String::as_str)
    }

    pub(crate) fn is_external(&self, database: &str, schema: &str) -> bool {
        self.externals.keys().any(|id| id.database == database && id.schema == schema)
    }

    /// An id that no other relation has had.
    pub(crate) fn new_oid(&mut self) -> Oid {
        self.last += 1;
        self.last
    }

    pub(crate) fn get(&self, id: &Id) -> Option<&Arc<Stored>> {
        self.relations.get(id)
    }

    /// A relation by what stays with it.
    pub(crate) fn find(&self, oid: Oid) -> Option<(&Id, &Arc<Stored>)> {
        self.relations.iter().find(|(_, stored)| stored.oid == oid)
    }

    /// Adds a relation, also to the datashares that want what is new in its schema.
    pub(crate) fn add(&mut self, id: Id, owner: &str, body: Body) {
        let oid = self.new_oid();
        for share in self.shares.values_mut().filter(|share| share.database == id.database) {
            if share.schemas.get(&id.schema) == Some(&true) {
                share.tables.insert(oid);
            }
        }
        self.relations.insert(id, Arc::new(Stored { oid, owner: owner.to_owned(), body }));
    }

    /// Gives a relation another body. Owner and privileges stay.
    pub(crate) fn replace(&mut self, id: &Id, body: Body) {
        if let Some(stored) = self.relations.get_mut(id) {
            Arc::make_mut(stored).body = body;
        }
    }

    /// Removes a relation with its privileges.
    pub(crate) fn remove(&mut self, id: &Id) {
        let Some(stored) = self.relations.remove(id) else { return };
        self.grants.retain(|(object, ..)| *object != Object::Relation(stored.oid));
        for share in self.shares.values_mut() {
            share.tables.remove(&stored.oid);
        }
    }

    /// The relations that are bound to one of these, directly or through others.
    pub(crate) fn dependents(&self, of: &BTreeSet<Oid>) -> Vec<Id> {
        let mut known = of.clone();
        let mut found = Vec::new();
        loop {
            let more: Vec<_> = self
                .relations
                .iter()
                .filter(|(_, stored)| !known.contains(&stored.oid))
                .filter(|(_, stored)| {
                    let bindings = stored.body.bindings();
                    bindings.is_some_and(|bindings| bindings.values().any(|oid| known.contains(oid)))
                })
                .map(|(id, stored)| (id.clone(), stored.oid))
                .collect();
            if more.is_empty() {
                return found;
            }
            for (id, oid) in more {
                known.insert(oid);
                found.push(id);
            }
        }
    }

    /// The local relations of a schema.
    pub(crate) fn in_schema(&self, database: &str, schema: &str) -> Vec<(Id, Oid)> {
        let within = self.relations.iter().filter(|(id, _)| id.database == database && id.schema == schema);
        within.map(|(id, stored)| (id.clone(), stored.oid)).collect()
    }

    /// Whether a relation or table of the lake has this name.
    pub(crate) fn is_taken(&self, id: &Id) -> bool {
        self.relations.contains_key(id) || self.externals.contains_key(id)
    }

    /// Where a new relation goes, which must be a local schema.
    pub(crate) fn place(&self, id: &Id) -> Result<()> {
        if id.database == GLUE || self.is_external(&id.database, &id.schema) {
            return Err(error("Operations on local objects in external schema are not enabled."));
        }
        if !self.has_schema(&id.database, &id.schema) {
            return Err(no_schema(&id.schema));
        }
        Ok(())
    }

    pub(crate) fn share(&mut self, name: &str) -> Result<&mut Share> {
        self.shares.get_mut(name).ok_or_else(|| error(format_args!("datashare \"{name}\" does not exist")))
    }

    /// A relation that must be there.
    pub(crate) fn known(&self, id: &Id, shown: impl std::fmt::Display) -> Result<&Arc<Stored>> {
        if !self.has_schema(&id.database, &id.schema) {
            return Err(no_schema(&id.schema));
        }
        self.get(id).ok_or_else(|| no_relation(shown))
    }
}
