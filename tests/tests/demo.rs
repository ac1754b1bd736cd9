//! `make demo` shows what it says it shows.

use std::process::Command;

#[test]
fn the_demo_comes_out_as_expected() -> Result<(), String> {
    let demo = Command::new(env!("CARGO_BIN_EXE_demo")).output().map_err(|error| error.to_string())?;
    let (told, wrong) = (String::from_utf8_lossy(&demo.stdout), String::from_utf8_lossy(&demo.stderr));
    assert!(demo.status.success(), "{told}\n{wrong}");
    assert!(told.contains("All 7 findings came out as expected."), "{told}");
    Ok(())
}
