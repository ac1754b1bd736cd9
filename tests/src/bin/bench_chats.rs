//! What the functions of voice to chat cost: links, sent and redeemed; and start-up, memory and size beside a hello-world
//! on the same runtime.
//!
//! Runs the release binaries (`make bench` builds them) as processes, under a Runtime API and AWS APIs of its own that
//! answer at once. What is compared is measured in turn. Start-up figures are medians.
//!
//! An event's wall time is from its being there to its answer, and the processor time that of the function's process, in user
//! and kernel mode. In the wall time there is the stand-in, which runs in this process, in the processor time there is
//! not. The rest is all there: HTTP over the loopback device, parsing, the link's signature (ECDSA), sealing. There is no
//! TLS.
//!
//! With the argument `starts` or `events` only these are measured. A target that is missed is an error.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use eventide_tests::bench::Outcome;
use eventide_tests::bench::figures::{Series, judge, sizes};
use eventide_tests::bench::process::{Process, binary};
use eventide_tests::bench_chats::apis::{Apis, Done, World};
use eventide_tests::bench_chats::events::{SUBJECTS, Subject, environment};
use eventide_tests::bench_chats::items::Links;
use eventide_tests::bench_chats::samples::Samples;

/// Starts of each function with each sort of endpoint.
const STARTS: usize = 21;
/// Processes that handle events of each kind, in turn.
const ROUNDS: usize = 5;
/// How long a slow provider takes over a message.
const SLOW: Duration = Duration::from_millis(200);

/// Events of one kind.
struct Kind {
    name: &'static str,
    subject: Subject,
    world: World,
    /// How many there are in a round, after the first, which is not measured.
    events: usize,
}

const AT_ONCE: World = World { links: Links::Open, sending: Duration::ZERO };
const ANSWERED: Kind = Kind { name: "hello: answer", subject: Subject::Hello, world: AT_ONCE, events: 400 };
const SENT: Kind = Kind { name: "link-issue: both messages", subject: Subject::Issue, ..ANSWERED };
const SENT_SLOWLY: Kind = Kind {
    name: "link-issue: both, of 200 ms each",
    world: World { sending: SLOW, ..AT_ONCE },
    events: 40,
    ..SENT
};
const WON: Kind = Kind { name: "link-redeem: a chat", subject: Subject::Redeem, ..ANSWERED };
const REFUSED: Kind =
    Kind { name: "link-redeem: refused", world: World { links: Links::Used, ..AT_ONCE }, ..WON };
const KINDS: [Kind; 5] = [ANSWERED, SENT, SENT_SLOWLY, WON, REFUSED];

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_chats: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Outcome<()> {
    let only = std::env::args().nth(1);
    let is_wanted = |what: &str| only.as_deref().is_none_or(|only| only == what);
    let apis = Apis::start().await?;
    let mut targets = Targets::default();
    if is_wanted("starts") {
        let mut series = Series::default();
        starts(&apis, &mut series).await?;
        for subject in SUBJECTS {
            let (size, zipped) = sizes(&binary(subject.name()))?;
            series.add(&format!("{} binary", subject.name()), size);
            series.add(&format!("{} zip", subject.name()), zipped);
        }
        print_starts(&series);
        judge_starts(&series, &mut targets);
    }
    if is_wanted("events") {
        let mut samples = Samples::default();
        events(&apis, &mut samples).await?;
        print_events(&samples);
        judge_events(&samples, &mut targets);
    }
    targets.met()
}

/// What is held against its limits.
#[derive(Default)]
struct Targets {
    missed: Vec<String>,
}

impl Targets {
    /// One target: what was measured, and the most that it may be.
    fn judge(&mut self, what: &str, value: f64, limit: f64) {
        judge(what, value, limit);
        if value.is_nan() || value > limit {
            self.missed.push(what.to_owned());
        }
    }

    fn met(self) -> Outcome<()> {
        match self.missed.as_slice() {
            [] => Ok(()),
            missed => Err(format!("targets missed: {}", missed.join("; "))),
        }
    }
}

/// Sees that events of a function did what they should, each about a contact or a link of its own.
fn check(subject: Subject, world: World, events: usize, done: &Done) -> Outcome<()> {
    let Done { calls, .. } = *done;
    let (emails, sms, chats, phone_calls, refused, revoked) = match (subject, world.links) {
        (Subject::Hello, _) => (0, 0, 0, 0, 0, 0),
        (Subject::Issue, _) => (events, events, 0, 0, 0, 0),
        (Subject::Redeem, Links::Open) => (0, 0, events, 0, 0, 0),
        (Subject::Redeem, Links::Used) => (0, 0, 0, 0, events, 0),
        (Subject::Callback, _) => (0, 0, 0, events, 0, 0),
        (Subject::Follow, _) => (0, 0, 0, 0, 0, events),
    };
    let tokens = done.tokens.clone();
    let expected = Done { calls, emails, sms, tokens, chats, phone_calls, refused, revoked };
    if *done == expected && done.tokens.len() == sms {
        return Ok(());
    }
    let found = Done { tokens: [].into(), ..done.clone() };
    let links = done.tokens.len();
    Err(format!("{events} events of {}: {links} links sent and {found:?}", subject.name()))
}

/// With an `http` endpoint the first event is waiting, and is answered; with `https` nobody would answer the calls.
async fn starts(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let http = environment(&apis.endpoint);
    let mut https = http.clone();
    https.remove("AWS_ENDPOINT_URL");
    for round in 0..STARTS {
        // None is always the first after the largest.
        for subject in SUBJECTS.into_iter().cycle().skip(round % SUBJECTS.len()).take(SUBJECTS.len()) {
            let (name, event) = (subject.name(), subject.event(round)?);
            let told = |error: String| format!("{name}: {error}");
            apis.set(AT_ONCE);
            let mut process =
                Process::spawn_with_timeout(name, &http, Some(&event), subject.timeout()).await?;
            series.add(&format!("{name} http"), process.first_poll().await.map_err(told)?);
            series.add(&format!("{name} answered"), process.answered().await.map_err(told)?);
            series.add(&format!("{name} peak"), process.peak()?);
            check(subject, AT_ONCE, 1, &apis.take())?;
            let process = Process::spawn(name, &https, None).await?;
            series.add(&format!("{name} https"), process.first_poll().await.map_err(told)?);
            process.settle().await?;
            series.add(&format!("{name} idle peak"), process.peak()?);
        }
    }
    Ok(())
}

/// Events of every kind, handled by processes that are warm.
async fn events(apis: &Apis, samples: &mut Samples) -> Outcome<()> {
    for round in 0..ROUNDS {
        for kind in KINDS.iter().cycle().skip(round % KINDS.len()).take(KINDS.len()) {
            let done = warm(apis, kind, round, samples).await;
            done.map_err(|error| format!("{}: {error}", kind.name))?;
        }
    }
    Ok(())
}

async fn warm(apis: &Apis, kind: &Kind, round: usize, samples: &mut Samples) -> Outcome<()> {
    let Kind { name, subject, world, events } = *kind;
    let first = round * (events + 1);
    apis.set(world);
    let environment = environment(&apis.endpoint);
    let event = subject.event(first)?;
    let mut process =
        Process::spawn_with_timeout(subject.name(), &environment, Some(&event), subject.timeout()).await?;
    process.answered().await?;
    process.settle().await?;
    check(subject, world, 1, &apis.take())?;
    let mut before = process.processor_time()?;
    for number in 1..=events {
        let event = subject.event(first + number)?;
        let started = Instant::now();
        process.handle(&event).await?;
        samples.add(&format!("{name} wall"), started.elapsed().as_secs_f64() * 1e3);
        // What the process does after an answer counts with the next event.
        let spent = process.processor_time()?;
        samples.add(&format!("{name} processor"), spent - before);
        before = spent;
    }
    let done = apis.take();
    check(subject, world, events, &done)?;
    samples.add(&format!("{name} calls"), done.calls as f64 / events as f64);
    samples.add(&format!("{name} peak"), process.peak()?);
    Ok(())
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
}

fn judge_starts(series: &Series, targets: &mut Targets) {
    println!("\nTargets:");
    for subject in SUBJECTS.iter().skip(1) {
        let name = subject.name();
        let of = |what: &str| series.median(&format!("{name} {what}"));
        for what in ["http", "https"] {
            let ratio = series.ratio(&format!("{name} {what}"), &format!("hello {what}"));
            targets.judge(&format!("{name}: start, {what}, times hello's"), ratio, 2.0);
        }
        targets.judge(&format!("{name}: peak memory, MB"), of("peak").max(of("idle peak")), 20.0);
        targets.judge(&format!("{name}: zip, MB"), of("zip"), 4.0);
    }
}

fn print_events(samples: &Samples) {
    println!(
        "\nWarm events of {ROUNDS} processes each, in turn; times in ms. The factor is that to hello's.\n\n\
         {:<36}{:>8}{:>8}{:>12}{:>12}{:>22}{:>16}{:>12}",
        "event", "events", "calls", "wall, p50", "wall, p99", "processor, p50", "processor, p99", "peak, MB"
    );
    for Kind { name, events, .. } in &KINDS {
        let of = |what: &str, percent| samples.percentile(&format!("{name} {what}"), percent);
        let spent = of("processor", 50);
        let base = samples.percentile(&format!("{} processor", ANSWERED.name), 50);
        println!(
            "{name:<36}{:>8}{:>8.1}{:>12.2}{:>12.2}{:>22}{:>16.2}{:>12.2}",
            events * ROUNDS,
            of("calls", 50),
            of("wall", 50),
            of("wall", 99),
            format!("{spent:.2} ({:.1} x)", spent / base),
            of("processor", 99),
            of("peak", 100)
        );
    }
}

fn judge_events(samples: &Samples, targets: &mut Targets) {
    println!("\nTargets:");
    for Kind { name, .. } in [SENT, SENT_SLOWLY] {
        let slowest = samples.percentile(&format!("{name} wall"), 99) / 1e3;
        targets.judge(&format!("{name}: p99, s"), slowest, 1.0);
    }
    // One after the other they would take twice as long as one.
    let name = SENT_SLOWLY.name;
    let usual = samples.percentile(&format!("{name} wall"), 50) / 1e3;
    targets.judge(&format!("{name}: p50, times one"), usual / SLOW.as_secs_f64(), 1.5);
    for Kind { name, .. } in KINDS.iter().skip(1) {
        targets.judge(
            &format!("{name}: peak memory, MB"),
            samples.percentile(&format!("{name} peak"), 100),
            20.0,
        );
    }
}
