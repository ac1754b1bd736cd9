//! What the template sets.

use std::time::Duration;

use eventide_kit::env::Vars;
use mart_query::Config;

const REQUIRED: [(&str, &str); 5] = [
    ("LEDGER_TABLE", "ledger"),
    ("RESULT_BUCKET", "results"),
    ("QUERY_QUEUE_URL", "https://sqs/query"),
    ("DELIVER_QUEUE_URL", "https://sqs/deliver"),
    ("FAILED_QUEUE_URL", "https://sqs/failed"),
];

fn with(more: &[(&'static str, &'static str)]) -> Result<Config, String> {
    Vars::from_pairs(REQUIRED.iter().chain(more).copied()).load().map_err(|error| error.to_string())
}

#[test]
fn the_rest_has_defaults() {
    let config = with(&[]).unwrap();
    assert_eq!((config.settings.unload_role.as_str(), config.settings.max_receives), ("default", 5));
    assert_eq!(config.event_bus, "default");
    assert_eq!(config.settings.link_life, Duration::from_secs(3600));
    let role = "arn:aws:iam::111122223333:role/redshift/Unload";
    assert_eq!(with(&[("UNLOAD_ROLE", role)]).unwrap().settings.unload_role, role);
}

#[test]
fn every_fault_is_named_at_once() {
    let error = Vars::from_pairs([("UNLOAD_ROLE", "x' --"), ("LINK_MINUTES", "721")])
        .load::<Config>()
        .unwrap_err()
        .to_string();
    for name in REQUIRED.iter().map(|(name, _)| *name).chain(["UNLOAD_ROLE", "LINK_MINUTES"]) {
        assert!(error.contains(name), "{name}: {error}");
    }
}

#[test]
fn the_role_cannot_end_a_literal() {
    for role in [
        "arn:aws:iam::1:role/x' --",
        "arn:aws:iam::1:role/x\\",
        "arn:aws:iam::1:user/x",
        "Default",
        "arn:aws:iam::1:role/x y",
    ] {
        assert!(with(&[("UNLOAD_ROLE", role)]).is_err(), "{role}");
    }
}
