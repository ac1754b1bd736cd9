use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;

use super::{Continuations, Hop, Link, Progress, Taken, Takeover, refused};
use crate::{clock::Clock, error::Error};

/// [`Continuations`] for tests that need no table. Clones share their records.
#[derive(Debug, Clone)]
pub struct MemoryContinuations {
    links: Arc<Mutex<HashMap<String, Link>>>,
    clock: Arc<dyn Clock>,
}

impl MemoryContinuations {
    /// Without any records; leases run out by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { links: Arc::default(), clock }
    }

    fn links(&self) -> MutexGuard<'_, HashMap<String, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, chain: &str, run: &str, change: impl FnOnce(&mut Link) -> bool) {
        if let Some(link) = self.links().get_mut(chain)
            && link.run == run
            && change(link)
        {
            link.updated_at = self.clock.now().truncate_to_millisecond();
        }
    }
}

impl Continuations for MemoryContinuations {
    async fn take(&self, hop: &Hop<'_>) -> Result<Taken, Error> {
        let now = self.clock.now();
        let mut links = self.links();
        if let Some(standing) = links.get(hop.chain)
            && !may_take(standing, hop, now)
        {
            return Ok(refused(hop, standing.clone()));
        }
        let link = Link {
            chain: hop.chain.to_owned(),
            run: hop.run.to_owned(),
            requested_at: hop.requested_at.truncate_to_millisecond(),
            hop: hop.number,
            state: Progress::Running,
            holder: hop.holder.to_owned(),
            lease_until: hop.lease_until.truncate_to_millisecond(),
            handed_over: false,
            released: false,
            updated_at: now.truncate_to_millisecond(),
            detail: BTreeMap::new(),
        };
        links.insert(link.chain.clone(), link.clone());
        Ok(Taken::Yes(link))
    }

    async fn handed_over(&self, chain: &str, run: &str, number: u32) -> Result<(), Error> {
        self.update(chain, run, |link| {
            let stands = link.hop == number;
            link.handed_over |= stands;
            stands
        });
        Ok(())
    }

    async fn release(&self, chain: &str, run: &str, number: u32, holder: &str) -> Result<(), Error> {
        self.update(chain, run, |link| {
            let stands = link.hop == number && !link.handed_over && link.holder == holder;
            link.released |= stands;
            stands
        });
        Ok(())
    }

    async fn set_aside(&self, chain: &str, run: &str, number: u32, holder: &str) -> Result<(), Error> {
        self.update(chain, run, |link| {
            let open = link.state != Progress::Finished && !link.handed_over;
            let stands = open && link.hop == number && link.holder == holder;
            if stands {
                link.state = Progress::SetAside;
                link.released = true;
            }
            stands
        });
        Ok(())
    }

    async fn finish(&self, chain: &str, run: &str, detail: BTreeMap<String, String>) -> Result<(), Error> {
        self.update(chain, run, |link| {
            link.state = Progress::Finished;
            link.detail.extend(detail);
            true
        });
        Ok(())
    }

    async fn get(&self, chain: &str) -> Result<Option<Link>, Error> {
        Ok(self.links().get(chain).cloned())
    }
}

fn may_take(standing: &Link, hop: &Hop<'_>, now: OffsetDateTime) -> bool {
    let running = standing.state == Progress::Running;
    if standing.run == hop.run {
        let free = standing.holder == hop.holder || standing.released || standing.lease_until <= now;
        let again = standing.hop == hop.number && !standing.handed_over && free;
        let next = standing.hop.checked_add(1) == Some(hop.number);
        return standing.state != Progress::Finished && (again || next);
    }
    let later = hop.number == 0 && standing.requested_at < hop.requested_at.truncate_to_millisecond();
    match hop.takeover {
        Takeover::Never => false,
        Takeover::WhenFinished => later && !running,
        Takeover::Always => later,
    }
}
