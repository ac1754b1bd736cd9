//! What the template sets.

use campaign_track::Config;
use eventide_kit::env::Vars;

const REQUIRED: [&str; 2] = ["LEDGER_TABLE", "FAILED_QUEUE_URL"];

#[test]
fn the_rest_has_defaults() {
    let config: Config = Vars::from_pairs(REQUIRED.map(|name| (name, "x"))).load().unwrap();
    assert_eq!(config.settings.report_after, time::Duration::minutes(5));
    assert_eq!(config.settings.max_receives, 5);
}

#[test]
fn every_fault_is_named_at_once() {
    let error = Vars::from_pairs([("REPORT_MINUTES", "1441"), ("MAX_RECEIVES", "0")]).load::<Config>();
    let error = error.unwrap_err().to_string();
    for name in REQUIRED.into_iter().chain(["REPORT_MINUTES", "MAX_RECEIVES"]) {
        assert!(error.contains(name), "{name}: {error}");
    }
}
