//! Rows of CSV as in RFC 4180.

use memchr::{memchr, memchr_iter, memchr3};

/// A field: where its content lies in the row, without its quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it has doubled quotes, each of which means one.
    pub(crate) doubled: bool,
}

/// How far a row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More of it is needed.
    More,
    /// It ends before this byte, its line end included.
    Row { end: usize },
    /// Its quotes make no sense.
    Broken(&'static str),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Begin,
    Plain,
    Quoted,
    AfterQuote,
}

/// Reads one row, as far as it is there, and goes on where it stopped when there is more of it.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) fields: Vec<Field>,
    /// Line ends inside its quoted fields.
    pub(crate) inner_lines: u64,
    state: State,
    at: usize,
    field: Field,
}

impl Scan {
    /// Forgets the row.
    pub(crate) fn clear(&mut self) {
        self.fields.clear();
        (self.inner_lines, self.state, self.at) = (0, State::Begin, 0);
    }

    /// Reads on in `row`, which begins as it did before. `line_end` is a line feed, before which a carriage
    /// return is ignored, or a carriage return.
    pub(crate) fn scan(&mut self, row: &[u8], line_end: u8, eof: bool) -> Step {
        loop {
            match self.state {
                State::Begin => {
                    self.field = Field { start: self.at, end: self.at, doubled: false };
                    match row.get(self.at) {
                        None if !eof => return Step::More,
                        Some(b'"') => {
                            self.at += 1;
                            self.field.start = self.at;
                            self.state = State::Quoted;
                        }
                        _ => self.state = State::Plain,
                    }
                }
                State::Plain => match find(row, self.at, |rest| memchr3(b',', b'"', line_end, rest)) {
                    None if !eof => {
                        self.at = row.len();
                        return Step::More;
                    }
                    None => return self.last(trim(row, self.field.start, row.len(), line_end), row.len()),
                    Some((at, b',')) => self.next(at, at + 1),
                    Some((_, b'"')) => {
                        return Step::Broken("expected quotes in fields only that begin with one");
                    }
                    Some((at, _)) => return self.last(trim(row, self.field.start, at, line_end), at + 1),
                },
                State::Quoted => {
                    let Some((at, _)) = find(row, self.at, |rest| memchr(b'"', rest)) else {
                        self.at = row.len();
                        return if eof {
                            Step::Broken("expected each opening quote to be closed")
                        } else {
                            Step::More
                        };
                    };
                    match row.get(at + 1) {
                        None if !eof => {
                            self.at = at;
                            return Step::More;
                        }
                        Some(b'"') => {
                            self.field.doubled = true;
                            self.at = at + 2;
                        }
                        _ => {
                            let content = row.get(self.field.start..at).unwrap_or_default();
                            self.inner_lines += memchr_iter(line_end, content).count() as u64;
                            self.field.end = at;
                            self.at = at + 1;
                            self.state = State::AfterQuote;
                        }
                    }
                }
                State::AfterQuote => match (row.get(self.at), row.get(self.at + 1)) {
                    (None, _) if !eof => return Step::More,
                    (None, _) => return self.last(self.field.end, row.len()),
                    (Some(b','), _) => self.next(self.field.end, self.at + 1),
                    (Some(byte), _) if *byte == line_end => return self.last(self.field.end, self.at + 1),
                    (Some(b'\r'), Some(byte)) if *byte == line_end => {
                        return self.last(self.field.end, self.at + 2);
                    }
                    (Some(b'\r'), None) if !eof => return Step::More,
                    (Some(b'\r'), None) => return self.last(self.field.end, row.len()),
                    _ => return Step::Broken("expected a comma or the row's end after a closing quote"),
                },
            }
        }
    }

    fn next(&mut self, end: usize, at: usize) {
        self.fields.push(Field { end, ..self.field });
        (self.state, self.at) = (State::Begin, at);
    }

    fn last(&mut self, end: usize, row_end: usize) -> Step {
        self.next(end, row_end);
        Step::Row { end: row_end }
    }
}

/// The position from `from` on that `search` finds, and what is there.
fn find(row: &[u8], from: usize, search: impl Fn(&[u8]) -> Option<usize>) -> Option<(usize, u8)> {
    let at = from + search(row.get(from..)?)?;
    Some((at, *row.get(at)?))
}

/// The end of a last field without quotes: a carriage return before the line end is not part of it.
fn trim(row: &[u8], start: usize, end: usize, line_end: u8) -> usize {
    let before = end.checked_sub(1).filter(|before| *before >= start && line_end == b'\n');
    before.filter(|before| row.get(*before) == Some(&b'\r')).unwrap_or(end)
}
