//! AWS Secrets Manager.

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod sdk;

use std::fmt;

use eventide_kit::error::Error;
#[cfg(feature = "testing")]
pub use fake::FakeSecrets;
pub use sdk::SdkSecrets;

/// The text of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, which belongs in no log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    /// Without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Secrets by name.
pub trait Secrets: Send + Sync {
    /// The current text of the secret with that name or ARN. A text that was read is taken for current for a while.
    ///
    /// # Errors
    /// `Environment` if there is no such secret, it is no text, its key cannot be used or it may not be read: no record
    /// is to blame for that.
    fn get(&self, id: &str) -> impl Future<Output = Result<Secret, Error>> + Send;
}
