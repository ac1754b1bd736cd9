//! What every implementation of the [ports](super) does, checked against the fake and, in DynamoDB, against
//! the local cloud.

mod sending;

use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::error::Error;
use eventide_kit::ledger::Ledger;
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::keys::{Form, Work};
use eventide_types::campaign::record::{Counts, Shard, State};
use eventide_types::campaign::settings::Settings;
use eventide_types::campaign::verdict::{Mode, Score, Scored, Scores as Part};
use eventide_types::campaign::{Campaign, Channel, ContentId};
use futures_util::future::join_all;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{Campaigns, Decisions, Origins, Outcomes, Pace, Reports, SCORE_DAYS, Scores, Shards};

/// When campaigns and shards of this suite were made.
pub const NOON: OffsetDateTime = datetime!(2026-11-01 12:00:00.123_456_789 UTC);

const CLASSIFIER: &str = "arn:aws:comprehend:us-east-1:111122223333:document-classifier/screen/version/v2";

fn refused<T>(result: Result<T, Error>) -> String {
    result.err().map(|error| error.qualified_type()).unwrap_or_default()
}

/// The record of a campaign that is being screened, never written.
pub fn campaign(id: &str) -> Campaign {
    Campaign {
        id: id.to_owned(),
        upload: "4f1c4f1c4f1c4f1c".to_owned(),
        key: format!("campaigns/{id}.csv"),
        version_id: Some("v-1".to_owned()),
        etag: "etag".to_owned(),
        sequencer: "0055AED6DCD90281E5".to_owned(),
        bytes: 1_024,
        form: Form::Csv,
        gzip: false,
        state: State::Screening,
        paused: false,
        decided: None,
        settings: Settings { subject: Some("\"Sale\"".to_owned()), ..Settings::default() },
        classifier: CLASSIFIER.to_owned(),
        holder: String::new(),
        job_id: None,
        counts: Counts::default(),
        reason: None,
        uploaded_at: NOON,
        screened_at: None,
        sent_at: None,
        updated_at: NOON,
        due_at: Some(NOON),
        revision: 0,
    }
}

/// An open shard of the upload of [`campaign`], never written.
pub fn shard(campaign: &str, number: u32) -> Shard {
    let upload = "4f1c4f1c4f1c4f1c".to_owned();
    Shard {
        key: Work { campaign, upload: &upload }.shard("first", number),
        campaign: campaign.to_owned(),
        upload,
        channel: Channel::Email,
        zone: Some("Europe/Berlin".to_owned()),
        messages: 250,
        test: false,
        next: 0,
        left: 0,
        closed: false,
        due_at: NOON,
        revision: 0,
    }
}

/// Checks all of it, on an empty store that tells by `clock` whether scores have expired, and reads entries
/// of `ledger`.
///
/// # Errors
/// Whatever an operation that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<S>(store: &S, ledger: &impl Ledger, clock: &ManualClock) -> Result<(), Error>
where
    S: Campaigns + Scores + Decisions + Shards + Origins + Outcomes + Reports + Pace,
{
    campaigns_are_written_over_what_was_read(store).await?;
    of_concurrent_writers_one_wins(store).await?;
    due_campaigns_are_found_in_order(store).await?;
    scores_are_kept_until_they_expire(store, clock).await?;
    the_first_decision_stands(store).await?;
    sending::check(store, ledger, clock).await
}

async fn campaigns_are_written_over_what_was_read<C: Campaigns>(store: &C) -> Result<(), Error> {
    assert_eq!(store.campaign("spring").await?, None);
    let first = campaign("spring");
    let mut written = first.clone();
    assert!(store.put(&mut written).await?);
    assert_eq!(written, Campaign { revision: 1, ..first.clone() });
    assert_eq!(store.campaign("spring").await?, Some(written.clone()));

    let mut again = first.clone();
    assert!(store.put(&mut again).await?, "the same write, repeated because its answer was lost");
    assert_eq!(again, written);
    let mut another = Campaign { upload: "another".to_owned(), ..first.clone() };
    assert!(!store.put(&mut another).await?, "there is one");
    assert_eq!(another.revision, 0, "what was not written stays as it is");

    let stale = written.clone();
    let mut moved = Campaign { state: State::Classifying, due_at: None, ..written };
    assert!(store.put(&mut moved).await?);
    assert_eq!(moved.revision, 2);
    let mut late = Campaign { state: State::Failed, ..stale };
    assert!(!store.put(&mut late).await?, "a stale revision");
    let mut early = Campaign { revision: 3, ..moved.clone() };
    assert!(!store.put(&mut early).await?, "a revision that is not there yet");
    assert_eq!(store.campaign("spring").await?, Some(moved));

    let mut unknown = Campaign { revision: 1, ..campaign("unknown") };
    assert!(!store.put(&mut unknown).await?, "it is not there any more");
    assert_eq!(store.campaign("unknown").await?, None);

    let long = Settings { html: Some("x".repeat(400 * 1024)), ..Settings::default() };
    let mut long = Campaign { settings: long, ..campaign("long") };
    assert_eq!(refused(store.put(&mut long).await), "Permanent.CampaignTooLong");
    assert_eq!(store.campaign("long").await?, None);
    Ok(())
}

async fn of_concurrent_writers_one_wins<C: Campaigns>(store: &C) -> Result<(), Error> {
    let mut contested = Campaign { due_at: None, ..campaign("contested") };
    assert!(store.put(&mut contested).await?);
    let writers = (0..20).map(|number| {
        let mut mine = Campaign { reason: Some(format!("writer {number}")), ..contested.clone() };
        async move { store.put(&mut mine).await.map(|won| won.then_some(mine)) }
    });
    let won: Vec<Campaign> =
        join_all(writers).await.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    assert_eq!(won.len(), 1, "{won:?}");
    assert_eq!(store.campaign("contested").await?.as_ref(), won.first());
    Ok(())
}

async fn due_campaigns_are_found_in_order<C: Campaigns>(store: &C) -> Result<(), Error> {
    for minute in [3_u32, 1, 2, 9] {
        let due_at = Some(NOON + Duration::MINUTE * minute);
        let mut due = Campaign { due_at, ..campaign(&format!("minute-{minute}")) };
        assert!(store.put(&mut due).await?);
    }
    let by = NOON + Duration::MINUTE * 3;
    for (most, expected) in
        [(10, &["minute-1", "minute-2", "minute-3"][..]), (2, &["minute-1", "minute-2"]), (0, &[])]
    {
        assert_eq!(store.due(by, most).await?, expected, "without those that nobody has to look after");
    }
    for (id, due_at) in [("minute-1", Some(NOON + Duration::HOUR)), ("minute-2", None)] {
        let moved = store.campaign(id).await?;
        assert!(moved.is_some(), "`{id}` is gone");
        let mut moved = Campaign { due_at, ..moved.unwrap_or_else(|| campaign(id)) };
        assert!(store.put(&mut moved).await?);
    }
    assert_eq!(store.due(by, 10).await?, ["minute-3"]);
    assert_eq!(store.due(NOON + Duration::DAY, 10).await?, ["minute-3", "minute-9", "minute-1"]);
    Ok(())
}

fn content(number: usize) -> ContentId {
    let mut id = [0xa5; 16];
    for (byte, digit) in id.iter_mut().zip(number.to_be_bytes()) {
        *byte = digit;
    }
    ContentId(id)
}

fn scored(number: usize, score: f32) -> Scored {
    let label = |name: &str, score| Score { name: name.to_owned(), score };
    let part = Part { mode: Mode::MultiClass, labels: vec![label("compliant", score), label("\"ü\"", 0.1)] };
    Scored { content: content(number), parts: vec![part.clone(), Part { labels: Vec::new(), ..part }] }
}

async fn scores_are_kept_until_they_expire<S: Scores>(store: &S, clock: &ManualClock) -> Result<(), Error> {
    store.keep(CLASSIFIER, &[], clock.now()).await?;
    assert!(store.scores(CLASSIFIER, &[]).await?.is_empty());

    // More than several calls of DynamoDB take, some of them twice; the last is kept.
    let mut kept: Vec<Scored> = (0..230).map(|number| scored(number, 0.123_456_79)).collect();
    kept.extend([scored(3, 0.7), scored(229, 0.8)]);
    store.keep(CLASSIFIER, &kept, clock.now()).await?;
    let asked: Vec<ContentId> = (0..260).rev().chain([3, 3]).map(content).collect();
    let expected = |number: usize| match number {
        3 => Some(scored(3, 0.7)),
        229 => Some(scored(229, 0.8)),
        0..230 => Some(scored(number, 0.123_456_79)),
        _ => None,
    };
    let expected: Vec<_> = (0..260).rev().chain([3, 3]).map(expected).collect();
    assert_eq!(store.scores(CLASSIFIER, &asked).await?, expected);
    let another = CLASSIFIER.replace("v2", "v3");
    assert_eq!(store.scores(&another, &[content(3)]).await?, [None], "another version of the classifier");

    clock.set(clock.now() + Duration::days(SCORE_DAYS) - Duration::SECOND);
    store.keep(CLASSIFIER, &[scored(4, 0.6)], clock.now()).await?;
    let both = [content(3), content(4)];
    assert_eq!(store.scores(CLASSIFIER, &both).await?, [Some(scored(3, 0.7)), Some(scored(4, 0.6))]);
    clock.set(clock.now() + Duration::SECOND);
    assert_eq!(store.scores(CLASSIFIER, &both).await?, [None, Some(scored(4, 0.6))], "one has expired");
    Ok(())
}

async fn the_first_decision_stands<D: Decisions>(store: &D) -> Result<(), Error> {
    let decision = |campaign: &str, number: usize, approved, by: &str| Decision {
        campaign: campaign.to_owned(),
        content: content(number),
        approved,
        by: by.to_owned(),
        reason: Some("because".to_owned()),
        label: None,
        at: NOON,
        source: "event-1".to_owned(),
    };
    let first = decision("spring", 1, true, "ann");
    assert_eq!(store.decide(&first).await?, first);
    assert_eq!(store.decide(&first).await?, first, "the same write, repeated");
    assert_eq!(store.decide(&decision("spring", 1, false, "bob")).await?, first, "the first stands");
    let second = decision("spring", 2, false, "bob");
    assert_eq!(store.decide(&second).await?, second);
    let asked = [content(2), content(9), content(1), content(2)];
    let expected = [Some(second.clone()), None, Some(first), Some(second)];
    assert_eq!(store.decisions("spring", &asked).await?, expected);
    assert_eq!(store.decisions("autumn", &asked).await?, [None, None, None, None]);

    let many: Vec<_> =
        (0..20).map(|number| decision("autumn", 1, number % 2 == 0, &number.to_string())).collect();
    let told = join_all(many.iter().map(|decision| store.decide(decision))).await;
    let told = told.into_iter().collect::<Result<Vec<_>, _>>()?;
    let standing = store.decisions("autumn", &[content(1)]).await?;
    assert!(told.iter().all(|told| standing.first() == Some(&Some(told.clone()))), "all hear the same");
    Ok(())
}
