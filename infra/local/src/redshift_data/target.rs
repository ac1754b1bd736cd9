//! Which warehouse and database a request means, and as which user it connects.

use serde_json::Value;

use super::identity::Identity;
use super::input::{Input, is_workgroup, workgroup_of_arn};
use super::refusal::{Outcome, Refusal};
use super::warehouse::{Kind, Warehouse};
use super::{RedshiftData, State};

/// What a request says of where it goes, as it says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) cluster: Option<String>,
    pub(super) workgroup: Option<String>,
    pub(super) database: Option<String>,
    pub(super) db_user: Option<String>,
    pub(super) secret: Option<String>,
}

/// Where a statement runs.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) named: Named,
    pub(super) warehouse: Warehouse,
    pub(super) database: String,
    /// The database user.
    pub(super) user: String,
}

impl Named {
    pub(super) fn read(input: Input<'_>) -> Outcome<Self> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Self {
            cluster: owned(input.cluster()?),
            workgroup: owned(input.workgroup()?),
            database: owned(input.text("Database")?),
            db_user: owned(input.text("DbUser")?),
            secret: owned(input.text("SecretArn")?),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses combinations that the service model's text rules out.
    fn check(&self) -> Outcome<()> {
        match (&self.cluster, &self.workgroup) {
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid("ClusterIdentifier and WorkgroupName cannot both be given."));
            }
            (None, None) => {
                return Err(Refusal::invalid("Either ClusterIdentifier or WorkgroupName must be given."));
            }
            (None, Some(_)) if self.db_user.is_some() => {
                return Err(Refusal::invalid("DbUser cannot be given with WorkgroupName."));
            }
            _ => {}
        }
        if self.db_user.is_some() && self.secret.is_some() {
            return Err(Refusal::invalid("DbUser and SecretArn cannot both be given."));
        }
        let empty = |text: &Option<String>| text.as_deref() == Some("");
        if empty(&self.db_user) || empty(&self.secret) {
            return Err(Refusal::invalid("DbUser and SecretArn cannot be empty."));
        }
        match self.database.as_deref() {
            None | Some("") => Err(Refusal::invalid("Database must be given.")),
            Some(_) => Ok(()),
        }
    }
}

impl State {
    fn warehouse(&self, named: &Named, region: &str) -> Option<&Warehouse> {
        let here = self.warehouses.iter().filter(|warehouse| warehouse.region == region);
        here.into_iter().find(|warehouse| match (&named.cluster, &named.workgroup) {
            (Some(name), _) => warehouse.kind == Kind::Cluster && warehouse.name == *name,
            (None, Some(name)) => warehouse.kind == Kind::Workgroup && means(warehouse, name),
            (None, None) => false,
        })
    }
}

/// Whether a workgroup is meant by a name or an ARN.
fn means(workgroup: &Warehouse, name: &str) -> bool {
    if is_workgroup(name) {
        return workgroup.name == name;
    }
    workgroup_of_arn(name) == Some(workgroup.id.as_str())
        && name.split(':').nth(3) == Some(workgroup.region.as_str())
}

impl RedshiftData {
    /// Finds the warehouse and the user, who is the secret's, the one named, or the caller's IAM identity.
    pub(super) async fn target(&self, named: Named, identity: &Identity, region: &str) -> Outcome<Target> {
        named.check()?;
        let warehouse = self.state().warehouse(&named, region).cloned().ok_or_else(Refusal::no_endpoint)?;
        let user = match (&named.secret, &named.db_user) {
            (Some(secret), _) => self.user_of_secret(secret, region, &warehouse).await?,
            (None, Some(user)) => user.clone(),
            (None, None) => identity.database_user.clone(),
        };
        let database = named.database.clone().unwrap_or_default();
        Ok(Target { named, warehouse, database, user })
    }

    async fn user_of_secret(&self, secret: &str, region: &str, warehouse: &Warehouse) -> Outcome<String> {
        let text = self.shared.around.outside.secret(secret, region).await.map_err(|error| {
            tracing::debug!(%error, "a secret was not read");
            Refusal::invalid("Secrets Manager can't find the specified secret.")
        })?;
        let content: Value = serde_json::from_str(&text).unwrap_or_default();
        let member = |name: &str| content.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (Some(user), Some(_)) = (member("username"), member("password")) else {
            return Err(Refusal::invalid("username and password in secret cannot be empty"));
        };
        match member("dbClusterIdentifier") {
            Some(cluster) if warehouse.kind == Kind::Cluster && cluster != warehouse.name => Err(
                Refusal::invalid("ClusterIdentifier does not match the cluster identifier in the secret."),
            ),
            _ => Ok(user.to_owned()),
        }
    }
}
