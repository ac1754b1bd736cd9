//! `GRANT` and `REVOKE`.

use std::sync::Arc;

use super::Run;
use crate::catalog::{GLUE, Object};
use crate::error::{Result, error, no_schema};
use crate::parse::{Grant, Name, Target};

impl Run<'_> {
    pub(super) fn grant(&mut self, grant: Grant) -> Result<()> {
        let mut objects = Vec::new();
        match &grant.target {
            Target::Relations(names) => {
                for name in names {
                    objects.push(self.relation(name)?);
                }
            }
            Target::AllIn(schemas) => {
                for schema in schemas {
                    self.schema(&Name { database: None, schema: None, name: schema.clone() })?;
                    for (id, oid) in self.catalog.in_schema(&self.database, schema) {
                        let owner = self.catalog.get(&id).map_or("", |stored| stored.owner.as_str());
                        self.access().owns("relation", &id.name, owner)?;
                        objects.push(Object::Relation(oid));
                    }
                }
            }
            Target::Schemas(names) => {
                for name in names {
                    let object = self.schema(name)?;
                    let Object::Schema((database, schema)) = &object else { continue };
                    let owner = self.catalog.owner(database, schema).unwrap_or_default();
                    self.access().owns("schema", schema, owner)?;
                    objects.push(object);
                }
            }
            Target::Databases(names) => {
                for name in names {
                    if *name != self.database && name != GLUE {
                        return Err(error(format_args!("database \"{name}\" does not exist")));
                    }
                    self.access().superuser(&format!("grant privileges on database {name}"))?;
                    objects.push(Object::Database(name.clone()));
                }
            }
        }
        let grants = &mut Arc::make_mut(&mut self.catalog).grants;
        for object in objects {
            for privilege in &grant.privileges {
                for to in &grant.to {
                    let entry = (object.clone(), *privilege, to.clone());
                    if grant.grant {
                        grants.insert(entry);
                    } else {
                        grants.remove(&entry);
                    }
                }
            }
        }
        Ok(())
    }

    fn relation(&self, name: &Name) -> Result<Object> {
        let id = self.id(name);
        if self.catalog.externals.contains_key(&id) {
            // Database Developer Guide, "GRANT": permissions on external tables are those on their schema.
            return Err(error(
                "Grant/Revoke on external tables is not supported, grant USAGE on the external schema",
            ));
        }
        let stored = self.catalog.known(&id, name)?;
        self.access().owns("relation", &id.name, &stored.owner)?;
        Ok(Object::Relation(stored.oid))
    }

    fn schema(&self, name: &Name) -> Result<Object> {
        let database = name.schema.as_ref().unwrap_or(&self.database);
        if !self.catalog.has_schema(database, &name.name) {
            return Err(no_schema(&name.name));
        }
        Ok(Object::Schema((database.clone(), name.name.clone())))
    }
}
