//! Who may do what (Database Developer Guide, "Database security").

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{ADMIN, Catalog, GLUE, Id, Object, PUBLIC, Stored};
use crate::error::{Result, error};
use crate::parse::{Privilege, To};

/// The users that have connected, and what they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users {
    superusers: BTreeSet<String>,
    /// Groups and roles, by user.
    memberships: BTreeMap<String, BTreeSet<String>>,
}

impl Users {
    /// Notes that a user has connected.
    pub(crate) fn connect(&mut self, user: &str, superuser: bool) {
        let user = user.to_lowercase();
        if superuser {
            self.superusers.insert(user);
        } else {
            self.superusers.remove(&user);
        }
    }

    pub(crate) fn join(&mut self, user: &str, group: &str) {
        self.memberships.entry(user.to_lowercase()).or_default().insert(group.to_lowercase());
    }

    pub(crate) fn is_superuser(&self, user: &str) -> bool {
        user == ADMIN || self.superusers.contains(&user.to_lowercase())
    }

    fn is(&self, user: &str, to: &To) -> bool {
        match to {
            To::Public => true,
            To::User(name) => *name == user.to_lowercase(),
            To::Group(name) | To::Role(name) => {
                self.memberships.get(&user.to_lowercase()).is_some_and(|groups| groups.contains(name))
            }
        }
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) users: &'a Users,
    pub(crate) user: &'a str,
}

impl Access<'_> {
    fn is(self, owner: &str) -> bool {
        self.users.is_superuser(self.user) || owner.to_lowercase() == self.user.to_lowercase()
    }

    fn has(self, object: &Object, privilege: Privilege) -> bool {
        let grants = self.catalog.grants.iter();
        let mut matching = grants.filter(|(on, what, _)| on == object && *what == privilege);
        matching.any(|(.., to)| self.users.is(self.user, to))
    }

    /// May look into a schema.
    pub(crate) fn schema(self, database: &str, schema: &str) -> Result<()> {
        if database == GLUE {
            let object = Object::Database(GLUE.to_owned());
            let may = self.is(ADMIN) || self.has(&object, Privilege::Usage);
            return if may { Ok(()) } else { Err(denied("database", GLUE)) };
        }
        let owned = self.catalog.owner(database, schema).is_some_and(|owner| self.is(owner));
        let object = Object::Schema((database.to_owned(), schema.to_owned()));
        if owned || self.is(ADMIN) || schema == PUBLIC || self.has(&object, Privilege::Usage) {
            return Ok(());
        }
        Err(denied("schema", schema))
    }

    /// May read a relation, or write to it.
    pub(crate) fn relation(self, id: &Id, stored: &Stored, privilege: Privilege) -> Result<()> {
        self.schema(&id.database, &id.schema)?;
        if self.is(&stored.owner) || self.has(&Object::Relation(stored.oid), privilege) {
            return Ok(());
        }
        Err(denied("relation", &id.name))
    }

    /// May make things in a schema.
    pub(crate) fn create_in(self, database: &str, schema: &str) -> Result<()> {
        let object = Object::Schema((database.to_owned(), schema.to_owned()));
        let owned = self.catalog.owner(database, schema).is_some_and(|owner| self.is(owner));
        if owned || schema == PUBLIC || self.has(&object, Privilege::Create) {
            return Ok(());
        }
        Err(denied("schema", schema))
    }

    /// May make schemas and datashares.
    pub(crate) fn create(self, database: &str) -> Result<()> {
        let object = Object::Database(database.to_owned());
        let may = self.is(ADMIN) || self.has(&object, Privilege::Create);
        if may { Ok(()) } else { Err(denied("database", database)) }
    }

    /// Is its owner, or a superuser.
    pub(crate) fn owns(self, kind: &str, name: &str, owner: &str) -> Result<()> {
        if self.is(owner) { Ok(()) } else { Err(error(format_args!("must be owner of {kind} {name}"))) }
    }

    /// Is a superuser.
    pub(crate) fn superuser(self, what: &str) -> Result<()> {
        if self.is(ADMIN) { Ok(()) } else { Err(error(format_args!("must be superuser to {what}"))) }
    }
}

fn denied(kind: &str, name: &str) -> crate::SqlError {
    error(format_args!("permission denied for {kind} {name}"))
}
