//! What the template sets.

use eventide_kit::env::Vars;
use link_follow::Config;
use link_follow::config::StopVoice;

const REQUIRED: [&str; 3] = ["LINK_TABLE", "FAILED_QUEUE_URL", "CONNECT_INSTANCE_ID"];

#[test]
fn the_rest_has_defaults() {
    let config: Config = Vars::from_pairs(REQUIRED.map(|name| (name, "x"))).load().unwrap();
    assert_eq!((config.settings.stop_voice, config.settings.max_receives), (StopVoice::AgentJoined, 5));
}

#[test]
fn the_voice_contact_ends_when_it_is_said() {
    for (text, expected) in [
        ("chat_started", StopVoice::ChatStarted),
        ("agent_joined", StopVoice::AgentJoined),
        ("never", StopVoice::Never),
    ] {
        let vars = REQUIRED.map(|name| (name, "x")).into_iter().chain([("STOP_VOICE", text)]);
        assert_eq!(Vars::from_pairs(vars).load::<Config>().unwrap().settings.stop_voice, expected);
    }
}

#[test]
fn every_fault_is_named_at_once() {
    let error = Vars::from_pairs([("STOP_VOICE", "always"), ("MAX_RECEIVES", "0")]).load::<Config>();
    let error = error.unwrap_err().to_string();
    for name in REQUIRED.into_iter().chain(["STOP_VOICE", "MAX_RECEIVES"]) {
        assert!(error.contains(name), "{name}: {error}");
    }
}
