//! The scripted agent: it takes chats out of the queue, greets, answers what it understood, and leaves. What
//! it does and when follows from the settings and the stand-ins' clock; it makes nothing up.

use std::sync::{Arc, Weak};
use std::time::Duration as StdDuration;

use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

use super::Inner;
use super::chat::Chat;
use super::item::{self, Participant};
use super::lifecycle::Ending;
use super::settings::{Lines, Settings};
use super::store::{Contact, State};

/// How often the clock is looked at while a chat goes on: nothing tells that it was moved.
const LOOK: StdDuration = StdDuration::from_millis(10);

/// Something that the agent does at a time.
#[derive(Debug)]
pub(super) struct Due {
    at: OffsetDateTime,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Take,
    Type,
    Say(String),
    Leave,
}

fn after(seconds: f64) -> Duration {
    Duration::seconds_f64(seconds)
}

/// Puts steps behind what there is to do, each so long after the one before it.
fn plan(chat: &mut Chat, now: OffsetDateTime, steps: impl IntoIterator<Item = (f64, Step)>) {
    let mut at = chat.todo.back().map_or(now, |last| last.at.max(now));
    for (seconds, step) in steps {
        at += after(seconds);
        chat.todo.push_back(Due { at, step });
    }
}

/// Lets the agent take a chat that waits.
pub(super) fn await_turn(chat: &mut Chat, settings: &Settings, now: OffsetDateTime) {
    plan(chat, now, [(settings.join_seconds, Step::Take)]);
}

/// The agent joins, greets, and answers what the customer has written so far.
pub(super) fn join(chat: &mut Chat, settings: &Settings, language: &str, now: OffsetDateTime) {
    chat.todo.clear();
    let agent = Participant::new("AGENT", &settings.agent_name);
    chat.agent = Some(agent.clone());
    chat.post(now, Some(agent), item::JOINED, None);
    let Some(lines) = settings.lines(language).filter(|_| settings.agent_answers) else { return };
    say(chat, settings, now, &lines.greeting, "");
    let written = chat.items.iter().filter_map(|item| item.content.clone());
    for message in written.collect::<Vec<_>>() {
        say(chat, settings, now, &lines.reply, &message);
    }
}

/// The agent answers a message of the customer's, or takes its leave.
pub(super) fn hear(chat: &mut Chat, settings: &Settings, language: &str, message: &str, now: OffsetDateTime) {
    if chat.agent.is_none() || !settings.agent_answers {
        return;
    }
    let Some(Lines { reply, farewell, .. }) = settings.lines(language) else { return };
    let word = message.trim().trim_end_matches(['.', '!']).to_lowercase();
    if settings.goodbyes.contains(&word) {
        say(chat, settings, now, farewell, message);
        plan(chat, now, [(0.0, Step::Leave)]);
    } else {
        say(chat, settings, now, reply, message);
    }
}

/// Plans to type and then to say a line.
fn say(chat: &mut Chat, settings: &Settings, now: OffsetDateTime, line: &str, message: &str) {
    // The customer's own text last, so that nothing in it is taken for a placeholder.
    let text = line
        .replace("{agent}", &settings.agent_name)
        .replace("{name}", &chat.customer.name)
        .replace("{message}", message.trim());
    let steps = [(settings.think_seconds, Step::Type), (settings.typing_seconds, Step::Say(text))];
    plan(chat, now, steps);
}

/// Does what is due, in every chat, until the stand-in is gone. While no chat goes on it waits to be stirred.
pub(super) async fn drive(inner: Weak<Inner>, stirred: Arc<Notify>) {
    loop {
        let Some(busy) = inner.upgrade().map(|inner| inner.turn()) else { return };
        if busy {
            let _ = tokio::time::timeout(LOOK, stirred.notified()).await;
        } else {
            stirred.notified().await;
        }
    }
}

impl Inner {
    /// Does what is due; whether a chat goes on.
    fn turn(&self) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        let State { settings, contacts, live, tokens, .. } = &mut *state;
        live.retain(|id| {
            let Some(contact) = contacts.get_mut(id) else { return false };
            self.expire(settings, contact, now);
            while let Some(step) = next(contact, now) {
                self.act(settings, contact, step, now);
            }
            contact.ended.is_none()
        });
        tokens.sockets.retain(|_, (_, until)| *until > now);
        !live.is_empty()
    }

    /// Ends a chat whose customer has not connected in time, or whose time is up.
    fn expire(&self, settings: &Settings, contact: &mut Contact, now: OffsetDateTime) {
        let Some(chat) = &contact.chat else { return };
        let age = now - contact.initiated;
        if age >= Duration::minutes(chat.minutes) {
            self.finish(settings, contact, Ending::Expiry, now);
        } else if !chat.connected && age >= after(settings.connect_seconds) {
            self.finish(settings, contact, Ending::NeverConnected, now);
        }
    }

    fn act(&self, settings: &Settings, contact: &mut Contact, step: Step, now: OffsetDateTime) {
        let chat_and_agent = |contact: &mut Contact, act: &dyn Fn(&mut Chat, Participant)| {
            if let Some(chat) = &mut contact.chat
                && let Some(agent) = chat.agent.clone()
            {
                act(chat, agent);
            }
        };
        match step {
            Step::Take => {
                self.take(settings, contact, now);
            }
            Step::Type => chat_and_agent(contact, &|chat, agent| {
                chat.pass(now, agent, item::TYPING);
            }),
            Step::Say(text) => chat_and_agent(contact, &|chat, agent| {
                chat.post(now, Some(agent), item::TEXT, Some(&text));
            }),
            Step::Leave => {
                self.finish(settings, contact, Ending::Agent, now);
            }
        }
    }
}

/// The next step, if it is due.
fn next(contact: &mut Contact, now: OffsetDateTime) -> Option<Step> {
    let chat = contact.chat.as_mut()?;
    if chat.todo.front().is_none_or(|due| due.at > now) {
        return None;
    }
    chat.todo.pop_front().map(|due| due.step)
}
