//! Months.

use std::fmt;

use eventide_kit::Error;
use time::{Date, OffsetDateTime};

/// A calendar month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    year: i32,
    number: u8,
}

impl Month {
    /// The month before the one that `now` is in.
    pub fn before(now: OffsetDateTime) -> Self {
        let today = now.date();
        let last = today.replace_day(1).ok().and_then(Date::previous_day).unwrap_or(today);
        Self { year: last.year(), number: u8::from(last.month()) }
    }

    /// Reads `2026-10`.
    ///
    /// # Errors
    ///
    /// `InvalidEvent` if it is no month.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let month = text.split_once('-').filter(|(year, number)| year.len() == 4 && number.len() == 2);
        let month = month.and_then(|(year, number)| {
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let (year, number) =
                (digits(year).then(|| year.parse().ok())??, digits(number).then(|| number.parse().ok())??);
            (1..=12).contains(&number).then_some(Self { year, number })
        });
        month.ok_or_else(|| {
            Error::permanent(
                "InvalidEvent",
                "event does not parse at `month`: expected a month such as `2026-10`",
            )
        })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_month_before_is_the_last_one_that_is_over() {
        for (now, expected) in [
            (datetime!(2026-11-02 06:00 UTC), "2026-10"),
            (datetime!(2026-01-31 23:59 UTC), "2025-12"),
            (datetime!(2028-03-31 00:00 UTC), "2028-02"),
        ] {
            assert_eq!(Month::before(now).to_string(), expected);
        }
    }

    #[test]
    fn only_months_are_months() {
        assert_eq!(Month::parse("2026-10").unwrap().to_string(), "2026-10");
        for text in ["", "2026", "2026-13", "2026-00", "26-10", "2026-1", "2026-10-01", "+026-10", "2026-1x"]
        {
            assert_eq!(Month::parse(text).unwrap_err().error_type(), "InvalidEvent", "{text}");
        }
    }
}
