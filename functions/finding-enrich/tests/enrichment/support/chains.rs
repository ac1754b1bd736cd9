//! Chains whose store can be out of reach.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventide_kit::Error;
use eventide_kit::clock::Clock;
use eventide_kit::continuation::{Continuations, Hop, Link, MemoryContinuations, Taken};

#[derive(Clone, Debug)]
pub(crate) struct Chains {
    memory: MemoryContinuations,
    down: Arc<AtomicBool>,
}

impl Chains {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { memory: MemoryContinuations::new(clock), down: Arc::default() }
    }

    pub(crate) fn go_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    fn check(&self) -> Result<(), Error> {
        if self.down.load(Ordering::Relaxed) {
            return Err(Error::environment("AccessDenied", "`dynamodb:UpdateItem` failed"));
        }
        Ok(())
    }
}

impl Continuations for Chains {
    async fn take(&self, hop: &Hop<'_>) -> Result<Taken, Error> {
        self.check()?;
        self.memory.take(hop).await
    }

    async fn handed_over(&self, chain: &str, run: &str, number: u32) -> Result<(), Error> {
        self.check()?;
        self.memory.handed_over(chain, run, number).await
    }

    async fn release(&self, chain: &str, run: &str, number: u32, holder: &str) -> Result<(), Error> {
        self.check()?;
        self.memory.release(chain, run, number, holder).await
    }

    async fn set_aside(&self, chain: &str, run: &str, number: u32, holder: &str) -> Result<(), Error> {
        self.check()?;
        self.memory.set_aside(chain, run, number, holder).await
    }

    async fn finish(&self, chain: &str, run: &str, detail: BTreeMap<String, String>) -> Result<(), Error> {
        self.check()?;
        self.memory.finish(chain, run, detail).await
    }

    async fn get(&self, chain: &str) -> Result<Option<Link>, Error> {
        self.check()?;
        self.memory.get(chain).await
    }
}
