//! Sparse media in memory.

use super::blocks::{Blocks, NOTHING};
use super::{Access, Media, MediaError};
use crate::{BlockBytes, Rest};

/// Blocks in memory; only those written take space. A snapshot takes constant time and shares
/// everything that is not written afterwards.
#[derive(Clone, Debug)]
pub struct RamMedia {
    blocks: Blocks,
}

impl RamMedia {
    /// Media of `size_blocks` blocks, all zeros.
    #[must_use]
    pub fn new(size_blocks: u64, block_bytes: u32) -> Self {
        Self { blocks: Blocks::new(size_blocks, block_bytes) }
    }

    /// The blocks that take space, in order, several at a time: those that were written and not
    /// discarded, and perhaps neighbours.
    pub fn written(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.blocks.held().filter_map(|held| Some((held.lba, held.bytes?)))
    }
}

impl Media for RamMedia {
    fn block_bytes(&self) -> u32 {
        self.blocks.block_bytes()
    }

    fn size_blocks(&self) -> u64 {
        self.blocks.size_blocks()
    }

    fn read(&self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError> {
        self.blocks.read(lba, dst, NOTHING)
    }

    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError> {
        self.blocks.write(lba, src, NOTHING)
    }

    fn write_shared(
        &mut self,
        lba: u64,
        src: BlockBytes,
    ) -> Result<Option<BlockBytes>, MediaError> {
        self.blocks.write_shared(lba, src, NOTHING)
    }

    fn view(&self, lba: u64, length: usize) -> Option<&[u8]> {
        self.blocks.view(lba, length)
    }

    fn seek(&self, lba: u64) {
        self.blocks.seek(lba);
    }

    fn warm(&self, lba: u64, access: Access) -> Rest {
        self.blocks.warm(lba, access)
    }

    fn outgrows_caches(&self) -> bool {
        self.blocks.outgrow_caches()
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        Ok(())
    }

    fn discard(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        self.blocks.discard(lba, blocks, None)
    }

    fn snapshot(&self) -> Box<dyn Media> {
        Box::new(self.clone())
    }

    /// Takes time by what was written, once; an overlay would cost every read a look at what is below.
    fn resized(&self, size_blocks: u64) -> Box<dyn Media> {
        Box::new(Self { blocks: self.blocks.resized(size_blocks) })
    }

    fn is_blank(&self) -> bool {
        self.blocks.held().next().is_none()
    }

    fn reshape(&mut self, size_blocks: u64, block_bytes: u32) -> Result<u64, MediaError> {
        *self = Self::new(size_blocks, block_bytes);
        Ok(size_blocks)
    }
}
