use eventide_kit::error::Error;
use eventide_types::{Link, LinkHash};
use time::{Duration, OffsetDateTime};

use super::{NONCE, NOON, claim, link, redeemed};
use crate::links::{Call, Claimed, Links};

/// All links have expired.
const LATE: OffsetDateTime = NOON.saturating_add(Duration::minutes(15));
const UNTIL: OffsetDateTime = LATE.saturating_add(Duration::seconds(30));

pub(super) async fn check<L: Links>(links: &L) -> Result<(), Error> {
    a_call_is_asked_for_once(links).await?;
    who_cannot_be_called(links).await?;
    nobody_has_a_chat_and_a_call(links).await
}

async fn a_call_is_asked_for_once<L: Links>(links: &L) -> Result<(), Error> {
    let link = link(20);
    links.open(&link, NONCE).await?;
    let won = Call::Won(Box::new(link.clone()));
    let ask = async |now| links.claim_call(&link.hash, now).await;
    assert_eq!(ask(LATE - Duration::milliseconds(1)).await?, Call::NotExpired);
    for now in [LATE, LATE, UNTIL] {
        assert_eq!(ask(now).await?, won, "nobody knows that the call was asked for");
    }
    for _ in 0..2 {
        links.called(&link.hash).await?;
    }
    for now in [UNTIL, UNTIL + Duration::hours(1)] {
        assert_eq!(ask(now).await?, Call::Asked);
    }
    assert_eq!(ask(LATE + Duration::days(1) + Duration::seconds(1)).await?, Call::Unavailable, "it is gone");
    Ok(())
}

async fn who_cannot_be_called<L: Links>(links: &L) -> Result<(), Error> {
    let mut without_phone = link(21);
    without_phone.context.phone = None;
    links.open(&without_phone, NONCE).await?;
    let [used, revoked, claimed, extended] = [22, 23, 24, 25].map(link);
    let soon = claim("a", NOON);
    for link in [&used, &revoked, &claimed, &extended] {
        links.open(link, NONCE).await?;
    }
    links.claim(&used.hash, &soon).await?;
    links.complete(&used, "a", &redeemed("chat-22", NOON)).await?;
    links.revoke(&revoked.contact_id).await?;
    links.claim(&claimed.hash, &claim("a", LATE - Duration::seconds(1))).await?;
    links.extend(&Link { expires_at: UNTIL, ..extended.clone() }).await?;

    let ask = async |link: &Link, now| links.claim_call(&link.hash, now).await;
    for link in [&without_phone, &used, &revoked, &claimed] {
        assert_eq!(ask(link, LATE).await?, Call::Unavailable, "{link:?}");
    }
    assert_eq!(ask(&extended, LATE).await?, Call::NotExpired);
    assert_eq!(ask(&claimed, UNTIL).await?, Call::Won(Box::new(claimed.clone())), "nobody is at work on it");

    let nobodys = LinkHash::new([99; 32]);
    assert_eq!(links.claim_call(&nobodys, LATE).await?, Call::Unavailable);
    links.called(&nobodys).await?;
    assert_eq!(links.claim_call(&nobodys, LATE).await?, Call::Unavailable, "nothing was written");
    Ok(())
}

/// A page may go on with its claim after the link has expired, but not beside a call.
async fn nobody_has_a_chat_and_a_call<L: Links>(links: &L) -> Result<(), Error> {
    let [link, extended] = [26, 27].map(link);
    links.open(&link, NONCE).await?;
    let first = claim("a", LATE - Duration::seconds(1));
    let won = Claimed::Won(Box::new(link.clone()));
    assert_eq!(links.claim(&link.hash, &first).await?, won);
    assert_eq!(links.claim(&link.hash, &claim("a", LATE)).await?, won);
    assert_eq!(links.claim_call(&link.hash, UNTIL - Duration::milliseconds(1)).await?, Call::Unavailable);
    assert_eq!(links.claim_call(&link.hash, UNTIL).await?, Call::Won(Box::new(link.clone())));
    assert_eq!(links.claim(&link.hash, &claim("a", UNTIL)).await?, Claimed::Expired, "the call is begun");
    links.called(&link.hash).await?;
    assert_eq!(links.claim(&link.hash, &claim("a", UNTIL)).await?, Claimed::Expired);

    // Who asks for the link again after a call has the choice again.
    links.open(&extended, NONCE).await?;
    links.claim_call(&extended.hash, LATE).await?;
    let later = Link { expires_at: LATE + Duration::minutes(15), ..extended.clone() };
    assert!(links.extend(&later).await?);
    for _ in 0..2 {
        let claimed = links.claim(&extended.hash, &claim("a", LATE)).await?;
        assert_eq!(claimed, Claimed::Won(Box::new(later.clone())));
    }
    Ok(())
}
