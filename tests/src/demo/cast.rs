//! The findings of the demo, and what is to come of them.

use eventide_types::work::COMMENT_MARK;
use http::Method;
use serde_json::{Value, json};

use super::text::at;
use crate::System;
use crate::findings::from_event;

/// What an analyst has written on one of the findings before.
const ANALYSTS_NOTE: &str = "Known: red team exercise, ticket SEC-42.";

/// A finding of the demo.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The file in `events/finding-investigate` that it comes from.
    pub file: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// Whether no rule marks it, so that a person has to ask.
    pub by_a_person: bool,
    /// Whether an analyst's note is on it.
    pub has_note: bool,
    /// The user-defined field `investigate` in the end.
    pub stage: &'static str,
    /// The severity of the investigation in the end, if it has one.
    pub severity: Option<&'static str>,
}

const AUTOMATIC: Part = Part {
    file: "",
    shows: "",
    by_a_person: false,
    has_note: false,
    stage: "complete",
    severity: Some("CRITICAL"),
};

/// The findings, in the order in which they go in.
pub const CAST: [Part; 7] = [
    Part {
        file: "imported-role-assumed.json",
        shows: "credentials of a role used from outside AWS",
        ..AUTOMATIC
    },
    Part {
        file: "imported-iam-user-key.json",
        shows: "an access key of an IAM user",
        severity: Some("MEDIUM"),
        ..AUTOMATIC
    },
    Part { file: "imported-attack-sequence.json", shows: "an attack sequence with two actors", ..AUTOMATIC },
    Part {
        file: "imported-root.json",
        shows: "the root user, whom Detective does not investigate",
        stage: "unsupported",
        severity: None,
        ..AUTOMATIC
    },
    Part {
        file: "imported-role-principal-key.json",
        shows: "a role whose investigation will fail",
        stage: "failed",
        severity: None,
        ..AUTOMATIC
    },
    Part {
        file: "imported-persons-note.json",
        shows: "the role of [1] again; an analyst has left a note",
        has_note: true,
        ..AUTOMATIC
    },
    Part {
        file: "custom-action-one-finding.json",
        shows: "of low severity: no rule marks it, an analyst has to ask",
        by_a_person: true,
        severity: Some("LOW"),
        ..AUTOMATIC
    },
];

/// The id of the finding with this number, from 1.
#[must_use]
pub fn id(number: usize) -> String {
    format!("arn:aws:guardduty:us-east-1:111122223333:detector/demo/finding/{number}")
}

/// Has Security Hub send findings in OCSF too, and the investigation of one role fail.
///
/// # Errors
///
/// If the local cloud refuses.
pub async fn set_the_scene(system: &System) -> Result<(), String> {
    let settings = json!({ "v2": true });
    system.cloud().control(Method::POST, "securityhub/settings", Some(&settings)).await?;
    let fails = json!({ "name": "demo", "entities": ["*:role/DataPipeline"], "outcome": "FAILED" });
    system.scenario(&fails).await
}

/// Imports a finding under the id of its number, and gives it.
///
/// # Errors
///
/// If Security Hub refuses it.
pub async fn import(system: &System, number: usize, part: &Part) -> Result<Value, String> {
    let mut finding = from_event(part.file)?;
    let id = id(number);
    finding.as_object_mut().ok_or("the finding is no object")?.insert("Id".into(), json!(id));
    system.import(std::slice::from_ref(&finding)).await?;
    if part.has_note {
        system.annotate(&id, ANALYSTS_NOTE, "analyst").await?;
    }
    Ok(finding)
}

/// What came out of a finding.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The finding in ASFF.
    pub finding: Value,
    /// The comment on the same finding in OCSF.
    pub comment: String,
}

impl Outcome {
    /// A user-defined field; empty if the finding does not have it.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        at(&self.finding, &format!("/UserDefinedFields/{name}"))
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn is_final(&self, part: &Part) -> bool {
        let ended = !matches!(self.field("investigate"), "" | "true" | "running");
        // A custom action sends a finding in ASFF only.
        ended && (part.by_a_person || !self.comment.is_empty())
    }

    /// Everything that is not as expected, in words.
    #[must_use]
    pub fn differences(&self, number: usize, part: &Part) -> Vec<String> {
        let note = at(&self.finding, "/Note/Text");
        let summary = self.field("investigationSummary");
        // The summary has room for more than note and comment have.
        let start = |text: &str| text.chars().take(40).collect::<String>();
        let written = start(summary);
        let author = if part.has_note { "analyst" } else { "eventide-finding-enrich" };
        let expected = [
            ("investigate", self.field("investigate").to_owned(), part.stage.to_owned()),
            (
                "the severity",
                self.field("investigationSeverity").to_owned(),
                part.severity.unwrap_or_default().to_owned(),
            ),
            ("the note's author", at(&self.finding, "/Note/UpdatedBy").to_owned(), author.to_owned()),
            ("the note", start(note), if part.has_note { start(ANALYSTS_NOTE) } else { written.clone() }),
            (
                "the comment in OCSF",
                start(&self.comment),
                if part.by_a_person { String::new() } else { written.clone() },
            ),
        ];
        let mut different: Vec<String> = expected
            .into_iter()
            .filter(|(_, actual, expected)| actual != expected)
            .map(|(what, actual, expected)| format!("[{number}] {what} is `{actual}`, expected `{expected}`"))
            .collect();
        if summary.is_empty() {
            different.push(format!("[{number}] the summary is missing"));
        }
        different
    }
}

/// All findings of the demo as Security Hub has them now, in their order.
///
/// # Errors
///
/// If the local cloud does not answer.
pub async fn outcomes(system: &System) -> Result<Vec<Outcome>, String> {
    let all = system.cloud().control(Method::GET, "securityhub/findings", None).await?;
    let find = |list: &str, id_at: &str, id: &str| {
        let mut findings = all.get(list).and_then(Value::as_array).into_iter().flatten();
        findings.find(|finding| at(finding, id_at) == id).cloned().unwrap_or_default()
    };
    Ok((1..=CAST.len())
        .map(|number| Outcome {
            finding: find("findings", "/Id", &id(number)),
            comment: without_mark(at(&find("findingsV2", "/finding_info/uid", &id(number)), "/comment")),
        })
        .collect())
}

/// What a comment of ours says after the mark by which it is known as ours; empty if it is not ours.
fn without_mark(comment: &str) -> String {
    comment.strip_prefix(COMMENT_MARK).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(stage: &str, severity: &str, author: &str, note: &str, comment: &str) -> Outcome {
        let finding = json!({
            "UserDefinedFields": {
                "investigate": stage, "investigationSeverity": severity, "investigationSummary": "Detective: …"
            },
            "Note": { "UpdatedBy": author, "Text": note }
        });
        Outcome { finding, comment: comment.to_owned() }
    }

    #[test]
    fn what_differs_is_named() {
        let [plain, .., noted, asked] = CAST;
        let ours = "eventide-finding-enrich";
        let text = "Detective: …";
        let cases = [
            (plain, outcome("complete", "CRITICAL", ours, text, text), vec![]),
            (noted, outcome("complete", "CRITICAL", "analyst", ANALYSTS_NOTE, text), vec![]),
            (asked, outcome("complete", "LOW", ours, text, ""), vec![]),
            (
                plain,
                outcome("failed", "", ours, text, ""),
                vec![
                    "[1] investigate is `failed`, expected `complete`",
                    "[1] the severity is ``, expected `CRITICAL`",
                    "[1] the comment in OCSF is ``, expected `Detective: …`",
                ],
            ),
            (
                noted,
                outcome("complete", "CRITICAL", ours, text, text),
                vec![
                    "[1] the note's author is `eventide-finding-enrich`, expected `analyst`",
                    "[1] the note is `Detective: …`, expected `Known: red team exercise, ticket SEC-42.`",
                ],
            ),
        ];
        for (part, outcome, expected) in cases {
            assert_eq!(outcome.differences(1, &part), expected, "{outcome:?}");
        }
    }

    #[test]
    fn an_outcome_is_final_with_its_comment_unless_a_person_asked() {
        let [plain, .., asked] = CAST;
        for (part, stage, comment, expected) in [
            (plain, "running", "", false),
            (plain, "complete", "", false),
            (plain, "unsupported", "No investigation", true),
            (asked, "complete", "", true),
            (asked, "true", "", false),
        ] {
            let outcome = outcome(stage, "LOW", "a", "n", comment);
            assert_eq!(outcome.is_final(&part), expected, "{stage} {comment}");
        }
    }
}
