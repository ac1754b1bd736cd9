//! When a mart is refreshed: `rate(…)` and `cron(…)` as EventBridge Scheduler writes them, in UTC (EventBridge Scheduler
//! user guide, "Schedule types").
//!
//! An evaluator of our own, because AWS's dialect (six fields, the year last, Sunday 1, `?`, `L`, `W`, `#`) is not that
//! of the crates for cron, which also bring a calendar library besides `time`.

use time::{Date, Duration, Month, OffsetDateTime, Time, Weekday};

/// The shortest rate, in minutes: mart-refresh is invoked no more often.
const SHORTEST_RATE: u32 = 5;
/// The longest rate, in minutes: a year.
const LONGEST_RATE: u32 = 366 * 24 * 60;
/// What a schedule is, for messages.
const EXPECTED: &str = "`rate(30 minutes)`, `cron(0 6 * * ? *)` or the like";

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Every so many minutes, counted from 1970 on.
    Rate(u32),
    /// At the moments that a cron expression describes.
    Cron(Box<Cron>),
}

/// The fields of a cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Vec<u16>,
    hours: Vec<u16>,
    days: Days,
    months: Vec<u16>,
    years: Vec<u16>,
}

/// Days, by their number in the month or by their weekday.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<MonthDay>),
    OfWeek(Vec<WeekDay>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MonthDay {
    Day(u16),
    /// `L`
    Last,
    /// `LW`
    LastWorkday,
    /// `15W`: the workday next to that day, in its month.
    Workday(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WeekDay {
    Day(u16),
    /// `6L`
    Last(u16),
    /// `6#3`
    Nth(u16, u16),
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    ///
    /// What was expected, and where it can be said, of which field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(inside) = inside("rate") {
            return rate(inside);
        }
        inside("cron").map_or_else(|| Err(EXPECTED.to_owned()), cron)
    }

    /// The last moment later than `after` and no later than `until` at which it is due.
    pub fn latest(&self, after: OffsetDateTime, until: OffsetDateTime) -> Option<OffsetDateTime> {
        let (after, until) = (after.to_offset(time::UtcOffset::UTC), until.to_offset(time::UtcOffset::UTC));
        match self {
            Self::Rate(minutes) => {
                let seconds = i64::from(*minutes) * 60;
                let due = until.unix_timestamp().div_euclid(seconds) * seconds;
                OffsetDateTime::from_unix_timestamp(due).ok().filter(|due| *due > after)
            }
            Self::Cron(cron) => {
                let mut day = until.date();
                while day >= after.date() {
                    if let Some(due) = cron.latest_on(day, until) {
                        return (due > after).then_some(due);
                    }
                    day = day.previous_day()?;
                }
                None
            }
        }
    }
}

fn rate(inside: &str) -> Result<Schedule, String> {
    let expected = || {
        format!("`rate(n unit)`, the unit `minutes`, `hours` or `days`, {SHORTEST_RATE} minutes to 366 days")
    };
    let (number, unit) = inside.trim().split_once(' ').ok_or_else(expected)?;
    let number: u32 = number.parse().map_err(|_| expected())?;
    let unit = match (unit.trim(), number) {
        ("minute", 1) | ("minutes", _) => 1,
        ("hour", 1) | ("hours", _) => 60,
        ("day", 1) | ("days", _) => 24 * 60,
        _ => return Err(expected()),
    };
    let minutes = number.checked_mul(unit).filter(|minutes| (SHORTEST_RATE..=LONGEST_RATE).contains(minutes));
    minutes.map(Schedule::Rate).ok_or_else(expected)
}

fn cron(inside: &str) -> Result<Schedule, String> {
    let fields: Vec<&str> = inside.split_whitespace().collect();
    let [minutes, hours, month_days, months, week_days, years] = fields[..] else {
        return Err("`cron(minutes hours day-of-month month day-of-week year)`".to_owned());
    };
    let days = match (month_days, week_days) {
        ("?", "?") => return Err("a day of the month or a day of the week".to_owned()),
        (_, "?") => {
            Days::OfMonth(list(month_days, month_day).ok_or("a day of the month from 1 to 31")?.concat())
        }
        ("?", _) => Days::OfWeek(
            list(week_days, week_day).ok_or("a day of the week from 1 to 7 or SUN to SAT")?.concat(),
        ),
        _ => return Err("`?` for the day of the month or for the day of the week".to_owned()),
    };
    let numbers = |field, low, high, names, what: &str| {
        let values = list(field, |part| range(part, low, high, names));
        values.map(|values| values.concat()).ok_or_else(|| what.to_owned())
    };
    Ok(Schedule::Cron(Box::new(Cron {
        minutes: numbers(minutes, 0, 59, &[], "minutes from 0 to 59")?,
        hours: numbers(hours, 0, 23, &[], "hours from 0 to 23")?,
        days,
        months: numbers(months, 1, 12, &MONTHS, "months from 1 to 12 or JAN to DEC")?,
        years: numbers(years, 1970, 2199, &[], "years from 1970 to 2199")?,
    })))
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The parts of a field between its commas.
fn list<T>(field: &str, part: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    field.split(',').map(part).collect()
}

/// `*`, `3`, `3-7`, `*/5`, `3/5`, `3-30/5`
fn range(part: &str, low: u16, high: u16, names: &[&str]) -> Option<Vec<u16>> {
    let (span, step) = match part.split_once('/') {
        Some((span, step)) => (span, Some(step.parse::<u16>().ok().filter(|step| *step > 0)?)),
        None => (part, None),
    };
    let (from, to) = match (span, span.split_once('-')) {
        ("*", _) => (low, high),
        (_, Some((from, to))) => (number(from, low, names)?, number(to, low, names)?),
        // With a step a single value is where it begins.
        (from, None) if step.is_some() => (number(from, low, names)?, high),
        (only, None) => (number(only, low, names)?, number(only, low, names)?),
    };
    let fits = low <= from && from <= to && to <= high;
    fits.then(|| (from..=to).step_by(step.unwrap_or(1).into()).collect())
}

fn number(text: &str, low: u16, names: &[&str]) -> Option<u16> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let digits = || text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    named.and_then(|at| u16::try_from(at).ok()).map(|at| low + at).or_else(digits)
}

fn month_day(part: &str) -> Option<Vec<MonthDay>> {
    match part {
        "L" => return Some(vec![MonthDay::Last]),
        "LW" => return Some(vec![MonthDay::LastWorkday]),
        _ => {}
    }
    if let Some(day) = part.strip_suffix('W') {
        let day = number(day, 1, &[]).filter(|day| (1..=31).contains(day))?;
        return Some(vec![MonthDay::Workday(day)]);
    }
    Some(range(part, 1, 31, &[])?.into_iter().map(MonthDay::Day).collect())
}

fn week_day(part: &str) -> Option<Vec<WeekDay>> {
    let day = |text| number(text, 1, &WEEKDAYS).filter(|day| (1..=7).contains(day));
    if part == "L" {
        return Some(vec![WeekDay::Day(7)]);
    }
    if let Some(last) = part.strip_suffix('L') {
        return Some(vec![WeekDay::Last(day(last)?)]);
    }
    if let Some((of_week, nth)) = part.split_once('#') {
        let nth = number(nth, 1, &[]).filter(|nth| (1..=5).contains(nth))?;
        return Some(vec![WeekDay::Nth(day(of_week)?, nth)]);
    }
    Some(range(part, 1, 7, &WEEKDAYS)?.into_iter().map(WeekDay::Day).collect())
}

impl Cron {
    fn latest_on(&self, day: Date, until: OffsetDateTime) -> Option<OffsetDateTime> {
        let year = u16::try_from(day.year()).ok()?;
        let month = u16::from(u8::from(day.month()));
        if !self.years.contains(&year) || !self.months.contains(&month) || !self.days.contain(day) {
            return None;
        }
        let moments =
            self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
        moments
            .filter_map(|(hour, minute)| {
                let time = Time::from_hms(u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, 0).ok()?;
                Some(day.with_time(time).assume_utc())
            })
            .filter(|moment| *moment <= until)
            .max()
    }
}

impl Days {
    fn contain(&self, day: Date) -> bool {
        let of_month = u16::from(day.day());
        let last = u16::from(day.month().length(day.year()));
        match self {
            Self::OfMonth(days) => days.iter().any(|wanted| match *wanted {
                MonthDay::Day(wanted) => wanted == of_month,
                MonthDay::Last => of_month == last,
                MonthDay::LastWorkday => workday(day.year(), day.month(), last) == Some(day),
                MonthDay::Workday(near) => workday(day.year(), day.month(), near) == Some(day),
            }),
            Self::OfWeek(days) => {
                let of_week = u16::from(day.weekday().number_from_sunday());
                days.iter().any(|wanted| match *wanted {
                    WeekDay::Day(wanted) => wanted == of_week,
                    WeekDay::Last(wanted) => wanted == of_week && of_month + 7 > last,
                    WeekDay::Nth(wanted, nth) => wanted == of_week && (of_month - 1) / 7 + 1 == nth,
                })
            }
        }
    }
}

/// The workday next to a day, within its month: Friday for a Saturday, Monday for a Sunday, unless that is in another.
fn workday(year: i32, month: Month, day: u16) -> Option<Date> {
    let day = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    let last = month.length(year);
    let shift = match day.weekday() {
        Weekday::Saturday if day.day() == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if day.day() == last => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    day.checked_add(Duration::days(shift))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    /// The last `count` moments before `until`, newest first.
    fn before(schedule: &str, until: OffsetDateTime, count: usize) -> Vec<OffsetDateTime> {
        let schedule = Schedule::parse(schedule).unwrap();
        let mut due = Vec::new();
        let mut until = until;
        while due.len() < count {
            let moment = schedule.latest(until - Duration::days(800), until).expect("due within 800 days");
            due.push(moment);
            until = moment - Duration::SECOND;
        }
        due
    }

    #[test]
    fn the_documentation_s_examples_are_due_when_it_says() {
        // 2026-11-23 is a Monday.
        let now = datetime!(2026-11-23 10:17:30 UTC);
        for (schedule, expected) in [
            // EventBridge user guide, "Setting a schedule pattern for scheduled rules", its table of examples.
            ("cron(0 10 * * ? *)", [datetime!(2026-11-23 10:00 UTC), datetime!(2026-11-22 10:00 UTC)]),
            ("cron(15 12 * * ? *)", [datetime!(2026-11-22 12:15 UTC), datetime!(2026-11-21 12:15 UTC)]),
            ("cron(0 18 ? * MON-FRI *)", [datetime!(2026-11-20 18:00 UTC), datetime!(2026-11-19 18:00 UTC)]),
            ("cron(0 8 1 * ? *)", [datetime!(2026-11-01 08:00 UTC), datetime!(2026-10-01 08:00 UTC)]),
            ("cron(0/15 * * * ? *)", [datetime!(2026-11-23 10:15 UTC), datetime!(2026-11-23 10:00 UTC)]),
            (
                "cron(0/10 * ? * MON-FRI *)",
                [datetime!(2026-11-23 10:10 UTC), datetime!(2026-11-23 10:00 UTC)],
            ),
            (
                "cron(0/5 8-17 ? * MON-FRI *)",
                [datetime!(2026-11-23 10:15 UTC), datetime!(2026-11-23 10:10 UTC)],
            ),
            // EventBridge Scheduler user guide, "Schedule types": 10:15 UTC on the last Friday of each month.
            (
                "cron(15 10 ? * 6L 2022-2029)",
                [datetime!(2026-10-30 10:15 UTC), datetime!(2026-09-25 10:15 UTC)],
            ),
            // The wildcards of "Cron-based schedules".
            ("cron(0 0 L * ? *)", [datetime!(2026-10-31 00:00 UTC), datetime!(2026-09-30 00:00 UTC)]),
            ("cron(0 0 LW * ? *)", [datetime!(2026-10-30 00:00 UTC), datetime!(2026-09-30 00:00 UTC)]),
            ("cron(0 0 3W * ? *)", [datetime!(2026-11-03 00:00 UTC), datetime!(2026-10-02 00:00 UTC)]),
            ("cron(0 0 1W AUG ? *)", [datetime!(2026-08-03 00:00 UTC), datetime!(2025-08-01 00:00 UTC)]),
            ("cron(0 0 ? * 3#2 *)", [datetime!(2026-11-10 00:00 UTC), datetime!(2026-10-13 00:00 UTC)]),
            ("cron(0 0 ? * L *)", [datetime!(2026-11-21 00:00 UTC), datetime!(2026-11-14 00:00 UTC)]),
            (
                "cron(30 6 1,15 JAN,jul ? *)",
                [datetime!(2026-07-15 06:30 UTC), datetime!(2026-07-01 06:30 UTC)],
            ),
            ("cron(59 23 29 2 ? 2024/4)", [datetime!(2024-02-29 23:59 UTC); 2]),
            ("rate(5 minutes)", [datetime!(2026-11-23 10:15 UTC), datetime!(2026-11-23 10:10 UTC)]),
            ("rate(1 hour)", [datetime!(2026-11-23 10:00 UTC), datetime!(2026-11-23 09:00 UTC)]),
            ("rate(1 day)", [datetime!(2026-11-23 00:00 UTC), datetime!(2026-11-22 00:00 UTC)]),
        ] {
            if expected[0] == expected[1] {
                let found = Schedule::parse(schedule).unwrap().latest(datetime!(2023-01-01 00:00 UTC), now);
                assert_eq!(found, Some(expected[0]), "{schedule}");
            } else {
                assert_eq!(before(schedule, now, 2), expected, "{schedule}");
            }
        }
    }

    #[test]
    fn a_window_is_open_at_its_start_and_closed_at_its_end() {
        let schedule = Schedule::parse("cron(0 0 * * ? *)").unwrap();
        let midnight = datetime!(2026-11-23 00:00 UTC);
        let minute = Duration::MINUTE;
        for (after, until, due) in [
            (midnight - minute, midnight, Some(midnight)),
            (midnight, midnight + minute, None),
            (midnight - minute, midnight + minute, Some(midnight)),
            (midnight - minute * 2, midnight - minute, None),
            // The same in another offset.
            (midnight - minute, midnight.to_offset(time::macros::offset!(-5)), Some(midnight)),
        ] {
            assert_eq!(schedule.latest(after, until), due, "{after} {until}");
        }
        assert_eq!(
            Schedule::parse("cron(0 0 * * ? 2025)").unwrap().latest(midnight - minute, midnight),
            None
        );
    }

    #[test]
    fn what_scheduler_refuses_is_refused() {
        for bad in [
            "",
            "daily",
            "rate(5)",
            "rate(4 minutes)",
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(2 hour)",
            "rate(0 days)",
            "rate(367 days)",
            "rate(99999999999 days)",
            "rate(-5 minutes)",
            "cron(* * * * *)",
            "cron(0 10 * * * *)",
            "cron(0 10 ? * ? *)",
            "cron(60 10 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 10 0 * ? *)",
            "cron(0 10 32 * ? *)",
            "cron(0 10 * 13 ? *)",
            "cron(0 10 ? * 8 *)",
            "cron(0 10 ? * 6#6 *)",
            "cron(0 10 ? * FRI-MON *)",
            "cron(0 10 * * ? 1969)",
            "cron(0/0 10 * * ? *)",
            "cron(+1 10 * * ? *)",
            "cron(1,,2 10 * * ? *)",
            "cron(0 10 W * ? *)",
            "at(2026-11-23T10:00:00)",
        ] {
            Schedule::parse(bad).expect_err(bad);
        }
    }
}
