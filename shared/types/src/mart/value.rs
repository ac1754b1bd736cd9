//! Parameters of a request, checked against their definition, and the statement that carries them.
//!
//! Nothing of a request becomes SQL. A value travels as a named parameter of the Data API; which pieces of SQL
//! surround it is the definition's word. Where the Data API has no way to say a value (its parameters have at least
//! one character and no null), a constant of ours stands in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::macros::format_description;
use time::{Date, OffsetDateTime, UtcOffset};

use super::Mart;
use super::catalogue::Segment;
use super::definition::{Comparison, NullPolicy, Parameter, ParameterType};

/// Bytes of Redshift's longest `varchar`.
const MAX_TEXT: usize = 65_535;
/// Digits before the point of `numeric(38, 10)`, and after it.
const DECIMAL_DIGITS: (usize, usize) = (28, 10);
/// Allowed values that a fault lists at most.
const MAX_LISTED: usize = 50;

/// A statement for the Data API.
#[derive(Clone, PartialEq, Eq)]
pub struct Bound {
    /// SQL of the definition only.
    pub sql: String,
    /// Named parameters, each used in `sql` and none empty.
    pub parameters: Vec<(String, String)>,
}

impl fmt::Debug for Bound {
    /// Without the values, which are content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Bound").field("sql", &self.sql).field("parameters", &names).finish()
    }
}

/// Why a parameter of a request is refused. It names the parameter and says what is allowed, and does not repeat
/// the value, which is content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The parameter, as the request names it.
    pub parameter: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter `{}`: expected {}", crate::printable(&self.parameter, 100), self.expected)
    }
}

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Text(String),
    Null,
    /// No condition at all.
    Any,
}

/// Makes the statement of a request.
///
/// # Errors
///
/// Every parameter that is unknown, missing or not of its type.
pub fn bind(mart: &Mart, given: &BTreeMap<String, Value>) -> Result<Bound, Vec<Fault>> {
    let known = &mart.definition.parameters;
    let unknown = given.keys().filter(|name| !known.contains_key(*name)).map(|name| Fault {
        parameter: name.clone(),
        expected: one_of("a parameter of the mart", known.keys().cloned()),
    });
    let mut faults: Vec<Fault> = unknown.collect();
    let mut values = BTreeMap::new();
    for (name, parameter) in known {
        match value(parameter, given.get(name)) {
            Ok(value) => {
                values.insert(name.as_str(), value);
            }
            Err(expected) => faults.push(Fault { parameter: name.clone(), expected }),
        }
    }
    if faults.is_empty() { Ok(render(mart, &values)) } else { Err(faults) }
}

/// The canonical text of a value of this type, as it is compared and as it travels.
///
/// # Errors
///
/// What was expected.
pub fn canonical(kind: ParameterType, value: &Value) -> Result<String, String> {
    let text = match (kind, value) {
        (ParameterType::Text, Value::String(text)) => {
            (text.len() <= MAX_TEXT && !text.contains('\0')).then(|| text.clone())
        }
        (ParameterType::Integer, Value::Number(number)) => number.as_i64().map(|number| number.to_string()),
        (ParameterType::Decimal, Value::Number(number)) => decimal(&number.to_string()),
        (ParameterType::Decimal, Value::String(text)) => decimal(text),
        (ParameterType::Boolean, Value::Bool(flag)) => Some(flag.to_string()),
        (ParameterType::Date, Value::String(text)) => date(text),
        (ParameterType::Timestamp, Value::String(text)) => timestamp(text),
        _ => None,
    };
    text.ok_or_else(|| expected(kind).to_owned())
}

fn expected(kind: ParameterType) -> &'static str {
    match kind {
        ParameterType::Text => "a string of at most 65,535 bytes without the character U+0000",
        ParameterType::Integer => "a whole number from -9223372036854775808 to 9223372036854775807",
        ParameterType::Decimal => {
            "a number, or a string such as \"12.50\", of at most 28 digits before and 10 after the point"
        }
        ParameterType::Boolean => "`true` or `false`",
        ParameterType::Date => "a date such as \"2026-11-23\"",
        ParameterType::Timestamp => "a time with an offset such as \"2026-11-23T12:00:00Z\"",
    }
}

fn value(parameter: &Parameter, given: Option<&Value>) -> Result<Given, String> {
    let Some(value) = given.or(parameter.default.as_ref()).filter(|value| !value.is_null()) else {
        return match parameter.null {
            NullPolicy::Refuse => Err(allowed(parameter)),
            NullPolicy::Null => Ok(Given::Null),
            NullPolicy::Any => Ok(Given::Any),
        };
    };
    let text = canonical(parameter.kind, value).map_err(|_fault| allowed(parameter))?;
    let is_allowed = parameter.allowed.is_empty()
        || parameter.allowed.iter().any(|one| canonical(parameter.kind, one).as_ref() == Ok(&text));
    if is_allowed { Ok(Given::Text(text)) } else { Err(allowed(parameter)) }
}

/// What a parameter may be, for the error about one that is not.
fn allowed(parameter: &Parameter) -> String {
    let mut allowed = if parameter.allowed.is_empty() {
        expected(parameter.kind).to_owned()
    } else {
        one_of("one of the allowed values", parameter.allowed.iter().map(Value::to_string))
    };
    if parameter.null != NullPolicy::Refuse {
        allowed.push_str(", or null");
    }
    allowed
}

fn one_of(what: &str, names: impl ExactSizeIterator<Item = String>) -> String {
    let count = names.len();
    if count == 0 {
        return "no parameters".to_owned();
    }
    let mut listed: Vec<String> = names.take(MAX_LISTED).map(|name| format!("`{name}`")).collect();
    if count > MAX_LISTED {
        listed.push(format!("{} more", count - MAX_LISTED));
    }
    format!("{what}: {}", listed.join(", "))
}

fn render(mart: &Mart, values: &BTreeMap<&str, Given>) -> Bound {
    let mut sql = String::new();
    let mut used = BTreeSet::new();
    for segment in &mart.query {
        match segment {
            Segment::Sql(text) => sql.push_str(text),
            Segment::Parameter(name) => {
                let kind = kind(mart, name);
                match values.get(name.as_str()) {
                    Some(Given::Text(text)) => sql.push_str(&operand(name, kind, text, &mut used)),
                    Some(Given::Null | Given::Any) | None => {
                        sql.push_str(&format!("CAST(NULL AS {})", kind.redshift()))
                    }
                }
            }
            Segment::Condition { column, parameter: name } => {
                let comparison =
                    mart.definition.parameters.get(name).map_or(Comparison::Equal, |known| known.comparison);
                match values.get(name.as_str()) {
                    Some(Given::Text(text)) => {
                        let operand = operand(name, kind(mart, name), text, &mut used);
                        sql.push_str(&format!(" AND {column} {} {operand}", comparison.sql()));
                    }
                    Some(Given::Null) if comparison == Comparison::NotEqual => {
                        sql.push_str(&format!(" AND {column} IS NOT NULL"));
                    }
                    Some(Given::Null) => sql.push_str(&format!(" AND {column} IS NULL")),
                    Some(Given::Any) | None => {}
                }
            }
        }
    }
    let text = |name: &str| match values.get(name) {
        Some(Given::Text(text)) => Some((name.to_owned(), text.clone())),
        Some(Given::Null | Given::Any) | None => None,
    };
    Bound { sql, parameters: used.into_iter().filter_map(text).collect() }
}

fn kind(mart: &Mart, name: &str) -> ParameterType {
    mart.definition.parameters.get(name).map_or(ParameterType::Text, |parameter| parameter.kind)
}

/// What stands for a value in the SQL text: a reference to it, always of the same type, whatever the value.
fn operand<'a>(name: &'a str, kind: ParameterType, text: &str, used: &mut BTreeSet<&'a str>) -> String {
    if text.is_empty() {
        // The Data API takes no empty value. Only texts can be empty.
        return format!("CAST('' AS {})", kind.redshift());
    }
    used.insert(name);
    format!("CAST(:{name} AS {})", kind.redshift())
}

impl Comparison {
    /// The operator.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// Without leading and trailing zeros, so that equal numbers have one text.
fn decimal(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if whole.len() > DECIMAL_DIGITS.0 || fraction.len() > DECIMAL_DIGITS.1 {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let number = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    Some(if negative && number != "0" { format!("-{number}") } else { number })
}

fn date(text: &str) -> Option<String> {
    let format = format_description!("[year]-[month]-[day]");
    // The year of four digits is what Redshift writes and reads.
    let date = Date::parse(text, &Iso8601::DATE).ok().filter(|date| text.len() == 10 && date.year() > 0)?;
    date.format(format).ok()
}

/// In UTC, because a session's time zone would otherwise decide what a time without an offset means.
fn timestamp(text: &str) -> Option<String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]+00");
    moment.format(format).ok().filter(|_| moment.year() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mart::definition::{Definition, Delivery, Kind, Warehouse};
    use proptest::prelude::*;
    use serde_json::json;

    fn parameter(kind: ParameterType) -> Parameter {
        Parameter {
            kind,
            description: None,
            default: None,
            null: NullPolicy::Refuse,
            allowed: Vec::new(),
            column: None,
            comparison: Comparison::Equal,
        }
    }

    fn mart(parameters: Vec<(&str, Parameter)>, query: Vec<Segment>) -> Mart {
        let definition = Definition {
            name: "m".into(),
            description: "d".into(),
            owner: "o".into(),
            callers: Vec::new(),
            warehouse: Warehouse { cluster: None, workgroup: Some("w".into()), secret: None, user: None },
            database: "dev".into(),
            schema: None,
            kind: Kind::Query,
            parameters: parameters
                .into_iter()
                .map(|(name, parameter)| (name.to_owned(), parameter))
                .collect(),
            grants: Vec::new(),
            refresh: None,
            delivery: Delivery::default(),
            share: None,
        };
        Mart {
            definition,
            key: "o/m.sql".into(),
            version_id: "v".into(),
            sequencer: "0".into(),
            digest: "d".into(),
            relation: None,
            query,
        }
    }

    fn given(value: Value) -> BTreeMap<String, Value> {
        match value {
            Value::Object(members) => members.into_iter().collect(),
            _ => panic!("no object"),
        }
    }

    fn plain() -> Vec<Segment> {
        vec![Segment::Sql("SELECT ".into()), Segment::Parameter("p".into())]
    }

    fn condition() -> Vec<Segment> {
        vec![
            Segment::Sql("SELECT * FROM v WHERE TRUE".into()),
            Segment::Condition { column: "\"Year\"".into(), parameter: "p".into() },
        ]
    }

    #[test]
    fn values_have_one_text_or_none() {
        use ParameterType::{Boolean, Date, Decimal, Integer, Text, Timestamp};
        for (kind, value, expected) in [
            (Text, json!("it's"), Some("it's")),
            (Text, json!("a\u{0}b"), None),
            (Text, json!("x".repeat(65_536)), None),
            (Text, json!(1), None),
            (Integer, json!(-7), Some("-7")),
            (Integer, json!(9_223_372_036_854_775_808_u64), None),
            (Integer, json!(1.5), None),
            (Integer, json!("1"), None),
            (Decimal, json!(12.5), Some("12.5")),
            (Decimal, json!("0012.500"), Some("12.5")),
            (Decimal, json!("-0.0"), Some("0")),
            (Decimal, json!("1e3"), None),
            (Decimal, json!("1.12345678901"), None),
            (Decimal, json!("12345678901234567890123456789"), None),
            (Decimal, json!("1.2.3"), None),
            (Decimal, json!(""), None),
            (Boolean, json!(true), Some("true")),
            (Boolean, json!("true"), None),
            (Date, json!("2026-02-28"), Some("2026-02-28")),
            (Date, json!("2026-02-29"), None),
            (Date, json!("2026-2-1"), None),
            (Date, json!("2026-02-28 OR"), None),
            (Timestamp, json!("2026-11-23T12:00:00.5+01:00"), Some("2026-11-23 11:00:00.500000+00")),
            (Timestamp, json!("2026-11-23T12:00:00"), None),
        ] {
            assert_eq!(canonical(kind, &value).ok().as_deref(), expected, "{kind:?} {value:.60}");
        }
    }

    #[test]
    fn nulls_defaults_and_empty_texts_never_travel() {
        let with =
            |null, default: Option<Value>| Parameter { null, default, ..parameter(ParameterType::Text) };
        for (parameter, query, request, sql, travels) in [
            (
                with(NullPolicy::Refuse, None),
                plain(),
                json!({"p": "a"}),
                "SELECT CAST(:p AS varchar(65535))",
                Some("a"),
            ),
            (
                with(NullPolicy::Refuse, None),
                plain(),
                json!({"p": ""}),
                "SELECT CAST('' AS varchar(65535))",
                None,
            ),
            (
                with(NullPolicy::Refuse, Some(json!("d"))),
                plain(),
                json!({}),
                "SELECT CAST(:p AS varchar(65535))",
                Some("d"),
            ),
            (
                with(NullPolicy::Null, Some(json!("d"))),
                plain(),
                json!({"p": null}),
                "SELECT CAST(NULL AS varchar(65535))",
                None,
            ),
            (
                with(NullPolicy::Null, None),
                condition(),
                json!({}),
                "SELECT * FROM v WHERE TRUE AND \"Year\" IS NULL",
                None,
            ),
            (with(NullPolicy::Any, None), condition(), json!({}), "SELECT * FROM v WHERE TRUE", None),
            (
                Parameter { comparison: Comparison::GreaterOrEqual, ..with(NullPolicy::Any, None) },
                condition(),
                json!({"p": "x"}),
                "SELECT * FROM v WHERE TRUE AND \"Year\" >= CAST(:p AS varchar(65535))",
                Some("x"),
            ),
            (
                Parameter { comparison: Comparison::NotEqual, ..with(NullPolicy::Null, None) },
                condition(),
                json!({"p": null}),
                "SELECT * FROM v WHERE TRUE AND \"Year\" IS NOT NULL",
                None,
            ),
        ] {
            let bound = bind(&mart(vec![("p", parameter)], query), &given(request.clone())).unwrap();
            assert_eq!(bound.sql, sql, "{request}");
            let expected: Vec<_> =
                travels.map(|text| ("p".to_owned(), text.to_owned())).into_iter().collect();
            assert_eq!(bound.parameters, expected, "{request}");
        }
    }

    #[test]
    fn a_parameter_used_twice_travels_once_and_one_unused_not_at_all() {
        let query =
            vec![Segment::Parameter("a".into()), Segment::Sql(", ".into()), Segment::Parameter("a".into())];
        let mart = mart(
            vec![("a", parameter(ParameterType::Integer)), ("b", parameter(ParameterType::Integer))],
            query,
        );
        let bound = bind(&mart, &given(json!({"a": 1, "b": 2}))).unwrap();
        assert_eq!(bound.sql, "CAST(:a AS bigint), CAST(:a AS bigint)");
        assert_eq!(bound.parameters, [("a".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn every_fault_is_named_with_what_is_allowed() {
        let allowed = Parameter { allowed: vec![json!("A"), json!("B")], ..parameter(ParameterType::Text) };
        let mart = mart(vec![("letter", allowed), ("year", parameter(ParameterType::Integer))], Vec::new());
        let faults = bind(&mart, &given(json!({"letter": "C", "yaer": 2026}))).unwrap_err();
        let said: Vec<String> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(
            said,
            [
                "parameter `yaer`: expected a parameter of the mart: `letter`, `year`",
                "parameter `letter`: expected one of the allowed values: `\"A\"`, `\"B\"`",
                "parameter `year`: expected a whole number from -9223372036854775808 to 9223372036854775807",
            ]
        );
    }

    #[test]
    fn allowed_numbers_are_compared_by_value() {
        let allowed = Parameter { allowed: vec![json!(1.5), json!(2)], ..parameter(ParameterType::Decimal) };
        let mart = mart(vec![("p", allowed)], plain());
        assert!(bind(&mart, &given(json!({"p": "1.50"}))).is_ok());
        assert!(bind(&mart, &given(json!({"p": "1.51"}))).is_err());
    }

    proptest! {
        /// Whatever a request says, the SQL text is one of two: with the reference, or with the empty constant.
        #[test]
        fn no_text_of_a_request_reaches_the_sql(text in any::<String>(), name in "\\PC{0,20}") {
            let mart = mart(vec![("p", parameter(ParameterType::Text))], plain());
            let request = BTreeMap::from([("p".to_owned(), Value::String(text))]);
            if let Ok(bound) = bind(&mart, &request) {
                prop_assert!(
                    bound.sql == "SELECT CAST(:p AS varchar(65535))" || bound.sql == "SELECT CAST('' AS varchar(65535))"
                );
            }
            let request = BTreeMap::from([(name.clone(), json!("x")), ("p".to_owned(), json!("x"))]);
            prop_assert_eq!(bind(&mart, &request).is_ok(), name == "p");
        }

        #[test]
        fn nothing_that_is_checked_panics(text in "\\PC{0,40}") {
            for kind in [ParameterType::Decimal, ParameterType::Date, ParameterType::Timestamp] {
                if let Ok(first) = canonical(kind, &Value::String(text.clone())) {
                    prop_assert!(!first.is_empty());
                }
            }
        }
    }
}
