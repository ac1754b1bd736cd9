//! Campaign files without I/O: their rows, what a reader will read of them, and when it may reach them.
//!
//! - [`reader`]: [`Messages`] takes a file's bytes as they come and gives its messages, in constant memory
//! - [`message`]: a checked [`Message`], which renders itself
//! - [`screen`]: what a reader will read of a message: the text that is classified, and its id
//! - [`parted`]: a map by contents
//! - [`hours`]: when a recipient may be reached
//! - [`ledger`]: the name of a message's entry in the ledger
//!
//! ```
//! use eventide_campaigns::{Item, Messages};
//! use eventide_types::campaign::{Settings, keys::Form};
//!
//! let mut messages = Messages::new(Form::Csv, false, Settings::default());
//! messages.feed("id,channel,to,text\n7,sms,+4915112345678,Hello\n8,sms,0151,Hello\n");
//! messages.finish();
//! let mut reasons = vec![];
//! while let Some(item) = messages.next_item()? {
//!     match item {
//!         Item::Message(message) => assert_eq!((message.line(), message.id()), (2, "7")),
//!         Item::Unparsed(unparsed) => reasons.push(unparsed.reason),
//!     }
//!     if let Some(content) = messages.take_new() {
//!         assert_eq!(content.parts, ["Hello"]);
//!     }
//! }
//! assert_eq!(reasons, ["`to`: expected a telephone number in E.164, such as `+15555550100`"]);
//! # Ok::<(), eventide_campaigns::FileError>(())
//! ```

pub mod hours;
pub mod ledger;
pub mod message;
pub mod parted;
pub mod reader;
pub mod screen;

mod address;
mod attributes;
mod check;
mod csv;
mod html;
mod json;
mod plan;
mod row;
mod rows;
mod source;
mod template;
mod text;
mod variable;

#[cfg(test)]
mod tests;

pub use eventide_types::campaign::message::Unparsed;
pub use ledger::{Entries, entry};
pub use message::Message;
pub use parted::Parted;
pub use reader::{FileError, Item, Messages};
pub use screen::{MAX_CONTENTS, NewContent};
