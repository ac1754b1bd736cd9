//! What holds for all rows of a file.

use std::collections::HashMap;

use eventide_types::campaign::Settings;
use eventide_types::campaign::keys::Form;
use eventide_types::campaign::settings::Variable;

use crate::address;
use crate::json::{expected, told};
use crate::row::{Cell, Row};
use crate::template::{self, Names, Piece, Template};

/// Spellings of time zones that are remembered.
const MAX_ZONES: usize = 2_000;

/// What a column of CSV holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Cell(Cell),
    Variable(usize),
}

/// Settings and columns, made ready.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) form: Form,
    pub(crate) names: Names,
    pub(crate) columns: Vec<Column>,
    pub(crate) zones: Zones,
    /// The number of the settings' time zone.
    pub(crate) zone: Option<usize>,
    /// The settings' subject, text and html, taken apart.
    pieces: [Vec<Piece>; 3],
}

impl Plan {
    /// Of settings, if they can be used; else which one cannot, and what was expected.
    pub(crate) fn new(settings: Settings, form: Form) -> Result<Self, String> {
        let mut plan = Self {
            names: Names::new(settings.variables.clone()),
            form,
            columns: Vec::new(),
            zones: Zones::default(),
            zone: None,
            pieces: Default::default(),
            settings,
        };
        plan.read_templates()?;
        let settings = &plan.settings;
        if let Some(zone) = &settings.time_zone {
            let known = plan.zones.number(zone);
            plan.zone =
                Some(known.ok_or("`timeZone`: expected the name of a time zone in the IANA database")?);
        }
        for (name, variable) in &settings.variables {
            let Variable::Url { hosts } = variable else { continue };
            if hosts.is_empty() || !hosts.iter().all(|host| address::is_domain(host)) {
                let name = told(name);
                return Err(format!(
                    "`variables.{name}.hosts`: expected at least one host, such as `example.com`"
                ));
            }
        }
        if !settings.variables.keys().all(|name| template::is_name(name) && name != template::UNSUBSCRIBE) {
            return Err("`variables`: expected names of a letter or `_`, then at most 63 letters, digits, \
                `_`, `-` or `.`"
                .to_owned());
        }
        let is_recipient = |to: &String| address::email(to).is_ok() || address::phone(to).is_ok();
        if !settings.test_recipients.iter().all(is_recipient) {
            return Err(
                "`testRecipients`: expected email addresses and telephone numbers in E.164".to_owned()
            );
        }
        if settings.send_at.zip(settings.send_until).is_some_and(|(at, until)| until <= at) {
            return Err("`sendUntil`: expected a time after `sendAt`".to_owned());
        }
        Ok(plan)
    }

    fn read_templates(&mut self) -> Result<(), String> {
        let texts = [&self.settings.subject, &self.settings.text, &self.settings.html];
        for ((text, pieces), slot) in texts.into_iter().zip(&mut self.pieces).zip(Slot::ALL) {
            let Some(text) = text else { continue };
            let named = |reason: String| format!("`{}`: {reason}", slot.cell_name());
            template::parse(text, &mut self.names, slot != Slot::Subject, pieces).map_err(named)?;
            if text.chars().any(|character| slot.forbids(character)) {
                return Err(named("expected no control characters".to_owned()));
            }
        }
        Ok(())
    }

    /// The settings' template of a slot, if they have one that is not empty.
    fn template(&self, slot: Slot) -> Option<Template<'_>> {
        let text = match slot {
            Slot::Subject => &self.settings.subject,
            Slot::Text => &self.settings.text,
            Slot::Html => &self.settings.html,
        };
        let text = text.as_deref().filter(|text| !text.is_empty())?;
        Some(Template { text, pieces: self.pieces.get(slot as usize).map_or(&[], Vec::as_slice) })
    }

    /// The name of what a row says, as its file calls it.
    pub(crate) fn cell_name(&self, cell: Cell) -> &'static str {
        let found = Cell::NAMES.iter().find(|(known, _, _)| *known == cell);
        found.map_or("", |(_, column, member)| if self.form == Form::Csv { column } else { member })
    }

    /// The name of a variable, as its file calls it.
    pub(crate) fn variable_name(&self, variable: usize) -> String {
        let prefix = if self.form == Form::Csv { "var" } else { "variables" };
        format!("{prefix}.{}", self.names.name(variable))
    }
}

/// Where a text of a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Subject,
    Text,
    Html,
}

impl Slot {
    pub(crate) const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    pub(crate) const fn cell(self) -> Cell {
        match self {
            Self::Subject => Cell::Subject,
            Self::Text => Cell::Text,
            Self::Html => Cell::Html,
        }
    }

    const fn cell_name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        }
    }

    /// A subject is one line: a line end in it would begin another header.
    pub(crate) fn forbids(self, character: char) -> bool {
        let is_space = matches!(character, '\t' | '\n' | '\r');
        character.is_control() && (self == Self::Subject || !is_space)
    }
}

/// A row with what holds for all rows.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) row: &'a Row,
    pub(crate) plan: &'a Plan,
}

impl<'a> View<'a> {
    /// The row's template, else the settings'; and whether it is the row's.
    pub(crate) fn template(self, slot: Slot) -> Option<(Template<'a>, bool)> {
        let Some(text) = self.row.cell(slot.cell()) else { return Some((self.plan.template(slot)?, false)) };
        let pieces = self.row.pieces.get(slot as usize).map_or(&[][..], Vec::as_slice);
        Some((Template { text, pieces }, true))
    }

    /// The value of a variable that the row has.
    pub(crate) fn value(self, variable: usize) -> &'a str {
        self.row.value(variable).unwrap_or_default()
    }
}

/// The columns of CSV, from its first row; else what is wrong with them.
pub(crate) fn columns<'a>(
    fields: impl Iterator<Item = &'a str>,
    names: &mut Names,
) -> Result<Vec<Column>, String> {
    let mut columns = Vec::new();
    let mut seen = Vec::new();
    let mut unknown = Vec::new();
    for field in fields {
        let name = field.trim_matches([' ', '\t']);
        // Without a header this is a recipient, or what is written to them.
        let is_known = Cell::NAMES.iter().any(|(_, column, _)| column.eq_ignore_ascii_case(name));
        seen.push(if is_known { format!("`{name}`") } else { "`…`".to_owned() });
        let cell = Cell::NAMES.iter().find(|(_, column, _)| *column == name);
        let variable = name.strip_prefix("var.").or_else(|| name.strip_prefix("var:"));
        let column = match (cell, variable.filter(|name| template::is_name(name))) {
            (Some((cell, _, _)), _) => Column::Cell(*cell),
            (None, Some(variable)) => Column::Variable(names.number(variable)?),
            (None, None) => {
                unknown.push(format!("`{}`", told(name)));
                continue;
            }
        };
        if columns.contains(&column) {
            return Err(format!("expected column `{}` once", told(name)));
        }
        columns.push(column);
    }
    let is_missing = |cell: &Cell| !columns.contains(&Column::Cell(*cell));
    let missing: Vec<&str> = [(Cell::Id, "`id`"), (Cell::To, "`to`")]
        .iter()
        .filter(|(cell, _)| is_missing(cell))
        .map(|(_, name)| *name)
        .collect();
    if !missing.is_empty() {
        let listed = |names: &[String]| names.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
        return Err(format!(
            "expected columns {}, which are missing, in the first row; seen: {}",
            missing.join(", "),
            listed(&seen)
        ));
    }
    if !unknown.is_empty() {
        let unknown = unknown.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
        return Err(format!(
            "unknown columns {unknown}: expected id, channel, to, subject, text, html, time_zone and \
             var.<name>"
        ));
    }
    Ok(columns)
}

/// Settings with those of a header line over them, member by member.
pub(crate) fn with_header(settings: &Settings, line: &[u8]) -> Result<Settings, String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Header {
        campaign: serde_json::Map<String, serde_json::Value>,
    }
    let header: Header =
        serde_json::from_slice(line).map_err(|error| format!("the header: {}", expected(&error)))?;
    let mut merged = serde_json::to_value(settings).map_err(|error| expected(&error))?;
    if let Some(members) = merged.as_object_mut() {
        members.extend(header.campaign);
    }
    let read = serde_path_to_error::deserialize(merged);
    read.map_err(|error| {
        let path = told(&error.path().to_string());
        format!("the header's `campaign.{path}`: {}", expected(error.inner()))
    })
}

/// Time zones by number.
#[derive(Debug, Default)]
pub(crate) struct Zones {
    names: Vec<String>,
    numbers: HashMap<String, Option<usize>>,
}

impl Zones {
    /// The number of a time zone; `None`: the IANA database has none of this name.
    pub(crate) fn number(&mut self, name: &str) -> Option<usize> {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        if self.numbers.len() == MAX_ZONES {
            self.numbers.clear();
        }
        let number = canonical(name).map(|canonical| {
            let known = self.names.iter().position(|name| *name == canonical);
            known.unwrap_or_else(|| {
                self.names.push(canonical);
                self.names.len() - 1
            })
        });
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The name of a time zone, as the IANA database spells it.
    pub(crate) fn name(&self, number: usize) -> Option<&str> {
        self.names.get(number).map(String::as_str)
    }
}

fn canonical(name: &str) -> Option<String> {
    let zone = jiff::tz::TimeZone::get(name).ok()?;
    zone.iana_name().filter(|name| *name != "Etc/Unknown").map(str::to_owned)
}
