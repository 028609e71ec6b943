//! Sparse blocks in memory, over something else or over nothing.

use std::ops::Range;

use super::{Access, MediaError};
use crate::Rest;
use crate::buffer::BlockBytes;
use crate::radix::Radix;

/// A leaf of the tree has about so many bytes: one block of 4096, or eight of 512.
const LEAF_BYTES: usize = 4096;

/// More than the caches of one processor, and than its share of those that several have. Twice or half of it makes no
/// difference to a drive of hundreds of megabytes or to one of a few.
const CACHES_BYTES: u64 = 32 << 20;

/// What is known of a leaf, in one word: a drive of millions of blocks has as many of these.
///
/// `None`: it was never written, what is below shows. No bytes at all: zeros that hide what is below.
#[derive(Clone, Debug)]
struct Leaf(Option<BlockBytes>);

/// The same, to be looked at.
enum Shown<'a> {
    Hole,
    Zeros,
    Bytes(&'a BlockBytes),
}

impl Leaf {
    const HOLE: Self = Self(None);

    fn zeros() -> Self {
        Self(Some(BlockBytes::from(&[][..])))
    }

    fn shown(&self) -> Shown<'_> {
        match &self.0 {
            None => Shown::Hole,
            Some(bytes) if bytes.is_empty() => Shown::Zeros,
            Some(bytes) => Shown::Bytes(bytes),
        }
    }
}

/// What shows through holes: fills the bytes of the blocks from `lba` on.
pub(super) type Below<'a> = &'a dyn Fn(u64, &mut [u8]) -> Result<(), MediaError>;

/// Below is nothing.
pub(super) const NOTHING: Below<'static> = &|_, dst| {
    dst.fill(0);
    Ok(())
};

/// A part of a leaf that an access touches.
struct Part {
    leaf: u64,
    /// Bytes of the leaf.
    bytes: Range<usize>,
    /// The first block of the part.
    lba: u64,
}

/// Sparse blocks. Cloning them takes constant time; the copies share their leaves.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    leaves: Radix<Leaf>,
    block_bytes: u32,
    size_blocks: u64,
    leaf_blocks: u64,
    /// Leaves that were given bytes. What was discarded since is not taken off.
    filled: u64,
}

impl Blocks {
    pub(super) fn new(size_blocks: u64, block_bytes: u32) -> Self {
        let fit = LEAF_BYTES.checked_div(block_bytes as usize).unwrap_or(1).max(1);
        let leaf_blocks = 1_u64.wrapping_shl(fit.ilog2());
        let leaves = Radix::new(size_blocks.div_ceil(leaf_blocks), Leaf::HOLE);
        Self { leaves, block_bytes, size_blocks, leaf_blocks, filled: 0 }
    }

    /// Blocks that hide whatever is below.
    pub(super) fn zeros(size_blocks: u64, block_bytes: u32) -> Self {
        let mut blocks = Self::new(size_blocks, block_bytes);
        blocks.leaves = Radix::new(size_blocks.div_ceil(blocks.leaf_blocks), Leaf::zeros());
        blocks
    }

    /// So many blocks, of what these hold as far as both reach, and holes beyond. Bytes are shared.
    pub(super) fn resized(&self, size_blocks: u64) -> Self {
        let mut resized = Self::new(size_blocks, self.block_bytes);
        let leaves = self.size_blocks.min(size_blocks).div_ceil(self.leaf_blocks);
        for run in self.leaves.runs(0..leaves) {
            if run.value.0.is_some() {
                resized.leaves.set(run.first..run.first.saturating_add(run.count), run.value);
            }
        }
        resized.filled = self.filled;
        resized.clear_beyond_end();
        resized
    }

    /// The last leaf may reach beyond the end, where others may have been once and others may be again.
    fn clear_beyond_end(&mut self) {
        let beyond = self.bytes(self.size_blocks & self.leaf_blocks.saturating_sub(1));
        if beyond > 0
            && let Leaf(Some(bytes)) = self.leaves.get_mut(self.leaf(self.size_blocks))
            && !bytes.is_empty()
        {
            let length = bytes.len().saturating_sub(beyond);
            bytes.replace(beyond..bytes.len(), &vec![0; length]);
        }
    }

    pub(super) fn block_bytes(&self) -> u32 {
        self.block_bytes
    }

    pub(super) fn size_blocks(&self) -> u64 {
        self.size_blocks
    }

    /// Whether they take more memory than a processor has caches.
    pub(super) fn outgrow_caches(&self) -> bool {
        self.filled.saturating_mul(self.leaf_bytes() as u64) > CACHES_BYTES
    }

    /// The leaf of a block.
    fn leaf(&self, lba: u64) -> u64 {
        lba.wrapping_shr(self.leaf_blocks.trailing_zeros())
    }

    fn leaf_bytes(&self) -> usize {
        self.bytes(self.leaf_blocks)
    }

    fn bytes(&self, blocks: u64) -> usize {
        usize::try_from(blocks.saturating_mul(self.block_bytes.into())).unwrap_or(usize::MAX)
    }

    /// The leaves that so many bytes from `lba` on touch.
    fn parts(&self, lba: u64, length: usize) -> impl Iterator<Item = Part> + use<> {
        let (leaf_blocks, block_bytes) = (self.leaf_blocks, u64::from(self.block_bytes.max(1)));
        let end = lba.saturating_add((length as u64).checked_div(block_bytes).unwrap_or(0));
        let bytes = move |blocks: u64| {
            usize::try_from(blocks.saturating_mul(block_bytes)).unwrap_or(usize::MAX)
        };
        let mut next = lba;
        std::iter::from_fn(move || {
            let lba = next;
            let left = end.saturating_sub(lba);
            let offset = lba & leaf_blocks.saturating_sub(1);
            let count = leaf_blocks.saturating_sub(offset).min(left);
            next = lba.saturating_add(count);
            (left > 0).then(|| Part {
                leaf: lba.checked_div(leaf_blocks).unwrap_or(0),
                bytes: bytes(offset)..bytes(offset.saturating_add(count)),
                lba,
            })
        })
    }

    pub(super) fn read(
        &self,
        lba: u64,
        mut dst: &mut [u8],
        below: Below<'_>,
    ) -> Result<(), MediaError> {
        for part in self.parts(lba, dst.len()) {
            let Some((to, rest)) = dst.split_at_mut_checked(part.bytes.len()) else {
                break;
            };
            match self.leaves.get(part.leaf).0.shown() {
                Shown::Hole => below(part.lba, to)?,
                Shown::Zeros => to.fill(0),
                Shown::Bytes(bytes) => {
                    let from = bytes.get(part.bytes).filter(|from| from.len() == to.len());
                    to.copy_from_slice(from.unwrap_or_else(|| unreachable!("leaves are whole")));
                }
            }
            dst = rest;
        }
        Ok(())
    }

    /// So many bytes from `lba` on, if they are all in one leaf.
    pub(super) fn view(&self, lba: u64, length: usize) -> Option<&[u8]> {
        // What is hidden by zeros has no bytes to look at, either.
        let bytes = self.leaves.get(self.leaf(lba)).0.0.as_ref()?;
        let from = self.bytes(lba & self.leaf_blocks.saturating_sub(1));
        bytes.get(from..from.checked_add(length)?)
    }

    /// Asks for the leaf of a block.
    pub(super) fn seek(&self, lba: u64) {
        prefetch::value(self.leaves.get(self.leaf(lba)).0);
    }

    /// Asks for the first bytes of a block, and returns the others, to the end of its leaf. If they are to be replaced,
    /// only what that takes is asked for.
    pub(super) fn warm(&self, lba: u64, access: Access) -> Rest {
        let Some(bytes) = &self.leaves.get(self.leaf(lba)).0.0 else {
            return Rest::default();
        };
        if access == Access::Replaced {
            bytes.warm_ends(self.leaf_bytes());
            return Rest::default();
        }
        let before = self.bytes(lba & self.leaf_blocks.saturating_sub(1));
        bytes.warm(before..self.leaf_bytes())
    }

    pub(super) fn write(
        &mut self,
        lba: u64,
        mut src: &[u8],
        below: Below<'_>,
    ) -> Result<(), MediaError> {
        for part in self.parts(lba, src.len()) {
            let Some((from, rest)) = src.split_at_checked(part.bytes.len()) else {
                break;
            };
            self.write_part(&part, from, below)?;
            src = rest;
        }
        Ok(())
    }

    fn write_part(&mut self, part: &Part, from: &[u8], below: Below<'_>) -> Result<(), MediaError> {
        let is_whole = from.len() == self.leaf_bytes();
        let fresh = if is_whole { None } else { self.leaf_below(part.leaf, below)? };
        let Leaf(leaf) = self.leaves.get_mut(part.leaf);
        let is_filled = fresh.is_some() || leaf.as_ref().is_none_or(|bytes| bytes.is_empty());
        if let Some(fresh) = fresh {
            *leaf = Some(fresh.into());
        }
        match leaf {
            // Nobody shares it, or the other blocks of it are needed: in place.
            Some(bytes) if !is_whole || !(bytes.is_empty() || bytes.is_shared()) => {
                bytes.replace(part.bytes.clone(), from);
            }
            leaf => *leaf = Some(from.into()),
        }
        self.count(is_filled);
        Ok(())
    }

    fn count(&mut self, is_filled: bool) {
        self.filled = self.filled.saturating_add(is_filled.into());
    }

    /// The bytes of a leaf that has none of its own yet; `None` if it has.
    fn leaf_below(&self, leaf: u64, below: Below<'_>) -> Result<Option<Vec<u8>>, MediaError> {
        let has_below = match self.leaves.get(leaf).0.shown() {
            Shown::Bytes(_) => return Ok(None),
            Shown::Hole => true,
            Shown::Zeros => false,
        };
        let mut bytes = vec![0; self.leaf_bytes()];
        let first = leaf.saturating_mul(self.leaf_blocks);
        // The last leaf may reach beyond the end.
        let there = self.bytes(self.size_blocks.saturating_sub(first).min(self.leaf_blocks));
        if let Some(there) = bytes.get_mut(..there).filter(|_| has_below) {
            below(first, there)?;
        }
        Ok(Some(bytes))
    }

    /// Takes bytes over without copying them if they are just one leaf, and returns those that were there;
    /// otherwise copies and returns them.
    pub(super) fn write_shared(
        &mut self,
        lba: u64,
        src: BlockBytes,
        below: Below<'_>,
    ) -> Result<Option<BlockBytes>, MediaError> {
        let is_aligned = lba & self.leaf_blocks.saturating_sub(1) == 0;
        if !is_aligned || src.len() != self.leaf_bytes() {
            return self.write(lba, &src, below).map(|()| Some(src));
        }
        let leaf = self.leaf(lba);
        let Leaf(before) = std::mem::replace(self.leaves.get_mut(leaf), Leaf(Some(src)));
        let before = before.filter(|bytes| !bytes.is_empty());
        self.count(before.is_none());
        Ok(before)
    }

    /// Makes blocks read as zeros: `below` too, if there is anything.
    pub(super) fn discard(
        &mut self,
        lba: u64,
        blocks: u64,
        below: Option<Below<'_>>,
    ) -> Result<(), MediaError> {
        let end = lba.saturating_add(blocks).min(self.size_blocks);
        let whole_end = end.checked_div(self.leaf_blocks).unwrap_or(0);
        let whole = lba.div_ceil(self.leaf_blocks)..whole_end;
        let cleared = if below.is_some() { Leaf::zeros() } else { Leaf::HOLE };
        self.leaves.set(whole.clone(), &cleared);
        // What is left are the edges: less than a leaf at either side.
        let head_end = whole.start.saturating_mul(self.leaf_blocks).min(end);
        let tail = whole.end.saturating_mul(self.leaf_blocks).max(head_end);
        for edge in [lba..head_end, tail..end] {
            let count = edge.end.saturating_sub(edge.start);
            let leaf = edge.start.checked_div(self.leaf_blocks).unwrap_or(0);
            let is_zeros = match self.leaves.get(leaf).0.shown() {
                Shown::Hole => below.is_none(),
                Shown::Zeros => true,
                Shown::Bytes(_) => false,
            };
            if count > 0 && !is_zeros {
                self.write(edge.start, &vec![0; self.bytes(count)], below.unwrap_or(NOTHING))?;
            }
        }
        Ok(())
    }

    /// The blocks that are held in memory and differ from a hole, in order, leaf by leaf.
    pub(super) fn held(&self) -> impl Iterator<Item = Held<'_>> {
        let size = self.size_blocks.div_ceil(self.leaf_blocks);
        self.leaves.runs(0..size).filter_map(|run| {
            let first = run.first.saturating_mul(self.leaf_blocks);
            let room = self.size_blocks.saturating_sub(first);
            let blocks = run.count.saturating_mul(self.leaf_blocks).min(room);
            match run.value.shown() {
                Shown::Hole => None,
                Shown::Zeros => Some(Held { lba: first, blocks, bytes: None }),
                Shown::Bytes(bytes) => {
                    let bytes = bytes.get(..self.bytes(blocks));
                    Some(Held { lba: first, blocks, bytes })
                }
            }
        })
    }
}

/// Blocks that are held in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held<'a> {
    pub(super) lba: u64,
    pub(super) blocks: u64,
    /// `None`: zeros.
    pub(super) bytes: Option<&'a [u8]>,
}
