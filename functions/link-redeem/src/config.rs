//! What the template sets.

use std::str::FromStr;
use std::time::Duration;

use eventide_kit::env::{FromEnv, Vars};
use eventide_links::http::Origin;

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of links and limits.
    pub link_table: String,
    /// The instance of Amazon Connect.
    pub instance_id: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the page is.
    pub link_origin: Option<Origin>,
    /// The secret that CloudFront adds to its requests: ARN or name.
    pub origin_secret: String,
    /// The secret that addresses are hashed with: ARN or name.
    pub token_secret: String,
    /// The flow that chats begin with.
    pub flow_id: String,
    /// How long a chat may last.
    pub chat_minutes: u32,
    /// Whether the chat begins with a sentence of the customer's.
    pub initial_message: bool,
    /// The name of customers who have none.
    pub default_name: String,
    /// How often an address may ask within a minute.
    pub redeems_per_minute: u32,
    /// For how long the same page is given the same answer.
    pub replay: Duration,
    /// After which another page may take up what one left undone.
    pub claim: Duration,
    /// The Region of the participant service.
    pub region: String,
    /// Where the participant service is, if not at the Region's.
    pub participant_endpoint: Option<String>,
}

/// The longest name that Amazon Connect takes, in characters.
const MAX_NAME: usize = 256;

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        const NAME: &str = "1 to 256 characters";
        let link_table = vars.required("LINK_TABLE", "the name of a DynamoDB table");
        let instance_id = vars.required("CONNECT_INSTANCE_ID", "the id of an Amazon Connect instance");
        let link_origin = vars.present("LINK_ORIGIN", Origin::EXPECTED);
        let origin_secret = vars.required("ORIGIN_SECRET_ARN", "the ARN or name of a secret");
        let token_secret = vars.required("TOKEN_SECRET_ARN", "the ARN or name of a secret");
        let flow_id = vars.required("CHAT_FLOW_ID", "the id of a flow");
        let chat_minutes = vars.in_range("CHAT_MINUTES", 60..=10_080, 120);
        let initial_message = vars.optional("INITIAL_MESSAGE", "`yes` or `no`", YesNo(true));
        let default_name = vars.optional("DEFAULT_NAME", NAME, "Customer".to_owned());
        let redeems_per_minute = vars.in_range("REDEEMS_PER_MINUTE", 1..=10_000, 30);
        let replay_seconds = vars.in_range("REPLAY_SECONDS", 0..=3600, 300);
        let claim_seconds = vars.in_range("CLAIM_SECONDS", 1..=900, 30);
        let region = vars.required("AWS_REGION", "an AWS Region");
        let participant_endpoint = vars.present("PARTICIPANT_ENDPOINT", "a URL");
        let default_name = default_name.filter(|name| {
            let fits = !name.trim().is_empty() && name.chars().count() <= MAX_NAME;
            if !fits {
                vars.fault("DEFAULT_NAME", NAME);
            }
            fits
        });
        let YesNo(initial_message) = initial_message?;
        Some(Self {
            link_table: link_table?,
            instance_id: instance_id?,
            settings: Settings {
                link_origin: link_origin?,
                origin_secret: origin_secret?,
                token_secret: token_secret?,
                flow_id: flow_id?,
                chat_minutes: chat_minutes?,
                initial_message,
                default_name: default_name?,
                redeems_per_minute: redeems_per_minute?,
                replay: Duration::from_secs(replay_seconds?),
                claim: Duration::from_secs(claim_seconds?),
                region: region?,
                participant_endpoint: participant_endpoint?,
            },
        })
    }
}

struct YesNo(bool);

impl FromStr for YesNo {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "yes" => Ok(Self(true)),
            "no" => Ok(Self(false)),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 6] = [
        ("LINK_TABLE", "links"),
        ("CONNECT_INSTANCE_ID", "i"),
        ("ORIGIN_SECRET_ARN", "origin"),
        ("TOKEN_SECRET_ARN", "token"),
        ("CHAT_FLOW_ID", "f"),
        ("AWS_REGION", "eu-central-1"),
    ];

    #[test]
    fn the_rest_has_defaults() {
        let config: Config = Vars::from_pairs(REQUIRED).load().unwrap();
        assert_eq!((config.link_table.as_str(), config.instance_id.as_str()), ("links", "i"));
        let expected = Settings {
            link_origin: None,
            origin_secret: "origin".to_owned(),
            token_secret: "token".to_owned(),
            flow_id: "f".to_owned(),
            chat_minutes: 120,
            initial_message: true,
            default_name: "Customer".to_owned(),
            redeems_per_minute: 30,
            replay: Duration::from_secs(300),
            claim: Duration::from_secs(30),
            region: "eu-central-1".to_owned(),
            participant_endpoint: None,
        };
        assert_eq!(config.settings, expected);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let long = "x".repeat(MAX_NAME + 1);
        let bad = [
            ("LINK_ORIGIN", "https://chat.example.com/"),
            ("CHAT_MINUTES", "59"),
            ("INITIAL_MESSAGE", "perhaps"),
            ("DEFAULT_NAME", long.as_str()),
            ("REDEEMS_PER_MINUTE", "0"),
            ("REPLAY_SECONDS", "3601"),
            ("CLAIM_SECONDS", "0"),
        ];
        let error = Vars::from_pairs(bad).load::<Config>().unwrap_err().to_string();
        for (name, _) in REQUIRED.into_iter().chain(bad) {
            assert!(error.contains(&format!("`{name}`")), "{name}: {error}");
        }
    }
}
