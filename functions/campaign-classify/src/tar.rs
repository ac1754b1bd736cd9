//! The first file of a compressed archive, as its bytes come: Comprehend's answers are one file in an `output.tar.gz`, which
//! may be larger than memory.

use std::io::Write as _;

use eventide_kit::Error;
use flate2::write::MultiGzDecoder;

/// Bytes of a block, in which archives are counted (POSIX.1-2017, pax, "ustar Interchange Format").
const BLOCK: usize = 512;

/// Takes an archive's bytes as they come, and gives those of its first regular file.
pub(crate) struct FirstFile {
    gzip: MultiGzDecoder<Vec<u8>>,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    /// Before a header.
    Header,
    /// In an entry that is none of ours, with this much of it to come, padding included.
    Other(u64),
    /// In the file.
    File(u64),
    /// Behind it.
    Behind,
}

impl FirstFile {
    pub(crate) fn new() -> Self {
        Self { gzip: MultiGzDecoder::new(Vec::new()), at: At::Header }
    }

    /// Takes bytes of the archive, and appends to `out` what of them is in the file.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        // In slices, so that what is compressed well does not fill the memory.
        for slice in bytes.chunks(16 * 1024) {
            self.gzip.write_all(slice).map_err(|error| unreadable("no gzip").with_source(error))?;
            self.unpack(out)?;
        }
        Ok(())
    }

    /// The archive is at its end.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.gzip.try_finish().map_err(|error| unreadable("cut short").with_source(error))?;
        self.unpack(out)?;
        match self.at {
            At::Behind | At::File(0) => Ok(()),
            _ => Err(unreadable("no whole file in it")),
        }
    }

    fn unpack(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let plain = self.gzip.get_mut();
        let mut from = 0;
        loop {
            let rest = plain.get(from..).unwrap_or_default();
            match self.at {
                At::Header => {
                    let Some(header) = rest.get(..BLOCK) else { break };
                    self.at = entry(header)?;
                    from += BLOCK;
                }
                At::Other(0) => self.at = At::Header,
                At::File(0) => self.at = At::Behind,
                At::Other(left) | At::File(left) => {
                    let here = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    if here == 0 {
                        break;
                    }
                    let left = left - here as u64;
                    if let At::File(_) = self.at {
                        out.extend_from_slice(rest.get(..here).unwrap_or_default());
                        self.at = At::File(left);
                    } else {
                        self.at = At::Other(left);
                    }
                    from += here;
                }
                At::Behind => {
                    from = plain.len();
                    break;
                }
            }
        }
        plain.drain(..from);
        Ok(())
    }
}

/// What follows a header.
fn entry(header: &[u8]) -> Result<At, Error> {
    if header.iter().all(|byte| *byte == 0) {
        // The end of the archive.
        return Err(unreadable("no file in it"));
    }
    let size = size(header.get(124..136).unwrap_or_default()).ok_or_else(|| unreadable("no tar"))?;
    match header.get(156) {
        Some(b'0' | 0) => Ok(At::File(size)),
        _ => Ok(At::Other(size.next_multiple_of(BLOCK as u64))),
    }
}

/// Octal digits, or, above 8 GiB, a binary number behind a first byte of 0x80.
fn size(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, rest @ ..] => rest
            .iter()
            .try_fold(0_u64, |size, byte| size.checked_mul(256).map(|size| size + u64::from(*byte))),
        _ => {
            let text = std::str::from_utf8(field).ok()?;
            u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
        }
    }
}

fn unreadable(why: &str) -> Error {
    Error::permanent("UnreadableAnswers", format!("the archive of answers is not readable: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn archive(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        for (name, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn read(archive: &[u8], at_a_time: usize) -> Result<Vec<u8>, Error> {
        let (mut file, mut out) = (FirstFile::new(), Vec::new());
        for bytes in archive.chunks(at_a_time) {
            file.push(bytes, &mut out)?;
        }
        file.finish(&mut out)?;
        Ok(out)
    }

    #[test]
    fn the_first_regular_file_comes_out_however_the_bytes_come() {
        let content: Vec<u8> = (0..70_000_u32).map(|number| (number % 251) as u8).collect();
        let archive = archive(&[
            ("output/", tar::EntryType::Directory, b""),
            ("pax", tar::EntryType::XHeader, b"20 path=predictions\n"),
            ("predictions.jsonl", tar::EntryType::Regular, &content),
            ("other.txt", tar::EntryType::Regular, b"other"),
        ]);
        for at_a_time in [1, 7, 512, 4_096, archive.len()] {
            assert!(read(&archive, at_a_time).unwrap() == content, "{at_a_time}");
        }
    }

    #[test]
    fn an_empty_file_is_one() {
        assert_eq!(read(&archive(&[("p", tar::EntryType::Regular, b"")]), 5).unwrap(), b"");
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let whole = archive(&[("p", tar::EntryType::Regular, &[7; 5_000])]);
        for (bytes, expected) in [
            (b"Ann".to_vec(), "not readable"),
            (archive(&[]), "no file in it"),
            (whole[..whole.len() / 2].to_vec(), "not readable"),
        ] {
            let error = read(&bytes, 100).unwrap_err();
            assert_eq!(error.qualified_type(), "Permanent.UnreadableAnswers");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
