//! Answers that come in pages.

use eventide_kit::error::Error;

/// Pages read of one list before the rest is given up. At AWS's page sizes that is 5,000 entries and more; a
/// service that never stops paging must not hold an invocation.
pub(crate) const MAX_PAGES: usize = 50;

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Asks for the next page; absent or empty on the last one.
    pub(crate) next: Option<String>,
}

/// Everything a paged `operation` has to say, up to [`MAX_PAGES`] pages. `page` gets the token of the page to read.
pub(crate) async fn all<T, F, Fut>(operation: &'static str, mut page: F) -> Result<Vec<T>, Error>
where
    F: FnMut(Option<String>) -> Fut,
    Fut: Future<Output = Result<Page<T>, Error>>,
{
    let mut found = Vec::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let Page { items, next } = page(token).await?;
        found.extend(items);
        token = next.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
    }
    cut_short(operation, found.len());
    Ok(found)
}

/// Says that a list was longer than [`MAX_PAGES`].
pub(crate) fn cut_short(operation: &'static str, entries: usize) {
    tracing::warn!(operation, entries, pages = MAX_PAGES, "the list was cut short: it has too many pages");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_until_there_is_no_token_or_an_empty_one() {
        for last in [None, Some(String::new())] {
            let mut asked = Vec::new();
            let found = all("List", |token| {
                asked.push(token.clone());
                let next = if token.is_some() { last.clone() } else { Some("t".to_owned()) };
                async { Ok(Page { items: vec![1, 2], next }) }
            });
            assert_eq!(found.await.unwrap(), [1, 2, 1, 2]);
            assert_eq!(asked, [None, Some("t".to_owned())]);
        }
    }

    #[tokio::test]
    async fn a_list_without_end_is_cut_short() {
        let found = all("List", |_| async { Ok(Page { items: vec![()], next: Some("again".to_owned()) }) });
        assert_eq!(found.await.unwrap().len(), MAX_PAGES);
    }
}
