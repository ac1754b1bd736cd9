//! The ledger's contract on its in-memory double, and what no interleaving of claimants may bring about.

#![cfg(feature = "testing")]

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use eventide_kit::{
    clock::{Clock, ManualClock},
    ledger::{Claimed, Entry, Ledger, MemoryLedger, Settlement, State, contract},
};
use proptest::prelude::*;
use time::macros::datetime;

fn clock() -> ManualClock {
    ManualClock::new(datetime!(2026-11-23 09:00:00.123_456 UTC))
}

#[tokio::test]
async fn the_double_keeps_the_contract() {
    let clock = clock();
    let ledger = MemoryLedger::new(Arc::new(clock.clone()));
    contract::suite(&ledger, &clock).await.unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Claim,
    ClaimAgain,
    /// As above, by one who believes the attempt to be over.
    ClaimAgainInError,
    Settle(Settlement),
    Look,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<(usize, usize, Step)>> {
    let step = prop_oneof![
        3 => Just(Step::Claim),
        3 => Just(Step::ClaimAgain),
        1 => Just(Step::ClaimAgainInError),
        2 => Just(Step::Settle(Settlement::Done { detail: BTreeMap::new() })),
        2 => Just(Step::Settle(Settlement::Refused { reason: "no".to_owned() })),
        2 => Just(Step::Settle(Settlement::Uncertain { reason: "silence".to_owned() })),
        1 => Just(Step::Look),
        1 => (0_u64..1_000_000_000).prop_map(Step::Wait),
    ];
    prop::collection::vec((0_usize..4, 0_usize..2, step), 1..80)
}

proptest! {
    /// Claimants act on what they last saw, however old that is. An attempt is won once, in turn, and only
    /// after the one before it was done or refused, which stays as it is.
    #[test]
    fn an_attempt_is_won_once_and_only_after_the_last_is_over(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let clock = clock();
            let ledger = MemoryLedger::new(Arc::new(clock.clone()));
            let mut seen: HashMap<(usize, usize), Entry> = HashMap::new();
            let mut truth: HashMap<usize, (u32, State)> = HashMap::new();
            for (claimant, key_index, step) in steps {
                let key = format!("effect {key_index}");
                let holder = format!("claimant {claimant}");
                let until = clock.now() + Duration::from_secs(60);
                let view = seen.get(&(claimant, key_index)).cloned();
                let claimed = match (step, view) {
                    (Step::Claim, _) => ledger.claim(&key, &holder, until, BTreeMap::new()).await.unwrap(),
                    (Step::ClaimAgain, Some(view)) => {
                        ledger.claim_again(&view, &holder, until, BTreeMap::new()).await.unwrap()
                    }
                    (Step::ClaimAgainInError, Some(view)) => {
                        let view = Entry { state: State::Done, ..view };
                        ledger.claim_again(&view, &holder, until, BTreeMap::new()).await.unwrap()
                    }
                    (Step::Settle(settlement), Some(view)) => {
                        let wanted = settlement.state();
                        let (attempt, state) = truth[&key_index];
                        match ledger.settle(&key, view.attempt, settlement).await {
                            Ok(entry) => {
                                prop_assert_eq!(attempt, view.attempt);
                                prop_assert!(!state.is_final() || state == wanted, "{state} to {wanted}");
                                truth.insert(key_index, (attempt, entry.state));
                                Claimed::Held(entry)
                            }
                            Err(_) => continue,
                        }
                    }
                    (Step::Wait(seconds), _) => {
                        clock.advance(Duration::from_secs(seconds));
                        continue;
                    }
                    (Step::Look, _) => match ledger.get(&key).await.unwrap() {
                        Some(entry) => Claimed::Held(entry),
                        None => continue,
                    },
                    _ => continue,
                };
                let entry = match claimed {
                    Claimed::Won(entry) => {
                        let before = truth.insert(key_index, (entry.attempt, State::Claimed));
                        match before {
                            None => prop_assert_eq!(entry.attempt, 1),
                            Some((attempt, state)) => {
                                prop_assert_eq!(entry.attempt, attempt + 1);
                                prop_assert!(state.is_final(), "attempt {} was {}", attempt, state);
                            }
                        }
                        prop_assert_eq!(&entry.holder, &holder);
                        entry
                    }
                    Claimed::Held(entry) => entry,
                };
                prop_assert_eq!((entry.attempt, entry.state), truth[&key_index]);
                seen.insert((claimant, key_index), entry);
            }
            Ok(())
        })?;
    }
}
