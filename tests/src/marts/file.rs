//! Files of marts, of which a test says what matters to it.

/// Where its view lies, if it is one.
pub const SCHEMA: &str = "humanresources_marts";

/// A mart's SQL file: that of a plain query or a view of the team `people` in the workgroup, which everybody may query.
#[derive(Clone, Debug)]
pub struct File {
    name: String,
    owner: &'static str,
    kind: &'static str,
    warehouse: &'static str,
    lines: Vec<String>,
    tables: Vec<String>,
    body: String,
}

impl File {
    /// A plain query.
    #[must_use]
    pub fn query(name: &str, body: &str) -> Self {
        Self {
            name: name.to_owned(),
            owner: "people",
            kind: "query",
            warehouse: "workgroup = \"eventide\"",
            lines: Vec::new(),
            tables: Vec::new(),
            body: body.to_owned(),
        }
    }

    /// A view in [`SCHEMA`].
    #[must_use]
    pub fn view(name: &str, body: &str) -> Self {
        Self { kind: "view", ..Self::query(name, body) }
    }

    /// A materialized view in [`SCHEMA`].
    #[must_use]
    pub fn materialized(name: &str, body: &str) -> Self {
        Self { kind: "materialized-view", ..Self::query(name, body) }
    }

    /// A datashare.
    #[must_use]
    pub fn datashare(name: &str, schema: &str, namespaces: &[&str]) -> Self {
        let file = Self { kind: "datashare", ..Self::query(name, "") };
        file.table(&format!("[share]\nschema = {schema:?}\nnamespaces = {namespaces:?}"))
    }

    /// Of another team.
    #[must_use]
    pub fn of(mut self, owner: &'static str) -> Self {
        self.owner = owner;
        self
    }

    /// In the cluster instead of the workgroup.
    #[must_use]
    pub fn on_cluster(mut self) -> Self {
        self.warehouse = "cluster = \"eventide-cluster\"";
        self
    }

    /// With a line at the top of its header, such as `refresh = "rate(5 minutes)"`.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// With a table of its header, such as `[delivery]` and what follows it.
    #[must_use]
    pub fn table(mut self, table: &str) -> Self {
        self.tables.push(table.to_owned());
        self
    }

    /// With a parameter of this type that may be left out, and is null then.
    #[must_use]
    pub fn parameter(self, name: &str, kind: &str) -> Self {
        self.table(&format!("[parameters.{name}]\ntype = \"{kind}\"\nnull = \"null\""))
    }

    /// The mart's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its key in the mart bucket.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}.sql", self.owner, self.name)
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { name, owner, kind, warehouse, lines, tables, body } = self;
        let mut header = vec![
            format!("name = \"{name}\""),
            "description = \"A mart of the tests.\"".to_owned(),
            format!("owner = \"{owner}\""),
            "database = \"dev\"".to_owned(),
            format!("kind = \"{kind}\""),
            format!("warehouse = {{ {warehouse} }}"),
        ];
        if *kind != "datashare" {
            let url = "arn:aws:iam::111122223333:role/Analyst";
            header.push(format!("callers = [\"invoke\", \"schedule\", \"events:hr.portal\", \"{url}\"]"));
        }
        if !matches!(*kind, "query" | "datashare") {
            header.push(format!("schema = \"{SCHEMA}\""));
        }
        header.extend(lines.iter().cloned());
        header.extend(tables.iter().map(|table| format!("\n{table}")));
        format!("/*---\n{}\n---*/\n{body}\n", header.join("\n"))
    }
}
