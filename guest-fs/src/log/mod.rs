//! The write-ahead journal of a mounted filesystem.
//!
//! Committed transactions gather in memory (`pending`): one image a block, the newest. A *force* writes
//! all of them as one batch: descriptor and images, a flush, then the commit record with FUA. The flush
//! also makes file data durable before the metadata that points to it. A *checkpoint* writes the
//! logged images to their places and moves the tail.
//!
//! Invariant: an image goes to its place only after the batch that holds it is durable, and the tail
//! passes a batch only after its images are durable in their places.

mod checkpoint;
mod force;
pub(crate) mod recovery;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::format::Image;
use crate::format::journal::TARGETS_MAX;
use crate::space::Run;

/// A freed run that may not be reused yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freed {
    pub(crate) run: Run,
    /// The journal may still hold an image of it, which a replay would write over new content: it
    /// waits for a checkpoint. Data only waits until the transaction that freed it is durable.
    pub(crate) is_metadata: bool,
}

/// The journal's state.
#[derive(Debug)]
pub(crate) struct LogState {
    /// Ring size in blocks.
    ring_blocks: u64,
    /// Where the next batch goes.
    head: u64,
    /// Where recovery would start.
    tail: u64,
    /// Images not yet logged.
    pub(crate) pending: BTreeMap<u64, Image>,
    /// Runs freed by transactions in `pending`.
    pub(crate) freed_pending: Vec<Freed>,
    /// Blocks that open transactions may still add to `pending`.
    pub(crate) reserved: u64,
    /// What a transaction that commits now belongs to; a force ends it.
    pub(crate) epoch: u64,
    /// Everything up to this epoch is durable.
    pub(crate) durable_epoch: u64,
    /// Images in the log that are not yet in their places.
    logged: BTreeMap<u64, Image>,
    /// Freed metadata that waits for a checkpoint.
    freed_logged: Vec<Run>,
}

impl LogState {
    /// An empty log whose next batch goes to `head`.
    pub(crate) const fn new(ring_blocks: u64, head: u64) -> Self {
        Self {
            ring_blocks,
            head,
            tail: head,
            pending: BTreeMap::new(),
            freed_pending: Vec::new(),
            reserved: 0,
            epoch: 1,
            durable_epoch: 0,
            logged: BTreeMap::new(),
            freed_logged: Vec::new(),
        }
    }

    /// The most images of a batch: one descriptor names them, and two batches fit the ring.
    pub(crate) fn batch_max(&self) -> u64 {
        (self.ring_blocks / 2).saturating_sub(2).min(TARGETS_MAX as u64)
    }

    /// Is there room in the next batch for `blocks` more?
    pub(crate) fn has_room(&self, blocks: u64) -> bool {
        let claimed = (self.pending.len() as u64).saturating_add(self.reserved);
        claimed.saturating_add(blocks) <= self.batch_max()
    }

    /// Does the ring hold `blocks` more?
    fn ring_has_room(&self, blocks: u64) -> bool {
        let used = self.head.saturating_sub(self.tail);
        used.saturating_add(blocks) <= self.ring_blocks
    }

    /// Are there freed blocks that a force and a checkpoint would make usable?
    pub(crate) fn has_busy(&self) -> bool {
        !self.freed_pending.is_empty() || !self.freed_logged.is_empty()
    }
}
