//! The first scene: findings go in, enriched findings come out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use eventide_testing::eventually;
use serde_json::Value;

use super::cast::{self, CAST, Outcome};
use super::metrics::{by_name, total};
use super::text::{at, bold, judged, paragraph};
use crate::System;

/// How long the demo waits for everything to come out.
const PATIENCE: Duration = Duration::from_secs(60);

/// The names of the functions, and the outputs of the stack that name them there.
const FUNCTIONS: [(&str, &str); 2] =
    [("finding-investigate", "InvestigateFunction"), ("finding-enrich", "EnrichFunction")];

/// Runs it all; what did not come out as expected.
///
/// # Errors
///
/// What kept it from running.
pub async fn run() -> Result<Vec<String>, String> {
    let start = Instant::now();
    println!("Starting a local cloud and deploying infra/finding-enrichment.yaml with its automation rule …");
    let system = System::start_with(&[("OcsfFindings", "ENABLED")]).await?;
    cast::set_the_scene(&system).await?;
    println!("Deployed after {:.1} s.", start.elapsed().as_secs_f32());

    println!("\n{}", bold("GuardDuty's findings go in"));
    let start = Instant::now();
    for (number, part) in (1..).zip(&CAST) {
        let finding = cast::import(&system, number, part).await?;
        let kind = at(&finding, "/Types/0").rsplit('/').next().unwrap_or_default();
        println!("  [{number}] {} {kind}", judged(at(&finding, "/Severity/Label")));
        println!("      {}", part.shows);
    }
    for (number, _) in (1..).zip(&CAST).filter(|(_, part)| part.by_a_person) {
        println!("An analyst chooses the custom action Investigate for [{number}].");
        system.custom_action(&[&cast::id(number)], false).await?;
    }

    println!("\n{}", bold("The field `investigate`, as it changes"));
    let outcomes = follow(&system, start).await?;

    println!("\n{}", bold("Enriched findings come out"));
    for (number, outcome) in (1..).zip(&outcomes) {
        show(number, outcome);
    }
    println!("  Where nothing else is said, the finding in OCSF has the same text as its comment. A custom");
    println!("  action sends a finding in ASFF only.");
    let mut different: Vec<_> = (1..)
        .zip(CAST.iter().zip(&outcomes))
        .flat_map(|(number, (part, outcome))| outcome.differences(number, part))
        .collect();
    different.extend(calls_and_metrics(&system).await?);
    if different.is_empty() {
        println!("\nAll {} findings came out as expected.", CAST.len());
    }
    Ok(different)
}

/// Prints every change of `investigate` until nothing more will come.
async fn follow(system: &System, start: Instant) -> Result<Vec<Outcome>, String> {
    let mut known = vec![String::new(); CAST.len()];
    while start.elapsed() < PATIENCE {
        let outcomes = cast::outcomes(system).await?;
        let mut changes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (number, (outcome, known)) in (1..).zip(outcomes.iter().zip(&mut known)) {
            let stage = outcome.field("investigate");
            if stage != known {
                changes.entry(stage).or_default().push(format!("[{number}]"));
                stage.clone_into(known);
            }
        }
        for (stage, numbers) in changes {
            let numbers = numbers.join(" ");
            println!("  {:5.1} s  {numbers} {}", start.elapsed().as_secs_f32(), judged(stage));
        }
        if outcomes.iter().zip(&CAST).all(|(outcome, part)| outcome.is_final(part)) {
            return Ok(outcomes);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let stages = known.join(", ");
    Err(format!("not all findings came to an end within {} s; they say: {stages}", PATIENCE.as_secs()))
}

fn show(number: usize, outcome: &Outcome) {
    let severity = match outcome.field("investigationSeverity") {
        "" => "no severity".to_owned(),
        severity => format!("severity {}", judged(severity)),
    };
    let fields = outcome.finding.pointer("/UserDefinedFields").and_then(Value::as_object);
    println!(
        "  [{number}] {}, {severity}, {} fields, note by {}:",
        judged(outcome.field("investigate")),
        fields.map_or(0, |fields| fields.len()),
        at(&outcome.finding, "/Note/UpdatedBy"),
    );
    let note = at(&outcome.finding, "/Note/Text");
    paragraph("      ", note);
    if !outcome.comment.is_empty() && outcome.comment != note {
        println!("      comment on the finding in OCSF:");
        paragraph("      ", &outcome.comment);
    }
}

/// Prints what the functions called and measured; what of it is not as expected.
async fn calls_and_metrics(system: &System) -> Result<Vec<String>, String> {
    // Findings in ASFF, and those in OCSF that have a comment.
    let enriched = (CAST.len() + CAST.iter().filter(|part| !part.by_a_person).count()) as f64;
    let metrics = eventually("metrics of all findings", PATIENCE, || async {
        let mut log = Vec::new();
        for (_, output) in FUNCTIONS {
            log.extend(system.logs(output).await.ok()?);
        }
        let metrics = by_name(&log);
        (total(&metrics, "FindingsEnriched") >= enriched).then_some(metrics)
    });
    let metrics = metrics.await?;

    println!("\n{}", bold("What the functions called"));
    for (function, _) in FUNCTIONS {
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for call in system.calls(function).await? {
            *calls.entry(call).or_default() += 1;
        }
        println!("  {function}:");
        let calls: Vec<_> = calls.iter().map(|(call, count)| format!("{call} {count}")).collect();
        paragraph("    ", &calls.join(", "));
    }
    println!("\n{}", bold("What they measured"));
    let shown: Vec<_> = metrics.iter().map(|(name, values)| measured(name, values)).collect();
    paragraph("  ", &shown.join(", "));

    let started = total(&metrics, "InvestigationsStarted");
    let reused = total(&metrics, "InvestigationsReused");
    println!("  {started} investigations were started, and {reused} times one that was there served.");
    let known = system.investigations().await?.len();
    let set_aside = system.messages("FailedQueueUrl").await?.len();
    let mut different = Vec::new();
    if started != known as f64 {
        different.push(format!("{started} investigations were measured as started, Detective has {known}"));
    }
    if set_aside > 0 {
        different.push(format!("the failed queue holds {set_aside} messages, expected none"));
    }
    Ok(different)
}

/// A counter's sum; the range of anything else.
fn measured(name: &str, values: &[f64]) -> String {
    if name.starts_with("Seconds") {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        format!("{name} {least:.1} to {most:.1}")
    } else {
        format!("{name} {}", values.iter().sum::<f64>())
    }
}
