//! `CREATE`, `DROP` and `ALTER SCHEMA`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Run;
use crate::catalog::{Object, PUBLIC};
use crate::error::{Result, depended_on, error, no_schema, unsupported};

impl Run<'_> {
    pub(super) fn create_schema(
        &mut self,
        name: String,
        if_not_exists: bool,
        owner: Option<String>,
    ) -> Result<()> {
        self.access().create(&self.database)?;
        if owner.is_some() {
            self.access().superuser("create a schema for another user")?;
        }
        if self.catalog.has_schema(&self.database, &name) {
            return if if_not_exists {
                Ok(())
            } else {
                Err(error(format_args!("schema \"{name}\" already exists")))
            };
        }
        if name.starts_with("pg_") {
            return Err(error(format_args!("unacceptable schema name \"{name}\"")));
        }
        let owner = owner.unwrap_or_else(|| self.user.clone());
        Arc::make_mut(&mut self.catalog).schemas.insert((self.database.clone(), name), owner);
        Ok(())
    }

    pub(super) fn drop_schemas(&mut self, names: &[String], if_exists: bool, cascade: bool) -> Result<()> {
        for name in names {
            if self.catalog.is_external(&self.database, name) {
                return Err(unsupported("DROP SCHEMA of an external schema"));
            }
            let Some(owner) = self.catalog.owner(&self.database, name).filter(|_| name != PUBLIC) else {
                if if_exists && name != PUBLIC {
                    continue;
                }
                return Err(no_schema(name));
            };
            self.access().owns("schema", name, owner)?;
            let within = self.catalog.in_schema(&self.database, name);
            if !within.is_empty() && !cascade {
                return Err(depended_on("schema", name));
            }
            let dependents =
                self.catalog.dependents(&within.iter().map(|(_, oid)| *oid).collect::<BTreeSet<_>>());
            let catalog = Arc::make_mut(&mut self.catalog);
            for id in within.iter().map(|(id, _)| id).chain(&dependents) {
                catalog.remove(id);
            }
            let key = (self.database.clone(), name.clone());
            catalog.schemas.remove(&key);
            catalog.grants.retain(|(object, ..)| *object != Object::Schema(key.clone()));
            for share in catalog.shares.values_mut().filter(|share| share.database == key.0) {
                share.schemas.remove(name);
            }
        }
        Ok(())
    }

    pub(super) fn schema_owner(&mut self, name: &str, owner: String) -> Result<()> {
        let known = self.catalog.owner(&self.database, name).ok_or_else(|| no_schema(name))?;
        self.access().owns("schema", name, known)?;
        Arc::make_mut(&mut self.catalog).schemas.insert((self.database.clone(), name.to_owned()), owner);
        Ok(())
    }
}
