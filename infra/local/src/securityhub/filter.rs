//! Filters on findings: parsed and checked once, then judged against each finding.
//!
//! What the Security Hub API reference says of them (StringFilter, MapFilter, DateFilter, NumberFilter):
//! filters on different attributes are joined by AND. On one attribute, EQUALS, PREFIX and CONTAINS are
//! joined by OR; NOT_EQUALS, PREFIX_NOT_EQUALS and NOT_CONTAINS by AND, after them. EQUALS does not go with
//! the NOT_ and PREFIX_NOT_ comparisons, CONTAINS and NOT_CONTAINS go with their like only, and only
//! automation rules have them. Comparison is case-sensitive.
//!
//! Assumed, for the reference is silent: a NOT_ comparison holds where the attribute or key is absent, and
//! on a list only if it holds for each item.

use std::net::IpAddr;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::attributes::{Kind, attribute, criteria_limit};
use super::check::{self, Checked, Object};
use super::path;

/// How two strings are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equals,
    Prefix,
    Contains,
    NotEquals,
    PrefixNotEquals,
    NotContains,
    ContainsWord,
}

impl Comparison {
    fn is_negative(self) -> bool {
        matches!(self, Self::NotEquals | Self::PrefixNotEquals | Self::NotContains)
    }

    fn holds(self, found: &str, wanted: &str) -> bool {
        match self {
            Self::Equals => found == wanted,
            Self::Prefix => found.starts_with(wanted),
            Self::Contains => found.contains(wanted),
            Self::NotEquals => found != wanted,
            Self::PrefixNotEquals => !found.starts_with(wanted),
            Self::NotContains => !found.contains(wanted),
            Self::ContainsWord => found.split(|c: char| !c.is_alphanumeric()).any(|word| word == wanted),
        }
    }
}

/// One filter on an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// The key is that of a map, and absent for a plain string.
    Text {
        key: Option<String>,
        comparison: Comparison,
        value: String,
    },
    Date {
        start: Option<OffsetDateTime>,
        end: Option<OffsetDateTime>,
    },
    WithinDays(i64),
    OlderThanDays(i64),
    Number {
        bounds: Vec<(Bound, f64)>,
    },
    Ip {
        network: IpAddr,
        bits: u32,
    },
    Keyword(String),
    Flag(bool),
}

/// One side of a number filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Gte,
    Lte,
    Eq,
    Gt,
    Lt,
}

/// Who asks, for some comparisons are not for everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    GetFindings,
    AutomationRule,
    GetFindingsV2,
}

/// All filters on one attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    /// Where the value is; empty for the whole finding.
    pub(super) path: String,
    pub(super) tests: Vec<Test>,
}

impl Condition {
    /// Whether the finding passes.
    pub(super) fn holds(&self, finding: &Value, now: OffsetDateTime) -> bool {
        let (negative, positive): (Vec<_>, Vec<_>) = self.tests.iter().partition(|test| test.is_negative());
        let values = path::values(finding, &self.path);
        (positive.is_empty() || positive.iter().any(|test| values.iter().any(|value| test.holds(value, now))))
            && negative.iter().all(|test| values.iter().all(|value| test.holds(value, now)))
    }
}

impl Test {
    fn is_negative(&self) -> bool {
        matches!(self, Self::Text { comparison, .. } if comparison.is_negative())
    }

    fn holds(&self, value: &Value, now: OffsetDateTime) -> bool {
        let time = || value.as_str().and_then(check::parse_time);
        match self {
            Self::Text { key: None, comparison, value: wanted } => {
                value.as_str().is_some_and(|found| comparison.holds(found, wanted))
            }
            Self::Text { key: Some(key), comparison, value: wanted } => path::pairs(value, key)
                .map_or(comparison.is_negative(), |found| comparison.holds(found, wanted)),
            Self::Date { start, end } => time()
                .is_some_and(|at| start.is_none_or(|start| at >= start) && end.is_none_or(|end| at <= end)),
            Self::WithinDays(days) => time().is_some_and(|at| at >= now - Duration::days(*days)),
            Self::OlderThanDays(days) => time().is_some_and(|at| at < now - Duration::days(*days)),
            Self::Number { bounds } => value.as_f64().is_some_and(|found| {
                bounds.iter().all(|(bound, limit)| match bound {
                    Bound::Gte => found >= *limit,
                    Bound::Lte => found <= *limit,
                    Bound::Eq => found == *limit,
                    Bound::Gt => found > *limit,
                    Bound::Lt => found < *limit,
                })
            }),
            Self::Ip { network, bits } => value
                .as_str()
                .and_then(|found| found.parse::<IpAddr>().ok())
                .is_some_and(|found| within(found, *network, *bits)),
            Self::Keyword(word) => value.to_string().to_lowercase().contains(&word.to_lowercase()),
            Self::Flag(wanted) => value.as_bool() == Some(*wanted),
        }
    }
}

/// The filters of `GetFindings`: at most 10 attributes, 20 filters each.
pub(super) fn filters(given: &Object) -> Checked<Vec<Condition>> {
    if given.len() > 10 {
        return Err(format!(
            "invalid parameter `Filters`: {} attributes, at most 10 are allowed",
            given.len()
        ));
    }
    conditions(given, Asker::GetFindings, |_| Some(20))
}

/// The criteria of an automation rule.
pub(super) fn criteria(given: &Object) -> Checked<Vec<Condition>> {
    if given.is_empty() {
        return Err("invalid parameter `Criteria`: at least one attribute is required".into());
    }
    conditions(given, Asker::AutomationRule, criteria_limit)
}

fn conditions(
    given: &Object,
    asker: Asker,
    limit: impl Fn(&str) -> Option<usize>,
) -> Checked<Vec<Condition>> {
    let mut conditions = Vec::new();
    for name in given.keys() {
        let (Some((kind, path)), Some(most)) = (attribute(name), limit(name)) else {
            return Err(format!("invalid parameter `{name}`: no attribute that can be filtered on here"));
        };
        let Some(items) = check::list(given, name, 0..=most)? else { continue };
        if items.is_empty() {
            continue;
        }
        let tests = items.iter().map(|item| test(item, kind, name, asker)).collect::<Checked<Vec<_>>>()?;
        agree(&tests, name)?;
        conditions.push(Condition { path: path.to_owned(), tests });
    }
    Ok(conditions)
}

/// Parses one filter of an attribute.
pub(super) fn test(item: &Value, kind: Kind, name: &str, asker: Asker) -> Checked<Test> {
    let item = check::object(item, name)?;
    match kind {
        Kind::Text => text(item, name, None, asker),
        Kind::Map => {
            let key = check::required_text(item, "Key", usize::MAX)?.to_owned();
            text(item, name, Some(key), asker)
        }
        Kind::Date => date(item, name),
        Kind::Number => number(item, name),
        Kind::Ip => ip(item),
        Kind::Keyword => Ok(Test::Keyword(check::required_text(item, "Value", usize::MAX)?.to_owned())),
        Kind::Flag => Ok(Test::Flag(check::boolean(item, "Value")?.ok_or_else(|| check::missing("Value"))?)),
    }
}

fn text(item: &Object, name: &str, key: Option<String>, asker: Asker) -> Checked<Test> {
    let words = [
        ("EQUALS", Comparison::Equals),
        ("PREFIX", Comparison::Prefix),
        ("NOT_EQUALS", Comparison::NotEquals),
        ("PREFIX_NOT_EQUALS", Comparison::PrefixNotEquals),
        ("CONTAINS", Comparison::Contains),
        ("NOT_CONTAINS", Comparison::NotContains),
        ("CONTAINS_WORD", Comparison::ContainsWord),
    ];
    let value = check::required_text(item, "Value", usize::MAX)?.to_owned();
    let word = check::required_text(item, "Comparison", usize::MAX)?;
    let Some((_, comparison)) = words.iter().find(|(known, _)| *known == word) else {
        return Err(format!("invalid parameter `{name}`: `{word}` is no comparison"));
    };
    let open = match comparison {
        Comparison::Equals | Comparison::NotEquals => true,
        Comparison::Prefix | Comparison::PrefixNotEquals => key.is_none(),
        Comparison::Contains => asker != Asker::GetFindings,
        Comparison::NotContains => asker == Asker::AutomationRule,
        Comparison::ContainsWord => asker == Asker::GetFindingsV2 && key.is_none(),
    };
    if !open {
        return Err(format!("invalid parameter `{name}`: comparison `{word}` cannot be used here"));
    }
    Ok(Test::Text { key, comparison: *comparison, value })
}

fn date(item: &Object, name: &str) -> Checked<Test> {
    if let Some(range) = check::structure(item, "DateRange")? {
        let days = check::integer(range, "Value", 0..=i64::from(i32::MAX))?
            .ok_or_else(|| check::missing("DateRange.Value"))?;
        check::word(range, "Unit", &["DAYS"])?.ok_or_else(|| check::missing("DateRange.Unit"))?;
        return Ok(match check::word(range, "Comparison", &["WITHIN", "OLDER_THAN"])? {
            Some("OLDER_THAN") => Test::OlderThanDays(days),
            _ => Test::WithinDays(days),
        });
    }
    let (start, end) = (check::timestamp(item, "Start")?, check::timestamp(item, "End")?);
    if start.is_none() && end.is_none() {
        return Err(format!("invalid parameter `{name}`: a date filter needs Start, End or DateRange"));
    }
    Ok(Test::Date { start, end })
}

fn number(item: &Object, name: &str) -> Checked<Test> {
    let mut bounds = Vec::new();
    for (key, bound) in
        [("Gte", Bound::Gte), ("Lte", Bound::Lte), ("Eq", Bound::Eq), ("Gt", Bound::Gt), ("Lt", Bound::Lt)]
    {
        if let Some(value) = check::member(item, key) {
            let limit =
                value.as_f64().ok_or_else(|| format!("invalid parameter `{name}`: `{key}` is no number"))?;
            bounds.push((bound, limit));
        }
    }
    if bounds.is_empty() {
        return Err(format!("invalid parameter `{name}`: a number filter needs Gte, Lte, Eq, Gt or Lt"));
    }
    Ok(Test::Number { bounds })
}

fn ip(item: &Object) -> Checked<Test> {
    let cidr = check::required_text(item, "Cidr", 64)?;
    let (address, bits) = cidr.split_once('/').unwrap_or((cidr, ""));
    let parsed = address.parse::<IpAddr>().ok().and_then(|network| {
        let most = if network.is_ipv4() { 32 } else { 128 };
        let bits = if bits.is_empty() { most } else { bits.parse().ok().filter(|bits| *bits <= most)? };
        Some(Test::Ip { network, bits })
    });
    parsed.ok_or_else(|| format!("invalid parameter `Cidr`: `{cidr}` is no address range"))
}

fn within(found: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (found, network) {
        (IpAddr::V4(found), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            found.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(found), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            found.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

/// Refuses comparisons on one attribute that do not go together.
pub(super) fn agree(tests: &[Test], name: &str) -> Checked<()> {
    use Comparison::{Contains, Equals, NotContains, NotEquals, PrefixNotEquals};
    let used: Vec<Comparison> = tests
        .iter()
        .filter_map(|test| match test {
            Test::Text { comparison, .. } => Some(*comparison),
            _ => None,
        })
        .collect();
    let has = |wanted: Comparison| used.contains(&wanted);
    let only = |wanted: Comparison| used.iter().all(|found| *found == wanted);
    let clash = (has(Equals) && (has(NotEquals) || has(PrefixNotEquals)))
        || (has(Contains) && !only(Contains))
        || (has(NotContains) && !only(NotContains));
    if clash {
        return Err(format!(
            "invalid parameter `{name}`: these comparisons cannot be combined on one attribute"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
