//! LBA status: the data of Get LBA Status, and the LBA status information log.
// Spec: NVM-CS-1.0c 4.2.1 "Get LBA Status command"

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// The header of Get LBA Status' data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LbaStatusHeader {
    /// Descriptors that follow.
    pub descriptors: U32,
    /// Why the list ends: 1 = the transfer is full, 2 = the whole range was looked at.
    pub completion: u8,
    reserved_5: [u8; 3],
}

/// A range of potentially unrecoverable blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LbaStatus {
    /// The first block.
    pub slba: U64,
    /// How many.
    pub blocks: U32,
    reserved_12: u8,
    /// Bit 0: potentially unrecoverable.
    pub status: u8,
    reserved_14: [u8; 2],
}

/// The header of the log.
// Spec: NVM-CS-1.0c 4.1.4.5 "LBA Status Information (Log Identifier 0Eh)"
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StatusLogHeader {
    /// Bytes of the log, this header included.
    pub length_bytes: U32,
    /// Namespace elements that follow.
    pub elements: U32,
    /// Estimate of unrecoverable blocks.
    pub estimate_blocks: U32,
    reserved_12: [u8; 2],
    /// Which state of the log this is.
    pub generation: U16,
}

/// What the log says about a namespace; its ranges follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NamespaceElement {
    /// The namespace.
    pub nsid: U32,
    /// Ranges that follow; FFFFFFFFh = none is given, ask for the whole namespace.
    pub ranges: U32,
    /// The action type that Get LBA Status should be asked with.
    pub action: u8,
    reserved_9: [u8; 7],
}

/// A range in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LbaRange {
    /// The first block.
    pub slba: U64,
    /// How many.
    pub blocks: U32,
    reserved_12: [u8; 4],
}

const _: () = assert!(size_of::<LbaStatusHeader>() == 8);
const _: () = assert!(size_of::<LbaStatus>() == 16);
const _: () = assert!(size_of::<StatusLogHeader>() == 16);
const _: () = assert!(size_of::<NamespaceElement>() == 16);
const _: () = assert!(size_of::<LbaRange>() == 16);

/// Get LBA Status, action type: scan for untracked blocks, too.
pub const ACTION_SCAN: u8 = 0x10;
/// Get LBA Status, action type: tracked blocks only.
pub const ACTION_TRACKED: u8 = 0x11;

impl LbaStatusHeader {
    /// The header of a list.
    #[must_use]
    pub fn new(descriptors: u32, completion: u8) -> Self {
        Self { descriptors: descriptors.into(), completion, reserved_5: [0; 3] }
    }
}

impl LbaStatus {
    /// Blocks that are potentially unrecoverable.
    #[must_use]
    pub fn unrecoverable(slba: u64, blocks: u32) -> Self {
        let (slba, blocks) = (slba.into(), blocks.into());
        Self { slba, blocks, reserved_12: 0, status: 1, reserved_14: [0; 2] }
    }
}

impl StatusLogHeader {
    /// All zeros, to be filled in.
    #[must_use]
    pub fn zeroed() -> Self {
        Self::new_zeroed()
    }
}

impl NamespaceElement {
    /// The head of so many ranges.
    #[must_use]
    pub fn new(nsid: u32, ranges: u32, action: u8) -> Self {
        Self { nsid: nsid.into(), ranges: ranges.into(), action, reserved_9: [0; 7] }
    }
}

impl LbaRange {
    /// A range of blocks.
    #[must_use]
    pub fn new(slba: u64, blocks: u32) -> Self {
        Self { slba: slba.into(), blocks: blocks.into(), reserved_12: [0; 4] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_has_these_bytes() {
        let status = LbaStatus::unrecoverable(0x0102, 3);
        assert_eq!(status.as_bytes(), [2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(LbaStatusHeader::new(1, 2).as_bytes(), [1, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(
            NamespaceElement::new(1, 2, 0x11).as_bytes()[..9],
            [1, 0, 0, 0, 2, 0, 0, 0, 0x11]
        );
    }
}
