//! How many blocks a change can touch at worst. Reservations are sums of these.
//!
//! The trees' heights are looked up when a transaction begins, so a small filesystem reserves little.
//! The bounds count every node twice that two changes share: they are bounds, not estimates.

use crate::btree::Tree;
use crate::meta::{Fault, MetaRead};

/// An inode's block.
pub(crate) const INODE: u64 = 1;

/// Allocating or freeing a run: a bitmap and a block of the group table.
pub(crate) const SPACE: u64 = 2;

/// Records that one change of a map can touch (`extent::cut`, `extent::add`).
const MAP_RECORDS: u64 = 2;

/// Records that one change of owners can touch (`refcount::increase`, `refcount::decrease`).
const OWNER_RECORDS: u64 = 4;

/// Adding or removing one record: the root, on each level below two nodes one of which is allocated
/// or freed, and one level more if the tree grows.
///
/// # Errors
/// What reading the root gives.
pub(crate) fn record<M: MetaRead + ?Sized>(meta: &M, tree: Tree) -> Result<u64, Fault> {
    let levels = u64::from(tree.height(meta)?).saturating_add(1);
    Ok(levels.saturating_mul(2_u64.saturating_add(SPACE)).saturating_add(INODE))
}

/// Cutting a piece out of a map, or adding one.
///
/// # Errors
/// What reading the root gives.
pub(crate) fn map_change<M: MetaRead + ?Sized>(meta: &M, ino: u64) -> Result<u64, Fault> {
    Ok(record(meta, Tree::extents(ino))?.saturating_mul(MAP_RECORDS))
}

/// One owner more or less for a run, and freeing it.
///
/// # Errors
/// What reading the root gives.
pub(crate) fn owner_change<M: MetaRead + ?Sized>(meta: &M) -> Result<u64, Fault> {
    let record = record(meta, Tree::refcounts(meta.layout()))?;
    Ok(record.saturating_mul(OWNER_RECORDS).saturating_add(SPACE))
}

/// A note that an inode must be finished, or its removal.
///
/// # Errors
/// What reading the root gives.
pub(crate) fn orphan<M: MetaRead + ?Sized>(meta: &M) -> Result<u64, Fault> {
    record(meta, Tree::orphans(meta.layout()))
}

/// A name more or less in a directory.
///
/// # Errors
/// What reading the root gives.
pub(crate) fn name<M: MetaRead + ?Sized>(meta: &M, directory: u64) -> Result<u64, Fault> {
    Ok(record(meta, Tree::directory(directory))?.saturating_add(INODE))
}
