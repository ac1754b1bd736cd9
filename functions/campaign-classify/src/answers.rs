//! What a job answered: lines of the documents, with their scores.

use std::collections::HashMap;

use eventide_clients::campaigns::Scores as _;
use eventide_clients::s3::{Bucket as _, Lines, Writer};
use eventide_kit::event::parse;
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::verdict::{Mode, Score, Scored, Scores};
use eventide_types::campaign::{Campaign, ContentId};
use serde::Deserialize;

use crate::classify::{CampaignClassify, Ports};
use crate::tar::FirstFile;

/// Scores that are kept at a time.
const KEPT: usize = 100;
/// The longest line.
const MAX_LINE: usize = 1024 * 1024;

/// One answer (Amazon Comprehend Developer Guide, "Outputs for asynchronous custom analysis").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    /// Counted from 0, as text. Without it the answer is about a file.
    line: Option<Text>,
    classes: Option<Vec<Label>>,
    labels: Option<Vec<Label>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Number(u64),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Label {
    name: String,
    score: f32,
}

impl Answer {
    fn read(line: &[u8]) -> Result<(usize, Option<Scores>), Error> {
        let Self { line, classes, labels } = parse(line)?;
        let line = match line {
            Some(Text::Text(text)) => text.trim().parse().ok(),
            Some(Text::Number(number)) => usize::try_from(number).ok(),
            None => None,
        };
        let line = line.ok_or_else(|| {
            Error::permanent("UnreadableAnswers", "an answer says no `Line`, expected a number from 0")
        })?;
        let (mode, labels) = match (classes, labels) {
            (Some(classes), _) => (Mode::MultiClass, classes),
            (None, Some(labels)) => (Mode::MultiLabel, labels),
            // What could not be classified.
            (None, None) => return Ok((line, None)),
        };
        let labels = labels.into_iter().map(|Label { name, score }| Score { name, score }).collect();
        Ok((line, Some(Scores { mode, labels })))
    }
}

/// The scores of a content whose text is several documents, as far as they have come.
struct Parts {
    scores: Vec<Option<Scores>>,
    missing: usize,
}

impl<P: Ports> CampaignClassify<P> {
    /// Joins a job's answers with the contents that they are about, and hands over.
    pub(crate) async fn answers(
        &self,
        campaign: &Campaign,
        key: &str,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let ids = self.document_ids(&work).await?;
        let Some(mut opened) = self.ports.work().open(key, None).await? else {
            return Err(Error::retryable("AnswersMissing", "the archive of answers is not there"));
        };
        let mut written = Writer::new(self.ports.work(), work.new_scores(), "application/x-ndjson");
        let mut taker =
            Taker { ids: &ids, answered: vec![false; ids.len()], parts: HashMap::new(), ready: Vec::new() };
        let mut archive = FirstFile::new();
        let mut plain = Vec::new();
        loop {
            let chunk = opened.body.next().await?;
            let is_end = chunk.is_none();
            match chunk {
                Some(chunk) => archive.push(&chunk, &mut plain)?,
                None => {
                    std::mem::replace(&mut archive, FirstFile::new()).finish(&mut plain)?;
                    plain.push(b'\n');
                }
            }
            taker.lines(&mut plain)?;
            if is_end {
                taker.unfinished();
            }
            while taker.ready.len() >= KEPT || (is_end && !taker.ready.is_empty()) {
                let some = taker.ready.split_off(taker.ready.len().saturating_sub(KEPT));
                some.iter().try_for_each(|scored| written.line(scored))?;
                self.ports.store().keep(&campaign.classifier, &some, self.clock.now()).await?;
            }
            written.flush().await?;
            if is_end {
                break;
            }
        }
        written.finish().await?;
        let unanswered = taker.answered.iter().filter(|answered| !**answered).count();
        tracing::info!(campaign = campaign.id, documents = ids.len(), unanswered, "answers read");
        invocation.metrics.count("Documents", ids.len() as u64, &[]);
        invocation.metrics.count("DocumentsUnanswered", unanswered as u64, &[]);
        self.classified(campaign).await
    }

    /// The content of each document.
    pub(crate) async fn document_ids(&self, work: &Work<'_>) -> Result<Vec<ContentId>, Error> {
        let Some(opened) = self.ports.work().open(&work.document_ids(), None).await? else {
            let message = "the upload's documents are gone: upload the campaign again";
            return Err(Error::permanent("WorkExpired", message));
        };
        let mut lines = Lines::new(opened.body);
        let mut ids = Vec::new();
        while let Some(line) = lines.next().await? {
            let id = std::str::from_utf8(&line).ok().and_then(|line| line.trim().parse().ok());
            ids.push(id.ok_or_else(|| Error::permanent("UnreadableWork", "a document has no content id"))?);
        }
        Ok(ids)
    }
}

struct Taker<'a> {
    ids: &'a [ContentId],
    answered: Vec<bool>,
    parts: HashMap<ContentId, Parts>,
    ready: Vec<Scored>,
}

impl Taker<'_> {
    /// Takes the whole lines off `plain`.
    fn lines(&mut self, plain: &mut Vec<u8>) -> Result<(), Error> {
        let Some(end) = plain.iter().rposition(|byte| *byte == b'\n') else {
            if plain.len() > MAX_LINE {
                return Err(Error::permanent(
                    "UnreadableAnswers",
                    format!("a line has more than {MAX_LINE} bytes"),
                ));
            }
            return Ok(());
        };
        let whole = plain.get(..end).unwrap_or_default();
        for line in whole.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
        {
            let (number, scores) = Answer::read(line)?;
            self.answer(number, scores);
        }
        plain.drain(..=end);
        Ok(())
    }

    /// The first answer about a document counts.
    fn answer(&mut self, number: usize, scores: Option<Scores>) {
        let Some((id, answered)) = self.ids.get(number).zip(self.answered.get_mut(number)) else { return };
        let Some(scores) = scores.filter(|_| !*answered) else { return };
        *answered = true;
        // The documents of a content follow each other.
        let first =
            self.ids.get(..number).unwrap_or_default().iter().rev().take_while(|other| *other == id).count();
        let after =
            self.ids.get(number + 1..).unwrap_or_default().iter().take_while(|other| *other == id).count();
        let total = first + 1 + after;
        if total == 1 {
            self.ready.push(Scored { content: *id, parts: vec![scores] });
            return;
        }
        let parts =
            self.parts.entry(*id).or_insert_with(|| Parts { scores: vec![None; total], missing: total });
        if let Some(place) = parts.scores.get_mut(first) {
            *place = Some(scores);
            parts.missing -= 1;
        }
        if parts.missing == 0
            && let Some(parts) = self.parts.remove(id)
        {
            self.ready.push(Scored { content: *id, parts: parts.scores.into_iter().flatten().collect() });
        }
    }

    /// A content of which a part has no answer has none itself.
    fn unfinished(&mut self) {
        self.parts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_in_both_modes() {
        let line = br#"{"File": "input.txt", "Line": "3", "Classes": [{"Name": "spam", "Score": 0.75}]}"#;
        let (number, scores) = Answer::read(line).unwrap();
        let spam = Score { name: "spam".into(), score: 0.75 };
        assert_eq!(
            (number, scores),
            (3, Some(Scores { mode: Mode::MultiClass, labels: vec![spam.clone()] }))
        );
        let (_, scores) =
            Answer::read(br#"{"Line": 0, "Labels": [{"Name": "spam", "Score": 0.75}]}"#).unwrap();
        assert_eq!(scores, Some(Scores { mode: Mode::MultiLabel, labels: vec![spam] }));
        let error = br#"{"Line": "1", "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "x"}"#;
        assert_eq!(Answer::read(error).unwrap(), (1, None));
        for bad in [&br#"{"Classes": []}"#[..], br#"{"Line": "x"}"#, b"Ann"] {
            assert!(Answer::read(bad).is_err());
        }
    }
}
