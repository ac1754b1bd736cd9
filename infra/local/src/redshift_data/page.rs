//! Pages of the listing operations. Tokens are opaque on AWS; here they hold an offset.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::input::Input;
use super::refusal::{Outcome, Refusal};

/// What a page is cut by.
#[derive(Debug)]
pub(super) struct Cut {
    question: &'static str,
    offset: usize,
    max_results: Option<usize>,
}

impl Cut {
    /// Reads `NextToken` and `MaxResults`; 0 stands for no wish, as the model allows it.
    pub(super) fn read(input: Input<'_>, question: &'static str, most: u32) -> Outcome<Self> {
        let asked = input.number("MaxResults", 0, most)?.filter(|asked| *asked > 0);
        let max_results = asked.and_then(|asked| usize::try_from(asked).ok());
        let token = input.text("NextToken")?;
        let offset = token.map_or(Ok(0), |token| offset_of(token, question))?;
        Ok(Self { question, offset, max_results })
    }

    /// The page of `items` as the answer's `member`, with the token of the next.
    pub(super) fn page(&self, member: &str, items: Vec<Value>, most: usize) -> Outcome<Value> {
        let size = self.max_results.unwrap_or(most).min(most);
        let end = self.offset.saturating_add(size);
        let more = end < items.len();
        let page: Vec<Value> = items.into_iter().skip(self.offset).take(size).collect();
        let mut answer = json!({ member: page });
        if let (true, Some(members)) = (more, answer.as_object_mut()) {
            members.insert("NextToken".into(), json!(token_for(end, self.question)));
        }
        Ok(answer)
    }
}

/// A token for what follows the first `offset` items of a question's answer.
pub(super) fn token_for(offset: usize, question: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{offset}.{question}"))
}

/// The offset that a token of the same question holds.
pub(super) fn offset_of(token: &str, question: &str) -> Outcome<usize> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let offset = decoded.as_deref().and_then(|text| {
        let (offset, of) = text.split_once('.')?;
        (of == question).then_some(offset)?.parse().ok()
    });
    offset.ok_or_else(|| Refusal::invalid("NextToken is not valid."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole() {
        let items: Vec<Value> = (0..5).map(Value::from).collect();
        for (asked, most, sizes) in [(0, 2, vec![2, 2, 1]), (1, 2, vec![1; 5]), (100, 100, vec![5])] {
            let (mut token, mut seen, mut found) = (Value::Null, Vec::new(), Vec::new());
            loop {
                let body = json!({ "MaxResults": asked, "NextToken": token });
                let cut = Cut::read(Input::new(&body).unwrap(), "ListThings", 1000).unwrap();
                let answer = cut.page("Things", items.clone(), most).unwrap();
                let page = answer["Things"].as_array().unwrap().clone();
                found.push(page.len());
                seen.extend(page);
                match answer.get("NextToken") {
                    Some(next) => token = next.clone(),
                    None => break,
                }
            }
            assert_eq!((seen, found), (items.clone(), sizes), "MaxResults {asked}");
        }
    }

    #[test]
    fn tokens_are_for_their_question() {
        let token = token_for(7, "a");
        assert_eq!(offset_of(&token, "a").unwrap(), 7);
        for (token, question) in [(token.as_str(), "b"), ("", "a"), ("!!", "a"), ("MS4", "a")] {
            assert!(offset_of(token, question).is_err(), "{token} for {question}");
        }
    }
}
