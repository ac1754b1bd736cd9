//! The named parameters that a statement's text uses.
//!
//! The Data API refuses a parameter that no statement uses (service model, `BatchExecuteStatementInput`) and
//! lets each statement of a batch use any of them, so which ones a text uses has to be known before it runs.
//! Values never become text.

use std::collections::BTreeSet;

/// The names behind a colon, but not in literals, quoted names and comments, and not in `::type`.
pub(super) fn used(sql: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        rest = match first {
            '\'' => past(after, "'"),
            '"' => past(after, "\""),
            '-' if after.starts_with('-') => past(after, "\n"),
            '/' if after.starts_with('*') => past_comment(after),
            ':' if after.starts_with(':') => after.trim_start_matches(':'),
            ':' => {
                let end = after.find(|next: char| !next.is_ascii_alphanumeric() && next != '_');
                let (name, after) = after.split_at_checked(end.unwrap_or(after.len())).unwrap_or((after, ""));
                if !name.is_empty() {
                    names.insert(name);
                }
                after
            }
            _ => after,
        };
    }
    names
}

/// What follows the next `end`. A doubled quote opens the next literal at once, which comes to the same.
fn past<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, after)| after)
}

/// What follows the comment that `text` is in; comments nest.
fn past_comment(text: &str) -> &str {
    let mut rest = text.strip_prefix('*').unwrap_or(text);
    let mut depth = 1;
    while depth > 0 {
        let open = rest.find("/*").unwrap_or(usize::MAX);
        let Some(close) = rest.find("*/") else { return "" };
        depth = if open < close { depth + 1 } else { depth - 1 };
        rest = rest.get(open.min(close) + 2..).unwrap_or_default();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parameters_are_found() {
        for (sql, expected) in [
            ("select * from t where a = :one and b in (:two, :three)", vec!["one", "three", "two"]),
            ("select :a::int, '1'::date", vec!["a"]),
            ("select ':no', ':it''s:no', \":no\" -- :no\n, /* :no /* :no */ :no */ :yes", vec!["yes"]),
            ("select 'a'':b'", vec![]),
            ("select ':open", vec![]),
            ("select /* :open", vec![]),
            ("select :x_9é", vec!["x_9"]),
            ("select ':', :é", vec![]),
        ] {
            assert_eq!(used(sql).into_iter().collect::<Vec<_>>(), expected, "{sql}");
        }
    }
}
