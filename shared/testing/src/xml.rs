//! As much XML as the answers of AWS's query protocol need: the text of elements, by name.

/// The contents of every element of that name, outermost first, unescaped where they hold text only.
#[must_use]
pub fn values(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once(&open) {
        let Some((value, after)) = after.split_once(&close) else { break };
        found.push(if value.contains('<') { value.to_owned() } else { unescape(value) });
        rest = after;
    }
    found
}

/// The contents of the first element of that name.
#[must_use]
pub fn value(xml: &str, name: &str) -> Option<String> {
    values(xml, name).into_iter().next()
}

/// Text as it may stand in an element.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_elements_by_name() {
        let xml = "<A><m><K>a</K><V>1 &lt; 2 &amp;lt;</V></m><m><K>b</K><V/></m></A>";
        assert_eq!(values(xml, "K"), ["a", "b"]);
        assert_eq!(value(xml, "V").as_deref(), Some("1 < 2 &lt;"));
        assert_eq!(values(xml, "m"), ["<K>a</K><V>1 &lt; 2 &amp;lt;</V>", "<K>b</K><V/>"]);
        assert_eq!(value(xml, "X"), None);
    }

    #[test]
    fn escaping_is_undone() {
        let text = "<a & b>";
        assert_eq!(unescape(&escape(text)), text);
    }
}
