//! What every [`Links`] and [`Limits`] does, checked against the fake and, in DynamoDB, against the local
//! cloud. Links are kept for a day after they have expired.

mod callbacks;
mod limits;
mod redemption;

use std::collections::BTreeMap;

use eventide_kit::error::Error;
use eventide_types::link::record::Context;
use eventide_types::{Link, LinkHash};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{Claim, Limits, Links, Redeemed, State};

const NOON: OffsetDateTime = datetime!(2026-11-01 12:00:00.123 UTC);
const NONCE: &str = "00112233445566778899aabbccddeeff";

/// A link of 15 minutes from noon on, as [`check`] uses them.
pub fn link(number: u8) -> Link {
    Link {
        hash: LinkHash::new([number; 32]),
        contact_id: format!("00000000-0000-4000-9000-{number:012}"),
        created_at: NOON,
        expires_at: NOON + Duration::minutes(15),
        context: Context {
            display_name: Some("Ann Ü".to_owned()),
            queue: Some("Billing".to_owned()),
            attributes: BTreeMap::from([("tier".to_owned(), "\"gold\"".to_owned())]),
            phone: Some("+14255550100".to_owned()),
            ..Context::default()
        },
    }
}

/// A claim of this page, for 30 seconds, as [`check`] uses them.
pub fn claim(page: &str, now: OffsetDateTime) -> Claim {
    Claim { claimant: page.to_owned(), now, until: now + Duration::seconds(30) }
}

fn redeemed(chat: &str, now: OffsetDateTime) -> Redeemed {
    Redeemed {
        chat_contact_id: chat.to_owned(),
        answer: format!("answer of {chat}"),
        replay_until: now + Duration::minutes(5),
    }
}

/// Checks all of it, of an empty store.
///
/// # Errors
/// Whatever an operation that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<L: Links + Limits>(links: &L) -> Result<(), Error> {
    a_contact_has_one_link(links).await?;
    an_open_link_is_extended(links).await?;
    an_old_contact_gets_another_link(links).await?;
    redemption::check(links).await?;
    callbacks::check(links).await?;
    limits::check(links).await
}

async fn a_contact_has_one_link<L: Links>(links: &L) -> Result<(), Error> {
    let first = link(1);
    let opened = links.open(&first, NONCE).await?;
    assert_eq!((&opened.link, opened.nonce.as_str()), (&first, NONCE));
    assert_eq!((opened.state, opened.is_new), (State::Open, true));
    assert_eq!(links.open(&first, NONCE).await?, opened, "a repeat is answered the same");

    let other = Link {
        hash: LinkHash::new([101; 32]),
        created_at: NOON + Duration::minutes(1),
        expires_at: NOON + Duration::minutes(16),
        ..first.clone()
    };
    let again = links.open(&other, "ffffffffffffffffffffffffffffffff").await?;
    assert_eq!((&again.link, again.nonce.as_str()), (&first, NONCE));
    assert_eq!((again.state, again.is_new), (State::Open, false));

    let finer = Link { created_at: NOON + Duration::nanoseconds(999_999), ..link(2) };
    assert_eq!(links.open(&finer, NONCE).await?.link, link(2), "times are kept in milliseconds");
    Ok(())
}

async fn an_open_link_is_extended<L: Links>(links: &L) -> Result<(), Error> {
    links.open(&link(3), NONCE).await?;
    let mut later = link(3);
    later.expires_at += Duration::minutes(10);
    later.context.queue = Some("Sales".to_owned());
    for _ in 0..2 {
        assert!(links.extend(&later).await?);
        assert_eq!(links.open(&link(3), NONCE).await?.link, later);
    }
    let mut earlier = link(3);
    earlier.context.display_name = None;
    earlier.context.phone = None;
    assert!(links.extend(&earlier).await?);
    let expected = Link { expires_at: later.expires_at, ..earlier };
    assert_eq!(links.open(&link(3), NONCE).await?.link, expected, "it never becomes earlier");
    assert!(!links.extend(&link(99)).await?, "there is no such link");

    // As of an expired one, which can be redeemed again.
    let mut tomorrow = link(3);
    tomorrow.expires_at += Duration::hours(20);
    assert!(links.extend(&tomorrow).await?);
    let opened = links.open(&Link { created_at: NOON + Duration::hours(43), ..link(3) }, "0").await?;
    assert_eq!(opened.nonce, NONCE, "the contact keeps it as long");
    Ok(())
}

async fn an_old_contact_gets_another_link<L: Links>(links: &L) -> Result<(), Error> {
    links.open(&link(4), NONCE).await?;
    for (hours, expected) in [(24, 4), (25, 104)] {
        let created_at = NOON + Duration::hours(hours);
        let expires_at = created_at + Duration::minutes(15);
        let fresh = Link { hash: LinkHash::new([104; 32]), created_at, expires_at, ..link(4) };
        let opened = links.open(&fresh, "01").await?;
        assert_eq!(opened.link.hash, LinkHash::new([expected; 32]), "{hours} h");
        assert_eq!(opened.is_new, expected == 104);
    }
    Ok(())
}

fn refused<T>(result: Result<T, Error>) -> String {
    result.err().map(|error| error.qualified_type()).unwrap_or_default()
}
