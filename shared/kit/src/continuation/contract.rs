//! What every [`Continuations`] must do, as assertions that any implementation can be run through.

use std::{collections::BTreeMap, time::Duration};

use time::{OffsetDateTime, SignedDuration};

use super::{Continuations, Hop, Link, Progress, Taken, Takeover};
use crate::{
    clock::{Clock, ManualClock},
    error::Error,
};

const LEASE: Duration = Duration::from_secs(60);

/// Runs the whole contract against empty `continuations` that tell the time by `clock`.
///
/// # Errors
///
/// The store's own, where the contract expects none.
///
/// # Panics
///
/// If the store breaks the contract.
pub async fn suite(continuations: &impl Continuations, clock: &ManualClock) -> Result<(), Error> {
    let chains = Chains { store: continuations, clock, requested_at: clock.now() };
    chains.a_run_is_recorded_from_start_to_finish().await?;
    chains.a_hop_is_taken_when_it_is_its_turn().await?;
    chains.a_run_replaces_another_as_it_may().await?;
    chains.a_record_that_is_gone_does_not_end_the_run().await?;
    chains.late_writes_change_nothing().await
}

/// How far a run has come before a message arrives.
#[derive(Debug, Clone, Copy)]
enum At {
    Held,
    LeaseOver,
    Released,
    HandedOver,
    HandedOverThenReleased,
    HandedOverLeaseOver,
    SetAside,
    Finished,
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    NotYet,
    Duplicate,
    Superseded,
}

struct Chains<'a, C> {
    store: &'a C,
    clock: &'a ManualClock,
    requested_at: OffsetDateTime,
}

impl<C: Continuations> Chains<'_, C> {
    fn hop<'h>(&self, chain: &'h str, number: u32, holder: &'h str) -> Hop<'h> {
        Hop {
            chain,
            run: "run-1",
            requested_at: self.requested_at,
            number,
            holder,
            lease_until: self.clock.now() + LEASE,
            takeover: Takeover::Never,
        }
    }

    fn link(&self, hop: &Hop<'_>) -> Link {
        Link {
            chain: hop.chain.to_owned(),
            run: hop.run.to_owned(),
            requested_at: hop.requested_at.truncate_to_millisecond(),
            hop: hop.number,
            state: Progress::Running,
            holder: hop.holder.to_owned(),
            lease_until: hop.lease_until.truncate_to_millisecond(),
            handed_over: false,
            released: false,
            updated_at: self.clock.now().truncate_to_millisecond(),
            detail: BTreeMap::new(),
        }
    }

    /// Takes `hop`, checks that the answer shows the record as it stands, and that a refusal left it alone.
    async fn take(&self, hop: &Hop<'_>) -> Result<Answer, Error> {
        let before = self.store.get(hop.chain).await?;
        let taken = self.store.take(hop).await?;
        let after = self.store.get(hop.chain).await?;
        let (answer, link) = match taken {
            Taken::Yes(link) => {
                assert_eq!(link, self.link(hop));
                (Answer::Yes, link)
            }
            Taken::NotYet(link) => {
                assert_eq!(before, after, "{hop:?}");
                (Answer::NotYet, link)
            }
            Taken::Duplicate(link) => {
                assert_eq!(before, after, "{hop:?}");
                (Answer::Duplicate, link)
            }
            Taken::Superseded(link) => {
                assert_eq!(before, after, "{hop:?}");
                (Answer::Superseded, link)
            }
        };
        assert_eq!(after, Some(link), "{hop:?}");
        Ok(answer)
    }

    /// Brings a new chain to hop 2, held by `message-2`.
    async fn bring(&self, chain: &str, at: At) -> Result<(), Error> {
        for number in 0..=2 {
            let holder = format!("message-{number}");
            assert_eq!(self.take(&self.hop(chain, number, &holder)).await?, Answer::Yes, "{chain}");
            if number < 2 {
                self.store.handed_over(chain, "run-1", number).await?;
            }
        }
        match at {
            At::Held => {}
            At::LeaseOver => self.clock.advance(LEASE),
            At::Released => self.store.release(chain, "run-1", 2, "message-2").await?,
            At::HandedOver => self.store.handed_over(chain, "run-1", 2).await?,
            At::HandedOverThenReleased => {
                self.store.handed_over(chain, "run-1", 2).await?;
                self.store.release(chain, "run-1", 2, "message-2").await?;
            }
            At::HandedOverLeaseOver => {
                self.store.handed_over(chain, "run-1", 2).await?;
                self.clock.advance(LEASE);
            }
            At::SetAside => self.store.set_aside(chain, "run-1", 2, "message-2").await?,
            At::Finished => self.store.finish(chain, "run-1", BTreeMap::new()).await?,
        }
        Ok(())
    }

    async fn a_run_is_recorded_from_start_to_finish(&self) -> Result<(), Error> {
        let chain = "arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f";
        assert_eq!(self.store.get(chain).await?, None);
        let first = self.hop(chain, 0, "message-0");
        let mut link = self.link(&first);
        assert_eq!(self.store.take(&first).await?, Taken::Yes(link.clone()));

        self.clock.advance(Duration::from_secs(5));
        self.store.handed_over(chain, "run-1", 0).await?;
        link.handed_over = true;
        link.updated_at += Duration::from_secs(5);
        assert_eq!(self.store.get(chain).await?, Some(link));

        self.clock.advance(Duration::from_secs(5));
        let second = self.hop(chain, 1, "message-1");
        let mut link = self.link(&second);
        assert_eq!(self.store.take(&second).await?, Taken::Yes(link.clone()));
        self.store.release(chain, "run-1", 1, "message-1").await?;
        link.released = true;
        assert_eq!(self.store.get(chain).await?, Some(link.clone()));

        let outcome = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        self.clock.advance(Duration::from_secs(5));
        self.store.set_aside(chain, "run-1", 1, "message-1").await?;
        link.state = Progress::SetAside;
        link.updated_at += Duration::from_secs(5);
        assert_eq!(self.store.get(chain).await?, Some(link.clone()));

        self.store.finish(chain, "run-1", outcome("outcome", "complete")).await?;
        self.store.finish(chain, "run-1", outcome("window end", "2026-11-23")).await?;
        link.state = Progress::Finished;
        link.detail = outcome("outcome", "complete");
        link.detail.extend(outcome("window end", "2026-11-23"));
        assert_eq!(self.store.get(chain).await?, Some(link));
        Ok(())
    }

    async fn a_hop_is_taken_when_it_is_its_turn(&self) -> Result<(), Error> {
        use Answer::{Duplicate, NotYet, Yes};
        // The run stands at hop 2, held by `message-2`. Answers to: an earlier hop; hop 2 by its holder; hop
        // 2 by a copy; the next hop; the one after that.
        let cases = [
            (At::Held, [Duplicate, Yes, NotYet, Yes, NotYet]),
            (At::LeaseOver, [Duplicate, Yes, Yes, Yes, NotYet]),
            (At::Released, [Duplicate, Yes, Yes, Yes, NotYet]),
            (At::HandedOver, [Duplicate, Duplicate, Duplicate, Yes, NotYet]),
            (At::HandedOverThenReleased, [Duplicate, Duplicate, Duplicate, Yes, NotYet]),
            (At::HandedOverLeaseOver, [Duplicate, Duplicate, Duplicate, Yes, NotYet]),
            // What was set aside waits for nobody, and goes on once its message is sent back.
            (At::SetAside, [Duplicate, Yes, Yes, Yes, NotYet]),
            (At::Finished, [Duplicate, Duplicate, Duplicate, Duplicate, Duplicate]),
        ];
        for (at, answers) in cases {
            let arriving =
                [(1, "message-1"), (2, "message-2"), (2, "copy"), (3, "message-3"), (4, "message-4")];
            for ((number, holder), expected) in arriving.into_iter().zip(answers) {
                let chain = format!("turn {at:?} {number} {holder}");
                self.bring(&chain, at).await?;
                assert_eq!(self.take(&self.hop(&chain, number, holder)).await?, expected, "{chain}");
            }
        }
        Ok(())
    }

    async fn a_run_replaces_another_as_it_may(&self) -> Result<(), Error> {
        use Answer::{Superseded, Yes};
        let second = SignedDuration::SECOND;
        // Answers while the other run goes on, and once it is finished or set aside.
        let cases = [
            (Takeover::Never, 0, second, Superseded, Superseded),
            (Takeover::WhenFinished, 0, second, Superseded, Yes),
            (Takeover::Always, 0, second, Yes, Yes),
            // Not requested later.
            (Takeover::WhenFinished, 0, SignedDuration::ZERO, Superseded, Superseded),
            (Takeover::Always, 0, SignedDuration::ZERO, Superseded, Superseded),
            (Takeover::WhenFinished, 0, -second, Superseded, Superseded),
            (Takeover::Always, 0, -second, Superseded, Superseded),
            // Not the first hop.
            (Takeover::WhenFinished, 3, second, Superseded, Superseded),
            (Takeover::Always, 3, second, Superseded, Superseded),
        ];
        for (takeover, number, later, while_running, when_finished) in cases {
            let standings = [
                (At::LeaseOver, &while_running),
                (At::Finished, &when_finished),
                (At::SetAside, &when_finished),
            ];
            for (at, expected) in standings {
                let chain = format!("replace {takeover:?} {number} {later} {at:?}");
                self.bring(&chain, at).await?;
                let requested_at = self.requested_at + later;
                let hop = Hop { run: "run-2", requested_at, takeover, ..self.hop(&chain, number, "other") };
                assert_eq!(&self.take(&hop).await?, expected, "{chain}");

                if *expected == Yes {
                    let mut old = self.hop(&chain, 0, "message-0");
                    old.takeover = takeover;
                    assert_eq!(self.take(&old).await?, Superseded, "{chain}: the old request comes back");
                    old.number = 3;
                    assert_eq!(self.take(&old).await?, Superseded, "{chain}: the old run goes on");
                }
            }
        }
        Ok(())
    }

    async fn a_record_that_is_gone_does_not_end_the_run(&self) -> Result<(), Error> {
        assert_eq!(self.take(&self.hop("gone", 7, "message-7")).await?, Answer::Yes);
        assert_eq!(self.take(&self.hop("gone", 7, "copy")).await?, Answer::NotYet);
        assert_eq!(self.take(&self.hop("gone", 8, "message-8")).await?, Answer::Yes);
        Ok(())
    }

    async fn late_writes_change_nothing(&self) -> Result<(), Error> {
        let chain = "late";
        self.bring(chain, At::Held).await?;
        let standing = self.store.get(chain).await?;
        self.clock.advance(Duration::from_secs(1));
        for number in [1, 3] {
            self.store.handed_over(chain, "run-1", number).await?;
            self.store.release(chain, "run-1", number, "message-2").await?;
            self.store.set_aside(chain, "run-1", number, "message-2").await?;
        }
        self.store.handed_over(chain, "run-0", 2).await?;
        self.store.release(chain, "run-0", 2, "message-2").await?;
        self.store.release(chain, "run-1", 2, "one whose lease ran out").await?;
        self.store.set_aside(chain, "run-0", 2, "message-2").await?;
        self.store.set_aside(chain, "run-1", 2, "one whose lease ran out").await?;
        self.store
            .finish(chain, "run-0", BTreeMap::from([("outcome".to_owned(), "late".to_owned())]))
            .await?;
        assert_eq!(self.store.get(chain).await?, standing);

        self.store.handed_over(chain, "run-1", 2).await?;
        let standing = self.store.get(chain).await?;
        self.clock.advance(Duration::from_secs(1));
        self.store.release(chain, "run-1", 2, "message-2").await?;
        self.store.set_aside(chain, "run-1", 2, "message-2").await?;
        assert_eq!(self.store.get(chain).await?, standing, "what was handed over is not given back");

        self.bring("late and finished", At::Finished).await?;
        let standing = self.store.get("late and finished").await?;
        self.clock.advance(Duration::from_secs(1));
        self.store.set_aside("late and finished", "run-1", 2, "message-2").await?;
        assert_eq!(self.store.get("late and finished").await?, standing, "an end stays the end");

        self.store.handed_over("unknown", "run-1", 0).await?;
        self.store.release("unknown", "run-1", 0, "message-0").await?;
        self.store.set_aside("unknown", "run-1", 0, "message-0").await?;
        self.store.finish("unknown", "run-1", BTreeMap::new()).await?;
        assert_eq!(self.store.get("unknown").await?, None, "no record comes into being");
        Ok(())
    }
}
