//! The write-ahead journal of a mounted filesystem.
//!
//! Committed transactions gather in memory (`pending`): one image a block, the newest. A *force* writes
//! all of them as one batch (group commit): descriptor, revoked blocks and images, a flush, then the
//! commit record with FUA. The flush also makes file data durable before the metadata that points to it. A
//! *checkpoint* writes the logged images to their places and moves the tail.
//!
//! Invariant: an image goes to its place only after the batch that holds it is durable, and the tail
//! passes a batch only after its images are durable in their places. A block that was freed is reused
//! only after the batch that freed it is durable, and that batch revokes its older images.

mod checkpoint;
mod force;
pub(crate) mod recovery;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use iomap::Errno;

use crate::format::Image;
use crate::format::journal::TARGETS_MAX;
use crate::space::Run;
use crate::state::Core;
use crate::store::{IoError, Unwritten};

/// The journal's state.
#[derive(Debug)]
pub(crate) struct LogState {
    /// Ring size in blocks.
    ring_blocks: u64,
    /// Where the next batch goes.
    pub(crate) head: u64,
    /// Where recovery would start.
    tail: u64,
    /// Images not yet logged.
    pub(crate) pending: BTreeMap<u64, Rc<Image>>,
    /// Runs freed by transactions in `pending`.
    pub(crate) freed_pending: Vec<Run>,
    /// Metadata blocks freed by transactions in `pending`.
    revoked_pending: BTreeSet<u64>,
    /// Blocks that open transactions may still add to `pending`.
    pub(crate) reserved: u64,
    /// What a transaction that commits now belongs to; a force ends it.
    pub(crate) epoch: u64,
    /// Everything up to this epoch is durable.
    pub(crate) durable_epoch: u64,
    /// Runs that lost an owner and have one left, with the epoch in which that happened.
    unshared: Vec<(u64, Run)>,
    /// Images in the log that are not yet in their places.
    logged: BTreeMap<u64, Rc<Image>>,
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
            revoked_pending: BTreeSet::new(),
            reserved: 0,
            epoch: 1,
            durable_epoch: 0,
            unshared: Vec::new(),
            logged: BTreeMap::new(),
        }
    }

    /// A run lost an owner with a transaction that commits now.
    pub(crate) fn note_unshared(&mut self, run: Run) {
        self.unshared.push((self.epoch, run));
    }

    /// Would a crash now give blocks of this run back to a file that has given them up? Writing to them
    /// would change that file.
    pub(crate) fn is_unshared_pending(&self, run: Run) -> bool {
        self.unshared.iter().any(|(_, other)| other.start < run.end() && run.start < other.end())
    }

    /// Would a crash now make any blocks shared again?
    pub(crate) fn has_unshared_pending(&self) -> bool {
        !self.unshared.is_empty()
    }

    /// The newest committed image of a block, if it is not clean.
    pub(crate) fn newest(&self, block: u64) -> Option<Rc<Image>> {
        self.pending.get(&block).or_else(|| self.logged.get(&block)).map(Rc::clone)
    }

    /// A metadata block was freed: what the journal has of it must not come back.
    pub(crate) fn revoke(&mut self, block: u64) {
        self.pending.remove(&block);
        self.revoked_pending.insert(block);
    }

    /// Was the block freed by a transaction that is not durable?
    fn is_revoked(&self, block: u64) -> bool {
        self.revoked_pending.contains(&block)
    }

    /// The most images of a batch: one descriptor names them, and two batches fit the ring.
    pub(crate) fn batch_max(&self) -> u64 {
        (self.ring_blocks / 2).saturating_sub(3).min(TARGETS_MAX as u64)
    }

    /// Is there room in the next batch for `blocks` more, each of them changed or freed?
    pub(crate) fn has_room(&self, blocks: u64) -> bool {
        let images = self.pending.len() as u64;
        let most = images.max(self.revoked_pending.len() as u64);
        most.saturating_add(self.reserved).saturating_add(blocks) <= self.batch_max()
    }

    /// Does the ring hold `blocks` more?
    fn ring_has_room(&self, blocks: u64) -> bool {
        let used = self.head.saturating_sub(self.tail);
        used.saturating_add(blocks) <= self.ring_blocks
    }
}

impl<D: BlockDevice> Core<D> {
    /// Writes blocks of the log or of metadata, and looks before each request whether the filesystem is still
    /// alive, as XFS does with each buffer: a shutdown may come between two.
    ///
    /// # Errors
    /// `EIO` after a shutdown; what `broken` makes of an error of the device.
    fn write_alive<'a>(
        &self,
        blocks: impl IntoIterator<Item = (u64, &'a Image)>,
        fua: bool,
        broken: impl FnOnce(IoError) -> Errno,
    ) -> Result<(), Errno> {
        let is_alive = || self.check_alive().is_ok();
        let written = self.reserve.write_while(&*self.device, blocks, fua, &is_alive);
        written.map_err(|why| match why {
            Unwritten::Io(error) => broken(error),
            Unwritten::Stopped => Errno::EIO,
        })
    }
}
