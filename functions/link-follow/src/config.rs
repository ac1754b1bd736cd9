//! What the template sets.

use std::str::FromStr;

use eventide_kit::env::{FromEnv, Vars};

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of links.
    pub link_table: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The Amazon Connect instance: id.
    pub instance_id: String,
    /// When a voice contact is ended that goes on as a chat.
    pub stop_voice: StopVoice,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

/// When a voice contact is ended that goes on as a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopVoice {
    /// When the chat has begun. Who leaves it has lost their place.
    ChatStarted,
    /// When an agent is in the chat.
    AgentJoined,
    /// Never: that is left to the caller.
    Never,
}

impl FromStr for StopVoice {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "chat_started" => Ok(Self::ChatStarted),
            "agent_joined" => Ok(Self::AgentJoined),
            "never" => Ok(Self::Never),
            _ => Err(()),
        }
    }
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let link_table = vars.required("LINK_TABLE", "the name of a DynamoDB table");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let instance_id = vars.required("CONNECT_INSTANCE_ID", "the id of an Amazon Connect instance");
        let expected = "`chat_started`, `agent_joined` or `never`";
        let stop_voice = vars.optional("STOP_VOICE", expected, StopVoice::AgentJoined);
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        let settings =
            Settings { instance_id: instance_id?, stop_voice: stop_voice?, max_receives: max_receives? };
        Some(Self { link_table: link_table?, failed_queue_url: failed_queue_url?, settings })
    }
}
