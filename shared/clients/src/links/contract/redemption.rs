use eventide_kit::error::Error;
use eventide_types::LinkHash;
use time::{Duration, OffsetDateTime};

use super::{NONCE, NOON, claim, link, redeemed, refused};
use crate::links::{Claimed, Links, Redeemed, State};

const SOON: OffsetDateTime = NOON.saturating_add(Duration::minutes(1));

pub(super) async fn check<L: Links>(links: &L) -> Result<(), Error> {
    a_link_is_used_once(links).await?;
    a_link_expires(links).await?;
    a_claim_is_over(links).await?;
    a_claim_is_lost(links).await?;
    an_answering_agent_revokes(links).await?;
    revoking_leaves_a_claim(links).await
}

async fn state<L: Links>(links: &L, number: u8) -> Result<State, Error> {
    links.open(&link(number), NONCE).await.map(|opened| opened.state)
}

async fn a_link_is_used_once<L: Links>(links: &L) -> Result<(), Error> {
    let link = link(10);
    links.open(&link, NONCE).await?;
    let won = Claimed::Won(Box::new(link.clone()));
    for (page, expected) in [("a", &won), ("a", &won), ("b", &Claimed::Unavailable)] {
        assert_eq!(&links.claim(&link.hash, &claim(page, SOON)).await?, expected, "{page}");
    }
    assert_eq!(state(links, 10).await?, State::Claimed);
    assert!(!links.extend(&link).await?, "it is not open");
    links.release(&link.hash, "b").await?;
    assert_eq!(state(links, 10).await?, State::Claimed, "it is not theirs");
    links.release(&link.hash, "a").await?;
    assert_eq!(state(links, 10).await?, State::Open);
    assert_eq!(links.claim(&link.hash, &claim("b", SOON)).await?, won);

    assert_eq!(refused(links.complete(&link, "a", &redeemed("chat-10", SOON)).await), "Retryable.ClaimLost");
    for _ in 0..2 {
        links.complete(&link, "b", &redeemed("chat-10", SOON)).await?;
    }
    let other = Redeemed { answer: "another".to_owned(), ..redeemed("chat-10", SOON) };
    assert_eq!(refused(links.complete(&link, "b", &other).await), "Retryable.ClaimLost");
    assert_eq!(state(links, 10).await?, State::Used);
    assert_eq!(links.voice_of("chat-10").await?.as_ref(), Some(&link.contact_id));
    assert_eq!(links.voice_of("chat-11").await?, None);

    let replay = Claimed::Replay { answer: "answer of chat-10".to_owned() };
    let until = SOON + Duration::minutes(5);
    let before = until - Duration::milliseconds(1);
    for (page, now, expected) in [
        ("b", SOON, &replay),
        ("a", SOON, &Claimed::Unavailable),
        ("b", before, &replay),
        ("b", until, &Claimed::Unavailable),
        ("b", NOON + Duration::hours(1), &Claimed::Unavailable),
    ] {
        assert_eq!(&links.claim(&link.hash, &claim(page, now)).await?, expected, "{page} {now}");
    }
    links.release(&link.hash, "b").await?;
    assert!(!links.revoke(&link.contact_id).await?);
    assert!(!links.extend(&link).await?);
    assert_eq!(state(links, 10).await?, State::Used, "it stays so");
    Ok(())
}

async fn a_link_expires<L: Links>(links: &L) -> Result<(), Error> {
    let link = link(11);
    links.open(&link, NONCE).await?;
    let gone = link.expires_at + Duration::days(1) + Duration::seconds(1);
    for (now, expected) in [
        (link.expires_at, Claimed::Expired),
        (gone - Duration::seconds(2), Claimed::Expired),
        (gone, Claimed::Unavailable),
        (link.expires_at - Duration::milliseconds(1), Claimed::Won(Box::new(link.clone()))),
    ] {
        assert_eq!(links.claim(&link.hash, &claim("a", now)).await?, expected, "{now}");
    }
    let nobodys = LinkHash::new([99; 32]);
    assert_eq!(links.claim(&nobodys, &claim("a", SOON)).await?, Claimed::Unavailable);
    links.release(&nobodys, "a").await
}

async fn a_claim_is_over<L: Links>(links: &L) -> Result<(), Error> {
    let (link, first) = (link(12), claim("a", SOON));
    links.open(&link, NONCE).await?;
    let won = Claimed::Won(Box::new(link.clone()));
    let late = link.expires_at + Duration::minutes(1);
    let before = first.until - Duration::milliseconds(1);
    for (page, now, expected) in [
        ("a", SOON, &won),
        ("b", before, &Claimed::Unavailable),
        ("b", late, &Claimed::Expired),
        ("a", late, &won),
        ("b", late + Duration::hours(1), &Claimed::Expired),
    ] {
        assert_eq!(&links.claim(&link.hash, &claim(page, now)).await?, expected, "{page} {now}");
    }
    links.release(&link.hash, "a").await?;
    assert_eq!(links.claim(&link.hash, &first).await?, won);
    assert_eq!(links.claim(&link.hash, &claim("b", first.until)).await?, won, "it is taken over");
    assert_eq!(links.claim(&link.hash, &claim("a", first.until)).await?, Claimed::Unavailable);
    Ok(())
}

async fn a_claim_is_lost<L: Links>(links: &L) -> Result<(), Error> {
    let (link, first) = (link(13), claim("a", SOON));
    links.open(&link, NONCE).await?;
    let redeemed = redeemed("chat-13", SOON);
    assert_eq!(refused(links.complete(&link, "a", &redeemed).await), "Retryable.ClaimLost", "it has none");
    links.claim(&link.hash, &first).await?;
    links.claim(&link.hash, &claim("b", first.until)).await?;
    links.release(&link.hash, "a").await?;
    assert_eq!(state(links, 13).await?, State::Claimed);
    assert_eq!(refused(links.complete(&link, "a", &redeemed).await), "Retryable.ClaimLost");
    links.complete(&link, "b", &redeemed).await
}

async fn an_answering_agent_revokes<L: Links>(links: &L) -> Result<(), Error> {
    let link = link(14);
    assert!(!links.revoke(&link.contact_id).await?, "it has none");
    links.open(&link, NONCE).await?;
    assert!(links.revoke(&link.contact_id).await?);
    assert!(!links.revoke(&link.contact_id).await?, "it was not open");
    assert_eq!(state(links, 14).await?, State::Revoked);
    assert!(!links.extend(&link).await?);
    for now in [SOON, link.expires_at] {
        assert_eq!(links.claim(&link.hash, &claim("a", now)).await?, Claimed::Unavailable);
    }
    Ok(())
}

async fn revoking_leaves_a_claim<L: Links>(links: &L) -> Result<(), Error> {
    for number in [15, 16] {
        let (link, first) = (link(number), claim("a", SOON));
        links.open(&link, NONCE).await?;
        links.claim(&link.hash, &first).await?;
        assert!(!links.revoke(&link.contact_id).await?, "it was not open");
        assert_eq!(state(links, number).await?, State::Revoked);
        assert_eq!(links.claim(&link.hash, &claim("b", first.until)).await?, Claimed::Unavailable);
        let again = links.claim(&link.hash, &first).await?;
        assert_eq!(again, Claimed::Won(Box::new(link.clone())), "who is at work goes on");
        if number == 15 {
            links.complete(&link, "a", &redeemed("chat-15", SOON)).await?;
            assert_eq!(state(links, number).await?, State::Used);
        } else {
            links.release(&link.hash, "a").await?;
            assert_eq!(state(links, number).await?, State::Revoked);
            assert_eq!(links.claim(&link.hash, &first).await?, Claimed::Unavailable);
        }
    }
    Ok(())
}
