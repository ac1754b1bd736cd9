//! A campaign file's messages.

use std::fmt;

use bytes::Bytes;
use eventide_types::campaign::Settings;
use eventide_types::campaign::keys::Form;

use crate::check::{self, Checked};
use crate::plan::{self, Column, Plan, View};
use crate::row::Row;
use crate::rows::{Found, Rows};
use crate::screen::{Contents, MAX_CONTENTS, NewContent, Unscreened};
use crate::{Message, Unparsed, json};

/// Why a file cannot be used at all. Nothing of it is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The line, from 1; 0 if it is about the settings or the file as a whole.
    pub line: u64,
    /// Why, without content of the file beyond the names of columns and members.
    pub reason: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.reason),
            line => write!(f, "line {line}: {}", self.reason),
        }
    }
}

impl std::error::Error for FileError {}

/// One row of a file.
#[derive(Debug)]
pub enum Item<'a> {
    /// A message.
    Message(Message<'a>),
    /// A row that cannot be sent.
    Unparsed(Unparsed),
}

/// Reads a campaign file.
///
/// Memory does not grow with the file: beside what was fed it holds one row (at most 1 MiB) in a few forms
/// and 64 KiB of what follows, and 60 bytes a distinct content, 15 MB of [`MAX_CONTENTS`] (40 and 10 when
/// [joining](Self::joining)).
pub struct Messages {
    rows: Rows,
    form: Form,
    settings: Settings,
    /// Made when the settings are complete.
    plan: Option<Plan>,
    failed: Option<FileError>,
    row: Row,
    contents: Contents,
    count: u64,
}

/// What became of a row.
type Outcome = Result<(Checked, eventide_types::campaign::ContentId), String>;

impl Messages {
    /// Of a file of this form, whose sidecar says `settings`. Tells each distinct content once, by
    /// [`take_new`](Self::take_new).
    pub fn new(form: Form, gzip: bool, settings: Settings) -> Self {
        Self::with(form, gzip, settings, true)
    }

    /// The same, to join messages with what is known of their contents: the ids are the same, but no content
    /// is told, which spares the memory of knowing which ones were.
    pub fn joining(form: Form, gzip: bool, settings: Settings) -> Self {
        Self::with(form, gzip, settings, false)
    }

    fn with(form: Form, gzip: bool, settings: Settings, tell: bool) -> Self {
        Self {
            rows: Rows::new(form, gzip),
            form,
            settings,
            plan: None,
            failed: None,
            row: Row::default(),
            contents: Contents::new(tell),
            count: 0,
        }
    }

    /// Takes the file's next bytes. They are kept until they are read: feed when
    /// [`next_item`](Self::next_item) says `None`.
    pub fn feed(&mut self, chunk: impl Into<Bytes>) {
        self.rows.feed(chunk.into());
    }

    /// There are no more bytes.
    pub fn finish(&mut self) {
        self.rows.finish();
    }

    /// The next row; `None`: more bytes are needed, or after [`finish`](Self::finish) the file is at its end.
    ///
    /// # Errors
    ///
    /// The file cannot be used: its gzip data is corrupt or ends too early, its first row lacks `id` or `to`
    /// or has unknown columns, its header or the settings are not what they should be, or it has more than
    /// [`MAX_CONTENTS`] contents. No item follows, and the same error is returned again.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, FileError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let found = self.find();
        let line = self.rows.line();
        let Some(outcome) = found.inspect_err(|error| self.failed = Some(error.clone()))? else {
            return Ok(None);
        };
        Ok(Some(match (outcome, &self.plan) {
            (Ok((checked, content)), Some(plan)) => {
                Item::Message(Message { view: View { row: &self.row, plan }, line, checked, content })
            }
            (Ok(_), None) => return Ok(None),
            (Err(reason), _) => Item::Unparsed(Unparsed { line, reason }),
        }))
    }

    /// The content of the message that [`next_item`](Self::next_item) gave last, if it had not been seen
    /// before. Ask after each item.
    pub const fn take_new(&mut self) -> Option<NewContent> {
        self.contents.take_new()
    }

    /// What holds for all messages: the sidecar's settings, over which a JSON Lines file's header is merged
    /// member by member. Complete once `next_item` gave an item, or `None` after [`finish`](Self::finish).
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many distinct contents were told so far; when [joining](Self::joining) none are.
    pub fn contents(&self) -> usize {
        self.contents.told()
    }

    /// How many rows were read so far, unparsed ones included, header lines and blank lines not.
    pub const fn rows(&self) -> u64 {
        self.count
    }

    fn find(&mut self) -> Result<Option<Outcome>, FileError> {
        loop {
            let found = self.rows.advance();
            let line = self.rows.line();
            match found.map_err(|reason| FileError { line, reason })? {
                Found::Blocked => return Ok(None),
                Found::End => {
                    if self.plan.is_none() {
                        self.begin_without_row()?;
                    }
                    return Ok(None);
                }
                Found::Broken(reason) => {
                    if self.plan.is_none() {
                        match self.form {
                            Form::Csv => {
                                return Err(FileError { line, reason: format!("the first row: {reason}") });
                            }
                            Form::JsonLines => self.begin_without_row()?,
                        }
                    }
                    self.count += 1;
                    return Ok(Some(Err(reason.to_owned())));
                }
                Found::Row => {}
            }
            let is_blank = self.form == Form::JsonLines && self.rows.bytes().trim_ascii().is_empty();
            if is_blank || (self.plan.is_none() && self.begin()?) {
                continue;
            }
            self.count += 1;
            return self.read_row().map(Some);
        }
    }

    /// Makes the plan. True: the row is a header, which is read with it.
    fn begin(&mut self) -> Result<bool, FileError> {
        let line = self.rows.line();
        let failed = |reason| FileError { line, reason };
        match self.form {
            Form::Csv => {
                let mut plan = Plan::new(self.settings.clone(), self.form).map_err(of_settings)?;
                let text = std::str::from_utf8(self.rows.bytes());
                let text =
                    text.map_err(|_| failed("the first row is not valid in the file's encoding".to_owned()))?;
                self.row.clear();
                let spans: Vec<_> =
                    self.rows.fields().iter().map(|field| self.row.push_field(text, *field)).collect();
                let fields = spans.iter().map(|span| span.of(&self.row.text));
                plan.columns = plan::columns(fields, &mut plan.names).map_err(failed)?;
                self.plan = Some(plan);
                Ok(true)
            }
            Form::JsonLines if json::is_header(self.rows.bytes()) => {
                self.settings = plan::with_header(&self.settings, self.rows.bytes()).map_err(failed)?;
                self.plan = Some(Plan::new(self.settings.clone(), self.form).map_err(failed)?);
                Ok(true)
            }
            Form::JsonLines => self.begin_without_row().map(|()| false),
        }
    }

    fn begin_without_row(&mut self) -> Result<(), FileError> {
        if self.form == Form::Csv {
            let reason = "expected a first row with the names of the columns";
            return Err(FileError { line: 0, reason: reason.to_owned() });
        }
        self.plan = Some(Plan::new(self.settings.clone(), self.form).map_err(of_settings)?);
        Ok(())
    }

    fn read_row(&mut self) -> Result<Outcome, FileError> {
        let Some(plan) = &mut self.plan else { return Ok(Err("expected a header first".to_owned())) };
        self.row.clear();
        let read = match self.form {
            Form::Csv => read_fields(&self.rows, plan, &mut self.row),
            Form::JsonLines => match std::str::from_utf8(self.rows.bytes()) {
                Ok(_) => json::read(self.rows.bytes(), &mut plan.names, &mut self.row),
                Err(_) => Err(not_encoded()),
            },
        };
        let checked = match read.and_then(|()| check::check(&mut self.row, plan)) {
            Ok(checked) => checked,
            Err(reason) => return Ok(Err(reason)),
        };
        match self.contents.id(View { row: &self.row, plan }, checked.channel) {
            Ok(content) => Ok(Ok((checked, content))),
            Err(Unscreened::Row(reason)) => Ok(Err(reason)),
            Err(Unscreened::TooMany) => Err(FileError {
                line: self.rows.line(),
                reason: format!(
                    "expected at most {MAX_CONTENTS} distinct contents: give variables that differ from row \
                     to row a type (`variables` in the settings), or split the campaign"
                ),
            }),
        }
    }
}

fn of_settings(reason: String) -> FileError {
    FileError { line: 0, reason: format!("the settings' {reason}") }
}

fn not_encoded() -> String {
    "expected characters that are valid in the file's encoding".to_owned()
}

/// Reads a row of CSV. An empty field says nothing, of variables too.
fn read_fields(rows: &Rows, plan: &Plan, row: &mut Row) -> Result<(), String> {
    let text = std::str::from_utf8(rows.bytes()).map_err(|_| not_encoded())?;
    let (expected, actual) = (plan.columns.len(), rows.fields().len());
    if expected != actual {
        return Err(format!("expected {expected} fields, as many as columns, not {actual}"));
    }
    for (column, field) in plan.columns.iter().zip(rows.fields()) {
        let span = row.push_field(text, *field);
        if span.start == span.end {
            continue;
        }
        match column {
            Column::Cell(cell) => row.set(*cell, span),
            Column::Variable(number) => row.set_value(*number, span),
        };
    }
    Ok(())
}

impl fmt::Debug for Messages {
    /// Where it stands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages")
            .field("form", &self.form)
            .field("line", &self.rows.line())
            .field("rows", &self.count)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Of a JSON Lines file, with fewer contents than in truth.
    pub(crate) fn limited(most: usize) -> Messages {
        let mut messages = Messages::new(Form::JsonLines, false, Settings::default());
        messages.contents.limit(most);
        messages
    }

    impl Messages {
        /// How much memory its buffers take, in bytes.
        pub(crate) const fn buffered(&self) -> usize {
            self.rows.buffered() + self.row.text.capacity()
        }
    }
}
