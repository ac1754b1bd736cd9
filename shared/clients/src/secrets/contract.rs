//! What every [`Secrets`] does, checked against the fake and against the local cloud.

use eventide_kit::error::Error;

use super::Secrets;

/// Checks all of it. There is a secret of this id with this text, and none of the id `missing`.
///
/// # Errors
/// Whatever a call that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<S: Secrets>(secrets: &S, id: &str, text: &str) -> Result<(), Error> {
    for _ in 0..2 {
        let secret = secrets.get(id).await?;
        assert!(secret.expose() == text, "the text as it was stored");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
    let missing = secrets.get("missing").await.err().map(|error| error.qualified_type());
    assert_eq!(missing.as_deref(), Some("Environment.ResourceNotFound"));
    Ok(())
}
