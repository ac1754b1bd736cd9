//! What the template sets.

use std::str::FromStr;

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
    /// How calls are made; `None`: they are not offered.
    pub calls: Option<Calls>,
    /// How often an address may ask within a minute.
    pub calls_per_minute: u32,
}

/// How calls are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// The flow that they begin with.
    pub flow_id: String,
    /// The number that is shown, in E.164.
    pub number: Option<String>,
    /// The queue whose number is shown otherwise.
    pub queue_id: Option<String>,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let link_table = vars.required("LINK_TABLE", "the name of a DynamoDB table");
        let instance_id = vars.required("CONNECT_INSTANCE_ID", "the id of an Amazon Connect instance");
        let link_origin = vars.present("LINK_ORIGIN", Origin::EXPECTED);
        let origin_secret = vars.required("ORIGIN_SECRET_ARN", "the ARN or name of a secret");
        let token_secret = vars.required("TOKEN_SECRET_ARN", "the ARN or name of a secret");
        let calls = calls(vars);
        let calls_per_minute = vars.in_range("CALLS_PER_MINUTE", 1..=10_000, 5);
        Some(Self {
            link_table: link_table?,
            instance_id: instance_id?,
            settings: Settings {
                link_origin: link_origin?,
                origin_secret: origin_secret?,
                token_secret: token_secret?,
                calls: calls?,
                calls_per_minute: calls_per_minute?,
            },
        })
    }
}

fn calls(vars: &mut Vars) -> Option<Option<Calls>> {
    const EITHER: &str = "a number of the instance, or a queue in `CALLBACK_QUEUE_ID`";
    let flow_id = vars.present("CALLBACK_FLOW_ID", "the id of a flow");
    let number = vars.present("CALLBACK_NUMBER", "a number in E.164, such as `+12065550100`");
    let queue_id = vars.present("CALLBACK_QUEUE_ID", "the id of a queue");
    let (flow_id, number, queue_id) = (flow_id?, number?.map(|Number(number)| number), queue_id?);
    if flow_id.is_some() && number.is_none() && queue_id.is_none() {
        vars.fault("CALLBACK_NUMBER", EITHER);
        return None;
    }
    Some(flow_id.map(|flow_id| Calls { flow_id, number, queue_id }))
}

/// A number in E.164.
struct Number(String);

impl FromStr for Number {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix('+').ok_or(())?;
        let valid = (2..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if valid { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 4] = [
        ("LINK_TABLE", "links"),
        ("CONNECT_INSTANCE_ID", "i"),
        ("ORIGIN_SECRET_ARN", "origin"),
        ("TOKEN_SECRET_ARN", "token"),
    ];

    fn settings(more: &[(&'static str, &'static str)]) -> Result<Settings, String> {
        let config = Vars::from_pairs(REQUIRED.iter().chain(more).copied()).load::<Config>();
        config.map(|config| config.settings).map_err(|error| error.to_string())
    }

    #[test]
    fn calls_are_offered_with_a_flow_and_something_to_show() {
        let flow = ("CALLBACK_FLOW_ID", "f");
        let (number, queue) = (("CALLBACK_NUMBER", "+12065550100"), ("CALLBACK_QUEUE_ID", "q"));
        let shown = |more: &[(&'static str, &'static str)]| {
            settings(more).unwrap().calls.map(|calls| (calls.flow_id, calls.number, calls.queue_id))
        };
        let (f, n, q) = ("f".to_owned(), Some("+12065550100".to_owned()), Some("q".to_owned()));
        assert_eq!(shown(&[flow, number]), Some((f.clone(), n.clone(), None)));
        assert_eq!(shown(&[flow, queue]), Some((f.clone(), None, q.clone())));
        assert_eq!(shown(&[flow, number, queue]), Some((f, n, q)));
        assert_eq!(shown(&[number, queue]), None, "without a flow none is made");
        assert_eq!(shown(&[]), None);
        assert_eq!(settings(&[]).unwrap().calls_per_minute, 5);
        assert!(settings(&[flow]).unwrap_err().contains("`CALLBACK_NUMBER` is missing"));
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let bad =
            [("LINK_ORIGIN", "chat.example.com"), ("CALLBACK_NUMBER", "+0123"), ("CALLS_PER_MINUTE", "0")];
        let error = Vars::from_pairs(bad).load::<Config>().unwrap_err().to_string();
        for (name, _) in REQUIRED.into_iter().chain(bad) {
            assert!(error.contains(&format!("`{name}`")), "{name}: {error}");
        }
    }
}
