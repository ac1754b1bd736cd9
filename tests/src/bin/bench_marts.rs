//! What the functions of the data marts cost: deliveries of every size, and start-up, memory and size beside a
//! hello-world on the same runtime.
//!
//! With the argument `answers` only mart-query's largest answers are measured, with `starts` only start-up and size.
//!
//! Runs the release binaries (`make bench` builds them) as processes, under a Runtime API and AWS APIs of its own that
//! answer at once. Figures are medians; what is compared is measured in turn.
//!
//! A delivery's time is the processor time of the function's process, in user and kernel mode: the stand-in, which
//! runs in this one, has no part in it. The rest is all there: HTTP over the loopback device (where the sender's time
//! covers the receiver's half of TCP), parsing, signing with the SHA-256 of each part. There is no TLS.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use eventide_tests::bench::Outcome;
use eventide_tests::bench::figures::{Series, judge, sizes};
use eventide_tests::bench::process::{Process, binary};
use eventide_tests::bench_marts::apis::Apis;
use eventide_tests::bench_marts::events::{SUBJECTS, Subject, environment, waiting};
use eventide_tests::bench_marts::results::{Results, rows_within};
use eventide_types::mart::definition::Format;

/// Starts of each function with each sort of endpoint.
const STARTS: usize = 21;
/// Rounds of deliveries; each gives one figure a kind.
const ROUNDS: usize = 7;
/// Rows that a round delivers of each kind at least, in as many deliveries as it takes, and 20 at most.
const ROWS: u64 = 1_000_000;
/// Deliveries without rows that tell what one costs whatever its size.
const EMPTY: usize = 20;
/// What the template gives mart-deliver.
const TIMEOUT: Duration = Duration::from_secs(900);
/// Rows of the delivery that those of the same round are compared with.
const REFERENCE: u64 = 1_000_000;
/// Processes that answer with as many rows as an answer can carry, and how often each does.
const ANSWERS: usize = 5;
/// The most bytes of rows that mart-query answers with, their quotes escaped; Lambda takes 6 MB.
const LONGEST_ANSWER: usize = 6_000_000;
/// How they are asked for, and whether that is through the function URL, where an answer is a text in an answer.
const ASKED: [(&str, bool); 2] = [("direct", false), ("function URL", true)];
/// MB/s of one core that CSV has to reach.
const CSV_SPEED: f64 = 80.0;

/// Deliveries of one format and size.
const KINDS: [(Format, u64); 10] = [
    (Format::Csv, 10_000),
    (Format::Csv, 100_000),
    (Format::Csv, 1_000_000),
    (Format::Csv, 10_000_000),
    (Format::Jsonl, 10_000),
    (Format::Jsonl, 100_000),
    (Format::Jsonl, 1_000_000),
    (Format::Parquet, 10_000),
    (Format::Parquet, 100_000),
    (Format::Parquet, 1_000_000),
];

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_marts: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Outcome<()> {
    let apis = Apis::start().await?;
    let mut series = Series::default();
    let only = std::env::args().nth(1);
    if only.as_deref() == Some("answers") {
        answers(&apis, &mut series).await?;
        print_answers(&series);
        return Ok(());
    }
    starts(&apis, &mut series).await?;
    for subject in SUBJECTS {
        let (size, zipped) = sizes(&binary(subject.name()))?;
        series.add(&format!("{} binary", subject.name()), size);
        series.add(&format!("{} zip", subject.name()), zipped);
    }
    if only.as_deref() == Some("starts") {
        print_starts(&series);
        return Ok(());
    }
    answers(&apis, &mut series).await?;
    let results: Vec<Arc<Results>> =
        KINDS.iter().map(|(format, rows)| Arc::new(Results::new(*format, *rows))).collect();
    for round in 0..ROUNDS {
        for results in results.iter().cycle().skip(round).take(results.len()) {
            deliveries(&apis, results, &mut series).await?;
        }
    }
    print_starts(&series);
    print_answers(&series);
    print_deliveries(&series);
    targets(&series);
    Ok(())
}

/// With an `http` endpoint the first event is waiting, and is answered; with `https` nobody would answer the calls.
async fn starts(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let few = Arc::new(Results::new(Format::Csv, 100));
    let http = environment(&apis.endpoint);
    let mut https = http.clone();
    https.remove("AWS_ENDPOINT_URL");
    for round in 0..STARTS {
        // None is always the first after the largest.
        for subject in SUBJECTS.iter().cycle().skip(round % SUBJECTS.len()).take(SUBJECTS.len()) {
            let name = subject.name();
            apis.set(&few);
            let mut process = Process::spawn(name, &http, Some(&subject.event(round)?)).await?;
            let told = |error: String| format!("{name}: {error}");
            series.add(&format!("{name} http"), process.first_poll().await.map_err(told)?);
            series.add(&format!("{name} answered"), process.answered().await.map_err(told)?);
            series.add(&format!("{name} peak"), process.peak()?);
            if *subject == Subject::Deliver {
                apis.delivered()?;
            }
            let process = Process::spawn(name, &https, None).await?;
            series.add(&format!("{name} https"), process.first_poll().await.map_err(told)?);
            process.settle().await?;
            series.add(&format!("{name} idle peak"), process.peak()?);
        }
    }
    Ok(())
}

/// A process of its own for each kind, since the kernel keeps one peak a process.
async fn deliveries(apis: &Apis, results: &Arc<Results>, series: &mut Series) -> Outcome<()> {
    let event = Subject::Deliver.event(0)?;
    apis.set(&Arc::new(Results::new(results.format, 0)));
    let environment: BTreeMap<_, _> = environment(&apis.endpoint);
    let name = Subject::Deliver.name();
    let mut process = Process::spawn_with_timeout(name, &environment, Some(&event), TIMEOUT).await?;
    process.answered().await?;
    process.settle().await?;
    let before = process.processor_time()?;
    for _ in 0..EMPTY {
        process.handle(&event).await?;
    }
    let empty = (process.processor_time()? - before) / EMPTY as f64;

    apis.set(results);
    apis.delivered().err();
    let repeats = ROWS.div_ceil(results.rows).clamp(1, 20);
    let (before, mut bytes) = (process.processor_time()?, 0);
    for _ in 0..repeats {
        process.handle(&event).await?;
        bytes = apis.delivered()?;
    }
    let spent = (process.processor_time()? - before) / repeats as f64;
    let kind = kind(results.format, results.rows);
    series.add(&format!("{kind} MB"), bytes as f64 / 1e6);
    series.add(&format!("{kind} spent"), spent);
    series.add(&format!("{kind} speed"), bytes as f64 / 1e3 / spent);
    series.add(&format!("{kind} row"), (spent - empty) * 1e6 / results.rows as f64);
    series.add(&format!("{kind} peak"), process.peak()?);
    series.add("empty", empty);
    Ok(())
}

/// The peak of the first answer, and of all: what an allocator keeps of one is there for the next.
async fn answers(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let results = Arc::new(Results::new(Format::Jsonl, rows_within(LONGEST_ANSWER)));
    let environment = environment(&apis.endpoint);
    for round in 0..ANSWERS {
        for (asked, through_url) in ASKED {
            apis.set(&results);
            let event = waiting(through_url, round)?;
            let mut process = Process::spawn(Subject::Query.name(), &environment, Some(&event)).await?;
            process.answered().await.map_err(|error| format!("{asked}: {error}"))?;
            apis.answered()?;
            series.add(&format!("{asked} first"), process.peak()?);
            for _ in 1..ANSWERS {
                process.handle(&event).await?;
                apis.answered()?;
            }
            series.add(&format!("{asked} all"), process.peak()?);
        }
    }
    Ok(())
}

fn kind(format: Format, rows: u64) -> String {
    format!("{} {rows}", format.extension())
}

fn print_starts(series: &Series) {
    println!("Medians of {STARTS} starts in turn; the factor is the median of the starts' own.\n");
    print!("{:<32}", "");
    for subject in SUBJECTS {
        print!("{:>20}", subject.name());
    }
    println!();
    for (title, what) in [
        ("start to first poll, http, ms", "http"),
        ("start to first poll, https, ms", "https"),
        ("start to first answer, http, ms", "answered"),
        ("peak memory, one event, MB", "peak"),
        ("peak with TLS roots, idle, MB", "idle peak"),
        ("binary, MB", "binary"),
        ("zip, MB", "zip"),
    ] {
        print!("{title:<32}");
        for subject in SUBJECTS {
            let (value, base) =
                (format!("{} {what}", subject.name()), format!("{} {what}", Subject::Hello.name()));
            let cell = format!("{:.2} ({:.2} x)", series.median(&value), series.ratio(&value, &base));
            print!("{cell:>20}");
        }
        println!();
    }
}

fn print_answers(series: &Series) {
    let rows = rows_within(LONGEST_ANSWER);
    println!("\nPeak memory of mart-query for answers with {rows} rows, just below 6 MB, MB:");
    for (asked, _) in ASKED {
        let of = |what: &str| series.median(&format!("{asked} {what}"));
        println!("{asked:<16}first {:>6.1}, of {ANSWERS} {:>6.1}", of("first"), of("all"));
        judge(&format!("mart-query: peak memory, 6 MB, {asked}, MB"), of("all"), 20.0);
    }
}

fn print_deliveries(series: &Series) {
    println!(
        "\nMedians of {ROUNDS} rounds. A delivery without rows costs {:.2} ms of processor time.\n\n\
         {:<24}{:>10}{:>16}{:>10}{:>26}{:>12}",
        series.median("empty"),
        "delivery, rows",
        "file, MB",
        "processor, ms",
        "MB/s",
        "ns a row beyond the empty",
        "peak, MB"
    );
    for (format, rows) in KINDS {
        let kind = kind(format, rows);
        let of = |what: &str| series.median(&format!("{kind} {what}"));
        println!(
            "{kind:<24}{:>10.2}{:>16.1}{:>10.1}{:>26.0}{:>12.1}",
            of("MB"),
            of("spent"),
            of("speed"),
            of("row"),
            of("peak")
        );
    }
}

fn targets(series: &Series) {
    println!("\nTargets:");
    for subject in SUBJECTS.iter().skip(1) {
        let name = subject.name();
        let of = |what: &str| series.median(&format!("{name} {what}"));
        for what in ["http", "https"] {
            let ratio = series.ratio(&format!("{name} {what}"), &format!("hello {what}"));
            judge(&format!("{name}: start, {what}, times hello's"), ratio, 2.0);
        }
        let writes_parquet = *subject == Subject::Deliver;
        if !writes_parquet {
            judge(&format!("{name}: peak memory, MB"), of("peak").max(of("idle peak")), 20.0);
        }
        judge(&format!("{name}: zip, MB"), of("zip"), if writes_parquet { 6.0 } else { 4.0 });
    }
    for format in [Format::Csv, Format::Jsonl, Format::Parquet] {
        let kinds =
            || KINDS.iter().filter(|(other, _)| *other == format).map(|(_, rows)| kind(format, *rows));
        let medians =
            |what: &str| kinds().map(|kind| series.median(&format!("{kind} {what}"))).collect::<Vec<_>>();
        let most = |values: &[f64]| values.iter().copied().fold(f64::NAN, f64::max);
        let reference = format!("{} row", kind(format, REFERENCE));
        let rows: Vec<f64> = kinds().map(|kind| series.ratio(&format!("{kind} row"), &reference)).collect();
        let least = rows.iter().copied().fold(f64::NAN, f64::min);
        let name = format.extension();
        judge(&format!("{name}: a row's cost, dearest size to cheapest"), most(&rows) / least, 1.2);
        judge(&format!("{name}: peak memory of any size, MB"), most(&medians("peak")), 64.0);
    }
    for (_, rows) in KINDS.iter().filter(|(format, _)| *format == Format::Csv) {
        // As time, since the target is the most that it may be.
        let each = 1e3 / series.median(&format!("{} speed", kind(Format::Csv, *rows)));
        judge(&format!("csv: {rows} rows, ms of a core a MB ({CSV_SPEED} MB/s)"), each, 1e3 / CSV_SPEED);
    }
}
