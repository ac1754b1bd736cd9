//! What every [`Ledger`] must do, as assertions that any implementation can be run through.

use std::{collections::BTreeMap, time::Duration};

use super::{Claimed, Entry, Ledger, Settlement, State};
use crate::{
    clock::{Clock, ManualClock},
    error::Error,
};

/// Runs the whole contract against an empty `ledger` that tells the time by `clock`.
///
/// # Errors
///
/// The ledger's own, where the contract expects none.
///
/// # Panics
///
/// If the ledger breaks the contract.
pub async fn suite(ledger: &impl Ledger, clock: &ManualClock) -> Result<(), Error> {
    first_claim_wins_and_never_expires(ledger, clock).await?;
    settlements_follow_the_state_machine(ledger, clock).await?;
    settlements_need_the_claimed_attempt(ledger, clock).await?;
    details_are_added_and_reasons_replaced(ledger, clock).await?;
    further_attempts_are_made_on_purpose(ledger, clock).await?;
    an_open_attempt_is_never_followed(ledger, clock).await
}

fn detail(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn done() -> Settlement {
    Settlement::Done { detail: BTreeMap::new() }
}

fn refused() -> Settlement {
    Settlement::Refused { reason: "entity not found".to_owned() }
}

fn uncertain() -> Settlement {
    Settlement::Uncertain { reason: "no answer".to_owned() }
}

async fn claim(ledger: &impl Ledger, clock: &ManualClock, key: &str) -> Result<Claimed, Error> {
    ledger.claim(key, "message-1", clock.now() + Duration::from_secs(60), BTreeMap::new()).await
}

async fn first_claim_wins_and_never_expires(ledger: &impl Ledger, clock: &ManualClock) -> Result<(), Error> {
    let key = "graph/arn:aws:iam::111122223333:role/one";
    assert_eq!(ledger.get(key).await?, None);

    let claimed_at = clock.now();
    let claim_deadline = claimed_at + Duration::from_secs(60);
    let expected = Entry {
        key: key.to_owned(),
        attempt: 1,
        state: State::Claimed,
        holder: "message-1".to_owned(),
        claimed_at: claimed_at.truncate_to_millisecond(),
        claim_deadline: claim_deadline.truncate_to_millisecond(),
        settled_at: None,
        detail: detail(&[("window", "24h")]),
        reason: None,
    };
    let won = ledger.claim(key, "message-1", claim_deadline, expected.detail.clone()).await?;
    assert_eq!(won, Claimed::Won(expected.clone()));
    assert_eq!(ledger.get(key).await?, Some(expected.clone()));

    for (holder, later) in
        [("message-2", 0), ("message-1", 1), ("message-2", 3600), ("message-3", 500 * 86_400)]
    {
        clock.advance(Duration::from_secs(later));
        let claim = ledger.claim(key, holder, clock.now() + Duration::from_secs(60), BTreeMap::new()).await?;
        assert_eq!(claim, Claimed::Held(expected.clone()), "{holder}, {later} s later");
    }
    assert!(matches!(claim(ledger, clock, "graph/another").await?, Claimed::Won(_)), "keys are independent");
    Ok(())
}

async fn settlements_follow_the_state_machine(
    ledger: &impl Ledger,
    clock: &ManualClock,
) -> Result<(), Error> {
    use State::{Claimed as Open, Done, Refused, Uncertain};
    let before =
        [(Open, None), (Done, Some(done())), (Refused, Some(refused())), (Uncertain, Some(uncertain()))];
    for (from, first) in before {
        for second in [done(), refused(), uncertain()] {
            let to = second.state();
            let key = format!("{from} to {to}");
            claim(ledger, clock, &key).await?;
            if let Some(first) = first.clone() {
                ledger.settle(&key, 1, first).await?;
            }
            let standing = ledger.get(&key).await?;
            clock.advance(Duration::from_secs(1));
            let now = clock.now().truncate_to_millisecond();
            let result = ledger.settle(&key, 1, second).await;

            match (from, to) {
                (Open, _) | (Uncertain, Done | Refused) => {
                    let entry = result?;
                    assert_eq!(entry.state, to, "{key}");
                    assert_eq!(entry.settled_at, to.is_final().then_some(now), "{key}");
                    assert_eq!(ledger.get(&key).await?, Some(entry), "{key}");
                }
                _ if from == to => assert_eq!(Some(result?), standing, "{key}: a repeat changes nothing"),
                _ => {
                    let error = result.err().map(|error| (error.qualified_type(), error.to_string()));
                    let said = format!("effect `{key}` is {from} and cannot become {to}");
                    assert_eq!(error, Some(("Permanent.SettlementConflict".to_owned(), said)));
                    assert_eq!(ledger.get(&key).await?, standing, "{key}: a conflict changes nothing");
                }
            }
        }
    }
    Ok(())
}

async fn settlements_need_the_claimed_attempt(
    ledger: &impl Ledger,
    clock: &ManualClock,
) -> Result<(), Error> {
    let unknown = ledger.settle("never claimed", 1, done()).await;
    assert_eq!(unknown.err().map(|error| error.qualified_type()).as_deref(), Some("Permanent.UnknownEffect"));
    assert_eq!(ledger.get("never claimed").await?, None);

    claim(ledger, clock, "once").await?;
    let wrong = ledger.settle("once", 2, done()).await.err().map(|error| error.to_string());
    let said = "effect `once` is claimed at attempt 1, so attempt 2 cannot become done";
    assert_eq!(wrong.as_deref(), Some(said));
    Ok(())
}

async fn details_are_added_and_reasons_replaced(
    ledger: &impl Ledger,
    clock: &ManualClock,
) -> Result<(), Error> {
    let key = "detail";
    let deadline = clock.now() + Duration::from_secs(60);
    ledger.claim(key, "message-1", deadline, detail(&[("window", "24h"), ("id", "none")])).await?;
    let entry = ledger.settle(key, 1, uncertain()).await?;
    assert_eq!((entry.state, entry.reason.as_deref()), (State::Uncertain, Some("no answer")));

    let found =
        Settlement::Done { detail: detail(&[("id", "012345678901234567890"), ("a name: with/signs", "")]) };
    let entry = ledger.settle(key, 1, found.clone()).await?;
    assert_eq!(entry.reason, None);
    let all = [("window", "24h"), ("id", "012345678901234567890"), ("a name: with/signs", "")];
    assert_eq!(entry.detail, detail(&all));

    assert_eq!(ledger.settle(key, 1, found).await?, entry);
    assert_eq!(ledger.settle(key, 1, done()).await?, entry, "less detail does not contradict");
    let another = Settlement::Done { detail: detail(&[("id", "another")]) };
    let error = ledger.settle(key, 1, another).await.err().map(|error| error.to_string());
    let said = "effect `detail` is done and cannot become done with another detail";
    assert_eq!(error.as_deref(), Some(said));

    claim(ledger, clock, "reason").await?;
    ledger.settle("reason", 1, uncertain()).await?;
    let entry = ledger.settle("reason", 1, refused()).await?;
    assert_eq!(entry.reason.as_deref(), Some("entity not found"));
    let in_other_words = Settlement::Refused { reason: "no such entity".to_owned() };
    assert_eq!(ledger.settle("reason", 1, in_other_words).await?, entry);
    Ok(())
}

async fn further_attempts_are_made_on_purpose(
    ledger: &impl Ledger,
    clock: &ManualClock,
) -> Result<(), Error> {
    for settlement in [done(), refused()] {
        let key = format!("again after {}", settlement.state());
        let deadline = clock.now() + Duration::from_secs(60);
        ledger.claim(&key, "message-1", deadline, detail(&[("window", "24h")])).await?;
        let first = ledger.settle(&key, 1, settlement.clone()).await?;

        clock.advance(Duration::from_secs(86_400));
        let expected = Entry {
            attempt: 2,
            state: State::Claimed,
            holder: "message-2".to_owned(),
            claimed_at: clock.now().truncate_to_millisecond(),
            claim_deadline: (clock.now() + Duration::from_secs(9)).truncate_to_millisecond(),
            settled_at: None,
            detail: detail(&[("window", "48h")]),
            reason: None,
            key: key.clone(),
        };
        let again = |holder| {
            ledger.claim_again(&first, holder, clock.now() + Duration::from_secs(9), expected.detail.clone())
        };
        assert_eq!(again("message-2").await?, Claimed::Won(expected.clone()), "{key}");
        assert_eq!(ledger.get(&key).await?, Some(expected.clone()), "{key}");
        assert_eq!(again("message-3").await?, Claimed::Held(expected.clone()), "{key}: `first` is past");

        let error = ledger.settle(&key, 1, settlement.clone()).await.err().map(|error| error.to_string());
        let said = format!(
            "effect `{key}` is claimed at attempt 2, so attempt 1 cannot become {}",
            settlement.state()
        );
        assert_eq!(error, Some(said));
        let second = ledger.settle(&key, 2, settlement).await?;
        assert_eq!(again("message-3").await?, Claimed::Held(second), "{key}: same state, another attempt");
    }
    Ok(())
}

async fn an_open_attempt_is_never_followed(ledger: &impl Ledger, clock: &ManualClock) -> Result<(), Error> {
    for settlement in [None, Some(uncertain())] {
        let key = format!("open {settlement:?}");
        claim(ledger, clock, &key).await?;
        if let Some(settlement) = settlement {
            ledger.settle(&key, 1, settlement).await?;
        }
        clock.advance(Duration::from_secs(500 * 86_400));
        let Some(entry) = ledger.get(&key).await? else {
            assert!(matches!(claim(ledger, clock, &key).await?, Claimed::Held(_)), "{key} was lost");
            continue;
        };
        let deadline = clock.now() + Duration::from_secs(60);
        let again = ledger.claim_again(&entry, "message-2", deadline, BTreeMap::new()).await?;
        assert_eq!(again, Claimed::Held(entry.clone()), "{key}");

        // Somebody believes it done, and is wrong.
        let believed = Entry { state: State::Done, ..entry.clone() };
        let again = ledger.claim_again(&believed, "message-2", deadline, BTreeMap::new()).await?;
        assert_eq!(again, Claimed::Held(entry.clone()), "{key}");
        assert_eq!(ledger.get(&key).await?, Some(entry), "{key}");
    }
    Ok(())
}
