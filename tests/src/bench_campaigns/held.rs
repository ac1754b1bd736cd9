//! A campaign of which nothing is clear: every message has a content of its own, and a person has to decide on each.

use super::apis::{Apis, World};
use super::events::{Subject, TIMEOUT, decided, environment, of_upload, uploaded};
use super::file::File;
use crate::bench::Outcome;
use crate::bench::figures::{Series, judge};
use crate::bench::process::Process;

/// As many contents as a campaign can have.
const CONTENTS: u64 = 250_000;
/// Those that a file of decisions approves: as many as one can.
const DECIDED: usize = 10_000;
/// In their turn.
const SUBJECTS: [Subject; 3] = [Subject::Screen, Subject::Judge, Subject::Review];

/// Has it read, judged and decided on, and measures the peak memory of each function.
///
/// # Errors
///
/// If a function fails, or does not do what it should.
pub async fn measure(apis: &Apis, series: &mut Series) -> Outcome<()> {
    let file = File::with_contents(CONTENTS, CONTENTS);
    apis.set(World::uploaded(&file, false));
    let environment = environment(&apis.endpoint);
    for subject in SUBJECTS {
        let (name, mut world) = (subject.name(), apis.world());
        let event = match subject {
            Subject::Judge => {
                world.gathered(&file)?;
                world = world.classified(0.5)?;
                of_upload(&world.upload())
            }
            Subject::Review => {
                world.judged(CONTENTS, "held")?;
                world = world.approved(DECIDED)?;
                decided()
            }
            _ => uploaded(file.bytes.len()),
        };
        apis.set(world);
        let mut process = Process::spawn_with_timeout(name, &environment, Some(&event), TIMEOUT).await?;
        process.answered().await.map_err(|error| format!("{name}: {error}"))?;
        series.add(&format!("{name} held"), process.peak()?);
    }
    match apis.world().decisions() {
        DECIDED => Ok(()),
        kept => Err(format!("{kept} decisions, expected {DECIDED}")),
    }
}

/// Prints what [`measure`] found, beside the MB that no function may exceed.
pub fn print(series: &Series, memory: f64) {
    println!("\n{CONTENTS} contents, all held, of which a file of decisions approves {DECIDED}.");
    for subject in SUBJECTS {
        let name = subject.name();
        judge(&format!("{name}: peak memory, MB"), series.median(&format!("{name} held")), memory);
    }
}
