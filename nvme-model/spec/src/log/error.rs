//! The error information log.
// Spec: NVMe-Base-2.0c 5.16.1.2 "Error Information (Log Identifier 01h)"

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of an entry.
pub const ERROR_ENTRY_BYTES: usize = 64;

/// [`ErrorEntry::parameter_location`] and the queue and command identifiers: does not apply.
pub const NO_LOCATION: u16 = 0xffff;

/// One error. The newest entry comes first in the log.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ErrorEntry {
    /// Which error of the controller's life this is, from 1; 0 = no entry.
    pub error_count: U64,
    /// The command's submission queue.
    pub sqid: U16,
    /// The command.
    pub cid: U16,
    /// Status in bits 15:1, phase tag in bit 0.
    pub status_phase: U16,
    /// Byte (7:0) and bit (10:8) of the command that is at fault.
    pub parameter_location: U16,
    /// The first block that failed.
    pub lba: U64,
    /// The namespace.
    pub nsid: U32,
    /// A vendor specific log page with more; 0 = none.
    pub vendor_page: u8,
    /// Transport type; 0 = not reported.
    pub trtype: u8,
    reserved_30: [u8; 2],
    /// Command specific.
    pub command_specific: U64,
    /// Transport specific.
    pub transport_specific: U16,
    reserved_42: [u8; 22],
}

const _: () = assert!(size_of::<ErrorEntry>() == ERROR_ENTRY_BYTES);

impl ErrorEntry {
    /// The bytes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ERROR_ENTRY_BYTES] {
        zerocopy::transmute!(*self)
    }

    /// The entry in these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; ERROR_ENTRY_BYTES]) -> Self {
        zerocopy::transmute!(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_these_bytes() {
        let entry = ErrorEntry {
            error_count: 2.into(),
            sqid: 1.into(),
            cid: 0x0304.into(),
            status_phase: 0x8502.into(),
            parameter_location: NO_LOCATION.into(),
            lba: 0x1122.into(),
            nsid: 1.into(),
            ..ErrorEntry::default()
        };
        let bytes = entry.to_bytes();
        assert_eq!(bytes[..16], [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 4, 3, 2, 0x85, 0xff, 0xff]);
        assert_eq!(bytes[16..32], [0x22, 0x11, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(ErrorEntry::from_bytes(bytes), entry);
    }
}
