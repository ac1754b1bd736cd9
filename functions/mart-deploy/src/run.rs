//! One version of a file on its way: what identifies it, and how it is told in the names of statements.

use eventide_types::mart::statement::StatementName;
use sha2::{Digest, Sha256};

/// A version of a file, or its deletion, at its place in the order of the file's versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The object in the mart bucket.
    pub key: String,
    /// Its version; empty for a deletion.
    pub version_id: String,
    /// What S3 orders the versions of a key by.
    pub sequencer: String,
}

/// A step of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The relation is made under its new name.
    Build,
    /// It is looked at: its columns, and those that parameters are compared with.
    Check,
    /// The view of the mart's name is put before it.
    Swap,
    /// A datashare is made or changed.
    Share,
    /// What was in force before is dropped.
    Drop,
    /// What a refused or overtaken version has made is dropped.
    Tidy,
    /// Everything of a deleted file's mart is dropped.
    Withdraw,
}

impl Step {
    const ALL: [Self; 7] =
        [Self::Build, Self::Check, Self::Swap, Self::Share, Self::Drop, Self::Tidy, Self::Withdraw];

    /// The step in a statement's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Check => "check",
            Self::Swap => "swap",
            Self::Share => "share",
            Self::Drop => "drop",
            Self::Tidy => "tidy",
            Self::Withdraw => "withdraw",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

impl Run {
    /// 64 hex digits that tell this run from every other, also from an equal file's at another time.
    fn digest(&self) -> String {
        let parts = [self.key.as_str(), &self.version_id, &self.sequencer];
        hex::encode(Sha256::digest(parts.join("\n")))
    }

    /// The name of the relation that this run makes: never that of another run, so that nothing that is in force is
    /// ever touched.
    pub fn relation(&self, mart: &str) -> String {
        let suffix: String = self.digest().chars().take(8).collect();
        format!("{mart}__{suffix}")
    }

    /// The name of the statement of a step, from which its event leads back here.
    pub fn statement(&self, mart: &str, step: Step) -> String {
        let parts = [&self.sequencer, &self.version_id, &self.key];
        let digest = parts.map(|part| escape(part)).join(":");
        StatementName::Deploy { mart: mart.to_owned(), step: step.as_str().to_owned(), digest }.to_string()
    }

    /// The token with which a step is submitted, however often.
    pub fn token(&self, step: Step) -> String {
        hex::encode(Sha256::digest(format!("{} {}", step.as_str(), self.digest())))
    }

    /// What a name that [`statement`](Self::statement) made says. `None`: it did not.
    pub fn parse(name: &StatementName) -> Option<(String, Step, Self)> {
        let StatementName::Deploy { mart, step, digest } = name else { return None };
        let mut parts = digest.split(':').map(unescape);
        let (sequencer, version_id, key) = (parts.next()??, parts.next()??, parts.next()??);
        let run = Self { key, version_id, sequencer };
        parts.next().is_none().then_some(())?;
        Some((mart.clone(), Step::parse(step)?, run))
    }
}

/// `%XX` for every byte that is no letter, digit or `-_.`
fn escape(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, rest) = (part.get(..2)?, part.get(2..)?);
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_statement_leads_back_to_its_run(key in "[a-z]{1,5}(/[a-zA-Z0-9._-]{1,9}){1,3}\\.sql", version_id in "\\PC{0,20}", sequencer in "[0-9A-F]{1,18}", step in 0..7_usize) {
            let run = Run { key, version_id, sequencer };
            let step = Step::ALL[step];
            let name = StatementName::parse(&run.statement("rates", step)).expect("a name of ours");
            prop_assert_eq!(Run::parse(&name), Some(("rates".to_owned(), step, run.clone())));
            prop_assert_eq!(run.token(step).len(), 64);
        }
    }

    #[test]
    fn other_names_lead_nowhere() {
        for (step, digest) in [
            ("build", "a"),
            ("build", "a:b"),
            ("build", "a:b:c:d"),
            ("burn", "a:b:c"),
            ("build", "a:%G:c"),
            ("build", "a:b:c%"),
        ] {
            let name = StatementName::Deploy { mart: "m".into(), step: step.into(), digest: digest.into() };
            assert_eq!(Run::parse(&name), None, "{step} {digest}");
        }
    }
}
