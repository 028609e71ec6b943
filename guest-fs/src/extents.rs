//! The extent map of a file in memory: a root with leaves of extents, as on disk.
//!
//! A small file has one leaf, which lives in the inode (its block is 0). Leaves are shared between a
//! map and its clone until one of them changes them, so a transaction can work on a clone cheaply and
//! throw it away.
//!
//! Invariant: extents are in file order and do not overlap; only an empty file has an empty leaf.

use alloc::rc::Rc;
use alloc::vec::Vec;

use iomap::Errno;

use crate::format::extent::{Extent, LEAF_EXTENTS_MAX};
use crate::format::inode::{INLINE_EXTENTS_MAX, LEAVES_MAX};

/// The block of a leaf that lives in the inode.
pub(crate) const IN_INODE: u64 = 0;

/// Some extents of a file.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// Where it is, or [`IN_INODE`].
    pub(crate) block: u64,
    pub(crate) extents: Rc<Vec<Extent>>,
    /// Changed since the map was cloned.
    pub(crate) is_touched: bool,
}

impl Leaf {
    fn new(block: u64, extents: Vec<Extent>) -> Self {
        Self { block, extents: Rc::new(extents), is_touched: true }
    }

    fn touch(&mut self) -> &mut Vec<Extent> {
        self.is_touched = true;
        Rc::make_mut(&mut self.extents)
    }

    fn first(&self) -> u64 {
        self.extents.first().map_or(0, |extent| extent.file_block)
    }

    const fn extents_max(&self) -> usize {
        if self.block == IN_INODE { INLINE_EXTENTS_MAX } else { LEAF_EXTENTS_MAX }
    }
}

/// What is at a file block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// This extent.
    Extent(Extent),
    /// Nothing up to this file block (`u64::MAX`: to the end).
    HoleUpTo(u64),
}

/// All extents of a file.
#[derive(Clone, Debug)]
pub(crate) struct ExtentMap {
    leaves: Vec<Leaf>,
}

impl ExtentMap {
    /// The map of an empty file.
    pub(crate) fn empty() -> Self {
        Self::from_leaves(Vec::new())
    }

    /// A map read from disk.
    pub(crate) fn from_leaves(leaves: Vec<(u64, Vec<Extent>)>) -> Self {
        let mut leaves: Vec<_> =
            leaves.into_iter().map(|(block, extents)| Leaf::new(block, extents)).collect();
        if leaves.is_empty() {
            leaves.push(Leaf::new(IN_INODE, Vec::new()));
        }
        let mut map = Self { leaves };
        map.settle();
        map
    }

    /// From now on, changes count from here.
    pub(crate) fn settle(&mut self) {
        self.leaves.iter_mut().for_each(|leaf| leaf.is_touched = false);
    }

    pub(crate) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Extent> + '_ {
        self.leaves.iter().flat_map(|leaf| leaf.extents.iter().copied())
    }

    /// Blocks that the leaves themselves take.
    pub(crate) fn leaf_blocks(&self) -> u64 {
        self.leaves.iter().filter(|leaf| leaf.block != IN_INODE).count() as u64
    }

    /// Blocks of all extents.
    pub(crate) fn data_blocks(&self) -> u64 {
        self.iter().fold(0, |sum, extent| sum.saturating_add(extent.blocks))
    }

    /// The leaf that holds `file_block`, or would.
    fn leaf_index(&self, file_block: u64) -> usize {
        self.leaves.partition_point(|leaf| leaf.first() <= file_block).saturating_sub(1)
    }

    /// What is at `file_block`?
    pub(crate) fn lookup(&self, file_block: u64) -> Lookup {
        let index = self.leaf_index(file_block);
        let extents = self.leaves.get(index).map_or(&[][..], |leaf| leaf.extents.as_slice());
        let after = extents.partition_point(|extent| extent.file_block <= file_block);
        let found = after.checked_sub(1).and_then(|at| extents.get(at));
        if let Some(extent) = found.filter(|extent| file_block < extent.file_end()) {
            return Lookup::Extent(*extent);
        }
        let next_leaf = || self.leaves.get(index.saturating_add(1)).map(Leaf::first);
        let next = extents.get(after).map(|extent| extent.file_block).or_else(next_leaf);
        Lookup::HoleUpTo(next.unwrap_or(u64::MAX))
    }

    /// The last extent before `file_block`: where to allocate next to.
    pub(crate) fn before(&self, file_block: u64) -> Option<Extent> {
        let leaf = self.leaves.get(self.leaf_index(file_block))?;
        let after = leaf.extents.partition_point(|extent| extent.file_block < file_block);
        leaf.extents.get(after.checked_sub(1)?).copied()
    }

    /// Adds an extent where a hole is. `new_leaf` gives blocks for leaves.
    ///
    /// # Errors
    /// What `new_leaf` gives; `EFBIG` when the file has too many extents.
    pub(crate) fn insert(
        &mut self,
        extent: Extent,
        new_leaf: impl FnMut() -> Result<u64, Errno>,
    ) -> Result<(), Errno> {
        let index = self.leaf_index(extent.file_block);
        if let Some(leaf) = self.leaves.get_mut(index) {
            let extents = leaf.touch();
            let at = extents.partition_point(|other| other.file_block < extent.file_block);
            extents.insert(at, extent);
            merge_around(extents, at);
        }
        self.split_if_full(index, new_leaf)
    }

    /// Marks `[file_block, file_block + blocks)`, part of one unwritten extent, as written.
    ///
    /// # Errors
    /// As [`ExtentMap::insert`].
    pub(crate) fn convert(
        &mut self,
        file_block: u64,
        blocks: u64,
        new_leaf: impl FnMut() -> Result<u64, Errno>,
    ) -> Result<(), Errno> {
        let index = self.leaf_index(file_block);
        let Some(leaf) = self.leaves.get_mut(index) else {
            return Err(Errno::EIO);
        };
        let extents = leaf.touch();
        let after = extents.partition_point(|extent| extent.file_block <= file_block);
        let at = after.checked_sub(1).ok_or(Errno::EIO)?;
        let whole = extents.get(at).copied().ok_or(Errno::EIO)?;
        let before = file_block.checked_sub(whole.file_block).ok_or(Errno::EIO)?;
        let upto = before.saturating_add(blocks);
        let rest = whole.blocks.checked_sub(upto).ok_or(Errno::EIO)?;
        let piece = |skip: u64, blocks, is_unwritten| Extent {
            file_block: whole.file_block.saturating_add(skip),
            block: whole.block.saturating_add(skip),
            blocks,
            is_unwritten,
        };
        let pieces =
            [piece(0, before, true), piece(before, blocks, false), piece(upto, rest, true)];
        extents.splice(at..after, pieces.into_iter().filter(|piece| piece.blocks > 0));
        merge_around(extents, if before > 0 { after } else { at });
        self.split_if_full(index, new_leaf)
    }

    /// Takes the last extent away. Also gives the block of its leaf if that is empty now.
    pub(crate) fn pop(&mut self) -> Option<(Extent, Option<u64>)> {
        let leaf = self.leaves.last_mut()?;
        let extent = leaf.touch().pop()?;
        if !leaf.extents.is_empty() || leaf.block == IN_INODE {
            return Some((extent, None));
        }
        let block = leaf.block;
        self.leaves.pop();
        if self.leaves.is_empty() {
            self.leaves.push(Leaf::new(IN_INODE, Vec::new()));
        }
        Some((extent, Some(block)))
    }

    fn split_if_full(
        &mut self,
        index: usize,
        mut new_leaf: impl FnMut() -> Result<u64, Errno>,
    ) -> Result<(), Errno> {
        let Some(leaf) = self.leaves.get_mut(index) else {
            return Ok(());
        };
        if leaf.extents.len() <= leaf.extents_max() {
            return Ok(());
        }
        if leaf.block == IN_INODE {
            leaf.block = new_leaf()?;
        }
        let extents = leaf.touch();
        let upper = extents.split_off(extents.len() / 2);
        if self.leaves.len() >= LEAVES_MAX {
            return Err(Errno::EFBIG);
        }
        self.leaves.insert(index.saturating_add(1), Leaf::new(new_leaf()?, upper));
        Ok(())
    }
}

/// Merges the extent at `at` with its neighbours where they continue each other.
fn merge_around(extents: &mut Vec<Extent>, at: usize) {
    merge_with_next(extents, at);
    if let Some(before) = at.checked_sub(1) {
        merge_with_next(extents, before);
    }
}

fn merge_with_next(extents: &mut Vec<Extent>, at: usize) {
    let next_at = at.saturating_add(1);
    let Some(next) = extents.get(next_at).copied() else {
        return;
    };
    if let Some(extent) = extents.get_mut(at)
        && extent.continues_with(&next)
    {
        extent.blocks = extent.blocks.saturating_add(next.blocks);
        extents.remove(next_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extent(file_block: u64, block: u64, blocks: u64, is_unwritten: bool) -> Extent {
        Extent { file_block, block, blocks, is_unwritten }
    }

    fn no_leaf() -> Result<u64, Errno> {
        Err(Errno::ENOSPC)
    }

    #[test]
    fn neighbours_that_continue_each_other_are_one_extent() {
        let mut map = ExtentMap::empty();
        map.insert(extent(0, 100, 2, true), no_leaf).unwrap();
        map.insert(extent(4, 104, 2, true), no_leaf).unwrap();
        map.insert(extent(2, 102, 2, true), no_leaf).unwrap();
        assert_eq!(map.iter().collect::<Vec<_>>(), [extent(0, 100, 6, true)]);
        map.convert(2, 2, no_leaf).unwrap();
        map.convert(0, 2, no_leaf).unwrap();
        let expected = [extent(0, 100, 4, false), extent(4, 104, 2, true)];
        assert_eq!(map.iter().collect::<Vec<_>>(), expected);
        map.convert(4, 2, no_leaf).unwrap();
        assert_eq!(map.iter().collect::<Vec<_>>(), [extent(0, 100, 6, false)]);
    }

    #[test]
    fn a_hole_reaches_to_the_next_extent_even_in_another_leaf() {
        let leaf = |first: u64| vec![extent(first, 100 + first, 1, false)];
        let map = ExtentMap::from_leaves(vec![(50, leaf(2)), (51, leaf(9))]);
        assert_eq!(map.lookup(0), Lookup::HoleUpTo(2));
        assert_eq!(map.lookup(3), Lookup::HoleUpTo(9));
        assert_eq!(map.lookup(10), Lookup::HoleUpTo(u64::MAX));
    }

    proptest! {
        /// Every other block, in any order, then some converted, then all taken away again: the map
        /// agrees with a plain table, and leaves are given back.
        #[test]
        fn a_fragmented_map_agrees_with_a_table(
            order in Just((0..700_u64).collect::<Vec<_>>()).prop_shuffle(),
            written in proptest::collection::vec(0..700_u64, 0..300),
        ) {
            let mut map = ExtentMap::empty();
            let mut leaves = 0_u64;
            let mut table = vec![None; 1400];
            for index in order {
                let (file_block, block) = (index * 2, 5000 + index * 3);
                let leaf = || { leaves += 1; Ok(leaves) };
                map.insert(extent(file_block, block, 1, true), leaf).unwrap();
                table[file_block as usize] = Some((block, true));
            }
            for index in written {
                if let Some((block, true)) = table[index as usize * 2] {
                    map.convert(index * 2, 1, || { leaves += 1; Ok(leaves) }).unwrap();
                    table[index as usize * 2] = Some((block, false));
                }
            }
            for (file_block, expected) in table.iter().enumerate() {
                let found = match map.lookup(file_block as u64) {
                    Lookup::Extent(e) => Some((e.block, e.is_unwritten)),
                    Lookup::HoleUpTo(_) => None,
                };
                prop_assert_eq!(found, *expected);
            }
            prop_assert_eq!(map.leaf_blocks(), leaves);
            for leaf in map.leaves() {
                prop_assert!(leaf.extents.len() <= leaf.extents_max());
            }
            while let Some((_, freed)) = map.pop() {
                leaves -= u64::from(freed.is_some());
            }
            prop_assert_eq!(leaves, 0);
        }
    }
}
