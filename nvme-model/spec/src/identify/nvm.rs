//! Identify structures of the NVM command set alone.
// Spec: NVM-CS-1.0c 4.1.5.3 "I/O Command Set Specific Identify Namespace Data Structure"
// Spec: NVM-CS-1.0c 4.1.5.4 "I/O Command Set Specific Identify Controller Data Structure"

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use super::IDENTIFY_BYTES;

/// [`IdentifyNvmNamespace::pic`]: the 16-bit guard format can have a storage tag, too.
pub const PIC_STORAGE_TAG_WITH_16_BIT_GUARD: u8 = 1;

bit_fields! {
    /// An extended LBA format.
    ExtendedLbaFormat(u32) {
        /// Bits of the storage tag.
        sts, with_sts: 0, 7;
        /// Guard: 0 = 16 bits, 1 = 32 bits, 2 = 64 bits.
        pif, with_pif: 7, 2;
    }
}

/// What a namespace is like, beyond [`super::IdentifyNamespace`].
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IdentifyNvmNamespace {
    /// Which bits of the storage tag are compared.
    pub lbstm: U64,
    /// Protection information capabilities.
    pub pic: u8,
    reserved_9: [u8; 3],
    /// Extended LBA formats, see [`ExtendedLbaFormat`].
    pub elbaf: [U32; 64],
    reserved_268: [u8; 3828],
}

/// Limits of commands without data, which MDTS does not bind.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IdentifyNvmController {
    /// The largest Verify is `minimum page << vsl` bytes; 0 = no limit.
    pub vsl: u8,
    /// The largest Write Zeroes, likewise.
    pub wzsl: u8,
    /// The largest Write Uncorrectable, likewise.
    pub wusl: u8,
    /// The most ranges of Dataset Management; 0 = no limit.
    pub dmrl: u8,
    /// The most blocks of one range; 0 = no limit.
    pub dmrsl: U32,
    /// The most blocks of all ranges; 0 = no limit.
    pub dmsl: U64,
    reserved_16: [u8; 4080],
}

const _: () = assert!(size_of::<IdentifyNvmController>() == IDENTIFY_BYTES);

structure!(IdentifyNvmNamespace, IDENTIFY_BYTES);

impl IdentifyNvmController {
    /// All zeros, to be filled in.
    #[must_use]
    pub fn zeroed() -> Self {
        Self::new_zeroed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn the_fields_are_where_the_standard_puts_them() {
        assert_eq!(offset_of!(IdentifyNvmNamespace, pic), 8);
        assert_eq!(offset_of!(IdentifyNvmNamespace, elbaf), 12);
        assert_eq!(offset_of!(IdentifyNvmController, dmrsl), 4);
        assert_eq!(offset_of!(IdentifyNvmController, dmsl), 8);
        assert_eq!(ExtendedLbaFormat(0).with_pif(2).with_sts(16).0, 0x0110);
    }
}
