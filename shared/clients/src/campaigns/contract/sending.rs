//! Shards, outcomes, reports and rates.

use std::collections::BTreeMap;

use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::error::Error;
use eventide_kit::ledger::{Claimed, Ledger};
use eventide_types::campaign::provider::{News, Origin, Outcome};
use eventide_types::campaign::record::Shard;
use futures_util::future::join_all;
use time::{Duration, OffsetDateTime};

use super::{NOON, refused, shard};
use crate::campaigns::{Known, Origins, Outcomes, Pace, Progress, Reports, Room, Shards};

const UPLOAD: &str = "4f1c4f1c4f1c4f1c";

pub(super) async fn check<S>(store: &S, ledger: &impl Ledger, clock: &ManualClock) -> Result<(), Error>
where
    S: Shards + Origins + Outcomes + Reports + Pace,
{
    shards_move_on_and_close(store).await?;
    a_shard_is_counted_once(store).await?;
    generations_are_announced_once(store).await?;
    tests_are_not_counted(store).await?;
    due_shards_are_found_in_order(store).await?;
    an_id_stands_for_its_message(store, clock).await?;
    the_last_word_is_kept(store).await?;
    what_is_known_is_told_in_order(store, ledger, clock).await?;
    reports_are_due_at_the_soonest(store).await?;
    what_is_asked_for_while_a_report_is_written_stays_due(store).await?;
    rates_are_kept(store).await
}

fn all<T>(results: Vec<Result<T, Error>>) -> Result<Vec<T>, Error> {
    results.into_iter().collect()
}

async fn shards_move_on_and_close<S: Shards>(store: &S) -> Result<(), Error> {
    let first = shard("moving", 0);
    assert_eq!(store.shard(&first.key).await?, None);
    assert!(!store.move_on(&mut first.clone()).await?, "it was never created");
    assert_eq!(refused(store.close(&first).await), "Permanent.UnknownShard");
    store.create(&[]).await?;
    store.create(std::slice::from_ref(&first)).await?;
    assert_eq!(store.shard(&first.key).await?, Some(first.clone()));

    let mut moved = Shard { next: 14, due_at: NOON + Duration::SECOND, ..first.clone() };
    assert!(store.move_on(&mut moved).await?);
    assert_eq!(moved, Shard { next: 14, due_at: NOON + Duration::SECOND, revision: 1, ..first.clone() });
    let mut again = Shard { revision: 0, ..moved.clone() };
    assert!(store.move_on(&mut again).await?, "the same write, repeated because its answer was lost");
    assert_eq!(again, moved);
    let mut stale = Shard { next: 7, ..first.clone() };
    assert!(!store.move_on(&mut stale).await?, "a stale revision");
    assert_eq!(stale.revision, 0, "what was not written stays as it is");
    store.create(&[first.clone(), shard("moving", 1)]).await?;
    assert_eq!(store.shard(&first.key).await?, Some(moved.clone()), "what is there stays as it is");

    let last = Shard { next: 250, ..moved.clone() };
    store.close(&last).await?;
    let closed = Shard { closed: true, revision: 2, ..last };
    assert_eq!(store.shard(&first.key).await?, Some(closed.clone()));
    for revision in [1, 2] {
        assert!(!store.move_on(&mut Shard { revision, ..moved.clone() }).await?, "it is closed");
    }
    assert_eq!(refused(store.move_on(&mut closed.clone()).await), "Permanent.InvalidRequest");
    assert_eq!(store.shard(&first.key).await?, Some(closed));
    Ok(())
}

async fn a_shard_is_counted_once<S: Shards>(store: &S) -> Result<(), Error> {
    let shards: Vec<Shard> = (0..20).map(|number| shard("counted", number)).collect();
    store.create(&shards).await?;
    let announced = store.announce("counted", UPLOAD, "first", 20).await?;
    assert_eq!(announced, Progress { total: 20, closed: 0 });
    assert!(!announced.is_complete());
    let first = &shard("counted", 0);
    for progress in all(join_all((0..20).map(|_| store.close(first))).await)? {
        assert_eq!(progress, Progress { total: 20, closed: 1 }, "twenty closed the same one");
    }
    let told = all(join_all(shards.iter().map(|shard| store.close(shard))).await)?;
    assert!(told.iter().any(|progress| progress.is_complete()), "one of them was the last: {told:?}");
    assert_eq!(store.progress("counted", UPLOAD).await?, Progress { total: 20, closed: 20 });
    let closed = Shard { closed: true, revision: 1, ..first.clone() };
    assert_eq!(store.shard(&first.key).await?.as_ref(), Some(&closed));
    assert_eq!(
        store.close(&closed).await?,
        Progress { total: 20, closed: 20 },
        "a repeat tells the progress"
    );
    Ok(())
}

async fn generations_are_announced_once<S: Shards>(store: &S) -> Result<(), Error> {
    assert_eq!(store.progress("announced", UPLOAD).await?, Progress::default());
    for (generation, shards, total) in
        [("first", 3, 3), ("first", 3, 3), ("release-1", 0, 3), ("release-2", 2, 5)]
    {
        let progress = store.announce("announced", UPLOAD, generation, shards).await?;
        assert_eq!(progress, Progress { total, closed: 0 }, "{generation}");
    }
    all(join_all((0..20).map(|_| store.announce("announced", UPLOAD, "release-3", 7))).await)?;
    assert_eq!(store.progress("announced", UPLOAD).await?, Progress { total: 12, closed: 0 });
    assert_eq!(store.progress("announced", "another").await?, Progress::default());
    assert_eq!(store.progress("another", UPLOAD).await?, Progress::default());
    Ok(())
}

async fn tests_are_not_counted<S: Shards>(store: &S) -> Result<(), Error> {
    let test = Shard { test: true, ..shard("tested", 0) };
    store.create(std::slice::from_ref(&test)).await?;
    store.announce("tested", UPLOAD, "first", 1).await?;
    for _ in 0..2 {
        assert_eq!(store.close(&test).await?, Progress { total: 1, closed: 0 });
    }
    assert_eq!(store.shard(&test.key).await?.map(|test| test.closed), Some(true));
    Ok(())
}

async fn due_shards_are_found_in_order<S: Shards>(store: &S) -> Result<(), Error> {
    // Those of the other checks are due at noon and closed, but for one.
    let left = shard("moving", 1);
    assert_eq!(store.due_shards(NOON, 100).await?, [left.key.as_str()]);
    store.close(&left).await?;
    let minute = |number: u32| {
        let due_at = NOON + Duration::MINUTE * number;
        Shard { due_at, ..shard("due", number) }
    };
    // Out of order, and more than a page.
    let shards: Vec<Shard> = (0..40).map(|number| minute(number * 7 % 40)).collect();
    store.create(&shards).await?;
    let keys =
        |numbers: std::ops::Range<u32>| numbers.map(|number| shard("due", number).key).collect::<Vec<_>>();
    for (by, most, expected) in [
        (30, 100, keys(0..31)),
        (30, 5, keys(0..5)),
        (0, 100, keys(0..1)),
        (99, 100, keys(0..40)),
        (99, 0, vec![]),
    ] {
        let due = store.due_shards(NOON + Duration::MINUTE * by, most).await?;
        assert_eq!(due, expected, "by minute {by}, at most {most}");
    }
    assert!(store.due_shards(NOON - Duration::MILLISECOND, 100).await?.is_empty());
    let mut moved = minute(1);
    moved.due_at = NOON + Duration::HOUR;
    assert!(store.move_on(&mut moved).await?);
    store.close(&minute(2)).await?;
    let due = store.due_shards(NOON + Duration::MINUTE * 3, 100).await?;
    assert_eq!(due, [keys(0..1), keys(3..4)].concat(), "one has moved, one is closed");
    Ok(())
}

fn news(entry: &str, outcome: Outcome, at: OffsetDateTime) -> News {
    News {
        entry: entry.to_owned(),
        campaign: "spring".to_owned(),
        outcome,
        message_id: "m-1".to_owned(),
        detail: (outcome == Outcome::Bounced).then(|| "Permanent/General".to_owned()),
        at,
    }
}

async fn an_id_stands_for_its_message<O: Origins>(store: &O, clock: &ManualClock) -> Result<(), Error> {
    let origin = |entry: &str| Origin { entry: entry.to_owned(), campaign: "spring".to_owned() };
    assert_eq!(store.origin("id-1").await?, None);
    for _ in 0..2 {
        store.remember("id-1", &origin("e-1"), clock.now()).await?;
    }
    store.remember("id-2", &origin("e-2"), clock.now()).await?;
    for (id, entry) in [("id-1", "e-1"), ("id-2", "e-2")] {
        assert_eq!(store.origin(id).await?, Some(origin(entry)));
    }
    assert_eq!(store.origin("id").await?, None);
    Ok(())
}

async fn the_last_word_is_kept<O: Outcomes>(store: &O) -> Result<(), Error> {
    let entry = "00112233445566778899aabbccddeeff";
    for (outcome, minute, is_news) in [
        (Outcome::Accepted, 0_u32, true),
        (Outcome::Accepted, 0, false),
        (Outcome::Bounced, 1, true),
        (Outcome::Failed, 2, false),
        (Outcome::Bounced, 3, false),
        (Outcome::Delivered, 4, false),
        (Outcome::Complained, 5, true),
        (Outcome::Unsubscribed, 6, false),
    ] {
        let news = news(entry, outcome, NOON + Duration::MINUTE * minute);
        assert_eq!(store.record(&news).await?, is_news, "{outcome:?} at minute {minute}");
        if minute == 3 {
            let at = (NOON + Duration::MINUTE).truncate_to_millisecond();
            let known = Known {
                entry: None,
                outcome: Some((Outcome::Bounced, Some("Permanent/General".to_owned()), at)),
            };
            assert_eq!(store.known(&[entry.to_owned()]).await?, [known]);
        }
    }
    let at = (NOON + Duration::MINUTE * 5_u32).truncate_to_millisecond();
    let known = Known { entry: None, outcome: Some((Outcome::Complained, None, at)) };
    assert_eq!(store.known(&[entry.to_owned()]).await?, [known]);

    let same = news("contested", Outcome::Delivered, NOON);
    let told = all(join_all((0..20).map(|_| store.record(&same))).await)?;
    assert_eq!(told.into_iter().filter(|is_news| *is_news).count(), 1, "it is news once");
    Ok(())
}

async fn what_is_known_is_told_in_order<O: Outcomes>(
    store: &O,
    ledger: &impl Ledger,
    clock: &ManualClock,
) -> Result<(), Error> {
    assert!(store.known(&[]).await?.is_empty());
    let name = |number: usize| format!("{number:032x}");
    let mut expected = Vec::new();
    // More than a call of DynamoDB takes: claimed and told of, only claimed, only told of, neither.
    for number in 0..130 {
        let mut known = Known::default();
        if number % 4 < 2 {
            let deadline = clock.now() + Duration::MINUTE;
            let detail = BTreeMap::from([("channel".to_owned(), "email".to_owned())]);
            let claimed = ledger.claim(&name(number), "message-1", deadline, detail).await?;
            assert!(matches!(claimed, Claimed::Won(_)), "nobody claimed it before");
            known.entry = ledger.get(&name(number)).await?;
        }
        if number % 2 == 0 {
            store.record(&news(&name(number), Outcome::Delivered, NOON)).await?;
            known.outcome = Some((Outcome::Delivered, None, NOON.truncate_to_millisecond()));
        }
        expected.push(known);
    }
    expected.reverse();
    let mut asked: Vec<String> = (0..130).rev().map(name).collect();
    expected.extend(expected.last().cloned());
    asked.extend(asked.last().cloned());
    assert_eq!(store.known(&asked).await?, expected);
    Ok(())
}

fn minute(number: u32) -> OffsetDateTime {
    (NOON + Duration::MINUTE * number).truncate_to_millisecond()
}

async fn reports_are_due_at_the_soonest<R: Reports>(store: &R) -> Result<(), Error> {
    assert!(store.due_reports(minute(99), 10).await?.is_empty());
    store.written("spring", minute(1)).await?;
    for (campaign, at) in [("spring", 5), ("autumn", 2), ("spring", 3), ("winter", 4)] {
        store.request(campaign, NOON + Duration::MINUTE * at).await?;
    }
    let due = |campaign: &str, at| (campaign.to_owned(), minute(at));
    for (by, most, expected) in [
        (1, 10, vec![]),
        (3, 10, vec![due("autumn", 2), due("spring", 3)]),
        (9, 2, vec![due("autumn", 2), due("spring", 3)]),
        (9, 10, vec![due("autumn", 2), due("spring", 3), due("winter", 4)]),
        (9, 0, vec![]),
    ] {
        assert_eq!(store.due_reports(minute(by), most).await?, expected, "by minute {by}, at most {most}");
    }
    store.written("winter", minute(3)).await?;
    store.written("autumn", minute(2)).await?;
    store.written("autumn", minute(2)).await?;
    store.written("spring", minute(3)).await?;
    assert_eq!(store.due_reports(minute(9), 10).await?, [due("winter", 4)], "it was due at another time");
    store.written("winter", minute(4)).await?;
    assert!(store.due_reports(minute(99), 10).await?.is_empty());
    Ok(())
}

async fn what_is_asked_for_while_a_report_is_written_stays_due<R: Reports>(store: &R) -> Result<(), Error> {
    let due = |at| vec![("spring".to_owned(), minute(at))];
    store.request("spring", minute(10)).await?;
    // It is being written when these come.
    for at in [18, 16, 17] {
        store.request("spring", minute(at)).await?;
    }
    assert_eq!(store.due_reports(minute(99), 10).await?, due(10), "the soonest");
    store.written("spring", minute(10)).await?;
    assert_eq!(store.due_reports(minute(99), 10).await?, due(16), "asked for since");
    store.written("spring", minute(10)).await?;
    assert_eq!(store.due_reports(minute(99), 10).await?, due(16), "a repeat");

    store.request("spring", minute(16)).await?;
    store.written("spring", minute(16)).await?;
    let later = (minute(16) + Duration::MILLISECOND, "spring".to_owned());
    assert_eq!(store.due_reports(minute(99), 10).await?, [(later.1, later.0)], "at the same time, but since");
    store.written("spring", later.0).await?;
    assert!(store.due_reports(minute(99), 10).await?.is_empty());

    let many = join_all((0..20).map(|number| store.request("spring", minute(20 + number * 7 % 20)))).await;
    all(many)?;
    assert_eq!(store.due_reports(minute(99), 10).await?, due(20), "the soonest of twenty");
    store.written("spring", minute(20)).await?;
    let left = store.due_reports(minute(99), 10).await?;
    if let Some((campaign, at)) = left.first() {
        store.written(campaign, *at).await?;
    }
    assert!(store.due_reports(minute(99), 10).await?.is_empty(), "one more at most");
    Ok(())
}

async fn rates_are_kept<P: Pace>(store: &P) -> Result<(), Error> {
    let second = |number: u32| NOON + Duration::SECOND * number;
    assert_eq!(store.take("email", 14.0, 10, NOON).await?, Room::For(10));
    assert_eq!(store.take("email", 14.0, 10, NOON).await?, Room::For(4), "what is left");
    let wait = std::time::Duration::from_millis(750);
    let quarter = NOON + Duration::milliseconds(250);
    assert_eq!(store.take("email", 14.0, 1, quarter).await?, Room::After(wait));
    assert_eq!(store.take("sms", 1.0, 10, quarter).await?, Room::For(1), "a rate of its own");
    assert_eq!(store.take("email", 14.0, 100, second(60)).await?, Room::For(14), "no more than a second's");
    assert_eq!(store.take("nothing", 0.0, 1, NOON).await?, Room::After(std::time::Duration::from_secs(60)));

    // Twenty at once, three times in the same second, then a second later.
    for (at, room) in [(0, 15), (200, 0), (999, 0), (1_000, 15)] {
        let now = NOON + Duration::milliseconds(at);
        let takers = (0..20).map(|number| store.take("contested", 15.0, 1 + number % 3, now));
        let mut taken = 0;
        for taker in all(join_all(takers).await)? {
            match taker {
                Room::For(permits) => taken += permits,
                Room::After(wait) => assert!(wait > std::time::Duration::ZERO),
            }
        }
        assert!(taken <= room && (taken > 0) == (room > 0), "{taken} of {room} at {at} ms");
    }
    Ok(())
}
