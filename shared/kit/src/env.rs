//! Configuration from environment variables, every fault of which is reported at once.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ffi::OsString,
    fmt::{self, Display},
    ops::RangeInclusive,
    str::FromStr,
};

use crate::error::Error;

/// Longest part of a bad value that a fault repeats, in characters.
const SHOWN: usize = 64;

/// A configuration that is read from environment variables.
///
/// Read every variable before the first `?`, so that one attempt names every fault:
///
/// ```
/// use eventide_kit::env::{FromEnv, Vars};
///
/// #[derive(Debug)]
/// struct Config {
///     queue_url: String,
///     delay_seconds: u16,
/// }
///
/// impl FromEnv for Config {
///     fn from_env(vars: &mut Vars) -> Option<Self> {
///         let queue_url = vars.required("WORK_QUEUE_URL", "the URL of an SQS queue");
///         let delay_seconds = vars.in_range("POLL_DELAY_SECONDS", 0..=900, 60);
///         Some(Self { queue_url: queue_url?, delay_seconds: delay_seconds? })
///     }
/// }
///
/// let error = Vars::from_pairs([("POLL_DELAY_SECONDS", "soon")]).load::<Config>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "configuration: `WORK_QUEUE_URL` is missing, expected the URL of an SQS queue; \
///      `POLL_DELAY_SECONDS` is `soon`, expected a whole number from 0 to 900",
/// );
/// ```
pub trait FromEnv: Sized {
    /// The configuration, or `None` if a fault was recorded in `vars`.
    fn from_env(vars: &mut Vars) -> Option<Self>;
}

/// For functions without variables of their own.
impl FromEnv for () {
    fn from_env(_: &mut Vars) -> Option<Self> {
        Some(())
    }
}

/// Environment variables, and what was found to be wrong with them.
///
/// An empty variable counts as one that is not set, because templates pass unset parameters as empty strings.
pub struct Vars {
    values: BTreeMap<OsString, OsString>,
    faults: Vec<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    name: Cow<'static, str>,
    found: Found,
    expected: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The offending value, cut and with control characters escaped.
    Value(String),
    /// A value that must not be shown.
    Secret,
    NotUtf8,
}

impl Vars {
    /// The variables of this process.
    pub fn from_process() -> Self {
        Self { values: std::env::vars_os().collect(), faults: Vec::new() }
    }

    /// The given variables, for tests.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, faults: Vec::new() }
    }

    /// A variable that must be set. `expected` completes the sentence "… is missing, expected …".
    pub fn required<T: FromStr>(&mut self, name: &'static str, expected: &'static str) -> Option<T> {
        let value = self.present(name, expected)?;
        if value.is_none() {
            self.record(name, Found::Nothing, expected);
        }
        value
    }

    /// A variable with a default. A value that does not parse is a fault, not the default.
    pub fn optional<T: FromStr>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        default: T,
    ) -> Option<T> {
        Some(self.present(name, expected)?.unwrap_or(default))
    }

    /// A variable that may be left out: `Some(None)` if it is, `None` if it is set and does not parse.
    pub fn present<T: FromStr>(&mut self, name: &'static str, expected: &'static str) -> Option<Option<T>> {
        let Some(value) = self.text(name, expected)? else { return Some(None) };
        match value.parse() {
            Ok(parsed) => Some(Some(parsed)),
            Err(_) => {
                self.fault(name, expected);
                None
            }
        }
    }

    /// Every variable whose name starts with `prefix`, by the rest of its name; `None` if one does not parse.
    pub fn starting_with<T: FromStr>(&mut self, prefix: &str, expected: &str) -> Option<BTreeMap<String, T>> {
        let names: Vec<String> = self
            .values
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, _)| name.to_str()?.strip_prefix(prefix).map(str::to_owned))
            .collect();
        let count = names.len();
        let mut parsed = BTreeMap::new();
        for rest in names {
            let name = format!("{prefix}{rest}");
            let value = self.values.get(OsString::from(&name).as_os_str()).and_then(|value| value.to_str());
            match value.and_then(|value| value.parse().ok()) {
                Some(value) => {
                    parsed.insert(rest, value);
                }
                None => {
                    let found = self.found(&name);
                    self.record(name, found, expected);
                }
            }
        }
        (parsed.len() == count).then_some(parsed)
    }

    /// A whole number within `range`, or `default` if the variable is not set.
    pub fn in_range<T>(&mut self, name: &'static str, range: RangeInclusive<T>, default: T) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(value) = self.text(name, &expected)? else { return Some(default) };
        let parsed = value.parse().ok().filter(|number| range.contains(number));
        if parsed.is_none() {
            self.fault(name, expected);
        }
        parsed
    }

    /// Records a fault that only a look at several variables shows, such as a minimum above its maximum.
    pub fn fault(&mut self, name: &'static str, expected: impl Into<String>) {
        let found = self.found(name);
        self.record(name, found, expected);
    }

    fn found(&self, name: &str) -> Found {
        let Some(value) = self.values.get(OsString::from(name).as_os_str()) else { return Found::Nothing };
        match value.to_str() {
            None => Found::NotUtf8,
            Some(_) if is_secret(name) => Found::Secret,
            Some(value) => {
                let cut: String = value.chars().take(SHOWN).collect();
                Found::Value(cut.escape_debug().to_string())
            }
        }
    }

    /// Reads a whole configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault that was recorded, whether or not a configuration came out.
    pub fn load<C: FromEnv>(mut self) -> Result<C, ConfigError> {
        let config = C::from_env(&mut self);
        self.finish(config)
    }

    /// `config`, unless a fault was recorded or there is none.
    pub(crate) fn finish<C>(self, config: Option<C>) -> Result<C, ConfigError> {
        match config {
            Some(config) if self.faults.is_empty() => Ok(config),
            _ => Err(ConfigError { faults: self.faults }),
        }
    }

    fn text(&mut self, name: &'static str, expected: &str) -> Option<Option<String>> {
        let Some(value) = self.values.get(OsString::from(name).as_os_str()) else { return Some(None) };
        match value.to_str() {
            Some("") => Some(None),
            Some(value) => Some(Some(value.to_owned())),
            None => {
                self.record(name, Found::NotUtf8, expected);
                None
            }
        }
    }

    fn record(&mut self, name: impl Into<Cow<'static, str>>, found: Found, expected: impl Into<String>) {
        self.faults.push(Fault { name: name.into(), found, expected: expected.into() });
    }
}

/// Shows names only: values may be secrets.
impl fmt::Debug for Vars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.values.keys().collect();
        f.debug_struct("Vars").field("names", &names).field("faults", &self.faults).finish()
    }
}

fn is_secret(name: &str) -> bool {
    ["SECRET", "TOKEN", "KEY", "PASSWORD"].iter().any(|word| name.contains(word))
}

/// Every variable that is missing or malformed, in the order in which they were read.
///
/// Values of variables whose name contains `SECRET`, `TOKEN`, `KEY` or `PASSWORD` are never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<Fault>,
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("configuration: ")?;
        if self.faults.is_empty() {
            return f.write_str("incomplete, but no variable was named");
        }
        for (index, Fault { name, found, expected }) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}`{name}` ")?;
            match found {
                Found::Nothing => f.write_str("is missing"),
                Found::Value(value) => write!(f, "is `{value}`"),
                Found::Secret => f.write_str("is malformed"),
                Found::NotUtf8 => f.write_str("is not UTF-8"),
            }?;
            write!(f, ", expected {expected}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::environment("Configuration", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(pairs: &[(&str, &str)], read: impl FnOnce(&mut Vars) -> bool) -> String {
        let mut vars = Vars::from_pairs(pairs.iter().copied());
        assert!(!read(&mut vars), "nothing may come out of a bad variable");
        vars.finish(Some(())).expect_err("a fault").to_string()
    }

    #[test]
    fn values_are_parsed() {
        let mut vars = Vars::from_pairs([("A", "7"), ("EMPTY", ""), ("B", "x")]);
        assert_eq!(vars.required::<u8>("A", "a number"), Some(7));
        assert_eq!(vars.optional("MISSING", "a number", 3), Some(3));
        assert_eq!(vars.optional("EMPTY", "a number", 3), Some(3));
        assert_eq!(vars.optional("B", "a word", String::new()), Some("x".to_owned()));
        assert_eq!(vars.present::<String>("EMPTY", "a word"), Some(None));
        assert_eq!(vars.present::<String>("B", "a word"), Some(Some("x".to_owned())));
        assert_eq!(vars.in_range("A", 0..=7, 1), Some(7));
        assert_eq!(vars.in_range("EMPTY", 0..=7, 1), Some(1));
        assert_eq!(vars.finish(Some(())), Ok(()));
    }

    #[test]
    fn variables_of_one_prefix_are_read_together() {
        let pairs = [("P_A", "1"), ("P_B", "2"), ("P_C", ""), ("P", "x"), ("Q_A", "x")];
        let mut vars = Vars::from_pairs(pairs);
        let read = vars.starting_with::<u8>("P_", "a number").unwrap();
        assert_eq!(read, BTreeMap::from([("A".to_owned(), 1), ("B".to_owned(), 2)]));
        assert_eq!(vars.finish(Some(())), Ok(()));

        let pairs = [("P_A", "1"), ("P_B", "x"), ("P_TOKEN", "x")];
        let fault = fault_of(&pairs, |vars| vars.starting_with::<u8>("P_", "a number").is_some());
        let expected = "`P_B` is `x`, expected a number; `P_TOKEN` is malformed, expected a number";
        assert_eq!(fault, format!("configuration: {expected}"));
    }

    #[test]
    fn faults_say_what_was_found_and_expected() {
        let long = "x".repeat(100);
        let cases: [(String, &str); 7] = [
            (
                fault_of(&[], |vars| vars.required::<String>("A", "a name").is_some()),
                "`A` is missing, expected a name",
            ),
            (
                fault_of(&[("A", "")], |vars| vars.required::<u8>("A", "a number").is_some()),
                "`A` is missing, expected a number",
            ),
            (
                fault_of(&[("A", "x\n")], |vars| vars.optional("A", "a number", 1).is_some()),
                "`A` is `x\\n`, expected a number",
            ),
            (
                fault_of(&[("A", "8")], |vars| vars.in_range("A", 0..=7, 1).is_some()),
                "`A` is `8`, expected a whole number from 0 to 7",
            ),
            (
                fault_of(&[("A", "-1")], |vars| vars.in_range("A", 0_u8..=7, 1).is_some()),
                "`A` is `-1`, expected a whole number from 0 to 7",
            ),
            (
                fault_of(&[("API_TOKEN", "hunter2")], |vars| vars.present::<u8>("API_TOKEN", "x").is_some()),
                "`API_TOKEN` is malformed, expected x",
            ),
            (
                fault_of(&[("A", &long)], |vars| vars.present::<u8>("A", "a number").is_some()),
                &format!("`A` is `{}`, expected a number", "x".repeat(SHOWN)),
            ),
        ];
        for (fault, expected) in cases {
            assert_eq!(fault, format!("configuration: {expected}"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_text_are_a_fault() {
        use std::os::unix::ffi::OsStringExt;

        let mut vars = Vars::from_pairs([("A", OsString::from_vec(vec![0xff]))]);
        assert_eq!(vars.optional("A", "a name", String::new()), None);
        let error = vars.finish(Some(())).expect_err("a fault");
        assert_eq!(error.to_string(), "configuration: `A` is not UTF-8, expected a name");
    }

    #[test]
    fn debug_shows_no_values() {
        let vars = Vars::from_pairs([("DB_PASSWORD", "hunter2"), ("PHONE", "+15550100")]);
        let shown = format!("{vars:?}");
        assert!(shown.contains("PHONE"));
        assert!(!shown.contains("hunter2") && !shown.contains("5550100"), "{shown}");
    }

    #[test]
    fn a_configuration_that_names_no_fault_is_still_an_error() {
        let error = Vars::from_pairs([("A", "1")]).finish::<()>(None).expect_err("no configuration");
        assert_eq!(error.to_string(), "configuration: incomplete, but no variable was named");
    }
}
