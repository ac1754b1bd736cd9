//! A checked message.

use std::fmt;

use eventide_types::campaign::{Channel, ContentId};

use crate::check::{Checked, slots};
use crate::plan::{Slot, View};
use crate::row::Cell;

/// A message whose row is valid. It borrows from the [`Messages`](crate::Messages) that gave it.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub(crate) view: View<'a>,
    pub(crate) line: u64,
    pub(crate) checked: Checked,
    pub(crate) content: ContentId,
}

impl<'a> Message<'a> {
    /// The line that its row begins on, from 1.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// The id that its row gives it, 1 to 256 characters. The ids of a file are not compared with each other:
    /// two rows of one id have one entry in the ledger.
    pub fn id(&self) -> &'a str {
        self.view.row.cell(Cell::Id).unwrap_or_default()
    }

    /// How it travels: the row's word, else the settings'.
    pub const fn channel(&self) -> Channel {
        self.checked.channel
    }

    /// Where to: an email address, or a telephone number in E.164.
    pub fn to(&self) -> &'a str {
        self.view.row.cell(Cell::To).unwrap_or_default()
    }

    /// Its time zone, the row's or else the settings', spelled as in the IANA database.
    pub fn zone(&self) -> Option<&'a str> {
        self.view.plan.zones.name(self.checked.zone?)
    }

    /// Its content.
    pub const fn content(&self) -> ContentId {
        self.content
    }

    /// Appends the message, rendered, as one JSON object of
    /// [`Outgoing`](eventide_types::campaign::outgoing::Outgoing), without a line end. An SMS has a text only; of an
    /// email, what it has. Allocates nothing but `out`.
    pub fn write_outgoing(&self, entry: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"entry\":\"");
        write_escaped(entry, out);
        out.extend_from_slice(b"\",");
        self.write_place(out);
        out.extend_from_slice(b",\"to\":\"");
        write_escaped(self.to(), out);
        out.extend_from_slice(b"\",\"content\":\"");
        self.write_content(out);
        for slot in slots(self.channel()) {
            if self.view.template(*slot).is_none() {
                continue;
            }
            out.extend_from_slice(match slot {
                Slot::Subject => b"\",\"subject\":\"",
                Slot::Text => b"\",\"text\":\"".as_slice(),
                Slot::Html => b"\",\"html\":\"",
            });
            self.render(*slot, |part| write_escaped(part, out));
        }
        out.extend_from_slice(b"\"}");
    }

    /// Appends what a line about the message begins with: `{`, then the members `id`, `line`, `channel` and `content`. More
    /// members may follow, and `}`.
    pub fn write_begin(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        self.write_place(out);
        out.extend_from_slice(b",\"content\":\"");
        self.write_content(out);
        out.push(b'"');
    }

    fn write_place(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"id\":\"");
        write_escaped(self.id(), out);
        out.extend_from_slice(b"\",\"line\":");
        write_number(self.line, out);
        out.extend_from_slice(match self.channel() {
            Channel::Email => b",\"channel\":\"email\"".as_slice(),
            Channel::Sms => b",\"channel\":\"sms\"",
        });
    }

    fn write_content(&self, out: &mut Vec<u8>) {
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.content.0) {
            pair.copy_from_slice(&hex_digits(byte));
        }
        out.extend_from_slice(&digits);
    }

    /// Gives the parts of a text; false if the message has no such.
    pub(crate) fn render(&self, slot: Slot, mut emit: impl FnMut(&str)) -> bool {
        if !slots(self.channel()).contains(&slot) {
            return false;
        }
        let Some((template, _)) = self.view.template(slot) else { return false };
        template.render(
            |number| self.view.value(number),
            slot == Slot::Html,
            |part| {
                emit(part);
                true
            },
        )
    }
}

impl fmt::Debug for Message<'_> {
    /// Without recipient, id and text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("line", &self.line)
            .field("channel", &self.checked.channel)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut rest, mut length) = (number, 0);
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - length..).unwrap_or_default());
}

/// Appends a text as it is written inside of a JSON string.
fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, after) = rest.split_at_checked(plain(rest)).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((byte, after)) = after.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&hex_digits(*byte));
            }
        }
        rest = after;
    }
}

/// How many bytes at the beginning are written as they are. Nearly all are: they are looked at many at a time.
fn plain(text: &[u8]) -> usize {
    const AT_A_TIME: usize = 32;
    let is_special = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    let has_special =
        |chunk: &&[u8; AT_A_TIME]| chunk.iter().fold(false, |found, byte| found | is_special(byte));
    let (chunks, _) = text.as_chunks();
    let passed = AT_A_TIME * chunks.iter().take_while(|chunk| !has_special(chunk)).count();
    let rest = text.get(passed..).unwrap_or_default();
    passed + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// A byte in hex.
pub(crate) const fn hex_digits(byte: u8) -> [u8; 2] {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
    }
    [digit(byte >> 4), digit(byte & 15)]
}
