//! What a service model demands of a request's members.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// What is wrong with a member. Values are not repeated: they may be personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The member.
    pub(crate) field: String,
    /// What is expected of it.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

/// A checked member.
pub(crate) type Checked<T> = Result<T, Fault>;

/// A structure of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a>(&'a Map<String, Value>);

impl<'a> Input<'a> {
    pub(crate) fn new(body: &'a Value) -> Checked<Self> {
        body.as_object().map(Self).ok_or_else(|| Fault::new("body", "must be a structure"))
    }

    pub(crate) fn of(members: &'a Map<String, Value>) -> Self {
        Self(members)
    }

    /// A member that is there; `null` counts as absent.
    pub(crate) fn get(self, member: &str) -> Option<&'a Value> {
        self.0.get(member).filter(|value| !value.is_null())
    }

    /// A text member, if there is one.
    pub(crate) fn text(self, member: &str) -> Checked<Option<&'a str>> {
        self.get(member).map(|value| as_text(value, member)).transpose()
    }

    /// A text member of so many characters.
    pub(crate) fn sized(self, member: &str, length: RangeInclusive<usize>) -> Checked<Option<&'a str>> {
        let found = self.text(member)?;
        if found.is_some_and(|found| !length.contains(&found.chars().count())) {
            let (low, high) = (length.start(), length.end());
            return Err(Fault::new(member, format!("must have {low} to {high} characters")));
        }
        Ok(found)
    }

    /// The same, all of it characters that `allowed` accepts.
    pub(crate) fn name(
        self,
        member: &str,
        length: RangeInclusive<usize>,
        allowed: fn(char) -> bool,
    ) -> Checked<Option<&'a str>> {
        let found = self.sized(member, length)?;
        if found.is_some_and(|found| !found.chars().all(allowed)) {
            return Err(Fault::new(member, "has a character that is not allowed"));
        }
        Ok(found)
    }

    /// A text member of one of these values.
    pub(crate) fn word(self, member: &str, words: &[&str]) -> Checked<Option<&'a str>> {
        match self.text(member)? {
            Some(found) if !words.contains(&found) => {
                Err(Fault::new(member, format!("must be one of [{}]", words.join(", "))))
            }
            found => Ok(found),
        }
    }

    pub(crate) fn boolean(self, member: &str) -> Checked<Option<bool>> {
        let as_boolean =
            |value: &Value| value.as_bool().ok_or_else(|| Fault::new(member, "must be a boolean"));
        self.get(member).map(as_boolean).transpose()
    }

    /// A whole number within the range.
    pub(crate) fn integer(self, member: &str, range: RangeInclusive<i64>) -> Checked<Option<i64>> {
        let Some(value) = self.get(member) else { return Ok(None) };
        value.as_i64().filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
            Fault::new(member, format!("must be a whole number from {} to {}", range.start(), range.end()))
        })
    }

    pub(crate) fn structure(self, member: &str) -> Checked<Option<Self>> {
        let Some(value) = self.get(member) else { return Ok(None) };
        value
            .as_object()
            .map(|members| Some(Self(members)))
            .ok_or_else(|| Fault::new(member, "must be a structure"))
    }

    /// A list of so many items; absent, it is empty.
    pub(crate) fn list(self, member: &str, items: RangeInclusive<usize>) -> Checked<&'a [Value]> {
        let Some(value) = self.get(member) else { return Ok(&[]) };
        let list = value.as_array().ok_or_else(|| Fault::new(member, "must be a list"))?;
        if !items.contains(&list.len()) {
            let (low, high) = (items.start(), items.end());
            return Err(Fault::new(member, format!("must have {low} to {high} items")));
        }
        Ok(list)
    }

    /// A list of texts.
    pub(crate) fn texts(self, member: &str, items: RangeInclusive<usize>) -> Checked<Vec<&'a str>> {
        self.list(member, items)?.iter().map(|item| as_text(item, member)).collect()
    }

    /// A list of structures.
    pub(crate) fn structures(self, member: &str, items: RangeInclusive<usize>) -> Checked<Vec<Self>> {
        let as_structure = |item: &'a Value| {
            item.as_object().map(Self).ok_or_else(|| Fault::new(member, "must hold structures"))
        };
        self.list(member, items)?.iter().map(as_structure).collect()
    }

    /// A map from texts to texts; absent, it is empty.
    pub(crate) fn pairs(self, member: &str) -> Checked<Vec<(&'a str, &'a str)>> {
        let Some(Input(map)) = self.structure(member)? else { return Ok(Vec::new()) };
        map.iter().map(|(name, value)| Ok((name.as_str(), as_text(value, member)?))).collect()
    }
}

/// What must be there.
pub(crate) fn required<T>(member: &str, found: Option<T>) -> Checked<T> {
    found.ok_or_else(|| Fault::new(member, "must not be null"))
}

fn as_text<'a>(value: &'a Value, member: &str) -> Checked<&'a str> {
    value.as_str().ok_or_else(|| Fault::new(member, "must be a string"))
}

/// `[A-Za-z0-9_-]`
pub(crate) fn word_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// A page of a list, from `NextToken`, which is the offset in hexadecimal; and the token of the next.
pub(crate) fn page<T>(
    items: impl Iterator<Item = T>,
    token: Option<&str>,
    size: usize,
) -> Option<(Vec<T>, Option<String>)> {
    let from = token.map_or(Some(0), |token| usize::from_str_radix(token.strip_prefix("page-")?, 16).ok())?;
    let mut shown: Vec<T> = items.skip(from).take(size + 1).collect();
    let more = shown.len() > size;
    shown.truncate(size);
    Some((shown, more.then(|| format!("page-{:x}", from + size))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_name_the_member_and_not_its_value() {
        let body = json!({ "a": "secret", "b": 7, "c": ["x"], "d": { "k": 1 }, "e": null });
        let input = Input::new(&body).unwrap();
        let faults = [
            input.sized("a", 1..=3).unwrap_err(),
            input.word("a", &["X"]).unwrap_err(),
            input.name("a", 1..=9, |c| c.is_ascii_digit()).unwrap_err(),
            input.integer("a", 1..=9).unwrap_err(),
            input.boolean("a").unwrap_err(),
            input.list("a", 0..=1).unwrap_err(),
        ];
        for fault in faults {
            assert!(fault.field == "a" && !fault.message.contains("secret"), "{fault:?}");
        }
        assert!(input.integer("b", 8..=9).is_err() && input.list("c", 2..=3).is_err());
        assert!(input.pairs("d").is_err() && input.structures("c", 0..=1).is_err());
        assert_eq!(input.text("e"), Ok(None));
        assert_eq!(input.texts("c", 0..=1), Ok(vec!["x"]));
    }

    #[test]
    fn pages_are_complete_and_tokens_are_checked() {
        let (first, token) = page(0..5, None, 2).unwrap();
        let (second, again) = page(0..5, token.as_deref(), 2).unwrap();
        let (third, last) = page(0..5, again.as_deref(), 2).unwrap();
        assert_eq!(([first, second, third].concat(), last), (vec![0, 1, 2, 3, 4], None));
        assert_eq!(page(0..4, Some("page-2"), 2).unwrap(), (vec![2, 3], None));
        assert!(page(0..5, Some("forged"), 2).is_none());
    }
}
