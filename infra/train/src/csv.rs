//! CSV as Comprehend reads it: RFC 4180 without a header row.
//!
//! Strict, unlike most readers: a quote that is missing or one too many shifts everything after it into the
//! wrong document, and a lenient reader hides that until the classifier is trained.

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// Its fields without their quotes, as bytes: the encoding is the caller's to check.
    pub fields: Vec<Vec<u8>>,
}

/// What keeps a record from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where the record begins, counted from 1.
    pub line: usize,
    /// What is wrong with it, and what was expected.
    pub message: &'static str,
}

/// The records of a file, from its first byte to its last.
#[derive(Debug)]
pub struct Rows<'a> {
    input: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Rows<'a> {
    /// Reads `input`. A byte order mark is not taken away.
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0, line: 1 }
    }

    /// Counts a line that ends with `byte`, which has been read; CR LF is one.
    fn end_line(&mut self, byte: u8) -> bool {
        let pair = byte == b'\r' && self.input.get(self.at) == Some(&b'\n');
        if !pair {
            self.line += 1;
        }
        pair
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Plain,
    Quoted,
    Closed,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.input.get(self.at)?;
        let line = self.line;
        let (mut fields, mut field, mut state, mut fault) = (Vec::new(), Vec::new(), State::Start, None);
        while let Some(&byte) = self.input.get(self.at) {
            self.at += 1;
            match (state, byte) {
                (State::Start, b'"') => state = State::Quoted,
                (State::Quoted, b'"') => state = State::Closed,
                (State::Quoted, _) => {
                    if matches!(byte, b'\r' | b'\n') {
                        self.end_line(byte);
                    }
                    field.push(byte);
                }
                (State::Closed, b'"') => {
                    field.push(byte);
                    state = State::Quoted;
                }
                (_, b',') => {
                    fields.push(std::mem::take(&mut field));
                    state = State::Start;
                }
                (_, b'\r' | b'\n') => {
                    if self.end_line(byte) {
                        self.at += 1;
                        self.line += 1;
                    }
                    break;
                }
                (State::Closed, _) => {
                    fault
                        .get_or_insert("text after a closing quote, expected a comma or the end of the line");
                }
                (State::Plain, b'"') => {
                    fault.get_or_insert("a quote in a field without quotes, expected quotes around it");
                }
                (State::Start | State::Plain, _) => {
                    field.push(byte);
                    state = State::Plain;
                }
            }
            if self.at == self.input.len() && state == State::Quoted {
                fault = Some("a quote that is not closed before the end of the file, expected another one");
            }
        }
        fields.push(field);
        Some(fault.map_or(Ok(Row { line, fields }), |message| Err(Fault { line, message })))
    }
}

/// Appends one record, quoting what has to be quoted, and ends it with a line feed.
pub fn write_row(out: &mut String, fields: &[&str]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let quoted = field.contains([',', '"', '\r', '\n']) || field.trim() != *field;
        if quoted {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(field);
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = Result<(usize, Vec<String>), (usize, &'static str)>;

    fn read(input: &str) -> Vec<Told> {
        Rows::new(input.as_bytes())
            .map(|row| match row {
                Ok(row) => Ok((
                    row.line,
                    row.fields.into_iter().map(|field| String::from_utf8(field).unwrap()).collect(),
                )),
                Err(fault) => Err((fault.line, fault.message)),
            })
            .collect()
    }

    fn row(line: usize, fields: &[&str]) -> Told {
        Ok((line, fields.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn lines_are_counted_through_quoted_line_ends_of_every_kind() {
        assert_eq!(
            read("a,b\r\nc,\"d\r\ne\rf\ng\"\r\nh,i\rj,k\nl,m"),
            [
                row(1, &["a", "b"]),
                row(2, &["c", "d\r\ne\rf\ng"]),
                row(6, &["h", "i"]),
                row(7, &["j", "k"]),
                row(8, &["l", "m"]),
            ]
        );
    }

    #[test]
    fn empty_fields_and_lines_are_kept() {
        assert_eq!(read(""), []);
        assert_eq!(read("a,\n\n\"\",\"b\"\n"), [row(1, &["a", ""]), row(2, &[""]), row(3, &["", "b"])]);
    }

    #[test]
    fn stray_quotes_are_faults_of_their_own_record_only() {
        let faults: Vec<_> = read("a,b\"c\nd,\"e\"f\ng,h\ni,\"j\nk")
            .into_iter()
            .map(|row| row.map(|row| row.0).map_err(|(line, _)| line))
            .collect();
        assert_eq!(faults, [Err(1), Err(2), Ok(3), Err(4)]);
    }

    #[test]
    fn what_is_written_reads_back() {
        for fields in [["a", "b"], ["a,b", "say \"hi\""], [" a", "b\r\nc"], ["", "é"]] {
            let mut out = String::new();
            write_row(&mut out, &fields);
            assert_eq!(read(&out), [row(1, &fields)], "{out}");
        }
    }
}
