//! Media with a volatile cache in front. Blocks that were never written take no memory.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::BLOCK_BYTES;

type Block = Box<[u8]>;

pub(super) struct Media {
    blocks: u64,
    durable: BTreeMap<u64, Block>,
    zeros: Block,
    /// Writes since the last flush, oldest first. One block may appear several times.
    cached: Vec<(u64, Block)>,
    pub(super) has_cache: bool,
}

impl Media {
    pub(super) fn new(blocks: u64) -> Self {
        let zeros = vec![0; BLOCK_BYTES].into_boxed_slice();
        Self { blocks, durable: BTreeMap::new(), zeros, cached: Vec::new(), has_cache: false }
    }

    pub(super) fn size_blocks(&self) -> u64 {
        self.blocks
    }

    /// What a read sees: the newest write, durable or not.
    pub(super) fn read(&self, block: u64) -> &[u8] {
        let newest = self.cached.iter().rev().find(|(b, _)| *b == block);
        match newest {
            Some((_, data)) => data,
            None => self.durable.get(&block).unwrap_or(&self.zeros),
        }
    }

    pub(super) fn write(&mut self, block: u64, data: &[u8], is_durable: bool) {
        if self.has_cache && !is_durable {
            self.cached.push((block, data.into()));
        } else {
            // Older cached writes of the block must not come back over this one.
            self.cached.retain(|(b, _)| *b != block);
            self.durable.insert(block, data.into());
        }
    }

    pub(super) fn flush(&mut self) {
        self.crash(|_, _| true);
    }

    pub(super) fn unflushed(&self) -> Vec<u64> {
        self.cached.iter().map(|(block, _)| *block).collect()
    }

    /// Power fails: of the cached writes, oldest first, those stay for which `keep(index, block)`.
    pub(super) fn crash(&mut self, mut keep: impl FnMut(usize, u64) -> bool) {
        for (index, (block, data)) in self.cached.drain(..).enumerate() {
            if keep(index, block) {
                self.durable.insert(block, data);
            }
        }
    }
}
