//! What a reader will read of a message, each text once.
//!
//! A content is the text that the classifier gets: subject, text and visible HTML (see the `html` module),
//! one after another, with free-text variables filled in and typed ones by what stands for their kind
//! (`[name]`, `[number]`, `[date]`, the allowed hosts of a URL), in Unicode's form NFKC, without characters
//! that cannot be seen, in one line. Letters of other scripts that only look alike stay what they are, and so
//! does text in pictures.
//!
//! Rendering and hashing it takes long beside reading a row. So rows are compared by a fingerprint first: the
//! first 128 bits of the SHA-256 of the row's own templates and free-text values, each after its length. Rows
//! of one fingerprint have one content.

use std::fmt;

use eventide_types::campaign::settings::Variable;
use eventide_types::campaign::{Channel, ContentId};
use sha2::{Digest, Sha256};

use crate::attributes::MAX_ATTRIBUTES;
use crate::check::{screened, slots};
use crate::parted::Parted;
use crate::plan::{Slot, View};
use crate::template::Piece;
use crate::{html, text};

/// The most distinct contents that a campaign can have. They are counted as they are written: texts that
/// differ in white space alone are two.
pub const MAX_CONTENTS: usize = 250_000;

/// The longest text that is screened, in bytes: addresses of allowed hosts may make it longer than the
/// message.
const MAX_SCREENED: usize = 2 << 20;

/// A content that was not seen before in this file.
#[derive(Clone, PartialEq, Eq)]
pub struct NewContent {
    /// Its id.
    pub id: ContentId,
    /// The channel of the first message that has it.
    pub channel: Channel,
    /// What a reader will read, normalised, in one line.
    pub text: String,
    /// The text in parts that the classifier takes, at least one, each at most 9,500 bytes and one line.
    pub parts: Vec<String>,
    /// Its language, an ISO 639-3 code (`eng`), if that can be told reliably.
    pub language: Option<&'static str>,
}

impl fmt::Debug for NewContent {
    /// Without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewContent")
            .field("id", &self.id)
            .field("channel", &self.channel)
            .field("parts", &self.parts.len())
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// Why a message has no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unscreened {
    /// It cannot be sent.
    Row(String),
    /// There are too many contents.
    TooMany,
}

/// The contents that were seen.
pub(crate) struct Contents {
    /// By fingerprint.
    ids: Parted<ContentId>,
    /// Those that were told, unless none are.
    told: Option<Parted<()>>,
    most: usize,
    /// What the last row's fingerprint was made from, and its content: rows often come in runs of one
    /// content.
    last: Option<ContentId>,
    last_parts: Vec<u8>,
    parts: Vec<u8>,
    new: Option<NewContent>,
}

impl Contents {
    pub(crate) fn new(tell: bool) -> Self {
        Self {
            ids: Parted::default(),
            told: tell.then(Parted::default),
            most: MAX_CONTENTS,
            last: None,
            last_parts: Vec::new(),
            parts: Vec::new(),
            new: None,
        }
    }

    /// How many were told.
    pub(crate) fn told(&self) -> usize {
        self.told.as_ref().map_or(0, Parted::len)
    }

    /// The content of the last message, if it is new.
    pub(crate) const fn take_new(&mut self) -> Option<NewContent> {
        self.new.take()
    }

    /// Lowers the most that there may be.
    #[cfg(test)]
    pub(crate) const fn limit(&mut self, most: usize) {
        self.most = most;
    }

    /// The content of a message.
    pub(crate) fn id(&mut self, view: View<'_>, channel: Channel) -> Result<ContentId, Unscreened> {
        self.new = None;
        std::mem::swap(&mut self.parts, &mut self.last_parts);
        write_parts(view, channel, &mut self.parts);
        if let Some(id) = self.last.filter(|_| self.parts == self.last_parts) {
            return Ok(id);
        }
        self.last = None;
        let fingerprint = first_half(&self.parts);
        let known = self.ids.get(&fingerprint).copied();
        let id = match known {
            Some(id) => id,
            None if self.ids.len() >= self.most => return Err(Unscreened::TooMany),
            None => {
                let text = read(view, channel).map_err(Unscreened::Row)?;
                let id = ContentId(first_half(text.as_bytes()));
                self.ids.insert(fingerprint, id);
                if self.told.as_mut().is_some_and(|told| told.insert(id.0, ()).is_none()) {
                    let language = whatlang::detect(&text).filter(whatlang::Info::is_reliable);
                    self.new = Some(NewContent {
                        id,
                        channel,
                        parts: text::parts(&text),
                        language: language.map(|language| language.lang().code()),
                        text,
                    });
                }
                id
            }
        };
        self.last = Some(id);
        Ok(id)
    }
}

/// Everything that a content is made from. What the settings say is the same for all rows of a file.
fn write_parts(view: View<'_>, channel: Channel, parts: &mut Vec<u8>) {
    fn write(parts: &mut Vec<u8>, text: &str) {
        parts.extend_from_slice(&(text.len() as u64).to_be_bytes());
        parts.extend_from_slice(text.as_bytes());
    }
    parts.clear();
    parts.push(channel as u8);
    for slot in slots(channel) {
        let Some((template, own)) = view.template(*slot) else {
            parts.push(0);
            continue;
        };
        parts.push(if own { 2 } else { 1 });
        if own {
            write(parts, template.text);
        }
        for piece in template.pieces {
            if let Piece::Value(number) = piece
                && *view.plan.names.variable(*number) == Variable::Text
            {
                write(parts, view.value(*number));
            }
        }
    }
}

/// What a reader will read; else why the message cannot be sent.
fn read(view: View<'_>, channel: Channel) -> Result<String, String> {
    let mut all = String::new();
    for slot in slots(channel) {
        let Some((template, _)) = view.template(*slot) else { continue };
        let mut rendered = String::new();
        let fits = template.pieces.iter().all(|piece| {
            let mut emit = |part: &str| {
                rendered.push_str(part);
                rendered.len() <= MAX_SCREENED
            };
            match piece {
                Piece::Literal(span) => emit(span.of(template.text)),
                Piece::Unsubscribe => true,
                Piece::Value(number) => {
                    let shown = screened(view.plan.names.variable(*number), view.value(*number));
                    match slot {
                        Slot::Html => crate::template::escape_html(&shown, &mut emit),
                        Slot::Subject | Slot::Text => emit(&shown),
                    }
                }
            }
        });
        if !fits {
            let name = view.plan.cell_name(slot.cell());
            return Err(format!("`{name}`: expected fewer variables, or fewer hosts of them"));
        }
        match slot {
            Slot::Html => match html::visible(&rendered) {
                Some(visible) => all.push_str(&visible),
                None => {
                    let name = view.plan.cell_name(slot.cell());
                    return Err(format!("`{name}`: expected at most {MAX_ATTRIBUTES} attributes in a tag"));
                }
            },
            Slot::Subject | Slot::Text => all.push_str(&rendered),
        }
        all.push('\n');
    }
    let normalised = text::normalised(&all);
    if normalised.is_empty() { Err("expected a text that can be seen".to_owned()) } else { Ok(normalised) }
}

fn first_half(bytes: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(Sha256::digest(bytes)) {
        *to = from;
    }
    half
}
