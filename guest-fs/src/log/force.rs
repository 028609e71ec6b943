//! Forcing the log.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::mem::take;

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::events::Event;
use crate::format::journal::{
    Descriptor, batch_checksum, encode_commit, encode_descriptor, encode_revoke,
};
use crate::format::{Image, Structure, seal};
use crate::lock::Known;
use crate::planted::Planted;
use crate::space::Run;
use crate::state::Core;

/// What one force writes.
struct Batch {
    /// As transactions left them; they stay readable as `pending` until they are durable.
    images: BTreeMap<u64, Rc<Image>>,
    freed: Vec<Run>,
    revoked: Vec<u64>,
    epoch: u64,
}

impl Batch {
    fn descriptor(&self) -> Descriptor {
        Descriptor { targets: self.images.keys().copied().collect(), revokes: self.revoked.len() }
    }
}

impl<D: BlockDevice> Core<D> {
    /// Makes every committed transaction durable, and all file data that was written before.
    ///
    /// # Errors
    /// `EIO` on a shut-down filesystem; a log I/O error shuts it down.
    pub(crate) fn log_force(&self, context: Context) -> Result<(), Errno> {
        self.check_alive()?;
        let _guard = self.log_lock.acquire(self.tasks(), Known::LOG)?;
        let _seen = self.audit_log_lock(context);
        let Some(batch) = self.take_batch() else {
            return Ok(());
        };
        let size = batch.descriptor().batch_blocks();
        let has_room = self.state().log.ring_has_room(size);
        if !has_room && !self.plant.has(Planted::LogOverwritesTail) {
            self.checkpoint_locked(context)?;
        }
        let lsn = self.state().log.head;
        let blocks = u32::try_from(batch.images.len()).unwrap_or(u32::MAX);
        self.emit(Event::LogForce { context, lsn, blocks });
        let mut result = self.write_batch(lsn, &batch);
        if result.is_err() && self.plant.has(Planted::LogErrorIgnored) {
            self.state().shutdown = None;
            result = Ok(batch.images.clone());
        }
        self.emit(Event::LogForceDone { lsn, errno: result.as_ref().err().copied() });
        self.settle(batch, result?, size);
        Ok(())
    }

    fn take_batch(&self) -> Option<Batch> {
        let mut state = self.state();
        let log = &mut state.log;
        if log.pending.is_empty() && log.revoked_pending.is_empty() {
            return None;
        }
        let epoch = log.epoch;
        log.epoch = epoch.saturating_add(1);
        if self.plant.has(Planted::RevokeForgotten) {
            for block in take(&mut log.revoked_pending) {
                log.logged.remove(&block);
            }
        }
        if self.plant.has(Planted::BitmapNotLogged) {
            let magic = Structure::Bitmap.magic();
            let pending = take(&mut log.pending).into_iter();
            let (bitmaps, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
                pending.partition(|(_, image)| image.starts_with(&magic));
            log.pending = others;
            for (block, mut image) in bitmaps {
                seal(Rc::make_mut(&mut image), log.head);
                log.logged.insert(block, image);
            }
        }
        Some(Batch {
            images: log.pending.clone(),
            freed: take(&mut log.freed_pending),
            revoked: take(&mut log.revoked_pending).into_iter().collect(),
            epoch,
        })
    }

    /// Writes a batch. Gives its images as they are in the log.
    fn write_batch(&self, lsn: u64, batch: &Batch) -> Result<BTreeMap<u64, Rc<Image>>, Errno> {
        let layout = &self.layout;
        let announced = batch.descriptor();
        let sealed = |mut image: Image| {
            seal(&mut image, lsn);
            image
        };
        let mut head = alloc::vec![sealed(encode_descriptor(layout, lsn, &announced))];
        if !batch.revoked.is_empty() {
            let mut revoke = encode_revoke(layout, lsn.saturating_add(1), &batch.revoked);
            seal(&mut revoke, lsn.saturating_add(1));
            head.push(revoke);
        }
        let final_image = |image: &Rc<Image>| Rc::new(sealed((**image).clone()));
        let images: BTreeMap<u64, Rc<Image>> =
            batch.images.iter().map(|(block, image)| (*block, final_image(image))).collect();
        let content = || head.iter().chain(images.values().map(|image| &**image));
        let crc = batch_checksum(content());
        let positions = lsn..;
        let blocks = positions.map(|at| layout.ring_block(at)).zip(content());
        let broken = |error| self.log_broken(error);
        let commit_lsn = lsn.saturating_add(announced.batch_blocks()).saturating_sub(1);
        let mut commit = encode_commit(layout, commit_lsn, lsn, announced.targets.len(), crc);
        seal(&mut commit, commit_lsn);
        let record = [(layout.ring_block(commit_lsn), &commit)];
        let plant = self.plant;
        let is_early = plant.has(Planted::CommitBeforeImages);
        if is_early {
            self.write_alive(record, true, broken)?;
        }
        let without_data = plant.has(Planted::CommitBeforeData);
        self.write_alive(blocks, without_data, broken)?;
        // A shutdown in the meantime must win: without its commit record the batch never was.
        self.check_alive()?;
        if !without_data && !plant.has(Planted::NoFlushBeforeCommit) {
            self.reserve.flush(&*self.device).map_err(broken)?;
        }
        self.check_alive()?;
        let is_durable = !plant.has(Planted::CommitWithoutFua);
        if !is_early {
            self.write_alive(record, is_durable, broken)?;
        }
        Ok(images)
    }

    /// The batch is durable.
    fn settle(&self, batch: Batch, images: BTreeMap<u64, Rc<Image>>, size: u64) {
        let state = &mut *self.state();
        let log = &mut state.log;
        log.head = log.head.saturating_add(size);
        log.durable_epoch = batch.epoch;
        log.unshared.retain(|(epoch, _)| *epoch > batch.epoch);
        for block in batch.revoked {
            log.logged.remove(&block);
        }
        for (block, written) in &batch.images {
            // A transaction may have committed a newer image meanwhile: that one stays pending.
            if log.pending.get(block).is_some_and(|newest| Rc::ptr_eq(newest, written)) {
                log.pending.remove(block);
            }
        }
        log.logged.extend(images);
        for run in batch.freed {
            state.busy.remove(run);
        }
    }
}
