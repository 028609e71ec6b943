//! Dataset Management ranges.
// Spec: NVM-CS-1.0c 3.2.3 "Dataset Management command"

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a range.
pub const RANGE_BYTES: usize = 16;

/// The most ranges of one command.
pub const RANGES_MAX: usize = 256;

/// Dword 11, bit 2: deallocate.
pub const ATTRIBUTE_DEALLOCATE: u32 = 1 << 2;

/// One range. Its length is *not* zero-based.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DsmRange {
    /// Context attributes (hints).
    pub cattr: U32,
    /// Length in logical blocks.
    pub nlb: U32,
    /// The first logical block.
    pub slba: U64,
}

const _: () = assert!(size_of::<DsmRange>() == RANGE_BYTES);

impl DsmRange {
    /// The range from `slba` on, without attributes.
    #[must_use]
    pub fn new(slba: u64, nlb: u32) -> Self {
        Self { cattr: 0.into(), nlb: nlb.into(), slba: slba.into() }
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; RANGE_BYTES] {
        zerocopy::transmute!(*self)
    }

    /// The range in these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; RANGE_BYTES]) -> Self {
        zerocopy::transmute!(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_these_bytes() {
        let bytes = DsmRange::new(0x0102, 0x0304).to_bytes();
        assert_eq!(bytes, [0, 0, 0, 0, 4, 3, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(DsmRange::from_bytes(bytes), DsmRange::new(0x0102, 0x0304));
    }
}
