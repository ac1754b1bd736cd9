//! A file's bytes as they come, decompressed and decoded to UTF-8 piece by piece.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;

/// The most that is decompressed and decoded at a time, in bytes: what a gzip bomb can take.
const SLICE: usize = 64 << 10;

/// Stands for what is no character in the file's encoding: no UTF-8 has this byte, so that its row does not
/// parse.
const INVALID: u8 = 0xFF;

/// What [`Source::fill`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// It may have appended something.
    Some,
    /// It needs more of the file.
    Blocked,
    /// There is nothing more.
    End,
}

/// The bytes of a file.
pub(crate) struct Source {
    unpacker: Unpacker,
    encoding: Encoding,
    slice: Vec<u8>,
}

enum Unpacker {
    Plain(Input),
    Gzip(Box<MultiGzDecoder<Input>>),
}

enum Encoding {
    /// The first bytes, up to three, tell.
    Unknown(Vec<u8>),
    Utf8,
    Utf16(Utf16),
}

impl Source {
    pub(crate) fn new(gzip: bool) -> Self {
        let input = Input::default();
        let unpacker = match gzip {
            true => Unpacker::Gzip(Box::new(MultiGzDecoder::new(input))),
            false => Unpacker::Plain(input),
        };
        Self { unpacker, encoding: Encoding::Unknown(Vec::new()), slice: Vec::new() }
    }

    pub(crate) fn feed(&mut self, chunk: Bytes) {
        self.input().chunks.push_back(chunk);
    }

    pub(crate) fn finish(&mut self) {
        self.input().finished = true;
    }

    fn input(&mut self) -> &mut Input {
        match &mut self.unpacker {
            Unpacker::Plain(input) => input,
            Unpacker::Gzip(decoder) => decoder.get_mut(),
        }
    }

    /// Appends what comes next to `out`, about [`SLICE`] bytes at most.
    pub(crate) fn fill(&mut self, out: &mut Vec<u8>) -> Result<Filled, String> {
        if let Encoding::Unknown(head) = &mut self.encoding {
            let mut byte = [0];
            let ended = match self.unpacker.read(&mut byte)? {
                Some(0) => true,
                Some(_) => {
                    head.extend_from_slice(&byte);
                    false
                }
                None => return Ok(Filled::Blocked),
            };
            if head.len() == 3 || ended {
                let head = std::mem::take(head);
                self.encoding = Encoding::of(&head, out);
            }
            return Ok(Filled::Some);
        }
        let Encoding::Utf16(decoder) = &mut self.encoding else {
            let before = out.len();
            out.resize(before + self.unpacker.most(), 0);
            let read = self.unpacker.read(out.get_mut(before..).unwrap_or_default());
            out.truncate(before + read.as_ref().map_or(0, |read| read.unwrap_or(0)));
            return Ok(filled(read?));
        };
        self.slice.resize(SLICE / 2, 0);
        let read = self.unpacker.read(&mut self.slice)?;
        match read {
            Some(0) => decoder.end(out),
            Some(read) => decoder.decode(self.slice.get(..read).unwrap_or_default(), out),
            None => {}
        }
        Ok(filled(read))
    }
}

const fn filled(read: Option<usize>) -> Filled {
    match read {
        None => Filled::Blocked,
        Some(0) => Filled::End,
        Some(_) => Filled::Some,
    }
}

impl Unpacker {
    /// How many bytes a read can give, at most [`SLICE`] and at least one.
    fn most(&self) -> usize {
        match self {
            Self::Plain(input) => input.chunks.front().map_or(1, Bytes::len).clamp(1, SLICE),
            Self::Gzip(_) => SLICE,
        }
    }

    /// How many bytes it wrote, 0 at the end; `None`: it needs more.
    fn read(&mut self, out: &mut [u8]) -> Result<Option<usize>, String> {
        let read = match self {
            Self::Plain(input) => input.read(out),
            Self::Gzip(decoder) => decoder.read(out),
        };
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err("the gzip data ends too early".to_owned())
            }
            Err(_) => Err("the gzip data is corrupt".to_owned()),
        }
    }
}

impl Encoding {
    /// By its byte order mark, else UTF-8; what else is in the head is decoded.
    fn of(head: &[u8], out: &mut Vec<u8>) -> Self {
        let utf16 = |little_endian, rest: &[u8], out: &mut Vec<u8>| {
            let mut decoder = Utf16 { little_endian, byte: None, high: None };
            decoder.decode(rest, out);
            Self::Utf16(decoder)
        };
        match head {
            [0xEF, 0xBB, 0xBF] => Self::Utf8,
            [0xFF, 0xFE, rest @ ..] => utf16(true, rest, out),
            [0xFE, 0xFF, rest @ ..] => utf16(false, rest, out),
            _ => {
                out.extend_from_slice(head);
                Self::Utf8
            }
        }
    }
}

/// Decodes UTF-16.
struct Utf16 {
    little_endian: bool,
    byte: Option<u8>,
    high: Option<u16>,
}

impl Utf16 {
    fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            let Some(first) = self.byte.take() else {
                self.byte = Some(byte);
                continue;
            };
            let pair = [first, byte];
            self.unit(
                if self.little_endian { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) },
                out,
            );
        }
    }

    fn unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        let is_high = |unit: u16| (0xD800..0xDC00).contains(&unit);
        let units = match self.high.take() {
            Some(high) if (0xDC00..0xE000).contains(&unit) => [Some(high), Some(unit)],
            Some(_) if is_high(unit) => {
                self.high = Some(unit);
                out.push(INVALID);
                return;
            }
            Some(_) => {
                out.push(INVALID);
                [Some(unit), None]
            }
            None if is_high(unit) => {
                self.high = Some(unit);
                return;
            }
            None => [Some(unit), None],
        };
        for decoded in char::decode_utf16(units.into_iter().flatten()) {
            match decoded {
                Ok(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(_) => out.push(INVALID),
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.byte.take().is_some() | self.high.take().is_some() {
            out.push(INVALID);
        }
    }
}

/// What was fed and is not read yet.
#[derive(Default)]
struct Input {
    chunks: VecDeque<Bytes>,
    finished: bool,
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunks.front().is_some_and(Bytes::is_empty) {
            self.chunks.pop_front();
        }
        match self.chunks.front() {
            Some(chunk) => Ok(chunk),
            None if self.finished => Ok(&[]),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn consume(&mut self, amount: usize) {
        if let Some(chunk) = self.chunks.front_mut() {
            chunk.advance(amount.min(chunk.len()));
        }
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}
