//! `SendEmail`: a message from its call to its acceptance.

use std::collections::BTreeMap;

use serde_json::json;

use super::content::Letter;
use super::fate::{Circumstances, Outcome as Planned, is_simulator};
use super::refusal::{Answer, Outcome, Refusal};
use super::settings::Settings;
use super::store::{ConfigurationSet, Contact, Region, Suppressed};
use super::{Context, Email, State, contacts, event, sets, unsubscribe};
use crate::messages::input::{Fault, Input, required, word_character};
use crate::messages::outbox::Subject;
use crate::messages::plan::EventPlan;
use crate::messages::rate::Bucket;
use crate::messages::{Channel, Message, ids};

/// Tags of a message (SES quotas).
const MOST_TAGS: usize = 50;

/// `ListManagementOptions`
#[derive(Clone, Copy, Debug)]
struct ListManagement<'a> {
    list: &'a str,
    topic: Option<&'a str>,
}

/// The checked request.
struct Request<'a> {
    letter: Letter,
    tags: Vec<(String, String)>,
    set: Option<&'a str>,
    management: Option<ListManagement<'a>>,
}

impl<'a> Request<'a> {
    fn read(input: Input<'a>) -> Outcome<Self> {
        let letter = Letter::read(input)?;
        let mut tags: Vec<(String, String)> = Vec::new();
        for tag in input.structures("EmailTags", 0..=MOST_TAGS)? {
            let name = required("EmailTags.Name", tag.name("Name", 1..=256, word_character)?)?;
            let value = required("EmailTags.Value", tag.name("Value", 1..=256, word_character)?)?;
            if tags.iter().any(|(known, _)| known == name) {
                return Err(Fault::new("EmailTags", "a name is given twice").into());
            }
            tags.push((name.to_owned(), value.to_owned()));
        }
        for member in [
            "EndpointId",
            "TenantName",
            "FromEmailAddressIdentityArn",
            "FeedbackForwardingEmailAddressIdentityArn",
        ] {
            if input.get(member).is_some() {
                return Err(Refusal::not_covered(&format!("SES's {member}")));
            }
        }
        let management = match input.structure("ListManagementOptions")? {
            None => None,
            Some(options) => Some(ListManagement {
                list: required("ContactListName", options.text("ContactListName")?)?,
                topic: options.text("TopicName")?.filter(|topic| !topic.is_empty()),
            }),
        };
        let set = input.text("ConfigurationSetName")?.filter(|set| !set.is_empty());
        Ok(Self { letter, tags, set, management })
    }
}

impl Email {
    /// Accepts a message or refuses it.
    pub(super) fn send(&self, cx: &Context<'_>, input: Input<'_>) -> Answer {
        let request = Request::read(input)?;
        let mut state = self.state();
        let accepted = self.accept(&mut state, cx, request)?;
        let id = accepted.message.id.clone();
        let emit = state.settings.emit;
        // Before the next call can be accepted, so that the list has them in order.
        self.messages.record(accepted.message);
        drop(state);
        if emit {
            self.outbox.post(cx.region, accepted.subjects, accepted.event);
        }
        Ok(json!({ "MessageId": id }))
    }

    fn accept(&self, state: &mut State, cx: &Context<'_>, request: Request<'_>) -> Outcome<Accepted> {
        let State { settings, plans, regions } = state;
        let region = regions.entry(cx.region.to_owned()).or_insert_with(Region::new);
        let Request { mut letter, tags, set, management } = request;
        if !region.sending_enabled {
            return Err(Refusal::paused("Email sending is disabled for your account."));
        }
        let from = letter.from.key();
        let identity = region
            .identity_of(&from)
            .map(|identity| (identity.name.clone(), identity.configuration_set.clone()));
        // An identity's default set is used where the call names none.
        let default = identity.as_ref().and_then(|(_, set)| set.clone());
        let set = set.map(str::to_owned).or(default);
        let options =
            set.as_ref().map(|set| region.sets.get(set).ok_or_else(|| sets::missing(set))).transpose()?;
        if options.is_some_and(|options| !options.sends()) {
            return Err(Refusal::paused("Email sending is disabled for the configuration set."));
        }
        let own_reasons = options.and_then(ConfigurationSet::suppressed_reasons);
        check_verified(cx, settings, region, &letter)?;
        let Some((identity, _)) = identity else { return Err(unverified(cx, &[from])) };
        if let Some(ListManagement { list, topic }) = management {
            let list = region.lists.get(list).ok_or_else(|| contacts::missing_list(list))?;
            topic.map(|topic| list.topic(topic).ok_or_else(|| contacts::missing_topic(topic))).transpose()?;
        }
        let fate = {
            let recipients: Vec<&str> = letter.recipients().map(|to| to.address.as_str()).collect();
            let contents: Vec<&str> = [&letter.subject, &letter.text, &letter.html]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            plans.fate(&recipients, &contents)
        };
        if let Some(error) = fate.error {
            return Err(Refusal::planned(error));
        }
        admit(cx, settings, region, &letter)?;

        let id = format!("0100{:012x}-{}-000000", ids::epoch_milliseconds(cx.now), ids::uuid());
        if let Some(ListManagement { list, topic }) = management {
            unsubscribe::add_links(&self.endpoint, cx.region, (list, topic), &id, &mut letter);
            enrol(cx, region, list, &letter);
        }
        let reasons = own_reasons.unwrap_or_else(|| region.suppressed_reasons.clone());
        let ends = Circumstances {
            region,
            reasons: &reasons,
            list: management.map(|management| (management.list, management.topic)),
            planned: fate.outcome,
        }
        .ends(letter.recipients());
        let rejected = letter.has_virus || fate.outcome == Some(Planned::Reject);
        let steps = if rejected {
            let recipients = letter.recipients().map(|to| to.address.clone()).collect();
            vec![event::Step { kind: event::Kind::Reject, after: time::Duration::ZERO, recipients }]
        } else {
            suppress(cx, region, &reasons, &ends, &id);
            event::steps(&ends, settings)
        };
        let outcome = match ends.as_slice() {
            _ if rejected => "reject",
            [(end, _)] => end.name(),
            _ => "mixed",
        };
        let mail = event::mail(cx, &letter, (&id, &identity), set.as_deref(), &tags);
        let subjects = set.as_ref().map_or_else(Vec::new, |set| {
            let arn = event::set_arn(cx.region, cx.account, set);
            event::subjects(region, set, &arn, &mail, steps, (cx.now, cx.now))
        });
        let basis = json!({ "mail": mail, "sent": ids::epoch_milliseconds(cx.now) });
        let message = message(cx, letter, id, (tags, set, outcome), basis);
        Ok(Accepted { message, subjects, event: fate.event })
    }
}

struct Accepted {
    message: Message,
    subjects: Vec<Subject>,
    event: Option<EventPlan>,
}

/// Whether sender, and in the sandbox the recipients, are verified.
fn check_verified(cx: &Context<'_>, settings: &Settings, region: &Region, letter: &Letter) -> Outcome<()> {
    let mut failed = Vec::new();
    if region.identity_of(&letter.from.key()).is_none() {
        failed.push(letter.from.key());
    }
    if settings.sandbox {
        let recipients = letter.recipients().map(super::address::Mailbox::key);
        failed.extend(recipients.filter(|to| !is_simulator(to) && region.identity_of(to).is_none()));
    }
    if failed.is_empty() { Ok(()) } else { Err(unverified(cx, &failed)) }
}

/// AWS's own text, which names the addresses: callers have to keep it out of their logs.
fn unverified(cx: &Context<'_>, addresses: &[String]) -> Refusal {
    Refusal::rejected(format!(
        "Email address is not verified. The following identities failed the check in region {}: {}",
        cx.region.to_uppercase(),
        addresses.join(", ")
    ))
}

/// The sending rate and the daily quota, in recipients; the simulator's do not count against the quota.
#[expect(clippy::cast_precision_loss, reason = "no such number of messages is sent in a day")]
fn admit(cx: &Context<'_>, settings: &Settings, region: &mut Region, letter: &Letter) -> Outcome<()> {
    let all = letter.recipients().count();
    let real = letter.recipients().filter(|to| !is_simulator(&to.key())).count();
    let (most, sent) = (settings.max24_hour_send, region.sent.last_24_hours(cx.now) as f64);
    if most >= 0.0 && real > 0 && sent >= most {
        return Err(Refusal::quota(&settings.daily_quota_error));
    }
    let rate = settings.max_send_rate;
    let bucket = region.rate.get_or_insert_with(|| Bucket::full(rate, cx.now));
    if !bucket.take(all as f64, rate, cx.now) {
        return Err(Refusal::too_fast());
    }
    region.sent.add(real as u64, cx.now);
    Ok(())
}

/// "If you include ListManagementOptions in your SendEmail request to a recipient email address that is not
/// on your contact list, then a contact will be created on your list automatically" (SES developer guide).
fn enrol(cx: &Context<'_>, region: &mut Region, list: &str, letter: &Letter) {
    if let Some(list) = region.lists.get_mut(list) {
        for recipient in letter.recipients() {
            list.contacts.entry(recipient.key()).or_insert_with(|| Contact::new(&recipient.address, cx.now));
        }
    }
}

/// Hard bounces and complaints put addresses on the account's list, as its settings or the set's say.
fn suppress(
    cx: &Context<'_>,
    region: &mut Region,
    reasons: &[String],
    ends: &[(super::fate::End, Vec<String>)],
    message_id: &str,
) {
    for (end, recipients) in ends {
        let Some(reason) = end.suppresses().filter(|reason| reasons.iter().any(|known| known == reason))
        else {
            continue;
        };
        for address in recipients.iter().filter(|address| !is_simulator(address)) {
            let entry = Suppressed {
                address: address.clone(),
                reason: reason.to_owned(),
                at: cx.now,
                message_id: Some(message_id.to_owned()),
                feedback_id: Some(ids::uuid()),
            };
            region.suppressed.insert(address.to_lowercase(), entry);
        }
    }
}

fn message(
    cx: &Context<'_>,
    letter: Letter,
    id: String,
    (tags, configuration_set, outcome): (Vec<(String, String)>, Option<String>, &'static str),
    basis: serde_json::Value,
) -> Message {
    let addresses =
        |mailboxes: Vec<super::address::Mailbox>| mailboxes.into_iter().map(|to| to.address).collect();
    Message {
        seq: 0,
        id,
        channel: Channel::Email,
        to: addresses(letter.to),
        cc: addresses(letter.cc),
        bcc: addresses(letter.bcc),
        from: letter.from.given,
        subject: letter.subject,
        text: letter.text,
        html: letter.html,
        headers: letter.headers,
        tags: tags.into_iter().collect(),
        context: BTreeMap::new(),
        configuration_set,
        more: BTreeMap::from([("outcome", json!(outcome)), ("replyTo", json!(letter.reply_to))]),
        at: ids::milliseconds(cx.now),
        caller: cx.call.caller.name().to_owned(),
        region: cx.region.to_owned(),
        basis,
    }
}
