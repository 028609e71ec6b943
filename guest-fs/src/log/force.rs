//! Forcing the log.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::mem::take;

use block::BlockDevice;
use iomap::{Context, Errno};

use super::Freed;
use crate::events::Event;
use crate::format::journal::{batch_checksum, encode_commit, encode_descriptor};
use crate::format::{Image, seal};
use crate::state::Core;

/// What one force writes.
struct Batch {
    images: BTreeMap<u64, Image>,
    freed: Vec<Freed>,
    epoch: u64,
}

impl Batch {
    /// Ring blocks: descriptor, images, commit record.
    fn size_blocks(&self) -> u64 {
        (self.images.len() as u64).saturating_add(2)
    }
}

impl<D: BlockDevice> Core<D> {
    /// Makes every committed transaction durable, and all file data that was written before.
    ///
    /// # Errors
    /// `EIO` on a shut-down filesystem; a log I/O error shuts it down.
    pub(crate) fn log_force(&self, context: Context) -> Result<(), Errno> {
        self.check_alive()?;
        let _guard = self.log_lock.acquire()?;
        let Some(mut batch) = self.take_batch() else {
            return Ok(());
        };
        if !self.state().log.ring_has_room(batch.size_blocks()) {
            self.checkpoint_locked(context)?;
        }
        let lsn = self.state().log.head;
        let blocks = u32::try_from(batch.images.len()).unwrap_or(u32::MAX);
        self.emit(Event::LogForce { context, lsn, blocks });
        let result = self.write_batch(lsn, &mut batch.images);
        self.emit(Event::LogForceDone { lsn, errno: result.err() });
        result?;
        self.settle(batch);
        Ok(())
    }

    fn take_batch(&self) -> Option<Batch> {
        let mut state = self.state();
        let log = &mut state.log;
        if log.pending.is_empty() {
            return None;
        }
        let epoch = log.epoch;
        log.epoch = epoch.saturating_add(1);
        Some(Batch { images: take(&mut log.pending), freed: take(&mut log.freed_pending), epoch })
    }

    fn write_batch(&self, lsn: u64, images: &mut BTreeMap<u64, Image>) -> Result<(), Errno> {
        let layout = &self.layout;
        let targets: Vec<u64> = images.keys().copied().collect();
        let mut descriptor = encode_descriptor(layout, lsn, &targets);
        seal(&mut descriptor, lsn);
        images.values_mut().for_each(|image| seal(image, lsn));
        let crc = batch_checksum(&descriptor, images.values());
        let positions = lsn..;
        let content = core::iter::once(&descriptor).chain(images.values());
        let blocks = positions.map(|at| layout.ring_block(at)).zip(content);
        let broken = |error| self.log_broken(error);
        self.reserve.write(&*self.device, blocks, false).map_err(broken)?;
        // A shutdown in the meantime must win: without its commit record the batch never was.
        self.check_alive()?;
        self.reserve.flush(&*self.device).map_err(broken)?;
        self.check_alive()?;
        let commit_lsn = lsn.saturating_add(1).saturating_add(targets.len() as u64);
        let mut commit = encode_commit(layout, commit_lsn, lsn, targets.len(), crc);
        seal(&mut commit, commit_lsn);
        let record = [(layout.ring_block(commit_lsn), &commit)];
        self.reserve.write(&*self.device, record, true).map_err(broken)
    }

    /// The batch is durable.
    fn settle(&self, batch: Batch) {
        let size = batch.size_blocks();
        let state = &mut *self.state();
        state.log.head = state.log.head.saturating_add(size);
        state.log.durable_epoch = batch.epoch;
        state.log.logged.extend(batch.images);
        for freed in batch.freed {
            if freed.is_metadata {
                state.log.freed_logged.push(freed.run);
            } else {
                state.space.unbusy(freed.run);
            }
        }
    }
}
