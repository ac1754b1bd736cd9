//! What the template sets.

use eventide_kit::env::Vars;
use mart_deliver::Config;

const REQUIRED: [&str; 6] = [
    "LEDGER_TABLE",
    "USAGE_TABLE",
    "RESULT_BUCKET",
    "DELIVER_QUEUE_URL",
    "QUERY_QUEUE_URL",
    "FAILED_QUEUE_URL",
];

#[test]
fn the_rest_has_defaults() {
    let config: Config = Vars::from_pairs(REQUIRED.map(|name| (name, "x"))).load().unwrap();
    assert_eq!(config.event_bus, "default");
    assert_eq!(config.settings.overdue, time::Duration::minutes(15));
    assert_eq!(config.settings.max_receives, 5);
}

#[test]
fn every_fault_is_named_at_once() {
    let error = Vars::from_pairs([("OVERDUE_MINUTES", "0"), ("MAX_RECEIVES", "many")]).load::<Config>();
    let error = error.unwrap_err().to_string();
    for name in REQUIRED.into_iter().chain(["OVERDUE_MINUTES", "MAX_RECEIVES"]) {
        assert!(error.contains(name), "{name}: {error}");
    }
}
