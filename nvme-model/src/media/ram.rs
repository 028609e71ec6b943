//! Sparse media in memory.

use std::collections::BTreeMap;

use super::{Media, MediaError};

/// Blocks in memory; only those written take space.
#[derive(Clone, Debug)]
pub struct RamMedia {
    block_bytes: u32,
    size_blocks: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

impl RamMedia {
    /// Media of `size_blocks` blocks, all zeros.
    #[must_use]
    pub fn new(size_blocks: u64, block_bytes: u32) -> Self {
        Self { block_bytes, size_blocks, blocks: BTreeMap::new() }
    }

    /// The blocks that were ever written and not discarded, in order.
    pub fn written(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.blocks.iter().map(|(lba, data)| (*lba, data.as_ref()))
    }

    fn chunk(&self) -> usize {
        self.block_bytes.max(1) as usize
    }
}

impl Media for RamMedia {
    fn block_bytes(&self) -> u32 {
        self.block_bytes
    }

    fn size_blocks(&self) -> u64 {
        self.size_blocks
    }

    fn read(&mut self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError> {
        for (lba, block) in (lba..).zip(dst.chunks_mut(self.chunk())) {
            match self.blocks.get(&lba).and_then(|data| data.get(..block.len())) {
                Some(data) => block.copy_from_slice(data),
                None => block.fill(0),
            }
        }
        Ok(())
    }

    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError> {
        let chunk = self.chunk();
        for (lba, block) in (lba..).zip(src.chunks(chunk)) {
            self.blocks.insert(lba, block.into());
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        Ok(())
    }

    fn discard(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        let gone: Vec<u64> =
            self.blocks.range(lba..lba.saturating_add(blocks)).map(|(lba, _)| *lba).collect();
        for lba in gone {
            self.blocks.remove(&lba);
        }
        Ok(())
    }

    fn resize(&mut self, size_blocks: u64) -> Result<(), MediaError> {
        self.blocks.split_off(&size_blocks);
        self.size_blocks = size_blocks;
        Ok(())
    }
}
