//! Decisions as a file: `content,decision,by,reason,label` in CSV, or the same members in JSON Lines.

use eventide_clients::s3::Bucket as _;
use eventide_kit::event::parse;
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::keys::{self, Form, Uploaded};
use eventide_types::campaign::{Campaign, ContentId};
use eventide_types::printable;
use eventide_types::s3::Created;
use serde::Deserialize;

use crate::review::{CampaignReview, Ports};

/// The longest file.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Rows of a file.
const MAX_ROWS: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    content: ContentId,
    decision: Word,
    by: Option<String>,
    reason: Option<String>,
    label: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Approve,
    Reject,
}

impl<P: Ports> CampaignReview<P> {
    /// Carries out a file of decisions, all of it or nothing.
    pub(crate) async fn file(&self, object: &Created, invocation: &Invocation) -> Result<(), Error> {
        let Some(Uploaded::Decisions { id, form }) = keys::uploaded(&object.key) else {
            let message = format!(
                "`{}` is no file of decisions, expected `decisions/<campaign>/<name>.csv` or `.jsonl`",
                printable(&object.key, 256)
            );
            return Err(Error::permanent("InvalidKey", message));
        };
        let campaign = self.campaign(&id).await?;
        let version = object.version_id.as_deref();
        let Some(file) = self.ports.campaigns().get(&object.key, version, MAX_BYTES).await? else {
            return Err(Error::permanent(
                "UploadGone",
                "the file of decisions was deleted before it was read",
            ));
        };
        let rows = match form {
            Form::Csv => csv_rows(&file.body)?,
            Form::JsonLines => json_rows(&file.body)?,
        };
        if rows.len() > MAX_ROWS {
            let message = format!("the file has {} decisions, expected at most {MAX_ROWS}", rows.len());
            return Err(Error::permanent("InvalidDecisions", message));
        }
        let source = format!("{}@{}", object.key, version.unwrap_or(&object.sequencer));
        let decisions = rows
            .into_iter()
            .map(|(line, row)| decision(&campaign, object, &source, line, row, self.clock.now()))
            .collect::<Result<Vec<_>, _>>()?;
        let (_, count) = self.decide(&campaign, &source, decisions).await?;
        tracing::info!(campaign = campaign.id, count, "decisions of a file carried out");
        invocation.metrics.count("Decisions", count, &[]);
        Ok(())
    }
}

fn decision(
    campaign: &Campaign,
    object: &Created,
    source: &str,
    line: u64,
    row: Row,
    at: time::OffsetDateTime,
) -> Result<Decision, Error> {
    // Who uploaded it, if the row does not say.
    let by = row.by.filter(|by| !by.is_empty()).or_else(|| object.requester.clone());
    let by = by.filter(|by| by.chars().count() <= 256 && !by.chars().any(char::is_control));
    let by = by.ok_or_else(|| invalid(line, "`by` is not valid, expected 1 to 256 printable characters"))?;
    let reason = row.reason.filter(|reason| !reason.is_empty());
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > 1_024) {
        return Err(invalid(line, "`reason` is too long, expected at most 1024 characters"));
    }
    Ok(Decision {
        campaign: campaign.id.clone(),
        content: row.content,
        approved: matches!(row.decision, Word::Approve),
        by,
        reason,
        label: row.label.filter(|label| !label.is_empty()),
        at,
        source: source.to_owned(),
    })
}

fn json_rows(bytes: &[u8]) -> Result<Vec<(u64, Row)>, Error> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii));
    let lines = lines.filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| Ok((number, parse(line).map_err(|error| invalid(number, &error.to_string()))?)))
        .collect()
}

fn csv_rows(bytes: &[u8]) -> Result<Vec<(u64, Row)>, Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    let headers = reader.headers().map_err(|error| unreadable(&error))?.clone();
    loop {
        let line = reader.position().line();
        if !reader.read_record(&mut record).map_err(|error| unreadable(&error))? {
            return Ok(rows);
        }
        let row = record.deserialize(Some(&headers)).map_err(|_content| {
            invalid(
                line,
                "expected `content` (32 hex digits), `decision` (`approve` or `reject`) and, if you like, `by`, `reason`, \
                 `label`",
            )
        })?;
        rows.push((line, row));
    }
}

/// Without what the reader quotes.
fn unreadable(error: &csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    invalid(line, "the row is not readable, expected as many fields as the header has, in UTF-8")
}

fn invalid(line: u64, why: &str) -> Error {
    Error::permanent("InvalidDecisions", format!("line {line}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "000102030405060708090a0b0c0dfeff";

    #[test]
    fn both_forms_say_the_same() {
        let csv = format!("content,decision,by,reason\n{ID},approve,ann,\"fine, really\"\n\n{ID},reject,,\n");
        let json = format!(
            "{{\"content\":\"{ID}\",\"decision\":\"approve\",\"by\":\"ann\",\"reason\":\"fine, really\"}}\n\
             {{\"content\":\"{ID}\",\"decision\":\"reject\"}}\n"
        );
        for rows in [csv_rows(csv.as_bytes()).unwrap(), json_rows(json.as_bytes()).unwrap()] {
            let [(_, first), (_, second)] = rows.as_slice() else { panic!("two rows") };
            assert!(matches!((&first.decision, &second.decision), (Word::Approve, Word::Reject)));
            assert_eq!(first.reason.as_deref(), Some("fine, really"));
        }
    }

    #[test]
    fn a_bad_row_is_named_by_its_line_and_not_quoted() {
        for bad in [
            format!("content,decision\n{ID},approve\nAnn,approve\n"),
            format!("content,decision\n{ID},approve\n{ID},Ann\n"),
            format!("content,decision\n{ID},approve\n{ID}\n"),
        ] {
            let error = csv_rows(bad.as_bytes()).map(drop).unwrap_err().to_string();
            assert!(error.starts_with("line 3: ") && !error.contains("Ann"), "{error}");
        }
        let error = json_rows(b"{\"content\": \"Ann\"}").map(drop).unwrap_err().to_string();
        assert!(error.starts_with("line 1: ") && !error.contains("Ann"), "{error}");
    }
}
