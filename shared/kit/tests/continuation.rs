//! The contract of continuations on their in-memory double, and chains under every mishap a queue has in
//! store.

#![cfg(feature = "testing")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use eventide_kit::{
    clock::{Clock, ManualClock},
    continuation::{Continuations, Hop, MemoryContinuations, Progress, Taken, Takeover, contract},
};
use proptest::{prelude::*, sample::Index};
use time::{OffsetDateTime, macros::datetime};

const START: OffsetDateTime = datetime!(2026-11-23 09:00:00.123_456 UTC);
const LEASE: Duration = Duration::from_secs(60);
const LAST_HOP: u32 = 4;

#[tokio::test]
async fn the_double_keeps_the_contract() {
    let clock = ManualClock::new(START);
    let continuations = MemoryContinuations::new(Arc::new(clock.clone()));
    contract::suite(&continuations, &clock).await.unwrap();
}

/// A message in the queue. It stays there until it is deleted, and may be delivered at any time.
#[derive(Debug, Clone)]
struct Message {
    id: u32,
    number: u32,
}

/// A delivery that took its hop, and the next thing it does.
#[derive(Debug)]
struct Delivery {
    message: Message,
    next: Next,
}

#[derive(Debug)]
enum Next {
    SendSuccessor,
    SayHandedOver,
    Finish,
    Delete,
}

/// What happens next; the numbers choose among the messages or deliveries there are.
#[derive(Debug, Clone)]
enum Mishap {
    Deliver(Index),
    GoOn(Index),
    Crash(Index),
    Fail(Index),
    /// It fails for the last time; the message goes to the dead letters and is sent back, with another id.
    SetAside(Index),
    /// The message is sent once more.
    Copy(Index),
    /// The message comes back from the dead-letter queue, with another id.
    Redrive(Index),
    Wait(Duration),
}

fn mishaps() -> impl Strategy<Value = Vec<Mishap>> {
    let which = any::<Index>;
    let mishap = prop_oneof![
        4 => which().prop_map(Mishap::Deliver),
        8 => which().prop_map(Mishap::GoOn),
        1 => which().prop_map(Mishap::Crash),
        1 => which().prop_map(Mishap::Fail),
        1 => which().prop_map(Mishap::SetAside),
        1 => which().prop_map(Mishap::Copy),
        1 => which().prop_map(Mishap::Redrive),
        1 => (0_u64..90).prop_map(|seconds| Mishap::Wait(Duration::from_secs(seconds))),
    ];
    prop::collection::vec(mishap, 0..150)
}

struct Queue {
    clock: ManualClock,
    store: MemoryContinuations,
    messages: Vec<Message>,
    deliveries: Vec<Delivery>,
    next_id: u32,
    /// The numbers of the hops that were taken, in that order.
    taken: Vec<u32>,
}

impl Queue {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        let store = MemoryContinuations::new(Arc::new(clock.clone()));
        let mut queue =
            Self { clock, store, messages: vec![], deliveries: vec![], next_id: 0, taken: vec![] };
        queue.send(0);
        queue
    }

    fn send(&mut self, number: u32) {
        self.messages.push(Message { id: self.next_id, number });
        self.next_id += 1;
    }

    fn delete(&mut self, message: &Message) {
        self.messages.retain(|standing| standing.id != message.id);
    }

    async fn deliver(&mut self, message: Message) -> Result<(), TestCaseError> {
        let holder = format!("message {}", message.id);
        let hop = Hop {
            chain: "chain",
            run: "run",
            requested_at: START,
            number: message.number,
            holder: &holder,
            lease_until: self.clock.now() + LEASE,
            takeover: Takeover::WhenFinished,
        };
        match self.store.take(&hop).await? {
            Taken::Yes(_) => {
                let last = self.taken.last().copied();
                let linear = match last {
                    None => message.number == 0,
                    Some(last) => message.number == last || message.number == last + 1,
                };
                prop_assert!(linear, "hop {} after {last:?}", message.number);
                self.taken.push(message.number);
                let next = if message.number == LAST_HOP { Next::Finish } else { Next::SendSuccessor };
                self.deliveries.push(Delivery { message, next });
            }
            Taken::NotYet(_) => {}
            Taken::Duplicate(_) => self.delete(&message),
            Taken::Superseded(link) => prop_assert!(false, "there is no other run, but {link:?}"),
        }
        Ok(())
    }

    async fn go_on(&mut self, which: usize) -> Result<(), TestCaseError> {
        let Delivery { message, next } = self.deliveries.swap_remove(which);
        let next = match next {
            Next::SendSuccessor => {
                self.send(message.number + 1);
                Next::SayHandedOver
            }
            Next::SayHandedOver => {
                self.store.handed_over("chain", "run", message.number).await?;
                Next::Delete
            }
            Next::Finish => {
                self.store.finish("chain", "run", BTreeMap::new()).await?;
                Next::Delete
            }
            Next::Delete => {
                self.delete(&message);
                return Ok(());
            }
        };
        self.deliveries.push(Delivery { message, next });
        Ok(())
    }

    async fn happen(&mut self, mishap: Mishap) -> Result<(), TestCaseError> {
        let (messages, deliveries) = (self.messages.len(), self.deliveries.len());
        match mishap {
            Mishap::Deliver(which) if messages > 0 => {
                self.deliver(which.get(&self.messages).clone()).await?;
            }
            Mishap::GoOn(which) if deliveries > 0 => self.go_on(which.index(deliveries)).await?,
            Mishap::Crash(which) if deliveries > 0 => {
                self.deliveries.swap_remove(which.index(deliveries));
            }
            Mishap::Fail(which) if deliveries > 0 => {
                let failed = self.deliveries.swap_remove(which.index(deliveries));
                let Message { number, id } = failed.message;
                self.store.release("chain", "run", number, &format!("message {id}")).await?;
            }
            Mishap::SetAside(which) if deliveries > 0 => {
                let failed = self.deliveries.swap_remove(which.index(deliveries));
                let Message { number, id } = failed.message;
                self.store.set_aside("chain", "run", number, &format!("message {id}")).await?;
                for message in self.messages.iter_mut().filter(|message| message.id == id) {
                    message.id = self.next_id;
                    self.next_id += 1;
                }
            }
            Mishap::Copy(which) if messages > 0 => self.send(which.get(&self.messages).number),
            Mishap::Redrive(which) if messages > 0 => {
                which.get_mut(&mut self.messages).id = self.next_id;
                self.next_id += 1;
            }
            Mishap::Wait(time) => self.clock.advance(time),
            _ => {}
        }
        Ok(())
    }

    /// From here on nothing goes wrong any more: every message comes back until it is deleted.
    async fn calm_down(&mut self) -> Result<(), TestCaseError> {
        for _round in 0..1000 {
            while !self.deliveries.is_empty() {
                self.go_on(0).await?;
            }
            if self.messages.is_empty() {
                return Ok(());
            }
            self.clock.advance(LEASE);
            for message in self.messages.clone() {
                self.deliver(message).await?;
            }
        }
        prop_assert!(false, "messages that never end: {:?}", self.messages);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Hops are taken one after another, some of them more than once, and the run reaches its end.
    #[test]
    fn a_chain_neither_forks_nor_gets_lost(mishaps in mishaps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut queue = Queue::new();
            for mishap in mishaps {
                queue.happen(mishap).await?;
            }
            queue.calm_down().await?;
            let link = queue.store.get("chain").await?.unwrap();
            prop_assert_eq!((link.hop, link.state), (LAST_HOP, Progress::Finished));
            queue.taken.dedup();
            prop_assert_eq!(queue.taken, (0..=LAST_HOP).collect::<Vec<_>>());
            Ok(())
        })?;
    }
}
