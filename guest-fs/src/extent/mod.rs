//! The extent map of a file: which file blocks are which device blocks.
//!
//! Records of the file's tree: the key is the first file block, the value the run of device blocks.
//! Neighbours that continue each other are one record.
//!
//! What this module does not do: it allocates and frees no data blocks, and it knows no sharing.

mod change;
#[cfg(test)]
mod tests;

pub(crate) use change::{add, cut};

use crate::btree::{Record, Tree};
use crate::format::bytes::{get_u32, get_u64};
use crate::format::inode::FILE_BLOCKS_MAX;
use crate::format::superblock::Layout;
use crate::meta::{Fault, MetaRead};

/// The one flag of an extent: it reads as zeros.
const UNWRITTEN: u32 = 1;

/// Bytes of an extent's value: device block (8), blocks (4), flags (4).
const VALUE: usize = 16;

/// A run of file blocks that is a run of device blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The first block in the file.
    pub(crate) file_block: u64,
    /// The first block on the device.
    pub(crate) block: u64,
    /// How many; at least 1, inside one group.
    pub(crate) blocks: u64,
    /// Allocated but never written: reads as zeros.
    pub(crate) is_unwritten: bool,
}

impl Extent {
    /// One past the last block in the file.
    pub(crate) const fn file_end(&self) -> u64 {
        self.file_block.saturating_add(self.blocks)
    }

    /// One past the last block on the device.
    pub(crate) const fn end(&self) -> u64 {
        self.block.saturating_add(self.blocks)
    }

    /// Can `next` be part of this extent?
    const fn continues_with(&self, next: &Self) -> bool {
        self.file_end() == next.file_block
            && self.end() == next.block
            && self.is_unwritten == next.is_unwritten
    }

    /// The part inside of `[start, end)`, which it meets.
    pub(crate) fn part(&self, start: u64, end: u64) -> Self {
        let first = self.file_block.max(start);
        let skip = first.saturating_sub(self.file_block);
        Self {
            file_block: first,
            block: self.block.saturating_add(skip),
            blocks: self.file_end().min(end).saturating_sub(first),
            is_unwritten: self.is_unwritten,
        }
    }

    fn value(&self) -> [u8; VALUE] {
        let blocks = u32::try_from(self.blocks).unwrap_or(u32::MAX);
        let flags = if self.is_unwritten { UNWRITTEN } else { 0 };
        let value = u128::from(self.block) | u128::from(blocks) << 64 | u128::from(flags) << 96;
        value.to_le_bytes()
    }

    /// The extent that a record of the tree stands for.
    pub(crate) fn from_record(key: u64, value: &[u8]) -> Self {
        Self {
            file_block: key,
            block: get_u64(value, 0),
            blocks: get_u32(value, 8).into(),
            is_unwritten: get_u32(value, 12) & UNWRITTEN != 0,
        }
    }
}

impl From<Record> for Extent {
    fn from(record: Record) -> Self {
        Self::from_record(record.key, record.value())
    }
}

/// Does a record of an extent tree make sense by itself?
pub(crate) fn is_record(layout: &Layout, key: u64, value: &[u8]) -> bool {
    let extent = Extent::from_record(key, value);
    value.len() == VALUE
        && get_u32(value, 12) & !UNWRITTEN == 0
        && extent.file_end() <= FILE_BLOCKS_MAX
        && layout.is_data_run(extent.block, extent.blocks)
}

/// What is at a file block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// This extent.
    Extent(Extent),
    /// Nothing up to this file block (`u64::MAX`: to the end).
    HoleUpTo(u64),
}

/// What is at `file_block` of a file?
///
/// # Errors
/// What reading the tree gives; corruption for extents that overlap.
pub(crate) fn lookup<M: MetaRead + ?Sized>(
    meta: &M,
    ino: u64,
    file_block: u64,
) -> Result<Lookup, Fault> {
    let tree = Tree::extents(ino);
    if let Some(extent) = tree.floor(meta, file_block)?.map(Extent::from)
        && file_block < extent.file_end()
    {
        return Ok(Lookup::Extent(extent));
    }
    let next = tree.ceiling(meta, file_block)?;
    Ok(Lookup::HoleUpTo(next.map_or(u64::MAX, |record| record.key)))
}

/// The last extent that starts before `file_block`: where to allocate next to.
///
/// # Errors
/// What reading the tree gives.
pub(crate) fn before<M: MetaRead + ?Sized>(
    meta: &M,
    ino: u64,
    file_block: u64,
) -> Result<Option<Extent>, Fault> {
    let Some(key) = file_block.checked_sub(1) else { return Ok(None) };
    Ok(Tree::extents(ino).floor(meta, key)?.map(Extent::from))
}

/// The first extent that has blocks at or after `file_block`.
///
/// # Errors
/// What reading the tree gives.
pub(crate) fn next<M: MetaRead + ?Sized>(
    meta: &M,
    ino: u64,
    file_block: u64,
) -> Result<Option<Extent>, Fault> {
    match lookup(meta, ino, file_block)? {
        Lookup::Extent(extent) => Ok(Some(extent)),
        Lookup::HoleUpTo(u64::MAX) => Ok(None),
        Lookup::HoleUpTo(at) => Ok(Tree::extents(ino).get(meta, at)?.map(Extent::from)),
    }
}
