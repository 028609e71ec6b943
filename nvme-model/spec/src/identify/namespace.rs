//! The Identify Namespace structure of the NVM command set.
// Spec: NVM-CS-1.0c 4.1.5.1 "NVM Command Set Identify Namespace Data Structure (CNS 00h)"

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::IDENTIFY_BYTES;

/// Bits of [`IdentifyNamespace::flbas`].
pub mod flbas {
    /// The metadata of a block follows its data in the same buffer.
    pub const EXTENDED: u8 = 1 << 4;

    /// The index of the format, which is in bits 3:0 and 6:5.
    #[must_use]
    pub const fn index(flbas: u8) -> u8 {
        flbas & 0xf | (flbas >> 5 & 3) << 4
    }

    /// The bits that hold an index below 64.
    #[must_use]
    pub const fn of_index(index: u8) -> u8 {
        index & 0xf | (index >> 4 & 3) << 5
    }
}

/// Bits of [`IdentifyNamespace::nsfeat`].
pub mod nsfeat {
    /// Deallocated or unwritten blocks can be made to fail (DULBE).
    pub const DEALLOCATED_ERROR: u8 = 1 << 2;
}

/// Bits of [`IdentifyNamespace::dlfeat`].
pub mod dlfeat {
    /// Deallocated blocks read as zeros.
    pub const READ_ZEROS: u8 = 1;
    /// Write Zeroes deallocates if it is asked to.
    pub const WRITE_ZEROES_DEALLOCATES: u8 = 1 << 3;
}

/// Bits of [`IdentifyNamespace::mc`].
pub mod mc {
    /// Metadata can follow each block's data in the same buffer.
    pub const EXTENDED: u8 = 1;
    /// Metadata can have a buffer of its own.
    pub const SEPARATE: u8 = 1 << 1;
}

/// Bits of [`IdentifyNamespace::dpc`].
pub mod dpc {
    /// Types 1, 2 and 3.
    pub const ALL_TYPES: u8 = 7;
    /// Protection information can be the first bytes of the metadata.
    pub const FIRST: u8 = 1 << 3;
    /// Protection information can be the last bytes of the metadata.
    pub const LAST: u8 = 1 << 4;
}

/// Bits of [`IdentifyNamespace::dps`].
pub mod dps {
    /// The protection type: 0 = none.
    pub const TYPE_MASK: u8 = 7;
    /// Protection information is the first bytes of the metadata, not the last.
    pub const FIRST: u8 = 1 << 3;
}

/// An LBA format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LbaFormat {
    /// Metadata bytes per block.
    pub ms: U16,
    /// A block has `1 << lbads` bytes.
    pub lbads: u8,
    /// Relative performance in bits 1:0: 0 = best.
    pub rp: u8,
}

/// What a namespace is like.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IdentifyNamespace {
    /// Size in blocks.
    pub nsze: U64,
    /// Capacity in blocks.
    pub ncap: U64,
    /// Blocks in use.
    pub nuse: U64,
    /// Features.
    pub nsfeat: u8,
    /// LBA formats, zero-based.
    pub nlbaf_z: u8,
    /// The format in use: bits 3:0 are its index.
    pub flbas: u8,
    /// Metadata capabilities.
    pub mc: u8,
    /// Protection capabilities.
    pub dpc: u8,
    /// Protection in use.
    pub dps: u8,
    /// Sharing between controllers.
    pub nmic: u8,
    /// Reservation capabilities.
    pub rescap: u8,
    /// Format progress.
    pub fpi: u8,
    /// Deallocated blocks: bits 2:0 = 1 means they read as zeros; bit 3: Write Zeroes may deallocate.
    pub dlfeat: u8,
    /// Atomic write unit normal, zero-based; valid if `nsfeat` bit 1.
    pub nawun_z: U16,
    /// Atomic write unit at power failure, zero-based; valid if `nsfeat` bit 1.
    pub nawupf_z: U16,
    /// Atomic compare and write unit, zero-based; valid if `nsfeat` bit 1.
    pub nacwu_z: U16,
    /// Atomic boundary size normal.
    pub nabsn: U16,
    /// Atomic boundary offset.
    pub nabo: U16,
    /// Atomic boundary size at power failure.
    pub nabspf: U16,
    /// Optimal I/O boundary in blocks.
    pub noiob: U16,
    /// Capacity in bytes.
    pub nvmcap: [u8; 16],
    /// Preferred write granularity in blocks, zero-based.
    pub npwg_z: U16,
    /// Preferred write alignment in blocks, zero-based.
    pub npwa_z: U16,
    /// Preferred deallocate granularity in blocks, zero-based.
    pub npdg_z: U16,
    /// Preferred deallocate alignment in blocks, zero-based.
    pub npda_z: U16,
    /// Optimal write size in blocks, zero-based.
    pub nows_z: U16,
    /// The most blocks of one source range of Copy.
    pub mssrl: U16,
    /// The most blocks of a Copy.
    pub mcl: U32,
    /// The most source ranges of a Copy, zero-based.
    pub msrc_z: u8,
    reserved_81: [u8; 23],
    /// Globally unique identifier.
    pub nguid: [u8; 16],
    /// IEEE extended unique identifier.
    pub eui64: [u8; 8],
    /// LBA formats.
    pub lbaf: [LbaFormat; 64],
    vendor_384: [u8; 3712],
}

// Zeros are what an inactive namespace answers.
structure!(IdentifyNamespace, IDENTIFY_BYTES);

const _: () = assert!(size_of::<LbaFormat>() == 4);

impl IdentifyNamespace {
    /// The LBA format in use.
    #[must_use]
    pub fn format(&self) -> Option<&LbaFormat> {
        self.lbaf.get(usize::from(flbas::index(self.flbas)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn the_fields_are_where_the_standard_puts_them() {
        let offsets = [
            (offset_of!(IdentifyNamespace, nsfeat), 24),
            (offset_of!(IdentifyNamespace, flbas), 26),
            (offset_of!(IdentifyNamespace, dlfeat), 33),
            (offset_of!(IdentifyNamespace, nawupf_z), 36),
            (offset_of!(IdentifyNamespace, nvmcap), 48),
            (offset_of!(IdentifyNamespace, mssrl), 74),
            (offset_of!(IdentifyNamespace, mcl), 76),
            (offset_of!(IdentifyNamespace, msrc_z), 80),
            (offset_of!(IdentifyNamespace, nguid), 104),
            (offset_of!(IdentifyNamespace, eui64), 120),
            (offset_of!(IdentifyNamespace, lbaf), 128),
        ];
        for (is, should) in offsets {
            assert_eq!(is, should);
        }
    }

    #[test]
    fn the_format_in_use_is_found_by_its_split_index() {
        let mut ns = IdentifyNamespace::zeroed();
        ns.lbaf[17].lbads = 12;
        ns.flbas = 1 << 5 | 1;
        assert_eq!(ns.format().map(|format| format.lbads), Some(12));
    }
}
