//! Findings go in, enriched findings come out: the finding enrichment system through its real templates, on a
//! local cloud of its own, told as it happens. Exits with an error if anything comes out otherwise.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use eventide_tests::System;
use eventide_tests::findings::{from_event, with_severity};
use http::Method;
use serde_json::{Value, json};

/// Columns that a note is wrapped at.
const WIDTH: usize = 96;

/// How long the demo waits for everything to come out.
const PATIENCE: Duration = Duration::from_secs(60);

/// A finding of the demo: its event file, what it shows, whether a person has to ask, and what is to come out.
struct Shown {
    file: &'static str,
    shows: &'static str,
    by_a_person: bool,
    stage: &'static str,
    severity: Option<&'static str>,
}

const SHOWN: [Shown; 6] = [
    Shown {
        file: "imported-role-assumed.json",
        shows: "credentials of a role used from outside AWS",
        by_a_person: false,
        stage: "complete",
        severity: Some("CRITICAL"),
    },
    Shown {
        file: "imported-iam-user-key.json",
        shows: "an access key of an IAM user",
        by_a_person: false,
        stage: "complete",
        severity: Some("MEDIUM"),
    },
    Shown {
        file: "imported-attack-sequence.json",
        shows: "an attack sequence with two actors",
        by_a_person: false,
        stage: "complete",
        severity: Some("CRITICAL"),
    },
    Shown {
        file: "imported-root.json",
        shows: "the root user, whom Detective does not investigate",
        by_a_person: false,
        stage: "unsupported",
        severity: None,
    },
    Shown {
        file: "imported-persons-note.json",
        shows: "a finding on which an analyst left a note",
        by_a_person: false,
        stage: "complete",
        severity: Some("CRITICAL"),
    },
    Shown {
        file: "custom-action-one-finding.json",
        shows: "anomalous behavior of low severity, which no rule marks",
        by_a_person: true,
        stage: "complete",
        severity: Some("LOW"),
    },
];

#[tokio::main]
async fn main() -> ExitCode {
    match demo().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> Result<(), String> {
    let start = Instant::now();
    println!("Starting a local cloud and deploying infra/finding-enrichment.yaml with its automation rule …");
    let system = System::start().await?;
    println!("Deployed after {:.1} s. GuardDuty's findings go in:", start.elapsed().as_secs_f32());
    let start = Instant::now();
    let mut ids = Vec::new();
    for (number, shown) in SHOWN.iter().enumerate() {
        let id = import(&system, number, shown).await?;
        println!("  [{}] {}\n      {}", number + 1, shown.shows, kind(&system, &id).await?);
        ids.push(id);
    }
    for (number, (_, id)) in SHOWN.iter().zip(&ids).enumerate().filter(|(_, (shown, _))| shown.by_a_person) {
        println!("An analyst chooses the custom action Investigate for [{}].", number + 1);
        system.custom_action(&[id], false).await?;
    }
    println!("\nThe field `investigate`, as it changes:");
    let findings = follow(&system, &ids, start).await?;
    println!("\nEnriched findings come out:");
    let mut wrong = Vec::new();
    for (number, (shown, finding)) in SHOWN.iter().zip(&findings).enumerate() {
        show(number, finding);
        wrong.extend(check(number, shown, finding));
    }
    journal(&system).await?;
    if wrong.is_empty() {
        println!("\nAll {} findings came out as expected.", SHOWN.len());
        Ok(())
    } else {
        Err(wrong.join("; "))
    }
}

async fn import(system: &System, number: usize, shown: &Shown) -> Result<String, String> {
    let mut finding = from_event(shown.file)?;
    let id = format!("arn:aws:guardduty:us-east-1:111122223333:detector/demo/finding/{}", number + 1);
    let members = finding.as_object_mut().ok_or("the finding is no object")?;
    members.insert("Id".into(), json!(id));
    let severity = if shown.by_a_person { "LOW" } else { "HIGH" };
    system.import(&[with_severity(finding, severity)]).await?;
    if shown.file == "imported-persons-note.json" {
        system.annotate(&id, "Known: red team exercise, ticket SEC-42.", "analyst").await?;
    }
    Ok(id)
}

async fn kind(system: &System, id: &str) -> Result<String, String> {
    let finding = system.finding(id).await?;
    let title = finding.pointer("/Types/0").and_then(Value::as_str).unwrap_or_default();
    Ok(title.rsplit('/').next().unwrap_or(title).to_owned())
}

/// Prints every change of `investigate` until all findings have come to an end.
async fn follow(system: &System, ids: &[String], start: Instant) -> Result<Vec<Value>, String> {
    let mut known = vec![String::new(); ids.len()];
    let mut findings = vec![Value::Null; ids.len()];
    while start.elapsed() < PATIENCE {
        for (number, id) in ids.iter().enumerate() {
            let finding = system.finding(id).await?;
            let stage = text(&finding, "/UserDefinedFields/investigate");
            if let Some(known) = known.get_mut(number).filter(|known| **known != stage) {
                println!("  {:5.1} s  [{}] {stage}", start.elapsed().as_secs_f32(), number + 1);
                *known = stage;
            }
            if let Some(slot) = findings.get_mut(number) {
                *slot = finding;
            }
        }
        if known.iter().all(|stage| !matches!(stage.as_str(), "" | "true" | "running")) {
            return Ok(findings);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("not all findings came to an end within {} s", PATIENCE.as_secs()))
}

fn show(number: usize, finding: &Value) {
    let fields = finding.pointer("/UserDefinedFields").and_then(Value::as_object);
    let field = |name: &str| {
        let value = fields.and_then(|fields| fields.get(name)).and_then(Value::as_str);
        value.unwrap_or("-").to_owned()
    };
    println!(
        "\n  [{}] investigate {}, severity {}, {} fields",
        number + 1,
        field("investigate"),
        field("investigationSeverity"),
        fields.map_or(0, |fields| fields.len())
    );
    println!("      note by {}:", text(finding, "/Note/UpdatedBy"));
    for line in wrapped(&text(finding, "/Note/Text")) {
        println!("        {line}");
    }
}

fn check(number: usize, shown: &Shown, finding: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |what: &str, actual: String, expected: &str| {
        if actual != expected {
            wrong.push(format!("[{}] {what} is `{actual}`, expected `{expected}`", number + 1));
        }
    };
    expect("investigate", text(finding, "/UserDefinedFields/investigate"), shown.stage);
    let severity = text(finding, "/UserDefinedFields/investigationSeverity");
    expect("the severity", severity, shown.severity.unwrap_or_default());
    let a_persons = shown.file == "imported-persons-note.json";
    let author = if a_persons { "analyst" } else { "eventide-finding-enrich" };
    expect("the note's author", text(finding, "/Note/UpdatedBy"), author);
    wrong
}

/// What the functions called, from the local cloud's journal.
async fn journal(system: &System) -> Result<(), String> {
    println!("\nWhat the functions called:");
    for function in ["finding-investigate", "finding-enrich"] {
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for call in system.calls(function).await? {
            *calls.entry(call).or_default() += 1;
        }
        let calls: Vec<_> = calls.iter().map(|(call, count)| format!("{call} {count}")).collect();
        println!("  {function}:");
        for line in wrapped(&calls.join(", ")) {
            println!("    {line}");
        }
    }
    let investigations = system.investigations().await?.len();
    println!("  {investigations} investigations were started; findings of one principal share one.");
    let health = system.cloud().control(Method::GET, "health", None).await?;
    println!("  It all ran on {}.", text(&health, "/endpoint"));
    Ok(())
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
