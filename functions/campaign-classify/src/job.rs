//! A classification job.

use eventide_clients::campaigns::update;
use eventide_clients::comprehend::{Classifier as _, Job};
use eventide_clients::s3::Bucket as _;
use eventide_kit::Error;
use eventide_types::campaign::Campaign;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::record::State;

use crate::classify::{CampaignClassify, OVERDUE, Ports};

impl<P: Ports> CampaignClassify<P> {
    /// Starts the job of an upload. A second start is the same job.
    pub(crate) async fn start(&self, campaign: &Campaign) -> Result<(), Error> {
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let bucket = self.ports.work().name();
        let job = Job {
            name: format!("eventide-{}-{}", campaign.id, campaign.upload),
            classifier_arn: campaign.classifier.clone(),
            input_uri: format!("s3://{bucket}/{}", work.documents()),
            output_uri: format!("s3://{bucket}/{}", work.output()),
            role_arn: self.settings.role.clone(),
            client_token: format!("eventide-{}", campaign.upload),
        };
        let id = self.ports.classifier().start(&job).await?;
        tracing::info!(
            campaign = campaign.id,
            job = id,
            documents = campaign.counts.documents,
            "job started"
        );
        let written = update(self.ports.store(), &campaign.id, |record| {
            let is_ours = record.upload == campaign.upload && record.state == State::Classifying;
            if is_ours {
                record.job_id = Some(id.clone());
                record.updated_at = self.clock.now();
                record.due_at = Some(self.clock.now() + OVERDUE);
            }
            is_ours
        });
        written.await.map(drop)
    }
}
