//! The roles of deployed functions, as IAM has them.

use std::collections::BTreeSet;

use eventide_testing::{LocalCloud, xml};
use http::Method;
use serde_json::Value;

use super::{Grant, grants};

/// A function as Lambda has it.
#[derive(Debug)]
pub struct Deployed {
    /// The name of its role.
    pub role: String,
    /// The log group that it writes to.
    pub log_group: String,
}

/// A function, by its name.
///
/// # Errors
///
/// If Lambda does not have it, or does not say what its role is.
pub async fn deployed(cloud: &LocalCloud, function: &str) -> Result<Deployed, String> {
    let path = format!("/2015-03-31/functions/{function}/configuration");
    let configuration = cloud.rest("lambda", Method::GET, &path, None).await?;
    let text = |pointer: &str| {
        let text = configuration.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| format!("no `{pointer}`: {configuration}"))
    };
    let role = text("/Role")?.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Deployed { role, log_group: text("/LoggingConfig/LogGroup")? })
}

/// The grants of a role's only policy.
///
/// # Errors
///
/// If the role has other policies, or IAM does not answer with a policy that [`grants`] understands.
pub async fn granted(cloud: &LocalCloud, role: &str, policy: &str) -> Result<BTreeSet<Grant>, String> {
    let of_role = [("RoleName", role)];
    let inline = xml::values(&cloud.query("iam", "ListRolePolicies", &of_role).await?, "member");
    let attached = xml::values(&cloud.query("iam", "ListAttachedRolePolicies", &of_role).await?, "PolicyArn");
    if inline != [policy] || !attached.is_empty() {
        return Err(format!(
            "`{role}` has the policies {inline:?} and {attached:?}, expected only `{policy}`"
        ));
    }
    let answer = cloud.query("iam", "GetRolePolicy", &[("RoleName", role), ("PolicyName", policy)]).await?;
    let document = xml::value(&answer, "PolicyDocument").ok_or_else(|| format!("no document: {answer}"))?;
    let document: Value = serde_json::from_str(&decoded(&document)?).map_err(|error| error.to_string())?;
    grants(&document)
}

/// IAM percent-encodes policy documents.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        let digits = std::str::from_utf8(&digits).map_err(|error| error.to_string())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|error| error.to_string())?);
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
