//! Streaming a campaign's file, and gathering what is to be classified.

use eventide_campaigns::{Item, Messages, NewContent};
use eventide_clients::campaigns::Scores as _;
use eventide_clients::s3::{Bucket, Chunks, Writer};
use eventide_kit::Error;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::message::Content;
use eventide_types::campaign::record::{Campaign, Counts};
use eventide_types::campaign::settings::Settings;
use eventide_types::campaign::verdict::{Judged, Reason, Verdict};

use crate::screen::{CampaignScreen, Failure, Ports};

/// Contents that are looked up at a time, as many as one call of DynamoDB takes.
const LOOKED_UP: usize = 100;
/// Documents of one classification job (Amazon Comprehend Developer Guide, "Guidelines and quotas").
const MAX_DOCUMENTS: u64 = 1_000_000;

/// How long before `sendAt` a campaign can be uploaded: what the functions hand to each other expires after 30 days.
const LATEST: time::Duration = time::Duration::days(25);
/// Rows that are told of if none can be sent. Of other campaigns campaign-judge lists them all.
const TOLD: usize = 3;

const JSON_LINES: &str = "application/x-ndjson";
const TEXT: &str = "text/plain; charset=utf-8";

/// What a file holds.
pub(crate) struct Gathered {
    pub(crate) counts: Counts,
    /// The sidecar's settings, over which the file's own header was merged.
    pub(crate) settings: Settings,
}

/// The files that are written while one is read.
struct Files<'a, B> {
    contents: Writer<'a, B>,
    known: Writer<'a, B>,
    documents: Writer<'a, B>,
    ids: Writer<'a, B>,
}

impl<'a, B: Bucket> Files<'a, B> {
    fn new(bucket: &'a B, work: Work<'_>) -> Self {
        Self {
            contents: Writer::new(bucket, work.contents(), JSON_LINES),
            known: Writer::new(bucket, work.known_scores(), JSON_LINES),
            documents: Writer::new(bucket, work.documents(), TEXT),
            ids: Writer::new(bucket, work.document_ids(), TEXT),
        }
    }

    fn all(&mut self) -> [&mut Writer<'a, B>; 4] {
        let Self { contents, known, documents, ids } = self;
        [contents, known, documents, ids]
    }

    async fn flush(&mut self) -> Result<(), Error> {
        for file in self.all() {
            file.flush().await?;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        for file in self.all() {
            file.finish().await?;
        }
        Ok(())
    }

    async fn abort(&mut self) {
        for file in self.all() {
            file.abort().await;
        }
    }
}

impl<P: Ports> CampaignScreen<P> {
    /// Reads the campaign's file and writes what is to be classified.
    pub(crate) async fn gather(&self, campaign: &Campaign) -> Result<Gathered, Failure> {
        let version = campaign.version_id.as_deref();
        let Some(opened) = self.ports.campaigns().open(&campaign.key, version).await? else {
            return Err(Failure::File("UploadGone", "the file was deleted before it was read".to_owned()));
        };
        if version.is_none() && opened.etag.trim_matches('"') != campaign.etag.trim_matches('"') {
            // Its own event follows.
            return Err(Failure::File(
                "UploadReplaced",
                "another file took its place before it was read".to_owned(),
            ));
        }
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let mut files = Files::new(self.ports.work(), work);
        let settings = campaign.settings.clone();
        let messages = Messages::new(campaign.form, campaign.gzip, settings);
        let gathered = self.read(campaign, opened.body, messages, &mut files).await;
        if gathered.is_err() {
            files.abort().await;
        }
        gathered
    }

    async fn read(
        &self,
        campaign: &Campaign,
        mut body: Chunks,
        mut messages: Messages,
        files: &mut Files<'_, P::Bucket>,
    ) -> Result<Gathered, Failure> {
        let mut counts = Counts::default();
        let mut new: Vec<NewContent> = Vec::with_capacity(LOOKED_UP);
        let mut told: Vec<String> = Vec::new();
        let mut is_finished = false;
        loop {
            match messages.next_item()? {
                Some(Item::Message(_)) => {
                    if let Some(content) = messages.take_new() {
                        new.push(content);
                    }
                }
                Some(Item::Unparsed(unparsed)) => {
                    counts.unparsed += 1;
                    if told.len() < TOLD {
                        told.push(format!("line {}: {}", unparsed.line, unparsed.reason));
                    }
                }
                None if is_finished => break,
                None => {
                    files.flush().await?;
                    match body.next().await? {
                        Some(chunk) => messages.feed(chunk),
                        None => {
                            messages.finish();
                            is_finished = true;
                        }
                    }
                }
            }
            if new.len() >= LOOKED_UP {
                self.take(campaign, &mut new, &mut counts, files).await?;
            }
        }
        self.take(campaign, &mut new, &mut counts, files).await?;
        counts.rows = messages.rows();
        if counts.rows == counts.unparsed {
            let told = told.join("; ");
            let reason = format!("none of its {} rows is a message that can be sent: {told}", counts.rows);
            return Err(Failure::File("NoMessages", reason));
        }
        if messages.settings().send_at.is_some_and(|at| at - self.clock.now() > LATEST) {
            let reason = format!("`sendAt` is more than {} days away", LATEST.whole_days());
            return Err(Failure::File("SendAtTooLate", reason));
        }
        files.finish().await?;
        Ok(Gathered { counts, settings: messages.settings().clone() })
    }

    /// Writes down new contents, and those of them that are to be classified as documents.
    async fn take(
        &self,
        campaign: &Campaign,
        new: &mut Vec<NewContent>,
        counts: &mut Counts,
        files: &mut Files<'_, P::Bucket>,
    ) -> Result<(), Failure> {
        let ids: Vec<_> = new.iter().map(|content| content.id).collect();
        let known = self.ports.store().scores(&campaign.classifier, &ids).await?;
        for (content, scored) in new.drain(..).zip(known) {
            counts.contents += 1;
            let is_foreign = content.language.is_some_and(|language| language != self.settings.language);
            let judged = is_foreign.then_some(Judged::because(Verdict::Held, Reason::WrongLanguage));
            if judged.is_none() {
                match scored {
                    Some(scored) => {
                        counts.known += 1;
                        files.known.line(&scored)?;
                    }
                    None => {
                        for part in &content.parts {
                            counts.documents += 1;
                            files.documents.buffer.extend_from_slice(part.as_bytes());
                            files.documents.buffer.push(b'\n');
                            files.ids.buffer.extend_from_slice(content.id.to_string().as_bytes());
                            files.ids.buffer.push(b'\n');
                        }
                    }
                }
            }
            let parts = u32::try_from(content.parts.len()).unwrap_or(u32::MAX);
            let NewContent { id, channel, text, .. } = content;
            files.contents.line(&Content { content: id, channel, text, parts, judged })?;
        }
        if counts.documents > MAX_DOCUMENTS {
            let reason = format!(
                "its contents make more than {MAX_DOCUMENTS} documents: use typed variables for what differs from \
                 recipient to recipient, or split the campaign"
            );
            return Err(Failure::File("TooManyDocuments", reason));
        }
        files.flush().await?;
        Ok(())
    }
}
