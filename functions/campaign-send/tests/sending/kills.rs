//! The function is killed after each of its calls, or an answer is lost: nothing is sent twice, nothing forgotten.

use std::collections::BTreeSet;

use eventide_clients::campaigns::Shards as _;
use eventide_kit::ledger::State;
use eventide_kit::tap::Calls;
use eventide_types::campaign::outgoing::Outgoing;

use crate::support::{CAMPAIGN, UPLOAD, World, emails, quota, texts};

/// Messages that an invocation has under way at a time.
const CONCURRENCY: usize = 16;
/// Kills are tried in so many tests at the same time.
const STRIDE: usize = 2;

/// Some emails and text messages, two of which their providers refuse.
async fn world(size: u32, calls: Calls, lost: usize) -> (World, Vec<Outgoing>) {
    let mut world = World::with(calls, lost);
    world.fakes.email.set_quota(quota(25.0, 50_000.0, 0.0));
    let (mails, more, texts) =
        (emails(0..size * 3 / 8), emails(size * 3 / 8..size * 5 / 8), texts(size * 5 / 8..size));
    world.fakes.email.refuse(&mails[3].to, "MessageRejected");
    world.fakes.sms.opt_out(&texts[5].to);
    world.campaign(|_| {}).await;
    let all = [mails.clone(), more.clone(), texts.clone()].concat();
    let keys = world.shards(vec![mails, texts, more]).await;
    // The third is left to the sweep, or to where another ends.
    world.enqueue(&keys[0]);
    world.enqueue(&keys[1]);
    (world, all)
}

/// Runs to the end, and checks what holds whatever happened. What nobody knows of, and who may have been at it when it died.
async fn ends_well(world: &mut World, all: &[Outgoing], about: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut in_flight = None;
    let look = async |world: &World| {
        let progress = world.fakes.store.progress(CAMPAIGN, UPLOAD).await.unwrap();
        assert!(progress.is_complete() || !world.report_is_due(), "{about}: told too early");
        if world.killed.is_some() && in_flight.is_none() {
            in_flight = Some(world.in_state(all, State::Claimed).await);
        }
    };
    world.run(look).await;
    assert_eq!(world.fakes.dead_letters.reasons(), [""; 0], "{about}");
    assert!(world.report_is_due() && !world.fakes.report_queue.messages().is_empty(), "{about}: not told");

    let accepted = world.accepted();
    assert!(accepted.values().all(|times| *times == 1), "{about}: twice");
    let accepted: BTreeSet<String> = accepted.into_keys().collect();
    let uncertain = world.in_state(all, State::Uncertain).await;
    let refused = world.in_state(all, State::Refused).await;
    let approved: BTreeSet<String> = all.iter().map(|message| message.entry.clone()).collect();
    assert_eq!(&accepted | &uncertain, &approved - &refused, "{about}");
    assert!(world.in_state(all, State::Done).await.is_subset(&accepted), "{about}");
    for message in all {
        let entry = world.entry(message).await.unwrap();
        let reason = entry.reason.unwrap_or_default();
        assert!(!reason.starts_with("postponed"), "{about}: {reason}");
    }
    assert!(refused.len() <= 2, "{about}: {refused:?}");
    (uncertain, in_flight.unwrap_or_default())
}

/// All positions from `first` on in steps of `step`, until nobody lives so long.
async fn killed_everywhere(size: u32, copies: u32, first: usize, step: usize) -> usize {
    let (mut uncertain_ever, mut positions) = (0, 0);
    for position in (first..).step_by(step) {
        let calls = Calls::last(position);
        let (mut world, all) = world(size, calls.clone(), 0).await;
        world.copies = copies;
        let about = format!("killed after call {position}");
        let (uncertain, in_flight) = ends_well(&mut world, &all, &about).await;
        if world.killed.is_none() {
            assert!(calls.made() < position && uncertain.is_empty(), "{about}: {uncertain:?}");
            break;
        }
        positions += 1;
        assert!(uncertain.is_subset(&in_flight), "{about}: {uncertain:?} of {in_flight:?}");
        assert!(uncertain.len() <= CONCURRENCY, "{about}: {uncertain:?}");
        uncertain_ever = uncertain_ever.max(uncertain.len());
    }
    // The kills did hit messages under way.
    assert!((1..=CONCURRENCY).contains(&uncertain_ever), "{uncertain_ever}");
    positions
}

async fn killed_in_a_campaign_of_200(first: usize) {
    let positions = killed_everywhere(200, 1, first, STRIDE).await;
    println!("{positions} kills in a campaign of 200 messages, from call {first} on, every {STRIDE} calls");
    assert!(positions * STRIDE > 600, "{positions}: three calls a message");
}

#[tokio::test]
async fn killed_after_any_call_of_a_campaign_of_200_messages() {
    killed_in_a_campaign_of_200(1).await;
}

#[tokio::test]
async fn killed_after_any_other_call_of_a_campaign_of_200_messages() {
    killed_in_a_campaign_of_200(2).await;
}

#[tokio::test]
async fn killed_after_any_call_while_a_duplicate_is_at_the_same_shard() {
    let positions = killed_everywhere(40, 2, 1, 1).await;
    println!("{positions} kills in a campaign of 40 messages whose every message is delivered twice at once");
    assert!(positions > 200, "{positions}");
}

#[tokio::test]
async fn an_answer_is_lost_wherever_it_may_be() {
    for position in 1.. {
        let (mut world, all) = world(200, Calls::last(0), position).await;
        let about = format!("the answer to sending {position} is lost");
        let (uncertain, _) = ends_well(&mut world, &all, &about).await;
        if position > 200 {
            assert!(uncertain.is_empty(), "{about}");
            break;
        }
        assert_eq!(uncertain.len(), 1, "{about}");
        assert!(uncertain.iter().all(|entry| world.accepted().contains_key(entry)), "{about}");
    }
}
