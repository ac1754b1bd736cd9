//! What a reader will read of HTML.
//!
//! HTML is taken apart by the tokenizer that browsers' specification describes, not by its tree: mail
//! programs do not agree on more than that. What is in doubt is read. So is what is hidden by styles, because
//! filters read it and styles can be undone; what Outlook shows of conditional comments; what follows a style
//! or script that does not end; and text that a style sheet puts in (`content: "…"`). Not read are scripts,
//! other comments, and text in pictures.

use std::cell::RefCell;
use std::collections::BTreeSet;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, EndTag, StartTag, Tag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use crate::attributes;

/// How deep comments that are read may lie in each other.
const MAX_DEPTH: u8 = 3;

/// Elements that begin a new line or cell. Everything else does not part a word: `cas<b></b>ino` is read as
/// one.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "optgroup",
    "option",
    "p",
    "pre",
    "section",
    "select",
    "summary",
    "table",
    "tbody",
    "td",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

/// Attributes that are shown, or read out.
const TEXTS: &[&str] =
    &["alt", "title", "aria-label", "aria-description", "placeholder", "value", "label", "summary", "srcdoc"];

/// Attributes with addresses.
const LINKS: &[&str] = &[
    "href",
    "xlink:href",
    "src",
    "srcset",
    "background",
    "action",
    "formaction",
    "poster",
    "data",
    "style",
    "cite",
];

/// The visible text, then the texts of attributes, then the hosts of links and pictures. `None`: a tag of it may have more
/// than [`MAX_ATTRIBUTES`](crate::attributes::MAX_ATTRIBUTES).
pub(crate) fn visible(html: &str) -> Option<String> {
    let mut read = Read::default();
    read.read(html, 0);
    if read.refused {
        return None;
    }
    let mut text = read.text;
    for more in read.texts.iter().chain(&read.hosts) {
        text.push('\n');
        text.push_str(more);
    }
    Some(text)
}

#[derive(Default)]
struct Read {
    text: String,
    texts: Vec<String>,
    hosts: BTreeSet<String>,
    /// The text of a script or style that has not ended yet, and whether it is a style.
    raw: Option<(String, bool)>,
    /// Whether there was SVG or MathML, in which styles and scripts are elements like all others.
    foreign: bool,
    depth: u8,
    /// Whether a tag may have too many attributes.
    refused: bool,
}

impl Read {
    fn read(&mut self, html: &str, depth: u8) {
        self.refused = self.refused || attributes::are_too_many(html);
        if self.refused {
            return;
        }
        let outer = std::mem::replace(&mut self.depth, depth);
        let sink = Sink { read: RefCell::new(std::mem::take(self)) };
        let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
        let queue = BufferQueue::default();
        queue.push_back(StrTendril::from(html));
        // The sink asks for no pause.
        let _ = tokenizer.feed(&queue);
        tokenizer.end();
        *self = tokenizer.sink.read.into_inner();
        if let Some((raw, _)) = self.raw.take() {
            self.text.push_str(&raw);
        }
        self.depth = outer;
    }

    fn characters(&mut self, text: &str) {
        match &mut self.raw {
            Some((raw, _)) => raw.push_str(text),
            None => self.text.push_str(text),
        }
    }

    fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if BLOCKS.contains(&name) {
            self.text.push('\n');
        }
        for attribute in &tag.attrs {
            let (attribute, value): (&str, &str) = (&attribute.name.local, &attribute.value);
            if TEXTS.contains(&attribute) && !value.trim().is_empty() {
                if attribute == "srcdoc" && self.depth < MAX_DEPTH {
                    self.read(value, self.depth + 1);
                } else {
                    self.texts.push(value.to_owned());
                }
            }
            if LINKS.contains(&attribute) {
                hosts(value, &mut self.hosts);
            }
        }
        match name {
            "svg" | "math" => self.foreign = true,
            "script" | "style" if !self.foreign => {
                self.raw = Some((String::new(), name == "style"));
                return TokenSinkResult::RawData(if name == "style" { Rawtext } else { ScriptData });
            }
            "title" | "textarea" if !self.foreign => return TokenSinkResult::RawData(Rcdata),
            "xmp" if !self.foreign => return TokenSinkResult::RawData(Rawtext),
            "plaintext" if !self.foreign => return TokenSinkResult::Plaintext,
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn end(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        if let Some((style, true)) = self.raw.take() {
            style_texts(&style, &mut self.texts);
        }
        if BLOCKS.contains(&name) {
            self.text.push('\n');
        }
    }

    /// Outlook shows what is between `[if …]>` and `<![endif]`; in SVG, CDATA is text.
    fn comment(&mut self, comment: &str) {
        let comment = comment.trim_start();
        let shown = match comment.strip_prefix("[CDATA[") {
            Some(data) => Some(data.trim_end_matches(']')),
            None => comment.strip_prefix("[if").and_then(|condition| Some(condition.split_once("]>")?.1)),
        };
        match shown {
            Some(html) if self.depth < MAX_DEPTH => self.read(html, self.depth + 1),
            Some(html) => self.text.push_str(html),
            None => {}
        }
    }
}

struct Sink {
    read: RefCell<Read>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut read = self.read.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == StartTag => return read.start(&tag),
            Token::TagToken(tag) if tag.kind == EndTag => read.end(&tag),
            Token::CommentToken(comment) => read.comment(&comment),
            Token::CharacterTokens(text) => read.characters(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Each host of an address, or of the addresses in a style or a list: what follows a scheme or `//`, up to
/// its end. Addresses are read as browsers do, who take `\` for `/` and pass over tabs and line ends.
fn hosts(value: &str, hosts: &mut BTreeSet<String>) {
    let plain: String = value
        .chars()
        .filter(|character| !matches!(character, '\t' | '\r' | '\n'))
        .map(|character| if character == '\\' { '/' } else { character })
        .collect();
    let lower = plain.to_lowercase();
    let mut at = 0;
    while at < lower.len() {
        let rest = lower.get(at..).unwrap_or_default();
        let address = ["//", "http:", "https:"].iter().find_map(|begin| rest.strip_prefix(begin));
        let Some(address) = address else {
            at += 1;
            continue;
        };
        let address = address.trim_start_matches('/');
        let is_end = |character: char| character.is_whitespace() || "/?#\"'(),;<>&".contains(character);
        let authority = address.split(is_end).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        if !host.is_empty() {
            hosts.insert(host.to_owned());
        }
        at = lower.len() - address.len() + authority.len();
    }
}

/// Texts that a style sheet puts in.
fn style_texts(style: &str, texts: &mut Vec<String>) {
    let lower = style.to_ascii_lowercase();
    let mut at = 0;
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find("content")) {
        at += found + "content".len();
        let declaration = style.get(at..).unwrap_or_default();
        let Some(value) = declaration.trim_start().strip_prefix(':') else { continue };
        let mut characters = value.chars();
        let mut text = String::new();
        let mut quote = None;
        while let Some(character) = characters.next() {
            match (quote, character) {
                (None, '"' | '\'') => quote = Some(character),
                (None, ';' | '}') => break,
                (None, _) => {}
                (Some(end), _) if character == end => quote = None,
                (Some(_), '\\') => characters = escaped(characters.as_str(), &mut text).chars(),
                (Some(_), _) => text.push(character),
            }
        }
        if !text.trim().is_empty() {
            texts.push(text);
        }
        at = style.len() - characters.as_str().len();
    }
}

/// Reads what follows a backslash: up to six hex digits and a space, or a character itself. Gives the rest.
fn escaped<'a>(rest: &'a str, text: &mut String) -> &'a str {
    let digits = rest.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
    let (number, after) = rest.split_at_checked(digits).unwrap_or_default();
    if let Ok(number) = u32::from_str_radix(number, 16) {
        text.extend(char::from_u32(number));
        return after.strip_prefix(' ').unwrap_or(after);
    }
    let mut characters = rest.chars();
    text.extend(characters.next());
    characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalised;

    #[test]
    fn a_reader_reads_what_is_shown() {
        for (html, expected) in [
            ("<p>Hello <b>Ann</b>,</p><p>bye</p>", "Hello Ann, bye"),
            ("cas<b></b>in<!-- x -->o", "casino"),
            ("cas<wbr>i<img src=''>n<font><unknown>o", "casino"),
            ("cas&#105;no &lt;b&gt; &Aacute;", "casino <b> Á"),
            ("a<script>casino</script>b<style>casino{}</style>c<!-- casino -->d", "abcd"),
            ("a<style>casino", "acasino"),
            ("a<script>casino", "acasino"),
            ("a<svg><style><p>casino</p></style></svg>", "a casino"),
            ("a<svg><text><![CDATA[casino]]></text></svg>", "acasino"),
            ("a<!--[if mso]><p>casino</p><![endif]-->", "a casino"),
            ("a<!--[if !mso]><!-->b<!--<![endif]-->", "ab"),
            ("a<div hidden style='display:none'>casino</div>", "a casino"),
            ("a<title>casino</title>", "a casino"),
            ("a<textarea><!-- casino --></textarea>", "a <!-- casino -->"),
            ("a<xmp><!-- casino --></xmp>", "a<!-- casino -->"),
            ("a<noscript>casino</noscript>", "acasino"),
            ("a<img alt='casino' title=win>", "a casino win"),
            ("a<input value=casino>", "a casino"),
            ("a<style>p::before { content : 'cas\\69 no' \"s\" }</style>", "a casinos"),
            ("a<iframe srcdoc='<b>casino</b>'></iframe>", "acasino"),
            ("a < b <3 c", "a < b <3 c"),
            ("a<b", "a"),
            ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ] {
            assert_eq!(normalised(&visible(html).unwrap()), expected, "{html}");
        }
    }

    #[test]
    fn the_hosts_of_links_are_read() {
        for (address, expected) in [
            ("https://Casino.example/x?y#z", "casino.example"),
            ("//casino.example", "casino.example"),
            ("https:casino.example", "casino.example"),
            ("https:\\\\casino.example\\x", "casino.example"),
            ("ht\ntps://casino.exa\tmple", "casino.example"),
            ("https://user@casino.example:8443/", "casino.example"),
            ("https://a.example/?to=https://casino.example", "a.example casino.example"),
            ("/relative", ""),
            ("mailto:ann@example.com", ""),
        ] {
            assert_eq!(
                normalised(&visible(&format!("<a href=\"{address}\"></a>")).unwrap()),
                expected,
                "{address}"
            );
        }
        let html = "<img srcset='https://a.example/1 1x, https://b.example/2 2x'>
            <td background=//c.example style='background:url(//d.example/x)'>";
        assert_eq!(normalised(&visible(html).unwrap()), "a.example b.example c.example d.example");
    }

    #[test]
    fn nesting_ends() {
        let mut html = "casino".to_owned();
        for _ in 0..6 {
            html = format!("<iframe srcdoc=\"{}\">", html.replace('&', "&amp;").replace('"', "&quot;"));
        }
        assert!(visible(&html).unwrap().contains("casino"));
        visible(&"<div>".repeat(100_000)).unwrap();
        visible(&"<!--[if x]>".repeat(10_000)).unwrap();
    }

    #[test]
    fn a_tag_of_any_number_of_attributes_is_not_read() {
        let attributes: String = (0..200_000).map(|number| format!(" a{number}")).collect();
        for html in [
            format!("<p{attributes}>casino</p>"),
            format!("<!--[if mso]><p{attributes}><![endif]-->casino"),
            format!("<iframe srcdoc='&lt;p{}>casino'>", attributes.replace(' ', "&#32;")),
        ] {
            assert_eq!(visible(&html), None);
        }
    }
}
