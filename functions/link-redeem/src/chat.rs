//! The chat that a link becomes. No I/O: of a link and the settings, always the same.

use eventide_clients::connect::NewChat;
use eventide_links::contact::attributes;
use eventide_links::token::client_token;
use eventide_types::Link;
use eventide_types::link::Language;

use crate::config::Settings;

/// The longest name that Amazon Connect takes, in characters.
const MAX_NAME: usize = 256;
/// What the client token is for: a link's callback has another.
const PURPOSE: &str = "chat";

/// The chat of a link.
pub(crate) fn chat_of(link: &Link, settings: &Settings) -> NewChat {
    let context = &link.context;
    let name = context.display_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    NewChat {
        flow_id: settings.flow_id.clone(),
        display_name: name.unwrap_or(&settings.default_name).chars().take(MAX_NAME).collect(),
        attributes: attributes(link),
        related_contact_id: Some(link.contact_id.clone()),
        client_token: client_token(&link.hash, PURPOSE),
        duration_minutes: settings.chat_minutes,
        initial_message: settings.initial_message.then(|| first_message(context.language).to_owned()),
    }
}

/// What the customer begins with.
const fn first_message(language: Language) -> &'static str {
    match language {
        Language::En => "I was waiting on the phone and would like to continue by chat.",
        Language::Es => "Estaba esperando al teléfono y me gustaría continuar por chat.",
        Language::De => "Ich habe am Telefon gewartet und möchte gern per Chat weitermachen.",
    }
}
