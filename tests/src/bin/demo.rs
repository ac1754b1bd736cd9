//! What the systems do, through their real templates, on local clouds of the demo's own, told as it happens. Exits with
//! an error if anything comes out otherwise than it should.

use std::process::ExitCode;

use eventide_tests::demo::{campaigns, chats, findings, marts};

#[tokio::main]
async fn main() -> ExitCode {
    let mut different = findings::run().await.unwrap_or_else(|error| vec![error]);
    println!();
    different.extend(marts::run().await.unwrap_or_else(|error| vec![error]));
    println!();
    different.extend(campaigns::run().await.unwrap_or_else(|error| vec![error]));
    println!();
    different.extend(chats::run().await.unwrap_or_else(|error| vec![error]));
    // The local clouds were the demo's own, and have ended with it.
    if different.is_empty() {
        println!("\nEverything came out as expected, and has been stopped.");
        return ExitCode::SUCCESS;
    }
    for difference in different {
        eprintln!("demo: {difference}");
    }
    ExitCode::FAILURE
}
