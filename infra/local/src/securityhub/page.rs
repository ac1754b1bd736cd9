//! Pages of results and the tokens between them.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::check::{self, Checked, Object};

/// A page of a list: `{member: [...], "NextToken": ...}`. It has at most `MaxResults` and at most
/// `page_size` items: AWS may answer fewer than asked for, and a small page makes callers follow the token.
///
/// A token belongs to the request it answered: with other parameters it is refused.
pub(super) fn page(member: &str, items: Vec<Value>, input: &Object, page_size: usize) -> Checked<Value> {
    let asked = check::integer(input, "MaxResults", 1..=100)?.unwrap_or(100);
    let size = page_size.min(usize::try_from(asked).unwrap_or(page_size));
    let question = question(input);
    let from = match check::text(input, "NextToken", 2048)? {
        None => 0,
        Some(token) => offset(token, &question).ok_or_else(|| {
            format!("invalid parameter `NextToken`: `{token}` does not belong to this request")
        })?,
    };
    let more = items.len() > from + size;
    let shown: Vec<Value> = items.into_iter().skip(from).take(size).collect();
    let mut answer = json!({ member: shown });
    if let (true, Some(answer)) = (more, answer.as_object_mut()) {
        answer.insert("NextToken".into(), hex::encode(format!("{}:{question}", from + size)).into());
    }
    Ok(answer)
}

fn offset(token: &str, question: &str) -> Option<usize> {
    let text = String::from_utf8(hex::decode(token).ok()?).ok()?;
    let (offset, asked) = text.split_once(':')?;
    if asked == question { offset.parse().ok() } else { None }
}

/// A short digest of the request but for what changes from page to page.
fn question(input: &Object) -> String {
    let mut input = input.clone();
    input.retain(|key, _| key != "NextToken" && key != "MaxResults");
    let digest = Sha256::digest(Value::Object(input).to_string());
    hex::encode(digest).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn pages_are_small_complete_and_bound_to_their_request() {
        let items: Vec<Value> = (0..5).map(Value::from).collect();
        let mut seen = Vec::new();
        let mut token = Value::Null;
        loop {
            let asked = input(json!({ "Filters": 1, "NextToken": token, "MaxResults": 100 }));
            let answer = page("Items", items.clone(), &asked, 2).unwrap();
            assert!(answer["Items"].as_array().unwrap().len() <= 2);
            seen.extend(answer["Items"].as_array().unwrap().clone());
            match answer.get("NextToken") {
                Some(next) => token = next.clone(),
                None => break,
            }
        }
        assert_eq!(seen, items);
        let first = page("Items", items.clone(), &input(json!({ "Filters": 1 })), 2).unwrap();
        let other = input(json!({ "Filters": 2, "NextToken": first["NextToken"] }));
        assert!(page("Items", items.clone(), &other, 2).unwrap_err().contains("NextToken"));
        for wrong in [json!(0), json!(101), json!("5"), json!(1.5)] {
            assert!(page("Items", items.clone(), &input(json!({ "MaxResults": wrong })), 2).is_err());
        }
    }
}
