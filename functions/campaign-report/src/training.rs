//! Decisions of people, as rows to train with: label and text, as Amazon Comprehend wants them.

use std::collections::BTreeMap;

use eventide_clients::campaigns::Decisions as _;
use eventide_clients::s3::{Lines, Writer};
use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::campaign::keys::{Work, report};
use eventide_types::campaign::message::Content;
use eventide_types::campaign::{Campaign, ContentId};

use crate::report::{CampaignReport, Ports};
use crate::verdicts::Decided;

impl<P: Ports> CampaignReport<P> {
    /// Writes them. A rejected content of which neither the person nor the classifier said a
    /// restricted label is left out.
    pub(crate) async fn training(&self, campaign: &Campaign, decided: &Decided) -> Result<(), Error> {
        if decided.is_empty() {
            return Ok(());
        }
        let ids: Vec<ContentId> = decided.keys().copied().collect();
        let mut labels: BTreeMap<ContentId, String> = BTreeMap::new();
        for decision in self.ports.store().decisions(&campaign.id, &ids).await?.into_iter().flatten() {
            let compliant = &self.settings.compliant_labels;
            let usual = if decision.approved {
                compliant.first().cloned()
            } else {
                // What the classifier was about to call compliant is not trained as that when a person says otherwise.
                decided.get(&decision.content).cloned().flatten().filter(|label| !compliant.contains(label))
            };
            if let Some(label) = decision.label.or(usual) {
                labels.insert(decision.content, label);
            }
        }
        let mut training =
            Writer::new(self.ports.reports(), report::training(&campaign.id), "text/csv; charset=utf-8");
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        if let Some(mut contents) = Lines::open(self.ports.work(), &work.contents()).await? {
            while let Some(line) = contents.next().await? {
                let Content { content, text, .. } = parse(&line)?;
                if let Some(label) = labels.get(&content) {
                    training.buffer.extend_from_slice(&row(label, &text)?);
                    training.flush().await?;
                }
            }
        }
        training.finish().await
    }
}

fn row(label: &str, text: &str) -> Result<Vec<u8>, Error> {
    let unwritable = || Error::permanent("Unwritable", "a training row cannot be written");
    let mut row = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    row.write_record([label, text]).map_err(|_| unwritable())?;
    row.into_inner().map_err(|_| unwritable())
}
