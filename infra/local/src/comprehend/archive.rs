//! `output.tar.gz`.

use std::io;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A compressed archive of one file.
pub(super) fn archive(name: &str, content: &[u8]) -> io::Result<Bytes> {
    let size = u64::try_from(content.len()).map_err(io::Error::other)?;
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    archive.append_data(&mut header, name, content)?;
    archive.into_inner()?.finish().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_packed_comes_out() {
        let packed = archive("output/x.json", b"{}").unwrap();
        let mut unpacked = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_ref()));
        let mut entries = unpacked.entries().unwrap();
        let mut entry = entries.next().unwrap().unwrap();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        assert_eq!((entry.path().unwrap().to_str(), content.as_str()), (Some("output/x.json"), "{}"));
        assert!(entries.next().is_none());
    }
}
