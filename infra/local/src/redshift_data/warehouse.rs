//! Clusters and serverless workgroups.

use std::fmt;
use std::sync::Arc;

use eventide_local_engine::{Outcome, Session, SqlError};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::ids;

/// What is in each Region of [`crate::cloud::REGION`] from the start.
pub(super) const CLUSTER: &str = "eventide-cluster";
/// As [`CLUSTER`].
pub(super) const WORKGROUP: &str = "eventide";
/// The database that every warehouse has.
pub(super) const DATABASE: &str = "dev";

/// One statement for an engine.
#[derive(Clone, Debug)]
pub struct Sql {
    /// Its text.
    pub text: String,
    /// Names and values of the parameters that it uses.
    pub parameters: Vec<(String, String)>,
}

/// Told as statements get on: the index, and, once it has ended, whether it succeeded.
pub type Progress = Arc<dyn Fn(usize, Option<bool>) + Send + Sync>;

/// A table of the data lake.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// `dev` (Spectrum) or `awsdatacatalog` (the catalog mounted by itself).
    pub database: String,
    /// The external schema, or the catalog's database.
    pub schema: String,
    /// The table's name.
    pub table: String,
    /// `s3://BUCKET/PREFIX`, below which its Parquet files are.
    pub location: String,
}

/// A column, as the catalogue operations tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The database.
    pub database: String,
    /// The schema.
    pub schema: String,
    /// The table or view.
    pub name: String,
    /// `TABLE`, `VIEW`, …
    pub kind: String,
}

/// What runs a warehouse's SQL.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Runs statements in their order, in one transaction or each in its own. In a transaction nothing runs
    /// after a failure. Dropping the future stops it.
    fn run<'a>(
        &'a self,
        session: &'a Session,
        statements: &'a [Sql],
        transaction: bool,
        progress: Progress,
    ) -> BoxFuture<'a, Vec<Result<Outcome, SqlError>>>;

    /// Makes a table of the data lake known.
    ///
    /// # Errors
    /// What is wrong with it.
    fn register(&self, table: &External) -> Result<(), String>;

    /// All tables and views.
    fn relations(&self) -> Vec<Described>;
}

/// Makes the engine of a new warehouse.
pub type Engines = Arc<dyn Fn() -> Arc<dyn Engine> + Send + Sync>;

/// Which kind of warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Provisioned.
    Cluster,
    /// Serverless.
    Workgroup,
}

/// One warehouse.
#[derive(Clone, Debug)]
pub(super) struct Warehouse {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) region: String,
    /// The id in the ARN of a workgroup.
    pub(super) id: String,
    /// The namespace, which datashares are granted to.
    pub(super) namespace: String,
    pub(super) databases: Vec<String>,
    pub(super) engine: Arc<dyn Engine>,
}

impl Warehouse {
    pub(super) fn new(kind: Kind, name: &str, region: &str, engine: Arc<dyn Engine>) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            region: region.to_owned(),
            id: ids::uuid(),
            namespace: ids::uuid(),
            databases: vec![DATABASE.to_owned()],
            engine,
        }
    }

    /// Its ARN, which events name.
    pub(super) fn arn(&self, account: &str) -> String {
        let region = &self.region;
        match self.kind {
            Kind::Cluster => format!("arn:aws:redshift:{region}:{account}:cluster:{}", self.name),
            Kind::Workgroup => {
                format!("arn:aws:redshift-serverless:{region}:{account}:workgroup/{}", self.id)
            }
        }
    }

    /// What tells it from every other.
    pub(super) fn key(&self) -> Key {
        Key { kind: self.kind, region: self.region.clone(), name: self.name.clone() }
    }

    pub(super) fn shown(&self, account: &str) -> Value {
        let kind = match self.kind {
            Kind::Cluster => "cluster",
            Kind::Workgroup => "workgroup",
        };
        json!({
            kind: self.name, "region": self.region, "arn": self.arn(account), "namespace": self.namespace,
            "databases": self.databases,
        })
    }
}

/// What tells a warehouse from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) kind: Kind,
    region: String,
    pub(super) name: String,
}
