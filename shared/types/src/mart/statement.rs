//! Names of statements, and the event that tells of their end.

/// How the names of statements begin that answer a request: `eventide/query/<mart>/<token>`. The rules of the template
/// match these prefixes.
pub const QUERY: &str = "eventide/query/";
/// How the names of statements begin that deploy a mart: `eventide/deploy/<mart>/<step>/<digest>`.
pub const DEPLOY: &str = "eventide/deploy/";
/// How the names of statements begin that refresh a mart: `eventide/refresh/<mart>/<run>`.
pub const REFRESH: &str = "eventide/refresh/";
