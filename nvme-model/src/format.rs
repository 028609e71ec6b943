//! How the blocks of a namespace are made: data, metadata, protection information.
//!
//! A stored block is its data and right behind it its metadata, whatever the host's buffers look like, so
//! that cache, media and power loss know one thing: a block.
// Spec: NVM-CS-1.0c 5.8.1 "Logical Block Formats"

use nvme_spec::identify::{
    ExtendedLbaFormat, IdentifyNamespace, IdentifyNvmNamespace, LbaFormat,
    PIC_STORAGE_TAG_WITH_16_BIT_GUARD, dpc, flbas, mc,
};
use nvme_spec::status;

use crate::failure::{Failure, byte};
use crate::protection::{Guard, Protection};

/// One of the formats that every namespace can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockFormat {
    /// A block has `1 << lbads` bytes of data.
    pub(crate) lbads: u8,
    pub(crate) metadata_bytes: u16,
    /// Relative performance: 0 is best.
    performance: u8,
    /// The guard that protection information has in this format.
    pub(crate) guard: Guard,
    /// Bits of the storage tag in protection information.
    pub(crate) storage_tag_bits: u8,
}

impl BlockFormat {
    const fn new(lbads: u8, metadata_bytes: u16, guard: Guard, storage_tag_bits: u8) -> Self {
        let performance = if lbads == 12 { 0 } else { 1 };
        Self { lbads, metadata_bytes, performance, guard, storage_tag_bits }
    }

    /// The entry of Identify Namespace.
    pub(crate) fn lbaf(&self) -> LbaFormat {
        LbaFormat { ms: self.metadata_bytes.into(), lbads: self.lbads, rp: self.performance }
    }

    fn elbaf(&self) -> ExtendedLbaFormat {
        ExtendedLbaFormat(0)
            .with_pif(self.guard.pif().into())
            .with_sts(self.storage_tag_bits.into())
    }
}

/// Every format, in the order of Identify. 512 bytes come first, as on every drive: there are drivers
/// that take format 0 for 512 bytes without looking.
pub(crate) const FORMATS: [BlockFormat; 11] = [
    BlockFormat::new(9, 0, Guard::Crc16, 0),
    BlockFormat::new(12, 0, Guard::Crc16, 0),
    BlockFormat::new(9, 8, Guard::Crc16, 0),
    BlockFormat::new(12, 8, Guard::Crc16, 0),
    BlockFormat::new(9, 64, Guard::Crc16, 0),
    BlockFormat::new(12, 64, Guard::Crc16, 0),
    BlockFormat::new(12, 16, Guard::Crc16, 8),
    BlockFormat::new(9, 16, Guard::Crc64, 0),
    BlockFormat::new(12, 16, Guard::Crc64, 0),
    BlockFormat::new(12, 64, Guard::Crc64, 16),
    BlockFormat::new(12, 16, Guard::Crc32, 16),
];

/// How one namespace is formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NamespaceFormat {
    index: u8,
    block: BlockFormat,
    /// The host's metadata follows each block's data in the same buffer.
    pub(crate) is_extended: bool,
    pub(crate) protection: Option<Protection>,
}

impl NamespaceFormat {
    /// The format in which media without a history is: no metadata.
    pub(crate) fn plain(block_bytes: u32) -> Self {
        let is_it = |(_, format): &(u8, BlockFormat)| {
            format.metadata_bytes == 0 && 1_u32.wrapping_shl(format.lbads.into()) == block_bytes
        };
        let [first, ..] = FORMATS;
        let (index, block) = (0..).zip(FORMATS).find(is_it).unwrap_or((0, first));
        Self { index, block, is_extended: false, protection: None }
    }

    /// The format that Format NVM and Namespace Management name: FLBAS and DPS of Identify.
    ///
    /// # Errors
    /// Invalid Format if there is no such format, or protection information that it cannot have.
    pub(crate) fn new(flbas: u8, dps: u8) -> Result<Self, Failure> {
        let invalid = Failure::permanent(status::INVALID_FORMAT).at(byte::CDW10);
        let index = flbas::index(flbas);
        let block = *FORMATS.get(usize::from(index)).ok_or(invalid)?;
        let is_extended = flbas & flbas::EXTENDED != 0;
        if is_extended && block.metadata_bytes == 0 {
            return Err(invalid);
        }
        let protection = Protection::new(dps, &block).ok_or(invalid)?;
        Ok(Self { index, block, is_extended, protection })
    }

    /// The guard that protection information has, or would have.
    pub(crate) fn guard(&self) -> Guard {
        self.block.guard
    }

    /// Bytes of data of a block.
    pub(crate) fn data_bytes(&self) -> u32 {
        1_u32.wrapping_shl(self.block.lbads.into())
    }

    /// Bytes of metadata of a block.
    pub(crate) fn metadata_bytes(&self) -> u32 {
        self.block.metadata_bytes.into()
    }

    /// Bytes of a block as it is stored.
    pub(crate) fn stored_bytes(&self) -> u32 {
        self.data_bytes().saturating_add(self.metadata_bytes())
    }

    /// Says in Identify Namespace which formats there are and which is in use.
    pub(crate) fn describe(&self, id: &mut IdentifyNamespace) {
        id.nlbaf_z = u8::try_from(FORMATS.len().saturating_sub(1)).unwrap_or(u8::MAX);
        id.flbas = self.flbas();
        id.mc = mc::EXTENDED | mc::SEPARATE;
        id.dpc = dpc::ALL_TYPES | dpc::FIRST | dpc::LAST;
        id.dps = self.dps();
        for (to, format) in id.lbaf.iter_mut().zip(FORMATS) {
            *to = format.lbaf();
        }
    }

    /// What the formats are beyond that.
    pub(crate) fn describe_extended() -> IdentifyNvmNamespace {
        let mut id = IdentifyNvmNamespace::zeroed();
        id.lbstm = u64::MAX.into();
        id.pic = PIC_STORAGE_TAG_WITH_16_BIT_GUARD;
        for (to, format) in id.elbaf.iter_mut().zip(FORMATS) {
            *to = format.elbaf().0.into();
        }
        id
    }

    /// FLBAS of Identify Namespace.
    pub(crate) fn flbas(&self) -> u8 {
        let extended = if self.is_extended { flbas::EXTENDED } else { 0 };
        flbas::of_index(self.index) | extended
    }

    /// DPS of Identify Namespace.
    pub(crate) fn dps(&self) -> u8 {
        self.protection.map_or(0, |protection| protection.dps())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_without_metadata_has_the_format_of_its_block_size() {
        for (block_bytes, index) in [(512, 0), (4096, 1)] {
            let format = NamespaceFormat::plain(block_bytes);
            assert_eq!((format.flbas(), format.dps()), (index, 0));
            assert_eq!(format.stored_bytes(), block_bytes);
        }
    }

    #[test]
    fn every_format_reads_back_as_it_was_given() {
        for (flbas, dps) in (0..=u8::MAX).flat_map(|flbas| (0..16).map(move |dps| (flbas, dps))) {
            let index = usize::from(flbas & 0xf | (flbas >> 5 & 3) << 4);
            let has_metadata = FORMATS.get(index).is_some_and(|format| format.metadata_bytes > 0);
            let is_known =
                index < FORMATS.len() && (has_metadata || flbas & 0x10 == 0 && dps & 7 == 0);
            match NamespaceFormat::new(flbas, dps) {
                Ok(format) => {
                    assert!(is_known && dps & 7 < 4, "{flbas:#x} {dps:#x}");
                    assert_eq!(format.flbas(), flbas & 0x7f);
                    let place = if dps & 7 == 0 { 0 } else { dps & 8 };
                    assert_eq!(format.dps(), dps & 7 | place);
                }
                Err(failure) => {
                    assert!(!is_known || dps & 7 > 3, "{flbas:#x} {dps:#x}");
                    assert_eq!(failure.status.code, status::INVALID_FORMAT);
                }
            }
        }
    }
}
