//! Whether a request is accepted, and as what. No I/O.

use eventide_kit::error::Error;
use eventide_types::mart::Mart;
use eventide_types::mart::definition::{Caller, Format, Kind};
use eventide_types::mart::request::{Record, State};
use eventide_types::mart::value::{Fault, bind};
use eventide_types::printable;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::event::Asked;

/// The most callers that an error lists.
const MAX_LISTED: usize = 50;

/// Makes the record of a request.
///
/// # Errors
///
/// - `CallerNotAllowed`: the mart is not for this caller.
/// - `InvalidParameters`: names every parameter that is unknown, missing or of another type, and what is allowed.
/// - `NotQueryable`: a datashare.
/// - `InvalidRequest`: members that do not go together.
pub fn accept(mart: &Mart, asked: Asked, now: OffsetDateTime) -> Result<Record, Error> {
    let Asked { request, caller, origin } = asked;
    let definition = &mart.definition;
    if !definition.callers.iter().any(|allowed| allows(allowed, &caller)) {
        return Err(not_allowed(mart, &caller));
    }
    if definition.kind == Kind::Datashare {
        let message = format!("mart `{}` is a datashare, expected one with a query", definition.name);
        return Err(Error::permanent("NotQueryable", message));
    }
    // Whoever asks for another format than `UNLOAD` writes does not want it.
    let unloads = definition.delivery.unload && request.format.is_none_or(|format| format == Format::Parquet);
    let unload = !request.wait && request.unload.unwrap_or(unloads);
    let format = if unload { Format::Parquet } else { request.format.unwrap_or(definition.delivery.format) };
    if request.wait && (request.unload == Some(true) || request.format.is_some()) {
        let message =
            "`wait` answers with the rows themselves, expected neither `unload` nor `format` with it";
        return Err(Error::permanent("InvalidRequest", message));
    }
    if request.unload == Some(true) && request.format.is_some_and(|format| format != Format::Parquet) {
        let message = "`unload` writes Parquet, expected no other `format` with it";
        return Err(Error::permanent("InvalidRequest", message));
    }
    let bound = bind(mart, &request.parameters).map_err(invalid)?;
    let token = token(&caller, &definition.name, &origin);
    Ok(Record {
        key: key(mart, &token, now),
        token,
        caller,
        owner: definition.owner.clone(),
        version_id: mart.version_id.clone(),
        warehouse: definition.warehouse.clone(),
        database: definition.database.clone(),
        sql: bound.sql,
        parameters: bound.parameters,
        inline: request.wait,
        format,
        unload,
        row_cap: definition.delivery.row_cap,
        state: State::Accepted,
        statement_id: None,
        reason: None,
        accepted_at: now,
        updated_at: now,
        request,
    })
}

/// Whether a definition's entry stands for this caller.
pub fn allows(allowed: &Caller, caller: &str) -> bool {
    match allowed.0.strip_suffix('*') {
        Some(start) if start.starts_with("arn:") => caller.starts_with(start),
        _ => allowed.0 == caller,
    }
}

/// What identifies a request: who asked for what, and what tells this time from another. 64 hex digits.
fn token(caller: &str, mart: &str, origin: &str) -> String {
    // A line break is in none of the three.
    hex::encode(Sha256::digest(format!("{caller}\n{mart}\n{origin}")))
}

/// Where the result will lie, without extension: by team, mart and day, so that a listing is of use.
fn key(mart: &Mart, token: &str, now: OffsetDateTime) -> String {
    let definition = &mart.definition;
    let prefix = definition.delivery.prefix.as_ref().map(|prefix| format!("{prefix}/")).unwrap_or_default();
    let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
    format!("{}/{prefix}{}/{year:04}/{month:02}/{day:02}/{token}", definition.owner, definition.name)
}

fn not_allowed(mart: &Mart, caller: &str) -> Error {
    let callers = &mart.definition.callers;
    let mut listed: Vec<String> =
        callers.iter().take(MAX_LISTED).map(|caller| format!("`{}`", caller.0)).collect();
    if callers.len() > MAX_LISTED {
        listed.push(format!("{} more", callers.len() - MAX_LISTED));
    }
    let allowed = if listed.is_empty() { "nobody".to_owned() } else { listed.join(", ") };
    Error::permanent(
        "CallerNotAllowed",
        format!(
            "`{}` may not query mart `{}`, expected {allowed}",
            printable(caller, 200),
            mart.definition.name
        ),
    )
}

fn invalid(faults: Vec<Fault>) -> Error {
    let said: Vec<String> = faults.iter().map(Fault::to_string).collect();
    Error::permanent("InvalidParameters", said.join("; "))
}
