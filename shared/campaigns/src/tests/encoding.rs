use std::io::Write;

use bytes::Bytes;
use eventide_types::campaign::keys::Form;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{csv, drain, read_chunks};
use eventide_types::campaign::Settings;

use crate::Messages;

const FILE: &str = "id,channel,to,text\n1,sms,+4915112345678,Zoë 🎉\n2,sms,+4915112345678,x\n";

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    ['\u{FEFF}'].into_iter().chain(text.chars()).collect::<String>().encode_utf16().flat_map(bytes).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zipped(file: Vec<u8>) -> super::Read {
    read_chunks(Messages::new(Form::Csv, true, Settings::default()), [file.into()])
}

#[test]
fn byte_order_marks_tell_the_encoding() {
    let expected = csv(FILE);
    assert_eq!((expected.messages().len(), expected.messages()[0].text.as_deref()), (2, Some("Zoë 🎉")));
    assert_eq!(csv(format!("\u{FEFF}{FILE}")), expected);
    assert_eq!(csv(utf16(FILE, u16::to_le_bytes)), expected);
    assert_eq!(csv(utf16(FILE, u16::to_be_bytes)), expected);
}

#[test]
fn what_is_no_character_spoils_its_row_only() {
    let reason = "expected characters that are valid in the file's encoding";
    let mut bytes = FILE.as_bytes().to_vec();
    let at = FILE.find('ë').unwrap();
    bytes[at] = 0xE4;
    let read = csv(bytes);
    assert_eq!((read.reasons(), read.messages().len()), (vec![(2, reason)], 1));
    // Halves of surrogate pairs, alone and in the wrong order.
    for units in [vec![0xD83C], vec![0xDF89], vec![0xDF89, 0xD83C], vec![0xD83C, 0xD83C, 0xDF89]] {
        let (before, after) = FILE.split_once('ë').unwrap();
        let mut bytes = utf16(before, u16::to_le_bytes);
        bytes.extend(units.into_iter().flat_map(u16::to_le_bytes));
        bytes.extend(&utf16(after, u16::to_le_bytes)[2..]);
        let read = csv(bytes);
        assert_eq!((read.reasons(), read.messages().len()), (vec![(2, reason)], 1));
    }
    let mut odd = utf16(FILE.trim_end(), u16::to_le_bytes);
    odd.push(0);
    let read = csv(odd);
    assert_eq!((read.reasons(), read.messages().len()), (vec![(3, reason)], 1));
}

#[test]
fn gzip_members_are_read_one_after_another() {
    let expected = csv(FILE);
    assert_eq!(zipped(gzip(FILE.as_bytes())), expected);
    let (first, second) = FILE.as_bytes().split_at(30);
    assert_eq!(zipped([gzip(first), gzip(b""), gzip(second)].concat()), expected);
    assert_eq!(zipped(gzip(&utf16(FILE, u16::to_be_bytes))), expected);
}

#[test]
fn bad_gzip_makes_the_file_unusable() {
    let good = gzip(FILE.repeat(100).as_bytes());
    for (bytes, reason) in [
        (b"id,to\n1,a@example.com\n".to_vec(), "the gzip data is corrupt"),
        (vec![], "the gzip data ends too early"),
        (good[..good.len() - 3].to_vec(), "the gzip data ends too early"),
        (good[..good.len() / 2].to_vec(), "the gzip data ends too early"),
        ([&good[..good.len() - 8], &[0; 8]].concat(), "the gzip data is corrupt"),
        ([good.as_slice(), b"trailing garbage"].concat(), "the gzip data is corrupt"),
    ] {
        assert_eq!(zipped(bytes).failure().1, reason);
    }
}

#[test]
fn a_gzip_bomb_takes_little_memory() {
    // 64 MiB in some hundred KiB, fed at once: a line that never ends, then rows.
    let mut file = b"id,channel,to,text\n".to_vec();
    file.resize(64 << 20, b'a');
    file.extend_from_slice(b"\n1,sms,+4915112345678,x\n");
    let zipped = gzip(&file);
    drop(file);
    assert!(zipped.len() < 1 << 20, "{}", zipped.len());
    let mut messages = Messages::new(Form::Csv, true, Settings::default());
    messages.feed(Bytes::from(zipped));
    messages.finish();
    let mut read = super::Read { items: vec![], new: vec![], failed: None, rows: 0 };
    assert!(drain(&mut messages, &mut read));
    assert_eq!(read.reasons(), [(2, "expected at most 1 MiB in a row")]);
    assert_eq!((read.messages().len(), read.messages()[0].line), (1, 3));
    assert!(messages.buffered() <= 4 << 20, "{}", messages.buffered());
}
