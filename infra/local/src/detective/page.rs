//! Pages: small ones, with tokens that belong to one question and die after a day.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use super::validate::invalid;
use crate::service::Reply;

/// How long a token lives (Detective API reference, `ListIndicators`).
const TOKEN_LIFE: Duration = Duration::hours(24);

/// What a page is cut by.
#[derive(Debug)]
pub(super) struct Cut<'a> {
    /// The operation and its arguments but for the page: a token is good for the same question only.
    pub(super) question: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) max_results: Option<usize>,
    /// The most that a page holds, whatever was asked for.
    pub(super) page_size: usize,
    pub(super) now: OffsetDateTime,
}

impl Cut<'_> {
    /// The page of `items` that the token stands for (the first without one), and the token of the next.
    pub(super) fn page<T>(&self, items: Vec<T>) -> Result<(Vec<T>, Option<String>), Reply> {
        let start = self.token.map_or(Ok(0), |token| self.offset(token))?;
        let size = self.max_results.unwrap_or(self.page_size).min(self.page_size);
        let end = start.saturating_add(size);
        let next = (end < items.len()).then(|| self.written(end));
        Ok((items.into_iter().skip(start).take(size).collect(), next))
    }

    fn written(&self, offset: usize) -> String {
        let issued = self.now.unix_timestamp();
        URL_SAFE_NO_PAD.encode(format!("{offset}.{issued}.{}", self.fingerprint()))
    }

    fn offset(&self, token: &str) -> Result<usize, Reply> {
        let (offset, issued, fingerprint) =
            read(token).ok_or_else(|| invalid("the pagination token is not valid"))?;
        if fingerprint != self.fingerprint() {
            return Err(invalid("the pagination token belongs to a request with other arguments"));
        }
        if self.now - issued > TOKEN_LIFE {
            return Err(invalid("the pagination token has expired"));
        }
        Ok(offset)
    }

    fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.question.as_bytes()))
    }
}

fn read(token: &str) -> Option<(usize, OffsetDateTime, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (offset, rest) = text.split_once('.')?;
    let (issued, fingerprint) = rest.split_once('.')?;
    let issued = OffsetDateTime::from_unix_timestamp(issued.parse().ok()?).ok()?;
    Some((offset.parse().ok()?, issued, fingerprint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-11-20 12:00 UTC);

    fn cut<'a>(question: &'a str, token: Option<&'a str>, now: OffsetDateTime) -> Cut<'a> {
        Cut { question, token, max_results: None, page_size: 2, now }
    }

    #[test]
    fn pages_join_to_the_whole() {
        let mut seen = Vec::new();
        let mut token: Option<String> = None;
        let mut pages = 0;
        loop {
            let (items, next) = cut("q", token.as_deref(), NOW).page((0..5).collect::<Vec<_>>()).unwrap();
            seen.extend(items);
            pages += 1;
            if next.is_none() {
                break;
            }
            token = next;
        }
        assert_eq!((seen, pages), ((0..5).collect::<Vec<_>>(), 3));
    }

    #[test]
    fn max_results_makes_pages_smaller_but_never_larger() {
        for (asked, expected) in [(1, 1), (2, 2), (100, 2)] {
            let cut = Cut { max_results: Some(asked), ..cut("q", None, NOW) };
            assert_eq!(cut.page(vec![1, 2, 3]).unwrap().0.len(), expected, "MaxResults {asked}");
        }
    }

    #[test]
    fn a_token_is_good_for_its_question_and_for_a_day() {
        let (_, token) = cut("q", None, NOW).page(vec![1, 2, 3]).unwrap();
        let token = token.unwrap();
        for (question, later, good) in [
            ("q", Duration::ZERO, true),
            ("q", Duration::hours(24), true),
            ("q", Duration::hours(25), false),
            ("other", Duration::ZERO, false),
        ] {
            let page = cut(question, Some(&token), NOW + later).page(vec![1, 2, 3]);
            assert_eq!(page.is_ok(), good, "{question} after {later}");
        }
        for garbage in ["x", "", "!!", "MS4y"] {
            assert_eq!(cut("q", Some(garbage), NOW).page(vec![1]).unwrap_err().status, 400, "{garbage}");
        }
    }
}
