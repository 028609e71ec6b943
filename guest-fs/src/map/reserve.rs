//! Delayed allocation: space for dirty pages is claimed when they are written, blocks are chosen when they
//! are sent. So ENOSPC comes at the write and never later.
//!
//! A claim counts the blocks and what the file's map may need for them at worst. Nothing of it is on disk:
//! a crash forgets claims with the pages they are for.

use alloc::collections::BTreeMap;
use core::ops::Range;

use block::BlockDevice;
use iomap::{Context, Errno, Iomap, MapKind};

use crate::events::Event;
use crate::format::BLOCK_BYTES;
use crate::state::{Core, State};

/// Records that a tree node holds at least after splits.
const NODE_RECORDS_MIN: u64 = 64;

/// File blocks with a claim on space: blocks to be allocated, or to be copied because they are shared.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    /// Ranges that neither meet nor touch: first block, one past the last.
    ranges: BTreeMap<u64, u64>,
    blocks: u64,
}

impl Reserved {
    /// What is claimed on the filesystem's free blocks: every block, and a tree node for so many records.
    const fn cost(&self) -> u64 {
        self.blocks.saturating_add(self.blocks.div_ceil(NODE_RECORDS_MIN))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Blocks to be allocated.
    pub(crate) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// The first range that has blocks in `[start, end)`: that part of it.
    pub(crate) fn next(&self, start: u64, end: u64) -> Option<Range<u64>> {
        let before = self.ranges.range(..=start).next_back();
        let at = before.filter(|(_, stop)| **stop > start);
        let (first, stop) = at.or_else(|| self.ranges.range(start..end.max(start)).next())?;
        let part = (*first).max(start)..(*stop).min(end);
        (!part.is_empty()).then_some(part)
    }

    fn insert(&mut self, range: &Range<u64>) {
        self.remove(range);
        let mut whole = range.clone();
        if let Some((first, stop)) = self.ranges.range(..range.start).next_back()
            && *stop == range.start
        {
            whole.start = *first;
        }
        if let Some(stop) = self.ranges.remove(&range.end) {
            whole.end = stop;
        }
        self.ranges.insert(whole.start, whole.end);
        self.blocks = self.blocks.saturating_add(range.end.saturating_sub(range.start));
    }

    /// Gives the blocks that were in the set.
    fn remove(&mut self, range: &Range<u64>) -> u64 {
        let mut removed: u64 = 0;
        while let Some(part) = self.next(range.start, range.end) {
            let found = self.ranges.range(..=part.start).next_back();
            let Some((first, stop)) = found.map(|(first, stop)| (*first, *stop)) else { break };
            self.ranges.remove(&first);
            if first < part.start {
                self.ranges.insert(first, part.start);
            }
            if part.end < stop {
                self.ranges.insert(part.end, stop);
            }
            removed = removed.saturating_add(part.end.saturating_sub(part.start));
        }
        self.blocks = self.blocks.saturating_sub(removed);
        removed
    }

    /// A hole is delayed allocation where blocks are claimed, and ends where a claim begins.
    pub(crate) fn overlay(&self, map: Iomap, pos: u64) -> Iomap {
        if map.kind != MapKind::Hole || self.is_empty() {
            return map;
        }
        let at = pos / BLOCK_BYTES;
        let end = map.offset.saturating_add(map.length) / BLOCK_BYTES;
        let Some(claim) = self.next(at, end) else { return map };
        let bytes = |blocks: u64| blocks.saturating_mul(BLOCK_BYTES);
        if claim.start > at {
            return Iomap { length: bytes(claim.start).saturating_sub(map.offset), ..map };
        }
        Iomap {
            kind: MapKind::Delalloc,
            offset: bytes(claim.start),
            length: bytes(claim.end.saturating_sub(claim.start)),
            ..map
        }
    }
}

impl State {
    /// Changes the claims of an inode and what they sum up to.
    fn change_claims<T>(
        &mut self,
        ino: u64,
        change: impl FnOnce(&mut Reserved) -> T,
    ) -> Result<(T, u64), Errno> {
        let incore = self.inodes.get_mut(&ino).ok_or(Errno::ENOENT)?;
        let before = incore.reserved.cost();
        let result = change(&mut incore.reserved);
        let cost = incore.reserved.cost();
        self.promised = self.promised.saturating_sub(before).saturating_add(cost);
        Ok((result, cost))
    }
}

impl<D: BlockDevice> Core<D> {
    /// Claims space for the blocks of `[start, end)` that have no claim yet.
    ///
    /// # Errors
    /// `ENOSPC`; nothing has changed then.
    pub(super) fn reserve(
        &self,
        ino: u64,
        blocks: &Range<u64>,
        context: Context,
    ) -> Result<(), Errno> {
        let cost = {
            let state = &mut *self.state();
            let reserved = &state.inodes.get(&ino).ok_or(Errno::ENOENT)?.reserved;
            let mut had: u64 = 0;
            let mut at = blocks.start;
            while let Some(part) = reserved.next(at, blocks.end) {
                had = had.saturating_add(part.end.saturating_sub(part.start));
                at = part.end;
            }
            let new = blocks.end.saturating_sub(blocks.start).saturating_sub(had);
            if new == 0 {
                return Ok(());
            }
            let nodes = new.div_ceil(NODE_RECORDS_MIN);
            if state.unclaimed() < new.saturating_add(nodes) {
                return Err(Errno::ENOSPC);
            }
            state.change_claims(ino, |reserved| reserved.insert(blocks))?.1
        };
        self.emit(Event::Reserve { ino, context, blocks: cost });
        Ok(())
    }

    /// Gives up the claims in `[start, end)`: the blocks are there now, or not needed any more.
    pub(crate) fn unreserve(&self, ino: u64, blocks: &Range<u64>, context: Context) {
        let change = {
            let state = &mut *self.state();
            let change = state.change_claims(ino, |reserved| reserved.remove(blocks));
            if let (Ok((1.., _)), Some(incore)) = (&change, state.inodes.get_mut(&ino)) {
                incore.cookie = incore.cookie.saturating_add(1);
            }
            change
        };
        if let Ok((1.., blocks)) = change {
            self.emit(Event::Reserve { ino, context, blocks });
        }
    }

    /// The claimed blocks around `file_block`, from there on.
    pub(super) fn claim_at(&self, ino: u64, file_block: u64) -> Result<Option<Range<u64>>, Errno> {
        let next = |incore: &mut crate::inode::Incore| incore.reserved.next(file_block, u64::MAX);
        Ok(self.with_inode(ino, next)?.filter(|claim| claim.start == file_block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_join_and_split_like_a_set_of_blocks() {
        let mut state = 7_u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut reserved = Reserved::default();
        let mut model = std::collections::BTreeSet::new();
        for _ in 0..5000 {
            let start = random(64);
            let range = start..start + random(12);
            if random(2) == 0 {
                if !range.is_empty() {
                    reserved.insert(&range);
                }
                model.extend(range);
            } else {
                let count = range.clone().filter(|block| model.remove(block)).count();
                assert_eq!(reserved.remove(&range), count as u64);
            }
            assert_eq!(reserved.blocks(), model.len() as u64);
            let mut seen = Vec::new();
            let mut at = 0;
            while let Some(part) = reserved.next(at, 100) {
                assert!(seen.is_empty() || part.start > at, "neighbours are one range");
                at = part.end;
                seen.extend(part);
            }
            assert!(seen.iter().eq(model.iter()));
        }
    }
}
