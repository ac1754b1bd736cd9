//! Everything that customers read and hear, in each language.

use eventide_types::link::Language;

use crate::channel::Channel;
use crate::gsm::parts;

/// An email in its two forms. It has the link in it.
pub(crate) struct MailText {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A link is on its way.
    Sent(By, i64),
    /// A link may be on its way.
    Tried(By),
    /// The caller has not agreed to be sent anything.
    NoConsent,
    /// There is no number and no address.
    NoAddress,
    /// The number or address is of a channel that is not set up.
    NotConfigured,
    /// There were enough links.
    Limited,
    /// Nothing was accepted.
    Failed,
    /// The link was opened.
    Used,
    /// An agent has the call.
    Revoked,
}

/// By which channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Sms,
    Email,
    Both,
}

impl By {
    /// These channels, of which there is at least one.
    pub(crate) fn of(channels: &[Channel]) -> Self {
        match (channels.contains(&Channel::Sms), channels.contains(&Channel::Email)) {
            (true, true) => Self::Both,
            (false, true) => Self::Email,
            _ => Self::Sms,
        }
    }
}

/// The text message: one line, in the GSM 03.38 alphabet if the brand and the URL are. If the sentence costs another part,
/// it is cut to what is needed.
pub(crate) fn sms(language: Language, brand: &str, url: &str, minutes: i64) -> String {
    let (whole, short) = match language {
        Language::En => (
            format!("{brand}: continue by chat: {url} (valid {minutes} min)"),
            format!("{brand}: chat: {url} ({minutes} min)"),
        ),
        Language::Es => (
            format!("{brand}: siga por chat: {url} (vale {minutes} min)"),
            format!("{brand}: chat: {url} ({minutes} min)"),
        ),
        Language::De => (
            format!("{brand}: weiter im Chat: {url} (gilt {minutes} Min.)"),
            format!("{brand}: Chat: {url} ({minutes} Min.)"),
        ),
    };
    if parts(&whole) > parts(&short) { short } else { whole }
}

/// The email.
pub(crate) fn mail(language: Language, brand: &str, url: &str, minutes: i64) -> MailText {
    let valid = span(language, minutes);
    let (subject, lead, button, hint, why) = match language {
        Language::En => (
            format!("{brand}: continue by chat"),
            "You can leave the queue and go on by chat:",
            "Start the chat",
            format!("The link is valid for {valid} and works once, on a phone or a computer."),
            format!(
                "You asked for this link during your call to {brand}. If you did not, ignore this message."
            ),
        ),
        Language::Es => (
            format!("{brand}: siga por chat"),
            "Puede dejar la cola y seguir por chat:",
            "Iniciar el chat",
            format!(
                "El enlace es válido durante {valid} y funciona una sola vez, en un teléfono o un ordenador."
            ),
            format!("Pidió este enlace durante su llamada a {brand}. Si no fue usted, ignore este mensaje."),
        ),
        Language::De => (
            format!("{brand}: weiter im Chat"),
            "Sie können die Warteschlange verlassen und im Chat weitermachen:",
            "Chat starten",
            format!("Der Link gilt {valid} und funktioniert einmal, auf dem Telefon oder am Computer."),
            format!(
                "Sie haben diesen Link während Ihres Anrufs bei {brand} angefordert. Wenn nicht, beachten Sie diese \
                 Nachricht nicht."
            ),
        ),
    };
    let text = format!("{lead}\n\n{url}\n\n{hint}\n\n{why}\n");
    let (title, href, hint, why) = (escape(&subject), escape(url), escape(&hint), escape(&why));
    let code = language.code();
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\n\
         <p>{lead}</p>\n<p><a href=\"{href}\">{button}</a></p>\n<p>{hint}</p>\n<p>{why}</p>\n</body>\n</html>\n"
    );
    MailText { subject, text, html }
}

/// What is spoken to the caller.
pub(crate) fn spoken(language: Language, said: Said) -> String {
    match language {
        Language::En => in_english(said),
        Language::Es => in_spanish(said),
        Language::De => in_german(said),
    }
}

fn in_english(said: Said) -> String {
    let by = |by| match by {
        By::Sms => "by text message",
        By::Email => "by email",
        By::Both => "by text message and by email",
    };
    let fixed = match said {
        Said::Sent(channels, minutes) => {
            let (by, valid) = (by(channels), span(Language::En, minutes));
            return format!("We have sent you a link to our chat {by}. It is valid for {valid}.");
        }
        Said::Tried(channels) => {
            let by = by(channels);
            return format!(
                "We have tried to send you a link to our chat {by}. If it does not arrive, please stay on the line."
            );
        }
        Said::NoConsent => {
            "We have sent you no link, because you have not agreed to it. Please stay on the line."
        }
        Said::NoAddress => "We have no number or address to send you a link to. Please stay on the line.",
        Said::NotConfigured => "We cannot send you a link at the moment. Please stay on the line.",
        Said::Limited => {
            "We have already sent you several links. Please use the latest of them, or stay on the line."
        }
        Said::Failed => "Unfortunately we could not send you a link. Please stay on the line.",
        Said::Used => {
            "The link that we sent you is already in use. Please go on in the chat, or stay on the line."
        }
        Said::Revoked => {
            "Your call is being answered, so you no longer need a link. Please stay on the line."
        }
    };
    fixed.to_owned()
}

fn in_spanish(said: Said) -> String {
    let by = |by| match by {
        By::Sms => "por mensaje de texto",
        By::Email => "por correo electrónico",
        By::Both => "por mensaje de texto y por correo electrónico",
    };
    let fixed = match said {
        Said::Sent(channels, minutes) => {
            let (by, valid) = (by(channels), span(Language::Es, minutes));
            return format!("Le hemos enviado un enlace a nuestro chat {by}. Es válido durante {valid}.");
        }
        Said::Tried(channels) => {
            let by = by(channels);
            return format!(
                "Hemos intentado enviarle un enlace a nuestro chat {by}. Si no le llega, permanezca en línea, por favor."
            );
        }
        Said::NoConsent => {
            "No le hemos enviado ningún enlace, porque no lo ha autorizado. Permanezca en línea, por favor."
        }
        Said::NoAddress => {
            "No tenemos ningún número ni dirección a la que enviarle un enlace. Permanezca en línea, por favor."
        }
        Said::NotConfigured => "Ahora mismo no podemos enviarle un enlace. Permanezca en línea, por favor.",
        Said::Limited => {
            "Ya le hemos enviado varios enlaces. Use el último, o permanezca en línea, por favor."
        }
        Said::Failed => "Lamentablemente no hemos podido enviarle un enlace. Permanezca en línea, por favor.",
        Said::Used => {
            "El enlace que le enviamos ya está en uso. Siga en el chat, o permanezca en línea, por favor."
        }
        Said::Revoked => {
            "Su llamada está siendo atendida y ya no necesita un enlace. Permanezca en línea, por favor."
        }
    };
    fixed.to_owned()
}

fn in_german(said: Said) -> String {
    let by = |by| match by {
        By::Sms => "per SMS",
        By::Email => "per E-Mail",
        By::Both => "per SMS und per E-Mail",
    };
    let fixed = match said {
        Said::Sent(channels, minutes) => {
            let (by, valid) = (by(channels), span(Language::De, minutes));
            return format!("Wir haben Ihnen {by} einen Link zu unserem Chat geschickt. Er gilt {valid}.");
        }
        Said::Tried(channels) => {
            let by = by(channels);
            return format!(
                "Wir haben versucht, Ihnen {by} einen Link zu unserem Chat zu schicken. Wenn er nicht ankommt, bleiben Sie \
                 bitte in der Leitung."
            );
        }
        Said::NoConsent => {
            "Wir haben Ihnen keinen Link geschickt, weil Sie nicht zugestimmt haben. Bitte bleiben Sie in der Leitung."
        }
        Said::NoAddress => {
            "Wir haben keine Nummer oder Adresse, an die wir einen Link schicken können. Bitte bleiben Sie in der Leitung."
        }
        Said::NotConfigured => {
            "Wir können Ihnen im Moment keinen Link schicken. Bitte bleiben Sie in der Leitung."
        }
        Said::Limited => {
            "Wir haben Ihnen schon mehrere Links geschickt. Bitte nutzen Sie den letzten, oder bleiben Sie in der Leitung."
        }
        Said::Failed => "Leider konnten wir Ihnen keinen Link schicken. Bitte bleiben Sie in der Leitung.",
        Said::Used => {
            "Der Link, den wir Ihnen geschickt haben, wird schon genutzt. Bitte machen Sie im Chat weiter, oder bleiben Sie \
             in der Leitung."
        }
        Said::Revoked => {
            "Ihr Anruf wird gerade angenommen, Sie brauchen keinen Link mehr. Bitte bleiben Sie in der Leitung."
        }
    };
    fixed.to_owned()
}

fn span(language: Language, minutes: i64) -> String {
    let unit = match (language, minutes == 1) {
        (Language::En, true) => "minute",
        (Language::En, false) => "minutes",
        (Language::Es, true) => "minuto",
        (Language::Es, false) => "minutos",
        (Language::De, true) => "Minute",
        (Language::De, false) => "Minuten",
    };
    format!("{minutes} {unit}")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsm::septets;

    const ALL_SAID: [Said; 9] = [
        Said::Sent(By::Both, 15),
        Said::Tried(By::Sms),
        Said::NoConsent,
        Said::NoAddress,
        Said::NotConfigured,
        Said::Limited,
        Said::Failed,
        Said::Used,
        Said::Revoked,
    ];

    /// As an ECDSA key signs: 240 characters, some of which take two septets.
    fn url() -> String {
        let signature = format!("{}~~{}", "aB3-".repeat(12), "zY_0".repeat(11));
        let url = format!(
            "https://d111111abcdef8.cloudfront.net/c?t=PVnGzkOTx2GRXtYG-baxPg&Expires=1795424400&Signature={signature}\
             &Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256"
        );
        format!("{url}{}", "x".repeat(240 - url.len()))
    }

    #[test]
    fn an_sms_takes_two_parts_of_seven_bit_characters() {
        let url = url();
        assert_eq!((url.len(), septets(&url)), (240, Some(242)));
        let longest = "B".repeat(40);
        for language in Language::ALL {
            for brand in ["Eventide", "Grüße & Ñandu S.A.", longest.as_str()] {
                for minutes in [1, 15, 1_440] {
                    let text = sms(language, brand, &url, minutes);
                    assert_eq!(parts(&text), Some(2), "{language:?} {brand}: {text}");
                    assert!(text.starts_with(brand) && text.contains(&format!(" {url} ")), "{text}");
                    assert!(text.contains(&minutes.to_string()));
                }
            }
        }
    }

    #[test]
    fn the_sentence_is_cut_only_where_it_costs_another_part() {
        let url = url();
        let texts = Language::ALL.map(|language| sms(language, "Eventide", &url, 15).replace(&url, "URL"));
        assert_eq!(
            texts,
            [
                "Eventide: continue by chat: URL (valid 15 min)",
                "Eventide: siga por chat: URL (vale 15 min)",
                "Eventide: weiter im Chat: URL (gilt 15 Min.)",
            ]
        );
        let longest = "B".repeat(40);
        assert!(sms(Language::En, &longest, &url, 15).starts_with(&format!("{longest}: chat: ")));
        // It takes five anyway.
        let long = "x".repeat(650);
        assert_eq!(parts(&sms(Language::En, "Eventide", &long, 15)), Some(5));
        assert!(sms(Language::En, "Eventide", &long, 15).contains("continue by chat"));
    }

    #[test]
    fn an_email_has_the_link_in_both_forms_and_nothing_unescaped() {
        let url = url();
        for language in Language::ALL {
            let MailText { subject, text, html } = mail(language, "Ben & Jo's <b>", &url, 1);
            assert!(subject.starts_with("Ben & Jo's <b>: "), "{subject}");
            assert!(text.contains(&format!("\n{url}\n")) && text.contains("Ben & Jo's <b>"), "{text}");
            assert!(html.contains(&format!("<a href=\"{}\">", url.replace('&', "&amp;"))), "{html}");
            assert!(html.contains("Ben &amp; Jo&#39;s &lt;b&gt;") && !html.contains("<b>"), "{html}");
            assert!(html.contains(&format!("<html lang=\"{}\">", language.code())));
            assert!(text.contains(&span(language, 1)) && !text.contains("1 minutes"));
        }
    }

    #[test]
    fn every_status_has_a_sentence_in_every_language() {
        let mut all = std::collections::BTreeSet::new();
        for language in Language::ALL {
            for said in ALL_SAID {
                let sentence = spoken(language, said);
                assert!(sentence.ends_with('.') && !sentence.contains("  "), "{sentence}");
                assert!(sentence.len() < 300, "{sentence}");
                assert!(all.insert(sentence));
            }
            let ways = [By::Sms, By::Email, By::Both].map(|by| spoken(language, Said::Sent(by, 15)));
            assert!(ways[0] != ways[1] && ways[1] != ways[2] && ways[0] != ways[2]);
        }
        assert_eq!(
            spoken(Language::En, Said::Sent(By::of(&[Channel::Email, Channel::Sms]), 1)),
            "We have sent you a link to our chat by text message and by email. It is valid for 1 minute."
        );
    }
}
