//! How fast a campaign is read and joined, in MB/s of its bytes: `throughput [rows] [csv|jsonl] [contents]`.
//!
//! Rows are made in memory, 4 MiB at a time, and are not counted in. Joining is what campaign-judge does for
//! each row: to know its content and to write its message. Build with the release profile; others tell
//! little.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use eventide_campaigns::{Item, Messages};
use eventide_types::campaign::Settings;
use eventide_types::campaign::keys::Form;

/// What is fed at a time, in bytes.
const CHUNK: usize = 4 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(Ok(1_000_000), |rows| rows.parse())?;
    let form = match arguments.next().as_deref() {
        Some("jsonl") => Form::JsonLines,
        _ => Form::Csv,
    };
    let contents: u64 = arguments.next().map_or(Ok(500), |contents| contents.parse())?;

    let settings: Settings = serde_json::from_str(
        r#"{"channel": "email", "subject": "News for {{first}}", "variables": {"first": {"type": "name"}}}"#,
    )?;
    let mut messages = Messages::joining(form, false, settings);
    let mut chunk = String::new();
    if form == Form::Csv {
        chunk.push_str("id,to,text,var.first\n");
    }
    let (mut bytes, mut read, mut written) = (0, 0_u64, 0);
    let mut took = Duration::ZERO;
    let mut out = Vec::with_capacity(CHUNK);
    for row in 0..rows {
        write_row(form, row, contents, &mut chunk)?;
        if chunk.len() < CHUNK && row + 1 < rows {
            continue;
        }
        bytes += chunk.len();
        let fed = std::mem::take(&mut chunk);
        let begin = Instant::now();
        messages.feed(fed);
        if row + 1 == rows {
            messages.finish();
        }
        while let Some(item) = messages.next_item()? {
            let Item::Message(message) = item else { return Err("a row does not parse".into()) };
            message.write_outgoing("0123456789abcdef0123456789abcdef", &mut out);
            out.push(b'\n');
            read += 1;
            if out.len() > CHUNK - 4_096 {
                written += out.len();
                out.clear();
            }
        }
        took += begin.elapsed();
    }
    written += out.len();
    let seconds = took.as_secs_f64();
    println!(
        "{read} rows, {:.1} MB in, {:.1} MB out, {seconds:.2} s: {:.0} MB/s, {:.2} µs a row",
        bytes as f64 / 1e6,
        written as f64 / 1e6,
        bytes as f64 / 1e6 / seconds,
        seconds * 1e6 / read as f64,
    );
    Ok(())
}

fn write_row(form: Form, row: u64, contents: u64, file: &mut String) -> std::fmt::Result {
    let content = row.wrapping_mul(0x9E37_79B9_7F4A_7C15) % contents;
    let text = format_args!(
        "Offer {content}: a table and four chairs, in oak or ash, at the price of three, until the end of \
         the month. Come and see them at our shop by the river, or have them brought to your door."
    );
    match form {
        Form::Csv => writeln!(file, "{row},c{row}@example.com,\"{text}\",Ann"),
        Form::JsonLines => writeln!(
            file,
            r#"{{"id":"{row}","to":"c{row}@example.com","text":"{text}","variables":{{"first":"Ann"}}}}"#
        ),
    }
}
