//! A write or discard that a power cut may or may not leave.

use std::ops::Range;

use super::Atomicity;
use crate::BlockBytes;
use crate::media::{Media, MediaError};

/// A discard is torn into so many pieces at the most.
const DISCARD_PIECES: u64 = 64;

/// What blocks hold after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These bytes, whole blocks.
    Bytes(BlockBytes),
    /// Zeros.
    Zeros,
}

/// A change of consecutive blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Tells it from others and keys its chances: the order of a cached write, the number of an
    /// operation.
    pub key: u64,
    /// The first block.
    pub slba: u64,
    /// How many.
    pub blocks: u64,
    /// What they hold then.
    pub content: Content,
}

impl Change {
    /// Its blocks.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.slba..self.slba.saturating_add(self.blocks)
    }

    /// The runs that a power cut leaves or loses as one.
    pub(super) fn pieces(&self, atomicity: &Atomicity) -> impl Iterator<Item = Range<u64>> + use<> {
        let step = match self.content {
            _ if atomicity.is_whole(self.slba, self.blocks) => self.blocks,
            Content::Bytes(_) => 1,
            Content::Zeros => self.blocks.div_ceil(DISCARD_PIECES),
        };
        let Range { start, end } = self.range();
        let mut at = start;
        std::iter::from_fn(move || {
            let first = at;
            at = first.saturating_add(step.max(1)).min(end);
            (first < end).then_some(first..at)
        })
    }

    /// Makes some of its blocks so on the media.
    pub(super) fn apply(
        &self,
        range: &Range<u64>,
        media: &mut dyn Media,
    ) -> Result<(), MediaError> {
        match &self.content {
            Content::Zeros => media.discard(range.start, range.end.saturating_sub(range.start)),
            Content::Bytes(bytes) if *range == self.range() => {
                media.write_shared(range.start, bytes.clone()).map(drop)
            }
            Content::Bytes(_) => {
                let bytes = self.bytes(range, media.block_bytes());
                bytes.map_or(Ok(()), |bytes| media.write(range.start, bytes))
            }
        }
    }

    /// The bytes of some of its blocks; `None` if they are zeros, or not its own.
    pub(crate) fn bytes(&self, range: &Range<u64>, block_bytes: u32) -> Option<&[u8]> {
        let Content::Bytes(bytes) = &self.content else {
            return None;
        };
        let byte = |lba: u64| {
            let blocks = usize::try_from(lba.checked_sub(self.slba)?).ok()?;
            blocks.checked_mul(block_bytes as usize)
        };
        bytes.get(byte(range.start)?..byte(range.end)?)
    }
}
