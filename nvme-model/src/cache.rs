//! The volatile write cache of one namespace.
//!
//! Writes are kept in the order in which they were executed, whole, until a flush or until the cache
//! is full. For each block the newest write is known. Only the newest version of a block is ever
//! written to the media, so a block that went to the media directly (FUA, deallocate) cannot be
//! overwritten by an older cached one. The bytes are shared, not copied: with the media if it likes, with
//! a write log, with a snapshot.
//!
//! What it does not do: it does not choose what survives a power cut (it tells [`crate::crash`] what there
//! is), and it caches no reads.

use std::collections::VecDeque;
use std::ops::Range;

use crate::BlockBytes;
use crate::crash::{Atomicity, Change, Content, Step};
use crate::radix::Radix;
use crate::sick::SickBlocks;

/// No write has the block: its newest version is on the media.
const NONE: u64 = 0;

/// A write that is not on the media yet.
#[derive(Clone, Debug)]
pub struct CachedWrite {
    /// The first block.
    pub slba: u64,
    /// Whole blocks.
    pub data: BlockBytes,
}

/// A write that leaves the cache.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) order: u64,
    pub(crate) write: CachedWrite,
    pub(crate) blocks: u64,
    /// What of it goes to the media: what is still the newest; or, if the write is an atomic unit of which
    /// a part is, all but what the media has newer. Runs of blocks, ascending.
    pub(crate) runs: Vec<Range<u64>>,
}

/// Writes that a power cut would lose.
#[derive(Clone, Debug)]
pub struct WriteCache {
    block_bytes: usize,
    /// The order of the first of `writes`; the others follow without gaps.
    first_order: u64,
    writes: VecDeque<CachedWrite>,
    /// The order of the write that has the newest version of a block, or [`NONE`].
    newest: Radix<u64>,
    /// Blocks that went to the media past the cache while it had a version of them, and the order of
    /// the first write after that: whatever is older must not come back over them.
    settled: VecDeque<(u64, Range<u64>)>,
    dirty_blocks: u64,
    held_blocks: u64,
}

impl WriteCache {
    pub(crate) fn new(size_blocks: u64, block_bytes: u32) -> Self {
        Self {
            block_bytes: block_bytes.max(1) as usize,
            first_order: NONE.saturating_add(1),
            writes: VecDeque::new(),
            newest: Radix::new(size_blocks, NONE),
            settled: VecDeque::new(),
            dirty_blocks: 0,
            held_blocks: 0,
        }
    }

    /// Blocks whose newest version is here and not on the media.
    #[must_use]
    pub fn dirty_blocks(&self) -> u64 {
        self.dirty_blocks
    }

    /// The cached writes by their order. A write may be superseded in part or whole, see
    /// [`WriteCache::is_newest`].
    pub fn writes(&self) -> impl Iterator<Item = (u64, &CachedWrite)> {
        (self.first_order..).zip(&self.writes)
    }

    /// Whether the write of this order has the newest version of `lba`.
    #[must_use]
    pub fn is_newest(&self, order: u64, lba: u64) -> bool {
        order != NONE && *self.newest.get(lba).0 == order
    }

    /// Blocks held, superseded versions included.
    pub(crate) fn held_blocks(&self) -> u64 {
        self.held_blocks
    }

    fn blocks_of(&self, write: &CachedWrite) -> u64 {
        write.data.len().checked_div(self.block_bytes).unwrap_or(0) as u64
    }

    /// Adds a write; returns its order.
    pub(crate) fn store(&mut self, slba: u64, data: BlockBytes) -> u64 {
        let order = self.first_order.saturating_add(self.writes.len() as u64);
        let write = CachedWrite { slba, data };
        let blocks = self.blocks_of(&write);
        self.supersede(slba, blocks);
        match blocks {
            1 => *self.newest.get_mut(slba) = order,
            _ => self.newest.set(slba..slba.saturating_add(blocks), &order),
        }
        self.dirty_blocks = self.dirty_blocks.saturating_add(blocks);
        self.held_blocks = self.held_blocks.saturating_add(blocks);
        self.writes.push_back(write);
        order
    }

    /// The versions of a range, in runs: where each begins, how many blocks it has, and the bytes if
    /// they are here. Neighbours may both be absent.
    pub(crate) fn runs(
        &self,
        slba: u64,
        blocks: u64,
    ) -> impl Iterator<Item = (u64, u64, Option<&[u8]>)> {
        self.newest
            .runs(slba..slba.saturating_add(blocks))
            .map(|run| (run.first, run.count, self.bytes(*run.value, run.first, run.count)))
    }

    /// So many blocks of a write.
    fn bytes(&self, order: u64, first: u64, blocks: u64) -> Option<&[u8]> {
        let index = order.checked_sub(self.first_order).filter(|_| order != NONE)?;
        let write = self.writes.get(usize::try_from(index).ok()?)?;
        write.blocks(&(first..first.saturating_add(blocks)), self.block_bytes)
    }

    /// Whether the newest version of a block is here.
    pub(crate) fn has(&self, lba: u64) -> bool {
        *self.newest.get(lba).0 != NONE
    }

    /// Forgets every version of these blocks: they are about to be on the media.
    pub(crate) fn forget(&mut self, slba: u64, blocks: u64) {
        if self.supersede(slba, blocks) {
            let next = self.first_order.saturating_add(self.writes.len() as u64);
            self.settled.push_back((next, slba..slba.saturating_add(blocks)));
        }
    }

    /// What happened to the blocks since all of the cache was on the media, oldest first.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut settled = self.settled.iter().peekable();
        let mut steps = Vec::new();
        for (order, write) in self.writes() {
            while let Some((_, range)) = settled.next_if(|(before, _)| *before <= order) {
                steps.push(Step::Settled(range.clone()));
            }
            let content = Content::Bytes(write.data.clone());
            let (key, slba, blocks) = (order, write.slba, self.blocks_of(write));
            steps.push(Step::Open(Change { key, slba, blocks, content }));
        }
        steps.extend(settled.map(|(_, range)| Step::Settled(range.clone())));
        steps
    }

    /// No version of these blocks is the newest any more; whether one was.
    fn supersede(&mut self, slba: u64, blocks: u64) -> bool {
        if self.dirty_blocks == 0 {
            return false;
        }
        let range = slba..slba.saturating_add(blocks);
        let dirty =
            |run: crate::radix::Run<'_, u64>| if *run.value == NONE { 0 } else { run.count };
        let gone = self.newest.runs(range.clone()).map(dirty).fold(0, u64::saturating_add);
        if gone > 0 {
            self.newest.set(range, &NONE);
            self.dirty_blocks = self.dirty_blocks.saturating_sub(gone);
        }
        gone > 0
    }

    /// Takes the oldest write out, to stay whole on the media as far as that is promised.
    pub(crate) fn take_oldest(&mut self, atomicity: &Atomicity) -> Option<Leaving> {
        let write = self.writes.pop_front()?;
        let order = self.first_order;
        self.first_order = order.saturating_add(1);
        let blocks = self.blocks_of(&write);
        self.held_blocks = self.held_blocks.saturating_sub(blocks);
        let mut newest: Vec<Range<u64>> = Vec::new();
        for run in self.newest.runs(write.range(blocks)) {
            let end = run.first.saturating_add(run.count);
            match newest.last_mut() {
                _ if *run.value != order => {}
                Some(last) if last.end == run.first => last.end = end,
                _ => newest.push(run.first..end),
            }
        }
        for run in &newest {
            let count = run.end.saturating_sub(run.start);
            self.dirty_blocks = self.dirty_blocks.saturating_sub(count);
            match count {
                1 => *self.newest.get_mut(run.start) = NONE,
                _ => self.newest.set(run.clone(), &NONE),
            }
        }
        let is_part = newest.first().is_some_and(|run| *run != write.range(blocks));
        let runs = if is_part && atomicity.is_whole(write.slba, blocks) {
            self.unsettled(write.range(blocks))
        } else {
            newest
        };
        while self.settled.front().is_some_and(|(before, _)| *before <= self.first_order) {
            self.settled.pop_front();
        }
        Some(Leaving { order, write, blocks, runs })
    }

    /// What of the oldest write's blocks did not go to the media past the cache since.
    fn unsettled(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut left = SickBlocks::new(range);
        for (_, gone) in &self.settled {
            left.heal(gone.start, gone.end.saturating_sub(gone.start));
        }
        left.ranges()
    }

    /// Loses everything; returns how many blocks were lost.
    pub(crate) fn clear(&mut self) -> u64 {
        let lost = self.dirty_blocks;
        self.first_order = self.first_order.saturating_add(self.writes.len() as u64);
        self.writes.clear();
        self.settled.clear();
        self.newest.set_all(NONE);
        (self.held_blocks, self.dirty_blocks) = (0, 0);
        lost
    }
}

impl CachedWrite {
    fn range(&self, blocks: u64) -> Range<u64> {
        self.slba..self.slba.saturating_add(blocks)
    }

    /// The bytes of some of its blocks; `None` if they are not all its own.
    pub(crate) fn blocks(&self, range: &Range<u64>, block_bytes: usize) -> Option<&[u8]> {
        let byte =
            |lba: u64| usize::try_from(lba.checked_sub(self.slba)?).ok()?.checked_mul(block_bytes);
        self.data.get(byte(range.start)?..byte(range.end)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(value: u8, blocks: usize) -> BlockBytes {
        vec![value; blocks * 512].into()
    }

    fn cache() -> WriteCache {
        WriteCache::new(1 << 20, 512)
    }

    fn first_byte(cache: &WriteCache, lba: u64) -> Option<u8> {
        let (_, _, bytes) = cache.runs(lba, 1).next().expect("a run");
        bytes.map(|block| block[0])
    }

    #[test]
    fn the_newest_version_of_a_block_is_read() {
        let mut cache = cache();
        cache.store(10, data(1, 4));
        cache.store(12, data(2, 1));
        assert_eq!(first_byte(&cache, 11), Some(1));
        assert_eq!(first_byte(&cache, 12), Some(2));
        assert_eq!(first_byte(&cache, 14), None);
        assert_eq!((cache.dirty_blocks(), cache.held_blocks()), (4, 5));
    }

    #[test]
    fn a_superseded_block_never_goes_to_the_media() {
        let mut cache = cache();
        let first = cache.store(10, data(1, 4));
        cache.store(11, data(2, 1));
        let leaving = cache.take_oldest(&Atomicity::default()).expect("a write");
        assert_eq!((leaving.order, leaving.write.slba, leaving.blocks), (first, 10, 4));
        assert_eq!(leaving.runs, [10..11, 12..14]);
        assert_eq!((cache.dirty_blocks(), cache.held_blocks()), (1, 1));
    }

    #[test]
    fn an_atomic_unit_of_which_a_part_is_superseded_goes_whole_but_for_what_is_newer_there() {
        let unit = Atomicity { unit_blocks: 4, ..Atomicity::default() };
        let mut cache = cache();
        cache.store(10, data(1, 4));
        cache.store(11, data(2, 1));
        cache.forget(13, 1);
        cache.store(13, data(3, 1));
        assert_eq!(cache.take_oldest(&unit).map(|leaving| leaving.runs), Some(vec![10..13; 1]));
        assert_eq!(cache.dirty_blocks(), 2);
        // Nothing of it is seen: it need not go at all.
        cache.store(13, data(4, 1));
        cache.take_oldest(&unit);
        assert_eq!(cache.take_oldest(&unit).map(|leaving| leaving.runs), Some(vec![]));
    }

    #[test]
    fn a_forgotten_block_never_comes_back() {
        let mut cache = cache();
        cache.store(10, data(1, 1));
        cache.store(10, data(2, 1));
        cache.forget(10, 1);
        assert_eq!(first_byte(&cache, 10), None);
        assert_eq!(
            cache.take_oldest(&Atomicity::default()).map(|leaving| leaving.runs),
            Some(vec![])
        );
        assert_eq!(
            cache.take_oldest(&Atomicity::default()).map(|leaving| leaving.runs),
            Some(vec![])
        );
        assert!(cache.take_oldest(&Atomicity::default()).is_none());
    }

    #[test]
    fn what_leaves_is_one_run_wherever_it_lies() {
        let mut cache = cache();
        cache.store(60, data(1, 200));
        let leaving = cache.take_oldest(&Atomicity::default()).expect("a write");
        assert!(matches!(leaving.runs.as_slice(), [run] if *run == (60..260)), "{leaving:?}");
    }

    #[test]
    fn writes_are_listed_in_their_order_which_goes_on_after_a_power_cut() {
        let mut cache = cache();
        cache.store(5, data(1, 1));
        cache.store(1, data(2, 1));
        let order: Vec<(u64, u64)> =
            cache.writes().map(|(order, write)| (order, write.slba)).collect();
        assert_eq!(order, [(1, 5), (2, 1)]);
        assert!(cache.is_newest(2, 1) && !cache.is_newest(1, 1));
        assert_eq!(cache.clear(), 2);
        assert_eq!(cache.store(1, data(3, 1)), 3);
        assert_eq!((first_byte(&cache, 5), first_byte(&cache, 1)), (None, Some(3)));
    }
}
