//! Looking after campaigns that have not moved on: jobs that failed, of which nobody tells, and messages that were lost.

use eventide_clients::campaigns::{Campaigns as _, update};
use eventide_clients::comprehend::{Classifier as _, State as JobState};
use eventide_clients::s3::Bucket as _;
use eventide_clients::sqs::{Outgoing, Queue as _};
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::Campaign;
use eventide_types::campaign::message::Classify;
use eventide_types::campaign::record::State;
use serde::Serialize;

use crate::classify::{CampaignClassify, OVERDUE, Ports, UNJUDGED};

/// Campaigns that one sweep looks at. The next one is 5 minutes away.
const MOST: usize = 100;

/// After which a campaign that is still being judged has failed. Otherwise it would be tried for ever.
const GIVEN_UP: time::Duration = time::Duration::days(1);

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Campaigns that had not moved on.
    pub overdue: u64,
    /// Of them, those whose job had ended well.
    pub completed: u64,
    /// Of them, those whose job had failed.
    pub failed: u64,
    /// Of them, those whose message was sent again.
    pub sent_again: u64,
}

impl<P: Ports> CampaignClassify<P> {
    /// Looks after what is overdue.
    ///
    /// # Errors
    ///
    /// The first that AWS answers; the rest is looked at all the same.
    pub(crate) async fn sweep(&self, invocation: &Invocation) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let mut first = None;
        for id in self.ports.store().due(self.clock.now(), MOST).await? {
            if let Err(error) = self.look_after(&id, &mut swept, invocation).await {
                tracing::error!(campaign = id, error_type = error.qualified_type(), %error, "campaign not looked after");
                first.get_or_insert(error);
            }
        }
        invocation.metrics.count("CampaignsOverdue", swept.overdue, &[]);
        first.map_or(Ok(swept), Err)
    }

    async fn look_after(&self, id: &str, swept: &mut Swept, invocation: &Invocation) -> Result<(), Error> {
        let Some(campaign) = self.ports.store().campaign(id).await? else { return Ok(()) };
        if campaign.due_at.is_none_or(|due_at| due_at > self.clock.now()) {
            // The index is behind.
            return Ok(());
        }
        swept.overdue += 1;
        if campaign.state == State::Judging && self.clock.now() - campaign.uploaded_at > GIVEN_UP {
            swept.failed += 1;
            let reason = "its messages could not be judged within a day: split the campaign";
            return self.fail(&campaign, &Error::permanent("NotJudged", reason)).await;
        }
        let after = if campaign.state == State::Judging { UNJUDGED } else { OVERDUE };
        self.due_again(&campaign, after).await?;
        match (campaign.state, &campaign.job_id) {
            (State::Classifying, Some(job)) => self.job(&campaign, job, swept, invocation).await,
            (State::Classifying, None) => {
                // From the beginning; what is classified already is known, and a job is started once.
                let again = Classify::of(&campaign.id, &campaign.upload);
                swept.sent_again += 1;
                self.ports.classify_queue().send_all(vec![Outgoing::json(&again, 0)?]).await
            }
            // Of one that is being sent it was not told yet.
            (State::Judging | State::Sending, _) => {
                swept.sent_again += 1;
                self.judge(&campaign).await
            }
            (State::Screening, _) => {
                swept.failed += 1;
                let reason = "its file was not read: the failed queue and campaign-screen's log say why";
                self.fail(&campaign, &Error::permanent("NotRead", reason)).await
            }
            _ => Ok(()),
        }
    }

    async fn job(
        &self,
        campaign: &Campaign,
        job: &str,
        swept: &mut Swept,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let Some(status) = self.ports.classifier().describe(job).await? else {
            swept.failed += 1;
            let reason = "Amazon Comprehend knows the classification job no more";
            return self.fail(campaign, &Error::permanent("JobGone", reason)).await;
        };
        match status.state {
            JobState::Running => Ok(()),
            JobState::Completed => {
                swept.completed += 1;
                let prefix = format!("s3://{}/", self.ports.work().name());
                let key = status.output_uri.as_deref().and_then(|uri| uri.strip_prefix(&prefix));
                match key {
                    Some(key) => {
                        let done = self.answers(campaign, key, invocation).await;
                        self.or_fail(campaign, false, done).await
                    }
                    None => {
                        let reason = "the classification job names no output";
                        self.fail(campaign, &Error::permanent("JobWithoutOutput", reason)).await
                    }
                }
            }
            JobState::Failed | JobState::Stopped => {
                swept.failed += 1;
                let said = status.message.unwrap_or_else(|| "it was stopped".to_owned());
                let reason = format!("the classification job failed: {said}");
                self.fail(campaign, &Error::permanent("JobFailed", reason)).await
            }
        }
    }

    /// The campaign is looked after again when this time has passed, if nothing else happens.
    pub(crate) async fn due_again(&self, campaign: &Campaign, after: time::Duration) -> Result<(), Error> {
        let written = update(self.ports.store(), &campaign.id, |record| {
            let is_ours = record.upload == campaign.upload && record.state == campaign.state;
            if is_ours {
                record.due_at = matches!(record.state, State::Classifying | State::Judging | State::Sending)
                    .then(|| self.clock.now() + after);
            }
            is_ours
        });
        written.await.map(drop)
    }
}
