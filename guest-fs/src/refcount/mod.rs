//! Which blocks belong to more than one file, and which wait to replace such a block.
//!
//! Records: the key is the first block, the value how many blocks (4 bytes) and how many owners (4 bytes,
//! at least 2). A block in use without a record has one owner. A key with its highest bit set is a
//! *staging* run: allocated for a copy on write that is not finished; a mount frees it.
//!
//! Each function changes one run of blocks that are all alike, so its cost is bounded; callers loop.

#[cfg(test)]
mod tests;

use crate::btree::{Record, Tree};
use crate::format::bytes::get_u32;
use crate::format::superblock::Layout;
use crate::meta::{Fault, MetaRead, MetaWrite};
use crate::space::Run;

use iomap::Errno;

/// The bit of a staging run's key.
const STAGING: u64 = 1 << 63;

/// Bytes of a value: blocks (4), owners (4).
const VALUE: usize = 8;

/// Blocks that are all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owners {
    pub(crate) run: Run,
    /// How many files they belong to.
    pub(crate) owners: u32,
}

impl Owners {
    fn from_record(key: u64, value: &[u8]) -> Self {
        let run = Run { start: key, blocks: get_u32(value, 0).into() };
        Self { run, owners: get_u32(value, 4) }
    }

    fn value(self) -> [u8; VALUE] {
        let blocks = u32::try_from(self.run.blocks).unwrap_or(u32::MAX);
        (u64::from(blocks) | u64::from(self.owners) << 32).to_le_bytes()
    }
}

impl From<Record> for Owners {
    fn from(record: Record) -> Self {
        Self::from_record(record.key, record.value())
    }
}

/// Does a record of the tree make sense by itself?
pub(crate) fn is_record(layout: &Layout, key: u64, value: &[u8]) -> bool {
    let record = Owners::from_record(key, value);
    let has_owners = if key & STAGING == 0 { record.owners >= 2 } else { record.owners == 1 };
    value.len() == VALUE && has_owners && layout.is_data_run(key & !STAGING, record.run.blocks)
}

/// A record as a check sees it: the run, its owners, and whether it is staging.
pub(crate) fn decode(key: u64, value: &[u8]) -> (Owners, bool) {
    let mut record = Owners::from_record(key, value);
    record.run.start = key & !STAGING;
    (record, key & STAGING != 0)
}

/// The first part of `run` whose blocks are all alike.
///
/// # Errors
/// What reading the tree gives.
pub(crate) fn first_alike<M: MetaRead + ?Sized>(meta: &M, run: Run) -> Result<Owners, Fault> {
    let tree = Tree::refcounts(meta.layout());
    if let Some(record) = tree.floor(meta, run.start)?.map(Owners::from)
        && record.run.start & STAGING == 0
        && run.start < record.run.end()
    {
        let blocks = record.run.end().min(run.end()).saturating_sub(run.start);
        return Ok(Owners { run: Run { blocks, ..run }, owners: record.owners });
    }
    let next = tree.ceiling(meta, run.start)?.map_or(u64::MAX, |record| record.key);
    let blocks = next.min(run.end()).saturating_sub(run.start);
    Ok(Owners { run: Run { blocks, ..run }, owners: 1 })
}

/// One owner more for the first part of `run` that is alike. Gives that part.
///
/// # Errors
/// `EMLINK` for too many owners, and what the tree gives.
pub(crate) fn increase<W: MetaWrite + ?Sized>(meta: &mut W, run: Run) -> Result<Run, Fault> {
    let alike = first_alike(meta, run)?;
    let owners = alike.owners.checked_add(1).ok_or(Errno::EMLINK)?;
    set(meta, alike, owners)?;
    Ok(alike.run)
}

/// One owner less for the first part of `run` that is alike. Gives that part with the owners that are
/// left: with none, its blocks are to be freed.
///
/// # Errors
/// What the tree gives.
pub(crate) fn decrease<W: MetaWrite + ?Sized>(meta: &mut W, run: Run) -> Result<Owners, Fault> {
    let alike = first_alike(meta, run)?;
    let owners = alike.owners.saturating_sub(1);
    if alike.owners > 1 {
        set(meta, alike, owners)?;
    }
    Ok(Owners { run: alike.run, owners })
}

/// Changes the owners of a run that is alike.
fn set<W: MetaWrite + ?Sized>(meta: &mut W, alike: Owners, owners: u32) -> Result<(), Fault> {
    let tree = Tree::refcounts(meta.layout());
    let run = alike.run;
    if alike.owners > 1
        && let Some(whole) = tree.floor(meta, run.start)?.map(Owners::from)
    {
        let tail = Run { start: run.end(), blocks: whole.run.end().saturating_sub(run.end()) };
        let head = Run { blocks: run.start.saturating_sub(whole.run.start), ..whole.run };
        if head.blocks > 0 {
            tree.replace(meta, head.start, &Owners { run: head, ..whole }.value())?;
        } else {
            tree.remove(meta, whole.run.start)?;
        }
        if tail.blocks > 0 {
            tree.insert(meta, tail.start, &Owners { run: tail, ..whole }.value())?;
        }
    }
    if owners < 2 { Ok(()) } else { add(meta, Owners { run, owners }) }
}

/// Adds a record, as part of neighbours that are like it.
fn add<W: MetaWrite + ?Sized>(meta: &mut W, record: Owners) -> Result<(), Fault> {
    let tree = Tree::refcounts(meta.layout());
    let mut whole = record;
    let is_one = |a: &Owners, b: &Owners| {
        let is_same_group = Layout::group_of(a.run.start) == Layout::group_of(b.run.start);
        a.run.end() == b.run.start && a.owners == b.owners && is_same_group
    };
    if let Some(after) = tree.get(meta, record.run.end())?.map(Owners::from)
        && is_one(&whole, &after)
    {
        tree.remove(meta, after.run.start)?;
        whole.run.blocks = whole.run.blocks.saturating_add(after.run.blocks);
    }
    let key = record.run.start.saturating_sub(1);
    if let Some(before) = tree.floor(meta, key)?.map(Owners::from)
        && is_one(&before, &whole)
    {
        let blocks = before.run.blocks.saturating_add(whole.run.blocks);
        let merged = Owners { run: Run { blocks, ..before.run }, ..before };
        return tree.replace(meta, before.run.start, &merged.value());
    }
    tree.insert(meta, whole.run.start, &whole.value())
}

/// Notes a run as allocated for a copy on write.
///
/// # Errors
/// What the tree gives.
pub(crate) fn stage<W: MetaWrite + ?Sized>(meta: &mut W, run: Run) -> Result<(), Fault> {
    let value = Owners { run, owners: 1 }.value();
    Tree::refcounts(meta.layout()).insert(meta, run.start | STAGING, &value)
}

/// The note on a staging run goes; `false` if there is none that starts there.
///
/// # Errors
/// What the tree gives.
pub(crate) fn unstage<W: MetaWrite + ?Sized>(meta: &mut W, start: u64) -> Result<bool, Fault> {
    Tree::refcounts(meta.layout()).remove(meta, start | STAGING)
}

/// The first staging run.
///
/// # Errors
/// What the tree gives.
pub(crate) fn first_staged<M: MetaRead + ?Sized>(meta: &M) -> Result<Option<Run>, Fault> {
    let record = Tree::refcounts(meta.layout()).ceiling(meta, STAGING)?;
    Ok(record.map(|record| decode(record.key, record.value()).0.run))
}
