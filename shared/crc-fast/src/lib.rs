//! Stands in for the crate [`crc-fast`](https://docs.rs/crc-fast), as far as the AWS SDK calls it.
//!
//! `aws-smithy-checksums` links that crate into every function that calls Amazon S3: 31 algorithms with a table for each, half a
//! megabyte of numbers that no compression makes smaller, a seventh of what a zip may have. The SDK has three of them, and
//! the functions have it compute none (`eventide_clients::s3`). So these are written to be small: a byte at a time, with tables of
//! 2 KiB.

/// A cyclic redundancy check, as the [catalogue](https://reveng.sourceforge.io/crc-catalogue/all.htm) names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrcAlgorithm {
    /// CRC-32/ISO-HDLC: `x-amz-checksum-crc32`.
    Crc32IsoHdlc,
    /// CRC-32/ISCSI: `x-amz-checksum-crc32c`.
    Crc32Iscsi,
    /// CRC-64/NVME: `x-amz-checksum-crc64nvme`.
    Crc64Nvme,
}

impl CrcAlgorithm {
    fn table(self) -> &'static [u64; 256] {
        static ISO_HDLC: [u64; 256] = table_of(0xEDB8_8320);
        static ISCSI: [u64; 256] = table_of(0x82F6_3B78);
        static NVME: [u64; 256] = table_of(0x9A6C_9329_AC4B_C9B5);
        match self {
            Self::Crc32IsoHdlc => &ISO_HDLC,
            Self::Crc32Iscsi => &ISCSI,
            Self::Crc64Nvme => &NVME,
        }
    }

    /// What the register begins with, and what the sum is inverted by.
    const fn ones(self) -> u64 {
        match self {
            Self::Crc32IsoHdlc | Self::Crc32Iscsi => 0xFFFF_FFFF,
            Self::Crc64Nvme => u64::MAX,
        }
    }
}

/// What each value of a byte adds, by the reflected polynomial.
const fn table_of(polynomial: u64) -> [u64; 256] {
    let mut table = [0; 256];
    let mut rest: &mut [u64] = &mut table;
    let mut byte = 0;
    while let Some((entry, after)) = rest.split_first_mut() {
        let mut sum: u64 = byte;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ polynomial } else { sum >> 1 };
            bit += 1;
        }
        *entry = sum;
        rest = after;
        byte += 1;
    }
    table
}

/// A checksum of bytes that come one after another.
#[derive(Clone, Debug)]
pub struct Digest {
    algorithm: CrcAlgorithm,
    register: u64,
}

impl Digest {
    /// The checksum of nothing.
    #[must_use]
    pub const fn new(algorithm: CrcAlgorithm) -> Self {
        Self { algorithm, register: algorithm.ones() }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let table = self.algorithm.table();
        for byte in bytes {
            let at = usize::from(self.register.to_le_bytes()[0] ^ byte);
            self.register = table.get(at).copied().unwrap_or_default() ^ (self.register >> 8);
        }
    }

    /// The checksum of all bytes so far; 32 bits of it by the algorithms of 32.
    #[must_use]
    pub const fn finalize(&self) -> u64 {
        self.register ^ self.algorithm.ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_catalogue() {
        for (algorithm, check) in [
            (CrcAlgorithm::Crc32IsoHdlc, 0xCBF4_3926),
            (CrcAlgorithm::Crc32Iscsi, 0xE306_9283),
            (CrcAlgorithm::Crc64Nvme, 0xAE8B_1486_0A79_9888),
        ] {
            for at in 0..=9 {
                let mut digest = Digest::new(algorithm);
                let (first, second) = b"123456789".split_at(at);
                digest.update(first);
                digest.update(second);
                assert_eq!(digest.finalize(), check, "{algorithm:?} in two parts, cut at {at}");
            }
            assert_eq!(Digest::new(algorithm).finalize(), 0, "{algorithm:?} of nothing");
        }
    }
}
