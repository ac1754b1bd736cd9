//! The files of templates.

use std::collections::BTreeMap;

use super::random::Random;

/// How deep lists may name lists.
const DEEPEST: usize = 4;

/// A text with slots.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) line: usize,
    pub(super) text: String,
    /// Nothing is put around it.
    pub(super) verbatim: bool,
}

/// The templates of one label.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) label: String,
    /// How many messages are made of them.
    pub(super) count: usize,
    pub(super) templates: Vec<Template>,
}

/// A file of templates.
#[derive(Debug, Default)]
pub(super) struct Grammar {
    pub(super) lists: BTreeMap<String, Vec<String>>,
    pub(super) sections: Vec<Section>,
}

impl Grammar {
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        let mut grammar = Self::default();
        for (index, line) in source.lines().enumerate() {
            let number = index + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(list) = line.strip_prefix('@') {
                let (name, words) =
                    list.split_once(' ').ok_or_else(|| format!("line {number}: a list without words"))?;
                let words = words.split(" / ").map(|word| word.trim().to_owned());
                grammar.lists.entry(name.to_owned()).or_default().extend(words);
            } else if let Some(header) = line.strip_prefix('[') {
                let header = header.strip_suffix(']').and_then(|header| header.split_once(' '));
                let section = header.and_then(|(label, count)| Some((label, count.parse().ok()?)));
                let (label, count) =
                    section.ok_or_else(|| format!("line {number}: expected `[label count]`"))?;
                grammar.sections.push(Section { label: label.to_owned(), count, templates: Vec::new() });
            } else {
                let section = grammar.sections.last_mut();
                let section = section.ok_or_else(|| format!("line {number}: a template without a label"))?;
                let (text, verbatim) = line.strip_prefix('=').map_or((line, false), |text| (text, true));
                section.templates.push(Template { line: number, text: text.to_owned(), verbatim });
            }
        }
        Ok(grammar)
    }

    /// A word of a list, its own slots filled.
    pub(super) fn word(&self, list: &str, random: &mut Random) -> Result<String, String> {
        self.slot(list, random, 0)
    }

    /// A template with its slots filled.
    pub(super) fn expand(&self, template: &str, random: &mut Random) -> Result<String, String> {
        self.fill(template, random, 0)
    }

    fn fill(&self, template: &str, random: &mut Random, depth: usize) -> Result<String, String> {
        if depth > DEEPEST {
            return Err(format!("lists name one another in `{template}`"));
        }
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, behind) =
                after.split_once('}').ok_or_else(|| format!("a slot that is not closed in `{template}`"))?;
            out.push_str(before);
            out.push_str(&self.slot(slot, random, depth)?);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn slot(&self, slot: &str, random: &mut Random, depth: usize) -> Result<String, String> {
        if let Some((from, to)) = slot.split_once("..") {
            let number = |text: &str| text.parse().map_err(|_| format!("`{slot}`, expected two numbers"));
            let (from, to): (usize, usize) = (number(from)?, number(to)?);
            return Ok((from + random.below(to.saturating_sub(from) + 1)).to_string());
        }
        if slot.contains('/') {
            let words: Vec<_> = slot.split('/').collect();
            return Ok(pick(&words, random).copied().unwrap_or_default().to_owned());
        }
        let words = self.lists.get(slot).ok_or_else(|| format!("no list `{slot}`"))?;
        let word = pick(words, random).map(String::as_str).unwrap_or_default();
        self.fill(word, random, depth + 1)
    }
}

fn pick<'a, T>(items: &'a [T], random: &mut Random) -> Option<&'a T> {
    items.get(random.below(items.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_take_words_numbers_and_other_lists() {
        let grammar = Grammar::parse(
            "# a\n@fruit apple\n@dish {fruit} pie\n\n[food 2]\n{3..3} {dish} in {x/x}\n=as it is",
        )
        .unwrap();
        let section = &grammar.sections[0];
        assert_eq!((section.label.as_str(), section.count), ("food", 2));
        let text = grammar.expand(&section.templates[0].text, &mut Random::new(1)).unwrap();
        assert_eq!(text, "3 apple pie in x");
        assert!(section.templates[1].verbatim);
    }

    #[test]
    fn broken_files_are_refused_with_their_line() {
        for (source, expected) in [
            ("@list", "line 1: a list without words"),
            ("\n[label]", "line 2: expected `[label count]`"),
            ("text", "line 1: a template without a label"),
        ] {
            assert_eq!(Grammar::parse(source).unwrap_err(), expected);
        }
        for (source, expected) in [
            ("[a 1]\n{none}", "no list `none`"),
            ("[a 1]\nx {open", "a slot that is not closed in `x {open`"),
            ("[a 1]\n{1..b}", "`1..b`, expected two numbers"),
            ("@a {b}\n@b {a}\n[a 1]\n{a}", "lists name one another"),
        ] {
            let grammar = Grammar::parse(source).unwrap();
            let error =
                grammar.expand(&grammar.sections[0].templates[0].text, &mut Random::new(1)).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
