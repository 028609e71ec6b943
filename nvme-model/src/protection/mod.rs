//! End-to-end protection information: what it is made of, and whether it is right.
//!
//! All of this works on stored blocks: data and right behind it metadata. It does not know commands
//! beyond their protection fields ([`Fields`]), nor where blocks come from.
//!
//! A block that was never written is zeros on the media, and must read as protection information of all
//! ones, which switches its checks off. So protection information is stored inverted: see
//! [`Protection::invert`].
// Spec: NVM-CS-1.0c 5.2 "End-to-end Data Protection"

mod check;
mod guard;
mod tuple;

#[cfg(test)]
use check::Mismatch;
pub(crate) use check::{Fields, Tags};
pub(crate) use guard::Guard;

use crate::format::BlockFormat;
use nvme_spec::identify::dps;
use tuple::Tuple;

/// How the reference tag is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProtectionType {
    /// It counts blocks from the starting LBA on.
    Type1,
    /// It counts blocks from where the command says.
    Type2,
    /// It is the host's, and not checked.
    Type3,
}

/// The protection information of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protection {
    kind: ProtectionType,
    guard: Guard,
    storage_tag_bits: u32,
    data_bytes: usize,
    metadata_bytes: usize,
    /// The first bytes of the metadata, not the last.
    is_first: bool,
}

impl Protection {
    /// What DPS asks for: `Some(None)` is none, `None` is impossible in this format.
    #[expect(clippy::option_option)]
    pub(crate) fn new(dps: u8, format: &BlockFormat) -> Option<Option<Self>> {
        let kind = match dps & dps::TYPE_MASK {
            0 => return Some(None),
            1 => ProtectionType::Type1,
            2 => ProtectionType::Type2,
            3 => ProtectionType::Type3,
            _ => return None,
        };
        let protection = Self {
            kind,
            guard: format.guard,
            storage_tag_bits: format.storage_tag_bits.into(),
            data_bytes: 1_usize.wrapping_shl(format.lbads.into()),
            metadata_bytes: format.metadata_bytes.into(),
            is_first: dps & dps::FIRST != 0,
        };
        (protection.bytes() <= protection.metadata_bytes).then_some(Some(protection))
    }

    /// DPS of Identify Namespace.
    pub(crate) fn dps(&self) -> u8 {
        let kind = match self.kind {
            ProtectionType::Type1 => 1,
            ProtectionType::Type2 => 2,
            ProtectionType::Type3 => 3,
        };
        if self.is_first { kind | dps::FIRST } else { kind }
    }

    /// Bytes of protection information of a block.
    pub(crate) fn bytes(&self) -> usize {
        self.guard.bytes().saturating_add(2).saturating_add(self.guard.tag_bytes())
    }

    /// Whether metadata is protection information and nothing else.
    pub(crate) fn is_all_metadata(&self) -> bool {
        self.bytes() == self.metadata_bytes
    }

    /// Bytes of a stored block.
    fn stored_bytes(&self) -> usize {
        self.data_bytes.saturating_add(self.metadata_bytes).max(1)
    }

    /// Where protection information begins in a stored block. The guard is over everything before it
    /// but, if it comes first, over the data only: which is the same.
    fn place(&self) -> usize {
        let free = self.metadata_bytes.saturating_sub(self.bytes());
        self.data_bytes.saturating_add(if self.is_first { 0 } else { free })
    }

    fn tag_bits(&self) -> u32 {
        u32::try_from(self.guard.tag_bytes()).unwrap_or(0).saturating_mul(8)
    }

    /// The part of the tags that is the reference tag.
    fn reference_mask(&self) -> u128 {
        let bits = self.tag_bits().saturating_sub(self.storage_tag_bits);
        1_u128.checked_shl(bits).unwrap_or(0).wrapping_sub(1)
    }

    /// The part of the tags that is the storage tag.
    fn storage_mask(&self) -> u128 {
        1_u128.wrapping_shl(self.tag_bits()).wrapping_sub(1) & !self.reference_mask()
    }

    /// The tags of the block after so many others of the same command.
    pub(crate) fn tags_after(&self, fields: &Fields, blocks: u32) -> Tags {
        self.tags_of(fields, blocks.into()).into()
    }

    fn tags_of(&self, fields: &Fields, index: u64) -> u128 {
        let index = if self.kind == ProtectionType::Type3 { 0 } else { index };
        let tags = fields.tags.number();
        let reference = tags.wrapping_add(index.into()) & self.reference_mask();
        tags & self.storage_mask() | reference
    }

    /// Makes the protection information of every block.
    pub(crate) fn insert(&self, blocks: &mut [u8], fields: &Fields) {
        for (index, block) in (0..).zip(blocks.chunks_exact_mut(self.stored_bytes())) {
            let Some((covered, rest)) = block.split_at_mut_checked(self.place()) else {
                continue;
            };
            let tuple = Tuple {
                guard: self.guard.of(covered),
                application: fields.application,
                tags: self.tags_of(fields, index),
            };
            tuple.encode(self.guard, rest);
        }
    }

    /// Turns blocks as they are stored into blocks as they are read, and back.
    pub(crate) fn invert(&self, blocks: &mut [u8]) {
        let (place, bytes) = (self.place(), self.bytes());
        for block in blocks.chunks_exact_mut(self.stored_bytes()) {
            for byte in block.iter_mut().skip(place).take(bytes) {
                *byte = !*byte;
            }
        }
    }

    /// Whether two blocks are equal but for their protection information.
    pub(crate) fn is_same(&self, one: &[u8], other: &[u8]) -> bool {
        let (place, bytes) = (self.place(), self.bytes());
        let mut pairs = one.iter().zip(other).enumerate();
        pairs.all(|(at, (a, b))| a == b || at >= place && at < place.saturating_add(bytes))
    }
}

#[cfg(test)]
mod tests;
