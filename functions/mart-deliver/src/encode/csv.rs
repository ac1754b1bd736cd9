//! CSV: Redshift's own records pass through, since nothing is as exact and as cheap as not touching them.

use eventide_clients::redshift_data::{Column, Field};
use eventide_kit::Error;

use super::text::{number, plain};
use super::unexpected;

/// RFC 4180 with a header line.
///
/// No page of AWS's documentation says whether the records of `GetStatementResultV2` begin with the labels of the
/// columns, nor how they end. So a first record that is the labels is taken for a header, once, and what ends the
/// file without a line break is given one. A null and an empty text may look alike in it; JSON Lines and Parquet
/// tell them apart.
#[derive(Debug)]
pub struct Csv {
    header: String,
    begun: bool,
    /// Whether the records so far end inside quotes. A page may end there only if Redshift cut a record in two.
    quoted: bool,
    /// The last byte written.
    last: u8,
    breaks: u64,
}

impl Csv {
    pub(super) fn new(columns: &[Column]) -> Self {
        let labels: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
        Self { header: labels.join(","), begun: false, quoted: false, last: b'\n', breaks: 0 }
    }

    pub(super) fn page(&mut self, records: &[String], out: &mut Vec<u8>) {
        for text in records {
            let mut text = text.as_str();
            if !self.begun && !text.is_empty() {
                text = without_header(text, &self.header);
            }
            self.begin(out);
            self.pass(text, out);
            if !self.quoted && self.last != b'\n' {
                self.pass("\n", out);
            }
        }
        self.begin(out);
    }

    /// Rows that came as values, from a statement that was not run for CSV.
    pub(super) fn fields(&mut self, rows: &[Vec<Field>], out: &mut Vec<u8>) {
        self.begin(out);
        for row in rows {
            let texts: Vec<String> = row.iter().map(field).collect();
            let mut line = texts.join(",");
            line.push_str("\r\n");
            self.pass(&line, out);
        }
    }

    pub(super) fn finish(&self) -> Result<(), Error> {
        if self.quoted { Err(unexpected("Redshift's CSV ends inside quotes")) } else { Ok(()) }
    }

    pub(super) fn rows(&self) -> u64 {
        self.breaks
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            out.extend_from_slice(self.header.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Passes records on and counts their ends: the line breaks outside quotes. A quote inside quotes is doubled, so
    /// that it leaves and enters them. The standard library searches many bytes at a time, however this is compiled.
    fn pass(&mut self, text: &str, out: &mut Vec<u8>) {
        let Some(last) = text.as_bytes().last() else { return };
        for (quotes, part) in text.split('"').enumerate() {
            self.quoted ^= quotes > 0;
            if !self.quoted {
                self.breaks += part.matches('\n').count() as u64;
            }
        }
        self.last = *last;
        out.extend_from_slice(text.as_bytes());
    }
}

/// The records without the labels of the columns, if they begin with those. Labels may be quoted more than they need.
fn without_header<'a>(text: &'a str, header: &str) -> &'a str {
    let whole = text.strip_prefix(header).map(|rest| rest.strip_prefix('\r').unwrap_or(rest));
    if let Some(rest) =
        whole.and_then(|rest| if rest.is_empty() { Some(rest) } else { rest.strip_prefix('\n') })
    {
        return rest;
    }
    let end = text.find('\n').map_or(text.len(), |at| at + 1);
    let (first, rest) = text.split_at(end);
    let first = first.trim_end_matches(['\r', '\n']);
    if first == header || first.replace('"', "") == header.replace('"', "") { rest } else { text }
}

fn field(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        // An empty text is quoted, which is what tells it from a null here.
        Field::Text(text) if text.is_empty() => "\"\"".to_owned(),
        Field::Text(text) => quote(text),
        Field::Double(double) => number(*double),
        other => plain(other),
    }
}

fn quote(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::column;
    use super::*;

    fn encoded(pages: &[&[&str]]) -> (String, u64) {
        let mut csv = Csv::new(&[column("id", "int4", 0, 0), column("full name", "varchar", 0, 0)]);
        let mut out = Vec::new();
        for page in pages {
            let records: Vec<String> = page.iter().map(|&text| text.to_owned()).collect();
            csv.page(&records, &mut out);
        }
        csv.finish().unwrap();
        (String::from_utf8(out).unwrap(), csv.rows())
    }

    #[test]
    fn records_pass_untouched_below_one_header() {
        for (pages, expected, rows) in [
            (vec![&["1,a\r\n2,b\r\n"][..], &["3,c\r\n"]], "id,full name\r\n1,a\r\n2,b\r\n3,c\r\n", 3),
            (vec![&["id,full name\r\n1,a\r\n"][..]], "id,full name\r\n1,a\r\n", 1),
            (vec![&["\"id\",\"full name\"\n1,a\n"][..]], "id,full name\r\n1,a\n", 1),
            (vec![&["id,full name\n"][..], &["1,a\n"]], "id,full name\r\n1,a\n", 1),
            (vec![&["1,a", "2,b"][..]], "id,full name\r\n1,a\n2,b\n", 2),
            (vec![&["1,\"a\n\"\"b\"\"\"\n2,b\n"][..]], "id,full name\r\n1,\"a\n\"\"b\"\"\"\n2,b\n", 2),
            (vec![&["1,\"a"][..], &["\nb\"\n"]], "id,full name\r\n1,\"a\nb\"\n", 1),
            (vec![&[][..]], "id,full name\r\n", 0),
            (vec![&[""][..]], "id,full name\r\n", 0),
            (vec![&["id,full name"][..]], "id,full name\r\n", 0),
        ] {
            assert_eq!(encoded(&pages), (expected.to_owned(), rows), "{pages:?}");
        }
    }

    #[test]
    fn a_label_may_have_lines() {
        let mut csv = Csv::new(&[column("a\nb", "varchar", 0, 0)]);
        let mut out = Vec::new();
        csv.page(&["\"a\nb\"\r\n1\r\n".to_owned()], &mut out);
        assert_eq!((String::from_utf8(out).unwrap().as_str(), csv.rows()), ("\"a\nb\"\r\n1\r\n", 1));
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let mut csv = Csv::new(&[column("a,b", "varchar", 0, 0)]);
        let mut out = Vec::new();
        let row = |field| vec![field];
        csv.fields(
            &[
                row(Field::Null),
                row(Field::Text(String::new())),
                row(Field::Text("x\"y".into())),
                row(Field::Double(0.5)),
                row(Field::Boolean(true)),
                row(Field::Long(-1)),
            ],
            &mut out,
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"a,b\"\r\n\r\n\"\"\r\n\"x\"\"y\"\r\n0.5\r\ntrue\r\n-1\r\n"
        );
        assert_eq!(csv.rows(), 6);
    }

    #[test]
    fn a_file_that_ends_inside_quotes_is_not_delivered() {
        let mut csv = Csv::new(&[column("a", "varchar", 0, 0)]);
        csv.page(&["\"x".to_owned()], &mut Vec::new());
        assert_eq!(csv.finish().unwrap_err().error_type(), "UnexpectedRows");
    }
}
