//! When a recipient may be reached.
//!
//! A window is in the recipient's local time. Of an email without a time zone that is UTC. Of an SMS without
//! one it is every zone that the number may be in: a number tells its country at best, as people take their
//! numbers with them when they move within it. Zones by calling code are put together from E.164 and the IANA
//! time zone database's `zone.tab`; the rules of the zones come from the database that is compiled in.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use eventide_types::campaign::Channel;
use eventide_types::campaign::settings::{LocalTime, Window};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};
use time::OffsetDateTime;

/// Calling codes and their areas; areas and their zones.
const CALLING_CODES: &str = include_str!("calling-codes.tab");
const ZONES: &str = include_str!("zones.tab");

/// How far ahead openings are looked for.
const DAYS_AHEAD: i64 = 8;

/// Whether a window is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Now.
    Open,
    /// From this moment on.
    At(OffsetDateTime),
    /// At no moment of the next 8 days.
    Never,
}

/// What the messages of a shard have in common, `None` being UTC: the time zone `zone` (an IANA name) if the
/// message has one, else of an SMS `+` and the number's country calling code; where the areas of one code are
/// far apart (`+1`, `+7`) it is the code with the digits that tell the area, such as `+1876`. Of a number of
/// an unknown code it is `+` and three digits.
pub fn group<'a>(channel: Channel, to: &str, zone: Option<&'a str>) -> Option<Cow<'a, str>> {
    if let Some(zone) = zone {
        return Some(zone.into());
    }
    if channel == Channel::Email {
        return None;
    }
    let digits = to.strip_prefix('+').unwrap_or(to);
    let code = calling_code(digits).map_or_else(|| digits.get(..3).unwrap_or(digits), |(code, _)| code);
    Some(format!("+{code}").into())
}

/// When a message of this [`group`] may be sent, from `now` on: when the window is open in *every* zone that
/// its recipient may be in. Of an unknown calling code or zone that is the whole world, from UTC−12 to
/// UTC+14, in which hardly any window is ever open everywhere: [`Opening::Never`] means that a person has to
/// say which zone holds.
///
/// Clock changes are respected: what they skip is not open, what they repeat may be open twice.
pub fn next_open(window: &Window, zone: Option<&str>, now: OffsetDateTime) -> Opening {
    let zones = zones(zone);
    let Ok(now) = Timestamp::from_nanosecond(now.unix_timestamp_nanos()) else { return Opening::Never };
    if is_open(window, &zones, now) {
        return Opening::Open;
    }
    // Each opening of all zones together is one of some zone's.
    let mut openings: Vec<Timestamp> = zones.iter().flat_map(|zone| openings(window, zone, now)).collect();
    openings.sort_unstable();
    openings.dedup();
    let first = openings.into_iter().find(|at| *at > now && is_open(window, &zones, *at));
    let at = first.and_then(|at| OffsetDateTime::from_unix_timestamp(at.as_second()).ok());
    at.map_or(Opening::Never, Opening::At)
}

fn is_open(window: &Window, zones: &[TimeZone], at: Timestamp) -> bool {
    zones.iter().all(|zone| {
        let local = zone.to_offset(at).to_datetime(at);
        let time = u8::try_from(local.hour()).ok().zip(u8::try_from(local.minute()).ok());
        time.and_then(|(hour, minute)| LocalTime::new(hour, minute)).is_some_and(|time| window.is_open(time))
    })
}

/// When the window may open in a zone during the days ahead.
fn openings(window: &Window, zone: &TimeZone, now: Timestamp) -> Vec<Timestamp> {
    let hours = i8::try_from(window.from.hour()).unwrap_or_default();
    let minutes = i8::try_from(window.from.minute()).unwrap_or_default();
    let time = Time::new(hours, minutes, 0, 0).unwrap_or_default();
    let today = zone.to_offset(now).to_datetime(now).date();
    let day = |days: i64| -> Option<Date> { today.checked_add(days.days()).ok() };
    let mut openings = Vec::new();
    for at in (0..=DAYS_AHEAD).filter_map(day).map(|date| DateTime::from_parts(date, time)) {
        let at_offset = |offset: Offset| offset.to_timestamp(at).ok();
        match zone.to_ambiguous_timestamp(at).offset() {
            AmbiguousOffset::Unambiguous { offset } => openings.extend(at_offset(offset)),
            AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
                openings.extend([before, after].into_iter().filter_map(at_offset));
            }
        }
    }
    // A change of the clock may open it too.
    let end = now.checked_add((DAYS_AHEAD * 24).hours()).unwrap_or(Timestamp::MAX);
    let changes = zone.following(now).map(|change| change.timestamp());
    openings.extend(changes.take_while(|change| *change <= end));
    openings.retain(|opening| *opening <= end);
    openings
}

/// The zones that a group's recipients may be in, at least one.
fn zones(group: Option<&str>) -> Vec<TimeZone> {
    let Some(group) = group else { return vec![TimeZone::UTC] };
    let names = match group.strip_prefix('+') {
        Some(digits) => calling_code(digits).map(|(_, names)| names.as_slice()).unwrap_or_default(),
        None => &[group],
    };
    let zones: Result<Vec<TimeZone>, _> = names.iter().map(|name| TimeZone::get(name)).collect();
    match zones {
        Ok(zones) if !zones.is_empty() => zones,
        _ => (-12..=14).map(|hours| TimeZone::fixed(Offset::constant(hours))).collect(),
    }
}

/// The longest calling code that a number begins with, and its zones.
fn calling_code(digits: &str) -> Option<(&'static str, &'static Vec<&'static str>)> {
    static CODES: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
        let areas: HashMap<&str, &str> = rows(ZONES).collect();
        let zones = |areas_of: &'static str| {
            areas_of
                .split(' ')
                .filter_map(|area| areas.get(area))
                .flat_map(|zones| zones.split(' '))
                .collect()
        };
        rows(CALLING_CODES).map(|(code, areas_of)| (code, zones(areas_of))).collect()
    });
    (1..=4)
        .rev()
        .find_map(|length| CODES.get_key_value(digits.get(..length)?))
        .map(|(code, zones)| (*code, zones))
}

/// Rows of a table: what is before and after the tab.
fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'))
}

#[cfg(test)]
mod tests;
