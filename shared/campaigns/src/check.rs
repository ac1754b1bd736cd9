//! Whether a row can be sent.

use eventide_types::campaign::Channel;
use eventide_types::campaign::settings::Variable;

use crate::plan::{Plan, Slot, View};
use crate::row::{Cell, Row};
use crate::template::{self, Piece};
use crate::{address, variable};

/// The longest SMS, in characters (`MessageBody` of `SendTextMessage`).
const MAX_SMS: usize = 1_600;
/// The longest email, subject and both bodies together, in bytes.
const MAX_EMAIL: usize = 1 << 20;
/// The longest subject, in bytes: one line of a message (RFC 5322).
const MAX_SUBJECT: usize = 998;
const MAX_ID: usize = 256;

/// What was found while checking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) channel: Channel,
    /// The number of the row's time zone, or the settings'.
    pub(crate) zone: Option<usize>,
}

/// Checks a row and takes its templates apart. The reason has no content of the row but the names of
/// variables.
pub(crate) fn check(row: &mut Row, plan: &mut Plan) -> Result<Checked, String> {
    let id = row.cell(Cell::Id).unwrap_or_default();
    let is_id = !id.is_empty() && !id.chars().any(char::is_control);
    if !is_id || (id.len() > MAX_ID && id.chars().count() > MAX_ID) {
        return Err("`id`: expected 1 to 256 characters, none of them a control character".to_owned());
    }
    let channel = match row.cell(Cell::Channel) {
        Some("email") => Channel::Email,
        Some("sms") => Channel::Sms,
        Some(_) => return Err("`channel`: expected `email` or `sms`".to_owned()),
        None => {
            plan.settings.channel.ok_or("`channel`: expected `email` or `sms`, by the row or the settings")?
        }
    };
    let to = row.cell(Cell::To).unwrap_or_default();
    let address = match channel {
        Channel::Email => address::email(to),
        Channel::Sms => address::phone(to),
    };
    address.map_err(|reason| format!("`to`: {reason}"))?;
    let zone = match row.cell(Cell::TimeZone) {
        Some(name) => {
            let number = plan.zones.number(name);
            Some(number.ok_or_else(|| {
                let column = plan.cell_name(Cell::TimeZone);
                format!("`{column}`: expected the name of a time zone in the IANA database")
            })?)
        }
        None => plan.zone,
    };
    if channel == Channel::Sms {
        for (cell, name) in [(Cell::Subject, "subject"), (Cell::Html, "html")] {
            if row.cell(cell).is_some() {
                return Err(format!("`{name}`: expected none for an SMS"));
            }
        }
    }
    read_templates(row, plan)?;
    check_presence(View { row, plan }, channel)?;
    for slot in slots(channel) {
        check_values(row, plan, *slot, channel)?;
    }
    check_controls(View { row, plan }, channel)?;
    check_size(View { row, plan }, channel)?;
    Ok(Checked { channel, zone })
}

/// What a message of a channel consists of.
pub(crate) const fn slots(channel: Channel) -> &'static [Slot] {
    match channel {
        Channel::Email => &Slot::ALL,
        Channel::Sms => &[Slot::Text],
    }
}

fn read_templates(row: &mut Row, plan: &mut Plan) -> Result<(), String> {
    for slot in Slot::ALL {
        let Some(pieces) = row.pieces.get_mut(slot as usize) else { continue };
        let mut pieces = std::mem::take(pieces);
        let read = row.cell(slot.cell()).map_or(Ok(()), |text| {
            template::parse(text, &mut plan.names, slot != Slot::Subject, &mut pieces)
        });
        if let Some(place) = row.pieces.get_mut(slot as usize) {
            *place = pieces;
        }
        read.map_err(|reason| format!("`{}`: {reason}", plan.cell_name(slot.cell())))?;
    }
    Ok(())
}

fn check_presence(view: View<'_>, channel: Channel) -> Result<(), String> {
    let has = |slot| view.template(slot).is_some_and(|(template, _)| !template.text.trim().is_empty());
    match channel {
        Channel::Sms if !has(Slot::Text) => {
            Err("`text`: expected one, by the row or the settings".to_owned())
        }
        Channel::Email if !has(Slot::Subject) => {
            Err("`subject`: expected one for an email, by the row or the settings".to_owned())
        }
        Channel::Email if !has(Slot::Text) && !has(Slot::Html) => {
            Err("`text` or `html`: expected one of them for an email, by the row or the settings".to_owned())
        }
        _ => Ok(()),
    }
}

/// That the row has each variable of a template, and that typed ones are what they say.
fn check_values(row: &mut Row, plan: &Plan, slot: Slot, channel: Channel) -> Result<(), String> {
    let name = plan.cell_name(slot.cell());
    let mut at = 0;
    while let Some(piece) =
        (View { row, plan }).template(slot).and_then(|(template, _)| template.pieces.get(at).copied())
    {
        at += 1;
        let number = match piece {
            Piece::Literal(_) => continue,
            Piece::Unsubscribe if channel == Channel::Email => continue,
            Piece::Unsubscribe => {
                return Err(format!("`{name}`: expected no `{{{{{}}}}}` in an SMS", template::UNSUBSCRIBE));
            }
            Piece::Value(number) => number,
        };
        let Some(value) = row.values.get(number).copied().flatten() else {
            let missing = plan.variable_name(number);
            return Err(format!("`{name}`: expected `{missing}`, which it names, to be given"));
        };
        if value.checked {
            continue;
        }
        let found = variable::check(plan.names.variable(number), value.span.of(&row.text));
        found.map_err(|reason| format!("`{}`: {reason}", plan.variable_name(number)))?;
        if let Some(Some(value)) = row.values.get_mut(number) {
            value.checked = true;
        }
    }
    Ok(())
}

/// That no part of the message has a control character that it cannot have.
fn check_controls(view: View<'_>, channel: Channel) -> Result<(), String> {
    // Nearly no row has any, line ends in its texts included; C1 controls begin with 0xC2 in UTF-8.
    if !view
        .row
        .text
        .bytes()
        .fold(false, |found, byte| found | (byte < b' ') | (byte == 0x7F) | (byte == 0xC2))
    {
        return Ok(());
    }
    for slot in slots(channel) {
        let Some((template, own)) = view.template(*slot) else { continue };
        let forbids = |text: &str| text.chars().any(|character| slot.forbids(character));
        let in_value = template.pieces.iter().any(|piece| match piece {
            Piece::Value(number) => forbids(view.value(*number)),
            Piece::Literal(_) | Piece::Unsubscribe => false,
        });
        if in_value || (own && forbids(template.text)) {
            let name = view.plan.cell_name(slot.cell());
            let line_ends = if *slot == Slot::Subject { " and no line ends" } else { "" };
            return Err(format!(
                "`{name}`: expected no control characters{line_ends}, in its variables either"
            ));
        }
    }
    Ok(())
}

/// That the rendered message is not too long. Nothing is rendered for it.
fn check_size(view: View<'_>, channel: Channel) -> Result<(), String> {
    let mut total = 0;
    for slot in slots(channel) {
        let Some((template, _)) = view.template(*slot) else { continue };
        let mut bytes = 0;
        let value = |number| view.value(number);
        template.render(value, *slot == Slot::Html, |part| {
            bytes += part.len();
            total + bytes <= MAX_EMAIL
        });
        total += bytes;
        if *slot == Slot::Subject && bytes > MAX_SUBJECT {
            return Err(format!("`subject`: expected at most {MAX_SUBJECT} bytes, variables included"));
        }
    }
    if channel == Channel::Sms && total > MAX_SMS {
        let mut characters = 0;
        if let Some((template, _)) = view.template(Slot::Text) {
            template.render(
                |number| view.value(number),
                false,
                |part| {
                    characters += part.chars().count();
                    characters <= MAX_SMS
                },
            );
        }
        if characters > MAX_SMS {
            return Err(format!(
                "`text`: expected at most {MAX_SMS} characters in an SMS, variables included"
            ));
        }
    }
    if total > MAX_EMAIL {
        return Err(
            "`subject`, `text` and `html`: expected at most 1 MiB together, variables included".to_owned()
        );
    }
    Ok(())
}

/// What stands for a variable where it is screened: the value of free text, something neutral of the right
/// kind for others.
pub(crate) fn screened<'a>(variable: &'a Variable, value: &'a str) -> std::borrow::Cow<'a, str> {
    match variable {
        Variable::Text => value.into(),
        Variable::Name => "[name]".into(),
        Variable::Number => "[number]".into(),
        Variable::Date => "[date]".into(),
        Variable::Url { hosts } => {
            hosts.iter().map(|host| format!("https://{host}/")).collect::<Vec<_>>().join(" ").into()
        }
    }
}
