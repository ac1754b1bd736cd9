//! Countries of phone numbers, by their prefixes (ITU-T E.164).

/// ISO 3166-1 of the country that most of this stand-in's numbers are in.
pub(super) const UNITED_STATES: &str = "US";

/// Prefixes and countries; of several the longest counts. Where it is none of these, a number's country is
/// not told.
const PREFIXES: &[(&str, &str)] = &[
    ("1", UNITED_STATES),
    ("1204", "CA"),
    ("1416", "CA"),
    ("1514", "CA"),
    ("1604", "CA"),
    ("1809", "DO"),
    ("27", "ZA"),
    ("30", "GR"),
    ("31", "NL"),
    ("32", "BE"),
    ("33", "FR"),
    ("34", "ES"),
    ("351", "PT"),
    ("353", "IE"),
    ("358", "FI"),
    ("36", "HU"),
    ("39", "IT"),
    ("40", "RO"),
    ("41", "CH"),
    ("420", "CZ"),
    ("43", "AT"),
    ("44", "GB"),
    ("45", "DK"),
    ("46", "SE"),
    ("47", "NO"),
    ("48", "PL"),
    ("49", "DE"),
    ("51", "PE"),
    ("52", "MX"),
    ("54", "AR"),
    ("55", "BR"),
    ("56", "CL"),
    ("57", "CO"),
    ("60", "MY"),
    ("61", "AU"),
    ("62", "ID"),
    ("63", "PH"),
    ("64", "NZ"),
    ("65", "SG"),
    ("66", "TH"),
    ("81", "JP"),
    ("82", "KR"),
    ("84", "VN"),
    ("86", "CN"),
    ("90", "TR"),
    ("91", "IN"),
    ("971", "AE"),
    ("972", "IL"),
];

/// The country of a number's digits.
pub(super) fn of(digits: &str) -> Option<&'static str> {
    let fitting = PREFIXES.iter().filter(|(prefix, _)| digits.starts_with(prefix));
    fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, country)| *country)
}

/// The shortest prefix of a country.
pub(super) fn prefix(country: &str) -> Option<&'static str> {
    PREFIXES.iter().find(|(_, known)| *known == country).map(|(prefix, _)| *prefix)
}

/// The digits of a number in E.164: a plus, and up to 15 digits that do not begin with 0.
pub(super) fn digits(number: &str) -> Option<&str> {
    let digits = number.strip_prefix('+')?;
    let fits = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_countries() {
        for (number, country) in [
            ("+12065550100", Some("US")),
            ("+14165550100", Some("CA")),
            ("+4915112345678", Some("DE")),
            ("+2125550100", None),
        ] {
            assert_eq!(digits(number).and_then(of), country, "{number}");
        }
        for bad in ["12065550100", "+0206555010", "+1 206 555", "+123", "+1234567890123456", ""] {
            assert_eq!(digits(bad), None, "{bad}");
        }
        assert_eq!(prefix("DE"), Some("49"));
    }
}
