use proptest::prelude::*;
use time::format_description::well_known::Rfc3339;

use super::*;

fn at(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

fn window(from: &str, to: &str) -> Window {
    Window { from: from.parse().unwrap(), to: to.parse().unwrap() }
}

fn next(window: Window, zone: Option<&str>, now: &str) -> String {
    match next_open(&window, zone, at(now)) {
        Opening::Open => "open".to_owned(),
        Opening::At(at) => at.format(&Rfc3339).unwrap(),
        Opening::Never => "never".to_owned(),
    }
}

#[test]
fn messages_of_one_zone_or_code_are_of_one_group() {
    let zone = Some("Europe/Berlin");
    assert_eq!(group(Channel::Email, "a@example.com", zone).as_deref(), zone);
    assert_eq!(group(Channel::Sms, "+14155550100", zone).as_deref(), zone);
    assert_eq!(group(Channel::Email, "a@example.com", None), None);
    for (number, expected) in [
        ("+4915112345678", "+49"),
        ("+14155550100", "+1"),
        ("+18765550100", "+1876"),
        ("+16715550100", "+1671"),
        ("+79001234567", "+7"),
        ("+77011234567", "+77"),
        ("+35850123456", "+358"),
        ("+88213123456", "+882"),
        ("+9991234567", "+999"),
    ] {
        assert_eq!(group(Channel::Sms, number, None).as_deref(), Some(expected), "{number}");
    }
}

#[test]
fn every_zone_is_in_the_database() {
    let mut count = 0;
    for (area, zones) in rows(ZONES) {
        for zone in zones.split(' ') {
            let known = TimeZone::get(zone).unwrap_or_else(|_| panic!("{area}: {zone}"));
            assert_eq!(known.iana_name(), Some(zone));
            count += 1;
        }
    }
    assert!(count > 400, "{count}");
    let areas: Vec<&str> = rows(ZONES).map(|(area, _)| area).collect();
    for (code, areas_of) in rows(CALLING_CODES) {
        assert!(areas_of.split(' ').all(|area| areas.contains(&area)), "{code}: {areas_of}");
    }
}

/// The codes that the ITU has assigned to areas (List of ITU-T Recommendation E.164 assigned country codes),
/// by their first two digits; those of networks (`800`, `808`, `870`, `878`, `881` to `883`, `888`, `979`)
/// are of no place.
#[test]
fn every_assigned_code_has_zones() {
    let ranges: [(&str, &str); 32] = [
        ("1", ""),
        ("7", ""),
        ("20", ""),
        ("21", "12368"),
        ("22", "0123456789"),
        ("23", "0123456789"),
        ("24", "0123456789"),
        ("25", "012345678"),
        ("26", "0123456789"),
        ("27", ""),
        ("29", "01789"),
        ("30", ""),
        ("35", "0123456789"),
        ("37", "0123456789"),
        ("38", "01235679"),
        ("39", ""),
        ("40", ""),
        ("42", "013"),
        ("44", ""),
        ("50", "0123456789"),
        ("52", ""),
        ("59", "0123456789"),
        ("61", ""),
        ("64", ""),
        ("67", "023456789"),
        ("68", "012356789"),
        ("69", "012"),
        ("81", ""),
        ("85", "02356"),
        ("88", "06"),
        ("96", "012345678"),
        ("97", "01234567"),
    ];
    let more = ["992", "993", "994", "995", "996", "998"].into_iter();
    let short = "31 32 33 34 36 41 43 45 46 47 48 49 51 53 54 55 56 57 58 60 62 63 65 66 82 84 86 90 91 92 93 94 95 98";
    let expand = |(head, tails): (&str, &str)| match tails {
        "" => vec![head.to_owned()],
        tails => tails.chars().map(|tail| format!("{head}{tail}")).collect(),
    };
    let codes = ranges.into_iter().flat_map(expand);
    let codes = codes.chain(more.map(str::to_owned)).chain(short.split(' ').map(str::to_owned));
    for code in codes {
        let number = format!("{code}5550100");
        let (found, zones) = calling_code(&number).unwrap_or_else(|| panic!("{code} is missing"));
        assert!(found == code && !zones.is_empty(), "{code}: {found}");
    }
}

#[test]
fn a_window_is_open_when_it_is_open_everywhere() {
    let day = window("09:00", "20:00");
    for (zone, now, expected) in [
        (None, "2026-12-01T10:00:00Z", "open"),
        (None, "2026-12-01T20:00:00Z", "2026-12-02T09:00:00Z"),
        (Some("Europe/Berlin"), "2026-12-01T07:59:59Z", "2026-12-01T08:00:00Z"),
        (Some("Europe/Berlin"), "2026-12-01T08:00:00Z", "open"),
        // From Newfoundland to Hawaii, where it is nine in the morning.
        (Some("+1"), "2026-12-01T14:00:00Z", "2026-12-01T19:00:00Z"),
        (Some("+1"), "2026-12-01T19:00:00Z", "open"),
        (Some("+1876"), "2026-12-01T14:00:00Z", "open"),
        // From Kaliningrad to Kamchatka there is but one hour.
        (Some("+7"), "2026-12-01T06:00:00Z", "2026-12-01T07:00:00Z"),
        (Some("+7"), "2026-12-01T08:00:00Z", "2026-12-02T07:00:00Z"),
        (Some("+64"), "2026-12-01T00:00:00Z", "open"),
        (Some("+999"), "2026-12-01T12:00:00Z", "never"),
        (Some("+881"), "2026-12-01T12:00:00Z", "never"),
        (Some("Mars/Base"), "2026-12-01T12:00:00Z", "never"),
    ] {
        assert_eq!(next(day, zone, now), expected, "{zone:?} {now}");
    }
    assert_eq!(next(window("18:00", "21:00"), Some("+7"), "2026-12-01T12:00:00Z"), "never");
    assert_eq!(next(window("00:00", "00:00"), Some("+999"), "2026-12-01T12:00:00Z"), "open");
    assert_eq!(next(window("22:00", "06:00"), None, "2026-12-01T12:00:00Z"), "2026-12-01T22:00:00Z");
}

#[test]
fn clock_changes_are_respected() {
    let berlin = Some("Europe/Berlin");
    // On 2026-03-29 the clock goes from 02:00 to 03:00, on 2026-10-25 from 03:00 to 02:00.
    for (from, to, now, expected) in [
        ("09:00", "20:00", "2026-03-29T06:00:00Z", "2026-03-29T07:00:00Z"),
        ("09:00", "20:00", "2026-03-28T07:59:00Z", "2026-03-28T08:00:00Z"),
        ("02:30", "03:30", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"),
        ("02:10", "02:50", "2026-03-29T00:00:00Z", "2026-03-30T00:10:00Z"),
        ("02:10", "02:50", "2026-10-25T00:00:00Z", "2026-10-25T00:10:00Z"),
        ("02:10", "02:50", "2026-10-25T00:50:00Z", "2026-10-25T01:10:00Z"),
        ("02:30", "05:00", "2026-10-25T00:59:00Z", "open"),
        ("02:30", "05:00", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"),
    ] {
        assert_eq!(next(window(from, to), berlin, now), expected, "{from} {to} {now}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Minute by minute: the window is closed until the moment that is told, and open then.
    #[test]
    fn an_opening_is_the_first(
        from in 0_u16..1440, to in 0_u16..1440, minute in 0_i64..527_040, zone in 0_usize..7,
    ) {
        let zone = [None, Some("America/New_York"), Some("Australia/Lord_Howe"), Some("+52"), Some("+1"),
        Some("+61"),
            Some("Africa/Casablanca")][zone];
        let local = |minutes: u16| LocalTime::new((minutes / 60) as u8, (minutes % 60) as u8).unwrap();
        let window = Window { from: local(from), to: local(to) };
        let now = at("2026-01-01T00:00:00Z") + time::Duration::minutes(minute);
        let all = zones(zone);
        let open = |at: OffsetDateTime| {
            is_open(&window, &all, Timestamp::from_second(at.unix_timestamp()).unwrap())
        };
        let closed_until = match next_open(&window, zone, now) {
            Opening::Open => {
                prop_assert!(open(now));
                return Ok(());
            }
            Opening::At(opening) => {
                prop_assert!(open(opening) && opening > now);
                opening
            }
            Opening::Never => now + time::Duration::days(2),
        };
        let mut minute = now;
        while minute < closed_until {
            prop_assert!(!open(minute), "{minute}");
            minute += time::Duration::minutes(1);
        }
    }
}
