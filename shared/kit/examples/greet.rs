//! A whole function: it greets whoever an EventBridge event names.

use std::process::ExitCode;

use eventide_kit::{
    Error, Function, Invocation, Kit,
    env::{FromEnv, Vars},
};
use serde::{Deserialize, Serialize};

fn main() -> ExitCode {
    eventide_kit::run::<Greet>()
}

struct Config {
    greeting: String,
    longest_name: usize,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let greeting = vars.required("GREETING", "a word such as `Hello`");
        let longest_name = vars.in_range("LONGEST_NAME", 1..=100, 40);
        Some(Self { greeting: greeting?, longest_name: longest_name? })
    }
}

#[derive(Deserialize)]
struct Event {
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    name: String,
    /// How often.
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

#[derive(Serialize)]
struct Greeting {
    text: String,
}

struct Greet {
    config: Config,
}

impl Function for Greet {
    type Config = Config;
    type Event = Event;
    type Response = Greeting;

    const NAMESPACE: &'static str = "Example/Greetings";

    async fn build(config: Config, _: &Kit) -> Result<Self, Error> {
        if config.greeting == "Silence" {
            return Err(Error::environment("NothingToSay", "a greeting of silence is none"));
        }
        possible(&config.greeting);
        Ok(Self { config })
    }

    async fn handle(&self, event: Event, invocation: &Invocation) -> Result<Greeting, Error> {
        let Detail { name, times } = event.detail;
        let length = name.chars().count();
        invocation.metrics.count("Names", 1, &[("Length", if length < 10 { "short" } else { "long" })]);
        if length > self.config.longest_name {
            let longest = self.config.longest_name;
            return Err(Error::permanent(
                "NameTooLong",
                format!("a name of {length} characters, expected at most {longest}"),
            ));
        }
        greetable(&name);
        tracing::info!(length, "greeted");
        Ok(Greeting { text: format!("{}, {name}!", self.config.greeting).repeat(times) })
    }
}

/// A bug at start-up.
#[expect(clippy::panic, reason = "shows that a panic at start-up is reported like any other failure")]
fn possible(greeting: &str) {
    if greeting == "Abracadabra" {
        panic!("{greeting} does nothing");
    }
}

/// A bug, to show what the kit makes of one.
#[expect(clippy::panic, reason = "shows that a panic fails one invocation and no more")]
fn greetable(name: &str) {
    if name == "Rumpelstiltskin" {
        panic!("{name} may not be named");
    }
}
