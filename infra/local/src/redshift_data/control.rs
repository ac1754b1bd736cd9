//! Control, which AWS does not have: `/_local/redshift-data/…`.
//!
//! | request | does |
//! |---|---|
//! | `GET warehouses` | all clusters and workgroups |
//! | `POST warehouses` `{"cluster" or "workgroup", "region"?, "databases"?}` | makes one; it knows all tables of the lake |
//! | `DELETE warehouses/NAME` | removes it, with its SQL state |
//! | `GET tables`, `POST tables` `{"database", "schema", "table", "location"}` | tables of the data lake, for every warehouse |
//! | `POST human-resources` `{"bucket", "prefix"?, "seed"?}` | writes the sample to S3 and makes it known as `humanresources` in `dev` and `awsdatacatalog` |
//! | `POST sql` `{"warehouse"?, "database"?, "user"?, "superuser"?, "sql": […]}` | runs SQL at once, as a superuser unless told otherwise |
//! | `GET settings`, `POST settings` | see [`Settings`](super::settings::Settings); what a request leaves out stays |
//! | `GET plans`, `POST plans`, `DELETE plans` | see [`Plan`]: run time, failure and event of chosen statements |
//! | `GET statements`, `DELETE statements` | all statements of all callers; forgets them |
//! | `GET events`, `POST redeliver` `{"index"}` | the events that were sent; sends one again, with the same id |

use std::sync::Arc;

use eventide_local_engine::{Session, Value as Field};
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::input::{is_cluster, is_workgroup};
use super::plan::Plan;
use super::warehouse::{DATABASE, External, Kind, Sql, WORKGROUP, Warehouse};
use super::{RedshiftData, State};
use crate::cloud::REGION;
use crate::service::Reply;

/// What a control request comes to, or what is wrong with it.
type Answer = Result<Value, String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewWarehouse {
    cluster: Option<String>,
    workgroup: Option<String>,
    #[serde(default = "default_region")]
    region: String,
    #[serde(default)]
    databases: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HumanResources {
    bucket: String,
    #[serde(default = "default_prefix")]
    prefix: String,
    #[serde(default = "default_seed")]
    seed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunSql {
    #[serde(default = "default_warehouse")]
    warehouse: String,
    #[serde(default = "default_database")]
    database: String,
    #[serde(default = "default_user")]
    user: String,
    #[serde(default = "yes")]
    superuser: bool,
    sql: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    index: u64,
}

fn default_region() -> String {
    REGION.into()
}

fn default_prefix() -> String {
    "humanresources".into()
}

fn default_seed() -> u64 {
    1
}

fn default_warehouse() -> String {
    WORKGROUP.into()
}

fn default_database() -> String {
    DATABASE.into()
}

fn default_user() -> String {
    "admin".into()
}

fn yes() -> bool {
    true
}

fn read<T: DeserializeOwned>(body: Value) -> Result<T, String> {
    serde_json::from_value(body).map_err(|error| error.to_string())
}

impl RedshiftData {
    pub(super) async fn control_request(&self, method: Method, path: &str, body: Value) -> Reply {
        let outcome = match (method.as_str(), path) {
            ("GET", "warehouses") => Ok(self.warehouses()),
            ("POST", "warehouses") => read(body).and_then(|new| self.add_warehouse(new)),
            ("DELETE", path) if path.starts_with("warehouses/") => {
                self.remove_warehouse(path.trim_start_matches("warehouses/"))
            }
            ("GET", "tables") => Ok(json!({ "tables": self.state().tables })),
            ("POST", "tables") => read(body).and_then(|table| self.register(table)),
            ("POST", "human-resources") => match read(body) {
                Ok(request) => self.load_human_resources(request).await,
                Err(error) => Err(error),
            },
            ("POST", "sql") => match read(body) {
                Ok(request) => self.run_sql(request).await,
                Err(error) => Err(error),
            },
            ("GET", "settings") => Ok(json!(self.state().settings)),
            ("POST", "settings") => self.change_settings(&body),
            ("GET", "plans") => Ok(self.state().plans.list()),
            ("POST", "plans") => read::<Plan>(body).and_then(|plan| {
                let mut state = self.state();
                state.plans.add(plan).map(|()| state.plans.list())
            }),
            ("DELETE", "plans") => {
                self.state().plans.clear();
                Ok(json!({}))
            }
            ("GET", "statements") => Ok(self.all_statements()),
            ("DELETE", "statements") => {
                self.state().forget_statements();
                Ok(json!({}))
            }
            ("GET", "events") => Ok(self.shared.outbox.list()),
            ("POST", "redeliver") => match read(body) {
                Ok(Redeliver { index }) => {
                    let sent = self.shared.outbox.redeliver(index).await;
                    sent.ok_or_else(|| format!("no event has the index {index}"))
                }
                Err(error) => Err(error),
            },
            (method, path) => return Reply::not_covered(&format!("{method} /_local/redshift-data/{path}")),
        };
        match outcome {
            Ok(body) => Reply::json(200, &body),
            Err(message) => Reply::error(400, "InvalidControlRequest", &message),
        }
    }

    fn warehouses(&self) -> Value {
        let state = self.state();
        let all = state.warehouses.iter().map(|warehouse| warehouse.shown(&self.shared.account));
        json!({ "warehouses": all.collect::<Vec<_>>() })
    }

    fn add_warehouse(&self, new: NewWarehouse) -> Answer {
        let (kind, name) = match (&new.cluster, &new.workgroup) {
            (Some(name), None) if is_cluster(name) => (Kind::Cluster, name),
            (None, Some(name)) if is_workgroup(name) => (Kind::Workgroup, name),
            _ => return Err("expected the name of either a `cluster` or a `workgroup`".into()),
        };
        let mut warehouse = Warehouse::new(kind, name, &new.region, (self.shared.around.engines)());
        warehouse.databases.extend(new.databases.into_iter().filter(|database| database != DATABASE));
        let mut state = self.state();
        if state.warehouses.iter().any(|known| known.key() == warehouse.key()) {
            return Err(format!("`{name}` exists"));
        }
        for table in &state.tables {
            warehouse.engine.register(table)?;
        }
        let shown = warehouse.shown(&self.shared.account);
        state.warehouses.push(warehouse);
        Ok(shown)
    }

    fn remove_warehouse(&self, name: &str) -> Answer {
        let mut state = self.state();
        let before = state.warehouses.len();
        state.warehouses.retain(|warehouse| warehouse.name != name);
        if state.warehouses.len() == before { Err(format!("no warehouse `{name}`")) } else { Ok(json!({})) }
    }

    /// Makes a table known in every warehouse, those to come included.
    fn register(&self, table: External) -> Answer {
        let mut state = self.state();
        for warehouse in &state.warehouses {
            warehouse.engine.register(&table)?;
        }
        let name = |table: &External| (table.database.clone(), table.schema.clone(), table.table.clone());
        state.tables.retain(|known| name(known) != name(&table));
        let shown = json!(table);
        state.tables.push(table);
        Ok(shown)
    }

    async fn load_human_resources(&self, request: HumanResources) -> Answer {
        let around = &self.shared.around;
        let HumanResources { bucket, prefix, seed } = request;
        let files = (around.sample)(seed)?;
        around.lake.create(&bucket).await?;
        let mut tables = Vec::new();
        for (table, file) in files {
            let folder = format!("{}/{table}", prefix.trim_matches('/'));
            let folder = folder.trim_start_matches('/');
            around.lake.put(&bucket, &format!("{folder}/part-0.parquet"), file).await?;
            for database in [DATABASE, "awsdatacatalog"] {
                self.register(External {
                    database: database.into(),
                    schema: "humanresources".into(),
                    table: table.clone(),
                    location: format!("s3://{bucket}/{folder}/"),
                })?;
            }
            tables.push(table);
        }
        Ok(json!({ "tables": tables }))
    }

    /// The rows of each statement, as texts.
    async fn run_sql(&self, request: RunSql) -> Answer {
        let engine = {
            let state = self.state();
            let named = state.warehouses.iter().find(|warehouse| warehouse.name == request.warehouse);
            let named = named.ok_or_else(|| format!("no warehouse `{}`", request.warehouse))?;
            Arc::clone(&named.engine)
        };
        let RunSql { database, user, superuser, sql, .. } = request;
        let session = Session { database, user, superuser };
        let sql: Vec<Sql> = sql.into_iter().map(|text| Sql { text, parameters: Vec::new() }).collect();
        let ran = engine.run(&session, &sql, false, Arc::new(|_, _| {})).await;
        let mut results = Vec::new();
        for (finding, sql) in ran.into_iter().zip(&sql) {
            let done = finding.map_err(|error| format!("`{}`: {error}", sql.text))?;
            let rows = done.result.map(|result| result.rows(0, 1000)).unwrap_or_default();
            let rows: Vec<Vec<Value>> =
                rows.into_iter().map(|row| row.into_iter().map(shown).collect()).collect();
            results.push(json!({ "rows": rows, "count": done.rows }));
        }
        Ok(json!({ "results": results }))
    }

    fn change_settings(&self, changes: &Value) -> Answer {
        let mut state = self.state();
        state.settings = state.settings.with(changes)?;
        Ok(json!(state.settings))
    }

    fn all_statements(&self) -> Value {
        let state = self.state();
        let mut all: Vec<_> = state.statements.values().collect();
        all.sort_by_key(|statement| statement.number);
        let all = all.into_iter().map(|statement| {
            let mut shown = statement.described();
            if let Some(members) = shown.as_object_mut() {
                members.insert("StatementName".into(), json!(statement.name));
                members.insert("Principal".into(), json!(statement.identity.principal));
                members.insert("Waiting".into(), json!(statement.waiting));
            }
            shown
        });
        json!({ "statements": all.collect::<Vec<_>>() })
    }
}

impl State {
    /// Forgets all statements, tokens and sessions; what runs is stopped, without events.
    pub(super) fn forget_statements(&mut self) {
        for (_, statement) in self.statements.drain() {
            statement.ended.send_replace(true);
        }
        self.tokens.clear();
        self.sessions.clear();
    }
}

fn shown(field: Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Boolean(value) => json!(value),
        Field::Long(value) => json!(value),
        Field::Double(value) => json!(value),
        Field::Text(value) => json!(value),
    }
}
