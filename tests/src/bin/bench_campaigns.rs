//! What the functions of the compliance screening cost: campaigns of every size, read and joined; messages, sent; and start-up,
//! memory and size beside a hello-world on the same runtime.
//!
//! Runs the release binaries (`make bench` builds them) as processes, under a Runtime API and AWS APIs of its own that
//! answer at once. Figures are medians; what is compared is measured in turn.
//!
//! A campaign's time is the processor time of the function's process, in user and kernel mode: the stand-in, which runs in
//! this one, has no part in it. The rest is all there: HTTP over the loopback device, parsing, hashing, and for
//! campaign-judge writing each message twice, as its verdict and for campaign-send, and signing with the SHA-256 of
//! what is written. There is no TLS.
//!
//! With the argument `starts`, `campaigns`, `sending`, `reports` or `held` only these are measured.

use std::collections::BTreeMap;
use std::process::ExitCode;

use eventide_tests::bench::Outcome;
use eventide_tests::bench::figures::{Series, judge, sizes};
use eventide_tests::bench::process::{Process, binary};
use eventide_tests::bench_campaigns::apis::{Apis, World};
use eventide_tests::bench_campaigns::events::{
    SUBJECTS, Subject, TIMEOUT, command, delivered, environment, of_shard, of_upload, report, uploaded,
};
use eventide_tests::bench_campaigns::file::{CONTENTS, File};
use eventide_tests::bench_campaigns::held;
use serde_json::{Value, json};

/// Starts of each function with each sort of endpoint.
const STARTS: usize = 21;
/// Rows of the campaign that they are started for.
const SMALL: u64 = 100;
/// Rounds of campaigns; each gives one figure a size.
const ROUNDS: usize = 5;
/// Rows of campaigns.
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
/// The size that the others are compared with.
const REFERENCE: u64 = 1_000_000;
/// Rows that a round reads of each size at least, in as many campaigns as it takes, and 20 at most.
const ROWS: u64 = 200_000;
/// Campaigns of every content once, which tell what contents cost however many rows have them.
const BASES: usize = 5;
/// Rows of the campaign whose messages are sent.
const SENT: u64 = 10_000;
/// Rows of the campaign that is reported on.
const REPORTED: u64 = 100_000;
/// MB/s of one core that reading and joining have to reach.
const SPEED: f64 = 100.0;
/// MB of memory that no function may exceed, whatever the campaign.
const MEMORY: f64 = 64.0;

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_campaigns: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Outcome<()> {
    let only = std::env::args().nth(1);
    let is_wanted = |what: &str| only.as_deref().is_none_or(|only| only == what);
    let apis = Apis::start().await?;
    let mut series = Series::default();
    if is_wanted("starts") {
        starts(&apis, &mut series).await?;
        for subject in SUBJECTS {
            let (size, zipped) = sizes(&binary(subject.name()))?;
            series.add(&format!("{} binary", subject.name()), size);
            series.add(&format!("{} zip", subject.name()), zipped);
        }
        print_starts(&series);
    }
    if is_wanted("campaigns") {
        campaigns(&apis, &mut series).await?;
        print_campaigns(&series);
    }
    if is_wanted("sending") {
        sending(&apis, &mut series).await?;
        print_sending(&series);
    }
    if is_wanted("reports") {
        reports(&apis, &mut series).await?;
        print_reports(&series);
    }
    if is_wanted("held") {
        held::measure(&apis, &mut series).await?;
        held::print(&series, MEMORY);
    }
    Ok(())
}

/// A campaign in the states that the functions find it in.
struct Stages {
    uploaded: World,
    classifying: World,
    judging: World,
}

/// Has a campaign read, which is measured elsewhere.
async fn stages(apis: &Apis, file: &File, forgets: bool) -> Outcome<Stages> {
    let first = World::uploaded(file, forgets);
    apis.set(first.clone());
    handled(apis, Subject::Screen, &uploaded(file.bytes.len())).await?;
    let classifying = apis.world();
    classifying.gathered(file)?;
    let judging = classifying.clone().classified(0.95)?;
    Ok(Stages { uploaded: first, classifying, judging })
}

/// Has it joined, too.
async fn sent(apis: &Apis, file: &File) -> Outcome<World> {
    let Stages { judging, .. } = stages(apis, file, false).await?;
    let event = of_upload(&judging.upload());
    apis.set(judging);
    handled(apis, Subject::Judge, &event).await?;
    let sending = apis.world();
    sending.judged(file.rows, "approved")?;
    Ok(sending)
}

async fn handled(apis: &Apis, subject: Subject, event: &Value) -> Outcome<()> {
    let environment = environment(&apis.endpoint);
    let name = subject.name();
    let mut process = Process::spawn_with_timeout(name, &environment, Some(event), TIMEOUT).await?;
    process.answered().await.map(drop).map_err(|error| format!("{name}: {error}"))
}

/// With an `http` endpoint the first event is waiting, and is answered; with `https` nobody would answer the calls.
async fn starts(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let file = File::new(SMALL);
    let Stages { uploaded: first, classifying, judging } = stages(apis, &file, false).await?;
    let sending = sent(apis, &file).await?;
    let upload = of_upload(&judging.upload());
    let shard = sending.shards().into_iter().next().ok_or("there is no shard")?;
    let http = environment(&apis.endpoint);
    let mut https = http.clone();
    https.remove("AWS_ENDPOINT_URL");
    for round in 0..STARTS {
        // None is always the first after the largest.
        for subject in SUBJECTS.iter().cycle().skip(round % SUBJECTS.len()).take(SUBJECTS.len()) {
            let (world, event) = match subject {
                Subject::Hello => (&first, json!({})),
                Subject::Screen => (&first, uploaded(file.bytes.len())),
                Subject::Classify => (&classifying, upload.clone()),
                Subject::Judge => (&judging, upload.clone()),
                Subject::Send => (&sending, of_shard(&shard)),
                Subject::Track => (&sending, delivered()),
                Subject::Review => (&sending, command()),
                Subject::Report => (&sending, report()),
            };
            apis.set(world.clone());
            let name = subject.name();
            let mut process = Process::spawn_with_timeout(name, &http, Some(&event), TIMEOUT).await?;
            let told = |error: String| format!("{name}: {error}");
            series.add(&format!("{name} http"), process.first_poll().await.map_err(told)?);
            series.add(&format!("{name} answered"), process.answered().await.map_err(told)?);
            series.add(&format!("{name} peak"), process.peak()?);
            let done = apis.world();
            match subject {
                Subject::Screen => done.gathered(&file)?,
                Subject::Judge => done.judged(SMALL, "approved")?,
                Subject::Classify if done.jobs() != 1 => return Err(format!("{} jobs", done.jobs())),
                Subject::Send if done.sent() == 0 => return Err("nothing was sent".to_owned()),
                _ => {}
            }
            let process = Process::spawn(name, &https, None).await?;
            series.add(&format!("{name} https"), process.first_poll().await.map_err(told)?);
            process.settle().await?;
            series.add(&format!("{name} idle peak"), process.peak()?);
        }
    }
    Ok(())
}

/// Campaigns of every size are read and joined.
async fn campaigns(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let base = File::new(CONTENTS);
    let base = (base.clone(), stages(apis, &base, true).await?);
    let mut sizes = Vec::new();
    for rows in SIZES {
        let file = File::new(rows);
        let stages = stages(apis, &file, true).await?;
        sizes.push((file, stages));
    }
    for round in 0..ROUNDS {
        for campaign in sizes.iter().cycle().skip(round % sizes.len()).take(sizes.len()) {
            for subject in [Subject::Screen, Subject::Judge] {
                pass(apis, subject, &base, campaign, series).await?;
            }
        }
    }
    Ok(())
}

/// A process of its own for each size, since the kernel keeps one peak a process.
async fn pass(
    apis: &Apis,
    subject: Subject,
    base: &(File, Stages),
    campaign: &(File, Stages),
    series: &mut Series,
) -> Outcome<()> {
    let given = |(file, stages): &(File, Stages)| match subject {
        Subject::Judge => (stages.judging.clone(), of_upload(&stages.judging.upload())),
        _ => (stages.uploaded.clone(), uploaded(file.bytes.len())),
    };
    let check = |file: &File| match subject {
        Subject::Judge => apis.world().judged(file.rows, "approved"),
        _ => apis.world().gathered(file),
    };
    let (world, event) = given(base);
    apis.set(world.clone());
    let environment: BTreeMap<_, _> = environment(&apis.endpoint);
    let name = subject.name();
    let mut process = Process::spawn_with_timeout(name, &environment, Some(&event), TIMEOUT).await?;
    process.answered().await.map_err(|error| format!("{name}: {error}"))?;
    process.settle().await?;
    let before = process.processor_time()?;
    for _ in 0..BASES {
        apis.set(world.clone());
        process.handle(&event).await?;
        check(&base.0)?;
    }
    let of_contents = (process.processor_time()? - before) / BASES as f64;

    let (world, event) = given(campaign);
    let file = &campaign.0;
    let repeats = ROWS.div_ceil(file.rows).clamp(1, 20);
    let before = process.processor_time()?;
    for _ in 0..repeats {
        apis.set(world.clone());
        process.handle(&event).await?;
        check(file)?;
    }
    let spent = (process.processor_time()? - before) / repeats as f64;
    let kind = kind(subject, file.rows);
    series.add(&format!("{kind} MB"), file.megabytes());
    series.add(&format!("{kind} spent"), spent);
    series.add(&format!("{kind} speed"), file.megabytes() * 1e3 / spent);
    series.add(&format!("{kind} row"), (spent - of_contents) * 1e6 / (file.rows - CONTENTS) as f64);
    series.add(&format!("{kind} peak"), process.peak()?);
    series.add(&format!("{name} contents"), of_contents);
    Ok(())
}

/// The messages of a campaign are sent, as many of each shard as one invocation takes.
async fn sending(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let world = sent(apis, &File::new(SENT)).await?;
    let environment = environment(&apis.endpoint);
    let name = Subject::Send.name();
    let shards = world.shards();
    for _ in 0..ROUNDS {
        apis.set(world.clone());
        let mut shards = shards.iter().map(|shard| of_shard(shard));
        let first = shards.next().ok_or("there is no shard")?;
        let mut process = Process::spawn_with_timeout(name, &environment, Some(&first), TIMEOUT).await?;
        process.answered().await.map_err(|error| format!("{name}: {error}"))?;
        process.settle().await?;
        let (before, already) = (process.processor_time()?, apis.world().sent());
        for event in shards {
            process.handle(&event).await?;
        }
        let messages = apis.world().sent() - already;
        if messages == 0 {
            return Err("nothing was sent".to_owned());
        }
        series.add("send message", (process.processor_time()? - before) / messages as f64);
        series.add("send messages", messages as f64);
        series.add("send peak", process.peak()?);
    }
    Ok(())
}

/// A report is written on a campaign of which nothing is sent yet.
async fn reports(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let world = sent(apis, &File::new(REPORTED)).await?;
    let environment = environment(&apis.endpoint);
    let name = Subject::Report.name();
    for _ in 0..ROUNDS {
        apis.set(world.clone());
        let mut process = Process::spawn_with_timeout(name, &environment, None, TIMEOUT).await?;
        process.first_poll().await?;
        process.settle().await?;
        let before = process.processor_time()?;
        process.handle(&report()).await.map_err(|error| format!("{name}: {error}"))?;
        let spent = process.processor_time()? - before;
        series.add("report message", spent * 1e3 / REPORTED as f64);
        series.add("report peak", process.peak()?);
    }
    Ok(())
}

fn kind(subject: Subject, rows: u64) -> String {
    format!("{} {rows}", subject.name())
}

fn print_starts(series: &Series) {
    const COLUMNS: [(&str, &str); 7] = [
        ("first poll, http", "http"),
        ("first poll, https", "https"),
        ("first answer", "answered"),
        ("peak, one event", "peak"),
        ("peak, TLS, idle", "idle peak"),
        ("binary", "binary"),
        ("zip", "zip"),
    ];
    println!(
        "Medians of {STARTS} starts in turn, in ms and MB; the factor to hello is the median of the starts' own.\n"
    );
    print!("{:<20}", "");
    for (title, _) in COLUMNS {
        print!("{title:>20}");
    }
    println!();
    for subject in SUBJECTS {
        let name = subject.name();
        print!("{name:<20}");
        for (_, what) in COLUMNS {
            let ratio = series.ratio(&format!("{name} {what}"), &format!("hello {what}"));
            let cell = format!("{:.2} ({ratio:.2} x)", series.median(&format!("{name} {what}")));
            print!("{cell:>20}");
        }
        println!();
    }
    println!("\nTargets:");
    for subject in SUBJECTS.iter().skip(1) {
        let name = subject.name();
        let of = |what: &str| series.median(&format!("{name} {what}"));
        for what in ["http", "https"] {
            let ratio = series.ratio(&format!("{name} {what}"), &format!("hello {what}"));
            judge(&format!("{name}: start, {what}, times hello's"), ratio, 2.0);
        }
        judge(&format!("{name}: peak memory, MB"), of("peak").max(of("idle peak")), 20.0);
        judge(&format!("{name}: zip, MB"), of("zip"), 4.0);
    }
}

fn print_campaigns(series: &Series) {
    println!(
        "\nMedians of {ROUNDS} rounds of campaigns with {CONTENTS} contents.\n\n{:<28}{:>10}{:>16}{:>10}{:>26}{:>12}",
        "function, rows", "file, MB", "processor, ms", "MB/s", "ns a row beyond contents", "peak, MB"
    );
    for subject in [Subject::Screen, Subject::Judge] {
        for rows in SIZES {
            let kind = kind(subject, rows);
            let of = |what: &str| series.median(&format!("{kind} {what}"));
            println!(
                "{kind:<28}{:>10.2}{:>16.1}{:>10.1}{:>26.0}{:>12.1}",
                of("MB"),
                of("spent"),
                of("speed"),
                of("row"),
                of("peak")
            );
        }
        let of_contents = series.median(&format!("{} contents", subject.name()));
        println!("{}: {of_contents:.2} ms for {CONTENTS} rows of as many contents", subject.name());
    }
    println!("\nTargets:");
    for subject in [Subject::Screen, Subject::Judge] {
        let name = subject.name();
        let reference = format!("{} row", kind(subject, REFERENCE));
        let rows = SIZES.map(|rows| series.ratio(&format!("{} row", kind(subject, rows)), &reference));
        let most = |values: &[f64]| values.iter().copied().fold(f64::NAN, f64::max);
        let least = rows.iter().copied().fold(f64::NAN, f64::min);
        judge(&format!("{name}: a row's cost, dearest size to cheapest"), most(&rows) / least, 1.2);
        let peaks = SIZES.map(|rows| series.median(&format!("{} peak", kind(subject, rows))));
        judge(&format!("{name}: peak memory of any size, MB"), most(&peaks), MEMORY);
        // As time, since the target is the most that it may be.
        let each = 1e3 / series.median(&format!("{} speed", kind(subject, REFERENCE)));
        judge(&format!("{name}: {REFERENCE} rows, ms of a core a MB ({SPEED} MB/s)"), each, 1e3 / SPEED);
    }
}

fn print_sending(series: &Series) {
    let of = |what: &str| series.median(&format!("send {what}"));
    println!(
        "\ncampaign-send: {:.3} ms of processor time a message, of {:.0}, three calls of APIs with it; peak {:.1} MB",
        of("message"),
        of("messages"),
        of("peak")
    );
    judge("campaign-send: ms of a core a message", of("message"), 1.0);
    judge("campaign-send: peak memory, MB", of("peak"), MEMORY);
}

fn print_reports(series: &Series) {
    let of = |what: &str| series.median(&format!("report {what}"));
    println!(
        "\ncampaign-report: {:.2} µs of processor time a message, of {REPORTED}; peak {:.1} MB",
        of("message"),
        of("peak")
    );
    judge("campaign-report: peak memory, MB", of("peak"), MEMORY);
}
