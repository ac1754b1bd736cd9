//! Messages of which nobody knows whether they were sent: a person says so.

use std::collections::BTreeMap;

use eventide_clients::campaigns::Reports as _;
use eventide_kit::Error;
use eventide_kit::ledger::{Ledger as _, Settlement, State};
use eventide_types::campaign::Campaign;
use eventide_types::campaign::command::Settled;
use eventide_types::printable;

use crate::event::Given;
use crate::review::{CampaignReview, Ports};

/// Entries of one command.
const MOST: usize = 1_000;

impl<P: Ports> CampaignReview<P> {
    pub(crate) async fn settle(
        &self,
        campaign: &Campaign,
        given: &Given,
        entries: &[String],
        outcome: Settled,
    ) -> Result<(bool, u64), Error> {
        if entries.is_empty() || entries.len() > MOST {
            let message = format!("the command has {} entries, expected 1 to {MOST}", entries.len());
            return Err(Error::permanent("InvalidCommand", message));
        }
        let mut open = Vec::new();
        for (place, key) in entries.iter().enumerate() {
            let known = self.ports.ledger().get(key).await?;
            let known = known.filter(|entry| entry.detail.get("campaign") == Some(&campaign.id));
            let Some(entry) = known else {
                // Whatever stands there is in no log.
                let message = format!("`entries[{place}]` is no entry of campaign `{}`", campaign.id);
                return Err(Error::permanent("UnknownEntry", message));
            };
            let is_open = match entry.state {
                State::Uncertain => true,
                State::Claimed => entry.claim_deadline < self.clock.now(),
                State::Done | State::Refused => false,
            };
            if is_open {
                open.push(entry);
            }
        }
        let mut settled = 0;
        for entry in open {
            let who = given.command.by.clone();
            let settlement = match outcome {
                Settled::Sent => {
                    Settlement::Done { detail: BTreeMap::from([("settled_by".to_owned(), who)]) }
                }
                Settled::NotSent => {
                    Settlement::Refused { reason: format!("not sent, says {}", printable(&who, 256)) }
                }
            };
            match self.ports.ledger().settle(&entry.key, entry.attempt, settlement).await {
                Ok(_) => settled += 1,
                // The provider's event, or another person, was quicker.
                Err(error) if error.error_type() == "SettlementConflict" => {}
                Err(error) => return Err(error),
            }
        }
        // Of a repeat, too: it may follow upon a crash.
        self.ports.store().request(&campaign.id, self.clock.now()).await?;
        Ok((settled > 0, settled))
    }
}
