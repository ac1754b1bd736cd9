//! What the functions cost beside a hello-world on the same runtime: start-up, time per event, memory, size.
//!
//! Runs the release binaries (`make bench` builds them) as processes, under a Runtime API and AWS APIs of its own that
//! answer at once. Figures are medians; what is compared is measured in turn.
//!
//! A function's own time for an event is the processor time of its process less the price of its API calls. The
//! price is that of the cheapest call there is, an empty page of `ListIndicators`, told by two sorts of events that
//! differ in the number of such pages and in nothing else. What larger requests and answers cost beyond that, and
//! what the Lambda runtime does to fetch and to answer the event, counts as the function's own.

use std::collections::BTreeMap;
use std::process::ExitCode;

use eventide_tests::bench::Outcome;
use eventide_tests::bench::apis::Apis;
use eventide_tests::bench::events::{
    BATCH, ECHO, EMPTY_PAGES, PAGED, QUEUE, REPORT, START, Sort, environment,
};
use eventide_tests::bench::figures::{Series, judge, sizes};
use eventide_tests::bench::process::{Process, binary};

/// Starts of each function with each sort of endpoint.
const STARTS: usize = 41;
/// Rounds of warm events; each gives one figure a sort. Short ones, since the price of a call changes with the
/// machine's other work.
const ROUNDS: usize = 41;
/// Warm events of each sort in a round.
const EVENTS: usize = 25;
/// What is started, and its first event.
const SUBJECTS: [Sort; 3] = [ECHO, QUEUE, START];
/// What is handled warm.
const WARM: [Sort; 6] = [ECHO, QUEUE, START, REPORT, BATCH, PAGED];

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Outcome<()> {
    let apis = Apis::start().await?;
    let mut series = Series::default();
    starts(&apis, &mut series).await?;
    warm(&apis, &mut series).await?;
    for subject in SUBJECTS {
        let (size, zipped) = sizes(&binary(subject.function))?;
        series.add(&format!("{} binary", subject.function), size);
        series.add(&format!("{} zip", subject.function), zipped);
    }
    print(&series);
    Ok(())
}

/// With an `http` endpoint the first event is waiting, and is answered; with `https` nobody would answer the calls.
async fn starts(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let http = environment(&apis.endpoint);
    let mut https = http.clone();
    https.remove("AWS_ENDPOINT_URL");
    for round in 0..STARTS {
        // None is always the first after the largest.
        for subject in SUBJECTS.iter().cycle().skip(round % SUBJECTS.len()).take(SUBJECTS.len()) {
            let name = subject.function;
            let mut process = Process::spawn(name, &http, Some(&subject.event(round)?)).await?;
            series.add(&format!("{name} http"), process.first_poll().await?);
            series.add(&format!("{name} answered"), process.answered().await?);
            let process = Process::spawn(name, &https, None).await?;
            series.add(&format!("{name} https"), process.first_poll().await?);
            process.settle().await?;
            series.add(&format!("{name} idle peak"), process.peak()?);
        }
    }
    Ok(())
}

/// One process of each function handles events of all sorts, round after round.
async fn warm(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let environment = environment(&apis.endpoint);
    let mut processes = BTreeMap::new();
    for subject in SUBJECTS {
        let mut process = Process::spawn(subject.function, &environment, Some(&subject.event(0)?)).await?;
        process.answered().await?;
        process.settle().await?;
        processes.insert(subject.function, process);
    }
    for round in 0..ROUNDS {
        let mut spent = BTreeMap::new();
        for sort in WARM {
            let process = processes.get_mut(sort.function).ok_or("no such process")?;
            apis.set_empty_pages(sort.empty_pages);
            let numbers = (round + 1) * EVENTS..(round + 2) * EVENTS;
            let events = numbers.map(|number| sort.event(number)).collect::<Outcome<Vec<_>>>()?;
            let (calls, before) = (apis.calls(), process.processor_time()?);
            for event in &events {
                process.handle(event).await?;
            }
            let calls = (apis.calls() - calls) as f64 / EVENTS as f64;
            spent.insert(sort.name, ((process.processor_time()? - before) / EVENTS as f64, calls));
        }
        let of = |sort: Sort| spent.get(sort.name).map_or(f64::NAN, |(spent, _)| *spent);
        let price = (of(PAGED) - of(REPORT)) / EMPTY_PAGES as f64;
        series.add("price", price);
        for (name, (spent, calls)) in spent {
            series.add(name, spent);
            series.add(&format!("{name} calls"), calls);
            series.add(&format!("{name} own"), spent - price * calls);
        }
    }
    for (name, process) in &processes {
        series.add(&format!("{name} peak"), process.peak()?);
    }
    Ok(())
}

fn print(series: &Series) {
    let of = |subject: &Sort, what: &str| series.median(&format!("{} {what}", subject.function));
    let ratio = |subject: &Sort, what: &str| {
        series.ratio(&format!("{} {what}", subject.function), &format!("{} {what}", ECHO.function))
    };
    println!(
        "Medians of {STARTS} starts in turn, and of {ROUNDS} rounds of {EVENTS} warm events of each sort.\n"
    );
    print!("{:<44}", "");
    for subject in &SUBJECTS {
        print!("{:>22}", subject.function);
    }
    println!();
    for (title, what) in [
        ("start to first poll, http endpoint, ms", "http"),
        ("start to first poll, https, ms", "https"),
        ("start to first answer, http endpoint, ms", "answered"),
        ("peak memory after the warm events, MB", "peak"),
        ("peak memory with TLS roots, idle, MB", "idle peak"),
        ("binary, MB", "binary"),
        ("zip, MB", "zip"),
    ] {
        print!("{title:<44}");
        for subject in &SUBJECTS {
            let times = format!("{:.2} ({:.2} x)", of(subject, what), ratio(subject, what));
            print!("{times:>22}");
        }
        println!();
    }
    println!(
        "\n{:<32}{:>12}{:>12}{:>12}",
        "warm event, processor time", "in all, ms", "API calls", "own, ms"
    );
    let own = |sort: &Sort| series.median(&format!("{} own", sort.name));
    for sort in WARM.iter().filter(|sort| sort.name != PAGED.name) {
        let calls = series.median(&format!("{} calls", sort.name));
        println!("{:<32}{:>12.3}{calls:>12.1}{:>12.3}", sort.name, series.median(sort.name), own(sort));
    }
    let price = series.median("price");
    println!("An API call costs {price:.3} ms, as {EMPTY_PAGES} empty pages more tell.\n\nTargets:");
    for subject in SUBJECTS.iter().skip(1) {
        let name = subject.function;
        judge(&format!("{name}: start, http, times hello's"), ratio(subject, "http"), 2.0);
        judge(&format!("{name}: start, https, times hello's"), ratio(subject, "https"), 2.0);
        judge(&format!("{name}: peak memory, MB"), of(subject, "peak").max(of(subject, "idle peak")), 20.0);
        judge(&format!("{name}: zip, MB"), of(subject, "zip"), 4.0);
    }
    for sort in [QUEUE, START, REPORT] {
        judge(&format!("{}: own time of {}, ms", sort.function, sort.name), own(&sort), 1.0);
    }
    let each = own(&BATCH) / BATCH.findings as f64;
    judge(&format!("{}: own time of {}, ms a finding", BATCH.function, BATCH.name), each, 1.0);
}
