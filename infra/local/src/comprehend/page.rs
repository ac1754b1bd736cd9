//! Filters and pages of the listing operations. Tokens are opaque on AWS; here they hold an offset.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::input::Input;
use super::refusal::{Outcome, Refusal};

/// What a page is cut by.
#[derive(Debug)]
pub(super) struct Cut {
    question: &'static str,
    offset: usize,
    most: usize,
}

impl Cut {
    /// Reads `NextToken` and `MaxResults`. No page has more items than the setting says.
    pub(super) fn read(input: Input<'_>, question: &'static str, setting: usize) -> Outcome<Self> {
        let asked = input.number("MaxResults", 1, 500)?.and_then(|asked| usize::try_from(asked).ok());
        let token = input.sized("NextToken", 1, usize::MAX)?;
        let offset = token.map_or(Ok(0), |token| offset_of(token, question))?;
        Ok(Self { question, offset, most: asked.unwrap_or(setting).min(setting) })
    }

    /// The page of `items` as the answer's `member`, with the token of the next.
    pub(super) fn page(&self, member: &str, items: Vec<Value>) -> Value {
        let end = self.offset.saturating_add(self.most);
        let more = end < items.len();
        let page: Vec<Value> = items.into_iter().skip(self.offset).take(self.most).collect();
        let mut answer = json!({ member: page });
        if let (true, Some(members)) = (more, answer.as_object_mut()) {
            let token = URL_SAFE_NO_PAD.encode(format!("{end}.{}", self.question));
            members.insert("NextToken".into(), json!(token));
        }
        answer
    }
}

/// The offset that a token of the same question holds.
fn offset_of(token: &str, question: &str) -> Outcome<usize> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let offset = decoded.as_deref().and_then(|text| {
        let (offset, of) = text.split_once('.')?;
        (of == question).then_some(offset)?.parse().ok()
    });
    offset.ok_or_else(|| Refusal::invalid("NextToken is not valid."))
}

/// Times that a filter wants something to lie between, both exclusive.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Between {
    after: Option<OffsetDateTime>,
    before: Option<OffsetDateTime>,
}

impl Between {
    /// Reads `NAMEAfter` and `NAMEBefore`.
    pub(super) fn read(filter: Input<'_>, name: &str) -> Outcome<Self> {
        Ok(Self {
            after: filter.time(&format!("{name}After"))?,
            before: filter.time(&format!("{name}Before"))?,
        })
    }

    pub(super) fn holds(self, time: OffsetDateTime) -> bool {
        self.after.is_none_or(|after| time > after) && self.before.is_none_or(|before| time < before)
    }
}

/// The service model: "You can only set one filter at a time." `members` are those of the filter.
pub(super) fn only_one(filter: Input<'_>, members: &[&str]) -> Outcome<()> {
    if members.iter().filter(|member| filter.has(member)).count() > 1 {
        return Err(Refusal::filter("You can only set one filter at a time."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole() {
        let items: Vec<Value> = (0..5).map(Value::from).collect();
        for (asked, most, sizes) in
            [(None, 2, vec![2, 2, 1]), (Some(1), 2, vec![1; 5]), (Some(9), 100, vec![5])]
        {
            let (mut token, mut seen, mut found) = (Value::Null, Vec::new(), Vec::new());
            loop {
                let body = json!({ "MaxResults": asked, "NextToken": token });
                let cut = Cut::read(Input::new(&body).unwrap(), "ListThings", most).unwrap();
                let answer = cut.page("Things", items.clone());
                let page = answer["Things"].as_array().unwrap().clone();
                found.push(page.len());
                seen.extend(page);
                match answer.get("NextToken") {
                    Some(next) => token = next.clone(),
                    None => break,
                }
            }
            assert_eq!((seen, found), (items.clone(), sizes), "MaxResults {asked:?}");
        }
        for token in ["!!", "", "MS4"] {
            let body = json!({ "NextToken": token });
            assert!(Cut::read(Input::new(&body).unwrap(), "ListThings", 1).is_err(), "{token}");
        }
    }

    #[test]
    fn filters_are_one_at_a_time() {
        let body = json!({ "SubmitTimeAfter": 10, "Status": "TRAINED" });
        let filter = Input::new(&body).unwrap();
        assert!(only_one(filter, &["Status", "Name"]).is_ok());
        assert!(only_one(filter, &["Status", "SubmitTimeAfter"]).is_err());
        let between = Between::read(filter, "SubmitTime").unwrap();
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        assert!(between.holds(at(11)) && !between.holds(at(10)));
    }
}
