//! The guard of protection information: a checksum over a block.
// Spec: NVM-CS-1.0c 5.2.1 "Protection Information Formats"

use crc::{CRC_16_T10_DIF, CRC_32_ISCSI, CRC_64_NVME, Crc};

static CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_T10_DIF);
static CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
static CRC64: Crc<u64> = Crc::<u64>::new(&CRC_64_NVME);

/// Which checksum, and with it the form of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// 16 bits, and 32 bits of tags.
    Crc16,
    /// 32 bits, and 80 bits of tags.
    Crc32,
    /// 64 bits, and 48 bits of tags.
    Crc64,
}

impl Guard {
    /// PIF of the extended LBA format.
    pub(crate) fn pif(self) -> u8 {
        match self {
            Self::Crc16 => 0,
            Self::Crc32 => 1,
            Self::Crc64 => 2,
        }
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Crc16 => 2,
            Self::Crc32 => 4,
            Self::Crc64 => 8,
        }
    }

    /// Bytes of storage and reference tag together.
    pub(super) fn tag_bytes(self) -> usize {
        match self {
            Self::Crc16 => 4,
            Self::Crc32 => 10,
            Self::Crc64 => 6,
        }
    }

    /// The checksum over these bytes.
    pub(super) fn of(self, bytes: &[u8]) -> u64 {
        match self {
            Self::Crc16 => CRC16.checksum(bytes).into(),
            Self::Crc32 => CRC32.checksum(bytes).into(),
            Self::Crc64 => CRC64.checksum(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_those_of_the_standard() {
        // The standard's own examples: 4096 bytes of zeros, of ones, counting up, counting down.
        let up: Vec<u8> = (0..4096).map(|i| (i % 256) as u8).collect();
        let down: Vec<u8> = up.iter().map(|byte| 255 - byte).collect();
        for (data, crc) in [
            (vec![0; 4096], 0x6482_d367_eb22_b64e),
            (vec![0xff; 4096], 0xc0dd_ba73_02ec_a3ac),
            (up, 0x3e72_9f5f_6750_449c),
            (down, 0x9a2d_f64b_8e9e_517e),
        ] {
            assert_eq!(Guard::Crc64.of(&data), crc);
        }
        assert_eq!(Guard::Crc16.of(b"123456789"), 0xd0db);
        assert_eq!(Guard::Crc32.of(b"123456789"), 0xe306_9283);
    }
}
