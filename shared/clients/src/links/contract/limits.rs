use std::time::Duration;

use eventide_kit::error::Error;
use time::macros::datetime;

use crate::links::{Limit, Limits};

fn limit(name: &str, max: u32) -> Limit {
    Limit { name: name.to_owned(), max, window: Duration::from_secs(3_600) }
}

pub(super) async fn check<L: Limits>(limits: &L) -> Result<(), Error> {
    let (first, last) = (datetime!(2026-11-01 12:00 UTC), datetime!(2026-11-01 12:59:59.999 UTC));
    let next = datetime!(2026-11-01 13:00 UTC);

    let of_takers = limit("recipient#1", 2);
    for (taker, now, expected) in [
        ("a", first, true),
        ("a", first, true),
        ("b", last, true),
        ("c", last, false),
        ("a", last, true),
        ("b", last, true),
        ("c", next, true),
        ("c", last, false),
    ] {
        assert_eq!(limits.take(&of_takers, Some(taker), now).await?, expected, "{taker} {now}");
    }

    let counted = limit("address#1", 3);
    for (now, expected) in
        [(first, true), (first, true), (last, true), (last, false), (last, false), (next, true)]
    {
        assert_eq!(limits.take(&counted, None, now).await?, expected, "{now}");
    }
    assert!(limits.take(&limit("address#2", 3), None, last).await?, "each name by itself");
    assert!(limits.take(&limit("address#1", 4), None, last).await?, "one that is raised has room");

    for taker in [None, Some("a")] {
        assert!(!limits.take(&limit("nothing", 0), taker, first).await?);
    }
    Ok(())
}
