//! Wiring of link-callback. See the library for what it does and how it is configured.

// The SDK's futures nest deeper than the compiler's default limit of 128.
#![recursion_limit = "256"]

use std::process::ExitCode;

fn main() -> ExitCode {
    eventide_kit::run::<link_callback::Deployed>()
}
