//! The firmware slot information log.
// Spec: NVMe-Base-2.0c 5.16.1.4 "Firmware Slot Information (Log Identifier 03h)"

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Bytes of the log.
pub const FIRMWARE_LOG_BYTES: usize = 512;

/// Which firmware is where.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FirmwareSlots {
    /// Bits 2:0: the slot that runs, from 1; bits 6:4: the slot after the next reset, 0 = the same.
    pub afi: u8,
    reserved_1: [u8; 7],
    /// The revision in each slot, ASCII; zeros = empty.
    pub frs: [[u8; 8]; 7],
    reserved_64: [u8; 448],
}

const _: () = assert!(size_of::<FirmwareSlots>() == FIRMWARE_LOG_BYTES);

impl FirmwareSlots {
    /// All zeros, to be filled in.
    #[must_use]
    pub fn zeroed() -> Self {
        Self::new_zeroed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_revision_is_at_byte_8() {
        let mut slots = FirmwareSlots::zeroed();
        slots.afi = 1;
        slots.frs[0] = *b"1.0     ";
        let bytes = slots.as_bytes();
        assert_eq!((bytes[0], &bytes[8..16]), (1, &b"1.0     "[..]));
    }
}
