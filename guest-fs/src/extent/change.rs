//! Changing a map: extents are added to holes and cut out of other extents.
//!
//! Each function changes at most three records, whatever the map: that is what reservations count on.

use super::{Extent, Lookup, lookup};
use crate::btree::Tree;
use crate::meta::{Fault, MetaWrite};

/// Adds an extent where a hole is, as part of its neighbours if it continues them.
///
/// # Errors
/// What the tree gives; corruption if there is no such hole.
pub(crate) fn add<W: MetaWrite + ?Sized>(
    meta: &mut W,
    ino: u64,
    extent: Extent,
) -> Result<(), Fault> {
    let tree = Tree::extents(ino);
    let mut whole = extent;
    if let Some(after) = tree.get(meta, extent.file_end())?.map(Extent::from)
        && extent.continues_with(&after)
    {
        tree.remove(meta, after.file_block)?;
        whole.blocks = whole.blocks.saturating_add(after.blocks);
    }
    if let Some(before) = super::before(meta, ino, extent.file_block)?
        && before.continues_with(&whole)
    {
        let merged = Extent { blocks: before.blocks.saturating_add(whole.blocks), ..before };
        return tree.replace(meta, before.file_block, &merged.value());
    }
    tree.insert(meta, whole.file_block, &whole.value())
}

/// Takes the first piece of the map inside of `[start, end)` out of it.
///
/// # Errors
/// What the tree gives.
pub(crate) fn cut<W: MetaWrite + ?Sized>(
    meta: &mut W,
    ino: u64,
    start: u64,
    end: u64,
) -> Result<Option<Extent>, Fault> {
    let at = match lookup(meta, ino, start)? {
        Lookup::Extent(_) => start,
        Lookup::HoleUpTo(next) => next,
    };
    if at >= end {
        return Ok(None);
    }
    let Lookup::Extent(whole) = lookup(meta, ino, at)? else { return Ok(None) };
    let gone = whole.part(at, end);
    let head = whole.part(0, gone.file_block);
    let tail = whole.part(gone.file_end(), u64::MAX);
    let tree = Tree::extents(ino);
    if gone.file_block > whole.file_block {
        tree.replace(meta, whole.file_block, &head.value())?;
    } else {
        tree.remove(meta, whole.file_block)?;
    }
    if gone.file_end() < whole.file_end() {
        tree.insert(meta, tail.file_block, &tail.value())?;
    }
    Ok(Some(gone))
}
