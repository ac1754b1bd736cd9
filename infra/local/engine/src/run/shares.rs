//! Datashares.

use std::sync::Arc;

use super::Run;
use crate::catalog::{Oid, Share};
use crate::error::{Result, error, no_schema};
use crate::parse::{Alteration, Consumer};

impl Run<'_> {
    pub(super) fn create_share(&mut self, name: String) -> Result<()> {
        self.access().create(&self.database)?;
        if self.catalog.shares.contains_key(&name) {
            return Err(error(format_args!("datashare \"{name}\" already exists")));
        }
        let share = Share { owner: self.user.clone(), database: self.database.clone(), ..Share::default() };
        Arc::make_mut(&mut self.catalog).shares.insert(name, share);
        Ok(())
    }

    pub(super) fn drop_share(&mut self, name: &str) -> Result<()> {
        self.owned(name)?;
        Arc::make_mut(&mut self.catalog).shares.remove(name);
        Ok(())
    }

    pub(super) fn alter_share(&mut self, name: &str, alteration: Alteration) -> Result<()> {
        self.owned(name)?;
        match alteration {
            Alteration::Schemas { add, names } => {
                for schema in names {
                    self.local(&schema)?;
                    let share = Arc::make_mut(&mut self.catalog).share(name)?;
                    let there = share.schemas.contains_key(&schema);
                    match (add, there) {
                        (true, false) => drop(share.schemas.insert(schema, false)),
                        (false, true) => drop(share.schemas.remove(&schema)),
                        (true, true) => {
                            return Err(error(format_args!(
                                "schema \"{schema}\" is already in datashare \"{name}\""
                            )));
                        }
                        (false, false) => {
                            return Err(error(format_args!(
                                "schema \"{schema}\" is not in datashare \"{name}\""
                            )));
                        }
                    }
                }
                Ok(())
            }
            Alteration::Tables { add, names } => {
                let mut tables = Vec::new();
                for relation in &names {
                    let id = self.id(relation);
                    let stored = self.catalog.known(&id, relation)?;
                    self.access().owns("relation", &id.name, &stored.owner)?;
                    tables.push((id.schema.clone(), stored.oid));
                }
                for (schema, oid) in tables {
                    self.change_tables(name, &schema, add, &[oid])?;
                }
                Ok(())
            }
            Alteration::AllTables { add, schemas } => {
                for schema in schemas {
                    self.local(&schema)?;
                    let tables = self.catalog.in_schema(&self.database, &schema);
                    let tables: Vec<Oid> = tables.into_iter().map(|(_, oid)| oid).collect();
                    self.change_tables(name, &schema, add, &tables)?;
                }
                Ok(())
            }
            Alteration::IncludeNew { schema, on } => {
                self.local(&schema)?;
                let share = Arc::make_mut(&mut self.catalog).share(name)?;
                let include = share.schemas.get_mut(&schema);
                *include.ok_or_else(|| missing(&schema, name))? = on;
                Ok(())
            }
        }
    }

    pub(super) fn share(&mut self, grant: bool, name: &str, consumer: Consumer) -> Result<()> {
        self.owned(name)?;
        let consumers = &mut Arc::make_mut(&mut self.catalog).share(name)?.consumers;
        if grant {
            consumers.insert(consumer);
        } else {
            consumers.remove(&consumer);
        }
        Ok(())
    }

    /// A schema has to be in a datashare before what is in it (Database Developer Guide, "ALTER DATASHARE").
    fn change_tables(&mut self, name: &str, schema: &str, add: bool, tables: &[Oid]) -> Result<()> {
        let share = Arc::make_mut(&mut self.catalog).share(name)?;
        if !share.schemas.contains_key(schema) {
            return Err(missing(schema, name));
        }
        for oid in tables {
            if add {
                share.tables.insert(*oid);
            } else {
                share.tables.remove(oid);
            }
        }
        Ok(())
    }

    fn owned(&mut self, name: &str) -> Result<()> {
        let owner = Arc::make_mut(&mut self.catalog).share(name)?.owner.clone();
        self.access().owns("datashare", name, &owner)
    }

    fn local(&self, schema: &str) -> Result<()> {
        let owner = self.catalog.owner(&self.database, schema).ok_or_else(|| no_schema(schema))?;
        self.access().owns("schema", schema, owner)
    }
}

fn missing(schema: &str, share: &str) -> crate::SqlError {
    error(format_args!("schema \"{schema}\" is not in datashare \"{share}\", add it first"))
}
