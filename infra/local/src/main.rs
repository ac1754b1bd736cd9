//! The command line of the local cloud.

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// AWS on this machine, as far as Eventide needs it.
#[derive(Debug, Parser)]
#[command(name = "eventide-local")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the local cloud.
    Up(Up),
    /// End the one that was started with the same state folder.
    Down(State),
    /// Show what runs where.
    Status(State),
    /// Deploy a template into the running one.
    Deploy(Deploy),
    /// Delete a stack from the running one.
    Delete(Delete),
}

#[derive(Args, Debug)]
struct Up {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// Port of the edge on 127.0.0.1, else the one behind --port; 0 takes a free one.
    #[arg(long)]
    edge_port: Option<u16>,
    /// Folder of the tools that `make tools` installs; else the variable EVENTIDE_TOOLS, else .tools.
    #[arg(long)]
    tools: Option<PathBuf>,
    /// Deploy infra/SYSTEM.yaml as the stack eventide-SYSTEM; may be repeated.
    #[arg(long = "deploy", value_name = "SYSTEM")]
    systems: Vec<String>,
    /// Folder with the functions' binaries.
    #[arg(long, default_value = "target/debug")]
    code: PathBuf,
    /// Keep request bodies in the journal.
    #[arg(long)]
    journal_bodies: bool,
    /// End when standard input closes.
    #[arg(long, conflicts_with = "detach")]
    exit_with_stdin: bool,
    /// Leave it running in the background once it is ready.
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    state: State,
}

#[derive(Args, Debug)]
struct State {
    /// Folder for logs and the process id.
    #[arg(long = "state", default_value = "target/local")]
    folder: PathBuf,
}

#[derive(Args, Debug)]
struct Deploy {
    /// The template's file.
    #[arg(long)]
    template: PathBuf,
    /// The stack's name.
    #[arg(long)]
    stack: String,
    /// A parameter of the template; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Folder with the functions' binaries.
    #[arg(long, default_value = "target/debug")]
    code: PathBuf,
    #[command(flatten)]
    state: State,
}

#[derive(Args, Debug)]
struct Delete {
    /// The stack's name.
    #[arg(long)]
    stack: String,
    #[command(flatten)]
    state: State,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}`, expected `NAME=VALUE`"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    let verbose = std::env::var_os("EVENTIDE_LOCAL_DEBUG").is_some();
    let level = if verbose { tracing::Level::DEBUG } else { tracing::Level::WARN };
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
    let result = match Cli::parse().command {
        Command::Up(up) if up.detach => commands::up_detached(&up).await,
        Command::Up(up) => commands::up(up).await,
        Command::Down(state) => commands::down(&state.folder).await,
        Command::Status(state) => commands::status(&state.folder).await,
        Command::Deploy(deploy) => commands::deploy(deploy).await,
        Command::Delete(delete) => commands::delete(&delete).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("eventide-local: {error}");
            ExitCode::FAILURE
        }
    }
}
