//! The volatile write cache of one namespace.
//!
//! Writes are kept in the order in which they were executed, whole, until a flush or until the cache
//! is full. For each block the newest write is known. Only the newest version of a block is ever
//! written to the media, so a block that went to the media directly (FUA, deallocate) cannot be
//! overwritten by an older cached one.
//!
//! What it does not do: no choice of survivors after a power cut beyond all or none (the writes and
//! their order are there for whoever chooses), no read caching.

use std::collections::BTreeMap;

/// A write that is not on the media yet.
#[derive(Clone, Debug)]
pub struct CachedWrite {
    /// The first block.
    pub slba: u64,
    /// Whole blocks.
    pub data: Box<[u8]>,
}

/// Consecutive blocks on their way to the media.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) slba: u64,
    pub(crate) data: Vec<u8>,
}

/// Writes that a power cut would lose.
#[derive(Clone, Debug)]
pub struct WriteCache {
    block_bytes: usize,
    writes: BTreeMap<u64, CachedWrite>,
    /// Block to the write that has its newest version.
    newest: BTreeMap<u64, u64>,
    next_order: u64,
    held_bytes: usize,
}

impl WriteCache {
    pub(crate) fn new(block_bytes: u32) -> Self {
        Self {
            block_bytes: block_bytes.max(1) as usize,
            writes: BTreeMap::new(),
            newest: BTreeMap::new(),
            next_order: 1,
            held_bytes: 0,
        }
    }

    /// Blocks whose newest version is here and not on the media.
    #[must_use]
    pub fn dirty_blocks(&self) -> u64 {
        self.newest.len() as u64
    }

    /// The cached writes by their order. A write may be superseded in part or whole, see
    /// [`WriteCache::is_newest`].
    pub fn writes(&self) -> impl Iterator<Item = (u64, &CachedWrite)> {
        self.writes.iter().map(|(order, write)| (*order, write))
    }

    /// Whether the write of this order has the newest version of `lba`.
    #[must_use]
    pub fn is_newest(&self, order: u64, lba: u64) -> bool {
        self.newest.get(&lba) == Some(&order)
    }

    /// Blocks held, superseded versions included.
    pub(crate) fn held_blocks(&self) -> u64 {
        self.held_bytes.checked_div(self.block_bytes).unwrap_or(0) as u64
    }

    /// Adds a write; returns its order.
    pub(crate) fn store(&mut self, slba: u64, data: Box<[u8]>) -> u64 {
        let order = self.next_order;
        self.next_order = order.saturating_add(1);
        for (lba, _) in (slba..).zip(data.chunks(self.block_bytes)) {
            self.newest.insert(lba, order);
        }
        self.held_bytes = self.held_bytes.saturating_add(data.len());
        self.writes.insert(order, CachedWrite { slba, data });
        order
    }

    /// The newest cached version of a block.
    pub(crate) fn get(&self, lba: u64) -> Option<&[u8]> {
        let write = self.writes.get(self.newest.get(&lba)?)?;
        let index = usize::try_from(lba.checked_sub(write.slba)?).ok()?;
        write.data.chunks(self.block_bytes).nth(index)
    }

    /// Forgets every version of these blocks: they are about to be on the media.
    pub(crate) fn forget(&mut self, slba: u64, blocks: u64) {
        let end = slba.saturating_add(blocks);
        let gone: Vec<u64> = self.newest.range(slba..end).map(|(lba, _)| *lba).collect();
        for lba in gone {
            self.newest.remove(&lba);
        }
    }

    /// Takes the oldest write out: its order, its range in blocks and what of it is still the newest.
    pub(crate) fn take_oldest(&mut self) -> Option<(u64, u64, u32, Vec<Run>)> {
        let (order, write) = self.writes.pop_first()?;
        self.held_bytes = self.held_bytes.saturating_sub(write.data.len());
        let mut runs: Vec<Run> = Vec::new();
        let mut blocks = 0_u32;
        let mut is_adjacent = false;
        for (lba, block) in (write.slba..).zip(write.data.chunks(self.block_bytes)) {
            blocks = blocks.saturating_add(1);
            if self.newest.get(&lba) != Some(&order) {
                is_adjacent = false;
                continue;
            }
            self.newest.remove(&lba);
            match runs.last_mut() {
                Some(run) if is_adjacent => run.data.extend_from_slice(block),
                _ => runs.push(Run { slba: lba, data: block.to_vec() }),
            }
            is_adjacent = true;
        }
        Some((order, write.slba, blocks, runs))
    }

    /// Loses everything; returns how many blocks were lost.
    pub(crate) fn clear(&mut self) -> u64 {
        let lost = self.dirty_blocks();
        self.writes.clear();
        self.held_bytes = 0;
        self.newest.clear();
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(value: u8, blocks: usize) -> Box<[u8]> {
        vec![value; blocks * 512].into()
    }

    #[test]
    fn the_newest_version_of_a_block_is_read() {
        let mut cache = WriteCache::new(512);
        cache.store(10, data(1, 4));
        cache.store(12, data(2, 1));
        assert_eq!(cache.get(11).map(|block| block[0]), Some(1));
        assert_eq!(cache.get(12).map(|block| block[0]), Some(2));
        assert_eq!(cache.get(14), None);
        assert_eq!((cache.dirty_blocks(), cache.held_blocks()), (4, 5));
    }

    #[test]
    fn a_superseded_block_never_goes_to_the_media() {
        let mut cache = WriteCache::new(512);
        let first = cache.store(10, data(1, 4));
        cache.store(11, data(2, 1));
        let (order, slba, blocks, runs) = cache.take_oldest().expect("a write");
        assert_eq!((order, slba, blocks), (first, 10, 4));
        assert_eq!(
            runs,
            [Run { slba: 10, data: vec![1; 512] }, Run { slba: 12, data: vec![1; 1024] },]
        );
    }

    #[test]
    fn a_forgotten_block_never_comes_back() {
        let mut cache = WriteCache::new(512);
        cache.store(10, data(1, 1));
        cache.store(10, data(2, 1));
        cache.forget(10, 1);
        assert_eq!(cache.get(10), None);
        assert_eq!(cache.take_oldest().map(|write| write.3), Some(Vec::new()));
        assert_eq!(cache.take_oldest().map(|write| write.3), Some(Vec::new()));
        assert!(cache.take_oldest().is_none());
    }

    #[test]
    fn writes_are_listed_in_their_order() {
        let mut cache = WriteCache::new(512);
        cache.store(5, data(1, 1));
        cache.store(1, data(2, 1));
        let order: Vec<(u64, u64)> =
            cache.writes().map(|(order, write)| (order, write.slba)).collect();
        assert_eq!(order, [(1, 5), (2, 1)]);
        assert!(cache.is_newest(2, 1) && !cache.is_newest(1, 1));
    }
}
