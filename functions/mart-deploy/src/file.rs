//! A mart's file, split into header and body.

use crate::fault::Fault;

/// Bytes of the longest file. The Data API takes 100 KB of SQL, and some of that is ours.
pub const MAX_BYTES: u64 = 65_536;

const OPENING: &str = "/*---";
const CLOSING: &str = "---*/";

/// A file: the header between `/*---` and `---*/`, each on a line of its own, and the body behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// TOML. It begins in line 2.
    pub header: &'a str,
    /// SQL.
    pub body: &'a str,
    /// The body's first line, from 1 on.
    pub body_line: u64,
}

/// Splits a file.
///
/// # Errors
///
/// A file that is not UTF-8, has invisible control characters, or has no such header.
pub fn split(bytes: &[u8]) -> Result<File<'_>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        Fault::at(line, "the file is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut header = None;
    let mut at = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        if let Some(bad) = line.trim_end_matches(['\r', '\n']).chars().find(|c| is_hidden(*c)) {
            let reason =
                format!("the character U+{:04X} is invisible, expected visible text", u32::from(bad));
            return Err(Fault::at(number, reason));
        }
        let end = at + line.len();
        match header {
            None if line.trim_end() == OPENING => header = Some((end, None)),
            None => return Err(no_header()),
            Some((start, None)) if line.trim_end() == CLOSING => {
                header = Some((start, Some((at, end, number + 1))))
            }
            Some(_) => {}
        }
        at = end;
    }
    let Some((start, closing)) = header else { return Err(no_header()) };
    let Some((stop, body, body_line)) = closing else {
        return Err(Fault::at(1, format!("the header does not end, expected a line `{CLOSING}`")));
    };
    let part = |range| text.get(range).unwrap_or_default();
    Ok(File { header: part(start..stop), body: part(body..text.len()), body_line })
}

fn no_header() -> Fault {
    Fault::at(1, format!("the file has no header, expected `{OPENING}` as its first line"))
}

/// Characters that make a text look other than it is read: control characters, and marks that turn the direction of
/// writing or have no width.
fn is_hidden(c: char) -> bool {
    let invisible =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    invisible || (c.is_control() && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_body_are_told_apart() {
        for (text, header, body, line) in [
            ("/*---\na = 1\n---*/\nSELECT 1\n", "a = 1\n", "SELECT 1\n", 4),
            ("\u{feff}/*---  \r\na = 1\r\n---*/\r\nSELECT 1", "a = 1\r\n", "SELECT 1", 4),
            ("/*---\n---*/", "", "", 3),
            ("/*---\n---*/\n/*---\n---*/\n", "", "/*---\n---*/\n", 3),
        ] {
            assert_eq!(split(text.as_bytes()), Ok(File { header, body, body_line: line }), "{text:?}");
        }
    }

    #[test]
    fn other_files_are_refused_with_the_line() {
        for (bytes, line, words) in [
            (&b""[..], 1, "no header"),
            (b"SELECT 1", 1, "no header"),
            (b"\n/*---\n---*/\n", 1, "no header"),
            (b"/*---\na = 1\n", 1, "does not end"),
            (b"/*---\n\n\xff", 3, "not UTF-8"),
            (b"/*---\n---*/\nSELECT '\0'", 3, "U+0000"),
            ("/*---\n---*/\n\nSELECT \u{202e}1".as_bytes(), 4, "U+202E"),
            (b"/*---\n---*/\nSELECT 1 -- a\rDROP TABLE t", 3, "U+000D"),
        ] {
            let fault = split(bytes).unwrap_err();
            assert_eq!(fault.line, Some(line), "{fault}");
            assert!(fault.reason.contains(words), "{fault}");
        }
    }
}
