//! A file's rows, one at a time.

use bytes::Bytes;
use eventide_types::campaign::keys::Form;
use memchr::{memchr, memchr2};

use crate::csv::{Field, Scan, Step};
use crate::source::{Filled, Source};

/// The longest row, its line end included, in bytes.
pub(crate) const MAX_ROW: usize = 1 << 20;

/// What [`Rows::advance`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A row, which is now [`Rows::bytes`].
    Row,
    /// One that cannot be read, and why.
    Broken(&'static str),
    /// More of the file is needed.
    Blocked,
    /// There is no more.
    End,
}

/// Finds rows. After one that cannot be read it goes on with the line after the row's first: a quote too many
/// does not cost the rows that follow.
pub(crate) struct Rows {
    source: Source,
    form: Form,
    buffer: Vec<u8>,
    /// Where the row begins in the buffer.
    start: usize,
    /// How much of the buffer the row takes.
    length: usize,
    line: u64,
    /// How many lines the row takes.
    lines: u64,
    line_end: Option<u8>,
    /// Whether the rest of a line is passed over.
    skipping: bool,
    eof: bool,
    /// How far a line of JSON was looked through for its end.
    looked: usize,
    scan: Scan,
}

impl Rows {
    pub(crate) fn new(form: Form, gzip: bool) -> Self {
        Self {
            source: Source::new(gzip),
            form,
            buffer: Vec::new(),
            start: 0,
            length: 0,
            line: 1,
            lines: 0,
            line_end: None,
            skipping: false,
            eof: false,
            looked: 0,
            scan: Scan::default(),
        }
    }

    pub(crate) fn feed(&mut self, chunk: Bytes) {
        self.source.feed(chunk);
    }

    pub(crate) fn finish(&mut self) {
        self.source.finish();
    }

    /// The row, with its line end.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.start + self.length).unwrap_or_default()
    }

    /// The row's fields, of CSV.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.scan.fields
    }

    /// The line that the row begins on.
    pub(crate) const fn line(&self) -> u64 {
        self.line
    }

    #[cfg(test)]
    pub(crate) const fn buffered(&self) -> usize {
        self.buffer.capacity()
    }

    /// Goes to the next row. Blank lines are none.
    pub(crate) fn advance(&mut self) -> Result<Found, String> {
        self.pass();
        loop {
            let found = match self.line_end() {
                Some(line_end) => self.look(line_end),
                None => None,
            };
            if let Some(found) = found {
                return Ok(found);
            }
            if self.eof {
                return Ok(Found::End);
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            match self.source.fill(&mut self.buffer)? {
                Filled::Some => {}
                Filled::Blocked => return Ok(Found::Blocked),
                Filled::End => self.eof = true,
            }
        }
    }

    /// Leaves the row behind, if there was one.
    fn pass(&mut self) {
        if self.length == 0 {
            return;
        }
        self.start += self.length;
        self.line += self.lines;
        (self.length, self.lines, self.looked) = (0, 0, 0);
        self.scan.clear();
    }

    fn take(&mut self, length: usize, lines: u64) {
        (self.length, self.lines) = (length, lines);
    }

    /// What ends lines: the first line tells. Carriage returns alone do if the first is not followed by a
    /// line feed.
    fn line_end(&mut self) -> Option<u8> {
        if self.line_end.is_none() {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            let found = memchr2(b'\n', b'\r', rest);
            let first_two = found.map(|at| (rest.get(at), rest.get(at + 1)));
            self.line_end = match first_two {
                Some((Some(b'\r'), Some(b'\n')) | (Some(b'\n'), _)) => Some(b'\n'),
                Some((_, Some(_))) => Some(b'\r'),
                Some((_, None)) if self.eof => Some(b'\r'),
                None if self.eof || rest.len() > MAX_ROW => Some(b'\n'),
                Some((_, None)) | None => None,
            };
        }
        self.line_end
    }

    /// Looks for a row in the buffer; `None`: it needs more.
    fn look(&mut self, line_end: u8) -> Option<Found> {
        while self.skipping || self.is_blank(line_end)? {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            let Some(at) = memchr(line_end, rest) else {
                self.start = self.buffer.len();
                return None;
            };
            self.start += at + 1;
            self.line += 1;
            self.skipping = false;
        }
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        // However much of a row is there already, it is judged by the same bytes.
        let row = rest.get(..MAX_ROW).unwrap_or(rest);
        let (too_long, eof) = (rest.len() > MAX_ROW, self.eof && rest.len() <= MAX_ROW);
        let step = match self.form {
            Form::Csv => self.scan.scan(row, line_end, eof),
            Form::JsonLines => {
                let found = row.get(self.looked..).and_then(|rest| memchr(line_end, rest));
                match found {
                    Some(at) => Step::Row { end: self.looked + at + 1 },
                    None if eof => Step::Row { end: row.len() },
                    None => {
                        self.looked = row.len();
                        Step::More
                    }
                }
            }
        };
        let reason = match step {
            Step::Row { end } => {
                self.take(end, self.scan.inner_lines + 1);
                return Some(Found::Row);
            }
            Step::More if !too_long => return None,
            Step::More => "expected at most 1 MiB in a row",
            Step::Broken(reason) => reason,
        };
        match memchr(line_end, row) {
            Some(at) => self.take(at + 1, 1),
            None => {
                self.take(row.len(), 0);
                self.skipping = true;
            }
        }
        Some(Found::Broken(reason))
    }

    /// Whether the next line is blank; `None`: that needs more of it.
    fn is_blank(&self, line_end: u8) -> Option<bool> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        match (rest.first(), rest.get(1)) {
            (None, _) => None,
            (Some(b'\r'), None) if !self.eof => None,
            (Some(first), second) => Some(
                *first == line_end || (*first == b'\r' && second.is_none_or(|second| *second == line_end)),
            ),
        }
    }
}
