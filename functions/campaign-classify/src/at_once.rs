//! Few documents, classified by an endpoint.

use bytes::Bytes;
use eventide_clients::campaigns::Scores as _;
use eventide_clients::comprehend::Classifier as _;
use eventide_clients::s3::{Bucket as _, Lines, Writer};
use eventide_clients::sqs::{Outgoing, Queue as _};
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::message::Classify;
use eventide_types::campaign::verdict::Scored;
use eventide_types::campaign::{Campaign, ContentId};
use futures_util::{StreamExt as _, stream};

use crate::classify::{CampaignClassify, OVERDUE, Ports};

/// What an inference unit takes a second (Amazon Comprehend Developer Guide, "Managing endpoints").
const CHARACTERS: f64 = 100.0;
const DOCUMENTS: f64 = 2.0;
/// Seconds for which an endpoint that throttles is left alone.
const BACK_OFF: u16 = 5;
/// The longest delay of a message, in seconds.
const LONGEST: f64 = 900.0;

/// A content and its documents.
struct Content {
    id: ContentId,
    texts: Vec<Bytes>,
}

impl Content {
    /// Seconds that an endpoint of these units is busy with it.
    fn seconds(&self, units: f64) -> f64 {
        let characters =
            |text: &Bytes| std::str::from_utf8(text).map_or(text.len(), |text| text.chars().count());
        #[expect(clippy::cast_precision_loss, reason = "a text is no longer than 10,000 characters")]
        let seconds = |text: &Bytes| (characters(text) as f64 / CHARACTERS).max(1.0 / DOCUMENTS);
        self.texts.iter().map(seconds).sum::<f64>() / units
    }
}

impl<P: Ports> CampaignClassify<P> {
    /// Classifies as many documents as the endpoint takes in about a second, at least one content, from where
    /// the one before ended.
    pub(crate) async fn at_once(
        &self,
        campaign: &Campaign,
        endpoint: &str,
        asked: &Classify,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let done = asked.done;
        let Some(state) =
            self.ports.classifier().inference_units(endpoint).await?.filter(|state| state.in_service)
        else {
            return Err(Error::environment(
                "EndpointNotInService",
                format!("endpoint `{endpoint}` does not answer"),
            ));
        };
        if state.model_arn.as_ref() != Some(&campaign.classifier) {
            let message =
                format!("endpoint `{endpoint}` answers by another classifier than `{}`", campaign.classifier);
            return Err(Error::environment("OtherClassifier", message));
        }
        let units = f64::from(state.units.max(1));
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let ids = self.document_ids(&work).await?;
        let (contents, busy) = self.next(&work, &ids, done, units).await?;
        let concurrency = usize::try_from(state.units.saturating_mul(2)).unwrap_or(2).max(2);
        // Of a repeat, and of documents beside one that was throttled, the scores are there.
        let of: Vec<ContentId> = contents.iter().map(|content| content.id).collect();
        let known = self.ports.store().scores(&campaign.classifier, &of).await?;
        let open = contents.iter().zip(&known).filter(|(_, known)| known.is_none());
        let begun: Vec<_> = open.map(|(content, _)| self.score(endpoint, content)).collect();
        let answers: Vec<_> = stream::iter(begun).buffered(concurrency).collect().await;
        let (mut scored, mut failure) = (Vec::<Scored>::new(), None);
        for answer in answers {
            match answer {
                Ok(answer) => scored.push(answer),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        self.ports.store().keep(&campaign.classifier, &scored, self.clock.now()).await?;
        if let Some(error) = failure {
            let is_throttled = error.error_type() == "Throttled";
            if is_throttled {
                return self.go_on(campaign, done, asked.throttled + 1, BACK_OFF).await;
            }
            return Err(error);
        }
        let documents: u64 = contents.iter().map(|content| content.texts.len() as u64).sum();
        invocation.metrics.count("Documents", documents, &[]);
        let done = done + documents;
        if documents > 0 && done < ids.len() as u64 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is between 1 and 900"
            )]
            let delay = busy.ceil().clamp(1.0, LONGEST) as u16;
            return self.go_on(campaign, done, 0, delay).await;
        }
        self.all_scores(campaign, &work, ids).await?;
        self.classified(campaign).await
    }

    async fn score(&self, endpoint: &str, content: &Content) -> Result<Scored, Error> {
        let mut parts = Vec::with_capacity(content.texts.len());
        for text in &content.texts {
            let text = std::str::from_utf8(text)
                .map_err(|_| Error::permanent("UnreadableWork", "a document is no UTF-8"))?;
            parts.push(self.ports.classifier().classify(endpoint, text).await?);
        }
        Ok(Scored { content: content.id, parts })
    }

    /// The contents whose turn it is, and the seconds that the endpoint is busy with them.
    async fn next(
        &self,
        work: &Work<'_>,
        ids: &[ContentId],
        done: u64,
        units: f64,
    ) -> Result<(Vec<Content>, f64), Error> {
        let Some(opened) = self.ports.work().open(&work.documents(), None).await? else {
            return Err(Error::permanent(
                "WorkExpired",
                "the upload's documents are gone: upload the campaign again",
            ));
        };
        let mut lines = Lines::new(opened.body);
        let done = usize::try_from(done).unwrap_or(usize::MAX);
        let mut position = 0;
        let (mut contents, mut busy): (Vec<Content>, f64) = (Vec::new(), 0.0);
        while let Some(line) = lines.next().await? {
            let id = ids.get(position);
            position += 1;
            let Some(id) = id.filter(|_| position > done) else { continue };
            match contents.last_mut() {
                Some(last) if last.id == *id => last.texts.push(line),
                _ => {
                    busy = contents.iter().map(|content| content.seconds(units)).sum();
                    if busy >= 1.0 {
                        break;
                    }
                    contents.push(Content { id: *id, texts: vec![line] });
                }
            }
        }
        Ok((contents, busy))
    }

    async fn go_on(&self, campaign: &Campaign, done: u64, throttled: u64, delay: u16) -> Result<(), Error> {
        // The sweep looks after what has stopped, not after what takes long.
        self.due_again(campaign, OVERDUE + time::Duration::seconds(i64::from(delay))).await?;
        let next = Classify { done, throttled, ..Classify::of(&campaign.id, &campaign.upload) };
        self.ports.classify_queue().send_all(vec![Outgoing::json(&next, delay)?]).await
    }

    /// Gathers the scores that were kept on the way.
    async fn all_scores(
        &self,
        campaign: &Campaign,
        work: &Work<'_>,
        mut ids: Vec<ContentId>,
    ) -> Result<(), Error> {
        ids.dedup();
        let mut written = Writer::new(self.ports.work(), work.new_scores(), "application/x-ndjson");
        for some in ids.chunks(100) {
            for scored in self.ports.store().scores(&campaign.classifier, some).await?.into_iter().flatten() {
                written.line(&scored)?;
            }
            written.flush().await?;
        }
        written.finish().await
    }
}
