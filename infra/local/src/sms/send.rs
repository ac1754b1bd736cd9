//! `SendTextMessage`: a message from its call to its acceptance.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::Duration;

use super::event::{self, Sent, Status};
use super::identities::MESSAGE_TYPES;
use super::refusal::{Answer, Outcome, Refusal};
use super::settings::Settings;
use super::store::{DEFAULT_LIST, Region, name_of};
use super::{Context, Sms, State, country, identities, optouts, parts, pools};
use crate::messages::input::{Fault, Input, required};
use crate::messages::outbox::Subject;
use crate::messages::plan::EventPlan;
use crate::messages::rate::Bucket;
use crate::messages::{Channel, Message, ids};

/// Parts a second of a dry run, at most (service model, `DryRun`).
const DRY_RUN_PARTS: f64 = 5.0;

/// Destinations of the user guide's simulator in the United States: one is always reached, the other never.
const SIMULATED: [(&str, Status); 2] =
    [("+14254147755", Status::Successful), ("+14254147167", Status::Blocked)];

/// The checked request.
struct Request<'a> {
    destination: &'a str,
    origination: Option<&'a str>,
    body: &'a str,
    message_type: &'a str,
    set: Option<&'a str>,
    max_price: Option<f64>,
    context: BTreeMap<String, String>,
    dry_run: bool,
}

/// Where a message comes from.
struct Origin {
    /// The pool, number or sender id that its throughput is counted for.
    counted: String,
    /// The number or sender id that the recipient sees.
    shown: String,
    country: Option<String>,
    opt_out_list: String,
}

impl<'a> Request<'a> {
    fn read(input: Input<'a>) -> Outcome<Self> {
        let destination = optouts::phone_number(input, "DestinationPhoneNumber")?;
        if country::digits(destination).is_none() {
            return Err(Refusal::field("DestinationPhoneNumber", "must be a phone number in E.164 format"));
        }
        let identity = |c: char| c.is_ascii_alphanumeric() || "_:/+-".contains(c);
        let name = |c: char| c.is_ascii_alphanumeric() || "_:/-".contains(c);
        let body = required("MessageBody", input.sized("MessageBody", 1..=1_600)?)?;
        if body.trim().is_empty() {
            return Err(Refusal::field("MessageBody", "must not be blank"));
        }
        let max_price = match input.sized("MaxPrice", 2..=8)? {
            None => None,
            Some(price) if is_price(price) => price.parse().ok(),
            Some(_) => return Err(Refusal::field("MaxPrice", "must match [0-9]{0,2}\\.[0-9]{1,5}")),
        };
        input.integer("TimeToLive", 5..=259_200)?;
        input.sized("Keyword", 1..=30)?;
        input.boolean("MessageFeedbackEnabled")?;
        if let Some(id) = input.name("ProtectConfigurationId", 1..=256, name)? {
            return Err(Refusal::not_found("protect-configuration", id));
        }
        for (key, value) in input.pairs("DestinationCountryParameters")? {
            if !["IN_TEMPLATE_ID", "IN_ENTITY_ID"].contains(&key) || value.is_empty() || value.len() > 64 {
                return Err(Refusal::field("DestinationCountryParameters", "has a pair that is not allowed"));
            }
        }
        Ok(Self {
            destination,
            origination: input.name("OriginationIdentity", 1..=256, identity)?,
            body,
            message_type: input.word("MessageType", &MESSAGE_TYPES)?.unwrap_or("TRANSACTIONAL"),
            set: input.name("ConfigurationSetName", 1..=256, name)?,
            max_price,
            context: context(input)?,
            dry_run: input.boolean("DryRun")?.unwrap_or(false),
        })
    }
}

/// `[0-9]{0,2}\.[0-9]{1,5}`
fn is_price(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(whole, rest)| {
        whole.len() <= 2 && (1..=5).contains(&rest.len()) && digits(whole) && digits(rest)
    })
}

/// `Context`: five pairs at most, keys of 1 to 100 characters without space, values of 1 to 800 that neither
/// begin nor end with one.
fn context(input: Input<'_>) -> Outcome<BTreeMap<String, String>> {
    let pairs = input.pairs("Context")?;
    if pairs.len() > 5 {
        return Err(Fault::new("Context", "must have at most 5 pairs").into());
    }
    for (key, value) in &pairs {
        if !(1..=100).contains(&key.chars().count()) || key.chars().any(char::is_whitespace) {
            return Err(Fault::new("Context", "a key must have 1 to 100 characters and no space").into());
        }
        if !(1..=800).contains(&value.chars().count()) || value.trim() != *value {
            return Err(Fault::new(
                "Context",
                "a value must have 1 to 800 characters and no space around it",
            )
            .into());
        }
    }
    Ok(pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

struct Accepted {
    message: Message,
    subjects: Vec<Subject>,
    event: Option<EventPlan>,
}

impl Sms {
    /// Accepts a message or refuses it. A dry run that would be accepted gets an id, and nothing else
    /// happens.
    pub(super) fn send(&self, cx: &Context<'_>, input: Input<'_>) -> Answer {
        let request = Request::read(input)?;
        let mut state = self.state();
        let id = ids::uuid();
        let Some(accepted) = accept(&mut state, cx, request, &id)? else {
            return Ok(json!({ "MessageId": id }));
        };
        let emit = state.settings.emit;
        // Before the next call can be accepted, so that the list has them in order.
        self.messages.record(accepted.message);
        drop(state);
        if emit {
            self.outbox.post(cx.region, accepted.subjects, accepted.event);
        }
        Ok(json!({ "MessageId": id }))
    }
}

fn accept(state: &mut State, cx: &Context<'_>, request: Request<'_>, id: &str) -> Outcome<Option<Accepted>> {
    let State { settings, plans, regions } = state;
    let region = regions.entry(cx.region.to_owned()).or_insert_with(|| Region::new(cx.now));
    let digits = request.destination.trim_start_matches('+');
    let destination_country = country::of(digits);
    let origin = origin(region, request.origination, destination_country)?;
    let set = request.set.map(|set| {
        let name = name_of(set);
        region
            .sets
            .get(name)
            .map(|_| name.to_owned())
            .ok_or_else(|| Refusal::not_found("configuration-set", set))
    });
    let set = set.transpose()?;
    if settings.sandbox && !settings.verified_numbers.contains(request.destination) {
        return Err(Refusal::conflict(
            "DESTINATION_PHONE_NUMBER_NOT_VERIFIED",
            "The destination phone number is not verified.",
        ));
    }
    let opted_out = region.lists.get(&origin.opt_out_list);
    if opted_out.is_some_and(|list| list.numbers.contains_key(request.destination)) {
        return Err(Refusal::conflict(
            "DESTINATION_PHONE_NUMBER_OPTED_OUT",
            "The destination phone number is opted out.",
        ));
    }
    let sizing = parts::size(request.body);
    let price = settings.price(digits) * f64::from(sizing.parts);
    if request.max_price.is_some_and(|most| price > most) {
        return Err(Refusal::invalid(
            "PRICE_OVER_THRESHOLD",
            "The price of the message is over the maximum.",
        ));
    }
    check_spending(cx, settings, region, price)?;
    let fate = plans.fate(&[request.destination], &[request.body]);
    if let Some(error) = fate.error {
        return Err(Refusal::planned(error));
    }
    let (bucket, rate) = if request.dry_run {
        (format!("dry run {}", origin.counted), settings.parts_per_second.min(DRY_RUN_PARTS))
    } else {
        (origin.counted.clone(), settings.parts_per_second)
    };
    let bucket = region.rates.entry(bucket).or_insert_with(|| Bucket::full(rate, cx.now));
    if !bucket.take(f64::from(sizing.parts), rate, cx.now) {
        return Err(Refusal::throttled());
    }
    if request.dry_run {
        return Ok(None);
    }
    *region.spent(cx.now) += price;
    let sent = Sent {
        id: id.to_owned(),
        international: origin
            .country
            .as_deref()
            .zip(destination_country)
            .is_some_and(|(from, to)| from != to),
        origination: origin.shown,
        destination: request.destination.to_owned(),
        country: destination_country,
        requested: cx.now,
        sizing,
        message_type: request.message_type.to_owned(),
        price,
        context: request.context,
    };
    let basis = sent.basis(settings.destination_in_events, settings.context_in_events);
    let simulated =
        SIMULATED.iter().find(|(number, _)| *number == request.destination).map(|(_, status)| *status);
    let outcome = fate.outcome.or(simulated);
    let subjects = subjects(cx, settings, &basis, outcome);
    let last = outcome.or_else(|| settings.statuses.last().copied());
    let message = Message {
        seq: 0,
        id: sent.id,
        channel: Channel::Sms,
        to: vec![sent.destination],
        cc: Vec::new(),
        bcc: Vec::new(),
        from: sent.origination,
        subject: None,
        text: Some(request.body.to_owned()),
        html: None,
        headers: Vec::new(),
        tags: BTreeMap::new(),
        context: sent.context,
        configuration_set: set,
        more: BTreeMap::from([
            ("messageType", json!(sent.message_type)),
            ("outcome", json!(last)),
            ("parts", json!(sizing.parts)),
            ("price", json!(price)),
        ]),
        at: ids::milliseconds(cx.now),
        caller: cx.caller.to_owned(),
        region: cx.region.to_owned(),
        basis: Value::Object(basis),
    };
    Ok(Some(Accepted { message, subjects, event: fate.event }))
}

fn check_spending(cx: &Context<'_>, settings: &Settings, region: &mut Region, price: f64) -> Outcome<()> {
    let limit = region.spend_limit.unwrap_or(settings.monthly_spend_limit);
    #[expect(clippy::cast_precision_loss, reason = "a limit has 10 digits at most")]
    if *region.spent(cx.now) + price > limit as f64 {
        return Err(Refusal::quota(
            "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT",
            "The monthly spend limit for text messages is reached.",
        ));
    }
    Ok(())
}

/// The statuses that a message goes through: a plan's or the simulator's takes the place of the last.
fn subjects(
    cx: &Context<'_>,
    settings: &Settings,
    basis: &serde_json::Map<String, Value>,
    outcome: Option<Status>,
) -> Vec<Subject> {
    let mut statuses = settings.statuses.clone();
    match outcome {
        Some(Status::Silence) => return Vec::new(),
        Some(status) => {
            statuses.pop();
            statuses.push(status);
        }
        None => {}
    }
    let after = Duration::seconds_f64(settings.status_seconds);
    let mut at = cx.now;
    let told = statuses.into_iter().map(|status| {
        at += after;
        event::subject(basis, status, at, after)
    });
    told.collect()
}

/// The identity that a message goes out by.
fn origin(region: &Region, given: Option<&str>, destination: Option<&str>) -> Outcome<Origin> {
    let of_number = |number: &super::store::PhoneNumber, counted: &str, list: &str| Origin {
        counted: counted.to_owned(),
        shown: number.number.clone(),
        country: Some(number.country.clone()),
        opt_out_list: list.to_owned(),
    };
    let Some(given) = given else {
        // "If you don't specify an identity, one is chosen": the first that can send.
        let number = region.numbers.values().find(|number| can_send(number, destination));
        let number = number.ok_or_else(|| {
            Refusal::conflict(
                "NO_ORIGINATION_IDENTITIES_FOUND",
                "No origination identity can send to that country.",
            )
        })?;
        return Ok(of_number(number, &number.id, &number.opt_out_list));
    };
    let name = name_of(given);
    if name.starts_with("pool-") {
        let pool = pools::by_name(region, given)?;
        let mut numbers = pool.identities.iter().filter_map(|id| region.numbers.get(id));
        if let Some(number) = numbers.find(|number| can_send(number, destination)) {
            return Ok(of_number(number, &pool.id, &pool.opt_out_list));
        }
        let sender = pool.identities.iter().find(|id| sends_to(region, id, destination));
        let shown = sender.ok_or_else(|| {
            Refusal::conflict(
                "NO_ORIGINATION_IDENTITIES_FOUND",
                "No identity of the pool can send to that country.",
            )
        })?;
        let counted = pool.id.clone();
        return Ok(Origin {
            counted,
            shown: shown.clone(),
            country: None,
            opt_out_list: pool.opt_out_list.clone(),
        });
    }
    if name.starts_with("phone-") || name.starts_with('+') || given.contains("phone-number/") {
        let number = identities::number(region, given)?;
        if !can_send(number, destination) {
            return Err(Refusal::invalid(
                "INTERNATIONAL_SENDING_NOT_SUPPORTED",
                "The phone number does not send to other countries.",
            ));
        }
        return Ok(of_number(number, &number.id, &number.opt_out_list));
    }
    // A sender id's ARN ends with its country.
    let sender = given.split("sender-id/").last().and_then(|rest| rest.split('/').next()).unwrap_or(given);
    if !region.senders.keys().any(|(id, _)| id == sender) {
        return Err(Refusal::not_found("sender-id", given));
    }
    if !sends_to(region, sender, destination) {
        return Err(Refusal::invalid(
            "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY",
            "The sender id is not for the destination country.",
        ));
    }
    Ok(Origin {
        counted: sender.to_owned(),
        shown: sender.to_owned(),
        country: None,
        opt_out_list: DEFAULT_LIST.to_owned(),
    })
}

fn can_send(number: &super::store::PhoneNumber, destination: Option<&str>) -> bool {
    let text = number.capabilities.iter().any(|capability| capability == "SMS");
    text && (number.international || destination == Some(number.country.as_str()))
}

fn sends_to(region: &Region, sender: &str, destination: Option<&str>) -> bool {
    destination.is_some_and(|country| region.senders.contains_key(&(sender.to_owned(), country.to_owned())))
}
