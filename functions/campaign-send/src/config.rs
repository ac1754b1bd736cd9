//! What the template sets.

use std::str::FromStr;

use eventide_clients::sms::MessageType;
use eventide_kit::env::{FromEnv, Vars};

/// The function's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The DynamoDB table of campaigns, shards and the ledger.
    pub ledger_table: String,
    /// Where the shards' messages lie.
    pub work_bucket: String,
    /// This function's own queue.
    pub send_queue_url: String,
    /// campaign-report's queue.
    pub report_queue_url: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
    /// How emails are sent; `None`: they are refused.
    pub email: Option<EmailSettings>,
    /// How SMS are sent; `None`: they are refused.
    pub sms: Option<SmsSettings>,
}

/// How emails are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct EmailSettings {
    /// A verified address, or `Name <address>`.
    pub from: String,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The configuration set of Amazon SES.
    pub configuration_set: Option<String>,
    /// The contact list that recipients can unsubscribe from.
    pub contact_list: Option<String>,
    /// Its topic, if the campaign names none.
    pub topic: Option<String>,
    /// A rate below the account's.
    pub per_second: Option<f64>,
}

/// How SMS are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SmsSettings {
    /// A number, sender or pool.
    pub origination: String,
    /// The configuration set of AWS End User Messaging.
    pub configuration_set: Option<String>,
    /// Which route they take.
    pub message_type: MessageType,
    /// The most that a part may cost.
    pub max_price: Option<String>,
    /// For how long they are worth delivering.
    pub time_to_live_seconds: u32,
    /// The origination's rate.
    pub per_second: f64,
    /// Which countries are allowed.
    pub protect_configuration: Option<String>,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let work_bucket = vars.required("WORK_BUCKET", "the name of a bucket");
        let send_queue_url = vars.required("SEND_QUEUE_URL", "the URL of an SQS queue");
        let report_queue_url = vars.required("REPORT_QUEUE_URL", "the URL of an SQS queue");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        let email = email(vars);
        let sms = sms(vars);
        Some(Self {
            ledger_table: ledger_table?,
            work_bucket: work_bucket?,
            send_queue_url: send_queue_url?,
            report_queue_url: report_queue_url?,
            failed_queue_url: failed_queue_url?,
            settings: Settings { max_receives: max_receives?, email: email?, sms: sms? },
        })
    }
}

fn email(vars: &mut Vars) -> Option<Option<EmailSettings>> {
    let from = vars.present::<String>("SENDER_EMAIL", "an address");
    let reply_to = vars.present("REPLY_TO", "an address");
    let configuration_set = vars.present("CONFIGURATION_SET", "the name of a configuration set");
    let contact_list = vars.present("CONTACT_LIST", "the name of a contact list");
    let topic = vars.present("TOPIC", "the name of a topic");
    let per_second = rate(vars, "EMAIL_PER_SECOND");
    let (from, reply_to, configuration_set) = (from?, reply_to?, configuration_set?);
    let (contact_list, topic, per_second) = (contact_list?, topic?, per_second?);
    Some(from.map(|from| EmailSettings {
        from,
        reply_to,
        configuration_set,
        contact_list,
        topic,
        per_second,
    }))
}

fn sms(vars: &mut Vars) -> Option<Option<SmsSettings>> {
    const TYPE: &str = "`PROMOTIONAL` or `TRANSACTIONAL`";
    let origination = vars.present::<String>("SMS_ORIGINATION", "a number, a sender or a pool");
    let configuration_set = vars.present("SMS_CONFIGURATION_SET", "the name of a configuration set");
    let route = vars.optional("SMS_MESSAGE_TYPE", TYPE, Route(MessageType::Promotional));
    let price = vars.present("SMS_MAX_PRICE", "US dollars such as `0.05`");
    let time_to_live_seconds = vars.in_range("SMS_TTL_SECONDS", 5..=259_200, 86_400);
    let per_second = rate(vars, "SMS_PER_SECOND");
    let protect = vars.present("SMS_PROTECT_CONFIGURATION", "the id of a protect configuration");
    let (origination, configuration_set, protect_configuration) =
        (origination?, configuration_set?, protect?);
    let (Route(message_type), price, time_to_live_seconds) = (route?, price?, time_to_live_seconds?);
    let max_price = price.map(|Price(price)| price);
    let per_second = per_second?.unwrap_or(1.0);
    Some(origination.map(|origination| SmsSettings {
        origination,
        configuration_set,
        message_type,
        max_price,
        time_to_live_seconds,
        per_second,
        protect_configuration,
    }))
}

fn rate(vars: &mut Vars, name: &'static str) -> Option<Option<f64>> {
    const EXPECTED: &str = "a number a second from 0.1 to 10000";
    let rate: Option<f64> = vars.present(name, EXPECTED)?;
    if rate.is_some_and(|rate| !(0.1..=10_000.0).contains(&rate)) {
        vars.fault(name, EXPECTED);
        return None;
    }
    Some(rate)
}

struct Route(MessageType);

impl FromStr for Route {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "PROMOTIONAL" => Ok(Self(MessageType::Promotional)),
            "TRANSACTIONAL" => Ok(Self(MessageType::Transactional)),
            _ => Err(()),
        }
    }
}

/// As `SendTextMessage` takes it: `[0-9]{0,2}\.[0-9]{1,5}`.
struct Price(String);

impl FromStr for Price {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = |part: &str, most: usize| part.len() <= most && part.bytes().all(|b| b.is_ascii_digit());
        let (whole, rest) = text.split_once('.').ok_or(())?;
        let valid = digits(whole, 2) && digits(rest, 5) && !rest.is_empty();
        if valid { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 5] = [
        ("LEDGER_TABLE", "t"),
        ("WORK_BUCKET", "w"),
        ("SEND_QUEUE_URL", "s"),
        ("REPORT_QUEUE_URL", "r"),
        ("FAILED_QUEUE_URL", "f"),
    ];

    #[test]
    fn channels_are_configured_or_off() {
        let off = Vars::from_pairs(REQUIRED).load::<Config>().unwrap().settings;
        assert_eq!((off.email, off.sms), (None, None));
        let given =
            [("SENDER_EMAIL", "news@example.com"), ("SMS_ORIGINATION", "pool-1"), ("SMS_MAX_PRICE", ".05")];
        let on = Vars::from_pairs(REQUIRED.into_iter().chain(given)).load::<Config>().unwrap().settings;
        assert_eq!(on.email.unwrap().from, "news@example.com");
        let sms = on.sms.unwrap();
        assert_eq!((sms.max_price.as_deref(), sms.time_to_live_seconds), (Some(".05"), 86_400));
    }

    #[test]
    fn every_bad_variable_is_named() {
        let bad = [
            ("SMS_MESSAGE_TYPE", "promotional"),
            ("SMS_MAX_PRICE", "100.5"),
            ("SMS_PER_SECOND", "0"),
            ("SMS_TTL_SECONDS", "4"),
            ("EMAIL_PER_SECOND", "NaN"),
        ];
        let error = Vars::from_pairs(bad).load::<Config>().unwrap_err().to_string();
        for (name, _) in REQUIRED.into_iter().chain(bad) {
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
