//! What the template sets.

use campaign_review::Config;
use eventide_kit::env::Vars;

const REQUIRED: [&str; 8] = [
    "LEDGER_TABLE",
    "CAMPAIGN_BUCKET",
    "WORK_BUCKET",
    "REPORT_BUCKET",
    "JUDGE_QUEUE_URL",
    "SEND_QUEUE_URL",
    "FAILED_QUEUE_URL",
    "ENTRY_SECRET_ARN",
];

#[test]
fn the_rest_has_defaults() {
    let config: Config = Vars::from_pairs(REQUIRED.map(|name| (name, "x"))).load().unwrap();
    assert_eq!(config.settings.max_receives, 5);
}

#[test]
fn every_fault_is_named_at_once() {
    let error = Vars::from_pairs([("MAX_RECEIVES", "many")]).load::<Config>().unwrap_err().to_string();
    for name in REQUIRED.into_iter().chain(["MAX_RECEIVES"]) {
        assert!(error.contains(name), "{name}: {error}");
    }
}
