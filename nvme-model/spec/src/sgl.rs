//! Scatter gather list descriptors.
// Spec: NVMe-Base-2.0c 4.1.2 "Scatter Gather List (SGL)"

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a descriptor.
pub const DESCRIPTOR_BYTES: usize = 16;

/// [`SglDescriptor::kind`]: data, or room for it.
pub const KIND_DATA_BLOCK: u8 = 0;
/// [`SglDescriptor::kind`]: bytes of a read that the host does not want.
pub const KIND_BIT_BUCKET: u8 = 1;
/// [`SglDescriptor::kind`]: more descriptors, the last of which points to yet more.
pub const KIND_SEGMENT: u8 = 2;
/// [`SglDescriptor::kind`]: the last descriptors.
pub const KIND_LAST_SEGMENT: u8 = 3;
/// [`SglDescriptor::kind`]: a data block with a key, for fabrics.
pub const KIND_KEYED_DATA_BLOCK: u8 = 4;

/// [`SglDescriptor::subtype`]: the address is one of memory.
pub const SUBTYPE_ADDRESS: u8 = 0;
/// [`SglDescriptor::subtype`]: the address is an offset, for fabrics.
pub const SUBTYPE_OFFSET: u8 = 1;

/// Dword 0 PSDT: the data pointer holds PRPs.
pub const PSDT_PRP: u32 = 0;
/// Dword 0 PSDT: the data pointer is an SGL, the metadata pointer the address of a buffer.
pub const PSDT_SGL: u32 = 1;
/// Dword 0 PSDT: the data pointer is an SGL, the metadata pointer the address of a descriptor.
pub const PSDT_SGL_METADATA: u32 = 2;

/// One descriptor.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SglDescriptor {
    /// Where; nowhere for a bit bucket.
    pub address: U64,
    /// How many bytes: of data, or of descriptors.
    pub length: U32,
    reserved_12: [u8; 3],
    /// Kind in bits 7:4, subtype in bits 3:0.
    pub identifier: u8,
}

const _: () = assert!(size_of::<SglDescriptor>() == DESCRIPTOR_BYTES);

impl SglDescriptor {
    /// A descriptor of a `KIND_`, with an address of memory.
    #[must_use]
    pub fn new(kind: u8, address: u64, length: u32) -> Self {
        Self {
            address: address.into(),
            length: length.into(),
            reserved_12: [0; 3],
            identifier: kind << 4 | SUBTYPE_ADDRESS,
        }
    }

    /// The `KIND_`.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.identifier >> 4
    }

    /// The `SUBTYPE_`.
    #[must_use]
    pub fn subtype(&self) -> u8 {
        self.identifier & 0xf
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; DESCRIPTOR_BYTES] {
        zerocopy::transmute!(*self)
    }

    /// The descriptor in these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; DESCRIPTOR_BYTES]) -> Self {
        zerocopy::transmute!(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_has_these_bytes() {
        let bytes = SglDescriptor::new(KIND_LAST_SEGMENT, 0x0102_0304, 0x20).to_bytes();
        assert_eq!(bytes, [4, 3, 2, 1, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0x30]);
        let back = SglDescriptor::from_bytes(bytes);
        assert_eq!((back.kind(), back.subtype()), (KIND_LAST_SEGMENT, SUBTYPE_ADDRESS));
    }
}
