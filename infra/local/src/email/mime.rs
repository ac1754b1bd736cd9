//! As much of MIME as it takes to show a raw message: headers, and the text and HTML parts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How deep multiparts are looked into.
const DEEPEST: usize = 4;

/// A message taken apart.
pub(super) struct Parsed {
    pub(super) headers: Vec<(String, String)>,
    body: String,
}

impl Parsed {
    /// `None` without a header.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(data).replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.lines() {
            if line.starts_with([' ', '\t']) {
                // A folded line goes on with the header before it.
                if let Some((_, value)) = headers.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                continue;
            }
            let (name, value) = line.split_once(':')?;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return None;
            }
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        (!headers.is_empty()).then(|| Self { headers, body: body.to_owned() })
    }

    pub(super) fn header(&self, wanted: &str) -> Option<String> {
        let found = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone())
    }

    /// The first part of that type.
    pub(super) fn part(&self, kind: &str) -> Option<String> {
        self.find(kind, DEEPEST)
    }

    fn find(&self, kind: &str, depth: usize) -> Option<String> {
        let own = self.header("Content-Type").unwrap_or_else(|| "text/plain".into());
        let name = own.split(';').next().unwrap_or_default().trim().to_lowercase();
        if name == kind {
            return Some(self.decoded());
        }
        if !name.starts_with("multipart/") || depth == 0 {
            return None;
        }
        let boundary = own.split(';').find_map(|part| {
            let (name, value) = part.trim().split_once('=')?;
            name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"').to_owned())
        })?;
        let delimiter = format!("--{boundary}");
        self.body.split(delimiter.as_str()).skip(1).find_map(|part| {
            let part = part.strip_prefix('\n')?;
            // A part without a header is text.
            let part = if part.starts_with('\n') {
                format!("Content-Type: text/plain\n{part}")
            } else {
                part.to_owned()
            };
            Self::read(part.as_bytes())?.find(kind, depth - 1)
        })
    }

    fn decoded(&self) -> String {
        let body = self.body.strip_suffix('\n').unwrap_or(&self.body);
        match self.header("Content-Transfer-Encoding").unwrap_or_default().to_lowercase().as_str() {
            "base64" => {
                let packed: String = body.split_whitespace().collect();
                STANDARD.decode(packed).map_or_else(|_| body.to_owned(), |bytes| lossy(&bytes))
            }
            "quoted-printable" => quoted_printable(body),
            _ => body.to_owned(),
        }
    }
}

fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\n", "");
    let mut pieces = joined.split('=');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match (piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()), piece.get(2..)) {
            (Some(byte), Some(rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => {
                bytes.push(b'=');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    lossy(&bytes)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The addresses of a header, without its groups.
pub(super) fn split_addresses(value: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut quoted = false;
    for c in value.chars() {
        if c == '"' {
            quoted = !quoted;
        }
        match found.last_mut() {
            Some(last) if c != ',' || quoted => last.push(c),
            _ => found.push(String::new()),
        }
    }
    found.into_iter().map(|address| address.trim().to_owned()).filter(|address| !address.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_message_is_taken_apart() {
        let raw = "From: Shop <shop@example.com>\r\nSubject: A long\r\n subject\r\n\
                   To: \"B, Ann\" <ann@example.com>, b@c.d\r\n\
                   Content-Type: multipart/mixed; boundary=\"outer\"\r\n\r\nignored\r\n--outer\r\n\
                   Content-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\n\
                   Content-Type: text/plain; charset=UTF-8\r\n\
                   Content-Transfer-Encoding: quoted-printable\r\n\r\n\
                   caf=C3=A9 =\r\n100=25 a=b\r\n--inner\r\nContent-Type: text/html\r\n\
                   Content-Transfer-Encoding: base64\r\n\r\n\
                   PHA+aGk8L3A+\r\n--inner--\r\n--outer--\r\n";
        let parsed = Parsed::read(raw.as_bytes()).unwrap();
        assert_eq!(parsed.header("subject").as_deref(), Some("A long subject"));
        assert_eq!(parsed.part("text/plain").as_deref(), Some("café 100% a=b"));
        assert_eq!(parsed.part("text/html").as_deref(), Some("<p>hi</p>"));
        assert_eq!(split_addresses(&parsed.header("To").unwrap()), ["\"B, Ann\" <ann@example.com>", "b@c.d"]);
        let plain = Parsed::read(b"From: a@b.c\n\nhello\n").unwrap();
        assert_eq!((plain.part("text/plain").as_deref(), plain.part("text/html")), (Some("hello"), None));
        assert!(Parsed::read(b"no header at all").is_none() && Parsed::read(b"").is_none());
    }
}
